"""Real proxies from Debian on loopback: microsocks (SOCKS5) and tinyproxy (HTTP CONNECT).

apt-get install --no-install-recommends microsocks tinyproxy
"""

import contextlib
import re
import shutil
import socket
import subprocess
import threading
import time

import pytest


class Proxy:
    """A running proxy. `connections()` returns each `host:port` that it has connected to."""

    def __init__(self, port, connections):
        self.port = port
        self.connections = connections


def program(name):
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed: apt-get install {name}")
    return found


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def wait_for(port, process):
    end = time.monotonic() + 20
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"the proxy does not listen on port {port}")


@contextlib.contextmanager
def microsocks(user=None, password=None):
    port = free_port()
    login = [] if user is None else ["-u", user, "-P", password]
    command = [program("microsocks"), "-i", "127.0.0.1", "-p", str(port), *login]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    said = []
    reader = threading.Thread(target=lambda: said.extend(process.stderr), daemon=True)
    reader.start()
    try:
        wait_for(port, process)
        yield Proxy(port, lambda: re.findall(r"connected to (\S+:\d+)", until(said)))
    finally:
        process.terminate()
        process.wait(10)
        reader.join(10)
        process.stderr.close()


def until(said):
    """Waits for the proxy's output, which is written while the client continues."""
    time.sleep(0.05)
    return "".join(said)


@contextlib.contextmanager
def tinyproxy(folder, *settings):
    port = free_port()
    log = folder / "tinyproxy.log"
    configuration = folder / "tinyproxy.conf"
    lines = (f"Port {port}", "Listen 127.0.0.1", "Timeout 60", "LogLevel Connect", f'LogFile "{log}"')
    configuration.write_text("".join(f"{line}\n" for line in (*lines, *settings)))
    process = subprocess.Popen(
        [program("tinyproxy"), "-d", "-c", str(configuration)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port, process)
        yield Proxy(port, lambda: re.findall(r"CONNECT (\S+:\d+)", log.read_text()))
    finally:
        process.terminate()
        process.wait(10)
