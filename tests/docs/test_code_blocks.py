"""Every Python block of the docs and the README runs, page by page and in order.

Catchers replace the servers that the pages name. Before a page runs, the host and port of each
server become those of a catcher that knows the page's user. The rest of a block stays unchanged.
(docs/pytest.md and docs/command-line.md have their own tests.)
"""

import json
import os
import re
import subprocess
import sys
import textwrap
from contextlib import ExitStack, closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from credentials.endpoint import everywhere
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from protecting.gpg import Gpg
from protecting.people import certify
from sockets.proxies import microsocks, tinyproxy

import rsmtp
from rsmtp._rsmtp import _new_dkim_key

ROOT = Path(__file__).parent.parent.parent
BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)
COMMAND = re.compile(
    r"\b(?:python -m )?rsmtp (send|merge|outbox|bounce|dkim|check|providers|catch|demo|completion)\b"
)

# The tokens of these pages come from a stand-in for the endpoints of Google and Microsoft.
WITH_TOKENS = {"docs/howto/gmail.md", "docs/howto/microsoft365.md"}
# The servers that the pages name, and the user that logs in to each.
SERVERS = {
    "smtp.gmail.com": "ann@gmail.com",
    "smtp.office365.com": "ann@contoso.com",
    "email-smtp.eu-west-1.amazonaws.com": "AKIAEXAMPLE",
    "smtp.example.org": "ann@example.org",
    "smtp.example.com": "you@example.com",
    "relay.example.org": "nobody",
    "relay2.example.org": "nobody",
}
# The servers that are named as providers.
PROVIDERS = {"gmail": "smtp.gmail.com", "ses-eu-west-1": "email-smtp.eu-west-1.amazonaws.com"}
# The proxies that the pages name, and the real proxies that replace them.
PROXIES = {
    "socks5h://user:password@proxy.example.com:1080": lambda folder: microsocks("user", "password"),
    "http://proxy.example.com:3128": tinyproxy,
}
# Objects that the reader is expected to have.
BEFORE = {
    "docs/asyncio.md": "message = 'From: you@example.com\\nTo: friend@example.com\\n\\nIt works.\\n'\n"
    "import email; message = email.message_from_string(message); messages = [message]\n",
    # Tasks run where they are called, because there is no broker here.
    "docs/howto/celery.md": "import celery, functools\n"
    "celery.Celery = functools.partial(celery.Celery, changes={'task_always_eager': True})\n",
    # Django uses the page as its settings.
    "docs/howto/django.md": "import os, sys; sys.modules['settings'] = sys.modules['__main__']\n"
    "os.environ['DJANGO_SETTINGS_MODULE'] = 'settings'\n",
    "README.md": "rows = [('friend@example.com', 'Subject: Hello\\n\\nIt works.\\n')]\n",
}
GREET = """import smtplib
def greet(host, port, name):
    with smtplib.SMTP(host, port) as client:
        client.sendmail("shop@example.org", f"{name.lower()}@example.org", f"Subject: Hi\\n\\nHello {name}")
"""
PAGES = {
    str(page.relative_to(ROOT)): BLOCK.findall(page.read_text(encoding="utf-8"))
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if "_build" not in page.parts
}
# These pages are tested in tests/pytest_plugin/test_docs.py, tests/docs/test_kerberos_page.py and
# tools/suites/test_airflow.py.
RUN_ELSEWHERE = {"docs/pytest.md", "docs/howto/kerberos.md", "docs/howto/airflow.md"}
RUN_HERE = [page for page, blocks in PAGES.items() if blocks and page not in RUN_ELSEWHERE]


def test_there_are_pages():
    assert len(RUN_HERE) >= 12
    assert (ROOT / "tests" / "pytest_plugin" / "test_docs.py").exists()


@pytest.fixture
def stage(tmp_path):
    """The place where a page runs: the files that it attaches, and catchers for the servers that
    it names."""
    with ExitStack() as stack:
        yield Stage(tmp_path, stack)


