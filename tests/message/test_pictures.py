"""Pictures in HTML become parts of the message."""

import base64
import email
import email.policy
import io
import os
import re
from pathlib import Path

import pytest

import rsmtp
from rsmtp._common.html_references import find

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
DATA = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with pictures in it and other files around it."""
    inside = tmp_path / "mail"
    (inside / "img").mkdir(parents=True)
    (inside / "logo.png").write_bytes(PNG)
    (inside / "img" / "my chart.gif").write_bytes(GIF)
    (inside / "notes.txt").write_text("secret")
    (inside / "renamed.png").write_text("secret")
    (tmp_path / "outside.png").write_bytes(PNG)
    monkeypatch.chdir(inside)
    return inside


def read(message):
    """The sent message as the standard library reads it: the HTML, and the pictures by their
    Content-ID."""
    return parts(email.message_from_bytes(bytes(message), policy=email.policy.default))


def parts(message):
    html = message.get_body(("html",))
    related = [part for part in message.walk() if part["Content-ID"]]
    return html.get_content().removesuffix("\n"), {part["Content-ID"].strip("<>"): part for part in related}


def one(message):
    """The HTML with `cid:` for the only picture's Content-ID, and the picture."""
    html, pictures = read(message)
    [(content_id, picture)] = pictures.items()
    return html.replace(content_id, ""), picture


# -- what is found ---------------------------------------------------------------


@pytest.mark.parametrize(
    "html",
    [
        '<img src="logo.png">',
        "<IMG alt='' SRC = logo.png >",
        "<p>ä<br>\n<img\n  src=' logo.png '>",
        '<img src="lo&#103;o.png">',
        '<img src="logo.png?v=2">',
        '<img src="./img/../logo.png">',
        '<img srcset="logo.png 1x, logo.png 2x,logo.png">',
        '<table background="logo.png">',
        '<td style="color:red;background:url(logo.png)">',
        "<td style=\"background:url( 'logo.png' ) no-repeat\">",
        '<td style="background:url(&quot;logo.png&quot;)">',
        '<style>.a { background: url("logo.png") }</style>',
        "<style>.a { background: url(logo\\.png)",
        '<!--[if mso]><v:fill type="frame" src="logo.png"/><![endif]-->',
        '<svg><image xlink:href="logo.png"/></svg>',
        '<img src="logo.png"><img src="logo.png"><p style="background:url(logo.png)">',
    ],
)
def test_each_way_to_show_a_file_is_seen_and_nothing_else_changes(folder, html):
    shown, picture = one(rsmtp.Message(html=html, inline="auto"))
    assert shown == re.sub(r"(\./img/\.\./)?(logo|lo&#103;o|logo\\)(\.)?png(\?v=2)?", "cid:", html)
    assert picture.get_content() == PNG
    assert picture.get_content_type() == "image/png" and picture.get_filename() == "logo.png"
    assert picture.get_content_disposition() == "inline"


@pytest.mark.parametrize(
    "html",
    [
        "<p>logo.png</p><a href='logo.png'>x</a>",
        '<img src="https://example.org/logo.png"><img src="//example.org/logo.png">',
        '<!-- <img src="logo.png"> --><p title="<img src=logo.png>">',
        '<script>"<img src=logo.png>"</script>',
        "<style>/* url(logo.png) */ @import url(logo.png); @font-face { src: url(logo.png) }</style>",
        '<img src=""><img src="#a"><img src="mailto:a@b.example"><img src="cid:elsewhere">',
    ],
)
def test_what_shows_no_file_stays(folder, html):
    message = rsmtp.Message(html=html, inline="auto")
    assert message.get_content_type() == "text/html"
    assert read(message) == (html, {})


def test_html_alone_reads_no_file(folder):
    html = '<img src="logo.png"><img src="/etc/passwd">'
    assert read(rsmtp.Message(html=html)) == (html, {})


