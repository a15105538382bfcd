"""Receipts and reports in a notebook show refused and unknown recipients first."""

from collections import namedtuple

import pytest

import rsmtp


@pytest.fixture
def mailer():
    with rsmtp.Catcher(tls="none") as catcher:
        catcher.fault("RCPT", address="nobody@example.org", reply=(550, "5.1.1 no <b>such</b> user\x1b[31m"))
        catcher.fault("RCPT", address="busy@example.org", reply=(450, "4.2.1 later"))
        with rsmtp.Mailer(f"smtp://localhost:{catcher.port}?tls=none", retries=0) as mailer:
            yield mailer


def letter(*to):
    return rsmtp.Message("x", subject="Hello", from_="ann@example.org", to=list(to))


def test_a_receipt(mailer, read):
    receipt = mailer.send(letter("bob@example.org", "nobody@example.org"))
    shown = receipt._repr_mimebundle_()
    page = read(shown["text/html"])
    assert "not sent to every recipient" in page.text and "no <b>such</b> user" in page.text
    assert page.text.index("nobody@example.org refused") < page.text.index("bob@example.org sent")
    assert "\x1b" not in shown["text/html"] + shown["text/plain"]
    assert "stage try again" in page.text


def test_what_was_sent_to_all_has_no_empty_columns(mailer, read):
    shown = read(mailer.send(letter("bob@example.org"))._repr_mimebundle_()["text/html"]).text
    assert "fate the server's words" in shown and "stage" not in shown and "try again" not in shown


def test_a_report(mailer, read):
    messages = [letter(f"u{i}@example.org") for i in range(5)]
    messages += [letter("nobody@example.org"), letter("busy@example.org"), rsmtp.Message("to nobody")]
    shown = mailer.send_all(messages)._repr_mimebundle_()
    page = read(shown["text/html"])
    for fact in (
        "8 messages",
        "2 refused",
        "1 not sent",
        "5 sent",
        "550",
        "not without a change",
        "450",
        "may help",
    ):
        assert fact in page.text
    assert page.text.index("nobody@example.org") < page.text.index("u0@example.org")
    assert {attrs.get("scope") for attrs in page.all("th")} == {"col"}
    assert "\x1b" not in shown["text/html"] + shown["text/plain"]


def test_a_row_that_became_no_message_is_shown(mailer, read):
    """Rows from `df.itertuples()`, one of which has no address."""
    Row = namedtuple("Pandas", "Index name mail")
    rows = [Row(0, "Ann", "ann@example.org"), Row(1, "Dora", float("nan"))]
    report = mailer.send_all(rows, make=lambda row: letter((row.name, row.mail)))
    assert report.sent == 1
    shown = read(report._repr_mimebundle_()["text/html"]).text
    assert "Pandas(Index=1, name='Dora', mail=nan) not sent" in shown
    assert "(row 1: Pandas(Index=1, name='Dora', mail=nan))" in str(report)
    receipt = read(report.troubles[0]._repr_mimebundle_()["text/html"]).text
    assert "row Pandas(Index=1, name='Dora', mail=nan)" in receipt and "<>" not in receipt


class Strange(tuple):
    def __repr__(self):
        raise ValueError("no text")


@pytest.mark.parametrize(
    "row", [Strange(), Strange((1, 2)), {"mail": Strange()}, {"mail": "x" * 10_000}, "\x1b[31m"]
)
def test_any_row_is_shown_in_a_line(mailer, row):
    report = mailer.send_all([row], make=lambda row: letter(5))
    shown = str(report) + report._repr_mimebundle_()["text/html"]
    assert report.not_sent == 1 and "\x1b" not in shown and "x" * 200 not in shown


def test_an_empty_report(mailer, read):
    assert "0 messages" in read(mailer.send_all([])._repr_mimebundle_()["text/html"]).text


def test_a_long_report_is_cut(mailer, read):
    report = mailer.send_all([letter("nobody@example.org")] * 400)
    assert "and 200 more, in receipts" in read(report._repr_mimebundle_()["text/html"]).text


def test_why_a_fate_is_unknown_is_told_once():
    with rsmtp.Catcher(tls="none") as catcher:
        catcher.fault("end-of-data", disconnect=True)
        with rsmtp.Mailer(host=catcher.host, port=catcher.port, tls="none") as mailer:
            report = mailer.send_all([letter("bob@example.org")])
    assert str(report).splitlines()[1:] == ["  0: bob@example.org unknown: Connection unexpectedly closed"]


def test_one_is_singular(mailer):
    report = mailer.send_all([letter("bob@example.org")])
    assert str(report).startswith("1 message in ") and repr(mailer).endswith(", 1 idle session>")
