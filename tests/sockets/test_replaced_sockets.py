"""Programs in which another library replaces Python's sockets: PySocks, gevent, pytest-socket.

Each program runs in its own process, because its changes to `socket` can't be undone.
"""

import importlib.util
import socket
import subprocess
import sys
import textwrap
import threading

import pytest

from rsmtp._transport import python_sockets

CLIENTS = {
    "smtplib": "from rsmtp import smtplib; smtplib.SMTP(HOST, PORT, timeout=10).quit()",
    "SmtpClient": "import rsmtp; rsmtp.SmtpClient(HOST, PORT, timeout=10).quit()",
    "AsyncSmtpClient": """
        import asyncio, rsmtp
        async def main():
            async with rsmtp.AsyncSmtpClient(HOST, PORT, timeout=10): pass
        asyncio.run(main())
        """,
    "Mailer": """
        import rsmtp
        with rsmtp.Mailer(f"smtp://{HOST}:{PORT}?tls=none", timeout=10, retries=0) as mailer:
            mailer.send(MESSAGE).raise_for_refused()
            mailer.send_all([MESSAGE] * 50)
        """,
    "AsyncMailer": """
        import asyncio, rsmtp
        async def main():
            async with rsmtp.AsyncMailer(f"smtp://{HOST}:{PORT}?tls=none", timeout=10, retries=0) as mailer:
                await mailer.send(MESSAGE)
        asyncio.run(main())
        """,
}
PYSOCKS = "import socket, socks; socks.set_default_proxy(socks.SOCKS5, '127.0.0.1', PROXY); "
WAYS = {
    "socket.socket": PYSOCKS + "socket.socket = socks.socksocket",
    "wrap_module": PYSOCKS + "from rsmtp import smtplib as s; socks.wrap_module(s)",
    "create_connection": PYSOCKS
    + """
socket.create_connection = lambda address, timeout=None, source_address=None: socks.create_connection(
    address, proxy_type=socks.SOCKS5, proxy_addr="127.0.0.1", proxy_port=PROXY)
""",
}


def run(*parts, **names):
    names["MESSAGE"] = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhi\r\n")
    program = "\n".join(textwrap.dedent(part) for part in parts)
    program = "".join(f"{name} = {value!r}\n" for name, value in names.items()) + program
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("client", CLIENTS)
def test_pysocks_is_the_way_that_mail_goes(client, way, catcher, socks_proxy):
    pytest.importorskip("socks")
    done = run(WAYS[way], CLIENTS[client], HOST=catcher.host, PORT=catcher.port, PROXY=socks_proxy.port)
    assert done.returncode == 0, done.stderr
    assert socks_proxy.connections() == [f"{catcher.host}:{catcher.port}"]


@pytest.mark.parametrize("way", ["socket.socket", "create_connection"])
@pytest.mark.parametrize("client", CLIENTS)
def test_a_dead_proxy_is_an_error_and_no_reason_to_go_around_it(client, way, catcher):
    pytest.importorskip("socks")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        dead = probe.getsockname()[1]
    done = run(WAYS[way], CLIENTS[client], HOST=catcher.host, PORT=catcher.port, PROXY=dead)
    assert "socks.ProxyConnectionError" in done.stderr
    assert catcher.conversations == []


@pytest.mark.parametrize("client", CLIENTS)
def test_pytest_socket_lets_nothing_out(client, catcher):
    pytest.importorskip("pytest_socket")
    done = run(
        "import pytest_socket; pytest_socket.disable_socket(allow_unix_socket=True)"
        if client.startswith("Async")
        else "import pytest_socket; pytest_socket.disable_socket()",
        CLIENTS[client],
        HOST=catcher.host,
        PORT=catcher.port,
    )
    assert "SocketBlockedError" in done.stderr
    assert catcher.conversations == []


@pytest.mark.parametrize("client", ["smtplib", "SmtpClient", "Mailer"])
def test_pytest_sockets_list_of_hosts_is_kept_to(client, catcher):
    pytest.importorskip("pytest_socket")
    done = run(
        "import pytest_socket; pytest_socket.socket_allow_hosts(['192.0.2.1'])",
        CLIENTS[client],
        HOST=catcher.host,
        PORT=catcher.port,
    )
    assert "SocketConnectBlockedError" in done.stderr
    assert catcher.conversations == []


