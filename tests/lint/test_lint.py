"""`rsmtp.lint`, called directly and by mailers, in tests, on the command line and in the inbox."""

import asyncio
import email.message
import json
import logging
import pickle
import random
import socket
import subprocess
import sys
import threading
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

import rsmtp
from rsmtp import testing


def message(text="Dear {{ name }}", **more):
    return rsmtp.Message(
        text, **{"from_": "ann@example.org", "to": "bob@example.com", "subject": "Lunch", **more}
    )


def test_a_finding_says_what_why_and_what_to_do():
    (finding,) = rsmtp.lint(message())
    assert (finding.rule, finding.severity) == ("template-left", "error")
    assert finding.message == "'{{ name }}' was not filled in"
    assert str(finding) == "error: '{{ name }}' was not filled in (text) [template-left]"
    assert finding.to_dict()["source"].startswith("https://")


def test_the_gravest_stands_first():
    found = rsmtp.lint(message(html="<a href='http://example.org'>x</a><img src='https://example.org/a'>"))
    assert [finding.severity for finding in found] == sorted(
        (finding.severity for finding in found), key=["error", "warning", "hint"].index
    )
    assert {finding.severity for finding in found} == {"error", "warning", "hint"}
    assert found.errors == found[:1] and len(found.at_least("warning")) < len(found)
    assert repr(found).startswith("<Findings: 1 error, ")
    assert json.loads(json.dumps(found.to_dicts()))[0]["rule"] == "template-left"
    assert str(rsmtp.lint(message("Hi"))) == "nothing found"


def test_messages_of_the_standard_library_and_caught_ones():
    other = email.message.EmailMessage()
    other["From"], other["To"], other["Subject"] = "ann@example.org", "bob@example.com", "Lunch"
    other.set_content("Dear {{ name }}")
    assert [finding.rule for finding in rsmtp.lint(other)] == ["template-left"]
    with rsmtp.Catcher() as catcher, rsmtp.Mailer(host=catcher.host, port=catcher.port, tls="none") as mailer:
        mailer.send(message())
    assert [finding.rule for finding in rsmtp.lint(catcher.messages[0])] == ["template-left"]


def test_looking_changes_nothing():
    given = message(attachments={"a.txt": "x"}, html="<p>Hi</p>")
    before = given.as_bytes()
    rsmtp.lint(given)
    assert given.as_bytes() == before and given["Message-ID"] is None


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (("text",), TypeError, "message: a message, or its octets, is wanted, not str"),
        ((message(), "x"), TypeError, None),
    ],
)
def test_what_is_no_message(arguments, error, words):
    with pytest.raises(error, match=words):
        rsmtp.lint(*arguments)
    with pytest.raises(ValueError, match="ignore: there is no rule 'subject'; did you mean 'subject-"):
        rsmtp.lint(message(), ignore=["subject"])
    with pytest.raises(TypeError, match="bulk: True or False is wanted, not 5"):
        rsmtp.lint(message(), bulk=5)


def test_hostile_mail_is_looked_at_too():
    """Any mail results in findings and never in an exception."""
    sound = message(
        html="<p>Hi <a href='https://x.example'>x</a></p>", attachments={"a.zip": b"PK\3\4"}
    ).as_bytes()
    chance = random.Random(20261127)
    for _ in range(300):
        octets = bytearray(sound)
        for _ in range(chance.randrange(1, 12)):
            position = chance.randrange(len(octets))
            octets[position : position + chance.randrange(3)] = chance.randbytes(chance.randrange(4))
        rsmtp.lint(bytes(octets))
    for octets in (b"", b"\r\n", b"\0", b"From", b"Content-Type: multipart/mixed; boundary=\r\n\r\n----\r\n"):
        rsmtp.lint(octets)


@pytest.mark.parametrize("depth", [50, 150, 300, 600, 900, 1_000, 10_000])
@pytest.mark.parametrize("kind", ["multipart/mixed; boundary=b{n}\r\n\r\n--b{n}", "message/rfc822\r\n"])
def test_parts_in_parts_in_parts(kind, depth):
    """The parser fails on some hundred. What it can't take apart is a finding, and still has a display."""
    octets = b"From: a@x.org\r\nSubject: deep\r\n" + b"".join(
        f"Content-Type: {kind.replace('{n}', str(n))}\r\n".encode() for n in range(depth)
    )
    found = rsmtp.lint(octets)
    if depth > 900:
        assert "nested too deep" in str(found)
    with rsmtp.Catcher() as caught, rsmtp.SmtpClient(caught.host, caught.port) as client:
        client.sendmail("a@x.org", "b@x.org", octets)
        [message] = caught.wait_for(1, 10)
        assert "deep" in message._repr_mimebundle_()["text/html"]


