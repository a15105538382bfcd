"""A mailer's own rules: suppressed addresses, test systems that must not write to real customers,
and hooks."""

import asyncio
import logging
import time

import pytest

import rsmtp
from rsmtp import Outbox


@pytest.fixture
def catcher():
    with rsmtp.Catcher() as catcher:
        yield catcher


class Both:
    """One call for both mailers."""

    def __init__(self, cls, catcher):
        self.cls, self.catcher = cls, catcher

    def mailer(self, **options):
        return self.cls(host=self.catcher.host, port=self.catcher.port, **({"retries": 0} | options))

    def send(self, message, check=True, **options):
        if self.cls is rsmtp.Mailer:
            with self.mailer(**options) as mailer:
                return mailer.send(message, check=check)

        async def send():
            async with self.mailer(**options) as mailer:
                return await mailer.send(message, check=check)

        return asyncio.run(send())

    def send_all(self, messages, make=None, **options):
        if self.cls is rsmtp.Mailer:
            with self.mailer(**options) as mailer:
                return mailer.send_all(messages, make=make)

        async def send():
            async with self.mailer(**options) as mailer:
                return await mailer.send_all(messages, make=make)

        return asyncio.run(send())

    def stream(self, messages, **options):
        if self.cls is rsmtp.Mailer:
            with self.mailer(**options) as mailer:
                return list(mailer.send_all(messages, stream=True))

        async def send():
            async with self.mailer(**options) as mailer:
                return [receipt async for receipt in mailer.send_all(messages)]

        return asyncio.run(send())

    def run(self, outbox, **options):
        if self.cls is rsmtp.Mailer:
            with self.mailer(**options) as mailer:
                return outbox.run(mailer)

        async def run():
            async with self.mailer(**options) as mailer:
                return await outbox.run(mailer)

        return asyncio.run(run())


@pytest.fixture(params=[rsmtp.Mailer, rsmtp.AsyncMailer])
def both(request, catcher):
    return Both(request.param, catcher)


def letter(*to, **fields):
    return rsmtp.Message("Hello", subject="Hi", from_="shop@example.org", to=list(to), **fields)


def envelopes(catcher):
    return [message.rcpt_tos for message in catcher.messages]


@pytest.mark.parametrize(
    "suppression",
    [
        ["ann@example.org"],
        {"ANN@Example.ORG", "Zoe <zoe@example.org>"},
        lambda address: address == "ann@example.org",
    ],
)
def test_a_suppressed_recipient_gets_nothing_and_the_others_do(both, catcher, suppression):
    receipt = both.send(letter("ann@example.org", "ben@example.org"), suppression=suppression)
    assert envelopes(catcher) == [["ben@example.org"]]
    assert (receipt.sent, receipt.suppressed) == (["ben@example.org"], ["ann@example.org"])
    assert receipt.ok and receipt
    assert "ann@example.org suppressed: it is in the suppression list" in str(receipt)
    assert repr(receipt).startswith("<Receipt 0: sent to 1, suppressed for 1")


def test_spellings_of_one_mailbox_are_one(both, catcher):
    suppressed = ["x@xn--p8s937b.example.com", "ANN@example.org"]
    both.send(letter("x@漢字.example.com", "Ann@EXAMPLE.org", "ben@example.org"), suppression=suppressed)
    assert envelopes(catcher) == [["ben@example.org"]]


def test_a_function_may_say_why(both):
    receipt = both.send(letter("ann@example.org"), suppression=lambda address: "it has bounced")
    assert [(one.fate, one.text, one.code, one.transient) for one in receipt.recipients] == [
        ("suppressed", "it has bounced", None, False)
    ]


def test_a_message_without_a_recipient_left_is_not_sent_and_no_error(both, catcher):
    receipt = both.send(letter("ann@example.org"), suppression=["ann@example.org"])
    assert receipt.ok and not receipt.sent and receipt.suppressed == ["ann@example.org"]
    assert (receipt.error, receipt.attempts, receipt.index) == (None, 0, 0)
    assert receipt.message["Subject"] == "Hi"
    assert catcher.connections == 0


def test_a_report_counts_them_apart(both, catcher):
    messages = [letter(f"n{number}@example.org") for number in range(20)]
    catcher.fault("RCPT", reply=(550, "5.1.1 no"), address="n7@example.org")
    report = both.send_all(messages, suppression=[f"n{number}@example.org" for number in range(0, 20, 2)])
    assert (report.sent, report.refused, report.suppressed, report.not_sent) == (9, 1, 10, 0)
    assert report.total == len(report) == 20 and not report.ok
    assert sorted(receipt.index for receipt in report.receipts) == list(range(20))
    assert [receipt.message for receipt in sorted(report.receipts, key=lambda one: one.index)] == messages
    assert "9 sent, 1 refused, 10 suppressed" in str(report)
    assert both.send_all(messages[:1], suppression=["n0@example.org"]).ok
    assert rsmtp.Report.from_dict(report.to_dict()).suppressed == 10


