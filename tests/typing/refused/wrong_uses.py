"""Mistakes that a type checker has to find: every line that ends with "# refused", and no other."""

# pyright: strict
# ruff: noqa: B007, B018

import rsmtp
from rsmtp import aio, aiosmtplib, smtplib, testing
from rsmtp.typing import Sendable, Tls

letter = rsmtp.Message("hi", from_="ann@example.org", to="bob@example.org")

# `tls` is one of three words.
rsmtp.Mailer("smtp://localhost", tls="startls")  # refused
rsmtp.AsyncMailer("smtp://localhost", tls="startls")  # refused
rsmtp.SmtpClient("localhost", tls="startls")  # refused
rsmtp.AsyncSmtpClient("localhost", tls="startls")  # refused
rsmtp.send(letter, host="localhost", tls="startls")  # refused
rsmtp.Catcher(tls="startls")  # refused
testing.SmtpServer(tls="startls")  # refused

# Names of arguments.
rsmtp.TlsConfig(cafile="ca.pem")  # refused
rsmtp.Catcher(user_name="ann")  # refused
rsmtp.Catcher().fault("RCPT", replay=(450, "later"))  # refused

# Words again.
wrong: Tls = "startls"  # refused

# Addresses.
rsmtp.Message("hi", to=5)  # refused
rsmtp.Message("hi", to=b"bob@example.org")  # refused
rsmtp.Message("hi", to=["bob@example.org", None])  # refused
rsmtp.Message("hi", to=[5])  # refused
rsmtp.Message("hi", cc=5)  # refused
rsmtp.Message("hi", bcc={"bob@example.org": 5}, from_=5)  # refused
rsmtp.Message("hi", reply_to=5)  # refused

# The rest of a message.
rsmtp.Message(5)  # refused
rsmtp.Message("hi", subject=5)  # refused
rsmtp.Message("hi", html=b"<p>")  # refused
rsmtp.Message("hi", headers=5)  # refused
rsmtp.Message("hi", policy=5)  # refused
rsmtp.Message("hi", form="ann@example.org")  # refused
rsmtp.Message("hi", attachments="report.pdf")  # refused
rsmtp.Message("hi", attachments=b"data")  # refused
rsmtp.Message("hi", attachments=5)  # refused
rsmtp.Message("hi", attachments=[5])  # refused
rsmtp.Message("hi", attachments={"a.csv": 5})  # refused
rsmtp.Message("hi", attachments=("a.csv", 5))  # refused
with open("a.csv") as text:
    rsmtp.Message("hi", attachments=[text])  # refused
letter.add_attachment(5)  # refused

# What is sent.
with rsmtp.Mailer("smtp://localhost") as mailer:
    mailer.send("nonsense")  # refused
    mailer.send(b"Subject: hi\r\n\r\nhi\r\n")  # refused
    mailer.send(None)  # refused
    mailer.send(("ann@example.org", "bob@example.org"))  # refused
    mailer.send(("ann@example.org", 5, "Subject: hi"))  # refused
    mailer.send(("ann@example.org", "bob@example.org", 5))  # refused
    mailer.send([letter])  # refused
    mailer.send_all("nonsense")  # refused
    mailer.send_all(["nonsense"])  # refused
    mailer.send_all(letter)  # refused
    mailer.send_all([1, 2], make=str)  # refused
    mailer.send_all([letter], progress=5)  # refused
    for receipt in mailer.send_all([letter]):  # refused
        pass
    receipt = mailer.send(letter)
    receipt.recipients[0].fates  # refused
    receipt.recipients["bob@example.org"]  # refused
    receipt.is_ok  # refused
not_one: Sendable = "nonsense"  # refused
rsmtp.send("nonsense", host="localhost")  # refused

# Settings.
rsmtp.Mailer(hostname="localhost")  # refused
rsmtp.Mailer(host="localhost", port="587")  # refused
rsmtp.Mailer(host="localhost", username=5)  # refused
rsmtp.Mailer(host="localhost", password=b"secret")  # refused
rsmtp.Mailer(host="localhost", password=lambda: ("secret", "soon"))  # refused
rsmtp.Mailer(host="localhost", context="ca.pem")  # refused
rsmtp.Mailer(host="localhost", timeout="5")  # refused
rsmtp.send(letter, hostname="localhost")  # refused
rsmtp.send(letter, host="localhost", connections=2)  # refused
rsmtp.TlsConfig(verify="no")  # refused
rsmtp.TlsConfig(cafile="ca.pem")  # refused
rsmtp.Catcher(protocol="esmtp")  # refused
testing.SmtpServer(require_login=True)  # refused
testing.SmtpServer().fail_next(certificate="odd")  # refused

# Clients.
with rsmtp.SmtpClient("localhost") as client:
    client.login(5, "secret")  # refused
    client.login("ann", "secret", name="ann")  # refused
    client.sendmail("ann@example.org", 5, "Subject: hi")  # refused
    client.sendmail("ann@example.org", "bob@example.org", None)  # refused
    client.send_message("Subject: hi")  # refused
    client.starttls(context="ca.pem")  # refused
    client.stat  # refused
smtplib.SMTP("localhost", tls="ssl")  # refused
smtplib.SMTP("localhost", timeout="5")  # refused


async def in_a_loop() -> None:
    await rsmtp.send(letter, host="localhost")  # refused
    rsmtp.asend(letter, host="localhost")  # refused
    await rsmtp.asend("nonsense", host="localhost")  # refused
    await aio.send(letter, host="localhost", tls="ssl")  # refused
    async with rsmtp.AsyncMailer(host="localhost") as mailer:
        await mailer.send("nonsense")  # refused
        await mailer.send_all(["nonsense"])  # refused
        await mailer.send_all(letter)  # refused
        mailer.send(letter)  # refused
    async with rsmtp.AsyncSmtpClient("localhost") as client:
        await client.send_message("Subject: hi")  # refused
    await aiosmtplib.send(5, hostname="localhost")  # refused
    await aiosmtplib.send(letter, host="localhost")  # refused


# Names.
rsmtp.SmtpServer  # refused
rsmtp.SMTPRecipientRefused  # refused
