"""AsyncSmtpClient behind a blocking interface, so that one test runs with both drivers.

`Client` and `Lmtp` are constructed and called like `rsmtp.SmtpClient` and `rsmtp.smtplib.LMTP`.
Each call runs the event loop until the result is there.
"""

import asyncio
import functools
import inspect

import rsmtp

_loop = None
_clients = []


def run(coroutine):
    """Runs a coroutine on the loop that all these clients share."""
    global _loop
    if _loop is None or _loop.is_closed():
        _loop = asyncio.new_event_loop()
    return _loop.run_until_complete(coroutine)


def close_loop():
    """Closes the clients of a test before the loop, as a careful user would."""
    global _loop
    if _loop is not None:
        for client in _clients:
            client.close()
        _clients.clear()
        _loop.run_until_complete(asyncio.sleep(0))
        _loop.close()
        _loop = None


class Client:
    """`rsmtp.SmtpClient` with the asyncio driver."""

    _kind = rsmtp.AsyncSmtpClient

    def __init__(self, *args, **options):
        client = self._kind(*args, **options)
        vars(self)["client"] = client
        _clients.append(client)
        if client._rsmtp_connects:
            try:
                run(client.__aenter__())
            except BaseException:
                self.close()
                raise

    def __getattr__(self, name):
        value = getattr(self.client, name)
        if not inspect.iscoroutinefunction(value):
            return value

        @functools.wraps(value)
        def call(*args, **options):
            return run(value(*args, **options))

        return call

    def __setattr__(self, name, value):
        setattr(self.client, name, value)

    def __repr__(self):
        return repr(self.client)

    def close(self):
        self.client.close()
        # asyncio closes the socket in the loop's next turn.
        run(asyncio.sleep(0))

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        run(self.client.__aexit__(*raised))


class _AsyncLmtp(rsmtp.AsyncSmtpClient):
    ehlo_msg = "lhlo"
    _rsmtp_like_smtplib = True


class Lmtp(Client):
    """`rsmtp.smtplib.LMTP` with the asyncio driver."""

    _kind = _AsyncLmtp
