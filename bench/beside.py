"""Two builds of rsmtp side by side: what a change costs a mailer, or brings.

    python bench/beside.py BEFORE AFTER [--rounds 7] [--count 20000]

Each is a folder with an importable `rsmtp` in it: `python/` of a checkout with a release
build, or what `pip install --target` has made of a wheel. Rounds are interleaved, each in a process of its
own and over the same server (that of BEFORE), and ratios are of neighbours: medians are quoted,
and the range over all rounds. Only the ratios mean something, and only on an idle machine.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import peers
from tables import median

HERE = Path(__file__).parent
ROUND_TRIP = 0.020
MESSAGE = (
    b"From: <sender@bench.test>\r\nTo: <recipient@bench.test>\r\nSubject: hello\r\n\r\n" + b"x" * 70 + b"\r\n"
)


def signed(rsmtp, port, message, count, connections, lap):
    from rsmtp._rsmtp import _new_dkim_key

    dkim = rsmtp.Dkim("bench.test", "bench", _new_dkim_key())
    data = (peers.SENDER, [peers.RECIPIENT], message)
    with rsmtp.Mailer(peers.url(port), connections=connections, dkim=dkim) as mailer:
        mailer.send(data)
        lap()
        assert mailer.send_all([data] * count).sent == count
        lap()


def one_by_one(rsmtp, port, message, count, connections, lap):
    data = (peers.SENDER, [peers.RECIPIENT], message)
    with rsmtp.Mailer(peers.url(port), connections=connections) as mailer:
        mailer.send(data)
        lap()
        for _ in range(count):
            mailer.send(data)
        lap()


# name -> (sender, number of sessions, round trip in seconds, share of the count)
CASES = {
    "send_all, one session": (peers.send_with_mailer, 1, 0.0, 1.0),
    "send_all, four sessions": (peers.send_with_mailer, 4, 0.0, 1.0),
    "send_all of Messages": (peers.build_and_send_with_mailer, 1, 0.0, 0.5),
    f"send_all, {ROUND_TRIP * 1000:.0f} ms away": (peers.send_with_mailer, 1, ROUND_TRIP, 1.0),
    f"send_all, ten sessions, {ROUND_TRIP * 1000:.0f} ms away": (peers.send_with_mailer, 10, ROUND_TRIP, 1.0),
    "send_all, signed (DKIM)": (signed, 1, 0.0, 0.05),
    "AsyncMailer.send_all, one session": (peers.send_with_async_mailer, 1, 0.0, 1.0),
    "AsyncMailer.send_all, four sessions": (peers.send_with_async_mailer, 4, 0.0, 1.0),
    "send, one by one": (one_by_one, 1, 0.0, 0.1),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--count", type=int, default=20_000, help="messages of a round")
    parser.add_argument("--only", help="cases whose name has this in it")
    options = parser.parse_args()
    load = os.getloadavg()[0]
    print(f"{os.cpu_count()} CPUs, load {load:.1f}, {options.rounds} rounds of {options.count:,}\n")
    print("| what | before/s | after/s | speed | range | CPU | memory, MB |")
    print("|---|---:|---:|---:|---|---:|---|", flush=True)
    for name, (_, _, away, part) in CASES.items():
        if options.only is None or options.only in name:
            print(row(name, away, max(1, round(options.count * part)), options), flush=True)


def row(name: str, away: float, count: int, options: argparse.Namespace) -> str:
    sink = started(options.before, "sink.py", "none")
    port = sink.stdout.readline().split()[0]
    link = started(options.before, "link.py", port, str(away / 2)) if away else None
    if link is not None:
        port = link.stdout.readline().split()[0]
    measured = []
    try:
        for _ in range(options.rounds):
            pair = []
            for build in (options.before, options.after):
                said = subprocess.run(
                    [sys.executable, str(HERE / "beside.py"), "--one", name, port, str(count)],
                    env=environment(build), capture_output=True, text=True, check=True,
                )  # fmt: skip
                pair.append(json.loads(said.stdout))
            measured.append(pair)
    finally:
        for server in filter(None, (link, sink)):
            server.stdin.close()
            server.wait()
    rates = [median(pair[at]["rate"] for pair in measured) for at in (0, 1)]
    ratios = [after["rate"] / before["rate"] for before, after in measured]
    cpu = median(after["cpu"] / before["cpu"] for before, after in measured)
    memory = "to".join(f" {median(pair[at]['memory'] for pair in measured):.0f} " for at in (0, 1))
    return (
        f"| {name} | {rates[0]:,.0f} | {rates[1]:,.0f} | {median(ratios):.2f} "
        f"| {min(ratios):.2f} to {max(ratios):.2f} | {cpu:.2f} |{memory}|"
    )


def started(build: Path, script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(HERE / script), *arguments],
        env=environment(build), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def environment(build: Path) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(build.resolve())}


def one(name: str, port: str, count: str) -> None:
    """Runs one round in its own process, and prints the result as JSON."""
    import resource

    import rsmtp

    laps = []
    send, sessions, _, _ = CASES[name]
    send(
        rsmtp,
        int(port),
        MESSAGE,
        int(count),
        sessions,
        lambda: laps.append((time.perf_counter(), time.process_time())),
    )
    (began, cpu_began), (ended, cpu_ended) = laps
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"rate": int(count) / (ended - began), "cpu": cpu_ended - cpu_began, "memory": memory}))


if __name__ == "__main__":
    one(*sys.argv[2:]) if sys.argv[1:2] == ["--one"] else main()
