"""`Mailer(outbox=...)`, with idempotency keys and whole lists."""

import asyncio

import pytest
from outbox.letters import letter, number_of, raw

import rsmtp
from rsmtp.outbox import KeyInUse, Outbox


class Threads:
    def __init__(self, catcher, outbox=None):
        self.options = {
            "url": f"smtp://{catcher.host}:{catcher.port}?tls=none",
            "outbox": outbox,
            "timeout": 20,
        }

    def send(self, *arguments, **options):
        with rsmtp.Mailer(**self.options) as mailer:
            return mailer.send(*arguments, **options)

    def send_all(self, *arguments, **options):
        with rsmtp.Mailer(**self.options) as mailer:
            return mailer.send_all(*arguments, **options)


class Loop(Threads):
    def send(self, *arguments, **options):
        async def sent():
            async with rsmtp.AsyncMailer(**self.options) as mailer:
                return await mailer.send(*arguments, **options)

        return asyncio.run(sent())

    def send_all(self, *arguments, **options):
        async def sent():
            async with rsmtp.AsyncMailer(**self.options) as mailer:
                return await mailer.send_all(*arguments, **options)

        return asyncio.run(sent())


@pytest.fixture(params=[Threads, Loop])
def mailer(request, catcher, outbox):
    return request.param(catcher, outbox)


def numbers(catcher):
    return [number_of(message.data) for message in catcher.messages]


def test_a_key_sends_once(mailer, catcher, outbox):
    first = mailer.send(letter(1), key="invoice/7")
    again = mailer.send(letter(1), key="invoice/7")
    assert first.ok and str(again) == str(first) and again.message_id == first.message_id
    assert len(catcher.messages) == 1
    with pytest.raises(KeyInUse, match="invoice/7"):
        mailer.send(letter(2), key="invoice/7")
    assert mailer.send(letter(2)).ok and mailer.send(letter(2)).ok
    assert numbers(catcher) == [1, 2, 2]


def test_a_refusal_raises_each_time(mailer, catcher):
    catcher.fault("rcpt", reply=(550, "5.1.1 no such user"), times=1)
    for _ in range(2):
        with pytest.raises(rsmtp.SMTPRecipientsRefused, match="no such user"):
            mailer.send(letter(1), key="a")
        assert mailer.send(letter(1), key="a", check=False).refused == ["bob@example.net"]
    assert not catcher.messages


def test_what_was_put_off_is_tried_by_the_next_call(mailer, catcher, outbox):
    catcher.fault("rcpt", reply=(450, "4.2.0 greylisted"), times=3)
    assert not mailer.send(letter(1), key="a", check=False).sent
    assert outbox.get("a").state == "queued"
    assert mailer.send(letter(1), key="a").ok


def test_a_mailer_without_an_outbox_says_so(catcher):
    for kind in (Threads, Loop):
        with pytest.raises(ValueError, match=r"key: this mailer has no outbox .* outbox=rsmtp\.Outbox"):
            kind(catcher).send(letter(1), key="a")
        with pytest.raises(TypeError, match=r"outbox: an rsmtp\.Outbox is wanted, not str"):
            kind(catcher, "mail.db").send(letter(1))
        with pytest.raises(TypeError, match="outbox"):
            kind(catcher).send_all([letter(1)], outbox="mail.db")
        with pytest.raises(ValueError, match="outbox: its report comes at the end"):
            kind(catcher).send_all([letter(1)], outbox=object.__new__(Outbox), progress=True)


def test_a_list_that_was_left_in_the_middle_goes_on(mailer, catcher, outbox):
    messages = [raw(number) for number in range(1300)]
    # An earlier call has sent some, and one of them is postponed.
    assert mailer.send_all(messages[:700], outbox=outbox).sent == 700
    catcher.fault("rcpt", reply=(550, "5.1.1 no such user"), times=1)
    report = mailer.send_all(messages, outbox=outbox)
    assert (report.sent, report.refused, report.total) == (1299, 1, 1300)
    assert sorted(numbers(catcher)) == sorted(set(range(1300)) - {report.troubles[0].index})
    (trouble,) = report.troubles
    assert trouble.refused == ["bob@example.net"] and trouble.message[2] == messages[trouble.index][2]
    assert mailer.send_all(messages, outbox=outbox).sent == 1299
    assert len(catcher.messages) == 1299


def test_equal_messages_of_a_list_are_several(mailer, catcher, outbox):
    assert mailer.send_all([raw(1), raw(1), raw(2), raw(1)], outbox=outbox).sent == 4
    assert mailer.send_all([raw(1), raw(1), raw(2), raw(1)], outbox=outbox).sent == 4
    assert sorted(numbers(catcher)) == [1, 1, 1, 2]


def test_rows_and_messages_that_are_no_good(mailer, catcher, outbox):
    def make(number):
        if number == 1:
            raise LookupError("no such customer")
        return letter(number, to="" if number == 2 else "bob@example.net")

    report = mailer.send_all([0, 1, 2, 3], make=make, outbox=outbox)
    assert (report.sent, report.not_sent) == (2, 2)
    by_index = {receipt.index: receipt for receipt in report.receipts}
    assert isinstance(by_index[1].error, LookupError) and by_index[1].message == 1
    assert isinstance(by_index[2].error, ValueError)
    assert sorted(numbers(catcher)) == [0, 3]


def test_an_asynchronous_iterable(catcher, outbox):
    async def given():
        for number in range(20):
            yield raw(number)

    assert Loop(catcher).send_all(given(), outbox=outbox).sent == 20
