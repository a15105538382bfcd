"""SCRAM (RFC 5802, RFC 7677) with an independent server, and with servers that do it wrong."""

import asyncio
import base64
import ssl

import pytest

import rsmtp
from client.scram_server import coded, end_point, scram
from client.scripted import serve
from rsmtp import aiosmtplib, errors
from rsmtp import smtplib as mirror

either = pytest.mark.usefixtures("either_driver")
ALL = "SCRAM-SHA-1 PLAIN SCRAM-SHA-256 LOGIN CRAM-MD5"
WHO = [("ann", "s3cret"), ("a=b,c", "s3cret"), ("jörg", "pässword")]
IMPOSTOR = "has not proven that it knows the password"


def logged_in(script, user="ann", password="s3cret", **options):
    """The reply to a login, and everything that the server received."""
    with serve(script) as server:
        with rsmtp.SmtpClient(server.host, server.port) as client:
            reply = client.login(user, password, **options)
        server.wait_for_end()
        return reply, server.heard


@either
@pytest.mark.parametrize("initial_response_ok", [True, False])
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-256", "SCRAM-SHA-1", "scram-sha-256"])
@pytest.mark.parametrize(("user", "password"), WHO)
def test_it_logs_in(mechanism, user, password, initial_response_ok):
    seen = []
    reply, heard = logged_in(
        scram(ALL, seen=seen), user, password, mechanism=mechanism, initial_response_ok=initial_response_ok
    )
    assert reply == (235, b"2.7.0 welcome")
    assert seen == [mechanism.upper()]
    for secret in (password.encode(), f"\0{user}\0{password}".encode()):
        assert secret not in heard and base64.b64encode(secret) not in heard


@either
def test_it_comes_first():
    seen = []
    logged_in(scram(ALL, seen=seen))
    assert seen == ["SCRAM-SHA-256"]
    logged_in(scram("PLAIN SCRAM-SHA-1", seen=seen))
    assert seen[1:] == ["SCRAM-SHA-1"]


def test_in_the_mirror_smtplibs_own_come_first():
    for offered, first in [("SCRAM-SHA-256 PLAIN", "PLAIN"), ("SCRAM-SHA-256", "SCRAM-SHA-256")]:
        seen = []
        with serve(scram(offered, seen=seen)) as server, mirror.SMTP(server.host, server.port) as client:
            assert client.login("ann", "s3cret")[0] == 235
        assert seen == [first]


@either
@pytest.mark.parametrize(("user", "password"), [("ann", "wrong"), ("eve", "s3cret")])
def test_a_wrong_password_is_final(user, password):
    seen = []
    with pytest.raises(errors.SMTPAuthenticationError) as raised:
        logged_in(scram(ALL, seen=seen), user, password)
    assert raised.value.smtp_code == 535
    assert len([name for name in seen if name.isupper() and "-" in name]) == 1 and "PLAIN" not in seen


def changed(message, name, value):
    """A message with another value of this attribute."""
    return ",".join(f"{name}={value}" if one.startswith(f"{name}=") else one for one in message.split(","))


WRONG = {
    "another nonce": ({"first": lambda said: changed(said, "r", "x" * 40)}, "does not extend ours"),
    "our nonce alone": ({"first": lambda said: changed(said, "r", said[2:26])}, "does not extend ours"),
    "no salt": ({"first": lambda said: changed(said, "s", "")}, "has no salt"),
    "a salt that is no base64": ({"first": lambda said: changed(said, "s", "?")}, "has no salt"),
    "few iterations": ({"first": lambda said: changed(said, "i", "4095")}, "4096 at least"),
    "many iterations": ({"first": lambda said: changed(said, "i", "10000001")}, "more than 10000000"),
    "an extension": ({"first": lambda said: f"m=x,{said}"}, "extension"),
    "a wrong signature": ({"final": lambda said: f"v={coded('x' * 32)}"}, IMPOSTOR),
    "half a signature": ({"final": lambda said: said[:20]}, IMPOSTOR),
    "an empty signature": ({"final": lambda said: ""}, IMPOSTOR),
    "no last message": ({"quiet": True}, IMPOSTOR),
    "an error and then 235": ({"final": lambda said: "e=other-error"}, IMPOSTOR),
}


