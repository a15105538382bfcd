"""Any text given as an address, an option, a name or a credential is either refused before anything
is sent, or reaches the server exactly as given and adds nothing else."""

import contextlib
import re
import smtplib

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import rsmtp

# Words that would do harm if they reached another place in the command.
PIECES = [
    "\r\n", "\n", "\r", "\0", "\t", " ", "<", ">", ",", ";", '"', "\\", "@", ":", "=", "(", ")", "[", "]",
    "\x7f", "\x85", "\u2028", "\uff1e", "\u02da", "\uff1d", "é", "a", "b.example",
    "RCPT TO:<evil@example.net>",
    "SIZE=1", "DATA", "alice", "postmaster@example.org", "\ud800", "x" * 70,
]  # fmt: skip
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=6).map("".join) | st.text(max_size=20)
ADDRESS = HOSTILE | HOSTILE.map("alice{}@example.org".format) | HOSTILE.map("alice@example.org{}".format)
OPTION = HOSTILE | HOSTILE.map("SIZE=1{}".format)

CONTROLS = r"[\x00-\x08\x0a-\x1f\x7f-\x9f]"  # all but the tab
REFUSALS = (ValueError, smtplib.SMTPNotSupportedError)
SETTINGS = settings(
    max_examples=100,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@pytest.fixture(scope="module")
def catcher():
    # The server offers every option's extension, so only the client can refuse it.
    with rsmtp.Catcher(tls="none", keep=10) as catcher:
        yield catcher


@contextlib.contextmanager
def conversation(catcher):
    with rsmtp.SmtpClient(catcher.host, catcher.port, "client.example", timeout=10) as client:
        client.ehlo()
        yield client


def said(client):
    """The lines that the client has sent so far."""
    return [line.text for line in client.transcript if line.direction == "C"]


def attempt(client, action):
    """Makes the attempt. Returns what the client sent, or None if it refused and sent nothing."""
    before = len(said(client))
    try:
        action()
    except REFUSALS as error:
        # A refusal by the server is not the client's refusal.
        if not isinstance(error, smtplib.SMTPResponseException):
            assert len(said(client)) == before, f"refused after it was said: {said(client)[before:]}"
            return None
    except smtplib.SMTPException:
        pass
    return said(client)[before:]


def path(line):
    """The path of a MAIL or RCPT line as a server reads it, and the text after it."""
    match = re.fullmatch(r'(?:MAIL FROM|RCPT TO):<((?:[^"<>]|"(?:\\.|[^"\\])*")*)>( .*)?', line, re.I | re.S)
    assert match, f"not one path: {line!r}"
    return match[1], match[2] or ""


def test_transcript_tells_who_speaks(catcher):
    with conversation(catcher) as client:
        client.noop()
        assert said(client)[-1].upper() == "NOOP"


@SETTINGS
@given(address=ADDRESS)
@example("b@example.org, evil@example.net")
@example("b@example.org> SIZE=1")
@example("b@example.org\uff1e\u02daSIZE\uff1d1")
def test_addresses_stay_in_their_brackets(catcher, address):
    with conversation(catcher) as client:
        for action in (lambda: client.mail(address), lambda: client.rcpt(address)):
            for line in attempt(client, action) or []:
                inside, behind = path(line)
                assert behind == "" or re.fullmatch(r"( [A-Z0-9]+(=\d+)?)*", behind), line
                assert not any(ord(c) < 32 or ord(c) == 127 for c in line)
                outside = re.sub(r'"(?:\\.|[^"\\])*"', "", inside)
                assert not re.search(r"[\s,;<>]", outside) and outside.count("@") <= 1, line


@SETTINGS
@given(address=ADDRESS)
def test_sendmail_sends_to_one_mailbox_an_item(catcher, address):
    with conversation(catcher) as client:
        count = catcher.count
        lines = attempt(
            client, lambda: client.sendmail("alice@example.org", [address], b"Subject: x\r\n\r\nx\r\n")
        )
        if lines is None:
            assert catcher.count == count
            return
        recipients = [line for line in lines if line.upper().startswith("RCPT")]
        assert len(recipients) == 1
        path(recipients[0])
        if catcher.count > count:
            assert catcher.messages[-1].data == b"Subject: x\r\n\r\nx\r\n"
            assert len(catcher.messages[-1].rcpt_tos) == 1


@SETTINGS
@given(option=OPTION)
@example("SIZE=1 BODY=8BITMIME")
@example("SIZE=1\r\nRCPT TO:<evil@example.net>")
def test_options_are_one_word(catcher, option):
    with conversation(catcher) as client:
        for action in (
            lambda: client.mail("alice@example.org", [option]),
            lambda: client.rcpt("bob@example.org", [option]),
        ):
            for line in attempt(client, action) or []:
                _, behind = path(line)
                assert behind == f" {option}", f"{option!r} became {line!r}"
                assert not re.search(r"[\s\x00-\x1f\x7f]", option)


@SETTINGS
@given(name=HOSTILE)
@example("a\u02dab")
def test_ehlo_name_is_one_word(catcher, name):
    with conversation(catcher) as client:
        for verb, action in (("EHLO", lambda: client.ehlo(name)), ("HELO", lambda: client.helo(name))):
            for line in attempt(client, action) or []:
                if name:
                    assert re.fullmatch(rf"{verb} [!-~]+", line, re.I), line
                if name.isascii() and name:
                    assert line.split(" ")[1] == name


@SETTINGS
@given(text=HOSTILE)
@example("me\r\nRSET")
def test_an_argument_is_one_line(catcher, text):
    with conversation(catcher) as client:
        actions = {
            "VRFY": lambda: client.verify(text),
            "EXPN": lambda: client.expn(text),
            "HELP": lambda: client.help(text),
        }
        for verb, action in actions.items():
            lines = attempt(client, action)
            if lines is not None:
                assert len(lines) == 1 and lines[0].upper().startswith(verb)
                assert not re.search(CONTROLS, text)


@SETTINGS
@given(text=HOSTILE)
def test_a_free_command_is_one_line(catcher, text):
    with conversation(catcher) as client:
        # A verb that no server knows. Other verbs would change the client's state.
        lines = attempt(client, lambda: client.docmd("XNONE", text))
        if lines is not None:
            assert len(lines) == 1
            assert not re.search(CONTROLS, text)


@settings(SETTINGS, max_examples=40)
@given(user=HOSTILE, password=HOSTILE, method=st.sampled_from(["PLAIN", "LOGIN", "CRAM-MD5"]))
def test_credentials_arrive_as_they_are_or_not_at_all(user, password, method):
    acceptable = not re.search(r"[\r\n\0]", user + password)
    try:
        (user + password).encode()
    except UnicodeEncodeError:
        acceptable = False
    name, secret = (user or "u", password or "p") if acceptable else ("u", "p")
    with rsmtp.Catcher(
        tls="none", username=name, password=secret, auth_before_tls=True, mechanisms=[method]
    ) as catcher:
        with rsmtp.SmtpClient(catcher.host, catcher.port, "client.example", timeout=10) as client:
            client.ehlo()
            before = len(said(client))
            try:
                client.login(*((name, secret) if acceptable else (user, password)))
            except ValueError as error:
                assert not acceptable
                assert len(said(client)) == before
                assert not (len(password) > 3 and password in str(error))
            else:
                assert acceptable and catcher.conversations[-1].user == name
                assert not (len(secret) > 12 and secret in str(client.transcript))


def test_a_notice_that_is_no_text():
    for notify in ("\ud800", ["\ud800"]):
        with pytest.raises(ValueError, match="notify: .*surrogates"):
            rsmtp.Dsn(notify=notify)
