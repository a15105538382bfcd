"""Tasks that enter one client at the same time take turns, and each gets its own session."""

import asyncio
import gc
import warnings

import pytest

import rsmtp


@pytest.fixture
def catcher():
    with rsmtp.Catcher() as catcher:
        yield catcher


def client_of(catcher):
    context = rsmtp.TlsConfig(ca_file=catcher.ca_file)
    return rsmtp.AsyncSmtpClient("localhost", catcher.port, tls="starttls", context=context)


def run(main):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = asyncio.run(main, debug=False)
        gc.collect()
    return result


def test_each_has_its_turn(catcher):
    async def main():
        client = client_of(catcher)

        async def use(number):
            async with client:
                await client.login(catcher.username, catcher.password)
                await client.sendmail("a@example.org", "b@example.org", f"Subject: {number}\n\nhi\n")

        await asyncio.gather(*[use(number) for number in range(5)])

    run(main())
    contents = [message.data for message in catcher.messages]
    assert all(any(b"Subject: %d" % number in data for data in contents) for number in range(5))
    assert len(catcher.conversations) == 5


def test_a_task_that_is_cancelled_or_fails_lets_the_next_one_in(catcher):
    async def main():
        client = client_of(catcher)

        async def fail():
            async with client:
                raise ZeroDivisionError

        async def wait():
            async with client:
                await asyncio.sleep(60)

        async def use():
            async with client:
                return await client.noop()

        waiting = asyncio.create_task(wait())
        while client.sock is None:
            await asyncio.sleep(0.01)
        behind = asyncio.create_task(use())
        gone = asyncio.create_task(use())
        failing = asyncio.create_task(fail())
        last = asyncio.create_task(use())
        await asyncio.sleep(0.01)
        gone.cancel()
        waiting.cancel()
        return await asyncio.gather(waiting, behind, gone, failing, last, return_exceptions=True)

    waited, behind, gone, failed, last = run(main())
    assert isinstance(waited, asyncio.CancelledError) and isinstance(gone, asyncio.CancelledError)
    assert isinstance(failed, ZeroDivisionError)
    assert behind[0] == last[0] == 250


def test_the_next_loop_finds_it_free(catcher):
    client = client_of(catcher)

    async def use():
        async with client:
            return await client.noop()

    async def several():
        return await asyncio.gather(use(), use())

    for _ in range(2):
        assert [code for code, _ in run(several())] == [250, 250]


def test_of_two_that_connect_at_once_one_connection_is_left(catcher):
    async def main():
        client = rsmtp.AsyncSmtpClient(context=rsmtp.TlsConfig(ca_file=catcher.ca_file))
        came = await asyncio.gather(
            *[client.connect("localhost", catcher.port) for _ in range(3)], return_exceptions=True
        )
        client.close()
        await asyncio.sleep(0.01)
        return came

    came = run(main())
    assert all(isinstance(one, rsmtp.SMTPException) or one[0] == 220 for one in came)
