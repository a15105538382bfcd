"""Exim, OpenSMTPD, Haraka and Dovecot 2.4, as fetched by tools/test-servers. Each runs on loopback
in its own temporary folder and stores the mail that it gets, except for Dovecot, which relays it to
the port `relay`.

For all but Dovecot, `nobody@example.org` is an unknown recipient.
"""

from __future__ import annotations

import collections
import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from servers import certificates
from servers.bed import answers, find, free_ports, in_memory
from servers.kerberos import Realm

FETCHED = Path(__file__).parents[2] / ".servers"
CONFIG = Path(__file__).parent / "config"
PATIENCE = 30.0  # seconds that a server may take to start

# The body of the messages in these tests.
_NUMBER = re.compile(rb"number (\d+)\b")


class Server:
    """One server. A restart keeps its `port` and its files."""

    name = ""
    host = "localhost"
    tls: tuple[str, ...] = ("none", "starttls")

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"rsmtp-{self.name}-", dir=in_memory()))
        self.folder.chmod(0o755)
        (self.port,) = free_ports(1)
        self.ca_file = str(self.folder / "tls" / "ca.pem")
        certificates.make(self.folder / "tls")
        self._process: subprocess.Popen[bytes] | None = None
        self.furnish()

    @classmethod
    def unavailable(cls) -> str | None:
        """The reason why this machine can't have the server, or None."""
        raise NotImplementedError

    def furnish(self) -> None:
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def files(self) -> list[Path]:
        """The files of the messages that it has taken, one for each."""
        raise NotImplementedError

    def start(self) -> None:
        with open(self.folder / "log", "ab") as log:
            # The server gets its own process group, so that all of it can be killed.
            self._process = subprocess.Popen(
                self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
            )
        end = time.monotonic() + PATIENCE
        while not answers(self.port, speaks=True):
            assert time.monotonic() < end and self._process.poll() is None, self.log()
            time.sleep(0.05)

    def stop(self, kill: bool = False) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL if kill else signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()
            self._process = None

    def remove(self) -> None:
        self.stop(kill=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def taken(self) -> collections.Counter[int]:
        """The numbers of the messages that it has taken."""
        found = (_NUMBER.search(path.read_bytes()) for path in self.files())
        return collections.Counter(int(number[1]) for number in found if number)

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")[-10_000:]


@contextlib.contextmanager
def running(kind: type[Server], *arguments: object) -> Iterator[Server]:
    """Runs a server of this kind. Skips the test if it is not available."""
    if reason := kind.unavailable():
        pytest.skip(reason)
    server = kind(*arguments)
    try:
        server.start()
        yield server
    finally:
        server.remove()


class _InRoot(Server):
    """A server that runs in a copy of the root folder in which Debian's packages are unpacked. If
    they were installed, they would replace Postfix. They look for users and folders at fixed
    places."""

    release = "root"
    #: The file in `config/`. Default: by the server's name.
    config: str | None = None

    def __init__(self, more: str = "") -> None:
        #: Options besides those of the file.
        self.more = more
        super().__init__()

    @classmethod
    def unavailable(cls) -> str | None:
        if os.geteuid() != 0:
            return f"{cls.name} needs root"
        if not (FETCHED / cls.release / "complete").exists():
            return f"no {cls.name} here (tools/test-servers fetches it, on Debian)"
        return None

    def furnish(self) -> None:
        self.root = self.folder / "root"
        shutil.copytree(FETCHED / self.release, self.root, symlinks=True)
        for name, minor in (("null", 3), ("zero", 5), ("random", 8), ("urandom", 9)):
            subprocess.run(["mknod", "-m", "666", self.root / "dev" / name, "c", "1", str(minor)], check=True)
        # The key and the certificate are in one file that only the server may read.
        shutil.copy(self.folder / "tls" / "server.pem", self.root / "etc" / "server.pem")
        shutil.copy(self.folder / "tls" / "ca.pem", self.root / "etc" / "ca.pem")
        text = (CONFIG / (self.config or f"{self.name}.conf")).read_text()
        for word, value in self.words().items():
            text = text.replace(f"@{word}@", str(value))
        (self.root / "etc" / "mail.conf").write_text(text)

    def words(self) -> dict[str, object]:
        """The values for the configuration."""
        return {"PORT": self.port, "MORE": self.more}

    def in_root(self, *command: str) -> list[str]:
        return [str(find("chroot")), str(self.root), *command]


class Exim(_InRoot):
    name = "exim"

    def furnish(self) -> None:
        super().furnish()
        shutil.chown(self.root / "spool", 5101, 5101)
        shutil.chown(self.root / "etc" / "server.pem", 5101, 5101)

    def command(self) -> list[str]:
        port = f"127.0.0.1.{self.port}"
        return self.in_root("/usr/sbin/exim4", "-C", "/etc/mail.conf", "-bdf", "-oX", port)

    def files(self) -> list[Path]:
        # The body's file. Its header file shows that the message is complete.
        bodies = (self.root / "spool" / "input").rglob("*-D")
        return [body for body in bodies if body.with_name(body.name[:-1] + "H").exists()]


class OpenSmtpd(_InRoot):
    name = "opensmtpd"
    # It does not accept the certificate of these tests.
    tls = ("none",)

    def command(self) -> list[str]:
        return self.in_root("/usr/sbin/smtpd", "-d", "-f", "/etc/mail.conf")

    def files(self) -> list[Path]:
        return list((self.root / "var/spool/smtpd/queue").rglob("message"))


# The output of `openssl passwd -6` for `s3cret`.
HASHED = "$6$saltsalt$As4wrv0kZlfch1du9WeH7qhskyLriQWySXrZzynnvi46nFnNxjdpl6ksRegrrKexvhIa/Iny8S8uF3fVWTMuC1"


class Dovecot(_InRoot):
    """A submission server with every mechanism of Dovecot 2.4. Its users are ann with the
    password `s3cret`, and bob with the same password, which is stored as a hash that only PLAIN
    and LOGIN can check."""

    name = "dovecot-2.4"
    release = "debian-13"
    users = f"ann:{{PLAIN}}s3cret\nbob:{{SHA512-CRYPT}}{HASHED}\n"

    def __init__(self, realm: Realm | None = None, endpoint: int | None = None) -> None:
        self.realm = realm
        #: The port of the endpoint that it asks whether an access token is valid.
        self.endpoint = endpoint
        (self.relay,) = free_ports(1)
        super().__init__()

    def furnish(self) -> None:
        super().furnish()
        (self.root / "etc" / "users").write_text(self.users)
        shutil.chown(self.root / "mail", 5000, 5000)
        if self.realm is not None:
            shutil.copy(self.realm.folder / "krb5.conf", self.root / "etc")
            shutil.copy(self.realm.keytab, self.root / "etc" / "krb5.keytab")
            shutil.chown(self.root / "etc" / "krb5.keytab", 5104)

    def words(self) -> dict[str, object]:
        return super().words() | {
            "RELAY": self.relay,
            "GSSAPI": "gssapi" if self.realm else "",
            "OAUTH": "xoauth2 oauthbearer" if self.endpoint else "",
            "ENDPOINT": self.endpoint or 0,
        }

    def command(self) -> list[str]:
        return self.in_root("/usr/sbin/dovecot", "-F", "-c", "/etc/mail.conf")

    def files(self) -> list[Path]:
        return []


class Haraka(Server):
    name = "haraka"

    @classmethod
    def unavailable(cls) -> str | None:
        if find("node") is None:
            return "no node here (Debian: apt-get install nodejs npm)"
        if not (FETCHED / "haraka" / "complete").exists():
            return "no Haraka here (tools/test-servers fetches it, with npm)"
        return None

    def furnish(self) -> None:
        shutil.copytree(Path(__file__).parent / "haraka", self.folder, dirs_exist_ok=True)
        config = self.folder / "config"
        installed = FETCHED / "haraka" / "node_modules" / "Haraka"
        shutil.copy(installed / "config" / "connection.ini", config)
        (config / "smtp.ini").write_text(f"[main]\nlisten=127.0.0.1:{self.port}\nnodes=0\n")
        shutil.copy(self.folder / "tls" / "server.pem", config / "tls_cert.pem")
        shutil.copy(self.folder / "tls" / "server.pem", config / "tls_key.pem")
        (self.folder / "kept").mkdir()

    def command(self) -> list[str]:
        haraka = FETCHED / "haraka" / "node_modules" / "Haraka" / "bin" / "haraka"
        return [str(find("node")), str(haraka), "-c", str(self.folder)]

    def files(self) -> list[Path]:
        return [path for path in (self.folder / "kept").iterdir() if path.suffix != ".part"]
