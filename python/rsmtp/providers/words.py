"""A provider in words, for terminals and for the docs' table."""

from __future__ import annotations

from rsmtp.providers.provider import MB, Provider

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

SECURITY = {"starttls": "STARTTLS", "implicit": "TLS", "none": "no TLS"}


def facts(row: Provider) -> Iterator[tuple[str, str]]:
    """Each fact that is known, with its key."""
    yield "server", f"{row.host}:{row.port} ({SECURITY[row.tls]})"
    yield "user", row.user_is
    yield "password", row.login or "none is needed"
    yield "limits", "; ".join(limits(row)) or "none are known"
    if row.note:
        yield "note", row.note
    yield from (("" if number else "sources", source) for number, source in enumerate(row.sources))
    if row.read:
        yield "read", row.read


def limits(row: Provider) -> Iterator[str]:
    if row.recipients is not None:
        yield f"{row.recipients:,} recipients a message"
    if row.size is not None:
        yield f"{size(row.size)} a message"
    if row.rate is not None:
        yield f"{rate(row.rate)}"
    if row.per_session is not None:
        yield f"{row.per_session:,} messages a session"
    if row.per_day is not None:
        yield f"{row.per_day:,} {row.per_day_of} a day"


def size(octets: int) -> str:
    return f"{octets // MB} MB" if octets % MB == 0 else f"{octets:,} octets"


def rate(per_second: float) -> str:
    return (
        f"{per_second * 60:g} messages a minute" if per_second < 10 else f"{per_second:g} messages a second"
    )


def as_json(row: Provider) -> dict[str, Any]:
    """All fields, as JSON has them."""
    values = {name: getattr(row, name) for name in ("name", "title", *row.__slots__)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
