"""Rows that outsiders have filled in affect only their own text."""

import email
import email.policy
import random
import unittest.mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rsmtp

HOSTILE = [
    "<script>alert(1)</script>",
    "</p><img src=x onerror=alert(1)>",
    '"><b>',
    "{{ row }}",
    "{% include 'subject' %}",
    "{{ ''.__class__.__mro__ }}",
    "=cmd|'/c calc'!A1",
    "../../etc/passwd",
    "x@evil.example, y",
    "Ann <x@evil.example>",
    "a;b:c",
    '"a\\"',
    "(comment) x",
    "%0d%0aBcc: x@evil.example",
    "\u202eevil",
    "=?",
]
ENDS = ["a\r\nBcc: x@evil.example", "a\nb", "a\rb", "a\0b", "a\u2028b", "a\x0bb", "a\r\n\r\n<b>body</b>"]

TEMPLATE = rsmtp.Template(
    "Dear {{ name }}!",
    subject="For {{ name }}",
    html="<p>Dear {{ name }}!</p>",
    headers={"X-Name": "{{ name }}"},
    from_="shop@example.com",
    to="{{ name }} <ann@example.org>",
    reply_to=("{{ name }}", "shop@example.com"),
    unsubscribe="https://example.com/u?{{ name|urlencode }}",
)
ADDRESSES = rsmtp.Template("x", subject="y", from_="shop@example.com", to="{{ name }}", cc="{{ name }}")


def one(template, **row):
    (item,) = rsmtp.merge(template, [row])
    return item


def check(message, name):
    read = email.message_from_bytes(message.as_bytes(), policy=email.policy.default)
    assert sorted(field.lower() for field in read.keys()) == [  # noqa: SIM118
        "content-type",
        "from",
        "list-unsubscribe",
        "list-unsubscribe-post",
        "mime-version",
        "reply-to",
        "subject",
        "to",
        "x-name",
    ]
    assert [address.addr_spec for address in read["to"].addresses] == ["ann@example.org"]
    assert [address.addr_spec for address in read["reply-to"].addresses] == ["shop@example.com"]
    assert rsmtp.Message.from_stdlib(read) if hasattr(rsmtp.Message, "from_stdlib") else True
    plain, html = read.iter_parts()
    assert plain.get_content().rstrip("\n") == f"Dear {name}!"
    shown = html.get_content()
    assert shown.count("<") == 2 and "<script" not in shown


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_text(name):
    check(one(TEMPLATE, name=name), name)


@pytest.mark.parametrize("name", ENDS, ids=range(len(ENDS)))
def test_line_ends_are_refused_where_they_would_end_a_field(name):
    item = one(TEMPLATE, name=name)
    assert isinstance(item, rsmtp.BadRow)
    assert "subject, headers: X-Name, to, reply_to: 'name' has a line end or a control character" in str(
        item.error
    )


@pytest.mark.parametrize("name", ["=?utf-8?q?=0d=0aBcc:_x@evil.example?=", "=?utf-8?B?x"])
def test_encoded_words_are_refused(name):
    item = one(TEMPLATE, name=name)
    assert isinstance(item, rsmtp.BadRow) and "begins an encoded-word" in str(item.error)


def test_what_does_not_fit_into_a_field_is_told_by_the_dry_run():
    run = rsmtp.merge(TEMPLATE, [{"name": "Ann"}, {"name": "a" * 5000}]).dry_run()
    assert run.count == 1 and str(run.faults[0]).startswith("row 2: To: has a word that doesn't fit")


@pytest.mark.parametrize(
    "name", ["a@x.example, b@x.example", "a@x.example; b@x.example", "g: a@x.example, b@x.example;"]
)
def test_no_row_adds_recipients(name):
    item = one(ADDRESSES, name=name)
    assert isinstance(item, rsmtp.BadRow) and "to: " in str(item.error)
    template = rsmtp.Template("x", to="{{ who }} <{{ name }}>", from_="a@example.com")
    assert isinstance(one(template, who="Ann", name=name), rsmtp.BadRow)
    assert isinstance(one(template, who="Ann", name="b@x.example>, <c@x.example"), rsmtp.BadRow)


@pytest.mark.parametrize("name", ["x> , <https://evil.example/", "x\nBcc: y", "a b"])
def test_unsubscribe_link_stays_one_link(name):
    template = rsmtp.Template("x", to="a@example.org", unsubscribe="https://example.com/{{ name }}")
    item = one(template, name=name)
    assert isinstance(item, rsmtp.BadRow) and "unsubscribe" in str(item.error)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_text_or_told(name):
    item = one(TEMPLATE, name=name)
    if isinstance(item, rsmtp.BadRow):
        assert "'name' has a line end" in str(item.error) or "name" in str(item.error), item
        assert any(not c.isprintable() or ord(c) > 0x2000 for c in name), item
    else:
        read = email.message_from_bytes(item.as_bytes(), policy=email.policy.default)
        assert [address.addr_spec for address in read["to"].addresses] == ["ann@example.org"]
        assert len(read.keys()) == 9
        assert list(read.iter_parts())[1].get_content().count("<") == 2


