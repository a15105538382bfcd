"""Parameters of Content-Type and Content-Disposition are read as `email` reads them."""

import email
import email.policy
import random

import pytest

import rsmtp.email.policy

VALUES = [
    '{main}; {name}="abc\n def"',
    '{main};\n {name}="abc"',
    '{main}; {name}="abc" (a comment)',
    "{main} (a comment); {name}=abc",
    "{main}; {name}=(a comment) abc",
    "{main}; {name}*=us-ascii''utf-8",
    "{main}; {name}*=utf-8'en'utf-8",
    "{main}; {name}*0=ut; {name}*1=f-8",
    "{main}; {name}*0*=utf-8''%C3; {name}*1*=%BC",
    "{main}; {name}*1*=%BC; {name}*0*=utf-8''%C3",
    "{main}; {name}*0*=utf-8''%C3%BC; {name}*1=x.txt",
    "{main}; {name}*=x-unknown''%C3",
    "{main}; {name}*=utf-8''%C3%BC; {name}=u",
    "{main}; {name}=u; {name}*=utf-8''%C3%BC",
    '{main}; {name}="=?utf-8?q?=C3=BC.txt?="',
    '{main}; {name}="=?utf-8?b?w7w=?=\n =?utf-8?b?w7w=?="',
    '{main}; {name}="x";',
    '{main};; {name}="x"',
    "{main}; {name}=a; {name}=b",
    "{main}; {name}=",
    "{main}; {name}",
    '{main}; {name}="x;y"; other=1',
    '{main}; {name}="unterminated',
    '{main}; {name}="a\\"b\\\\c"',
    '{main}; {name}="a\tb"',
    '{main}; {name}="\udcc3\udcbc.txt"',
    "{main}; {name}=ü.txt",
    "; {name}=x",
    "{main}; {name}=x, y=z",
    "",
]


def read(package, field, value, policy="default"):
    octets = f"{field}: {value}\n\nbody\n".encode("utf-8", "surrogateescape")
    message = package.message_from_bytes(octets, policy=getattr(package.policy, policy))
    found = {
        "type": message.get_content_type(),
        "boundary": message.get_boundary(),
        "charset": message.get_content_charset(),
        "file name": message.get_filename(),
        "disposition": message.get_content_disposition(),
        "all": message.get_params(header=field),
        "quoted": message.get_params(header=field, unquote=False),
    }
    if policy == "default":
        found["of the field"] = dict(message[field].params)
    return found


@pytest.mark.parametrize("policy", ["default", "compat32"])
@pytest.mark.parametrize("value", VALUES)
def test_parameters_are_those_of_the_standard_library(value, policy):
    for main, field, names in [
        ("multipart/mixed", "Content-Type", ["boundary"]),
        ("text/plain", "Content-Type", ["charset", "name"]),
        ("attachment", "Content-Disposition", ["filename"]),
    ]:
        for name in names:
            given = value.format(main=main, name=name)
            assert read(rsmtp.email, field, given, policy) == read(email, field, given, policy)


@pytest.mark.parametrize(
    ("field", "value", "found"),
    [
        ("Content-Type", "multipart/mixed; boundary=----=_Part_1", ("boundary", "----=_Part_1")),
        ("Content-Type", "multipart/mixed;\n boundary = ----=_Part_1 ; x=y", ("boundary", "----=_Part_1")),
        ("Content-Type", "a/b; name==?utf-8?q?=C3=BC?=", ("name", "ü")),
        ("Content-Disposition", r'attachment; filename="C:\TEMP\x"', ("filename", r"C:\TEMP\x")),
        ("Content-Disposition", r'attachment; filename="C:\TEMP\ü" (c)', ("filename", r"C:\TEMP\ü")),
    ],
)
def test_what_is_written_wrong_and_plainly_meant(field, value, found):
    """Parameters with wrong syntax but a clear meaning. The standard library loses half of them."""
    message = rsmtp.email.message_from_bytes(
        f"{field}: {value}\n\n".encode(), policy=rsmtp.email.policy.default
    )
    name, text = found
    assert message.get_param(name, header=field) == text
    assert message[field].params[name] == text


