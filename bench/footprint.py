"""The memory and time that importing and sending cost a separate process.

python footprint.py import MODULE | large PORT FILE | many PORT COUNT
"""

import sys
import time
from pathlib import Path


def memory(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024


def main() -> None:
    what, *arguments = sys.argv[1:]
    began, before = time.perf_counter(), memory("VmRSS")
    if what == "import":
        __import__(arguments[0], fromlist=["SmtpClient"])
        if arguments[0] == "rsmtp":
            _ = sys.modules["rsmtp"].SmtpClient  # is loaded when it is first used
    else:
        import rsmtp

        sender, recipient = "sender@bench.test", "recipient@bench.test"
        with rsmtp.Mailer(f"smtp://127.0.0.1:{arguments[0]}?tls=none") as mailer:
            before = memory("VmRSS")
            if what == "large":
                message = rsmtp.Message(
                    "see the file", attachments=[arguments[1]], from_=sender, to=recipient
                )
                mailer.send(message).raise_for_refused()
            else:
                count = int(arguments[1])
                messages = ((sender, [recipient], b"Subject: %d\r\n\r\nhello\r\n" % n) for n in range(count))
                assert mailer.send_all(messages).sent == count
    print(time.perf_counter() - began, before, memory("VmHWM"))


if __name__ == "__main__":
    main()
