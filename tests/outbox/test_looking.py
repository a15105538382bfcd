"""Counts, rates and pages of an outbox with many messages."""

import contextlib
import time

import pytest
from outbox.letters import raw

import rsmtp
from rsmtp.outbox import looking
from rsmtp.outbox.looking import TROUBLE
from rsmtp.outbox.recipients import STATES, WAITING

TOLD = {"sent": (None, 250), "refused": ("rcpt", 550), "unknown": (None, None), "suppressed": (None, None)}


def receipt(stored, fate):
    stage, code = TOLD[fate]
    told = {"fate": fate, "stage": stage, "code": code, "text": code and "x", "transient": False}
    recipients = [{"address": to, **told} for to in stored.prepared[1]]
    return rsmtp.Receipt.from_dict({
        "index": 0, "from_addr": "ann@example.org", "message_id": None, "attempts": 1, "server": "there",
        "seconds": None, "error": None, "recipients": recipients,
    })  # fmt: skip


def put_in(outbox, state, count=1):
    """Puts messages in this state. Returns their numbers."""
    store, now = outbox._store, time.time()
    ids = []
    for number in range(count):
        ids.append(id := outbox.put(raw(number), expires=now - 1 if state == "dead" else None).id)
        owner = store.enlist("a test", now)
        if state == "cancelled":
            outbox.cancel(id)
        elif state == "dead":
            store.claim(owner, now, only=-1)
        elif state != "queued" or number % 2:
            (stored,) = store.claim(owner, now, only=id).messages()
            if state not in ("queued", "sending"):
                store.settle(owner, [(id, receipt(stored, state))], now)
            elif state == "sending":
                store.say_ends(owner, [id], [], now)
        assert outbox.get(id).state == state
    return ids


def looked(outbox, function, *given, **named):
    with outbox._database.reading() as connection:
        return function(connection, *given, **named)


@pytest.mark.parametrize(
    "states",
    [STATES, WAITING, TROUBLE, *[(state,) for state in STATES], ("sent", "queued")],
    ids=lambda states: "-".join(states) if len(states) < 4 else "all",
)
def test_pages_are_whole_and_newest_first(outbox, monkeypatch, states):
    # The pieces are so small that a page needs several.
    monkeypatch.setattr(looking, "_AT_ONCE", 3)
    wanted = []
    for _ in range(4):
        for state in STATES:
            ids = put_in(outbox, state)
            wanted += ids if state in states else []
    outbox.purge("sent", older_than=0)
    wanted = [entry.id for entry in outbox.entries(states)][::-1]
    for fits in (None, lambda row: row.subject.startswith("Number") and row.to_addrs == ["bob@example.net"]):
        seen, below = [], None
        while True:
            found = looked(outbox, looking.newest, states, below, 3, fits)
            seen += found.ids
            if found.next is None:
                break
            assert below is None or found.next < below
            below = found.next
        assert seen == wanted


def test_a_long_search_tells_how_far_it_came(outbox, monkeypatch):
    monkeypatch.setattr(looking, "_AT_ONCE", 2)
    monkeypatch.setattr(looking, "_PATIENCE", 0.0)
    first = put_in(outbox, "sent", 20)[0]
    below, rounds, seen = None, 0, []
    while rounds == 0 or below is not None:
        found = looked(outbox, looking.newest, STATES, below, 50, lambda row: row.id == first)
        seen, below, rounds = seen + found.ids, found.next, rounds + 1
    assert seen == [first]
    assert rounds == 10


# SQLite's words for reading a whole table.
WHOLE = (
    "SCAN outbox_message",
    "SCAN outbox_fate",
    "SCAN outbox_sent",
    "SCAN m",
    "SCAN f",
    "SCAN s",
)


@contextlib.contextmanager
def plans_of(outbox):
    """The queries made in this time, each as (query, a line of its plan)."""
    plans, asked = [], []
    with outbox._database.reading() as connection:
        connection.set_trace_callback(asked.append)
        yield plans
        connection.set_trace_callback(None)
        for query in asked:
            if query.startswith(("SELECT", "INSERT", "DELETE", "UPDATE")):
                plan = connection.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()
                plans += [(query, row[3]) for row in plan]


