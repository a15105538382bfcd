"""What a server has shown when it was verified: how safe it is, who may log in, how long it took."""

from __future__ import annotations

from typing import Any

from rsmtp.display import certificate, page
from rsmtp.display.short import octets, seconds, visible

_SECURITY = {"STARTTLS": "STARTTLS", "TLS": "TLS from the first octet", None: "no TLS"}


def bundle(seen: Any) -> page.Bundle:
    return {"text/plain": plain(seen), "text/html": rich(seen)}


def line(seen: Any) -> str:
    """`<Verification smtp.example.org:587, TLSv1.3, ann by PLAIN, in 84.1 ms>`"""
    more = [] if _is_local(seen) else [_tls(seen), _login(seen), f"in {_whole(seen)}"]
    more += [f"and {one.server}" for one in seen.fallbacks]
    return f"<{type(seen).__name__} {visible(', '.join([seen.server, *more]))}>"


def plain(seen: Any) -> str:
    return "\n".join(_text(one) for one in (seen, *seen.fallbacks))


def rich(seen: Any) -> str:
    return page.whole(
        f"{type(seen).__name__} of {seen.server}",
        page.head("Verification", page.chip("nothing was sent", "good")),
        *(_box(one) for one in (seen, *seen.fallbacks)),
    )


def _text(seen: Any) -> str:
    return "\n".join(
        [visible(seen.server), *(f"  {name:<12}{visible(value)}" for name, value in _facts(seen))]
    )


def _box(seen: Any) -> str:
    rows = [(name, page.text(value)) for name, value in _facts(seen)]
    made = page.facts(seen.server, rows) or page.facts(seen.server, [("place", page.code(seen.server))])
    times = page.table(
        "Time of each phase",
        ["phase", "time"],
        [[page.text(phase), seconds(took)] for phase, took in seen.seconds.items()],
        [1],
    )
    return f"{made}{times if seen.ends else ''}"


def _facts(seen: Any) -> list[tuple[str, str]]:
    if _is_local(seen):
        return []
    facts = []
    if seen.address is not None:
        facts.append(("address", seen.address[0]))
    if seen.greeting is not None:
        facts.append(("greeting", f"{seen.greeting[0]} {' '.join(seen.greeting[1].split())}"))
    facts.append(
        (
            "encryption",
            _SECURITY[seen.security] + (f": {seen.tls_version}, {seen.cipher}" if seen.tls else ""),
        )
    )
    if seen.tls is not None and seen.tls.certificate is not None:
        facts.append(("certificate", certificate.until(seen.tls.certificate)))
    facts.append(("login", _login(seen)))
    facts.append(("size", "not told" if seen.size is None else f"messages up to {octets(seen.size)}"))
    facts.append(("extensions", " ".join(keyword.upper() for keyword in seen.extensions) or "none"))
    phases = ", ".join(f"{phase} {seconds(took)}" for phase, took in seen.seconds.items())
    facts.append(("time", f"{_whole(seen)} ({phases})"))
    return facts


def _is_local(seen: Any) -> bool:
    """A folder, a program or nothing."""
    return seen.place is not None and not seen.ends


def _tls(seen: Any) -> str:
    return seen.tls_version or "no TLS"


def _login(seen: Any) -> str:
    if seen.mechanism is None:
        return "no login" if seen.username is None else str(seen.username)
    return f"{seen.username} by {seen.mechanism}" if seen.username else f"by {seen.mechanism}"


def _whole(seen: Any) -> str:
    return seconds(max(seen.ends.values(), default=0.0))
