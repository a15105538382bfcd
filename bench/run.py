"""rsmtp compared with its peers in one run: prints Markdown tables to standard output.

Only ratios within one run mean something. The rounds are interleaved (every peer
once, then every peer again), medians are quoted, and the spread is half the range
over the median. Rows called "floor" are no peers but raw sockets that do only what the
protocol needs (bench/floors.py). On loopback client and server share one CPU where that can be
asked for: a wake-up that crosses to another one can cost more than a message. CPU is
the client's own; the server is another process.
"""

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cold
import figures
import peers
import signing
from tables import Rounds, median, picture, table

try:
    import resource  # finer than `os.times`, and not on every system
except ImportError:
    resource = None

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
ROUND_TRIP = 0.020
# The login at the sink.
LOGIN = ("user", "password")
LARGE = 10_000_000
# The most attempts to find how many messages a round has.
STEPS = 6
COLD = "Cold: a process that starts, sends one message by STARTTLS and AUTH, and ends"
SIGNING = "Signing messages of 2 KB with DKIM (RSA, 2048 bits) on all CPUs"
# name, what is built, size of the attachment in octets, messages in a round
BUILDING = (
    ("a text of 1 KB", peers.build_text, 0, 300),
    ("with an attachment of 100 KB", peers.build_with_attachment, 100_000, 30),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one round of one peer")
    parser.add_argument("--quick", action="store_true", help="three short rounds, small files")
    parser.add_argument("--json", type=Path, help="the raw seconds go there")
    parser.add_argument("--write-docs", action="store_true", help="writes docs/performance.md and its plot")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.seconds = 3, 0.1

    sections: dict[str, Rounds] = {}
    texts = [machine(options)]

    def section(title: str, what: str, results: Rounds) -> None:
        sections[title] = results
        texts.append(table(title, what, results))
        print(texts[-1], end="\n\n", flush=True)

    print(texts[0], end="\n\n")
    message = ready_message(2048)
    with sink("none") as (port, _):
        for connections in (1, 10):
            with one_cpu():
                title = near(connections)
                contestants = peers.senders() | peers.floors()
                section(title, "message", sending(contestants, port, message, connections, options))
        with one_cpu():
            title = f"Sending one message of {LARGE // 1_000_000} MB on loopback, 1 connection"
            contestants = peers.senders() | peers.floors()
            section(title, "message", sending(contestants, port, ready_message(LARGE), 1, options))
        with one_cpu():
            title = "Building a text of 2 KB with three header fields and sending it"
            section(title, "message", sending(peers.builders_and_senders(), port, message, 1, options))
        for connections in (1, 10):
            with helper("link.py", str(port), str(ROUND_TRIP / 2)) as (distant, *_):
                title = far(connections)
                contestants = peers.senders() | peers.floors()
                section(title, "message", sending(contestants, int(distant), message, connections, options))
        if signing.available():
            rounds_of = signing.rounds_of(port, message, options.seconds, sent)
            section(SIGNING, "signature", contest(rounds_of, options.rounds))
    with sink("starttls") as (port, ca_file), one_cpu():
        rounds_of = {
            peer: repeated(lambda once=once: once(port, ca_file, message), 3 if options.quick else 10)
            for peer, once in peers.sessions().items()
        }
        title = "Whole sessions: connect, STARTTLS, AUTH, one message, QUIT"
        section(title, "session", contest(rounds_of, options.rounds))
    with sink("starttls") as (port, ca_file), one_cpu():
        sections[COLD] = contest(
            {peer: process(command) for peer, command in cold.processes(port, ca_file, *LOGIN).items()},
            3 if options.quick else 15,
        )
        texts.append(cold.table(COLD, sections[COLD]))
        print(texts[-1], end="\n\n", flush=True)
    for name, build, size, count in BUILDING:
        octets = os.urandom(size)
        body = "Ein Gruß in einer Zeile.\n" * 40
        rounds_of = {
            peer: repeated(lambda one=one: one(body, octets), count // (5 if options.quick else 1))
            for peer, one in peers.builders(build).items()
        }
        section(f"Building {name}", "message", contest(rounds_of, options.rounds))
    texts.append(footprint(options.quick))
    print(texts[-1])
    if options.json:
        options.json.write_text(json.dumps(sections, indent=1))
    if options.write_docs:
        write_docs(texts, sections)


def near(connections: int) -> str:
    return f"Sending messages of 2 KB on loopback, {plural(connections)}"


def far(connections: int) -> str:
    return f"The same over a link of {ROUND_TRIP * 1000:.0f} ms, {plural(connections)}"


def plural(connections: int) -> str:
    return f"{connections} connection{'s' if connections > 1 else ''}"


def machine(options: argparse.Namespace) -> str:
    versions = [f"Python {platform.python_version()}", platform.system(), platform.machine()]
    versions += [f"{os.cpu_count()} CPUs", f"{options.rounds} rounds of {options.seconds:g} s"]
    for name in ("rsmtp", "aiosmtplib", "redmail", "yagmail"):
        if peers.have(name):
            versions.append(f"{name} {importlib.metadata.version(name)}")
    if hasattr(os, "getloadavg"):
        versions.append(f"load average {os.getloadavg()[0]:.1f} at the start")
    return ", ".join(versions) + "."


# One round of one peer: seconds and CPU seconds for each operation.
Round = Callable[[], tuple[float, float]]


def sending(
    senders: dict[str, peers.Sender],
    port: int,
    message: bytes,
    connections: int,
    options: argparse.Namespace,
) -> Rounds:
    return contest(
        {peer: sent(send, port, message, connections, options.seconds) for peer, send in senders.items()},
        options.rounds,
    )


def sent(send: peers.Sender, port: int, message: bytes, connections: int, seconds: float) -> Round:
    def timed(count: int) -> tuple[float, float]:
        laps: list[tuple[float, float]] = []
        send(port, message, count, connections, lambda: laps.append((time.perf_counter(), cpu())))
        (began, cpu_began), (ended, cpu_ended) = laps
        return (ended - began) / count, (cpu_ended - cpu_began) / count

    # The count makes a round take about `seconds`. A shorter one is no measure for it: in most of its
    # time the other connections may be opened.
    fewest = count = 5 * connections
    for _ in range(STEPS):
        before, count = count, min(max(int(seconds / timed(count)[0]), fewest), count * 200)
        if count < 1.5 * before:
            break
    return lambda: timed(count)


def cpu() -> float:
    """CPU seconds of this process, and of the programs that it has run."""
    if resource is None:
        children = os.times()
        return time.process_time() + children.children_user + children.children_system
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + used.ru_utime + used.ru_stime


def repeated(once: Callable[[], object], count: int) -> Round:
    def timed() -> tuple[float, float]:
        began, cpu_began = time.perf_counter(), time.process_time()
        for _ in range(count):
            once()
        return (time.perf_counter() - began) / count, (time.process_time() - cpu_began) / count

    return timed


def process(command: list[str]) -> Round:
    def timed() -> tuple[float, float]:
        began, cpu_began = time.perf_counter(), cpu()
        cold.run(command, LOGIN[1])
        return time.perf_counter() - began, cpu() - cpu_began

    return timed


def contest(rounds_of: dict[str, Round], rounds: int) -> Rounds:
    """Runs every peer once to warm up, then all peers in turn."""
    for once in rounds_of.values():
        once()
    results: Rounds = {peer: [] for peer in rounds_of}
    for _ in range(rounds):
        for peer, once in rounds_of.items():
            results[peer].append(once())
    return results


def footprint(quick: bool) -> str:
    """Measures separate processes: an import, a large file, very many messages."""
    lines = ["## Footprint", "", "| what | seconds | MB before | MB at most |", "|---|---:|---:|---:|"]

    def row(name: str, *arguments: str) -> None:
        done = [
            subprocess.run(
                [sys.executable, HERE / "footprint.py", *arguments],
                capture_output=True,
                text=True,
                check=True,
            )
            for _ in range(1 if arguments[0] != "import" else 5)
        ]
        seconds, before, most = (
            median(column) for column in zip(*(map(float, d.stdout.split()) for d in done), strict=True)
        )
        lines.append(f"| {name} | {seconds:.3f} | {before:.1f} | {most:.1f} |")

    if not Path("/proc/self/status").exists():
        return "## Footprint\n\nIt is read from /proc, which is not there."
    for module in ("smtplib", "aiosmtplib", "rsmtp"):
        if peers.have(module):
            row(f"import {module}", "import", module)
    with sink("none") as (port, _), tempfile.TemporaryDirectory() as folder:
        size = (100 if quick else 1024) * 1024 * 1024
        large = Path(folder, "large.bin")
        with large.open("wb") as file:
            file.truncate(size)
        count = 20_000 if quick else 1_000_000
        row(
            f"rsmtp: a file of {size >> 20:,} MB as an attachment, by its path",
            "large",
            str(port),
            str(large),
        )
        row(f"rsmtp: {count:,} messages from a generator through send_all", "many", str(port), str(count))
    return "\n".join(lines)


@contextlib.contextmanager
def helper(script: str, *arguments: str) -> Iterator[list[str]]:
    """Runs a program of this folder; yields the words that it prints when it is ready."""
    program = subprocess.Popen(
        [sys.executable, HERE / script, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield program.stdout.readline().split()
    finally:
        program.stdin.close()
        try:
            program.wait(10)
        except subprocess.TimeoutExpired:
            program.kill()


@contextlib.contextmanager
def sink(tls: str) -> Iterator[tuple[int, str]]:
    with helper("sink.py", tls) as (port, ca_file):
        yield int(port), ca_file


def last_cpu() -> set[int]:
    return {max(os.sched_getaffinity(0))} if hasattr(os, "sched_getaffinity") else set()


@contextlib.contextmanager
def one_cpu() -> Iterator[None]:
    """Runs this process on the same CPU as the sink."""
    if not last_cpu():
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, last_cpu())
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def ready_message(size: int) -> bytes:
    header = b"Subject: bench\r\nFrom: sender@bench.test\r\nTo: recipient@bench.test\r\n\r\n"
    line = b"x" * 76 + b"\r\n"
    return header + line * (max(size - len(header), 0) // len(line))


def write_docs(texts: list[str], sections: dict[str, Rounds]) -> None:
    shown = {name: results for name, results in sections.items() if "ending" in name or "same over" in name}
    title = "How many times smtplib's speed (logarithmic)"
    (DOCS / "images" / "performance.svg").write_text(picture(title, shown), encoding="utf-8")
    how = " ".join(__doc__.split("\n\n", 1)[1].split())
    short = figures.sentences(sections[COLD], sections[near(1)], sections[far(1)])
    figures.write(HERE.parent / "README.md", short)
    page = [
        "# Performance", "",
        "Written by `make bench BENCH=--write-docs`; instructions are counted in `docs/instructions.md`.", "",
        short, how, "", f"![{title}](images/performance.svg)", "", *[text + "\n" for text in texts],
    ]  # fmt: skip
    (DOCS / "performance.md").write_text("\n".join(page), encoding="utf-8")


if __name__ == "__main__":
    main()
