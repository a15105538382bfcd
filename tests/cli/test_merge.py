"""``rsmtp merge`` sends a message for each row of a CSV file."""

import pytest

import rsmtp

LIST = "id,name,email\n1,Bob,bob@example.org\n2,Carol,carol@example.org\n3,Dave,\n4,Eve,eve@example.org\n"
FIELDS = ["--from", "shop@example.org", "--to", "{{ name }} <{{ email }}>"]


@pytest.fixture
def welcome(tmp_path):
    folder = tmp_path / "welcome"
    folder.mkdir()
    (folder / "subject.txt").write_text("Welcome, {{ name }}\n")
    (folder / "body.html").write_text("<p>Dear {{ name }}</p>")
    (tmp_path / "list.csv").write_text(LIST)
    return folder


@pytest.fixture
def given(welcome):
    return ["merge", welcome, welcome.parent / "list.csv", *FIELDS]


def test_preview_shows_the_first_and_sends_nothing(run, given):
    shown = run(*given, "--preview", "2", code=0).out
    assert "Subject: Welcome, Bob" in shown and "Carol" in shown and "Eve" not in shown
    assert "row 3 (line 4): to: it is empty" in run(*given, "--preview", code=0).out
    assert "--preview: count: 0 is not" in run(*given, "--preview", "0", code=2).err


def test_dry_run_lists_every_fault(run, given):
    done = run(*given, "--dry-run", code=65)
    assert done.out == "3 messages can be sent, 1 row can't\n  row 3 (line 4): to: it is empty\n"
    run(*given, "--dry-run", "--limit", "2", code=0)


def test_sends_the_good_rows_and_tells_the_bad(run, given, plain, to_plain):
    done = run(*given, *to_plain, code=65)
    assert [caught.rcpt_tos for caught in plain.messages] == [
        ["bob@example.org"],
        ["carol@example.org"],
        ["eve@example.org"],
    ]
    assert "3 sent, 1 not sent" in done.out and "row 3 (line 4): to: it is empty" in done.out


def test_all_to_one_address_to_try_it(run, given, plain, to_plain):
    run(*given, *to_plain, "--limit", "2", "--test-to", "me@example.org", code=0)
    assert [caught.rcpt_tos for caught in plain.messages] == [["me@example.org"]] * 2
    assert plain.messages[0].email["Subject"] == "[Test, for Bob <bob@example.org>] Welcome, Bob"


def test_outbox_goes_on_where_it_ended(run, given, plain, to_plain, tmp_path):
    more = ["--outbox", tmp_path / "mail.db", "--key", "welcome/{{ id }}"]
    run(*given, *to_plain, *more, "--limit", "2", code=0)
    run(*given, *to_plain, *more, code=65)
    assert plain.count == 3
    assert rsmtp.Outbox(tmp_path / "mail.db").get("welcome/4").state == "sent"
    assert "--key goes with --outbox" in run(*given, *to_plain, *more[2:], code=2).err


def test_template_of_one_file_attachments_and_standard_input(run, plain, to_plain, tmp_path):
    (tmp_path / "invoices").mkdir()
    (tmp_path / "invoices" / "1.pdf").write_bytes(b"%PDF-1.4\n")
    (tmp_path / "letter.txt").write_text("Dear {{ name }}")
    more = ["--subject", "Invoice {{ id }}", "--attach", f"{tmp_path}/invoices/{{{{ id }}}}.pdf"]
    table = LIST.replace(",", ";").encode("utf-16")
    done = run(
        "merge", tmp_path / "letter.txt", "-", *FIELDS, *more, *to_plain, "--limit", "2", stdin=table, code=65
    )
    assert "row 2 (line 3): attachments: there is no file" in done.out
    (caught,) = plain.messages
    text, attached = caught.email.get_payload()
    assert text.get_payload() == "Dear Bob" and attached.get_filename() == "1.pdf"


@pytest.mark.parametrize(
    ("change", "words", "code"),
    [
        ({1: "nothing"}, "TEMPLATE: nothing: there is no such file or folder", 66),
        ({2: "nothing.csv"}, "LIST.csv: nothing.csv: No such file or directory", 66),
        ({2: "list.xlsx"}, "pandas.read_excel", 2),
        ({6: "{{ email"}, "to, line 1: syntax error", 2),
    ],
)
def test_wrong_arguments(run, given, change, words, code):
    for place, value in change.items():
        given[place] = value
    assert words in run(*given, code=code).err


def test_a_server_is_named_as_for_send(run, given):
    assert "no server: say --server" in run(*given, code=2).err
