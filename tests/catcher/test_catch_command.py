"""``python -m rsmtp catch``, as users run it."""

import email.message
import os
import pathlib
import re
import select
import signal
import smtplib
import socket
import subprocess
import sys
import time

import pytest

import rsmtp


class Command:
    def __init__(self, state, *arguments, **environment):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "rsmtp", "catch", "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            # The folder of the certificate authority. The tester's own one is not used.
            env=os.environ | {"XDG_STATE_HOME": str(state), "LOCALAPPDATA": str(state)} | environment,
        )
        self.text = ""

    def until(self, words):
        """Reads on until these words have been printed."""
        deadline = time.monotonic() + 20
        while words not in self.text:
            ready, _, _ = select.select([self.process.stdout], [], [], max(0, deadline - time.monotonic()))
            assert ready, f"{words!r} doesn't come: {self.text}"
            piece = os.read(self.process.stdout.fileno(), 65536)
            assert piece, self.process.stderr.read()
            self.text += piece.decode()
        return self.text

    @property
    def snippet(self):
        lines = self.until("It works.").splitlines()
        return "\n".join(line[4:] for line in lines[lines.index("Or send a test message:") + 1 :])

    def end(self, signum=signal.SIGINT):
        self.process.send_signal(signum)
        rest, errors = self.process.communicate(timeout=10)
        assert self.process.returncode == 0, errors
        return self.text + rest.decode()


@pytest.fixture
def command(tmp_path):
    started = []

    def start(*arguments, **environment):
        started.append(Command(tmp_path / "state", *arguments, **environment))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
            one.process.communicate()


@pytest.mark.parametrize("tls", ["starttls", "implicit", "none"])
def test_the_printed_snippet_delivers(command, tls):
    catch = command("--tls", tls)
    subprocess.run([sys.executable, "-c", catch.snippet], check=True, timeout=30)
    catch.until("-- message 1 ---")
    text = catch.until("It works.\n\n")
    assert "me@example.org -> you@example.org" in text
    assert "Subject: Hello" in text
    assert "logged in as catcher" in text
    assert catch.end().endswith("1 message caught. Bye.\n")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_cleanly(command, signum):
    catch = command("--new-authority")
    ca_file = pathlib.Path(re.search(r"CA file +(\S+)", catch.until("Or send a test message"))[1])
    assert ca_file.exists()
    catch.end(signum)
    assert not ca_file.exists()


def test_the_password_comes_from_the_environment(command):
    catch = command("--username", "ann", "--password-from-env", "MAIL_PASSWORD", MAIL_PASSWORD="s3cret")
    catch.until("Or send a test message")
    assert "username  ann" in catch.text
    assert "s3cret" not in catch.end()
    missing = command("--password-from-env", "NOT_SET_AT_ALL")
    _, errors = missing.process.communicate(timeout=20)
    assert (missing.process.returncode, errors) == (
        2,
        b"rsmtp catch: the environment variable NOT_SET_AT_ALL is not set\n",
    )


def test_a_taken_port_is_told_with_the_way_out(command):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused = command("--port", str(taken.getsockname()[1]))
        _, errors = refused.process.communicate(timeout=20)
    assert refused.process.returncode == 2
    assert b"--port 0 takes a free one" in errors


def test_another_host_must_be_meant(command):
    refused = command("--host", "0.0.0.0")
    _, errors = refused.process.communicate(timeout=20)
    assert refused.process.returncode == 2
    assert b"can be reached from other machines" in errors


def test_foreign_mail_does_not_steer_the_terminal(command):
    catch = command("--tls", "none", "--conversation")
    port = int(re.search(r"127\.0\.0\.1:(\d+)", catch.until("Or send a test message"))[1])
    with smtplib.SMTP("127.0.0.1", port) as client:
        text = b"Subject: =?utf-8?q?=1B=5D0;owned=07?=\n\n\x1b[2J\x9b1m\xff\nbody\n"
        client.sendmail("ann@example.org", "bob@example.org", text)
    text = catch.until("queued as 1")
    assert "\x1b" not in text
    assert "\x9b" not in text
    assert "\x07" not in text
    assert "\\x1b[2J" in text
    assert "C: data" in text


