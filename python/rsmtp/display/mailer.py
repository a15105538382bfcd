"""A mailer in a notebook: its servers, its user names, its sessions, and the results of its messages.

Passwords, tokens, and the credentials for a proxy are not shown.
"""

from __future__ import annotations

from typing import Any

from rsmtp.display import page
from rsmtp.display.short import visible

_TLS = {"starttls": "STARTTLS, required", "implicit": "from the first octet", "none": "none"}
_KINDS = ("sent", "refused", "unknown", "not sent", "suppressed")


def bundle(mailer: Any) -> page.Bundle:
    return {"text/plain": plain(mailer), "text/html": rich(mailer)}


def plain(mailer: Any) -> str:
    said = [repr(mailer)]
    for hop in mailer._hops:
        if _is_local(hop):
            said.append(f"  {visible(_place(hop))}")
        else:
            said.append(f"  {visible(_place(hop))}, TLS: {_TLS[hop.security]}, {visible(_login(hop))}")
    counts = zip(_KINDS, mailer._engine.tally, strict=True)
    told = (f"{count:,} {kind}" for kind, count in counts if count or kind != "suppressed")
    said.append("  so far: " + ", ".join(told))
    return "\n".join(said)


def rich(mailer: Any) -> str:
    engine = mailer._engine
    name = type(mailer).__name__
    state = page.chip("closed" if engine.is_closed else "ready", "" if engine.is_closed else "good")
    local = _is_local(mailer._hops[0])
    servers = (
        page.facts("Where mail goes", [("place", page.code(_place(mailer._hops[0])))])
        if local
        else page.table(
            "Servers, in the order in which they are tried",
            ["server", "TLS", "certificate", "login"],
            [
                [page.code(_place(hop)), _security(hop), _trust(hop), page.text(_login(hop))]
                for hop in mailer._hops
            ],
        )
    )
    rows = (
        [] if local else [("sessions", page.text(f"{mailer.idle:,} idle, at most {mailer._connections:,}"))]
    )
    rows.append(("messages so far", _counts(engine.tally)))
    return page.whole(
        f"{name} by {_place(mailer._hops[0])}", page.head(name, state), servers, page.facts("", rows)
    )


def _is_local(hop: Any) -> bool:
    """A destination that is not a server: a folder, a program, or nothing."""
    return hasattr(hop, "kind")


def _place(hop: Any) -> str:
    if _is_local(hop):
        return f"{hop.kind}:{hop.path or ''}"
    if hop.path:
        return str(hop.path)
    host = f"[{hop.host}]" if ":" in hop.host else hop.host
    return f"{'lmtp://' if hop.lmtp else ''}{host}:{hop.port}"


def _security(hop: Any) -> str:
    kind = "warn" if hop.tls == "none" and not hop.path else ""
    return f'<span class="{kind}">{page.text(_TLS[hop.security])}</span>'


def _trust(hop: Any) -> str:
    if hop.security == "none":
        return ""
    if not getattr(hop.context, "_verify", True) or getattr(hop.context, "verify_mode", 1) == 0:
        return '<span class="bad">NOT verified</span>'
    if hop.context is None:
        return "verified by the system's authorities"
    return "verified by <code>context</code>"


def _login(hop: Any) -> str:
    if hop.username is None:
        return "no login"
    how = "access token" if hop.access_token is not None else "password"
    return f"{hop.username}, by {how}"


def _counts(tally: tuple[int, int, int, int, int]) -> str:
    kinds = {"sent": "good", "refused": "bad", "unknown": "warn", "not sent": "warn", "suppressed": ""}
    told = zip(_KINDS, tally, strict=True)
    chips = [page.chip(f"{count:,} {kind}", kinds[kind]) for kind, count in told if count]
    return " ".join(chips) or '<span class="soft">none</span>'
