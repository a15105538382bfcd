"""`Inbox`: the page beside the catcher whose mail it shows."""

import threading

from rsmtp import Catcher
from rsmtp._common.tracebacks import public
from rsmtp._web.server import PageServer, Site, url_where
from rsmtp.inbox.index import Index
from rsmtp.inbox.routes import ROUTES, Context
from rsmtp.inbox.tags import Tags


@public
class Inbox(PageServer):
    """A web page that shows what a catcher catches, with a REST API under it.

    Args:
        catcher: the catcher whose mail is shown. Stopping the inbox does not close it.
        host: the address to listen on. One that other machines can reach is refused
            unless allow_remote is true: there is no login, and other machines could
            read and delete mail. Only this machine can ever release mail.
        port: 0 takes a free one.
        allow_remote: let a host be bound that other machines can reach.
        show_password: False keeps the catcher's password out of the page and the API.
        tags: stores the tags that people give; those of a `Folder` survive a restart.

    It serves from `start()` to `stop()`. A `with` statement calls both.
    Raises ValueError for a host that other machines can reach without `allow_remote`, OSError if it
    can't listen.
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
        stopping = threading.Event()
        self._catcher = catcher
        context = Context(catcher, Index(catcher, tags), stopping, show_password)
        super().__init__(Site("inbox", ROUTES, context), host, port, allow_remote, stopping)


def url_for(catcher: Catcher) -> str | None:
    """The URL of an inbox of this process that shows this catcher's mail."""
    return url_where(Inbox, lambda inbox: inbox._catcher is catcher)
