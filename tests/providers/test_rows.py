"""The table of providers: each row is complete and gives its source, and names are unique."""

import datetime
import pickle
import re
import runpy
from pathlib import Path

import pytest

from rsmtp import providers
from rsmtp._mailer.server_urls import LOCAL_SCHEMES, SCHEMES
from rsmtp.providers import Provider, words

ROOT = Path(__file__).parent.parent.parent
ROWS = list(providers.PROVIDERS.values())


def test_the_most_used_are_there():
    wanted = """
        gmail gmail-relay outlook microsoft365 yahoo aol icloud zoho fastmail proton proton-bridge gmx webde
        mailbox-org posteo yandex mailru qq netease ses-eu-west-1 sendgrid mailgun mailgun-eu postmark mailjet
        brevo sparkpost sparkpost-eu mandrill resend mailersend smtp2go elasticemail scaleway ovh infomaniak
        ionos strato t-online
    """
    assert set(wanted.split()) <= providers.PROVIDERS.keys()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_is_whole_and_says_where_it_is_from(row):
    # The name is used in URLs (RFC 3986 section 3.1).
    assert re.fullmatch(r"[a-z][a-z0-9.-]*", row.name)
    assert row.port in (465, 587, 1025)
    assert row.tls == ("implicit" if row.port == 465 else "starttls")
    assert row.title
    assert row.user_is
    assert row.login or row.name == "gmail-relay"
    assert row.sources
    assert all(re.fullmatch(r"https://[\w.-]+/\S*", url) for url in row.sources)
    assert datetime.date.fromisoformat(row.read) <= datetime.date.today() + datetime.timedelta(days=1)
    assert dict(words.facts(row))["server"].startswith(f"{row.host}:{row.port} ")


def test_no_name_has_two_meanings():
    names = [name for row in ROWS for name in (row.name, *row.aliases, *row.domains)]
    assert len(names) == len(set(names))
    assert not {*SCHEMES, *LOCAL_SCHEMES} & set(names)
    hosts = [row.host for row in ROWS]
    assert len(hosts) == len(set(hosts))


def test_the_page_is_true():
    page = runpy.run_path(str(ROOT / "tools" / "providers-page"))["page"]
    present = (ROOT / "docs" / "providers.md").read_text(encoding="utf-8")
    assert page(present) == present, "run tools/providers-page"


def test_found_by_any_name_and_by_the_domain_of_the_addresses():
    gmail = providers.PROVIDERS["gmail"]
    assert {providers.find(name) for name in ("gmail", "Gmail", " gmail ", "google", "googlemail.com")} == {
        gmail
    }
    assert providers.find(gmail) is gmail
    assert providers.find("163").host == "smtp.163.com"
    assert providers.find("ses-eu-west-1").host == "email-smtp.eu-west-1.amazonaws.com"


def test_amazon_ses_in_a_region_that_is_not_listed():
    row = providers.find("ses-eu-south-7")
    assert (row.name, row.host) == ("ses-eu-south-7", "email-smtp.eu-south-7.amazonaws.com")
    assert row.recipients == 50


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gmial", "did you mean 'gmail'?"),
        ("ses", "as 'ses-eu-west-1'"),
        ("ses-eu-west", "did you mean 'ses-eu-west-"),
        ("ses--1", "is not known"),
        ("ses-eu.evil.example/-1", "is not known"),
        ("", "is not known"),
        ("example.org", "is not known"),
    ],
)
def test_an_unknown_name_is_told_with_the_nearest(name, words):
    with pytest.raises(ValueError, match=f"^provider: {re.escape(repr(name))} .*{re.escape(words)}"):
        providers.find(name)


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("smtp.gmail.com", "gmail"),
        ("SMTP.Gmail.com.", "gmail"),
        ("email-smtp.eu-west-1.amazonaws.com", "ses-eu-west-1"),
        ("email-smtp.eu-south-7.amazonaws.com", "ses-eu-south-7"),
    ],
)
def test_found_by_the_host(host, name):
    assert providers.at_host(host).name == name


@pytest.mark.parametrize(
    "host", ["gmail.com", "localhost", "", "email-smtp.x.amazonaws.com", "a.smtp.gmail.com"]
)
def test_other_hosts_are_of_none(host):
    assert providers.at_host(host) is None


def test_a_row_of_ones_own():
    row = Provider("relay", "relay.example.org", recipients=5)
    assert (row.port, row.tls, row.login, row.title) == (587, "starttls", "", "relay")
    assert Provider("relay", "relay.example.org", 465).tls == "implicit"
    assert Provider("relay", "relay.example.org", 25, "none").tls == "none"
    other = row.replace(recipients=7, rate=2)
    assert (other.recipients, other.rate, other.host, row.recipients) == (7, 2, "relay.example.org", 5)
    assert row.replace(port=465).tls == "implicit"
    assert pickle.loads(pickle.dumps(other)) == other
    assert hash(other) == hash(row.replace(recipients=7, rate=2))
    assert other != row
    with pytest.raises(AttributeError, match="replace"):
        row.recipients = 9
    with pytest.raises(AttributeError):
        del row.host
    assert repr(row) == "<Provider relay: relay.example.org:587>"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"host": ""}, "host: it is empty"),
        ({"host": 3}, "host: a str is wanted, not 3"),
        ({"port": 70000}, "port: "),
        ({"tls": "ssl"}, "tls: 'ssl' is none of"),
        ({"recipients": 0}, "recipients: "),
        ({"size": -1}, "size: "),
        ({"rate": 0}, "rate: "),
        ({"rate": float("nan")}, "rate: "),
        ({"per_day_of": "mails"}, "per_day_of: 'mails' is none of"),
        ({"domains": "example.org"}, "domains: a list of str is wanted"),
        ({"username": 1}, "username: a str is wanted, not 1"),
    ],
)
def test_a_row_that_cannot_be_meant(changes, words):
    with pytest.raises((TypeError, ValueError), match=f"^{words}"):
        Provider("relay", "relay.example.org").replace(**changes)
