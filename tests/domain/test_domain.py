"""`rsmtp.check_domain` finds the broken rule in each faulty zone of a real name server."""

import json
import socket
import sys
import time

import pytest

import rsmtp
from rsmtp._domain.rules import RULES

from .test_policies import WRONG

KEY = {"selectors": ["s1"]}
BROKEN = [
    ("domain-missing", "nosuch.test", {}),
    ("spf-missing", "nospf.test", {}),
    ("spf-several", "twospf.test", {}),
    ("spf-invalid", "badspf.test", {}),
    ("spf-lookups", "many.test", {}),
    ("spf-void", "void.test", {}),
    ("spf-loop", "loop.test", {}),
    ("spf-all", "plus.test", {}),
    ("spf-neutral", "neutral.test", {}),
    ("spf-neutral", "open.test", {}),
    ("spf-address", "good.test", {"ip": "203.0.113.9"}),
    ("spf-address", "good.test", {"ip": "2001:db8::9"}),
    ("dmarc-missing", "nodmarc.test", {}),
    ("dmarc-several", "twodmarc.test", {}),
    ("dmarc-invalid", "baddmarc.test", {}),
    ("dmarc-none", "none.test", {}),
    ("dmarc-reports", "quiet.test", {}),
    ("not-aligned", "good.test", {"from_": "ann@none.test"}),
    ("not-aligned", "mail.strict.test", {"from_": "ann@strict.test"}),
    ("dkim-missing", "keys.test", {"selectors": "none"}),
    ("dkim-several", "keys.test", {"selectors": "two"}),
    ("dkim-revoked", "keys.test", {"selectors": "revoked"}),
    ("dkim-invalid", "keys.test", {"selectors": "broken"}),
    ("dkim-invalid", "keys.test", {"selectors": "notrsa"}),
    ("dkim-invalid", "keys.test", {"selectors": "odd"}),
    ("dkim-invalid", "keys.test", {"selectors": "old"}),
    ("dkim-invalid", "keys.test", {"selectors": "twice"}),
    ("dkim-invalid", "keys.test", {"selectors": "bare"}),
    ("dkim-invalid", "keys.test", {"selectors": "keyless"}),
    ("dkim-invalid", "keys.test", {"selectors": "ed31"}),
    ("dkim-short", "keys.test", {"selectors": "short"}),
    ("dkim-testing", "keys.test", {"selectors": "test"}),
    ("dkim-hash", "keys.test", {"selectors": "sha1"}),
    ("mx-missing", "nomx.test", {}),
    ("mx-null", "null.test", {}),
    ("mx-unresolved", "lost.test", {}),
    ("mx-alias", "aliased.test", {}),
    ("mta-sts-missing", "good.test", {}),
    ("mta-sts-invalid", "sts.test", {}),
    ("tls-rpt-missing", "noreport.test", {}),
    ("tls-rpt-invalid", "badreport.test", {}),
    ("dane-unsigned", "dane.test", {}),
    ("ptr-missing", "good.test", {"ip": "192.0.2.5"}),
    ("ptr-unconfirmed", "good.test", {"ip": "192.0.2.2"}),
    ("helo-invalid", "good.test", {"helo": "localhost"}),
    ("helo-unresolved", "good.test", {"helo": "gone.test"}),
    ("helo-elsewhere", "good.test", {"helo": "liar.test", "ip": "192.0.2.1"}),
    ("blocklisted", "good.test", {"ip": "192.0.2.1", "blocklists": "bl.test"}),
]


def rules(report):
    return [finding.rule for finding in report.findings]


@pytest.mark.parametrize(
    ("rule", "domain", "given"), BROKEN, ids=[f"{number}-{row[0]}" for number, row in enumerate(BROKEN)]
)
def test_each_fault_is_found(nameserver, rule, domain, given):
    assert rule in rules(rsmtp.check_domain(domain, nameservers=nameserver, **given))


def test_there_is_a_zone_for_each_rule():
    there = {row[0] for row in BROKEN} | {rule for _, rule, _ in WRONG}
    assert set(RULES) - there == {"dns-failed", "spf-other", "dmarc-other"}


def test_a_sound_domain(nameserver):
    report = rsmtp.check_domain(
        "Good.Test.",
        from_="Ann@mail.good.test",
        selectors=["s1"],
        ip="192.0.2.1",
        helo="mail.good.test",
        blocklists=["shy.test"],
        nameservers=[nameserver],
    )
    assert rules(report) == ["mta-sts-missing"] and report.ok and bool(report)
    facts = report.facts
    assert facts["spf"]["record"].startswith("v=spf1 ") and facts["spf"]["lookups"] == 3
    assert facts["dmarc"]["policy"] == "reject" and facts["dmarc"]["domain"] == "good.test"
    assert facts["dkim"]["s1"]["bits"] == 2048
    assert facts["mx"][0]["host"] == "mail.good.test"
    assert facts["mx"][0]["addresses"] == ["192.0.2.1", "2001:db8::1"]
    assert facts["ptr"] == ["mail.good.test"] and facts["blocklists"] == {"shy.test": False}
    assert json.loads(json.dumps(report.to_dict()))["ok"] is True
    assert str(report).startswith("good.test: 1 hint found\nhint: there is no MTA-STS record")


@pytest.mark.parametrize("address", ["192.0.2.15", "198.51.100.7", "192.0.2.1", "2001:db8::1"])
def test_addresses_that_spf_lets_send(nameserver, address):
    report = rsmtp.check_domain("good.test", ip=address, nameservers=nameserver)
    assert "spf-address" not in rules(report)


