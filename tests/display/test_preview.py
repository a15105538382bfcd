"""A preview of a message before it is sent: each of its views, and its remarks."""

import base64
import html
import os
import re
import stat
import webbrowser

import pytest

import rsmtp
from browser import show
from rsmtp.display import looks
from rsmtp.display.frame import Images, Look, document, has_dark_colours

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
DATA = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


def letter(text="auto", **given):
    fields = {"subject": "Grüße", "from_": "Ann <ann@example.org>", "to": ["bob@example.org"]}
    shown = {"html": '<p>Hello <img src="cid:logo" alt="Our logo">', "inline": {"logo": PNG}}
    return rsmtp.Message(text, **{**fields, **shown, **given})


def frames(page):
    """The content of each frame, by the words above it."""
    found = re.findall(r'<figcaption>([^<]*)</figcaption><iframe[^>]* srcdoc="([^"]*)"', page)
    return {html.unescape(caption): html.unescape(document) for caption, document in found}


# -- what is shown ---------------------------------------------------------------


def test_each_look_is_there(read):
    preview = letter(attachments=[("a.csv", "a,b")]).preview()
    page = read(preview.html)
    shown = frames(preview.html)
    assert list(shown) == [
        "Desktop",
        "Phone",
        "Dark, as programs that invert colours show it",
        "Images blocked",
    ]
    assert [caption for caption, document in shown.items() if DATA in document] == list(shown)[:3]
    assert "Hello [Our logo]" in page.text
    assert "1 file in the HTML" in page.text and "logo.png" in page.text
    assert "1 file attached" in page.text and "a.csv" in page.text
    # A page shows all at once, a notebook the dark ones on demand.
    assert "open" in page.all("details")[0]
    assert "open" not in read(letter()._repr_mimebundle_()["text/html"]).all("details")[0]
    assert (
        preview._repr_mimebundle_()["text/plain"]
        == letter(attachments=[("a.csv", "a,b")])._repr_mimebundle_()["text/plain"]
    )


def test_text_alone_needs_no_frame(read):
    page = read(letter("Hello Bob", html=None, inline=None).preview().html)
    assert "Hello Bob" in page.text and not page.all("iframe")


def test_images_of_other_hosts_are_loaded_when_that_is_asked_for():
    message = letter(html='<img src="https://example.org/a.png" alt="">', inline=None)
    assert "https:" not in html.unescape(message.preview().html).split("img-src")[1].split(";")[0]
    page = message.preview(remote=True).html
    outer = html.unescape(re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1])
    assert "img-src data: https: http:;" in outer
    shown = {name: "img-src data: https: http:" in one for name, one in frames(page).items()}
    assert [name for name, is_loaded in shown.items() if not is_loaded] == ["Images blocked"]


def test_a_heavy_page_has_its_images_once(monkeypatch):
    monkeypatch.setattr(looks, "_HEAVY", 50)
    shown = frames(letter().preview().html)
    assert [name for name, one in shown.items() if DATA in one] == ["Desktop"]
    assert "Phone, its images left out here" in shown


# -- dark ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "page",
    [
        "<style>@media (prefers-color-scheme: dark) { p { color: white } }</style>",
        "<style>@media(prefers-color-scheme:DARK){}</style>",
        "<style>:root { color-scheme: light dark; }</style>",
        '<meta name="color-scheme" content="light dark">',
        "<meta name=supported-color-schemes content='dark light'>",
    ],
)
def test_dark_colours_of_the_mail_are_kept(page):
    assert has_dark_colours(page)
    assert "invert" not in document(page, Look(is_dark=True))


@pytest.mark.parametrize(
    "page",
    ["<p>dark</p>", '<meta name="color-scheme" content="light">', "<style>p { color: dark }</style>", ""],
)
def test_a_mail_without_them_is_inverted(page):
    assert not has_dark_colours(page)
    assert "invert" in document(page, Look(is_dark=True)) and "invert" not in document(page)


def test_the_question_for_the_scheme_is_answered_for_each_look():
    page = "<style>@media (prefers-color-scheme: dark) { p {} }</style><p>(prefers-color-scheme: dark)"
    assert "@media (min-width:0) {" in document(page, Look(is_dark=True))
    assert "@media (max-width:0) {" in document(page)
    assert "<p>(prefers-color-scheme: dark)" in document(page)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_looks_do_not_follow_the_system(browser, scheme):
    """Each frame has the colours of its own theme, whatever the system's theme is."""
    page = (
        "<style>:root { color-scheme: light dark } p { color: rgb(1, 1, 1) } "
        "@media (prefers-color-scheme: dark) { p { color: rgb(2, 2, 2) } } "
        "@media (max-width: 480px) { p { font-size: 30px } }</style><p>Hello"
    )
    context = browser.new_context(color_scheme=scheme, viewport={"width": 1680, "height": 900})
    shown = context.new_page()
    show(shown, letter(html=page, inline=None).preview().html)
    computed = (
        "e => [...['color', 'fontSize'].map(each => getComputedStyle(e)[each]), "
        "getComputedStyle(document.documentElement).colorScheme]"
    )
    assert [frame.locator("p").evaluate(computed) for frame in shown.frames[1:]] == [
        ["rgb(1, 1, 1)", "15px", "light"],
        ["rgb(1, 1, 1)", "30px", "light"],
        ["rgb(2, 2, 2)", "30px", "dark"],
        ["rgb(1, 1, 1)", "30px", "light"],
    ]
    # Three frames are side by side, and nothing overflows.
    tops = {shown.locator(".look").nth(each).bounding_box()["y"] for each in range(3)}
    assert len(tops) == 1
    context.close()


# -- where it goes ---------------------------------------------------------------


def test_a_preview_is_saved_where_it_is_wanted(tmp_path):
    preview = letter().preview()
    path = preview.save(tmp_path / "page.html")
    assert path == tmp_path / "page.html" and path.read_text(encoding="utf-8") == preview.html


def test_the_page_in_the_browser_is_read_by_its_owner_alone(monkeypatch, capsys):
    opened = []
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or True)
    path = letter().preview().open()
    try:
        assert opened == [path.as_uri()] and "Hello" in path.read_text(encoding="utf-8")
        if os.name == "posix":
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
    finally:
        path.unlink()
    assert capsys.readouterr().err == ""


def test_without_a_browser_it_is_said_where_the_page_is(monkeypatch, capsys):
    monkeypatch.setattr(webbrowser, "open", lambda url: False)
    path = letter().preview().open()
    path.unlink()
    assert str(path) in capsys.readouterr().err


def test_what_a_preview_is_can_be_read():
    assert "'Grüße'" in repr(letter().preview()) and ".open()" in repr(letter().preview())


# -- what is found ---------------------------------------------------------------


def test_what_the_lint_finds_is_told(read):
    preview = letter(html='<img src="https://a.example/x.png"><p>Hello', inline=None).preview()
    assert "image-alt" in {finding.rule for finding in preview.findings}
    page = read(preview.html)
    for finding in preview.findings:
        assert finding.message in page.text


def test_each_image_is_said_by_its_policy():
    assert {images.value for images in Images} == {"'none'", "data:", "data: https: http:"}
