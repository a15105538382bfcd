"""Sends a file as an attachment: `python send_file.py PORT FILE path|object|memory
SmtpClient|AsyncSmtpClient|Mailer|AsyncMailer [binary]`. Prints as JSON by how many kilobytes this raised the
peak memory of the process."""

import asyncio
import contextlib
import json
import sys
from pathlib import Path

import rsmtp


def peak():
    """The process's peak resident memory since the last reset (proc(5))."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1])


def main(port, path, how, sender, *options):
    path = Path(path)
    more = {"envelope": rsmtp.Envelope(binary=True)} if options else {}
    with open(path, "rb") as file, SENDERS[sender](int(port)) as send:
        given = {
            "path": lambda: path,
            "object": lambda: file,
            "memory": lambda: (path.name, path.read_bytes()),
        }[how]()
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        before = peak()
        message = rsmtp.Message(
            "x" * 1000, subject="s", from_="a@example.org", to="b@example.org", attachments=[given]
        )
        refused = send(message, **more)
        print(json.dumps({"refused": refused, "rise": peak() - before}))


@contextlib.contextmanager
def by_client(port):
    with rsmtp.SmtpClient("127.0.0.1", port, "client.example", timeout=60) as client:
        client.ehlo()
        yield client.send_message


@contextlib.contextmanager
def by_async_client(port):
    with asyncio.Runner() as runner:
        client = rsmtp.AsyncSmtpClient("127.0.0.1", port, "client.example", timeout=60)
        runner.run(client.connect())
        yield lambda message, **more: runner.run(client.send_message(message, **more))
        runner.run(client.quit())


@contextlib.contextmanager
def by_mailer(port):
    with rsmtp.Mailer(host="127.0.0.1", port=port, tls="none", timeout=60) as mailer:
        yield lambda message, **more: unsent(mailer.send(message, **more))


@contextlib.contextmanager
def by_async_mailer(port):
    with asyncio.Runner() as runner:
        mailer = rsmtp.AsyncMailer(host="127.0.0.1", port=port, tls="none", timeout=60)
        yield lambda message, **more: unsent(runner.run(mailer.send(message, **more)))
        runner.run(mailer.aclose())


def unsent(receipt):
    return {one.address: one.fate for one in receipt.recipients if one.fate != "sent"}


SENDERS = {
    "SmtpClient": by_client,
    "AsyncSmtpClient": by_async_client,
    "Mailer": by_mailer,
    "AsyncMailer": by_async_mailer,
}


if __name__ == "__main__":
    main(*sys.argv[1:])
