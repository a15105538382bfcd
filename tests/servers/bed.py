"""The test bed: a separate Postfix and Dovecot in one temporary folder.

The machine's own mail system is neither read nor changed. Postfix's master process has to run as
root, because it switches each daemon to another user.
"""

import contextlib
import functools
import os
import pwd
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from servers import certificates

CONFIG = Path(__file__).parent / "config"
ROLES = ("relay", "gateway", "verp", "held", "submission", "smtps", "no_chunking", "small", "old", "lmtp")
MAIL_UID = 5000
PATIENCE = 50.0  # seconds that a server may take to start, to stop, to deliver


def unavailable() -> str | None:
    """The reason why this machine can't have a bed, or None."""
    for program, package in (
        ("postfix", "postfix"),
        ("dovecot", "dovecot-core"),
    ):
        if not find(program):
            return f"no {program} here (Debian: apt-get install {package})"
    if not Path("/usr/lib/dovecot/lmtp").exists():
        return "no Dovecot LMTP here (Debian: apt-get install dovecot-lmtpd)"
    if not dovecot_configuration().exists():
        return f"no configuration for this Dovecot ({dovecot_configuration().name})"
    if os.geteuid() != 0:
        return "Postfix's master process needs root"
    return None


@functools.cache
def dovecot_configuration() -> Path:
    """Dovecot's configuration has another form in each of its minor versions."""
    version = subprocess.run([find("dovecot"), "--version"], capture_output=True, text=True).stdout
    return CONFIG / f"dovecot-lmtp-{'.'.join(version.split('.')[:2])}.conf"


