"""The package `rsmtp` has all its names, and loads each only when it is used."""

import importlib
import inspect
import pkgutil
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
    for name in ("SMTP", "SMTP_SSL", "LMTP"):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}': it is rsmtp.smtplib.{name}$"):
            getattr(rsmtp, name)
        assert hasattr(rsmtp.smtplib, name)


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


SCRIPTS = ("rsmtp.__main__", "rsmtp.demo.send_email")


def _modules():
    for found in pkgutil.walk_packages(rsmtp.__path__, "rsmtp."):
        if found.name not in SCRIPTS:
            try:
                yield importlib.import_module(found.name)
            except ImportError as missing:
                # A framework of the user's, which an extra brings.
                assert missing.name and not missing.name.startswith("rsmtp"), missing


def _callables():
    """(name, object) of all of rsmtp's functions, classes and methods, including the extension's."""
    seen = set()
    for module in _modules():
        for name, found in vars(module).items():
            if not callable(found) or not getattr(found, "__module__", None) or id(found) in seen:
                continue
            if not found.__module__.startswith(("rsmtp", "_rsmtp", "builtins")):
                continue
            seen.add(id(found))
            yield f"{module.__name__}.{name}", found
            if inspect.isclass(found) and found.__module__ != "builtins":
                for method in vars(found):
                    member = inspect.getattr_static(found, method)
                    member = getattr(member, "__func__", member)
                    if callable(member):
                        yield f"{module.__name__}.{name}.{method}", member


def test_every_default_is_told():
    """`...` in a signature would say that there is a default but not which one."""
    kept_secret, looked_at = [], 0
    for name, found in _callables():
        try:
            parameters = inspect.signature(found).parameters.values()
        except (ValueError, TypeError):
            continue
        looked_at += 1
        kept_secret += [f"{name}({one.name}=...)" for one in parameters if one.default is ...]
    assert looked_at > 1000
    assert not kept_secret


@pytest.mark.parametrize(
    ("called", "default"),
    [
        (("Message", "subtype"), "plain"),
        (("Message.get_payload", "decode"), False),
        (("Message.get_param", "unquote"), True),
        (("Message.set_param", "requote"), True),
        (("Message.set_param", "replace"), False),
        (("Message.as_bytes", "unixfrom"), False),
        (("Catcher.restore", "timeline"), None),
    ],
)
def test_a_default_as_help_shows_it(called, default):
    path, argument = called
    found = rsmtp
    for name in path.split("."):
        found = getattr(found, name)
    assert inspect.signature(found).parameters[argument].default == default
