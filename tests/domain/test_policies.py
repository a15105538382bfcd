"""The policy of MTA-STS is fetched from a real HTTPS server, and what is wrong with it is found."""

import re
import socket
import time

import pytest

import rsmtp

from .policies import GOOD

WRONG = [
    ("twosts", "mta-sts-invalid", "there are 2 MTA-STS records"),
    ("addressless", "mta-sts-invalid", "mta-sts.addressless.test has no address"),
    ("portless", "mta-sts-invalid", "mta-sts.txt does not answer: .*refused"),
    ("lostpolicy", "mta-sts-invalid", "answers 404 Not Found"),
    ("moved", "mta-sts-invalid", "answers 301 .*, and senders follow no redirect"),
    ("long", "mta-sts-invalid", "longer than 65536 octets"),
    ("wrongname", "mta-sts-invalid", "certificate of mta-sts.wrongname.test is not valid: .*match"),
    ("stranger", "mta-sts-invalid", "certificate of mta-sts.stranger.test is not valid: .*issuer"),
    ("page", "mta-sts-invalid", "Line 1"),
    ("unserved", "mta-sts-invalid", "at least one mx"),
    ("forever", "mta-sts-invalid", "max_age must be"),
    ("html", "mta-sts-other", "the policy is text/html, not text/plain"),
    ("untyped", "mta-sts-other", "the policy is of no media type, not text/plain"),
    ("past", "mta-sts-other", "valid for 0 s, which is less than a day"),
    ("twice", "mta-sts-other", "Duplicate mode"),
    ("elsewhere", "mta-sts-mx", r"the policy \(mode enforce\) leaves out mail.good.test"),
    ("testing", "mta-sts-other", r"the policy \(mode testing\) leaves out mail.good.test"),
]


def found(report):
    return [(one.rule, one.message) for one in report.findings if one.rule.startswith("mta-sts")]


@pytest.mark.parametrize(("name", "rule", "words"), WRONG, ids=[row[0] for row in WRONG])
def test_each_fault(nameserver, policies, name, rule, words):
    report = rsmtp.check_domain(f"{name}.test", nameservers=nameserver)
    ((found_rule, message),) = found(report)
    assert found_rule == rule
    assert re.search(words, message)


@pytest.mark.parametrize("name", ["policy", "wildcard", "nomode"])
def test_a_sound_policy(nameserver, policies, name):
    report = rsmtp.check_domain(f"{name}.test", nameservers=nameserver)
    assert found(report) == []
    policy = report.facts["mta_sts"]["policy"]
    assert (policy["version"], policy["max_age"]) == ("STSv1", 604800)
    assert policies.asked == [f"mta-sts.{name}.test/.well-known/mta-sts.txt"]


def test_a_redirect_is_not_followed(nameserver, policies):
    rsmtp.check_domain("moved.test", nameservers=nameserver)
    assert policies.asked == ["mta-sts.moved.test/.well-known/mta-sts.txt"]


def test_a_slow_server_holds_no_check(nameserver, policies):
    begin = time.monotonic()
    report = rsmtp.check_domain("slow.test", nameservers=nameserver, timeout=2)
    assert time.monotonic() - begin < 0.3 * len(GOOD) / 2
    ((rule, message),) = found(report)
    assert rule == "mta-sts-invalid" and message.endswith("does not answer: not within 2 s")


def test_a_server_that_says_nothing_holds_no_check(nameserver):
    try:
        silent = socket.create_server(("127.0.0.91", 443))
    except OSError as why:
        pytest.skip(f"port 443 of 127.0.0.91 can't be had: {why}")
    with silent:
        report = rsmtp.check_domain("portless.test", nameservers=nameserver, timeout=1)
    assert found(report)[0][1].endswith("not within 1 s")
