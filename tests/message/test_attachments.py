"""The types that `attachments=` and `add_attachment` accept, and the parts that they make."""

import io
import os
from pathlib import Path

import pytest

import rsmtp


def attached(message):
    return [
        (part.get_filename(), part.get_content_type(), part.get_payload(decode=True))
        for part in message.walk()
        if part.get_content_disposition() == "attachment"
    ]


def attaching(attachments):
    return attached(rsmtp.Message("text", attachments=attachments))


@pytest.fixture(autouse=True)
def local_files(tmp_path, monkeypatch):
    """Files whose names could be mistaken for paths."""
    monkeypatch.chdir(tmp_path)
    for name in ("seed.py", "a.csv", "data"):
        Path(name).write_text("a local file")


def test_a_mapping_is_names_and_contents():
    assert attaching({"seed.py": "CONTENT", "b.bin": b"\x00"}) == [
        ("seed.py", "text/x-python", b"CONTENT"),
        ("b.bin", "application/octet-stream", b"\x00"),
    ]
    given = {"c.csv": Path("a.csv"), "d.txt": io.BytesIO(b"open"), "e": (b"1", "text/csv")}
    assert attaching(given) == [
        ("c.csv", "text/csv", b"a local file"),
        ("d.txt", "text/plain", b"open"),
        ("e", "text/csv", b"1"),
    ]
    assert attaching({}) == []


@pytest.mark.parametrize(
    ("one", "found"),
    [
        (("a.csv", "data"), ("a.csv", "text/csv", b"data")),
        (("a.csv", b"data"), ("a.csv", "text/csv", b"data")),
        (("a.csv", "data", "text/plain"), ("a.csv", "text/plain", b"data")),
        (("b.csv", Path("a.csv")), ("b.csv", "text/csv", b"a local file")),
        (Path("a.csv"), ("a.csv", "text/csv", b"a local file")),
        (["a.csv"], ("a.csv", "text/csv", b"a local file")),
    ],
)
def test_one_attachment(one, found):
    assert attaching(one) == [found]


def test_a_tuple_of_other_things_is_a_list():
    assert len(attaching((Path("a.csv"), Path("seed.py")))) == 2
    assert len(attaching((("x", b"1"), ("y", b"2")))) == 2
    assert attaching(()) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("a.csv", r"'a\.csv' alone may be a path or a content.*Path\('a\.csv'\) or \['a\.csv'\]"),
        (b"octets", "bytes have no name"),
        ([b"octets"], "bytes have no name"),
        (5, "a list of them is wanted, not int"),
        ([5], "a path or an open file is wanted, not int"),
        ([("a.bin", 5)], 'the content of "a.bin" is text, bytes, a path or an open file, not int'),
        ([("a.bin", [1, 2])], "not list"),
        ([(5, "x")], r"\(filename, content\) or .* not \(int, str\)"),
        ([("a", "x", 5)], r"not \(str, str, int\)"),
        (("a", "b", "c", "d"), r"\(filename, content\)"),
        ([{"a": "b"}], "not dict"),
        ([None], "not NoneType"),
    ],
)
def test_what_is_no_attachment_is_told(given, words):
    with pytest.raises(TypeError, match=f"^attachments: .*{words}"):
        attaching(given)


def test_attachments_added_later():
    message = rsmtp.Message("text", html="<p>text</p>")
    message.add_attachment(b"%PDF", "application", "pdf", filename="a.pdf")
    message.add_attachment("CONTENT", filename="seed.py")
    message.add_attachment("plain words")
    message.add_attachment("<p>", subtype="html", filename="page")
    message.add_attachment(Path("a.csv"))
    message.add_attachment(io.BytesIO(b"open"), filename="d.txt")
    message.add_attachment(("t.csv", "1,2"))
    assert attached(message) == [
        ("a.pdf", "application/pdf", b"%PDF"),
        ("seed.py", "text/x-python", b"CONTENT"),
        (None, "text/plain", b"plain words"),
        ("page", "text/html", b"<p>"),
        ("a.csv", "text/csv", b"a local file"),
        ("d.txt", "text/plain", b"open"),
        ("t.csv", "text/csv", b"1,2"),
    ]
    kinds = [part.get_content_type() for part in message.walk()][:4]
    assert kinds == ["multipart/mixed", "multipart/alternative", "text/plain", "text/html"]
    message.add_attachment(rsmtp.Message("inner", subject="s"))
    assert message.get_payload()[-1].get_content_type() == "message/rfc822"
    with pytest.raises(TypeError, match="subtype"):
        message.add_attachment(b"x", "application", filename="x")
    with pytest.raises(TypeError, match="have their own"):
        message.add_attachment(("x", b"x"), filename="y")


@pytest.mark.parametrize("path", ["/proc/cpuinfo", "/proc/version"])
def test_what_the_kernel_makes_up_is_read(path):
    if not os.path.exists(path):
        pytest.skip(f"{path} is not on this machine")
    with open(path, "rb") as file:
        for octets in (attaching([path])[0][2], attaching([file])[0][2]):
            assert octets and octets[:5] == Path(path).read_bytes()[:5]
        assert file.tell() == 0


def test_an_empty_file_is_empty():
    Path("empty").touch()
    assert attaching(["empty"])[0][2] == b""
    assert attaching([("empty", io.BytesIO())])[0][2] == b""
