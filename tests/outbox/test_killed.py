"""Processes that are killed, and several processes that share an outbox."""

import asyncio
import threading
import time

import pytest
from outbox.killed import agree, kill_again_and_again, start
from outbox.letters import number_of, raw

import rsmtp
from rsmtp.outbox import Outbox


def numbers(catcher):
    return [number_of(message.data) for message in catcher.messages]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "outbox.db"


@pytest.mark.parametrize("how", ["threads", "loop"])
def test_killed_again_and_again_each_arrives_once_or_is_unknown(path, how):
    with rsmtp.Catcher(keep=10_000) as catcher, Outbox(path) as outbox:
        catcher.fault("end of data", delay=0.001)
        outbox.put_all(raw(number) for number in range(1500))
        url = f"smtp://{catcher.host}:{catcher.port}?tls=none"
        killed = kill_again_and_again(outbox, path, url, kills=12, how=how)
        unknown = agree(outbox, numbers(catcher))
        assert killed >= 5
        # These are sent again on request, so only they may have arrived twice.
        for entry in list(outbox.entries("unknown")):
            outbox.retry(entry.id)
        with rsmtp.Mailer(url) as mailer:
            assert outbox.run(mailer).sent == len(unknown)
        arrived = numbers(catcher)
        assert set(arrived) == set(range(1500))
        assert {number for number in arrived if arrived.count(number) > 1} <= set(unknown)


