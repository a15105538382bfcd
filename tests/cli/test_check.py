"""``rsmtp check``, and its findings about good and bad servers."""

import json
import re
import socket
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import rsmtp
from rsmtp._common import hints
from rsmtp._common.raising import from_engine
from rsmtp._mailer.servers import Server
from rsmtp.cli import check_text, words
from rsmtp.cli.check import target
from rsmtp.cli.examine import Certificate, Found, Trial, examine
from rsmtp.cli.exit_code import Stop
from rsmtp.cli.explain import explain
from rsmtp.cli.judge import judge
from rsmtp.cli.terminal import Style

ROOT = Path(__file__).parents[2]


def test_a_good_server(run, catcher):
    done = run("check", f"localhost:{catcher.port}", "--ca-file", catcher.ca_file, code=0)
    for line in (
        f"localhost:{catcher.port}",
        "  greeting      220 localhost ESMTP rsmtp catcher",
        "  encryption    STARTTLS: TLSv1.3, ",
        "  certificate   CN=rsmtp catcher",
        "                issued by CN=rsmtp catcher: test authority",
        "                for localhost, 127.0.0.1, ::1",
        "days left",
        "                verified: name, chain and dates",
        "  login         SCRAM-SHA-256-PLUS  proves the password without showing it, bound to TLS",
        "  extensions    PIPELINING          several commands go in one write",
        "                SIZE                messages up to 32 MiB (RFC 1870)",
        "  Nothing is wrong.",
    ):
        assert line in done.out
    assert done.err == ""
    assert "\x1b" not in done.out
    assert catcher.messages == []
    assert catcher.conversations[0].user is None
    assert catcher.conversations[0].lines[-2].upper() == "C: QUIT"


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize(
    "bad, words",
    [
        ("expired", "it expired"),
        ("not-yet-valid", "it is not valid yet"),
        ("wrong-name", "it is for elsewhere.example"),
        ("untrusted", "the authority that it names has not signed it"),
        ("self-signed", "it is not signed by an authority that this machine trusts"),
    ],
)
def test_a_bad_certificate_is_shown_all_the_same(run, tls, bad, words):
    with rsmtp.Catcher(tls=tls) as server:
        server.fault("handshake", certificate=bad)
        flags = ("--tls", "implicit") if tls == "implicit" else ()
        done = run(
            "check", "--json", f"localhost:{server.port}", "--ca-file", server.ca_file, *flags, code=78
        )
    report = json.loads(done.out)
    (port,) = report["ports"]
    assert report["ok"] is False
    assert words in port["problems"][0]["what"]
    assert "TlsConfig" not in port["problems"][0]["what"]
    assert port["certificate"]["trusted"] is False
    assert port["certificate"]["subject"]
    assert port["certificate"]["names"] == (
        ["elsewhere.example"] if bad == "wrong-name" else ["localhost", "127.0.0.1", "::1"]
    )
    assert (port["certificate"]["days_left"] < 0) is (bad == "expired")
    # What the server offers after that.
    assert "PLAIN" in port["mechanisms"]
    assert port["tls_version"] == "TLSv1.3"


def test_json(run, catcher):
    done = run("check", "--json", f"localhost:{catcher.port}", "--ca-file", catcher.ca_file, code=0)
    report = json.loads(done.out)
    (port,) = report["ports"]
    assert report["ok"] is True and report["host"] == "localhost"
    assert datetime.fromisoformat(report["checked_at"]).tzinfo is not None
    assert port["greeting"] == {"code": 220, "text": "localhost ESMTP rsmtp catcher"}
    assert port["security"] == "STARTTLS"
    assert "starttls" in port["offered_in_plaintext"] and "auth" not in port["offered_in_plaintext"]
    assert port["extensions"]["size"] == "33554432"
    seconds = port["seconds"]
    assert 0 < seconds["connected"] <= seconds["greeted"] <= seconds["secured"]
    assert [address["error"] for address in port["addresses"]] == [None] * len(port["addresses"])
    assert port["problems"] == [] and port["notes"] == []


def test_tls_from_the_first_octet_is_found_out(run):
    with rsmtp.Catcher(tls="implicit") as server:
        done = run("check", f"localhost:{server.port}", "--ca-file", server.ca_file, "--timeout", 3, code=0)
    assert "TLS from the first octet on: TLSv1.3" in done.out


