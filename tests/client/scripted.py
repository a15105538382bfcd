"""Servers that follow a script exactly, on bare sockets.

A script is a function that gets a `Peer` (the accepted connection) and runs in its own thread. An
exception that it raises is raised again when the server is left, unless the client has ended the
connection.
"""

import contextlib
import socket
import struct
import threading
import time

GONE = (ConnectionError, BrokenPipeError)


class Peer:
    """The server's end of one connection. `heard` has every octet that arrived, in order."""

    def __init__(self, accepted):
        self.socket = accepted
        self.socket.settimeout(50)
        if accepted.family != socket.AF_UNIX:
            # Nagle's algorithm would delay a reply, and a reset could then discard it.
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.heard = bytearray()
        self._unread = b""

    def say(self, *lines):
        """Sends the lines with their CRLFs in one write."""
        self.send(b"".join(_octets(line) + b"\r\n" for line in lines))

    def send(self, octets):
        self.socket.sendall(octets)

    def line(self):
        """Reads the next line without its end. Returns an empty line if the client has closed."""
        while b"\n" not in self._unread:
            if not self._receive():
                rest, self._unread = self._unread, b""
                return rest.decode("utf-8", "replace")
        line, _, self._unread = self._unread.partition(b"\n")
        return line.rstrip(b"\r").decode("utf-8", "replace")

    def mail_data(self):
        """Reads everything up to and including the line with the lone dot."""
        lines = []
        while not lines or lines[-1] != b".\r\n":
            while b"\n" not in self._unread:
                if not self._receive():
                    return b"".join(lines)
            line, _, self._unread = self._unread.partition(b"\n")
            lines.append(line + b"\n")
        return b"".join(lines)

    def octets(self, count):
        """Reads `count` octets, or fewer if the client closes."""
        while len(self._unread) < count and self._receive():
            pass
        taken, self._unread = self._unread[:count], self._unread[count:]
        return taken

    def until_closed(self):
        """Waits until the client has closed. Returns the octets that arrived until then."""
        with contextlib.suppress(*GONE):
            while self._receive():
                pass
        rest, self._unread = self._unread, b""
        return rest

    def offer_tls(self):
        """The server's side up to the handshake: STARTTLS is offered, and asked for."""
        self.say("220 hello")
        self.line()
        self.say("250-server", "250 STARTTLS")
        self.line()
        self.say("220 go on")

    def secure(self, context):
        """Performs the server's side of a TLS handshake."""
        # In two steps, so that the socket is closed in the end wherever the handshake fails.
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.socket.do_handshake()

    def reset(self):
        """Ends the connection with a TCP reset."""
        linger = struct.pack("ii", 1, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.socket.close()

    def half_close(self):
        """Closes the sending side, but continues to read."""
        self.socket.shutdown(socket.SHUT_WR)

    def _receive(self):
        octets = self.socket.recv(65536)
        self.heard += octets
        self._unread += octets
        return octets


class Server:
    """Listens, and runs the script for each connection."""

    def __init__(self, script, *, path=None, host="127.0.0.1"):
        self._script = script
        self._path = path
        if path is None:
            self._listener = socket.create_server((host, 0), backlog=50)
            self.host, self.port = self._listener.getsockname()
        else:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(path))
            self._listener.listen(50)
            self.host, self.port = str(path), 0
        self.peers = []
        self._threads = []
        # This lock is held while a script is started, because a thread can't be joined before it runs.
        self._starting = threading.Lock()
        self._errors = []
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def heard(self):
        """The octets that arrived over the only connection, or over the last one."""
        return bytes(self.peers[-1].heard) if self.peers else b""

    def wait_for_end(self, seconds=20):
        """Waits until every script started so far has ended."""
        end = time.monotonic() + seconds
        for thread in self._started():
            thread.join(max(0, end - time.monotonic()))
            assert not thread.is_alive(), "the server's script has not come to its end"

    def _accept(self):
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            peer = Peer(accepted)
            self.peers.append(peer)
            thread = threading.Thread(target=self._run, args=(peer,), daemon=True)
            with self._starting:
                self._threads.append(thread)
                thread.start()

    def _started(self):
        with self._starting:
            return list(self._threads)

    def _run(self, peer):
        try:
            self._script(peer)
        except GONE:
            pass
        except OSError as error:
            # The test has already closed this TLS connection or socket.
            if not self._listener._closed:
                self._errors.append(error)
        except BaseException as error:
            self._errors.append(error)
        finally:
            peer.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        # close() alone does not wake a thread that waits in accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join(10)
        for peer in self.peers:
            with contextlib.suppress(OSError):
                peer.socket.shutdown(socket.SHUT_RDWR)
        for thread in self._started():
            thread.join(10)
        if value is None and self._errors:
            raise self._errors[0]


def serve(script, **options):
    """`with serve(script) as server:` listens on a free port."""
    return Server(script, **options)


def answering(replies=None, *, extensions=(), greeting="220 hello", before=None):
    """A script that answers as an ordinary server, but for `replies`: a verb, or the
    beginning of a command, with its reply (lines in a list). A list of replies in a
    tuple is used up one by one, the last one again and again.

    "." is the reply to the mail data; None is a connection that closes instead.
    """
    replies = dict(replies or {})
    ehlo = ["250-server", *(f"250-{e}" for e in extensions), "250 HELP"]
    usual = {
        "EHLO": ehlo,
        "LHLO": ehlo,
        "DATA": "354 go on",
        "QUIT": "221 bye",
        "AUTH": "235 welcome",
        "VRFY": "252 maybe",
    }

    def script(peer):
        left = {key: list(value) for key, value in replies.items() if isinstance(value, tuple)}

        def reply_to(command):
            for key in sorted(replies, key=len, reverse=True):
                if command.upper().startswith(key.upper()):
                    if key in left:
                        return left[key].pop(0) if len(left[key]) > 1 else left[key][0]
                    return replies[key]
            return usual.get(command.split(" ")[0].upper(), "250 ok")

        def say(reply):
            if reply is None:
                return False
            peer.say(*([reply] if isinstance(reply, (str, bytes)) else reply))
            lines = [reply] if isinstance(reply, (str, bytes)) else reply
            return not _octets(lines[-1]).startswith(b"421")

        if before:
            before(peer)
        if not say(greeting):
            return
        while command := peer.line():
            reply = reply_to(command)
            first = _octets("" if reply is None else reply if isinstance(reply, (str, bytes)) else reply[-1])
            if command.upper().startswith("BDAT ") and first.startswith(b"2"):
                peer.octets(int(command.split()[1]))
            if not say(reply):
                break
            if command.upper() == "DATA" and first.startswith(b"354"):
                peer.mail_data()
                if not say(reply_to(".")):
                    break
            if command.upper() == "QUIT":
                break
        # Octets after the end are recorded, too, because the test checks them.
        with contextlib.suppress(OSError):
            peer.socket.shutdown(socket.SHUT_WR)
        peer.until_closed()

    return script


def _octets(line):
    return line.encode(errors="surrogateescape") if isinstance(line, str) else line
