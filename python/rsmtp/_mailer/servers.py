"""Which server to send by, and how: from a URL or from keyword arguments.

smtp://user:password@mail.example.org        STARTTLS required, port 587
smtps://user:password@mail.example.org       TLS from the first octet, port 465
smtp://mail.example.org:465                  TLS from the first octet, as the port is for
smtp://localhost:25                          no TLS on this machine, and no login
smtp://relay.example.org:25?tls=none         no TLS, said in words
lmtp://mail.example.org:24, lmtp:///run/dovecot/lmtp, smtp:///run/smtp.sock
smtp://mail.example.org?proxy=socks5h://proxy.example.org:1080
file:///var/tmp/outbox, sendmail:, sendmail:///usr/sbin/sendmail, null:
"""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from rsmtp._client.local_hostname import own_name
from rsmtp._common import arguments
from rsmtp._transport import python_sockets

LOCAL_SCHEMES = ("file", "sendmail", "null")
_SECURITY = ("none", "starttls", "implicit")
_PORTS = {"none": 25, "default": 587, "starttls": 587, "implicit": 465}
_LMTP_PORT = 24
_PARAMETERS = ("tls", "timeout", "local_hostname", "proxy")


class Server:
    """One server. `tls` is "starttls", "implicit" or "none"; None stands for "implicit"
    with port 465, for "starttls" with a context or credentials, and otherwise for "default":
    "starttls", but a server on this machine is spoken to without TLS. `port` 0 stands for 587,
    465 and 25, and for 24 with LMTP; `path` is a Unix socket. `local_hostname` is what EHLO
    says: this machine's name if it is fully qualified, its address otherwise. The other
    settings are those of `SmtpClient`."""

    host: str = "localhost"
    port: int = 0
    path: str | None = None
    tls: str | None = None
    context: Any = None
    username: str | None = None
    password: str | Callable[[], Any] | None = None
    access_token: str | Callable[[], Any] | None = None
    lmtp: bool = False
    local_hostname: str | None = None
    source_address: tuple[str, int] | None = None
    timeout: float | None = None
    deadline: float | None = None
    pipelining: bool = True
    chunking: bool = True
    allow_plaintext_auth: bool = False
    initial_response_ok: bool = True
    proxy: Any = None

    def __init__(self, **settings: Any) -> None:
        if unknown := settings.keys() - self.__annotations__.keys():
            raise TypeError(f"{', '.join(unknown)}: not settings of a server")
        self.__dict__.update(settings)
        if self.path is None:
            arguments.host("host", self.host)
        port = arguments.whole("port", self.port, 0, 65535, "a number between 0 and 65535")
        if self.tls is None:
            # Nothing but TLS from the first octet is spoken there (RFC 8314 3.3).
            self.tls = "implicit" if port == _PORTS["implicit"] else self._default()
        else:
            arguments.one_of("tls", self.tls, _SECURITY)
        arguments.maybe_text("username", self.username)
        arguments.secret_or_function("password", self.password)
        arguments.secret_or_function("access_token", self.access_token)
        arguments.maybe_text("local_hostname", self.local_hostname)
        source = arguments.source("source_address", self.source_address)
        self.source_address = (source, 0) if isinstance(source, str) else source
        self.timeout = arguments.maybe_number("timeout", self.timeout)
        self.deadline = arguments.maybe_number("deadline", self.deadline)
        for name in ("pipelining", "chunking", "allow_plaintext_auth", "initial_response_ok"):
            arguments.flag(name, getattr(self, name))
        if not self.host and self.path is None:
            raise ValueError("host: it is empty")
        if self.host.startswith("/") and self.path is None:
            self.host, self.path = "localhost", self.host
        if self.proxy is not None:
            from rsmtp._transport import proxies

            if self.path is not None:
                raise ValueError("proxy: there is none on the way to a Unix socket")
            if not isinstance(self.proxy, proxies.Proxy):
                self.proxy = proxies.for_host(self.proxy, self.host)
        self.port = self.port or (_LMTP_PORT if self.lmtp else _PORTS[self.tls])
        if self.local_hostname is None:
            name = own_name()
            # Without a name of its own a client shows its address, known once connected.
            self.local_hostname = None if name.startswith("[") else name
        if self.timeout is None:
            self.timeout = socket.getdefaulttimeout()

    def _default(self) -> str:
        """The engine's "default" is STARTTLS, unless the connection stays on this machine."""
        given = (self.context, self.username, self.password, self.access_token)
        return "default" if all(one is None for one in given) else "starttls"

    @property
    def security(self) -> str:
        """What `tls` comes to, as far as the host's name tells: "starttls", "implicit" or "none"."""
        if self.tls == "default":
            return "none" if self.path is not None or python_sockets.is_local(self.host) else "starttls"
        return self.tls or ""


