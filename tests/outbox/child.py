"""Sends the messages of an outbox: `child.py PATH URL HOW CONNECTIONS [CA_FILE]`. It says when the first
end of mail data is about to be sent. It may be killed at any time."""

import asyncio
import os
import sys

import rsmtp
from rsmtp.outbox import Outbox

path, url, how, connections, *ca_file = sys.argv[1:]
options = {"connections": int(connections), "window": 50, "retries": 1, "backoff": 0.05, "timeout": 20}
if ca_file:
    options["context"] = rsmtp.TlsConfig(ca_file=ca_file[0])
outbox = Outbox(path, lease=float(os.environ.get("LEASE", "0.6")), first_retry=0.1)
say_ends = outbox._store.say_ends


def say_first_ends(*given):
    outbox._store.say_ends = say_ends
    print("sending", flush=True)
    say_ends(*given)


outbox._store.say_ends = say_first_ends
if how == "threads":
    with rsmtp.Mailer(url, **options) as mailer:
        outbox.run(mailer)
else:

    async def run():
        async with rsmtp.AsyncMailer(url, **options) as mailer:
            await outbox.run(mailer)

    asyncio.run(run())
