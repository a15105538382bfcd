"""Compares two implementations of the same format.

hypothesis makes messages, and both the standard library and rsmtp render them. For some policies
(compat32, EmailPolicy) the bytes are equal. For rsmtp's own policy, the standard library's parser
finds the same content in both.
"""

import email
import email.charset
import email.header
import email.headerregistry
import email.message
import email.policy
import email.utils
import importlib
import string
import sys

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

import rsmtp
import rsmtp.email
import rsmtp.email.charset
import rsmtp.email.header
import rsmtp.email.headerregistry
import rsmtp.email.message
import rsmtp.email.policy
import rsmtp.email.utils
from rsmtp._client import outgoing
from rsmtp.email import _plain

KINDS = ("text", "multipart", "image", "application", "base", "message")


class Names:
    """The same names from either package."""

    def __init__(self, root):
        for kind in KINDS:
            for name, value in vars(importlib.import_module(f"{root}.mime.{kind}")).items():
                if name.startswith("MIME"):
                    setattr(self, name, value)
        self.Header = importlib.import_module(f"{root}.header").Header
        self.encoders = importlib.import_module(f"{root}.encoders")
        self.policy = importlib.import_module(f"{root}.policy")
        self.EmailMessage = importlib.import_module(f"{root}.message").EmailMessage


THEIRS, OURS = Names("email"), Names("rsmtp.email")

settings.register_profile("message", max_examples=150, deadline=None)
settings.load_profile("message")

printable = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")) | st.just(" "), max_size=120)
ascii_text = st.text(string.printable[:-3], max_size=200)
words = st.lists(
    st.text(string.ascii_letters + ',;:.()<>@-_=?"\\', min_size=1, max_size=25), max_size=25
).map(" ".join)
header_values = words | printable | st.text(string.ascii_letters + " \t;,", max_size=200)
bodies = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=300)
names = st.sampled_from(["Subject", "X-A", "X-Longer-Name-Than-Most", "Comments"])


# -- compat32: equal to the byte


def build_classic(lib, spec):
    text, subtype, charset, fields, blob, filename = spec
    root = lib.MIMEMultipart("mixed", boundary="=-=")
    root.attach(lib.MIMEText(text, subtype, charset))
    part = lib.MIMEApplication(blob)
    part.add_header("Content-Disposition", "attachment", filename=filename)
    root.attach(part)
    for name, value in fields:
        root[name] = value
    return root


def outcome(make):
    try:
        return make()
    except Exception as failure:
        return type(failure).__name__


@given(
    bodies,
    st.sampled_from(["plain", "html", "x-other"]),
    st.sampled_from([None, "utf-8", "us-ascii", "iso-8859-1", "koi8-r"]),
    st.lists(st.tuples(names, header_values), max_size=4),
    st.binary(max_size=5000),
    printable,
)
def test_classic_messages_are_equal(text, subtype, charset, fields, blob, filename):
    spec = (text, subtype, charset, fields, blob, filename)
    ours = outcome(lambda: build_classic(OURS, spec))
    theirs = outcome(lambda: build_classic(THEIRS, spec))
    if isinstance(theirs, str):
        assert ours == theirs
        return
    for render in (
        lambda m: m.as_bytes(),
        lambda m: m.as_string(),
        lambda m: m.as_string(maxheaderlen=40),
        lambda m: m.as_bytes(policy=m.policy.clone(linesep="\r\n", max_line_length=60)),
    ):
        assert outcome(lambda: render(ours)) == outcome(lambda: render(theirs))


lists = st.lists(
    st.tuples(
        st.text("abc <@>.", max_size=90), st.sampled_from([", ", ",", "; ", " , ", ",  ", ",\t", " ", "\t"])
    ),
    max_size=60,
)


@given(names, lists, st.integers(0, 90))
@example("To", [("Recipient Number 1 <recipient1@host1.example>", ", ")] * 1000, 78)
@example("To", [("a" * 77, ","), ("b" * 78, ", "), ("c" * 200, " "), ("d", ", ")] * 3, 78)
def test_long_lists_are_folded_equally(name, pieces, width):
    def written(lib):
        message = lib.MIMEText("")
        message[name] = "".join(map("".join, pieces))
        return message.as_bytes(policy=message.policy.clone(max_line_length=width))

    assert outcome(lambda: written(OURS)) == outcome(lambda: written(THEIRS))


@given(names, st.text(string.ascii_letters + " \t;,\r\n", max_size=80), st.integers(0, 90))
@example("X-A", "a\n b", 78)
@example("X-A", "a\nBcc: b", 78)
def test_folding_with_line_breaks_is_equal(name, value, width):
    def header(lib):
        return lib.Header(value, header_name=name, maxlinelen=width).encode()

    assert outcome(lambda: header(OURS)) == outcome(lambda: header(THEIRS))


