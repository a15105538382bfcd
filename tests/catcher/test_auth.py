"""AUTH with each mechanism, through smtplib and line by line, and the cases in which it is refused."""

import base64
import smtplib

import pytest

import rsmtp


@pytest.fixture
def open_catcher():
    with rsmtp.Catcher(tls="none", username="ann@example.org", password="pä ss", token="t.k/n=") as catcher:
        yield catcher


def encode(text):
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize("at_once", [True, False])
def test_smtplib_logs_in(mechanism, at_once):
    with rsmtp.Catcher(tls="none", mechanisms=[mechanism]) as catcher:
        with smtplib.SMTP(catcher.host, catcher.port) as client:
            code, _ = client.login(catcher.username, catcher.password, initial_response_ok=at_once)
            assert code == 235
            client.sendmail("a@b", "c@d", "x")
        assert catcher.messages[0].user == "catcher"


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_a_wrong_password_is_refused(mechanism):
    with (
        rsmtp.Catcher(tls="none", mechanisms=[mechanism]) as catcher,
        smtplib.SMTP(catcher.host, catcher.port) as client,
        pytest.raises(smtplib.SMTPAuthenticationError) as caught,
    ):
        client.login(catcher.username, "wrong")
    assert caught.value.smtp_code == 535


@pytest.mark.parametrize(
    ("mechanism", "response"),
    [
        ("PLAIN", "\0ann@example.org\0pä ss"),
        ("XOAUTH2", "user=ann@example.org\1auth=Bearer t.k/n=\1\1"),
        ("OAUTHBEARER", "n,a=ann@example.org,\1host=localhost\1port=25\1auth=Bearer t.k/n=\1\1"),
    ],
)
def test_an_initial_response_is_taken(open_catcher, line, mechanism, response):
    with line(open_catcher) as raw:
        assert raw.say("EHLO me", f"AUTH {mechanism} {encode(response)}") == [250, 235]
        assert raw.say(f"AUTH {mechanism}") == [503]
    with line(open_catcher) as raw:
        assert raw.say("EHLO me", f"auth {mechanism.lower()}") == [250, 334]
        assert raw.say(encode(response)) == [235]


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
def test_a_wrong_token_is_explained_and_refused(open_catcher, line, mechanism):
    head = "user=ann@example.org" if mechanism == "XOAUTH2" else "n,a=ann@example.org,"
    response = encode(f"{head}\1auth=Bearer wrong\1\1")
    with line(open_catcher) as raw:
        raw.say("EHLO me")
        raw.send(f"AUTH {mechanism} {response}\r\n".encode())
        code, [problem] = raw.reply()
        assert code == 334
        assert b"invalid_token" in base64.b64decode(problem)
        assert raw.say("AQ==") == [535]


@pytest.mark.parametrize(
    ("commands", "codes"),
    [
        (["AUTH PLAIN AAAA"], [503]),
        (["HELO me", "AUTH PLAIN AAAA"], [250, 503]),
        (["EHLO me", "AUTH"], [250, 501]),
        (["EHLO me", "AUTH GSSAPI"], [250, 504]),
        (["EHLO me", "AUTH PLAIN not base64"], [250, 501]),
        (["EHLO me", "AUTH PLAIN ="], [250, 501]),
        (["EHLO me", "AUTH CRAM-MD5 AAAA"], [250, 501]),
        (["EHLO me", "AUTH LOGIN", "*", "NOOP"], [250, 334, 501, 250]),
        (["EHLO me", "MAIL FROM:<a@b>", "AUTH LOGIN"], [250, 250, 503]),
        (["EHLO me", "AUTH PLAIN", "A" * 20000, "NOOP"], [250, 334, 500, 250]),
    ],
)
def test_order_and_syntax_of_auth(open_catcher, line, commands, codes):
    with line(open_catcher) as raw:
        assert raw.say(*commands) == codes


def test_auth_can_be_required(line):
    with rsmtp.Catcher(tls="none", require_auth=True) as catcher, line(catcher) as raw:
        assert raw.say("EHLO me", "MAIL FROM:<a@b>") == [250, 530]
        secret = encode(f"\0{catcher.username}\0{catcher.password}")
        assert raw.say(f"AUTH PLAIN {secret}", "MAIL FROM:<a@b>") == [235, 250]


def test_auth_waits_for_tls(line, trust):
    with rsmtp.Catcher(require_tls=True) as catcher, line(catcher) as raw:
        assert raw.say("EHLO me", "AUTH LOGIN", "MAIL FROM:<a@b>") == [250, 538, 530]
        raw.starttls(trust(catcher))
        assert raw.say("EHLO me", "AUTH LOGIN") == [250, 334]


def test_credentials_are_random_unless_given():
    with rsmtp.Catcher(tls="none") as one, rsmtp.Catcher(tls="none") as other:
        assert len({one.password, other.password, one.token, other.token}) == 4
        assert len(one.password) >= 16


def test_no_secret_is_shown(open_catcher, line):
    secrets = [encode("\0ann@example.org\0pä ss"), encode("ann@example.org"), encode("pä ss")]
    with line(open_catcher) as raw:
        raw.say("EHLO me", "AUTH LOGIN", encode("ann@example.org"), encode("wrong"))
        raw.say("AUTH GSSAPI", secrets[0], secrets[0])
        raw.say("AUTH PLAIN " + secrets[0], "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", "x\r\n.", "QUIT")
        raw.rest()
    shown = str(open_catcher.conversations[0]) + str(open_catcher.messages[0].conversation)
    assert "C: AUTH PLAIN ****" in shown
    assert not [secret for secret in [*secrets, encode("wrong"), "pä ss"] if secret in shown]