def test_three_processes_and_eight_threads_share_it(path):
    with rsmtp.Catcher(keep=10_000) as catcher, Outbox(path, lease=60) as outbox:
        url = f"smtp://{catcher.host}:{catcher.port}?tls=none"
        outbox.put_all(raw(number) for number in range(4000))
        children = [start(path, url, how, lease=60) for how in ("threads", "loop", "threads")]
        with rsmtp.Mailer(url, connections=4) as mailer:
            threads = [threading.Thread(target=outbox.run, args=(mailer,)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        for child in children:
            _, errors = child.communicate(timeout=120)
            assert child.returncode == 0, errors
        assert sorted(numbers(catcher)) == list(range(4000))
        assert outbox.status()["sent"] == 4000


def test_what_a_dead_process_had_claimed_is_waited_for(path):
    with rsmtp.Catcher() as catcher, Outbox(path, lease=0.4) as outbox:
        outbox.put_all(raw(number) for number in range(3))
        dead = outbox._store.enlist("one that is dead", time.time())
        first, second, _ = outbox._store.claim(dead, time.time()).messages()
        outbox._store.say_ends(dead, [second.id], [], time.time())
        with rsmtp.Mailer(f"smtp://{catcher.host}:{catcher.port}?tls=none") as mailer:
            ran = outbox.run(mailer)
        assert ran.sent == 2 and numbers(catcher) == [0, 2]
        entry = outbox.get(second.id)
        assert entry.state == "unknown" and "one that is dead" in entry.error
        assert first.id == 1


def test_one_that_is_alive_is_not_waited_for(path):
    with rsmtp.Catcher() as catcher, Outbox(path, lease=60) as outbox:
        outbox.put(raw(1))
        alive = outbox._store.enlist("one that is alive", time.time())
        assert outbox._store.claim(alive, time.time()).ids
        renewed = threading.Timer(0.3, lambda: outbox._store.renew(alive, time.time() + 1))
        renewed.start()
        with rsmtp.Mailer(f"smtp://{catcher.host}:{catcher.port}?tls=none") as mailer:
            began = time.monotonic()
            assert sum(outbox.run(mailer)) == 0
            assert time.monotonic() - began < 30
        renewed.join()


def test_an_answer_that_comes_too_late_is_told_all_the_same(path):
    """The lease had expired, so the message was unknown. Then the server accepted it."""
    with rsmtp.Catcher() as catcher, Outbox(path, lease=0.2) as outbox:
        catcher.fault("end of data", delay=1.0)
        outbox.put(raw(1))
        keep = outbox._store.renew
        outbox._store.renew = lambda owner, now: None
        watching = threading.Timer(0.6, lambda: outbox._store.take_over(time.time()))
        watching.start()
        with rsmtp.Mailer(f"smtp://{catcher.host}:{catcher.port}?tls=none") as mailer:
            outbox.run(mailer)
        watching.join()
        outbox._store.renew = keep
        assert [event.what for event in outbox.history(1)] == ["queued", "unknown", "sent"]
        assert outbox.get(1).state == "sent"


def test_the_lease_is_renewed_while_a_server_takes_its_time(path, catcher, run):
    with Outbox(path, lease=1.5) as outbox:
        catcher.fault("end of data", delay=3.0)
        outbox.put(raw(1))
        ended = threading.Event()

        def watch():
            while not ended.wait(0.1):
                outbox._store.take_over(time.time())

        watching = threading.Thread(target=watch)
        watching.start()
        run(outbox)
        ended.set()
        watching.join()
        assert [event.what for event in outbox.history(1)] == ["queued", "sent"]


def test_forever_goes_on_until_it_is_told_to_stop(path):
    with rsmtp.Catcher() as catcher, Outbox(path) as outbox:
        stop = threading.Event()
        with rsmtp.Mailer(f"smtp://{catcher.host}:{catcher.port}?tls=none") as mailer:
            ran = []
            thread = threading.Thread(
                target=lambda: ran.append(outbox.run(mailer, forever=True, stop=stop)), daemon=True
            )
            thread.start()
            for number in range(3):
                outbox.put(raw(number))
                deadline = time.monotonic() + 20
                while len(catcher.messages) <= number and time.monotonic() < deadline:
                    time.sleep(0.02)
            stop.set()
            thread.join(20)
        assert ran and ran[0].sent == 3 and numbers(catcher) == [0, 1, 2]


def run_until(stop, how, outbox, url):
    if how == "threads":
        with rsmtp.Mailer(url, retries=0) as mailer:
            outbox.run(mailer, forever=True, stop=stop)
        return

    async def run():
        over = asyncio.Event()
        async with rsmtp.AsyncMailer(url, retries=0) as mailer:
            running = asyncio.create_task(outbox.run(mailer, forever=True, stop=over))
            await asyncio.to_thread(stop.wait)
            over.set()
            await running

    asyncio.run(run())


@pytest.mark.parametrize("how", ["threads", "loop"])
def test_forever_waits_for_a_server_that_is_away(path, how):
    """What was claimed ahead while it was away is sent as well, by this run."""
    with rsmtp.Catcher() as catcher:
        host, port = catcher.host, catcher.port
    with Outbox(path) as outbox:
        outbox.put_all(raw(number) for number in range(1500))
        stop = threading.Event()
        url = f"smtp://{host}:{port}?tls=none"
        thread = threading.Thread(target=run_until, args=(stop, how, outbox, url))
        thread.start()
        time.sleep(1)
        with rsmtp.Catcher(port=port, keep=10_000) as catcher:
            deadline = time.monotonic() + 20
            while outbox.status()["sent"] != 1500 and time.monotonic() < deadline:
                time.sleep(0.05)
            stop.set()
            thread.join(20)
        assert outbox.status()["sent"] == 1500
        assert sorted(numbers(catcher)) == list(range(1500))


def test_one_that_waits_and_lost_its_lease_stays(path):
    """After a suspend, another process has ended this owner, which had no messages."""
    from rsmtp.outbox.owner import Owner

    with Outbox(path, lease=0.2) as outbox:
        owner = Owner(outbox._store)
        before = owner.id
        time.sleep(0.3)
        outbox._store.take_over(time.time())
        owner.stay()
        assert owner.id != before
        with rsmtp.Mailer("smtp://127.0.0.1:9?tls=none") as mailer:
            owner.begin(mailer)
        outbox.put(raw(1))
        assert len(owner.claim()) == 1
