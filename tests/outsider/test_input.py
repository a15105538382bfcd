"""Values as users type them into a web form. Each is either refused by an exception that names the
place, with nothing sent, or sent exactly as typed."""

import email
import email.message
import email.mime.text
import smtplib

import pytest
from client.scripted import answering, serve

import rsmtp
from rsmtp.email.message import EmailMessage
from rsmtp.email.mime.application import MIMEApplication
from rsmtp.email.mime.base import MIMEBase
from rsmtp.email.mime.multipart import MIMEMultipart
from rsmtp.email.mime.text import MIMEText

A, B = "a@example.org", "b@example.org"
EXTENSIONS = ["8BITMIME", "SMTPUTF8", "DSN", "SIZE", "AUTH PLAIN LOGIN"]


@pytest.fixture
def client():
    with serve(answering(extensions=EXTENSIONS)) as server:
        client = rsmtp.SmtpClient(server.host, server.port, "client.example", timeout=20)
        client.ehlo()
        client.server = server
        yield client
        client.close()


def sent(client):
    """The mail data that the server received, if any."""
    client.close()
    client.server.wait_for_end()
    _, found, data = client.server.heard.partition(b"DATA\r\n")
    return data if found else None


def assert_refused(client, names, ask, errors=(ValueError, TypeError)):
    before = len(client.server.heard)
    with pytest.raises(errors, match=names):
        ask()
    assert client.noop() == (250, b"ok")
    assert bytes(client.server.heard[before:]) == b"NOOP\r\n"


# -- the envelope --------------------------------------------------------------

NO_ADDRESS = [
    "b@example.org, evil@example.net",
    "b@example.org,evil@example.net",
    "b@example.org; evil@example.net",
    "b@example.org evil@example.net",
    "b@example.org> SIZE=1",
    "b@example.org>\r\nRCPT TO:<evil@example.net",
    "<b@example.org> NOTIFY=NEVER",
    "Bob <b@example.org>, Eve <evil@example.net>",
    "b@example.org\r\n",
    "b@example.org\n",
    "b@example.org\0",
    "\tb@example.org",
    "b@example.org\x7f",
    "b@example.org\x85",
    "b@example\u2028.org",
    "b@@example.org",
    "b@x@example.org",
    "b@x..org",
    "b@.org",
    "b@",
    "@example.org",
    "@a,@b:c@example.org",
    "friends:b@example.org;",
    "b(comment)@example.org",
    '"b@example.org',
    '"b"c@example.org',
    "b@[127.0.0.1",
    "b@[127.0.0.1]>",
    "b@[a b]",
    "b@exam ple.org",
    "b c@example.org",
    "b@example.org\uff1e",
    "x" * 5000 + "@example.org",
    "b@" + "x." * 3000 + "org",
    " ",
    "",
]
NO_TEXT = [None, 5, 1.5, b"b@example.org", ["b@example.org"], object()]


@pytest.mark.parametrize("address", NO_ADDRESS, ids=lambda a: ascii(a)[:40])
def test_what_is_no_address_of_a_recipient(client, address):
    assert_refused(client, "to_addrs", lambda: client.sendmail(A, [B, address], "x"))
    assert_refused(client, "recip", lambda: client.rcpt(address))


@pytest.mark.parametrize("address", [a for a in NO_ADDRESS if a.strip(" ")], ids=lambda a: ascii(a)[:40])
def test_what_is_no_address_of_a_sender(client, address):
    assert_refused(client, "from_addr", lambda: client.sendmail(address, B, "x"))
    assert_refused(client, "sender", lambda: client.mail(address))


@pytest.mark.parametrize(
    "character", ["\r", "\n", "\0", "\x01", "\x1b", "\x0b", "\x7f", "\x85", "\x9b"], ids=ascii
)
def test_an_argument_of_a_command_is_one_line(client, character):
    text = f"a{character}RSET"
    assert_refused(client, "args", lambda: client.help(text))
    assert_refused(client, "address", lambda: client.verify(text))
    assert_refused(client, "address", lambda: client.expn(text))
    assert_refused(client, "command", lambda: client.docmd("XNONE", text))
    assert_refused(client, "command", lambda: client.docmd(f"X{text}"))


