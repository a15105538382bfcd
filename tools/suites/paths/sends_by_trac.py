"""Does the same as trac's notification system: the application's message, trac's fields and sender."""

import os
from email import policy
from email.message import EmailMessage

from trac.notification.mail import SmtpEmailSender, create_charset, set_header
from trac.test import EnvironmentStub

environment = EnvironmentStub(enable=["trac.*"])
environment.config.set("notification", "smtp_server", "127.0.0.1")
environment.config.set("notification", "smtp_port", os.environ["SMTP_PORT"])
for encoding in ("base64", "qp", "none"):
    charset = create_charset(encoding)
    message = EmailMessage(policy.SMTP)
    message.set_content("hällo\n" * 3)
    set_header(message, "Subject", "[trac] Grüße " + "z" * 90, charset)
    set_header(message, "From", addresses=[("Jürgen", "boss@a.example")], charset=charset)
    set_header(message, "To", addresses=[(None, "bob@b.example")], charset=charset)
    SmtpEmailSender(environment).send("boss@a.example", ["bob@b.example"], message.as_bytes())
