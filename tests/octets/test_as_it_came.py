"""A signed part, and a message within a message, is written octet for octet as a parser read it,
unless it was changed."""

import copy
import email.policy
import io
import pickle
import re
import sys

import pytest

import rsmtp
import rsmtp.email
import rsmtp.email.policy
from rsmtp.email import message_from_bytes
from rsmtp.email.generator import BytesGenerator
from rsmtp.email.mime.multipart import MIMEMultipart
from rsmtp.email.mime.text import MIMEText

from . import ways

#: Forms that a generator would not write.
INNER = (
    b"Content-Type:text/plain;\r\n charset=us-ascii\r\n"
    b"In-Reply-To:\r\n <a@b.example>\r\n"
    b"Subject:   two blanks, a folded line\r\n\tand blanks at the end  \r\n"
    b"X-Long: " + b"long words " * 12 + b"\r\n"
    b"X-Empty:\r\n"
    b"\r\n"
    b"From the beginning: not quoted.  \r\n\r\n"
)


def signed(inner=INNER, boundary=b"=s"):
    return (
        b'Content-Type: multipart/signed; micalg="pgp-sha1";\r\n\tprotocol="application/pgp-signature";'
        b"\r\n boundary=" + b'"' + boundary + b'"\r\n\r\n'
        b"Preamble.\r\n"
        b"--" + boundary + b"   \r\n" + inner + b"\r\n"
        b"--" + boundary + b"\r\nContent-Type: application/pgp-signature\r\n\r\nabc\r\n"
        b"--" + boundary + b"--\r\nEpilogue\r\n"
    )


HEAD = b"From: a@x.example\r\nTo: b@x.example\r\nMIME-Version: 1.0\r\n"
MESSAGES = {
    "signed": HEAD + signed(),
    "parts in what is signed": HEAD
    + signed(
        b"Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n"
        + INNER
        + b"\r\n--m\r\n"
        + INNER
        + b"\r\n--m--\r\n"
    ),
    "8-bit": HEAD + signed(INNER + b"na\xefve\r\n"),
    "signed among others": HEAD
    + b"Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n"
    + signed()
    + b"\r\n--m\r\n\r\nfooter\r\n--m--\r\n",
    "a message in it": HEAD + b"Content-Type: multipart/mixed; boundary=m\r\n\r\n--m\r\n"
    b"Content-Type: message/rfc822\r\nContent-Disposition:attachment\r\n\r\n" + INNER + b"\r\n--m--\r\n",
    "nothing but a message": HEAD + b"Content-Type: message/rfc822\r\n\r\n" + INNER,
    "no last boundary": HEAD + signed().partition(b"\r\n--=s--")[0],
}

POLICIES = {
    "compat32": rsmtp.email.policy.compat32,
    "default": rsmtp.email.policy.default,
    "SMTP": rsmtp.email.policy.SMTP,
    "refolds all": rsmtp.email.policy.default.clone(refold_source="all"),
    "mail": rsmtp.email.policy.mail,
}


@pytest.mark.parametrize("policy", ["compat32", "default", "SMTP", "refolds all"])
@pytest.mark.parametrize("kind", MESSAGES)
def test_it_comes_out_as_it_came(kind, policy):
    octets = MESSAGES[kind].replace(b"boundary=m", b'boundary="m"')
    message = message_from_bytes(octets, policy=POLICIES[policy])
    written = message.as_bytes()
    linesep = message.policy.linesep.encode()
    assert written == octets.replace(b"\r\n", linesep)
    out = io.BytesIO()
    BytesGenerator(out, mangle_from_=False, policy=rsmtp.email.policy.HTTP).flatten(message)
    assert out.getvalue() == octets
    assert ways.to_file(message) == octets
    if octets.isascii():
        assert message.as_string() == written.decode()


@pytest.mark.parametrize("kind", MESSAGES)
def test_bytes_and_lines_with_lf(kind):
    octets = MESSAGES[kind].replace(b"\r\n", b"\n")
    assert message_from_bytes(octets, policy=rsmtp.email.policy.default).as_bytes() == octets
    parser = rsmtp.email.parser.BytesFeedParser()
    for at in range(len(octets)):
        parser.feed(octets[at : at + 1])
    assert parser.close().as_bytes() == octets


@pytest.mark.parametrize("policy", ["compat32", "default", "mail"])
@pytest.mark.parametrize("kind", ["signed", "8-bit", "parts in what is signed"])
def test_in_a_message_of_ours(kind, policy):
    part = message_from_bytes(MESSAGES[kind].removeprefix(HEAD), policy=POLICIES[policy])
    whole = rsmtp.Message("see below", subject="x")
    whole.attach(part)
    assert MESSAGES[kind].removeprefix(HEAD) in bytes(whole._content_for_sending())


def test_the_signed_part_alone_is_what_the_signature_covers():
    for policy in POLICIES.values():
        message = message_from_bytes(MESSAGES["parts in what is signed"], policy=policy)
        part = message.get_payload(0)
        octets = part.as_bytes(policy=part.policy.clone(linesep="\r\n"))
        assert MESSAGES["parts in what is signed"].count(octets + b"\r\n--=s\r\n") == 1


