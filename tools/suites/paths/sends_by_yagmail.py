"""A script that uses yagmail: text, HTML, a file."""

import os
import smtplib
import tempfile
from pathlib import Path

import yagmail

with tempfile.TemporaryDirectory() as folder:
    file = Path(folder, "report.txt")
    file.write_text("inside\n")
    client = yagmail.SMTP(
        "boss@a.example", "none", host="127.0.0.1", port=int(os.environ["SMTP_PORT"]),
        smtp_starttls=False, smtp_ssl=False, smtp_skip_login=True,
    )  # fmt: skip
    try:
        client.send("bob@b.example", "Grüße", ["hällo", "<b>bold</b>", str(file)])
    except smtplib.SMTPException as refused:
        raise SystemExit(str(refused)) from refused
    client.close()
