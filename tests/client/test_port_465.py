"""Port 465 means TLS from the first octet (RFC 8314 section 3.3)."""

import asyncio
import contextlib
import socket
import threading

import pytest

import rsmtp
from rsmtp._mailer.server_urls import from_url
from rsmtp._mailer.servers import Server


@pytest.mark.parametrize(
    ("settings", "tls"),
    [
        ({"port": 465}, "implicit"),
        ({"port": 465, "tls": "starttls"}, "starttls"),
        ({"port": 587}, "default"),
        ({}, "default"),
        ({"username": "ann", "password": "secret"}, "default"),
        ({"tls": "implicit"}, "implicit"),
    ],
)
def test_implicit_tls_is_inferred_where_nothing_else_was_said(settings, tls):
    assert Server(**settings).tls == tls


def test_of_a_url():
    assert from_url("smtp://mail.example.org:465").tls == "implicit"
    assert from_url("smtp://mail.example.org:465?tls=starttls").tls == "starttls"
    assert from_url("smtp://mail.example.org").tls == "default"
    with_login = from_url("smtp://ann:secret@mail.example.org")
    # STARTTLS is optional for a server on this machine, and required elsewhere.
    assert (with_login.tls, with_login.security) == ("default", "starttls")


@pytest.fixture
def silent():
    """A server that waits for TLS. It accepts connections and sends nothing."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.4.65", 465))
    except OSError as error:
        listener.close()
        pytest.skip(f"port 465 of 127.0.4.65 can't be listened on: {error}")
    listener.listen()
    taken = []
    heard = threading.Event()

    def take():
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                taken.append(connection)
                connection.settimeout(5)
                with contextlib.suppress(OSError):
                    if connection.recv(1) == b"\x16":
                        heard.set()

    thread = threading.Thread(target=take)
    thread.start()
    yield "127.0.4.65", taken, heard
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()
    for connection in taken:
        connection.close()


def test_a_client_that_speaks_first_speaks_tls(silent):
    host, _, heard = silent
    for use in (
        lambda: rsmtp.SmtpClient(host, 465, timeout=0.5),
        lambda: rsmtp.SmtpClient(f"{host}:465", timeout=0.5),
        lambda: rsmtp.SmtpClient(timeout=0.5).connect(host, 465),
        lambda: rsmtp.Mailer(host=host, port=465, timeout=0.5, retries=0).send(
            ("a@x.example", "b@x.example", b"x")
        ),
        lambda: asyncio.run(rsmtp.AsyncSmtpClient(host, 465, timeout=0.5).connect()),
    ):
        heard.clear()
        with pytest.raises(rsmtp.SMTPException):
            use()
        assert heard.wait(5)


@pytest.mark.parametrize("kind", [rsmtp.Mailer, rsmtp.AsyncMailer])
def test_silence_tells_the_likely_reason_and_is_not_waited_for_again(silent, kind):
    host, taken, _ = silent
    given = ("a@x.example", "b@x.example", b"x")
    mailer = kind(host=host, port=465, tls="starttls", timeout=0.5, retries=2, backoff=0.01)
    with pytest.raises(rsmtp.SMTPTimeoutError, match='port 465 is for TLS .*tls="implicit"') as raised:
        asyncio.run(mailer.send(given)) if kind is rsmtp.AsyncMailer else mailer.send(given)
    assert not raised.value.transient
    assert len(taken) == 1


def test_another_port_tells_it_too():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with pytest.raises(rsmtp.SMTPTimeoutError, match="waits for TLS is silent, too"):
            rsmtp.SmtpClient("127.0.0.1", listener.getsockname()[1], timeout=0.3)
