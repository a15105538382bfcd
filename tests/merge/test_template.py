"""`rsmtp.Template`: how it fills in values, and what it refuses."""

import collections
import dataclasses
import datetime
import decimal
import enum
import fractions

import jinja2
import pytest

import rsmtp

ADDRESSES = {"from_": "shop@example.com", "to": "ann@example.org"}


def made(template, values=None, **more):
    return template.message(values, **(ADDRESSES | more))


def text_of(message):
    part = next(part for part in message.walk() if part.get_content_type() == "text/plain")
    return part.get_payload(decode=True).decode()


def html_of(message):
    part = next(part for part in message.walk() if part.get_content_type() == "text/html")
    return part.get_payload(decode=True).decode()


def test_each_text_is_filled_in():
    template = rsmtp.Template(
        "Dear {{ name }}",
        subject="Invoice {{ number }}",
        html="<p>Dear {{ name }}</p>",
        headers={"X-Number": "{{ number }}"},
        reply_to="{{ seller }} <{{ number }}@example.com>",
        unsubscribe="https://example.com/u/{{ number }}",
        attachments=[("{{ number }}.txt", "for {{ name }}")],
    )
    message = made(template, {"name": "Ann", "number": 7, "seller": "Smith, John"})
    assert message["Subject"] == "Invoice 7"
    assert message["X-Number"] == "7"
    assert message["Reply-To"] == '"Smith, John" <7@example.com>'
    assert message["List-Unsubscribe"] == "<https://example.com/u/7>"
    assert (text_of(message), html_of(message)) == ("Dear Ann", "<p>Dear Ann</p>")
    attached = message.get_payload()[-1]
    assert (attached.get_filename(), attached.get_payload(decode=True)) == ("7.txt", b"for Ann")


def test_text_is_made_from_the_filled_in_html():
    message = made(rsmtp.Template("auto", html="<h1>Dear {{ name }}</h1>"), {"name": "A & B"})
    assert text_of(message) == "# Dear A & B\n"


def test_names_of_fields_are_filled_in():
    template = rsmtp.Template("x", headers={"X-{{ shop }}-Number": "{{ number }}", "X-Fixed": "1"})
    message = made(template, {"shop": "Acme", "number": 7})
    assert (message["X-Acme-Number"], message["X-Fixed"]) == ("7", "1")
    pairs = rsmtp.Template("x", headers=[("X-{{ shop }}", "{{ n }}") for _ in range(2)])
    assert made(pairs, {"shop": "Acme", "n": 7}).get_all("X-Acme") == ["7", "7"]
    with pytest.raises(ValueError, match="headers: a name: 'shop' is not in the row"):
        made(template, {"number": 7})


def test_markdown_has_values_as_they_are():
    message = made(rsmtp.Template(markdown="**Dear** {{ name }}"), {"name": "*a* <b> [c](http://d)"})
    assert "<strong>Dear</strong> *a* &lt;b&gt; [c](http://d)" in html_of(message)
    assert "Dear *a* <b> [c](http://d)" in text_of(message)


def test_values_of_many_kinds():
    @dataclasses.dataclass
    class Order:
        total: decimal.Decimal
        due: datetime.date

    template = rsmtp.Template(
        "{{ total }} {{ '{:,.2f}'.format(total) }} {{ due.strftime('%d.%m.%Y') }} {{ name.upper() if name }}"
        "{% for x in items %} {{ loop.index }}:{{ x.a }}{% endfor %} {{ more|money }} {{ fixed }} {{ yes }}",
        filters={"money": lambda x, sign="$": f"{sign}{x:.2f}"},
        context={"fixed": 1.5, "name": "", "items": [], "more": 2, "yes": True},
    )
    order = Order(decimal.Decimal("1234.50"), datetime.date(2026, 11, 27))
    assert text_of(made(template, order)) == "1234.50 1,234.50 27.11.2026  $2.00 1.5 True"
    row = {"total": 1, "due": order.due, "name": "ann", "items": [{"a": 1}, {"a": "x"}]}
    assert text_of(made(template, row)) == "1 1.00 27.11.2026 ANN 1:1 2:x $2.00 1.5 True"


