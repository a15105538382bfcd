"""The types that are accepted as the rows of a merge."""

import atexit
import collections
import csv
import dataclasses
import sqlite3

import pandas
import polars
import pytest
import sqlalchemy

import rsmtp

TEMPLATE = rsmtp.Template("{{ name }}: {{ amount }}", subject="x", from_="a@example.com", to="{{ email }}")
NAMES = ["name", "email", "amount"]
ROWS = [("Ann", "ann@example.org", 1), ("Jürgen", "juergen@example.org", 2)]
WANTED = [("ann@example.org", "Ann: 1"), ("juergen@example.org", "Jürgen: 2")]


def read(rows, **more):
    return [
        item.error if isinstance(item, rsmtp.BadRow) else (item["To"], item.get_payload(decode=True).decode())
        for item in rsmtp.merge(TEMPLATE, rows, **more)
    ]


def dicts():
    return [dict(zip(NAMES, row, strict=True)) for row in ROWS]


def connected(factory):
    connection = sqlite3.connect(":memory:")
    atexit.register(connection.close)  # it is used by tests that are only collected as yet
    connection.row_factory = factory
    return connection


def cursor(factory=None):
    connection = connected(factory)
    connection.execute("CREATE TABLE customer (name, email, amount)")
    connection.executemany("INSERT INTO customer VALUES (?, ?, ?)", ROWS)
    connection.commit()
    return connection.execute("SELECT * FROM customer")


def result(query="SELECT name, email, amount FROM customer"):
    """A result of SQLAlchemy."""
    engine = sqlalchemy.create_engine("sqlite://", creator=lambda: cursor().connection)
    connection = engine.connect()
    atexit.register(connection.close)
    return connection.execute(sqlalchemy.text(query))


Named = collections.namedtuple("Named", NAMES)
Data = dataclasses.make_dataclass("Data", NAMES)


@pytest.mark.parametrize(
    "rows",
    [
        dicts(),
        tuple(dicts()),
        iter(dicts()),
        [Named(*row) for row in ROWS],
        [Data(*row) for row in ROWS],
        pandas.DataFrame(ROWS, columns=NAMES),
        polars.DataFrame(dicts()),
        polars.DataFrame(dicts()).lazy(),
        cursor(),
        cursor(sqlite3.Row),
        result(),
        result().mappings(),
        result().fetchall(),
        [collections.ChainMap(row) for row in dicts()],
    ],
    ids=lambda rows: type(rows).__name__,
)
def test_tables_of_many_kinds(rows):
    assert read(rows) == WANTED


def test_missing_values_of_a_frame_are_told():
    frame = pandas.DataFrame(
        {"name": ["Ann", None], "email": ["a@x.example", "b@x.example"], "amount": [1, None]}
    )
    first, second = read(frame)
    assert first == ("a@x.example", "Ann: 1.0")
    assert str(second) == "row 2: text: 'name' has no value (None or NaN)"
    dates = pandas.DataFrame({"name": [pandas.Timestamp("2026-11-27"), pandas.NaT], "email": "a@x.example"})
    merge = rsmtp.merge(
        rsmtp.Template("{{ name.strftime('%d.%m.') if name else '-' }}", to="{{ email }}"), dates
    )
    assert [message.get_payload() for message in merge] == ["27.11.", "-"]


BOTH = "SELECT 'Ann' AS name, 'ann@example.org' AS email, 'stock@example.org' AS email, 1 AS amount"


def joined(factory=None):
    """Both tables have an address; which of them the message goes to can't be told."""
    connection = connected(factory)
    return connection.execute(BOTH)


class Table:
    """A table of Arrow with two columns of one name."""

    column_names = ("name", "email", "email")

    def to_batches(self):
        return [self]

    def to_pylist(self):
        return [{"name": "Ann", "email": "stock@example.org"}]

    def __iter__(self):
        return iter(self.to_batches())


@pytest.mark.parametrize(
    "rows",
    [
        pandas.DataFrame([["Ann", "a@x", "b@x"]], columns=["name", "email", "email"]),
        joined(),
        joined(sqlite3.Row),
        Table(),
        result(BOTH),
        result(BOTH).mappings(),
    ],
    ids=["frame", "cursor", "cursor of Row", "Arrow", "SQLAlchemy", "SQLAlchemy's mappings"],
)
def test_two_columns_of_one_name_are_refused(rows):
    with pytest.raises(ValueError, match="rows: two columns are called 'email'"):
        read(rows)


def test_a_dict_reader_is_read_as_strictly_as_a_file():
    """csv.DictReader keeps the last of two columns, and puts cells that are too many under None."""
    with pytest.raises(ValueError, match="rows: two columns are called 'email'"):
        read(csv.DictReader(["name,email,email,amount", "Ann,stock@example.org,ann@example.org,1"]))
    # A comma without quotation marks: what is under "email" was in no column of that name.
    lines = ["name,email,amount", "Smith, Ann,ann@example.org,1", "Ann,ann@example.org,1,,"]
    for rows in (csv.DictReader(lines), list(csv.DictReader(lines))):
        [bad, good] = read(rows)
        assert str(bad) == "row 1: row: it has more cells than columns are named: ['1']"
        assert good == ("ann@example.org", "Ann: 1")


