"""`rsmtp.merge` makes a message for each row, and reports the bad rows."""

import asyncio
import copy
import email
import email.policy
import html
import json
import os

import pytest

import rsmtp
from rsmtp.tasks import job

LETTER = {"from_": "shop@example.com", "to": "{{ name }} <{{ email }}>"}


@pytest.fixture
def template():
    return rsmtp.Template("Dear {{ name }}", subject="Invoice {{ id }}")


@pytest.fixture
def rows():
    return [{"id": n, "name": f"Ann {n}", "email": f"ann{n}@example.org"} for n in range(1, 11)]


@pytest.fixture
def mailer():
    with rsmtp.Catcher() as catcher, rsmtp.Mailer(f"smtp://localhost:{catcher.port}?tls=none") as mailer:
        mailer.catcher = catcher
        yield mailer


def subjects(messages):
    return [message["Subject"] for message in messages]


def test_messages_in_the_order_of_the_rows_as_often_as_they_are_asked_for(template, rows):
    merge = rsmtp.merge(template, rows, **LETTER)
    assert subjects(merge) == subjects(merge) == [f"Invoice {n}" for n in range(1, 11)]
    assert len(merge) == merge.count == 10
    assert next(iter(merge))["To"] == "Ann 1 <ann1@example.org>"
    assert repr(merge) == "<Merge of <Template 'Invoice {{ id }}'> with 10 rows>"


def test_bad_row_is_a_receipt_with_its_number_and_the_others_are_sent(template, rows, mailer):
    rows[2] = {"id": 3, "name": "Ann"}
    rows[4]["email"] = "not an address@example.org"
    rows[6] = 7
    merge = rsmtp.merge(template, rows, **LETTER)
    report = mailer.send_all(merge)
    assert (report.sent, report.not_sent, mailer.catcher.count) == (7, 3, 7)
    found = {receipt.index: str(receipt.error) for receipt in report.troubles}
    assert found[2] == "row 3: to: 'email' is not in the row"
    assert found[4].startswith("row 5: to: ") and "not an address@example.org" in found[4]
    assert found[6].startswith("row 7: row: a mapping of names to values")
    assert "row 3: to: 'email' is not in the row" in str(report)
    (bad,) = [item for item in merge if getattr(item, "number", 0) == 3]
    assert (
        type(bad) is rsmtp.BadRow
        and bad.row == rows[2]
        and bad.error.faults == ["to: 'email' is not in the row"]
    )
    with pytest.raises(rsmtp.RowError):
        mailer.send(bad)
    assert str(copy.copy(bad.error)) == str(bad.error)


def test_asynchronous_mailer_takes_it(template, rows):
    async def send():
        with rsmtp.Catcher() as catcher:
            async with rsmtp.AsyncMailer(f"smtp://localhost:{catcher.port}?tls=none") as mailer:
                return await mailer.send_all(rsmtp.merge(template, [*rows, {}], **LETTER))

    report = asyncio.run(send())
    assert (report.sent, report.not_sent) == (10, 1)


def test_rules_of_a_mailer_see_the_messages_and_not_the_bad_rows(template, rows):
    seen = []
    with rsmtp.Catcher() as catcher:
        url = f"smtp://localhost:{catcher.port}?tls=none"
        with rsmtp.Mailer(url, before_send=lambda message: seen.append(message["Subject"])) as mailer:
            report = mailer.send_all(rsmtp.merge(template, [*rows[:2], {}], **LETTER))
    assert (report.sent, report.not_sent, seen) == (2, 1, ["Invoice 1", "Invoice 2"])


def test_dry_run_knows_two_spellings_of_one_domain(template, rows):
    rows[0]["email"], rows[3]["email"] = "ann@bücher.example", "ann@xn--bcher-kva.example"
    assert list(rsmtp.merge(template, rows, **LETTER).dry_run().duplicates.values()) == [[1, 4]]


def test_dry_run_lists_all_faults_before_anything_is_sent(template, rows):
    rows[2] = {"id": 3, "nome": "Ann"}
    rows[5]["email"] = ""
    rows[8]["email"] = rows[0]["email"].upper()
    run = rsmtp.merge(template, rows, **LETTER).dry_run()
    assert not run and not run.ok and run.count == 8
    assert [str(fault) for fault in run.faults] == [
        "row 3: text, to: 'name' is not in the row; did you mean 'nome'?; to: 'email' is not in the row",
        "row 6: to: it is empty",
    ]
    assert run.duplicates == {"ann1@example.org": [1, 9]}
    assert "8 messages can be sent, 2 rows can't" in str(run) and "in rows 1, 9" in str(run)
    with pytest.raises(ExceptionGroup, match="2 rows of the merge"):
        run.raise_for_faults()
    assert "row 6" not in str(rsmtp.merge(template, rows[:2], **LETTER).dry_run())
    assert rsmtp.merge(template, rows[:2], **LETTER).dry_run()


