"""Runs the blocks of docs/howto/kerberos.md. They log in to a real Dovecot with tickets from a real
KDC, and by NTLM to a stand-in for Exchange that uses pyspnego."""

import base64
import os
import re
import ssl
import subprocess
import sys
from pathlib import Path

import pytest
import spnego
from client.scripted import serve

import rsmtp
from servers import kerberos
from servers.kerberos import Realm
from servers.others import Dovecot, running

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "kerberos.md"


def exchange(context, seen):
    """A stand-in for Exchange: STARTTLS, NTLM, and mail."""

    def script(peer):
        peer.say("220 exchange")
        secure = False
        while command := peer.line():
            match command.split()[0].upper():
                case "EHLO":
                    peer.say("250-exchange", "250 AUTH NTLM" if secure else "250 STARTTLS")
                case "STARTTLS":
                    peer.say("220 go")
                    peer.secure(context)
                    secure = True
                case "AUTH":
                    server = spnego.server(hostname="exchange", service="SMTP", protocol="ntlm")
                    token = server.step(base64.b64decode(command.split()[2]))
                    peer.say(f"334 {base64.b64encode(token).decode()}")
                    server.step(base64.b64decode(peer.line()))
                    seen.append(server.client_principal)
                    peer.say("235 in" if server.complete else "535 5.7.3 Authentication unsuccessful")
                case "DATA":
                    peer.say("354 go on")
                    peer.mail_data()
                    peer.say("250 ok")
                case "QUIT":
                    peer.say("221 bye")
                    return
                case _:
                    peer.say("250 ok")

    return script


def test_blocks_run(tmp_path, monkeypatch):
    if reason := kerberos.unavailable():
        pytest.skip(reason)
    seen = []
    realm = Realm()
    try:
        realm.add("ann")
        (tmp_path / "users").write_text("CORP:ann:the-password\n")
        monkeypatch.setenv("NTLM_USER_FILE", str(tmp_path / "users"))
        with running(Dovecot, realm) as dovecot:
            tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            tls.load_cert_chain(f"{dovecot.folder}/tls/server.pem")
            with rsmtp.Catcher(tls="none", port=dovecot.relay) as relay, serve(exchange(tls, seen)) as other:
                code = "\n".join(re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.M | re.S))
                for name, port in (("relay", dovecot.port), ("exchange", other.port)):
                    code = code.replace(f'{name}.corp.example", 587', f'localhost", {port}')
                    code = code.replace(f'{name}.corp.example", port=587', f'localhost", port={port}')
                (tmp_path / "page.py").write_text(code)
                done = subprocess.run(
                    [sys.executable, "-W", "error", "page.py"],
                    cwd=tmp_path,
                    env=os.environ
                    | realm.environment
                    | {"KRB5CCNAME": realm.ticket("ann"), "SSL_CERT_FILE": dovecot.ca_file}
                    | {"SMTP_PASSWORD": "the-password"},
                    capture_output=True,
                    text=True,
                    timeout=50,
                )
                assert done.returncode == 0, done.stderr
                assert len(relay.messages) == 2 and seen == ["CORP\\ann"]
            assert dovecot.log().count("method=GSSAPI,") == 2
    finally:
        realm.remove()
