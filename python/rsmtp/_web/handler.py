"""Reads requests and writes responses, with the standard library's request handler."""

import contextlib
import http.server
import json
import logging
import urllib.parse
from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar, Final

from rsmtp._web import guard, policy
from rsmtp._web.answer import Answer, Json, Refusal, as_json
from rsmtp._web.routes import Request

if TYPE_CHECKING:
    from rsmtp._web.server import HttpServer

LARGEST_BODY: Final = 256 * 1024
PIECE: Final = 64 * 1024
log = logging.getLogger("rsmtp.web")


class Handler(http.server.BaseHTTPRequestHandler):
    """A connection from a browser or a test."""

    protocol_version = "HTTP/1.1"
    server_version = "rsmtp"
    # A connection ends after this many seconds of silence, in either direction.
    timeout: ClassVar[float] = 30.0
    server: "HttpServer"

    def do_GET(self) -> None:
        self._serve()

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET

    def _serve(self) -> None:
        try:
            try:
                answer = self._answer()
            except Refusal as refusal:
                answer = as_json({"error": refusal.problem}, refusal.status)
                # A body that was not read must not be parsed as the next request.
                has_body = "Content-Length" in self.headers or "Transfer-Encoding" in self.headers
                self.close_connection = self.close_connection or has_body
            except Exception as error:
                log.exception("%s %s failed", self.command, self.path)
                answer = as_json({"error": f"{type(error).__name__}: a fault of rsmtp's"}, 500)
                self.close_connection = True
            self._send(answer)
        except OSError:
            # The peer has closed the connection, or stopped reading.
            self.close_connection = True

    def _answer(self) -> Answer:
        path, _, query = self.path.partition("?")
        page = path == "/"
        guard.check(self.command, self.headers, port=self.server.port, is_page=page)
        site = self.server.site
        request = Request(
            site.context,
            _query(query),
            self._body(),
            guard.is_loopback(str(self.client_address[0])),
        )
        return site.routes.answer(self.command, path, request)

    def _body(self) -> Json:
        if "Transfer-Encoding" in self.headers:
            raise Refusal(411, "a request's body needs a Content-Length")
        lengths = {length.strip() for length in self.headers.get_all("Content-Length", ["0"])}
        if len(lengths) > 1:
            # The end of the body can't be known (RFC 9112 section 6.3).
            raise Refusal(400, "the request has several Content-Length fields that differ")
        length = lengths.pop()
        if not length.isascii() or not length.isdigit():
            raise Refusal(400, "Content-Length is no number")
        if len(length) > 9 or int(length) > LARGEST_BODY:
            raise Refusal(413, f"a request's body may have {LARGEST_BODY} octets")
        octets = self.rfile.read(int(length))
        if self.command != "POST":
            return {}
        try:
            body = json.loads(octets)
        except (ValueError, RecursionError):
            raise Refusal(400, "the body is not JSON") from None
        if not isinstance(body, dict):
            raise Refusal(400, "the body must be a JSON object")
        return body

    def _send(self, answer: Answer) -> None:
        body = answer.body
        self.send_response(answer.status)
        for name, value in (policy.EVERYWHERE | dict(answer.headers)).items():
            self.send_header(name, value)
        if answer.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Type", answer.content_type)
        if isinstance(body, bytes):
            if answer.status != HTTPStatus.NO_CONTENT:
                self.send_header("Content-Length", str(len(body)))
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                with memoryview(body) as view:
                    for start in range(0, len(view), PIECE):
                        self.wfile.write(view[start : start + PIECE])
            return
        # Without a length, the end of the connection is the end of the body.
        self.close_connection = True
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            with contextlib.closing(_generator(body)) as pieces:
                for piece in pieces:
                    self.wfile.write(piece)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Called by the standard library to refuse a request: not HTTP, or an unknown method."""
        self.close_connection = True
        self.command = getattr(self, "command", None) or "GET"
        problem = explain or message or HTTPStatus(code).phrase
        self._send(as_json({"error": problem}, code))

    def version_string(self) -> str:
        return self.server_version

    def log_message(self, format: str, *args: Any) -> None:
        # The line may contain untrusted text: control characters are escaped.
        log.debug("%s", ascii(format % args))


def _query(query: str) -> Mapping[str, str]:
    try:
        pairs = urllib.parse.parse_qsl(query, keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise Refusal(400, "the query has too many fields") from None
    return dict(pairs)


def _generator(pieces: Any) -> Any:
    yield from pieces