def test_rows_are_mappings_named_tuples_and_data_classes_alone():
    template = rsmtp.Template("{{ a }} {{ row['First name'] }}")
    assert text_of(made(template, {"a": 1, "First name": "Ann"})) == "1 Ann"
    pair = collections.namedtuple("pair", "a b")
    assert text_of(made(rsmtp.Template("{{ a }}{{ b }}"), pair(1, 2))) == "12"
    with pytest.raises(TypeError, match=r"row: a mapping of names to values, .* is wanted, not list"):
        made(template, [1])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"nmae": "Ann"}, "text, subject: 'name' is not in the row; did you mean 'nmae'?"),
        ({"name": None}, "text, subject: 'name' has no value (None or NaN)"),
        ({"name": float("nan")}, "text, subject: 'name' has no value (None or NaN)"),
        ({"name": "a\nb"}, "subject: 'name' has a line end or a control character in it: \"a\\nb\""),
    ],
)
def test_what_is_wrong_with_the_values_is_named(given, words):
    template = rsmtp.Template("Dear {{ name }}", subject="{{ name }}")
    with pytest.raises(ValueError) as raised:
        made(template, given)
    assert str(raised.value) == words


def test_missing_values_can_have_a_default():
    template = rsmtp.Template("{{ name or 'friend' }} {{ x|default('-') }}{% if name %}!{% endif %}")
    assert text_of(made(template, {"name": None})) == "friend -"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"text": "{% if %}"}, "text, line 1: syntax error"),
        ({"text": "a\n{{ b"}, "text, line 2: syntax error"),
        ({"text": "", "subjet": "x"}, "unexpected keyword argument 'subjet'; did you mean 'subject'?"),
        ({"text": "", "filters": {"x": 1}}, "filters: x: a callable is wanted, not 1"),
        ({"text": "", "env": 1}, "env: an environment of Jinja2 is wanted, not 1"),
        ({"text": "", "attachments": "{{ a }}.pdf"}, "which folder may the rows name files of?"),
        ({"text": "", "attachments": 5, "base": "\0"}, "base: '\\x00' is not the path of a file"),
    ],
)
def test_wrong_arguments_are_refused_at_once(arguments, words):
    with pytest.raises((ValueError, TypeError)) as raised:
        rsmtp.Template(**arguments)
    assert words in str(raised.value)


def test_what_a_function_or_filter_raises_is_told():
    template = rsmtp.Template("{{ a|half }}", filters={"half": lambda x: x / 0})
    with pytest.raises(ValueError, match="text: invalid operation: ZeroDivisionError: division by zero"):
        made(template, {"a": 1})
    with pytest.raises(ValueError, match="KeyError: 'b'"):
        made(rsmtp.Template(lambda row: row["b"]), {"a": 1})


