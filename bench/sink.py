"""The server of the benchmarks: a catcher that stores nothing. Prints its port and CA file, and ends
when its standard input ends."""

import os
import sys

import rsmtp

# The CPU on which the client can also run.
if hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

with rsmtp.Catcher(
    tls=sys.argv[1],
    keep=0,
    username="user",
    password="password",
    # SCRAM would be the choice of rsmtp alone, and is slow by design.
    mechanisms=["PLAIN"],
    max_size=1 << 32,
) as catcher:
    print(catcher.port, catcher.ca_file or "-", flush=True)
    sys.stdin.read()
