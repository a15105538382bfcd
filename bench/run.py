"""rsmtp beside its peers, in one run on loopback: Markdown tables on standard output.

Only ratios within one run mean something. The rounds are interleaved (every peer
once, then every peer again), medians are quoted, and the spread is half the range
over the median. CPU is this process's own: the server is another one, and cannot
flatter or limit it.
"""

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import peers

# name, octets of a message, messages in a round
SENDING = (("1 KB", 1_000, 500), ("100 KB", 100_000, 100))
# name, what is built, octets of its attachment, messages in a round
BUILDING = (
    ("text, 1 KB", peers.build_text, 0, 300),
    ("with an attachment of 100 KB", peers.build_with_attachment, 100_000, 30),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="three short rounds")
    options = parser.parse_args()
    rounds, share = (3, 5) if options.quick else (max(options.rounds, 1), 1)

    if "rsmtp.smtplib" not in peers.senders():
        print("rsmtp.smtplib can't be imported: its rows are left out", file=sys.stderr)
    print(f"Python {platform.python_version()}, {os.cpu_count()} CPUs, {rounds} rounds\n")

    sink = subprocess.Popen(
        [sys.executable, Path(__file__).parent / "sink.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        port = int(sink.stdout.readline())
        for name, size, count in SENDING:
            messages = [ready_message(size)] * (count // share)
            contest(
                f"Sending ready messages of {name} over one connection",
                {peer: sending(send, port, messages) for peer, send in peers.senders().items()},
                rounds,
            )
    finally:
        sink.stdin.close()
        sink.wait(10)

    for name, build, size, count in BUILDING:
        contest(
            f"Building: {name}",
            {
                peer: building(build_one, "Ein Gruß in einer Zeile.\n" * 40, size, count // share)
                for peer, build_one in peers.builders(build).items()
            },
            rounds,
        )


# One round of one peer: seconds and CPU seconds for each message.
Round = Callable[[], tuple[float, float]]


def sending(send: peers.Sender, port: int, messages: list[bytes]) -> Round:
    def once() -> tuple[float, float]:
        laps: list[tuple[float, float]] = []
        send(port, messages, lambda: laps.append((time.perf_counter(), time.process_time())))
        (began, cpu_began), (ended, cpu_ended) = laps
        return (ended - began) / len(messages), (cpu_ended - cpu_began) / len(messages)

    return once


def building(build: peers.Builder, body: str, attachment: int, count: int) -> Round:
    octets = os.urandom(attachment)

    def once() -> tuple[float, float]:
        began, cpu_began = time.perf_counter(), time.process_time()
        for _ in range(count):
            build(body, octets)
        return (time.perf_counter() - began) / count, (time.process_time() - cpu_began) / count

    return once


def contest(title: str, rounds_of: dict[str, Round], rounds: int) -> None:
    """Every peer once to warm up, then every peer in turn, and a table of it."""
    for once in rounds_of.values():
        once()
    results: dict[str, list[tuple[float, float]]] = {peer: [] for peer in rounds_of}
    for _ in range(rounds):
        for peer, once in rounds_of.items():
            results[peer].append(once())

    print(f"**{title}**\n")
    print("| peer | messages/s | spread | CPU µs/message | speed | CPU |")
    print("|---|---:|---:|---:|---:|---:|")
    first = None
    for peer, measured in results.items():
        walls, cpus = zip(*measured, strict=True)
        wall, cpu = statistics.median(walls), statistics.median(cpus)
        first = first or (wall, cpu)
        spread = (max(walls) - min(walls)) / 2 / wall
        print(
            f"| {peer} | {1 / wall:,.0f} | {spread:.0%} | {cpu * 1e6:,.0f} "
            f"| {first[0] / wall:.2f} x | {cpu / first[1]:.2f} x |"
        )
    print()


def ready_message(size: int) -> bytes:
    header = b"Subject: bench\r\nFrom: sender@bench.test\r\nTo: recipient@bench.test\r\n\r\n"
    line = b"x" * 76 + b"\r\n"
    return header + line * (max(size - len(header), 0) // len(line))


if __name__ == "__main__":
    main()
