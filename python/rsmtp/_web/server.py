"""A page's server: it listens on loopback, and gives each connection a thread."""

import atexit
import contextlib
import os
import socket
import socketserver
import threading
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from rsmtp._web.guard import is_loopback
from rsmtp._web.handler import Handler, log
from rsmtp._web.routes import Routes

MOST_CONNECTIONS: Final = 100
# How long stop() waits for answers in progress.
PATIENCE: Final = 5.0


@dataclass(frozen=True)
class Site:
    """The routes of a server, and its name for people, such as "inbox"."""

    name: str
    routes: Routes
    #: The object that the functions of the routes work with.
    context: Any


class PageServer:
    """A web page with a REST API under it, served from `start()` to `stop()`. A `with` statement calls
    both."""

    def __init__(self, site: Site, host: str, port: int, allow_remote: bool, stopping: threading.Event):
        """`stopping` is set when the server stops, and ends endless answers."""
        self._stopping = stopping
        self._site = site
        self._asked = (host, port, allow_remote)
        self._server: HttpServer | None = None
        self._thread: threading.Thread | None = None
        self._owner = os.getpid()

    @property
    def host(self) -> str:
        """The address that it listens on."""
        return self._running.host

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return self._running.port

    @property
    def url(self) -> str:
        """The URL for a browser, such as "http://127.0.0.1:8025/"."""
        host = "127.0.0.1" if self.host == "0.0.0.0" else "::1" if self.host == "::" else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"

    def start(self) -> Self:
        """Starts listening. A second call does nothing."""
        if self._server is None:
            self._stopping.clear()
            self._server = HttpServer(_address(self._site.name, *self._asked), self._site)
            self._thread = threading.Thread(
                target=self._server.serve_forever,
                args=(0.1,),
                name=f"rsmtp-{self._site.name}",
                daemon=True,
            )
            self._thread.start()
            # Threads inside the engine must end before the interpreter exits.
            atexit.register(self.stop)
            _RUNNING.add(self)
        return self

    def stop(self) -> None:
        """Closes all connections and stops listening. A second call does nothing."""
        server, thread = self._server, self._thread
        if server is None or thread is None or os.getpid() != self._owner:
            return
        self._server = self._thread = None
        atexit.unregister(self.stop)
        _RUNNING.discard(self)
        self._stopping.set()
        server.shutdown()
        thread.join()
        server.end()

    @property
    def _running(self) -> "HttpServer":
        if self._server is None:
            raise RuntimeError(
                f"the {self._site.name} is not running: start() it, or use it in a with statement"
            )
        return self._server

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url if self._server is not None else 'not running'}>"


Page = TypeVar("Page", bound=PageServer)
_RUNNING: Final[weakref.WeakSet[PageServer]] = weakref.WeakSet()


def url_where(kind: type[Page], fits: Callable[[Page], bool]) -> str | None:
    """The URL of a matching page of this kind in this process."""
    for page in list(_RUNNING):
        if isinstance(page, kind) and fits(page) and page._server is not None and page._owner == os.getpid():
            return page.url
    return None


class HttpServer(socketserver.TCPServer):
    """Listens, and gives each connection a thread."""

    allow_reuse_address = os.name == "posix"
    request_queue_size = 64

    def __init__(self, address: tuple[int, Any], site: Site) -> None:
        self.address_family, where = address
        self.site = site
        self._open: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()
        super().__init__(where, Handler)
        self.host, self.port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(
            target=self._converse,
            args=(request, client_address),
            name=f"rsmtp-{self.site.name}-connection",
            daemon=True,
        )
        with self._lock:
            full = len(self._open) >= MOST_CONNECTIONS
            if not full:
                self._open[thread] = request
        if full:
            self.shutdown_request(request)
        else:
            thread.start()

    def _converse(self, request: Any, client_address: Any) -> None:
        try:
            self.finish_request(request, client_address)
        except OSError:
            pass  # the other side has gone
        except Exception:
            log.exception("a connection of the %s failed", self.site.name)
        finally:
            self.shutdown_request(request)
            with self._lock:
                self._open.pop(threading.current_thread(), None)

    def end(self) -> None:
        """Closes the listener and every connection, and waits for their threads."""
        self.server_close()
        # Answers in progress may still be sent, for a limited time.
        self._end_connections(socket.SHUT_RD, PATIENCE)
        self._end_connections(socket.SHUT_RDWR, 1.0)

    def _end_connections(self, how: int, patience: float) -> None:
        deadline = time.monotonic() + patience
        with self._lock:
            open_ = dict(self._open)
        for request in open_.values():
            with contextlib.suppress(OSError):
                request.shutdown(how)
        for thread in open_:
            thread.join(max(0.0, deadline - time.monotonic()))


def _address(name: str, host: str, port: int, allow_remote: bool) -> tuple[int, Any]:
    """The address family and socket address. Raises ValueError for an address that other machines can
    reach, unless that is allowed."""
    if not 0 <= port <= 65535:
        raise ValueError(f"port: {port} is not between 0 and 65535")
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    if not allow_remote and not all(is_loopback(str(address[4][0])) for address in found):
        raise ValueError(
            f"host: {host!r} can be reached from other machines, and the {name} has no login: "
            "say allow_remote=True if that is meant"
        )
    return found[0][0], found[0][4]
