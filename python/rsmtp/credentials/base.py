"""What all credentials have in common."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


class CredentialError(Exception):
    """There is no password or token. `transient` is whether it may be there later."""

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self.args, {"transient": self.transient}


class Credential:
    """A callable that gives a password, or a token and when it expires. Called with `force=True`
    it gives a new one. It is shown by where it looks, never by what it found."""

    def __call__(self, force: bool = False) -> Any:
        raise NotImplementedError

    def _shown(self) -> str:
        return "..."

    def __repr__(self) -> str:
        return f"<rsmtp.credentials.{type(self).__name__.lower().lstrip('_')} {self._shown()}>"


class Secretive(Credential):
    """One that holds secrets itself."""

    def __reduce_ex__(self, protocol: Any, /) -> NoReturn:
        raise TypeError(f"{self!r} is not pickled: make it anew where it is needed")


def library(name: str, extra: str, wanted_by: str) -> Any:
    """A library that not every sender needs, or CredentialError."""
    from rsmtp._common import extras

    try:
        return extras.library(name, extra, wanted_by)
    except ImportError as missing:
        raise CredentialError(str(missing)) from missing


def one_line(text: object, *hidden: str | None) -> str:
    """The first line of what another program or server says, without the secrets that we know."""
    line = next(iter(str(text).strip().splitlines()), "")
    for secret in hidden:
        if secret:
            line = line.replace(secret, "***")
    return "".join(c if c.isprintable() else "?" for c in line)[:500]
