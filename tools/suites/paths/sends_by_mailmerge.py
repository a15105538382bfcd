"""Does the same as mailmerge's command: fills in a template and sends it."""

import os
import smtplib
import tempfile
from pathlib import Path

from mailmerge import SendmailClient, TemplateMessage

TEMPLATE = """TO: {{email}}
FROM: Jürgen <boss@a.example>
SUBJECT: Grüße, {{name}}
ATTACHMENT: report.txt
Content-Type: text/html

<p>hällo {{name}}</p>
"""
with tempfile.TemporaryDirectory() as folder:
    Path(folder, "report.txt").write_text("inside\n")
    Path(folder, "template.txt").write_text(TEMPLATE)
    server = f"[smtp_server]\nhost = 127.0.0.1\nport = {os.environ['SMTP_PORT']}\n"
    Path(folder, "server.conf").write_text(server)
    rendered = TemplateMessage(Path(folder, "template.txt")).render({"email": "bob@b.example", "name": "Bob"})
    try:
        SendmailClient(Path(folder, "server.conf")).sendmail(*rendered)
    except smtplib.SMTPException as refused:
        raise SystemExit(str(refused)) from refused
