"""An SMTP server that takes everything and keeps nothing, so that the client is what is measured.

Run as a program it serves 127.0.0.1, prints its port, and ends when its standard
input does. Everything that has arrived is answered with one write, so that a
client that pipelines is not held up.
"""

import contextlib
import socket
import sys
import threading

EHLO = b"250-sink\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE\r\n"
END = b"\r\n.\r\n"


def converse(connection: socket.socket) -> None:
    buffer = bytearray()
    in_data = False
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(b"220 sink\r\n")
    while received := connection.recv(1 << 18):
        buffer += received
        replies = bytearray()
        at = 0
        while True:
            if in_data:
                end = buffer.find(END, max(at - 3, 0))
                if end < 0:
                    at = max(len(buffer) - len(END) + 1, at)
                    break
                at = end + len(END)
                in_data = False
                replies += b"250 taken\r\n"
                continue
            end = buffer.find(b"\r\n", at)
            if end < 0:
                break
            verb = bytes(buffer[at : at + 4]).upper()
            if verb == b"BDAT":
                size = int(buffer[at + 5 : end].split()[0])
                if len(buffer) < end + 2 + size:
                    break
                at = end + 2 + size
                replies += b"250 taken\r\n"
                continue
            at = end + 2
            if verb == b"EHLO":
                replies += EHLO
            elif verb == b"DATA":
                replies += b"354 go\r\n"
                in_data = True
                at -= 2  # a message may be empty: the line end before its dot is this one
            elif verb == b"QUIT":
                connection.sendall(replies + b"221 bye\r\n")
                return
            else:
                replies += b"250 ok\r\n"
        del buffer[:at]
        if replies:
            connection.sendall(replies)


def serve(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=attend, args=(connection,), daemon=True).start()


def attend(connection: socket.socket) -> None:
    # A client that goes away knows why.
    with connection, contextlib.suppress(OSError):
        converse(connection)


if __name__ == "__main__":
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=serve, args=(listener,), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    sys.stdin.read()
