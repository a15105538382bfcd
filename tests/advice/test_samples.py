"""Each row of the advice table is complete, and matches the real replies of its receiver."""

import datetime
import re
import runpy
from pathlib import Path

import pytest

from rsmtp import advice

from .samples import SAMPLES

ROOT = Path(__file__).parent.parent.parent
ROWS = {row.name: row for row in advice.ROWS}
CASES = [(name, said) for name, samples in SAMPLES.items() for said in samples]


def reply(said):
    """The code and text as a client has them. The text is the part of each line after the code."""
    lines = said.split("\n")
    return int(lines[0][:3]), "\n".join(line[4:] for line in lines)


@pytest.mark.parametrize(
    ("name", "said"), CASES, ids=[f"{name}-{number}" for number, (name, _) in enumerate(CASES)]
)
def test_found_for_what_is_really_said(name, said):
    said, address = said if isinstance(said, tuple) else (said, "bob@example.org")
    found = advice.find(*reply(said), address)
    assert found is not None
    assert found.name == name


@pytest.mark.parametrize(
    ("name", "said"), CASES, ids=[f"{name}-{number}" for number, (name, _) in enumerate(CASES)]
)
def test_found_in_a_diagnostic_too(name, said):
    said, address = said if isinstance(said, tuple) else (said, "bob@example.org")
    code, _ = reply(said)
    diagnostic = f"smtp; {' '.join(said.split())} (in reply to end of DATA command)"
    assert advice.find(code, diagnostic, address).name == name


def test_the_page_is_true():
    page = runpy.run_path(str(ROOT / "tools" / "refusals-page"))["page"]
    present = (ROOT / "docs" / "refusals.md").read_text(encoding="utf-8")
    assert page(present) == present, "run tools/refusals-page"


def test_every_row_has_a_sample():
    assert SAMPLES.keys() == ROWS.keys()
    assert len(ROWS) == len(advice.ROWS)


@pytest.mark.parametrize("row", advice.ROWS, ids=lambda row: row.name)
def test_a_row_is_whole_and_says_where_it_is_from(row):
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", row.name)
    for sentence in (row.means, row.do):
        assert sentence.endswith(".")
        assert len(sentence) < 240
    # The name comes after "Gmail: " or alone.
    assert row.who or row.means[0].isupper()
    assert re.fullmatch(r"https://[\w.-]+/\S*", row.source)
    assert datetime.date.fromisoformat(row.read) <= datetime.date.today() + datetime.timedelta(days=1)
    assert row.weight > 0 or row.name == "policy"
    assert all(400 <= code < 600 for code in row.codes)
    assert all(re.fullmatch(r"[?45]\.\d{1,3}\.\d{1,3}", code) for code in row.enhanced)
    assert str(row).endswith(f"({row.source})")
    assert set(row.to_dict()) == {"name", "who", "means", "do", "about", "source", "read"}


@pytest.mark.parametrize(
    ("code", "text"),
    [(550, "no"), (421, ""), (None, None), (554, "5.0.0 go away"), (250, "ok"), (550, "\0\ud7ff" * 5)],
)
def test_what_is_not_known_has_none(code, text):
    assert advice.find(code, text) is None


def test_an_address_or_a_version_is_no_enhanced_code():
    assert advice.find(550, "client [5.1.1.7] at 5.2.2.9 with v5.7.26.1 is not liked") is None


def test_known_by_its_server_or_by_the_recipient():
    assert advice.find(550, "5.7.26 nothing passed").name == "not-authentic"
    for where in ({"server": "gmail-smtp-in.l.google.com:25"}, {"address": "ann@gmail.com"}):
        assert advice.find(550, "5.7.26 nothing passed", **where).name == "gmail-unauthenticated"
    # A name that only ends in the same letters is another name.
    assert advice.find(550, "5.7.26 nothing passed", "ann@notgmail.com").name == "not-authentic"


def test_the_end_of_what_a_hostile_server_says_is_not_read():
    assert advice.find(550, "go away " * 1_000 + "mailbox is full") is None
    assert advice.find(550, "user sender mailbox blocked by " * 1_000_000) is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("550", "text"), "code: str is not a reply code"),
        ((550, 7), "text: a str is wanted, not 7"),
        ((550, "text", b"ann@example.org"), "address: a str is wanted, not bytes"),
        ((550, "text", None, 25), "server: a str is wanted, not 25"),
    ],
)
def test_arguments_are_checked(arguments, words):
    with pytest.raises((TypeError, ValueError), match=re.escape(words)):
        advice.find(*arguments)
