"""An address of this machine that is not on loopback, so that a server on it counts as one on the
network."""

import contextlib
import socket
import subprocess

import pytest

# An address reserved for documentation (RFC 5737). No other machine has it.
_SPARE = "192.0.2.77"


def own_address():
    """The address of an interface. If there is only loopback, its interface gets another address,
    for which root is needed."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # Connecting by UDP sends nothing. It only selects the interface.
        probe.connect(("192.0.2.1", 9))
        address = probe.getsockname()[0]
        if not address.startswith("127.") and _can_be_bound(address):
            return address
    with contextlib.suppress(OSError):
        subprocess.run(
            ["ip", "address", "add", f"{_SPARE}/32", "dev", "lo"], check=False, capture_output=True
        )
    if _can_be_bound(_SPARE):
        return _SPARE
    pytest.skip("this machine has no address but loopback's, and can't be given one (ip address add)")


def _can_be_bound(address):
    with contextlib.suppress(OSError), socket.create_server((address, 0)):
        return True
    return False