def test_no_question_that_a_page_asks_reads_every_message(outbox):
    with plans_of(outbox) as plans, outbox._database.reading() as connection:
        looking.rates(connection, time.time(), 60)
        for states in (STATES, WAITING, TROUBLE, ("dead",), ("sent",)):
            looking.newest(connection, states, 17, 50)
    assert [one for one in plans if one[1].startswith(WHOLE)] == []
    assert any("outbox_by_trouble" in plan for _, plan in plans)


def test_nothing_that_is_done_to_a_message_reads_others(outbox):
    ids = [outbox.put(raw(number)).id for number in range(6)]
    store, now = outbox._store, time.time()
    with plans_of(outbox) as plans:
        owner = store.enlist("a test", now)
        claimed = store.claim(owner, now + 1).messages()
        store.say_ends(owner, ids, [], now)
        fates = ["sent", "sent", "refused", "unknown", "sent", "refused"]
        pairs = zip(claimed, fates, strict=True)
        store.settle(owner, [(one.id, receipt(one, fate)) for one, fate in pairs], now, as_stored=True)
        store.retry(ids[1:4], now, unknown=True)
        store.cancel(ids[1:4], now)
        store.take_over(now + 100)
        outbox.history(ids[0])
        outbox.get(ids[1])
    asked = [query for query, _ in plans]
    assert any("outbox_sent" in query for query in asked) and any("outbox_turn" in query for query in asked)
    assert [one for one in plans if one[1].startswith((*WHOLE, "SCAN outbox_turn"))] == []


def test_what_is_sent_at_once_shares_a_row_and_stands_in_no_index_of_troubles(outbox):
    ids = [outbox.put(raw(number)).id for number in range(300)]
    store, now = outbox._store, time.time()
    owner = store.enlist("a test", now)
    fates = {ids[7]: "refused"}
    told = [
        (one.id, receipt(one, fates.get(one.id, "sent"))) for one in store.claim(owner, now + 1).messages()
    ]
    # Sessions report results in any order.
    store.settle(owner, told[::-1], now + 2, as_stored=True)
    assert outbox.status()["sent"] == 299 and outbox.status()["refused"] == 1
    with outbox._database.reading() as connection:
        rows = connection.execute("SELECT first, last FROM outbox_sent ORDER BY first").fetchall()
        assert rows == [(ids[0], ids[6]), (ids[8], ids[257]), (ids[258], ids[299])]
        assert connection.execute("SELECT message, state FROM outbox_fate").fetchall() == [
            (ids[7], "refused")
        ]
    for place in (0, 6, 8, 257, 258, 299):
        entry = outbox.get(ids[place])
        assert (entry.state, entry.attempts, entry.server) == ("sent", 1, "there")
        assert entry.changed.timestamp() == pytest.approx(now + 2)
        assert [str(one.text) for one in entry.receipt.recipients] == ["x"]
        assert [event.what for event in outbox.history(entry.id)] == ["queued", "sent"]
        with pytest.raises(ValueError, match="has been sent"):
            outbox.retry(entry.id)
    assert [entry.id for entry in outbox.entries("sent")] == [id for id in ids if id != ids[7]]
    assert outbox.purge("sent", older_than=0) == 0
    assert store.purge(["sent"], now + 3) == 299
    assert [entry.id for entry in outbox.entries()] == [ids[7]]


def test_rates_and_owners(outbox):
    now = time.time()
    minute = int(now // 60)
    with outbox._database.writing() as connection:
        connection.executemany(
            "INSERT INTO outbox_rate VALUES (?, ?, ?)", [(minute - 1, "sent", 7), (minute - 9, "sent", 5)]
        )
    assert looked(outbox, looking.rates, now, 3) == [{}, {"sent": 7}, {}]
    assert looked(outbox, looking.owners, now) == []
    outbox._store.enlist("a test", now)
    assert looked(outbox, looking.owners, now) == ["a test"]
    assert looked(outbox, looking.owners, now + 3600) == []


def test_states_that_are_looked_up_are_not_searched_for(outbox):
    with plans_of(outbox) as plans:
        list(outbox.entries(TROUBLE))
    assert any("outbox_by_trouble" in plan for _, plan in plans)
    assert not any(plan.startswith("SCAN outbox_fate") for _, plan in plans)
