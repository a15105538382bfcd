"""Many messages through an outbox, beside `send_all` without one, in one run.

python bench/outbox.py [--count 100000] [--rounds 5] [--connections 1]

A line for each: messages a second (median, and the fastest round), CPU microseconds of this process a
message, and the part of plain `send_all`'s rate. The rounds are interleaved. "queued" is `put_all`,
"run" is what follows. The last line is the memory of this process, before the first outbox and at most.
"""

import argparse
import tempfile
import time
from pathlib import Path

from footprint import memory
from run import median, sink

import rsmtp


def messages(count):
    for number in range(count):
        yield "sender@bench.test", ["recipient@bench.test"], b"Subject: %d\r\n\r\nhello\r\n" % number


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=1)
    parser.add_argument("--folder", help="where the file is: on a disk, and not in memory")
    options = parser.parse_args()
    laps = {"send_all": [], "queued": [], "run": []}

    def lap(name, do):
        began, cpu_began = time.perf_counter(), time.process_time()
        assert do() == options.count
        laps[name].append((time.perf_counter() - began, time.process_time() - cpu_began))

    with sink("none") as (port, _):
        url = f"smtp://127.0.0.1:{port}?tls=none"
        for _ in range(options.rounds):
            with rsmtp.Mailer(url, connections=options.connections) as mailer:
                lap("send_all", lambda: mailer.send_all(messages(options.count)).sent)
                before = memory("VmRSS")
                with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                    with rsmtp.Outbox(Path(folder, "outbox.db")) as outbox:
                        lap("queued", lambda: outbox.put_all(messages(options.count)))
                        lap("run", lambda: outbox.run(mailer).sent)
    plain = median([wall for wall, _ in laps["send_all"]])
    for name, measured in laps.items():
        walls, cpus = zip(*measured, strict=True)
        wall = median(walls)
        print(
            f"{name}: {options.count / wall:,.0f}/s, fastest {options.count / min(walls):,.0f}/s, "
            f"{median(cpus) / options.count * 1e6:.2f} µs of CPU, {plain / wall:.2f} of send_all"
        )
    print(f"memory: {before:.1f} MB, {memory('VmHWM'):.1f} MB at most")


if __name__ == "__main__":
    main()
