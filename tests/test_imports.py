"""The modules that each public entry point loads. Most processes send one message, and each module
that they do not need costs them time.

`BARE` lists all that a successful run may load beside rsmtp's own modules. Modules for errors or
logs are loaded only when there is one.
"""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rsmtp

# These are small, most of them in C, and in nearly every process.
BARE = {"__future__", "_socket", "binascii", "itertools", "types", "_thread", "math", "_datetime", "time"}

# The limit on rsmtp's own modules.
MESSAGE = "rsmtp.Message('Grüße', subject='Grüße', from_='a@x.example', to='b@x.example')"
ENTRIES = {
    "rsmtp": ("import rsmtp", 1),
    "Message": (f"import rsmtp; {MESSAGE}.as_bytes()", 11),
    "SmtpClient": (
        f"import rsmtp\nwith rsmtp.SmtpClient('localhost', PORT, tls='starttls', context=TLS) as client:\n"
        f"    client.login('ann', 'secret'); client.send_message({MESSAGE})",
        30,
    ),
    "Mailer": (f"import rsmtp\nrsmtp.Mailer(host='localhost', **LOGIN).send({MESSAGE})", 25),
    "Mailer, by a URL": (f"import rsmtp\nrsmtp.Mailer(URL, context=TLS).send({MESSAGE})", 26),
    "Mailer, many": (f"import rsmtp\nrsmtp.Mailer(host='localhost', **LOGIN).send_all([{MESSAGE}] * 3)", 27),
    "send": (f"import rsmtp\nrsmtp.send({MESSAGE}, host='localhost', **LOGIN)", 26),
    "smtplib and email.mime": (
        "from rsmtp import smtplib\n"
        "from rsmtp.email.mime.text import MIMEText\n"
        "from rsmtp.email.mime.multipart import MIMEMultipart\n"
        "m = MIMEMultipart(); m['Subject'] = 'Hello'; m['From'] = 'a@x.example'; m['To'] = 'b@x.example'\n"
        "m.attach(MIMEText('Hello', 'plain'))\n"
        "with smtplib.SMTP('localhost', PORT) as s:\n"
        "    s.ehlo(); s.starttls(context=TLS); s.ehlo(); s.login('ann', 'secret')\n"
        "    s.sendmail('a@x.example', 'b@x.example', m.as_string())",
        41,
    ),
}  # fmt: skip


def loaded_by(program, catcher):
    program = f"""
import sys
from pathlib import Path
before = set(sys.modules)
PORT = {catcher.port}
import rsmtp
TLS = rsmtp.TlsConfig(ca_file={catcher.ca_file!r}) if {"TLS" in program or "LOGIN" in program} else None
LOGIN = dict(port=PORT, username="ann", password="secret", context=TLS)
URL = f"smtp://ann:secret@localhost:{{PORT}}"
{program}
print(sorted(set(sys.modules) - before))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    return set(ast.literal_eval(done.stdout))


@pytest.mark.parametrize("name", ENTRIES)
def test_nothing_is_loaded_that_is_not_needed(name):
    program, ours = ENTRIES[name]
    with rsmtp.Catcher(username="ann", password="secret") as catcher:
        loaded = loaded_by(program, catcher)
        sends = "PORT" in program or "LOGIN" in program or "URL" in program
        assert catcher.count == (3 if "* 3" in program else int(sends))
    own = {module for module in loaded if module.partition(".")[0] == "rsmtp"}
    others = {module.partition(".")[0] for module in loaded - own}
    assert {module for module in others - BARE if not module.startswith("_")} == set()
    assert len(own) <= ours, sorted(own)


# The modules of rsmtp that a command loads, and those of the standard library that it must not load.
OF_COMMANDS = {"rsmtp", "rsmtp._rsmtp", "rsmtp.cli", "rsmtp.cli.exit_code"}
HEAVY = {
    *("email", "smtplib", "asyncio", "ssl", "inspect", "typing", "dataclasses", "datetime"),
    *("shutil", "pathlib", "bz2", "lzma", "subprocess", "importlib.metadata"),
}
# A command that sends a message loads them if something is to be read or told that is not plain.
UNUSUAL = {
    "argparse",
    "gettext",
    "locale",
    "logging",
    "re",
    "textwrap",
    "urllib",
    "urllib.parse",
    "contextlib",
}


@pytest.mark.parametrize(
    ("arguments", "ours", "avoided"),
    [
        (["--version"], OF_COMMANDS, {*HEAVY, "argparse", "re"}),
        (["--help"], {*OF_COMMANDS, "rsmtp.cli.help_text"}, HEAVY),
    ],
)
def test_a_command_loads_what_it_needs(arguments, ours, avoided):
    loaded = loaded_by_command(arguments)
    assert {name for name in loaded if name.partition(".")[0] == "rsmtp"} == ours
    colours = {"dataclasses", "inspect"} if sys.version_info >= (3, 14) and "--help" in arguments else set()
    assert loaded & avoided == loaded & colours  # those of argparse


def test_a_command_that_sends_loads_what_it_needs(monkeypatch):
    monkeypatch.setenv("RSMTP_PASSWORD", "secret")
    with rsmtp.Catcher(username="ann", password="secret") as catcher:
        server = ["--server", f"smtp://ann@localhost:{catcher.port}", "--ca-file", catcher.ca_file]
        addresses = ["--from", "a@x.example", "--to", "b@x.example"]
        loaded = loaded_by_command(["send", *server, *addresses, "--subject", "Hello", "--text", "Hello"])
        assert catcher.count == 1
    assert loaded & {*HEAVY, *UNUSUAL} == set()
    assert "rsmtp.errors" not in loaded
    assert len([name for name in loaded if name.partition(".")[0] == "rsmtp"]) <= 40


def loaded_by_command(arguments):
    program = f"""
