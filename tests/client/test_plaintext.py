"""What may be sent without TLS follows one rule for every client and every spelling of the
arguments (docs/security.md has the table). Servers on the network use this machine's own address."""

import asyncio
import base64
import inspect
import smtplib as stdlib

import network
import pytest

import rsmtp
from client.scripted import Server, answering
from rsmtp import aiosmtplib, errors
from rsmtp import smtplib as mirror

A, B = "a@example.org", "b@example.org"
PLAIN = base64.b64encode(b"\0ann\0secret").decode()
OFFERED = ["STARTTLS", "AUTH PLAIN LOGIN"]


async def done(value):
    return await value if inspect.isawaitable(value) else value


def by_hand(line):
    verb, _, rest = line.partition(" ")

    def say(client):
        if hasattr(client, "docmd"):
            return client.docmd(verb, rest)
        return client.execute_command(verb.encode(), *rest.encode().split())

    return say


async def octets(client):
    await done(client.send(f"AUTH PLAIN {PLAIN}\r\n"))
    await done(client.getreply())


# Each of these requests is part of a login or of mail.
LOGINS = {
    "login": lambda client: client.login("ann", "secret"),
    "auth": lambda client: client.auth("PLAIN", lambda challenge=None: "\0ann\0secret"),
    "docmd AUTH": by_hand(f"AUTH PLAIN {PLAIN}"),
    "docmd auth": by_hand(f"auth plain {PLAIN}"),
}
MAIL = {
    "mail": lambda client: client.mail(A),
    "rcpt": lambda client: client.rcpt(B),
    "data": lambda client: client.data(b"Subject: x\r\n\r\nhi\r\n"),
    "docmd MAIL": by_hand(f"MAIL FROM:<{A}>"),
    "docmd RCPT": by_hand(f"RCPT TO:<{B}>"),
    "docmd DATA": by_hand("DATA"),
    "sendmail": lambda client: client.sendmail(A, [B], "Subject: x\n\nhi\n"),
}
OWN = {
    "SmtpClient": lambda host, port, **more: rsmtp.SmtpClient(host, port, timeout=20, **more),
    "AsyncSmtpClient": lambda host, port, **more: rsmtp.AsyncSmtpClient(host, port, timeout=20, **more),
}
MIRRORS = {
    "smtplib": lambda host, port: mirror.SMTP(host, port, timeout=20),
    "aiosmtplib": lambda host, port: aiosmtplib.SMTP(hostname=host, port=port, timeout=20, start_tls=False),
}


@pytest.fixture(scope="session")
def there():
    return network.own_address()


def said(make, act, host, offered=OFFERED):
    """The verbs that a server at `host` received, and the exception."""

    async def run():
        client = None
        try:
            client = await done(make(host, server.port))
            if hasattr(client, "__aenter__"):
                await client.__aenter__()
            await done(act(client))
        except errors.SMTPException as error:
            return error
        except aiosmtplib.SMTPException as error:
            return error
        finally:
            if client is not None:
                await done(client.aclose() if hasattr(client, "aclose") else client.close())

    replies = {"STARTTLS": "454 4.7.0 not now", "RCPT": "250 ok"}
    with Server(answering(replies, extensions=offered), host=host) as server:
        raised = asyncio.run(run())
        server.wait_for_end()
    return [line.split(b" ")[0].upper().decode() for line in server.heard.splitlines()], raised


def private(verbs):
    return {"AUTH", "MAIL", "RCPT", "DATA"} & set(verbs)


@pytest.mark.parametrize("client", OWN)
@pytest.mark.parametrize("way", LOGINS | MAIL)
def test_unasked_nothing_goes_to_the_network(there, client, way):
    verbs, raised = said(OWN[client], (LOGINS | MAIL)[way], there)
    assert "STARTTLS" in verbs and not private(verbs)
    assert isinstance(raised, errors.SMTPException)


@pytest.mark.parametrize("client", OWN)
@pytest.mark.parametrize("way", LOGINS | MAIL)
def test_what_stays_on_this_machine_goes(client, way):
    verbs, raised = said(OWN[client], (LOGINS | MAIL)[way], "127.0.0.1")
    assert raised is None and private(verbs) and "STARTTLS" not in verbs


