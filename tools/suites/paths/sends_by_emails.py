"""A script that uses python-emails: HTML and text, an attachment."""

import os
import smtplib

import emails

message = emails.Message(
    subject="Grüße",
    html="<p>hällo</p>",
    text="hällo\n",
    mail_from=("Jürgen", "boss@a.example"),
    headers={"X-Mailer": "none"},
)
message.attach(filename="ä.txt", data=b"inside\n")
message.attach(filename="blob.bin", data=bytes(range(256)))
response = message.send(
    to="bob@b.example", smtp={"host": "127.0.0.1", "port": int(os.environ["SMTP_PORT"]), "timeout": 20}
)
if isinstance(response.error, smtplib.SMTPException) or response.status_code != 250:
    raise SystemExit(f"{response.status_code} {response.error!r}")