def test_receipts_are_written_down_and_read_again(both):
    import pickle

    receipt = both.send(letter("ann@example.org", "ben@example.org"), suppression=["ann@example.org"])
    for again in (rsmtp.Receipt.from_dict(receipt.to_dict()), pickle.loads(pickle.dumps(receipt))):
        assert again.suppressed == ["ann@example.org"] and again.sent == ["ben@example.org"] and again.ok
        assert again.to_dict() == receipt.to_dict()
    (_, ann) = receipt.recipients
    assert pickle.loads(pickle.dumps(ann)).text == ann.text


def test_allow(both, catcher):
    message = letter("ann@example.com", "ben@mail.example.com", "eve@example.org", "Boss@EXAMPLE.net")
    receipt = both.send(message, allow=["*@example.com", "boss@example.net"])
    assert envelopes(catcher) == [["ann@example.com", "Boss@EXAMPLE.net"]]
    assert receipt.suppressed == ["ben@mail.example.com", "eve@example.org"]
    assert "eve@example.org suppressed: it is not in allow" in str(receipt)


def test_redirect(both, catcher):
    receipt = both.send(letter("ann@example.org", "ben@example.org"), redirect="me@example.com")
    (message,) = catcher.messages
    assert message.rcpt_tos == ["me@example.com"]
    assert message.email["To"] == "ann@example.org, ben@example.org"
    assert (receipt.sent, receipt.suppressed) == (["me@example.com"], ["ann@example.org", "ben@example.org"])
    assert "ann@example.org suppressed: redirected to me@example.com" in str(receipt)


def test_redirect_lets_through_whom_allow_names(both, catcher):
    both.send(
        letter("ann@example.org", "dev@example.com"), redirect="me@example.net", allow=["*@example.com"]
    )
    assert envelopes(catcher) == [["me@example.net", "dev@example.com"]]


def test_redirect_to_one_of_the_recipients_is_said_once(both, catcher):
    both.send(letter("ann@example.org", "me@example.net", "ben@example.org"), redirect="me@example.net")
    assert envelopes(catcher) == [["me@example.net"]]


def test_what_is_suppressed_is_not_redirected(both, catcher):
    both.send(letter("ann@example.org"), redirect="me@example.net", suppression=["ann@example.org"])
    assert not catcher.messages


def test_before_send_may_change_replace_and_refuse(both, catcher):
    def before(message):
        if message["Subject"] == "No":
            return False
        if message["Subject"] == "Bad":
            raise ValueError("there is no customer 17")
        if message["Subject"] == "Other":
            return ("shop@example.org", ["other@example.org"], b"Subject: Replaced\r\n\r\nx\r\n")
        message["X-Seen"] = "yes"
        return None

    subjects = ["Yes", "No", "Bad", "Other"]
    messages = [
        rsmtp.Message("x", subject=subject, from_="shop@example.org", to="ann@example.org")
        for subject in subjects
    ]
    report = both.send_all(messages, before_send=before)
    assert [(one.email["Subject"], one.email["X-Seen"], one.rcpt_tos) for one in catcher.messages] == [
        ("Yes", "yes", ["ann@example.org"]),
        ("Replaced", None, ["other@example.org"]),
    ]
    assert (report.sent, report.suppressed, report.not_sent) == (2, 1, 1)
    failed = next(receipt for receipt in report.receipts if receipt.error)
    assert failed.index == 2 and "there is no customer 17" in str(failed.error)
    with pytest.raises(ValueError, match="no customer 17"):
        both.send(messages[2], before_send=before)


def test_after_send_is_told_each_receipt(both, catcher):
    catcher.fault("RCPT", reply=(550, "5.1.1 no"), address="n3@example.org")
    for way in (both.send_all, both.stream):
        told = []
        way(
            [letter(f"n{number}@example.org") for number in range(10)],
            after_send=told.append, suppression=["n5@example.org"],
        )  # fmt: skip
        assert sorted(receipt.index for receipt in told) == list(range(10))
        assert [receipt.index for receipt in told if receipt.refused] == [3]
        assert [receipt.index for receipt in told if receipt.suppressed] == [5]
    told = []
    both.send(letter("a@example.org"), after_send=told.append)
    assert [receipt.sent for receipt in told] == [["a@example.org"]]