# -- mailers ----------------------------------------------------------------------------


@pytest.fixture
def catcher():
    with rsmtp.Catcher() as caught:
        yield caught


def mailer(catcher, **more):
    return rsmtp.Mailer(host=catcher.host, port=catcher.port, tls="none", **more)


def test_refuse(catcher):
    with mailer(catcher, lint="refuse") as sender:
        with pytest.raises(
            rsmtp.LintError, match=r"^lint: '\{\{ name \}\}' was not filled in \[template-left\]"
        ) as refused:
            sender.send(message())
        assert [finding.rule for finding in refused.value.findings] == ["template-left"]
        copied = pickle.loads(pickle.dumps(refused.value))
        assert str(copied) == str(refused.value)
        # Warnings don't stop a message.
        sender.send(message("Hi", subject="BUY THIS RIGHT NOW"))
        report = sender.send_all([message("Hi"), message(), message("Ho")])
    assert (report.sent, report.not_sent) == (2, 1)
    assert "template-left" in str(report.troubles[0])
    assert len(catcher.messages) == 3


def test_warn(catcher, caplog):
    with mailer(catcher, lint="warn") as sender, caplog.at_level(logging.WARNING, "rsmtp.mail"):
        sender.send(message())
    assert "lint: error: '{{ name }}' was not filled in (text) [template-left]" in caplog.text
    assert len(catcher.messages) == 1


UNCONFIGURED = """
import asyncio, sys
import rsmtp
before = sys.argv[3] == "logging first"
if before:
    import logging
letter = rsmtp.Message("Dear {{ name }}", subject="x", from_="ann@example.org", to="bob@example.org")
given = {"host": sys.argv[1], "port": int(sys.argv[2]), "tls": "none", "lint": "warn"}
with rsmtp.Mailer(**given) as mailer:
    for _ in range(2):
        mailer.send(letter)
async def run():
    async with rsmtp.AsyncMailer(**given) as mailer:
        await mailer.send(letter)
asyncio.run(run())
import logging
logging.getLogger("rsmtp.mail").setLevel(logging.ERROR)
with rsmtp.Mailer(**given) as mailer:
    mailer.send(letter)
logging.getLogger("rsmtp.mail").setLevel(logging.NOTSET)
logging.basicConfig(format="configured %(message)s")
with rsmtp.Mailer(**given) as mailer:
    mailer.send(letter)
"""


