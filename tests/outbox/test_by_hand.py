"""Many messages that are retried or cancelled in one call."""

import time

import pytest
from outbox.letters import letter, raw
from outbox.test_looking import put_in

from rsmtp.outbox import Outbox, OutboxError, by_hand
from rsmtp.outbox.recipients import STATES


@pytest.fixture
def one_of_each(outbox):
    return {state: put_in(outbox, state)[0] for state in STATES}


def states(outbox, numbers):
    return {state: outbox.get(number).state for state, number in numbers.items()}


def test_what_is_retried_and_what_is_left(outbox, one_of_each):
    changed = outbox.retry_all(one_of_each.values())
    assert changed.done == 3
    assert changed.left == {
        one_of_each["queued"]: "it is queued already",
        one_of_each["sending"]: "it is being sent",
        one_of_each["unknown"]: "it may have arrived: its fate is unknown",
        one_of_each["sent"]: "it has been sent",
        one_of_each["suppressed"]: "it is suppressed",
    }
    again = dict.fromkeys(("refused", "dead", "cancelled"), "queued")
    assert states(outbox, one_of_each) == {state: state for state in STATES} | again
    assert [event.what for event in outbox.history(one_of_each["refused"])][-1] == "queued"
    assert outbox.retry_all([one_of_each["unknown"]], unknown=True) == (1, {})
    assert outbox.get(one_of_each["unknown"]).state == "queued"


def test_what_is_cancelled_and_what_is_left(outbox, one_of_each):
    owner = outbox._store.enlist("a test", time.time())
    claimed = outbox.put(raw(1)).id
    outbox._store.claim(owner, time.time(), only=claimed)
    changed = outbox.cancel_all([claimed, *one_of_each.values(), 99, "no key"])
    assert changed.done == 1
    assert changed.left == {
        claimed: "it is about to be sent",
        one_of_each["sending"]: "it is being sent",
        one_of_each["unknown"]: "it may have arrived: its fate is unknown",
        one_of_each["refused"]: "it was refused",
        one_of_each["dead"]: "it is dead",
        one_of_each["sent"]: "it has been sent",
        one_of_each["suppressed"]: "it is suppressed",
        one_of_each["cancelled"]: "it is cancelled already",
        99: "it is not there any more",
        "no key": "it is not there any more",
    }
    assert outbox.get(one_of_each["queued"]).state == "cancelled"
    with pytest.raises(ValueError, match="message 9 can't be cancelled: it is about to be sent"):
        outbox.cancel(claimed)


def test_some_hundred_are_changed_in_one_transaction(outbox, monkeypatch):
    monkeypatch.setattr(by_hand, "_AT_ONCE", 7)
    outbox.put_all(raw(number) for number in range(20))
    outbox.put_all([raw(number) for number in range(20, 30)], priority=3)
    writing, transactions = outbox._database.writing, []

    def counted(**options):
        transactions.append(options)
        return writing(**options)

    monkeypatch.setattr(outbox._database, "writing", counted)
    chosen = [*range(2, 7), 7, 9, 15, 19, 20, 21, 22, 30]
    assert outbox.cancel_all(number for number in chosen) == (len(chosen), {})
    assert len(transactions) == 2
    waiting = [number for number in range(1, 31) if number not in chosen]
    assert [entry.id for entry in outbox.entries("queued")] == waiting
    # The turns say how much they hold, so that a claim stays within its limits.
    with outbox._database.reading() as connection:
        turns = connection.execute("SELECT first, last, octets FROM outbox_turn").fetchall()
    assert {number for first, last, _ in turns for number in range(first, last + 1)} == set(waiting)
    for first, last, octets in turns:
        assert octets == sum(outbox.get(number).size for number in range(first, last + 1))
    assert outbox.retry_all(chosen).done == len(chosen)
    assert outbox.status()["queued"] == 30


def test_they_arrive_once(outbox, run, catcher):
    outbox.put_all(raw(number) for number in range(10))
    outbox.cancel_all(range(3, 8))
    run(outbox)
    outbox.retry_all(range(1, 11))
    run(outbox)
    assert sorted(int(one.data.split()[2]) for one in catcher.messages) == list(range(10))


def test_keys_numbers_and_the_same_message_twice(outbox):
    entry = outbox.put(letter(1), key="a")
    assert outbox.cancel_all(["a", entry.id, "a"]) == (1, {})
    assert outbox.retry_all(iter(["a"])) == (1, {})


@pytest.mark.parametrize("which", ["a", 7, None, [1.5], [True], [None]])
def test_what_is_no_list_of_messages(outbox, which):
    outbox.put(letter(1), key="a")
    for change in (outbox.retry_all, outbox.cancel_all):
        with pytest.raises(TypeError, match="which"):
            change(which)
    with pytest.raises(TypeError, match="unknown"):
        outbox.retry_all([1], unknown="yes")
    assert outbox.get("a").state == "queued"


def test_a_file_that_can_only_be_read(outbox, tmp_path):
    outbox.put(letter(1))
    with Outbox(tmp_path / "outbox.db", read_only=True) as looking:
        with pytest.raises(OutboxError, match="read_only=True"):
            looking.cancel_all([1])


def test_many_in_a_turn_read_each_message_once(outbox):
    """Cancelling every second message of a turn adds up the sizes of the others once."""
    outbox.put_all(raw(number) for number in range(400))
    steps = 0

    def count():
        nonlocal steps
        steps += 1

    connection = outbox._database._main.connection()
    connection.set_progress_handler(count, 100)
    try:
        outbox.cancel_all(range(1, 400, 2))
    finally:
        connection.set_progress_handler(None, 100)
    # One by one, each would add up its neighbours: ten times as many.
    assert steps * 100 < 100_000


@pytest.mark.parametrize("which", [2**63, -(2**80), "\ud800"])
def test_what_no_message_can_have(outbox, which):
    for look in (outbox.get, outbox.history, outbox.content, outbox.retry, outbox.cancel):
        with pytest.raises(KeyError, match="there is no message"):
            look(which)
    assert outbox.cancel_all([which]) == (0, {which: "it is not there any more"})
