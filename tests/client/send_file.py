"""Sends a file as an attachment: `python send_file.py PORT FILE path|object|memory` prints,
as JSON, by how many kilobytes that raised the peak of this process's memory."""

import json
import sys
from pathlib import Path

import rsmtp


def peak():
    """The most memory that was resident since it was last reset (proc(5))."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    [line] = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1])


def main(port, path, how):
    path = Path(path)
    client = rsmtp.SmtpClient("127.0.0.1", port, "client.example", timeout=60)
    client.ehlo()
    with open(path, "rb") as file:
        given = {
            "path": lambda: path,
            "object": lambda: file,
            "memory": lambda: (path.name, path.read_bytes()),
        }[how]()
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
        before = peak()
        message = rsmtp.Message(
            "x" * 1000, subject="s", from_="a@example.org", to="b@example.org", attachments=[given]
        )
        refused = client.send_message(message)
        print(json.dumps({"refused": refused, "rise": peak() - before}))
    client.quit()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], sys.argv[3])
