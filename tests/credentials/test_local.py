"""Secrets that are stored on this machine, given by function and by URL, for mailers and the
command line."""

import asyncio
import os
import pickle
import re
import sys
import time

import pytest

import rsmtp
from rsmtp import credentials
from rsmtp._mailer.server_urls import from_url
from rsmtp.cli import main
from rsmtp.credentials import CredentialError

MESSAGE = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhi\r\n")
SECRET = "sEcrEt77mArk"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Every kind of source, each with the same secret."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NETRC", raising=False)
    monkeypatch.setenv("MAIL_SECRET", SECRET)
    (tmp_path / "secret").write_text(SECRET + "\n")
    netrc = tmp_path / ".netrc"
    netrc.write_text(f"machine localhost login ann password {SECRET}\n")
    netrc.chmod(0o600)
    keyring = pytest.importorskip("keyring")
    from keyrings.alt.file import PlaintextKeyring

    backend = PlaintextKeyring()
    backend.file_path = str(tmp_path / "keyring")
    before = keyring.get_keyring()
    keyring.set_keyring(backend)
    keyring.set_password("localhost", "ann", SECRET)
    keyring.set_password("mail", "ann", SECRET)
    yield tmp_path
    keyring.set_keyring(before)


PRINTS = [sys.executable, "-c", f"print('{SECRET}'); print('user: ann')"]
SOURCES = {
    "env": lambda: credentials.env("MAIL_SECRET"),
    "file": lambda: credentials.file("~/secret"),
    "file, variable": lambda: credentials.file("$HOME/secret"),
    "command": lambda: credentials.command(PRINTS),
    "command in words": lambda: credentials.command(
        "head -n 1 ../../" + "../" * 20 + os.environ["HOME"][1:] + "/secret"
    ),
    "keyring": lambda: credentials.keyring("localhost", "ann"),
    "netrc": lambda: credentials.netrc("localhost"),
    "netrc of a user": lambda: credentials.netrc("localhost", "ann", path="~/.netrc"),
}
each_source = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)


@each_source
def test_it_gives_the_secret_and_shows_none(home, source):
    made = source()
    assert made() == made(force=True) == SECRET
    assert SECRET not in repr(made) and repr(made).startswith("<rsmtp.credentials.")
    if "command" in repr(made):
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(made)
    else:
        octets = pickle.dumps(made)
        assert SECRET.encode() not in octets and pickle.loads(octets)() == SECRET


@each_source
def test_it_logs_in(home, source, either_mailer):
    with rsmtp.Catcher(tls="none", username="ann", password=SECRET, auth_before_tls=True) as catcher:
        given = {"host": "localhost", "port": catcher.port, "tls": "none", "username": "ann"}
        with rsmtp.Mailer(**given, password=source(), allow_plaintext_auth=True) as mailer:
            assert mailer.send(MESSAGE).ok
            assert SECRET not in repr(mailer)
    with rsmtp.Catcher(tls="none", username="ann", token=SECRET, auth_before_tls=True) as catcher:
        with rsmtp.SmtpClient(catcher.host, catcher.port) as client:
            assert client.login("ann", access_token=source())[0] == 235


URLS = [
    "env:MAIL_SECRET",
    "file:~/secret",
    "command:cat%20{home}/secret",
    "keyring:",
    "keyring:mail",
    "netrc:",
]


@pytest.mark.parametrize("way", ["Mailer", "AsyncMailer", "send", "command line", "variable"])
@pytest.mark.parametrize("source", [*URLS, "netrc:{home}/.netrc"])
def test_a_url_names_it(home, source, way, monkeypatch, capsys):
    source = source.format(home=home)
    with rsmtp.Catcher(tls="none", username="ann", password=SECRET, auth_before_tls=True) as catcher:
        url = f"smtp://ann@localhost:{catcher.port}?tls=none&password={source}"

        async def by_loop():
            async with rsmtp.AsyncMailer(url) as mailer:
                return await mailer.send(MESSAGE)

        if way == "Mailer":
            with rsmtp.Mailer(url) as mailer:
                assert mailer.send(MESSAGE).ok
        elif way == "AsyncMailer":
            assert asyncio.run(by_loop()).ok
        elif way == "send":
            assert rsmtp.send(MESSAGE, url=url).ok
        else:
            where = ["--server", url]
            if way == "variable":
                monkeypatch.setenv("RSMTP_URL", url)
                where = []
            sends = ["send", *where, "--from", "a@example.org", "--to", "b@example.org", "--text", "x", "-v"]
            assert main(sends) == 0
            out = capsys.readouterr()
            assert SECRET not in out.out + out.err
        assert catcher.count == 1 and catcher.messages[0].username == "ann"


def test_a_url_with_a_token_and_one_without_a_user(home):
    given = {"username": "ann", "token": SECRET, "password": SECRET, "auth_before_tls": True}
    with rsmtp.Catcher(tls="none", **given) as catcher:
        there = f"localhost:{catcher.port}?tls=none"
        assert rsmtp.send(MESSAGE, url=f"smtp://ann@{there}&access_token=env:MAIL_SECRET").ok
        assert from_url(f"smtp://{there}&password=netrc:").username == "ann"
        assert main(["check", "--login", f"smtp://ann@{there}&password=keyring:"]) in (0, 1)


BAD_URLS = {
    f"smtp://ann@h?password={SECRET}": "says where it comes from, by one of env:, file:",
    f"smtp://ann@h?password={SECRET}:x": "says where it comes from",
    f"smtp://ann:{SECRET}@h?password=keyring:": "url: password is given twice",
    "smtp://ann@h?password=env:": "does not say which",
    "smtp://ann@h?access_token=command:": "does not say which",
    "smtp://h?password=keyring:": "needs the user, as smtp://USER@h",
    "smtp://ann@h?password=command:%22": "quotation mark",
}


