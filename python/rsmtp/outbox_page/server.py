"""`OutboxPage`: the page's server."""

import os
import threading
from pathlib import Path

from rsmtp._common import arguments
from rsmtp._common.tracebacks import public
from rsmtp._web.server import PageServer, Site, url_where
from rsmtp.outbox_page.routes import ROUTES, Context
from rsmtp.outbox_page.source import Source


@public
class OutboxPage(PageServer):
    """A web page that shows what is in an outbox, with a REST API under it.

    Args:
        path: the outbox's file, which must exist. If it can't be written, it is shown but can't be
            changed.
        host: the address to listen on. One that other machines can reach is refused
            unless allow_remote is true: there is no login, and other machines could
            read all mail. Only this machine can ever retry or cancel.
        port: 0 takes a free one.
        allow_remote: let a host be bound that other machines can reach.

    It serves from `start()` to `stop()`. A `with` statement calls both.
    Raises OutboxError for a file that is not an outbox, ValueError for a host that other machines can
    reach without `allow_remote`, OSError if it can't listen.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        allow_remote: bool = False,
    ) -> None:
        if not isinstance(path, (str, os.PathLike)):
            raise arguments.wanted("path", "the path of a file", path)
        stopping = threading.Event()
        self._source = Source(path)
        context = Context(self._source, stopping)
        super().__init__(Site("outbox page", ROUTES, context), host, port, allow_remote, stopping)

    def stop(self) -> None:
        """Ends all connections and listens no more. Stopping again does nothing."""
        super().stop()
        self._source.close()


def url_for(path: Path) -> str | None:
    """The URL of a page of this process that shows this outbox."""
    return url_where(OutboxPage, lambda page: page._source.path == path.absolute())
