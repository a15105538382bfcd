"""A script that uses both mirrors. mypy --strict and pyright read it in `make check`."""

import ssl
from pathlib import Path

import rsmtp
from rsmtp import smtplib
from rsmtp.email import encoders, policy, utils
from rsmtp.email.header import Header
from rsmtp.email.headerregistry import Address
from rsmtp.email.message import EmailMessage
from rsmtp.email.mime.base import MIMEBase
from rsmtp.email.mime.image import MIMEImage
from rsmtp.email.mime.multipart import MIMEMultipart
from rsmtp.email.mime.text import MIMEText


def classic(image: bytes) -> MIMEMultipart:
    message = MIMEMultipart("related")
    message["Subject"] = Header("Grüße", "utf-8")
    message["From"] = utils.formataddr(("Ann", "ann@example.org"))
    message["To"] = "bob@example.org"
    message["Date"] = utils.formatdate(localtime=True)
    message["Message-ID"] = utils.make_msgid(domain="example.org")
    message.attach(MIMEText("<p>Hello</p>", "html", "utf-8"))
    picture = MIMEImage(image, "png")
    picture.add_header("Content-ID", "<picture>")
    message.attach(picture)
    part = MIMEBase("application", "octet-stream")
    part.set_payload(b"data")
    encoders.encode_base64(part)
    part.add_header("Content-Disposition", "attachment", filename="data.bin")
    message.attach(part)
    return message


def modern() -> EmailMessage:
    message = EmailMessage(policy=policy.SMTP)
    message["Subject"] = "Hello"
    message["From"] = Address("Ann", "ann", "example.org")
    message["To"] = "bob@example.org"
    message.set_content("Hello")
    message.add_alternative("<p>Hello</p>", subtype="html")
    message.add_attachment(b"data", maintype="application", subtype="pdf", filename="a.pdf")
    return message


def send(host: str, password: str) -> dict[str, tuple[int, bytes]]:
    refused: dict[str, tuple[int, bytes]] = {}
    try:
        with smtplib.SMTP(host, 587, timeout=10) as server:
            server.ehlo()
            server.starttls(context=ssl.create_default_context())
            server.ehlo()
            code, text = server.login("ann@example.org", password)
            print(code, text.decode())
            refused |= server.sendmail("ann@example.org", ["bob@example.org"], modern().as_string())
            refused |= server.send_message(classic(Path("a.png").read_bytes()))
        with smtplib.SMTP_SSL(host, context=rsmtp.TlsConfig(ca_file="ca.pem")) as server:
            refused |= server.send_message(rsmtp.Message("Hello", subject="Hello", to="bob@example.org"))
        with smtplib.LMTP("/run/lmtp") as server:
            refused |= server.send_message(modern(), to_addrs="bob@example.org")
    except smtplib.SMTPRecipientsRefused as error:
        refused |= error.recipients
    except rsmtp.SMTPResponseException as error:
        print(error.smtp_code, error.smtp_error, error.enhanced_code, error.transient)
    except rsmtp.SMTPException as error:
        print(error.stage, error.address, error.fates)
    except smtplib.SMTPException as error:
        print(error)
    return refused


def steps() -> None:
    client = rsmtp.SmtpClient("mx.example.org", tls="starttls", deadline=60)
    client.mail("ann@example.org", ["SIZE=100"])
    client.rcpt("bob@example.org")
    code, _ = client.data(b"Subject: hi\r\n\r\nhi\r\n")
    print(code, client.state, client.legal_requests, client.tls and client.tls.version)
    for line in client.transcript:
        print(line.at, line.direction, line.text, line.state)
    client.quit()
