"""An application that uses Django: text, HTML, a file, and an image object of the application."""

import os
from email.mime.image import MIMEImage
from email.utils import formataddr

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection, send_mail

settings.configure(EMAIL_HOST="127.0.0.1", EMAIL_PORT=int(os.environ["SMTP_PORT"]), USE_TZ=True)
sender = formataddr(("Jürgen Groß", "boss@a.example"))
send_mail("Grüße", "hällo\nFrom here\n", sender, ["bob@b.example"])
message = EmailMultiAlternatives("x" * 120, "text " * 300, sender, ["bob@b.example"], cc=["c@b.example"])
message.attach_alternative("<p>hällo</p>", "text/html")
message.attach("ä.txt", "inside\n", "text/plain")
image = MIMEImage(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))
image.add_header("Content-Disposition", "inline", filename="dot.png")
message.attach(image)
get_connection().send_messages([message])
