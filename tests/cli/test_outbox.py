"""``rsmtp outbox`` sends and manages the messages that wait in a file."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request

import pytest

import rsmtp
from rsmtp.outbox import Outbox

LETTER = ("ann@example.org", ["bob@example.net"], b"Subject: Hello\r\n\r\nHi\r\n")


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "mail.db")


@pytest.fixture
def catcher():
    with rsmtp.Catcher() as catcher:
        yield catcher


def url(catcher):
    return f"smtp://{catcher.host}:{catcher.port}?tls=none"


def outbox(*arguments):
    environment = {name: value for name, value in os.environ.items() if name != "RSMTP_URL"}
    return subprocess.run(
        [sys.executable, "-m", "rsmtp", "outbox", *arguments],
        capture_output=True, text=True, env=environment, timeout=60,
    )  # fmt: skip


def test_what_is_due_is_sent(path, catcher):
    with Outbox(path) as box:
        box.put(LETTER, key="a")
        box.put(LETTER)
    done = outbox("run", path, "--server", url(catcher), "--connections", "2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "2 sent\n", "")
    assert len(catcher.messages) == 2
    assert outbox("run", path, "--server", url(catcher)).stdout == "nothing was due\n"
    assert outbox("status", path).stdout.split() == ["sent", "2"]


def test_what_needs_a_person_is_shown_and_queued_again(path, catcher):
    catcher.fault("rcpt", reply=(550, "5.1.1 no such user"), times=1)
    with Outbox(path) as box:
        box.put(LETTER, key="7")
        box.put(LETTER, key="invoice/8")
    done = outbox("run", path, "--server", url(catcher))
    assert (done.returncode, done.stdout) == (1, "1 sent, 1 refused\n")
    dead = outbox("dead", path)
    assert dead.returncode == 1 and "550 5.1.1 no such user" in dead.stdout and "[7]" in dead.stdout
    shown = outbox("show", path, "7").stdout
    assert "put into the outbox" in shown and "bob@example.net refused: 550 5.1.1 no such user" in shown
    assert outbox("retry", path, "7").stdout == "queued 1\n"
    assert outbox("run", path, "--server", url(catcher)).stdout == "1 sent\n"
    assert outbox("dead", path).returncode == 0
    again = outbox("retry", path, "invoice/8")
    assert again.returncode == 2 and "can't be retried" in again.stderr


def test_cancel_purge_and_export(path):
    with Outbox(path) as box:
        box.put(LETTER, key="a")
        box.put(LETTER, key="b")
    assert outbox("cancel", path, "a").stdout == "cancelled 1\n"
    rows = [json.loads(line) for line in outbox("export", path).stdout.splitlines()]
    assert [(row["key"], row["state"]) for row in rows] == [("a", "cancelled"), ("b", "queued")]
    assert rows[0]["recipients"][0] | {"text": None} == {
        "address": "bob@example.net", "fate": "not sent", "stage": None, "code": None, "text": None,
        "transient": False, "state": "cancelled", "options": [],
    }  # fmt: skip
    assert outbox("purge", path).stdout == "deleted 0 messages\n"
    assert outbox("purge", path, "--older-than", "0").stdout == "deleted 1 message\n"


@pytest.fixture
def fated(path, catcher):
    """Four refused messages, two whose fate is unknown, and one that waits."""
    with Outbox(path) as box, rsmtp.Mailer(url(catcher), retries=0) as mailer:
        for name in ("bob1", "bob2", "carol1", "carol2", "bob3", "carol3"):
            if name.endswith("3"):
                catcher.fault("end-of-data", disconnect=True, times=1)
            else:
                catcher.fault("rcpt", reply=(550, "5.1.1 no such user"), times=1)
            box.put(("ann@example.org", [f"{name}@example.net"], LETTER[2]))
            box.run(mailer)
            catcher.clear_faults()
        box.put(("ann@example.org", ["dora@example.net"], LETTER[2]))
        states = [*["refused"] * 4, *["unknown"] * 2, "queued"]
        assert [entry.state for entry in box.entries()] == states


def test_those_that_match_are_retried_and_cancelled(path, fated):
    shown = outbox("show", path, "--search", "to:bob").stdout
    assert [line.split()[0] for line in shown.splitlines() if "example.net  Hello" in line] == ["1", "2", "5"]
    by_search = outbox("retry", path, "--search", "to:bob")
    assert (by_search.returncode, by_search.stdout) == (0, "queued 2 messages\n")
    assert outbox("status", path).stdout.split() == ["queued", "3", "unknown", "2", "refused", "2"]
    both = outbox("retry", path, "--search", "to:carol", "--state", "unknown", "--state", "refused")
    assert both.stdout == "queued 3 messages\n"
    assert outbox("cancel", path, "--search", "to:dora").stdout == "cancelled 1 message\n"
    none = outbox("cancel", path, "--state", "unknown")
    words = "cancelled 0 messages\nleft 1 message: it may have arrived: its fate is unknown\n"
    assert (none.returncode, none.stdout) == (1, words)
    rows = [json.loads(line) for line in outbox("export", path, "--search", "is:queued").stdout.splitlines()]
    assert [row["id"] for row in rows] == [1, 2, 3, 4, 6]
    assert outbox("retry", path, "5").stdout == "queued 5\n"


def test_of_several_named_ones_the_others_are_done(path):
    with Outbox(path) as box:
        for key in "abc":
            box.put(LETTER, key=key)
        box.cancel("b")
    done = outbox("cancel", path, "a", "b", "3")
    assert (done.returncode, done.stdout) == (2, "cancelled 1\ncancelled 3\n")
    assert "message 2 can't be cancelled: it is cancelled already" in done.stderr


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["status", "{none}"], "there is no such file"),
        (["show", "{path}", "nothing"], "there is no message with the key 'nothing'"),
        (["retry", "{path}"], "name the messages by number or key"),
        (["show", "{path}", "--state", "lost"], "state"),
        (["run", "{path}"], "no server: say --server"),
        (["run", "{path}", "--server", "smtp://127.0.0.1:9?tls=none"], "127.0.0.1:9"),
        (["lose", "{path}"], "invalid choice: 'lose'"),
        ([], "required: ACTION, FILE\n"),
        (["status"], "required: FILE\n"),
        (["purge", "{path}", "1"], "MESSAGE does not go with purge: it is for show, retry, cancel, export"),
        (["run", "{path}", "1", "--server", "null:"], "MESSAGE does not go with run"),
        (["status", "{path}", "--state", "sent"], "--state does not go with status"),
        (["dead", "{path}", "--forever"], "--forever does not go with dead: it is for run"),
        (["show", "{path}", "--older-than", "0"], "--older-than does not go with show: it is for purge"),
        (["retry", "{path}", "1"], "it is queued already"),
        (["retry", "{path}", "1", "--state", "dead"], "choose them by --state and --search: not both"),
        (["show", "{path}", "1", "--search", "x"], "choose them by --state and --search: not both"),
        (["cancel", "{path}", "--search", " "], "--search: it is empty"),
        (["cancel", "{path}", "--search", "to:"], "--search: 'to:' says nothing yet"),
        (["cancel", "{path}", "--search", "to: ann"], "--search: 'to:' says nothing yet"),
        (["retry", "{path}", "9" * 30], f"there is no message with the number {'9' * 30}"),
        (["cancel", "{path}", "--search", "is:lost"], "--search: is:lost is not known"),
        (
            ["cancel", "{path}", "--search=-unknownfield:x"],
            "--search: unknownfield: is no field; there are from: ",
        ),
        (["retry", "{path}", "--search", "unknownfield:x"], "--search: unknownfield: is no field"),
        (["purge", "{path}", "--search", "x"], "--search does not go with purge"),
        (["cancel", "{path}", "--state", "lost"], "state"),
        (["retry", "{path}", "1", "--connections", "2"], "--connections does not go with retry"),
    ],
)
def test_what_is_wrong_is_told(path, tmp_path, arguments, words):
    with Outbox(path) as box:
        box.put(LETTER)
    given = [argument.format(path=path, none=tmp_path / "none.db") for argument in arguments]
    done = outbox(*given)
    assert done.returncode not in (0, 1) and words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_forever_ends_with_a_signal(path, catcher, number):
    command = [sys.executable, "-m", "rsmtp", "outbox", "run", path, "--forever", "--server", url(catcher)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        with Outbox(path) as box:
            box.put(LETTER)
        deadline = time.monotonic() + 30
        while not catcher.messages and time.monotonic() < deadline:
            time.sleep(0.02)
        child.send_signal(number)
        output, errors = child.communicate(timeout=30)
    assert (child.returncode, output) == (0, "1 sent\n")
    assert "what is in flight is waited for" in errors


def test_serve_shows_it_until_it_is_stopped(path):
    with Outbox(path) as outbox_file:
        outbox_file.put(LETTER)
    process = subprocess.Popen(
        [sys.executable, "-m", "rsmtp", "outbox", "serve", path, "--web-port", "0"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with process:
        url = next(word for word in process.stdout.readline().split() if word.startswith("http"))
        with urllib.request.urlopen(f"{url}api/v1/outbox") as answer:
            assert json.load(answer)["counts"]["queued"] == 1
        # A browser that is still listening must not keep the command from ending.
        listening = urllib.request.urlopen(f"{url}api/v1/events")
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=30)
        listening.close()
    assert (process.returncode, errors) == (0, "")


def test_serve_says_what_is_wrong(path):
    missing = outbox("serve", path)
    assert (missing.returncode, "there is no such file" in missing.stderr) == (66, True)
    Outbox(path).close()
    remote = outbox("serve", path, "--web-host", "0.0.0.0", "--web-port", "0")
    assert remote.returncode == 2
    assert "no web page on 0.0.0.0:0" in remote.stderr
    assert "say --allow-remote if that is meant" in remote.stderr
    assert "--web-port does not go with status" in outbox("status", path, "--web-port", "1").stderr
