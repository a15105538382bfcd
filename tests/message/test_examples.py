"""The example that sends a report runs in its own process."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import rsmtp

REPORT = Path(__file__).parents[2] / "examples" / "report.py"


def test_a_report_with_two_figures_and_a_table_takes_six_lines(tmp_path):
    statements = ast.parse(REPORT.read_text(encoding="utf-8")).body
    doing = [
        each for each in statements if not isinstance(each, (ast.Import, ast.Expr)) or each is statements[-1]
    ]
    assert len(doing) == 6 and all(each.lineno == each.end_lineno for each in doing)
    (tmp_path / "sales.csv").write_text("month,north,south\nMay,3,2\nJune,5,4\n")
    with rsmtp.Catcher(username="you", password="secret") as catcher:
        done = subprocess.run(
            [sys.executable, "-W", "error", REPORT],
            cwd=tmp_path,
            env={
                **os.environ,
                "SMTP_URL": f"smtp://you:secret@localhost:{catcher.port}",
                "SSL_CERT_FILE": catcher.ca_file,
                "MPLBACKEND": "agg",
                "MPLCONFIGDIR": str(tmp_path),
            },
            capture_output=True,
            text=True,
            timeout=50,
        )
        assert done.returncode == 0, done.stderr
        [caught] = catcher.messages
    read = rsmtp.email.message_from_bytes(caught.data)
    kinds = [part.get_content_type() for part in read.walk()]
    assert kinds == [
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        "image/png",
    ]
    text = read.get_payload()[0].get_payload()
    assert "# Sales" in text and "June" in text and "[Sales by month] [Sales by region]" in text