@pytest.mark.parametrize("value", NO_TEXT, ids=lambda v: ascii(v)[:19])
def test_what_is_no_text_at_all(client, value):
    assert_refused(client, "from_addr", lambda: client.sendmail(value, B, "x"), TypeError)
    assert_refused(client, "to_addrs", lambda: client.sendmail(A, [B, value], "x"), TypeError)
    if not isinstance(value, list):
        assert_refused(client, "to_addrs", lambda: client.sendmail(A, value, "x"), TypeError)
    if not isinstance(value, list) and value is not None:
        assert_refused(client, "mail_options", lambda: client.sendmail(A, B, "x", value), TypeError)
    assert_refused(client, "rcpt_options", lambda: client.sendmail(A, B, "x", [], [value]), TypeError)
    assert_refused(client, "user", lambda: client.login(value, "x"), TypeError)
    if value is not None:
        assert_refused(client, "password", lambda: client.login("ann", value), TypeError)
    if not isinstance(value, bytes):
        assert_refused(client, "msg", lambda: client.sendmail(A, B, value), TypeError)
    assert_refused(client, "msg", lambda: client.send_message(value), TypeError)


# -- messages of ours ------------------------------------------------------------

INTO_A_LINE = [
    "a\r\nX-Evil: 1",
    "a\nX-Evil: 1",
    "a\rX-Evil: 1",
    "a\r\n\r\nX-Evil: 1",
    "a\0b",
    "a\x1bb",
    "a\x0bb",
]
NO_NAME = ["", "a b", "a:b", "X-A: y\r\nX-Evil", "a\nb", "a\rb", "a\0b", "\u00fc", "a\x7f"]
ARGUMENTS = ["subject", "from_", "to", "cc", "bcc", "reply_to"]


@pytest.mark.parametrize("text", INTO_A_LINE, ids=ascii)
@pytest.mark.parametrize("argument", ARGUMENTS)
def test_a_field_of_a_message_stays_one_line(argument, text):
    for value in [text, f"{text} <b@example.org>"] + (
        [[B, text], (text, B)] if argument != "subject" else []
    ):
        with pytest.raises(ValueError, match=f"^{argument}"):
            rsmtp.Message("hello", **{argument: value})


@pytest.mark.parametrize("name", NO_NAME, ids=ascii)
def test_a_name_of_a_field(client, name):
    with pytest.raises(ValueError, match="name"):
        rsmtp.Message("hello", headers={name: "x"})
    for make in (lambda: rsmtp.Message("hello"), lambda: MIMEText("hello"), EmailMessage):
        message = make()

        def ask():
            message[name] = "x"
            message["From"] = A
            client.send_message(message, A, B)

        assert_refused(client, "name|codec|newline", ask)


@pytest.mark.parametrize("text", INTO_A_LINE, ids=ascii)
def test_a_value_of_a_field(client, text):
    for make in (lambda: rsmtp.Message("hello"), lambda: MIMEText("hello"), EmailMessage):
        message = make()

        def ask():
            message["X-Note"] = text
            client.send_message(message, A, B)

        assert_refused(client, "X-Note|embedded|newline", ask, (ValueError, email.errors.MessageError))


@pytest.mark.parametrize("name", [n for n in NO_NAME if n.isascii()], ids=ascii)
def test_a_name_in_a_message_of_the_standard_librarys(client, name):
    for make in (email.message.Message, email.message.EmailMessage):
        message = make()
        message.set_payload("hello")
        message._headers.append((name, "x"))  # `message[name] =` refuses it since CPython 3.14
        assert_refused(client, "name of the header field", lambda: client.send_message(message, A, B))


@pytest.mark.parametrize("text", INTO_A_LINE, ids=ascii)
def test_a_value_in_a_message_of_the_standard_librarys(client, text):
    message = email.mime.text.MIMEText("hello")
    message["X-Note"] = text
    assert_refused(client, "X-Note", lambda: client.send_message(message, A, B))
    whole = email.message.Message()
    whole["Content-Type"] = "multipart/mixed"
    whole.set_payload([message])
    assert_refused(client, "X-Note", lambda: client.send_message(whole, A, B))


