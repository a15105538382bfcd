"""The server that a URL names.

smtp://user:password@mail.example.org        STARTTLS required, port 587
smtps://user:password@mail.example.org       TLS from the first octet, port 465
smtp://mail.example.org:465                  TLS from the first octet, as the port is for
smtp://localhost:25                          no TLS on this machine
smtp://relay.example.org:25?tls=none         no TLS, said in words
lmtp://mail.example.org:24, lmtp:///run/dovecot/lmtp, smtp:///run/smtp.sock
smtp://mail.example.org?proxy=socks5h://proxy.example.org:1080
gmail://ann@gmail.com                        a provider by its name (`rsmtp.providers`)
sendgrid://?password=env:SENDGRID_KEY        one where all accounts have the same user name
smtp://mail.example.org?mechanism=GSSAPI       the one way to log in
smtp://user@mail.example.org?password=keyring:     also netrc:, env:NAME, file:PATH, command:WORDS
file:///var/tmp/outbox, sendmail:, sendmail:///usr/sbin/sendmail, null:
"""

from __future__ import annotations

import os

from rsmtp._common.arguments import meant
from rsmtp._mailer.servers import Local, Server

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias
    from urllib.parse import SplitResult

    from rsmtp.providers import Provider

    # The parts of a URL, as urlsplit names them.
    _Parts: TypeAlias = "SplitResult | _PlainParts"

SCHEMES = ("smtp", "smtps", "lmtp")
LOCAL_SCHEMES = ("file", "sendmail", "null")
_SECRETS = ("password", "access_token")
_PARAMETERS = ("tls", "timeout", "local_hostname", "mechanism", "proxy", *_SECRETS)


def from_url(url: str, **settings: Any) -> Server | Local:
    """The server that a URL names. `settings` are the arguments of `Server` that are not in the URL.
    The ValueError says what is wrong with the URL, and never contains its password."""
    parts = _split(url)
    if parts.scheme in LOCAL_SCHEMES:
        return _local(parts)
    provider = None if parts.scheme in SCHEMES else _provider(parts.scheme, "://" in url)
    if parts.fragment or "@" in parts.path + parts.query:
        # The rest of the URL is not shown, because it may be a part of the password.
        raise ValueError(_ESCAPES)
    given = _parameters(parts)
    lmtp = parts.scheme == "lmtp"
    told: dict[str, Any] = {} if provider is None else {"provider": provider}
    if parts.scheme == "smtps":
        told["tls"] = given.pop("tls", "implicit")
        if told["tls"] != "implicit":
            raise ValueError(f"url: smtps:// is TLS from the first octet, not tls={told['tls']}")
    path = _unquoted(parts.path) if parts.scheme != "smtps" and not parts.netloc else ""
    if path.strip("/"):
        # A Unix socket does not leave this machine, so it needs no encryption.
        told |= {"path": path, "tls": given.pop("tls", "none")}
    elif parts.path not in ("", "/"):
        raise ValueError(f"url: nothing is known of a path on an SMTP server; {_ESCAPES[5:]}")
    try:
        port = parts.port or 0
    except ValueError:
        port = None
    if port is None:
        raise ValueError(
            "url: the port is not a number between 0 and 65535; a password stands before the host, as in "
            f"smtp://user:password@host; {_ESCAPES[5:]}"
        )
    if provider is not None:
        told |= _account(parts, provider)
    elif parts.hostname or path:
        told["host"] = parts.hostname or "localhost"
        if parts.username is not None:
            told["username"] = _unquoted(parts.username)
    else:
        raise ValueError("url: it names no host")
    if port:
        told["port"] = port
    if parts.password is not None:
        told["password"] = _unquoted(parts.password)
    for argument in _SECRETS:
        if argument in given:
            if argument in told:
                raise ValueError("url: password is given twice")
            told |= _secret(argument, given.pop(argument), told, settings)
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


def is_scheme(text: str) -> bool:
    """Whether a URL with this scheme names a server."""
    if text in SCHEMES:
        return True
    from rsmtp import providers

    return providers.by_name(text) is not None


def _provider(scheme: str, is_said: bool) -> Provider:
    known = ", ".join((*SCHEMES, *LOCAL_SCHEMES))
    if not scheme:
        raise ValueError(f"url: it has no scheme; write smtp://HOST, or one of {known}")
    from rsmtp import providers

    if (found := providers.by_name(scheme)) is None:
        if not is_said and ("." in scheme or scheme == "localhost"):
            raise ValueError("url: it has no scheme; write smtp://HOST:PORT")
        near = meant(scheme, (*SCHEMES, *LOCAL_SCHEMES, *providers.PROVIDERS))
        raise ValueError(
            f"url: its scheme is {scheme!r}, not one of {known} or a provider's name (`rsmtp providers`)"
            f"{near}"
        )
    return found


