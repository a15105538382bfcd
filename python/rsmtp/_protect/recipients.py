"""Whose certificates or keys a message is encrypted with: those given by address, or by a function."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from rsmtp._common import arguments
from rsmtp._common.mailboxes import folded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def checked(recipients: Any, what: str) -> None:
    if recipients is not None and not isinstance(recipients, Mapping) and not callable(recipients):
        raise arguments.wanted("recipients", what, recipients)


def looked_up(recipients: Any, address: str) -> Any:
    """What was given for an address; None where there is nothing."""
    if isinstance(recipients, Callable):  # type: ignore[arg-type]
        return recipients(address)
    found = recipients.get(address)
    if found is not None:
        return found
    wanted = folded(address)
    return next((value for given, value in recipients.items() if folded(str(given)) == wanted), None)


def for_sender(error: ValueError) -> ValueError:
    """Why a message can't be encrypted for the sender as well, and what to do."""
    return ValueError(f"{error}; encrypt_for_sender=False encrypts for the recipients alone")


def octets(name: str, source: Any, what: str) -> bytes:
    """The octets of a source that is a path, octets or armoured text."""
    import os

    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source)
    if isinstance(source, str) and "-----BEGIN" in source:
        return source.encode()
    if isinstance(source, (str, os.PathLike)):
        argument = name.partition(":")[0]
        try:
            with open(arguments.path(argument, source), "rb") as file:
                return file.read()
        except OSError as error:
            raise arguments.not_opened(argument, error) from None
    raise arguments.wanted(name, what, source)