def test_folded_fields_of_a_parsed_message_go_through(client):
    message = email.message_from_string(
        "Subject: one\n two\n\tthree\nReceived: from a\n\tby b;\n Mon, 1 Jan 2024 00:00:00 +0000\n\nhello\n"
    )
    assert client.send_message(message, A, B) == {}
    parsed = email.message_from_bytes(sent(client))
    assert parsed["Subject"].split() == ["one", "two", "three"]


NO_LIST = [5, 1.5, b"b@example.org", object(), [None], [5], [b"x"], ["b@example.org", None]]
NO_ADDRESSES = [
    "b@@x",
    "b@",
    "@x.org",
    "<>",
    "b@x..org",
    "b c@x.org",
    "b@x.org c@y.org",
    "b@x.org;c@y.org",
    "x <b@x.org",
    ["b@x.org", "c@@y"],
    ["b@x.org, c@x.org"],
    [""],
    ("Bob", "b@x.org>, <c@x.org"),
]


@pytest.mark.parametrize("argument", [a for a in ARGUMENTS if a != "subject"])
@pytest.mark.parametrize("value", NO_LIST, ids=lambda v: ascii(v)[:19])
def test_what_no_address_of_a_message_can_be(argument, value):
    with pytest.raises(TypeError, match=f"^{argument}"):
        rsmtp.Message("hello", **{argument: value})


@pytest.mark.parametrize("argument", [a for a in ARGUMENTS if a != "subject"])
@pytest.mark.parametrize("value", NO_ADDRESSES, ids=lambda v: ascii(v)[:30])
def test_what_is_no_address_of_a_message(argument, value):
    with pytest.raises(ValueError, match=f"^{argument}"):
        rsmtp.Message("hello", **{argument: value})


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("b@x.org", "b@x.org"),
        ("root", "root"),
        ("b@x.org, c@y.org", "b@x.org, c@y.org"),
        (["b@x.org", "Carl <c@y.org>"], "b@x.org, Carl <c@y.org>"),
        (("Bob", "b@x.org"), "Bob <b@x.org>"),
        ([("Smith, Bob", "b@x.org")], '"Smith, Bob" <b@x.org>'),
        ("undisclosed-recipients:;", "undisclosed-recipients:;"),
        ("Friends: b@x.org, c@y.org;", "Friends: b@x.org, c@y.org;"),
        ('"a b"@x.org', '"a b"@x.org'),
        ("b@[127.0.0.1]", "b@[127.0.0.1]"),
        ("b@b\u00fccher.example", "b@b\u00fccher.example"),
        ("b@x.org (Bob)", "b@x.org (Bob)"),
    ],
)
def test_what_is_an_address_of_a_message(value, written):
    assert rsmtp.Message("hello", to=value)["To"] == written


@pytest.mark.parametrize("value", [[], (), "", None])
def test_none_is_no_field(value):
    assert rsmtp.Message("hello", cc=value)["Cc"] is None


@pytest.mark.parametrize("value", [["a"], ("a",), b"a", {"a": 1}])
def test_a_subject_is_text(value):
    with pytest.raises(TypeError, match="^subject"):
        rsmtp.Message("hello", subject=value)


PARTS = {
    "subtype": lambda x: rsmtp.Message("hello", x),
    "charset": lambda x: rsmtp.Message("hello", charset=x),
    "name of an attachment": lambda x: rsmtp.Message("hello", attachments=[(x, b"data")]),
    "mirror's subtype": lambda x: MIMEText("hello", x),
    "mirror's main type": lambda x: MIMEBase(x, "plain"),
    "mirror's application": lambda x: MIMEApplication(b"data", x),
    "boundary": lambda x: MIMEMultipart("mixed", boundary=x),
    "disposition's filename": lambda x: with_header("Content-Disposition", "attachment", filename=x),
    "parameter": lambda x: with_header("X-P", "v", key=x),
    "parameter's name": lambda x: with_header("X-P", "v", **{x: "v"}),
}


def with_header(*args, **params):
    message = MIMEText("hello")
    message.add_header(*args, **params)
    return message


