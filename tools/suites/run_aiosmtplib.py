#!/usr/bin/env python3
"""aiosmtplib's own tests, run with `aiosmtplib` meaning `rsmtp.aiosmtplib`.

    tools/suites/run_aiosmtplib.py [--python INTERPRETER] [--work FOLDER]

The source distribution is fetched from the package index and unpacked, with a virtual
environment of its own beside it; rsmtp is taken from python/, so `make` must have built it.
Prints a table for docs/parity.md. Exit 0: what fails is listed below, each with its
reason; 1: something else fails, or something that is listed passes.
"""

from __future__ import annotations

import argparse
import collections
import os
import subprocess
import sys
import tarfile
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSION = "5.1.3"
SOURCE = f"aiosmtplib-{VERSION}"
REQUIREMENTS = ROOT / "requirements" / "suite-aiosmtplib.txt"

# Tests of aiosmtplib's internals, by modules that its reference does not name.
INSIDE = {
    "test_auth_methods": "replaces `execute_command` of a subclass, by which rsmtp's verbs don't go",
    "test_auth_utils": "`aiosmtplib.auth`: encoding of credentials",
    "test_email_utils": "`aiosmtplib.email`: reading and writing of messages",
    "test_esmtp_utils": "`aiosmtplib.esmtp`: reading of an EHLO reply",
    "test_protocol": "`aiosmtplib.protocol`: its asyncio.Protocol",
}
PRIVATE = "a private name of aiosmtplib's"
REASONS = {
    "test_commands.test_send_message_compat32_does_not_smuggle_envelope_commands": (
        "a `From` with a line end in it is a ValueError before anything is sent"
    ),
    "test_connect.test_connect_cancellation_releases_lock": f"{PRIVATE}, `_get_default_local_hostname`",
    "test_connect.test_connect_with_no_starttls_support": f"{PRIVATE}, `protocol._over_ssl`",
    "test_connect.test_create_connection_runtime_error_on_missing_loop": f"{PRIVATE}, `_create_connection`",
    "test_main.test_command_line_send": "`python -m aiosmtplib` asks for a message; `rsmtp send` sends one",
    "test_sendmail.test_rset_after_sendmail_error_response_to_mail": (
        "a MAIL that is refused begins no transaction (RFC 5321 4.1.1.2), so there is nothing to reset"
    ),
    "test_sendmail.test_sendmail_simple_failure": 'the recipient "@@" is a ValueError before it is sent',
    "test_sendmail.test_sendmail_size_option_counts_transmitted_octets_bytes": (
        "SIZE is the message's own size, as smtplib says it, without the line end that DATA adds"
    ),
    "test_timeouts.test_protocol_connection_aborted_on_starttls": f"{PRIVATE}, `SMTPProtocol`",
    "test_timeouts.test_protocol_read_response_with_timeout_times_out": f"{PRIVATE}, `SMTPProtocol`",
    "test_timeouts.test_protocol_timeout_on_starttls": f"{PRIVATE}, `SMTPProtocol`",
    "test_tls.test_starttls_sets_protocol_over_ssl": f"{PRIVATE}, `protocol._over_ssl`",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--work", type=Path, default=ROOT / "target" / "suites")
    arguments = parser.parse_args()
    python = environment(arguments.python, arguments.work)
    outcomes = run(python, sources(python, arguments.work), arguments.work)
    print(page(outcomes))
    unexplained = [test for test, passed in outcomes.items() if not passed and test not in REASONS]
    too_many = [test for test in REASONS if outcomes.get(test, True)]
    for test in unexplained:
        print(f"fails, and no reason is given: {test}", file=sys.stderr)
    for test in too_many:
        print(f"a reason is given, and it passes or is gone: {test}", file=sys.stderr)
    return 1 if unexplained or too_many else 0


def environment(interpreter: str, work: Path) -> Path:
    """Creates a virtual environment for the tests; returns the path of its interpreter."""
    answer = subprocess.run(
        [interpreter, "-c", "import sys; print(*sys.version_info[:3], sep='.')"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    folder = work / f"aiosmtplib-{answer.stdout.strip()}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (folder / "made").exists():
        subprocess.run([interpreter, "-m", "venv", "--clear", folder], check=True)
        pip(python, "install", "--requirement", REQUIREMENTS)
        (folder / "made").touch()
    return python


def sources(python: Path, work: Path) -> Path:
    """Unpacks aiosmtplib's source distribution; returns the folder."""
    folder = work / SOURCE
    if not folder.exists():
        pip(python, "download", "--no-deps", "--no-binary", ":all:", "--dest", work, f"aiosmtplib=={VERSION}")
        with tarfile.open(work / f"{SOURCE}.tar.gz") as archive:
            archive.extractall(work, filter="data")
    return folder


def pip(python: Path, *arguments: object) -> None:
    quiet = ("-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")
    subprocess.run([python, *quiet, *map(str, arguments)], check=True)


def run(python: Path, folder: Path, work: Path) -> dict[str, bool]:
    """The tests of aiosmtplib's public names: each name without parameters, and whether all tests with
    that name passed."""
    results = work / "aiosmtplib.xml"
    results.unlink(missing_ok=True)
    names = [path for path in sorted((folder / "tests").glob("test_*.py")) if path.stem not in INSIDE]
    here = os.pathsep.join(map(str, (ROOT / "python", Path(__file__).parent)))
    command = ["-m", "pytest", "-p", "as_aiosmtplib", "-p", "no:cacheprovider", "-o", "pythonpath=", "-q",
               "--timeout=60", "--tb=no", f"--junitxml={results}", *names]  # fmt: skip
    subprocess.run(
        [python, *map(str, command)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": here},
        stdout=subprocess.DEVNULL,
        timeout=900,
    )
    return outcomes_of(results)


CASES: collections.Counter[tuple[str, bool]] = collections.Counter()


def outcomes_of(results: Path) -> dict[str, bool]:
    outcomes: dict[str, bool] = {}
    for case in ElementTree.parse(results).iter("testcase"):
        module = case.attrib["classname"].rpartition(".")[2] or case.attrib["name"]
        test = f"{module}.{case.attrib['name'].partition('[')[0]}"
        passed = all(child.tag not in ("failure", "error") for child in case)
        CASES[module, passed] += 1
        outcomes[test] = outcomes.get(test, True) and passed
    return outcomes


def page(outcomes: dict[str, bool]) -> str:
    lines = ["| file | passed | of |", "|---|---|---|"]
    modules = sorted({module for module, _ in CASES})
    for module in modules:
        passed, failed = CASES[module, True], CASES[module, False]
        lines.append(f"| `{module}` | {passed} | {passed + failed} |")
    passed = sum(CASES[module, True] for module in modules)
    lines += [f"| all | {passed} | {sum(CASES.values())} |", "", "| fails | why |", "|---|---|"]
    lines += [f"| `{test}` | {REASONS.get(test, '?')} |" for test, ok in sorted(outcomes.items()) if not ok]
    lines += ["", "| not run | what it tests |", "|---|---|"]
    lines += [f"| `{module}` | {what} |" for module, what in INSIDE.items()]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
