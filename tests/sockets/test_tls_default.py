"""Without a `tls` argument, a connection through a proxy counts as leaving this machine, wherever
the proxy is."""

import asyncio

import pytest
from client.scripted import answering, serve
from sockets.test_replaced_sockets import WAYS, run

import rsmtp
from rsmtp import errors

MESSAGE = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhi\r\n")


def by_client(host, port, **more):
    with rsmtp.SmtpClient(host, port, timeout=20, **more) as client:
        client.sendmail(*MESSAGE)


def by_async_client(host, port, **more):
    async def main():
        async with rsmtp.AsyncSmtpClient(host, port, timeout=20, **more) as client:
            await client.sendmail(*MESSAGE)

    asyncio.run(main())


def by_mailer(host, port, **more):
    with rsmtp.Mailer(host=host, port=port, retries=0, timeout=20, **more) as mailer:
        mailer.send(MESSAGE)


def by_async_mailer(host, port, **more):
    async def main():
        async with rsmtp.AsyncMailer(host=host, port=port, retries=0, timeout=20, **more) as mailer:
            await mailer.send(MESSAGE)

    asyncio.run(main())


@pytest.mark.parametrize("way", [by_client, by_async_client, by_mailer, by_async_mailer])
def test_through_a_proxy_of_ours(socks_proxy, way):
    proxy = f"socks5h://127.0.0.1:{socks_proxy.port}"
    with serve(answering()) as server:
        with pytest.raises(errors.SMTPNotSupportedError, match="STARTTLS"):
            way("127.0.0.1", server.port, proxy=proxy)
        assert b"MAIL" not in server.heard
        way("127.0.0.1", server.port, proxy=proxy, tls="none")


CLIENTS = {
    "SmtpClient": """
        with rsmtp.SmtpClient(HOST, PORT, timeout=10, **MORE) as client: client.sendmail(*MESSAGE)
        """,
    "AsyncSmtpClient": """
        async def main():
            async with rsmtp.AsyncSmtpClient(HOST, PORT, timeout=10, **MORE) as client:
                await client.sendmail(*MESSAGE)
        asyncio.run(main())
        """,
    "Mailer": """
        with rsmtp.Mailer(host=HOST, port=PORT, timeout=10, retries=0, **MORE) as mailer: mailer.send(MESSAGE)
        """,
    "AsyncMailer": """
        async def main():
            async with rsmtp.AsyncMailer(host=HOST, port=PORT, timeout=10, retries=0, **MORE) as mailer:
                await mailer.send(MESSAGE)
        asyncio.run(main())
        """,
}


@pytest.mark.parametrize("client", CLIENTS)
def test_through_a_proxy_of_pysocks(socks_proxy, client):
    names = {"HOST": "127.0.0.1", "PROXY": socks_proxy.port}
    with serve(answering()) as server:
        refused, sent = (
            run(
                "import asyncio, rsmtp",
                WAYS["socket.socket"],
                CLIENTS[client],
                PORT=server.port,
                MORE=more,
                **names,
            )
            for more in ({}, {"tls": "none"})
        )
    assert (
        "SMTPNotSupportedError: 127.0.0.1" in refused.stderr and "does not offer STARTTLS" in refused.stderr
    )
    assert sent.returncode == 0, sent.stderr
    assert [b"MAIL" in peer.heard for peer in server.peers] == [False, True]
