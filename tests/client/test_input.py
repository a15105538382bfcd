"""Bad input is refused and never rewritten: a ValueError names the argument, and nothing is sent."""

import pytest

import rsmtp
from client.scripted import answering, serve

pytestmark = pytest.mark.usefixtures("either_driver")

A, B = "a@example.org", "b@example.org"
EXTENSIONS = ["SIZE", "8BITMIME", "DSN", "SMTPUTF8", "AUTH PLAIN LOGIN CRAM-MD5", "PIPELINING"]
CONTROLS = ["\r\nRSET", "\n", "\r", "\0", "\x7f", "\x1b", "\t", "\x85\r\n", "\u2028\n"]

# The places where text is given, and the argument that the error has to name.
PLACES = {
    "ehlo name": (lambda c, x: c.ehlo(f"me{x}"), "name"),
    "helo name": (lambda c, x: c.helo(f"me{x}"), "name"),
    "mail sender": (lambda c, x: c.mail(f"a{x}@example.org"), "sender|from_addr"),
    "mail sender at the end": (lambda c, x: c.mail(f"a@example.org{x}"), "sender|from_addr"),
    "mail option": (lambda c, x: c.mail(A, [f"BODY=8BITMIME{x}"]), "option"),
    "rcpt recip": (lambda c, x: c.rcpt(f"a{x}@example.org"), "recip|to_addrs"),
    "rcpt option": (lambda c, x: c.rcpt(B, [f"NOTIFY=NEVER{x}"]), "option"),
    "sendmail from": (lambda c, x: c.sendmail(f"a{x}b@example.org", B, "x"), "from_addr|sender"),
    "sendmail to": (lambda c, x: c.sendmail(A, [B, f"c{x}c@example.org"], "x"), "to_addrs|recip"),
    "sendmail mail option": (lambda c, x: c.sendmail(A, B, "x", [f"RET=FULL{x}"]), "option"),
    "sendmail rcpt option": (lambda c, x: c.sendmail(A, B, "x", [], [f"NOTIFY=NEVER{x}"]), "option"),
}


@pytest.fixture
def client():
    with serve(answering(extensions=EXTENSIONS)) as server:
        client = rsmtp.SmtpClient(server.host, server.port, timeout=20)
        client.ehlo()
        client.heard = lambda: server.heard.decode()
        yield client
        client.close()


def assert_nothing_was_sent(client):
    """After the refusal the conversation continues as if there had been no request."""
    assert client.noop() == (250, b"ok")
    assert client.heard().split("\r\n")[1:] == ["NOOP", ""]


@pytest.mark.parametrize("control", CONTROLS, ids=ascii)
@pytest.mark.parametrize("place", PLACES)
def test_a_control_character_is_refused(client, place, control):
    ask, name = PLACES[place]
    with pytest.raises(ValueError, match=name):
        ask(client, control)
    assert_nothing_was_sent(client)


@pytest.mark.parametrize("control", ["\r\nRSET", "\n", "\r", "\0"], ids=ascii)
@pytest.mark.parametrize(
    "ask",
    [
        lambda c, x: c.putcmd("NOOP" + x),
        lambda c, x: c.putcmd("NOOP", "a" + x),
        lambda c, x: c.docmd("NOOP" + x, "b"),
        lambda c, x: c.vrfy("ann" + x),
        lambda c, x: c.expn("staff" + x),
        lambda c, x: c.help("MAIL" + x),
        lambda c, x: c.login("ann" + x, "x"),
        lambda c, x: c.login("ann", "x" + x),
        lambda c, x: c.login("ann", access_token="x" + x),
        lambda c, x: c.auth("PLAIN" + x, lambda challenge=None: "x"),
    ],
)
def test_no_line_end_goes_through_the_other_doors(client, ask, control):
    with pytest.raises(ValueError, match=r"\w"):
        ask(client, control)
    assert_nothing_was_sent(client)