@pytest.mark.parametrize("path", ["../a", "/etc/passwd", "a/../../b", "sub/../../a", "link", "\0"])
def test_no_path_leads_out_of_the_folder(tmp_path, path):
    folder = tmp_path / "files"
    (folder / "sub").mkdir(parents=True)
    for name in ("a.pdf", "b.pdf"):
        (tmp_path / name).write_text("secret")
    (folder / "link.pdf").symlink_to(tmp_path / "a.pdf")
    template = rsmtp.Template(
        "x", to="a@example.org", from_="b@example.org", attachments=f"{folder}/{{{{ p }}}}.pdf"
    )
    item = one(template, p=path)
    assert isinstance(item, rsmtp.BadRow) and "attachments" in str(item.error)


def test_a_value_that_contains_itself_is_one_bad_row():
    endless = {"email": "bob@example.com"}
    endless["more"] = [endless]
    deep = []
    for _ in range(10_000):
        deep = [deep]
    rows = [endless, {"email": "carol@example.com", "more": deep}, {"email": "dan@example.com", "more": 1}]
    template = rsmtp.Template("Hello", subject="Hello")
    run = rsmtp.merge(template, rows, from_="shop@example.com", to="{{ email }}").dry_run()
    assert [fault.number for fault in run.faults] == [1, 2]
    assert all("nested more than 64 levels deep" in str(fault) for fault in run.faults)


def test_a_value_that_fails_to_say_what_it_is_is_one_bad_row():
    class Mute:
        def __str__(self):
            raise RuntimeError("no words")

    rows = [
        {"email": "bob@example.com", "name": Mute()},
        {"email": "carol@example.com", "name": 10**6000},
        {"email": "dan@example.com", "name": "Dan"},
    ]
    template = rsmtp.Template("Hello {{ name }}", subject="Hello")
    run = rsmtp.merge(template, rows, from_="shop@example.com", to="{{ email }}").dry_run()
    assert [fault.number for fault in run.faults] == [1, 2]
    assert str(run.faults[0]) == "row 1: text: RuntimeError: no words"


class Odd:
    """A value in which one method raises."""

    def __init__(self, **methods):
        self.__class__ = type("Odd", (Odd,), methods)


def raising(error):
    def method(*_):
        raise error

    return method


def generator():
    yield 1
    raise RuntimeError("no more")


class Endless:
    def __iter__(self):
        return iter([self])


class Recursive:
    def __str__(self):
        return f"{self}"


class Unordered:
    def __lt__(self, other):
        return random.random() < 0.5

    __gt__ = __lt__


NO_WORDS = RuntimeError("no words")
MUTE = Odd(__str__=raising(NO_WORDS), __repr__=raising(NO_WORDS))
WITHOUT_ORDER = Odd(__lt__=raising(NO_WORDS), __gt__=raising(NO_WORDS))