def test_html_of_a_file_has_the_pictures_beside_it(folder, tmp_path, monkeypatch):
    (folder / "page.html").write_text('\ufeff<p>Größe <img src="img/my%20chart.gif">', encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    shown, picture = one(rsmtp.Message(html=Path("mail/page.html")))
    assert shown == '<p>Größe <img src="cid:">'
    assert picture.get_content() == GIF and picture.get_filename() == "my chart.gif"


# -- data: -----------------------------------------------------------------------


def test_pictures_in_data_urls_become_parts_without_being_asked_for():
    html = f'<img src="{DATA}"><p style="background:url({DATA})"><img src="data:image/gif,GIF89a%00;x">'
    shown, pictures = read(rsmtp.Message("text", html=html))
    png, gif = pictures
    assert shown == f'<img src="cid:{png}"><p style="background:url(cid:{png})"><img src="cid:{gif}">'
    assert pictures[png].get_content() == PNG and pictures[gif].get_content() == b"GIF89a\0;x"
    assert [each.get_filename() for each in pictures.values()] == ["picture-1.png", "picture-2.gif"]


@pytest.mark.parametrize(
    "url", ["data:", "data:image/png;base64,*", "data:text/html,<p>", "data:image/png;base64,A"]
)
def test_what_is_no_picture_stays_unless_pictures_are_asked_for(folder, url):
    html = f'<img src="{url}">'
    assert read(rsmtp.Message(html=html)) == (html, {})
    with pytest.raises(ValueError, match="inline: 'data:.*RFC 2397"):
        rsmtp.Message(html=html, inline="auto")


def test_no_says_no(folder):
    html = f'<img src="{DATA}"><img src="logo.png">'
    assert read(rsmtp.Message(html=html, inline=False)) == (html, {})


# -- structure -------------------------------------------------------------------


def test_structure_is_what_rfc_2387_and_mail_programs_want(folder):
    message = rsmtp.Message(
        "auto", html='<img src="logo.png" alt="Our logo">', inline="auto", attachments=["notes.txt"]
    )
    kinds = [part.get_content_type() for part in message.walk()]
    assert kinds == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "text/plain",
    ]
    related = message.get_payload()[0].get_payload()[1]
    assert related.get_param("type") == "text/html" and related["MIME-Version"] is None
    assert message.get_payload()[0].get_payload()[0].get_payload() == "[Our logo]\n"
    alone = rsmtp.Message(html='<img src="logo.png">', inline="auto")
    assert [part.get_content_type() for part in alone.walk()] == [
        "multipart/related",
        "text/html",
        "image/png",
    ]
    assert alone["MIME-Version"] == "1.0"


def test_content_ids_are_of_the_content(folder):
    """The same picture is one part, even under two names. A different picture has a different
    Content-ID in every message, because some programs cache pictures by it."""
    (folder / "copy.png").write_bytes(PNG)
    html = '<img src="logo.png"><img src="copy.png"><img src="img/my chart.gif">'
    shown, pictures = read(rsmtp.Message(html=html, inline="auto"))
    assert len(pictures) == 2 and len(set(re.findall('cid:[^"]+', shown))) == 2
    assert all(re.fullmatch(r"[0-9a-f]{32}@rsmtp", each) for each in pictures)
    first, _ = read(rsmtp.Message(html='<img src="cid:a">', inline={"a": PNG}))
    second, _ = read(rsmtp.Message(html='<img src="cid:a">', inline={"a": GIF}))
    assert first != second


# -- what is given ---------------------------------------------------------------


def figure():
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1, 1))
    figure.subplots().plot([1, 2])
    return figure


def image():
    from PIL import Image

    return Image.new("RGB", (2, 2), "red")


class Shown:
    def __init__(self, **shown):
        self.shown = shown

    def _repr_mimebundle_(self, include=None, exclude=None):
        return self.shown


class Plotly:
    def to_image(self, format):
        assert format == "png"
        return PNG


class Broken:
    def to_image(self, format):
        raise RuntimeError("Kaleido requires Google Chrome to be installed.\n\nMore")


