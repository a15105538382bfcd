"""A client in a notebook: its place in the state machine, and the server that it talks to.

This works for every kind of client, because it uses only what all of them have: `state`,
`legal_requests`, `transcript`, `tls` and `esmtp_features`.
"""

from __future__ import annotations

from textwrap import fill
from typing import Any

from rsmtp.display import certificate, machine, page, timeline
from rsmtp.display.short import counted, ends, seconds, visible


def bundle(client: Any) -> page.Bundle:
    return {"text/plain": plain(client), "text/html": rich(client)}


def plain(client: Any) -> str:
    path = timeline.path(client._rsmtp_transcript, client._rsmtp_state)
    said = [repr(client), f"  path: {' -> '.join(ends(path, page.STATES))}"]
    if client._rsmtp_legal_requests:
        said.append(f"  may be said: {' '.join(client._rsmtp_legal_requests)}")
    if client._rsmtp_tls:
        tls = client._rsmtp_tls
        said.append(f"  TLS: {tls.version}, {tls.cipher}, {certificate.trust(tls)}")
    if client.esmtp_features:
        offered = (f"{key.upper()} {value}".strip() for key, value in client.esmtp_features.items())
        said.append(_wrapped("  offered: ", visible(", ".join(offered))))
    return "\n".join(said)


def _wrapped(head: str, text: str) -> str:
    """Wraps a long line of the server, with the later lines indented like the first."""
    return fill(head + text, 110, subsequent_indent=" " * len(head), break_on_hyphens=False)


def rich(client: Any) -> str:
    transcript, state, tls = client._rsmtp_transcript, client._rsmtp_state, client._rsmtp_tls
    path = timeline.path(transcript, state) if transcript else []
    encrypted = tls is not None
    title = f"{type(client).__name__}: {state}"
    lock = "encrypted" if tls and tls.verified else "encrypted, not verified" if tls else "not encrypted"
    kind = "good" if tls and tls.verified else "warn"
    state_now = page.chip(lock, kind) if path else ""
    drawing = f"<div>{machine.draw(path, client._rsmtp_legal_requests, encrypted=encrypted)}</div>"
    beside = f"<div>{_conversation(client, path)}{_security(tls)}{_offered(client)}</div>"
    return page.whole(
        f"{title}, {lock}", page.head(title, state_now), f'<div class="two">{drawing}{beside}</div>'
    )


def _conversation(client: Any, path: list[str]) -> str:
    transcript = client._rsmtp_transcript
    rows = []
    if host := getattr(client, "_host", ""):
        connected = next((line.text for line in transcript if line.text.startswith("connected to ")), "")
        rows.append(("server", f"{page.text(host)} <span class='soft'>{page.text(connected)}</span>"))
    greeting = next((line.text for line in transcript if line.direction == "S"), None)
    if greeting:
        rows.append(("greeting", page.code(greeting)))
    if path:
        rows.append(("path", page.path(path)))
    legal = "".join(page.chip(verb) for verb in client._rsmtp_legal_requests)
    rows.append(("allowed now", legal or '<span class="soft">nothing</span>'))
    if transcript:
        rows.append(
            ("so far", f"{counted(len(transcript), 'line')} in {seconds(timeline.duration(transcript))}")
        )
    return page.facts("The conversation", rows)


def _security(tls: Any) -> str:
    if tls is None:
        return ""
    return f'<div class="box">{page.facts("TLS", certificate.tls_facts(tls))}</div>'


def _offered(client: Any) -> str:
    if not client.esmtp_features:
        return ""
    chips = "".join(
        f"<li>{page.chip(f'{key.upper()} {value}'.strip())}</li>"
        for key, value in client.esmtp_features.items()
    )
    return f'<div class="box"><b>Extensions that the server offers</b><ul class="chips">{chips}</ul></div>'
