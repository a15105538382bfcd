"""Compares an outbox with a model of it. Owners claim messages, announce ends, receive answers,
lose their leases or die, in any order and at any time. The clock may go back, and the machine may
stop: all that was not yet flushed to the disk is then lost.

The model's rules must hold for the file. A server can have a message only if its end was announced.
A message that one server may have is not sent to another unless a person asks for it. A message
without an owner is in exactly one state, from which there is a way on.
"""

import contextlib
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, multiple, rule

import rsmtp
from rsmtp.outbox import OutboxError
from rsmtp.outbox.content import content_of
from rsmtp.outbox.database import Database
from rsmtp.outbox.entry import counts, entries
from rsmtp.outbox.recipients import STATES
from rsmtp.outbox.schedule import Schedule
from rsmtp.outbox.store import Put, Store

TO = ["bob@example.net", "carol@example.net"]
LEASE = 10.0

FATES = {
    "sent": {"fate": "sent", "stage": None, "code": 250, "text": "ok", "transient": False},
    "refused": {"fate": "refused", "stage": "rcpt", "code": 550, "text": "no", "transient": False},
    "put off": {"fate": "refused", "stage": "rcpt", "code": 450, "text": "later", "transient": True},
    "unknown": {"fate": "unknown", "stage": None, "code": None, "text": None, "transient": False},
    "not sent": {"fate": "not sent", "stage": None, "code": None, "text": None, "transient": True},
}


def receipt(stored, fates):
    recipients = [{"address": to, **FATES[fate]} for to, fate in zip(stored.prepared[1], fates, strict=False)]
    return rsmtp.Receipt.from_dict({
        "index": 0, "from_addr": "ann@example.org", "message_id": None, "attempts": 1, "server": "there",
        "seconds": None, "error": None, "recipients": recipients,
    })  # fmt: skip


class Disk(Database):
    """Tracks what is certain to be on the disk."""

    def __init__(self, path, kept, boot):
        self.kept = kept
        super().__init__(path)
        # A machine whose boots can't be told apart waits each time.
        self.boot = boot

    @contextlib.contextmanager
    def writing(self, *, durable=True):
        with super().writing(durable=durable) as connection:
            yield connection
        if durable:
            self.keep()

    def sync(self):
        super().sync()
        self.keep()

    def keep(self):
        for end in ("", "-wal"):
            shutil.copyfile(f"{self.path}{end}", self.kept / f"outbox.db{end}")

    def stop(self):
        self.close()
        for end in ("", "-wal"):
            shutil.copyfile(self.kept / f"outbox.db{end}", f"{self.path}{end}")


