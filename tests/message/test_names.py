"""Every name of `smtplib` and of `email` on this interpreter, including private ones, with its
counterpart in rsmtp. A name that a newer Python adds fails here until it is decided upon."""

from __future__ import annotations

import email
import importlib
import inspect
import io
import pkgutil
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

import rsmtp.errors
import rsmtp.smtplib

MODULES = ["smtplib", "email", *sorted(m.name for m in pkgutil.walk_packages(email.__path__, "email."))]

# The standard library's own modules that rsmtp's names also lead to. They read text and know no
# message.
ALIASES = {"email._encoded_words", "email._header_value_parser", "email._parseaddr"}

# Functions and classes of the standard library that a mirror passes on unchanged, beside its
# exceptions. Each class exists only once, so `except` catches it from either library.
AS_THEY_ARE = {
    "functions of text or octets alone": {
        "smtplib.quoteaddr", "smtplib.quotedata", "smtplib._addr_only", "smtplib._fix_eols",
        "smtplib._quote_periods", "smtplib.encode_base64", "email.encoders._qencode",
        "email.generator._make_boundary",
        "email.header._embedded_header", "email.header._max_append", "email.message._decode_uu",
        "email.message._formatparam",
        "email.message._parseparam", "email.message._splitparam", "email.message._unquotevalue",
        "email.message.decode_b", "email.quoprimime._unquote_match", "email.quoprimime._max_append",
        "email.utils._check_parenthesis", "email.utils._format_timetuple_and_zone",
        "email.utils._iter_escaped_chars", "email.utils._sanitize", "email.utils._parsedate_tz",
        "email.utils._strip_quoted_realnames", "email.utils._AddressList",
        "email.mime.audio._aiff", "email.mime.audio._au", "email.mime.audio._wav",
        *("email.mime.image._" + kind for kind in
          ["bmp", "exr", "gif", "jpeg", "pbm", "pgm", "png", "ppm", "rast", "rgb", "tiff", "webp", "xbm"]),
    },
    "functions of lists of pairs": {
        "email.utils._post_parse_validation", "email.utils._pre_parse_validation",
    },
    "functions of any message, by its public methods": {
        "email.contentmanager._encode_base64", "email.contentmanager._finalize_set",
        "email.contentmanager._prepare_set",
    },
    "a function of a name alone, and a reader of identifiers, of 3.14": {
        "email._policybase.validate_header_name", "email.policy.validate_header_name",
        "email.headerregistry.ReferencesHeader",
    },
    "parts of its own Header, which ours has no use for": {
        "email.header._Accumulator", "email.header._ValueFormatter",
    },
    "of its parser, which reads for us": {"email.feedparser.BufferedSubFile"},
    "how it makes its policies": {
        "email._policybase._PolicyBase", "email._policybase._append_doc",
        "email._policybase._extend_docstrings", "email.policy._extend_docstrings",
    },
}  # fmt: skip
TAKEN = {name for names in AS_THEY_ARE.values() for name in names}

# Values that differ from the standard library's.
OTHER_VALUES = {
    "email.mime.audio._rules": "what a program adds alone; the known kinds are code of ours",
    "email.mime.image._rules": "what a program adds alone; the known kinds are code of ours",
    "email.headerregistry._default_header_map": "the classes in it are ours",
    "email.policy.HTTP": "a policy of ours",
    "email.policy.SMTP": "a policy of ours",
    "email.policy.SMTPUTF8": "a policy of ours",
    "email.policy.default": "a policy of ours",
    "email.policy.strict": "a policy of ours",
    "email.policy.compat32": "a policy of ours",
    "email._policybase.compat32": "a policy of ours",
    "email.feedparser.compat32": "a policy of ours",
    "email.parser.compat32": "a policy of ours",
    "email.message.compat32": "a policy of ours",
    "email.contentmanager.raw_data_manager": "a manager of ours",
    "email.policy.raw_data_manager": "a manager of ours",
    "email.charset.ALIASES": "CPython 3.15's names are looked up there when they are needed",
    "email.charset.CHARSETS": "CPython 3.15 has utf-8 among those that it doesn't list",
    "email.charset.CODEC_MAP": "without gb2312 and big5, as in CPython 3.14, on every version",
    "email.header.USASCII": "a Charset of ours",
    "email.header.UTF8": "a Charset of ours",
}

# Attributes of classes and objects that the mirrors lack.
ABSENT = {
    "smtplib.SMTP._auth_challenge_count": "the engine counts the challenges of a login",
    "email._policybase.Compat32._sanitize_header": "the engine does it; `fold` can be overridden",
}


def module_names(module: str) -> list[str]:
    return [name for name in dir(importlib.import_module(module)) if not name.startswith("__")]


