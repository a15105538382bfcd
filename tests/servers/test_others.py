"""Exim, OpenSMTPD and Haraka: the mailer's report about a list, and the messages that have arrived.

Each server has other limits: Exim allows ten RSETs, OpenSMTPD 100 messages in one session, and
Haraka no commands after the final dot before its answer.
"""

import asyncio
import collections
import itertools

import pytest

import rsmtp
from servers.others import Exim, Haraka, OpenSmtpd, running

SENDER = "a@example.org"
KNOWN, UNKNOWN = "b@example.org", "nobody@example.org"
COUNT = 250


@pytest.fixture
def log_before():
    """These servers have their own logs."""


@pytest.fixture(scope="module", params=[Exim, OpenSmtpd, Haraka], ids=lambda kind: kind.name)
def server(request):
    with running(request.param) as server:
        yield server


@pytest.fixture
def numbers(server):
    """Numbers for messages that no other test has sent."""
    return itertools.count(next(_thousands) * 10_000)


_thousands = itertools.count(1)


def message(number, *recipients):
    content = f"Subject: a test\r\n\r\nnumber {number}\r\n".encode()
    return SENDER, list(recipients or [KNOWN]), content


def mixed(numbers, count=COUNT):
    """Every fifth message is for an unknown recipient, every seventh has a known and an unknown
    one, and twenty for unknown recipients follow each other."""
    for place in range(count):
        number = next(numbers)
        if place % 5 == 0 or 100 <= place < 120:
            yield message(number, UNKNOWN)
        elif place % 7 == 0:
            yield message(number, KNOWN, UNKNOWN)
        else:
            yield message(number)


def arrived(server, receipts):
    """Compares the receipts with the messages that have arrived, one by one. Returns the number
    of each fate."""
    taken = server.taken()
    fates = collections.Counter()
    for receipt in receipts:
        number = int(bytes(receipt.message[2]).split()[-1])
        each = {recipient.fate for recipient in receipt.recipients}
        for recipient in receipt.recipients:
            assert (recipient.address == UNKNOWN) >= (recipient.fate == "refused"), (receipt, server.log())
        if "sent" in each:
            assert taken[number] == 1, (receipt, taken[number], server.log())
        elif "unknown" in each:
            assert taken[number] <= 1, receipt
        else:
            assert taken[number] == 0, receipt
        fates.update(recipient.fate for recipient in receipt.recipients)
    return fates


def options(server, tls="starttls"):
    if tls == "none" or tls not in server.tls:
        return {"host": server.host, "port": server.port, "tls": "none"}
    context = rsmtp.TlsConfig(ca_file=server.ca_file)
    return {"host": server.host, "port": server.port, "tls": tls, "context": context}


@pytest.mark.parametrize("tls", ["none", "starttls"])
@pytest.mark.parametrize("connections", [1, 3])
def test_every_message_of_a_list_has_the_fate_that_is_told(server, numbers, tls, connections):
    with rsmtp.Mailer(**options(server, tls), connections=connections) as mailer:
        receipts = list(mailer.send_all(mixed(numbers), stream=True))
    expected = collections.Counter(
        {"sent": 0, "refused": 0} | collections.Counter(told for told in expected_fates(COUNT))
    )
    assert arrived(server, receipts) == expected
    assert all(receipt.attempts == 1 for receipt in receipts)


def expected_fates(count):
    for place in range(count):
        if place % 5 == 0 or 100 <= place < 120:
            yield "refused"
        else:
            yield "sent"
            if place % 7 == 0:
                yield "refused"


def test_and_by_an_event_loop(server, numbers):
    async def send():
        async with rsmtp.AsyncMailer(**options(server)) as mailer:
            return [receipt async for receipt in mailer.send_all(mixed(numbers))]

    assert arrived(server, asyncio.run(send())) == collections.Counter(expected_fates(COUNT))


def test_a_client_step_by_step(server, numbers):
    first, second, third = (next(numbers) for _ in range(3))
    with rsmtp.SmtpClient(**options(server)) as client:
        assert client.sendmail(*message(first)) == {}
        with pytest.raises(rsmtp.SMTPRecipientsRefused):
            client.sendmail(*message(second, UNKNOWN))
        assert list(client.sendmail(*message(third, UNKNOWN, KNOWN))) == [UNKNOWN]
        assert client.noop()[0] == 250
    taken = server.taken()
    assert (taken[first], taken[second], taken[third]) == (1, 0, 1)


@pytest.mark.parametrize("tls", ["none", "starttls"])
def test_killed_in_the_middle_nothing_is_called_sent_that_is_missing(server, numbers, tls):
    receipts = []
    with rsmtp.Mailer(**options(server, tls), connections=2, retries=8, backoff=0.3) as mailer:
        for receipt in mailer.send_all(mixed(numbers), stream=True):
            receipts.append(receipt)
            if len(receipts) == COUNT // 3:
                server.stop(kill=True)
                server.start()
    assert len(receipts) == COUNT
    fates = arrived(server, receipts)
    assert fates["sent"] > COUNT // 4 and fates["unknown"] < COUNT // 2


@pytest.mark.parametrize(
    ("kind", "limit"),
    [
        # It refuses the whole message: 552 to RCPT, then 554.
        (Exim, "recipients_max = 5\nrecipients_max_reject = true"),
        (Exim, "recipients_max = 5"),
        # 451 4.5.3
        (OpenSmtpd, "smtp limit max-rcpt 5"),
    ],
)
def test_recipients_beyond_a_limit_get_the_message_all_the_same(kind, limit):
    recipients = [f"r{number}@example.org" for number in range(12)]
    with running(kind, limit) as server:
        with rsmtp.Mailer(**options(server, "none"), connections=2, retries=0) as mailer:
            report = mailer.send_all(message(number, *recipients) for number in range(6))
        assert report.ok and [sorted(receipt.sent) for receipt in report.receipts] == [sorted(recipients)] * 6
        # Twelve by five.
        assert server.taken() == dict.fromkeys(range(6), 3)
