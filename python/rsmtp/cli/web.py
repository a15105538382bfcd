"""What the commands that serve a web page have in common: options, the port, shutting down."""

from __future__ import annotations

import argparse
import errno
import signal
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from rsmtp._web.server import PageServer

    Page = TypeVar("Page", bound=PageServer)


def add_arguments(parser: argparse.ArgumentParser, port: int, what: str = "") -> None:
    """`what` is put before each line of help, for example "serve: "."""
    parser.add_argument(
        "--web-port",
        type=int,
        metavar="PORT",
        help=f"{what}the web page's port; 0 takes a free one (default: {port}, or another if that is taken)",
    )
    parser.add_argument(
        "--web-host",
        metavar="HOST",
        help=f"{what}the web page's address (default: 127.0.0.1); it has no login",
    )


def started(page: Callable[[str, int], Page], given: argparse.Namespace, port: int) -> Page:
    """The page, listening. Raises ValueError that says what was asked for and why it failed."""
    host = given.web_host or "127.0.0.1"
    wanted = port if given.web_port is None else given.web_port
    try:
        try:
            return page(host, wanted).start()
        except OSError as error:
            if given.web_port is not None or error.errno != errno.EADDRINUSE:
                raise
            return page(host, 0).start()
    except (OSError, ValueError) as error:
        words = str(error).replace("allow_remote=True", "--allow-remote")
        raise ValueError(f"no web page on {host}:{wanted}: {words}") from None


def stop_on_sigterm() -> None:
    """Ends in good order when a service manager stops the command, as with Ctrl-C."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
