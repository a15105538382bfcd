"""Replies of an unfriendly server at every step. A failure is never taken for success, and an
answer is never lost. The tests use only public names and bare sockets."""

import smtplib
import time

import pytest
from client.scripted import answering, serve

import rsmtp

A, B = "a@example.org", "b@example.org"
BODY = "Subject: x\r\n\r\nhi\r\n"
STEPS = ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "."]

MALFORMED = {
    "a space in the code": b"2 50 ok",
    "a letter for the last digit": b"25a ok",
    "a letter behind the code": b"250a ok",
    "a plus": b"+250 ok",
    "a minus": b"-250 ok",
    "a leading zero": b"0250 ok",
    "four digits": b"2500",
    "two digits": b"25 ok",
    "one digit": b"2",
    "fullwidth digits": "\uff12\uff15\uff10 ok".encode(),
    "Arabic digits": "\u0662\u0665\u0660 ok".encode(),
    "superscripts": "2\u00b2\u00b9 ok".encode(),
    "an equals sign": b"250=ok",
    "a tab": b"250\tok",
    "an underscore": b"250_ok",
    "a no-break space": b"250\xc2\xa0ok",
    "a decimal point": b"2.5.0 ok",
    "a byte order mark": b"\xef\xbb\xbf250 ok",
    "UTF-16": "250 ok".encode("utf-16-le"),
    "a leading space": b" 250 ok",
    "a leading CR": b"\r250 ok",
    "a leading NUL": b"\x00250 ok",
    "NUL for the separator": b"250\x00ok",
    "nothing": b"",
    "000": b"000 ok",
    "100": b"100 ok",
    "199": b"199 ok",
    "600": b"600 ok",
    "999": b"999 ok",
    "another code on the last line": b"250-a\r\n251 b",
    "a refusal that ends as success": b"550-no\r\n250 yes",
    "success that ends as a refusal": b"250-yes\r\n550 no",
    "an empty line in the middle": b"250-a\r\n\r\n250 b",
    "a line without a code in the middle": b"250-a\r\nb\r\n250 c",
    "a line without a separator at the end": b"250-a\r\n250b",
    "100,000 lines": b"250-x\r\n" * 100_000 + b"250 end",
    "a line of a megabyte": b"250 " + b"x" * 1_000_000,
    "a megabyte of line ends": b"\r\n" * 500_000,
    "a megabyte of LF": b"\n" * 1_000_000,
    "HTML": b"<html><body>502 Bad Gateway</body></html>",
    "an SSH banner": b"SSH-2.0-OpenSSH_9.2",
    "a TLS alert": b"\x15\x03\x01\x00\x02\x02\x46",
    "an IMAP greeting": b"* OK IMAP4rev1",
    "a POP3 greeting": b"+OK POP3",
}

# No text after the code changes the meaning of the answer.
GENEROUS = {
    "nothing": b"%s",
    "a space": b"%s ",
    "Latin-1": b"%s caf\xe9",
    "UTF-8": "%s \u00fc\u4f60".encode(),
    "not UTF-8": b"%s \xff\xfe\xc3",
    "NUL": b"%s o\x00k",
    "a bare CR": b"%s one\rtwo",
    "CR at the end": b"%s ok\r",
    "an escape sequence": b"%s \x1b[2J\x1b[31mred",
    "a bell": b"%s \x07",
    "1,800 octets": b"%s " + b"x" * 1800,
    "8,000 octets": b"%s " + b"x" * 8000,
    "many lines": b"%s-a\r\n" * 500 + b"%s b",
    "lines of nothing": b"%s-\r\n%s-\r\n%s",
    "another code in the text": b"%s 550 no such user",
    "an enhanced code that disagrees": b"%s 5.1.1 fine",
    "percent signs": b"%s %%s %%d %%(x)s",
    "braces": b"%s {0} {x!r}",
}
USUAL = {"greeting": b"220", "EHLO": b"250", "MAIL": b"250", "RCPT": b"250", "DATA": b"354", ".": b"250"}


def script_saying(step, octets):
    if step == "greeting":
        return answering(greeting=octets)
    return answering({step: octets})


