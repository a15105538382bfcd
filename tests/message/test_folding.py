"""rsmtp's own code folds structured fields, with the same safe result on every interpreter.

The tests cover each fault of CPython's `email` that was fixed as a security issue since 3.11.0, by
its number.
"""

import email
import email.policy
import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import rsmtp.email
from rsmtp.email import errors, policy
from rsmtp.email.header import decode_header, make_header
from rsmtp.email.headerregistry import Address, Group
from rsmtp.email.message import EmailMessage, Message
from rsmtp.email.utils import getaddresses


def written(name, value, **options):
    message = EmailMessage(policy=policy.default.clone(**options))
    message[name] = value
    return bytes(message).removesuffix(b"\n\n").decode()


def read(source, **options):
    return rsmtp.email.message_from_bytes(source, policy=policy.default.clone(**options))


def parsed_again(field):
    """The addresses that the standard library and rsmtp find in a field."""
    source = field.encode() + b"\n\n"
    theirs = email.message_from_bytes(source, policy=email.policy.default)
    ours = read(source)
    (name,) = ours.keys()
    assert [a.addr_spec for a in ours[name].addresses] == [a.addr_spec for a in theirs[name].addresses]
    return [(a.display_name, a.addr_spec) for a in ours[name].addresses]


SPOOFED = "=?utf-8?q?=22Boss=22_=3Cboss=40example=2Ecom=3E=2C?= <attacker@example.net>"


@pytest.mark.parametrize("width", [0, 20, 40, 60, 78, 998])
def test_special_characters_in_an_encoded_word_stay_encoded(width):  # gh-121284
    made = written("From", SPOOFED, max_line_length=width)
    [(name, address)] = parsed_again(made)
    assert (name, address) == ('"Boss" <boss@example.com>,', "attacker@example.net")
    refolded = bytes(read(f"From: {SPOOFED}\n\n".encode(), refold_source="all", max_line_length=width))
    assert parsed_again(refolded.strip().decode()) == [(name, address)]


def test_the_comma_between_addresses_is_not_encoded():  # gh-100884, CVE-2025-1795
    field = written("To", "x" * 61 + "@example.org, ä <foo@example.org>")
    assert field == "To: " + "x" * 61 + "@example.org,\n =?utf-8?q?=C3=A4?= <foo@example.org>"
    many = ", ".join(f"Nummer {n} Ä <{chr(120) * n}@example.org>" for n in range(1, 31))
    assert len(parsed_again(written("To", many))) == 30


@pytest.mark.parametrize("width", [20, 30, 40, 78])
@pytest.mark.parametrize("name", ["long, name " * 12, "x" * 100 + ", <boss@example.com>", 'a"b\\c, ' * 20])
def test_a_quoted_name_keeps_its_quotes(name, width):  # gh-80222
    value = f'"{name.replace(chr(92), chr(92) * 2).replace(chr(34), chr(92) + chr(34))}" <to@example.com>'
    [(display_name, address)] = parsed_again(written("To", value, max_line_length=width))
    assert address == "to@example.com"
    assert " ".join(display_name.split()) == " ".join(name.split())


@pytest.mark.parametrize(
    "comment",
    [
        "x" * 100,
        "Bcc:" + "x" * 90,
        "(" * 40 + "x" * 60 + ")" * 40,
        "one two " * 20,
        "Grüße, " * 20,
        r"\)" * 50,
    ],
)
@pytest.mark.parametrize("width", [20, 40, 78])
def test_a_comment_keeps_its_parentheses_and_its_line(comment, width):  # gh-143935, CVE-2025-11468
    field = written("To", f"({comment}) to@example.com, b@example.com", max_line_length=width)
    assert all(line[:1] in " \t" for line in field.split("\n")[1:])
    assert [address for _, address in parsed_again(field)] == ["to@example.com", "b@example.com"]


def test_a_line_end_in_an_encoded_word_stays_in_it():  # gh-121650, CVE-2024-6923
    for value in ("A subject=?UTF-8?Q?=0A?=Bcc: injected@example.com", "=?utf-8?q?a=0D=0AX:_b?="):
        for width in (0, 30, 78):
            field = written("Subject", value, max_line_length=width)
            assert len(email.message_from_string(field + "\n\n")) == 1


@pytest.mark.parametrize("text", ["Value\r\nBad: Injection\r\n", "NoNewLine", "a\nb\n", "a\n\n b\n"])
def test_a_field_that_breaks_out_is_refused(text):  # gh-121650, gh-144125, CVE-2026-1299
    class Literal(str):
        name = "Header"

        def fold(self, **options):
            return self

    message = EmailMessage()
    message["Header"] = Literal(text)
    for render in (bytes, str):
        with pytest.raises(errors.HeaderWriteError):
            render(message)


