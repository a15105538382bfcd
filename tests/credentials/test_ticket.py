"""A Kerberos ticket that the server refuses is not shown to it twice."""

import pytest
from client.scripted import serve

import rsmtp
from rsmtp.credentials import kerberos
from rsmtp.errors import SMTPAuthenticationError

MESSAGE = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhi\r\n")

pytestmark = pytest.mark.usefixtures("either_mailer")


class Ticket:
    """Stands in for the library's."""

    made: list = []

    def __init__(self, host):
        self.made.append(host)

    def context(self, user, binding):
        return self

    is_complete = False

    def respond(self, challenge):
        return b"a token"


@pytest.fixture
def made(monkeypatch):
    monkeypatch.setattr(kerberos, "Ticket", Ticket)
    monkeypatch.setattr(Ticket, "made", [])
    return Ticket.made


def test_one_login_and_no_other(made):
    logins = []

    def script(peer):
        peer.say("220 hello")
        while command := peer.line():
            match command.split()[0].upper():
                case "EHLO":
                    peer.say("250-here", "250 AUTH GSSAPI")
                case "AUTH":
                    logins.append(command)
                    peer.say("535 5.7.8 not you")
                case "QUIT":
                    peer.say("221 bye")
                    return
                case _:
                    peer.say("250 ok")

    with serve(script) as server:
        options = {"tls": "none", "mechanism": "GSSAPI", "allow_plaintext_auth": True, "retries": 0}
        with rsmtp.Mailer(host=server.host, port=server.port, **options) as mailer:
            with pytest.raises(SMTPAuthenticationError, match="not you"):
                mailer.send(MESSAGE)
    assert len(logins) == len(made) == 1
