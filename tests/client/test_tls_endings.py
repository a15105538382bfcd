"""TLS that ends, and TLS that never begins, with every client and both kinds of context."""

import asyncio
import ssl

import pytest

import rsmtp
from client.scripted import serve
from rsmtp import errors

pytestmark = pytest.mark.usefixtures("either_driver")


@pytest.fixture(params=["TlsConfig", "SSLContext"])
def unverified(request):
    if request.param == "TlsConfig":
        return rsmtp.TlsConfig(verify=False)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def ending(made, ended):
    """A server that records how TLS ended: by close_notify or by a lost connection."""

    def script(peer):
        peer.secure(made)
        peer.say("220 x")
        while True:
            try:
                line = peer.line()
            except (ssl.SSLError, OSError) as error:
                return ended.append(repr(error))
            if not line:
                return ended.append("close_notify")
            peer.say("221 bye" if line.lower().startswith("quit") else "250 ok")

    return script


@pytest.mark.parametrize("how", ["quit", "close"])
def test_tls_ends_with_close_notify(server_context, unverified, how):
    ended = []
    # An end without close_notify raises an error on this side.
    server_context.options &= ~getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", 0)
    with serve(ending(server_context, ended)) as server:
        client = rsmtp.SmtpClient("localhost", server.port, tls="implicit", context=unverified, timeout=20)
        client.ehlo()
        getattr(client, how)()
        settle(client)
        server.wait_for_end()
    assert ended == ["close_notify"]


def settle(client):
    """asyncio sends the last octets in the loop's next turn."""
    if hasattr(client, "client"):
        from client import facade

        facade.run(asyncio.sleep(0))


def test_a_port_without_tls_is_our_error_with_the_context_s_own_as_cause(unverified):
    def plain(peer):
        peer.say("220 x", "500 what", "500 what")
        peer.until_closed()

    with serve(plain) as server:
        with pytest.raises(errors.SMTPTLSError) as raised:
            rsmtp.SmtpClient("localhost", server.port, tls="implicit", context=unverified, timeout=20)
        assert isinstance(raised.value, ssl.SSLError) and not isinstance(
            raised.value, errors.SMTPCertificateError
        )
        if isinstance(unverified, ssl.SSLContext):
            assert isinstance(raised.value.__cause__, ssl.SSLError)
            assert raised.value.reason == raised.value.__cause__.reason
        for mailer in (rsmtp.Mailer, blocking_async_mailer):
            with pytest.raises(errors.SMTPTLSError):
                sent(mailer, server.port, unverified)


def blocking_async_mailer(**options):
    from mailer import facade

    return facade.Mailer(**options)


def sent(mailer, port, context):
    with mailer(host="localhost", port=port, tls="implicit", context=context, retries=0) as mailer:
        mailer.send(("a@example.org", "b@example.org", b"Subject: x\r\n\r\nhi\r\n"))


def test_a_certificate_that_a_given_context_refuses_is_our_error(server_context):
    def script(peer):
        try:
            peer.secure(server_context)
        except (ssl.SSLError, OSError):
            return

    with serve(script) as server:
        with pytest.raises(errors.SMTPCertificateError) as raised:
            context = ssl.create_default_context()
            rsmtp.SmtpClient("localhost", server.port, tls="implicit", context=context, timeout=20)
    assert raised.value.verify_code == raised.value.__cause__.verify_code
    assert isinstance(raised.value, ssl.SSLCertVerificationError)


@pytest.mark.parametrize("where", ["before its answer", "after 220"])
def test_a_server_that_closes_at_starttls_is_a_disconnection(unverified, where):
    def script(peer):
        peer.say("220 x")
        peer.line()
        peer.say("250-x", "250 STARTTLS")
        peer.line()
        if where == "after 220":
            peer.say("220 go")
            peer.octets(1)
        peer.half_close()
        peer.until_closed()

    with serve(script) as server:
        with pytest.raises(errors.SMTPServerDisconnected):
            rsmtp.SmtpClient("localhost", server.port, tls="starttls", context=unverified, timeout=20)
