"""Send one email with asyncio: the same conversation as in send_email.py, awaited.

SMTP_HOST, SMTP_PORT, SMTP_USER and SMTP_PASSWORD set the server and the login.
"""

import asyncio
import os

import rsmtp
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
async def main() -> None:
    server = None
    try:
        server = await rsmtp.AsyncSmtpClient(host, port, timeout=30)  # 220: the server greets
        await server.ehlo()  # 250: what it can do
        await server.starttls()  # 220, then the handshake: the connection is encrypted now
        await server.ehlo()  # 250: all that was learnt before TLS is forgotten, so ask again
        await server.login(user, password)  # 235: it knows who we are
        refused = await server.sendmail(sender, [receiver], message.as_string())
        # 250 to MAIL, 250 to RCPT, 354 to DATA, 250 when the server has the message
        print("sent" if not refused else f"refused: {refused}")
    except rsmtp.SMTPAuthenticationError as error:
        print(f"the server does not know this user: {error}")
    except rsmtp.SMTPException as error:
        print(f"not sent: {error}")
    except OSError as error:
        print(f"no connection: {error}")
    finally:
        if server is not None and server.sock is not None:
            await server.quit()  # 221: good bye


asyncio.run(main())
