#!/usr/bin/env python3
"""Other packages' own tests, with the standard library and with their imports changed.

    tools/suites/run_packages.py [--python INTERPRETER] [--work FOLDER] [NAME ...]

Source distributions come from the package index; each package has a virtual environment of
its own, which is kept. rsmtp is taken from python/, so `make` must have built it. Prints a
table. Exit 0: every package passes with rsmtp what it passes with the standard library.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PORTED = Path(__file__).parent / "ported.py"


class Suite(NamedTuple):
    package: str  # on the package index, with its version
    modules: str  # whose imports are changed
    command: str
    needs: str = ""  # what the tests need beside it
    folder: str = "."  # in the source distribution


# With no configuration file: pytest would find this project's above the folder.
PYTEST = f"-m pytest -c {os.devnull} --rootdir=. --assert=plain -q -p no:cacheprovider -p no:rsmtp"
SUITES = {
    "django": Suite("django==5.2.8", "django.core.mail,mail", "runtests.py mail --parallel 1",
                    "aiosmtpd tblib", "tests"),
    "red-mail": Suite("redmail==0.6.0", "redmail", f"{PYTEST} redmail/test",
                      "pytest pandas matplotlib Pillow css_inline"),
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", default=list(SUITES), metavar="NAME")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--work", type=Path, default=ROOT / "target" / "suites")
    arguments = parser.parse_args()
    worse = False
    print("| package | smtplib and email | rsmtp |\n|---|---|---|", flush=True)
    for name in arguments.names:
        suite = SUITES[name]
        python = environment(arguments.python, arguments.work, name, suite)
        folder = sources(python, arguments.work, suite) / suite.folder
        standard, ours = (run(python, folder, suite, ported=ported) for ported in (False, True))
        worse = worse or ours != standard
        print(f"| {suite.package} | {standard} | {ours} |", flush=True)
    return 1 if worse else 0


def environment(interpreter: str, work: Path, name: str, suite: Suite) -> Path:
    """A virtual environment with the package and what its tests need."""
    version = subprocess.run(
        [interpreter, "-c", "import sys; print(*sys.version_info[:3], sep='.')"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip
    folder = work / f"{name}-{version}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (folder / "made").exists():
        subprocess.run([interpreter, "-m", "venv", "--clear", folder], check=True)
        pip(python, "install", suite.package, *suite.needs.split())
        (folder / "made").touch()
    return python


def sources(python: Path, work: Path, suite: Suite) -> Path:
    """The package's source distribution, unpacked."""
    kept = work / "sdists" / suite.package.replace("==", "-")
    fetched = work / "sdists" / f"{kept.name}.download"
    if not kept.exists():
        pip(python, "download", "--no-deps", "--no-binary", ":all:",
            "--dest", fetched, suite.package)  # fmt: skip
        (archive,) = fetched.glob("*.tar.gz")
        with tarfile.open(archive) as opened:
            opened.extractall(kept, filter="data")
    (folder,) = kept.iterdir()
    return folder


def pip(python: Path, *arguments: object) -> None:
    quiet = ("-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")
    subprocess.run([python, *quiet, *map(str, arguments)], check=True)


def run(python: Path, folder: Path, suite: Suite, *, ported: bool) -> str:
    """How many tests passed, as the suite's own runner says."""
    variables = {**os.environ, "PYTHONPATH": str(ROOT / "python")}
    if ported:
        variables["RSMTP_PORTED"] = suite.modules
    done = subprocess.run(
        [python, PORTED, *suite.command.split()],
        cwd=folder, env=variables, capture_output=True, text=True, timeout=900,
    )  # fmt: skip
    said = done.stdout + done.stderr
    if found := re.search(r"Ran (\d+) tests? in [^\n]*\s+(OK[^\n]*|FAILED[^\n]*)", said):
        return f"{found[1]} run, {found[2]}"
    counts = re.findall(r"\d+ (?:passed|failed|errors?|skipped|xfailed)", said.rstrip().rpartition("\n")[2])
    return ", ".join(counts) or f"did not run: {said.strip()[-200:]!r}"


if __name__ == "__main__":
    sys.exit(main())
