"""Identifies the current boot of the machine.

Data that a process wrote to the file survives the process even without fsync, because the operating
system holds it; only a stopped machine loses it. So an owner's records are complete within the boot they
were written in. After a reboot some may be missing, and everything the owner had claimed may have been
sent.
"""

from __future__ import annotations

import functools


@functools.cache
def present() -> str | None:
    """The current boot's id. None: this system has no such id, so every write waits for the disk."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip() or None
    except (OSError, UnicodeDecodeError):
        return None