def test_greenlets_of_gevent_wait_side_by_side():
    """Each greenlet waits until all of them have sent something. If they ran one after the other,
    the test would never end."""
    pytest.importorskip("gevent")
    many = 5
    all_there = threading.Barrier(many)

    def converse(accepted):
        with accepted, accepted.makefile("rb") as lines:
            accepted.sendall(b"220 hi\r\n")
            for line in lines:
                if line.startswith(b"NOOP"):
                    all_there.wait(30)
                accepted.sendall(b"221 bye\r\n" if line.startswith(b"QUIT") else b"250 ok\r\n")

    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        for _ in range(many):
            threading.Thread(target=converse, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    done = run(
        """
        from gevent import monkey; monkey.patch_all()
        import gevent
        from rsmtp import smtplib
        def job():
            with smtplib.SMTP("127.0.0.1", PORT, timeout=30) as server:
                return server.noop()[0]
        jobs = [gevent.spawn(job) for _ in range(MANY)]
        gevent.joinall(jobs)
        print([job.value for job in jobs])
        """,
        PORT=listener.getsockname()[1],
        MANY=many,
    )
    listener.close()
    assert done.stdout == f"{[250] * many}\n", done.stderr


def test_a_mailer_under_gevent(catcher):
    pytest.importorskip("gevent")
    done = run(
        """
        from gevent import monkey; monkey.patch_all()
        import gevent, rsmtp
        with rsmtp.Mailer(f"smtp://{HOST}:{PORT}?tls=none", timeout=10, retries=0) as mailer:
            jobs = [gevent.spawn(mailer.send, MESSAGE) for _ in range(5)]
            gevent.joinall(jobs)
            print([job.value.ok for job in jobs], mailer.send_all([MESSAGE] * 100).ok)
        """,
        HOST=catcher.host,
        PORT=catcher.port,
    )
    assert done.stdout == f"{[True] * 5} True\n", done.stderr
    assert len(catcher.messages) == 105


@pytest.mark.parametrize("library", ["gevent", "eventlet"])
def test_greenlets_share_an_outbox(library, catcher, tmp_path):
    """The engine's threads write into the file as well, and wait for each other: locks of eventlet, which
    are for greenlets, would never be released."""
    # Not imported here: eventlet would warn of each fork of a later test.
    if importlib.util.find_spec(library) is None:
        pytest.skip(f"{library} is not installed")
    catcher.fault("end-of-data", reply="usual", delay=0.01)
    done = run(
        """
        import importlib
        if LIBRARY == "gevent":
            from gevent import monkey; monkey.patch_all()
        else:
            import eventlet; eventlet.monkey_patch()
        import rsmtp
        spawn = importlib.import_module(LIBRARY).spawn
        outbox = rsmtp.Outbox(PATH)
        sender, to, data = MESSAGE
        told = []
        def all_waiting():
            with rsmtp.Mailer(f"smtp://{HOST}:{PORT}?tls=none", connections=4) as mailer:
                return outbox.run(mailer).sent
        def one(number):
            message = (sender, to, data.replace(b"x", b"%d" % number, 1))
            return outbox.send(shared, message, key=f"{number}").ok
        def to_the_end(jobs):
            return [getattr(job, "get" if LIBRARY == "gevent" else "wait")() for job in jobs]
        outbox.put_all([MESSAGE] * 100)
        print(sum(to_the_end([spawn(all_waiting) for _ in range(3)])))
        shared = rsmtp.Mailer(f"smtp://{HOST}:{PORT}?tls=none", connections=4)
        print(all(to_the_end([spawn(one, number % 10) for number in range(30)])))
        """,
        HOST=catcher.host,
        PORT=catcher.port,
        LIBRARY=library,
        PATH=str(tmp_path / "outbox.db"),
    )
    assert done.stdout == "100\nTrue\n", done.stderr
    assert len(catcher.messages) == 110


def test_gevents_own_timeout_ends_the_session():
    pytest.importorskip("gevent")
    listener = socket.create_server(("127.0.0.1", 0))
    done = run(
        """
        from gevent import monkey; monkey.patch_all()
        import gevent, rsmtp
        client = rsmtp.SmtpClient()
        try:
            with gevent.Timeout(0.2):
                client.connect("127.0.0.1", PORT)
        except gevent.Timeout:
            print(client.state, client.sock)
        """,
        PORT=listener.getsockname()[1],
    )
    listener.close()
    assert done.stdout == "broken None\n", done.stderr


def test_a_wrapper_that_bears_the_name_of_what_it_wraps_is_seen(monkeypatch):
    import functools

    assert not python_sockets.are_replaced()
    original = socket.create_connection

    @functools.wraps(original)
    def wrapper(*args, **kwargs):
        return original(*args, **kwargs)

    monkeypatch.setattr(socket, "create_connection", wrapper)
    assert python_sockets.are_replaced()


@pytest.mark.parametrize("name", ["connect", "recv", "send"])
def test_a_patched_method_is_seen(name, monkeypatch):
    monkeypatch.setattr(socket.socket, name, lambda *args: None)
    assert python_sockets.are_replaced()
    monkeypatch.undo()
    assert not python_sockets.are_replaced()


def test_another_resolver_is_seen(monkeypatch, catcher):
    """Programs often override names to send their mail somewhere else."""
    import rsmtp

    asked = []
    original = socket.getaddrinfo

    def resolve(host, *args, **kwargs):
        asked.append(host)
        return original(catcher.host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with rsmtp.SmtpClient("mail.example.com", catcher.port) as client:
        assert client.noop()[0] == 250
    assert asked == ["mail.example.com"]


BEING_LOADED = """
import importlib.util, sys, threading, time
import rsmtp

catcher = rsmtp.Catcher(tls="none")
mailer = rsmtp.Mailer(f"smtp://127.0.0.1:{catcher.port}?tls=none")
begun = threading.Event()

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name != "socket":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        self.loader, spec.loader = spec.loader, self
        return spec

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        begun.set()
        time.sleep(0.3)
        module.__spec__.loader = self.loader
        self.loader.exec_module(module)

sys.modules.pop("socket", None)
sys.meta_path.insert(0, Slow())
thread = threading.Thread(target=__import__, args=("socket",))
thread.start()
begun.wait()
print(mailer.send(("a@x.org", "b@x.org", b"Subject: x\\r\\n\\r\\nx\\r\\n")).recipients[0].fate)
thread.join()
"""


def test_another_thread_may_be_loading_the_module_socket():
    ran = subprocess.run([sys.executable, "-c", BEING_LOADED], capture_output=True, text=True)
    assert (ran.stdout, ran.stderr) == ("sent\n", "")
