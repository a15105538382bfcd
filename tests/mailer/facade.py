"""AsyncMailer behind a blocking interface, so that one test runs with both mailers."""

import asyncio
import contextlib

import rsmtp

_runners = []


def close_loops():
    """After a test, closes all loops, including those of mailers that the test has not closed."""
    while _runners:
        _runners.pop().close()


class Mailer:
    """`rsmtp.Mailer`'s interface over an event loop that runs during each call."""

    def __init__(self, *args, **options):
        self._mailer = rsmtp.AsyncMailer(*args, **options)
        self._runner = asyncio.Runner(debug=True)
        _runners.append(self._runner)

    def send(self, message, **options):
        return self._runner.run(self._mailer.send(message, **options))

    def send_all(self, messages, *, stream=False, **options):
        sending = self._mailer.send_all(messages, **options)
        return self._each(sending) if stream else self._runner.run(_awaited(sending))

    def _each(self, sending):
        receipts = aiter(sending)
        try:
            with contextlib.suppress(StopAsyncIteration):
                while True:
                    yield self._runner.run(_awaited(anext(receipts)))
        finally:
            self._runner.run(receipts.aclose())

    def verify(self):
        return self._runner.run(self._mailer.verify())

    @property
    def idle(self):
        return self._mailer.idle

    def __repr__(self):
        return repr(self._mailer)

    def close(self):
        self._runner.run(self._mailer.aclose())

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        self.close()


async def _awaited(awaitable):
    return await awaitable
