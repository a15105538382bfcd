#!/usr/bin/env python3
"""Other packages' own tests, with the standard library and with their imports changed.

    tools/suites/run_packages.py [--python INTERPRETER ...] [--work FOLDER] [NAME ...]

Source distributions come from the package index, at the versions of packages.py, and what the
tests need at those of requirements/suites/. Each package has a virtual environment of its own,
which is kept. rsmtp is taken from python/, so `make` must have built it. Tests that want a running
server have a `rsmtp.Catcher`. Three packages leave their tests out of the source distribution: these
come from their repository, where it can be reached (`--repository NAME=PLACE` names another place),
and are said to be not run where not.

Prints a table. A test counts when it passes with the standard library. Exit 0: what fails with
rsmtp is listed in packages.py, each with its reason; 1: something else fails, or a test that is
listed passes.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tarfile
from collections.abc import Iterable
from pathlib import Path

from packages import SUITES, Suite

import rsmtp

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
REQUIREMENTS = ROOT / "requirements" / "suites"


class NotReached(Exception):
    """The repository that contains the tests."""


def argument_parser(about: str | None, names: Iterable[str]) -> argparse.ArgumentParser:
    """The arguments that both tools of the suites take."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = list(names)
    parser.add_argument("names", nargs="*", default=known, metavar="NAME", help=", ".join(known))
    parser.add_argument("--python", nargs="+", default=[sys.executable], metavar="INTERPRETER")
    parser.add_argument("--work", type=Path, default=ROOT / "target" / "suites", metavar="FOLDER")
    return parser


def main() -> int:
    parser = argument_parser(__doc__, SUITES)
    parser.add_argument("--repository", action="append", default=[], metavar="NAME=PLACE")
    arguments = parser.parse_args()
    places = dict(place.split("=", 1) for place in arguments.repository)
    arguments.work.mkdir(parents=True, exist_ok=True)
    notes: list[str] = []
    print("| package | Python | ported | pass with the standard library | of these with rsmtp |")
    print("|---|---|---|---|---|", flush=True)
    interpreters = {version_of(interpreter): interpreter for interpreter in reversed(arguments.python)}
    for name in arguments.names:
        suite = SUITES[name]
        for version, interpreter in sorted(interpreters.items()):
            if tuple(map(int, version.split(".")[:2])) < suite.python:
                continue
            try:
                folder = sources(arguments.work, name, suite, interpreter, places.get(name))
            except NotReached as reason:
                print(f"| {title(suite)} | {version} | | not run | {reason} |", flush=True)
                continue
            python = environment(interpreter, version, arguments.work, name, suite)
            notes += compare(python, version, arguments.work, folder, name, suite)
    for note in notes:
        print(note, file=sys.stderr)
    return 1 if notes else 0


def compare(python: Path, version: str, work: Path, folder: Path, name: str, suite: Suite) -> list[str]:
    """Prints the package's lines of the table; returns failures without an explanation."""
    notes = []
    standard = run(python, work, folder, name, suite, "")
    counted = {test for test, outcome in standard.items() if outcome == "passed"}
    failed_somewhere: set[str] = set()
    for world, modules in suite.worlds.items():
        ours = run(python, work, folder, name, suite, modules)
        failed = sorted(test for test in counted if ours.get(test) != "passed")
        passed = len(counted) - len(failed)
        print(f"| {title(suite)} | {version} | {world} | {len(counted)} | {passed} |", flush=True)
        for test in failed:
            failed_somewhere.add(test)
            if not any(test.endswith(end) for end in suite.reasons):
                notes.append(f"{name} on {version}, {world}: fails, and no reason is given: {test}")
    notes += [
        f"{name} on {version}: a reason is given, and it passes or is gone: {end}"
        for end in suite.reasons
        if not any(test.endswith(end) for test in failed_somewhere)
    ]
    if not counted:
        notes.append(f"{name} on {version}: no test passes with the standard library; see {work}")
    return notes


