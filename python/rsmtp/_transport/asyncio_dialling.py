"""Connecting over asyncio: addresses are looked up and tried in the order and at the times that the
engine decides, and the first that connects gets a transport."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, Self

from rsmtp._rsmtp import Settings, TranscriptLine, TransportPump, ascii_host
from rsmtp._transport import python_sockets

if TYPE_CHECKING:
    from rsmtp._transport.proxies import Proxy

# A timer that fires slightly too early is set again for this many seconds.
TICK = 0.001

Observer = Callable[[TranscriptLine], None] | None
# An address family, and an address in the form that sockets take.
_Where = tuple[int, Any]


class Dialling(TransportPump, asyncio.BufferedProtocol):
    """An operation that connects, and is then the protocol of an asyncio transport."""

    # Whether the caller's socket belongs to a subclass of `socket.socket`.
    _is_special = False

    def __init__(self, host: str, settings: Settings) -> None:
        self._loop = asyncio.get_running_loop()

    def getpeername(self) -> tuple[str, int] | None:
        raise NotImplementedError

    def _hang_up(self) -> None:
        raise NotImplementedError

    @classmethod
    async def open(
        cls,
        host: str,
        port: int,
        settings: Settings,
        *,
        path: str | None = None,
        source_address: tuple[str, int] | None = None,
        sock: Any = None,
        proxy: Proxy | None = None,
        observer: Observer = None,
    ) -> Self:
        """Connects to `host` and `port`, or to the Unix socket at `path`, within the connect
        timeout, or takes over `sock`, which is already connected. If there is a proxy, the
        connection is made to the proxy."""
        connection = cls(host, settings)
        try:
            try:
                async with asyncio.timeout(connection.seconds_left()):
                    if proxy is not None:
                        found = await connection._resolve(host, port, observer) if proxy.resolves_here else []
                        connection.tunnel(proxy, port, [_bare(where[0]) for _, where in found])
                    there = (host, port) if proxy is None else (proxy.host, proxy.port)
                    if sock is None and python_sockets.are_replaced():
                        sock = await connection._by_others(*there, path, source_address)
                    if sock is not None:
                        await connection._adopt(sock)
                    else:
                        await connection._dial(*there, path, source_address, observer)
            except TimeoutError:
                while left := connection.seconds_left():
                    await asyncio.sleep(left + TICK)
                    connection.check_time()
                connection.check_time()
                connection.result()
            elsewhere = sock is not None and python_sockets.leads_elsewhere(
                sock, "localhost" if path else host
            )
            connection.connected(connection.getpeername(), observer, elsewhere=elsewhere)
        except BaseException as raised:
            connection._hang_up()
            if connection._loop.is_closed():
                # Its coroutines are being destroyed, and asyncio's own would still call the loop.
                raise GeneratorExit from raised
            raise
        return connection

    async def _by_others(
        self, host: str, port: int, path: str | None, source_address: tuple[str, int] | None
    ) -> Any:
        """A socket made by the replacement of Python's `socket` module. Its methods may block."""
        left = self.seconds_left()
        with python_sockets.told_as_ours(path or host):
            if path is not None:
                return await self._loop.run_in_executor(None, python_sockets.connected_to_path, path, left)
            return await self._loop.run_in_executor(
                None, python_sockets.connected, host, port, left, source_address
            )

    async def _adopt(self, sock: Any) -> None:
        if (
            python_sockets.is_encrypted(sock)
            or not hasattr(sock, "setblocking")
            or not hasattr(sock, "fileno")
        ):
            kind = type(sock).__name__
            raise TypeError(
                f"sock: asyncio wants a plain socket.socket, not {kind}; TLS comes over it by tls="
            )
        sock.setblocking(False)
        self._is_special = type(sock) is not socket.socket or python_sockets.are_replaced()
        await self._loop.create_connection(lambda: self, sock=sock)

    async def _dial(
        self,
        host: str,
        port: int,
        path: str | None,
        source_address: tuple[str, int] | None,
        observer: Observer,
    ) -> None:
        """Tries the host's addresses in the order and at the times that the engine decides."""
        if path is not None:
            try:
                await self._loop.create_unix_connection(lambda: self, path)
            except OSError as error:
                self.unreachable(path, error.errno)
            return
        found = await self._resolve(host, port, observer)
        source = None
        if source_address is not None:
            source = await self._found(*source_address)
        self.dial(host, [_bare(where[0]) for _, where in found], port)
        sock = await self._race(found, source, observer)
        try:
            await self._loop.create_connection(lambda: self, sock=sock)
        except BaseException:
            sock.close()
            raise

    async def _race(self, found: list[_Where], source: list[_Where] | None, observer: Observer) -> Any:
        """The socket of the first address that connects. The engine decides when each is tried."""
        under_way: dict[asyncio.Task[socket.socket], int] = {}
        try:
            while True:
                place, seconds = self.next_address(observer)
                if place is not None:
                    task = self._loop.create_task(self._attempt(*found[place], source))
                    under_way[task] = place
                    continue
                done, _ = await asyncio.wait(
                    under_way,
                    timeout=None if seconds == float("inf") else seconds,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                for task in [task for task in under_way if task in done]:
                    if task.exception() is None:
                        del under_way[task]
                        return task.result()
                    self._failed(under_way.pop(task), task.exception(), observer)
        finally:
            if not self._loop.is_closed():
                await _call_off(under_way)

    def _failed(self, place: int, error: BaseException | None, observer: Observer) -> None:
        if not isinstance(error, OSError):
            raise error or RuntimeError("an attempt was called off by none of ours")
        self.address_failed(place, error.errno, observer)

    async def _attempt(self, family: int, where: Any, source: list[_Where] | None) -> socket.socket:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            if source is not None:
                own = next((own for kind, own in source if kind == family), None)
                if own is None:
                    raise OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
                if os.name == "posix":
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind(own)
            await self._loop.sock_connect(sock, where)
        except BaseException:
            sock.close()
            raise
        return sock

    async def _resolve(self, host: str, port: int, observer: Observer) -> list[_Where]:
        found = await self._found(host, port)
        if _family(_named(host)) is None:
            self.looked_up([_bare(where[0]) for _, where in found], observer)
        return found

    async def _found(self, host: str, port: int) -> list[_Where]:
        try:
            return await self._find(host, port)
        except (OSError, UnicodeError) as error:
            self.unknown_host(host, str(error))
            raise

    async def _find(self, host: str, port: int) -> list[_Where]:
        name = _named(host)
        if (family := _family(name)) is not None:
            return [(family, (name, port))]
        found = await self._loop.getaddrinfo(ascii_host(name), port, type=socket.SOCK_STREAM)
        return [(family, where) for family, *_, where in found]


async def _call_off(under_way: Collection[asyncio.Task[socket.socket]]) -> None:
    """Cancels attempts that are no longer needed, and closes sockets that have connected meanwhile."""
    for task in under_way:
        task.add_done_callback(_close)
        task.cancel()
    # If the caller is cancelled here, the tasks still close their sockets in the next turn.
    if under_way:
        await asyncio.wait(under_way)


def _close(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()


def _named(host: str) -> str:
    """An empty host name means any local address, as for Python's sockets."""
    return host.removeprefix("[").removesuffix("]") or "0.0.0.0"


def _family(name: str) -> int | None:
    """The family of an IP address; None for a name, which needs a look-up."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):
            socket.inet_pton(family, name)
            return family
    return None


def _bare(address: str) -> str:
    """The address without its scope ("%eth0"), which only this machine understands."""
    return address.partition("%")[0]
