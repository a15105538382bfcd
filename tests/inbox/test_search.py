"""The search language: what each term finds, and which queries are refused with a reason."""

import email.message
import urllib.parse

import pytest


@pytest.fixture
def search(api):
    def search(text):
        found = api.get(f"/messages?search={urllib.parse.quote(text)}")
        assert found.status == 200, found.json
        return sorted(one["subject"] for one in found.json["messages"])

    return search


@pytest.fixture
def mails(send):
    """Three mails that differ in everything that a search can ask for."""

    def mail(subject, sender, to, text, **fields):
        one = email.message.EmailMessage()
        one["Subject"], one["From"], one["To"] = subject, sender, to
        for name, value in fields.items():
            one[name.replace("_", "-")] = value
        one.set_content(text)
        return one

    report = mail(
        "report", "Ann <ann@example.org>", "bob@example.org", "the numbers of May", Cc="carl@x.example"
    )
    report.add_attachment(b"%PDF" * 40_000, maintype="application", subtype="pdf", filename="numbers.pdf")
    invoice = mail(
        "invoice", "shop@example.net", "ann@example.org", "you ordered at 10:30",
        X_Tags="money, to do", Message_ID="<7@shop.example>",
    )  # fmt: skip
    hello = mail("hello", "bob@example.org", "ann@example.org", "see you in May, and not before")
    hello.add_alternative("<p>see you in <b>May</b></p>", subtype="html")
    send(report, to=["bob@example.org", "carl@x.example"], sender="ann@example.org")
    send(invoice, to=["ann@example.org", "audit@example.net"], sender="bounces@example.net")
    send(hello, to="ann@example.org", sender="bob@example.org")


@pytest.mark.parametrize(
    ("text", "subjects"),
    [
        ("", ["hello", "invoice", "report"]),
        ("may", ["hello", "report"]),
        ("MAY see", ["hello"]),
        ('"in may"', ["hello"]),
        ('"in may', ["hello"]),
        ("may -see", ["report"]),
        ("!may", ["invoice"]),
        ("from:ann", ["report"]),
        ("from:bounces@", ["invoice"]),
        ("to:ann", ["hello", "invoice"]),
        ('FROM:"ann <ann"', ["report"]),
        ("cc:carl", ["report"]),
        ("bcc:audit", ["invoice"]),
        ("bcc:ann", []),
        ("subject:port", ["report"]),
        ("message-id:7@shop", ["invoice"]),
        ("tag:money", ["invoice"]),
        ('tag:"to do"', ["invoice"]),
        ("is:tagged", ["invoice"]),
        ("-is:tagged", ["hello", "report"]),
        ("has:attachment", ["report"]),
        ("has:attachments", ["report"]),
        ("has:html", ["hello"]),
        ("has:tls", []),
        ("numbers.pdf", ["report"]),
        ("larger:100k", ["report"]),
        ("smaller:100k", ["hello", "invoice"]),
        ("larger:1M", []),
        ("before:2001-01-01", []),
        ("after:2001-01-01T10:00 -before:2001/01/02", ["hello", "invoice", "report"]),
        ("10:30", ["invoice"]),
        ('"at 10:30"', ["invoice"]),
        ("https://example.org", []),
        ('-"unknownfield:x"', ["hello", "invoice", "report"]),
        ('"from:"', []),
        ("from:", ["hello", "invoice", "report"]),
        ("- !", []),
    ],
)
def test_terms(mails, search, text, subjects):
    assert search(text) == subjects


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("before:tomorrow", "is not a date, as before:2026-11-26 is"),
        ("after:2026-13-01", "is not a date"),
        ("larger:much", "is not a size, as larger:100k is"),
        ("has:virus", "has: takes attachment, attachments, html, tls"),
        ("is:unread", "is: takes tagged"),
        (
            "unknownfield:x",
            "unknownfield: is no field; there are from: to: cc: bcc: subject: message-id: tag: has:",
        ),
        ("-unknownfield:x", 'larger: smaller: (a text is quoted: "unknownfield:x")'),
        ('!form:"ann"', "form: is no field"),
        ("x" * 1001, "characters are enough"),
    ],
)
def test_what_can_t_be_meant_is_refused(api, text, words):
    answer = api.get(f"/messages?search={urllib.parse.quote(text)}")
    assert answer.status == 400
    assert words in answer.json["error"]


def test_tags_of_a_message_and_of_a_person(api, mails, search, catcher):
    assert [one["tags"] for one in api.get("/messages").json["messages"]] == [[], ["money", "to do"], []]
    assert api.post("/messages/1/tags", {"tags": ["Q2", "Q2", "money"]}).json["tags"] == ["Q2", "money"]
    assert search("tag:money") == ["invoice", "report"]
    assert api.post("/messages/2/tags", {"tags": []}).json["tags"] == []
    assert search("is:tagged") == ["report"]
    assert api.get("/messages/1").json["tags"] == ["Q2", "money"]
    for bad in ({}, {"tags": "Q2"}, {"tags": [""]}, {"tags": ["a,b"]}, {"tags": [1]}, {"tags": ["x"] * 21}):
        assert api.post("/messages/1/tags", bad).status == 400
    assert api.post("/messages/9/tags", {"tags": []}).status == 404
    catcher.delete(1)
    assert search("tag:money") == []
