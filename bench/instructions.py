"""Instructions executed by the engine's hot paths, counted by valgrind's callgrind.

Unlike clock times, the counts don't depend on how busy the machine is. Each path of
bench/instructions.rs runs once with N and once with 2N operations. The difference
divided by N is the cost of an operation without the start of the program.
"""

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FEATURES = "message,bulk"

# name, meaning of one operation, N
PATHS = (
    ("transaction", "a message of 2 KB by MAIL, RCPT and BDAT, one at a time, with its transcript", 2000),
    ("window", "the same with 100 in flight, with RSET in front and without a transcript", 2000),
    ("large", "a message of 10 MB in memory by MAIL, RCPT and BDAT", 5),
    ("replies", "the reply to EHLO (7 lines) and the three to a message read", 2000),
    ("mail-data", "64 KB encoded for DATA: every fourth line end a bare LF, every eighth line dotted", 200),
    ("render", "a text of 1 KB with seven header fields rendered, one in encoded words", 2000),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--write", type=Path, metavar="FILE", help="write the page to FILE, too")
    options = parser.parse_args()
    if not shutil.which("valgrind"):
        sys.exit("valgrind is missing: install the package of that name (apt-get install valgrind)")
    program = build()
    rows = [(name, what, per_operation(program, name, count)) for name, what, count in PATHS]
    print(table(rows))
    if options.write:
        options.write.write_text(page(rows), encoding="utf-8")


def build() -> Path:
    """The release build of the example, in cargo's target folder."""
    cargo = os.environ.get("CARGO", "cargo")
    command = [cargo, "build", "--release", "--locked", "--features", FEATURES, "--example", "instructions"]
    done = subprocess.run(
        [*command, "--message-format", "json-render-diagnostics"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    if done.returncode:
        sys.exit(f"cargo could not build bench/instructions.rs (exit status {done.returncode})")
    for line in done.stdout.splitlines():
        told = json.loads(line)
        if told["reason"] == "compiler-artifact" and told["target"]["name"] == "instructions":
            return Path(told["executable"])
    sys.exit("cargo did not say where it put the example")


def per_operation(program: Path, name: str, count: int) -> int:
    return round((instructions(program, name, 2 * count) - instructions(program, name, count)) / count)


def instructions(program: Path, name: str, count: int) -> int:
    """The count that callgrind reports for one run of the whole program."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "callgrind.out"
        valgrind = ["valgrind", "--quiet", "--tool=callgrind", f"--callgrind-out-file={out}"]
        done = subprocess.run([*valgrind, program, name, str(count)], stderr=subprocess.PIPE, text=True)
        if done.returncode:
            sys.exit(f"{name} failed under valgrind:\n{done.stderr}")
        counted = re.search(r"^(?:summary|totals): (\d+)", out.read_text(encoding="utf-8"), re.MULTILINE)
    if not counted:
        sys.exit(f"callgrind wrote no count for {name}")
    return int(counted[1])


def table(rows: list[tuple[str, str, int]]) -> str:
    lines = [f"| `{name}` | {what} | {counted:,} |" for name, what, counted in rows]
    return "\n".join(["| path | one operation | instructions |", "|---|---|---:|", *lines])


def page(rows: list[tuple[str, str, int]]) -> str:
    return f"""\
# Instruction counts

What the hot paths of the engine cost, in machine instructions: the Rust side alone, without
Python, the operating system, the network and TLS. valgrind's callgrind counts them in a release
build, over N and over 2N operations, and the difference is divided by N, so that the start of the
program does not count. Counted with {version("rustc")} and {version("valgrind")} on {platform.machine()}.
Another compiler, C library or processor gives other numbers; a busy machine does not.
`make bench-instructions` counts anew.

{table(rows)}
"""


def version(program: str) -> str:
    said = subprocess.run([program, "--version"], cwd=ROOT, capture_output=True, text=True, check=True)
    # The commit and the date that rustc adds are removed.
    return said.stdout.split(" (")[0].strip().replace("valgrind-", "valgrind ")


if __name__ == "__main__":
    main()
