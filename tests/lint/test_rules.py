"""Broken messages and the rule that each of them breaks, and sound messages that break none."""

import re
import runpy
import zipfile
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from io import BytesIO
from pathlib import Path

import pytest

import rsmtp
from rsmtp._lint.rules import RULES

SOUND = (
    b"From: Ann <ann@example.org>\r\nTo: bob@example.com\r\nSubject: Lunch\r\n"
    b"Date: %s\r\nMessage-ID: <1@example.org>\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\nToday at noon?\r\n"
) % format_datetime(datetime.now(UTC)).encode()
WORDS = (
    "alpha bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar papa "
    "quebec romeo sierra tango uniform victor"
)
OTHERS = (
    "apple banana cherry damson elderberry figs grape hazelnut imbe jackfruit kiwi lemon mango nectarine "
    "orange peach quince raspberry strawberry tamarind ugli vanilla"
)


def octets(*changes, body=None):
    """The sound message with changed fields: (name, value or None)."""
    head, _, rest = SOUND.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    for name, value in changes:
        lines = [line for line in lines if not line.lower().startswith(name.lower() + b":")]
        values = value if isinstance(value, list) else [value]
        lines += [name + b": " + one for one in values if one is not None]
    return b"\r\n".join(lines) + b"\r\n\r\n" + (rest if body is None else body)


def message(text="Today at noon?", **more):
    return rsmtp.Message(
        text, **{"from_": "ann@example.org", "to": "bob@example.com", "subject": "Lunch", **more}
    )


def page(html, **more):
    return message("Today at noon?", html=f"<p>Today at noon?</p>{html}", **more)


def multipart(*parts, kind=b"mixed", boundary=b"x"):
    body = b"".join(b"--" + boundary + b"\r\n" + part + b"\r\n" for part in parts)
    return octets(
        (b"Content-Type", b"multipart/%s; boundary=%s" % (kind, boundary)),
        (b"Content-Transfer-Encoding", None),
        body=body + b"--" + boundary + b"--\r\n",
    )


def archive(*names):
    made = BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return made.getvalue()


PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
SIGNED = b"v=1; a=rsa-sha256; d=%s; s=s; h=%s; bh=x; b=y"

