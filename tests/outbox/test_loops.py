"""What a run by an AsyncMailer leaves behind: nothing, however its loop ends."""

import asyncio
import gc
import subprocess
import sys

import pytest
from outbox.letters import raw

import rsmtp
from rsmtp.outbox import Outbox
from rsmtp.outbox.owner import Owner


def test_a_run_leaves_nothing_in_memory(outbox, run):
    gc.collect()
    before = sum(type(one) is Owner for one in gc.get_objects())
    for number in range(3):
        outbox.put(raw(number))
        assert run(outbox).sent == 1
    gc.collect()
    assert sum(type(one) is Owner for one in gc.get_objects()) == before


CLOSED = """
import asyncio, gc, sys, threading, time
import rsmtp

async def main():
    async with rsmtp.AsyncMailer({url!r}, connections=1, outbox=box) as mailer:
        await {call}

async def in_flight():
    while not box.status()["sending"]:
        await asyncio.sleep(0.01)

box = rsmtp.Outbox({path!r}, lease=60)
letters = [("a@example.org", ["b@example.org"], b"Subject: x\\r\\n\\r\\nhello\\r\\n")] * 20
loop = asyncio.new_event_loop()
left = loop.create_task(main())
loop.run_until_complete(in_flight())
loop.close()
left._log_destroy_pending = False
del left
end = time.monotonic() + 20
while any(one.name == "rsmtp-outbox" for one in threading.enumerate()) and time.monotonic() < end:
    # What a thread of the loop's executor is still at can't be collected before it is done.
    gc.collect()
    time.sleep(0.01)
print([one.name for one in threading.enumerate() if one.name == "rsmtp-outbox"])
"""


@pytest.mark.parametrize(
    ("call", "count"),
    [("box.run(mailer, forever=True)", 20), ("mailer.send_all(letters, outbox=box)", 40)],
    ids=["run", "send_all"],
)
def test_a_loop_that_is_closed_in_the_middle_ends_the_run(tmp_path, call, count):
    """Nothing renews the lease, and what was not sent is free for others at once."""
    path = tmp_path / "outbox.db"
    with Outbox(path) as outbox, rsmtp.Catcher(tls="none") as catcher:
        outbox.put_all(raw(number) for number in range(20))
        catcher.fault("end of data", stall=True, times=1)
        url = f"smtp://{catcher.host}:{catcher.port}?tls=none"
        program = CLOSED.format(url=url, path=str(path), call=call)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50)
        assert done.stdout == "[]\n", done.stderr
        assert "Exception ignored" not in done.stderr and "Traceback" not in done.stderr, done.stderr
        status = outbox.status()
        assert (status["sending"], status["unknown"], status["queued"]) == (0, 1, count - 1), status

        async def rest():
            async with rsmtp.AsyncMailer(url) as mailer:
                return await outbox.run(mailer)

        assert asyncio.run(asyncio.wait_for(rest(), 20)).sent == count - 1
