"""Messages that were put together share one turn in the queue, until some of them are claimed."""

import contextlib
import sqlite3
import threading
import time

import pytest
from outbox.letters import letter, number_of, raw

import rsmtp
from rsmtp.outbox import Outbox
from rsmtp.outbox.owner import Owner
from rsmtp.outbox.store import Store


def turns(outbox):
    with outbox._database.reading() as connection:
        rows = connection.execute("SELECT first, last, octets FROM outbox_turn ORDER BY first").fetchall()
        for first, last, octets in rows:
            query = "SELECT sum(size) FROM outbox_message WHERE id BETWEEN ? AND ?"
            assert connection.execute(query, (first, last)).fetchone() == (octets,)
    return [(first, last) for first, last, _ in rows]


@pytest.fixture
def owner(outbox):
    return outbox._store.enlist("a test", time.time())


def claim(outbox, owner, **options):
    return outbox._store.claim(owner, time.time(), **options).ids


def test_a_claim_takes_the_first_of_them(outbox, owner):
    outbox.put_all(raw(number) for number in range(10))
    assert turns(outbox) == [(1, 10)]
    assert claim(outbox, owner, most=3) == [1, 2, 3]
    assert turns(outbox) == [(4, 10)] and outbox.status()["queued"] == 10
    assert claim(outbox, owner, most=100) == [4, 5, 6, 7, 8, 9, 10]
    assert turns(outbox) == []


def test_one_of_them_is_taken_by_its_number(outbox, owner):
    outbox.put_all(raw(number) for number in range(10))
    outbox.cancel(5)
    assert turns(outbox) == [(1, 4), (6, 10)]
    assert claim(outbox, owner, only=1) == [1] and claim(outbox, owner, only=10) == [10]
    assert claim(outbox, owner, only=5) == [] and claim(outbox, owner, only=1) == []
    assert turns(outbox) == [(2, 4), (6, 9)]
    assert [entry.id for entry in outbox.entries("queued")] == [1, 2, 3, 4, 6, 7, 8, 9, 10]
    outbox.retry(5)
    assert turns(outbox) == [(2, 4), (5, 5), (6, 9)]


def test_what_is_urgent_comes_first_and_octets_are_counted(outbox, owner, monkeypatch):
    outbox.put_all([("ann@example.org", ["bob@example.net"], b"x" * 1000 + b"\r\n")] * 6)
    outbox.put_all([raw(1), raw(2)], priority=2)
    outbox.put(raw(3), priority=1)
    monkeypatch.setattr("rsmtp.outbox.store._CLAIM_OCTETS", 2500)
    assert claim(outbox, owner) == [7, 8, 9, 1, 2]
    assert turns(outbox) == [(3, 6)]
    # At least one is taken in any case.
    monkeypatch.setattr("rsmtp.outbox.store._CLAIM_OCTETS", 10)
    assert claim(outbox, owner) == [3] and turns(outbox) == [(4, 6)]


def test_claims_grow_with_what_is_sent(outbox, catcher, monkeypatch):
    seen = []
    keep = Store.claim

    def claim(self, owner, now, only=None, most=None):
        claimed = keep(self, owner, now, only, most)
        seen.append(len(claimed.ids))
        return claimed

    monkeypatch.setattr(Store, "claim", claim)
    monkeypatch.setattr("rsmtp.outbox.owner._AHEAD", 3600)
    outbox.put_all(raw(number) for number in range(12_000))
    catcher.clear()
    with rsmtp.Mailer(f"smtp://{catcher.host}:{catcher.port}?tls=none") as mailer:
        assert outbox.run(mailer).sent == 12_000
    assert seen[0] == 500 and max(seen) == 8000 and sum(seen) == 12_000


def test_what_after_send_is_told_has_been_written_down(outbox, catcher, run):
    outbox.put_all(raw(number) for number in range(600))
    told = []

    def after(receipt):
        told.append(outbox.status()["sent"] >= len(told) + 1)

    run(outbox, after_send=after)
    assert told == [True] * 600
    assert sorted(number_of(message.data) for message in catcher.messages) == list(range(600))


def test_a_hook_that_is_only_told_costs_no_message_its_shared_row(outbox, catcher, run):
    outbox.put_all(raw(number) for number in range(300))
    assert run(outbox, after_send=lambda receipt: None).sent == 300
    with outbox._database.reading() as connection:
        assert connection.execute("SELECT count(*) FROM outbox_fate").fetchone() == (0,)


def test_ends_of_several_sessions_are_recorded_together(outbox, catcher, monkeypatch):
    say_ends, sessions, calls = outbox._store.say_ends, 4, []
    others_came = threading.Event()

    def slow(owner, messages, *given):
        calls.append(len(messages))
        assert others_came.wait(30)
        say_ends(owner, messages, *given)

    monkeypatch.setattr(outbox._store, "say_ends", slow)
    outbox.put_all(raw(number) for number in range(100))
    owner = Owner(outbox._store)
    with rsmtp.Mailer(f"smtp://{catcher.host}:{catcher.port}?tls=none") as mailer:
        owner.begin(mailer)
    owner.claim()

    def say(first):
        if first:
            while not calls:
                time.sleep(0.01)
        assert owner.say_ends(list(range(first, first + 25)), {})

    threads = [threading.Thread(target=say, args=(25 * session,)) for session in range(sessions)]
    for thread in threads:
        thread.start()
    while len(owner._ends) < sessions - 1:
        time.sleep(0.01)
    others_came.set()
    for thread in threads:
        thread.join()
    assert calls == [25, 75] and outbox.status()["sending"] == 100


ODD = [
    b"\0",
    b"x\0y",
    "Grüße".encode(),
    b"\xff\xfe\xd8\x00",
    b"\x1e",
    b"l" * 5000,
    b"",
    "\ud800".encode("utf-16-le", "surrogatepass"),
]


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16"])
@pytest.mark.parametrize("odd", [ODD, *([one] for one in ODD)], ids=repr)
def test_octets_are_sent_as_they_were_put(tmp_path, encoding, odd, catcher, run):
    with contextlib.closing(sqlite3.connect(tmp_path / "shop.db")) as application:
        application.execute(f"PRAGMA encoding = '{encoding}'")
        application.execute("CREATE TABLE shop (item)")
    contents = [
        b"Subject: Number %d\r\n\r\n%b\r\n" % (number, odd[number % len(odd)]) for number in range(40)
    ]
    with Outbox(tmp_path / "shop.db") as outbox:
        outbox.put_all(("ann@example.org", ["bob@example.net"], octets) for octets in contents)
        assert run(outbox).sent == 40
    assert [message.data for message in catcher.messages] == contents


def test_messages_of_every_kind_go_to_their_recipients(outbox, catcher, run):
    """Some are read one by one, others as one row for all."""
    outbox.put_all([letter(1, to=["bob@example.net", "carol@example.net"]), letter(2, "Grüße"), raw(3)])
    outbox.put_all([raw(4, ["a@example.net", "b@example.net"]), raw(5)])
    outbox.put_all([letter(6), letter(7)])
    outbox.put(
        letter(8), envelope=rsmtp.Envelope(recipients=["dan@example.net"], priority=3, if_offered=True)
    )
    assert run(outbox).sent == 8
    arrived = {number_of(message.data): message.rcpt_tos for message in catcher.messages}
    bob, both = ["bob@example.net"], ["bob@example.net", "carol@example.net"]
    others = {4: ["a@example.net", "b@example.net"], 8: ["dan@example.net"]}
    assert arrived == {1: both, 2: bob, 3: bob, 5: bob, 6: bob, 7: bob} | others