def test_attachments_and_long_texts_are_cut_short(command):
    mail = email.message.EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "ann@example.org", "bob@example.org", "much"
    mail.set_content("".join(f"line {number}\n" for number in range(100)))
    mail.add_attachment(b"12345", maintype="application", subtype="pdf", filename="a.pdf")
    catch = command("--tls", "none")
    port = int(re.search(r"127\.0\.0\.1:(\d+)", catch.until("Or send a test message"))[1])
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.send_message(mail)
    text = catch.until("[application/pdf 'a.pdf', 5 octets]")
    assert "line 19" in text
    assert "line 20\n" not in text
    assert "(80 more lines)" in text


TUTORIAL = """
import sys
{imports}
message = MIMEText("This is a test email.")
message["Subject"], message["From"], message["To"] = "Test", "your_email@gmail.com", "recipient@example.com"
server = smtplib.SMTP("{host}", {port})
server.ehlo()
server.starttls()
server.ehlo()
server.login("your_email@gmail.com", "your_16_character_app_password")
server.sendmail("your_email@gmail.com", "recipient@example.com", message.as_string())
server.quit()
"""
WORLDS = {
    "smtplib": "import smtplib\nfrom email.mime.text import MIMEText",
    "rsmtp": "from rsmtp import smtplib\nfrom rsmtp.email.mime.text import MIMEText",
}


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("world", WORLDS)
def test_the_tutorial_is_caught_after_one_line_has_changed(command, world, host):
    catch = command()
    text = catch.until("python your_script.py")
    assert "any name with any password" in text
    port = re.search(r'smtplib\.SMTP\("127\.0\.0\.1", (\d+)\)', text)[1]
    ca_file = re.search(r"SSL_CERT_FILE=(\S+) python", text)[1]
    script = TUTORIAL.format(imports=WORLDS[world], host=host, port=port)
    subprocess.run(
        [sys.executable, "-c", script], check=True, timeout=30, env=os.environ | {"SSL_CERT_FILE": ca_file}
    )
    assert "logged in as your_email@gmail.com" in catch.until("This is a test email.")


def ca_file_of(catch):
    return pathlib.Path(re.search(r"CA file +(\S+)", catch.until("Or send a test message"))[1])


def test_the_authority_is_the_same_at_the_next_start(command):
    first = command()
    ca_file = ca_file_of(first)
    pem = ca_file.read_bytes()
    first.end()
    second = command()
    assert ca_file_of(second) == ca_file
    assert ca_file.read_bytes() == pem
    new = command("--new-authority")
    assert ca_file_of(new).read_bytes() != pem


def test_a_kept_authority_vouches_for_loopback_alone(command):
    with pytest.raises(ValueError, match="loopback names alone"):
        rsmtp.Catcher(hostname="mail.example.org", authority="unused")
    catch = command()
    described = subprocess.run(
        ["openssl", "x509", "-noout", "-text", "-in", str(ca_file_of(catch))], capture_output=True, text=True
    ).stdout
    assert "Name Constraints: critical" in described
    assert "DNS:localhost" in described
    assert "IP:127.0.0.0/255.0.0.0" in described


def test_without_a_place_to_keep_it_the_authority_is_for_one_run(command, tmp_path):
    (tmp_path / "file").write_text("")
    catch = command(XDG_STATE_HOME=str(tmp_path / "file"), LOCALAPPDATA=str(tmp_path / "file"))
    ca_file = ca_file_of(catch)
    catch.end()
    assert not ca_file.exists()


def test_a_login_that_is_given_is_the_only_one(command):
    catch = command("--tls", "none", "--user", "ann", "--password", "secret")
    port = int(re.search(r"127\.0\.0\.1:(\d+)", catch.until("Or send a test message"))[1])
    assert "password  secret" in catch.text
    with smtplib.SMTP("127.0.0.1", port) as client:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("eve", "secret")
        client.login("ann", "secret")


def send(catch, subject, to="bob@example.org"):
    port = int(re.search(r"SMTP on 127\.0\.0\.1:(\d+)", catch.until("Or send a test message"))[1])
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("ann@example.org", to, f"Subject: {subject}\n\nbody\n")


def test_a_store_survives_the_end(command, tmp_path):
    folder = str(tmp_path / "mail")
    first = command("--tls", "none", "--store", folder)
    send(first, "kept")
    first.until("Subject: kept")
    assert first.end().endswith("1 message caught. Bye.\n")
    second = command("--tls", "none", "--store", folder)
    assert "1 message from an earlier run in" in second.until("earlier run")
    send(second, "new")
    assert "-- message 2 ---" in second.until("Subject: new")
    second.end()
    assert len(list((tmp_path / "mail").glob("*.eml"))) == 2