@pytest.mark.parametrize("module", MODULES)
def test_every_name_of_a_module_is_there(module: str) -> None:
    standard, ours = importlib.import_module(module), importlib.import_module(f"rsmtp.{module}")
    if module in ALIASES:
        assert ours is standard
        return
    wrong = []
    for name in module_names(module):
        full = f"{module}.{name}"
        expected, found = getattr(standard, name), getattr(ours, name, None)
        if found is None and expected is not None:
            wrong.append(f"{full} is missing")
        elif isinstance(expected, ModuleType):
            mirror = expected.__name__.startswith(("email", "smtplib"))
            wanted = importlib.import_module(f"rsmtp.{expected.__name__}") if mirror else expected
            if found is not wanted:
                wrong.append(f"{full} is another module")
        elif inspect.isclass(expected) or inspect.isroutine(expected):
            home = expected.__module__ or ""
            if inspect.isclass(expected) and issubclass(expected, Exception):
                continue
            if found is expected and home.startswith(("email", "smtplib")) and full not in TAKEN:
                wrong.append(f"{full} is the standard library's: decide whether that will do")
        elif full not in OTHER_VALUES and found != expected:
            wrong.append(f"{full} is {found!r}, not {expected!r}")
    assert not wrong


CLASSES = [
    (module, name)
    for module in MODULES
    if module not in ALIASES
    for name, value in vars(importlib.import_module(module)).items()
    if inspect.isclass(value) and value.__module__ == module
]


@pytest.mark.parametrize(("module", "name"), CLASSES, ids=[".".join(each) for each in CLASSES])
def test_every_attribute_of_a_class_is_there(module: str, name: str) -> None:
    standard = getattr(importlib.import_module(module), name)
    ours = getattr(importlib.import_module(f"rsmtp.{module}"), name)
    made_by_copyreg = {"__slotnames__"}  # once an object of the class was copied
    missing = [each for each in set(dir(standard)) - made_by_copyreg if not hasattr(ours, each)]
    assert [each for each in missing if f"{module}.{name}.{each}" not in ABSENT] == []


OBJECTS = [
    ("smtplib", "SMTP()"), ("smtplib", "LMTP()"),
    ("email.message", "Message()"), ("email.message", "EmailMessage()"),
    ("email.header", "Header('x')"), ("email.charset", "Charset('utf-8')"),
    ("email.generator", "Generator(None)"), ("email.generator", "BytesGenerator(None)"),
    ("email.generator", "DecodedGenerator(None)"),
    ("email.parser", "Parser()"), ("email.parser", "BytesParser()"),
    ("email.feedparser", "FeedParser()"), ("email.feedparser", "BytesFeedParser()"),
    ("email.policy", "EmailPolicy()"), ("email.policy", "compat32"),
    ("email.headerregistry", "Address('a', 'b', 'c')"), ("email.headerregistry", "Group('a')"),
    ("email.headerregistry", "HeaderRegistry()"),
    ("email.headerregistry", "HeaderRegistry()('To', 'a@b.example')"),
    ("email.headerregistry", "HeaderRegistry()('Date', 'Thu, 1 Jan 1970 00:00:00 +0000')"),
    ("email.headerregistry", "HeaderRegistry()('Content-Type', 'text/plain')"),
    ("email.headerregistry", "HeaderRegistry()('Message-ID', '<a@b.example>')"),
    ("email.contentmanager", "ContentManager()"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "expression"), OBJECTS)
def test_every_attribute_of_an_object_is_there(module: str, expression: str) -> None:
    standard = eval(expression, dict(vars(importlib.import_module(module))))
    ours = eval(expression, dict(vars(importlib.import_module(f"rsmtp.{module}"))))
    missing = [name for name in vars(standard) if not hasattr(ours, name)]
    kind = "SMTP" if module == "smtplib" else type(standard).__name__
    assert [each for each in missing if f"{module}.{kind}.{each}" not in ABSENT] == []


def test_what_is_said_to_be_absent_is() -> None:
    for full in ABSENT:
        module, kind, name = full.rsplit(".", 2)
        assert not hasattr(getattr(importlib.import_module(f"rsmtp.{module}"), kind), name), full


def test_modules_are_attributes_of_the_package_without_an_import() -> None:
    code = (
        "from rsmtp import email, smtplib; email.utils.formatdate; email.mime.text.MIMEText;"
        "email.policy.default; email._parseaddr.AddressList; assert smtplib.email is email"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=50)


@pytest.mark.parametrize("world", ["", "rsmtp."])
def test_a_rule_that_a_program_adds_tells_a_subtype(world: str, monkeypatch: pytest.MonkeyPatch) -> None:
    image: Any = importlib.import_module(f"{world}email.mime.image")
    audio: Any = importlib.import_module(f"{world}email.mime.audio")
    monkeypatch.setattr(image, "_rules", list(image._rules))
    monkeypatch.setattr(audio, "_rules", list(audio._rules))

    @image.rule
    def avif(data: bytes) -> str | None:
        return "avif" if data[4:12] == b"ftypavif" else None

    def flac(data: bytes, *_: io.BytesIO) -> str | None:
        return "flac" if data.startswith(b"fLaC") else None

    audio._rules.append(flac)
    assert image.MIMEImage(b"\0\0\0\x20ftypavif\0\0\0\0").get_content_type() == "image/avif"
    assert audio.MIMEAudio(b"fLaC\0\0\0\0").get_content_type() == "audio/flac"
    with pytest.raises(TypeError):
        image.MIMEImage(b"no image")


def test_a_subclass_with_a_sendmail_of_its_own_may_reset() -> None:
    class Client(rsmtp.smtplib.SMTP):
        def rset(self) -> tuple[int, bytes]:
            raise rsmtp.errors.SMTPServerDisconnected("gone")

    assert Client()._rset() is None  # type: ignore[func-returns-value]
