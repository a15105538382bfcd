"""The error contains the server's explanation for a refused token (RFC 7628 section 3.2.2, and
XOAUTH2's 334)."""

import asyncio
import base64
import json

import pytest
from client.scripted import serve

import rsmtp
from credentials.endpoint import FAULT
from rsmtp.cli.explain import explain
from rsmtp.errors import SMTPAuthenticationError

MESSAGE = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhi\r\n")
TOKEN = "sEcrEt77mArk"


def refusing(said, mechanism="XOAUTH2", reply="535 5.7.8 no"):
    def script(peer):
        peer.say("220 hello")
        while command := peer.line():
            if command.startswith("EHLO"):
                peer.say("250-hello", f"250 AUTH {mechanism}")
            elif command.startswith("AUTH"):
                if len(command.split()) < 3:
                    peer.say("334 ")
                    peer.line()
                if said is not None:
                    peer.say("334 " + base64.b64encode(said).decode())
                    assert peer.line() == ("" if mechanism == "XOAUTH2" else "AQ==")
                peer.say(reply)
            elif command == "QUIT":
                peer.say("221 bye")
                return
            else:
                peer.say("250 ok")

    return script


def by_client(server, token):
    with rsmtp.SmtpClient(server.host, server.port) as client:
        client.login("ann", access_token=token)


def by_async_client(server, token):
    async def main():
        async with rsmtp.AsyncSmtpClient(server.host, server.port) as client:
            await client.login("ann", access_token=token)

    asyncio.run(main())


def settings(server, token):
    given = {
        "host": server.host,
        "port": server.port,
        "tls": "none",
        "username": "ann",
        "access_token": token,
    }
    return given | {"retries": 0}


def by_mailer(server, token):
    with rsmtp.Mailer(**settings(server, token)) as mailer:
        mailer.send(MESSAGE)


def by_list(server, token):
    with rsmtp.Mailer(**settings(server, token)) as mailer:
        mailer.send_all([MESSAGE])


def by_async_mailer(server, token):
    async def main():
        async with rsmtp.AsyncMailer(**settings(server, token)) as mailer:
            await mailer.send(MESSAGE)

    asyncio.run(main())


def refused(login, script, token=TOKEN):
    with serve(script) as server:
        with pytest.raises(SMTPAuthenticationError) as raised:
            login(server, token)
    return raised.value


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
@pytest.mark.parametrize("token", [TOKEN, "t" * 900], ids=["short", "long"])
@pytest.mark.parametrize("login", [by_client, by_async_client, by_mailer, by_list, by_async_mailer])
def test_it_is_an_attribute_and_in_the_words(login, mechanism, token):
    error = refused(login, refusing(json.dumps(FAULT).encode(), mechanism), token)
    assert error.oauth_error == FAULT and error.code == 535
    assert (
        "The server says of the token: status 'invalid_token', scope 'https://mail.example.org/'"
        in error.hint
    )
    assert "has expired or was revoked" in error.hint
    assert any(note.startswith("hint: The server says of the token") for note in error.__notes__)
    assert "status 'invalid_token'" in explain(error)


@pytest.mark.parametrize(
    "said",
    [
        None,
        b"",
        b"not JSON",
        b"[1]",
        b"7",
        b"\xff\xfe",
        b"[" * 3000,
        b'{"status": "' + b"x" * 5000 + b'"}',
        json.dumps({str(number): "x" for number in range(50)}).encode(),
    ],
    ids=["none", "empty", "text", "list", "number", "octets", "deep", "long", "many"],
)
@pytest.mark.parametrize("login", [by_client, by_mailer])
def test_what_is_no_such_object_is_left_out(login, said):
    script = refusing(said) if said != b"" else refusing(None)
    error = refused(login, script)
    assert error.oauth_error == {} and error.code == 535
    assert error.hint.startswith("The access token has expired")


def test_values_that_are_no_texts_and_control_characters():
    error = refused(by_client, refusing(b'{"status": 400, "schemes": ["bearer"], "x": "\\u001b[0m"}'))
    assert error.oauth_error == {"status": "400", "schemes": "['bearer']", "x": "\x1b[0m"}
    assert "\x1b" not in error.hint and "\x1b" not in explain(error)


def test_what_it_leaves_empty_is_not_told():
    error = refused(by_client, refusing(b'{"status": "401", "openid-configuration": ""}'))
    assert error.oauth_error == {"status": "401", "openid-configuration": ""}
    assert error.hint.startswith("The server says of the token: status '401'. The access token has")


@pytest.mark.parametrize("login", [by_client, by_mailer, by_async_mailer])
def test_a_token_that_the_server_repeats_is_masked(login):
    error = refused(login, refusing(json.dumps({"status": "400", "token": TOKEN}).encode()))
    assert error.oauth_error["status"] == "400" and TOKEN not in error.oauth_error["token"]
    assert TOKEN not in error.hint + str(error.__notes__) + repr(vars(error))


def test_the_provider_s_own_code_tells_more():
    said = json.dumps(FAULT).encode()
    error = refused(by_mailer, refusing(said, reply="535 5.7.139 SmtpClientAuthentication is disabled"))
    assert error.oauth_error == FAULT and "Authenticated SMTP" in error.hint


def test_a_password_has_none():
    with serve(refusing(None, "PLAIN")) as server:
        with rsmtp.SmtpClient(server.host, server.port) as client:
            with pytest.raises(SMTPAuthenticationError) as raised:
                client.login("ann", "wrong")
    assert raised.value.oauth_error == {} and raised.value.hint.startswith("Check user name")
