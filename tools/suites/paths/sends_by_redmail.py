"""A script that uses red-mail: text, HTML, attachments."""

import os
import smtplib

from redmail import EmailSender

sender = EmailSender(host="127.0.0.1", port=int(os.environ["SMTP_PORT"]), use_starttls=False)
try:
    sender.send(
        subject="Grüße",
        sender="Jürgen <boss@a.example>",
        receivers=["bob@b.example"],
        cc=["c@b.example"],
        text="hällo {{ name }}\n",
        html="<p>hällo</p>",
        body_params={"name": "Bob"},
        attachments={"report.csv": "a,b\n1,2\n", "blob.bin": bytes(range(256))},
    )
except smtplib.SMTPException as refused:
    raise SystemExit(str(refused)) from refused
