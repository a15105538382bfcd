"""`Unsubscribe`: links by which a recipient leaves a list, and what answers there (RFC 8058)."""

from __future__ import annotations

import html
import re
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, NamedTuple

import rsmtp
from rsmtp._client.credentials import is_asynchronous
from rsmtp._common import arguments
from rsmtp._common.tracebacks import public
from rsmtp._tokens.seal import Seal

# So much of a POST is read: the field that counts is short.
_MOST = 10_000
_TOKEN = re.compile(r"([A-Za-z0-9_-]{2,2000})\.([A-Za-z0-9_-]{22})")
_HEADER = [
    ("Content-Type", "text/html; charset=utf-8"),
    ("Cache-Control", "no-store"),
    ("Referrer-Policy", "no-referrer"),
    ("X-Robots-Tag", "noindex"),
    ("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'"),
]
_STYLE = (
    "body{font:1.1rem/1.5 system-ui,sans-serif;max-width:32rem;margin:15vh auto;padding:0 1rem}"
    "button{font:inherit;padding:.5rem 1rem}"
)
_NO_METHOD = 405
_STATUS = {
    200: "200 OK",
    404: "404 Not Found",
    _NO_METHOD: "405 Method Not Allowed",
    413: "413 Content Too Large",
}


_NOT_AWAITED = "leaves: WSGI does not wait for an asynchronous function; asgi() does"


class Unsubscribed(NamedTuple):
    """Who leaves which list."""

    address: str
    list: str


@public
class Unsubscribe:
    """Links for the `unsubscribe` of messages, and the endpoint behind them.

        unsubscribe = rsmtp.Unsubscribe(os.environ["UNSUBSCRIBE_SECRET"], "https://example.com/u")
        message = rsmtp.Message(..., unsubscribe=unsubscribe.url("bob@example.org", list="news"))
        application = unsubscribe.wsgi(lambda who: outbox.suppress(who.address, "unsubscribed"))

    A link contains the address and the list, signed with the secret: nothing is stored, and links can't
    be forged. Mail programs send a POST to it when their user asks for that (one click, RFC 8058). A
    program that only follows links, such as a malware scanner, gets a page with a button, and changes
    nothing.

    Args:
        secret: at least 16 octets that can't be guessed. With several, the first one signs new links,
            and links signed with the others remain valid.
        url: of the endpoint. Mailbox providers want HTTPS, and no redirect.
        good_for: how long a link works: a timedelta, or seconds. Default: it does not expire.
    """

    def __init__(
        self, secret: rsmtp.typing.Secrets, url: str, *, good_for: timedelta | float | None = None
    ) -> None:
        self._seal = Seal(secret, "unsubscribe")
        if not re.fullmatch(r"https?://[^\s<>\"?#]+", arguments.text("url", url)):
            raise ValueError(f"url: {url!r} is not an https URL without ? and #")
        self._url = url.rstrip("/")
        seconds = good_for.total_seconds() if isinstance(good_for, timedelta) else good_for
        self._good_for = None if seconds is None else arguments.amount("good_for", seconds)

    def url(self, address: str, list: str = "") -> str:
        """The link by which this address leaves this list."""
        fields = [arguments.text("address", address), arguments.text("list", list)]
        if any("\n" in field or "\r" in field for field in fields) or not address:
            raise ValueError(f"address: {address!r} is not an address, or the list has a line break")
        if self._good_for is not None:
            fields.append(str(int(time.time() + self._good_for)))
        payload = urlsafe_b64encode("\n".join(fields).encode()).decode().rstrip("=")
        if len(payload) > 2000:
            raise ValueError("address: it is too long for a link")
        return f"{self._url}/{payload}.{self._seal.for_link(payload)}"

    def read(self, url: str) -> Unsubscribed | None:
        """The address and the list of a link, or of its path. None: it is forged, or has expired."""
        found = _TOKEN.fullmatch(arguments.text("url", url).partition("?")[0].rpartition("/")[2])
        if found is None or not self._seal.fits_link(found[2], found[1]):
            return None
        fields = urlsafe_b64decode(found[1] + "=" * (-len(found[1]) % 4)).decode().split("\n")
        if len(fields) == 3 and int(fields[2]) < time.time():
            return None
        return Unsubscribed(*fields[:2])

    # -- the endpoint ----------------------------------------------------------------------

    def wsgi(
        self,
        leaves: Callable[[Unsubscribed], Any],
        *,
        page: Callable[[Unsubscribed | None, bool], str] | None = None,
    ) -> Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]:
        """A WSGI application (PEP 3333) for `url`. It takes the token off the end of the path, so that it
        can be mounted anywhere.

        Args:
            leaves: called with the address and the list, as `lambda who: outbox.suppress(who.address)`. It
                may be called several times for one recipient. If it raises, the server answers with
                an error (500), and mailbox providers try again.
            page: makes the HTML page from the address and the list (None: the link is not valid) and
                whether the recipient was unsubscribed.
        """
        arguments.function("leaves", leaves)
        if is_asynchronous(leaves):
            raise TypeError(_NOT_AWAITED)
        _check_page(page)

        def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
            length = environ.get("CONTENT_LENGTH") or "0"
            size = int(length) if length.isascii() and length.isdigit() and len(length) < 10 else _MOST + 1
            body = environ["wsgi.input"].read(size) if 0 < size <= _MOST else b""
            path = environ.get("PATH_INFO", "")
            status, who, left = self._asked(environ["REQUEST_METHOD"], path, body, size > _MOST)
            if left and who is not None and hasattr(answer := leaves(who), "__await__"):
                if hasattr(answer, "close"):
                    answer.close()
                # The server answers 500, so that the recipient is not told to have left.
                raise TypeError(_NOT_AWAITED)
            shown = (page or _page)(who, left).encode()
            start(_STATUS[status], [*_HEADER, ("Content-Length", str(len(shown))), *_allow(status)])
            return [] if environ["REQUEST_METHOD"] == "HEAD" else [shown]

        return application

    def asgi(
        self,
        leaves: Callable[[Unsubscribed], Any],
        *,
        page: Callable[[Unsubscribed | None, bool], str] | None = None,
    ) -> Callable[[Any, Any, Any], Any]:
        """The same as an ASGI application: for uvicorn, or mounted in Starlette and FastAPI. `leaves` may
        be asynchronous; a plain one must not block for long."""
        arguments.function("leaves", leaves)
        _check_page(page)

        async def application(scope: Any, receive: Any, send: Any) -> None:
            if scope["type"] != "http":
                raise RuntimeError(f"an unsubscribe endpoint has no {scope['type']}")
            body, more = b"", True
            while more and len(body) <= _MOST:
                event = await receive()
                body, more = body + event.get("body", b""), event.get("more_body", False)
            status, who, left = self._asked(scope["method"], scope["path"], body, len(body) > _MOST)
            if left and who is not None and hasattr(answer := leaves(who), "__await__"):
                await answer
            shown = (page or _page)(who, left).encode()
            header = [*_HEADER, ("Content-Length", str(len(shown))), *_allow(status)]
            octets = [(name.lower().encode(), value.encode()) for name, value in header]
            await send({"type": "http.response.start", "status": status, "headers": octets})
            await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else shown})

        return application

    def _asked(
        self, method: str, path: str, body: bytes, too_large: bool
    ) -> tuple[int, Unsubscribed | None, bool]:
        """The status, who it is about, and whether they leave."""
        if method not in ("GET", "HEAD", "POST"):
            return _NO_METHOD, None, False
        if too_large:
            return 413, None, False
        who = self.read(path)
        if who is None:
            return 404, None, False
        return 200, who, method == "POST" and is_one_click(body)

    def __repr__(self) -> str:
        return f"<Unsubscribe {self._url}>"


