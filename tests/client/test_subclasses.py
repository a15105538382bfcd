"""Subclasses and patched instances can override the same methods as with smtplib."""

import asyncio
import smtplib as stdlib
import socket
from unittest.mock import Mock

import pytest

import rsmtp
from rsmtp import smtplib


@pytest.fixture
def catcher():
    with rsmtp.Catcher(tls="none") as catcher:
        yield catcher


def recorder(*names):
    """A subclass that records each call of these methods and then calls SMTP's method."""
    called = []

    def noting(name):
        def method(self, *args, **kwargs):
            called.append(name)
            return getattr(smtplib.SMTP, name)(self, *args, **kwargs)

        return method

    return type("Recorder", (smtplib.SMTP,), {name: noting(name) for name in names}), called


@pytest.mark.parametrize(
    ("overridden", "expected"),
    [
        (["ehlo"], ["ehlo"]),
        (["mail", "rcpt", "data"], ["mail", "rcpt", "data"]),
        (["putcmd"], ["putcmd"] * 5),  # EHLO, MAIL, RCPT, DATA, and QUIT
        (["getreply"], ["getreply"] * 7),  # the greeting's too, and that of the mail data
        (["sendmail"], ["sendmail"]),
        (["connect", "ehlo"], ["connect", "ehlo"]),
    ],
)
def test_a_subclass_is_called_where_smtplib_calls_it(catcher, overridden, expected):
    cls, called = recorder(*overridden)
    message = rsmtp.Message("hi", subject="s", from_="a@example.org", to="b@example.org")
    with cls("localhost", catcher.port) as client:
        assert client.send_message(message) == {}
    assert called == expected
    assert catcher.wait_for(1, 5)[0].rcpt_tos == ["b@example.org"]


def test_a_getreply_of_ones_own_hears_what_the_message_is_called(catcher):
    class Hearing(smtplib.SMTP):
        def getreply(self):
            heard.append(super().getreply())
            return heard[-1]

    class HearingLater(rsmtp.AsyncSmtpClient):
        async def getreply(self):
            heard.append(await super().getreply())
            return heard[-1]

    async def main():
        async with HearingLater("localhost", catcher.port) as client:
            assert (
                await client.sendmail("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhi\r\n") == {}
            )
            return await client.noop()

    heard = []
    message = "a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhi\r\n"
    with Hearing("localhost", catcher.port) as client:
        assert client.sendmail(*message) == {}
        client.noop()
    expected = [220, 250, 250, 250, 354, 250, 250, 221]
    assert [code for code, _ in heard] == expected
    heard.clear()
    asyncio.run(main())
    assert [code for code, _ in heard] == expected


@pytest.mark.parametrize("base", [smtplib.SMTP, rsmtp.SmtpClient])
def test_a_close_of_ones_own_is_not_called_by_the_constructor(catcher, base):
    class Closing(base):
        def __init__(self, *args):
            super().__init__(*args)
            self.closed = 0

        def close(self):
            self.closed += 1
            super().close()

    client = Closing("localhost", catcher.port)
    assert client.closed == 0
    client.quit()
    assert client.closed == 1
    with socket.create_server(("localhost", 0)) as silent:
        port = silent.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        Closing("localhost", port)


def test_a_close_of_ones_own_may_set_the_socket(catcher):
    class Closing(smtplib.SMTP):
        def close(self):
            sock, self.sock = self.sock, None
            if sock is not None:
                sock.close()

    client = Closing("localhost", catcher.port)
    client.close()
    assert client.sock is None
    client.connect("localhost", catcher.port)
    assert client.noop()[0] == 250
    client.close()


def test_an_authobject_of_ones_own_is_what_login_uses(catcher):
    class Own(smtplib.SMTP):
        def auth_cram_md5(self, challenge=None):
            if challenge is None:
                return None
            asked.append(challenge)
            return super().auth_cram_md5(challenge)

    asked = []
    with Own("localhost", catcher.port) as client:
        assert client.login(catcher.username, catcher.password)[0] == 235
    assert len(asked) == 1


def test_a_mock_on_the_instance_is_what_send_message_calls(catcher):
    client = smtplib.SMTP("localhost", catcher.port)
    client.sendmail = Mock(return_value={})
    message = rsmtp.Message("hi", subject="s", from_="a@example.org", to="b@example.org")
    client.send_message(message)
    (sender, recipients, octets, *_), _ = client.sendmail.call_args
    assert (sender, recipients) == ("a@example.org", ["b@example.org"])
    assert b"Subject: s" in octets
    client.quit()


def test_patched_features_steer_the_mechanism(catcher):
    with smtplib.SMTP("localhost", catcher.port) as client:
        client.ehlo()
        client.esmtp_features["auth"] = "LOGIN"
        client.login(catcher.username, catcher.password)
        said = [line.text for line in client.transcript if line.direction == "C"]
    assert "AUTH LOGIN ***" in said


def test_a_constructor_of_ones_own(catcher):
    class Relay(smtplib.SMTP):
        def __init__(self, relay):
            super().__init__("localhost", relay.port, timeout=5)
            self.relay = relay

    with Relay(catcher) as client:
        assert client.noop()[0] == 250
        assert client.relay is catcher