def attempt(script, timeout=5, **options):
    """The result for one message: the returned value or the exception, the client, and the
    server's input."""
    with serve(script) as server:
        client = rsmtp.SmtpClient(timeout=timeout, **options)
        try:
            code, text = client.connect(server.host, server.port)
            if code != 220:
                raise smtplib.SMTPConnectError(code, text)
            result = client.sendmail(A, [B], BODY)
        except Exception as error:
            result = error
        state = client.state
        client.close()
        server.wait_for_end()
        return result, client, state, server.heard


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("what", MALFORMED)
def test_what_is_no_reply_is_never_success(what, step):
    result, client, state, heard = attempt(script_saying(step, MALFORMED[what]))
    assert isinstance(result, smtplib.SMTPServerDisconnected), result
    assert state == "broken"
    assert len(str(result)) < 500 and "\x00" not in str(result)
    fate = {"MAIL": "not sent", "RCPT": "not sent", "DATA": "not sent", ".": "unknown"}.get(step)
    assert dict(result.fates) == ({B: fate} if fate else {})
    with pytest.raises(smtplib.SMTPServerDisconnected):
        client.noop()
    # The client sends nothing to a server whose replies make no sense.
    last = {
        "greeting": b"",
        "EHLO": b"EHLO",
        "MAIL": b"MAIL",
        "RCPT": b"RCPT",
        "DATA": b"DATA",
        ".": b".\r\n",
    }
    assert heard.split(b"\r\n")[-2:][0].startswith(last[step].strip()) or step == "greeting"


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("what", GENEROUS)
def test_the_text_never_loses_the_answer(what, step):
    wire = GENEROUS[what]
    code = USUAL[step]
    octets = wire.replace(b"%s-", code + b"-").replace(b"%s ", code + b" ", wire.count(b"\n") + 1)
    octets = octets.replace(b"%s", code, 1) if octets.startswith(b"%s") else octets
    octets = octets.replace(b"\r\n%s", b"\r\n" + code)
    result, client, state, _ = attempt(script_saying(step, octets))
    assert result == {}, result
    assert state in ("ready", "greeted")
    # Text that is shown to people has no control characters.
    shown = str(client.transcript)
    assert not any(c < " " and c != "\n" and c != "\t" for c in shown) and "\x7f" not in shown


@pytest.mark.parametrize("what", GENEROUS)
def test_the_text_of_a_refusal_is_kept_as_it_is(what):
    octets = GENEROUS[what].replace(b"%s", b"571").replace(b"%%", b"%")
    result, _, state, _ = attempt(script_saying(".", octets))
    assert isinstance(result, smtplib.SMTPDataError)
    assert result.smtp_code == 571 and not result.transient
    lines = [line[4:].strip() for line in octets.split(b"\n")]
    assert result.smtp_error == b"\n".join(lines)
    assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in str(result))
    assert state == "greeted" or state == "ready"


@pytest.mark.parametrize("code", [300, 334, 350, 354, 399])
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "."])
def test_who_asks_for_more_has_not_accepted(step, code):
    result, _, state, _ = attempt(script_saying(step, f"{code} more"))
    assert isinstance(result, smtplib.SMTPException)
    assert state == "broken"
    assert dict(result.fates) == {B: "unknown" if step == "." else "not sent"}


@pytest.mark.parametrize("code", [200, 220, 250, 251, 299, 300, 334, 399, 421, 450, 500, 554, 599])
def test_only_354_starts_the_mail_data(code):
    result, _, _, heard = attempt(script_saying("DATA", f"{code} hm"))
    assert isinstance(result, smtplib.SMTPException)
    assert b"Subject" not in heard


@pytest.mark.parametrize("code", [200, 221, 250, 334, 421, 454, 500, 554])
def test_only_220_is_a_greeting(code):
    result, _, _, heard = attempt(answering(greeting=f"{code} hello"))
    assert isinstance(result, smtplib.SMTPConnectError)
    assert heard in (b"", b"QUIT\r\n")


def test_a_reply_octet_by_octet():
    def drip(octets):
        def script(peer):
            for octet in octets:
                peer.send(bytes([octet]))
                time.sleep(0.002)

        return script

    def script(peer):
        drip(b"220-a\r\n220 hello\r\n")(peer)
        for reply in (b"250-s\r\n250 HELP\r\n", b"250 ok\r\n", b"250\r\n"):
            peer.line()
            drip(reply)(peer)
        peer.line()
        drip(b"354 go\r\n")(peer)
        peer.mail_data()
        drip(b"250-queued\r\n250 as 1\r\n")(peer)
        peer.until_closed()

    assert attempt(script)[0] == {}


EHLO = {
    "no line of capabilities": ["250 server"],
    "a code alone": ["250"],
    "empty lines": ["250-", "250-", "250 "],
    "6,000 lines": ["250-X"] * 6_000 + ["250 HELP"],
    "odd keywords": [
        "250-server",
        "250- ",
        "250--",
        "250-=x",
        "250-\xfc",
        b"250-\xff\xfe",
        b"250-\x00",
        "250 HELP",
    ],
    "a size that is none": [
        "250-server",
        "250-SIZE x",
        "250-SIZE -1",
        "250-SIZE 99999999999999999999999",
        "250 SIZE",
    ],
    "AUTH without mechanisms": ["250-server", "250-AUTH", "250 AUTH="],
    "one twice": ["250-server", "250-PIPELINING", "250-pipelining", "250 PIPELINING x y"],
}