# big5 and gb2312: test_versions_of_python.py
CHARSETS = ["us-ascii", "utf-8", "iso-8859-1", "koi8-r", "euc-jp", "iso-2022-jp"]


@given(
    st.lists(st.tuples(printable | words, st.sampled_from(CHARSETS)), max_size=5),
    st.integers(20, 90),
    st.sampled_from([" ", "\t"]),
)
def test_headers_in_many_charsets_are_equal(chunks, width, blank):
    def header(module):
        made = module.Header(maxlinelen=width, header_name="Subject", continuation_ws=blank)
        for text, charset in chunks:
            made.append(text, charset)
        return made.encode(), str(made)

    assert outcome(lambda: header(rsmtp.email.header)) == outcome(lambda: header(email.header))


@given(bodies, st.sampled_from(["utf-8", "iso-8859-1", "us-ascii", "koi8-r"]), st.booleans())
def test_bodies_are_encoded_equally(text, name, quoted):
    def body(module):
        charset = module.Charset(name)
        if quoted:
            charset.body_encoding = module.QP
        return charset.body_encode(text)

    assert outcome(lambda: body(rsmtp.email.charset)) == outcome(lambda: body(email.charset))


@given(st.binary(max_size=400), st.sampled_from(["base64", "quopri", "7or8bit"]))
def test_encoders_are_equal(data, how):
    def part(lib):
        made = lib.MIMEBase("application", "x")
        made.set_payload(data)
        getattr(lib.encoders, "encode_" + how)(made)
        return made.as_bytes(), made.get_payload(), made.get_payload(decode=True)

    assert outcome(lambda: part(OURS)) == outcome(lambda: part(THEIRS))


parameters = st.dictionaries(
    # A method of Python's has a name for its first argument already.
    st.text(string.ascii_lowercase, min_size=1, max_size=8).filter(lambda name: name != "self"),
    printable | st.none() | st.tuples(st.just("utf-8"), st.just("de"), printable),
    max_size=4,
)


@given(parameters, st.text(string.ascii_lowercase, min_size=1, max_size=5), printable)
def test_parameters_are_equal(given_parameters, name, value):
    assume("\\" not in str(given_parameters) + value and '"' not in str(given_parameters) + value)

    def part(lib):
        made = lib.MIMEBase("a", "b")
        made.add_header("X-P", "v", **given_parameters)
        first = made["X-P"], made.get_params(header="X-P")
        made.set_param(name, value, header="X-P")
        second = made["X-P"], made.get_param(name, header="X-P")
        made.del_param(name, header="X-P")
        return first, second, made["X-P"]

    assert outcome(lambda: part(OURS)) == outcome(lambda: part(THEIRS))


@given(
    st.lists(st.text(string.ascii_letters + '@.,;:<>()[]"\\ \t\r\n', max_size=60), max_size=3),
    st.booleans(),
)
def test_addresses_are_read_equally(values, strict):
    # All branches got `strict` on the same day, but older Pythons don't have it.
    options = {}
    if hasattr(email.utils, "supports_strict_parsing"):
        options = {"strict": strict}
    assert rsmtp.email.utils.getaddresses(values, **options) == email.utils.getaddresses(values, **options)
    for value in values:
        assert rsmtp.email.utils.parseaddr(value, **options) == email.utils.parseaddr(value, **options)


@given(printable, st.text(string.ascii_letters + "@.", max_size=20), st.sampled_from(["utf-8", "iso-8859-1"]))
def test_addresses_are_written_equally(name, address, charset):
    ours = outcome(lambda: rsmtp.email.utils.formataddr((name, address), charset))
    theirs = outcome(lambda: email.utils.formataddr((name, address), charset))
    if max(map(len, theirs.split()), default=0) > 75:
        # An encoded-word is never longer than this (RFC 2047 section 2).
        assert max(map(len, ours.split())) <= 75
        assert email.header.decode_header(ours) == email.header.decode_header(theirs)
    else:
        assert ours == theirs


def test_addresses_of_any_length_are_written_equally():
    for length in [*range(240, 260), 5000]:
        for pair in [("A B", "x" * length), ("x" * length, "a@b.example"), ("A, B", "x" * length)]:
            assert rsmtp.formataddr(pair) == email.utils.formataddr(pair)


dates = st.datetimes().map(email.utils.format_datetime) | st.text(
    string.digits + "JanFebMonTue:+-., GMTESTZ", max_size=35
)


@given(dates)
def test_dates_are_read_equally(text):
    assert outcome(lambda: rsmtp.email.utils.parsedate_tz(text)) == outcome(
        lambda: email.utils.parsedate_tz(text)
    )
    assert outcome(lambda: rsmtp.email.utils.parsedate_to_datetime(text)) == outcome(
        lambda: email.utils.parsedate_to_datetime(text)
    )


