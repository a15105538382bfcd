"""Sends the given number of short messages from a generator through `send_all`, to a catcher in
another process. Prints the Report's counts and the memory of this process in KiB."""

import json
import sys

import rsmtp


def status(field):
    with open("/proc/self/status", encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(field))


def main():
    port, count = int(sys.argv[1]), int(sys.argv[2])
    messages = (
        ("a@example.org", ["b@example.org"], b"Subject: %d\r\n\r\nhello\r\n" % number)
        for number in range(count)
    )
    with rsmtp.Mailer(f"smtp://127.0.0.1:{port}?tls=none") as mailer:
        before = status("VmRSS")
        report = mailer.send_all(messages)
    counted = {name: getattr(report, name) for name in ("sent", "refused", "unknown", "not_sent")}
    print(json.dumps({**counted, "seconds": report.seconds, "before": before, "peak": status("VmHWM")}))


if __name__ == "__main__":
    main()
