"""The package `rsmtp`: its names are there when they are asked for, and loaded no sooner."""

import subprocess
import sys

import pytest

import rsmtp
from rsmtp import errors


def test_every_error_is_a_name_of_the_package():
    assert set(errors.__all__) <= set(rsmtp.__all__)


@pytest.mark.parametrize("name", rsmtp.__all__)
def test_every_name_is_there(name):
    assert getattr(rsmtp, name) is getattr(rsmtp, name)
    assert name in dir(rsmtp)


def test_other_names_are_not():
    with pytest.raises(AttributeError, match="module 'rsmtp' has no attribute 'SmtpServer'"):
        rsmtp.SmtpServer  # noqa: B018


def test_importing_it_loads_nothing_else():
    program = "import sys, rsmtp; print(sorted(name for name in sys.modules if name.startswith('rsmtp')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "['rsmtp']\n"


# What the standard library has for programs that do by themselves what the engine does, and for
# errors, logs and other messages than ours.
NOT_NEEDED = {
    *("email", "smtplib", "logging", "inspect", "dataclasses", "asyncio", "ssl", "hashlib", "hmac"),
    *("base64", "quopri", "string", "importlib.util", "threading", "subprocess", "rsmtp.errors"),
}


@pytest.mark.parametrize(
    "call",
    [
        "rsmtp.send({message}, {url!r}, context={context})",
        "rsmtp.Mailer({url!r}, context={context}).send({message})",
        "list(rsmtp.Mailer({url!r}, context={context}).send_all([{message}], stream=True))",
        "rsmtp.send(('a@x.example', ['b@x.example'], b'Subject: s'), {url!r}, context={context})",
    ],
)
@pytest.mark.parametrize("tls", ["none", "starttls"])
def test_a_message_that_is_sent_loads_no_module_that_it_does_not_need(call, tls):
    with rsmtp.Catcher(tls=tls, username="ann", password="secret") as catcher:
        url = f"smtp://ann:secret@localhost:{catcher.port}"
        if tls == "none":
            url = f"smtp://localhost:{catcher.port}?tls=none"
        context = f"rsmtp.TlsConfig(ca_file={catcher.ca_file!r})" if tls != "none" else None
        message = "rsmtp.Message('Grüße', subject='Grüße', from_='a@x.example', to='b@x.example')"
        program = f"""
import sys
before = set(sys.modules)
import rsmtp
{call.format(message=message, url=url, context=context)}
print(sorted({NOT_NEEDED!r} & (set(sys.modules) - before)))
"""
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50)
        assert done.stdout == "[]\n", done.stderr
        assert catcher.count == 1


def test_a_star_import_has_all_names():
    program = "from rsmtp import *; print(SmtpClient.__name__, SMTPException.__name__, smtplib.SMTP.__name__)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "SmtpClient SMTPException SMTP\n"


def test_dir_shows_public_names_only():
    shown = {name for name in dir(rsmtp) if not name.startswith("__")}
    assert shown == {name for name in rsmtp.__all__ if not name.startswith("__")}


def test_modules_load_by_attribute():
    program = "import rsmtp; print(rsmtp.inbox.__name__, rsmtp.testing.__name__)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "rsmtp.inbox rsmtp.testing\n"
