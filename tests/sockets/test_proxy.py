"""The `proxy` argument with real proxies: microsocks and tinyproxy."""

import asyncio
import socket
import threading

import pytest
from client.scripted import Server
from sockets.proxies import free_port, microsocks, tinyproxy

import rsmtp
from rsmtp._transport import proxies

MESSAGE = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhi\r\n")
UNVERIFIED = rsmtp.TlsConfig(verify=False)


def by_client(host, port, proxy, **settings):
    settings = {"tls": "none"} | settings
    with rsmtp.SmtpClient(host, port, proxy=proxy, timeout=20, **settings) as client:
        client.sendmail(*MESSAGE)


def by_async_client(host, port, proxy, **settings):
    settings = {"tls": "none"} | settings

    async def send():
        async with rsmtp.AsyncSmtpClient(host, port, proxy=proxy, timeout=20, **settings) as client:
            await client.sendmail(*MESSAGE)

    asyncio.run(send())


def by_mailer(host, port, proxy, **settings):
    settings = {"tls": "none"} | settings
    with rsmtp.Mailer(host=host, port=port, proxy=proxy, timeout=20, retries=0, **settings) as mailer:
        mailer.send(MESSAGE).raise_for_refused()


def by_async_mailer(host, port, proxy, **settings):
    settings = {"tls": "none"} | settings

    async def send():
        async with rsmtp.AsyncMailer(
            host=host, port=port, proxy=proxy, timeout=20, retries=0, **settings
        ) as mailer:
            (await mailer.send(MESSAGE)).raise_for_refused()

    asyncio.run(send())


SENDERS = [by_client, by_async_client, by_mailer, by_async_mailer]
each_sender = pytest.mark.parametrize("send", SENDERS, ids=lambda send: send.__name__)


@each_sender
def test_socks_with_the_name_looked_up_by_the_proxy(send, catcher, socks_proxy):
    send("localhost", catcher.port, f"socks5h://127.0.0.1:{socks_proxy.port}")
    assert len(catcher.messages) == 1
    # microsocks logs the name as it was requested.
    assert socks_proxy.connections() == [f"localhost:{catcher.port}"]


@each_sender
def test_socks_with_the_name_looked_up_here(send, catcher, socks_proxy):
    send("localhost", catcher.port, f"socks5://127.0.0.1:{socks_proxy.port}")
    assert socks_proxy.connections() == [f"127.0.0.1:{catcher.port}"]


@each_sender
def test_http_connect(send, catcher, tmp_path):
    with tinyproxy(tmp_path) as proxy:
        send("localhost", catcher.port, f"http://127.0.0.1:{proxy.port}")
        assert proxy.connections() == [f"localhost:{catcher.port}"]
    assert len(catcher.messages) == 1


@each_sender
def test_starttls_goes_through_and_is_with_the_server(send, catcher, socks_proxy):
    send(
        "localhost",
        catcher.port,
        f"socks5h://127.0.0.1:{socks_proxy.port}",
        tls="starttls",
        context=UNVERIFIED,
    )
    assert catcher.messages[0].tls is not None


@each_sender
def test_implicit_tls(send, socks_proxy):
    with rsmtp.Catcher(tls="implicit") as catcher:
        url = f"socks5h://127.0.0.1:{socks_proxy.port}"
        send("localhost", catcher.port, url, tls="implicit", context=UNVERIFIED)
        assert len(catcher.messages) == 1


@each_sender
def test_a_dead_proxy_is_an_error_and_no_reason_to_go_around_it(send, catcher):
    with pytest.raises(rsmtp.SMTPUnreachable, match="proxy can't be reached") as caught:
        send(catcher.host, catcher.port, f"socks5h://127.0.0.1:{free_port()}")
    assert isinstance(caught.value, ConnectionRefusedError)
    assert catcher.conversations == []


@each_sender
def test_a_server_that_the_proxy_can_not_reach(send, socks_proxy):
    with pytest.raises(rsmtp.SMTPUnreachable, match="through the proxy"):
        send("127.0.0.1", free_port(), f"socks5h://127.0.0.1:{socks_proxy.port}")


@each_sender
def test_a_proxy_that_wants_a_password(send, catcher):
    with microsocks("ann", "secret") as proxy:
        with pytest.raises(rsmtp.SMTPUnreachable, match="wants a user and a password"):
            send(catcher.host, catcher.port, f"socks5h://127.0.0.1:{proxy.port}")
        with pytest.raises(rsmtp.SMTPUnreachable, match="does not accept this user") as caught:
            send(catcher.host, catcher.port, f"socks5h://ann:wr%3Ang@127.0.0.1:{proxy.port}")
        assert "wr:ng" not in str(caught.value)
        assert catcher.conversations == []
        send(catcher.host, catcher.port, f"socks5h://ann:secret@127.0.0.1:{proxy.port}")
    assert len(catcher.messages) == 1