import sys
from rsmtp.cli import main
try:
    code = main({arguments!r})
except SystemExit as exit:
    code = exit.code
print(*sys.modules)
sys.exit(code)
"""
    done = subprocess.run(
        [sys.executable, "-S", "-c", program],
        capture_output=True,
        text=True,
        timeout=50,
        env=dict(os.environ, PYTHONPATH=str(Path(rsmtp.__file__).parent.parent)),
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split())


def test_what_is_loaded_late_is_derived_from_all_the_same():
    """The standard library's classes become bases of rsmtp's when a program loads them: before or
    after, in any order."""
    program = """
import rsmtp, sys
from rsmtp.email.mime.text import MIMEText
from rsmtp.email.mime.multipart import MIMEMultipart
from rsmtp.email.message import EmailMessage
class Mine(MIMEText):
    pass
text, mine, ours, new = MIMEText("hi"), Mine("hi"), rsmtp.Message("hi"), EmailMessage()
assert "email.message" not in sys.modules
import email.message
assert isinstance(text, email.message.Message) and isinstance(mine, email.message.Message)
assert isinstance(ours, email.message.Message) and isinstance(new, email.message.EmailMessage)
assert isinstance(new, email.message.MIMEPart)
assert not isinstance(text, email.message.EmailMessage)
import email.mime.text, email.mime.multipart, email.mime.base
assert isinstance(text, email.mime.text.MIMEText) and isinstance(mine, email.mime.text.MIMEText)
assert isinstance(text, email.mime.base.MIMEBase) and not isinstance(text, email.mime.multipart.MIMEMultipart)
assert isinstance(MIMEMultipart(), email.mime.multipart.MIMEMultipart)
assert issubclass(MIMEText, email.mime.nonmultipart.MIMENonMultipart)
for module in ("email.message", "email.mime.text"):
    assert type(sys.modules[module].__spec__.loader).__module__ == "_frozen_importlib_external"
assert mine.as_string() == text.as_string() == MIMEText("hi").as_string()
print("ok")
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50)
    assert done.stdout == "ok\n", done.stderr


def test_names_for_annotations_are_all_given():
    """The names that a module imports only for type checkers can still be looked up later."""
    package = Path(rsmtp.__file__).parent
    seen = 0
    for path in package.rglob("*.py"):
        given, checked = set(), set()
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
                continue
            for inner in node.body:
                if isinstance(inner, ast.ImportFrom) and inner.module in (
                    "typing",
                    "types",
                    "collections.abc",
                ):
                    checked |= {alias.name for alias in inner.names}
            for inner in node.orelse:
                call = inner.value if isinstance(inner, ast.Expr) else None
                if isinstance(call, ast.Call) and ast.unparse(call.func) == "later":
                    given |= set(call.args[1].value.split())
        if given:
            seen += 1
            helpers = {"overload", "TypeVar", "ParamSpec", "Generic", "Concatenate"}
            assert given == checked - helpers, path
    assert seen > 8
