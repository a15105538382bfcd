"""Compares `rsmtp.aiosmtplib` with aiosmtplib: names, signatures, and which errors are raised
where."""

import asyncio
import email.message
import inspect
import socket
import subprocess
import sys

import aiosmtplib
import pytest
from client.scripted import answering, serve

import rsmtp
from rsmtp import aiosmtplib as mirror

A, B, C = "a@example.org", "b@example.org", "c@example.org"
LETTER = "Subject: s\n\nhello\n"
# The names in aiosmtplib's reference, and those that describe its own package.
THEIRS = set(aiosmtplib.__all__)
ERRORS = sorted(name for name in THEIRS if name.startswith("SMTP") and name not in {
    "SMTP", "SMTPResponse", "SMTPStatus", "SMTPTokenGenerator"})  # fmt: skip
VERBS = sorted(
    name
    for name, found in vars(aiosmtplib.SMTP).items()
    if inspect.isfunction(found) and not name.startswith("_")
)


# -- names, signatures, classes ---------------------------------------------------------------


def test_every_public_name():
    assert set(mirror.__all__) >= THEIRS
    properties = {name for name, found in vars(aiosmtplib.SMTP).items() if isinstance(found, property)}
    attributes = {name for name in vars(aiosmtplib.SMTP()) if not name.startswith("_")}
    # The event loop belongs to the connection.
    assert properties | attributes - {"loop"} <= set(dir(mirror.SMTP()))
    assert {status.name: status.value for status in aiosmtplib.SMTPStatus} == {
        status.name: status.value for status in mirror.SMTPStatus
    }


@pytest.mark.parametrize("name", ["__init__", *VERBS])
def test_a_signature(name):
    def shape(cls):
        parameters = inspect.signature(getattr(cls, name)).parameters.values()
        return [(p.name, p.kind, getattr(p.default, "name", p.default)) for p in parameters]

    assert shape(mirror.SMTP) == shape(aiosmtplib.SMTP)
    assert inspect.iscoroutinefunction(getattr(mirror.SMTP, name)) == inspect.iscoroutinefunction(
        getattr(aiosmtplib.SMTP, name)
    )


def test_the_signature_of_send():
    ours, theirs = (inspect.signature(module.send).parameters for module in (mirror, aiosmtplib))
    assert [(p.name, p.kind, p.default) for p in ours.values()] == [
        (p.name, p.kind, p.default) for p in theirs.values()
    ]


@pytest.mark.parametrize("name", ERRORS)
def test_an_exception_is_the_one_of_aiosmtplib(name):
    assert getattr(mirror, name) is getattr(aiosmtplib, name)


WITHOUT = """
import sys
sys.modules["aiosmtplib"] = None    # as if it were not installed
from rsmtp import aiosmtplib
for name in aiosmtplib.__all__:
    cls = getattr(aiosmtplib, name)
    if isinstance(cls, type) and issubclass(cls, BaseException):
        assert cls.__module__ == "rsmtp.aiosmtplib.errors", cls
        print(name, *(base.__name__ for base in cls.__mro__))
"""


def test_the_exceptions_where_aiosmtplib_is_not_installed():
    run = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, timeout=50)
    assert run.returncode == 0, run.stderr
    ours = dict(line.split(" ", 1) for line in run.stdout.splitlines())
    assert ours == {
        name: " ".join(base.__name__ for base in getattr(aiosmtplib, name).__mro__) for name in ERRORS
    }