@pytest.mark.parametrize("what", EHLO)
def test_odd_capabilities(what):
    assert attempt(answering({"EHLO": EHLO[what]}))[0] == {}


@pytest.mark.parametrize("where", ["MAIL", "RCPT", "."])
def test_a_flood_of_replies_takes_no_memory(where):
    """The server sends lines of a possible reply as fast as it can."""

    def fault(peer):
        for _ in range(2_000):
            peer.send(b"250-" + b"x" * 70 + b"\r\n" * 1 + b"250-y\r\n" * 5_000)

    def script(peer):
        peer.say("220 hello")
        while command := peer.line():
            if command.startswith(where) or (where == "." and command == "DATA"):
                if where == ".":
                    peer.say("354 go on")
                    peer.mail_data()
                return fault(peer)
            peer.say("250 ok")
        return None

    begin = time.monotonic()
    result, _, state, _ = attempt(script, timeout=40)
    assert isinstance(result, smtplib.SMTPServerDisconnected)
    assert state == "broken" and time.monotonic() - begin < 20


def test_many_long_replies_do_not_fill_the_transcript():
    reply = ["250-" + "x" * 8000] * 7 + ["250 ok"]
    with serve(answering({"NOOP": reply})) as server:
        with rsmtp.SmtpClient(server.host, server.port, timeout=20) as client:
            for _ in range(300):
                client.noop()
            assert sum(len(line.text) for line in client.transcript) <= 1024 * 1024


AUTH = {
    "challenges without end": (["334 "] * 100, None),
    "a challenge that is no base64": (["334 !!!!", "535 no"], smtplib.SMTPAuthenticationError),
    "a challenge of NUL": (["334 \x00", "535 no"], smtplib.SMTPAuthenticationError),
    "a challenge of 8,000 octets": (["334 " + "A" * 8000, "535 no"], smtplib.SMTPAuthenticationError),
    "a challenge of 9,000 octets": (["334 " + "A" * 9000], smtplib.SMTPServerDisconnected),
    "250 for 235": (["250 welcome"], smtplib.SMTPAuthenticationError),
    "354": (["354 go on"], smtplib.SMTPAuthenticationError),
    "a refusal for now": (["454 4.7.0 later"], smtplib.SMTPAuthenticationError),
    "421": (["421 4.3.2 bye"], smtplib.SMTPAuthenticationError),
    "nonsense": (["hello"], smtplib.SMTPServerDisconnected),
}


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize("what", AUTH)
def test_a_hostile_login(what, mechanism):
    replies, expected = AUTH[what]

    def script(peer):
        peer.say("220 hello")
        peer.line()
        peer.say("250-server", "250 AUTH PLAIN LOGIN CRAM-MD5")
        left = list(replies)
        while command := peer.line():
            peer.say(left.pop(0) if left else "535 no" if command != "NOOP" else "250 ok")

    with serve(script) as server:
        client = rsmtp.SmtpClient(server.host, server.port, timeout=5)
        with pytest.raises(smtplib.SMTPException) as caught:
            client.login("ann", "hunter2-secret", mechanism=mechanism)
        assert expected is None or isinstance(caught.value, expected)
        assert client.state in ("ready", "broken", "closed")
        assert "hunter2" not in str(client.transcript) + str(caught.value)
        client.close()


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_a_server_that_repeats_the_password(mechanism):
    import base64

    secret = "hunter2-secret"
    coded = base64.b64encode(secret.encode()).decode()
    whole = base64.b64encode(f"\0ann\0{secret}".encode()).decode()
    with serve(
        answering({"AUTH": f"535 {secret} {coded} {whole} is wrong"}, extensions=[f"AUTH {mechanism}"])
    ) as server:
        client = rsmtp.SmtpClient(server.host, server.port, timeout=5)
        with pytest.raises(smtplib.SMTPAuthenticationError) as caught:
            client.login("ann", secret, mechanism=mechanism)
        told = f"{caught.value} {caught.value!r} {vars(caught.value)} {client.transcript}"
        assert secret not in told and coded not in told
        assert mechanism != "PLAIN" or whole not in told
        assert caught.value.smtp_error.endswith(b"is wrong")
        client.close()
