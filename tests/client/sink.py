"""A server on a bare socket that measures a message and doesn't keep it. `python sink.py
[CHUNKING]` prints its port and serves one client. It then prints as JSON the declared SIZE, the
number of octets that arrived, and the SHA-256 of the attachment."""

import base64
import contextlib
import hashlib
import json
import socket
import sys

START = b"Content-Disposition: attachment"
# How binary content ends: with a boundary.
END = b"\r\n--====="


class Attachment:
    """Takes mail data and computes the digest of its only attachment."""

    def __init__(self):
        self.octets = 0
        self.sha256 = hashlib.sha256()
        self._head = b""
        self._rest = b""
        self._state = "before"

    def feed(self, data):
        self.octets += len(data)
        if self._state == "before":
            self._head += data
            at = self._head.find(START)
            end = self._head.find(b"\r\n\r\n", at)
            if at < 0 or end < 0:
                return
            data, self._state = self._head[end + 4 :], "within"
            part = self._head[:end].rpartition(b"\r\n--")[2]
            self._is_binary = b"Content-Transfer-Encoding: binary" in part
        if self._state == "within":
            (self._binary if self._is_binary else self._encoded)(data)

    def _binary(self, data):
        data = self._rest + data
        end = data.find(END)
        if end >= 0:
            self._state = "after"
        whole = end if end >= 0 else max(len(data) - len(END), 0)
        self.sha256.update(data[:whole])
        self._rest = data[whole:]

    def _encoded(self, data):
        data = self._rest + data
        end = data.find(b"--")
        if end >= 0:
            data, self._state = data[:end], "after"
        # The chunk must not cut a line end in two.
        keep = 0 if end >= 0 or not data.endswith(b"\r") else 1
        text = data[: len(data) - keep].replace(b"\r\n", b"")
        whole = len(text) if end >= 0 else len(text) // 4 * 4
        self._rest = text[whole:] + data[len(data) - keep :]
        self.sha256.update(base64.b64decode(text[:whole], validate=True))


def serve(peer, extensions):
    stream = peer.makefile("rb", buffering=1 << 18)
    attachment, size = Attachment(), None
    peer.sendall(b"220 sink\r\n")
    while line := stream.readline().decode().strip():
        verb, *words = line.split()
        verb = verb.upper()
        if verb == "EHLO":
            offered = ["sink", *extensions, "SIZE"]
            peer.sendall("".join(f"250-{word}\r\n" for word in offered).encode() + b"250 HELP\r\n")
            continue
        if verb == "MAIL":
            size = next(int(word[5:]) for word in words if word.upper().startswith("SIZE="))
        elif verb == "BDAT":
            left = int(words[0])
            while left:
                piece = stream.read(min(left, 1 << 18))
                left -= len(piece)
                attachment.feed(piece)
        elif verb == "DATA":
            peer.sendall(b"354 go on\r\n")
            held = b""
            while True:
                piece = held + stream.read1(1 << 18)
                # No line of the Base64 text or the fields begins with a dot.
                if piece.endswith(b"\r\n.\r\n"):
                    attachment.feed(piece[:-3])
                    break
                held = piece[-4:]
                attachment.feed(piece[:-4])
        elif verb == "QUIT":
            # A mailer does not wait for the answer, and may have closed the connection.
            with contextlib.suppress(ConnectionError):
                peer.sendall(b"221 bye\r\n")
            break
        peer.sendall(b"250 ok\r\n")
    return {"size": size, "octets": attachment.octets, "sha256": attachment.sha256.hexdigest()}


def main(extensions):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        peer, _ = listener.accept()
        with peer:
            print(json.dumps(serve(peer, extensions)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
