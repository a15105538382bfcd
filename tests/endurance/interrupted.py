"""Sends in a loop until SIGINT arrives. Then prints in one line whether there was exactly one
KeyboardInterrupt, and whether the client is either usable or reports that it is closed."""

import faulthandler
import sys

import rsmtp
from rsmtp.errors import SMTPServerDisconnected


def main(host, port):
    client = None
    # If the run hangs before it is interrupted, this shows where.
    faulthandler.dump_traceback_later(15, exit=True)
    # Imported early, because importlib's own callbacks sometimes lose an interrupt.
    assert rsmtp.SmtpClient
    try:
        print("ready", flush=True)
        while True:
            client = rsmtp.SmtpClient(host, port, "client.example", timeout=30)
            for _ in range(3):
                client.sendmail("a@example.org", ["b@example.org"], b"Subject: x\r\n\r\nhello\r\n")
            client.quit()
    except KeyboardInterrupt:
        state = "none" if client is None else client.state
    try:
        if client is not None:
            client.noop()
    except SMTPServerDisconnected:
        pass
    with rsmtp.SmtpClient(host, port, "client.example", timeout=30) as other:
        other.sendmail("a@example.org", ["b@example.org"], b"Subject: after\r\n\r\nhello\r\n")
    print("interrupted", state, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
