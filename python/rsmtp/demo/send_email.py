"""Send one email, one step of the conversation at a time.

Gmail: SMTP_HOST=smtp.gmail.com SMTP_PORT=587, your address as SMTP_USER, and as
SMTP_PASSWORD an app password of 16 letters, which the account's security settings
make (Security, 2-Step Verification, App passwords); the account's own password is
not taken.
"""

import os

from rsmtp import smtplib
from rsmtp.email.mime.text import MIMEText

# -- who and where ------------------------------------------------------------
host = os.environ.get("SMTP_HOST", "localhost")
port = int(os.environ.get("SMTP_PORT", "587"))
user = os.environ["SMTP_USER"]
password = os.environ["SMTP_PASSWORD"]
sender = os.environ.get("SMTP_FROM", "ann@example.org")
receiver = os.environ.get("SMTP_TO", "bob@example.org")

# -- the message ----------------------------------------------------------------
message = MIMEText("Hello Bob,\n\nthis came by SMTP, one state after the other.\n")
message["Subject"] = "A letter by SMTP"
message["From"] = sender
message["To"] = receiver

# -- the conversation -------------------------------------------------------------
server = None
try:
    server = smtplib.SMTP(host, port, timeout=30)  # 220: the server greets
    server.ehlo()  # 250: what it can do
    server.starttls()  # 220, then the handshake: encrypted from here on
    server.ehlo()  # 250: all that was learnt before TLS is forgotten, so ask again
    server.login(user, password)  # 235: it knows who we are
    refused = server.sendmail(sender, [receiver], message.as_string())
    # 250 to MAIL, 250 to RCPT, 354 to DATA, 250 when the server has the message
    print("sent" if not refused else f"refused: {refused}")
except smtplib.SMTPAuthenticationError as error:
    print(f"the server does not know this user: {error}")
except smtplib.SMTPException as error:
    print(f"not sent: {error}")
except OSError as error:
    print(f"no connection: {error}")
finally:
    if server is not None and server.sock is not None:
        server.quit()  # 221: good bye
