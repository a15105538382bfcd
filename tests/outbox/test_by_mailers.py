"""`Mailer(outbox=...)`, with idempotency keys and whole lists."""

import asyncio
import pickle
import time

import pytest
from outbox.letters import letter, number_of, raw

import rsmtp
from rsmtp.outbox import KeyInUse, Outbox, OutboxError


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


class Boom(Exception):
    pass


def failing(count, error=Boom):
    for number in range(count):
        yield raw(number)
    raise error("no more")


async def failing_awaited(count):
    for item in failing(count):
        yield item


@pytest.mark.parametrize("count", [0, 3, 700])
def test_an_iterable_that_raises_tells_what_came_before(mailer, catcher, outbox, count):
    catcher.fault("rcpt", reply=(550, "5.1.1 no such user"), times=1)
    with pytest.raises(Boom) as caught:
        mailer.send_all(failing(count), outbox=outbox)
    report = caught.value.report
    assert (report.sent, report.refused, report.total) == (max(count - 1, 0), min(count, 1), count)
    assert len(catcher.messages) == report.sent
    assert "what it gave before is sent" in str(caught.value.__notes__)
    # It goes on from there.
    assert mailer.send_all([raw(number) for number in range(count + 1)], outbox=outbox).total == count + 1
    assert len(catcher.messages) == count or count == 0


def test_an_asynchronous_iterable_that_raises(catcher, outbox):
    with pytest.raises(Boom) as caught:
        Loop(catcher).send_all(failing_awaited(3), outbox=outbox)
    assert (caught.value.report.sent, numbers(catcher)) == (3, [0, 1, 2])


def test_rows_of_a_merge_that_end_with_an_error(mailer, catcher, outbox):
    rows = ({"email": f"bob{number}@example.net"} for number, _ in enumerate(failing(3)))
    template = rsmtp.Template("Hi", subject="News", from_="ann@example.org")
    with pytest.raises(Boom) as caught:
        mailer.send_all(rsmtp.merge(template, rows, to="{{ email }}"), outbox=outbox)
    assert caught.value.report.sent == len(catcher.messages) == 3


def test_without_a_server_there_is_a_report(mailer, catcher, outbox):
    catcher.__exit__(None, None, None)
    with pytest.raises(OSError) as caught:
        mailer.send_all([raw(1), ("no address", "x", b""), raw(2)], outbox=outbox)
    report = caught.value.report
    assert (report.not_sent, report.total) == (3, 3)
    assert [receipt.index for receipt in report.receipts if isinstance(receipt.error, ValueError)] == [1]
    with pytest.raises(Boom) as caught:
        mailer.send_all(failing(2), outbox=outbox)
    assert caught.value.report.not_sent == 2
    assert "sending them was not finished" in caught.value.__notes__[-1]
    assert outbox.status()["queued"] == 3


def test_an_interrupted_iterable_tells_what_waits(mailer, catcher, outbox):
    with pytest.raises(KeyboardInterrupt) as caught:
        mailer.send_all(failing(3, KeyboardInterrupt), outbox=outbox)
    assert (caught.value.report.not_sent, caught.value.report.total) == (3, 3)
    assert outbox.status()["queued"] == 3 and not catcher.messages


def test_a_cancelled_call_tells_what_was_sent(catcher, outbox):
    async def given():
        for number in range(3):
            yield raw(number)
        await asyncio.sleep(60)

    async def told():
        async with rsmtp.AsyncMailer(**Loop(catcher).options) as mailer:
            try:
                await mailer.send_all(given(), outbox=outbox)
            except asyncio.CancelledError as cancelled:
                return cancelled.report

    async def cancelled():
        sending = asyncio.ensure_future(told())
        await asyncio.sleep(0.5)
        sending.cancel()
        return await sending

    assert asyncio.run(cancelled()).not_sent == outbox.status()["queued"] == 3


