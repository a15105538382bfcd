"""How tasks wait for a connection: for their turn, and for the answer."""

import asyncio
import contextvars
import gc
import weakref

import pytest

from rsmtp._rsmtp import Answer
from rsmtp._transport.asyncio_waiting import Turn


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


async def waiting(answer, heard):
    await answer
    heard.append("task")


def test_an_answer_that_a_callback_waits_for_too_comes_in_the_next_turn():
    async def main():
        loop = asyncio.get_running_loop()
        answer, heard = Answer(loop), []
        task = asyncio.create_task(waiting(answer, heard))
        await asyncio.sleep(0)
        answer.add_done_callback(lambda _: heard.append("callback"))
        loop.call_soon(lambda: (answer.come(at_once=True), heard.append("came")))
        await task
        assert heard == ["came", "task", "callback"]

    asyncio.run(main(), debug=True)


def test_one_task_is_not_continued_inside_another():
    async def main():
        answer, heard = Answer(asyncio.get_running_loop()), []
        task = asyncio.create_task(waiting(answer, heard))
        await asyncio.sleep(0)
        answer.come(at_once=True)
        answer.come(at_once=True)
        assert heard == [] and answer.done()
        await task
        assert heard == ["task"]
        # What has come is not waited for.
        await waiting(answer, heard)
        assert heard == ["task", "task"]

    asyncio.run(main(), debug=True)


def test_a_task_continues_at_once_in_its_own_context():
    variable = contextvars.ContextVar("variable", default="outside")

    async def main():
        loop = asyncio.get_running_loop()
        answer, heard = Answer(loop), []

        async def waits():
            variable.set("inside")
            await answer
            heard.append((variable.get(), asyncio.current_task() is task))

        task = asyncio.create_task(waits())
        await asyncio.sleep(0)
        loop.call_soon(lambda: (answer.come(at_once=True), heard.append(variable.get())))
        await task
        assert heard == [("inside", True), "outside"]

    asyncio.run(main(), debug=True)


@pytest.mark.parametrize("first", ["cancelled", "come"])
def test_a_wait_that_is_cancelled_in_the_turn_of_its_answer(first):
    """Whichever is first, the task hears it once, and of its cancellation in any case."""

    async def main():
        loop = asyncio.get_running_loop()
        answer, heard = Answer(loop), []
        task = asyncio.create_task(waiting(answer, heard))
        await asyncio.sleep(0)
        steps = [lambda: task.cancel("enough"), answer.come]
        for step in steps if first == "cancelled" else reversed(steps):
            step()
        with pytest.raises(asyncio.CancelledError, match="enough"):
            await task
        assert heard == [] and answer.cancelled() is (first == "cancelled")

    asyncio.run(main(), debug=True)


def test_a_wait_with_a_limit():
    async def main():
        loop = asyncio.get_running_loop()
        for _ in range(2):
            answer = Answer(loop)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await answer
            assert answer.cancelled() and not answer.cancel()
            answer.come(at_once=True)
        answer = Answer(loop)
        loop.call_later(0.01, answer.come)
        assert await asyncio.wait_for(waiting(answer, []), 60) is None

    asyncio.run(main(), debug=True)


def test_asyncio_takes_it_for_a_future():
    async def main():
        loop = asyncio.get_running_loop()
        answer = Answer(loop)
        assert asyncio.isfuture(answer) and answer.get_loop() is loop
        with pytest.raises(asyncio.InvalidStateError):
            answer.result()
        called = []
        answer.add_done_callback(called.append)
        assert answer.remove_done_callback(called.append) == 1
        answer.add_done_callback(called.append)
        waits = asyncio.ensure_future(answer)
        assert waits is answer
        loop.call_soon(answer.come)
        done, _ = await asyncio.wait([answer])
        assert done == {answer} and answer.result() is None and answer.exception() is None
        await asyncio.sleep(0)
        assert called == [answer]
        # One that is done calls in the next turn.
        answer.add_done_callback(called.append)
        await asyncio.sleep(0)
        assert called == [answer, answer]

    asyncio.run(main(), debug=True)


def left_behind():
    """A task that waits in a loop that was closed."""
    loop = asyncio.new_event_loop()
    task = loop.create_task(waiting(Answer(loop), []))
    task._log_destroy_pending = False
    loop.call_soon(loop.stop)
    loop.run_forever()
    loop.close()
    return weakref.ref(task)


def test_what_waits_is_collected_with_the_loop_it_was_left_in():
    gone = left_behind()
    gc.collect()
    assert gone() is None
