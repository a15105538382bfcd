"""Extension points that programs use: arguments, hooks and callbacks of smtplib."""

import array
import asyncio
import base64
import importlib
import mmap
import socket
import ssl
import struct
import tempfile
import threading

import pytest

import rsmtp
from client.scripted import answering, serve
from rsmtp import smtplib

A, B = "a@example.org", "b@example.org"


@pytest.fixture
def catcher():
    with rsmtp.Catcher(tls="none") as catcher:
        yield catcher


def test_a_send_of_ones_own_sees_what_goes_out(catcher):
    class Noting(smtplib.SMTP):
        def send(self, s):
            sent.append(s)
            return super().send(s)

    sent = []
    with Noting("127.0.0.1", catcher.port, local_hostname="me.example") as client:
        assert client.sendmail(A, [B], "Subject: x\n\n.hi\r.\r\nend") == {}
        assert client.noop()[0] == 250
    ehlo, mail, rcpt, data, content, noop, quit_ = sent
    assert (ehlo, data, noop, quit_) == ("ehlo me.example\r\n", "data\r\n", "noop\r\n", "QUIT\r\n")
    assert mail.startswith(f"mail from:<{A}>")
    assert rcpt == f"rcpt to:<{B}>\r\n"
    assert content == b"Subject: x\r\n\r\n..hi\r\n..\r\nend\r\n.\r\n"
    (message,) = catcher.messages
    assert message.data == b"Subject: x\r\n\r\n.hi\r\n.\r\nend\r\n"


class Noting(smtplib.SMTP):
    def __init__(self, *args, **options):
        self.sent = []
        super().__init__(*args, **options)

    def send(self, s):
        self.sent.append(s)
        return super().send(s)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
def test_a_send_of_ones_own_sees_starttls_and_auth(mechanism):
    with rsmtp.Catcher(username="anna", password="sesame", mechanisms=[mechanism]) as catcher:
        context = ssl.create_default_context(cafile=str(catcher.ca_file))
        with Noting("localhost", catcher.port, local_hostname="me.example") as client:
            assert client.starttls(context=context)[0] == 220
            assert client.login("anna", "sesame")[0] == 235
            assert client.sendmail(A, [B], "Subject: x\n\nhi\n") == {}
        lines = [one if isinstance(one, str) else one.decode() for one in client.sent]
        assert lines[:3] == ["ehlo me.example\r\n", "STARTTLS\r\n", "ehlo me.example\r\n"]
        plain = base64.b64encode(b"\0anna\0sesame").decode()
        name, password = (base64.b64encode(word).decode() for word in (b"anna", b"sesame"))
        if mechanism == "PLAIN":
            assert lines[3] == f"AUTH PLAIN {plain}\r\n"
        elif mechanism == "LOGIN":
            assert lines[3:5] == [f"AUTH LOGIN {name}\r\n", f"{password}\r\n"]
        else:
            assert lines[3] == "AUTH CRAM-MD5\r\n" and base64.b64decode(lines[4]).startswith(b"anna ")
        assert "mail from" in lines[5 - (mechanism == "PLAIN")]
        # The client's own `send` sees the text unmasked. The stored transcript is masked.
        kept = str(client.transcript)
        assert plain not in kept and password not in kept
        assert len(catcher.messages) == 1


TOKEN_LINES = {
    "XOAUTH2": [b"user=anna\1auth=Bearer t.k/n\1\1"],
    "OAUTHBEARER": [b"n,a=anna,\1auth=Bearer t.k/n\1\1"],
}
PASSWORD_LINES = {"PLAIN": [b"\0anna\0sesame"], "LOGIN": [b"anna", b"sesame"]}


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("mechanism", [*TOKEN_LINES, *PASSWORD_LINES])
def test_a_send_of_ones_own_sees_a_login_by_a_token_and_by_a_named_mechanism(mechanism, named):
    by_token = mechanism in TOKEN_LINES
    secret = {"access_token": "t.k/n"} if by_token else {"password": "sesame"}
    offered = ["PLAIN", "LOGIN", "XOAUTH2", "OAUTHBEARER"] if named else [mechanism]
    with rsmtp.Catcher(username="anna", password="sesame", token="t.k/n", mechanisms=offered) as catcher:
        with Noting("localhost", catcher.port) as client:
            client.starttls(context=ssl.create_default_context(cafile=str(catcher.ca_file)))
            options = {"mechanism": mechanism.lower()} if named else {}
            assert client.login("anna", **secret, **options)[0] == 235
            kept = str(client.transcript)
    responses = [base64.b64encode(one).decode() for one in {**TOKEN_LINES, **PASSWORD_LINES}[mechanism]]
    assert client.sent[3:-1] == [
        f"AUTH {mechanism} {responses[0]}\r\n",
        *(f"{one}\r\n" for one in responses[1:]),
    ]
    assert not any(one in kept for one in responses if one != base64.b64encode(b"anna").decode())


