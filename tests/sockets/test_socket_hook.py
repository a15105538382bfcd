"""`_get_socket`, smtplib's hook for connections that are made in another way."""

import socket
import ssl

import pytest

import rsmtp
from rsmtp import smtplib

UNVERIFIED = rsmtp.TlsConfig(verify=False)


def through(catcher, base, asked):
    """A class in the style of users' proxy classes. It connects to the catcher, whatever host is
    requested."""

    class Proxied(base):
        def _get_socket(self, host, port, timeout):
            asked.append((host, port, timeout))
            return socket.create_connection((catcher.host, catcher.port), timeout)

    return Proxied


@pytest.mark.parametrize("base", [smtplib.SMTP, rsmtp.SmtpClient], ids=["SMTP", "SmtpClient"])
def test_it_is_asked_and_its_socket_used(catcher, base):
    asked = []
    with through(catcher, base, asked)("mail.example.com", 2525, timeout=9) as client:
        assert isinstance(client.sock, socket.socket)
        client.starttls(context=UNVERIFIED)
        assert client.tls.server_name == "mail.example.com"
        client.sendmail("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhi\r\n")
    assert asked == [("mail.example.com", 2525, 9)]
    assert len(catcher.messages) == 1


def test_one_that_is_put_on_an_instance(catcher):
    asked = []
    client = smtplib.SMTP()
    client._get_socket = lambda host, port, timeout: (
        asked.append(host) or socket.create_connection((catcher.host, catcher.port))
    )
    client.connect("mail.example.com", 25)
    client.quit()
    assert asked == ["mail.example.com"]


def test_it_may_ask_the_class_above(catcher):
    class Kept(smtplib.SMTP):
        def _get_socket(self, host, port, timeout):
            sock = super()._get_socket(host, port, timeout)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            return sock

    with Kept(catcher.host, catcher.port) as client:
        assert client.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


@pytest.mark.parametrize("wraps", [True, False], ids=["TLS by the hook", "TLS by us"])
def test_smtp_ssl(wraps):
    with rsmtp.Catcher(tls="implicit") as catcher:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE

        class Proxied(smtplib.SMTP_SSL):
            def _get_socket(self, host, port, timeout):
                sock = socket.create_connection((catcher.host, catcher.port), timeout)
                return self.context.wrap_socket(sock, server_hostname=self._host) if wraps else sock

        with Proxied("mail.example.com", context=context) as client:
            assert client.login(catcher.username, catcher.password)[0] == 235


def test_what_it_raises_is_raised_and_nothing_is_connected(catcher):
    class Refused(Exception):
        pass

    class Proxied(smtplib.SMTP):
        def _get_socket(self, host, port, timeout):
            raise Refused(host)

    with pytest.raises(Refused):
        Proxied(catcher.host, catcher.port)
    assert catcher.conversations == []


def test_the_engines_own_sockets_without_it(catcher):
    with smtplib.SMTP(catcher.host, catcher.port) as client:
        assert not isinstance(client.sock, socket.socket)