@each_sender
def test_an_http_proxy_that_wants_a_password(send, catcher, tmp_path):
    with tinyproxy(tmp_path, "BasicAuth ann secret") as proxy:
        with pytest.raises(rsmtp.SMTPUnreachable, match="wants a user and a password|it said 401"):
            send(catcher.host, catcher.port, f"http://127.0.0.1:{proxy.port}")
        assert catcher.conversations == []
        send(catcher.host, catcher.port, f"http://ann:secret@127.0.0.1:{proxy.port}")
    assert len(catcher.messages) == 1


@each_sender
def test_an_http_proxy_that_refuses_the_port(send, catcher, tmp_path):
    with tinyproxy(tmp_path, "ConnectPort 465") as proxy:
        with pytest.raises(rsmtp.SMTPUnreachable, match="it said 403"):
            send(catcher.host, catcher.port, f"http://127.0.0.1:{proxy.port}")
    assert catcher.conversations == []


def test_a_proxy_that_says_nothing_runs_out_of_time():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"socks5h://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(rsmtp.SMTPTimeoutError, match="connect"):
            rsmtp.SmtpClient("mail.example.com", 25, proxy=url, timeout=0.3)


def test_what_the_server_says_at_once_is_not_lost():
    """A proxy may send its answer and the server's greeting in one segment."""

    def proxies_badly(peer):
        peer.line()
        while peer.line():
            pass
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n220 hi\r\n")
        peer.line()

    with Server(proxies_badly) as server:
        client = rsmtp.SmtpClient("mail.example.com", 25, proxy=f"http://127.0.0.1:{server.port}")
        assert client.state == "greeted"
        client.close()


def test_a_proxy_on_this_machine_does_not_make_the_server_local(socks_proxy):
    def takes_any_password(peer):
        peer.say("220 hi")
        peer.line()
        peer.say("250-hi", "250 AUTH PLAIN")
        peer.line()

    with Server(takes_any_password) as server:
        url = f"socks5h://127.0.0.1:{socks_proxy.port}"
        with rsmtp.SmtpClient(server.host, server.port, proxy=url, tls="none") as client:
            with pytest.raises(rsmtp.SMTPNotSupportedError, match="not encrypted"):
                client.login("ann", "secret")
            client.close()


def test_by_url(catcher, socks_proxy):
    url = f"smtp://localhost:{catcher.port}?tls=none&proxy=socks5h://127.0.0.1:{socks_proxy.port}"
    with rsmtp.Mailer(url) as mailer:
        mailer.send(MESSAGE).raise_for_refused()
    assert socks_proxy.connections() == [f"localhost:{catcher.port}"]


def test_verified_through_it(catcher, socks_proxy):
    way = {"proxy": f"socks5h://127.0.0.1:{socks_proxy.port}", "tls": "none"}
    with rsmtp.Mailer(host="localhost", port=catcher.port, **way) as mailer:
        assert mailer.verify().server == f"localhost:{catcher.port}"

    async def verify():
        async with rsmtp.AsyncMailer(host="localhost", port=catcher.port, **way) as mailer:
            return await mailer.verify()

    assert asyncio.run(verify()).server == f"localhost:{catcher.port}"
    assert socks_proxy.connections() == [f"localhost:{catcher.port}"] * 2


def test_the_environment_is_asked_only_when_that_is_said(catcher, socks_proxy, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", f"socks5h://127.0.0.1:{socks_proxy.port}")
    by_client("localhost", catcher.port, None)
    assert socks_proxy.connections() == []
    by_client("localhost", catcher.port, "environment")
    assert socks_proxy.connections() == [f"localhost:{catcher.port}"]
    monkeypatch.setenv("NO_PROXY", "other.test, localhost")
    by_client("localhost", catcher.port, "environment")
    assert len(socks_proxy.connections()) == 1


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("ftp://proxy.test", "begins with none of"),
        ("proxy.test:1080", "begins with none of"),
        ("socks5h://", "names no host"),
        ("socks5h://proxy.test:port", "can't be read"),
        ("socks5h://proxy.test:99999", "can't be read"),
        ("http://proxy.test/path", "what follows"),
        ("http://ann:se%0Acret@proxy.test", "line end"),
        ("http://proxy.test\r\nX: y", "white space"),
    ],
)
def test_what_is_no_proxy_is_refused_at_once(url, why):
    for make in (
        lambda: rsmtp.SmtpClient(proxy=url),
        lambda: rsmtp.AsyncSmtpClient(proxy=url),
        lambda: rsmtp.Mailer("smtp://mail.test", proxy=url),
    ):
        with pytest.raises(ValueError, match=f"proxy: .*{why}") as caught:
            make()
        assert "se\ncret" not in str(caught.value)


def test_a_password_is_not_shown():
    assert "secret" not in repr(proxies.read("socks5h://ann:secret@proxy.test"))


def test_a_socket_and_a_proxy_are_two_ways(catcher):
    with (
        socket.create_connection((catcher.host, catcher.port)) as sock,
        pytest.raises(ValueError, match="proxy"),
    ):
        rsmtp.SmtpClient(sock=sock, proxy="socks5h://127.0.0.1:1")


def test_several_threads_through_one_proxy(catcher, socks_proxy):
    url = f"socks5h://127.0.0.1:{socks_proxy.port}"
    threads = [threading.Thread(target=by_client, args=("localhost", catcher.port, url)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(catcher.messages) == 5
