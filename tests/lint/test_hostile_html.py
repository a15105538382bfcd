"""Hostile HTML, and hostile header fields, try to make the lint take long."""

import pytest

import rsmtp
from rsmtp._common.html_tags import pieces

OPEN = [
    "<",
    "<a ",
    "<a b='",
    "<!",
    "<!--",
    "</",
    "</a ",
    "<?",
    "<style>",
    "<style>/*",
    "<script><",
    "<p style='url(",
]


@pytest.mark.parametrize("piece", [*OPEN, "<a href=x>", "&", "{{", "<img src=x>"])
def test_time_grows_with_the_length_alone(piece):
    """CPython 3.11's own parser takes minutes for a tenth of some of these."""
    html = piece * (200_000 // len(piece))
    rsmtp.lint(b"Content-Type: text/html\r\n\r\n" + html.encode())


@pytest.mark.parametrize(
    "field", ["List-Unsubscribe", "Message-ID", "References", "From", "To", "DKIM-Signature"]
)
@pytest.mark.parametrize("piece", ["<", "< ", "a@", '"', ";", "("])
def test_a_long_field_takes_no_long_time(field, piece):
    value = piece * (200_000 // len(piece))
    rsmtp.lint(f"From: a@example.org\r\n{field}: {value}\r\n\r\nx\r\n".encode())


@pytest.mark.parametrize(
    "html",
    [
        "<p>a<br/>b</p>",
        "<!-- a <b> --> <!--> c <!---> <!-- d --!> e",
        "<!DOCTYPE html><?x?><![CDATA[y]]></ z>",
        "<script>'</p>'</script ><STYLE>p{}</style>",
        "<a HREF = 'x>y' href=z b c=\"&amp;\" d='' e=f/>",
        "<title>a<b>",
        *("".join(OPEN[at:]) for at in range(len(OPEN))),
    ],
)
def test_pieces_are_in_their_order_and_within_the_text(html):
    end = 0
    for piece in pieces(html):
        assert end <= piece.begin <= piece.end <= len(html)
        end = piece.end
        for one in piece.attributes:
            if one.written is not None:
                assert html[one.begin :].startswith(one.written)
                assert piece.begin < one.begin <= piece.end


def test_pieces_are_what_a_browser_sees():
    html = "x<a HREF = 'x>y' href=z b c=\"&amp;\">&lt;</A><!-- <i> --><script>'<p>'</script><br>"
    seen = [(piece.kind, piece.name, html[piece.begin : piece.end]) for piece in pieces(html)]
    assert seen == [
        ("text", "", "x"),
        ("start", "a", "<a HREF = 'x>y' href=z b c=\"&amp;\">"),
        ("text", "", "&lt;"),
        ("end", "a", "</A>"),
        ("comment", "", " <i> "),
        ("start", "script", "<script>"),
        ("text", "script", "'<p>'"),
        ("end", "script", "</script>"),
        ("start", "br", "<br>"),
    ]
    [link] = [piece for piece in pieces(html) if piece.name == "a" and piece.kind == "start"]
    assert [(one.name, one.value) for one in link.attributes] == [("href", "x>y"), ("b", ""), ("c", "&")]
