"""Processes that send one message and end, as a cron job, a command or a serverless function does.
Each one is started again for every round, and timed from its start to its end.

The floor is an interpreter that does nothing. The rest is the cost of the sender: its imports, its
first TLS handshake, and the conversation.
"""

import os
import subprocess
import sys
from pathlib import Path

import peers
from tables import Rounds, median

FLOOR = "floor: python, nothing"
BASE = "smtplib + email"
# The arguments of each sender: port, CA file, user, password.
GIVEN = "import sys; port, ca_file, user, password = int(sys.argv[1]), *sys.argv[2:5]\n"
TUTORIAL = """
message = MIMEText("Hello"); message["Subject"] = "Hello"
message["From"] = "sender@bench.test"; message["To"] = "recipient@bench.test"
server = smtplib.SMTP("localhost", port)
server.ehlo(); server.starttls(context=context); server.ehlo()
server.login(user, password)
server.sendmail("sender@bench.test", "recipient@bench.test", message.as_string())
server.quit()
"""
MESSAGE = 'rsmtp.Message("Hello", subject="Hello", from_="sender@bench.test", to="recipient@bench.test")'
SCRIPTS = {
    FLOOR: "",
    BASE: f"""
import smtplib, ssl
from email.mime.text import MIMEText
context = ssl.create_default_context(cafile=ca_file){TUTORIAL}""",
    "aiosmtplib": """
import asyncio, aiosmtplib
from email.mime.text import MIMEText
message = MIMEText("Hello"); message["Subject"] = "Hello"
message["From"] = "sender@bench.test"; message["To"] = "recipient@bench.test"
asyncio.run(aiosmtplib.send(message, hostname="localhost", port=port, start_tls=True, cert_bundle=ca_file,
                            username=user, password=password))
""",
    "rsmtp.smtplib + rsmtp.email": f"""
import rsmtp
from rsmtp import smtplib
from rsmtp.email.mime.text import MIMEText
context = rsmtp.TlsConfig(ca_file=ca_file){TUTORIAL}""",
    "rsmtp.Message + SmtpClient": f"""
import rsmtp
message = {MESSAGE}
with rsmtp.SmtpClient("localhost", port, tls="starttls", context=rsmtp.TlsConfig(ca_file=ca_file)) as server:
    server.login(user, password)
    server.send_message(message)
""",
    "rsmtp.Message + Mailer": f"""
import rsmtp
context = rsmtp.TlsConfig(ca_file=ca_file)
with rsmtp.Mailer(host="localhost", port=port, username=user, password=password, context=context) as mailer:
    mailer.send({MESSAGE})
""",
    "import rsmtp": "import rsmtp",
}
SERVER = ("--server", "smtp://{user}@localhost:{port}", "--ca-file", "{ca_file}")
LETTER = (
    "--from",
    "sender@bench.test",
    "--to",
    "recipient@bench.test",
    "--subject",
    "Hello",
    "--text",
    "Hello",
)
COMMANDS = {"rsmtp send": ("send", *SERVER, *LETTER), "rsmtp --version": ("--version",)}


def processes(port: int, ca_file: str, user: str, password: str) -> dict[str, list[str]]:
    """The command line of each sender."""
    found = {
        peer: [sys.executable, "-c", GIVEN + script, str(port), ca_file, user, password]
        for peer, script in SCRIPTS.items()
        if peers.have(peer) or peer != "aiosmtplib"
    }
    program = str(Path(sys.executable).with_name("rsmtp"))
    given = {"port": port, "ca_file": ca_file, "user": user}
    for name, words in COMMANDS.items():
        found[name] = [program, *(word.format(**given) for word in words)]
    return found


def run(command: list[str], password: str) -> None:
    environment = dict(os.environ, RSMTP_PASSWORD=password)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{command[:3]}: {done.stderr}")


def table(title: str, results: Rounds) -> str:
    lines = [
        f"## {title}", "",
        "| process | ms | above the floor | x smtplib's | CPU ms | above the floor | x smtplib's |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]  # fmt: skip
    middle = {peer: tuple(map(median, zip(*measured, strict=True))) for peer, measured in results.items()}
    for peer, times in middle.items():
        cells = [peer]
        for of, base, floor in zip(times, middle[BASE], middle[FLOOR], strict=True):
            above = of - floor
            cells += [f"{of * 1e3:.1f}", f"{above * 1e3:.1f}", f"{above / (base - floor):.2f}"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
