"""The senders that are measured. Each peer is a function; peers whose module is missing are left out.

smtplib and rsmtp.smtplib run the same code, and so do email.mime and rsmtp.email.mime:
the code of a script before and after its imports are changed.
"""

import asyncio
import importlib
import shutil
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from types import ModuleType

import floors as raw
from floors import shares

SENDER, RECIPIENT = "sender@bench.test", "recipient@bench.test"

# Arguments: a port, a message, how often to send it, the number of connections, and a stopwatch to
# call before and after the sending.
Sender = Callable[[int, bytes, int, int, Callable[[], None]], None]
# Arguments: a port and a CA file. Runs a whole session: STARTTLS, AUTH, one message, QUIT.
SessionOf = Callable[[int, str, bytes], None]
# Arguments: the body and the attachment. Returns the message's octets.
Builder = Callable[[str, bytes], bytes]


HOST = "127.0.0.1"


def senders() -> dict[str, Sender]:
    found: dict[str, Sender] = {}
    for name in ("smtplib", "rsmtp.smtplib"):
        if module := have(name):
            found[name] = partial(send_with_smtplib, module)
    if module := have("aiosmtplib"):
        found["aiosmtplib"] = partial(send_with_async, module.SMTP, {"hostname": HOST, "start_tls": False})
    if module := have("rsmtp"):
        found["rsmtp.AsyncSmtpClient"] = partial(
            send_with_async, module.AsyncSmtpClient, {"host": HOST, "tls": "none"}
        )
        found["rsmtp.Mailer.send_all"] = partial(send_with_mailer, module)
        found["rsmtp.AsyncMailer.send_all"] = partial(send_with_async_mailer, module)
    if program := shutil.which("smtp-source", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"):
        found["smtp-source (C)"] = partial(send_with_smtp_source, program)
    return found


def floors() -> dict[str, Sender]:
    """Not peers, but the limits of the protocol."""
    return {
        "floor: one call, one answer": partial(raw.one_by_one, SENDER, RECIPIENT),
        "floor: the same by asyncio": partial(raw.one_by_one_by_asyncio, SENDER, RECIPIENT),
        "floor: many in flight": partial(raw.in_flight, SENDER, RECIPIENT),
    }


def builders_and_senders() -> dict[str, Sender]:
    """Senders that build each message. They use only the text of the message that they are given."""
    found: dict[str, Sender] = {}
    for package in ("", "rsmtp."):
        mime, client = have(f"{package}email.mime.text"), have(f"{package}smtplib")
        if mime and client:
            found[f"{package}email + {package}smtplib"] = partial(build_and_send, mime, client)
    if have("redmail"):
        found["redmail"] = build_and_send_with_redmail
    if have("yagmail"):
        found["yagmail"] = build_and_send_with_yagmail
    if module := have("rsmtp"):
        found["rsmtp.Message + SmtpClient"] = partial(build_and_send_with_client, module)
        found["rsmtp.Message + Mailer.send_all"] = partial(build_and_send_with_mailer, module)
        found["rsmtp.Message + AsyncMailer.send_all"] = partial(build_and_send_with_async_mailer, module)
    return found


def sessions() -> dict[str, SessionOf]:
    found: dict[str, SessionOf] = {"smtplib, verifying": session_with_smtplib}
    if module := have("aiosmtplib"):
        found["aiosmtplib"] = partial(session_with_aiosmtplib, module)
    if module := have("rsmtp"):
        found["rsmtp.SmtpClient"] = partial(session_with_client, module)
        found["rsmtp.AsyncSmtpClient"] = partial(session_with_async_client, module)
        found["rsmtp.Mailer"] = partial(session_with_mailer, module)
    found["floor: five turns"] = partial(raw.session, SENDER, RECIPIENT)
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


def send_with_smtplib(smtplib, port, message, count, connections, lap):
    servers = [smtplib.SMTP("127.0.0.1", port, local_hostname="bench.test") for _ in range(connections)]
    for server in servers:
        server.ehlo()

    def work(server, share):
        for _ in range(share):
            server.sendmail(SENDER, [RECIPIENT], message)

    threads = [
        threading.Thread(target=work, args=pair)
        for pair in zip(servers[1:], shares(count, connections)[1:], strict=True)
    ]
    lap()
    for thread in threads:
        thread.start()
    work(servers[0], shares(count, connections)[0])
    for thread in threads:
        thread.join()
    lap()
    for server in servers:
        server.quit()


def send_with_async(client_class, there, port, message, count, connections, lap):
    """`there` holds the server's host and the setting for no TLS, as arguments of this client."""

    async def work(server, share):
        for _ in range(share):
            await server.sendmail(SENDER, [RECIPIENT], message)

    async def main():
        servers = [client_class(port=port, local_hostname="bench.test", **there) for _ in range(connections)]
        for server in servers:
            await server.connect()
            await server.ehlo()
        lap()
        async with asyncio.TaskGroup() as group:
            for server, share in zip(servers, shares(count, connections), strict=True):
                group.create_task(work(server, share))
        lap()
        for server in servers:
            await server.quit()

    asyncio.run(main())


def url(port):
    return f"smtp://127.0.0.1:{port}?tls=none"


def send_with_mailer(rsmtp, port, message, count, connections, lap):
    with rsmtp.Mailer(url(port), local_hostname="bench.test", connections=connections) as mailer:
        mailer.send((SENDER, [RECIPIENT], message))  # opens a session before the timing, as the others do
        lap()
        report = mailer.send_all((SENDER, [RECIPIENT], message) for _ in range(count))
        lap()
    if report.sent != count:
        raise RuntimeError(f"not every message was sent: {report}")


def send_with_async_mailer(rsmtp, port, message, count, connections, lap):
    async def main():
        async with rsmtp.AsyncMailer(
            url(port), local_hostname="bench.test", connections=connections
        ) as mailer:
            await mailer.send((SENDER, [RECIPIENT], message))
            lap()
            report = await mailer.send_all((SENDER, [RECIPIENT], message) for _ in range(count))
            lap()
        if report.sent != count:
            raise RuntimeError(f"not every message was sent: {report}")

    asyncio.run(main())


def send_with_smtp_source(program, port, message, count, connections, lap):
    """Postfix's load generator. The time includes its start."""
    with tempfile.NamedTemporaryFile() as file:
        # The program replaces each line end by CRLF.
        file.write(message.replace(b"\r\n", b"\n"))
        file.flush()
        lap()
        subprocess.run(
            [program, "-4", "-d", "-s", str(connections), "-m", str(count), "-M", "bench.test", "-f", SENDER,
             "-t", RECIPIENT, "-F", file.name, f"inet:127.0.0.1:{port}"],
            check=True,
        )  # fmt: skip
        lap()


def text_of(message):
    return message.partition(b"\r\n\r\n")[2].decode().replace("\r\n", "\n")


def build_and_send(mime, smtplib, port, message, count, connections, lap):
    text = text_of(message)
    with smtplib.SMTP("127.0.0.1", port, local_hostname="bench.test") as server:
        server.ehlo()
        lap()
        for number in range(count):
            message = mime.MIMEText(text)
            message["Subject"] = f"Message {number}"
            message["From"] = f"Sender <{SENDER}>"
            message["To"] = f"Recipient <{RECIPIENT}>"
            server.send_message(message)
        lap()


def build_and_send_with_redmail(port, message, count, connections, lap):
    from redmail import EmailSender

    text = text_of(message)
    sender = EmailSender("127.0.0.1", port, use_starttls=False, local_hostname="bench.test")
    with sender:
        lap()
        for number in range(count):
            sender.send(subject=f"Message {number}", sender=SENDER, receivers=[RECIPIENT], text=text)
        lap()


def build_and_send_with_yagmail(port, message, count, connections, lap):
    """yagmail opens a connection for each message."""
    import yagmail

    text = text_of(message)
    given = {"smtp_starttls": False, "smtp_ssl": False, "smtp_skip_login": True}
    sender = yagmail.SMTP(SENDER, host="127.0.0.1", port=port, local_hostname="bench.test", **given)
    lap()
    for number in range(count):
        sender.send(RECIPIENT, f"Message {number}", text)
    lap()
    sender.close()


def built(rsmtp, text, number):
    return rsmtp.Message(
        text,
        subject=f"Message {number}",
        from_=f"Sender <{SENDER}>",
        to=f"Recipient <{RECIPIENT}>",
    )


def build_and_send_with_client(rsmtp, port, message, count, connections, lap):
    text = text_of(message)
    with rsmtp.SmtpClient("127.0.0.1", port, "bench.test", tls="none") as client:
        client.ehlo()
        lap()
        for number in range(count):
            client.send_message(built(rsmtp, text, number))
        lap()


def build_and_send_with_mailer(rsmtp, port, message, count, connections, lap):
    text = text_of(message)
    with rsmtp.Mailer(url(port), local_hostname="bench.test", connections=connections) as mailer:
        mailer.send((SENDER, [RECIPIENT], message))
        lap()
        report = mailer.send_all(built(rsmtp, text, number) for number in range(count))
        lap()
    if report.sent != count:
        raise RuntimeError(f"not every message was sent: {report}")


def build_and_send_with_async_mailer(rsmtp, port, message, count, connections, lap):
    text = text_of(message)

    async def main():
        async with rsmtp.AsyncMailer(
            url(port), local_hostname="bench.test", connections=connections
        ) as mailer:
            await mailer.send((SENDER, [RECIPIENT], message))
            lap()
            report = await mailer.send_all(built(rsmtp, text, number) for number in range(count))
            lap()
        if report.sent != count:
            raise RuntimeError(f"not every message was sent: {report}")

    asyncio.run(main())


def session_with_smtplib(port, ca_file, message):
    import smtplib

    with smtplib.SMTP("localhost", port, local_hostname="bench.test") as server:
        server.starttls(context=ssl.create_default_context(cafile=ca_file))
        server.login("user", "password")
        server.sendmail(SENDER, [RECIPIENT], message)


def session_with_aiosmtplib(aiosmtplib, port, ca_file, message):
    async def main():
        server = aiosmtplib.SMTP(
            hostname="localhost", port=port, local_hostname="bench.test", start_tls=True, cert_bundle=ca_file,
            username="user", password="password",
        )  # fmt: skip
        async with server:
            await server.sendmail(SENDER, [RECIPIENT], message)

    asyncio.run(main())


def session_with_client(rsmtp, port, ca_file, message):
    tls = rsmtp.TlsConfig(ca_file=ca_file)
    with rsmtp.SmtpClient("localhost", port, "bench.test", tls="starttls", context=tls) as server:
        server.login("user", "password")
        server.sendmail(SENDER, [RECIPIENT], message)


def session_with_async_client(rsmtp, port, ca_file, message):
    async def main():
        tls = rsmtp.TlsConfig(ca_file=ca_file)
        client = rsmtp.AsyncSmtpClient("localhost", port, "bench.test", tls="starttls", context=tls)
        async with client:
            await client.login("user", "password")
            await client.sendmail(SENDER, [RECIPIENT], message)

    asyncio.run(main())


def session_with_mailer(rsmtp, port, ca_file, message):
    tls = rsmtp.TlsConfig(ca_file=ca_file)
    given = {"context": tls, "keep_idle": 0, "local_hostname": "bench.test"}
    with rsmtp.Mailer(f"smtp://user:password@localhost:{port}", **given) as mailer:
        mailer.send((SENDER, [RECIPIENT], message)).raise_for_refused()


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