def test_a_store_that_can_t_be_is_told(command, tmp_path):
    (tmp_path / "file").write_text("")
    refused = command("--store", str(tmp_path / "file"))
    _, errors = refused.process.communicate(timeout=20)
    assert refused.process.returncode == 2
    assert b"--store" in errors
    assert b"Traceback" not in errors


def test_mail_is_sent_on_to_whom_a_rule_names_and_no_one_else(command):
    with rsmtp.Catcher(tls="none") as real:
        real.fault("RCPT", address="ann@example.com", reply=(550, "5.1.1 No such mailbox"))
        catch = command(
            "--tls", "none", "--forward", "*@EXAMPLE.com", "--via", f"smtp://127.0.0.1:{real.port}?tls=none"
        )
        send(catch, "for two", ["bob@example.com", "carl@example.org"])
        assert "message 1 to bob@example.com: sent" in catch.until("to bob@example.com: sent")
        send(catch, "refused", "ann@example.com")
        catch.until("message 2 to ann@example.com: refused: 5.1.1 No such mailbox")
        send(catch, "not named", "carl@example.org")
        catch.until("Subject: not named")
        catch.end()
        (message,) = real.messages
    assert (message.mail_from, message.rcpt_tos) == ("ann@example.org", ["bob@example.com"])
    assert b"Subject: for two" in message.data


def test_a_dead_server_is_told_and_holds_up_nothing(command):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    catch = command("--tls", "none", "--forward", "*", "--via", f"smtp://127.0.0.1:{port}?tls=none")
    send(catch, "one")
    catch.until("message 1 to bob@example.org: not sent: ")
    catch.end()


def test_rules_without_a_server_and_a_server_without_rules_are_refused(command):
    for arguments, words in [
        (("--via", "smtp://x"), b"--via needs --forward PATTERN"),
        (("--forward", "*", "--via", "gopher://x"), b"--via: "),
    ]:
        refused = command(*arguments)
        _, errors = refused.process.communicate(timeout=20)
        assert refused.process.returncode == 2
        assert words in errors
        assert b"Traceback" not in errors


def test_a_refused_login_is_shown(command):
    catch = command("--tls", "none", "--username", "ann", "--password", "right", "--no-web")
    port = int(re.search(r"127\.0\.0\.1:(\d+)", catch.until("It works."))[1])
    with smtplib.SMTP("127.0.0.1", port) as client, pytest.raises(smtplib.SMTPAuthenticationError):
        client.login("ann", "wrong")
    catch.until("-- connection 1, no message ---")
    catch.until("no TLS\n535 5.7.8 Username or password is wrong\n\n")
    # A connection that brings a message is shown by the message, even after a refusal. A connection
    # with neither a message nor a refusal is not shown.
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.ehlo()
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.sendmail("a@example.org", "b@example.org", "Subject: Hello\n\nIt works.\n")
        assert client.docmd("NONSENSE")[0] == 500
    with smtplib.SMTP("127.0.0.1", port) as client, pytest.raises(smtplib.SMTPAuthenticationError):
        client.login("ann", "wrong")
    text = catch.until("-- connection 4, no message ---")
    assert "-- message 1 ---" in text
    assert re.findall(r"-- connection (\d)", text) == ["1", "4"]
    assert catch.end().endswith("1 message caught. Bye.\n")


def test_a_client_that_does_not_trust_the_certificate_is_shown(command):
    catch = command("--no-web")
    port = int(re.search(r"127\.0\.0\.1:(\d+)", catch.until("It works."))[1])
    with pytest.raises(rsmtp.SMTPCertificateError):
        rsmtp.SmtpClient("127.0.0.1", port, tls="starttls").ehlo()
    catch.until("the client does not trust the catcher's authority: give it the CA file\n\n")


def test_every_conversation_is_shown_on_demand(command):
    catch = command("--tls", "none", "--no-web", "--conversation")
    port = int(re.search(r"127\.0\.0\.1:(\d+)", catch.until("It works."))[1])
    with smtplib.SMTP("127.0.0.1", port) as client:
        client.ehlo("me.example.org")
    assert "C: ehlo me.example.org\n" in catch.until("S: 221 2.0.0 Bye\n\n")


def test_an_address_that_others_can_reach_has_to_be_allowed(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "rsmtp", "catch", "--host", "192.0.2.1"],
        env=os.environ | {"XDG_STATE_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert done.returncode == 2
    assert "--allow-remote" in done.stderr and "allow_remote" not in done.stderr
