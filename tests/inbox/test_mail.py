"""Mail can consist of any octets. Reading it raises no error and takes little time and memory."""

import email.message
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inbox.tools import html_mail
from rsmtp._web import html_view
from rsmtp._web.mail import Mail, decode, readable


def everything(data):
    """Everything that the inbox ever asks about a mail."""
    mail = Mail(data)
    assert all(isinstance(name, str) and isinstance(value, str) for name, value in mail.headers)
    for part in mail.attachments:
        assert part.name
        assert isinstance(part.content, bytes)
    shown = html_view.view(mail)
    html_view.remote_hosts(shown)
    return mail.text, mail.html, mail.header("Subject"), html_view.plain(shown)


FRAGMENTS = st.sampled_from(
    [
        b"Content-Type: multipart/mixed; boundary=x\r\n",
        b"--x\r\n",
        b"--x--\r\n",
        b"\r\n",
        b"\r\n\r\n",
        b"Content-Type: text/html; charset=idna\r\n",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Type: message/delivery-status\r\n",
        b"Content-Type: /\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Transfer-Encoding: x-uuencode\r\n",
        b"begin 644 x\r\n",
        b"Content-Disposition: attachment; filename*0*=utf-16''%ff; filename*1=\r\n",
        b"Subject: =?utf-8?b?/?=\r\n",
        b"Content-ID: <>\r\n",
        b"\xff\x00\xfe",
        b"<p>cid:x</p>",
    ]
)


@given(st.lists(FRAGMENTS | st.binary(max_size=20), max_size=30).map(b"".join))
def test_any_octets(data):
    everything(data)


def nested(depth):
    heads = [
        f'Content-Type: multipart/mixed; boundary="b{n}"\r\n\r\n--b{n}\r\n'.encode() for n in range(depth)
    ]
    return b"".join(heads) + b"\r\ndeep\r\n"


BOMBS = {
    "nested multiparts": nested(3_000),
    "nested messages": b"Content-Type: message/rfc822\r\n\r\n" * 3_000,
    "encoded words": b"Subject: " + b"=?utf-8?q?a" * 50_000 + b"\r\n\r\n",
    "many headers": b"X: y\r\n" * 200_000 + b"\r\n",
    "one header": b"Subject: " + b"x" * 5_000_000 + b"\r\n\r\n",
    "many parts": b"Content-Type: multipart/mixed; boundary=x\r\n\r\n" + b"--x\r\n\r\na\r\n" * 50_000,
    "many continuations": b"Content-Disposition: attachment"
    + b"".join(b";\r\n filename*%d=a" % n for n in range(2_000))
    + b"\r\n\r\n",
    "open tags": b"Content-Type: text/html\r\n\r\n" + b"<a " * 300_000,
    "open styles": b"Content-Type: text/html\r\n\r\n" + b"<style>" * 100_000,
    "sources": b"Content-Type: text/html\r\n\r\n" + b"src= url( " * 100_000,
    "punycode": b"Content-Type: text/plain; charset=punycode\r\n\r\n" + b"a-b9" * 100_000,
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_do_not_go_off(name):
    begin = time.process_time()
    everything(BOMBS[name])
    # Quadratic code would take minutes instead of seconds.
    assert time.process_time() - begin < 10


def test_an_image_that_is_shown_often_has_a_limit():
    mail = html_mail('<img src="cid:big@x">' * 2_000, images=[("big@x", "png", bytes(1_000_000))])
    shown = html_view.view(Mail(mail.as_bytes()))
    assert len(shown) < html_view.MOST_IMAGE_TEXT + 200_000
    assert shown.count("data:image/png") > 10


def test_images_are_found_by_their_content_id():
    html = (
        "<img src='cid:a%40x'><div style=\"background:url(cid:a@x)\"><img src=CID:a@x><img src=cid:other@x>"
    )
    shown = html_view.view(Mail(html_mail(html, images=[("a@x", "gif", b"GIF89a")]).as_bytes()))
    assert shown.count("data:image/gif;base64,R0lGODlh") == 3
    assert "cid:other@x" in shown


def test_only_an_image_becomes_one():
    mail = html_mail('<iframe src="cid:a@x"></iframe>')
    mail.add_related(b"<script>alert(1)</script>", "text", "html", cid="<a@x>")
    assert "cid:a@x" in html_view.view(Mail(mail.as_bytes()))


TAGS = [
    "<link rel=x>",
    "<LINK\nrel=x>",
    "<link/rel=x>",
    "<link>",
    "<<link rel=x>",
    "<p<link rel=x>",
    "<meta x>",
]
FRAMES = [
    "<base\thref=x>",
    "<iframe srcdoc=x>",
    "</iframe>",
    "<object>",
    "<embed\fsrc=x>",
    "<frameset>",
    "<frame src=x>",
]


@pytest.mark.parametrize("tag", [*TAGS, *FRAMES])
def test_tags_that_no_policy_governs_lose_their_names(tag):
    shown = html_view.view(Mail(html_mail(tag).as_bytes())).removeprefix(html_view.BEFORE)
    assert "x-" in shown.lower()
    assert not html_view.NAMELESS.search(shown)


def test_ordinary_tags_keep_theirs():
    html = "<html><head><title>t</title></head><header>x</header><linker><b>1 < 2</b><svg><metadata/></svg>"
    shown = html_view.view(Mail(html_mail(html).as_bytes()))
    assert shown.removeprefix(html_view.BEFORE).strip() == html


def test_bodies_and_attachments_are_told_apart():
    mail = email.message.EmailMessage()
    mail.set_content("the body")
    mail.add_attachment("a note", filename="note.txt")
    mail.add_attachment("another", disposition="inline")
    attached = email.message.EmailMessage()
    attached["Subject"] = "inner"
    attached.set_content("inner body")
    mail.add_attachment(attached)
    taken = Mail(mail.as_bytes())
    assert taken.text == "the body\n\nanother\n"
    assert [part.name for part in taken.attachments] == ["note.txt", "message-4.eml"]
    assert b"inner body" in taken.attachments[1].content


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=?utf-8?q?Gr=C3=BC=C3=9Fe?= =?iso-8859-1?q?_aus_K=F6ln?=", "Grüße aus Köln"),
        ("=?x-unknown?q?a=FF?=", "aÿ"),
        ("=?utf-8?b?!!!?=", "=?utf-8?b?!!!?="),
        ("two\r\n lines", "two lines"),
        ("bell\x07 and \x1b[2J", "bell\ufffd and \ufffd[2J"),
        ("\udce4", "\ufffd"),
        ("Gr\udcc3\udcbc\udcc3\udc9fe", "Grüße"),
        ("\u202eevil", "\ufffdevil"),
    ],
)
def test_headers_become_readable(value, shown):
    assert readable(value) == shown


@pytest.mark.parametrize(
    "charset", [None, "utf-8", "ascii", "x-unknown", "rot13", "zlib", "\0", "idna", "a" * 5000]
)
def test_any_charset_gives_text(charset):
    assert decode("Grüße".encode(), charset) in ("Grüße", "GrÃ¼Ã\x9fe")