def test_preview_shows_the_first(template, rows):
    preview = rsmtp.merge(template, rows, **LETTER).preview(3)
    assert len(preview) == 3 and subjects(preview) == ["Invoice 1", "Invoice 2", "Invoice 3"]
    assert "Subject: Invoice 2" in str(preview) and "(7 more rows)" in str(preview)
    with pytest.raises(ValueError, match="count: 0 is not a number from 1"):
        rsmtp.merge(template, rows, **LETTER).preview(0)


def test_notebooks_show_merge_preview_and_dry_run(template, rows):
    rows[1] = {"id": 2, "name": "<script>", "email": "<script>"}
    merge = rsmtp.merge(template, rows, **LETTER)
    for shown in (merge, merge.preview(3), merge.dry_run()):
        bundle = shown._repr_mimebundle_()
        assert "<script>" not in bundle["text/html"] and bundle["text/plain"]
    assert "Invoice 3" in merge.preview(3)._repr_mimebundle_()["text/html"]
    assert "row" in merge.dry_run()._repr_mimebundle_()["text/html"]
    read = []
    once = rsmtp.merge(template, (read.append(1) or row for row in rows), **LETTER)
    assert once._repr_mimebundle_()["text/plain"] == repr(once) and read == []


def test_limit_and_test_to(template, rows, mailer):
    merge = rsmtp.merge(template, rows, limit=2, test_to="me@example.com", cc="boss@example.com", **LETTER)
    assert len(merge) == 2 and "all to me@example.com" in repr(merge)
    assert mailer.send_all(merge).sent == 2
    for caught in mailer.catcher.messages:
        assert caught.rcpt_tos == ["me@example.com"]
    first = next(iter(merge))
    assert first["To"] == "me@example.com" and first["Cc"] is None
    assert first["Subject"] == "[Test, for Ann 1 <ann1@example.org>, boss@example.com] Invoice 1"


def test_a_test_goes_to_no_one_whom_headers_name(template, rows, mailer):
    headers = {"Bcc": "{{ email }}", "cc": "boss@example.com"}
    merge = rsmtp.merge(template, rows, limit=2, test_to="me@example.com", headers=headers, **LETTER)
    assert mailer.send_all(merge).sent == 2
    assert [caught.rcpt_tos for caught in mailer.catcher.messages] == [["me@example.com"]] * 2
    assert "for Ann 1 <ann1@example.org>, boss@example.com, ann1@example.org]" in next(iter(merge))["Subject"]


@pytest.mark.parametrize("of", [dict, list])
def test_a_test_goes_to_no_one_whom_a_message_that_is_sent_on_names(template, rows, mailer, of):
    resent = {"Resent-From": "a@example.com", "Resent-Date": "Fri, 27 Nov 2026 10:00:00 +0000"}
    headers = of((resent | {"Resent-To": "{{ email }}", "X-List": "{{ id }}"}).items())
    [message] = rsmtp.merge(template, rows, limit=1, test_to="me@example.com", headers=headers, **LETTER)
    mailer.send(message)
    assert [caught.rcpt_tos for caught in mailer.catcher.messages] == [["me@example.com"]]
    assert message["Subject"].startswith("[Test, for Ann 1 <ann1@example.org>, ann1@example.org]")
    assert message["X-List"] == "1" and message["Resent-To"] is None


def test_a_test_of_a_merge_whose_headers_name_to(template, rows, mailer):
    given = {name: value for name, value in LETTER.items() if name != "to"}
    merge = rsmtp.merge(
        template, rows, limit=2, test_to="me@example.com", headers={"To": "{{ email }}"}, **given
    )
    assert mailer.send_all(merge).sent == 2
    assert [caught.rcpt_tos for caught in mailer.catcher.messages] == [["me@example.com"]] * 2
    assert next(iter(merge))["Subject"].startswith("[Test, for ann1@example.org]")


LINK = "https://example.com/u?id={{ id }}&list=news"