@pytest.mark.parametrize(
    "make",
    [
        lambda: PNG,
        lambda: bytearray(PNG),
        lambda: "logo.png",
        lambda: Path("logo.png"),
        lambda: io.BytesIO(PNG),
        figure,
        lambda: figure().axes[0],
        image,
        Plotly,
        lambda: Shown(**{"image/png": PNG}),
        lambda: Shown(**{"image/png": base64.b64encode(PNG).decode()}),
        lambda: (b"\x00\x01", "image/png"),
    ],
)
def test_pictures_are_taken_as_they_are(folder, make):
    given = make()
    for html in ('<img src="cid:plot">', '<img src="plot">'):
        shown, picture = one(rsmtp.Message(html=html, inline={"plot": given}))
        assert shown == '<img src="cid:">'
        assert picture.get_content_type() == "image/png" and picture.get_filename() in (
            "plot.png",
            "logo.png",
        )
        assert isinstance(given, tuple) or picture.get_content().startswith(PNG[:8])


def test_an_open_file_is_read_from_where_it_stands_and_stays_there():
    file = io.BytesIO(b"xx" + PNG)
    file.seek(2)
    for _ in range(2):
        assert (
            one(rsmtp.Message(html='<img src="cid:a.png">', inline={"a.png": file}))[1].get_content() == PNG
        )
    assert file.tell() == 2


def test_files_are_shown_by_their_names(folder):
    html = '<img src="img/my chart.gif"><img src="cid:logo.png"><img src="my%20chart.gif">'
    with open("logo.png", "rb") as logo:
        _, pictures = read(rsmtp.Message(html=html, inline=["img/my chart.gif", logo]))
    assert [each.get_filename() for each in pictures.values()] == ["my chart.gif", "logo.png"]
    with pytest.raises(ValueError, match=r"'notes\.txt', which is not among the pictures"):
        rsmtp.Message(html='<img src="logo.png"><img src="notes.txt">', inline=["logo.png"])


