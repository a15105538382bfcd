"""The number of messages for each result, minute by minute."""

import contextlib
import sqlite3
import time

from outbox.letters import letter

import rsmtp
from rsmtp.outbox import Outbox


def rates(outbox):
    """The counts over all minutes."""
    with outbox._database.reading() as connection:
        return dict(connection.execute("SELECT what, sum(count) FROM outbox_rate GROUP BY what"))


def test_rates_count_what_has_become_of_messages(outbox, catcher, run):
    catcher.fault("RCPT", address="off@example.net", reply=(450, "4.2.0 later"))
    outbox.put_all([letter(1), letter(2), letter(3, to="off@example.net")])
    outbox.put(letter(4), expires=0)
    ran = run(outbox)
    assert (ran.sent, ran.put_off) == (2, 1)
    assert rates(outbox) == {"sent": 2, "put off": 1, "dead": 1}


def test_rates_are_kept_for_a_week(outbox):
    now = time.time()
    minute = int(now // 60)
    with outbox._database.writing() as connection:
        old = [(minute - 7 * 24 * 60 - 1, "sent", 5), (minute - 1, "sent", 7)]
        connection.executemany("INSERT INTO outbox_rate VALUES (?, ?, ?)", old)
    outbox._store.renew(outbox._store.enlist("a test", now), now)
    assert rates(outbox) == {"sent": 7}


def test_what_a_lost_process_was_sending_counts_as_unknown(outbox):
    outbox.put(letter(1))
    now = time.time()
    owner = outbox._store.enlist("a test", now)
    assert outbox._store.claim(owner, now).ids == [1]
    outbox._store.say_ends(owner, [1], [], now)
    outbox._store.take_over(now + 3600)
    assert rates(outbox) == {"unknown": 1}


def test_a_file_of_before_is_extended(tmp_path):
    path = tmp_path / "outbox.db"
    with Outbox(path) as outbox:
        outbox.put(letter(1), key="one")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DROP TABLE outbox_rate")
    with rsmtp.Catcher(tls="none") as catcher, Outbox(path) as outbox:
        with rsmtp.Mailer(f"smtp://{catcher.host}:{catcher.port}?tls=none") as mailer:
            assert outbox.run(mailer).sent == 1
        assert rates(outbox) == {"sent": 1}
