"""The output in a terminal and in a pipe."""

import subprocess
import sys

import pytest

from .conftest import CLEAN, command
from .test_passwords import Terminal


def test_colour_on_a_terminal_only(run, plain):
    terminal = Terminal("check", f"localhost:{plain.port}")
    terminal.until("Nothing is encrypted")
    assert terminal.end() == 1
    assert "\x1b[31mx\x1b[0m Nothing is encrypted" in terminal.text
    assert "\x1b" not in run("check", f"localhost:{plain.port}").out


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_no_colour_where_it_is_not_wanted(plain, environment):
    terminal = Terminal("check", f"localhost:{plain.port}", **environment)
    terminal.until("Nothing is encrypted")
    terminal.end()
    assert "\x1b" not in terminal.text


def test_a_reader_that_goes_away(tmp_path):
    """The case of `rsmtp ... | head -1`."""
    (tmp_path / "big.txt").write_text("line\n" * 200_000)
    letter = ("--from", "a@b.org", "--to", "b@b.org", "--text-file", tmp_path / "big.txt")
    process = subprocess.Popen(
        command("send", "--dry-run", *letter), env=CLEAN, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(timeout=20) == 141
    process.stderr.close()


@pytest.mark.parametrize("arguments", [(), ("send",), ("check",), ("catch",), ("demo",), ("completion",)])
def test_help(run, arguments):
    done = run(*arguments, "--help", code=0)
    assert done.out.startswith("usage: rsmtp")
    assert max(map(len, done.out.splitlines())) <= 110
    if arguments:
        assert "examples:" in done.out or "for this session" in done.out


def test_no_command(run):
    done = run(code=2)
    assert done.out == "" and "examples:" in done.err and "rsmtp catch" in done.err


def test_version(run):
    assert run("--version", code=0).out == f"rsmtp {__import__('rsmtp').__version__}\n"


def test_the_command_and_the_module_are_the_same():
    from pathlib import Path

    script = Path(sys.executable).with_name("rsmtp")
    said = subprocess.run([script, "--version"], capture_output=True, text=True, check=True).stdout
    assert said == f"rsmtp {__import__('rsmtp').__version__}\n"


def test_a_missing_file_s_name_does_not_steer_the_terminal(run):
    letter = ("--server", "smtp://localhost", "--from", "a@b.org", "--to", "b@b.org", "--text", "x")
    for arguments in (("--attach", "\x1b]0;owned\x07"), ("--html-file", "\x1b[2J")):
        said = run("send", *letter, *arguments, code=66).err
        assert "\x1b" not in said and "\\x1b" in said