@pytest.mark.parametrize(
    "field",
    [
        'multipart/mixed; boundary="a\n b"',
        'multipart/mixed; boundary="a b" (made by hand)',
        'multipart/mixed; boundary*0=a; boundary*1=" b"',
        'Multipart/Mixed (c); boundary="=?utf-8?q?a_b?="',
    ],
)
def test_no_part_is_lost(field):
    source = f"Content-Type: {field}\n\n--a b\n\none\n--a b\n\ntwo\n--a b--\n".encode()
    message = rsmtp.email.message_from_bytes(source, policy=rsmtp.email.policy.default)
    assert [part.get_content() for part in message.iter_parts()] == ["one", "two"]
    assert not message.defects
    assert message.as_bytes() == source
    again = rsmtp.email.message_from_bytes(
        message.as_bytes(policy=rsmtp.email.policy.SMTP.clone(refold_source="all")),
        policy=rsmtp.email.policy.default,
    )
    assert [part.get_content() for part in again.iter_parts()] == ["one", "two"]


def test_a_parsed_field_is_changed_from_what_it_says():
    message = rsmtp.email.message_from_string(
        'Content-Type: text/plain; name="=?utf-8?q?=C3=BC?=" (c); charset=utf-8\n\n',
        policy=rsmtp.email.policy.default,
    )
    message.set_param("format", "flowed")
    assert dict(message["content-type"].params) == {"name": "ü", "charset": "utf-8", "format": "flowed"}
    message.del_param("name")
    assert message["content-type"] == 'text/plain; charset="utf-8"; format="flowed"'


BARE = [
    "NAME",
    "NAME=",
    "=",
    "=?utf-8?b?w7w=?=",
    "?utf-8?b?w7w=?=",
    "----=_Part_1",
    "?=",
    "a=b=c",
    "x*0*=y",
    "=?x",
]
QUOTED = [*BARE, "", "a b", "\t", "x;y", "(c)", "ü", "=?utf-8?q?a_b?= x", "a\n b", "a=b; c=d", "'", "a,b"]
AFTER = ["", " ", " (c)", " (a=b=c)", ";", ";;", "; b=c", ";\n b=c"]


@pytest.mark.parametrize("field", ["Content-Type", "Content-Disposition"])
def test_made_up_parameters_are_those_of_the_standard_library(field):
    """There is one additional rule: an unquoted value with `=` in it is read as if it were
    quoted. The standard library reads half of such a value or nothing, and may lose the whole
    field."""
    chance = random.Random(13)
    for _ in range(1500):
        main = chance.choice(["text/plain", "multipart/mixed", "attachment", "a=b=c/d", "x (c)", "x (a=b=c)"])
        name = chance.choice(["name", "filename", "charset", "boundary", "name*", "name*0", "name*1*"])
        after, between = chance.choice(AFTER), chance.choice(["", " ", "\n "])
        kind = chance.choice(["bare", "quoted", "not closed"])
        if kind == "bare":
            text = chance.choice(BARE)
            is_whole = after.lstrip(" ")[:1] in ("", ";")
            given, meant = text, f'"{text}"' if "=" in text and is_whole else text
        else:
            given = meant = '"' + chance.choice(QUOTED) + '"' * (kind == "quoted")
        given, meant = (f"{main};{between}{name}={value}{after}" for value in (given, meant))
        ours = read(rsmtp.email, field, given)
        try:
            theirs = read(email, field, meant)
        except IndexError:
            continue  # of the standard library's parser, which takes some of these for more than they are
        assert ours == theirs, (given, meant)


@pytest.mark.parametrize("field", ["Subject", "From", "Content-Type", "X-Any"])
@pytest.mark.parametrize("blank", ["\n ", "\n\t", "\n   "])
def test_a_first_line_of_white_space_is_no_part_of_the_value(field, blank):
    """As in CPython 3.14. In earlier versions, policy.default kept some of this white space."""
    source = f"{field}:{blank}text/plain\n\nx".encode()
    ours = rsmtp.email.message_from_bytes(source, policy=rsmtp.email.policy.default)
    theirs = email.message_from_bytes(source, policy=email.policy.default)
    assert ours[field] == theirs[field].lstrip()
    assert ours.get_content_type() == theirs.get_content_type()
    assert ours.as_bytes() == source