def test_no_encryption(run, plain):
    done = run("check", f"localhost:{plain.port}", code=1)
    assert "x Nothing is encrypted: the server offers no STARTTLS" in done.out


def test_login_before_encryption(run):
    with rsmtp.Catcher(auth_before_tls=True) as server:
        done = run("check", f"localhost:{server.port}", "--ca-file", server.ca_file, code=1)
    assert "Login is offered before encryption" in done.out


def test_what_is_missing_is_noted(run):
    with rsmtp.Catcher(without=["AUTH", "SMTPUTF8", "PIPELINING"]) as server:
        done = run("check", f"localhost:{server.port}", "--ca-file", server.ca_file, code=0)
    assert "- No login is offered." in done.out
    assert "- SMTPUTF8 is not offered: addresses such as jürgen@example.org can't be used." in done.out
    assert "PIPELINING is not offered" in done.out


def test_mechanisms_that_are_not_ours(run):
    with rsmtp.Catcher(tls="none", without=["AUTH"]) as server:
        server.fault("EHLO", reply=(250, ["here", "AUTH KERBEROS_V4 NTLM", "X-ODD thing"]))
        done = run("check", f"localhost:{server.port}", code=1)
    assert "None of its ways to log in is one of ours: KERBEROS_V4, NTLM." in done.out
    assert "X-ODD" in done.out and "an extension that we do not know" in done.out


@pytest.mark.parametrize(
    "stage, fault, code, words",
    [
        (
            "greeting",
            {"reply": (554, "5.7.1 You are on a list")},
            1,
            "does not want to talk to us: 554 5.7.1",
        ),
        ("greeting", {"reply": b"SSH-2.0-OpenSSH_9.9\r\n"}, 76, "SSH-2.0-OpenSSH_9.9"),
        ("greeting", {"stall": True}, 75, "no answer within 1 s"),
        ("greeting", {"disconnect": True}, 75, "closed"),
        ("EHLO", {"reply": (502, "5.5.1 What?")}, 1, "without extensions (HELO, no EHLO)"),
        ("EHLO", {"disconnect": True}, 75, "closed"),
        ("STARTTLS", {"reply": (454, "4.7.0 TLS is broken")}, 75, "454 4.7.0 TLS is broken"),
        ("handshake", {"disconnect": True}, 75, "closed the connection in the TLS handshake"),
        ("greeting", {"reply": (220, "\x1b]0;owned\x07 hello")}, 78, "\\x1b]0;owned\\x07"),
    ],
    ids=str,
)
def test_servers_that_misbehave(run, catcher, stage, fault, code, words):
    catcher.fault(stage, **fault)
    # Without the authority, a conversation that reaches TLS reports a problem.
    trust = () if "owned" in words else ("--ca-file", catcher.ca_file)
    done = run(
        "check", f"localhost:{catcher.port}", "--timeout", 1 if "stall" in fault else 20, *trust, code=code
    )
    assert words in " ".join(done.out.split())
    assert "\x1b" not in done.out and "\x07" not in done.out


def test_with_a_login(run):
    with rsmtp.Catcher(username="ann", password="secret") as server:
        asked = ("check", "--login", f"smtp://ann@localhost:{server.port}", "--ca-file", server.ca_file)
        done = run(*asked, RSMTP_PASSWORD="secret", code=0)
        told = json.loads(run(*asked, "--json", RSMTP_PASSWORD="secret", code=0).out)
        conversation = server.conversations[0]
    assert "  logged in     as ann by SCRAM-SHA-256-PLUS, after " in done.out
    assert "Nothing is wrong." in done.out and "secret" not in done.out
    assert told["ports"][0]["login"] == {"username": "ann", "mechanism": "SCRAM-SHA-256-PLUS"}
    assert told["ports"][0]["seconds"]["logged_in"] > told["ports"][0]["seconds"]["secured"]
    said = [line[3:].upper() for line in conversation.lines if line.startswith("C: ")]
    assert said[-2:] == ["NOOP", "QUIT"] and conversation.user == "ann"
    assert server.count == 0


