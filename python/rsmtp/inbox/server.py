"""`Inbox`: the page's server, beside the catcher whose mail it shows."""

import atexit
import contextlib
import os
import socket
import socketserver
import threading
import time
import weakref
from types import TracebackType
from typing import Any, Final, Self

from rsmtp import Catcher
from rsmtp.inbox.guard import is_loopback
from rsmtp.inbox.handler import Handler, log
from rsmtp.inbox.index import Index
from rsmtp.inbox.routes import Context
from rsmtp.inbox.tags import Tags

MOST_CONNECTIONS: Final = 100
# How long stop() waits for a request that is being answered.
PATIENCE: Final = 5.0


class Inbox:
    """A web page that shows what a catcher catches, with a REST API under it.

    Args:
        catcher: whose mail it is. It stays the caller's: stopping the inbox does not
            close it.
        host: the address to listen on. One that other machines can reach is refused
            unless allow_remote is true: there is no login, and other machines could
            read and delete mail. Only this machine can ever release mail.
        port: 0 takes a free one.
        allow_remote: let a host be bound that other machines can reach.
        show_password: False keeps the catcher's password out of the page and the API.
        tags: where the tags that people give are kept; those of a `Folder` survive a restart.

    It serves from `start()` to `stop()`; in a `with` statement, both come by themselves.
    Raises ValueError for a host that is not meant, OSError if it can't listen.
    """

    def __init__(
        self,
        catcher: Catcher,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        allow_remote: bool = False,
        show_password: bool = True,
        tags: Tags | None = None,
    ) -> None:
        self._stopping = threading.Event()
        self._context = Context(catcher, Index(catcher, tags), self._stopping, show_password)
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
        """What to open in a browser, as "http://127.0.0.1:8025/"."""
        host = "127.0.0.1" if self.host == "0.0.0.0" else "::1" if self.host == "::" else self.host
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}/"

    def start(self) -> Self:
        """Begins to listen. Starting again does nothing."""
        if self._server is None:
            self._stopping.clear()
            self._server = HttpServer(_address(*self._asked), self._context)
            self._thread = threading.Thread(
                target=self._server.serve_forever, args=(0.1,), name="rsmtp-inbox", daemon=True
            )
            self._thread.start()
            # Threads in the engine must be gone before the interpreter is.
            atexit.register(self.stop)
            _RUNNING.add(self)
        return self

    def stop(self) -> None:
        """Ends all connections and listens no more. Stopping again does nothing."""
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
            raise RuntimeError("the inbox is not running: start() it, or use it in a with statement")
        return self._server

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<Inbox {self.url if self._server is not None else 'not running'}>"


_RUNNING: Final[weakref.WeakSet[Inbox]] = weakref.WeakSet()


def url_for(catcher: Catcher) -> str | None:
    """The address of an inbox of this process that shows this catcher's mail."""
    for inbox in list(_RUNNING):
        if inbox._context.catcher is catcher and inbox._server is not None and inbox._owner == os.getpid():
            return inbox.url
    return None


class HttpServer(socketserver.TCPServer):
    """Listens, and gives each connection a thread."""

    allow_reuse_address = os.name == "posix"
    request_queue_size = 64

    def __init__(self, address: tuple[int, Any], context: Context) -> None:
        self.address_family, where = address
        self.context = context
        self._open: dict[threading.Thread, socket.socket] = {}
        self._lock = threading.Lock()
        super().__init__(where, Handler)
        self.host, self.port = str(self.server_address[0]), int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        thread = threading.Thread(
            target=self._converse, args=(request, client_address), name="rsmtp-inbox-connection", daemon=True
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
            log.exception("a connection of the inbox failed")
        finally:
            self.shutdown_request(request)
            with self._lock:
                self._open.pop(threading.current_thread(), None)

    def end(self) -> None:
        """Closes the listener and every connection, and waits for their threads."""
        self.server_close()
        # An answer that is being made may still go out, until patience ends.
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


def _address(host: str, port: int, allow_remote: bool) -> tuple[int, Any]:
    """The address family and socket address. Raises ValueError for one that other
    machines can reach and that is not meant."""
    if not 0 <= port <= 65535:
        raise ValueError(f"port: {port} is not between 0 and 65535")
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    if not allow_remote and not all(is_loopback(str(address[4][0])) for address in found):
        raise ValueError(
            f"host: {host!r} can be reached from other machines, and the inbox has no login: "
            "say allow_remote=True if that is meant"
        )
    return found[0][0], found[0][4]
