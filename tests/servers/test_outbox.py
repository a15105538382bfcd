"""An outbox with a real Postfix. The sending processes are killed, and so is Postfix.

Postfix keeps the messages in its queue, where each is found as often as it has arrived. The outbox
has to agree. RSMTP_OUTBOX_MESSAGES, RSMTP_OUTBOX_KILLS and RSMTP_OUTBOX_LIFE (the seconds that a
process lives) make the run longer.
"""

import contextlib
import os
import threading

import pytest
from outbox.killed import agree, kill_again_and_again
from outbox.letters import make_due, number_of, raw

import rsmtp
from rsmtp.outbox import Outbox

MESSAGES = int(os.environ.get("RSMTP_OUTBOX_MESSAGES", "1000"))
KILLS = int(os.environ.get("RSMTP_OUTBOX_KILLS", "6"))
LONGEST = float(os.environ.get("RSMTP_OUTBOX_LIFE", "0.15"))


@pytest.fixture(autouse=True)
def clean(bed):
    bed.empty()
    yield
    bed.empty()


@pytest.fixture
def outbox(tmp_path):
    with Outbox(tmp_path / "outbox.db") as outbox:
        outbox.put_all(raw(number, ["user@sink.test"]) for number in range(MESSAGES))
        yield outbox


def arrived(bed):
    return [number_of(held.content) for held in bed.held().values() if held.content]


@pytest.mark.parametrize("how", ["threads", "loop"])
def test_the_sending_process_is_killed(bed, outbox, tmp_path, how):
    url = f"smtp://{bed.host}:{bed.ports['held']}"
    path = tmp_path / "outbox.db"
    killed = kill_again_and_again(
        outbox, path, url, kills=KILLS, how=how, longest=LONGEST, ca_file=bed.ca_file
    )
    unknown = agree(outbox, arrived(bed))
    print(f"killed {killed} times, {len(unknown)} of {MESSAGES} unknown")
    resend_what_is_unknown(bed, outbox, unknown)


def test_postfix_is_killed(bed, outbox, tmp_path):
    url = f"smtp://{bed.host}:{bed.ports['held']}"
    mailer = rsmtp.Mailer(
        url, context=rsmtp.TlsConfig(ca_file=bed.ca_file), connections=2, retries=1, backoff=0.05, timeout=20
    )
    for _ in range(2):
        crash = threading.Timer(0.3, lambda: bed.stop(kill=True))
        crash.start()
        with contextlib.suppress(rsmtp.SMTPException, OSError):
            outbox.run(mailer)
        crash.join()
        bed.start()
    with Outbox(tmp_path / "outbox.db", first_retry=0.01) as again:
        make_due(again)
        again.run(mailer)
    mailer.close()
    resend_what_is_unknown(bed, outbox, agree(outbox, arrived(bed)))


def resend_what_is_unknown(bed, outbox, unknown):
    """Sends the unknown messages again on request. Only they may have arrived twice."""
    for entry in list(outbox.entries("unknown")):
        outbox.retry(entry.id)
    context = rsmtp.TlsConfig(ca_file=bed.ca_file)
    with rsmtp.Mailer(f"smtp://{bed.host}:{bed.ports['held']}", context=context, timeout=20) as mailer:
        assert outbox.run(mailer).sent == len(unknown)
    numbers = arrived(bed)
    assert set(numbers) == set(range(MESSAGES))
    assert {number for number in numbers if numbers.count(number) > 1} <= set(unknown)
    assert outbox.status()["sent"] == MESSAGES
