"""Many messages through an outbox, beside `send_all` without one, in one run.

python bench/outbox.py [--count 100000] [--rounds 5] [--connections 1] [--loop] [--after-send]

A line for each: messages a second (median, and the fastest round), CPU microseconds of this process a
message, and the part of plain `send_all`'s rate in the same round (median, and the range). The rounds are
interleaved. "queued" is `put_all`, "run" is what follows. `--loop` measures an AsyncMailer, `--after-send`
mailers that have such a hook. The last line is the memory of this process, before the first outbox and at
most.
"""

import argparse
import asyncio
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
    parser.add_argument("--loop", action="store_true", help="an AsyncMailer")
    parser.add_argument("--after-send", action="store_true", help="mailers with such a hook")
    parser.add_argument("--folder", help="where the file is: on a disk, and not in memory")
    options = parser.parse_args()
    settings = {"connections": options.connections}
    if options.after_send:
        settings["after_send"] = lambda receipt: None
    laps = {"send_all": [], "queued": [], "run": []}

    def begin():
        return time.perf_counter(), time.process_time()

    def lap(name, began, count):
        assert count == options.count, count
        laps[name].append((time.perf_counter() - began[0], time.process_time() - began[1]))

    def queued(outbox):
        began = begin()
        lap("queued", began, outbox.put_all(messages(options.count)))

    def by_threads(url, path):
        with rsmtp.Mailer(url, **settings) as mailer:
            began = begin()
            lap("send_all", began, mailer.send_all(messages(options.count)).sent)
            with rsmtp.Outbox(path) as outbox:
                queued(outbox)
                began = begin()
                lap("run", began, outbox.run(mailer).sent)

    async def by_a_loop(url, path):
        async with rsmtp.AsyncMailer(url, **settings) as mailer:
            began = begin()
            lap("send_all", began, (await mailer.send_all(messages(options.count))).sent)
            with rsmtp.Outbox(path) as outbox:
                queued(outbox)
                began = begin()
                lap("run", began, (await outbox.run(mailer)).sent)

    with sink("none") as (port, _):
        url = f"smtp://127.0.0.1:{port}?tls=none"
        before = memory("VmRSS")
        for _ in range(options.rounds):
            with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                path = Path(folder, "outbox.db")
                if options.loop:
                    asyncio.run(by_a_loop(url, path))
                else:
                    by_threads(url, path)
    for name, measured in laps.items():
        walls, cpus = zip(*measured, strict=True)
        parts = [plain / wall for (plain, _), wall in zip(laps["send_all"], walls, strict=True)]
        print(
            f"{name}: {options.count / median(walls):,.0f}/s, fastest {options.count / min(walls):,.0f}/s, "
            f"{median(cpus) / options.count * 1e6:.2f} µs of CPU, {median(parts):.2f} of send_all "
            f"({min(parts):.2f} to {max(parts):.2f})"
        )
    print(f"memory: {before:.1f} MB, {memory('VmHWM'):.1f} MB at most")


if __name__ == "__main__":
    main()
