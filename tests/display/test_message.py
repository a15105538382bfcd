"""A message in a notebook and in the browser."""

import base64
import email.message
import html
import re

import pytest

import rsmtp
from rsmtp.display import frame, message, reader
from rsmtp.email.message import EmailMessage
from rsmtp.email.mime.image import MIMEImage
from rsmtp.email.mime.multipart import MIMEMultipart
from rsmtp.email.mime.text import MIMEText

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)


def letter(**given):
    fields = {"subject": "Grüße", "from_": "Ann <ann@example.org>", "to": ["bob@example.org"]}
    return rsmtp.Message("Hello Bob,\n\nit works.\n", **{**fields, **given})


def with_image():
    related = MIMEMultipart("related")
    related["Subject"] = "chart"
    related.attach(MIMEText('<p>See <img src="cid:chart%40here">', "html"))
    image = MIMEImage(PIXEL)
    image["Content-ID"] = "<chart@here>"
    related.attach(image)
    return related


def framed(shown):
    return html.unescape(re.search(r'srcdoc="([^"]*)"', shown["text/html"])[1])


def test_what_a_reader_sees(read):
    given = letter(
        html="<p>Hello <b>Bob</b></p>", bcc="eve@example.org", attachments=[("a.pdf", b"x" * 2500)]
    )
    shown = given._repr_mimebundle_()
    page = read(shown["text/html"])
    for fact in (
        "Grüße",
        "Ann <ann@example.org>",
        "bob@example.org",
        "a.pdf",
        "application/pdf",
        "2.5 kB",
        "it works.",
    ):
        assert fact in page.text
        assert fact in shown["text/plain"] or fact == "Grüße"
    assert "eve@example.org (never sent)" in page.text
    assert "<p>Hello <b>Bob</b></p>" in framed(shown)
    assert len(page.all("iframe")) == 4
    for paper in page.all("iframe"):
        assert paper["sandbox"] == "" and "src" not in paper and "Grüße" in paper["title"]
    assert page.all("details")
    assert {attrs.get("scope") for attrs in page.all("th")} == {"row", "col"}


def test_sixty_recipients_do_not_push_the_message_away(read):
    many = [f"Person {i} <person-{i}@example.org>" for i in range(60)]
    page = read(rsmtp.Message("Hello", to=many)._repr_mimebundle_()["text/html"])
    assert "(all of it stands in the header below)" in page.text
    assert page.text.count("person-0@") == 3  # above the message, in the whole header, in the source
    assert page.text.count("person-59@") == 2


def test_letters_from_right_to_left_keep_their_order(read):
    shown = rsmtp.Message("مرحبا", subject="مرحبا", from_="آنا <a@example.org>")._repr_mimebundle_()
    page = read(shown["text/html"])
    assert {"class": "title", "dir": "auto"} in page.all("span")
    assert page.all("bdi")


def test_images_of_the_mail_are_in_the_page(read):
    shown = with_image()._repr_mimebundle_()
    read(shown["text/html"])
    assert f'<img src="data:image/png;base64,{base64.b64encode(PIXEL).decode()}">' in framed(shown)
    assert "attachment" not in shown["text/html"]


def test_an_unknown_image_stays_unknown():
    shown = rsmtp.Message(html='<img src="cid:nothing">')._repr_mimebundle_()
    assert 'src="cid:nothing"' in framed(shown)


def test_the_classes_of_the_mirrors_and_of_the_standard_library_are_read_alike():
    ours, theirs = EmailMessage(), email.message.EmailMessage()
    for one in (ours, theirs):
        one["Subject"], one["To"] = "Grüße", "bob@example.org"
        one.set_content("text\n")
        one.add_alternative("<p>html</p>", subtype="html")
        one.add_attachment(b"xyz", maintype="application", subtype="pdf", filename="ä.pdf")
    mine, others = reader.read(ours), reader.read(theirs)
    assert (mine.texts, mine.pages) == (others.texts, others.pages) == (["text\n"], ["<p>html</p>\n"])
    assert [(one.name, one.data) for one in mine.attachments] == [("ä.pdf", b"xyz")]
    assert [(one.name, one.data) for one in others.attachments] == [("ä.pdf", b"xyz")]
    assert "html" in message.bundle(theirs)["text/html"]
    assert repr(ours) == "<EmailMessage 'Grüße' to bob@example.org (text/plain, text/html, ä.pdf)>"


def test_an_enclosed_message_is_an_attachment(read):
    inner = letter(subject="the inner one")
    page = read(letter(attachments=[inner])._repr_mimebundle_()["text/html"])
    assert "the inner one" in page.text and "message/rfc822" in page.text


def test_repr_is_short_and_tells():
    given = letter(attachments=[(f"{i}.txt", b"") for i in range(9)])
    assert repr(given) == (
        "<Message 'Grüße' from Ann <ann@example.org> to bob@example.org "
        "(text/plain, 0.txt, 1.txt, 2.txt, 6 more)>"
    )
    assert repr(rsmtp.Message()) == "<Message>"
    long = letter(subject="s" * 5000, to=[f"{i}@example.org" for i in range(500)])
    assert len(repr(long)) < 400


def test_repr_can_neither_raise_nor_play_tricks():
    given = rsmtp.Message()
    given.set_raw("Subject", "a\x1b[2Jb\u202ec")
    assert "\x1b" not in repr(given) and "\u202e" not in repr(given)
    broken = rsmtp.Message()
    broken["Content-Type"] = "multipart/mixed"
    broken._payload = [object()]
    assert repr(broken).startswith("<Message")


@pytest.mark.parametrize(
    "part",
    [
        MIMEText("x", "plain", "utf-8"),
        rsmtp.Message("\x00\x07\x1b[31m"),
        rsmtp.Message(html="</iframe><script>alert(1)</script>"),
        rsmtp.Message(html='"></iframe><img src="http://example.org/x.png">'),
        rsmtp.Message("</pre><script>alert(1)</script>", subject="<script>\"'&"),
        rsmtp.Message("x", attachments=[("<img src=x onerror=alert(1)>.txt", b"")]),
        rsmtp.Message(),
    ],
)
def test_everything_foreign_is_text(part, read):
    page = read(part._repr_mimebundle_()["text/html"])
    assert not page.all("img")


def test_an_unknown_charset():
    given = rsmtp.Message("é")
    given.set_param("charset", "klingon")
    assert "é" in given._repr_mimebundle_()["text/plain"]


def test_big_texts_and_sources_are_cut():
    shown = rsmtp.Message("long line\n" * 100_000)._repr_mimebundle_()
    assert len(shown["text/html"]) < 100_000 and "more characters" in shown["text/html"]
    assert "more lines" in shown["text/plain"]


def test_a_message_that_can_not_be_written_is_still_shown(read):
    given = rsmtp.Message("x", subject="half done")
    given.set_raw("To", "a\nb: c")
    read(given._repr_mimebundle_()["text/html"])


def test_orders_beside_the_content_are_disarmed():
    page = '<META http-equiv=refresh content="0;url=http://x"><link/rel=preconnect href=http://x><base\nhref=//x>'
    kept = frame.disarmed(page)
    assert not re.search(r"<(meta|link|base)\b", kept, re.IGNORECASE)
    assert "<x-META" in kept and frame.disarmed("<metal>linked</metal>") == "<metal>linked</metal>"


def test_help_shows_the_arguments():
    import inspect

    assert list(inspect.signature(rsmtp.Message).parameters)[:3] == ["text", "subtype", "charset"]
    assert "attachments" in inspect.signature(rsmtp.Message).parameters