@pytest.mark.parametrize("text", INTO_A_LINE[:5], ids=ascii)
@pytest.mark.parametrize("place", PARTS)
def test_a_part_adds_no_field(client, place, text):
    try:
        message = PARTS[place](text)
        client.send_message(message, A, B)
    except (ValueError, LookupError, email.errors.MessageError):
        assert client.noop() == (250, b"ok")
        assert sent(client) is None
    else:
        parsed = email.message_from_bytes(sent(client).removesuffix(b".\r\n"))
        assert "X-Evil" not in parsed and not any("X-Evil" in part for part in parsed.walk())


BODIES = [
    b"\r\n.\r\nMAIL FROM:<evil@example.net>\r\n",
    b"\n.\nMAIL FROM:<evil@example.net>\n",
    b"\r.\rMAIL FROM:<evil@example.net>\r",
    b"\n.\r\nQUIT\r\n",
    b"\r\n.\nQUIT\r\n",
    b"\r\n.\rQUIT\r\n",
    b"\r\n\0.\r\nQUIT\r\n",
    b".",
    b"..",
    b".\r\n",
    b"x\r",
    b"\r",
    b"\n",
    b"\r\r\n.\r\r\n",
    b"\xff.\r\n.\r\n",
    b"",
    b"x" * 100_000,
    b".\r\n" * 10_000,
    b"\n" * 10_000,
]


@pytest.mark.parametrize("extensions", [[], ["PIPELINING"], ["PIPELINING", "CHUNKING"]], ids=str)
@pytest.mark.parametrize("body", BODIES, ids=lambda b: ascii(b)[:30])
def test_the_server_gets_exactly_that_body(body, extensions):
    without = [e for e in ("PIPELINING", "CHUNKING") if e not in extensions]
    with rsmtp.Catcher(tls="none", without=without) as catcher:
        with rsmtp.SmtpClient(catcher.host, catcher.port, timeout=20) as client:
            assert client.sendmail(A, B, body) == {}
            assert client.sendmail(A, B, b"second\r\n") == {}
        assert catcher.count == 2
        got, second = (bytes(message.data) for message in catcher.messages)
    canonical = body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    assert got in (canonical, canonical + b"\r\n")
    assert second == b"second\r\n"


@pytest.mark.parametrize("name", ["", "a b", "a\r\nRSET", "a\0", "a>", "\u2028", "x" * 5000])
def test_what_is_no_name_of_ours(name):
    with serve(answering()) as server:
        client = rsmtp.SmtpClient(server.host, server.port, name, timeout=5)
        if name not in ("a>", "x" * 5000):
            with pytest.raises(ValueError, match="name"):
                client.sendmail(A, B, "x")
        client.close()
        server.wait_for_end()
        assert b"RSET" not in server.heard


CONFIGS = {
    "a file that is not there": {"ca_file": "/nowhere/ca.pem"},
    "a folder": {"ca_file": "/"},
    "a certificate that is not there": {"client_certificate": "/nowhere/me.pem"},
    "a pair that is not there": {"client_certificate": ("/nowhere/me.pem", "/nowhere/me.key")},
    "no name": {"server_name": ""},
    "two names": {"server_name": "a b"},
    "a name with a line end": {"server_name": "a.example\r\n"},
    "an old version": {"minimum_version": "1.1"},
}


@pytest.mark.parametrize("what", CONFIGS)
def test_a_tls_config_is_looked_at_when_it_is_made(what):
    (argument,) = CONFIGS[what]
    with pytest.raises(ValueError, match=argument):
        rsmtp.TlsConfig(**CONFIGS[what])


def test_a_file_without_a_certificate(tmp_path):
    path = tmp_path / "empty.pem"
    path.write_text("")
    for argument in ("ca_file", "client_certificate"):
        with pytest.raises(ValueError, match=rf"{argument}.*empty\.pem"):
            rsmtp.TlsConfig(**{argument: path})


def test_the_mirror_refuses_the_same():
    from rsmtp import smtplib as mirror

    with serve(answering()) as server:
        with mirror.SMTP(server.host, server.port, timeout=5) as client:
            for address in NO_ADDRESS[:10]:
                with pytest.raises((ValueError, smtplib.SMTPException)):
                    client.sendmail(A, address, "x")
            client.noop()
        server.wait_for_end()
        assert b"RCPT" not in server.heard