def test_in_the_place_of_aiosmtplib():
    """A test run or a program may make `aiosmtplib` an alias of the mirror."""
    program = (
        "import sys, importlib.util\n"
        "spec = importlib.util.find_spec('rsmtp.aiosmtplib')\n"
        "module = importlib.util.module_from_spec(spec)\n"
        "sys.modules['aiosmtplib'] = sys.modules['rsmtp.aiosmtplib'] = module\n"
        "spec.loader.exec_module(module)\n"
        "print(module.SMTPException.__module__)\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=50)
    assert run.stdout.strip() == "rsmtp.aiosmtplib.errors", run.stderr


# -- refusals ---------------------------------------------------------------------------------


def refusing(verb):
    """A server that refuses one verb and accepts all others."""

    def script(peer):
        peer.say("554 5.7.1 no service" if verb == "greeting" else "220 here")
        while line := peer.line():
            said = line.split()[0].upper()
            if said == verb or (verb == "EHLO" and said == "HELO"):
                peer.say("550 5.1.1 not this")
            elif said == "EHLO":
                peer.say("250-here", "250 AUTH PLAIN")
            elif said == "DATA":
                peer.say("354 go on")
                peer.mail_data()
                peer.say("250 2.0.0 queued as 4711")
            elif said == "QUIT":
                peer.say("221 bye")
                return
            else:
                peer.say("235 in" if said == "AUTH" else "250 fine")

    return script


CALLS = {
    "greeting": (mirror.SMTPConnectResponseError, lambda smtp: smtp.noop()),
    "EHLO": (mirror.SMTPHeloError, lambda smtp: smtp.ehlo()),
    "HELO": (mirror.SMTPHeloError, lambda smtp: smtp.helo()),
    "NOOP": (mirror.SMTPResponseException, lambda smtp: smtp.noop()),
    "RSET": (mirror.SMTPResponseException, lambda smtp: smtp.rset()),
    "HELP": (mirror.SMTPResponseException, lambda smtp: smtp.help()),
    "VRFY": (mirror.SMTPResponseException, lambda smtp: smtp.vrfy(A)),
    "EXPN": (mirror.SMTPResponseException, lambda smtp: smtp.expn("members")),
    "MAIL": (mirror.SMTPSenderRefused, lambda smtp: smtp.mail(A)),
    "RCPT": (mirror.SMTPRecipientRefused, lambda smtp: mail_and_rcpt(smtp)),
    "DATA": (mirror.SMTPDataError, lambda smtp: smtp.data(LETTER)),
    "AUTH": (mirror.SMTPAuthenticationError, lambda smtp: smtp.login("ann", "secret")),
    "QUIT": (mirror.SMTPResponseException, lambda smtp: smtp.quit()),
}


async def mail_and_rcpt(smtp):
    await smtp.mail(A)
    return await smtp.rcpt(B)


@pytest.mark.parametrize("verb", CALLS)
def test_a_refusal_is_raised(verb):
    expected, call = CALLS[verb]

    async def main(port):
        smtp = mirror.SMTP(hostname="127.0.0.1", port=port, start_tls=False, timeout=20)
        with pytest.raises(expected) as caught:
            await smtp.connect()
            await call(smtp)
        smtp.close()
        return caught.value

    with serve(refusing(verb)) as server:
        error = asyncio.run(main(server.port))
    assert type(error) is expected
    code, text = (554, "5.7.1 no service") if verb == "greeting" else (550, "5.1.1 not this")
    assert (error.code, error.message) == (code, text)


def test_a_refused_recipient_and_the_reply_to_the_message():
    async def main(port):
        async with mirror.SMTP(hostname="127.0.0.1", port=port, timeout=20) as smtp:
            return await smtp.sendmail(A, [B, C], LETTER)

    with rsmtp.Catcher(tls="none") as catcher:
        catcher.fault("rcpt", reply=(550, "5.1.1 unknown"), address=C)
        refused, reply = asyncio.run(main(catcher.port))
        assert refused == {C: mirror.SMTPResponse(550, "5.1.1 unknown")}
        assert catcher.messages[0].queue_id in reply
        assert catcher.messages[0].rcpt_tos == [B]


def test_what_the_engine_knows_is_the_cause():
    async def main(port):
        async with mirror.SMTP(hostname="127.0.0.1", port=port, timeout=20) as smtp:
            await smtp.sendmail(A, [B, C], LETTER)

    with rsmtp.Catcher(tls="none") as catcher:
        catcher.fault("rcpt", reply=(450, "4.2.1 later"))
        with pytest.raises(mirror.SMTPRecipientsRefused) as caught:
            asyncio.run(main(catcher.port))
    refused = [(error.code, error.message, error.recipient) for error in caught.value.recipients]
    assert refused == [(450, "4.2.1 later", B), (450, "4.2.1 later", C)]
    cause = caught.value.__cause__
    assert isinstance(cause, rsmtp.SMTPRecipientsRefused)
    assert cause.transient
    assert cause.fates == {B: "refused", C: "refused"}
    assert any("RCPT" in line for line in cause.last_words)
    assert caught.value.hint == cause.hint == "The same may work later."


@pytest.mark.parametrize("raw", [True, False])
def test_a_message_without_recipients(raw):
    letter = email.message.EmailMessage()
    letter["From"] = A
    letter.set_content("hello")

    async def main(port):
        async with mirror.SMTP(hostname="127.0.0.1", port=port, timeout=20) as smtp:
            await (smtp.sendmail(A, [], LETTER) if raw else smtp.send_message(letter))

    with rsmtp.Catcher(tls="none") as catcher:
        with pytest.raises(mirror.SMTPRecipientsRefused if raw else ValueError):
            asyncio.run(main(catcher.port))
        assert not catcher.messages


# -- connecting ---------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["implicit", "demanded", "if offered"])
def test_tls(way):
    with rsmtp.Catcher(tls="implicit" if way == "implicit" else "starttls") as catcher:
        options = {"implicit": {"use_tls": True}, "demanded": {"start_tls": True}, "if offered": {}}[way]

        async def main():
            smtp = mirror.SMTP(
                hostname="localhost",
                port=catcher.port,
                cert_bundle=catcher.ca_file,
                username=catcher.username,
                password=catcher.password.encode(),
                **options,
            )
            async with smtp:
                info = {key: smtp.get_transport_info(key) for key in ("cipher", "peercert", "sslcontext")}
                assert None not in info.values()
                assert smtp.get_transport_info("peername")[1] == catcher.port
                assert smtp.get_transport_info("ssl_object").version().startswith("TLSv1.")
                assert smtp.get_transport_info("compression") is None
                with pytest.raises(mirror.SMTPException, match="already using TLS"):
                    await smtp.starttls()
                return await smtp.sendmail(A, B, LETTER)

        refused, _ = asyncio.run(main())
        assert refused == {}
        assert catcher.messages[0].user == catcher.username


def test_start_tls_false_and_a_server_without_it():
    async def main(port, start_tls):
        async with mirror.SMTP(hostname="127.0.0.1", port=port, start_tls=start_tls) as smtp:
            return smtp.get_transport_info("sslcontext"), smtp.supports_extension("starttls")

    with serve(answering()) as server:
        assert asyncio.run(main(server.port, None)) == (None, False)
        with pytest.raises(mirror.SMTPException, match="STARTTLS"):
            asyncio.run(main(server.port, True))


def test_a_certificate_that_is_not_trusted():
    async def main(port, **options):
        async with mirror.SMTP(hostname="localhost", port=port, **options):
            pass

    with rsmtp.Catcher(tls="implicit") as catcher:
        with pytest.raises(mirror.SMTPConnectError, match="certificate"):
            asyncio.run(main(catcher.port, use_tls=True))
        asyncio.run(main(catcher.port, use_tls=True, validate_certs=False))


def test_an_oauth_token_generator():
    async def main(catcher):
        async def token():
            return catcher.token

        smtp = mirror.SMTP(
            hostname="localhost",
            port=catcher.port,
            cert_bundle=catcher.ca_file,
            username=catcher.username,
            oauth_token_generator=token,
        )
        async with smtp:
            await smtp.sendmail(A, B, LETTER)

    with rsmtp.Catcher() as catcher:
        asyncio.run(main(catcher))
        assert catcher.messages[0].user == catcher.username


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="Unix sockets")
@pytest.mark.parametrize("kind", ["str", "bytes", "path"])
def test_a_socket_path(tmp_path, kind):
    path = tmp_path / "smtp"
    given = {"str": str(path), "bytes": bytes(path), "path": path}[kind]

    async def main():
        async with mirror.SMTP(socket_path=given, timeout=20) as smtp:
            return await smtp.noop()

    with serve(answering(), path=path):
        assert asyncio.run(main()).code == 250


