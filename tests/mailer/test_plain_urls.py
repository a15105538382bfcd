"""A URL without anything to decode is read without urllib, and in the same way."""

from urllib.parse import urlsplit

from hypothesis import given
from hypothesis import strategies as st

from rsmtp._mailer.server_urls import _plain

PART = st.sampled_from(
    ["", "ann", "Mail.Example.org", "25", "65536", "0000000587", "²", "a.b-c_d~", "[::1]", "%40"]
)
SEPARATOR = st.sampled_from(["", ":", "@", "/", "?", "#", "://", "!"])
AFTER = st.lists(PART | SEPARATOR | st.characters(codec="ascii"), max_size=7).map("".join)


@given(st.sampled_from(["smtp", "SMTPS", "gmail", "s3", "smtp+x", "1", ""]), AFTER)
def test_it_is_what_urlsplit_finds(scheme, after):
    url = f"{scheme}://{after}"
    # Others are refused before.
    if not url.isprintable() or " " in url or (plain := _plain(url)) is None:
        return
    parts = urlsplit(url)
    for name in ("scheme", "netloc", "path", "query", "fragment", "username", "password", "hostname", "port"):
        assert getattr(plain, name) == getattr(parts, name), name


def test_what_is_plain():
    assert _plain("smtp://ann:secret@mail.example.org:587") is not None
    for other in (
        "smtp:",
        "smtp://a%40b@c",
        "smtp://a?tls=none",
        "smtp://a/b",
        "smtp://[::1]",
        "smtp://a:x",
        "sendmail:",
    ):
        assert _plain(other) is None
