"""MTA-STS (RFC 8461): the record, and the policy that the domain's web server gives out.

checkdmarc reads both. The policy is fetched here: from the address that the name servers of this
check give, in a limited time, and no longer than the RFC suggests.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

from rsmtp._common.extras import library

if TYPE_CHECKING:
    from rsmtp._domain.look import Found, Look

# RFC 8461 section 3.3 suggests 64 kilobytes.
_LONGEST_POLICY = 64 << 10
_HTTPS = 443
# A day, the least that Gmail takes.
_SHORTEST_AGE = 86_400
_PATH = "/.well-known/mta-sts.txt"


class _NoPolicy(Exception):
    """Why senders get no policy."""


def check(look: Look, records: list[str], name: str) -> Found:
    """`records` are the TXT records of `name` that say "v=STSv1"."""
    if not records:
        yield "mta-sts-missing", "there is no MTA-STS record", name
        return
    mta_sts: Any = library("checkdmarc.mta_sts", "domain", "check_domain()")
    try:
        if len(records) > 1:
            raise _NoPolicy(f"there are {len(records)} MTA-STS records")
        told = mta_sts.parse_mta_sts_record(records[0])["warnings"]
        text, media_type = _fetched(look, f"mta-sts.{look.domain}")
        found = mta_sts.parse_mta_sts_policy(text)
    except (_NoPolicy, mta_sts.MTASTSError) as error:
        yield "mta-sts-invalid", " ".join(str(error).split())[:300], name
        return
    policy = look.facts["mta_sts"]["policy"] = dict(found["policy"])
    told = [*told, *found["warnings"]]
    if media_type != "text/plain":
        told.append(f"the policy is {media_type or 'of no media type'}, not text/plain")
    if policy["max_age"] < _SHORTEST_AGE:
        told.append(f"the policy is valid for {policy['max_age']} s, which is less than a day")
    for warning in told:
        yield "mta-sts-other", str(warning)[:300], name
    if policy["mode"] == "none":
        return
    rule = "mta-sts-mx" if policy["mode"] == "enforce" else "mta-sts-other"
    for entry in look.facts["mx"]:
        if not mta_sts.mx_in_mta_sts_patterns(entry["host"], policy["mx"]):
            yield rule, f"the policy (mode {policy['mode']}) leaves out {entry['host']}", name


def _fetched(look: Look, host: str) -> tuple[str, str]:
    """The text and the media type of the policy."""
    addresses = look.dns.addresses(host)
    if not addresses:
        raise _NoPolicy(f"{host} has no address")
    connection = _Connection(host, addresses, look.dns.timeout)
    try:
        connection.request("GET", _PATH)
        answer = connection.getresponse()
        if answer.status != http.client.OK:
            moved = ", and senders follow no redirect" if "location" in answer.headers else ""
            raise _NoPolicy(f"https://{host}{_PATH} answers {answer.status} {answer.reason}{moved}")
        octets = answer.read(_LONGEST_POLICY + 1)
        media_type = answer.headers.get_content_type() if "content-type" in answer.headers else ""
    except ssl.SSLCertVerificationError as error:
        raise _NoPolicy(f"the certificate of {host} is not valid: {error.verify_message}") from error
    except (OSError, http.client.HTTPException) as error:
        # The socket's own time-out may come first.
        is_late = connection.late or isinstance(error, TimeoutError)
        why = f"not within {look.dns.timeout:g} s" if is_late else str(error) or type(error).__name__
        raise _NoPolicy(f"https://{host}{_PATH} does not answer: {why}") from error
    finally:
        connection.end()
    if connection.late:
        raise _NoPolicy(f"https://{host}{_PATH} does not answer: not within {look.dns.timeout:g} s")
    if len(octets) > _LONGEST_POLICY:
        raise _NoPolicy(f"the policy is longer than {_LONGEST_POLICY} octets")
    return octets.decode("utf-8", "replace"), media_type


class _Connection(http.client.HTTPSConnection):
    """Connects to the first address that answers. After `seconds` it is cut off: a time-out of the
    socket would start anew with each octet."""

    def __init__(self, host: str, addresses: list[str], seconds: float) -> None:
        self._verifying = ssl.create_default_context()
        super().__init__(host, timeout=seconds, context=self._verifying)
        self._addresses = addresses
        self._connected: ssl.SSLSocket | None = None
        self._timer = threading.Timer(seconds, self._cut_off)
        self.late = False

    def connect(self) -> None:
        self._timer.start()
        self.sock = self._connected = self._verifying.wrap_socket(
            self._reached(), server_hostname=self.host, do_handshake_on_connect=False
        )
        # From here on the timer finds the socket.
        if self.late:
            raise TimeoutError
        self._connected.do_handshake()

    def _reached(self) -> socket.socket:
        failed: OSError = TimeoutError()
        for address in self._addresses:
            if self.late:
                break
            try:
                return socket.create_connection((address, _HTTPS), self.timeout)
            except OSError as error:
                failed = error
        raise failed

    def _cut_off(self) -> None:
        self.late = True
        if self._connected is not None:
            # Not by SSLSocket's method, which takes TLS away from the thread that reads.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._connected, socket.SHUT_RDWR)

    def end(self) -> None:
        """`close` is called before the answer has been read, too."""
        self._timer.cancel()
        self.close()
