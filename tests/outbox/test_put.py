"""What `put` stores, and how a message is recognised when it is put again."""

import contextlib
import os
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText

import pytest
from outbox.letters import letter, raw

import rsmtp
import rsmtp.tasks
from rsmtp.outbox import KeyInUse, Outbox, OutboxError


def stdlib_letter(text="Hello"):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "ann@example.org", "bob@example.net", "Number 0"
    message.set_content(text)
    return message


def multipart(text="Hello"):
    message = MIMEMultipart("alternative")
    message["From"], message["To"], message["Subject"] = "ann@example.org", "bob@example.net", "Number 0"
    message.attach(MIMEText(text))
    message.attach(MIMEText(f"<p>{text}", "html"))
    return message


def ours_with_parts(text="Hello"):
    return letter(text=text, html=f"<p>{text}", attachments=[("a.bin", b"\0\1\2")])


KINDS = [letter, ours_with_parts, stdlib_letter, multipart]


@pytest.mark.parametrize("make", KINDS)
def test_the_same_message_with_the_same_key_is_put_once(outbox, make):
    first = outbox.put(make(), key="invoice/7")
    again = outbox.put(make(), key="invoice/7")
    assert again.id == first.id and outbox.status()["queued"] == 1
    with pytest.raises(KeyInUse, match="'invoice/7' was given to another message before") as raised:
        outbox.put(make(text="Good bye"), key="invoice/7")
    assert raised.value.entry.id == first.id
    assert outbox.put(make(), key="invoice/8").id != first.id


@pytest.mark.parametrize("make", KINDS)
def test_the_message_id_comes_from_the_key(outbox, make):
    message = make()
    entry = outbox.put(message, key="invoice/7")
    assert entry.message_id.endswith("@example.org>")
    assert f"Message-ID: {entry.message_id}\r\n".encode() in outbox.content(entry.id)
    other = outbox.put(make(), key="invoice/8")
    assert other.message_id != entry.message_id
    outbox.purge("sent", older_than=0)
    assert outbox.put(make(), key="invoice/7").message_id == entry.message_id


def test_a_message_id_that_is_there_stays(outbox):
    message = letter()
    message["Message-ID"] = "<mine@example.org>"
    entry = outbox.put(message, key="invoice/7")
    assert entry.message_id == "<mine@example.org>"


def test_octets_go_as_they_are(outbox):
    entry = outbox.put(raw(3), key="three")
    assert outbox.content("three") == raw(3)[2] and entry.message_id is None
    assert (entry.from_addr, entry.to_addrs) == ("ann@example.org", ["bob@example.net"])
    assert entry.subject == "Number 3"


def test_what_is_written_down_no_later_change_reaches(outbox, tmp_path):
    file = tmp_path / "report.txt"
    file.write_text("before")
    message = letter(attachments=[file])
    outbox.put(message, key="a")
    file.write_text("after, and longer")
    message["X-More"] = "1"
    content = outbox.content("a")
    assert b"X-More" not in content and b"YmVmb3Jl" in content


@pytest.mark.parametrize(
    "message, words",
    [
        (("ann@example.org", ["no address"], b"x"), "to_addrs"),
        (("ann@", ["bob@example.net"], b"x"), "from_addr"),
        (("ann@example.org", [], b"x"), "no recipients"),
        (7, "message"),
    ],
)
def test_what_cant_be_sent_is_refused_at_once(outbox, message, words):
    with pytest.raises((ValueError, TypeError), match=words):
        outbox.put(message)
    assert sum(outbox.status().values()) == 0


def test_put_all_keeps_what_came_before_a_key_in_use(outbox):
    outbox.put(raw(99), key="letter/2")
    letters = [letter(number) for number in range(5)]
    for number in (0, 2, 3):
        letters[number].key = f"letter/{number}"
    with pytest.raises(KeyInUse) as raised:
        outbox.put_all(letters)
    assert raised.value.__notes__ == ["2 messages before it were put into the outbox"]
    assert [entry.key for entry in outbox.entries()] == ["letter/2", "letter/0", None]


def test_many_at_once_and_how_many_there_were_before_a_bad_one(outbox):
    assert outbox.put_all(raw(number) for number in range(1201)) == 1201
    with pytest.raises(ValueError) as raised:
        outbox.put_all([raw(1), raw(2), ("ann@example.org", [], b""), raw(3)])
    assert raised.value.__notes__ == ["2 messages before it were put into the outbox"]
    assert outbox.status()["queued"] == 1203


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"key": 7}, "key"),
        ({"at": "tomorrow"}, "at: a datetime"),
        ({"at": datetime(2030, 1, 1)}, "at: .* no time zone"),
        ({"expires": "soon"}, "expires"),
        ({"priority": 1.5}, "priority"),
        ({"connection": 7}, "connection"),
    ],
)
def test_arguments_are_named(outbox, arguments, words):
    with pytest.raises((ValueError, TypeError), match=words):
        outbox.put(letter(), **arguments)


def test_times(outbox):
    at = datetime.now(UTC) + timedelta(hours=1)
    assert outbox.put(letter(), at=at).due == at
    assert outbox.put(letter(), at=at.timestamp()).due == at
    entry = outbox.put(letter(), expires=timedelta(minutes=5))
    assert abs((entry.expires - datetime.now(UTC)).total_seconds() - 300) < 60