def test_a_login_that_is_refused(run):
    with rsmtp.Catcher(username="ann", password="secret") as server:
        named = (f"localhost:{server.port}", "--ca-file", server.ca_file)
        done = run("check", "--login", "--username", "ann", *named, RSMTP_PASSWORD="other", code=77)
    assert "535 5.7.8" in done.out and "Check user name and password" in done.out
    # The server's extensions are shown in any case.
    assert "CHUNKING" in done.out and "logged in " not in done.out


def test_no_login_where_the_certificate_is_not_trusted(run):
    with rsmtp.Catcher(username="ann", password="secret") as server:
        named = f"smtp://ann@localhost:{server.port}"
        done = run("check", "--login", named, RSMTP_PASSWORD="secret", code=78)
        assert "not trusted" in done.out and "logged in " not in done.out
        assert {conversation.user for conversation in server.conversations} == {None}


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("--login", "localhost:1"), "--login: the user name is missing; use --username NAME"),
        (("--username", "ann", "localhost:1"), "--username needs --login"),
        (("--login", "smtp://ann:secret@localhost:1"), "can be read by every user of this machine"),
    ],
)
def test_a_login_that_can_not_be_meant(run, arguments, words):
    done = run("check", *arguments, RSMTP_PASSWORD="secret", code=2)
    assert words in done.err