@pytest.mark.parametrize("secret", [{"password": "sesame"}, {"access_token": "t.k/n"}])
def test_a_send_of_ones_own_and_a_mechanism_that_is_refused(secret):
    """The next mechanism is tried, as without an overridden `send`."""
    offered = ["AUTH CRAM-MD5 XOAUTH2 OAUTHBEARER PLAIN"]
    no = "504 5.5.4 not here"
    refusing = {"AUTH CRAM-MD5": no, "AUTH OAUTHBEARER": no, "AUTH": "235 2.7.0 yes"}
    lines = {}
    for kind in (smtplib.SMTP, Noting):
        with serve(answering(refusing, extensions=offered)) as server:
            with kind("127.0.0.1", server.port, local_hostname="me.example") as client:
                assert client.login("anna", **secret)[0] == 235
                lines[kind] = [line.text for line in client.transcript if line.text.startswith("AUTH")]
    assert lines[Noting] == lines[smtplib.SMTP] and len(lines[Noting]) == 2


def test_a_send_of_ones_own_and_no_mechanism_for_the_secret():
    with rsmtp.Catcher(username="anna", password="sesame", mechanisms=["PLAIN"]) as catcher:
        with Noting("localhost", catcher.port) as client:
            client.starttls(context=ssl.create_default_context(cafile=str(catcher.ca_file)))
            with pytest.raises(smtplib.SMTPException, match="No suitable authentication method found"):
                client.login("anna", access_token="t.k/n")
            with pytest.raises(ValueError, match="mechanism"):
                client.login("anna", "sesame", mechanism="XOAUTH2")
            assert not any(line.startswith("AUTH") for line in client.sent)


def test_a_send_of_ones_own_and_a_refused_login():
    with rsmtp.Catcher(username="anna", password="sesame") as catcher:
        context = ssl.create_default_context(cafile=str(catcher.ca_file))
        with Noting("localhost", catcher.port) as client:
            client.starttls(context=context)
            with pytest.raises(smtplib.SMTPAuthenticationError) as raised:
                client.login("anna", "wrong")
            assert raised.value.smtp_code == 535
            assert client.noop()[0] == 250


def test_a_send_that_does_not_pass_starttls_on():
    class Silent(smtplib.SMTP):
        def send(self, s):
            return None if s == "STARTTLS\r\n" else super().send(s)

    with rsmtp.Catcher() as catcher, Silent("localhost", catcher.port) as client:
        with pytest.raises(smtplib.SMTPException, match="did not pass the line STARTTLS on"):
            client.starttls()
        assert client.sock is None


def test_an_awaitable_send_of_ones_own():
    class Own(rsmtp.AsyncSmtpClient):
        async def send(self, s):
            sent.append(s)
            return await super().send(s)

    async def main():
        with rsmtp.Catcher(username="anna", password="sesame") as catcher:
            client = Own("localhost", catcher.port, tls="starttls", context=rsmtp.TlsConfig(catcher.ca_file))
            async with client:
                await client.login("anna", "sesame")

    sent = []
    asyncio.run(main())
    assert "STARTTLS\r\n" in sent
    assert any(str(line).startswith("AUTH ") for line in sent)


def test_a_send_of_ones_own_and_a_refused_data():
    class Own(smtplib.SMTP):
        def send(self, s):
            return super().send(s)

    with serve(answering({"DATA": "451 4.3.0 later"})) as server:
        with Own(server.host, server.port) as client, pytest.raises(smtplib.SMTPDataError) as raised:
            client.sendmail(A, [B], "hi")
    assert raised.value.smtp_code == 451


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize(
    "arguments",
    [
        lambda context: ((None, None, context), {}),
        lambda context: ((), {"keyfile": None, "certfile": None, "context": context}),
        lambda context: ((), {"context": context}),
    ],
)
def test_the_arguments_of_python_3_11(arguments):
    with rsmtp.Catcher() as catcher:
        args, options = arguments(ssl.create_default_context(cafile=str(catcher.ca_file)))
        with smtplib.SMTP("localhost", catcher.port) as client:
            assert client.starttls(*args, **options)[0] == 220
    with rsmtp.Catcher(tls="implicit") as catcher:
        args, options = arguments(ssl.create_default_context(cafile=str(catcher.ca_file)))
        args = args and (args[0], args[1], 20, None, args[2])
        with smtplib.SMTP_SSL("localhost", catcher.port, None, *args, **options) as client:
            assert client.noop()[0] == 250


def test_what_the_old_arguments_refuse():
    with pytest.raises(ValueError, match="context"):
        smtplib.SMTP_SSL(certfile="c.pem", context=ssl.create_default_context())
    with pytest.raises(ValueError, match="certfile"):
        smtplib.SMTP_SSL(keyfile="k.pem")


