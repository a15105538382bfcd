"""
The engine under `rsmtp`. The shapes that people know stand in the package
around it.
"""

import os
import typing
from os import PathLike
from typing import Final, SupportsFloat, SupportsIndex, final

from _typeshed import SupportsGetItem

__all__ = [
    "__version__",
    "Connection",
    "Request",
    "TlsConfig",
    "TlsFacts",
    "TranscriptLine",
    "cram_md5",
    "needs_smtputf8",
]

__version__: Final[str]

@final
class Connection:
    """
    A connection and the session on it.

    Methods wait without the GIL, look at signals at least every 100 ms, and
    raise from `rsmtp.errors`. A second thread waits its turn.
    """
    def assume(self, /, extensions: SupportsGetItem[int, tuple[str, str]]) -> None:
        """
        Takes these extensions for the server's: keywords with their parameters.
        """
    def close(self, /) -> None:
        """
        Ends the connection without a word; another thread that waits on it is
        told so.
        """
    @property
    def extensions(self, /) -> list[tuple[str, str]]:
        """
        What the server offers: lower-case keywords with their parameters, in its
        order.
        """
    def fileno(self, /) -> int:
        """
        The socket's number; -1 when it is closed.
        """
    def getpeername(self, /) -> tuple[str, int] | None:
        """
        `(host, port)` of the peer; None for a Unix socket.
        """
    def getsockname(self, /) -> tuple[str, int] | None:
        """
        `(host, port)` of this side; None for a Unix socket.
        """
    @property
    def is_over(self, /) -> bool:
        """
        Whether nothing can be said any more.
        """
    @property
    def legal_requests(self, /) -> list[str]:
        """
        The verbs that are legal in this state (RFC 5321 4.1.4) and offered.
        """
    @staticmethod
    def open(
        host: str,
        port: SupportsIndex,
        *,
        path: str | PathLike[str] | None = None,
        source_address: tuple[str, SupportsIndex] | None = None,
        timeout: SupportsFloat | SupportsIndex | None = None,
        deadline: SupportsFloat | SupportsIndex | None = None,
        lmtp: bool = False,
        pipelining: bool = True,
        plaintext_auth: bool = False,
        implicit_tls: bool = False,
        context: object = None,
        observer: object = None,
    ) -> Connection:
        """
        Connects to `host` and `port`, or to the Unix socket at `path`; with
        `implicit_tls`, TLS comes before the greeting. The greeting is the first
        reply to be read.
        """
    def perform(self, /, request: Request, observer: object = None) -> typing.Any:
        """
        Carries a request out: `(code, text)` for a reply, the dict of the refused
        recipients for a transaction, the challenge (bytes) of an AUTH exchange
        that the caller answers.
        """
    def read_reply(self, /, observer: object = None) -> tuple[int, bytes]:
        """
        The next reply: `(code, text)`.
        """
    def respond(
        self, /, response: SupportsGetItem[int, SupportsIndex] | None, observer: object = None
    ) -> typing.Any:
        """
        Answers the challenge of an AUTH exchange; None cancels it.
        """
    def send(self, /, request: Request, observer: object = None) -> None:
        """
        Sends a request and does not wait for its reply: `read_reply` does.
        """
    def send_raw(self, /, octets: bytes | bytearray, observer: object = None) -> None:
        """
        Sends bytes as they are.
        """
    def set_patience(
        self, /, timeout: SupportsFloat | SupportsIndex | None, deadline: SupportsFloat | SupportsIndex | None
    ) -> None:
        """
        Limits in seconds: for each stage (None: those of RFC 5321 4.5.3.2) and
        for one whole operation (None: no limit).
        """
    @property
    def speaks_esmtp(self, /) -> bool:
        """
        Whether the server took an EHLO or LHLO, not a HELO.
        """
    def starttls(
        self, /, context: object = None, host: str | None = None, observer: object = None
    ) -> tuple[int, bytes]:
        """
        STARTTLS (RFC 3207) and the handshake behind a 220. `host` is the name
        that the certificate must be for; default: the one connected to.
        """
    @property
    def state(self, /) -> str:
        """
        The name of the session's state.
        """
    @property
    def tls(self, /) -> TlsFacts | None: ...
    @property
    def transcript(self, /) -> list[TranscriptLine]:
        """
        The last 2,000 lines that were said, secrets masked.
        """

