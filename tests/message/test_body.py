"""Markdown becomes text and HTML, and style sheets move into the elements."""

import re
import sys
from pathlib import Path

import pytest

import rsmtp
from rsmtp._content.css import important

PNG = b"\x89PNG\r\n\x1a\n"


def text_and_html(message):
    text, html = message.get_payload()
    return text.get_payload(decode=True).decode(), html.get_payload(decode=True).decode()


def test_markdown_gives_text_and_html():
    markdown = (
        "# Größe\n\nUp by **12 %**: [figures](https://example.org/).\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    )
    text, html = text_and_html(rsmtp.Message(markdown=markdown, subject="Sales"))
    assert text == "# Größe\n\nUp by 12 %: figures [1].\n\na b\n1 2\n\n[1] https://example.org/\n"
    for said in (
        '<meta charset="utf-8">',
        'name="viewport"',
        'name="color-scheme" content="light dark"',
        "<h1>Größe</h1>",
    ):
        assert said in html
    assert "<td>1</td>" in html and html.endswith("</html>\n")
    assert text_and_html(rsmtp.Message("My own", markdown=markdown))[0] == "My own"


@pytest.mark.parametrize(
    ("headers", "start"),
    [
        ({"content-language": "de-AT"}, '<html lang="de-AT">'),
        (iter([("X-A", "b"), ("Content-Language", " fr ")]), '<html lang="fr">'),
        ({"Content-Language": "en, de"}, "<html>"),
        ({"Content-Language": 'en" onload="x'}, "<html>"),
        (None, "<html>"),
    ],
)
def test_the_language_of_the_page_is_that_of_the_message(headers, start):
    message = rsmtp.Message(markdown="Grüße", headers=headers, from_="a@b.example", to="c@d.example")
    assert text_and_html(message)[1].startswith(f"<!DOCTYPE html>\n{start}\n")
    told = {finding.rule for finding in rsmtp.lint(message)}
    assert ("html-language" in told) == (start == "<html>")
    assert (message.get_payload()[0]["Content-Language"] is None) == (headers is None)


def test_what_others_write_in_markdown_is_text():
    name = "<img src=x onerror=alert(1)> </p><script>x</script> [x](javascript:alert(1))"
    _, html = text_and_html(rsmtp.Message(markdown=f"Hello {name}"))
    assert "&lt;img src=x" in html and "<script" not in html and "<img" not in html and "href" not in html


def test_markdown_shows_pictures(tmp_path):
    (tmp_path / "größe 1.png").write_bytes(PNG)
    (tmp_path / "mail.md").write_text("![Größe](<größe 1.png>) ![Plot](cid:plot)", encoding="utf-8")
    message = rsmtp.Message(markdown=tmp_path / "mail.md", inline={"plot": PNG + b"2"})
    names = [part.get_filename() for part in message.walk() if part["Content-ID"]]
    assert names == ["größe 1.png", "plot.png"]
    text, _ = message.get_payload()
    assert text.get_payload(decode=True).decode() == "[Größe] [Plot]\n"


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"markdown": "x", "html": "x"}, ValueError, "html, markdown: one of them"),
        ({"markdown": b"x"}, TypeError, "markdown: a str, or the Path of a file, is wanted, not bytes"),
        ({"markdown": "\ud800"}, ValueError, "markdown: .* surrogates"),
        ({"markdown": Path("none.md")}, FileNotFoundError, "markdown: .*none.md"),
        ({"html": "x", "css": "inlined"}, ValueError, "css: 'inlined'"),
        ({"css": "inline"}, ValueError, "css: there is no html="),
        ({"markdwon": "x"}, TypeError, "did you mean 'markdown'"),
    ],
)
def test_errors_name_the_argument(given, error, said):
    with pytest.raises(error, match=said):
        rsmtp.Message(**given)


# -- css -------------------------------------------------------------------------

STYLED = """<!DOCTYPE html><html><head><style>
p { color: red; margin: 0 } p:hover { color: blue }
td { width: 600px; background: url(logo.png) }
@media (max-width: 600px) { p { color: green; font-size: 20px !important } }
</style></head><body><p style="margin: 1px">Grüße {{ name }}</p>
<table><tr><td>x</td></tr></table></body></html>"""


def html_of(**given):
    return rsmtp.Message(**given).get_payload(decode=True).decode()


def test_styles_are_written_into_the_elements():
    html = html_of(html=STYLED, css="inline")
    assert re.search('<p style="[^"]*color: red[^"]*">Grüße {{ name }}</p>', html)
    assert re.search('<p style="[^"]*margin: 1px', html)
    assert '<td width="600" style="width: 600px;background: url(logo.png);">' in html
    assert "{ color: green !important; font-size: 20px !important }" in html
    assert "p:hover" in html and "margin: 0" not in html


def test_pictures_of_styles_become_parts(tmp_path):
    (tmp_path / "logo.png").write_bytes(PNG)
    message = rsmtp.Message(html=STYLED, css="inline", inline_from=tmp_path)
    html, logo = message.get_payload()
    assert f"url(cid:{logo['Content-ID'].strip('<>')})" in html.get_payload(decode=True).decode()


def test_no_style_sheet_is_loaded(tmp_path, monkeypatch):
    """Neither a file nor the network is read."""
    monkeypatch.chdir(tmp_path)
    Path("mail.css").write_text("p { color: red }")
    links = ["mail.css", (tmp_path / "mail.css").as_uri(), "https://203.0.113.1/mail.css"]
    given = "".join(f'<link rel="stylesheet" href="{link}">' for link in links) + "<p>x"
    html = html_of(html=given, css="inline")
    assert "red" not in html and "<p>x</p>" in html
    assert all(link in html for link in links)


def test_without_the_package_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "css_inline", None)
    with pytest.raises(ImportError, match=r"css=\"inline\" needs css_inline: pip install 'rsmtp\[css\]'"):
        rsmtp.Message(html="<p>", css="inline")


@pytest.mark.parametrize(
    ("css", "wanted"),
    [
        ("a{b:c}", "a{b:c}"),
        ("@media x{a{b:c}}", "@media x{a{b:c !important}}"),
        ("@media x{a{b:c;}d{e:f}}g{h:i}", "@media x{a{b:c !important;}d{e:f !important}}g{h:i}"),
        ("@MEDIA x { a { b: c ! important; d: e } }", "@MEDIA x { a { b: c ! important; d: e !important } }"),
        ("@media x{a{b:url(data:y;z)}}", "@media x{a{b:url(data:y;z) !important}}"),
        ('@media x{a{content:";}"}}', '@media x{a{content:";}" !important}}'),
        ("@media x{/* }} */a{b:c}}d{e:f}", "@media x{/* }} */a{b:c !important}}d{e:f}"),
        ("@media x;a{b:c}", "@media x;a{b:c}"),
        ("@media x{a{b:c", "@media x{a{b:c"),
        ("@media", "@media"),
        ("@media x{a{b:'", "@media x{a{b:'"),
    ],
)
def test_rules_for_other_screens_are_heard_over_those_in_elements(css, wanted):
    assert important(css) == wanted