@pytest.mark.parametrize(
    "address",
    [
        "b@example.org, evil@example.net",
        "b@example.org evil@example.net",
        "b@example.org> SIZE=1",
        "b@example.org>,<evil@example.net",
        "<b@example.org> NOTIFY=NEVER",
        "<b@example.org><evil@example.net>",
        "b@example.org;evil@example.net",
        "Bob <b@example.org>, Eve <evil@example.net>",
        "<b@example.org",
        "b@example.org>",
        "b@@example.org",
        "b@",
        "@example.org",
        "",
        " ",
        "b @example.org",
        "b@exam ple.org",
        '"b@example.org',
    ],
)
@pytest.mark.parametrize("how", ["rcpt", "sendmail"])
def test_what_is_not_one_address_is_refused(client, address, how):
    with pytest.raises(ValueError, match="recip|to_addrs"):
        client.rcpt(address) if how == "rcpt" else client.sendmail(A, [B, address], "x")
    assert_nothing_was_sent(client)


@pytest.mark.parametrize("option", ["", " ", "BODY=8BITMIME SIZE=1", "=x", "X>Y", "é=1"])
def test_what_is_not_one_option_is_refused(client, option):
    with pytest.raises(ValueError, match="option"):
        client.sendmail(A, B, "x", mail_options=[option])
    assert_nothing_was_sent(client)


@pytest.mark.parametrize(
    "ask",
    [
        lambda c: c.sendmail(None, B, "x"),
        lambda c: c.sendmail(A, None, "x"),
        lambda c: c.sendmail(A, [B, None], "x"),
        lambda c: c.sendmail(A, [B, 7], "x"),
        lambda c: c.sendmail(A, 7, "x"),
        lambda c: c.sendmail(A, B, None),
        lambda c: c.sendmail(A, B, 7),
        lambda c: c.sendmail(A, B, ["x"]),
        lambda c: c.sendmail([A], B, "x"),
        lambda c: c.mail(None),
        lambda c: c.rcpt(None),
        lambda c: c.rcpt([B]),
        lambda c: c.login(None, "x"),
        lambda c: c.login("ann", 7),
        lambda c: c.ehlo(7),
        lambda c: c.putcmd(None),
        lambda c: c.send(None),
        lambda c: c.send(7),
        lambda c: c.data(None),
        lambda c: c.send_message(None),
        lambda c: c.send_message("Subject: x\n\n"),
    ],
)
def test_what_is_of_another_type_is_refused(client, ask):
    with pytest.raises((TypeError, ValueError, AttributeError)):
        ask(client)
    assert_nothing_was_sent(client)


def test_a_string_of_options_is_not_a_list_of_letters(client):
    with pytest.raises((TypeError, ValueError), match="option"):
        client.sendmail(A, B, "x", mail_options="SMTPUTF8")
    assert_nothing_was_sent(client)


@pytest.mark.parametrize(
    "body",
    [
        b"\r\n.\r\nMAIL FROM:<evil@example.org>\r\n",
        b"\n.\nMAIL FROM:<evil@example.org>\n",
        b"\r.\rMAIL FROM:<evil@example.org>\r",
        b"\n.\r\nQUIT\r\n",
        b"\r\n.\nQUIT\r\n",
        b"\r\n.\rQUIT\r\n",
        b"\r\n\x00.\r\nQUIT\r\n",
        b".\r\n",
        b"..\r\n.",
        b"x\r",
        b"\r\r\n.\r\r\n",
    ],
)
def test_no_body_ends_the_mail_data(client, body):
    assert client.sendmail(A, B, body) == {}
    client.quit()
    _, _, data = client.heard().partition("DATA\r\n")
    assert data.count("\r\n.\r\n") + data.startswith(".\r\n") == 1
    assert data.endswith("\r\n.\r\nQUIT\r\n")
    assert data.replace("\r\n", "").count("\r") == data.replace("\r\n", "").count("\n") == 0


@pytest.mark.parametrize("host", ["a\r\nb", "a\0b", "a b", "", "\n"])
def test_a_host_that_is_none(host):
    client = rsmtp.SmtpClient(timeout=5)
    if host == "":
        return
    with pytest.raises((OSError, ValueError)):
        client.connect(host, 1)


@pytest.mark.parametrize("port", [-1, 65536, 10**10, "x"])
def test_a_port_that_is_none(port):
    client = rsmtp.SmtpClient(timeout=5)
    with pytest.raises((OSError, ValueError, OverflowError)):
        client.connect("127.0.0.1", port)


def test_a_local_hostname_is_checked_before_it_is_said():
    with serve(answering()) as server:
        client = rsmtp.SmtpClient(server.host, server.port, "me\r\nRSET", timeout=20)
        with pytest.raises(ValueError, match="name"):
            client.sendmail(A, B, "x")
        client.close()
        server.wait_for_end()
        assert server.heard == b""