@pytest.mark.parametrize("same", [True, False])
def test_a_key_that_another_process_takes_meanwhile(mailer, catcher, outbox, tmp_path, same):
    template = rsmtp.Template("Hi", subject="Number {{ n }}", from_="ann@example.org")

    rows = [{"n": number} for number in range(3)]

    def messages():
        yield from rsmtp.merge(template, rows, to="bob@example.net", key="no/{{ n }}")
        with Outbox(tmp_path / "outbox.db") as elsewhere:
            elsewhere.put(letter(1, "Hi" if same else "Other", to="bob@example.net"), key="no/1")

    report = mailer.send_all(messages(), outbox=outbox)
    if same:
        assert report.sent == 3
    else:
        assert (report.sent, report.not_sent) == (2, 1)
        (receipt,) = report.troubles
        assert isinstance(receipt.error, KeyInUse) and receipt.index == 1
        assert receipt.error.entry.key == "no/1"
        assert receipt.message["Subject"] == "Number 1"
    assert sorted(numbers(catcher)) == [0, 1, 2]


def test_a_list_that_could_not_be_written_is_sent_once(mailer, catcher, outbox, monkeypatch):
    """The messages in hand are written once more at the end: with the same keys."""
    put_all = outbox._store.put_all
    failures = [OutboxError("the disk is full")]

    def full_once(*given):
        if failures:
            raise failures.pop()
        return put_all(*given)

    monkeypatch.setattr(outbox._store, "put_all", full_once)
    with pytest.raises(OutboxError, match="full") as caught:
        mailer.send_all([raw(number) for number in range(600)], outbox=outbox)
    assert caught.value.report.total == outbox.status()["queued"] == 500
    assert mailer.send_all([raw(number) for number in range(600)], outbox=outbox).sent == 600
    assert sorted(numbers(catcher)) == list(range(600))


def test_what_waits_in_the_outbox_is_not_for_its_sender_to_send_again(mailer, catcher, outbox):
    """It would arrive twice: the outbox tries it again itself."""
    catcher.fault("RCPT", reply=(450, "4.2.1 busy"), address="bob@example.net", times=9)
    catcher.fault("RCPT", reply=(450, "4.2.1 busy"), address="carol@example.net", times=9)
    report = mailer.send_all(
        [
            ("a@example.net", ["ann@example.net", "bob@example.net"], b"Subject: 1\r\n\r\n"),
            ("a@example.net", ["carol@example.net"], b"Subject: 2\r\n\r\n"),
        ],
        outbox=outbox,
    )
    assert report.refused == outbox.status()["queued"] == 2
    assert report.to_retry == pickle.loads(pickle.dumps(report)).to_retry == []


def test_what_the_outbox_has_given_up_is_sent_again_with_its_options(mailer, catcher, tmp_path):
    catcher.fault("RCPT", reply=(450, "4.2.1 busy"), address="bob@example.net", times=2)
    catcher.fault("RCPT", reply=(450, "4.2.1 busy"), address="carol@example.net", times=2)
    wanted = rsmtp.Envelope(dsn=rsmtp.Dsn(notify="delay", ret="headers", envid="7"))
    messages = [
        (letter(1, to=["ann@example.net", "bob@example.net"]), wanted),
        (("a@example.net", ["carol@example.net"], b"Subject: 2\r\n\r\n"), wanted),
        ("a@example.net", ["dora@example.net"], b"Subject: 3\r\n\r\n"),
    ]
    mailer.options["retries"] = 0
    with Outbox(tmp_path / "short.db", give_up_after=0.001, first_retry=0.001) as short:
        assert mailer.send_all(messages, outbox=short).to_retry == []
        time.sleep(0.01)
        report = mailer.send_all(messages, outbox=short)
        assert short.status()["dead"] == 2
    again = pickle.loads(pickle.dumps(report)).to_retry
    assert again == report.to_retry and len(again) == 2
    mailer.options["outbox"] = None
    assert mailer.send_all(again).ok
    last = catcher.messages[-2:]
    assert sorted(caught.rcpt_tos for caught in last) == [["bob@example.net"], ["carol@example.net"]]
    for caught in last:
        assert caught.rcpt_parameters == [{"NOTIFY": "DELAY"}]
        assert caught.mail_parameters["RET"] == "HDRS" and caught.mail_parameters["ENVID"] == "7"


@pytest.mark.parametrize("scheme", ["null:", "file:"])
def test_without_a_server(mailer, outbox, tmp_path, scheme):
    folder = tmp_path / "sent"
    folder.mkdir()
    mailer.options["url"] = f"file:{folder}" if scheme == "file:" else scheme
    assert mailer.send(letter(1), key="1").ok
    assert mailer.send_all([letter(2), letter(3)], outbox=outbox).ok
    assert outbox.status()["sent"] == 3
    assert len(list(folder.iterdir())) == (3 if scheme == "file:" else 0)