def test_an_interrupt_within_a_filter_ends_it():
    def interrupted(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made(rsmtp.Template("{{ 1|x }}", filters={"x": interrupted}))


def test_private_attributes_are_not_there():
    with pytest.raises(ValueError, match="is not in the row"):
        made(rsmtp.Template("{{ x.__class__ }}"), {"x": decimal.Decimal(1)})
    with pytest.raises(ValueError, match="unknown method"):
        made(rsmtp.Template("{{ ''.__class__() }}"))


# -- a folder ----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "welcome"
    (root / "parts").mkdir(parents=True)
    (root / "attachments").mkdir()
    (root / "subject.txt").write_text("Welcome,\n  {{ name }}\n")
    (root / "layout.html").write_text(
        "<html><body><img src='logo.png'>{% block main %}{% endblock %}</body></html>"
    )
    (root / "body.html").write_text(
        "{% extends 'layout.html' %}{% block main %}<p>{% include 'parts/greeting.txt' %}</p>{% endblock %}"
    )
    (root / "parts" / "greeting.txt").write_text("Dear {{ name }}")
    (root / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(20))
    (root / "attachments" / "terms.pdf").write_bytes(b"%PDF-1.4\n")
    (tmp_path / "secret.txt").write_text("secret")
    return root


def test_folder_has_subject_body_layout_pictures_and_attachments(folder):
    message = made(rsmtp.Template.from_folder(folder), {"name": "<Ann>"})
    assert message["Subject"] == "Welcome, <Ann>"
    assert "<p>Dear &lt;Ann&gt;</p>" in html_of(message) and "cid:" in html_of(message)
    assert "Dear <Ann>" in text_of(message)
    names = [part.get_filename() for part in message.walk()]
    assert names.count("logo.png") == 1 and names.count("terms.pdf") == 1 and "layout.html" not in names


def test_folder_of_markdown_or_text(tmp_path):
    (tmp_path / "body.md").write_text("# Dear {{ name }}\n")
    assert "<h1>Dear Ann</h1>" in html_of(made(rsmtp.Template.from_folder(tmp_path), {"name": "Ann"}))
    (tmp_path / "body.md").unlink()
    (tmp_path / "body.txt").write_text("Dear {{ name }}\n")
    template = rsmtp.Template.from_folder(tmp_path, subject="For {{ name }}")
    assert made(template, {"name": "Ann"})["Subject"] == "For Ann"


def test_layouts_may_be_shared(folder, tmp_path):
    shared = tmp_path / "layouts"
    shared.mkdir()
    (folder / "layout.html").rename(shared / "layout.html")
    message = made(rsmtp.Template.from_folder(folder, layouts=shared), {"name": "Ann"})
    assert "Dear Ann" in html_of(message)


@pytest.mark.parametrize("name", ["../secret.txt", "parts/../../secret.txt", "link.txt", "{{ x }}"])
def test_no_file_outside_the_folder_is_found(folder, name):
    (folder / "link.txt").symlink_to(folder.parent / "secret.txt")
    wanted = repr(name) if "{" not in name else "x"
    (folder / "body.html").write_text("{% include " + wanted + " %}")
    template = rsmtp.Template.from_folder(folder)
    with pytest.raises(ValueError, match="html: template not found"):
        made(template, {"name": "x", "x": str(folder.parent / "secret.txt")})


def test_folder_without_a_body_and_no_folder(tmp_path):
    with pytest.raises(ValueError, match=r"has none of body.html, body.txt and body.md"):
        rsmtp.Template.from_folder(tmp_path)
    with pytest.raises(NotADirectoryError, match="folder: the folder '.*nothing' is not there"):
        rsmtp.Template.from_folder(tmp_path / "nothing")
    (tmp_path / "body.html").write_bytes(b"\xff")
    with pytest.raises(ValueError, match="not in UTF-8"):
        rsmtp.Template.from_folder(tmp_path)


def test_faults_in_files_name_the_file_and_the_line(folder):
    (folder / "parts" / "greeting.txt").write_text("Dear\n{{ nmae }}")
    with pytest.raises(ValueError) as raised:
        made(rsmtp.Template.from_folder(folder), {"name": "Ann"})
    assert str(raised.value) == (
        "html: 'nmae' is not in the row; did you mean 'name'? (parts/greeting.txt, line 2)"
    )
    (folder / "parts" / "greeting.txt").write_text("{% for %}")
    with pytest.raises(ValueError, match=r"parts/greeting.txt, line 1: syntax error"):
        rsmtp.Template.from_folder(folder)


# -- Jinja2 ------------------------------------------------------------------------------------


def test_environment_of_jinja2():
    env = jinja2.Environment(loader=jinja2.DictLoader({"foot": "-- {{ name }}"}))
    env.filters["twice"] = lambda text: text * 2
    template = rsmtp.Template(
        "{{ name|twice }} {{ '%.2f' % 1 }} {% include 'foot' %}",
        subject="For {{ name }}",
        html="<p>{{ name }}</p>",
        env=env,
    )
    message = made(template, {"name": "<a>"})
    assert text_of(message) == "<a><a> 1.00 -- <a>"
    assert html_of(message) == "<p>&lt;a&gt;</p>"
    assert env.autoescape is False and env.undefined is jinja2.Undefined
    with pytest.raises(
        ValueError, match="text, subject, html: 'name' is not in the row; did you mean 'nam'?"
    ):
        made(template, {"nam": 1})
    with pytest.raises(ValueError, match="subject: 'name' has a line end"):
        made(template, {"name": "a\nBcc: b@c.example"})
    with pytest.raises(ValueError, match="text, line 1"):
        rsmtp.Template("{% if %}", env=env)


def test_templates_that_jinja2_has_compiled():
    env = jinja2.Environment(loader=jinja2.DictLoader({"a.html": "<b>{{ x }}</b>"}), autoescape=True)
    message = made(rsmtp.Template(html=env.get_template("a.html"), env=env), {"x": "<"})
    assert html_of(message) == "<b>&lt;</b>"


class Level(enum.IntEnum):
    LOW = 3


class State(enum.StrEnum):
    PAID = "paid"


NUMBERS = (decimal.Decimal("3.00"), fractions.Fraction(3), Level.LOW, decimal.Decimal("3.25"))


@pytest.mark.parametrize("number", NUMBERS)
def test_numbers_of_every_class_are_compared_by_their_values(number):
    """minijinja compares an object with a number by their kinds: each of them would be more than 100."""
    is_3 = number == 3
    expressions = {
        "x > 100": False,
        "100 < x": False,
        "x < 100": True,
        "x == 3": is_3,
        "3 != x": not is_3,
        "1 < x <= 3": is_3,
        "o.x >= 2.5": True,
        "(x) > (x)": False,
        "x == x": True,
        "x > 100 or x < 5 and not x < 1": True,
        "[x][0] > 100": False,
        "x|same > 100": False,
        "same(x) >= x": True,
        "x is gt(100)": False,
        "x is le(100)": True,
        "x is eq 3": is_3,
        "[x, 101]|select('>', 100)|list": [101],
        "'a' if x > 100 else 'b'": "b",
    }
    source = " ".join(f"{{{{ {expression} }}}}" for expression in expressions)
    template = rsmtp.Template(source, filters={"same": lambda x: x}, context={"same": lambda x: x})
    said = text_of(made(template, {"x": number, "o": {"x": number}}))
    assert said == " ".join(map(str, expressions.values()))
    as_text = rsmtp.Template("{{ x }}{% if x > 1 %} {{ x }}{% endif %}")
    assert text_of(made(as_text, {"x": number})) == f"{number} {number}"


def test_texts_and_dates_of_every_class_are_compared_by_their_values():
    expressions = ("s == 'paid'", "'open' < s", "s != 'open'", "a < b", "a == b", "b >= a")
    template = rsmtp.Template(" ".join(f"{{{{ {expression} }}}}" for expression in expressions))
    row = {"s": State.PAID, "a": datetime.date(2026, 11, 27), "b": datetime.date(2026, 11, 28)}
    assert text_of(made(template, row)) == "True True True True False True"


@pytest.mark.parametrize(
    ("number", "is_more"),
    [
        (10**30, True),
        (-(10**30), False),
        (decimal.Decimal("-1E+40"), False),
        (decimal.Decimal("1E+999999"), True),
        (decimal.Decimal("-Infinity"), False),
        (decimal.Decimal(12345678901234567), True),
        (fractions.Fraction(1, 3), False),
    ],
)
def test_numbers_of_every_size_are_compared(number, is_more):
    assert text_of(made(rsmtp.Template("{{ x > 100 }}"), {"x": number})) == str(is_more)


def test_what_can_not_be_compared_is_an_error_of_its_row():
    number = decimal.Decimal("0.12345678901234567890")
    with pytest.raises(
        ValueError, match=r"text: .*0\.1234567.* has more than 15 digits: round it to be compared"
    ):
        made(rsmtp.Template("{{ x > 100 }}"), {"x": number})
    with pytest.raises(ValueError, match="'y.z' is not in the row"):
        made(rsmtp.Template("{{ x > y.z|upper }}"), {"x": 1, "y": {}})
    template = rsmtp.Template("{{ x is defined and x > 1 }} {{ true == x is defined }}")
    assert text_of(made(template, {"y": 1})) == "False False"


def test_comparisons_in_an_included_template(tmp_path):
    (tmp_path / "body.txt").write_text("{% include 'more.txt' %}")
    (tmp_path / "more.txt").write_text("{% if total > 100 %}much{% else %}little{% endif %}")
    (tmp_path / "subject.txt").write_text("{{ 'M' if total > 100 else 'L' }}")
    message = made(rsmtp.Template.from_folder(tmp_path), {"total": decimal.Decimal(3)})
    assert (text_of(message).strip(), message["Subject"]) == ("little", "L")


def test_values_by_keyword_are_told_how_they_are_given():
    with pytest.raises(TypeError) as raised:
        rsmtp.Template("Dear {{ customer }}").message(customer="Bob")
    assert str(raised.value).endswith("is given as a mapping, message({'customer': ...})")
