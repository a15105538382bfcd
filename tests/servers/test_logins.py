"""Every mechanism and every way to log in, with independent servers. Dovecot 2.4 has all
mechanisms, Postfix with its Dovecot those that need no TLS, and Exim has EXTERNAL. Kerberos is
tested in test_kerberos.py, access tokens in test_oauth.py."""

import asyncio
import itertools
import ssl
import subprocess
import sys

import pytest

import rsmtp
from rsmtp import aiosmtplib, errors
from rsmtp import smtplib as mirror
from servers.others import Dovecot, Exim, running

SCRAM = ["SCRAM-SHA-256", "SCRAM-SHA-1"]
BOUND = [f"{name}-PLUS" for name in SCRAM]
PASSWORDS = [*BOUND, *SCRAM, "CRAM-MD5", "PLAIN", "LOGIN"]

_numbers = itertools.count(1)


@pytest.fixture
def log_before():
    """Most of these servers have their own logs."""
    return {}


@pytest.fixture(scope="module")
def dovecot():
    with running(Dovecot) as server:
        yield server


@pytest.fixture(scope="module")
def exim():
    with running(Exim) as server:
        yield server


@pytest.fixture
def relay(dovecot):
    """The server that receives what Dovecot has taken."""
    with rsmtp.Catcher(tls="none", port=dovecot.relay) as catcher:
        yield catcher


@pytest.fixture
def message():
    number = next(_numbers)
    return rsmtp.Message(
        f"number {number}", subject=f"Number {number}", from_="ann@bed.test", to="b@example.org"
    )


def by_client(message, login, **server):
    with rsmtp.SmtpClient(**server, tls="starttls") as client:
        client.login(**login)
        client.send_message(message)


def by_async_client(message, login, **server):
    async def send():
        async with rsmtp.AsyncSmtpClient(**server, tls="starttls") as client:
            await client.login(**login)
            await client.send_message(message)

    asyncio.run(send())


def by_mailer(message, login, **server):
    with rsmtp.Mailer(**server, **login, tls="starttls", retries=0) as mailer:
        assert mailer.verify().mechanism == login.get("mechanism", BOUND[0])
        mailer.send(message)


def by_async_mailer(message, login, **server):
    async def send():
        async with rsmtp.AsyncMailer(**server, **login, tls="starttls", retries=0) as mailer:
            await mailer.send(message)

    asyncio.run(send())


WAYS = [by_client, by_async_client, by_mailer, by_async_mailer]
every_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)


def at(server, **more):
    """The server's address, and the authority to trust."""
    return {"host": server.host, "port": server.port, "context": trust(server, **more)}


def trust(server, **more):
    return rsmtp.TlsConfig(ca_file=server.ca_file, **more)


def arrived(message, relay):
    (taken,) = relay.messages
    assert taken.email["Subject"] == message["Subject"]


# -- Dovecot 2.4 ----------------------------------------------------------------------------


@every_way
@pytest.mark.parametrize("mechanism", [None, *PASSWORDS])
def test_a_password_by_every_mechanism(dovecot, relay, message, way, mechanism):
    login = {"username": "ann", "password": "s3cret"}
    way(message, login | ({} if mechanism is None else {"mechanism": mechanism}), **at(dovecot))
    arrived(message, relay)
    assert f"method={mechanism or BOUND[0]}," in dovecot.log()


@every_way
@pytest.mark.parametrize("mechanism", PASSWORDS)
@pytest.mark.parametrize(("user", "password"), [("ann", "wrong"), ("eve", "s3cret")])
def test_what_is_wrong_is_refused(dovecot, relay, message, way, mechanism, user, password):
    login = {"username": user, "password": password, "mechanism": mechanism}
    with pytest.raises(errors.SMTPAuthenticationError) as raised:
        way(message, login, **at(dovecot))
    assert raised.value.smtp_code == 535 and relay.messages == []


@every_way
@pytest.mark.parametrize("user", [None, "ann"])
def test_a_certificate(dovecot, relay, message, way, user):
    shown = at(dovecot, client_certificate=f"{dovecot.folder}/tls/client.pem")
    way(message, {"mechanism": "EXTERNAL", "username": user}, **shown)
    arrived(message, relay)
    assert "user=<ann>, method=EXTERNAL," in dovecot.log()


@every_way
@pytest.mark.parametrize(("user", "shown"), [("eve", True), ("ann", False)])
def test_another_name_than_the_certificates_and_no_certificate(dovecot, message, way, user, shown):
    more = {"client_certificate": f"{dovecot.folder}/tls/client.pem"} if shown else {}
    with pytest.raises(errors.SMTPAuthenticationError) as raised:
        way(message, {"mechanism": "EXTERNAL", "username": user}, **at(dovecot, **more))
    assert raised.value.hint.startswith("The server does not let in the owner of this ticket or certificate")


@every_way
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_with_a_context_of_pythons_scram_goes_unbound(dovecot, relay, message, way, version):
    """Python's ssl has no exporter, and this server knows no other binding."""
    context = ssl.create_default_context(cafile=dovecot.ca_file)
    context.minimum_version = context.maximum_version = version
    login = {"username": "ann", "password": "s3cret", "mechanism": "SCRAM-SHA-256"}
    way(message, login, host=dovecot.host, port=dovecot.port, context=context)
    with rsmtp.SmtpClient(dovecot.host, dovecot.port, context=context) as client:
        assert client.login("ann", "s3cret")[0] == 235
        assert "C: AUTH SCRAM-SHA-256 ***" in str(client.transcript)
    arrived(message, relay)