@pytest.mark.parametrize(
    "given",
    [
        {"unsubscribe": LINK},
        {"unsubscribe": [LINK, "leave+{{ id }}@example.com"]},
        {"unsubscribe": lambda row: f"https://example.com/u?id={row['id']}&list=news"},
        {"unsubscribe": lambda row: ["mailto:leave@example.com?subject=1", f"https://example.com/u?id={row['id']}&list=news"]},
        {"headers": {"List-Unsubscribe": f"<{LINK}>, <mailto:leave+{{{{ id }}}}@example.com>"}},
        {"headers": [("list-unsubscribe", f"<{LINK}>")]},
    ],
)  # fmt: skip
def test_a_test_unsubscribes_no_one(rows, given):
    template = rsmtp.Template(
        f"Leave: {LINK}",
        html=f'<a href="{{{{ "https://example.com/u?id=" ~ id ~ "&list=news" }}}}">{LINK}</a>',
    )
    merge = rsmtp.merge(template, rows, limit=1, **LETTER, **given, subject="x")
    [real] = merge
    assert "example.com/u" in real["List-Unsubscribe"] and "id=1" in real["List-Unsubscribe"]
    [test] = rsmtp.merge(template, rows, limit=1, test_to="me@example.com", **LETTER, **given, subject="x")
    assert "https://unsubscribe.invalid/test" in test["List-Unsubscribe"]
    octets = email.message_from_bytes(bytes(test), policy=email.policy.default)
    texts = [part.get_content() for part in octets.walk() if not part.is_multipart()]
    for text in (str(test["List-Unsubscribe"]), *map(html.unescape, texts)):
        assert "example.com" not in text and "unsubscribe.invalid" in text, text
    assert test["List-Unsubscribe-Post"] == real["List-Unsubscribe-Post"]


def test_the_link_that_a_text_names_leads_nowhere_in_a_test(rows):
    template = rsmtp.Template("Leave: {{ unsubscribe_url }}", subject="News", unsubscribe=LINK)
    [test] = rsmtp.merge(template, rows, limit=1, test_to="me@example.com", **LETTER)
    assert "unsubscribe.invalid" in test.get_payload() and "example.com" not in test.get_payload()


def test_a_test_takes_no_key_from_the_messages_themselves(template, rows, mailer, tmp_path):
    outbox = rsmtp.Outbox(tmp_path / "mail.db")
    keyed = LETTER | {"key": "invoice/{{ id }}"}
    assert mailer.send_all(rsmtp.merge(template, rows, test_to="me@example.com", **keyed), outbox=outbox).ok
    assert mailer.send_all(rsmtp.merge(template, rows, **keyed), outbox=outbox).sent == 10
    assert {caught.rcpt_tos[0] for caught in mailer.catcher.messages} == {
        "me@example.com", *(row["email"] for row in rows),
    }  # fmt: skip


def test_a_generator_may_fill_one_dict_again_for_each_row(template, rows):
    def again():
        one = {}
        for row in rows:
            one.update(row)
            yield one

    made = [(message["To"], message["Subject"]) for message in rsmtp.merge(template, again(), **LETTER)]
    assert made == [(f"Ann {n} <ann{n}@example.org>", f"Invoice {n}") for n in range(1, 11)]


def test_a_row_that_raises_when_it_is_read_is_one_bad_row(template, rows):
    class Detached:
        def _asdict(self):
            raise KeyError("session")

    made = list(rsmtp.merge(template, [rows[0], Detached(), rows[1]], **LETTER))
    assert [isinstance(one, rsmtp.BadRow) for one in made] == [False, True, False]
    assert str(made[1].error) == "row 2: KeyError: 'session'"


def test_a_value_that_raises_when_it_is_looked_at_is_one_bad_row(template, rows):
    class Lazy:
        def __getattr__(self, name):
            raise RuntimeError("the session is closed")

    made = list(rsmtp.merge(template, [rows[0], rows[1] | {"name": Lazy()}, rows[2]], **LETTER))
    assert [isinstance(one, rsmtp.BadRow) for one in made] == [False, True, False]
    assert str(made[1].error) == "row 2: 'name': RuntimeError: the session is closed"


def test_two_attachments_of_one_name_are_a_fault(rows):
    files = {"{{ id }}.txt": "one", "{{ other }}.txt": "two"}
    template = rsmtp.Template("Hi", attachments=files)
    good, bad = rsmtp.merge(template, [rows[0] | {"other": 7}, rows[1] | {"other": 2}], **LETTER)
    assert good.as_bytes().count(b"Content-Disposition: attachment") == 2
    assert "attachments: two of them are called '2.txt' in this row" in str(bad.error)


