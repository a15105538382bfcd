"""A real name server (NSD) on loopback, with one zone for each fault."""

import base64
import os
import shutil
import socket
import subprocess
import time

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from .policies import POLICIES, WEB_SERVER, Policies

KEYS = {
    bits: base64.b64encode(
        rsa.generate_private_key(65537, bits)
        .public_key()
        .public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    ).decode()
    for bits in (1024, 2048)
}
GOOD_SPF = "v=spf1 ip4:192.0.2.0/28 include:_spf.relay -all"
GOOD_DMARC = "v=DMARC1; p=reject; rua=mailto:reports@{domain}"


def txt(name, text):
    pieces = " ".join(f'"{text[start : start + 200]}"' for start in range(0, len(text), 200))
    return f"{name} TXT {pieces}"


def domain(name, *more, spf=GOOD_SPF, dmarc=GOOD_DMARC, mx="10 mail.good"):
    """The records of a sound domain, with the given changes."""
    lines = [*more]
    lines += [f"{name} MX {mx}.test."] if mx else [f"{name} A 192.0.2.9"]
    lines += [txt(name, spf.replace("_spf.relay", "_spf.relay.test"))] if spf else []
    lines += [txt(f"_dmarc.{name}", dmarc.format(domain=f"{name}.test"))] if dmarc else []
    lines += [txt(f"_smtp._tls.{name}", f"v=TLSRPTv1; rua=mailto:tls@{name}.test")]
    lines += [txt(f"s1._domainkey.{name}", f"v=DKIM1; k=rsa; p={KEYS[2048]}")]
    return lines


def policy_records(name):
    return txt(f"_mta-sts.{name}", "v=STSv1; id=20261127"), f"mta-sts.{name} A {WEB_SERVER}"


MANY = " ".join(f"include:_spf{number}.many.test" for number in range(11))
ZONE = [
    *domain("good", "mail.good A 192.0.2.1", "mail.good AAAA 2001:db8::1", "alias.good CNAME mail.good"),
    txt("_spf.relay", "v=spf1 ip4:198.51.100.0/24 a:mail.good.test mx:good.test -all"),
    *domain("nospf", spf=None),
    *domain("twospf", txt("twospf", "v=spf1 -all")),
    *domain("badspf", spf="v=spf1 ipv4:192.0.2.1 -all"),
    *domain(
        "many",
        *(txt(f"_spf{n}.many", "v=spf1 ip4:203.0.113.1 -all") for n in range(11)),
        spf=f"v=spf1 {MANY} -all",
    ),
    *domain("void", spf="v=spf1 a:x.void.test a:y.void.test a:z.void.test -all"),
    *domain("loop", spf="v=spf1 include:loop.test -all"),
    *domain("plus", spf="v=spf1 +all"),
    *domain("neutral", spf="v=spf1 ip4:192.0.2.1 ?all"),
    *domain("open", spf="v=spf1 ip4:192.0.2.1"),
    *domain("nodmarc", dmarc=None),
    *domain("twodmarc", txt("_dmarc.twodmarc", "v=DMARC1; p=none")),
    *domain("baddmarc", dmarc="v=DMARC1; p=perhaps"),
    *domain("none", dmarc="v=DMARC1; p=none; rua=mailto:reports@{domain}"),
    *domain("quiet", dmarc="v=DMARC1; p=reject"),
    "mail.strict A 192.0.2.8",
    *domain("strict", dmarc="v=DMARC1; p=reject; adkim=s; aspf=s; rua=mailto:reports@{domain}"),
    *domain(
        "keys",
        txt("short._domainkey.keys", f"v=DKIM1; p={KEYS[1024]}"),
        txt("revoked._domainkey.keys", "v=DKIM1; p="),
        txt("broken._domainkey.keys", "v=DKIM1; p=!!!"),
        txt("notrsa._domainkey.keys", "v=DKIM1; p=AAAA"),
        txt("odd._domainkey.keys", "v=DKIM1; k=dsa; p=AAAA"),
        txt("old._domainkey.keys", "v=DKIM2; p=AAAA"),
        txt("twice._domainkey.keys", f"v=DKIM1; p=AAAA; p={KEYS[2048]}"),
        txt("bare._domainkey.keys", f"v=DKIM1; rsa; p={KEYS[2048]}"),
        txt("keyless._domainkey.keys", "v=DKIM1; xp=AAAA"),
        txt("test._domainkey.keys", f"v=DKIM1; t=y; p={KEYS[2048]}"),
        txt("sha1._domainkey.keys", f"v=DKIM1; h=sha1; p={KEYS[2048]}"),
        txt("two._domainkey.keys", f"v=DKIM1; p={KEYS[2048]}"),
        txt("two._domainkey.keys", f"v=DKIM1; p={KEYS[2048]} "),
        txt("ed._domainkey.keys", f"v=DKIM1; k=ed25519; p={base64.b64encode(bytes(32)).decode()}"),
        txt("ed31._domainkey.keys", f"v=DKIM1; k=ed25519; p={base64.b64encode(bytes(31)).decode()}"),
    ),
    *domain("nomx", mx=None),
    *domain("lost", mx="10 nowhere"),
    *domain("aliased", mx="10 alias.good"),
    *domain("sts", txt("_mta-sts.sts", "v=STSv1; id=")),
    *(line for name in POLICIES for line in domain(name, *policy_records(name))),
    *domain("twosts", *policy_records("twosts"), txt("_mta-sts.twosts", "v=STSv1; id=2")),
    *domain("addressless", txt("_mta-sts.addressless", "v=STSv1; id=1")),
    *domain("portless", txt("_mta-sts.portless", "v=STSv1; id=1"), "mta-sts.portless A 127.0.0.91"),
    *domain("dane", "_25._tcp.mail.dane TLSA 3 1 1 " + "00" * 32, "mail.dane A 192.0.2.3", mx="10 mail.dane"),
    *(line for line in domain("noreport") if "_tls" not in line),
    *(
        line.replace("v=TLSRPTv1; rua=mailto:tls@badreport.test", "v=TLSRPTv1; rua=")
        for line in domain("badreport")
    ),
    "null MX 0 .",
    txt("null", "v=spf1 -all"),
    "liar A 192.0.2.77",
    "1.2.0.192.bl A 127.0.0.2",
    "3.2.0.192.shy A 127.255.255.254",
]
REVERSE = ["1 PTR mail.good.test.", "2 PTR liar.test.", "77 PTR gone.test."]
SOA = "$TTL 60\n@ SOA ns.test. admin.test. 1 60 60 60 60\n@ NS ns.test.\n"


