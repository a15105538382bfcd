"""A program may put our mirrors in the places of the standard library's modules, so that the packages
that it uses send by them; tests put doubles there. (In processes of their own.)"""

import subprocess
import sys

import pytest

BEFORE = {
    "the module was loaded": "import smtplib as before, rsmtp.smtplib",
    "the module was not loaded": "import rsmtp.smtplib; before = None",
}
PROGRAM = """
sys.modules["smtplib"] = rsmtp.smtplib
import logging.handlers, pickle
import smtplib  # as other packages do

assert smtplib is rsmtp.smtplib and issubclass(smtplib.SMTPDataError, smtplib.SMTPException)
for kind in filter(None, (before, smtplib)):
    try:
        smtplib.SMTP("127.0.0.1", 1, timeout=5)
    except kind.SMTPException as error:
        assert type(pickle.loads(pickle.dumps(error))) is rsmtp.errors.SMTPConnectionRefused
    else:
        raise AssertionError
with rsmtp.Catcher(tls="none") as catcher:
    server = catcher.host, catcher.port
    handler = logging.handlers.SMTPHandler(server, "a@example.org", ["b@example.org"], "s")
    handler.handleError = lambda record: (_ for _ in ()).throw(sys.exc_info()[1])
    handler.emit(logging.makeLogRecord({"msg": "hello"}))
    assert b"hello" in catcher.wait_for(1, 5)[0].data
"""


def run(program):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
def test_smtplib(before):
    run(f"import sys\n{before}\n{PROGRAM}")


@pytest.mark.parametrize("double", ["unittest.mock.MagicMock()", "types.ModuleType('smtplib')"])
def test_a_double(double):
    run(
        f"import sys, types, unittest.mock, rsmtp; sys.modules['smtplib'] = double = {double}\n"
        "try: rsmtp.SmtpClient('127.0.0.1', 1, timeout=5)\n"
        "except rsmtp.smtplib.SMTPException as error: assert sys.modules['smtplib'] is double\n"
        "else: raise AssertionError"
    )


def test_email():
    shown = run(
        "import sys, importlib, email\n"
        "names = 'message charset header utils mime.base mime.text mime.multipart'.split()\n"
        "for name in names: importlib.import_module(f'email.{name}')\n"
        "ours = {f'email.{name}': importlib.import_module(f'rsmtp.email.{name}') for name in names}\n"
        "sys.modules |= ours\n"
        "from email.charset import Charset\n"
        "from email.message import Message, _formatparam\n"
        "from email.mime.text import MIMEText\n"
        "assert not isinstance('x', Charset) and isinstance(MIMEText('x'), Message)\n"
        "print(MIMEText.__module__, _formatparam('a', 'b'), MIMEText('é', 'plain', Charset('utf-8')))"
    )
    assert shown.startswith('rsmtp.email.mime.text a="b" Content-Type: text/plain; charset="utf-8"\n')


def test_what_stands_there_stays_there_while_the_module_is_loaded():
    """Other threads look at `sys.modules`, too."""
    run(
        "import sys, rsmtp, rsmtp.smtplib\n"
        "assert 'smtplib' not in sys.modules\n"
        "sys.modules['smtplib'] = rsmtp.smtplib\n"
        "from rsmtp._common.standard import standard\n"
        "gone = []\n"
        "def watch(frame, event, argument):\n"
        "    gone.append(sys.modules.get('smtplib') is not rsmtp.smtplib)\n"
        "sys.setprofile(watch)\n"
        "module = standard('smtplib')\n"
        "sys.setprofile(None)\n"
        "assert module is not rsmtp.smtplib and module.SMTP.__module__ == 'smtplib'\n"
        "assert len(gone) > 50 and not any(gone)\n"
        "assert issubclass(rsmtp.SMTPException, module.SMTPException)\n"
    )
