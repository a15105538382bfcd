"""1,000 sessions at once in one loop: prints how many were open together, how many
messages went, and the most memory that the process held, in MB.

Arguments: port and CA file of a catcher.
"""

import asyncio
import re
import sys
from pathlib import Path

import rsmtp

SESSIONS = 1000


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
    # Not ru_maxrss: it counts what the process was before it became this program.
    kilobytes = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]
    print(most, sent, int(kilobytes) // 1024)


asyncio.run(main())
