"""The servers to send to, with their settings."""

from __future__ import annotations

import _socket
import os

import rsmtp
from rsmtp._client.local_hostname import own_name
from rsmtp._common import arguments
from rsmtp._transport import python_sockets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from rsmtp.providers import Provider

#: Where the URL is looked for when none is given.
URL_VARIABLE = "RSMTP_URL"

_SECURITY = ("none", "starttls", "implicit")
_PORTS = {"none": 25, "default": 587, "starttls": 587, "implicit": 465}
_LMTP_PORT = 24


class Server:
    """One server. With a known `provider`, the provider's host, port, TLS and user name are the
    defaults, and its limits apply. `tls` is "starttls", "implicit" or "none". None means "implicit" with
    port 465, "starttls" with a context, and otherwise "default": "starttls", but no TLS for a server on
    this machine. `port` 0 means 587, 465 or 25, and 24 with LMTP. `path` is a Unix socket.
    `local_hostname` is the name in EHLO: by default this machine's name if it is fully qualified,
    otherwise its address. The other settings are those of `SmtpClient`."""

    provider: Provider | None = None
    host: str = "localhost"
    port: int = 0
    path: str | None = None
    tls: Any = None
    context: Any = None
    username: str | None = None
    password: str | Callable[..., Any] | None = None
    access_token: str | Callable[..., Any] | None = None
    mechanism: str | None = None
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
        if self.provider is not None:
            self._complete(self.provider, settings)
        if self.path is None:
            arguments.host("host", self.host)
        port = arguments.whole("port", self.port, 0, 65535, "a number between 0 and 65535")
        if self.tls is None:
            # Port 465 is only for TLS from the first octet (RFC 8314 3.3).
            self.tls = "implicit" if port == _PORTS["implicit"] else self._default()
        else:
            arguments.one_of("tls", self.tls, _SECURITY)
        arguments.context("context", self.context)
        arguments.maybe_text("username", self.username)
        for name in ("password", "access_token"):
            secret = arguments.secret_or_function(name, getattr(self, name))
            if callable(secret):
                from rsmtp._client.turns import shareable

                setattr(self, name, shareable(secret))
        arguments.maybe_text("mechanism", self.mechanism)
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
            self.proxy = proxies.for_host(self.proxy, self.host)
        self.port = self.port or (_LMTP_PORT if self.lmtp else _PORTS[self.tls])
        if self.local_hostname is None:
            name = own_name()
            # Without a name, a client gives its address, which is known once it is connected.
            self.local_hostname = None if name.startswith("[") else name
        if self.timeout is None:
            self.timeout = _socket.getdefaulttimeout()

    def _complete(self, provider: Provider, settings: dict[str, Any]) -> None:
        """Takes settings that were not given from the provider."""
        if self.path is not None or str(settings.get("host")).startswith("/"):
            raise ValueError("provider: it has no Unix socket")
        for name in ("host", "username"):
            if settings.get(name) is None:
                setattr(self, name, getattr(provider, name))
        self.port, self.tls = provider.way(self.port, self.tls)

    @property
    def largest(self) -> int | None:
        """The largest message that the provider accepts, in octets."""
        return None if self.provider is None else self.provider.size

    @property
    def most_recipients(self) -> int | None:
        """The largest number of recipients in a transaction."""
        return None if self.provider is None else self.provider.recipients

    def _default(self) -> str:
        """The default of `tls`. For the engine "default" means STARTTLS, unless the connection stays on
        this machine. With a context, STARTTLS is required there, too."""
        return "default" if self.context is None else "starttls"

    @property
    def security(self) -> str:
        """The effective `tls`, as far as the host's name tells: "starttls", "implicit" or "none"."""
        if self.tls == "default":
            return "none" if self.path is not None or python_sockets.is_local(self.host) else "starttls"
        return self.tls or ""


class Local:
    """A destination that is not a server: a folder, a program, or nothing."""

    __slots__ = ("kind", "path")

    def __init__(self, kind: str, path: str | None = None) -> None:
        self.kind = kind
        self.path = path


def servers_of(url: str | Sequence[str] | None, settings: dict[str, Any]) -> list[Any]:
    """The servers of a mailer, the first one first; or the one destination that is no server."""
    if "provider" in settings:
        from rsmtp import providers

        settings["provider"] = providers.find(settings["provider"])
    elif url is None and "host" not in settings:
        url = os.environ.get(URL_VARIABLE)
        if not url:
            raise ValueError(
                f"a Mailer needs a URL, a host, a provider, or a URL in the variable {URL_VARIABLE}"
            )
    hops = [Server(**settings)] if url is None else _of_urls(url, settings)
    for hop in hops:
        if isinstance(hop, Server) and hop.provider is not None:
            _check_login(hop, hop.provider)
    return hops


def _check_login(hop: Server, provider: rsmtp.providers.Provider) -> None:
    if provider.login and hop.username is None and hop.mechanism is None:
        raise ValueError(
            f"username: it is missing, and no mail is taken without a login ({provider.title}). The user is "
            f"{provider.user_is}, the password {provider.login}"
        )


def _of_urls(url: str | Sequence[str], settings: dict[str, Any]) -> list[Any]:
    if not isinstance(url, str) and (isinstance(url, (bytes, type)) or not hasattr(url, "__iter__")):
        raise arguments.wanted("url", "a URL, or a list of them,", url)
    from rsmtp._mailer.server_urls import from_url

    hops = [from_url(one, **settings) for one in ([url] if isinstance(url, str) else url)]
    if not hops:
        raise ValueError("url: the list is empty")
    if len(hops) > 1 and any(isinstance(hop, Local) for hop in hops):
        raise ValueError("url: file:, sendmail: and null: stand alone")
    return hops