class TestInTheTransactionOfTheApplication:
    def test_it_is_there_when_the_application_commits(self, outbox, tmp_path):
        application = sqlite3.connect(tmp_path / "outbox.db")
        application.execute("CREATE TABLE invoice (number INTEGER)")
        application.execute("INSERT INTO invoice VALUES (7)")
        entry = outbox.put(letter(), key="invoice/7", connection=application)
        assert entry.state == "queued"
        assert outbox.status()["queued"] == 0
        application.commit()
        assert outbox.status()["queued"] == 1
        application.close()

    def test_and_was_never_there_if_it_rolls_back(self, outbox, tmp_path):
        application = sqlite3.connect(tmp_path / "outbox.db")
        outbox.put(letter(), key="invoice/7", connection=application)
        application.rollback()
        application.close()
        assert sum(outbox.status().values()) == 0
        with pytest.raises(KeyError):
            outbox.get("invoice/7")

    def test_only_with_the_same_file(self, outbox, tmp_path):
        for place in (tmp_path / "other.db", ":memory:"):
            other = sqlite3.connect(place)
            with pytest.raises(ValueError, match="one transaction needs one file"):
                outbox.put(letter(), connection=other)
            other.close()


def test_what_is_no_outbox_is_told(tmp_path):
    with pytest.raises(OutboxError, match="there is no folder"):
        Outbox(tmp_path / "none" / "outbox.db")
    (tmp_path / "text").write_text("This is no database.\n" * 100)
    with pytest.raises(OutboxError, match="not the file of an outbox"):
        Outbox(tmp_path / "text")
    with pytest.raises(TypeError, match="path"):
        Outbox(7)
    Outbox(tmp_path / "later.db").close()
    with contextlib.closing(sqlite3.connect(tmp_path / "later.db")) as file, file:
        file.execute("UPDATE outbox_setting SET value = 99 WHERE name = 'version'")
    with pytest.raises(OutboxError, match="another version"):
        Outbox(tmp_path / "later.db")


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_has_a_connection_of_its_own(outbox):
    outbox.put(letter(1))
    child = os.fork()
    if child == 0:
        try:
            outbox.put(letter(2))
            os._exit(0)
        finally:
            os._exit(1)
    outbox.put(letter(3))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert outbox.status()["queued"] == 3


def test_by_hand(outbox):
    entry = outbox.put(letter(), key="a")
    assert outbox.cancel("a").state == "cancelled"
    with pytest.raises(ValueError, match="can't be cancelled"):
        outbox.cancel("a")
    assert outbox.retry(entry.id).state == "queued"
    with pytest.raises(ValueError, match="can't be retried"):
        outbox.retry("a")
    outbox.cancel("a")
    assert [event.what for event in outbox.history("a")] == ["queued", "cancelled", "queued", "cancelled"]
    assert outbox.purge() == 0
    time.sleep(0.01)
    assert outbox.purge(older_than=0) == 1
    with pytest.raises(KeyError, match="no message with the key 'a'"):
        outbox.get("a")
    with pytest.raises(ValueError, match="state"):
        outbox.purge("queued")
    with pytest.raises(ValueError, match="state"):
        list(outbox.entries("lost"))


def test_the_public_name():
    assert rsmtp.Outbox is Outbox


@pytest.mark.parametrize("subject", ["=?utf-8?b?Q?=", "=?no-such-charset?q?Hello?=", "=?utf-8?q?=FF?=", "=?"])
def test_a_subject_that_can_not_be_decoded_keeps_no_message_out(tmp_path, subject):
    """Complete octets are sent as they are. Their subject is only for the lists of messages."""
    box = Outbox(tmp_path / "mail.db")
    kept = box.put(("ann@example.org", ["bob@example.net"], f"Subject: {subject}\r\n\r\nhi".encode()))
    assert kept.subject and box.get(kept.id).subject


def test_a_transaction_that_could_not_be_committed_is_over(tmp_path):
    """A full disk fails at the commit. The next call must not find an open transaction."""
    box = Outbox(tmp_path / "mail.db")

    def no_commit(action, name, *_):
        is_commit = action == sqlite3.SQLITE_TRANSACTION and name == "COMMIT"
        return sqlite3.SQLITE_DENY if is_commit else sqlite3.SQLITE_OK

    with box._database.reading() as connection:
        connection.set_authorizer(no_commit)
    with pytest.raises(OutboxError):
        box.put(letter(1))
    with box._database.reading() as connection:
        assert not connection.in_transaction
        connection.set_authorizer(None)
    box.put(letter(2))
    assert [entry.subject for entry in box.entries()] == ["Number 2"]


@pytest.mark.parametrize("argument", ["at", "expires"])
@pytest.mark.parametrize("when", [float("inf"), -1e18, 1e18, 253402300800, datetime.max.replace(tzinfo=UTC)])
def test_a_time_that_no_calendar_has(outbox, argument, when):
    with pytest.raises(ValueError, match=f"{argument}: .* is no time of the years 1 to 9999"):
        outbox.put(letter(), **{argument: when})
    assert outbox.status()["queued"] == 0


def test_a_key_is_not_empty(outbox, catcher):
    message = letter()
    message.key = ""
    with rsmtp.Mailer(f"smtp://{catcher.host}:{catcher.port}?tls=none") as mailer:
        for use in (
            lambda: outbox.put(letter(), key=""),
            lambda: outbox.put(message),
            lambda: outbox.put_all([message]),
            lambda: outbox.send(mailer, letter(), key=""),
            lambda: rsmtp.tasks.job(letter(), key=""),
        ):
            with pytest.raises(ValueError, match="key: it is empty"):
                use()
        (receipt,) = mailer.send_all([message], outbox=outbox).receipts
    assert "key: it is empty" in str(receipt)
    assert outbox.status()["queued"] == 0 and not catcher.messages