@either
@pytest.mark.parametrize("wrong", WRONG)
def test_a_server_that_proves_nothing_hears_nothing_more(wrong):
    how, why = WRONG[wrong]
    with serve(scram(ALL, **how)) as server:
        client = rsmtp.SmtpClient(server.host, server.port)
        with pytest.raises(errors.SMTPProtocolError, match=why) as raised:
            client.login("ann", "s3cret")
        assert raised.value.stage == "auth" and not raised.value.transient
        assert "has not heard the password" in raised.value.hint
        with pytest.raises(errors.SMTPServerDisconnected):
            client.noop()
        client.close()
        server.wait_for_end()
    assert server.heard.count(b"AUTH") == 1 and b"QUIT" not in server.heard
    assert base64.b64encode(b"\0ann\0s3cret") not in server.heard


@either
def test_the_signature_may_stand_in_the_235():
    script = scram(ALL, quiet=True, success=lambda final: f"235 {coded(final)}")
    assert logged_in(script)[0][0] == 235


@pytest.mark.parametrize("mailer", ["blocking", "asyncio"])
@pytest.mark.parametrize("mechanism", [None, "SCRAM-SHA-1", "PLAIN"])
def test_mailers_log_in_by_it_too(mailer, mechanism):
    seen = []
    message = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nx\r\n")
    with serve(scram(ALL, seen=seen)) as server:
        settings = {
            "host": server.host,
            "port": server.port,
            "tls": "none",
            "username": "ann",
            "password": lambda: "s3cret",
            "mechanism": mechanism,
        }
        if mailer == "blocking":
            assert rsmtp.send(message, **settings).ok
        else:
            assert asyncio.run(rsmtp.asend(message, **settings)).ok
    assert seen == [mechanism or "SCRAM-SHA-256"]


def by_a_mailer(server, **settings):
    message = ("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nx\r\n")
    given = {"host": server.host, "port": server.port, "username": "ann", "password": "s3cret", "tls": "none"}
    given |= {"backoff": 0.01} | settings
    return lambda: rsmtp.send(message, **given), lambda: asyncio.run(rsmtp.asend(message, **given))


@pytest.mark.parametrize("mailer", ["blocking", "asyncio"])
@pytest.mark.parametrize("wrong", WRONG)
def test_a_mailer_takes_no_second_way_with_the_password(wrong, mailer):
    seen = []
    how, why = WRONG[wrong]
    with serve(scram(ALL, seen=seen, **how)) as server, pytest.raises(errors.SMTPProtocolError, match=why):
        by_a_mailer(server)[mailer == "asyncio"]()
    assert "SCRAM-SHA-256" in seen and "PLAIN" not in seen


@pytest.mark.parametrize("wrong", WRONG)
def test_the_mirrors_believe_no_impostor_either(wrong):
    how, why = WRONG[wrong]
    with serve(scram("SCRAM-SHA-256", **how)) as server, mirror.SMTP(server.host, server.port) as client:
        with pytest.raises(errors.SMTPProtocolError, match=why):
            client.login("ann", "s3cret")

    async def log_in(server):
        async with aiosmtplib.SMTP(hostname=server.host, port=server.port) as client:
            await client.login("ann", "s3cret")

    with serve(scram("SCRAM-SHA-256", **how)) as server:
        with pytest.raises(aiosmtplib.SMTPException, match=why):
            asyncio.run(log_in(server))


