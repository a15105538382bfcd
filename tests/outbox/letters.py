"""Messages that contain their own number."""

import re

import rsmtp


def letter(number=0, text="Hello", **fields):
    known = {"subject": f"Number {number}", "from_": "ann@example.org", "to": "bob@example.net"}
    return rsmtp.Message(text, **(known | fields))


def raw(number, to=("bob@example.net",)):
    return ("ann@example.org", list(to), b"Subject: Number %d\r\n\r\nHello\r\n" % number)


def number_of(data):
    return int(re.search(rb"(?m)^Subject: Number (\d+)", data)[1])


def make_due(outbox):
    """Makes all postponed messages due now."""
    with outbox._database.writing() as connection:
        waiting = connection.execute(
            "SELECT message FROM outbox_fate JOIN outbox_turn ON first = message AND last = message"
        ).fetchall()
        connection.executemany("UPDATE outbox_fate SET due = 0 WHERE message = ?", waiting)
        connection.executemany("UPDATE outbox_turn SET due = 0 WHERE first = ?", waiting)