def test_a_socket_of_the_callers():
    async def main(port):
        sock = socket.create_connection(("127.0.0.1", port))
        async with mirror.SMTP(sock=sock, timeout=20) as smtp:
            return await smtp.sendmail(A, B, LETTER)

    with rsmtp.Catcher(tls="none") as catcher:
        assert asyncio.run(main(catcher.port))[0] == {}


def test_no_server_listens():
    free = socket.create_server(("127.0.0.1", 0))
    port = free.getsockname()[1]
    free.close()

    async def main():
        await mirror.SMTP(hostname="127.0.0.1", port=port, timeout=20).connect()

    with pytest.raises(mirror.SMTPConnectError, match=f"127.0.0.1 on port {port}") as caught:
        asyncio.run(main())
    assert isinstance(caught.value.__cause__, ConnectionRefusedError)


def test_settings_that_exclude_each_other():
    async def token():
        return ""

    for options in (
        {"use_tls": True, "start_tls": True},
        {"password": "p", "oauth_token_generator": token},
        {"tls_context": rsmtp.TlsConfig(), "client_cert": "file"},
        {"socket_path": "/run/x", "port": 25},
        {"socket_path": "/run/x", "use_tls": True},
        {"hostname": "a\r\nb"},
        {"local_hostname": "a b"},
        {"local_hostname": " "},
    ):
        with pytest.raises(ValueError):
            mirror.SMTP(**options)