def test_an_ed25519_key(nameserver):
    report = rsmtp.check_domain("keys.test", selectors=["ed"], nameservers=nameserver)
    assert report.facts["dkim"]["ed"]["type"] == "ed25519" and not report.findings.errors


def test_it_agrees_with_checkdmarc(nameserver):
    """A record that checkdmarc's own check finds valid has no error here, and the other way round."""
    import dns.nameserver
    import dns.resolver
    from checkdmarc.dmarc import check_dmarc
    from checkdmarc.spf import check_spf

    resolver = dns.resolver.Resolver(configure=False)
    host, port = nameserver.split(":")
    resolver.nameservers = [dns.nameserver.Do53Nameserver(host, int(port))]
    for name in sorted({row[1] for row in BROKEN} - {"nosuch.test", "mail.strict.test"}):
        report = rsmtp.check_domain(name, nameservers=nameserver)
        ours = {rule.partition("-")[0] for rule in rules(rsmtp.check_domain(name, nameservers=nameserver))}
        errors = {finding.rule for finding in report.findings.errors}
        spf = check_spf(name, resolver=resolver)
        assert bool(spf["valid"]) == (
            not {rule for rule in errors if rule.startswith("spf-")} - {"spf-all"}
        ), name
        dmarc = check_dmarc(name, resolver=resolver)
        assert bool(dmarc["valid"]) == (not {rule for rule in errors if rule.startswith("dmarc-")}), name
        assert ours


def test_servers_that_do_not_answer(nameserver):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{silent.getsockname()[1]}"
        report = rsmtp.check_domain("good.test", nameservers=where, timeout=0.2)
        begun = time.monotonic()
        assert run("--domain", "good.test", "--nameserver", where, "--timeout", "0.2") == 1
        assert time.monotonic() - begun < 4, "one question alone has five seconds"
    assert rules(report) == ["dns-failed"] and not report.ok
    # checkdmarc refuses to analyse this zone.
    assert rules(rsmtp.check_domain("elsewhere.example", nameservers=nameserver)) == ["dns-failed"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"domain": "ann@example.com"}, "domain: 'ann@example.com' is no domain"),
        ({"domain": "localhost"}, "domain: 'localhost' is no domain"),
        ({"domain": "https://example.com"}, "domain: 'https://example.com' is no domain"),
        ({"ip": "mail.good.test"}, "ip: 'mail.good.test' is no IP address"),
        ({"nameservers": "ns.good.test"}, "nameservers: 'ns.good.test' is no address"),
        ({"nameservers": "127.0.0.1:x"}, "nameservers: '127.0.0.1:x' is no address"),
        ({"blocklists": "bl.test"}, "blocklists: they are asked about an address: say ip="),
        ({"timeout": 0}, "timeout: 0 is not a number over 0"),
    ],
)
def test_what_is_refused(given, words):
    with pytest.raises(ValueError, match=words):
        rsmtp.check_domain(**{"domain": "good.test", **given})


def test_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "checkdmarc", None)
    with pytest.raises(
        ImportError, match=r"check_domain\(\) needs checkdmarc: pip install 'rsmtp\[domain\]'"
    ):
        rsmtp.check_domain("good.test")


def test_notebook(nameserver):
    told = rsmtp.check_domain("plus.test", nameservers=nameserver)._repr_mimebundle_()
    assert (
        "spf-all" in told["text/plain"]
        and "spf-all" in told["text/html"]
        and "v=spf1 +all" in told["text/html"]
    )


# -- the command line ----------------------------------------------------------------------


def run(*words):
    from rsmtp.cli import main

    return main(["check", *words])


def test_command(nameserver, capsys):
    assert run("--domain", "plus.test", "--selector", "s1", "--nameserver", nameserver) == 1
    said = capsys.readouterr().out
    assert "v=spf1 +all" in said and "the record ends with +all" in said and "-all or ~all" in said
    assert run("--domain", "good.test", "--ip", "192.0.2.1", "--nameserver", nameserver) == 0
    assert "mail.good.test" in capsys.readouterr().out
    assert run("--domain", "plus.test", "--nameserver", nameserver, "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["ok"] is False and "spf-all" in [row["rule"] for row in told["findings"]]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--domain", "x"], "--domain: 'x' is no domain"),
        (["--domain", "good.test", "--ip", "x"], "--ip: 'x' is no IP address"),
        (["--domain", "good.test", "smtp.good.test"], "one of them"),
        (["smtp.good.test", "--selector", "s1"], "--selector goes with --domain"),
        (["smtp.good.test", "--nameserver", "127.0.0.1"], "--nameserver goes with --domain or --mx"),
        (["--domain", "good.test", "--login"], "--login goes with a server, not with --domain"),
        (["--domain", "good.test", "--ca-file", "x.pem"], "--ca-file goes with a server"),
        ([], "HOST"),
    ],
)
def test_command_that_is_refused(words, said, capsys):
    assert run(*words) == 2
    assert said in capsys.readouterr().err


def test_servers_of_a_domain(nameserver, capsys):
    """--mx checks port 25 of each server that accepts the domain's mail."""
    assert run("--mx", "lost.test", "--nameserver", nameserver, "--timeout", "1") == 68
    assert "nowhere.test" in capsys.readouterr().out
    assert run("--mx", "null.test", "--nameserver", nameserver) == 1
    assert "takes no mail" in capsys.readouterr().out