@every_way
def test_a_hash_that_scram_can_not_use_is_told(dovecot, relay, message, way):
    login = {"username": "bob", "password": "s3cret"}
    with pytest.raises(errors.SMTPAuthenticationError) as raised:
        way(message, login, **at(dovecot))
    assert 'mechanism="PLAIN"' in raised.value.hint
    way(message, login | {"mechanism": "PLAIN"}, **at(dovecot))
    arrived(message, relay)


def test_the_mirrors(dovecot, relay, message):
    context = ssl.create_default_context(cafile=dovecot.ca_file)
    with mirror.SMTP(dovecot.host, dovecot.port) as client:
        client.starttls(context=context)
        client.login("ann", "s3cret")
        client.send_message(message)
    arrived(message, relay)

    async def send():
        async with aiosmtplib.SMTP(hostname=dovecot.host, port=dovecot.port, tls_context=context) as client:
            await client.login("ann", "s3cret")
            await client.send_message(message)

    asyncio.run(send())
    assert len(relay.messages) == 2


@pytest.mark.parametrize("named", ["by a flag", "in the URL"])
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1-PLUS", "LOGIN"])
def test_the_command_line(dovecot, relay, mechanism, named):
    url = f"smtp://ann@{dovecot.host}:{dovecot.port}?tls=starttls"
    more = ["--mechanism", mechanism]
    if named == "in the URL":
        url, more = f"{url}&mechanism={mechanism}", []
    for command, *words in (
        ["send", "--from", "ann@bed.test", "--to", "b@example.org", "--subject", "x", "--text", "hi"],
        ["check", "--login"],
    ):
        server = ["--server", url] if command == "send" else [url]
        done = subprocess.run(
            [sys.executable, "-m", "rsmtp", command, *server, *more, "--ca-file", dovecot.ca_file, *words],
            env={"PATH": "/usr/bin:/bin", "RSMTP_PASSWORD": "s3cret"},
            capture_output=True,
            text=True,
        )
        if command == "check":
            assert f"logged in     as ann by {mechanism}, after" in done.stdout, done.stderr
        else:
            assert done.returncode == 0, done.stderr
    assert len(relay.messages) == 1
    assert dovecot.log().count(f"method={mechanism},") >= 2


def test_the_command_line_shows_a_certificate(dovecot, relay):
    shown = ["--client-certificate", f"{dovecot.folder}/tls/client.pem", "--ca-file", dovecot.ca_file]
    url = f"smtp://{dovecot.host}:{dovecot.port}?tls=starttls&mechanism=EXTERNAL"
    message = ["--from", "ann@bed.test", "--to", "b@example.org", "--text", "hi"]
    for words in (["send", "--server", url, *message], ["check", "--login", url]):
        done = subprocess.run(
            [sys.executable, "-m", "rsmtp", *words, *shown], capture_output=True, text=True, timeout=50
        )
        if words[0] == "check":
            assert "logged in     by EXTERNAL, after" in done.stdout, done.stderr
        else:
            assert done.returncode == 0, done.stderr
    assert len(relay.messages) == 1


# -- Postfix with Dovecot -------------------------------------------------------------------


@every_way
@pytest.mark.parametrize("mechanism", [*SCRAM, "CRAM-MD5", "PLAIN", "LOGIN"])
@pytest.mark.parametrize("user", ["alice", "bob"])
def test_postfix(bed, message, way, mechanism, user):
    password = {"alice": bed.password, "bob": "smørrebrød"}[user]
    message.replace_header("To", "carol@bed.test")
    server = {"host": bed.host, "port": bed.ports["submission"], "context": trust(bed)}
    way(message, {"username": user, "password": password, "mechanism": mechanism}, **server)
    bed.delivered("carol", f"Subject: {message['Subject']}\n")


# -- Exim -----------------------------------------------------------------------------------


@every_way
@pytest.mark.parametrize("user", [None, "ann"])
def test_exim_knows_the_owner_of_a_certificate(exim, message, way, user):
    shown = at(exim, client_certificate=f"{exim.folder}/tls/client.pem")
    before = len(exim.files())
    way(message, {"mechanism": "EXTERNAL", "username": user}, **shown)
    assert len(exim.files()) == before + 1
    for body in exim.files():
        assert b"-auth_id ann\n" in body.with_name(body.name[:-1] + "H").read_bytes()


@every_way
def test_exim_refuses_another_name(exim, message, way):
    shown = at(exim, client_certificate=f"{exim.folder}/tls/client.pem")
    with pytest.raises(errors.SMTPAuthenticationError):
        way(message, {"mechanism": "EXTERNAL", "username": "eve"}, **shown)


@every_way
def test_exim_offers_it_to_owners_of_certificates_alone(exim, message, way):
    with pytest.raises(errors.SMTPException, match="AUTH extension not supported|No suitable"):
        way(message, {"mechanism": "EXTERNAL"}, **at(exim))