@pytest.mark.parametrize(
    "touch",
    [
        lambda inner: inner.__setitem__("X-New", "1"),
        lambda inner: inner.replace_header("Subject", "another"),
        lambda inner: inner.__delitem__("Subject"),
        lambda inner: inner.set_payload("another body\n"),
        lambda inner: inner._headers.append(("X-New", "1")),
        lambda inner: inner.set_param("charset", "utf-8"),
    ],
)
def test_what_was_touched_is_written_anew(touch):
    message = message_from_bytes(MESSAGES["signed"], policy=rsmtp.email.policy.default)
    theirs = email.message_from_bytes(MESSAGES["signed"], policy=email.policy.default)
    for package in (message, theirs):
        touch(package.get_payload(0))
    written = message.as_bytes()
    # Where a field that came folded begins, each version of CPython sees in its own way.
    unfolded = [
        re.sub(rb"In-Reply-To:\s+", b"In-Reply-To: ", octets) for octets in (written, theirs.as_bytes())
    ]
    assert unfolded[0] == unfolded[1]
    # The neighbouring part is unchanged.
    assert b"Content-Type: application/pgp-signature\n\nabc\n" in written


def test_touching_the_list_of_parts():
    message = message_from_bytes(MESSAGES["signed"])
    message.get_payload().append(MIMEText("more"))
    written = message.as_bytes()
    assert b"more" in written and INNER.replace(b"\r\n", b"\n") in written
    message = message_from_bytes(MESSAGES["signed"])
    message.preamble = "another"
    assert b"another" in message.as_bytes()


def test_bcc_is_hidden_all_the_same():
    octets = MESSAGES["signed"].replace(b"To: ", b"Bcc: secret@x.example,\r\n more@x.example\r\nTo: ", 1)
    message = message_from_bytes(octets, policy=rsmtp.email.policy.SMTP)
    assert message.as_bytes() == octets
    assert ways.to_file(message) == MESSAGES["signed"]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_are_as_it_came(copied):
    message = message_from_bytes(MESSAGES["parts in what is signed"], policy=rsmtp.email.policy.SMTP)
    other = copied(message)
    assert other.as_bytes() == MESSAGES["parts in what is signed"]
    if copied is not copy.copy:
        other.get_payload(0).get_payload(0)["X-New"] = "1"
        assert other.as_bytes() != message.as_bytes() == MESSAGES["parts in what is signed"]


def test_a_7bit_policy_is_one():
    message = message_from_bytes(MESSAGES["8-bit"], policy=rsmtp.email.policy.SMTP)
    with pytest.raises(UnicodeEncodeError):
        message.as_bytes(policy=message.policy.clone(cte_type="7bit"))


def test_a_value_on_the_next_line_stays_there():
    octets = b"In-Reply-To:\n <a@b.example>\nSubject: x\n\nbody\n"
    for policy in ("compat32", "default"):
        message = message_from_bytes(octets, policy=POLICIES[policy])
        assert message.as_bytes() == octets
        assert message.as_string() == octets.decode()


def test_what_a_program_signs_is_not_folded():
    outer = MIMEMultipart("signed", boundary="b")
    part = MIMEText("text")
    part["X-Long"] = "long words " * 12
    outer.attach(part)
    assert b"\nX-Long: " + b"long words " * 12 + b"\n" in outer.as_bytes()


ATTACHED = {
    "odd folds": b"Subject: a\r\n\tb  \r\n  c\r\nX-Blanks: d  \r\n\r\nx\r\n",
    "encoded words": b"Subject: =?utf-8?q?a?= =?utf-8?b?w6k=?=\r\n =?iso-8859-1?q?x?=\r\n\r\nx\r\n",
    "8-bit header": b"Subject: na\xc3\xafve\r\n\r\nx\r\n",
    "Latin-1 header": b"Subject: na\xefve\r\n\r\nx\r\n",
    "folds in a part": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"
    b"Content-Type: text/plain;\r\n\tcharset=utf-8\r\n\r\nx\r\n--b--\r\n",
}


@pytest.mark.parametrize(
    "head",
    [b"", b"DKIM-Signature: v=1;\r\n\tb=abc\r\n", b"ARC-Message-Signature: i=1;\r\n\tb=abc\r\n"],
    ids=["unsigned", "DKIM", "ARC"],
)
@pytest.mark.parametrize("package", [email, rsmtp.email], ids=["email", "rsmtp.email"])
@pytest.mark.parametrize("policy", ["compat32", "default", "SMTP"])
@pytest.mark.parametrize("kind", ATTACHED)
def test_a_message_that_was_read_is_attached_as_it_came(kind, policy, package, head):
    octets = head + b"From: a@x.example\r\n" + ATTACHED[kind]
    message = package.message_from_bytes(octets, policy=getattr(package.policy, policy))
    if sys.version_info >= (3, 13) and policy != "compat32":
        # Its EmailPolicy encodes 8-bit fields, also in a message that is sent by itself.
        octets = ways.to_file(message)
        assert octets.isascii() and b"\xef\xbf\xbd" not in octets and b"=EF=BF=BD" not in octets
    added = rsmtp.Message("see below", subject="x")
    added.add_attachment(message)
    for whole in (added, rsmtp.Message("see below", subject="x", attachments=[message])):
        assert b"\r\n\r\n" + octets in ways.to_file(whole)
        assert b"\n\n" + octets.replace(b"\r\n", b"\n") in whole.as_bytes()


def test_an_attached_message_keeps_its_subject_where_the_server_takes_7_bit_alone():
    octets = b"From: a@x.example\r\n" + ATTACHED["8-bit header"]
    message = email.message_from_bytes(octets, policy=email.policy.default)
    whole = rsmtp.Message("see below", from_="a@x.example", to="b@x.example", attachments=[message])
    with rsmtp.Catcher(tls="none", without=["8BITMIME", "SMTPUTF8"]) as catcher:
        with rsmtp.SmtpClient(catcher.host, catcher.port) as client:
            client.send_message(whole)
        [caught] = catcher.wait_for(1, 10)
    assert caught.data.isascii()
    read = email.message_from_bytes(caught.data, policy=email.policy.default)
    assert read.get_payload(1).get_payload(0)["Subject"] == "naïve"
