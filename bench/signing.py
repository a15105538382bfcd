"""DKIM: signatures on all CPUs, compared with the result of `openssl speed`.

    python bench/signing.py

prints only this table of `make bench`.
"""

import argparse
import os
import re
import subprocess
from collections.abc import Callable

NAMES = ["sender@bench.test", "recipient@bench.test"]


def available() -> bool:
    """Whether OpenSSL is installed for the comparison."""
    try:
        return subprocess.run(["openssl", "version"], capture_output=True).returncode == 0
    except OSError:
        return False


def openssl(seconds: float) -> tuple[float, float]:
    """Seconds, and CPU seconds, for one RSA-2048 signature on all CPUs."""
    cpus = os.cpu_count() or 1
    # -elapsed: by the clock, as ours. Otherwise openssl leaves out what it waits for a CPU.
    options = ["-elapsed", "-multi", str(cpus), "-seconds", str(max(1, round(seconds)))]
    command = ["openssl", "speed", *options, "rsa2048"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"^rsa\s+2048 bits\s+(?:[\d.]+s\s+){2,4}([\d.]+)", done.stdout, re.M)
    assert found is not None, done.stdout
    each = 1 / float(found[1])
    return each, each * cpus


def rounds_of(
    port: int, message: bytes, seconds: float, timed: Callable[..., Callable[[], tuple[float, float]]]
):
    """Maps each peer to a function that runs one round. `timed` makes it from a sender."""
    import rsmtp
    from rsmtp._rsmtp import _new_dkim_key

    dkim = rsmtp.Dkim("bench.test", "bench", _new_dkim_key())

    def by(url: str) -> Callable[..., None]:
        def send(port, message, count, connections, lap):
            data = (NAMES[0], NAMES[1], message)
            with rsmtp.Mailer(url, connections=connections, dkim=dkim) as mailer:
                mailer.send(data)
                lap()
                report = mailer.send_all([data] * count)
                lap()
            assert report.ok, report

        return send

    return {
        "openssl speed": lambda: openssl(seconds),
        "rsmtp.Mailer, nothing sent": timed(by("null:"), port, message, 2, seconds),
        "rsmtp.Mailer, sent": timed(by(f"smtp://127.0.0.1:{port}?tls=none"), port, message, 2, seconds),
    }


def main() -> None:
    import run
    from tables import table

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0)
    options = parser.parse_args()
    with run.sink("none") as (port, _):
        results = run.contest(
            rounds_of(port, run.ready_message(2048), options.seconds, run.sent), options.rounds
        )
    print(table(run.SIGNING, "signature", results))


if __name__ == "__main__":
    main()
