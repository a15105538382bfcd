"""A separate Kerberos realm in a temporary folder: MIT's KDC on loopback, a service's key, and
tickets in files. The machine's own Kerberos settings are not read."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path

from servers.bed import find, free_ports, in_memory

REALM = "BED.TEST"
PASSWORD = "open-sesame"
PATIENCE = 30.0  # seconds that the KDC may take to start

CONFIG = """\
[libdefaults]
    default_realm = {realm}
    dns_lookup_kdc = false
    dns_lookup_realm = false
    dns_canonicalize_hostname = false
    rdns = false
    # A ticket that has expired has expired.
    clockskew = 1
    # A KDC that is gone is not asked again and again.
    max_retries = 1
    kdc_timeout = 1
[realms]
    {realm} = {{
        kdc = 127.0.0.1:{port}
    }}
    OTHER.TEST = {{
        kdc = 127.0.0.1:{closed}
    }}
[domain_realm]
    localhost = {realm}
    other.test = OTHER.TEST
"""
KDC = """\
[kdcdefaults]
    kdc_listen = 127.0.0.1:{port}
    kdc_tcp_listen = 127.0.0.1:{port}
[realms]
    {realm} = {{
        database_name = {folder}/principals
        key_stash_file = {folder}/stash
        acl_file = {folder}/acl
        max_life = 1h
    }}
"""


def unavailable() -> str | None:
    for program, package in (
        ("krb5kdc", "krb5-kdc"),
        ("kadmin.local", "krb5-admin-server"),
        ("kinit", "krb5-user"),
    ):
        if find(program) is None:
            return f"no {program} here (Debian: apt-get install {package})"
    if find_spec("gssapi") is None:
        return "no gssapi here (Debian: apt-get install libkrb5-dev; then requirements/kerberos.txt)"
    return None


class Realm:
    """A Kerberos realm. `environment` is what a program needs to use it, and `keytab` has the key
    of the service `smtp/localhost`. `add` adds users, and `ticket` gives them tickets."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="rsmtp-realm-", dir=in_memory()))
        self.port, closed = free_ports(2)
        words = {"realm": REALM, "port": self.port, "closed": closed, "folder": self.folder}
        (self.folder / "krb5.conf").write_text(CONFIG.format(**words))
        (self.folder / "kdc.conf").write_text(KDC.format(**words))
        self.environment = {
            "KRB5_CONFIG": str(self.folder / "krb5.conf"),
            "KRB5_KDC_PROFILE": str(self.folder / "kdc.conf"),
        }
        self.keytab = self.folder / "keytab"
        self._run("kdb5_util", "create", "-s", "-r", REALM, "-P", PASSWORD)
        self._administer("addprinc -randkey smtp/localhost", f"ktadd -k {self.keytab} smtp/localhost")
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        self._process = subprocess.Popen(
            [str(find("krb5kdc")), "-n", "-P", str(self.folder / "pid")],
            env=os.environ | self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        end = time.monotonic() + PATIENCE
        while not (self.folder / "pid").exists():
            assert time.monotonic() < end and self._process.poll() is None, "the KDC does not start"
            time.sleep(0.02)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            (self.folder / "pid").unlink(missing_ok=True)
            self._process = None

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def add(self, *users: str) -> None:
        self._administer(*(f"addprinc -pw {PASSWORD} {user}" for user in users))

    def ticket(self, user: str, life: str = "10m") -> str:
        """A cache with a ticket of this user, as a value of KRB5CCNAME."""
        cache = f"FILE:{self.folder / user.replace('/', '-')}.{life}.cache"
        self._run("kinit", "-c", cache, "-l", life, user, answer=PASSWORD)
        return cache

    def export(self, user: str, keytab: Path) -> None:
        """Writes the user's key into a file."""
        self._administer(f"ktadd -norandkey -k {keytab} {user}")

    def _administer(self, *commands: str) -> None:
        for command in commands:
            self._run("kadmin.local", "-r", REALM, "-q", command)

    def _run(self, program: str, *arguments: str, answer: str = "") -> None:
        done = subprocess.run(
            [str(find(program)), *arguments],
            env=os.environ | self.environment,
            input=f"{answer}\n",
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == 0, f"{program} {arguments}: {done.stdout}{done.stderr}"