BROKEN = [
    # who and when
    ("from-missing", octets((b"From", None))),
    ("from-several", octets((b"From", b"ann@example.org, bob@example.org"))),
    ("address-invalid", octets((b"To", b"bob at example.com"))),
    ("address-invalid", octets((b"From", b"ann"))),
    ("address-local", octets((b"Cc", b"Bob <bob>"))),
    ("address-local", message(to="bob.example.org")),
    ("display-name-address", octets((b"From", b'"ceo@bank.example" <x@elsewhere.example>'))),
    ("direction-control", message(subject="invoice\u202efdp.exe")),
    ("recipients-none", octets((b"To", None))),
    ("recipients-twice", message(to=["bob@example.com", "BOB@example.com"])),
    ("recipients-visible", message(to=[f"user{n}@example.com" for n in range(60)])),
    ("bcc-visible", octets((b"Bcc", b"carol@example.com"))),
    ("return-path", octets((b"Return-Path", b"<ann@example.org>"))),
    ("date-missing", octets((b"Date", None))),
    ("date-invalid", octets((b"Date", b"yesterday"))),
    ("date-future", octets((b"Date", format_datetime(datetime.now(UTC) + timedelta(days=9)).encode()))),
    ("message-id-missing", octets((b"Message-ID", None))),
    ("message-id-invalid", octets((b"Message-ID", b"12345"))),
    ("field-twice", octets((b"Subject", [b"One", b"Two"]))),
    ("field-twice", octets((b"From", [b"ann@example.org", b"eve@example.org"]))),
    ("reply-without-thread", message(subject="Re: your order")),
    # subject
    ("subject-missing", message(subject=None)),
    ("subject-missing", octets((b"Subject", b" "))),
    ("subject-capitals", message(subject="BUY THIS RIGHT NOW")),
    ("subject-long", message(subject="word " * 40)),
    # octets
    ("header-8bit", octets((b"Subject", "Grüße".encode()))),
    ("line-long", octets(body=b"x" * 1200 + b"\r\n")),
    ("line-ends", octets(body=b"one\ntwo\r\n")),
    ("line-ends", octets(body=b"one\rtwo\r\n")),
    ("nul", octets(body=b"a\0b\r\n")),
    ("encoding-wrong", octets((b"Content-Transfer-Encoding", b"7bit"), body="Grüße\r\n".encode())),
    ("charset-unknown", octets((b"Content-Type", b"text/plain; charset=klingon"))),
    ("charset-wrong", octets(body=b"Gr\xfc\xdfe\r\n")),
    ("mime-version-missing", octets((b"MIME-Version", None))),
    ("structure-broken", multipart(b"Content-Type: text/plain\r\n\r\nhello")[:-7]),
    ("structure-broken", octets((b"Content-Type", b"multipart/mixed"), body=b"hello\r\n")),
    # what there is to read
    ("body-empty", message("")),
    ("text-missing", message(None, html="<p>Today at noon?</p>")),
    ("text-differs", message(WORDS, html=f"<p>{OTHERS}</p>")),
    (
        "alternative-order",
        multipart(
            b"Content-Type: text/html\r\n\r\n<p>Hi</p>",
            b"Content-Type: text/plain\r\n\r\nHi",
            kind=b"alternative",
        ),
    ),
    ("template-left", message("Dear {{ first_name }},")),
    ("template-left", message(subject="Hello *|FNAME|*")),
    ("template-left", page("<p>Lorem ipsum dolor</p>")),
    ("greeting-empty", message("Dear None,\n\nyour order")),
    ("greeting-empty", message("Hi ,\n\nyour order")),
    ("attachment-forgotten", message("Please find attached the report.")),
    # attachments and size
    ("size-over", message(attachments={"a.bin": bytes(26 * 1024 * 1024)})),
    ("size-large", message(attachments={"a.bin": bytes(9 * 1024 * 1024)})),
    ("attachment-blocked", message(attachments={"setup.exe": b"MZ"})),
    ("attachment-blocked", message(attachments={"all.zip": archive("readme.txt", "bin/setup.js")})),
    (
        "attachment-nameless",
        multipart(b"Content-Type: text/plain\r\n\r\nhi", b"Content-Type: application/pdf\r\n\r\n%PDF"),
    ),
    ("attachment-empty", message(attachments={"a.csv": b""})),
    ("attachment-type", message(attachments={"a.pdf": b"<html>not found</html>"})),
    (
        "inline-unused",
        multipart(
            b"Content-Type: text/html\r\n\r\n<p>Hi there, all of you</p>",
            b"Content-Type: image/png\r\nContent-ID: <logo@x>\r\nContent-Disposition: inline\r\n\r\nx",
            kind=b"related",
        ),
    ),
    # bulk
    ("unsubscribe-missing", message(list_id="news.example.org")),
    ("unsubscribe-missing", octets((b"Precedence", b"bulk"))),
    ("unsubscribe-one-click", message(unsubscribe="leave@example.org")),
    ("unsubscribe-insecure", message(headers={"List-Unsubscribe": "<http://example.org/leave>"})),
    (
        "unsubscribe-unsigned",
        octets(
            (b"List-Unsubscribe", b"<https://example.org/u>"),
            (b"List-Unsubscribe-Post", b"List-Unsubscribe=One-Click"),
            (b"DKIM-Signature", SIGNED % (b"example.org", b"from:to:list-unsubscribe")),
        ),
    ),
    ("dkim-missing", octets((b"List-Unsubscribe", b"<https://example.org/u>"))),
    ("dkim-missing", octets((b"DKIM-Signature", SIGNED % (b"example.org", b"from") + b"; d=example.org"))),
    ("dkim-missing", octets((b"DKIM-Signature", b"nothing of the kind"))),
    ("dkim-other-domain", octets((b"DKIM-Signature", SIGNED % (b"relay.example.net", b"from")))),
    # HTML
    ("html-script", page("<script>alert(1)</script>")),
    ("html-form", page("<form action='https://example.org'><select></select></form>")),
    ("html-frame", page("<iframe src='https://example.org'></iframe>")),
    ("html-handler", page("<p onclick='x()'>Hi</p>")),
    ("html-refresh", page("<meta http-equiv=refresh content='0; https://example.org'>")),
    ("html-stylesheet", page("<link rel=stylesheet href='https://example.org/a.css'>")),
    ("html-style-long", page(f"<style>{'p {color: red} ' * 1200}</style>")),
    ("html-clipped", page(f"<p>{'word ' * 22000}</p>")),
    ("html-language", message(html="<html><body><p>Today at noon?</p></body></html>")),
    ("html-unsupported", page("<video src='https://example.org/a.mp4'></video>")),
    ("html-unsupported", page("<div style='position: absolute'>x</div>")),
    ("html-unsupported", page("<style>p { width: calc(100% - 2px) }</style>")),
    # pictures
    ("image-alt", page("<img src='https://example.org/a.png'>")),
    (
        "image-data",
        octets(
            (b"Content-Type", b"text/html; charset=utf-8"),
            body=b"<p>Today at noon, or later?</p><img alt=a src='data:image/png;base64,AAAA'>\r\n",
        ),
    ),
    ("image-missing", page("<img alt=a src='cid:logo'>")),
    ("image-missing", page("<p style='background: url(cid:back)'>Hi</p>")),
    ("image-local", page("<img alt=a src='logo.png'>")),
    ("image-insecure", page("<img alt=a src='http://example.org/a.png'>")),
    ("image-only", message(None, html="<img alt='' src='https://example.org/a.png'>")),
    # links
    ("link-lies", page("<a href='https://evil.example/login'>www.bank.example</a>")),
    ("link-lies", page("<a href='https://evil.example/'>https://bank.example/login</a>")),
    ("link-shortened", page("<a href='https://bit.ly/x'>here</a>")),
    ("link-number", page("<a href='https://192.0.2.1/x'>here</a>")),
    ("link-script", page("<a href='javascript:alert(1)'>here</a>")),
    ("link-empty", page("<a href='#'>here</a>")),
    ("link-relative", page("<a href='/login'>here</a>")),
    ("link-insecure", page("<a href='http://example.org/'>here</a>")),
    ("link-login", page("<a href='https://bank.example@evil.example/'>here</a>")),
    ("link-lookalike", page("<a href='https://p\u0430ypal.example/'>here</a>")),
    ("link-mute", page("<a href='https://example.org/'><img alt='' src='https://example.org/a.png'></a>")),
]