# -- EmailPolicy: read as the standard library reads, folded as its newest version folds

atoms = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=20)
mailboxes = st.builds(
    lambda name, local, domain: f"{name} <{local}@{domain}>" if name else f"{local}@{domain}",
    st.none() | atoms | st.builds('"{}, {}"'.format, atoms, atoms) | st.builds("{} {}".format, atoms, atoms),
    atoms,
    st.builds("{}.example".format, atoms),
)
structured = st.one_of(
    st.tuples(st.sampled_from(["Subject", "X-A", "Content-ID"]), words | ascii_text),
    st.tuples(
        st.sampled_from(["To", "From", "Sender"]), st.lists(mailboxes, min_size=1, max_size=8).map(", ".join)
    ),
    st.tuples(st.sampled_from(["To", "Cc"]), words),
    st.tuples(
        st.just("Content-Type"),
        st.builds("{}/{}; {}=\"{}\"; {}*=utf-8''%C3%BC{}".format, atoms, atoms, atoms, words, atoms, atoms),
    ),
    st.tuples(st.just("Content-Disposition"), st.builds('attachment; filename="{}"'.format, printable)),
    st.tuples(st.just("Content-Transfer-Encoding"), atoms),
    st.tuples(st.just("MIME-Version"), st.from_regex(r"\A[0-9]\.[0-9]{1,2}\Z") | atoms),
    st.tuples(st.just("Date"), dates),
)


def described(registry, policy, name, value):
    header = registry(name, value)
    facts = {
        fact: getattr(header, fact)
        for fact in ("params", "content_type", "content_disposition", "cte", "version", "datetime")
        if hasattr(header, fact)
    }
    if hasattr(header, "addresses"):
        facts["addresses"] = [str(address) for address in header.addresses]
        facts["groups"] = [str(group) for group in header.groups]
    defects = [type(defect).__name__ for defect in header.defects]
    return str(header), facts, defects, header.fold(policy=policy)


@given(structured, st.sampled_from([{}, {"max_line_length": 40}, {"utf8": True}, {"max_line_length": None}]))
def test_header_objects_are_equal(field, options):
    name, value = field
    assume(len(value.splitlines()) <= 1 and "\r" not in value and "\n" not in value)
    # What the standard library loses of a parameter is tested in tests/message/test_parameters.py.
    assume(not name.startswith("Content-") or _plain.with_clear_parameters(value) == value)
    ours = outcome(
        lambda: described(
            rsmtp.email.headerregistry.HeaderRegistry(),
            rsmtp.email.policy.default.clone(**options),
            name,
            value,
        )
    )
    theirs = outcome(
        lambda: described(
            email.headerregistry.HeaderRegistry(), email.policy.default.clone(**options), name, value
        )
    )
    assert isinstance(ours, tuple)
    *ours, our_fold = ours
    if isinstance(theirs, str):
        # This Python's parser fails here, so the value is text with a defect.
        assert ours[2]
        return
    *theirs, their_fold = theirs
    assert ours == theirs
    if _FOLDED_APART.isdisjoint(value) and name not in ("Content-ID", "Date") and value == value.strip():
        assert our_fold == their_fold
        return
    # Quotes, comments, encoded-words and identifiers are read back unchanged after folding.
    again = rsmtp.email.message_from_string(
        our_fold + "\n", policy=rsmtp.email.policy.default.clone(**options)
    )[name]
    assert " ".join(str(again).split()) == " ".join(ours[0].split())


# Values that the standard library has folded wrongly, or still does.
_FOLDED_APART = set('"(=\\<>[]:;,.')


@settings(max_examples=600)
@given(st.lists(st.text("aöß€😀.", min_size=1, max_size=15), min_size=1, max_size=14), st.integers(20, 80))
def test_text_with_encoded_words_means_the_same(pieces, width):
    value = " ".join(pieces)
    policy = rsmtp.email.policy.default.clone(max_line_length=width)
    folded = rsmtp.email.headerregistry.HeaderRegistry()("Subject", value).fold(policy=policy)
    assert folded.isascii()
    assert decoded(folded.removeprefix("Subject:").replace("\n", "").strip()) == value


def build_structured(lib, text, subject, to, filename, data):
    message = lib.EmailMessage()
    message["Subject"] = subject
    message["To"] = to
    message.set_content(text)
    message.add_alternative(f"<p>{text}</p>", subtype="html")
    message.add_attachment(data, "application", "pdf", filename=filename)
    for part in message.walk():
        if part.is_multipart():
            part.set_boundary("=-=" + part.get_content_subtype())
    return message