def test_keys_let_an_outbox_go_on_where_it_ended(template, rows, mailer, tmp_path):
    outbox = rsmtp.Outbox(tmp_path / "mail.db")
    merge = rsmtp.merge(template, rows, key="invoice/{{ id }}", limit=4, **LETTER)
    assert next(iter(merge)).key == "invoice/1"
    assert mailer.send_all(merge, outbox=outbox).sent == 4
    rows[1] = rows[1] | {"name": "Someone else"}
    again = mailer.send_all(
        rsmtp.merge(template, [*rows, rows[9], {}], key="invoice/{{ id }}", **LETTER), outbox=outbox
    )
    assert mailer.catcher.count == 10 - 0
    assert (again.sent, again.not_sent) == (9, 3)
    errors = {receipt.index: str(receipt.error) for receipt in again.troubles}
    assert "invoice/2' was given to another message before" in errors[1]
    assert "invoice/10' is that of another message in this list" in errors[10]
    assert "row 12" in errors[11]
    assert outbox.get("invoice/3").state == "sent"


def test_outbox_and_tasks_take_the_key_of_a_message(template, rows, tmp_path):
    outbox = rsmtp.Outbox(tmp_path / "mail.db")
    merge = rsmtp.merge(template, rows, key="invoice/{{ id }}", **LETTER)
    first = next(iter(merge))
    assert outbox.put(first).key == "invoice/1" == job(first)["key"]
    assert json.dumps(job(first))
    with pytest.raises(ExceptionGroup, match="1 row can't be sent; the others were put"):
        outbox.put_all([*merge, *rsmtp.merge(template, [{}], **LETTER)])
    assert outbox.status() == {"queued": 10} or outbox.status()["queued"] == 10
    bad = next(iter(rsmtp.merge(template, rows, key="{{ name[99:] }}", **LETTER)))
    assert "key: it is empty" in str(bad.error)


def test_invoices_are_attached_from_one_folder(rows, tmp_path):
    invoices = tmp_path / "invoices"
    invoices.mkdir()
    for n in range(1, 10):
        (invoices / f"{n}.pdf").write_bytes(b"%PDF-1.4 " + bytes([48 + n]))
    (tmp_path / "secret.pdf").write_bytes(b"secret")
    rows[0]["id"] = "../secret"
    template = rsmtp.Template("See the file.", subject="Invoice", attachments=f"{invoices}/{{{{ id }}}}.pdf")
    made = list(rsmtp.merge(template, rows, **LETTER))
    assert "leads out of the folder" in str(made[0].error)
    assert made[1].get_payload()[1].get_payload(decode=True) == b"%PDF-1.4 2"
    assert "there is no file" in str(made[9].error)
    in_base = rsmtp.Template(
        "x", subject="y", base=invoices, attachments=["{{ id }}.pdf", ("n.txt", "{{ id }}")]
    )
    made = list(rsmtp.merge(in_base, rows[:2], **LETTER))
    assert "leads out of the folder" in str(made[0].error)
    assert [part.get_filename() for part in made[1].get_payload()[1:]] == ["2.pdf", "n.txt"]


def test_attachments_may_be_made_for_each_row(rows):
    template = rsmtp.Template(
        "x", subject="y", attachments=("a.txt", lambda row: f"for {row['name']}".encode())
    )
    made = list(rsmtp.merge(template, rows[:2], **LETTER))
    assert made[1].get_payload()[1].get_payload(decode=True) == b"for Ann 2"


def test_several_recipients_are_a_list(template, rows):
    given = LETTER | {
        "to": ["{{ email }}", "{{ name }} <b{{ id }}@example.org>"],
        "cc": "{{ boss|default('') }}",
    }
    first = next(iter(rsmtp.merge(template, rows, **given)))
    assert first["To"] == "ann1@example.org, Ann 1 <b1@example.org>" and first["Cc"] is None
    given["to"] = "{{ email }}, {{ name }} <b@example.org>"
    assert next(iter(rsmtp.merge(template, rows, **given)))["To"].count("@") == 2
    given["to"] = lambda row: [row["email"], "x@example.org"]
    assert next(iter(rsmtp.merge(template, rows, **given)))["To"] == "ann1@example.org, x@example.org"


