"""The parts that all credentials share."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn


class CredentialError(Exception):
    """There is no password or token. `transient`: whether one may be available later."""

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), self.args, {"transient": self.transient}


class Credential:
    """A callable that returns a password, or a token and its expiry. With `force=True` it fetches a new
    one. Its `repr` shows the source, never the secret."""

    def __call__(self, force: bool = False) -> Any:
        raise NotImplementedError

    def _shown(self) -> str:
        return "..."

    def __repr__(self) -> str:
        return f"<rsmtp.credentials.{type(self).__name__.lower().lstrip('_')} {self._shown()}>"


class Secretive(Credential):
    """A credential that holds secrets itself."""

    def __reduce_ex__(self, protocol: Any, /) -> NoReturn:
        raise TypeError(f"{self!r} is not pickled: make it anew where it is needed")


def library(name: str, extra: str, wanted_by: str) -> Any:
    """Imports an optional library. Raises CredentialError if it is not installed."""
    from rsmtp._common import extras

    try:
        return extras.library(name, extra, wanted_by)
    except ImportError as missing:
        raise CredentialError(str(missing)) from missing


def one_line(text: object, *hidden: str | None) -> str:
    """The first line of another program's or server's message, without known secrets."""
    line = next(iter(str(text).strip().splitlines()), "")
    for secret in hidden:
        if secret:
            line = line.replace(secret, "***")
    return "".join(c if c.isprintable() else "?" for c in line)[:500]