@pytest.mark.parametrize("cell", ["nan", "None", "<NA>", "Ann", 7])
def test_an_address_without_a_domain_is_none(cell):
    """What pandas writes for a missing cell (`astype(str)`) would be a mailbox of the server itself."""
    [bad] = read([{"name": "Ann", "email": cell, "amount": 1}])
    assert "domain" in str(bad) or "empty" in str(bad) or "address" in str(bad)
    [made] = read([{"name": "Ann", "email": cell, "amount": 1}], to=lambda row: ["root"])
    assert made == ("root", "Ann: 1")


@pytest.mark.parametrize(
    "rows",
    [joined(sqlite3.Row).fetchall(), result(BOTH).fetchall(), result(BOTH).mappings().fetchall()],
    ids=["sqlite3", "SQLAlchemy", "SQLAlchemy's mappings"],
)
def test_a_row_with_two_columns_of_one_name_is_a_bad_row(rows):
    [bad] = read(rows)
    assert str(bad) == "row 1: row: two columns are called 'email'"


# -- CSV ----------------------------------------------------------------------------------------

TEXT = "name,email,amount\nAnn,ann@example.org,1\nJürgen,juergen@example.org,2\n"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (TEXT, "utf-8"),
        (TEXT, "utf-8-sig"),
        (TEXT, "utf-16"),
        (TEXT.replace(",", ";"), "utf-8"),
        (TEXT.replace(",", "\t"), "utf-16"),
        (TEXT.replace(",", "|").replace("\n", "\r\n"), "utf-8"),
        (TEXT.replace("Ann", '"Ann"').replace("name", '"name"'), "utf-8"),
        (TEXT.replace("name,", " name , ").replace("\nJ", "\n\n,,\nJ"), "utf-8"),
        (TEXT.replace("1\n", "1,\n"), "utf-8"),
    ],
)
def test_csv_as_spreadsheets_write_it(tmp_path, text, encoding):
    path = tmp_path / "list.csv"
    path.write_bytes(text.encode(encoding))
    assert read(path) == read(str(path)) == WANTED


def test_csv_of_another_encoding_and_delimiter(tmp_path):
    path = tmp_path / "list.csv"
    path.write_bytes(TEXT.replace(",", "~").encode("cp1252"))
    assert read(path, encoding="cp1252", delimiter="~") == WANTED
    _, bad = read(path, delimiter="~")
    assert "row 2 (line 3): 'name' is not in utf-8: 'J\\udcfcrgen'; a spreadsheet of Windows" in str(bad)
    with pytest.raises(ValueError, match="encoding: 'utf-99' is unknown"):
        read(path, encoding="utf-99")
    with pytest.raises(ValueError, match="delimiter: one character is wanted, not ', '"):
        read(path, delimiter=", ")


def test_bad_lines_of_a_csv_file_are_bad_rows(tmp_path):
    path = tmp_path / "list.csv"
    huge = "x" * 200_000
    path.write_text(
        f'name,email,amount\nAnn,"ann@\nexample.org"\nBob,b@x.example,1,2,3\n{huge},a,b\nEve,e@x.example,3\n'
    )
    found = read(path)
    assert str(found[0]) == "row 1 (line 2): it has 2 cells, and 3 columns are named"
    assert str(found[1]) == "row 2 (line 4): it has 5 cells, and 3 columns are named"
    assert "row 3 (line 5): it can't be read: field larger than field limit" in str(found[2])
    assert found[3] == ("e@x.example", "Eve: 3")
    assert "list.csv" in repr(rsmtp.merge(TEMPLATE, path))


@pytest.mark.parametrize("behind", ['"Carl" C,c@x.example,3\n', "Carl,c@x.example,3\n"])
def test_a_quotation_mark_that_is_not_closed_hides_no_rows(tmp_path, behind):
    path = tmp_path / "list.csv"
    path.write_text(f'name,email,amount\n"Bob,b@x.example,1\nAnn,a@x.example,2\n{behind}')
    [bad] = read(path)
    assert str(bad).startswith("row 1 (line 2): it can't be read: ")
    assert str(bad).endswith(", nor can what follows, to line 4")
    path.write_text(f'"name,email,amount\n{behind}')
    with pytest.raises(ValueError, match=r"list.csv: the names of its columns can't be read: "):
        read(path)


def test_csv_without_a_header_line(tmp_path):
    path = tmp_path / "list.csv"
    path.write_text("\n")
    with pytest.raises(ValueError, match="its first line, which names the columns, is empty"):
        read(path)
    path.write_text("a,b,a\n")
    with pytest.raises(ValueError, match="two columns are called 'a'"):
        read(path)
    with pytest.raises(FileNotFoundError, match="rows: No such file"):
        read(tmp_path / "nothing.csv")