class Bed:
    """Real servers for tests to talk to. `host` and `ports` (by role, see master.cf) give their
    addresses, `ca_file` the authority to trust, and `username` and `password` the login.
    `lmtp_socket` is Dovecot's LMTP on a Unix socket. alice, bob, carol and jürgen have mailboxes
    in bed.test."""

    host = "localhost"
    domain = "bed.test"
    username = "alice"
    password = "open-sesame"
    size_limit = 100_000  # octets, at the roles `small` and `old`

    def __init__(self) -> None:
        # pytest's own folder won't do: other users must be able to enter this one, and the path of
        # a Unix socket must be short.
        self.root = Path(tempfile.mkdtemp(prefix="rsmtp-bed-", dir=in_memory()))
        self.ports = dict(zip(ROLES, free_ports(len(ROLES)), strict=True))
        self.ca_file = str(self.root / "tls" / "ca.pem")
        self.lmtp_socket = str(self.root / "lmtp")
        self.dovecot: subprocess.Popen[bytes] | None = None
        self.furnish()

    # --- for tests ------------------------------------------------------------

    def mailbox(self, user: str) -> list[bytes]:
        """The messages delivered to a user so far, oldest first."""
        folder = self.root / "mail" / user / "Maildir"
        found = [path for part in ("new", "cur") for path in (folder / part).glob("*")]
        return [path.read_bytes() for path in sorted(found, key=lambda path: path.stat().st_mtime)]

    def delivered(self, user: str, containing: str | bytes) -> bytes:
        """Waits until a message that contains these octets is in the mailbox, and returns it."""
        wanted = containing.encode() if isinstance(containing, str) else containing
        with patience(f"no message with {containing!r} for {user}", self.log) as again:
            while True:
                for message in self.mailbox(user):
                    if wanted in message:
                        return message
                again()

    def empty(self) -> None:
        """Empties every mailbox and the folder of held messages."""
        for pattern in ("mail/*/Maildir/[nc][eu][wr]/*", "queue/hold/*", "queue/incoming/*"):
            for path in self.root.glob(pattern):
                path.unlink(missing_ok=True)

    def held(self) -> dict[str, "Held"]:
        """The messages that the role `held` has taken, by queue id. A message is in Postfix's
        hands as soon as its queue file is complete, even if no answer has confirmed it."""
        return {path.name: Held.read(path.read_bytes()) for path in self.whole_queue_files()}

    def whole_queue_files(self) -> list[Path]:
        # A complete queue file is executable: cleanup(8) marks it so in its last step. It is in its
        # folder by then: in incoming until it has a recipient, then in hold.
        paths = [path for part in ("incoming", "hold") for path in (self.root / "queue" / part).glob("*")]
        return [path for path in paths if is_executable(path)]

    def log(self, after: Mapping[str, int] = MappingProxyType({})) -> str:
        """Everything that both servers have logged, or what they have logged since `after` =
        log_sizes()."""
        return "\n".join(
            f"--- {name}.log\n{self.log_file(name).read_bytes()[after.get(name, 0) :].decode()}"
            for name in self.log_sizes()
        )

    def log_sizes(self) -> dict[str, int]:
        files = {name: self.log_file(name) for name in ("postfix", "dovecot")}
        return {name: path.stat().st_size for name, path in files.items() if path.exists()}

    def log_file(self, server: str) -> Path:
        return self.root / f"{server}.log"

    # --- life -----------------------------------------------------------------

    def start(self) -> None:
        """Starts both servers, and returns when every port answers. The remains of a crash can
        keep Postfix from starting, so it is tried once more."""
        for last in (False, False, True):
            try:
                self._start()
                return
            except (RuntimeError, TimeoutError):
                if last:
                    raise
                self.stop(kill=True)

    def _start(self) -> None:
        self.dovecot = subprocess.Popen(
            [find("dovecot"), "-F", "-c", str(self.root / "etc" / dovecot_configuration().name)],
            start_new_session=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        started = self.postfix("start")
        if started.returncode != 0:
            raise RuntimeError(f"postfix start: {started.stdout}{started.stderr}\n{self.log()}")
        for role, port in self.ports.items():
            with patience(f"{role} does not answer on port {port}", self.log, 20) as again:
                while not answers(port, speaks=role != "smtps"):
                    again()

    def stop(self, *, kill: bool = False) -> None:
        """Stops both servers. `kill` ends all their processes abruptly, as a crash would."""
        master = self.postfix_master()
        if master and kill:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(master, signal.SIGKILL)
        elif master:
            self.postfix("stop")
        with patience("Postfix does not stop", self.log) as again:
            while master and group_alive(master):
                again()
        if self.dovecot:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.dovecot.pid, signal.SIGKILL if kill else signal.SIGTERM)
            self.dovecot.wait(PATIENCE)
            self.dovecot = None

    def remove(self) -> None:
        """Stops all servers that run and removes the folder."""
        self.stop()
        shutil.rmtree(self.root, ignore_errors=True)

    # --- how ------------------------------------------------------------------

    def furnish(self) -> None:
        """Writes all files that the servers need."""
        self.root.chmod(0o755)
        certificates.make(self.root / "tls")
        for name in ("etc", "queue", "queue/private", "data", "mail", "dovecot"):
            (self.root / name).mkdir()
        postfix = pwd.getpwnam("postfix")
        os.chown(self.root / "data", postfix.pw_uid, postfix.pw_gid)
        os.chown(self.root / "queue" / "private", postfix.pw_uid, 0)
        (self.root / "queue" / "private").chmod(0o700)
        os.chown(self.root / "mail", MAIL_UID, MAIL_UID)
        # Postfix's cleanup after a crash logs as an ordinary user.
        (self.root / "postfix.log").touch()
        (self.root / "postfix.log").chmod(0o666)

        words = {"root": self.root, "mail_uid": MAIL_UID, **self.ports}
        for template in CONFIG.iterdir():
            text = template.read_text(encoding="utf-8")
            for word, value in words.items():
                text = text.replace(f"@{word}@", str(value))
            (self.root / "etc" / template.name).write_text(text, encoding="utf-8")

    def postfix(self, command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [find("postfix"), "-c", str(self.root / "etc"), command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def postfix_master(self) -> int | None:
        """Postfix's master process, while it runs."""
        try:
            pid = int((self.root / "queue" / "pid" / "master.pid").read_text())
        except (FileNotFoundError, ValueError):
            return None
        return pid if alive(pid) else None


class Held(NamedTuple):
    """A message in Postfix's queue."""

    recipients: list[str]
    content: bytes

    @classmethod
    def read(cls, queue_file: bytes) -> "Held":
        """Reads a queue file. Each record has a type, a length in groups of seven bits, and data."""
        recipients, content, at = [], [], 0
        while at < len(queue_file):
            kind = queue_file[at : at + 1]
            length = shift = 0
            while True:
                at += 1
                length |= (queue_file[at] & 0x7F) << shift
                shift += 7
                if queue_file[at] < 0x80:
                    break
            data = queue_file[at + 1 : at + 1 + length]
            at += 1 + length
            if kind == b"R":
                recipients.append(data.decode())
            elif kind in b"NL":  # a line; and a part of one, without its end
                content.append(data + (b"\r\n" if kind == b"N" else b""))
        return cls(recipients, b"".join(content))


def in_memory() -> str | None:
    """A folder in memory, if there is room for a queue there. On a disk, Postfix would wait
    several times for each message."""
    folder = Path("/dev/shm")
    if folder.is_dir() and shutil.disk_usage(folder).free > 500_000_000:
        return str(folder)
    return None


def find(program: str) -> str | None:
    """Finds a program, even outside an ordinary user's PATH, where servers are installed."""
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def free_ports(count: int) -> list[int]:
    """Free ports of 127.0.0.1. They are reserved together so that they differ."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def answers(port: int, *, speaks: bool) -> bool:
    """Whether a server listens there and, if its protocol begins with a greeting, sends one."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            return not speaks or connection.recv(4).startswith(b"220")
    except OSError:
        return False


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def group_alive(leader: int) -> bool:
    try:
        os.killpg(leader, 0)
    except ProcessLookupError:
        return False
    return True


def is_executable(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & stat.S_IXUSR)
    except FileNotFoundError:
        return False  # moved on meanwhile


@contextlib.contextmanager
def patience(complaint: str, log, seconds: float = PATIENCE):
    """Returns a function to call before each new attempt. After the time limit, it raises the
    complaint."""
    deadline = time.monotonic() + seconds

    def again() -> None:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{complaint}, after {seconds:.0f} seconds\n{log()}")
        time.sleep(0.02)

    yield again
