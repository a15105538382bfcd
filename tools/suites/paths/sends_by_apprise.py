"""A script that uses apprise: a notification by mail, with an attachment."""

import os
import tempfile
from email.utils import quote
from pathlib import Path

import apprise

with tempfile.TemporaryDirectory() as folder:
    file = Path(folder, "report.txt")
    file.write_text("inside\n")
    notify = apprise.Apprise()
    notify.add(
        f"mailto://127.0.0.1:{os.environ['SMTP_PORT']}/bob@b.example?from=boss@a.example&mode=insecure"
    )
    if not notify.notify(title="Grüße", body=quote("hällo"), attach=str(file)):
        raise SystemExit("apprise sent nothing")
