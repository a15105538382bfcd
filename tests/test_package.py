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