def test_names_and_a_folder_go_together(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    html = '<img src="cid:plot"><img src="logo.png">'
    _, pictures = read(rsmtp.Message(html=html, inline={"plot": GIF}, inline_from="mail"))
    assert [each.get_filename() for each in pictures.values()] == ["plot.gif", "logo.png"]
    # A list names the allowed files of the folder.
    assert read(rsmtp.Message(html='<img src="logo.png">', inline=["logo.png"], inline_from="mail"))[1]
    with pytest.raises(ValueError, match="outside"):
        rsmtp.Message(html='<img src="outside.png">', inline=["../outside.png"], inline_from="mail")


# -- what is not read ------------------------------------------------------------


@pytest.mark.parametrize(
    "address",
    [
        "../outside.png",
        "..%2foutside.png",
        "img/../../outside.png",
        "link.png",
        "links/outside.png",
        "/etc/passwd",
        "file:///etc/passwd",
        "&#47;etc/passwd",
    ],
)
def test_nothing_outside_of_the_folder_is_read(folder, address):
    os.symlink(folder.parent / "outside.png", folder / "link.png")
    os.symlink(folder.parent, folder / "links")
    for inline in ({"inline": "auto"}, {"inline_from": folder}):
        with pytest.raises(ValueError, match="inline: .* is outside of .* inline_from="):
            rsmtp.Message(html=f'<img src="{address}">', **inline)


@pytest.mark.parametrize("address", ["notes.txt", "renamed.png"])
def test_nothing_but_pictures_is_read(folder, address):
    with pytest.raises(ValueError, match=rf"inline: '{address}' is no picture \(PNG, JPEG"):
        rsmtp.Message(html=f'<img src="{address}">', inline="auto")


@pytest.mark.skipif(os.name == "nt", reason="Windows has no pipes in folders")
def test_a_pipe_is_no_picture_and_holds_nothing_up(folder):
    os.mkfifo("pipe.png")
    with pytest.raises(ValueError, match=r"pipe\.png' is no regular file"):
        rsmtp.Message(html='<img src="pipe.png">', inline="auto")


# -- what is wrong ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"html": '<img src="lgoo.png">', "inline": "auto"}, FileNotFoundError, "did you mean 'logo.png'"),
        (
            {"html": '<img src="cid:plto">', "inline": {"plot": PNG}},
            ValueError,
            "'cid:plto'.*did you mean 'plot'",
        ),
        ({"html": "<p>", "inline": {"plot": PNG}}, ValueError, "nothing in the HTML shows 'plot'.*cid:plot"),
        (
            {"html": '<img src="cid:a">', "inline": {"a": b"text"}},
            ValueError,
            "'a' is no picture that is known",
        ),
        ({"html": '<img src="cid:a">', "inline": {"a": (PNG, "png")}}, ValueError, "'png' is no type"),
        ({"html": '<img src="cid:a">', "inline": {"a": "none.png"}}, FileNotFoundError, "no such file"),
        ({"html": '<img src="cid:a">', "inline": {"a": 7}}, TypeError, "inline: 'a': a path, .* not 7"),
        ({"html": '<img src="cid:a">', "inline": {"a": io.StringIO("x")}}, TypeError, "open as text"),
        (
            {"html": '<img src="cid:a">', "inline": {"a": Broken()}},
            ValueError,
            "kaleido.*Chrome to be installed.$",
        ),
        ({"html": '<img src="cid:a">', "inline": {"a": Shown()}}, TypeError, "_repr_png_"),
        ({"html": '<img src="a\0b">', "inline": "auto"}, ValueError, "no name of a file"),
        ({"html": "<p>", "inline": "always"}, TypeError, 'inline: "auto", a mapping'),
        ({"html": "<p>", "inline": True}, TypeError, 'inline: "auto", a mapping.* not True'),
        ({"html": "<p>", "inline": {1: PNG}}, TypeError, "inline: a name: a str is wanted"),
        ({"html": "<p>", "inline": [PNG]}, TypeError, "a picture without a name"),
        ({"html": "<p>", "inline_from": "nowhere"}, NotADirectoryError, "'nowhere' is no folder"),
        ({"html": "<p>", "inline_from": 7}, TypeError, "inline_from: a path"),
        ({"text": "x", "inline": {"a": PNG}}, ValueError, "inline: there is no html= or markdown="),
        ({"text": "x", "inline_from": "."}, ValueError, "inline_from: there is no html="),
        ({"html": b"<p>", "inline": "auto"}, TypeError, "html: a str, or the Path"),
        ({"html": Path("none.html")}, FileNotFoundError, "html: .*none.html"),
        ({"html": Path("logo.png")}, ValueError, "html: 'logo.png' is not UTF-8"),
        ({"html": "<p>", "inlines": "auto"}, TypeError, "did you mean 'inline'"),
    ],
)
def test_errors_name_the_argument_and_what_is_near(folder, given, error, said):
    with pytest.raises(error, match=said):
        rsmtp.Message(**given)


@pytest.mark.parametrize(
    "html",
    [
        "<img",
        "<img src",
        "<img src=",
        "<style>",
        "<!--[if",
        "<!--[if x]><img src=",
        "<a b='",
        "&#",
        "<![CDATA[data:",
        "<!data:",
    ],
)
def test_no_html_breaks_it(html):
    assert read(rsmtp.Message(html=f"{html}<!-- data: -->"))[0] == f"{html}<!-- data: -->"


@pytest.mark.parametrize(
    "piece",
    [
        "<",
        "<a ",
        "<a b='",
        "<!",
        "<!--",
        "</",
        "<?",
        "<style>",
        "<!--[if x]>",
        "<p style='url(",
        "<img srcset='x,",
        "<style>url(",
        "<style>/*",
        "<style>url('",
        "<style>@font-face{",
        "<script><",
        "&",
        "<a a=",
        '<p style="url(&quot;',
    ],
)
def test_time_grows_with_the_length_alone(piece):
    """Half a megabyte is read within the test's time limit. Quadratic code would take hours."""
    find(piece * (500_000 // len(piece)))