@pytest.mark.parametrize(("url", "why"), BAD_URLS.items())
def test_a_url_that_can_not_be_meant(url, why):
    with pytest.raises(ValueError, match=re.escape(why)) as raised:
        rsmtp.Mailer(url)
    assert SECRET not in str(raised.value)


def written(text, mode=0o600):
    def write(home):
        path = home / "other"
        path.write_bytes(text)
        path.chmod(mode)
        return path

    return write


def python(code):
    return [sys.executable, "-c", code]


MISSING = {
    "no variable": (lambda home: credentials.env("NOT_SET_HERE"), "NOT_SET_HERE is not set"),
    "no file": (lambda home: credentials.file(home / "none"), "can't be read: No such file"),
    "a folder": (lambda home: credentials.file(home), "can't be read: Is a directory"),
    "two lines": (lambda home: credentials.file(written(b"sEcrEt77mArk\nb\n")(home)), "more than one line"),
    "empty": (lambda home: credentials.file(written(b"\n")(home)), "is empty"),
    "octets": (lambda home: credentials.file(written(b"\xff")(home)), "not text in UTF-8"),
    "no program": (lambda home: credentials.command("no-such-program --x"), "can't be run: No such file"),
    "a failure": (lambda home: credentials.command(python(f"'{SECRET}'; raise SystemExit(3)")), "status 3"),
    "nothing": (lambda home: credentials.command(python("print(); print('x')")), "nothing in its first line"),
    "slow": (
        lambda home: credentials.command(python("import time; time.sleep(30)"), timeout=0.2),
        "longer than 0.2 s",
    ),
    "not there": (lambda home: credentials.keyring("localhost", "bob"), "keyring set localhost bob"),
    "no machine": (lambda home: credentials.netrc("other"), "has no password for other"),
    "another user": (lambda home: credentials.netrc("localhost", "bob"), "of another user than bob"),
    "no netrc": (lambda home: credentials.netrc("h", path=home / "none"), "can't be read: No such file"),
    "odd netrc": (
        lambda home: credentials.netrc("h", path=written(f"machine h pasword {SECRET}\n".encode())(home)),
        "line 1: it can't be read",
    ),
}


@pytest.mark.parametrize(("make", "why"), MISSING.values(), ids=MISSING)
def test_what_is_missing_is_told_and_nothing_is_sent(home, make, why, either_mailer):
    source = make(home)
    with pytest.raises(CredentialError, match=re.escape(why)) as raised:
        source()
    told = f"{raised.value} {raised.value.__cause__} {raised.value!r} {source!r}"
    assert SECRET not in told and raised.value.transient is ("longer" in why)
    assert pickle.loads(pickle.dumps(raised.value)).transient is raised.value.transient
    with rsmtp.Catcher(tls="none") as catcher:
        given = {"host": catcher.host, "port": catcher.port, "tls": "none", "username": "ann", "retries": 0}
        with rsmtp.Mailer(**given, password=source) as mailer:
            with pytest.raises(CredentialError, match=re.escape(why)):
                mailer.send(MESSAGE)
        assert catcher.conversations == []


@pytest.mark.parametrize("command", ["send", "check"])
@pytest.mark.parametrize("source", ["env:NOT_SET_HERE", "netrc:"])
def test_the_command_line_tells_what_is_missing(home, source, command, capsys):
    (home / ".netrc").write_text("machine other login ann password x\n")
    with rsmtp.Catcher(tls="none", auth_before_tls=True) as catcher:
        there = f"{'ann@' * (source != 'netrc:')}localhost:{catcher.port}"
        url = f"smtp://{there}?tls=none&password={source}"
        rest = ["--server", url, "--from", "a@example.org", "--to", "b@example.org", "--text", "x"]
        assert main([command, *(rest if command == "send" else ["--login", url])]) == 77
        out = capsys.readouterr()
        assert re.search("NOT_SET_HERE is not set|has no password for localhost", out.err)
        assert catcher.count == 0


def test_it_is_read_anew_for_each_session(home):
    source = credentials.file(home / "secret")
    assert source() == SECRET
    (home / "secret").write_text("another")
    assert source() == "another"


def test_a_program_does_not_wait_for_input(home):
    begun = time.monotonic()
    with pytest.raises(CredentialError):
        credentials.command("cat")()
    assert time.monotonic() - begun < 30


WRONG = [
    (lambda: credentials.env(""), ValueError, "name"),
    (lambda: credentials.env("A=B"), ValueError, "name"),
    (lambda: credentials.env(7), TypeError, "name"),
    (lambda: credentials.file(""), ValueError, "path"),
    (lambda: credentials.file(7), TypeError, "path: a path"),
    (lambda: credentials.command(""), ValueError, "command"),
    (lambda: credentials.command([]), ValueError, "command"),
    (lambda: credentials.command("a 'b"), ValueError, "quotation"),
    (lambda: credentials.command("a", timeout=0), ValueError, "timeout"),
    (lambda: credentials.keyring("h", ""), ValueError, "username"),
    (lambda: credentials.netrc(""), ValueError, "host"),
]


@pytest.mark.parametrize(("call", "error", "why"), WRONG)
def test_wrong_arguments(call, error, why):
    with pytest.raises(error, match=why):
        call()


def test_without_the_library_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(CredentialError, match=r"pip install 'rsmtp\[keyring\]'"):
        credentials.keyring("h", "ann")()