@pytest.mark.parametrize("name", ["Subject: x\nBcc", "Bcc x", "", "A:", "Ä", "a\r"])
@pytest.mark.parametrize("make", [EmailMessage, Message])
def test_a_name_that_is_none_is_refused(make, name):  # gh-127794
    with pytest.raises(ValueError, match="header field"):
        make()[name] = "x"


def test_addresses_are_read_strictly():  # gh-102988, CVE-2023-27043
    assert getaddresses(["alice@example.org)bob@example.com"], strict=True) == [("", "")]


def test_parameters_are_read_in_one_pass():  # gh-136063
    message = Message()
    message["Content-Type"] = 'text/plain; a="' + ";" * 200_000 + '"; b="\\"' + ";" * 200_000
    assert message.get_param("a") == ";" * 200_000
    assert read(b"Content-Type: text/plain" + b"; x=y" * 3000 + b"\n\n").get_content_type() == "text/plain"


def test_no_line_is_empty():  # gh-142006
    for width in range(14, 50):
        for value in ("x" * 40 + " " * 5 + "y" * 60, "ü " * 20 + "  " + "z" * 77, "a" * (width - 9) + "  b"):
            field = written("Subject", value, max_line_length=width)
            assert all(line.strip() for line in field.split("\n")[1:]), (width, field)


@pytest.mark.parametrize(
    "name", ["In-Reply-To", "References", "Message-ID", "Content-ID", "Resent-Message-ID"]
)
@pytest.mark.parametrize("width", [20, 78, 0])
def test_an_identifier_is_never_encoded(name, width):
    identifier = "<" + "A" * 80 + "@" + "B" * 30 + ".com>"
    message = EmailMessage(policy=policy.default.clone(max_line_length=width))
    message[name] = identifier
    for source in (bytes(message), bytes(read(bytes(message), refold_source="all", max_line_length=width))):
        assert b"=?" not in source and identifier.encode() in source
        # Some readers take a first line without a value for an empty field.
        assert source.startswith(f"{name}: <".encode())


def test_many_identifiers_are_folded_between_them():
    several = " ".join(f"<{'x' * 50}{n}@example.com>" for n in range(9))
    field = written("References", several)
    assert field.replace("\n", "").removeprefix("References:").split() == several.split()
    assert all(len(line) <= 78 for line in field.split("\n"))
    phrase = written("In-Reply-To", "Nachricht von Jürgen <x@example.com>")
    assert phrase == "In-Reply-To: Nachricht von =?utf-8?q?J=C3=BCrgen?= <x@example.com>"


@pytest.mark.parametrize(
    "name", ["=?utf-8?q?x?=", "=?utf-8?b?a?=", "a =?x?q?y?= b", '"=?utf-8?q?x?="', "?==?"]
)
def test_a_display_name_is_read_back_as_given(name):
    message = EmailMessage()
    message["To"] = [
        Address(name, addr_spec="a@example.com"),
        Group(name, [Address("b", addr_spec="b@x.org")]),
    ]
    assert message["To"].addresses[0].display_name == name
    back = read(bytes(message))["To"]
    assert back.addresses[0].display_name == name
    assert back.groups[1].display_name == name


def test_text_that_is_no_encoded_word_stays_as_it_is():
    message = EmailMessage()
    message["Subject"] = "see =?utf-8?b?a?= there"
    assert str(message["Subject"]) == "see =?utf-8?b?a?= there"
    assert str(read(bytes(message))["Subject"]) == "see =?utf-8?b?a?= there"


def test_spaces_between_encoded_words_are_not_text():  # gh-92081, gh-128110
    name = "Lôrem ipsum dôlôr sit amet, cônsectetuer adipiscing. Suspendisse pôtenti. Aliquam nibh."
    message = EmailMessage()
    message["To"] = Address(name, addr_spec="a@b.com")
    assert read(bytes(message))["To"].addresses[0].display_name == name
    source = b"To: =?utf-8?q?J=C3?= =?utf-8?q?=BCr?=\n =?utf-8?b?Z2Vu?= <j@example.com>\n\n"
    assert str(read(source)["To"]) == "Jürgen <j@example.com>"


def test_a_domain_becomes_a_labels_and_a_local_part_is_not_encoded():  # gh-83938, gh-122476
    assert written("To", "j@bücher.example") == "To: j@xn--bcher-kva.example"
    assert written("To", "Ü <j@bücher.example>") == "To: =?utf-8?q?=C3=9C?= <j@xn--bcher-kva.example>"
    message = EmailMessage()
    message["To"] = "Jürgen <jürgen@example.com>"
    with pytest.raises(errors.HeaderWriteError, match="SMTPUTF8"):
        bytes(message)
    assert "jürgen@example.com" in message.as_bytes(policy=policy.SMTPUTF8).decode()


