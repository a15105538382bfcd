"""The results of messages when an outbox is sent."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest
from outbox.letters import letter, make_due, number_of, raw

import rsmtp
from rsmtp.outbox import Outbox, OutboxError
from rsmtp.outbox.ahead import Ahead
from rsmtp.outbox.owner import Ends, Owner
from rsmtp.outbox.store import Store


def numbers(catcher):
    return sorted(number_of(message.data) for message in catcher.messages)


def test_each_arrives_once_and_is_told(outbox, catcher, run):
    outbox.put_all(raw(number) for number in range(700))
    ran = run(outbox, connections=2)
    assert ran.sent == 700 and ran.ok
    assert numbers(catcher) == list(range(700))
    assert outbox.status() == dict.fromkeys(outbox.status(), 0) | {"sent": 700}
    assert run(outbox) == (0, 0, 0, 0, 0, 0)
    entry = outbox.get(1)
    assert entry.receipt.ok and entry.receipt.queue_id and entry.server
    assert [event.what for event in outbox.history(1)] == ["queued", "sent"]


def test_the_octets_are_those_that_were_put(outbox, catcher, run):
    outbox.put(letter(1, text="Grüße\n.\n..dots\n", subject="Number 1 äöü"))
    run(outbox)
    (message,) = catcher.messages
    assert message.data == outbox.content(1)


def test_those_that_are_not_due_wait(outbox, catcher, run):
    outbox.put(letter(1), at=datetime.now(UTC) + timedelta(hours=1))
    outbox.put(letter(2))
    assert run(outbox).sent == 1
    assert numbers(catcher) == [2] and outbox.get(1).state == "queued"


def test_those_that_have_expired_are_not_sent(outbox, catcher, run):
    outbox.put(letter(1), key="late", expires=time.time() - 1)
    assert run(outbox).sent == 0 and not catcher.messages
    entry = outbox.get("late")
    assert entry.state == "dead" and "expired" in entry.error
    outbox.retry("late")
    assert run(outbox).sent == 1


def test_priority_goes_first(outbox, catcher, run):
    for number, priority in enumerate([0, 5, -1, 5, 0]):
        outbox.put(letter(number), priority=priority)
    run(outbox)
    assert [number_of(message.data) for message in catcher.messages] == [1, 3, 0, 4, 2]


def test_each_recipient_has_a_fate_of_its_own(outbox, catcher, run):
    catcher.fault("rcpt", address="no@example.net", reply=(550, "5.1.1 no such user"))
    catcher.fault("rcpt", address="later@example.net", reply=(450, "4.2.0 greylisted"))
    to = ["bob@example.net", "no@example.net", "later@example.net"]
    outbox.put(raw(1, to), key="a")
    ran = run(outbox)
    assert ran.put_off == 1
    entry = outbox.get("a")
    assert entry.state == "queued" and entry.states == ["sent", "refused", "open"]
    assert entry.receipt.sent == ["bob@example.net"]
    assert 25 < (entry.due - datetime.now(UTC)).total_seconds() < 61
    assert entry.attempts == 1
    catcher.clear_faults()
    make_due(outbox)
    assert run(outbox).refused == 1
    entry = outbox.get("a")
    assert entry.state == "refused" and entry.states == ["sent", "refused", "sent"]
    assert [message.rcpt_tos for message in catcher.messages] == [["bob@example.net"], ["later@example.net"]]
    assert [event.what for event in outbox.history("a")] == ["queued", "put off", "refused"]
    # On request, it is sent only to the recipient that has not got it.
    outbox.retry("a")
    assert run(outbox).sent == 1 and outbox.get("a").state == "sent"
    assert catcher.messages[-1].rcpt_tos == ["no@example.net"]


def test_what_is_put_off_for_too_long_is_given_up(tmp_path, catcher, run):
    catcher.fault("rcpt", reply=(450, "4.2.0 later"))
    with Outbox(tmp_path / "short.db", first_retry=0.05, give_up_after=0.3) as outbox:
        outbox.put(letter(1))
        for _ in range(40):
            run(outbox)
            if outbox.get(1).state != "queued":
                break
            time.sleep(0.05)
        entry = outbox.get(1)
        assert entry.state == "dead" and entry.attempts > 1
        assert "450 4.2.0 later" in str(entry.receipt)


def test_a_time_in_the_servers_words_is_kept_to(outbox, catcher, run):
    catcher.fault("rcpt", reply=(451, "4.7.1 Greylisted, please try again in 7 minutes"))
    outbox.put(letter(1))
    run(outbox)
    assert 410 < (outbox.get(1).due - datetime.now(UTC)).total_seconds() < 421


def test_what_may_have_arrived_is_unknown_and_stays_so(outbox, catcher, run):
    catcher.fault("end of data", disconnect=True)
    outbox.put(letter(1))
    ran = run(outbox)
    assert ran.unknown == 1 and outbox.get(1).state == "unknown"
    catcher.clear_faults()
    assert sum(run(outbox)) == 0 and not catcher.messages
    outbox.retry(1)
    assert run(outbox).sent == 1


def test_without_a_server_nothing_is_lost(outbox, run):
    outbox.put_all(raw(number) for number in range(10))
    with pytest.raises(rsmtp.SMTPConnectionRefused):
        run(outbox, url="smtp://127.0.0.1:9?tls=none")
    assert outbox.status()["queued"] == 10
    assert all(entry.attempts == 0 and entry.due <= datetime.now(UTC) for entry in outbox.entries())


def test_what_cant_be_written_down_is_not_sent(outbox, catcher, run, monkeypatch):
    outbox.put_all(raw(number) for number in range(50))

    def full(*_):
        raise OutboxError("the disk is full")

    monkeypatch.setattr(outbox._store, "say_ends", full)
    with pytest.raises(OutboxError, match="disk is full"):
        run(outbox)
    assert not catcher.messages
    assert outbox.status()["queued"] == 50
    monkeypatch.undo()
    assert run(outbox).sent == 50


def test_what_is_in_flight_is_finished_when_a_result_cant_be_stored(outbox, catcher, run, monkeypatch):
    outbox.put_all(raw(number) for number in range(100))
    catcher.fault("end of data", delay=0.01)
    settle, failed = outbox._store.settle, []

    def full(owner, receipts, *given, **options):
        if receipts and not failed:
            failed.append(len(receipts))
            raise OutboxError("the disk is full")
        return settle(owner, receipts, *given, **options)

    monkeypatch.setattr(outbox._store, "settle", full)
    with pytest.raises(OutboxError, match="disk is full"):
        run(outbox, window=20)
    states = outbox.status()
    assert failed and states["unknown"] == states["sending"] == 0
    assert states["sent"] == len(catcher.messages) and states["queued"] == 100 - states["sent"]


def test_an_owner_that_lost_its_lease_says_no_end(outbox, catcher, run, monkeypatch):
    """As if the process had been stopped for a while, and another one had taken over."""
    outbox.put_all(raw(number) for number in range(20))
    say_ends = outbox._store.say_ends
    stopped = []

    def late(owner, *given):
        if not stopped:
            stopped.append(owner)
            outbox._store.take_over(time.time() + 3600)
            other = outbox._store.enlist("another", time.time())
            assert len(outbox._store.claim(other, time.time()).ids) == 20
            outbox._store.resign(other, time.time())
        say_ends(owner, *given)

    monkeypatch.setattr(outbox._store, "say_ends", late)
    assert run(outbox).sent == 20
    assert stopped and numbers(catcher) == list(range(20))


class TestSend:
    def test_the_same_key_sends_once(self, outbox, catcher):
        with rsmtp.Mailer(f"smtp://{catcher.host}:{catcher.port}?tls=none") as mailer:
            first = outbox.send(mailer, letter(1), key="a")
            again = outbox.send(mailer, letter(1), key="a")
        assert first.ok and again.ok and str(first) == str(again)
        assert first.message_id == again.message_id
        assert len(catcher.messages) == 1

    def test_nor_by_a_loop(self, outbox, catcher):
        import asyncio

        async def twice():
            async with rsmtp.AsyncMailer(f"smtp://{catcher.host}:{catcher.port}?tls=none") as mailer:
                return await asyncio.gather(*[outbox.asend(mailer, letter(1), key="a") for _ in range(5)])

        receipts = asyncio.run(twice())
        assert all(receipts) and len({str(receipt) for receipt in receipts}) == 1
        assert len(catcher.messages) == 1

    def test_nor_by_threads_at_the_same_time(self, outbox, catcher):
        from concurrent.futures import ThreadPoolExecutor

        with (
            rsmtp.Mailer(f"smtp://{catcher.host}:{catcher.port}?tls=none", connections=8) as mailer,
            ThreadPoolExecutor(8) as pool,
        ):
            jobs = [
                pool.submit(outbox.send, mailer, letter(number % 4), key=f"{number % 4}")
                for number in range(40)
            ]
            assert all(job.result().ok for job in jobs)
        assert numbers(catcher) == [0, 1, 2, 3]

    def test_unknown_stays_unknown(self, outbox, catcher):
        catcher.fault("end of data", disconnect=True)
        with rsmtp.Mailer(f"smtp://{catcher.host}:{catcher.port}?tls=none") as mailer:
            assert outbox.send(mailer, letter(1), key="a").unknown == ["bob@example.net"]
            catcher.clear_faults()
            assert outbox.send(mailer, letter(1), key="a").unknown == ["bob@example.net"]
            outbox.retry("a")
            assert outbox.send(mailer, letter(1), key="a").sent == ["bob@example.net"]


def test_what_one_transaction_has_settled_no_crash_in_a_later_one_makes_unknown(
    outbox, catcher, run, monkeypatch
):
    """A server that accepts two recipients at a time, and refuses one permanently."""
    catcher.fault("rcpt", address="no@example.net", reply=(550, "5.1.1 no such user"))
    catcher.fault("rcpt", reply=(452, "4.5.3 too many recipients"), skip=2, times=2, accept=False)
    outbox.put(raw(1, ["no@example.net", *(f"{name}@example.net" for name in "abcd")]), key="a")
    told = []
    say_ends = outbox._store.say_ends

    def noted(owner, *given):
        say_ends(owner, *given)
        told.append(outbox.get("a").states)
        if len(told) == 2:
            # As if this process had died here, and another one looked.
            outbox._store.take_over(time.time() + 3600)
            told.append(outbox.get("a").states)

    monkeypatch.setattr(outbox._store, "say_ends", noted)
    run(outbox)
    assert told == [
        ["open"] * 5,
        ["refused", "sent", "sent", "open", "open"],
        ["refused", "sent", "sent", "unknown", "unknown"],
    ]
    # The process had not died after all, and the answers are recorded.
    assert outbox.get("a").states == ["refused", "sent", "sent", "sent", "sent"]
    arrived = [address for message in catcher.messages for address in message.rcpt_tos]
    assert arrived == [f"{name}@example.net" for name in "abcd"]


def test_after_send_is_told_what_was_stored_when_a_run_ends_with_an_error(outbox, run, monkeypatch):
    claim, claims, told = Store.claim, [], []

    def claim_once(*arguments):
        claims.append(arguments)
        if len(claims) > 1:
            raise OutboxError("the disk is gone")
        return claim(*arguments)

    monkeypatch.setattr(Store, "claim", claim_once)
    outbox.put_all(raw(number) for number in range(100))
    with pytest.raises(OutboxError, match="the disk is gone"):
        run(outbox, after_send=told.append)
    assert sum(receipt.ok for receipt in told) == outbox.status()["sent"] == 100


def test_after_send_is_told_what_was_stored_when_a_run_is_interrupted(outbox, run, catcher, monkeypatch):
    claim, claims, told = Store.claim, [], []

    def claim_once(*arguments):
        claims.append(arguments)
        if len(claims) > 1:
            catcher.wait_for(100)
            time.sleep(0.1)
            raise KeyboardInterrupt
        return claim(*arguments)

    def after_send(receipt):
        told.append(receipt)
        if len(told) == 100:
            raise OSError("it fails at last, and the run is interrupted all the same")

    monkeypatch.setattr(Store, "claim", claim_once)
    outbox.put_all(raw(number) for number in range(100))
    with pytest.raises(KeyboardInterrupt):
        run(outbox, after_send=after_send)
    assert sum(receipt.ok for receipt in told) == outbox.status()["sent"] == 100


@pytest.mark.parametrize("slow", [False, True])
def test_ctrl_c_while_after_send_is_told(outbox, run, slow, monkeypatch):
    """The others that are stored are told as well, each once. `slow`: all are told at the end."""
    if slow:
        monkeypatch.setattr("rsmtp.outbox.ahead._TOGETHER", 30)
    told = []

    def after_send(receipt):
        told.append(receipt)
        if len(told) == 1:
            raise KeyboardInterrupt

    outbox.put_all(raw(number) for number in range(100))
    with pytest.raises(KeyboardInterrupt):
        run(outbox, after_send=after_send)
    assert sum(receipt.ok for receipt in told) == outbox.status()["sent"]
    assert len({receipt.index for receipt in told}) == len(told)


def test_a_task_that_is_cancelled_tells_what_was_stored(outbox, catcher):
    told = []

    def after_send(receipt):
        told.append(receipt)
        if len(told) == 1:
            asyncio.current_task().cancel()

    async def run():
        async with rsmtp.AsyncMailer(
            f"smtp://{catcher.host}:{catcher.port}?tls=none", after_send=after_send
        ) as mailer:
            await outbox.run(mailer)

    outbox.put_all(raw(number) for number in range(100))
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())
    assert sum(receipt.ok for receipt in told) == outbox.status()["sent"]


def test_a_task_that_is_cancelled_while_the_rest_is_stored_tells_all_of_it(outbox, catcher, monkeypatch):
    told = []
    settle_rest = Ahead.settle_rest

    async def run():
        task = asyncio.current_task()
        loop = asyncio.get_running_loop()

        def cancelled_meanwhile(ahead):
            stored = settle_rest(ahead)
            loop.call_soon_threadsafe(task.cancel)
            time.sleep(0.2)  # until it is cancelled, and has asked to store what it has in hand
            return stored

        monkeypatch.setattr(Ahead, "settle_rest", cancelled_meanwhile)
        async with rsmtp.AsyncMailer(
            f"smtp://{catcher.host}:{catcher.port}?tls=none", after_send=told.append
        ) as mailer:
            await outbox.run(mailer)

    outbox.put_all(raw(number) for number in range(20))
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(run())
    assert outbox.status()["sent"] == 20
    assert sorted(receipt.index for receipt in told) == list(range(20))


def test_what_one_end_raises_loses_no_other(outbox):
    class Broken:
        settled = ()
        is_told, failure = False, None

        @property
        def messages(self):
            raise MemoryError

    owner = Owner(outbox._store)
    owner.begin(rsmtp.Mailer("null:"))
    waiting = Ends([], [])
    owner._ends += [waiting, Broken()]
    with pytest.raises(MemoryError):
        owner.say_ends([], {})
    assert isinstance(waiting.failure, MemoryError)
    assert not owner._ends


@pytest.mark.parametrize("other", [False, True], ids=["the same object", "another of the same file"])
def test_a_run_within_a_run_does_not_wait_for_it(outbox, run, catcher, other):
    """A hook may run the outbox; the messages that the outer run holds are its own."""
    for number in range(3):
        outbox.put(raw(number))
    took = []

    def hook(message):
        began = time.monotonic()
        mine = Outbox(outbox._database.path) if other else outbox
        with rsmtp.Mailer(f"smtp://{catcher.host}:{catcher.port}?tls=none") as mailer:
            assert mine.run(mailer).sent == 0
        took.append(time.monotonic() - began)

    assert run(outbox, before_send=hook).sent == 3 and catcher.count == 3
    # It took a quarter of the lease, which is 30 s.
    assert len(took) == 3 and max(took) < 5
