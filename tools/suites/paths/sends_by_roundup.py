"""Does the same as roundup's tracker: a notification, and one with a part of the application's own."""

import os
from email.mime.text import MIMEText

from roundup.configuration import CoreConfig
from roundup.mailer import Mailer

config = CoreConfig()
for name, value in {
    "MAIL_DOMAIN": "a.example", "MAILHOST": "127.0.0.1", "MAIL_PORT": os.environ["SMTP_PORT"],
    "ADMIN_EMAIL": "admin@a.example", "TRACKER_NAME": "Prüfer", "TRACKER_WEB": "http://a.example/",
    "MAIL_LOCAL_HOSTNAME": "client.example",
}.items():  # fmt: skip
    config[name] = value
mailer = Mailer(config)
mailer.standard_message(["bob@b.example"], "[issue1] Grüße", "hällo\n" * 3, ("Jürgen", "j@a.example"))
message = mailer.get_standard_message(multipart=True)
mailer.set_message_attributes(message, ["bob@b.example"], "y" * 100)
message.attach(MIMEText("hällo\n", "plain", "utf-8"))
part = mailer.get_text_message()
part.set_payload("second: hällo = ok\n", part.get_charset())
message.attach(part)
mailer.smtp_send(["bob@b.example"], message.as_string())