def test_without_a_limit_nothing_is_folded_and_words_stay_short():
    for chosen in (policy.HTTP, policy.default.clone(max_line_length=0)):
        message = EmailMessage(policy=chosen)
        message["Subject"] = "Grüße " * 60
        message["To"] = ", ".join(f"Ä{n} <a{n}@example.com>" for n in range(30))
        message["X-Plain"] = "x " * 300 + "x"
        header = bytes(message).decode().replace("\r\n", "\n").rstrip("\n")
        assert header.count("\n") == 2
        assert all(len(word) <= 75 for word in re.findall(r"=\?\S+\?=", header))
        assert str(make_header(decode_header(header.split("\n")[0][9:]))).strip() == ("Grüße " * 60).strip()


@pytest.mark.parametrize("before", ["", "a@example.com, "])
def test_words_that_are_no_address_are_folded_between_them(before):
    for width in range(30, 60):
        message = EmailMessage(policy=policy.default.clone(max_line_length=width))
        message["To"] = f"{before}no address, but several words that someone has written here"
        lines = str(message).rstrip("\n").split("\n")
        assert all(len(line) <= width for line in lines), lines


def test_a_value_on_the_next_line_has_no_blank_before_it():  # gh-124452
    assert str(read(b"Subject:\n hello\n\n")["Subject"]) == "hello"


def test_a_date_that_is_none_is_kept():
    assert written("Date", "some day") == "Date: some day"


@pytest.mark.parametrize("value", ["<[x]@y>", "<>", "<a@[", "<a@", "<", "a@b", "<a@b> <c@d>", "<ü@x>"])
def test_any_message_id_is_read(value):
    message = read(f"Message-ID: {value}\n\n".encode(), raise_on_defect=False)
    assert str(message["Message-ID"])
    assert bytes(message)


PIECES = ["Boss", "ü", "Jürgen", "漢字漢字", "x" * 40, "x" * 90, ",", "<boss@example.com>", '"', "\\", "(c)"]
PIECES += ["=?utf-8?q?x?=", "a.b", "😀😀", "=?", "?=", ";", ":", "@", "[x]", "é,é", "y" * 70 + ","]


@settings(max_examples=120)
@given(
    st.lists(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map(" ".join), min_size=1, max_size=3),
    st.sampled_from([20, 30, 40, 78, 0, None, 100]),
)
@example(["x" * 90, "Boss"], 20)
@example(["漢字漢字 =? [x]"], 20)
def test_names_of_any_kind_say_the_same_at_any_width(names, width):
    given_addresses = [Address(name, f"u{n}", "example.com") for n, name in enumerate(names)]
    again = parsed_again(written("To", given_addresses, max_line_length=width))
    assert again == [(one.display_name, one.addr_spec) for one in given_addresses]


HIDDEN = [
    "=?utf-8?b?6Z2e6KGo56S66Z2e6KGo56S66Z2e6KGo56S66Z2e6KGo56S6?= =?utf-8?b?6Z2e6KGo56S6?=\r\n"
    " =?utf-8?b?6Z2e6KGo56S6?=",
    "=?utf-8?q?Empf=C3=A4nger_der_Liste_mit_einem_sehr_langen_Namen_der_lang_ist_und_noch_l=C3=A4nger?=",
    "=?utf-8?q?Liste_=C3=A4?=:"
    " =?utf-8?q?Empf=C3=A4nger_der_Liste_mit_einem_langen_Namen_der_l=C3=A4nger_ist?=;",
]


@pytest.mark.parametrize("policy", ["default", "SMTP"])
@pytest.mark.parametrize("to", HIDDEN)
def test_words_that_were_read_in_place_of_an_address_stay_as_they_came(to, policy):
    """They are no address that could be sent in UTF-8: the standard library writes them, too."""
    octets = f"From: a@example.org\r\nTo: {to}\r\nSubject: x\r\n\r\nx\r\n".encode()
    chosen = getattr(rsmtp.email.policy, policy)
    message = rsmtp.email.message_from_bytes(octets, policy=chosen)
    assert message.as_bytes() == octets.replace(b"\r\n", chosen.linesep.encode())
    with rsmtp.Catcher(tls="none") as catcher:
        with rsmtp.SmtpClient(catcher.host, catcher.port) as client:
            client.send_message(message, "a@example.org", ["b@example.org"])
        assert catcher.wait_for(1, 10)[0].data == octets
