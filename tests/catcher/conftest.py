"""The catcher is tested with independent clients: smtplib and bare sockets."""

import smtplib
import socket
import ssl

import pytest

import rsmtp


class Line:
    """A bare socket that sends given lines and reads whole replies."""

    def __init__(self, catcher, *, greeting=True, wrap=None):
        if catcher.port:
            self.socket = socket.create_connection((catcher.host, catcher.port), timeout=10)
        else:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(10)
            self.socket.connect(catcher.host)
        if wrap is not None:
            self.socket = wrap.wrap_socket(self.socket, server_hostname="localhost")
        self.file = self.socket.makefile("rb")
        if greeting:
            self.greeting = self.reply()

    def send(self, octets):
        self.socket.sendall(octets)

    def reply(self):
        """The next reply: its code and its lines of text."""
        lines = []
        while True:
            line = self.file.readline()
            if not line:
                return (0, lines)
            assert line.endswith(b"\r\n"), line
            lines.append(line[4:-2].decode())
            if line[3:4] != b"-":
                return (int(line[:3]), lines)

    def say(self, *commands):
        """Sends the commands in one write. Returns the code of each reply."""
        self.send(b"".join(command.encode() + b"\r\n" for command in commands))
        return [self.reply()[0] for _ in commands]

    def starttls(self, context):
        assert self.say("STARTTLS") == [220]
        self.socket = context.wrap_socket(self.socket, server_hostname="localhost")
        self.file = self.socket.makefile("rb")

    def rest(self):
        """Reads everything until the server closes."""
        return self.file.read()

    def close(self):
        self.file.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@pytest.fixture
def line():
    lines = []

    def connect(catcher, **options):
        lines.append(Line(catcher, **options))
        return lines[-1]

    yield connect
    for one in lines:
        one.close()


@pytest.fixture
def trust():
    """A context that trusts only the catcher's authority."""
    return lambda catcher: ssl.create_default_context(cafile=catcher.ca_file)


@pytest.fixture
def catcher():
    with rsmtp.Catcher(tls="none") as catcher:
        yield catcher


@pytest.fixture
def deliver():
    """Sends one message with smtplib."""

    def deliver(catcher, text="Subject: hello\n\nbody\n", to="bob@example.org"):
        with smtplib.SMTP(catcher.host, catcher.port, timeout=10) as client:
            return client.sendmail("ann@example.org", to, text)

    return deliver