def test_unsubscribe_link_is_known_to_the_text(rows):
    template = rsmtp.Template("Leave: {{ unsubscribe_url }}", subject="News")
    merge = rsmtp.merge(template, rows, unsubscribe="https://example.com/u/{{ id }}", **LETTER)
    first = next(iter(merge))
    assert first.get_payload() == "Leave: https://example.com/u/1"
    assert first["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"template": 5}, "template: an rsmtp.Template, or the folder of one, is wanted, not 5"),
        ({"rows": 5}, "rows: a list of dicts, a frame or the path of a CSV file is wanted, not 5"),
        (
            {"rows": {"a": 1}},
            "rows: a list of dicts, a frame or the path of a CSV file is wanted, not dict",
        ),
        ({"rows": "a.xlsx"}, "pandas.read_excel(path)"),
        ({"rows": [], "encoding": "utf-8"}, "encoding: it is for CSV files, and the rows are list"),
        ({"limit": -1}, "limit: -1 is not a whole number, 0 or more"),
        ({"key": 5}, "key: a str is wanted, not 5"),
        ({"test_to": "not one"}, 'test_to: "not one" is not an address'),
        ({"subjekt": "x"}, "merge() got an unexpected keyword argument 'subjekt'; did you mean 'subject'?"),
        ({"subject": "{{ x"}, "subject, line 1: syntax error"),
    ],
)
def test_wrong_arguments_are_refused_before_the_first_row(template, rows, given, words):
    with pytest.raises((ValueError, TypeError)) as raised:
        rsmtp.merge(**({"template": template, "rows": rows, **LETTER} | given))
    assert words in str(raised.value)


def test_a_text_is_no_folder_of_a_template(rows):
    with pytest.raises(NotADirectoryError, match="^template: there is no folder 'Dear {name}'; a text is"):
        rsmtp.merge("Dear {name}", rows, **LETTER)


def test_rows_are_read_as_messages_are_asked_for(template):
    read = 0

    def endless():
        nonlocal read
        while True:
            read += 1
            yield {"id": read, "name": "Ann", "email": "ann@example.org"}

    messages = iter(rsmtp.merge(template, endless(), **LETTER))
    for _ in range(3):
        next(messages)
    assert read <= 600


def test_what_the_table_itself_raises_is_raised(template, rows):
    def broken():
        yield rows[0]
        raise RuntimeError("the table is gone")

    with pytest.raises(RuntimeError, match="the table is gone"):
        list(rsmtp.merge(template, broken(), **LETTER))


def test_a_field_that_no_line_can_hold_is_told_with_its_row(mailer):
    template = rsmtp.Template("Hello", subject="Hello", to="{{ name }} <{{ email }}>", from_="a@b.example")
    rows = [{"name": "a" * length, "email": "ann@example.org"} for length in (3, 5000)]
    words = "row 2: To: has a word that doesn't fit into a line of 998 bytes (RFC 5322 section 2.1.1)"
    good, bad = rsmtp.merge(template, rows)
    assert isinstance(good, rsmtp.Message) and str(bad.error) == words
    report = mailer.send_all(rsmtp.merge(template, rows, to=lambda row: [(row["name"], row["email"])]))
    assert [str(receipt.error) for receipt in report.troubles] == [words]


def test_a_picture_of_many_messages_is_read_once(tmp_path, monkeypatch):
    png = b"\x89PNG\r\n\x1a\n"
    logo, plot = tmp_path / "logo.png", tmp_path / "plot.png"
    logo.write_bytes(png + b"logo")
    plot.write_bytes(png + b"1")
    template = rsmtp.Template(html="<img src='logo.png'><img src='cid:plot'>", inline_from=tmp_path)
    opened, opens = [], os.open
    monkeypatch.setattr(
        os, "open", lambda path, *more: opened.append(os.path.basename(path)) or opens(path, *more)
    )
    one = rsmtp.Template(html="<img src='logo.png'>", inline_from=tmp_path)
    letters = rsmtp.merge(one, [{}] * 700, from_="a@example.org", to="b@example.org")
    assert len({bytes(letter.get_payload(1).get_payload(decode=True)) for letter in letters}) == 1
    assert opened == ["logo.png"]
    opened.clear()
    made = []
    for letter in rsmtp.merge(
        template, [{}] * 3, from_="a@example.org", to="b@example.org", inline={"plot": plot, "logo.png": logo}
    ):
        made.append([part.get_payload(decode=True)[8:] for part in letter.get_payload()[1:]])
        plot.write_bytes(png + b"22" * len(made))
    assert made == [[b"logo", b"1"], [b"logo", b"22"], [b"logo", b"2222"]]
    assert sorted(opened) == ["logo.png", *["plot.png"] * 3]
    logo.unlink()
    with pytest.raises(rsmtp.RowError, match="there is no such file"):
        raise next(iter(letters)).error