def title(suite: Suite) -> str:
    return f"{suite.package} {suite.version}".strip()


def version_of(interpreter: str) -> str:
    return subprocess.run(
        [interpreter, "-c", "import sys; print(*sys.version_info[:3], sep='.')"],
        check=True, capture_output=True, text=True,
    ).stdout.strip()  # fmt: skip


def environment(interpreter: str, version: str, work: Path, name: str, suite: Suite) -> Path:
    """Creates a virtual environment for the package and its tests; returns the path of its interpreter."""
    folder = work / f"{name}-{version}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (folder / "made").exists():
        subprocess.run([interpreter, "-m", "venv", "--clear", folder], check=True)
        if suite.version:
            pip(python, "install", "--requirement", REQUIREMENTS / f"{name}.txt")
        (folder / "made").touch()
    return python


def sources(work: Path, name: str, suite: Suite, interpreter: str, place: str | None) -> Path:
    """The folder in which the tests are run."""
    if not suite.version:
        return work
    kept = work / "sources" / name
    if not kept.exists():
        address, commit = suite.repository
        if address:
            checkout(place or address, commit, kept)
        else:
            unpack(suite, interpreter, work, kept)
    return kept / suite.folder


def unpack(suite: Suite, interpreter: str, work: Path, kept: Path) -> None:
    fetched = work / "sdists" / f"{suite.package}-{suite.version}"
    pip(interpreter, "download", "--no-deps", "--no-binary", ":all:",
        "--dest", fetched, f"{suite.package}=={suite.version}")  # fmt: skip
    (archive,) = fetched.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        opened.extractall(fetched, filter="data")
    (folder,) = (path for path in fetched.iterdir() if path.is_dir())
    kept.parent.mkdir(exist_ok=True)
    folder.rename(kept)


def checkout(place: str, commit: str, kept: Path) -> None:
    unfinished = kept.with_name(f"{kept.name}.unfinished")
    unfinished.mkdir(parents=True, exist_ok=True)
    for command in (["init", "--quiet"], ["fetch", "--quiet", "--depth=1", place, commit],
                    ["checkout", "--quiet", "--force", "FETCH_HEAD"]):  # fmt: skip
        done = subprocess.run(
            ["git", "-c", "advice.detachedHead=false", *command], cwd=unfinished,
            capture_output=True, text=True, timeout=300, env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
        )  # fmt: skip
        if done.returncode:
            raise NotReached("its tests are in its repository alone, which was not reached")
    unfinished.rename(kept)


def pip(python: Path | str, *arguments: object) -> None:
    quiet = ("-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")
    subprocess.run([python, *quiet, *map(str, arguments)], check=True)


def run(python: Path, work: Path, folder: Path, name: str, suite: Suite, ported: str) -> dict[str, str]:
    """The outcome of each test, by its name. The output of the run is stored in `work`."""
    version = python.parent.parent.name.rpartition("-")[2]
    world = list(suite.worlds.values()).index(ported) + 1 if ported else 0
    stem = f"{name}-{version}-{world}"
    outcomes = (work / f"{stem}.outcomes").resolve()
    outcomes.unlink(missing_ok=True)
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "python", HERE))),
                 "RSMTP_OUTCOMES": str(outcomes), "RSMTP_PORTED": ported}  # fmt: skip
    with open(work / f"{stem}.log", "w") as log, rsmtp.Catcher() as server:
        place = {"host": server.host, "port": server.port}
        variables |= {variable: value.format(**place) for variable, value in suite.server.items()}
        subprocess.run(
            [python, HERE / "ported.py", *shlex.split(suite.command)],
            cwd=folder, env=variables, stdout=log, stderr=subprocess.STDOUT, timeout=1800,
        )  # fmt: skip
    worst: dict[str, str] = {}
    for line in outcomes.read_text().splitlines() if outcomes.exists() else ():
        outcome, _, test = line.partition("\t")
        if worst.get(test) != "failed":
            worst[test] = outcome
    return worst


if __name__ == "__main__":
    sys.exit(main())
