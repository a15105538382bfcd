"""Checks who sent a request. There is no login: a page is protected by answering only programs on this
machine and, in a browser, only its own page.

- A name rebound to 127.0.0.1 (DNS rebinding) shows in Host.
- A page of another site shows in Origin and Sec-Fetch-Site, which it can't forge.
- A request that changes something must be JSON or a DELETE. Browsers send neither to another site
  without a CORS preflight, which is always refused.
"""

import ipaddress
import socket
from email.message import Message

from rsmtp._web.answer import Refusal


def check(method: str, headers: Message, *, port: int, is_page: bool) -> None:
    """Raises Refusal for a request from elsewhere. Links from anywhere may lead to the page itself
    (`is_page`); the linking site learns nothing."""
    hosts = headers.get_all("Host", [])
    host = hosts[0] if len(hosts) == 1 else ""
    if not _is_ours(host, port):
        raise Refusal(
            421, f"Host {host!r} is not this server; open it by its address or as localhost, with its port"
        )
    origin = headers.get("Origin")
    if origin is not None and origin.lower() != f"http://{host}".lower():
        raise Refusal(403, f"a page of {origin!r} may not use this one")
    site = headers.get("Sec-Fetch-Site")
    if site in ("cross-site", "same-site") and not (
        is_page and method in ("GET", "HEAD") and headers.get("Sec-Fetch-Mode") == "navigate"
    ):
        raise Refusal(403, "a page of another site may not use this one")
    if method == "POST" and _media_type(headers.get("Content-Type", "")) != "application/json":
        raise Refusal(415, "what changes something is asked for with Content-Type: application/json")


def is_loopback(address: str) -> bool:
    """Whether a peer's address belongs to this machine."""
    ip = _ip(address)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped is not None:
        ip = ip.ipv4_mapped
    return ip is not None and ip.is_loopback


def _is_ours(host: str, port: int) -> bool:
    """A literal address can't be rebound. Of names, only this machine's own are accepted."""
    name, colon, digits = host.rpartition(":")
    if not colon or host.endswith("]"):
        name, digits = host, "80"
    if digits != str(port):
        return False
    if name.startswith("[") and name.endswith("]"):
        return isinstance(_ip(name[1:-1]), ipaddress.IPv6Address)
    own = ("localhost", socket.gethostname().lower())
    return name.lower() in own or isinstance(_ip(name), ipaddress.IPv4Address)


def _ip(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _media_type(value: str) -> str:
    return value.partition(";")[0].strip().lower()