class Stage:
    def __init__(self, folder, stack):
        self.folder = folder
        self.stack = stack
        self.catchers = []
        self.stand_ins = {}
        self.proxies = {}
        self.environment = {}
        self.endpoint = None
        (folder / "report.pdf").write_bytes(b"%PDF-1.4\n")
        for name, algorithm in (("dkim.pem", "rsa-sha256"), ("ed25519.pem", "ed25519-sha256")):
            (folder / name).write_text(_new_dkim_key(algorithm))
        certify(folder, "ann@example.org", "ann")
        certify(folder, "bob@example.com", "bob")
        (folder / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n")

    def give_keys(self):
        """OpenPGP keys, and a home for GnuPG."""
        gpg = self.stack.enter_context(closing(Gpg()))
        (self.folder / "keys").mkdir()
        gpg.person("bob@example.com")
        gpg.person("ann@example.org", passphrase="the-passphrase")
        (self.folder / "keys" / "bob.asc").write_bytes(gpg.public("bob@example.com"))
        (self.folder / "ann.asc").write_bytes(gpg.secret("ann@example.org", "the-passphrase"))
        self.environment |= {"GNUPGHOME": gpg.home, "PGP_PASSPHRASE": "the-passphrase"}

    def stand_in(self, host, tls):
        """The port of this server's catcher, which is started when a page first names the server."""
        if (host, tls) not in self.stand_ins:
            user = "you" if tls == "url" else SERVERS[host]
            catcher = self.stack.enter_context(
                rsmtp.Catcher(
                    tls="implicit" if tls == "implicit" else "starttls",
                    username=user,
                    password="the-password",
                    token="the-token",
                )
            )
            self.catchers.append(catcher)
            self.stand_ins[host, tls] = catcher.port
        return self.stand_ins[host, tls]

    def localise(self, code):
        """Replaces the named servers with catchers and their passwords with the catchers'."""
        for host in sorted(SERVERS, key=len, reverse=True):
            name = re.escape(host)
            code = re.sub(
                rf'"{name}", (25|465|587)\b',
                lambda m: f'"localhost", {self.stand_in(host, "implicit" if m[1] == "465" else "plain")}',
                code,
            )
            code = re.sub(
                rf'host(name)?="{name}",(\s*)(?:port=587,)?',
                lambda m: f'host{m[1] or ""}="localhost",{m[2]}port={self.stand_in(host, "plain")},',
                code,
            )
            code = re.sub(
                rf'"(smtp://)(you:)?(?:password@)?{name}(?::25)?"',
                lambda m: (
                    f'"{m[1]}{"you:the-password@" if m[2] else ""}localhost:'
                    f'{self.stand_in(host, "url" if m[2] else "plain")}"'
                ),
                code,
            )
        # For a known provider the page names no host, so another host is set.
        code = re.sub(
            r'(?:provider="|"(?=[a-z0-9-]+://))(gmail|ses-eu-west-1)(?:://[^"]*)?"(?!,\s*host=)',
            lambda m: f'{m[0]}, host="localhost", port={self.stand_in(PROVIDERS[m[1]], "plain")}',
            code,
        )
        for url, run in PROXIES.items():
            if url in code:
                code = code.replace(url, self.proxy(url, run))
        return code.replace('"app password"', '"the-password"')

    def proxy(self, url, run):
        """A real proxy that replaces one named by a page. It is started at the first mention."""
        if url not in self.proxies:
            self.proxies[url] = self.stack.enter_context(run(self.folder))
        named = urlsplit(url)
        login = f"{named.username}:{named.password}@" if named.username else ""
        return f"{named.scheme}://{login}127.0.0.1:{self.proxies[url].port}"

    def give_tokens(self):
        """Provides a key and a certificate, and a stand-in that answers requests for tokens."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ).decode()
        self.endpoint, found = self.stack.enter_context(everywhere(self.folder))
        self.endpoint.fixed = "the-token"
        server = (self.folder / "certificates" / "server.pem").read_text()
        (self.folder / "application.pem").write_text(pem + server[server.index("-----BEGIN CERTIFICATE") :])
        account = {"client_email": "mailer@project.iam.gserviceaccount.com", "private_key": pem}
        account |= {"type": "service_account", "token_uri": "https://oauth2.googleapis.com/token"}
        (self.folder / "key.json").write_text(json.dumps(account))
        names = ("MAIL_CLIENT_ID", "MAIL_CLIENT_SECRET")
        names += ("GOOGLE_CLIENT_ID", "GOOGLE_CLIENT_SECRET", "GOOGLE_REFRESH_TOKEN")
        self.environment = found | dict.fromkeys(names, "given by the provider")

    def run(self, arguments):
        # One file has the authorities of all catchers.
        authorities = "".join(Path(catcher.ca_file).read_text() for catcher in self.catchers)
        (self.folder / "company-ca.pem").write_text(authorities)
        environment = {
            name: value for name, value in os.environ.items() if not name.startswith(("SMTP_", "RSMTP_"))
        }
        environment |= {"SMTP_PASSWORD": "the-password", "SMTP_TOKEN": "the-token", "PYTHONUTF8": "1"}
        environment |= dict.fromkeys(("BOUNCE_SECRET", "UNSUBSCRIBE_SECRET"), "16 octets at least")
        environment |= self.environment
        # A page that previews a message must not open a window or leave a file.
        environment |= {"BROWSER": "true", "TMPDIR": str(self.folder)}
        if authorities:
            environment["SSL_CERT_FILE"] = str(self.folder / "company-ca.pem")
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=50,
        )


def runnable(block):
    """Wraps a block that awaits outside of a function, as notebooks allow, in a coroutine."""
    if re.search(r"^(async with|async for|(\w+ = )?await)\b", block, re.M):
        inner = textwrap.indent(block, "    ")
        return f"import asyncio\nasync def notebook():\n{inner}\nasyncio.run(notebook())\n"
    return block


def is_a_test(block):
    return re.search(r"^def test_", block, re.M) is not None


@pytest.mark.parametrize("page", RUN_HERE)
def test_blocks_run(page, stage):
    script = [BEFORE.get(page, "")]
    for number, block in enumerate(PAGES[page], 1):
        code = runnable(block)
        compile(code, f"{page}, block {number}", "exec")
        if not is_a_test(block):
            script.append(f"# {page}, block {number}\n{stage.localise(code)}")
    code = "\n".join(script)
    left = [host for host in SERVERS if re.search(rf'"{host}"[,)]', code)]
    assert not left, f"{left} would be asked itself"
    if page in WITH_TOKENS:
        stage.give_tokens()
    if "PGP_PASSPHRASE" in code:
        stage.give_keys()
    (stage.folder / "page.py").write_text(code, encoding="utf-8")
    # Django 6.1 says that the settings of 5.2 will go.
    django = ["-W", "ignore:The EMAIL_"] if page == "docs/howto/django.md" else []
    done = stage.run(["-W", "error", *django, "page.py"])
    assert done.returncode == 0, f"{page}\n{done.stdout}\n{done.stderr}"
    if stage.endpoint is not None:
        # Each way to get a token has asked for one.
        assert len(stage.endpoint.issued) == code.count("credentials.google(") + code.count("microsoft365(\n")
    for url, proxy in stage.proxies.items():
        assert proxy.connections(), f"nothing went through {url}"
    # A page that names a server must have sent something to it. This also catches scripts that
    # print an error instead of raising it.
    for catcher in stage.catchers:
        # The second server is only for when the first one is down.
        if page not in ("docs/howto/relay.md", "docs/howto/django.md"):
            assert catcher.count > 0, f"{page}: nothing came\n{done.stdout}"


@pytest.mark.parametrize("page", [page for page in RUN_HERE if any(map(is_a_test, PAGES[page]))])
def test_tests_pass(page, stage):
    blocks = [block for block in PAGES[page] if is_a_test(block)]
    (stage.folder / "test_page.py").write_text(GREET + "\n".join(blocks), encoding="utf-8")
    done = stage.run(["-m", "pytest", "-q", "-p", "no:cacheprovider", "test_page.py"])
    assert done.returncode == 0, done.stdout


def test_every_picture_is_shown_and_exists():
    pictures = {path.name for path in (ROOT / "docs" / "images").iterdir() if path.suffix in (".png", ".svg")}
    shown = {
        name
        for page in PAGES
        for name in re.findall(r"images/([\w-]+\.(?:png|svg))", (ROOT / page).read_text(encoding="utf-8"))
    }
    assert shown == pictures
    assert not [page for page in PAGES if "![](" in (ROOT / page).read_text(encoding="utf-8")]
    for display in ("client", "transcript", "message", "receipt", "report", "error"):
        assert {f"{display}-{look}.png" for look in ("light", "dark", "narrow")} <= shown


def test_every_public_name_stands_in_the_reference():
    reference = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert "automodule:: rsmtp.errors" in reference
    names = set(rsmtp.__all__) - set(rsmtp.errors.__all__) - {"__version__"}
    assert names <= set(dir(rsmtp))
    assert not [name for name in names if not re.search(rf"rsmtp\.{name}\b", reference)]
    for module in ("advice", "aio", "aiosmtplib", "credentials", "inbox", "providers", "testing", "typing"):
        public = getattr(rsmtp, module).__all__
        assert not [name for name in public if not re.search(rf"\b{name}\b", reference)], module


def test_every_class_that_calls_itself_public_is():
    """An engine class that calls itself `rsmtp.Receipt` is found under that name, and the
    reference lists it."""
    classes = [value for value in vars(rsmtp._rsmtp).values() if isinstance(value, type)]
    public = {each.__name__ for each in classes if each.__module__ == "rsmtp"}
    assert len(public) > 10
    assert public <= set(rsmtp.__all__)
    assert not re.search(r"rsmtp\._", (ROOT / "docs" / "reference.md").read_text(encoding="utf-8"))


def test_commands_named_exist():
    from rsmtp.cli import main

    named = {
        command for page in PAGES for command in COMMAND.findall((ROOT / page).read_text(encoding="utf-8"))
    }
    assert {"send", "check", "catch", "demo"} <= named
    for command in sorted(named):
        with pytest.raises(SystemExit) as end:
            main([command, "--help"])
        assert end.value.code == 0


def test_make_targets_named_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for page in [*PAGES, "CONTRIBUTING.md"]:
        text = (ROOT / page).read_text(encoding="utf-8")
        for target in re.findall(r"(?:`|^    )make ([a-z][a-z-]*)", text, re.M):
            assert re.search(rf"^{target}:", makefile, re.M), f"{page}: make {target}"
