"""Which proxy to connect through.

socks5h://user:password@host:1080    SOCKS5; the proxy resolves the server's name
socks5://host:1080                   SOCKS5; the name is resolved here
http://user:password@host:3128       CONNECT
environment                          the proxy in ALL_PROXY, unless NO_PROXY names the server
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

_PORTS = {"socks5": 1080, "socks5h": 1080, "http": 8080}
_ENVIRONMENT = "environment"


@dataclass(frozen=True)
class Proxy:
    """One proxy. If it can't be reached, there is an error, never a direct connection."""

    scheme: str
    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @property
    def resolves_here(self) -> bool:
        """Whether the server's name is resolved on this machine."""
        return self.scheme == "socks5"


def check(proxy: str | None) -> None:
    """Raises ValueError if this does not name a proxy. The environment is read at each connection."""
    if proxy is not None and proxy != _ENVIRONMENT:
        read(proxy)


def for_host(proxy: str | Proxy | None, host: str) -> Proxy | None:
    """The proxy for connections to this host, or None."""
    if proxy is None or isinstance(proxy, Proxy):
        return proxy
    if proxy != _ENVIRONMENT:
        return read(proxy)
    url, excepted = (_variable(name) for name in ("ALL_PROXY", "NO_PROXY"))
    if not url or _is_excepted(host, excepted):
        return None
    return read(url, "ALL_PROXY")


def read(url: str, argument: str = "proxy") -> Proxy:
    """The proxy that a URL names. The ValueError says what is wrong with the URL, and never
    contains its password."""
    if not isinstance(url, str):
        raise TypeError(f"{argument}: a URL is wanted, not {type(url).__name__}")
    if any(character.isspace() or not character.isprintable() for character in url):
        raise ValueError(f"{argument}: there is white space or a control character in it")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # The original error may contain the password.
        raise ValueError(f"{argument}: its host or port can't be read") from None
    known = ", ".join(f"{scheme}://" for scheme in _PORTS)
    if parts.scheme not in _PORTS:
        raise ValueError(f"{argument}: it begins with none of {known}")
    if not parts.hostname:
        raise ValueError(f"{argument}: it names no host")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"{argument}: nothing is known of what follows its host and port")
    user, password = (None if text is None else unquote(text) for text in (parts.username, parts.password))
    if any("\r" in text or "\n" in text for text in (user or "", password or "")):
        raise ValueError(f"{argument}: a line end in its user or password")
    return Proxy(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], user or None, password)


def _variable(name: str) -> str:
    return os.environ.get(name) or os.environ.get(name.lower()) or ""


def _is_excepted(host: str, names: str) -> bool:
    host = host.lower()
    for name in names.lower().replace(",", " ").split():
        bare = name.removeprefix("*").removeprefix(".")
        if name == "*" or (bare and (host == bare or host.endswith("." + bare))):
            return True
    return False