def test_noise_of_all_kinds(run):
    """The server sends nonsense for ever. The check ends by itself."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)

        def babble():
            for _ in range(2):  # as it is, and once more with TLS
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    try:
                        while True:
                            connection.sendall(b"220-" + b"\xff\x00" * 500 + b"\r\n")
                    except OSError:
                        pass

        thread = threading.Thread(target=babble, daemon=True)
        thread.start()
        done = run("check", f"127.0.0.1:{listener.getsockname()[1]}", "--timeout", 5)
    assert done.code == 76
    assert "Nothing is wrong" not in done.out


def test_closed_ports(run):
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = f"127.0.0.1:{bound.getsockname()[1]}"
        done = run("check", server, code=69)
        report = json.loads(run("check", server, "--json", code=69).out)
    assert "Connection refused" in done.out
    assert report["ports"][0]["open"] is False and report["ports"][0]["error"] == "SMTPConnectionRefused"


def test_no_such_host(run):
    done = run("check", "mail.invalid", code=68)
    assert done.out.count("has no address") == 1


@pytest.mark.parametrize(
    "server", ["", "a b", "host:port", "host:0", "host:65536", "host:1/x", "ann@host", "[]"]
)
def test_what_is_no_server(run, server):
    done = run("check", server, code=2)
    assert done.err.startswith("rsmtp: ")


@pytest.mark.parametrize(
    "text, expected",
    [
        ("mail.example.org", ("mail.example.org", None, "auto")),
        ("mail.example.org:25", ("mail.example.org", 25, "auto")),
        ("::1", ("::1", None, "auto")),
        ("[::1]", ("::1", None, "auto")),
        ("[2001:db8::25]:465", ("2001:db8::25", 465, "auto")),
        ("smtp://mail.example.org", ("mail.example.org", 587, "auto")),
        ("smtps://mail.example.org", ("mail.example.org", 465, "implicit")),
        ("smtp://mail.example.org?tls=none", ("mail.example.org", 25, "none")),
    ],
)
def test_servers_are_named_in_many_ways(text, expected):
    assert target(text, "auto")[:3] == expected
    assert target(text, "starttls")[:3] == (*expected[:2], "starttls")


def test_a_port_too_many():
    with pytest.raises(Stop, match="from 1 to 65535"):
        target("host:99999999999999999999", "auto")


def test_an_address_that_does_not_answer(monkeypatch, plain):
    family, kind = socket.AF_INET, socket.SOCK_STREAM
    infos = [(family, kind, 6, "", (address, plain.port)) for address in ("127.0.0.1", "127.0.0.2")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: infos)
    found = examine("localhost", plain.port, Trial("auto", rsmtp.TlsConfig(), 5))
    good, bad = found.addresses
    assert good.seconds is not None and good.error is None
    assert bad.error == "Connection refused"
    findings = [finding.what for finding in judge(found, datetime.now(UTC)) if finding.is_problem]
    assert "127.0.0.2 does not answer: Connection refused." in findings


@pytest.mark.parametrize(
    "left, words",
    [
        (timedelta(days=30, hours=1), None),
        (timedelta(days=13, hours=1), "The certificate expires in 13 days."),
        (timedelta(days=1, hours=1), "The certificate expires tomorrow."),
        (timedelta(hours=1), "The certificate expires today."),
    ],
)
def test_a_certificate_that_ends_soon(left, words):
    now = datetime.now(UTC)
    found = Found("mail.example.org", 465, greeting=(220, "hello"), security="TLS", speaks_esmtp=True)
    found.extensions = dict.fromkeys([*words_of_missed(), "auth"], "") | {"auth": "PLAIN"}
    found.certificate = Certificate(
        "CN=x", "CN=y", ["mail.example.org"], now - timedelta(days=60), now + left
    )
    problems = [finding.what for finding in judge(found, now)]
    assert problems == ([words] if words else [])
    text = check_text.render(found, judge(found, now), now, Style())
    assert ("Nothing is wrong." in text) is (words is None)


def words_of_missed():
    return words.MISSED


@pytest.mark.parametrize(
    "octets, expected",
    [
        (1023, "1023 octets"),
        (1024, "1 KiB"),
        (10_240_000, "9.77 MiB"),
        (52_428_800, "50 MiB"),
    ],
)
def test_sizes(octets, expected):
    assert words.size(octets) == expected


@pytest.mark.parametrize("parameters", ["", "0", "x", "-1", "9" * 5000])
def test_odd_sizes(parameters):
    assert words.extension("size", parameters)


@pytest.mark.parametrize("advice", hints.TABLE)
def test_advice_is_for_the_command_line(advice):
    """Every kind of advice has words that mention no Python argument."""
    error = from_engine(
        "tls", "something happened", advice=advice, stage="handshake", reply=None, os_error=None
    )
    said = explain(error, Server(host="mail.example.org"))
    assert said.startswith("something happened" if advice != "connect" else "")
    programmers = r"TlsConfig|SMTP_SSL|context=|tls=\"|chunking=|_[a-z]+=|[a-z]\(\)"
    only_in_python = {"hear the reply", "shake hands", "encrypt", "do without chunking", "connect"}
    if advice not in only_in_python | {"trust the network", "use a port for tls", "name this client"}:
        assert not re.search(programmers, said), said


def test_our_mechanisms_are_the_engines():
    """Each of the engine's mechanisms can be requested, and no other."""
    with rsmtp.Catcher(tls="none", without=["AUTH"]) as server:
        server.fault("EHLO", reply=(250, ["here", "AUTH GSSAPI " + " ".join(words.MECHANISMS)]))
        # Mechanisms that TLS proves, or that are bound to it, can't be requested without TLS.
        ours = [name for name in words.MECHANISMS if not name.endswith("-PLUS") and name != "EXTERNAL"]
        for mechanism in (*ours, "GSSAPI"):
            with rsmtp.SmtpClient(server.host, server.port) as client:
                secret = {"access_token": "x"} if "OAUTH" in mechanism else {"password": "x"}
                with pytest.raises((rsmtp.SMTPException, ValueError)) as raised:
                    client.login("ann", **secret, mechanism=mechanism)
                refused_by_the_server = isinstance(raised.value, rsmtp.SMTPAuthenticationError)
                assert refused_by_the_server is (mechanism != "GSSAPI"), raised.value


@pytest.mark.parametrize("flag", ["--ca-file", "--client-certificate"])
@pytest.mark.parametrize(
    ("file", "why"), [("missing", "can't be read"), ("empty", "holds no PEM certificate")]
)
def test_a_certificate_that_is_none(run, tmp_path, flag, file, why):
    (tmp_path / "empty").touch()
    for command in (
        ["check"],
        ["send", "--to", "b@example.org", "--text", "x", "--from", "a@x.example", "--server"],
    ):
        url = "localhost" if command == ["check"] else "smtp://localhost:1"
        done = run(*command, url, flag, str(tmp_path / file), code=2)
        assert f"{flag}: {tmp_path}/{file} {why}" in done.err
