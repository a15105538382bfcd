"""Standard streams that are closed, as some schedulers start programs, or can't be written: what was sent was
sent, and the exit code says so."""

import os
import subprocess
import sys

import pytest

from .conftest import CLEAN, LETTER, command

pytestmark = pytest.mark.skipif(os.name != "posix", reason="a shell closes the streams")
CSV = "email\nbob@example.org\n"


def run(words, redirections, stdin=""):
    """In a shell, as only there a stream is closed before Python starts."""
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirections}', "sh", *words],
        env=CLEAN, input=stdin, capture_output=True, text=True, timeout=50, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_a_message_is_sent_and_the_exit_code_says_so(closed, to_plain, plain):
    done = run(command("send", *to_plain, *LETTER), closed)
    assert (done.returncode, done.stderr) == (0, "")
    assert [message.email["Subject"] for message in plain.messages] == ["Hello"]


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_what_is_printed_goes_into_no_connection(closed, to_plain, plain):
    """The number of a closed stream would be that of the next socket."""
    code = (
        "import os, sys, rsmtp.cli, rsmtp\n"
        "number = int(sys.argv.pop(1))\n"
        "send = rsmtp.Mailer.send\n"
        "def writes(self, *args, **more):\n"
        "    receipt = send(self, *args, **more)\n"
        "    os.write(number, b'GARBAGE\\r\\n')\n"
        "    return send(self, *args, **more)\n"
        "rsmtp.Mailer.send = writes\n"
        "sys.exit(rsmtp.cli.main())\n"
    )
    for number in ("1", "2"):
        words = [sys.executable, "-c", code, number, "send", *map(str, to_plain), *LETTER]
        assert run(words, closed).returncode == 0
    assert len(plain.messages) == 4
    assert not any("GARBAGE" in str(one) for one in plain.conversations)


@pytest.mark.parametrize("words", [["send", "-"], ["send", *LETTER[:-2]], ["merge", "-", "-"]])
def test_nothing_is_read_from_a_closed_stream(words, to_plain, plain, tmp_path):
    if words[0] == "merge":
        (tmp_path / "letter.txt").write_text("Hello")
        words = ["merge", tmp_path / "letter.txt", "-", "--from", "a@example.org", "--subject", "x"]
    done = run(command(*words, *to_plain), "<&-")
    assert done.returncode == 66
    assert "standard input is closed" in done.stderr and "Traceback" not in done.stderr
    assert not plain.messages


@pytest.fixture(params=["send", "merge", "outbox"])
def sending(request, tmp_path, to_plain):
    """A command that sends one message."""
    if request.param == "send":
        return command("send", *to_plain, *LETTER)
    (tmp_path / "letter.txt").write_text("Hello")
    (tmp_path / "list.csv").write_text(CSV)
    files = (tmp_path / "letter.txt", tmp_path / "list.csv", "--from", "a@example.org", "--to", "{{ email }}")
    if request.param == "merge":
        return command("merge", *files, "--subject", "x", *to_plain)
    import rsmtp

    with rsmtp.Outbox(tmp_path / "mail.db") as outbox:
        outbox.put(("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhi\r\n"))
    return command("outbox", "run", tmp_path / "mail.db", *to_plain)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_full_disk_makes_nothing_unsent(sending, plain):
    done = run(sending, "> /dev/full")
    assert (done.returncode, len(plain.messages)) == (0, 1), done.stderr
    assert done.stderr == "rsmtp: standard output: No space left on device\n"


def test_a_reader_that_has_gone_makes_nothing_unsent(sending, plain):
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(sending, env=CLEAN, stdout=writing, stderr=subprocess.PIPE, timeout=50, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr, len(plain.messages)) == (0, b"", 1)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_refusal_is_told_by_the_exit_code(sending, plain):
    plain.fault("RCPT", reply=(550, "5.1.1 no such user"))
    usual = run(sending, "")
    assert usual.returncode not in (0, 74)
    if "outbox" not in sending:
        assert run(sending, "> /dev/full").returncode == usual.returncode
