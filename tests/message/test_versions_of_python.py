"""Where CPython's versions differ, the mirror of `email` does what the running one does; what only
the newest does right, it does on all of them."""

import sys
from base64 import b64encode

import pytest

import rsmtp
from rsmtp.email import charset, headerregistry, policy, utils
from rsmtp.email.header import Header
from rsmtp.email.message import EmailMessage, Message
from rsmtp.email.mime.text import MIMEText


@pytest.mark.parametrize(("name", "codec"), [("gb2312", "gb2312"), ("big5", "big5")])
def test_an_encoded_word_has_the_name_that_readers_know(name, codec):
    # Before 3.14 the standard library writes the name of its own codec: =?eucgb2312_cn?b?...
    assert Header("中文", name).encode() == f"=?{name}?b?{b64encode('中文'.encode(codec)).decode()}?="


@pytest.mark.parametrize(
    "text", ["Mon, 20 Nov 9999999999 12:00:00 +0000", "Mon, 20 Nov 2017 12:00:00 +24000000000000"]
)
def test_a_date_beyond_every_calendar_is_no_date(text):
    with pytest.raises(ValueError, match="Invalid date value"):
        utils.parsedate_to_datetime(text)
    field = headerregistry.HeaderRegistry()("Date", text)
    assert field.datetime is None and len(field.defects) == 1 and field == text


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\tb", "a\x7f", "a\x80", "a\\ b", "it's b", 'it\'s "b"'])
def test_an_invalid_name_is_shown_as_python_shows_it(name):
    for make in (Message, EmailMessage, rsmtp.Message):
        message = make()
        with pytest.raises(ValueError, match="invalid header field name") as caught:
            message[name] = "x"
        assert repr(name) in str(caught.value)


def test_an_apostrophe_may_stand_in_a_name():
    for make in (Message, EmailMessage, rsmtp.Message):
        message = make()
        message["it's"] = "x"
        assert message["it's"] == "x"


def test_the_blank_before_a_fold_that_follows_the_name():
    field = policy.default.clone(max_line_length=20).fold("Subject", "x" * 40)
    first = field.splitlines()[0]
    assert first == ("Subject:" if sys.version_info >= (3, 14) else "Subject: ")


def test_content_in_a_charset_that_mail_converts():
    message = EmailMessage()
    message.set_content("日本語\n", charset="euc-jp")
    name = "iso-2022-jp" if sys.version_info >= (3, 14) else "euc-jp"
    assert message["Content-Type"].params["charset"] == name
    assert message.get_payload(decode=True) == "日本語\n".encode(name)
    assert message.get_content() == "日本語\n"


@pytest.mark.parametrize(
    ("name", "since_315"),
    [("utf8", "utf-8"), ("latin1", "iso-8859-1"), ("cp1252", "windows-1252"), ("no-such", "no-such")],
)
def test_names_of_charsets(name, since_315):
    wanted = since_315 if sys.version_info >= (3, 15) else name
    assert charset.Charset(name).input_charset == wanted
    if name != "no-such":
        assert MIMEText("ü", "plain", name)["Content-Type"] == f'text/plain; charset="{wanted}"'
