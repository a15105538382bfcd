"""A panic in rsmtp's own code becomes an exception, and the interpreter continues."""

import faulthandler
import importlib.util
import subprocess
import sys
import threading
import tomllib
from pathlib import Path

import pytest
from client.scripted import serve
from test_supply_chain import ENVIRONMENT, ROOT

import rsmtp


@pytest.fixture(scope="module")
def panics():
    """The module that `tests/panics` is compiled to, with the library's own settings."""
    # A build takes its time, so the test's own limit applies.
    faulthandler.cancel_dump_traceback_later()
    command = ["cargo", "build", "--locked", "--features", "python", "--example", "panics", "--quiet"]
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    folder = Path(ENVIRONMENT.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "examples"
    spec = importlib.util.spec_from_file_location("panics", folder / "libpanics.so")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def panicked(panics):
    closed = threading.Event()
    with serve(lambda peer: (peer.until_closed(), closed.set())) as server:
        with pytest.raises(BaseException, match="as the test wants it") as raised:
            panics.converse(server.host, server.port)
        # The panic has unwound. It may come before the server has accepted, so there may be no
        # script to wait for.
        assert closed.wait(20)
    return raised.value


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the name of the built file is Linux's")
@pytest.mark.timeout(600)
def test_a_panic_is_an_exception_and_the_interpreter_goes_on(panics, capfd):
    raised = panicked(panics)
    assert type(raised).__name__ == "PanicException" and not isinstance(raised, Exception)
    in_a_thread = []
    thread = threading.Thread(target=lambda: in_a_thread.append(panicked(panics)))
    thread.start()
    thread.join()
    assert type(in_a_thread[0]) is type(raised)
    with rsmtp.Catcher(tls="none") as catcher:
        with rsmtp.SmtpClient(catcher.host, catcher.port, timeout=20) as client:
            assert client.sendmail("a@example.org", "b@example.org", "x") == {}


def test_no_profile_aborts():
    profiles = tomllib.loads((ROOT / "Cargo.toml").read_text())["profile"]
    assert profiles["release"]["panic"] == "unwind"
    assert all(profile.get("panic", "unwind") == "unwind" for profile in profiles.values())
