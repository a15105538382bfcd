"""EXTERNAL (RFC 4422 appendix A): the server identifies the client by its certificate."""

import base64

import pytest

import rsmtp
from client.scripted import answering, serve
from rsmtp import errors

either = pytest.mark.usefixtures("either_driver")
OFFERED = ["AUTH PLAIN EXTERNAL"]


@either
@pytest.mark.parametrize("user", [None, "", "ann@example.org"])
def test_it_says_as_whom_or_nothing(user):
    with serve(answering(extensions=OFFERED)) as server:
        with rsmtp.SmtpClient(server.host, server.port) as client:
            assert client.login(user, mechanism="external")[0] == 235
    said = base64.b64encode((user or "").encode()) or b"="
    assert b"\r\nAUTH EXTERNAL " + said + b"\r\n" in server.heard


@either
def test_it_is_never_chosen_without_being_named():
    with serve(answering(extensions=["AUTH EXTERNAL"])) as server:
        with rsmtp.SmtpClient(server.host, server.port) as client:
            with pytest.raises(errors.SMTPException, match="No suitable authentication method"):
                client.login("ann", "s3cret")
            with pytest.raises(TypeError, match="needs a username"):
                client.login()
            with pytest.raises(ValueError, match="mechanism: .EXTERNAL. is not one of"):
                client.login("ann", "s3cret", mechanism="EXTERNAL")
    assert b"AUTH" not in server.heard


@pytest.mark.parametrize("username", [None, "ann"])
def test_a_mailer_logs_in_by_it(username):
    message = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nx\r\n")
    with serve(answering(extensions=OFFERED)) as server:
        settings = {"tls": "none", "username": username, "mechanism": "EXTERNAL"}
        assert rsmtp.send(message, host=server.host, port=server.port, **settings).ok
    assert b"AUTH EXTERNAL" in server.heard