def test_what_scram_does_not_take_goes_by_another_mechanism_unless_it_is_named():
    seen = []
    accounts = {"ann": "\N{GRINNING FACE}"}
    logged_in(scram("SCRAM-SHA-256 PLAIN", accounts=accounts, seen=seen), password=accounts["ann"])
    assert seen == ["PLAIN"]
    with serve(scram(ALL)) as server, rsmtp.SmtpClient(server.host, server.port) as client:
        with pytest.raises(ValueError, match="password is empty, or has characters that SCRAM does not take"):
            client.login("ann", "\N{GRINNING FACE}", mechanism="SCRAM-SHA-256")
        with pytest.raises(ValueError, match="mechanism: .SCRAM-MD5. is not one of SCRAM-SHA-256-PLUS"):
            client.login("ann", "s3cret", mechanism="SCRAM-MD5")
    assert b"AUTH" not in server.heard
    with pytest.raises(ValueError, match="mechanism: .SCRAM-MD5. is not one of"):
        rsmtp.Mailer("smtp://ann:x@127.0.0.1:1", mechanism="SCRAM-MD5").send(("a@x", ["b@x"], b"x"))


# -- channel binding ------------------------------------------------------------------


def bound(identity, server_context, *, version=None, hidden=False, **options):
    """A server whose certificate is the channel binding."""
    if version is not None:
        server_context.maximum_version = version
    offered = "SCRAM-SHA-256 PLAIN" if hidden else "SCRAM-SHA-256 SCRAM-SHA-256-PLUS PLAIN"
    return scram(offered, binding=end_point(identity), secure=server_context, **options)


@either
@pytest.mark.parametrize("context", ["TlsConfig", "SSLContext"])
def test_a_login_is_bound_to_tls_by_the_certificate(identity, server_context, context):
    seen = []
    if context == "TlsConfig":
        # TLS 1.3 is bound by data that Python's ssl can't supply.
        script = bound(identity, server_context, version=ssl.TLSVersion.TLSv1_2, seen=seen)
        tls = rsmtp.TlsConfig(ca_file=identity)
    else:
        script = bound(identity, server_context, seen=seen)
        tls = ssl.create_default_context(cafile=str(identity))
    with serve(script) as server, rsmtp.SmtpClient(server.host, server.port, context=tls) as client:
        client.starttls()
        assert client.login("ann", "s3cret", mechanism="SCRAM-SHA-256-PLUS")[0] == 235
    assert seen == ["SCRAM-SHA-256-PLUS"]


@either
@pytest.mark.parametrize(
    ("offered", "taken"),
    [
        ("SCRAM-SHA-1-PLUS SCRAM-SHA-1 PLAIN", "SCRAM-SHA-1"),
        ("SCRAM-SHA-256-PLUS SCRAM-SHA-1 PLAIN", "SCRAM-SHA-1"),
        ("SCRAM-SHA-256-PLUS PLAIN", "SCRAM-SHA-256-PLUS"),
    ],
)
def test_by_the_certificate_alone_plus_comes_behind_the_rest_of_scram(
    identity, server_context, offered, taken
):
    """Dovecot 2.4 and Exim refuse an unknown kind of binding, and can't tell the client which
    kinds they know."""
    seen = []
    tls = ssl.create_default_context(cafile=str(identity))
    script = scram(offered, binding=end_point(identity), secure=server_context, seen=seen)
    with serve(script) as server, rsmtp.SmtpClient(server.host, server.port, context=tls) as client:
        client.starttls()
        assert client.login("ann", "s3cret")[0] == 235
    assert seen == [taken]


@either
def test_a_hidden_offer_is_told_to_the_server(identity, server_context):
    seen = []
    tls = ssl.create_default_context(cafile=str(identity))
    script = bound(identity, server_context, hidden=True, seen=seen)
    with serve(script) as server, rsmtp.SmtpClient(server.host, server.port, context=tls) as client:
        client.starttls()
        with pytest.raises(errors.SMTPAuthenticationError):
            client.login("ann", "s3cret")
    assert seen[0] == "SCRAM-SHA-256" and "server-does-support-channel-binding" in seen[1]


