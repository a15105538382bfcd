"""The facts that a server shows when a session is opened and closed without mail. `Mailer.verify` and
`rsmtp check` use the same steps."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rsmtp._client.transcript import Transcript
from rsmtp._rsmtp import COMPLETED, SERVICE_READY, TlsFacts
from rsmtp.errors import SMTPConnectError, SMTPResponseException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from rsmtp._client.script import Steps


@dataclass(repr=False)
class Verification:
    """The facts that a server has shown. A session was opened as for mail, and nothing was sent.

    Attributes:
        host, port: the server's, as given to the mailer.
        address: `(host, port)` of the peer, or of the proxy if there is one; None for a Unix
            socket.
        greeting: the code and text of the greeting.
        security: "STARTTLS", "TLS" (from the first octet on) or None: nothing is encrypted.
        tls: a `TlsFacts` with version, cipher and certificate; None without TLS.
        offered_in_plaintext: the extensions offered before STARTTLS, in the form of `extensions`.
        extensions: lower-case keywords with their parameters, as the server offers them to
            a client at the end of these steps.
        speaks_esmtp: whether the server knows EHLO.
        username, mechanism: the login; None without a login. With a certificate or a ticket
            a username may not be needed.
        transcript: the conversation, with secrets masked.
        fallbacks: the verifications of the mailer's other servers, in order.
    """

    host: str
    port: int
    address: tuple[str, int] | None = None
    greeting: tuple[int, str] | None = None
    security: str | None = None
    tls: TlsFacts | None = None
    offered_in_plaintext: dict[str, str] = field(default_factory=dict)
    extensions: dict[str, str] = field(default_factory=dict)
    speaks_esmtp: bool = False
    username: str | None = None
    mechanism: str | None = None
    transcript: Transcript | None = None
    fallbacks: list[Verification] = field(default_factory=list)
    # The destination of mail that goes to no server: a folder, a program, or nowhere.
    place: str | None = None
    # The end of each phase, in seconds from the start.
    ends: dict[str, float] = field(default_factory=dict)

    @property
    def server(self) -> str:
        """For example "smtp.example.org:587", "file:/var/tmp/outbox" or the path of a Unix socket."""
        if self.place is not None:
            return self.place
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def tls_version(self) -> str | None:
        """For example "TLSv1.3"; None without TLS."""
        return None if self.tls is None else self.tls.version

    @property
    def cipher(self) -> str | None:
        """None without TLS."""
        return None if self.tls is None else self.tls.cipher

    @property
    def certificate_expires(self) -> datetime | None:
        """When the server's certificate expires; None if it showed none."""
        shown = None if self.tls is None else self.tls.certificate
        return None if shown is None else shown.not_after

    @property
    def mechanisms(self) -> list[str]:
        """The login mechanisms that the server offers."""
        return self.extensions.get("auth", "").upper().split()

    @property
    def size(self) -> int | None:
        """The largest message in octets (RFC 1870); None if the server does not say."""
        digits = self.extensions.get("size", "").split()[:1]
        told = int(digits[0]) if digits and digits[0].isdigit() and len(digits[0]) <= 20 else 0
        return told or None

    @property
    def seconds(self) -> dict[str, float]:
        """The duration of each phase, in the order of the phases: "lookup", "connect",
        "greeting", "tls" (with STARTTLS), "hello", "login", "noop"."""
        passed, phases = 0.0, {}
        for name, end in sorted(self.ends.items(), key=lambda phase: phase[1]):
            phases[name], passed = end - passed, end
        return phases

    def to_dict(self) -> dict[str, Any]:
        """The result as a dict for JSON, without the transcript."""
        expires = self.certificate_expires
        return {
            "server": self.server,
            "address": None if self.address is None else list(self.address),
            "greeting": None if self.greeting is None else list(self.greeting),
            "security": self.security,
            "tls_version": self.tls_version,
            "cipher": self.cipher,
            "certificate_expires": None if expires is None else expires.isoformat(),
            "extensions": self.extensions,
            "size": self.size,
            "username": self.username,
            "mechanism": self.mechanism,
            "seconds": self.seconds,
            "fallbacks": [one.to_dict() for one in self.fallbacks],
        }

    def __repr__(self) -> str:
        from rsmtp.display import verification

        return verification.line(self)

    def __str__(self) -> str:
        from rsmtp.display import verification

        return verification.plain(self)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """For notebooks: the server, its TLS, the login, and the time of each phase."""
        from rsmtp.display import verification

        return verification.bundle(self)


def look(client: Any, seen: Verification, security: str, login: dict[str, Any] | None) -> Steps[None]:
    """Opens a session with a client, logs in, sends NOOP and quits. `seen` records what the server
    shows, even if the session ends with an error."""
    own = client._rsmtp_own
    try:
        code, text = yield own.connect(seen.host, seen.port)
        seen.greeting = (code, text.decode("utf-8", "replace"))
        seen.address = client._rsmtp_talk().getpeername()
        if code != SERVICE_READY:
            raise client._rsmtp_told(SMTPConnectError(code, text))
        yield from _open(client, seen, security)
        if login is not None:
            in_plaintext, offered = client._rsmtp_tls is None, seen.extensions
            yield own.login(**login)
            if in_plaintext and client._rsmtp_tls is not None:
                # The server offered its login only under TLS.
                seen.offered_in_plaintext, seen.extensions = offered, dict(client._rsmtp_talk().extensions)
            seen.username = login["username"]
            _phase(seen, client, "login")
        code, text = yield own.noop()
        if code != COMPLETED:
            raise client._rsmtp_told(SMTPResponseException(code, text))
        _phase(seen, client, "noop")
        yield own.quit()
    finally:
        _note(seen, client)
        client.close()


def _open(client: Any, seen: Verification, security: str) -> Generator[Any, Any, None]:
    opened = yield from client._rsmtp_open(security)
    if opened.offered_in_plaintext is not None:
        seen.offered_in_plaintext = dict(opened.offered_in_plaintext)
    if opened.hello is not None:
        talk = client._rsmtp_talk()
        seen.speaks_esmtp, seen.extensions = talk.speaks_esmtp, dict(talk.extensions)
        _phase(seen, client, "hello")
    if opened.trouble is not None:
        raise opened.trouble


def _phase(seen: Verification, client: Any, name: str) -> None:
    """Records that a phase ended with the last line of the transcript."""
    seen.ends[name] = client.transcript[-1].at


def _note(seen: Verification, client: Any) -> None:
    connection = client._rsmtp_connection
    if connection is None:
        return
    seen.tls = connection.tls
    if seen.tls is not None:
        implicit = client._rsmtp_tls_mode == "implicit"
        seen.security = "TLS" if implicit else "STARTTLS"
    seen.transcript = client.transcript
    for line in seen.transcript:
        if line.direction == "S":
            seen.ends.setdefault("greeting", line.at)
        elif line.text.startswith("looked up"):
            seen.ends.setdefault("lookup", line.at)
        elif line.text.startswith("connected to"):
            seen.ends["connect"] = line.at
        elif line.text == "TLS established":
            seen.ends["tls"] = line.at
        elif line.direction == "C" and line.text.startswith("AUTH ") and "login" in seen.ends:
            # The last mechanism that was tried is the one that succeeded.
            seen.mechanism = line.text.split()[1]
