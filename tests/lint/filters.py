"""Real spam filters on loopback: rspamd and SpamAssassin's spamd, as Debian has them. Neither asks
anything outside."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

# The known top-level domains take rspamd half a minute to compile.
_OPTIONS = """
dns { nameserver = ["127.0.0.1:9"]; timeout = 0.1s; retransmits = 1; }
url_tld = "%s/domains";
disable_hyperscan = true;
"""


class Filter:
    """A filter's process, in a folder of its own."""

    name, user = "", ""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix=f"rsmtp-{self.name}-"))
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.furnish()
        if os.geteuid() == 0:
            account = pwd.getpwnam(self.user)
            for path in (self.folder, *self.folder.rglob("*")):
                os.chown(path, account.pw_uid, account.pw_gid)
        with open(self.folder / "log", "wb") as log:
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        end = time.monotonic() + 50
        while not self._answers():
            assert self.process.poll() is None and time.monotonic() < end, self.log()
            time.sleep(0.05)

    @classmethod
    def program(cls):
        found = shutil.which(cls.name, path=os.environ.get("PATH", "") + ":/usr/sbin")
        if found is None:
            package = "spamassassin spamd" if cls.name == "spamd" else cls.name
            pytest.skip(f"{cls.name} is missing: apt-get install --no-install-recommends {package}")
        return found

    def furnish(self):
        """Writes its files."""

    def _answers(self):
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
        except OSError:
            return False
        return True

    def log(self):
        return (self.folder / "log").read_text(errors="replace")[-5_000:]

    def close(self):
        self.process.terminate()
        self.process.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)


class Rspamd(Filter):
    name, user = "rspamd", "_rspamd"

    @property
    def where(self):
        return f"http://127.0.0.1:{self.port}"

    def furnish(self):
        own = self.folder / "override.d"
        own.mkdir()
        (self.folder / "domains").write_text("com\nnet\norg\ntest\n")
        (own / "options.inc").write_text(_OPTIONS % self.folder)
        (own / "logging.inc").write_text('type = "console";\n')
        (own / "worker-normal.inc").write_text(f'bind_socket = "127.0.0.1:{self.port}";\ncount = 1;\n')
        for other in ("controller", "proxy", "fuzzy"):
            (own / f"worker-{other}.inc").write_text("enabled = false;\n")

    def command(self):
        user = ["-u", self.user, "-g", self.user] if os.geteuid() == 0 else []
        folders = [
            word
            for name in ("LOCAL_CONFDIR", "DBDIR", "RUNDIR", "LOGDIR")
            for word in ("--var", f"{name}={self.folder}")
        ]
        return [self.program(), "-f", *user, "-c", "/etc/rspamd/rspamd.conf", *folders]


class Spamd(Filter):
    name, user = "spamd", "nobody"

    @property
    def where(self):
        return f"127.0.0.1:{self.port}"

    def command(self):
        # -L: local tests alone. -x: no files of users.
        where = ["-i", "127.0.0.1", "-p", str(self.port), "-H", str(self.folder), "-r", f"{self.folder}/pid"]
        return [self.program(), "-L", "-x", "-m", "1", "-s", "stderr", *where]
