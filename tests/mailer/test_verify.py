"""`Mailer.verify` opens a session as for mail, and closes it again."""

import json
import socket
import ssl
from datetime import UTC, datetime

import pytest

import rsmtp

MESSAGE = ("a@x.example", ["b@x.example"], b"Subject: x\r\n\r\n")


@pytest.fixture
def server():
    with rsmtp.Catcher(username="ann", password="secret") as catcher:
        yield catcher


def settings(server, **more):
    context = rsmtp.TlsConfig(ca_file=server.ca_file)
    login = {"username": "ann", "password": "secret"}
    return {"host": "localhost", "port": server.port, "context": context, **login, **more}


def closed_port():
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return bound.getsockname()[1]


def said(conversation):
    return [line[3:].split()[0].upper() for line in conversation.lines if line.startswith("C: ")]


def test_what_it_tells(server, either_mailer):
    with rsmtp.Mailer(**settings(server)) as mailer:
        seen = mailer.verify()
        assert mailer.idle == 0
    assert isinstance(seen, rsmtp.Verification)
    assert seen.server == f"localhost:{server.port}"
    assert seen.address[0] in ("127.0.0.1", "::1") and seen.address[1] == server.port
    assert seen.greeting == (220, "localhost ESMTP rsmtp catcher")
    assert (seen.security, seen.tls_version) == ("STARTTLS", "TLSv1.3")
    assert seen.cipher == seen.tls.cipher and seen.tls.verified
    assert seen.certificate_expires > datetime.now(UTC)
    assert "starttls" in seen.offered_in_plaintext and "starttls" not in seen.extensions
    assert seen.extensions["size"] == "33554432" and seen.size == 33554432
    assert (seen.username, seen.mechanism) == ("ann", "SCRAM-SHA-256-PLUS") and "PLAIN" in seen.mechanisms
    assert list(seen.seconds) == ["lookup", "connect", "greeting", "tls", "hello", "login", "noop"]
    assert all(took >= 0 for took in seen.seconds.values())
    assert seen.fallbacks == []
    (conversation,) = server.conversations
    assert said(conversation) == ["EHLO", "STARTTLS", "EHLO", "AUTH", "****", "****", "NOOP", "QUIT"]
    assert server.count == 0
    assert "secret" not in repr(seen) + str(seen) + repr(seen.transcript)


def test_tls_from_the_first_octet_and_a_token(either_mailer):
    with rsmtp.Catcher(tls="implicit", any_login=True) as server:
        given = settings(server, tls="implicit", access_token="token", password=None)
        with rsmtp.Mailer(**given) as mailer:
            seen = mailer.verify()
    assert seen.security == "TLS" and seen.mechanism == "OAUTHBEARER"
    assert list(seen.seconds) == ["lookup", "connect", "tls", "greeting", "hello", "login", "noop"]


def test_by_the_mechanism_that_is_named(either_mailer):
    with rsmtp.Catcher(username="ann", password="secret") as server:
        with rsmtp.Mailer(**settings(server, mechanism="LOGIN")) as mailer:
            assert mailer.verify().mechanism == "LOGIN"


def test_a_login_that_is_offered_under_tls_only(monkeypatch, either_mailer):
    """On this machine, TLS is used only because the login needs it."""
    with rsmtp.Catcher(username="ann", password="secret") as server:
        monkeypatch.setenv("SSL_CERT_FILE", str(server.ca_file))
        with rsmtp.Mailer(f"smtp://ann:secret@localhost:{server.port}") as mailer:
            seen = mailer.verify()
    assert (seen.security, seen.mechanism) == ("STARTTLS", "SCRAM-SHA-256-PLUS")
    assert "starttls" in seen.offered_in_plaintext and "auth" in seen.extensions


def test_a_server_on_this_machine_without_a_login(either_mailer):
    with rsmtp.Catcher(tls="none") as server, rsmtp.Mailer(host="127.0.0.1", port=server.port) as mailer:
        seen = mailer.verify()
        assert said(server.conversations[0]) == ["EHLO", "NOOP", "QUIT"]
    assert seen.security is seen.tls is seen.mechanism is seen.username is seen.certificate_expires is None