@pytest.mark.parametrize("client", OWN)
@pytest.mark.parametrize("way", LOGINS | MAIL)
def test_none_lets_mail_go_and_a_login_wants_a_word_of_its_own(there, client, way):
    def without_tls(**more):
        return lambda host, port: OWN[client](host, port, tls="none", **more)

    verbs, raised = said(without_tls(), (LOGINS | MAIL)[way], there)
    if way in MAIL:
        assert raised is None and private(verbs)
    else:
        assert isinstance(raised, errors.SMTPNotSupportedError) and "AUTH" not in verbs
        assert 'tls="starttls"' in str(raised) and "allow_plaintext_auth=True" in str(raised)
    verbs, raised = said(without_tls(allow_plaintext_auth=True), (LOGINS | MAIL)[way], there)
    assert raised is None and private(verbs)


@pytest.mark.parametrize("client", MIRRORS)
@pytest.mark.parametrize("way", [way for way in MAIL if way != "sendmail"])
def test_mail_through_a_mirror_goes_as_through_its_model(there, client, way):
    verbs, raised = said(MIRRORS[client], MAIL[way], there)
    assert raised is None and private(verbs) and "STARTTLS" not in verbs
    if client == "smtplib":
        model, _ = said(lambda host, port: stdlib.SMTP(host, port, timeout=20), MAIL[way], there)
        assert verbs == model


@pytest.mark.parametrize("client", MIRRORS)
@pytest.mark.parametrize("way", [way for way in LOGINS if way != "auth"])
def test_a_password_through_a_mirror_stays_on_this_machine(there, client, way):
    verbs, raised = said(MIRRORS[client], LOGINS[way], there)
    assert "AUTH" not in verbs and "not encrypted" in str(raised)
    assert ("start_tls=True" in raised.hint) == ("start_tls=True" in str(raised)) == (client == "aiosmtplib")
    verbs, raised = said(MIRRORS[client], LOGINS[way], "127.0.0.1")
    assert "AUTH" in verbs and raised is None


@pytest.mark.parametrize("client", OWN)
def test_octets_of_the_callers_own_are_no_way_round(there, client):
    verbs, raised = said(OWN[client], octets, there)
    assert verbs == [] and isinstance(raised, errors.SMTPNotSupportedError)
    verbs, raised = said(OWN[client], octets, "127.0.0.1")
    assert verbs == ["AUTH"] and raised is None


@pytest.mark.parametrize("client", OWN)
@pytest.mark.parametrize("way", ["login", "docmd MAIL", "sendmail"])
def test_a_context_asks_for_tls_on_this_machine_too(client, way):
    context = rsmtp.TlsConfig(verify=False)
    verbs, raised = said(
        lambda host, port: OWN[client](host, port, context=context), (LOGINS | MAIL)[way], "127.0.0.1"
    )
    assert "STARTTLS" in verbs and not private(verbs) and raised is not None


@pytest.mark.parametrize("client", OWN)
@pytest.mark.parametrize("after_mail", [False, True])
def test_a_login_that_is_offered_under_tls_only_brings_tls_up(client, after_mail):
    async def act(client):
        if after_mail:
            await done(client.sendmail(A, [B], "Subject: x\n\nhi\n"))
        await done(client.login("ann", "secret"))

    verbs, raised = said(OWN[client], act, "127.0.0.1", offered=["STARTTLS"])
    assert verbs.index("STARTTLS") > ("MAIL" in verbs and verbs.index("MAIL")) and "AUTH" not in verbs
    assert raised is not None and raised.stage == "starttls"


@pytest.mark.parametrize("mailer", [rsmtp.Mailer, rsmtp.AsyncMailer])
@pytest.mark.parametrize(
    ("local", "options", "goes"),
    [
        (True, {}, True),
        (True, {"tls": "starttls"}, False),
        (False, {}, False),
        (False, {"allow_plaintext_auth": True}, False),
        (False, {"tls": "none"}, False),
        (False, {"tls": "none", "allow_plaintext_auth": True}, True),
    ],
)
def test_a_mailer_that_logs_in_does_the_same(there, mailer, local, options, goes):
    def make(host, port):
        return mailer(host=host, port=port, user="ann", password="secret", retries=0, timeout=20, **options)

    verbs, raised = said(
        make, lambda mailer: mailer.send((A, B, b"Subject: x\r\n\r\nhi\r\n")), "127.0.0.1" if local else there
    )
    assert ("AUTH" in verbs, "MAIL" in verbs, raised is None) == (goes, goes, goes)
