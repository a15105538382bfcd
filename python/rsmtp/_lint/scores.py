"""Scores from spam filters on this machine or network."""

from __future__ import annotations

import http.client
import json
import re
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rsmtp._common import arguments

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rsmtp._lint.finding import Severity

_SECONDS = 30
_LONGEST_ANSWER = 1 << 20
_RSPAMD = "https://docs.rspamd.com/developers/protocol"
_SPAMD = "https://svn.apache.org/repos/asf/spamassassin/trunk/spamd/PROTOCOL"

# Severity, message, why, advice, source, where.
Told = tuple["Severity", str, str, str, str, str]


def ask(octets: bytes, rspamd: str | None, spamd: str | None) -> Iterator[Told]:
    # As it arrives: the last line has an end.
    octets = re.sub(rb"\r?\n", b"\r\n", octets)
    octets = octets if octets.endswith(b"\r\n") else octets + b"\r\n"
    if rspamd is not None:
        yield from _told("rspamd", *_rspamd(octets, arguments.text("rspamd", rspamd)), _RSPAMD)
    if spamd is not None:
        yield from _told("SpamAssassin", *_spamd(octets, arguments.text("spamd", spamd)), _SPAMD)


def as_sent(message: Any) -> bytes:
    """With the fields that sending supplies: filters count those that are missing."""
    from email.utils import formatdate, make_msgid

    domain = re.search(r"@([A-Za-z0-9.-]+)", str(message["From"]))
    supplied = {
        "Date": formatdate(),
        "Message-ID": make_msgid(domain=domain[1] if domain else "localhost"),
    }
    head = [f"{name}: {value}\n" for name, value in supplied.items() if message[name] is None]
    octets: bytes = message.as_bytes()
    return "".join(head).encode() + octets


def _told(name: str, score: float, limit: float, symbols: str, source: str) -> Iterator[Told]:
    """A score over half of the limit is reported."""
    if score * 2 < limit:
        return
    severity: Severity = "error" if score >= limit else "warning"
    yield (
        severity,
        f"{name} gives it {score:g} of {limit:g}",
        f"{name} on the receiver's side would count the same: {symbols[:300]}",
        "Change what the named tests of the filter count.",
        source,
        name,
    )


def _rspamd(octets: bytes, url: str) -> tuple[float, float, str]:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"rspamd: {url!r} is no URL such as http://127.0.0.1:11333")
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname, parts.port or 11333, timeout=_SECONDS)
    try:
        connection.request("POST", "/checkv2", octets)
        answer = connection.getresponse()
        body = answer.read(_LONGEST_ANSWER)
        if answer.status != http.client.OK:
            raise ConnectionError(f"rspamd: {url} answers {answer.status} {answer.reason}")
        found = json.loads(body)
        counted = sorted(found["symbols"].values(), key=lambda one: -float(one.get("score", 0)))
        # Some decide without a score.
        deciding = [one for one in counted if float(one.get("score", 0)) > 0] or counted
        names = ", ".join(f"{one['name']} ({one['score']:g})" for one in deciding)
        return float(found["score"]), float(found["required_score"]), names
    except (OSError, http.client.HTTPException) as error:
        raise ConnectionError(f"rspamd: {url} does not answer: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConnectionError(f"rspamd: what answers at {url} is no rspamd") from error
    finally:
        connection.close()


def _spamd(octets: bytes, where: str) -> tuple[float, float, str]:
    host, _, port = where.rpartition(":")
    if not host or not port.isdecimal():
        raise ValueError(f"spamd: {where!r} is no host and port such as 127.0.0.1:783")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), _SECONDS) as connection:
            connection.sendall(b"SYMBOLS SPAMC/1.5\r\nContent-length: %d\r\n\r\n" % len(octets) + octets)
            connection.shutdown(socket.SHUT_WR)
            answer = b""
            while len(answer) < _LONGEST_ANSWER and (more := connection.recv(65536)):
                answer += more
    except OSError as error:
        raise ConnectionError(f"spamd: {where} does not answer: {error}") from error
    text = answer.decode("utf-8", "replace")
    found = re.search(r"^Spam: *\w+ *; *(-?[\d.]+) */ *(-?[\d.]+)", text, re.MULTILINE)
    if not text.startswith("SPAMD/") or not found:
        raise ConnectionError(f"spamd: what answers at {where} is no spamd")
    return float(found[1]), float(found[2]), text.rpartition("\r\n\r\n")[2].strip()
