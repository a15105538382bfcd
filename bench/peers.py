"""What is measured: each peer is a function, and a module that is not there leaves its peers out.

smtplib and rsmtp.smtplib run the same code, and so do email.mime and
rsmtp.email.mime: that is what a script has before and after its imports change.
"""

import asyncio
import importlib
from collections.abc import Callable
from functools import partial
from types import ModuleType

SENDER, RECIPIENT = "sender@bench.test", "recipient@bench.test"

# Given a port, ready messages and a stopwatch that is started around the sending.
Sender = Callable[[int, list[bytes], Callable[[], None]], None]
# Given the body and the attachment; returns the message's octets.
Builder = Callable[[str, bytes], bytes]


def senders() -> dict[str, Sender]:
    found: dict[str, Sender] = {}
    for name in ("smtplib", "rsmtp.smtplib"):
        if module := have(name):
            found[name] = partial(send_with_smtplib, module)
    if module := have("aiosmtplib"):
        found["aiosmtplib"] = partial(send_with_aiosmtplib, module)
    if module := have("rsmtp"):
        found["rsmtp.Mailer.send_all"] = partial(send_with_mailer, module)
    return found


def builders(of: Callable[..., bytes]) -> dict[str, Builder]:
    found: dict[str, Builder] = {}
    for package in ("email.mime", "rsmtp.email.mime"):
        modules = [have(f"{package}.{kind}") for kind in ("text", "multipart", "application")]
        if all(modules):
            found[package] = partial(of, *modules)
    return found


def have(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def send_with_smtplib(smtplib, port, messages, lap):
    with smtplib.SMTP("127.0.0.1", port, local_hostname="bench.test") as server:
        server.ehlo()
        lap()
        for message in messages:
            server.sendmail(SENDER, [RECIPIENT], message)
        lap()


def send_with_aiosmtplib(aiosmtplib, port, messages, lap):
    async def send():
        server = aiosmtplib.SMTP(
            hostname="127.0.0.1", port=port, local_hostname="bench.test", start_tls=False
        )
        async with server:
            lap()
            for message in messages:
                await server.sendmail(SENDER, [RECIPIENT], message)
            lap()

    asyncio.run(send())


def send_with_mailer(rsmtp, port, messages, lap):
    with rsmtp.Mailer(f"smtp://127.0.0.1:{port}?tls=none", local_hostname="bench.test") as mailer:
        mailer.send((SENDER, [RECIPIENT], messages[0]))  # opens the session that is then used
        lap()
        report = mailer.send_all((SENDER, [RECIPIENT], message) for message in messages)
        lap()
    if report.sent != len(messages):
        raise RuntimeError(f"not every message was sent: {report}")


def build_text(text, multipart, application, body, attachment):
    message = text.MIMEText(body)
    message["Subject"] = "Grüße aus der Werkstatt"
    message["From"] = f"Sender <{SENDER}>"
    message["To"] = f"Recipient <{RECIPIENT}>"
    return message.as_bytes()


def build_with_attachment(text, multipart, application, body, attachment):
    message = multipart.MIMEMultipart()
    message["Subject"] = "Grüße aus der Werkstatt"
    message["From"] = f"Sender <{SENDER}>"
    message["To"] = f"Recipient <{RECIPIENT}>"
    message.attach(text.MIMEText(body))
    part = application.MIMEApplication(attachment)
    part.add_header("Content-Disposition", "attachment", filename="data.bin")
    message.attach(part)
    return message.as_bytes()
