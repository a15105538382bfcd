"""`verify()` of both mailers: asks each server in turn whether it would accept mail."""

from __future__ import annotations

import os
from collections.abc import Generator, Sequence
from typing import Any

from rsmtp import errors
from rsmtp._mailer.servers import Local
from rsmtp._mailer.verification import Verification, look

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rsmtp._mailer.servers import Server


def verify(hops: Sequence[Server | Local]) -> Verification:
    """Verifies with blocking clients."""
    from rsmtp.client import SmtpClient, blocking

    ask = blocking(_each)
    seen: Verification = ask(_Clients(SmtpClient), hops)
    return seen


async def averify(hops: Sequence[Server | Local]) -> Verification:
    """Verifies on the running event loop."""
    from rsmtp.aio import AsyncSmtpClient, awaitable

    ask = awaitable(_each)
    seen: Verification = await ask(_Clients(AsyncSmtpClient), hops)
    return seen


class _Clients:
    """Makes the clients of one kind."""

    def __init__(self, cls: Any) -> None:
        self._cls = cls

    def client(self, hop: Server) -> Any:
        client = self._cls(
            local_hostname=hop.local_hostname,
            timeout=hop.timeout,
            source_address=hop.source_address,
            # A client without `tls` behaves as "default" says.
            tls={"implicit": "implicit", "default": None}.get(hop.tls or "", "none"),
            context=hop.context,
            deadline=hop.deadline,
            pipelining=hop.pipelining,
            chunking=hop.chunking,
            allow_plaintext_auth=hop.allow_plaintext_auth,
        )
        client._rsmtp_proxy = hop.proxy
        if hop.lmtp:
            client.ehlo_msg = "lhlo"
        return client


def _each(clients: _Clients, hops: Sequence[Server | Local]) -> Generator[Any, Any, Verification]:
    """Checks all servers and raises the first failure, so that a broken fallback server is noticed
    before it is needed."""
    seen: list[Verification] = []
    failed: list[tuple[str, Exception]] = []
    for hop in hops:
        if isinstance(hop, Local):
            seen.append(_place(hop))
            continue
        one = Verification(hop.path or hop.host, hop.port, place=hop.path)
        try:
            yield from look(clients.client(hop), one, hop.tls or "", _login(hop))
        except OSError as error:
            failed.append((one.server, error))
        seen.append(one)
    if failed:
        (server, first), *others = failed
        if len(hops) > 1:
            first.add_note(f"while verifying {server}")
        for server, other in others:
            first.add_note(f"{server} failed, too: {errors.words(other)}")
        raise first
    found, *found.fallbacks = seen
    return found


def _login(hop: Server) -> dict[str, Any] | None:
    if hop.username is None and hop.mechanism is None:
        return None
    return {
        "username": hop.username,
        "password": hop.password,
        "access_token": hop.access_token,
        "mechanism": hop.mechanism,
        "initial_response_ok": hop.initial_response_ok,
    }


def _place(hop: Local) -> Verification:
    """Checks that a folder is writable, or that a program can be run."""
    place = f"{hop.kind}:{hop.path or ''}"
    why = None
    if hop.kind == "file":
        if not os.path.isdir(hop.path or ""):
            why = "there is no such folder"
        elif not os.access(hop.path or "", os.W_OK | os.X_OK):
            why = "this program may not write into that folder"
    elif hop.kind == "sendmail":
        import shutil

        if shutil.which(hop.path or "sendmail") is None:
            why = "there is no such program"
    if why is not None:
        raise errors.SMTPException(f"{place} would not take a message: {why}")
    return Verification("", 0, place=place)
