"""HTML of strangers, which may be written to take long."""

import pytest

import rsmtp

HTML = {
    "tags that don't end": "<" * 500_000,
    "comments that don't end": "<!--" * 125_000,
    "styles that don't end": "<style " * 70_000,
    "titles that don't end": "<title>" * 70_000,
    "color schemes": "color-scheme " * 40_000,
    "color schemes and space": "color-scheme" + " " * 500_000,
}


@pytest.mark.parametrize("name", HTML)
def test_it_is_shown(name):
    message = rsmtp.Message("x", html=HTML[name], from_="a@example.org", to="b@example.org", subject="s")
    assert "<iframe" in message._repr_mimebundle_()["text/html"]
