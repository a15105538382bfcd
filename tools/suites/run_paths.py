#!/usr/bin/env python3
"""The ways by which other packages send, in both worlds, and the octets that arrive compared.

    tools/suites/run_paths.py [--python INTERPRETER ...] [--work FOLDER] [NAME ...]

An application of paths/ sends by a package, four times: over the standard library, with the
imports of the application changed to rsmtp's, with those of the package changed, and with both.
The envelope and the octets of each message are compared with those of the first run, but for what
differs in every run (Date, Message-ID, boundaries, Content-ID), and for what `without_named` names.
Exit 1: some differ.
"""

from __future__ import annotations

import difflib
import os
import re
import socketserver
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

from run_packages import HERE, REQUIREMENTS, ROOT, argument_parser, pip, version_of


class Way(NamedTuple):
    package: str
    version: str
    module: str
    python: tuple[int, int] = (3, 99)  # the newest version
    # Whether it passes `data` with bare line feeds: smtplib sends them unchanged, rsmtp sends CRLF.
    bare_line_feeds: bool = False
    # Octets that smtplib sends wrongly, and what rsmtp sends instead.
    mended: tuple[bytes, bytes] = (b"", b"")


WAYS = {
    "django": Way("Django", "5.2.8", "django"),
    "redmail": Way("red-mail", "0.6.0", "redmail"),
    "emails": Way("python-emails", "1.1.2", "emails", bare_line_feeds=True),
    "yagmail": Way("yagmail", "0.16.0", "yagmail"),
    "mailmerge": Way(
        "mailmerge",
        "2.3.0",
        "mailmerge",
        mended=(b"=?utf-8?b?SsO8cmdlbiA8Ym9zc0BhLmV4YW1wbGU+?=", b"=?utf-8?q?J=C3=BCrgen?= <boss@a.example>"),
    ),
    "apprise": Way("apprise", "2.3.0", "apprise"),
    "roundup": Way("roundup", "2.6.0", "roundup"),
    "trac": Way("Trac", "1.6", "trac", (3, 12)),
}
WORLDS = {"application": (True, False), "package": (False, True), "both": (True, True)}


class Session(socketserver.StreamRequestHandler):
    """A server that accepts everything and stores the octets."""

    def handle(self) -> None:
        envelope: list[bytes] = []
        self.wfile.write(b"220 server.example ESMTP\r\n")
        while line := self.rfile.readline():
            verb = line[:4].upper()
            if verb == b"EHLO":
                self.wfile.write(b"250-server.example\r\n250-8BITMIME\r\n250 SIZE 10000000\r\n")
            elif verb == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                content = b"".join(iter(self.rfile.readline, b".\r\n"))
                self.server.taken.append((b"".join(envelope), content))  # type: ignore[attr-defined]
                envelope = []
                self.wfile.write(b"250 taken\r\n")
            elif verb == b"QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            else:
                if verb in (b"MAIL", b"RCPT"):
                    envelope.append(without_named(line))
                self.wfile.write(b"250 fine\r\n")


def main() -> int:
    arguments = argument_parser(__doc__, WAYS).parse_args()
    worse = False
    print(f"| package | Python | messages | {' | '.join(WORLDS)} |")
    print("|---|---|---|" + "---|" * len(WORLDS), flush=True)
    for name in arguments.names:
        for version, interpreter in sorted({version_of(each): each for each in arguments.python}.items()):
            way = WAYS[name]
            if tuple(map(int, version.split(".")[:2])) > way.python:
                continue
            python = environment(interpreter, version, arguments.work, name)
            expected = sent(python, name, "")
            cells = []
            for world, (application, package) in WORLDS.items():
                ported = [f"sends_by_{name}"] * application + [way.module] * package
                found = sent(python, name, ",".join(ported))
                same = found == expected and bool(expected)
                cells.append("equal" if same else "differs")
                if not same and way.bare_line_feeds and with_lf(found) == with_lf(expected):
                    same, cells[-1] = True, "equal but for line ends"
                if not same and found == [message.replace(*way.mended) for message in expected]:
                    same, cells[-1] = True, "equal but for From"
                worse = worse or not same
                if not same:
                    show(f"{name} on {version}, ported: {world}", expected, found)
            print(
                f"| {way.package} {way.version} | {version} | {len(expected)} | {' | '.join(cells)} |",
                flush=True,
            )
    return int(worse)


def environment(interpreter: str, version: str, work: Path, name: str) -> Path:
    folder = work / f"path-{name}-{version}"
    if not (folder / "made").exists():
        subprocess.run([interpreter, "-m", "venv", "--clear", folder], check=True)
        pip(folder / "bin" / "python", "install", "--requirement", REQUIREMENTS / f"path-{name}.txt")
        (folder / "made").touch()
    return folder / "bin" / "python"


def sent(python: Path, name: str, ported: str) -> list[bytes]:
    """The messages that arrived, one per item, followed by the application's output if it failed."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Session) as server:
        server.daemon_threads = True
        server.taken = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = subprocess.run(
            [python, HERE / "ported.py", "-m", f"sends_by_{name}"],
            cwd=HERE / "paths", capture_output=True, text=True, timeout=120,
            env={**os.environ, "PYTHONPATH": str(ROOT / "python"), "RSMTP_PORTED": ported,
                 "PYTHONHASHSEED": "0",  # mailmerge keeps fields in a set
                 "SMTP_PORT": str(server.server_address[1])},
        )  # fmt: skip
        server.shutdown()
        arrived = [without_chance(envelope + b"\n" + content) for envelope, content in server.taken]  # type: ignore[attr-defined]
    return arrived + ([f"failed:\n{done.stderr[-1500:]}".encode()] if done.returncode else [])


def with_lf(messages: list[bytes]) -> list[bytes]:
    return [message.replace(b"\r\n", b"\n").rstrip(b"\n") for message in messages]


def without_named(line: bytes) -> bytes:
    """A line of the envelope without the differences that are listed: the case of command words,
    rsmtp's BODY=8BITMIME for 8-bit content (RFC 6152), and the size, which depends on the boundaries."""
    word, colon, rest = line.partition(b":")
    return word.lower() + colon + re.sub(rb"(?i) (size=\d+|body=8bitmime)", b"", rest)


def without_chance(octets: bytes) -> bytes:
    for number, boundary in enumerate(dict.fromkeys(re.findall(rb'boundary="?([^"\r\n;]+)', octets))):
        octets = octets.replace(boundary, b"boundary %d" % number)
    return re.sub(rb"(?mi)^(Date|Message-ID|Content-ID): [^\r\n]*(\r\n[ \t][^\r\n]*)*", rb"\1: ...", octets)


def show(title: str, expected: list[bytes], found: list[bytes]) -> None:
    print(title, file=sys.stderr)
    lines = [
        [line for each in side for line in each.decode("latin-1").splitlines()] for side in (expected, found)
    ]
    print(
        "\n".join(difflib.unified_diff(*lines, "standard library", "rsmtp", lineterm="", n=0)),
        file=sys.stderr,
    )


if __name__ == "__main__":
    sys.exit(main())