OF_SMTPLIB = {*dir(stdlib.SMTP), *vars(stdlib.SMTP())}


def attributes_of_ours(cls):
    """The names that our client has and smtplib's lacks."""
    return sorted({*dir(cls), *vars(cls())} - OF_SMTPLIB)


def test_private_names_are_ours_alone():
    for cls in (rsmtp.SmtpClient, rsmtp.AsyncSmtpClient, smtplib.SMTP, smtplib.SMTP_SSL, smtplib.LMTP):
        private = {name for name in attributes_of_ours(cls) if name.startswith("_")}
        foreign = {name for name in private if not name.startswith(("_rsmtp_", "__"))}
        # IPython's name, and one of smtplib's, which it sets only when it connects since CPython 3.14.
        assert foreign - {"_host"} == {"_repr_mimebundle_"}


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(
    "name",
    [name for name in attributes_of_ours(smtplib.SMTP) if not name.startswith("_")],
)
def test_an_attribute_of_a_subclass_is_its_own(catcher, name, when):
    mine = {"of": "mine"}

    class Mine(smtplib.SMTP):
        def __init__(self, *args):
            if when == "before":
                setattr(self, name, mine)
            super().__init__(*args)
            if when == "after":
                setattr(self, name, mine)

    with Mine("localhost", catcher.port) as client:
        assert client.noop()[0] == 250
        assert client.sendmail("a@example.org", ["b@example.org"], "Subject: x\n\nhi\n") == {}
        assert getattr(client, name) is mine
        assert repr(client)
        assert client._repr_mimebundle_()


def test_a_setting_can_be_changed_after_the_constructor(catcher):
    with rsmtp.SmtpClient("localhost", catcher.port) as client:
        client.deadline, client.chunking = 7.0, False
        client.connect("localhost", catcher.port)
        client.sendmail("a@example.org", ["b@example.org"], "Subject: x\n\nhi\n")
        assert client.deadline == 7.0
        assert not any(line.text.startswith("BDAT") for line in client.transcript)


def test_a_subclass_for_asyncio_keeps_its_attributes(catcher):
    class Mine(rsmtp.AsyncSmtpClient):
        def __init__(self, *args):
            self.user, self.password, self.context = "ann", "secret", {}
            super().__init__(*args)
            self.tls = self.state = "mine"

    async def main():
        async with Mine("localhost", catcher.port) as client:
            assert (await client.noop())[0] == 250
            assert (client.user, client.password, client.context) == ("ann", "secret", {})
            assert client.tls == client.state == "mine"

    asyncio.run(main())


def test_a_starttls_of_ones_own_is_what_connecting_uses():
    class Own(rsmtp.SmtpClient):
        def starttls(self, **options):
            called.append("starttls")
            return super().starttls(**options)

        def ehlo(self, name=""):
            called.append("ehlo")
            return super().ehlo(name)

    called = []
    with rsmtp.Catcher(tls="starttls") as catcher:
        context = rsmtp.TlsConfig(ca_file=catcher.ca_file)
        with Own("localhost", catcher.port, tls="starttls", context=context) as client:
            assert client.tls is not None
    assert called == ["starttls", "ehlo", "ehlo"]


def passes_on(base):
    """A subclass whose `mail` is its own, so that the transaction goes step by step."""

    class Own(base):
        if base is rsmtp.AsyncSmtpClient:

            async def mail(self, *arguments, **options):
                return await super().mail(*arguments, **options)

        else:

            def mail(self, *arguments, **options):
                return super().mail(*arguments, **options)

    return Own


@pytest.fixture
def unchunked():
    with rsmtp.Catcher(tls="none", without=["CHUNKING"]) as catcher:
        yield catcher


async def refusal_of(cls, catcher):
    to = ["b@example.org", "c@example.org"]
    client = cls("localhost", catcher.port)
    with pytest.raises(rsmtp.SMTPException) as raised:
        if issubclass(cls, rsmtp.AsyncSmtpClient):
            async with client:
                await client.sendmail("a@example.org", to, b"Subject: x\r\n\r\n")
        else:
            client.sendmail("a@example.org", to, b"Subject: x\r\n\r\n")
    return raised.value


@pytest.mark.parametrize("code", [421, 450, 550])
@pytest.mark.parametrize("stage", ["MAIL", "RCPT", "DATA", "end-of-data"])
@pytest.mark.parametrize("base", [smtplib.SMTP, rsmtp.SmtpClient, rsmtp.AsyncSmtpClient])
def test_a_refusal_tells_as_much_where_a_method_is_overridden(unchunked, base, stage, code):
    unchunked.fault(stage, reply=(code, f"{code // 100}.7.1 no"))
    plain, own = (asyncio.run(refusal_of(cls, unchunked)) for cls in (base, passes_on(base)))
    assert type(own) is type(plain) and own.args == plain.args
    for fact in ("stage", "code", "address", "transient", "fates", "hint"):
        assert getattr(own, fact) == getattr(plain, fact), fact
    # RSET is yet to come, after which the session is ready again.
    assert own.path == plain.path[: len(own.path)] and len(own.path) >= len(plain.path) - 1 > 1
    assert own.last_words[-1] == f"S: {code} {code // 100}.7.1 no"