class Local(NamedTuple):
    """Not a server: a folder, a program or nothing."""

    kind: str
    path: str | None = None


def from_url(url: str, **settings: Any) -> Server | Local:
    """The server that a URL names; `settings` are the arguments of `Server` that a URL
    does not tell. ValueError says what is wrong with it, never the password in it."""
    parts = _split(url)
    if parts.scheme in LOCAL_SCHEMES:
        return _local(parts)
    if parts.scheme not in ("smtp", "smtps", "lmtp"):
        known = ", ".join(("smtp", "smtps", "lmtp", *LOCAL_SCHEMES))
        if not parts.scheme:
            raise ValueError(f"url: it has no scheme; write smtp://HOST, or one of {known}")
        raise ValueError(f"url: its scheme is {parts.scheme!r}, not one of {known}")
    if parts.fragment or "@" in parts.path + parts.query:
        # Not shown: it would be a part of the password.
        raise ValueError(_ESCAPES)
    given = _parameters(parts)
    lmtp = parts.scheme == "lmtp"
    told: dict[str, Any] = {}
    if parts.scheme == "smtps":
        told["tls"] = given.pop("tls", "implicit")
        if told["tls"] != "implicit":
            raise ValueError(f"url: smtps:// is TLS from the first octet, not tls={told['tls']}")
    path = unquote(parts.path) if parts.scheme != "smtps" and not parts.netloc else ""
    if path.strip("/"):
        # A Unix socket stays on this machine: it needs no encryption.
        told |= {"path": path, "tls": given.pop("tls", "none")}
    elif parts.path not in ("", "/"):
        raise ValueError(f"url: nothing is known of a path on an SMTP server; {_ESCAPES[5:]}")
    port = None
    with contextlib.suppress(ValueError):
        port = parts.port or 0
    if port is None:
        raise ValueError(f"url: the port is not a number between 0 and 65535; {_ESCAPES[5:]}")
    if not parts.hostname and not path:
        raise ValueError("url: it names no host")
    told["host"] = parts.hostname or "localhost"
    if port:
        told["port"] = port
    if parts.username is not None:
        told["username"] = unquote(parts.username)
    if parts.password is not None:
        told["password"] = unquote(parts.password)
    if "timeout" in given:
        try:
            told["timeout"] = float(given.pop("timeout"))
        except ValueError:
            raise ValueError("url: timeout is not a number of seconds") from None
    told |= given
    twice = told.keys() & {name for name, value in settings.items() if value is not None}
    if twice:
        raise ValueError(f"{', '.join(sorted(twice))}: told by the URL and by an argument")
    return Server(lmtp=lmtp, **{**settings, **told})


_ESCAPES = (
    'url: "#", "/", "?", "@", "[", "]" and "%" in a user or password are written %23, %2F, %3F and so on'
)


def _split(url: str) -> SplitResult:
    if not isinstance(url, str):
        raise TypeError(f"url: text is wanted, not {type(url).__name__}")
    # urlsplit would drop some of these without a word.
    if any(character.isspace() or not character.isprintable() for character in url):
        raise ValueError("url: there is white space or a control character in it")
    # Not raised where its own error is handled, which would keep that as the context: its
    # words may show the password.
    parts = None
    with contextlib.suppress(ValueError):
        parts = urlsplit(url)
    if parts is None:
        raise ValueError(f"url: its host can't be read; {_ESCAPES[5:]}")
    return parts


def _parameters(parts: SplitResult) -> dict[str, str]:
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    for name in given:
        if name not in _PARAMETERS:
            raise ValueError(f"url: {name!r} is not one of its parameters: {', '.join(_PARAMETERS)}")
    return given


def _local(parts: SplitResult) -> Local:
    path = unquote(parts.path) or None
    if parts.netloc not in ("", "localhost"):
        raise ValueError(
            f"url: {parts.scheme}: takes a path with three slashes, as {parts.scheme}:///tmp/mail"
        )
    if parts.scheme == "file":
        if path is None or not os.path.isdir(path):
            raise ValueError(f"url: {path!r} is not a folder; file:///path/to/folder keeps messages in one")
    elif parts.scheme == "null" and path:
        raise ValueError("url: null: takes no path")
    return Local(parts.scheme, path)