def _check_page(page: Any) -> None:
    if page is not None and is_asynchronous(arguments.function("page", page)):
        raise TypeError("page: it is asynchronous, and a function that returns the HTML is wanted")


def is_one_click(body: bytes) -> bool:
    """Whether a POST says List-Unsubscribe=One-Click (RFC 8058 3.2), as a form of either kind."""
    return re.search(rb"(?:\A|&)List-Unsubscribe=One-Click(?:&|\s*\Z)", body) is not None or (
        re.search(rb'name="?List-Unsubscribe"?[^\r\n]*\r?\n(?:[^\r\n]+\r?\n)*\r?\nOne-Click\s', body, re.I)
        is not None
    )


def _allow(status: int) -> list[tuple[str, str]]:
    return [("Allow", "GET, HEAD, POST")] if status == _NO_METHOD else []


def _page(who: Unsubscribed | None, left: bool) -> str:
    """For people. The button says what a mail program's POST says."""
    if who is None:
        title, said = (
            "This link does not work",
            "<p>It is not complete, or it was good for some time only.</p>",
        )
    else:
        what = f" from {html.escape(who.list)}" if who.list else ""
        address = html.escape(who.address)
        title = "Unsubscribed" if left else "Unsubscribe"
        said = (
            f"<p><b>{address}</b> gets no more mail{what}.</p>"
            if left
            else f"<p>Shall <b>{address}</b> get no more mail{what}?</p>"
            '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">'
            "<button>Unsubscribe</button></form>"
        )
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>{said}</html>"
    )