@final
class Request:
    """
    What a client asks of a session, once.

    Every constructor parses its arguments; ValueError names the one that could
    not stand in the conversation (RFC 5321 4.1.2), before anything is sent.
    """
    @staticmethod
    def auth(mechanism: str, initial_response: SupportsGetItem[int, SupportsIndex] | None = None) -> Request:
        """
        AUTH whose responses the caller gives to each challenge.
        """
    @staticmethod
    def data(msg: bytes | bytearray) -> Request:
        """
        DATA and the mail data (RFC 5321 4.1.1.4). Line ends become CRLF and dots
        are stuffed on the way out.
        """
    @staticmethod
    def ehlo(name: str, *, fall_back: bool = False, lmtp: bool = False) -> Request:
        """
        EHLO, or LHLO in an LMTP session. With `fall_back`, HELO follows if the
        server says that it does not know EHLO (RFC 5321 3.2).
        """
    @staticmethod
    def expn(address: str) -> Request:
        """
        EXPN (RFC 5321 4.1.1.7).
        """
    @staticmethod
    def free(line: str) -> Request:
        """
        A command line of the caller's own.
        """
    @staticmethod
    def helo(name: str) -> Request:
        """
        HELO (RFC 5321 4.1.1.1).
        """
    @staticmethod
    def help(args: str = "") -> Request:
        """
        HELP (RFC 5321 4.1.1.8).
        """
    @staticmethod
    def login(
        user: str,
        password: str | None = None,
        *,
        access_token: str | None = None,
        mechanism: str | None = None,
        initial_response: bool = True,
    ) -> Request:
        """
        AUTH (RFC 4954) by the session itself: with `mechanism`, or with the
        strongest that the server offers and the secret fits. Either a password
        or an OAuth 2.0 access token.
        """
    @staticmethod
    def mail(sender: str, options: SupportsGetItem[int, str] = ...) -> Request:
        """
        MAIL (RFC 5321 4.1.1.2). An empty sender is the null reverse-path.
        """
    @staticmethod
    def noop() -> Request:
        """
        NOOP (RFC 5321 4.1.1.9).
        """
    @staticmethod
    def quit() -> Request:
        """
        QUIT (RFC 5321 4.1.1.10).
        """
    @staticmethod
    def rcpt(recip: str, options: SupportsGetItem[int, str] = ...) -> Request:
        """
        RCPT (RFC 5321 4.1.1.3).
        """
    @staticmethod
    def rset() -> Request:
        """
        RSET (RFC 5321 4.1.1.5).
        """
    @staticmethod
    def transaction(
        from_addr: str,
        to_addrs: SupportsGetItem[int, str],
        msg: bytes | bytearray,
        mail_options: SupportsGetItem[int, str] = ...,
        rcpt_options: SupportsGetItem[int, str] = ...,
    ) -> Request:
        """
        A whole mail transaction (RFC 5321 3.3). SIZE, BODY and SMTPUTF8 are
        added where the server offers and the message needs them.
        """
    @staticmethod
    def vrfy(address: str) -> Request:
        """
        VRFY (RFC 5321 4.1.1.6).
        """

@final
class TlsConfig:
    """
    How TLS is to be done, for every `context=` beside an `ssl.SSLContext`.

    Args:
        ca_file: PEM file; the only authorities that are trusted then. Default:
            the operating system's trust store, or SSL_CERT_FILE.
        client_certificate: PEM file with chain and key, or a pair of files.
        server_name: the name that the certificate must be for. Default: the
            host that was connected to.
        minimum_version: "1.2" (default) or "1.3".
        verify: False accepts any certificate: then anybody on the way can read
            and change what is sent.

    Files are read at the first connection, which raises SMTPTLSError where one
    can't be used.
    """
    def __new__(
        cls,
        /,
        ca_file: str | os.PathLike[str] | None = None,
        client_certificate: str
        | os.PathLike[str]
        | tuple[str | os.PathLike[str], str | os.PathLike[str]]
        | None = None,
        server_name: str | None = None,
        minimum_version: str | None = None,
        verify: bool = True,
    ) -> TlsConfig: ...
    def __repr__(self, /) -> str: ...

@final
class TlsFacts:
    """
    What a TLS handshake settled.
    """
    def __repr__(self, /) -> str: ...
    @property
    def certificate(self, /) -> bytes | None:
        """
        The server's certificate, DER.
        """
    @property
    def cipher(self, /) -> str: ...
    @property
    def server_name(self, /) -> str:
        """
        The name that the certificate was asked for.
        """
    @property
    def verified(self, /) -> bool:
        """
        Whether name, chain and dates were checked.
        """
    @property
    def version(self, /) -> str:
        """
        As "TLSv1.3".
        """

@final
class TranscriptLine:
    """
    One line of a conversation, secrets masked.
    """
    def __eq__(self, value: object, /) -> bool: ...
    def __hash__(self, /) -> int: ...
    def __ne__(self, value: object, /) -> bool: ...
    def __repr__(self, /) -> str: ...
    def __str__(self, /) -> str: ...
    @property
    def at(self, /) -> float:
        """
        Seconds since the connection was begun.
        """
    @property
    def direction(self, /) -> str:
        """
        "C" for the client, "S" for the server, "*" for what happened besides.
        """
    @property
    def state(self, /) -> str:
        """
        The session's state when it was said.
        """
    @property
    def text(self, /) -> str:
        """
        Without the line end; bytes that are not UTF-8 are shown as U+FFFD.
        """

def cram_md5(user: str, password: str, challenge: bytes) -> str:
    """
    The response to a CRAM-MD5 challenge (RFC 2195).
    """

def needs_smtputf8(address: str) -> bool:
    """
    Whether an address can be said only with SMTPUTF8 (RFC 6531): a domain never
    needs it, a local part that is not ASCII does.

    Raises ValueError for what is not an address.
    """
