"""A host with several addresses, some of which do not answer: Happy Eyeballs (RFC 8305)."""

import asyncio
import contextlib
import gc
import socket
import subprocess
import sys
import warnings

import pytest

import rsmtp

# An address that does not answer must not take a part of this time.
PATIENCE = 3600


@contextlib.contextmanager
def silent(address="127.0.0.2", port=0):
    """The port of a server that neither accepts nor refuses connections."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with contextlib.ExitStack() as kept:
        listener = kept.enter_context(socket.socket(family))
        listener.bind((address, port))
        listener.listen(0)
        for _ in range(8):
            filling = kept.enter_context(socket.socket(family))
            filling.setblocking(False)
            filling.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


@pytest.fixture
def catcher():
    with rsmtp.Catcher(tls="none", host="127.0.0.1") as catcher:
        yield catcher


@pytest.fixture(autouse=True)
def no_socket_is_left():
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        yield
        gc.collect()


def in_a_loop(coroutine, *addresses):
    """Runs the function in a loop in which "mail.test" has these addresses."""

    async def run():
        loop = asyncio.get_running_loop()
        own = loop.getaddrinfo

        async def getaddrinfo(host, port, **options):
            names = addresses if host == "mail.test" else (host,)
            found = [await own(name, port, **options) for name in names]
            return [info for infos in found for info in infos]

        loop.getaddrinfo = getaddrinfo
        return await coroutine()

    return asyncio.run(run(), debug=True)


def notes(client):
    return [line.text for line in client.transcript if line.direction == "*"]


def test_a_silent_address_costs_a_moment(catcher):
    async def send():
        async with rsmtp.AsyncSmtpClient("mail.test", catcher.port, timeout=PATIENCE) as client:
            return client.transcript, notes(client)

    with silent(port=catcher.port):
        transcript, said = in_a_loop(send, "127.0.0.2", "127.0.0.1")
    assert said == [
        "looked up mail.test: 127.0.0.2, 127.0.0.1",
        f"trying 127.0.0.1:{catcher.port}, too: one address does not answer yet",
        f"connected to 127.0.0.1:{catcher.port}",
    ]
    assert transcript[1].at - transcript[0].at >= 0.25


def test_families_take_turns(catcher):
    async def send():
        async with rsmtp.AsyncSmtpClient("mail.test", catcher.port, timeout=PATIENCE) as client:
            return notes(client)

    with silent(port=catcher.port), silent("127.0.0.3", catcher.port), silent("::1", catcher.port):
        said = in_a_loop(send, "127.0.0.2", "127.0.0.3", "127.0.0.1", "::1")
    assert [line.split(",")[0] for line in said if line.startswith("trying")] == [
        f"trying {address}:{catcher.port}" for address in ("[::1]", "127.0.0.3", "127.0.0.1")
    ]
    assert "3 addresses do not answer yet" in said[-2]


def test_after_a_refusal_the_next_is_tried_at_once(catcher):
    async def send():
        mailer = rsmtp.AsyncMailer(host="mail.test", port=catcher.port, tls="none", timeout=PATIENCE)
        async with mailer:
            seen = await mailer.verify()
            receipt = await mailer.send(("a@x.example", ["b@x.example"], b"Subject: x\r\n\r\n"))
        return seen, receipt

    seen, receipt = in_a_loop(send, "127.0.0.2", "127.0.0.1")
    assert seen.address == ("127.0.0.1", catcher.port) and receipt.ok
    said = [line.text for line in seen.transcript if line.direction == "*"]
    assert said[1:3] == [
        f"no connection to 127.0.0.2:{catcher.port}: Connection refused",
        f"trying 127.0.0.1:{catcher.port}",
    ]


def test_an_error_names_every_address():
    async def send(timeout):
        async with rsmtp.AsyncSmtpClient("mail.test", port, timeout=timeout):
            pass

    with silent() as port:
        with pytest.raises(rsmtp.SMTPTimeoutError) as raised:
            in_a_loop(lambda: send(0.5), "127.0.0.2", "127.0.0.1")
        assert f"(127.0.0.2:{port}: no answer; 127.0.0.1:{port}: Connection refused)" in str(raised.value)
        assert raised.value.stage == "connect"
    with pytest.raises(rsmtp.SMTPConnectionRefused) as raised:
        in_a_loop(lambda: send(PATIENCE), "127.0.0.2", "127.0.0.1")
    assert str(raised.value).count("Connection refused") >= 2


def test_the_deadline_of_the_whole_holds():
    async def send():
        async with rsmtp.AsyncSmtpClient("mail.test", port, timeout=PATIENCE, deadline=0.4):
            pass

    with silent() as port, silent("127.0.0.3", port):
        with pytest.raises(rsmtp.SMTPTimeoutError, match=r"longer than 0\.4 s.*127\.0\.0\.3:\d+: no answer"):
            in_a_loop(send, "127.0.0.2", "127.0.0.3")


def test_a_cancelled_race_leaves_no_socket():
    async def send():
        loop, made = asyncio.get_running_loop(), []
        own = loop.sock_connect
        loop.sock_connect = lambda sock, where: (made.append(sock), own(sock, where))[1]
        client = rsmtp.AsyncSmtpClient(timeout=PATIENCE)
        task = asyncio.create_task(client.connect("mail.test", port))
        while len(made) < 2:
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert [sock.fileno() for sock in made] == [-1, -1]
        assert asyncio.all_tasks() == {asyncio.current_task()}

    with silent() as port, silent("127.0.0.3", port):
        in_a_loop(send, "127.0.0.2", "127.0.0.3")


def test_the_losers_are_closed(catcher):
    async def send():
        loop, made = asyncio.get_running_loop(), []
        own = loop.sock_connect
        loop.sock_connect = lambda sock, where: (made.append(sock), own(sock, where))[1]
        async with rsmtp.AsyncSmtpClient("mail.test", catcher.port, timeout=PATIENCE):
            assert [sock.fileno() == -1 for sock in made] == [True, False]

    with silent(port=catcher.port):
        in_a_loop(send, "127.0.0.2", "127.0.0.1")


@pytest.mark.parametrize("source", ["127.0.0.5", ("127.0.0.5", 0)])
def test_from_a_local_address(catcher, source):
    """An address of another family than the source's can't be connected to from there."""

    async def send():
        given = {"timeout": PATIENCE, "source_address": source}
        async with rsmtp.AsyncSmtpClient("mail.test", catcher.port, **given) as client:
            return client.sock.getsockname(), notes(client)

    own, said = in_a_loop(send, "::1", "127.0.0.1")
    assert own[0] == "127.0.0.5"
    assert said[1].startswith(f"no connection to [::1]:{catcher.port}: Cannot assign requested address")


# "mail.test" is ::1, which is silent, and 127.0.0.1.
BLOCKING = """
import signal, sys, threading, time
import rsmtp
from rsmtp import smtplib
PORT, PATIENCE = int(sys.argv[1]), 3600

