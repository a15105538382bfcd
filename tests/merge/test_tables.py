"""Tables in templates and as attached files."""

import csv
import datetime
import decimal
import io

import openpyxl
import pandas
import polars
import pytest

import rsmtp

NAMES = ["name", "sales", "day"]
DAY = datetime.date(2026, 11, 27)
ROWS = [("Ann & <Bob>", 1234.5, DAY), ("Carol", None, None)]
FRAMES = {
    "pandas": pandas.DataFrame(ROWS, columns=NAMES),
    "polars": polars.DataFrame(ROWS, schema=NAMES, orient="row"),
    "dicts": [dict(zip(NAMES, row, strict=True)) for row in ROWS],
}
ADDRESSES = {"from_": "a@example.com", "to": "b@example.org"}


def parts(message):
    return {part.get_content_type(): part.get_payload(decode=True).decode() for part in message.get_payload()}


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_frame_in_a_template_is_a_table(kind):
    template = rsmtp.Template("Sales:\n\n{{ t }}\n", html="<p>Sales:</p>{{ t }}")
    found = parts(template.message({"t": FRAMES[kind]}, **ADDRESSES))
    text, html = found["text/plain"], found["text/html"]
    assert text == (
        "Sales:\n\n"
        "name           sales  day\n"
        "-----------  -------  ----------\n"
        "Ann & <Bob>  1,234.5  2026-11-27\n"
        "Carol"
    )
    assert ">Ann &amp; &lt;Bob&gt;</td>" in html and 'align="right"' in html and "<style" not in html
    assert html.count("<td") == html.count("padding:6px 12px") - 3 == 6
    assert "nan" not in html.lower() and "None" not in html


def test_table_of_jinja2_and_of_a_merge():
    jinja2 = pytest.importorskip("jinja2")
    template = rsmtp.Template("{{ t }}", html="{{ t }}", env=jinja2.Environment())
    found = parts(template.message({"t": FRAMES["pandas"]}, **ADDRESSES))
    assert found["text/html"].startswith("<table") and found["text/plain"].startswith("name  ")
    rows = [{"email": "a@example.org"}]
    merge = rsmtp.merge(rsmtp.Template("{{ t }}"), rows, to="{{ email }}", context={"t": FRAMES["polars"]})
    assert next(iter(merge)).get_payload().startswith("name  ")


def test_columns_formats_and_limit():
    made = rsmtp.table(
        FRAMES["dicts"],
        columns=["sales", "name"],
        formats={"sales": "{:.1f} EUR", "name": str.upper},
        limit=1,
    )
    assert str(made) == ("     sales  name\n----------  -----------\n1234.5 EUR  ANN & <BOB>\nand 1 more row")
    assert "and 1 more row" in made.__html__() and repr(made) == "<Table of 1 row: sales, name>"
    for given, words in (
        ({"columns": ["sale"]}, "columns: there is no 'sale'; did you mean 'sales'?"),
        ({"formats": {"nam": "{}"}}, "formats: there is no column 'nam'; did you mean 'name'?"),
        ({"limit": -1}, "limit: -1 is not a whole number, 0 or more"),
    ):
        with pytest.raises(ValueError) as raised:
            rsmtp.table(FRAMES["dicts"], **given)
        assert str(raised.value) == words
    with pytest.raises(
        TypeError, match="frame: a frame of pandas or polars, or a list of dicts is wanted, not 5"
    ):
        rsmtp.table(5)


def test_index_of_pandas():
    frame = pandas.DataFrame({"region": ["N", "N", "S"], "sales": [1, 2, 4]})
    grouped = frame.groupby("region")["sales"].sum()
    assert str(rsmtp.table(grouped)).split() == ["region", "sales", "------", "-----", "N", "3", "S", "4"]
    assert "region" not in str(rsmtp.table(grouped, index=False))
    several = frame.assign(x=[1, 2, 3]).groupby(["region", "x"]).sum()
    assert str(rsmtp.table(several)).splitlines()[0].split() == ["region", "x", "sales"]
    assert str(rsmtp.table(frame)).splitlines()[0].split() == ["region", "sales"]


# -- files ------------------------------------------------------------------------------------

HOSTILE = ["=cmd|'/c calc'!A1", "@SUM(A1)", "+1+cmd|x", "-2+3+cmd|x", "\t=1", "\r=1"]
PLAIN = ["+49 170 1234567", "-5", "a=b", "", "Jürgen", "x\ny"]


def attached(name, frame):
    (_, part) = rsmtp.Message("x", attachments=[(name, frame)], **ADDRESSES).get_payload()
    return part.get_content_type(), part.get_payload(decode=True)


@pytest.mark.parametrize("make", [pandas.DataFrame, polars.DataFrame])
def test_csv_has_values_and_no_formulas(make):
    kind, octets = attached("sales.csv", make({"=name": [*HOSTILE, *PLAIN], "n": [-1.5] * 12}))
    assert kind == "text/csv" and octets.startswith(b"\xef\xbb\xbf")
    read = list(csv.reader(io.StringIO(octets.decode("utf-8-sig"), newline="")))
    assert read[0] == ["'=name", "n"]
    assert [row[0] for row in read[1:]] == [*(f"'{text}" for text in HOSTILE), *PLAIN]
    assert {row[1] for row in read[1:]} == {"-1.5"}
    assert attached("a.tsv", make({"a": [1], "b": ["x"]}))[1] == b"a\tb\r\n1\tx\r\n"


@pytest.mark.parametrize("make", [pandas.DataFrame, polars.DataFrame])
def test_xlsx_has_values_and_no_formulas(make):
    kind, octets = attached("sales.xlsx", make({"=name": [*HOSTILE, *PLAIN], "n": [-1.5] * 12}))
    assert kind == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    sheet = openpyxl.load_workbook(io.BytesIO(octets)).active
    rows = list(sheet.iter_rows())
    assert {row[0].data_type for row in rows} <= {"s", "inlineStr"} and rows[0][0].value == "=name"
    assert rows[1][0].value == HOSTILE[0] and rows[1][1].value == -1.5 and rows[1][1].data_type == "n"


def test_values_that_a_spreadsheet_has_no_type_for():
    frame = pandas.DataFrame(
        {
            "a": [pandas.Timestamp("2026-11-27 09:00", tz="UTC"), None],
            "b": [decimal.Decimal("1.50"), [1, 2]],
            "c": ["\0\x0bx", True],
        }
    )
    sheet = openpyxl.load_workbook(io.BytesIO(attached("a.xlsx", frame)[1])).active
    values = list(sheet.values)
    assert values[1] == ("2026-11-27 09:00:00+00:00", 1.5, "x") and values[2] == (None, "[1, 2]", True)


def test_other_files_are_refused_with_what_to_do():
    with pytest.raises(ValueError, match=r"'a.parquet': a frame becomes a file .csv, .tsv or .xlsx"):
        attached("a.parquet", FRAMES["pandas"])
    template = rsmtp.Template("x", attachments=("{{ name }}.csv", lambda row: FRAMES["polars"]))
    assert template.message({"name": "a"}, **ADDRESSES).get_payload()[1].get_filename() == "a.csv"
    frame = rsmtp.Template("x", attachments={"b.csv": FRAMES["pandas"]})
    assert frame.message(**ADDRESSES).get_payload()[1].get_filename() == "b.csv"