@pytest.fixture
def policies(tmp_path_factory, monkeypatch):
    """The web server of the domains that have a policy. Its certificate is trusted."""
    try:
        served = Policies(tmp_path_factory.mktemp("policies") / "tls")
    except OSError as why:
        pytest.skip(f"port 443 of {WEB_SERVER} can't be had: {why}")
    monkeypatch.setenv("SSL_CERT_FILE", served.ca_file)
    yield served
    served.close()


@pytest.fixture(scope="session")
def nameserver(tmp_path_factory):
    program = shutil.which("nsd") or shutil.which("nsd", path="/usr/sbin")
    if program is None:
        pytest.skip("nsd is missing: apt-get install --no-install-recommends nsd")
    folder = tmp_path_factory.mktemp("nsd")
    (folder / "test.zone").write_text("$ORIGIN test.\n" + SOA + "ns A 127.0.0.1\n" + "\n".join(ZONE) + "\n")
    (folder / "reverse.zone").write_text("$ORIGIN 2.0.192.in-addr.arpa.\n" + SOA + "\n".join(REVERSE) + "\n")
    with socket.socket() as stream, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        # It listens at the same port for both.
        stream.bind(("127.0.0.1", 0))
        port = stream.getsockname()[1]
        datagrams.bind(("127.0.0.1", port))
    (folder / "nsd.conf").write_text(f"""
server:
    ip-address: 127.0.0.1@{port}
    username: "{"root" if os.getuid() == 0 else ""}"
    zonesdir: "{folder}"
    pidfile: "{folder}/pid"
    xfrdfile: "{folder}/xfrd"
    xfrdir: "{folder}"
    zonelistfile: "{folder}/list"
    server-count: 1
    rrl-ratelimit: 0
    logfile: "{folder}/log"
remote-control:
    control-enable: no
zone:
    name: test
    zonefile: test.zone
zone:
    name: 2.0.192.in-addr.arpa
    zonefile: reverse.zone
""")
    process = subprocess.Popen([program, "-d", "-c", folder / "nsd.conf"], stderr=subprocess.DEVNULL)
    try:
        _wait(port, process, folder)
        yield f"127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def _wait(port, process, folder):
    """Waits until the server answers."""
    # The SOA of "test".
    question = b"\x00\x01\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x04test\x00\x00\x06\x00\x01"
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.settimeout(0.2)
            client.connect(("127.0.0.1", port))
            try:
                client.send(question)
                if client.recv(512)[7] > 0:
                    return
            except (TimeoutError, ConnectionRefusedError):
                time.sleep(0.05)
    log = folder / "log"
    raise AssertionError(f"nsd does not answer: {log.read_text() if log.exists() else 'no log'}")
