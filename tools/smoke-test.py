"""Tests whether an installed rsmtp works. Its interpreter runs this, with nothing else installed.

Sends to the catcher with each client, over TLS with a login, and reads the messages that arrived.
"""

import asyncio
import importlib.metadata
import subprocess
import sys
import sysconfig
from pathlib import Path

import rsmtp
from rsmtp import aiosmtplib, smtplib
from rsmtp.email.mime.text import MIMEText

assert "site-packages" in Path(rsmtp.__file__).parts, f"this is not the installed one: {rsmtp.__file__}"
assert rsmtp.__version__ == importlib.metadata.version("rsmtp")

A, B = "ann@example.org", "bob@example.org"


def main() -> None:
    with rsmtp.Catcher() as catcher:
        tls = rsmtp.TlsConfig(ca_file=catcher.ca_file)
        login = catcher.username, catcher.password

        with rsmtp.SmtpClient("localhost", catcher.port, tls="starttls", context=tls) as client:
            client.login(*login)
            client.send_message(rsmtp.Message("one", subject="1", from_=A, to=[B], html="<p>one</p>"))
            assert client.transcript

        letter = MIMEText("two")
        letter["Subject"], letter["From"], letter["To"] = "2", A, B
        with smtplib.SMTP("localhost", catcher.port) as server:
            server.starttls(context=tls)
            server.login(*login)
            server.send_message(letter)

        async def by_asyncio() -> None:
            async with rsmtp.AsyncSmtpClient(
                "localhost", catcher.port, tls="starttls", context=tls
            ) as client:
                await client.login(*login)
                await client.sendmail(A, [B], "Subject: 3\n\nthree\n")
            where = {"hostname": "localhost", "port": catcher.port, "cert_bundle": catcher.ca_file}
            await aiosmtplib.send(
                "Subject: 4\n\nfour\n",
                sender=A,
                recipients=[B],
                username=login[0],
                password=login[1],
                **where,
            )

        asyncio.run(by_asyncio())
        assert [message.email["Subject"] for message in catcher.messages] == ["1", "2", "3", "4"]
        assert all(message.tls and message.user for message in catcher.messages)

    with rsmtp.Catcher(tls="none") as catcher:
        with rsmtp.Mailer(f"smtp://{catcher.host}:{catcher.port}?tls=none") as mailer:
            report = mailer.send_all((A, [B], f"Subject: {number}\n\nhello\n") for number in range(100))
        assert len(catcher.messages) == 100, report

    for command in ([sys.executable, "-m", "rsmtp"], [str(Path(sysconfig.get_path("scripts")) / "rsmtp")]):
        said = subprocess.run([*command, "--version"], capture_output=True, text=True, check=True).stdout
        assert said.split() == ["rsmtp", rsmtp.__version__], said
    print(f"rsmtp {rsmtp.__version__} works: {sys.version.split()[0]}, {sysconfig.get_platform()}")


if __name__ == "__main__":
    main()