@pytest.mark.parametrize(
    ("source", "make", "words"),
    [
        *(
            (source, lambda: MUTE, "RuntimeError: no words")
            for source in (
                "{{ x }}",
                "{{ x|upper }}",
                "{{ x|replace('a', 'b') }}",
                "{{ x|tojson }}",
                "{{ x|urlencode }}",
                "{{ x ~ 'a' }}",
                "{{ 'a'|replace('a', x) }}",
                "{{ ['a', 'b']|join(x) }}",
                "{{ [x] }}",
                "{{ {'a': x} }}",
                "{% if x|string %}yes{% endif %}",
                "{% set y %}{{ x }}{% endset %}{{ y }}",
                "{% filter upper %}{{ x }}{% endfilter %}",
            )
        ),
        ("{{ x }}", lambda: Odd(__html__=raising(NO_WORDS)), "RuntimeError: no words"),
        ("{{ x }}", lambda: Odd(__str__=lambda self: 5), "TypeError: "),
        ("{% if x %}yes{% endif %}", lambda: Odd(__bool__=raising(NO_WORDS)), "RuntimeError: no words"),
        ("{{ x.name }}", lambda: Odd(name=property(raising(NO_WORDS))), "RuntimeError: no words"),
        (
            "{{ x.name|default('-') }}",
            lambda: Odd(name=property(raising(NO_WORDS))),
            "RuntimeError: no words",
        ),
        ("{{ x.name }}", lambda: Odd(__getattr__=raising(NO_WORDS)), "RuntimeError: no words"),
        ("{{ x[0] }}", lambda: Odd(__getitem__=raising(NO_WORDS)), "RuntimeError: no words"),
        ("{% for one in x %}{% endfor %}", lambda: Odd(__iter__=raising(NO_WORDS)), "RuntimeError: no words"),
        ("{% for one in x %}{{ one }}{% endfor %}", generator, "RuntimeError: no more"),
        ("{{ x|join }}", generator, "RuntimeError: no more"),
        ("{{ x == y }}", lambda: WITHOUT_ORDER, "RuntimeError: no words"),
        ("{{ [x, y]|sort }}", lambda: WITHOUT_ORDER, "RuntimeError: no words"),
        ("{{ x|tojson }}", Endless, "nested more than 64 levels deep, or contains itself"),
        ("{{ x|upper }}", Recursive, "RecursionError"),
        ("{{ x|sort }}", lambda: [Unordered() for _ in range(500)], "total order"),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", int, "recursion limit exceeded"),
    ],
)
@pytest.mark.parametrize("rows", [1, 60])
def test_a_value_that_fails_is_a_fault_of_its_row(source, make, words, rows):
    """Sixty rows are shared between threads."""
    template = rsmtp.Template("Dear {{ name }} " + source, subject="Hello {{ name }}")
    paths = {"from_": "shop@example.com", "to": "bob@example.com"}

    def bad():
        return [{"name": "Bob", "x": make(), "y": Odd(__lt__=raising(NO_WORDS))} for _ in range(rows)]

    run = rsmtp.merge(template, bad(), **paths).dry_run()
    assert run.count == 0 and len(run.faults) == rows
    assert words in str(run.faults[0])
    assert str(run.faults[0]).startswith(("row 1: text: ", "row 1: 'x': "))
    good = {"name": "Dan", "x": [{"name": "a"}], "y": "b"}
    kinds = [type(item) for item in rsmtp.merge(template, [*bad(), good], **paths)]
    assert kinds[:-1] == [rsmtp.BadRow] * rows


def test_an_interrupt_within_the_text_of_a_value_ends_the_merge():
    value = Odd(__str__=raising(KeyboardInterrupt()))
    merge = rsmtp.merge(
        rsmtp.Template("{{ x|upper }}"), [{"x": value}], from_="a@b.example", to="b@c.example"
    )
    with pytest.raises(KeyboardInterrupt):
        list(merge)


def test_the_place_of_a_value_that_fails_is_told():
    template = rsmtp.Template("a\nb {{ x|upper }}", subject="{{ x }}", to="b@c.example", from_="a@b.example")
    with pytest.raises(
        ValueError, match=r"^text: RuntimeError: no words \(line 2\); subject: Runtime.*words$"
    ):
        template.message({"x": MUTE})


def test_values_without_an_order_are_equal_or_not():
    class Plain:
        def __str__(self):
            return "same"

    one, other = Plain(), Plain()
    template = rsmtp.Template("{{ x == y }} {{ x == x }} {{ [x, y]|unique|length }}", to="b@c.example")
    assert template.message({"x": one, "y": other}).get_payload() == "False True 2"


def test_an_object_that_has_every_attribute_is_no_table():
    template = rsmtp.Template("{{ x.name }} {{ x }}", to="b@c.example")
    value = unittest.mock.MagicMock(__str__=lambda self: "a mock")
    value.name = "Ann"
    assert template.message({"x": value}).get_payload() == "Ann a mock"


def test_a_value_that_renders_a_template_itself_blames_no_other():
    inner = rsmtp.Template("{{ name }}", to="b@c.example")
    value = Odd(__str__=lambda self: inner.message({"name": "Ann"}).get_payload())
    template = rsmtp.Template("{{ mute|upper if bad else '' }}{{ x|upper }}", to="b@c.example")
    assert template.message({"x": value, "mute": MUTE, "bad": False}).get_payload() == "ANN"
    with pytest.raises(ValueError, match="no words"):
        template.message({"x": value, "mute": MUTE, "bad": True})


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Bcc", "headers: a row can't name the field 'Bcc', which has an argument of its own"),
        (" to", "headers: a row can't name the field ' to'"),
        ("Resent-Cc", "headers: a row can't name"),
        ("Content-Type", "headers: a row can't name"),
        ("a b", "invalid header field name 'a b': it can't contain ' '"),
        ("a:b", "can't contain ':'"),
        ("a\r\nBcc", "headers: a name: 'name' has a line end or a control character"),
        ("", "invalid header field name '': it is empty"),
    ],
)
def test_names_of_fields_stay_names(name, words):
    template = rsmtp.Template("x", to="a@example.org", headers={"{{ name }}": "bob@example.org"})
    item = one(template, name=name)
    assert isinstance(item, rsmtp.BadRow) and words in str(item.error), item