def test_lmtp_over_a_unix_socket(tmp_path, either_mailer):
    path = str(tmp_path / "lmtp")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        listener.settimeout(20)
        heard = []

        def serve():
            connection, _ = listener.accept()
            with connection, connection.makefile("rwb", buffering=0) as file:
                file.write(b"220 here\r\n")
                for line in file:
                    heard.append(line.split()[0].upper())
                    if heard[-1] == b"QUIT":
                        break
                    file.write(b"250 fine\r\n")

        import threading

        thread = threading.Thread(target=serve)
        thread.start()
        with rsmtp.Mailer(f"lmtp://{path}") as mailer:
            seen = mailer.verify()
        thread.join(20)
    assert heard == [b"LHLO", b"NOOP", b"QUIT"]
    assert seen.server == path and seen.address is None


class Refusing:
    """Possible failures, each with a server and a mailer's settings."""

    def greeting(self, server):
        server.fault("greeting", reply=(554, "5.7.1 not you"))

    def hello(self, server):
        server.fault("EHLO", reply=(550, "5.7.1 not you"))

    def starttls(self, server):
        server.fault("STARTTLS", reply=(454, "4.7.0 TLS is broken"))

    def certificate(self, server):
        server.fault("handshake", certificate="expired")

    def password(self, server):
        return {"password": "other"}

    def trust(self, server):
        return {"context": None}

    def port(self, server):
        return {"port": closed_port()}

    def name(self, server):
        return {"host": "mail.invalid"}

    def silence(self, server):
        server.fault("greeting", stall=True)
        return {"timeout": 0.5}

    def hang_up(self, server):
        server.fault("AUTH", disconnect=True)


@pytest.mark.parametrize("wrong", [name for name in vars(Refusing) if not name.startswith("_")])
def test_errors_are_those_of_sending(wrong, either_mailer):
    raised = []
    for act in (lambda mailer: mailer.verify(), lambda mailer: mailer.send(MESSAGE)):
        with rsmtp.Catcher(username="ann", password="secret") as server:
            given = settings(server) | (getattr(Refusing(), wrong)(server) or {})
            with rsmtp.Mailer(**given, retries=0) as mailer, pytest.raises(OSError) as failed:
                act(mailer)
            assert server.count == 0
        raised.append(failed.value)
    verifying, sending = raised
    assert type(verifying) is type(sending)
    assert getattr(verifying, "smtp_code", None) == getattr(sending, "smtp_code", None)
    assert (verifying.stage, verifying.transient) == (sending.stage, sending.transient)


def test_no_starttls_is_an_error(either_mailer):
    with rsmtp.Catcher(tls="none") as server:
        given = {"host": "localhost", "port": server.port, "tls": "starttls"}
        with rsmtp.Mailer(**given) as mailer, pytest.raises(rsmtp.SMTPNotSupportedError):
            mailer.verify()
        assert "QUIT" not in said(server.conversations[0])


def test_noop_that_is_refused(server, either_mailer):
    server.fault("NOOP", reply=(450, "4.3.0 later"))
    with rsmtp.Mailer(**settings(server)) as mailer:
        with pytest.raises(rsmtp.SMTPResponseException, match=r"4\.3\.0 later"):
            mailer.verify()


