"""Credentials named in a URL: `?password=keyring:`, `?access_token=env:TOKEN`."""

from __future__ import annotations

from rsmtp._common.annotations import later
from rsmtp.credentials.base import Credential
from rsmtp.credentials.local import command, env, file, keyring, netrc

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
else:
    later(globals(), "Callable")

_KINDS: dict[str, Callable[[str, str, str | None], Credential]] = {
    "env": lambda what, host, user: env(what),
    "file": lambda what, host, user: file(what),
    "command": lambda what, host, user: command(what),
    "keyring": lambda what, host, user: keyring(what or host, user or ""),
    "netrc": lambda what, host, user: netrc(host, user, path=what or None),
}
_ALONE = ("keyring", "netrc")


def named(argument: str, text: str, host: str, username: str | None) -> Credential:
    """The credential for `env:NAME`, `file:PATH`, `command:WORDS`, `keyring:[SERVICE]` or
    `netrc:[PATH]`. Raises ValueError for other text, without showing it: it may be a password."""
    kind, colon, what = text.partition(":")
    if not colon or kind not in _KINDS:
        known = ", ".join(f"{name}:" for name in _KINDS)
        raise ValueError(
            f"url: {argument} says where it comes from, by one of {known}. A password itself stands before "
            "the @, and is better kept out of URLs"
        )
    if not what and kind not in _ALONE:
        raise ValueError(f"url: {argument}={kind}: does not say which")
    if username is None and kind == "keyring":
        raise ValueError(f"url: {argument}=keyring: needs the user, as smtp://USER@{host}")
    return _KINDS[kind](what, host, username)
