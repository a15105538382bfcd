"""The examples of templates and merges run unchanged, and take six lines each."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import rsmtp

EXAMPLES = Path(__file__).parent.parent.parent / "examples"


@pytest.fixture
def catcher():
    with rsmtp.Catcher() as catcher:
        yield catcher


def run(name, folder, catcher, code=0):
    done = subprocess.run(
        [sys.executable, EXAMPLES / name],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=50,
        env=os.environ | {"RSMTP_URL": f"smtp://localhost:{catcher.port}?tls=none", "MPLBACKEND": "agg"},
    )
    assert done.returncode == code, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["invoices.py", "newsletter.py", "weekly_report.py"])
def test_an_example_takes_six_lines(name):
    tree = ast.parse((EXAMPLES / name).read_text(encoding="utf-8"))
    work = [node for node in tree.body[1:] if not isinstance(node, (ast.Import, ast.ImportFrom))]
    lines = {line for node in work for line in range(node.lineno, (node.end_lineno or 0) + 1)}
    assert len(lines) <= 6


def test_invoices_to_500_customers_three_of_whom_are_broken(tmp_path, catcher):
    (tmp_path / "invoices").mkdir()
    lines = ["id;name;email"]
    for n in range(1, 501):
        lines.append(f'{n};"Müller, Ann {n}";ann{n}@example.org')
        (tmp_path / "invoices" / f"{n}.pdf").write_bytes(b"%%PDF-1.4 %d" % n)
    lines[7] = "7;Bob;not an address@example.org"
    lines[100] = "100;Carol"
    (tmp_path / "invoices" / "500.pdf").unlink()
    (tmp_path / "customers.csv").write_text("\r\n".join(lines), encoding="utf-8-sig")
    said = run("invoices.py", tmp_path, catcher)
    assert "497 sent, 3 not sent" in said
    assert "row 7 (line 8): to: " in said and "row 100 (line 101): it has 2 cells, and 3 columns" in said
    assert "row 500 (line 501): attachments: there is no file 'invoices/500.pdf'" in said
    assert catcher.count == 497
    first = catcher.messages[0].email
    assert first.get_payload()[1].get_payload(decode=True).startswith(b"%PDF-1.4 ")


def test_newsletter_from_a_folder(tmp_path, catcher):
    folder = tmp_path / "newsletter"
    folder.mkdir()
    (folder / "subject.txt").write_text("News for {{ name }}\n")
    (folder / "layout.html").write_text(
        "<img src='logo.png' alt='Shop'>{% block main %}{% endblock %}"
        "<a href='{{ unsubscribe_url }}'>Leave</a>"
    )
    (folder / "body.html").write_text(
        "{% extends 'layout.html' %}{% block main %}<p>Dear {{ name }}</p>{% endblock %}"
    )
    (folder / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(20))
    (tmp_path / "readers.csv").write_text(
        "name,email,token\nAnn,ann@example.org,a/b\nBob,bob@example.org,c\n"
    )
    assert "2 sent" in run("newsletter.py", tmp_path, catcher)
    read = {caught.rcpt_tos[0]: caught.email for caught in catcher.messages}["ann@example.org"]
    assert read["Subject"] == "News for Ann" and read["List-Id"] == "<news.example.com>"
    assert read["List-Unsubscribe"] == "<https://example.com/leave/a/b>"
    kinds = [part.get_content_type() for part in read.walk()]
    assert kinds == ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png"]
    html = next(part for part in read.walk() if part.get_content_type() == "text/html").get_payload(
        decode=True
    )
    assert b"https://example.com/leave/a" in html


def test_report_with_two_figures_and_a_table(tmp_path, catcher):
    (tmp_path / "sales.csv").write_text("region,sales,costs\nNorth,12,3\nSouth,9,4\n")
    run("weekly_report.py", tmp_path, catcher)
    (caught,) = catcher.messages
    names = [part.get_content_type() for part in caught.email.walk()]
    assert names.count("image/png") == 2
    assert names[-1] == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    texts = [
        part.get_payload(decode=True).decode()
        for part in caught.email.walk()
        if part.get_content_maintype() == "text"
    ]
    assert "North" in texts[0] and "<td" in texts[1]
