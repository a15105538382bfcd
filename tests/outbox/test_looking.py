"""An outbox with much in it, looked at: counts, rates, pages."""

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
    """Messages in this state; their numbers."""
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
    # Pieces so small that one page needs several, and a piece has less than a page.
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


def test_no_question_that_a_page_asks_reads_every_message(outbox):
    with outbox._database.reading() as connection:
        asked = []
        connection.set_trace_callback(asked.append)
        looking.rates(connection, time.time(), 60)
        for states in (STATES, WAITING, TROUBLE, ("dead",), ("sent",)):
            looking.newest(connection, states, 17, 50)
        connection.set_trace_callback(None)
        plans = [
            (query, row[3])
            for query in asked
            for row in connection.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()
        ]
    whole = ("SCAN outbox_message", "SCAN outbox_fate", "SCAN m")
    assert [one for one in plans if one[1].startswith(whole)] == []
    assert any("outbox_by_trouble" in plan for _, plan in plans)


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
    with outbox._database.reading() as connection:
        asked = []
        connection.set_trace_callback(asked.append)
        list(outbox.entries(TROUBLE))
        connection.set_trace_callback(None)
        plans = [
            row[3] for query in asked for row in connection.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()
        ]
    assert any("outbox_by_trouble" in plan for plan in plans)
    assert not any(plan.startswith("SCAN outbox_fate") for plan in plans)