class Outboxes(RuleBasedStateMachine):
    owners = Bundle("owners")
    # The messages that an owner has claimed: (owner, stored).
    claims = Bundle("claims")
    # The ends that were announced: (owner, stored, recipients at that time).
    flights = Bundle("flights")

    @initialize(knows_boots=st.booleans())
    def open(self, knows_boots):
        # The file is in memory if possible, because the test is not about the disk.
        self.folder = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
        self.knows_boots = knows_boots
        self.boots = 0
        self.start()
        self.now = 1_000_000.0
        self.messages = []
        # How often the end was announced for each recipient, and how often a person asked for that.
        self.said = {}
        self.asked = {}

    def start(self):
        folder = Path(self.folder.name)
        (folder / "kept").mkdir(exist_ok=True)
        boot = f"boot {self.boots}" if self.knows_boots else None
        self.database = Disk(folder / "outbox.db", folder / "kept", boot)
        self.store = Store(self.database, Schedule(first=5.0, longest=20.0, give_up_after=60.0), LEASE)

    @rule()
    def the_machine_stops(self):
        before = self.ended()
        self.database.stop()
        self.now += 2 * LEASE
        self.boots += 1
        self.start()
        assert self.ended() == before

    def ended(self):
        """Results that a caller was told. A machine that stops must not take them back."""
        with self.database.reading() as connection:
            return {
                entry.id: (entry.state, entry.states)
                for entry in entries(connection)
                if entry.state not in ("queued", "sending")
            }

    def teardown(self):
        if hasattr(self, "database"):
            self.database.close()
            self.folder.cleanup()

    @rule(seconds=st.sampled_from([0.5, 3.0, 11.0, 70.0, -40.0]))
    def time_goes_on_or_back(self, seconds):
        self.now += seconds

    @rule(number=st.integers(0, 3))
    def put(self, number):
        content = content_of(("ann@example.org", TO, b"Subject: %d\r\n\r\nhi\r\n" % number))
        with self.database.writing() as connection:
            self.messages.append(self.store.put(connection, content, Put(self.now, self.now)))

    @rule()
    def put_some(self):
        content = content_of(("ann@example.org", TO, b"Subject: 7\r\n\r\nhi\r\n"))
        with self.database.writing() as connection:
            put = Put(self.now, self.now)
            self.messages += self.store.put_all(connection, [(content, None)] * 3, put)

    @rule(target=owners)
    def enlist(self):
        return self.boots, self.store.enlist("an owner", self.now)

    def runs(self, owner):
        """The number of a run whose machine has not stopped."""
        boot, number = owner
        return number if boot == self.boots else None

    @rule(owner=owners)
    def renew(self, owner):
        if (owner := self.runs(owner)) is None:
            return
        try:
            self.store.renew(owner, self.now)
        except OutboxError:
            pass

    @rule()
    def take_over(self):
        self.store.take_over(self.now)

    @rule(owner=consumes(owners))
    def resign(self, owner):
        if (owner := self.runs(owner)) is not None:
            self.store.resign(owner, self.now)

    @rule(target=claims, owner=owners)
    def claim(self, owner):
        if (number := self.runs(owner)) is None:
            return multiple()
        try:
            claim = self.store.claim(number, self.now, most=2).messages()
        except OutboxError:
            return multiple()
        return (owner, claim[0]) if claim else multiple()

    @rule(target=flights, claim=claims)
    def say_end(self, claim):
        if (number := self.runs(claim[0])) is None:
            return multiple()
        owner, stored = claim
        try:
            self.store.say_ends(number, [stored.id], [], self.now)
        except OutboxError:
            return multiple()
        for to in stored.prepared[1]:
            place = stored.id, to
            self.said.setdefault(place, []).append(owner)
        return owner, stored

    @rule(target=flights)
    def another_owner_says_an_end(self):
        """Combines several steps, so that more steps can follow."""
        self.store.take_over(self.now)
        self.put(0)
        claim = self.claim(self.enlist())
        return self.say_end(claim) if type(claim) is tuple else claim

    @rule(flight=consumes(flights), fates=st.tuples(*[st.sampled_from(sorted(FATES))] * 2))
    def answer(self, flight, fates):
        if (number := self.runs(flight[0])) is None:
            return
        owner, stored = flight
        self.store.settle(number, [(stored.id, receipt(stored, fates))], self.now, as_stored=True)
        for to, fate in zip(stored.prepared[1], fates, strict=False):
            if fate in ("put off", "not sent"):
                # The server has said that it has not got the message, or the end was never announced.
                self.said[stored.id, to] = [one for one in self.said[stored.id, to] if one != owner]

    @rule(data=st.data())
    def by_hand(self, data):
        if self.messages:
            some = data.draw(st.lists(st.sampled_from(self.messages), unique=True))
            if data.draw(st.booleans()):
                self.store.cancel(some, self.now)
                return
            unknown = data.draw(st.booleans())
            with self.database.reading() as connection:
                before = {entry.id: entry.state for entry in entries(connection)}
            left = self.store.retry(some, self.now, unknown=unknown)
            for message in set(some) - left.keys():
                assert before[message] != "unknown" or unknown
                for to in TO:
                    self.asked[message, to] = self.asked.get((message, to), 0) + 1

    @invariant()
    def no_end_is_said_twice_unasked(self):
        for place, owners in getattr(self, "said", {}).items():
            # The same owner may announce it again, because it knows that its session had ended before.
            assert len(set(owners)) <= 1 + self.asked.get(place, 0), (place, owners)

    @invariant()
    def every_message_is_in_a_state_that_its_recipients_agree_with(self):
        if not hasattr(self, "database"):
            return
        with self.database.reading() as connection:
            found = list(entries(connection))
            owners = {owner for (owner,) in connection.execute("SELECT id FROM outbox_owner")}
            rows = connection.execute("SELECT first, last FROM outbox_turn").fetchall()
            turns = [number for first, last in rows for number in range(first, last + 1)]
            claims = connection.execute("SELECT first, last, owner, said FROM outbox_claim").fetchall()
            assert sum(counts(connection).values()) == len(found)
        held = [number for first, last, _, _ in claims for number in range(first, last + 1)]
        said = [number for first, last, _, is_said in claims if is_said for number in range(first, last + 1)]
        assert owners.issuperset(owner for _, _, owner, _ in claims), (owners, claims)
        for entry in found:
            states = set(entry.states)
            assert entry.state in STATES
            assert ("open" in states) == (entry.state in ("queued", "sending")), entry
            # A message is in exactly one place: in its turn, with an owner, or ended.
            places = turns.count(entry.id) + held.count(entry.id)
            assert places == (entry.state in ("queued", "sending")), (entry, turns, claims)
            assert (entry.state == "sending") == (entry.id in said)
        assert sorted(entry.id for entry in found) == sorted(self.messages)


TestOutboxes = Outboxes.TestCase
TestOutboxes.settings = settings(max_examples=50, stateful_step_count=40, deadline=None)