@pytest.mark.parametrize("first", ["logging first", "rsmtp first"])
def test_warnings_are_seen_where_logging_is_not_configured(catcher, first):
    ran = subprocess.run(
        [sys.executable, "-c", UNCONFIGURED, catcher.host, str(catcher.port), first],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = [line for line in ran.stderr.splitlines() if "template-left" in line]
    assert [line[: len("configured lint:")] for line in lines] == [
        *["lint: error: '{{"] * 3, "configured lint:",
    ]  # fmt: skip
    assert len(catcher.messages) == 5


def test_octets_and_messages_of_hooks(catcher):
    with mailer(catcher, lint="refuse") as sender, pytest.raises(rsmtp.LintError):
        sender.send(("ann@example.org", "bob@example.com", message().as_bytes()))
    with mailer(catcher, lint="refuse", before_send=lambda _: message("Hi")) as sender:
        sender.send(message())
    with (
        mailer(catcher, lint="refuse", before_send=lambda _: message()) as sender,
        pytest.raises(rsmtp.LintError),
    ):
        sender.send(message("Hi"))


def test_async(catcher):
    async def run():
        async with rsmtp.AsyncMailer(
            host=catcher.host, port=catcher.port, tls="none", lint="refuse"
        ) as sender:
            with pytest.raises(rsmtp.LintError):
                await sender.send(message())
            await sender.send(message("Hi"))

    asyncio.run(run())
    assert len(catcher.messages) == 1


def test_the_argument(catcher):
    with pytest.raises(ValueError, match="lint: 'refused' is none of .*did you mean 'refuse'"):
        mailer(catcher, lint="refused")


# -- tests --------------------------------------------------------------------------------


def test_in_a_test():
    testing.assert_no_findings(message("Hi"))
    testing.assert_no_findings(message(), ignore=["template-left"])
    testing.assert_no_findings(message("Hi", html="<a href='http://example.org'>x</a>"))
    with pytest.raises(AssertionError, match=r"1 error\n.*template-left"):
        testing.assert_no_findings(message())
    with pytest.raises(AssertionError, match="link-insecure"):
        testing.assert_no_findings(message("Hi", html="<a href='http://example.org'>x</a>"), at_least="hint")


# -- filters --------------------------------------------------------------------------------


@pytest.fixture
def rspamd():
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            assert b"Subject: Lunch\r\n" in self.rfile.read(int(self.headers["Content-Length"]))
            symbols = {"BAD": {"name": "BAD_WORDS", "score": 9.5}, "GOOD": {"name": "GOOD", "score": -1}}
            body = json.dumps({"score": 8.5, "required_score": 15, "symbols": symbols}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def answering(answer):
    """The host and port of a server that gives one answer."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listener, listener.accept()[0] as connection:
            while connection.recv(65536):
                pass
            connection.sendall(answer)

    threading.Thread(target=serve).start()
    return f"127.0.0.1:{listener.getsockname()[1]}"


def test_rspamd(rspamd):
    (finding,) = rsmtp.lint(message("Hi"), rspamd=rspamd)
    assert (finding.rule, finding.severity) == ("spam-score", "warning")
    assert finding.message == "rspamd gives it 8.5 of 15" and "BAD_WORDS (9.5)" in finding.why


@pytest.mark.parametrize(("score", "severity"), [("7.5", "error"), ("2.6", "warning"), ("1.0", None)])
def test_spamassassin(score, severity):
    where = answering(b"SPAMD/1.1 0 EX_OK\r\nSpam: True ; %s / 5.0\r\n\r\nBAD,WORSE" % score.encode())
    assert [finding.severity for finding in rsmtp.lint(message("Hi"), spamd=where)] == [severity] * bool(
        severity
    )


def test_filters_that_are_none():
    with pytest.raises(ConnectionError, match="spamd: what answers at .* is no spamd"):
        rsmtp.lint(message("Hi"), spamd=answering(b"HTTP/1.0 400 what\r\n\r\n"))
    with pytest.raises(ValueError, match="spamd: 'localhost' is no host and port"):
        rsmtp.lint(message("Hi"), spamd="localhost")
    with pytest.raises(ValueError, match="rspamd: 'localhost' is no URL"):
        rsmtp.lint(message("Hi"), rspamd="localhost")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(ConnectionError, match="rspamd: .* does not answer"):
        rsmtp.lint(message("Hi"), rspamd=f"http://127.0.0.1:{port}")


# -- the command line ---------------------------------------------------------------------


def run(*words):
    from rsmtp.cli import main

    return main(["lint", *map(str, words)])


def test_command(tmp_path, capsys):
    path = tmp_path / "a.eml"
    path.write_bytes(message().as_bytes())
    assert run(path) == 1
    said = capsys.readouterr().out
    assert "template-left" in said and "date-missing" in said and "Fill it in" in said
    assert run(path, "--unsent", "--ignore", "template-left") == 0
    assert "nothing found" in capsys.readouterr().out
    assert run(path, "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False and {"template-left", "date-missing"} <= {
        row["rule"] for row in told["findings"]
    }
    assert run(path, "--ignore", "nonsense") == 2
    assert "no rule 'nonsense'" in capsys.readouterr().err
    assert run(tmp_path / "none.eml") == 66
    assert "none.eml" in capsys.readouterr().err


def test_command_by_severity(tmp_path, capsys):
    path = tmp_path / "a.eml"
    path.write_bytes(message("Hi", subject="BUY THIS RIGHT NOW").as_bytes())
    assert run(path, "--unsent") == 0
    assert "subject-capitals" in capsys.readouterr().out
    assert run(path, "--unsent", "--fail-on", "warning") == 1


# -- the inbox ------------------------------------------------------------------------------


def test_inbox(catcher):
    from urllib.request import urlopen

    with mailer(catcher) as sender:
        sender.send(message(html="<p>Dear {{ name }}</p>"))
    with rsmtp.inbox.Inbox(catcher, port=0) as inbox:
        with urlopen(f"{inbox.url}api/v1/messages/1/lint") as answer:
            told = json.load(answer)
    assert told["findings"][0]["rule"] == "template-left"


def test_notebook():
    found = rsmtp.lint(message(subject="<b>HELLO THERE ALL</b>"))
    told = found._repr_mimebundle_()
    assert "template-left" in told["text/plain"] and "template-left" in told["text/html"]
    assert "<b>HELLO" not in told["text/html"]
    assert "Nothing found." in rsmtp.lint(message("Hi"))._repr_mimebundle_()["text/html"]


def test_a_message_read_by_the_standard_library_is_as_its_octets():
    octets = message().as_bytes()
    assert [one.rule for one in rsmtp.lint(message_from_bytes(octets))] == ["template-left"]
