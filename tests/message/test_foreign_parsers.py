"""Messages with many features are read back by independent parsers: the standard library's,
mail-parser, and npm's mailparser, which `tools/test-servers` fetches."""

import base64
import email
import email.policy
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

import rsmtp

FOLDER = Path(__file__).parent / "mailparser"
FETCHED = FOLDER.parents[2] / ".servers" / "mailparser"
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


def whole():
    return rsmtp.Message(
        "auto",
        html='<p>Größe</p><img src="cid:Übersicht" alt="Plan"><p style="background:url(cid:b.gif)">'
        '<img src="cid:Übersicht" alt="Plan">',
        inline={"Übersicht": PNG, "b.gif": GIF},
        attachments=[("täglich.csv", "a,b\n"), ("c.pdf", b"%PDF")],
        subject="Größe",
        from_="Jürgen <j@example.org>",
        to="bob@example.org",
    )


def pictures_only():
    return rsmtp.Message(
        html='<img src="cid:a.png">', inline={"a.png": PNG}, subject="One", from_="a@example.org"
    )


def markdown():
    return rsmtp.Message(
        markdown="# Grüße\n\n![Plan](cid:a.png)", inline={"a.png": PNG}, subject="Two", from_="a@example.org"
    )


# The expected results of each reader: subject, words of the text, pictures in the HTML, attachments.
EXPECTED = {
    whole: (
        "Größe",
        "[Plan]",
        {"Übersicht.png": PNG, "b.gif": GIF},
        {"täglich.csv": b"a,b\n", "c.pdf": b"%PDF"},
    ),
    pictures_only: ("One", "", {"a.png": PNG}, {}),
    markdown: ("Two", "# Grüße", {"a.png": PNG}, {}),
}


def by_the_standard_library(octets):
    read = email.message_from_bytes(octets, policy=email.policy.default)
    assert not [defect for part in read.walk() for defect in part.defects]
    html = read.get_body(("related", "html"))
    plain = read.get_body(("plain",))
    related = {}
    if html.get_content_type() == "multipart/related":
        assert html.get_param("type") == "text/html"
        root, *rest = html.iter_parts()
        related = {part["Content-ID"].strip("<>"): (part.get_filename(), part.get_content()) for part in rest}
        html = root
    files = {
        part.get_filename(): part.get_payload(decode=True)
        for part in read.iter_attachments()
        if part.get_content_disposition() == "attachment"
    }
    return read["Subject"], plain.get_content() if plain else "", html.get_content(), related, files


def by_mail_parser(octets):
    import mailparser

    read = mailparser.parse_from_bytes(octets)
    assert not read.has_defects
    related, files = {}, {}
    for one in read.attachments:
        assert one["binary"]
        content = base64.b64decode(one["payload"])
        if one["content-id"]:
            related[one["content-id"].strip("<>")] = (one["filename"], content)
        else:
            files[one["filename"]] = content
    return read.subject, "".join(read.text_plain), "".join(read.text_html), related, files


def by_mailparser_of_npm(octets):
    node = shutil.which("node")
    if node is None or not (FETCHED / "complete").exists():
        pytest.skip("mailparser is not there (apt-get install nodejs npm, tools/test-servers)")
    done = subprocess.run(
        [node, FOLDER / "read.js"],
        input=octets,
        capture_output=True,
        timeout=50,
        env={**os.environ, "NODE_PATH": str(FETCHED / "node_modules")},
    )
    assert done.returncode == 0, done.stderr
    read = json.loads(done.stdout)
    related, files = {}, {}
    for one in read["attachments"]:
        content = base64.b64decode(one["content"])
        assert one["related"] == bool(one.get("cid")) == (one["disposition"] == "inline")
        if one["related"]:
            related[one["cid"]] = (one["name"], content)
        else:
            files[one["name"]] = content
    return read["subject"], read.get("text") or "", read["html"], related, files


@pytest.mark.parametrize("read", [by_the_standard_library, by_mail_parser, by_mailparser_of_npm])
@pytest.mark.parametrize("make", EXPECTED)
def test_parsers_find_text_pictures_and_files(make, read):
    subject, words, pictures, files = EXPECTED[make]
    found_subject, text, html, related, attached = read(bytes(make()))
    assert found_subject == subject and words in text
    assert dict(related.values()) == pictures
    assert all(f"cid:{content_id}" in html for content_id in related)
    assert html.count("cid:") == (3 if make is whole else 1)
    assert attached == files