def _account(parts: _Parts, provider: Provider) -> dict[str, str]:
    """The user name at a provider. The parts before and after the "@" are one address, unless the part
    after it is the provider's own host. The server is already known."""
    user, host = _unquoted(parts.username or ""), parts.hostname or ""
    if host in (provider.host, "") or (host in provider.domains and (not user or "@" in user)):
        return {"username": user} if user else {}
    if not user or "@" in user or provider.username is not None:
        whose = f"the user of {provider.title} is {provider.user_is}"
        raise ValueError(f"url: {host!r} is not the server of {provider.name}://, which is known; {whose}")
    return {"username": f"{user}@{host}"}


def _secret(argument: str, text: str, told: dict[str, Any], settings: dict[str, Any]) -> dict[str, Any]:
    """The source of the secret and, if the source determines it, the user name."""
    from rsmtp.credentials.by_name import named

    username = told.get("username", settings.get("username"))
    provider = told.get("provider", settings.get("provider"))
    host: str = told.get("host") or settings.get("host") or (provider.host if provider else "")
    if provider is not None:
        username = username or provider.username
    secret = named(argument, text, host, username)
    entry = getattr(secret, "entry", None)
    if username is None and entry is not None:
        return {"username": entry()[0], argument: secret}
    return {argument: secret}


_ESCAPES = (
    'url: "#", "/", "?", "@", "[", "]" and "%" in a user or password are written %23, %2F, %3F and so on'
)


def _split(url: str) -> _Parts:
    if not isinstance(url, str):
        raise TypeError(f"url: text is wanted, not {type(url).__name__}")
    # urlsplit would silently remove some of these characters.
    if any(character.isspace() or not character.isprintable() for character in url):
        raise ValueError("url: there is white space or a control character in it")
    # This error is raised outside the handler, because the original error would become its context, and
    # may contain the password.
    try:
        parts = _plain(url) or _urlsplit(url)
    except ValueError:
        parts = None
    if parts is None:
        raise ValueError(f"url: its host can't be read; {_ESCAPES[5:]}")
    return parts


class _PlainParts:
    path = query = fragment = ""

    def __init__(
        self, scheme: str, netloc: str, username: str | None, password: str | None, host: str, port: str
    ) -> None:
        self.scheme = scheme.lower()
        self.netloc = netloc
        self.username = username
        self.password = password
        self.hostname = host.lower() or None
        self.port = int(port) if port else None


def _plain(url: str) -> _PlainParts | None:
    """What urlsplit finds in scheme://user:password@host:port. None for all other URLs, and those
    with something to decode or to object to. Most are that plain, and loading urllib takes half as
    long as sending a message."""
    scheme, separator, netloc = url.partition("://")
    if not (separator and url.isascii() and scheme.isalpha()) or any(mark in netloc for mark in "/?#[]%"):
        return None
    account, at, place = netloc.rpartition("@")
    username, colon, password = account.partition(":")
    host, _, port = place.partition(":")
    if port and not (port.isdigit() and len(port) <= 5 and int(port) <= 65535):
        return None
    return _PlainParts(scheme, netloc, username if at else None, password if colon else None, host, port)


def _urlsplit(url: str) -> _Parts:
    from urllib.parse import urlsplit

    return urlsplit(url)


def _unquoted(text: str) -> str:
    if "%" not in text:
        return text
    from urllib.parse import unquote

    return unquote(text)


def _parameters(parts: _Parts) -> dict[str, str]:
    if not parts.query:
        return {}
    from urllib.parse import parse_qsl

    given: dict[str, str] = {}
    for name, value in parse_qsl(parts.query, keep_blank_values=True):
        if name not in _PARAMETERS:
            raise ValueError(f"url: {name!r} is not one of its parameters: {', '.join(_PARAMETERS)}")
        # If one of the two silently counted, a tls=none could hide behind a tls=starttls.
        if name in given:
            raise ValueError(f"url: {name} is given twice")
        given[name] = value
    return given


def _local(parts: _Parts) -> Local:
    path = _unquoted(parts.path) or None
    if parts.query or parts.fragment:
        raise ValueError(
            f"url: {parts.scheme}: takes a path and no parameters; "
            '"?" and "#" in the name of a file are written %3F and %23'
        )
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
