"""The ways to give a mailer its credentials."""

import base64

import pytest
from client.scripted import answering, serve

import rsmtp

pytestmark = pytest.mark.usefixtures("either_mailer")

MESSAGE = ("a@example.org", "b@example.org", b"Subject: x\r\n\r\nhello\r\n")


def asking(mechanism, prompts, said):
    """A server that ignores an initial response, and records what it receives."""

    def script(peer):
        peer.say("220 x")
        while line := peer.line():
            verb = line[:4].upper()
            if verb == "EHLO":
                peer.say("250-x", f"250 AUTH {mechanism}")
            elif verb == "AUTH":
                said.append(line)
                for prompt in prompts:
                    peer.say("334 " + base64.b64encode(prompt.encode()).decode())
                    said.append(base64.b64decode(peer.line()).decode())
                peer.say("235 ok")
            elif verb == "DATA":
                peer.say("354 go on")
                peer.mail_data()
                peer.say("250 ok")
            else:
                peer.say("250 ok")

    return script


def sent(server, **options):
    options = {"tls": "none", "allow_plaintext_auth": True, "user": "ann", **options}
    with rsmtp.Mailer(host="127.0.0.1", port=server.port, **options) as mailer:
        assert mailer.send(MESSAGE).ok


@pytest.mark.parametrize("prompts", [["Username:", "Password:"], ["User Name\0", "Password\0"], ["", ""]])
def test_login_waits_for_the_prompt(prompts):
    said = []
    with serve(asking("LOGIN", prompts, said)) as server:
        sent(server, password="secret")
    assert said == ["AUTH LOGIN", "ann", "secret"]


def test_the_initial_response_can_be_left_out():
    for ok in (True, False):
        said = []
        with serve(asking("PLAIN", [] if ok else [""], said)) as server:
            sent(server, password="secret", initial_response_ok=ok)
        assert said[0].startswith("AUTH PLAIN " if ok else "AUTH PLAIN")
        assert said[1:] == ([] if ok else ["\0ann\0secret"])


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_a_long_token_is_no_initial_response(mechanism):
    said = []
    with serve(asking(mechanism, [""], said)) as server:
        sent(server, access_token="t" * 1400)
    assert said[0] == f"AUTH {mechanism}"
    assert "t" * 1400 in said[1]


def test_a_long_password_is_no_initial_response():
    said = []
    with serve(asking("PLAIN", [""], said)) as server:
        sent(server, password="p" * 500)
    assert said == ["AUTH PLAIN", "\0ann\0" + "p" * 500]


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "plain", "CRAM-MD5"])
def test_a_url_names_the_mechanism(mechanism):
    with rsmtp.Catcher(tls="none", username="ann", password="p", require_auth=True) as catcher:
        url = f"smtp://ann:p@{catcher.host}:{catcher.port}?tls=none&mechanism={mechanism}"
        with rsmtp.Mailer(url) as mailer:
            assert mailer.send(MESSAGE).ok
        said = catcher.messages[0].conversation.lines
        assert [line.split()[2] for line in said if line.startswith("C: AUTH")] == [mechanism.upper()]
        with pytest.raises(ValueError, match=r"mechanism: .* is not one of SCRAM-SHA-256-PLUS.*auth\(\)"):
            rsmtp.Mailer(f"{url}X").send(MESSAGE)
        with pytest.raises(ValueError, match="mechanism: told by the URL and by an argument"):
            rsmtp.Mailer(url, mechanism="PLAIN")


def test_a_session_whose_login_is_refused_ends_with_quit():
    script = answering({"AUTH": "535 5.7.8 no"}, extensions=["AUTH PLAIN"])
    with serve(script) as server, rsmtp.Mailer(f"smtp://u:p@127.0.0.1:{server.port}?tls=none") as mailer:
        with pytest.raises(rsmtp.errors.SMTPAuthenticationError):
            mailer.send(MESSAGE)
        server.wait_for_end()
    assert b"QUIT\r\n" in server.heard
