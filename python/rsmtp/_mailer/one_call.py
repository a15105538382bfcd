"""`send` and `asend`: one message with one call, over a session of its own. Each uses a `Mailer` that
sends once: with `keep_idle=0` it sends QUIT together with the message."""

from __future__ import annotations

import sys

import rsmtp
from rsmtp._common.annotations import later
from rsmtp._common.tracebacks import public

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType
else:
    later(globals(), "Callable FrameType Sequence")

__all__ = ["asend", "send"]


@public
def send(
    message: rsmtp.typing.Sendable,
    url: str | Sequence[str] | None = None,
    *,
    provider: str | rsmtp.providers.Provider | None = None,
    host: str | None = None,
    port: int | None = None,
    username: str | None = None,
    user: str | None = None,
    password: str | Callable[[], str] | None = None,
    access_token: str | Callable[[], str] | None = None,
    mechanism: str | None = None,
    tls: rsmtp.typing.Tls | None = None,
    context: rsmtp.typing.Context | None = None,
    timeout: float | None = None,
    deadline: float | None = None,
    local_hostname: str | None = None,
    source_address: tuple[str, int] | None = None,
    pipelining: bool = True,
    chunking: bool = True,
    allow_plaintext_auth: bool = False,
    initial_response_ok: bool = True,
    proxy: str | None = None,
    retries: int | None = None,
    give_up_after: float | None = None,
    backoff: float = 1.0,
    resend_unknown: bool = False,
    dkim: rsmtp.typing.DkimKeys | None = None,
    envelope: rsmtp.Envelope | None = None,
    check: bool = True,
) -> rsmtp.Receipt:
    """Sends one message over a session of its own, and waits until its fate is known.

        rsmtp.send(message, "smtp://ann:password@smtp.example.org")
        rsmtp.send(message, provider="gmail", username="ann@gmail.com", password=password)
        rsmtp.send(message, host="smtp.example.org", username="ann", password=password)

    Args:
        message: a message, or `(from_addr, to_addrs, data)`.
        envelope: who sends and who gets it, in place of the header, and what is asked of the
            delivery.
        url: as for `Mailer`. Default: the variable RSMTP_URL, unless `host` or
            `provider` is given.
        check: False returns the receipt also of a message that no recipient got.

    The other arguments are those of `Mailer`: where `tls` is not given, STARTTLS is required
    (except for a server on this machine), and TLS from the first octet with port 465.

    Returns the receipt and raises as `Mailer.send` does. To send several messages, use a
    `Mailer`: it keeps its sessions.

    It blocks. In a notebook it can be called as it is; a coroutine, which must not hold up its
    event loop, says `await rsmtp.asend(...)`, with the same arguments.
    """
    settings = dict(locals())
    if _is_awaited(sys._getframe(2)):
        raise TypeError(
            "rsmtp.send() is a plain function that blocks: write `await rsmtp.asend(...)`, with the same "
            "arguments. Nothing was sent"
        )
    from rsmtp.mailer import Mailer

    del settings["message"], settings["envelope"], settings["check"]
    with Mailer(**settings, keep_idle=0) as mailer:
        return mailer.send(message, envelope=envelope, check=check)


@public
async def asend(
    message: rsmtp.typing.Sendable,
    url: str | Sequence[str] | None = None,
    *,
    provider: str | rsmtp.providers.Provider | None = None,
    host: str | None = None,
    port: int | None = None,
    username: str | None = None,
    user: str | None = None,
    password: rsmtp.typing.Secret | None = None,
    access_token: rsmtp.typing.Secret | None = None,
    mechanism: str | None = None,
    tls: rsmtp.typing.Tls | None = None,
    context: rsmtp.typing.Context | None = None,
    timeout: float | None = None,
    deadline: float | None = None,
    local_hostname: str | None = None,
    source_address: tuple[str, int] | None = None,
    pipelining: bool = True,
    chunking: bool = True,
    allow_plaintext_auth: bool = False,
    initial_response_ok: bool = True,
    proxy: str | None = None,
    retries: int | None = None,
    give_up_after: float | None = None,
    backoff: float = 1.0,
    resend_unknown: bool = False,
    dkim: rsmtp.typing.DkimKeys | None = None,
    envelope: rsmtp.Envelope | None = None,
    check: bool = True,
) -> rsmtp.Receipt:
    """`rsmtp.send` for an event loop: the same arguments, receipt and errors.

        await rsmtp.asend(message, "smtp://ann:password@smtp.example.org")

    A task that is cancelled ends the session; the exception has the message's fate as its
    `receipt`, unless it was never begun. To send several messages, use an `AsyncMailer`.
    """
    settings = dict(locals())
    from rsmtp._aio.mailer import AsyncMailer

    del settings["message"], settings["envelope"], settings["check"]
    async with AsyncMailer(**settings, keep_idle=0) as mailer:
        return await mailer.send(message, envelope=envelope, check=check)


_COROUTINES = 0x80 | 0x200  # CO_COROUTINE and CO_ASYNC_GENERATOR


def _is_awaited(caller: FrameType) -> bool:
    """Whether the caller's current call is preceded by `await`. Python itself would notice only after the
    message has been sent, and a user who sees an error sends it again. If this can't be determined, the
    result is False, and Python raises its own TypeError later."""
    if not caller.f_code.co_flags & _COROUTINES:
        return False
    import opcode

    octets, at = caller.f_code.co_code, caller.f_lasti + 2
    while octets[at : at + 1] == b"\0":  # the call's inline cache
        at += 2
    return octets[at : at + 1] == bytes([opcode.opmap.get("GET_AWAITABLE", 0)])