def test_after_send_that_raises_stops_no_message(both, catcher):
    def fails(receipt):
        raise KeyError("no such customer")

    with pytest.raises(KeyError) as raised:
        both.send_all([letter(f"n{number}@example.org") for number in range(10)], after_send=fails)
    assert raised.value.report.unknown == 0
    assert raised.value.report.sent == catcher.count == len(raised.value.report.receipts)


def test_hooks_of_an_async_mailer_may_be_asynchronous(catcher):
    told = []

    async def before(message):
        await asyncio.sleep(0.01)
        return None if message["To"] != "b@example.org" else False

    async def after(receipt):
        await asyncio.sleep(0)
        told.append(receipt.index)

    both = Both(rsmtp.AsyncMailer, catcher)
    messages = [letter("a@example.org"), letter("b@example.org")]
    assert both.send_all(messages, before_send=before, after_send=after).sent == 1
    assert sorted(told) == [0, 1]
    with pytest.raises(TypeError, match="before_send: it is asynchronous"):
        Both(rsmtp.Mailer, catcher).send(messages[0], before_send=before)


def test_rows_and_make(both, catcher):
    report = both.send_all(range(5), make=lambda row: letter(f"n{row}@example.org"), allow=["n1@*", "n2@*"])
    assert (report.sent, report.suppressed) == (2, 3)


def test_an_outbox_knows_addresses(both, catcher, tmp_path):
    with Outbox(tmp_path / "mail.db") as outbox:
        outbox.suppress("Ann <ANN@example.org>", "it has bounced")
        assert outbox.suppressions() == {"ann@example.org": "it has bounced"}
        receipt = both.send(letter("ann@example.org", "ben@example.org"), suppression=outbox)
        assert "ann@example.org suppressed: it has bounced" in str(receipt)
        assert outbox.unsuppress("ann@example.org") and not outbox.unsuppress("ann@example.org")
        assert both.send(letter("ann@example.org"), suppression=outbox).sent == ["ann@example.org"]
        with pytest.raises(ValueError, match="address: "):
            outbox.suppress("no address@")


def test_what_waits_in_an_outbox_goes_by_the_rules(both, catcher, tmp_path):
    seen, told = [], []
    with Outbox(tmp_path / "mail.db") as outbox:
        both_of_them = outbox.put(letter("ann@example.org", "ben@example.org")).id
        one = outbox.put(letter("ann@example.org")).id
        outbox.suppress("ann@example.org", "it has bounced")
        ran = both.run(outbox, suppression=outbox, before_send=seen.append, after_send=told.append)
        # As in a report, a message is suppressed if no recipient is to get it.
        assert (ran.sent, ran.suppressed, ran.ok) == (1, 1, True)
        assert outbox.get(both_of_them).state == "sent"
        assert envelopes(catcher) == [["ben@example.org"]]
        assert outbox.get(one).state == "suppressed"
        assert outbox.get(both_of_them).receipt.suppressed == ["ann@example.org"]
        assert len(seen) == len(told) == 2
        assert seen[0][1] == ["ann@example.org", "ben@example.org"] and b"Subject: Hi" in seen[0][2]


def test_the_log_tells(both, caplog):
    with caplog.at_level(logging.INFO, "rsmtp.mail"):
        both.send(letter("ann@example.org"), allow=["*@example.com"])
    assert "suppressed: ann@example.org (it is not in allow)" in caplog.text


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({"suppression": "ann@example.org"}, "suppression: "),
        ({"suppression": 5}, "suppression: "),
        ({"suppression": ["no address@"]}, "suppression: "),
        ({"allow": "*@example.com"}, "allow: "),
        ({"allow": ["example.com"]}, r"allow: 'example.com' has no @: a domain is '\*@example.com'"),
        ({"allow": [5]}, "allow: "),
        ({"redirect": "a@example.org, b@example.org"}, "redirect: one address"),
        ({"redirect": 5}, "redirect: "),
        ({"before_send": 5}, "before_send: "),
        ({"after_send": "x"}, "after_send: "),
    ],
)
@pytest.mark.parametrize("cls", [rsmtp.Mailer, rsmtp.AsyncMailer])
def test_rules_that_can_not_be_meant(cls, rules, words):
    with pytest.raises((ValueError, TypeError), match=words):
        cls("smtp://mail.example.org", **rules)


