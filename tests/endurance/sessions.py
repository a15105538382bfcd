"""Opens many sessions one after the other. `python sessions.py COUNT` prints as JSON the file
descriptors and the memory (KiB) after a tenth of them and at the end."""

import gc
import json
import os
import sys
import time

import rsmtp


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def resident():
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def session(catcher, number):
    """Runs one conversation. Most send a message and quit, some end otherwise."""
    client = rsmtp.SmtpClient(catcher.host, catcher.port, "client.example", timeout=30)
    if number % 10 == 7:
        client.close()
        return
    if number % 10 == 8:
        del client
        return
    client.sendmail("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhello\r\n")
    if number % 10 != 9:
        client.quit()


def main(count):
    started = time.monotonic()
    with rsmtp.Catcher(tls="none", keep=1) as catcher:
        for number in range(count):
            session(catcher, number)
            if number % 1000 == 999:
                catcher.clear()
            if number == count // 10:
                gc.collect()
                early = (descriptors(), resident())
        gc.collect()
        deadline = time.monotonic() + 10
        while catcher.connections and time.monotonic() < deadline:
            time.sleep(0.05)
        late = (descriptors(), resident())
    seconds = round(time.monotonic() - started, 1)
    print(json.dumps({"sessions": count, "seconds": seconds, "early": early, "late": late}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