@given(
    bodies,
    words | ascii_text,
    st.lists(mailboxes, min_size=1, max_size=4).map(", ".join),
    atoms | st.builds("{} {}.pdf".format, atoms, atoms),
    st.binary(max_size=2000),
)
def test_structured_messages_are_equal(text, subject, to, filename, data):
    assume(data or sys.version_info < (3, 15))  # it writes no data as an empty line of base64
    # rsmtp refuses a line end. Some versions of the standard library write it, which ends the header.
    assume(len(subject.splitlines()) <= 1 and "\r" not in subject and "\n" not in subject)
    # Text that only looks like an encoded-word is left unchanged by rsmtp.
    assume("=?" not in subject and subject == subject.strip())
    spec = (text, subject, to, filename, data)
    ours = outcome(lambda: build_structured(OURS, *spec).as_bytes())
    theirs = outcome(lambda: build_structured(THEIRS, *spec).as_bytes())
    assert ours == theirs


# -- ours: the standard library reads what was meant


def same_lines(one, other):
    def canonical(text):
        return "\n".join(text.replace("\r\n", "\n").replace("\r", "\n").split("\n")).rstrip("\n")

    return canonical(one) == canonical(other)


def decoded(text):
    return str(email.header.make_header(email.header.decode_header(text)))


subjects = st.text(
    st.characters(codec="utf-8", exclude_categories=("C", "Z")) | st.just(" "), max_size=200
).map(lambda text: " ".join(text.split()))
# Without ß, which Python's codec maps to "ss" as in IDNA 2003.
labels = st.text("abcäöü", min_size=1, max_size=10)


@given(
    st.text(st.characters(codec="utf-8"), max_size=500),
    subjects,
    st.lists(st.tuples(subjects, atoms, labels), min_size=1, max_size=5),
    subjects.filter(lambda name: name and "/" not in name),
    st.binary(max_size=3000),
)
# The second name is folded within its quotes.
@example(
    "",
    "",
    [("000\u00a1\u00a1\U00010000\U00010000\U00010000", "0", "a"), ("0" * 15 + " :", "0", "a")],
    "A",
    b"",
)
@example("", "", [("", "0", "a")], "<>", b"")
def test_ours_arrives(text, subject, people, filename, data):
    assume("=?" not in subject + filename + str(people))
    to = [(name, f"{local}@{label}.example") for name, local, label in people]
    message = rsmtp.Message(text, subject=subject, to=to, attachments=[(filename, data, "application/x")])
    wire = bytes(outgoing.render(message, utf8=False))
    assert wire.isascii()
    assert max(map(len, wire.split(b"\r\n"))) <= 998
    assert b"\n" not in wire.replace(b"\r\n", b"")
    assert b"\r" not in wire.replace(b"\r\n", b"")
    got = email.message_from_bytes(wire, policy=email.policy.default)
    assert str(got["Subject"] or "") == subject
    # Names are compared word by word, because EmailPolicy's parser adds spaces between encoded-words.
    # getaddresses doesn't unfold (RFC 5322 2.2.3): it takes a CR for the end of a quoted name.
    to = email.message_from_bytes(wire)["To"].replace("\r\n", "")
    addresses = email.utils.getaddresses([to])
    assert [decoded(name) for name, _ in addresses] == [name for name, _, _ in people]
    assert [address.split("@") for _, address in addresses] == [
        [local, f"{label}.example".encode("idna").decode()] for _, local, label in people
    ]
    body, attached = got.get_payload()
    assert same_lines(body.get_content(), text)
    # It takes off quotation marks and angle brackets twice: those of the parameter, and the name's own.
    assert attached.get_filename() == email.utils.unquote(filename).strip()
    assert attached.get_content() == data


@given(st.lists(st.text('ab,. "\\', min_size=1, max_size=40).filter(str.strip), min_size=1, max_size=8))
def test_names_in_quotes_are_read_by_a_program_that_does_not_unfold(people):
    to = [(" ".join(name.split()), f"{number}@a.example") for number, name in enumerate(people)]
    wire = bytes(outgoing.render(rsmtp.Message("x", to=to), utf8=False))
    assert max(map(len, wire.split(b"\r\n"))) <= 78
    assert email.utils.getaddresses([email.message_from_bytes(wire)["To"]]) == to


@given(st.text(st.characters(codec="utf-8"), max_size=60), names)
def test_no_field_breaks_out(value, name):
    message = rsmtp.Message("body")
    try:
        message[name] = value
        wire = bytes(outgoing.render(message, utf8=False))
    except ValueError:
        return
    head = wire.split(b"\r\n\r\n")[0]
    fields = [line for line in head.split(b"\r\n") if not line.startswith((b" ", b"\t"))]
    assert len(fields) == 6, fields