# -- waiting, sharing, losing -----------------------------------------------------------------


@pytest.mark.parametrize("timeout", [0.05, 0.0, 0])
def test_a_timeout_of_one_call(timeout):
    def script(peer):
        peer.say("220 here")
        peer.line()
        peer.say("250 here")
        peer.line()
        peer.until_closed()

    async def main(port):
        smtp = mirror.SMTP(hostname="127.0.0.1", port=port, start_tls=False, timeout=20)
        await smtp.connect()
        await smtp.ehlo()
        with pytest.raises(mirror.SMTPReadTimeoutError):
            await smtp.noop(timeout=timeout)
        assert not smtp.is_connected
        assert smtp.transport is None
        with pytest.raises(mirror.SMTPServerDisconnected):
            await smtp.noop()

    with serve(script) as server:
        asyncio.run(main(server.port))


def test_a_timeout_of_one_call_is_not_the_next_ones():
    async def main(port):
        async with mirror.SMTP(hostname="127.0.0.1", port=port, start_tls=False, timeout=20) as smtp:
            await smtp.noop(timeout=10)
            assert smtp._client.sock.gettimeout() == 10
            await smtp.noop()
            assert smtp._client.sock.gettimeout() == 20

    with serve(answering()) as server:
        asyncio.run(main(server.port))


def test_a_server_that_greets_too_late():
    async def main(port):
        await mirror.SMTP(hostname="127.0.0.1", port=port, timeout=0.1).connect()

    with serve(lambda peer: peer.until_closed()) as server:
        with pytest.raises(mirror.SMTPConnectTimeoutError, match="server ready message"):
            asyncio.run(main(server.port))


