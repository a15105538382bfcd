"""Long file names and names that are not valid text all arrive, in lines that SMTP allows."""

import email
import email.policy
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rsmtp
from rsmtp.email.message import EmailMessage
from rsmtp.email.mime.application import MIMEApplication
from rsmtp.email.mime.base import MIMEBase
from rsmtp.email.mime.text import MIMEText

LONG = {
    "110 characters of three octets": "漢" * 110 + ".pdf",
    "as many as NTFS allows": "漢" * 255,
    "beyond the plane": "😀" * 120,
    "two octets each": "ü" * 120 + ".txt",
    "ASCII": "x" * 1200 + ".txt",
    "ASCII with blanks": "a  b" * 60 + ".txt",
    "quotes and blanks": 'a "b" \\ ' * 30 + ".txt",
    "percents": "100% 'ü'* " * 20 + ".txt",
}


def message_with(name):
    return rsmtp.Message("text", attachments=[(name, b"x")])


def added_later(name):
    message = rsmtp.Message("text")
    message.add_attachment(b"x", filename=name)
    return message


def by_header(name):
    message = rsmtp.Message("text")
    message.add_header("Content-Disposition", "attachment", filename=name)
    return message


def email_message(name):
    message = EmailMessage()
    message.set_content("text")
    message.add_attachment(b"x", "application", "x", filename=name)
    return message


def mime(name):
    message = MIMEApplication(b"x")
    message.add_header("Content-Disposition", "attachment", filename=name)
    return message


def mime_extended(name):
    message = MIMEBase("application", "x")
    message.add_header("Content-Disposition", "attachment", filename=("utf-8", "", name))
    message.set_payload("x")
    return message


def mime_named(name):
    return MIMEApplication(b"x", name=name)


def mime_set(name):
    message = MIMEText("x")
    message.set_param("name", name)
    return message


MAKERS = [message_with, added_later, by_header, email_message, mime, mime_extended, mime_named, mime_set]


def names(octets):
    found = []
    for policy in (email.policy.default, email.policy.compat32):
        parts = email.message_from_bytes(octets, policy=policy).walk()
        found.append(next(part.get_filename() for part in parts if part.get_filename()))
    return found


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("name", LONG.values(), ids=LONG)
def test_a_long_name_arrives(make, name):
    octets = make(name).as_bytes()
    longest = max(map(len, octets.splitlines()))
    if make in (message_with, added_later, by_header, email_message):
        assert longest <= 78
        assert names(octets) == [name, name]
    else:
        # These names are folded like the standard library's, as far as SMTP allows.
        assert longest <= 998
        if make is mime_extended or " " not in name:
            assert names(octets) == [name, name]
    assert max(map(len, make(name).as_string().splitlines())) <= 998


@pytest.mark.parametrize("make", MAKERS)
def test_a_short_line_is_written_as_the_standard_library_writes_it(make):
    if make in (message_with, added_later, by_header, email_message):
        return
    name = "漢" * 100
    assert max(map(len, make(name).as_bytes().splitlines())) > 900


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("caf\udce9.txt", "café.txt"),
        ("\udcc4rger.pdf", "Ärger.pdf"),
        ("caf\udc82.txt", "caf\ufffd.txt"),  # a control character in ISO 8859-1
        ("漢\udce9.txt", "漢\ufffd.txt"),
        ("half\ud83d.txt", "half\ufffd.txt"),  # as Windows may have it
    ],
)
@pytest.mark.parametrize("make", MAKERS)
def test_a_name_that_is_no_text_is_read_as_what_it_nearly_always_is(make, name, read):
    assert names(make(name).as_bytes()) == [read, read]


def a_file(folder, name=b"caf\xe9.txt"):
    path = os.path.join(os.fsencode(folder), name)
    try:
        with open(path, "wb") as file:
            file.write(b"x")
    except OSError:
        pytest.skip("this file system has no names that are no text")
    return path


def test_files_on_disk_with_such_names(tmp_path):
    path = a_file(tmp_path)
    text = os.fsdecode(path)
    with open(path, "rb") as by_octets, open(text, "rb") as by_text:
        for given in (Path(text), text, by_octets, by_text):
            message = rsmtp.Message("text", attachments=[given])
            assert names(message.as_bytes()) == ["café.txt", "café.txt"]
    message = EmailMessage()
    message.set_content("text")
    message.add_attachment(Path(text))
    assert names(message.as_bytes()) == ["café.txt", "café.txt"]


def test_the_command_line_attaches_them(tmp_path):
    path = a_file(tmp_path)
    with rsmtp.Catcher() as catcher:
        server = f"smtp://{catcher.host}:{catcher.port}?tls=none"
        command = [sys.executable, "-m", "rsmtp", "send", "--server", server, "--attach", path]
        command += ["--from", "a@x.example", "--to", "b@x.example", "--subject", "s", "--text", "t"]
        subprocess.run(command, check=True, timeout=50, capture_output=True)
        assert names(catcher.messages[0].data) == ["café.txt", "café.txt"]


def test_a_file_object_without_a_name_still_says_so():
    with pytest.raises(TypeError, match="give \\(filename, file\\)"):
        rsmtp.Message("text", attachments=[io.BytesIO(b"x")])


@pytest.mark.parametrize(
    "kind", ["application/pdf; name=a.pdf", "application/pdf; NAME*0=a; name*1=.pdf; x=y"]
)
def test_a_parameter_given_twice_is_one(kind):
    subtype = kind.partition("/")[2]
    added = rsmtp.Message("text")
    added.add_attachment(b"x", "application", subtype, filename="b.pdf")
    ours = EmailMessage()
    ours.set_content("text")
    ours.add_attachment(b"x", "application", subtype, filename="b.pdf", params={"name": "b.pdf"})
    for part in (
        rsmtp.Message("text", attachments=[("b.pdf", b"x", kind)]).get_payload(1),
        added.get_payload(1),
        ours.get_payload(1),
        MIMEApplication(b"x", subtype, name="b.pdf"),
        MIMEBase("application", subtype, name="b.pdf"),
    ):
        read = email.message_from_bytes(part.as_bytes())
        assert [value for name, value in read.get_params() if name == "name"] == ["b.pdf"]
        assert read["Content-Type"].lower().count("name") == 1
        assert read.get_param("x") == ("y" if "x=y" in kind else None)


def test_a_charset_given_twice_is_one():
    assert MIMEText("x", "plain; charset=koi8-r", "utf-8")["Content-Type"] == 'text/plain; charset="utf-8"'