def test_each_of_several_servers(server, either_mailer):
    with rsmtp.Catcher(tls="none", without=["AUTH"]) as other:
        urls = [f"smtp://127.0.0.1:{other.port}", f"smtp://ann:secret@localhost:{server.port}"]
        with rsmtp.Mailer(urls, context=rsmtp.TlsConfig(ca_file=server.ca_file), tls="starttls") as mailer:
            with pytest.raises(rsmtp.SMTPNotSupportedError) as failed:
                mailer.verify()
        assert f"while verifying 127.0.0.1:{other.port}" in failed.value.__notes__
        # The second server was checked, too.
        assert said(server.conversations[0])[-1] == "QUIT"
    urls = [f"smtp://127.0.0.1:{closed_port()}", urls[1], f"smtp://127.0.0.1:{closed_port()}"]
    with rsmtp.Mailer(urls, context=rsmtp.TlsConfig(ca_file=server.ca_file)) as mailer:
        with pytest.raises(rsmtp.SMTPConnectionRefused) as failed:
            mailer.verify()
    assert any(urls[2][7:] in note and "failed, too" in note for note in failed.value.__notes__)
    urls = [urls[1], f"smtp://ann:secret@127.0.0.1:{server.port}"]
    with rsmtp.Mailer(urls, context=rsmtp.TlsConfig(ca_file=server.ca_file)) as mailer:
        seen = mailer.verify()
    assert [one.server for one in seen.fallbacks] == [f"127.0.0.1:{server.port}"]
    assert seen.fallbacks[0].mechanism == "SCRAM-SHA-256-PLUS"
    assert f"and 127.0.0.1:{server.port}" in repr(seen)


def test_a_callable_is_asked_once_more_when_it_was_refused(server, either_mailer):
    given = iter(["old", "secret"])
    with rsmtp.Mailer(**settings(server, password=lambda: next(given))) as mailer:
        assert mailer.verify().mechanism == "SCRAM-SHA-256-PLUS"


def test_an_idle_session_is_left_alone(server, either_mailer):
    with rsmtp.Mailer(**settings(server)) as mailer:
        mailer.send(MESSAGE)
        mailer.verify()
        assert mailer.idle == 1
        mailer.send(MESSAGE)
    assert len(server.conversations) == 2 and server.count == 2


def test_with_an_ssl_context(server, either_mailer):
    context = ssl.create_default_context(cafile=server.ca_file)
    with rsmtp.Mailer(**settings(server, context=context)) as mailer:
        assert mailer.verify().tls_version == "TLSv1.3"


def test_places_that_are_no_server(tmp_path, either_mailer):
    with rsmtp.Mailer(tmp_path.as_uri()) as mailer:
        assert mailer.verify().server == f"file:{tmp_path}"
    assert list(tmp_path.iterdir()) == []
    with rsmtp.Mailer("null:") as mailer:
        assert repr(mailer.verify()) == "<Verification null:>"
    (tmp_path / "gone").mkdir()
    with rsmtp.Mailer((tmp_path / "gone").as_uri()) as mailer:
        (tmp_path / "gone").rmdir()
        with pytest.raises(rsmtp.SMTPException, match="there is no such folder"):
            mailer.verify()
    with rsmtp.Mailer(f"sendmail://{tmp_path}/none") as mailer:
        with pytest.raises(rsmtp.SMTPException, match="there is no such program"):
            mailer.verify()


def test_a_closed_mailer(server, either_mailer):
    mailer = rsmtp.Mailer(**settings(server))
    mailer.close()
    with pytest.raises(RuntimeError, match="closed"):
        mailer.verify()


def test_for_programs_and_in_notebooks(server):
    with rsmtp.Mailer(**settings(server)) as mailer:
        seen = mailer.verify()
    told = json.loads(json.dumps(seen.to_dict()))
    assert told["mechanism"] == "SCRAM-SHA-256-PLUS" and told["size"] == 33554432
    assert datetime.fromisoformat(told["certificate_expires"]) == seen.certificate_expires
    assert repr(seen).startswith(
        f"<Verification localhost:{server.port}, TLSv1.3, ann by SCRAM-SHA-256-PLUS, in "
    )
    assert f"valid until {seen.certificate_expires:%Y-%m-%d}" in str(seen)
    shown = seen._repr_mimebundle_()
    assert shown["text/plain"] == str(seen)
    assert "ann by SCRAM-SHA-256-PLUS" in shown["text/html"] and "Time of each phase" in shown["text/html"]


def test_what_a_server_says_can_not_play_tricks(server):
    server.fault("greeting", reply=(220, "\x1b]0;owned\x07 <b>hello"))
    with rsmtp.Mailer(**settings(server)) as mailer:
        seen = mailer.verify()
    assert "\x1b" not in str(seen) and "<b>" not in seen._repr_mimebundle_()["text/html"].replace(
        "<b></b>", ""
    )