def noted(lines):
    return [line.text for line in lines if line.direction == "*"]

with rsmtp.SmtpClient("mail.test", PORT, timeout=PATIENCE) as client:
    print(noted(client.transcript))
with smtplib.SMTP("mail.test", PORT, timeout=PATIENCE) as server:
    print(server.sock.getpeername())
with rsmtp.Mailer(host="mail.test", port=PORT, tls="none", timeout=PATIENCE) as mailer:
    print(mailer.send(("a@x.example", ["b@x.example"], b"Subject: x\\r\\n\\r\\n")).ok)
    print(mailer.verify().address)
threading.Timer(0.6, signal.raise_signal, [signal.SIGINT]).start()
try:
    rsmtp.SmtpClient("silent.test", int(sys.argv[2]), timeout=PATIENCE)
except KeyboardInterrupt:
    print("interrupted")
try:
    rsmtp.SmtpClient("silent.test", int(sys.argv[2]), timeout=0.5)
except rsmtp.SMTPTimeoutError as error:
    print(error)
"""


def _can_have_hosts_of_its_own():
    """A container may lack the permission, and no installed package would help."""
    try:
        done = subprocess.run(["unshare", "--mount", "true"], capture_output=True, timeout=20)
    except OSError:
        return False
    return done.returncode == 0


@pytest.mark.skipif(not _can_have_hosts_of_its_own(), reason="no mount namespace can be made here")
def test_blocking_clients(catcher, tmp_path):
    """The test runs in its own namespace with another hosts file."""
    hosts = tmp_path / "hosts"
    hosts.write_text("127.0.0.1 localhost mail.test\n::1 mail.test\n127.0.0.2 silent.test\n::1 silent.test\n")
    inside = f'mount --bind {hosts} /etc/hosts && exec "$@"'
    space = ["unshare", "--mount", "sh", "-c", inside, "sh"]
    with silent("::1", catcher.port), silent() as other, silent("::1", other):
        program = [sys.executable, "-c", BLOCKING, str(catcher.port), str(other)]
        done = subprocess.run([*space, *program], capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    said, peer, sent, verified, interrupted, error = done.stdout.splitlines()
    assert f"trying 127.0.0.1:{catcher.port}, too: one address does not answer yet" in said
    assert peer == str(("127.0.0.1", catcher.port)) == verified
    assert (sent, interrupted) == ("True", "interrupted")
    assert f"[::1]:{other}: no answer; 127.0.0.2:{other}: no answer" in error