@pytest.mark.parametrize(("rule", "given"), BROKEN, ids=[f"{n}-{rule}" for n, (rule, _) in enumerate(BROKEN)])
def test_what_is_broken_is_found(rule, given):
    found = rsmtp.lint(given)
    assert rule in [finding.rule for finding in found], found
    assert rule not in [finding.rule for finding in rsmtp.lint(given, ignore=[rule])]


def test_postmaster_stands_alone():
    assert not rsmtp.lint(message(to="Postmaster"))


def test_there_is_an_input_for_each_rule():
    assert {rule for rule, _ in BROKEN} == set(RULES) - {"spam-score"}


@pytest.mark.parametrize(("name", "rule"), RULES.items())
def test_each_rule_says_why_and_what_to_do(name, rule):
    assert rule.severity in ("error", "warning", "hint")
    assert rule.why.endswith(".") and rule.advice.endswith(".")
    assert re.fullmatch(r"https://[^\s]+", rule.source)


SIGNATURE = SIGNED % (b"example.org", b"from:to:subject:list-unsubscribe:list-unsubscribe-post")
CLEAN = [
    SOUND,
    SOUND.replace(b"\r\n", b"\n"),
    message(),
    message(bcc="carol@example.com", to=None),
    message("Grüße aus München: " + "x" * 3000),
    message(html="<p>Today at <b>noon</b>?</p>"),
    message("auto", html=f"<html lang=en><body><p>{WORDS}</p></body></html>"),
    message(subject="Re: Lunch", in_reply_to="<1@example.org>"),
    message(attachments={"a.csv": "1,2", "a.png": PNG, "all.zip": archive("a.txt")}),
    message("See attached.", attachments={"a.pdf": b"%PDF-1.7"}),
    message(list_id="news.example.org", unsubscribe="https://example.org/leave?u=1"),
    message(priority="high", read_receipt=True, auto_submitted=True),
    page("<a href='https://www.example.org/x'>example.org</a>"),
    page("<a href='https://example.org/x'>Read on at example.org</a>"),
    page("<a href='mailto:ann@example.org'>write</a> <a href='tel:+1'>call</a> <a href='#top'>up</a>"),
    page("<img alt='' src='https://example.org/a.png'>"),
    page("<p style='font-family: sans-serif; border-radius: 4px; padding: 2px; color: red'>Hi</p>"),
    octets(
        (b"List-Unsubscribe", b"<https://example.org/u>"),
        (b"List-Unsubscribe-Post", b"List-Unsubscribe=One-Click"),
        (b"DKIM-Signature", SIGNATURE),
    ),
    octets(
        (b"From", b"=?utf-8?q?Gr=C3=BCn?= <ann@example.org>"),
        (b"DKIM-Signature", SIGNED % (b"mail.example.org", b"from")),
    ),
]


@pytest.mark.parametrize("given", CLEAN, ids=range(len(CLEAN)))
def test_what_is_sound_has_no_finding(given):
    assert rsmtp.lint(given) == []


@pytest.mark.parametrize("name", ["lint.md", "domain.md"])
def test_the_pages_list_the_rules(name):
    root = Path(__file__).parents[2]
    page = runpy.run_path(str(root / "tools" / "lint-page"))["page"]
    present = (root / "docs" / "howto" / name).read_text(encoding="utf-8")
    assert page(name, present) == present, "run tools/lint-page"
