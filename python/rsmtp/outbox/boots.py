"""By what a machine's runs are told apart.

What a process has written to the file survives its end, also where it did not wait for the disk:
the operating system has it. Only a machine that stops loses that. So what an owner has written
counts to the last word in the boot that it was written in; in a later one there may have been more,
and all that it had claimed may have been sent.
"""

from __future__ import annotations

import functools


@functools.cache
def present() -> str | None:
    """The present one. None: this system doesn't tell them apart, and each word waits for the disk."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
            return file.read().strip() or None
    except (OSError, UnicodeDecodeError):
        return None
