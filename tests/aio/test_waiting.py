"""How tasks wait for a connection: for their turn, and for the answer."""

import asyncio

import pytest

import rsmtp
from rsmtp._transport.asyncio_waiting import Turn, come

LETTER = "Subject: s\n\nhello\n"


async def in_turn(turn, name, order, seconds=0.0):
    if turn.is_taken:
        await turn.wait()
    turn.is_taken = True
    try:
        order.append(name)
        await asyncio.sleep(seconds)
    finally:
        turn.give()


def test_first_come_first_served_and_no_task_between():
    async def main():
        turn, order = Turn(), []
        tasks = [asyncio.create_task(in_turn(turn, name, order)) for name in "abc"]
        await asyncio.sleep(0)
        # "a" has its turn until its task continues, and "b" after it, before one that comes now.
        await asyncio.sleep(0)
        tasks.append(asyncio.create_task(in_turn(turn, "d", order)))
        await asyncio.gather(*tasks)
        assert order == ["a", "b", "c", "d"] and not turn.is_taken

    asyncio.run(main(), debug=True)


@pytest.mark.parametrize("given", [False, True], ids=["while it waits", "in the moment of its turn"])
def test_a_turn_is_not_lost_with_a_task_that_is_cancelled(given):
    async def main():
        turn, order = Turn(), []
        turn.is_taken = True
        tasks = [asyncio.create_task(in_turn(turn, name, order)) for name in "abc"]
        await asyncio.sleep(0)
        if given:
            turn.give()
        tasks[0].cancel()
        if not given:
            turn.give()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(results[0], asyncio.CancelledError) and results[1:] == [None, None]
        assert order == ["b", "c"] and not turn.is_taken

    asyncio.run(main(), debug=True)


def test_an_answer_that_a_callback_waits_for_too_comes_in_the_next_turn():
    async def main():
        loop = asyncio.get_running_loop()
        answer, heard = loop.create_future(), []

        async def waits():
            await answer
            heard.append("task")

        task = asyncio.create_task(waits())
        answer.add_done_callback(lambda _: heard.append("callback"))
        await asyncio.sleep(0)
        loop.call_soon(lambda: come(answer, loop, at_once=True))
        await task
        assert sorted(heard) == ["callback", "task"]

    asyncio.run(main(), debug=True)


def test_one_task_is_not_continued_inside_another():
    async def main():
        loop = asyncio.get_running_loop()
        answer, heard = loop.create_future(), []

        async def waits():
            await answer
            heard.append("answer")

        task = asyncio.create_task(waits())
        await asyncio.sleep(0)
        come(answer, loop, at_once=True)
        come(answer, loop, at_once=True)
        assert heard == []
        await task
        assert heard == ["answer"]

    asyncio.run(main(), debug=True)


class Opaque(asyncio.Future):
    """A future that does not tell its callbacks, as one of another event loop may be."""

    @property
    def _callbacks(self):
        return None


def test_a_loop_whose_futures_do_not_tell_their_callbacks():
    class Loop(asyncio.SelectorEventLoop):
        def create_future(self):
            return Opaque(loop=self)

    async def main():
        async with rsmtp.AsyncSmtpClient(catcher.host, catcher.port) as client:
            for _ in range(3):
                assert await client.sendmail("a@example.org", "b@example.org", LETTER) == {}

    with rsmtp.Catcher(tls="none") as catcher:
        with asyncio.Runner(loop_factory=Loop) as runner:
            runner.run(main())
        assert len(catcher.messages) == 3
