"""Opens 1,000 sessions at once in one event loop. Prints how many were open together, how many
messages were sent, and the peak memory of the process in MB.

Arguments: port and CA file of a catcher.
"""

import asyncio
import resource
import sys
from pathlib import Path

import rsmtp

SESSIONS = 1000


def peak():
    """The peak memory in KiB. getrusage may report the parent's, from before exec."""
    status = Path("/proc/self/status")
    if not status.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))


async def main():
    port, ca_file = int(sys.argv[1]), sys.argv[2]
    tls = rsmtp.TlsConfig(ca_file=ca_file)
    arrived = asyncio.Barrier(SESSIONS)
    most = sent = 0

    async def session(number):
        nonlocal most, sent
        async with rsmtp.AsyncSmtpClient("localhost", port, tls="starttls", context=tls) as client:
            await arrived.wait()
            most += client.sock is not None
            await client.sendmail("a@example.org", f"{number}@example.org", "Subject: s\n\nhello\n")
            sent += 1

    async with asyncio.TaskGroup() as group:
        for number in range(SESSIONS):
            group.create_task(session(number))
    print(most, sent, peak() // 1024)


asyncio.run(main())