def test_the_kernels_socket_can_be_asked(catcher):
    with smtplib.SMTP("127.0.0.1", catcher.port) as client:
        client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        assert client.sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        linger = client.sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
        assert struct.unpack("ii", linger)[0] == 0
        assert client.noop()[0] == 250
        client.sock.shutdown(socket.SHUT_RDWR)
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.noop()


def test_a_source_address_without_a_port(catcher):
    with smtplib.SMTP("127.0.0.1", catcher.port, source_address="127.0.0.1") as client:
        assert client.sock.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize("port", [0, "given"])
def test_an_address_in_brackets(port):
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("no IPv6 on this machine")
    with rsmtp.Catcher(host="::1", tls="none") as catcher:
        host = f"[::1]:{catcher.port}" if port == 0 else "[::1]"
        with smtplib.SMTP(host, catcher.port if port else 0) as client:
            assert client.noop()[0] == 250


def test_lmtp_at_a_path_object(tmp_path):
    path = tmp_path / "lmtp"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(path))
        listening.listen()
        listening.settimeout(20)
        client = smtplib.LMTP()
        client.timeout = 20

        def greet():
            peer, _ = listening.accept()
            with peer:
                peer.sendall(b"220 hello\r\n")
                peer.recv(1)

        thread = threading.Thread(target=greet)
        thread.start()
        assert client.connect(path)[0] == 220
        client.close()
        thread.join()


@pytest.mark.parametrize("verb", ["verify", "expn"])
def test_an_international_address_is_asked_about_under_smtputf8_only(verb):
    heard = {"VRFY": "252 perhaps", "EXPN": "252 perhaps"}
    with serve(answering(heard, extensions=["SMTPUTF8"])) as server:
        with smtplib.SMTP(server.host, server.port) as client:
            client.ehlo()
            assert getattr(client, verb)("jürgen@example.org")[0] == 252
            assert "jürgen@example.org SMTPUTF8" in client.transcript[-2].text
    with serve(answering(heard)) as server, smtplib.SMTP(server.host, server.port) as client:
        client.ehlo()
        before = len(client.transcript)
        with pytest.raises(UnicodeEncodeError):
            getattr(client, verb)("jürgen@example.org")
        assert len(client.transcript) == before


@pytest.mark.parametrize("answer", ["\0ann\0secret", b"\0ann\0secret", bytearray(b"\0ann\0secret")])
def test_an_authobject_answers_with_text_or_octets(answer):
    with rsmtp.Catcher(tls="none", username="ann", password="secret") as catcher:
        with smtplib.SMTP("127.0.0.1", catcher.port) as client:
            client.ehlo()
            assert client.auth("PLAIN", lambda challenge=None: answer)[0] == 235
    with rsmtp.Catcher(tls="none") as catcher, smtplib.SMTP("127.0.0.1", catcher.port) as client:
        client.ehlo()
        with pytest.raises(TypeError, match="authobject"):
            client.auth("PLAIN", lambda challenge=None: 5)


@pytest.mark.parametrize("name", ["socket", "ssl", "_have_ssl", "quoteaddr", "_addr_only", "SMTP_SSL_PORT"])
def test_names_that_programs_take(name):
    assert getattr(smtplib, name) is not None
    with pytest.raises(AttributeError):
        getattr(smtplib, name + "_that_is_none")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("utils", "specialsre"),
        ("utils", "escapesre"),
        ("utils", "COMMASPACE"),
        ("encoders", "_bencode"),
        ("message", "_parseparam"),
        ("header", "ecre"),
        ("generator", "NLCRE"),
        ("charset", "QP"),
    ],
)
def test_private_names_of_email_that_programs_take(module, name):
    ours = importlib.import_module(f"rsmtp.email.{module}")
    assert type(getattr(ours, name)) is type(getattr(importlib.import_module(f"email.{module}"), name))
    with pytest.raises(AttributeError):
        getattr(ours, name + "_that_is_none")


CONTENT = b"Subject: x\r\n\r\n.hi\r\n"


def mapped():
    with tempfile.TemporaryFile() as file:
        file.write(CONTENT)
        file.flush()
        return mmap.mmap(file.fileno(), 0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: bytearray(CONTENT),
        lambda: memoryview(CONTENT),
        lambda: memoryview(bytes(octet for octet in CONTENT for _ in "ab"))[::2],
        lambda: array.array("B", CONTENT),
        mapped,
    ],
    ids=["bytearray", "memoryview", "every second", "array", "mmap"],
)
def test_whatever_has_a_buffer_is_mail_data(catcher, make):
    async def later():
        async with rsmtp.AsyncSmtpClient(catcher.host, catcher.port) as client:
            await client.sendmail(A, B, make())

    with smtplib.SMTP(catcher.host, catcher.port) as client:
        client.sendmail(A, B, make())
    with rsmtp.Mailer(host=catcher.host, port=catcher.port, tls="none") as mailer:
        assert mailer.send_all([(A, B, make())]).sent == 1
    asyncio.run(later())
    assert [message.data for message in catcher.wait_for(3, 5)] == [CONTENT] * 3
