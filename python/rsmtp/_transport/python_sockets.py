"""Python's own sockets: a check whether they have been replaced, and a connected one.

The engine has its own sockets. A program that has replaced Python's (with PySocks, gevent,
eventlet or pytest-socket) has decided how connections are made, and mail over any other
connection would be misdirected. So the engine uses its own sockets only if Python's have not
been replaced.
"""

from __future__ import annotations

import _socket

from rsmtp._common.late_bases import if_loaded
from rsmtp._rsmtp import ascii_host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Methods that Python's class inherits from C, and that libraries patch into it.
_INHERITED = ("connect", "connect_ex", "send", "sendall", "recv", "recv_into", "settimeout", "bind")


def are_replaced(module: Any = None) -> bool:
    """Whether another library has replaced Python's sockets: the class, one of its methods, or a
    function that connects or resolves names. `module` is the module to check, if it is not
    Python's own."""
    socket = if_loaded("socket")
    if module is not None and module is not socket:
        return True
    if socket is None:
        # A module that was never loaded can't have been replaced.
        return False
    cls = socket.socket
    names = vars(socket)
    if getattr(cls, "__bases__", None) != (_socket.socket,):
        return True
    # The class's dict also contains methods that were patched and then restored.
    if any(getattr(cls, name) is not getattr(_socket.socket, name) for name in _INHERITED):
        return True
    # A wrapper may have the name of the function that it wraps, but its globals are another module's.
    own = cls.__init__, socket.create_connection, socket.getaddrinfo
    return any(getattr(function, "__globals__", None) is not names for function in own)


def connected(
    host: str, port: int, timeout: Any, source_address: tuple[str, int] | None, module: Any = None
) -> Any:
    """A socket of Python's, or of its replacement, connected to `host`."""
    if timeout is not None and not timeout:
        raise ValueError("timeout: Non-blocking socket (timeout=0) is not supported")
    # An empty host name means any local address, as it does for the engine.
    name = host.removeprefix("[").removesuffix("]") or "0.0.0.0"
    return (module or _pythons()).create_connection((ascii_host(name), port), timeout, source_address)


def _pythons() -> Any:
    import socket

    return socket


def are_green() -> bool:
    """Whether Python's sockets are replaced only by those of gevent or eventlet, which connect where
    Python's would, and let other greenlets run while they wait."""
    if (socket := if_loaded("socket")) is None:
        return False
    replaced = (socket.socket, socket.create_connection, socket.getaddrinfo)
    return all(_is_green(one) for one in replaced)


def are_greens_below() -> bool:
    """Whether there are greenlet sockets beneath the sockets of another library."""
    monkey = if_loaded("gevent.monkey")
    patched = monkey is not None and monkey.is_module_patched("socket")
    return patched or any(_is_green(base) for base in getattr(_pythons().socket, "__mro__", ()))


def _is_green(thing: Any) -> bool:
    return str(getattr(thing, "__module__", "")).partition(".")[0] in ("gevent", "eventlet")


def resolved(host: str, port: int) -> list[str]:
    """The server's addresses, for use with a proxy."""
    with told_as_ours(host):
        found = _pythons().getaddrinfo(ascii_host(host), port, type=_socket.SOCK_STREAM)
    return [str(address[0]).partition("%")[0] for *_, address in found]


def connected_to_path(path: str, timeout: float | None, module: Any = None) -> Any:
    """A socket of Python's, or of its replacement, connected to the Unix socket at `path`."""
    module = module or _pythons()
    sock = module.socket(module.AF_UNIX, module.SOCK_STREAM)
    try:
        sock.settimeout(timeout)
        sock.connect(path)
    except BaseException:
        sock.close()
        raise
    return sock


class told_as_ours:
    """Turns an error of connecting with Python's sockets into an rsmtp error. An exception of another
    library (a proxy's refusal) is not changed, because programs catch it."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, OSError) or type(error).__module__ not in ("builtins", "socket"):
            return
        message = f"no connection to {self._where}: {error}"
        from rsmtp import errors

        told: errors.SMTPException
        if isinstance(error, _socket.gaierror):
            told = errors.SMTPHostNotFound(error.errno, message)
        elif isinstance(error, TimeoutError):
            told = errors.SMTPTimeoutError(message)
        else:
            refused = isinstance(error, ConnectionRefusedError)
            told = errors.SMTPConnectionRefused(message) if refused else errors.SMTPUnreachable(message)
            told.errno = error.errno
        told.stage = "connect"
        raise told from error


def is_local(host: str) -> bool:
    """Whether this is a name or address of this machine."""
    bare = host.removeprefix("[").removesuffix("]")
    return host == "localhost" or bare == "::1" or (bare.startswith("127.") and _is_address(bare))


def leads_elsewhere(sock: Any, host: str) -> bool:
    """Whether what is sent over this socket may leave this machine, whatever the address of its peer:
    the connection to `host` may go through a tunnel, or through a proxy that PySocks uses. An empty
    host means the peer itself."""
    proxy = getattr(sock, "proxy", None)
    if isinstance(proxy, tuple) and any(proxy[:1]):
        return True
    return not is_local(host) if host else not (address(sock, "getpeername") or is_unix(sock))


def is_unix(sock: Any) -> bool:
    return getattr(sock, "family", None) == getattr(_socket, "AF_UNIX", -1)


def is_encrypted(sock: Any) -> bool:
    """Whether TLS is active already, as in an `ssl.SSLSocket` or a pyOpenSSL connection."""
    return any(hasattr(sock, name) for name in ("getpeercert", "get_peer_certificate"))


def address(sock: Any, which: str) -> tuple[str, int] | None:
    """The result of `getpeername` or `getsockname` of any object, if it is an address and a
    port."""
    try:
        name = getattr(sock, which)()
    except (AttributeError, OSError):
        return None
    if not isinstance(name, tuple) or len(name) < 2 or not isinstance(name[1], int):
        return None
    host = str(name[0]).partition("%")[0]
    return (host, name[1]) if _is_address(host) else None


def _is_address(host: str) -> bool:
    for family in (_socket.AF_INET, _socket.AF_INET6):
        try:
            _socket.inet_pton(family, host)
        except (OSError, ValueError):
            continue
        return True
    return False