@pytest.mark.parametrize("mailer", ["blocking", "asyncio"])
def test_mailers_tell_of_a_hidden_offer_too(identity, server_context, mailer):
    seen = []
    with serve(bound(identity, server_context, hidden=True, seen=seen)) as server:
        settings = {"tls": "starttls", "context": rsmtp.TlsConfig(ca_file=identity), "retries": 0}
        with pytest.raises(errors.SMTPAuthenticationError):
            by_a_mailer(server, **settings)[mailer == "asyncio"]()
    assert seen[0] == "SCRAM-SHA-256" and "server-does-support-channel-binding" in seen[1]


@either
def test_a_binding_to_another_connection_is_worth_nothing(identity, server_context):
    seen = []
    tls = ssl.create_default_context(cafile=str(identity))
    script = scram(
        "SCRAM-SHA-256-PLUS", binding=("tls-server-end-point", b"x" * 32), secure=server_context, seen=seen
    )
    with serve(script) as server, rsmtp.SmtpClient(server.host, server.port, context=tls) as client:
        client.starttls()
        with pytest.raises(errors.SMTPAuthenticationError):
            client.login("ann", "s3cret")
    assert seen[0] == "SCRAM-SHA-256-PLUS" and len(seen) == 2


def test_plus_wants_tls():
    with serve(scram("SCRAM-SHA-256-PLUS PLAIN")) as server:
        with rsmtp.SmtpClient(server.host, server.port) as client:
            with pytest.raises(errors.SMTPException, match="there is nothing here to bind it to"):
                client.login("ann", "s3cret", mechanism="SCRAM-SHA-256-PLUS")
    assert b"AUTH" not in server.heard


# -- classes that look on -------------------------------------------------------------


def watching(base):
    class Watching(base):
        said = []

        def send(self, s):
            self.said.append(s)
            super().send(s)

    return Watching


@pytest.mark.parametrize("base", [rsmtp.SmtpClient, mirror.SMTP])
def test_an_overridden_send_sees_it(base):
    Watching = watching(base)
    for offered, used in [
        (ALL, "CRAM-MD5"),
        ("SCRAM-SHA-256 PLAIN", "PLAIN"),
        ("SCRAM-SHA-1", "SCRAM-SHA-1"),
    ]:
        if used == "CRAM-MD5":
            continue
        Watching.said.clear()
        with serve(scram(offered)) as server, Watching(server.host, server.port) as client:
            assert client.login("ann", "s3cret")[0] == 235
        auth = [said for said in Watching.said if "AUTH" in str(said)]
        assert len(auth) == 1 and f"AUTH {used}" in str(auth[0])


@pytest.mark.parametrize("wrong", ["another nonce", "few iterations", "a wrong signature", "no last message"])
def test_where_an_overridden_send_sees_it_an_impostor_is_none_the_wiser(wrong):
    how, why = WRONG[wrong]
    with serve(scram("SCRAM-SHA-256", **how)) as server:
        client = watching(rsmtp.SmtpClient)(server.host, server.port)
        with pytest.raises(errors.SMTPProtocolError, match=why):
            client.login("ann", "s3cret")
        with pytest.raises(errors.SMTPServerDisconnected):
            client.noop()


# -- its time -------------------------------------------------------------------------


def test_an_event_loop_goes_on_while_it_is_computed():
    async def log_in(server):
        turns = 0

        async def count():
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(count())
        async with rsmtp.AsyncSmtpClient(server.host, server.port) as client:
            before = turns
            await client.login("ann", "s3cret")
            counting.cancel()
            return turns - before

    # The work takes twenty slices, and the loop gets a turn after each of them.
    with serve(scram(ALL, iterations=160_000)) as server:
        assert asyncio.run(log_in(server)) > 20


@either
def test_its_time_is_bounded():
    with serve(scram(ALL, first=lambda said: changed(said, "i", "10000000"))) as server:
        client = rsmtp.SmtpClient(server.host, server.port, timeout=0.3)
        with pytest.raises(errors.SMTPTimeoutError):
            client.login("ann", "s3cret")