def test_a_rule_that_fails_puts_off_what_waits_in_an_outbox(both, catcher, tmp_path):
    def fails(message):
        raise LookupError("no customer now")

    with Outbox(tmp_path / "mail.db", first_retry=0.5) as outbox:
        number = outbox.put(letter("ann@example.org")).id
        ran = both.run(outbox, before_send=fails)
        assert (ran.dead, ran.put_off) == (0, 1)
        entry = outbox.get(number)
        assert entry.state == "queued" and "no customer now" in str(entry.receipt.error)
        time.sleep(0.6)
        assert both.run(outbox).sent == 1
    assert envelopes(catcher) == [["ann@example.org"]]


def test_what_is_redirected_out_of_an_outbox_is_put_off_as_others_are(both, catcher, tmp_path):
    catcher.fault("RCPT", reply=(450, "4.2.0 later"), times=1)
    with Outbox(tmp_path / "mail.db", first_retry=0.5) as outbox:
        number = outbox.put(letter("ann@example.org", "ben@example.org")).id
        assert both.run(outbox, redirect="test@example.org").put_off == 1
        assert outbox.get(number).state == "queued"
        time.sleep(0.6)
        assert both.run(outbox, redirect="test@example.org").sent == 1
        assert both.run(outbox, redirect="test@example.org") == (0,) * 6
    assert envelopes(catcher) == [["test@example.org"]]


@pytest.mark.parametrize(
    ("reply", "count"), [(None, "sent"), ((550, "5.1.1 no"), "refused")], ids=["taken", "refused"]
)
def test_a_redirected_message_counts_as_what_became_of_it_everywhere(both, catcher, tmp_path, reply, count):
    """In a report, a receipt, an outbox and the report of a list, the message counts by the
    result for the recipient that got it instead."""
    messages = [letter("ann@example.org", "ben@example.org")]
    if reply:
        catcher.fault("RCPT", reply=reply)
    with Outbox(tmp_path / "mail.db") as outbox, Outbox(tmp_path / "list.db") as other:
        report = both.send_all(messages, redirect="test@example.org")
        number = outbox.put(messages[0]).id
        ran = both.run(outbox, redirect="test@example.org")
        listed = both.send_all(messages, redirect="test@example.org", outbox=other)
        entry = outbox.get(number)
    for one in (report, ran, listed):
        assert (getattr(one, count), one.suppressed) == (1, 0) and one.ok == (reply is None)
    originals = ["ann@example.org", "ben@example.org"]
    assert report.receipts[0].suppressed == originals
    assert getattr(report.receipts[0], count) == ["test@example.org"]
    assert entry.state == count and entry.states == [count] * 2 and entry.receipt.suppressed == originals
    assert "redirected to test@example.org" in str(entry.receipt)
    assert envelopes(catcher) == ([] if reply else [["test@example.org"]] * 3)


def test_who_is_suppressed_beside_one_who_is_redirected(both, catcher, tmp_path):
    with Outbox(tmp_path / "mail.db") as outbox:
        number = outbox.put(letter("ann@example.org", "ben@example.org")).id
        ran = both.run(outbox, redirect="test@example.org", suppression=["ben@example.org"])
        assert (ran.sent, ran.suppressed) == (1, 0)
        assert outbox.get(number).states == ["sent", "suppressed"]


def test_another_message_goes_to_whom_the_stored_one_is_for(both, catcher, tmp_path):
    """The stored message no longer has its Bcc, and some of its recipients may already have it."""

    def with_footer(stored):
        made = letter("ann@example.org", "ben@example.org")
        made["X-Footer"] = "yes"
        return made

    catcher.fault("RCPT", reply=(450, "4.2.0 later"), times=1, address="ben@example.org")
    with Outbox(tmp_path / "mail.db", first_retry=0.5) as outbox:
        outbox.put(letter("ann@example.org", "ben@example.org", bcc=["zoe@example.org"]))
        assert both.run(outbox, before_send=with_footer).put_off == 1
        time.sleep(0.6)
        assert both.run(outbox, before_send=with_footer).sent == 1
    assert [sorted(each) for each in envelopes(catcher)] == [
        ["ann@example.org", "zoe@example.org"],
        ["ben@example.org"],
    ]
    assert all(message.email["X-Footer"] == "yes" for message in catcher.messages)


def test_a_loop_gets_its_turn_while_all_is_suppressed(catcher):
    async def send():
        turns = 0

        async def turn():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        other = asyncio.create_task(turn())
        async with rsmtp.AsyncMailer(host=catcher.host, port=catcher.port, allow=["*@example.net"]) as mailer:
            report = await mailer.send_all(letter("ann@example.org") for _ in range(5_000))
        other.cancel()
        return report, turns

    report, turns = asyncio.run(send())
    assert report.suppressed == 5_000 and turns > 9
