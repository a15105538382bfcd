"""The scores of a real rspamd and a real SpamAssassin."""

import pytest

import rsmtp

from .filters import Rspamd, Spamd

# What filters take for spam by agreement.
GTUBE = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
NAMES = {"rspamd": "rspamd", "spamd": "SpamAssassin"}
TEXT = "Dear Bob,\n\nshall we have lunch on Friday at noon, in the place at the corner?\n\nYours, Ann\n"

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module", params=[Rspamd, Spamd], ids=lambda kind: kind.name)
def asked(request):
    """The argument of `lint` that asks the filter."""
    request.param.program()
    found = request.param()
    yield {found.name: found.where}
    found.close()


def message(text=TEXT, **more):
    return rsmtp.Message(
        text, subject="Lunch", from_="Ann Lee <ann@example.org>", to="bob@example.com", **more
    )


def scores(found):
    return [one for one in found if one.rule == "spam-score"]


def test_an_ordinary_message(asked):
    """It gets its Date and its Message-ID when it is sent, and filters count those that are missing."""
    assert scores(rsmtp.lint(message(), **asked)) == []


def test_octets_are_judged_as_they_are(asked):
    (found,) = scores(rsmtp.lint(b"From: ann@example.org\nSubject: Lunch\n\nHi", **asked))
    assert found.severity in ("warning", "error")
    assert "MISSING_DATE" in found.why and "MISSING_MID" in found.why


def test_spam(asked):
    (found,) = scores(rsmtp.lint(message(f"{TEXT}\n{GTUBE}\n"), **asked))
    assert found.severity == "error"
    assert found.message.startswith(f"{NAMES[next(iter(asked))]} gives it ")
    assert "GTUBE" in found.why
    assert rsmtp.lint(message(GTUBE), ignore="spam-score", **asked) == []


def test_a_large_message(asked):
    attached = {"a.bin": bytes(range(256)) * 4_000}
    assert scores(rsmtp.lint(message(attachments=attached), **asked)) == []


def test_the_command(asked, tmp_path, capsys):
    from rsmtp.cli import main

    path = tmp_path / "a.eml"
    path.write_bytes(message(GTUBE).as_bytes())
    ((name, where),) = asked.items()
    assert main(["lint", str(path), "--unsent", f"--{name}", where]) == 1
    assert "gives it" in capsys.readouterr().out