def test_a_server_that_closes_meanwhile():
    """The client reports it, and a task that waits for its turn to connect gets it."""

    def script(peer):
        peer.say("220 here")
        if peer.line():
            peer.say("250 here")
            peer.half_close()
            peer.until_closed()

    async def main(port):
        smtp = mirror.SMTP(hostname="127.0.0.1", port=port, start_tls=False, timeout=20)
        await smtp.connect()
        await smtp.ehlo()
        while smtp.is_connected:
            await asyncio.sleep(0.01)
        with pytest.raises(mirror.SMTPServerDisconnected):
            await smtp.noop()
        await smtp.connect()
        assert smtp.is_connected
        smtp.close()

    with serve(script) as server:
        asyncio.run(main(server.port))


def test_tasks_that_connect_by_one_instance_take_turns():
    async def main(port):
        smtp = mirror.SMTP(hostname="127.0.0.1", port=port, timeout=20)
        connected = 0

        async def one(number):
            nonlocal connected
            await smtp.connect()
            connected += 1
            assert connected == 1
            await smtp.sendmail(A, B, f"Subject: {number}\n\nhello\n")
            connected -= 1
            await smtp.quit()

        await asyncio.gather(*(one(number) for number in range(3)))

    with rsmtp.Catcher(tls="none") as catcher:
        asyncio.run(main(catcher.port))
        assert len(catcher.messages) == 3


def test_verbs_of_many_tasks():
    async def main(port):
        async with mirror.SMTP(hostname="127.0.0.1", port=port, timeout=20) as smtp:
            answers = await asyncio.gather(
                *(smtp.sendmail(A, B, f"Subject: {number}\n\nhello\n") for number in range(20))
            )
            return [reply for _, reply in answers]

    with rsmtp.Catcher(tls="none") as catcher:
        replies = asyncio.run(main(catcher.port))
        # Each result has the reply to its own message.
        for number, reply in enumerate(replies):
            (queued,) = [m for m in catcher.messages if m.email["Subject"] == str(number)]
            assert queued.queue_id in reply


def test_sync_and_again():
    with rsmtp.Catcher(tls="none") as catcher:
        smtp = mirror.SMTP(hostname="127.0.0.1", port=catcher.port, timeout=20)
        assert smtp.sendmail_sync(A, [B], LETTER)[0] == {}
        letter = rsmtp.Message("hello", subject="s", from_=A, to=[B])
        assert smtp.send_message_sync(letter)[0] == {}
        assert len(catcher.messages) == 2
        assert not smtp.is_connected


def test_send():
    letter = rsmtp.Message("hello", subject="s", from_=A, to=[B], bcc=[C])
    with rsmtp.Catcher() as catcher:
        where = {"hostname": "localhost", "port": catcher.port, "cert_bundle": catcher.ca_file,
                 "username": catcher.username, "password": catcher.password}  # fmt: skip
        assert asyncio.run(mirror.send(letter, **where))[0] == {}
        assert asyncio.run(mirror.send(LETTER, sender=A, recipients=[B], **where))[0] == {}
        with pytest.raises(ValueError, match="Sender"):
            asyncio.run(mirror.send(LETTER, recipients=[B], **where))
        with pytest.raises(ValueError, match="Recipients"):
            asyncio.run(mirror.send(LETTER, sender=A, **where))
        assert [message.rcpt_tos for message in catcher.messages] == [[B, C], [B]]


@pytest.mark.parametrize(
    "address", ["a@x.org> SIZE=1", "a@x.org> AUTH=<b@x.org", "<a@x.org", "a@x.org\r\nQUIT"]
)
@pytest.mark.parametrize("verb", ["vrfy", "expn", "mail", "rcpt"])
def test_nothing_follows_an_address(verb, address):
    async def main(port):
        async with mirror.SMTP(hostname="127.0.0.1", port=port, start_tls=False, timeout=20) as smtp:
            await smtp.ehlo()
            with pytest.raises(ValueError):
                await getattr(smtp, verb)(address)

    with serve(answering()) as server:
        asyncio.run(main(server.port))
        server.wait_for_end()
        assert b"x.org" not in server.heard
