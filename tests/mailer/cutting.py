"""A server that closes the connection at a given octet of its input or its output."""

import contextlib
import re
import socket

EHLO = {
    "BDAT": ["PIPELINING", "CHUNKING", "8BITMIME"],
    "DATA": ["PIPELINING", "8BITMIME"],
    "plain": ["8BITMIME"],
}


class Cut(Exception):
    """The connection is cut at this octet."""


class Cutting:
    """A script for `client.scripted.serve`. Its first session ends at an octet, counted from the
    first octet of mail. All later sessions are normal. `took` names the recipient of each message
    that it has taken, once for each time. `told` has those whose answer was sent completely
    before the end."""

    def __init__(self, offer, *, heard=None, said=None, reset=False, refuses=()):
        self.offer = EHLO[offer]
        self.heard, self.said = heard, said
        self.reset = reset
        self.refuses = refuses
        self.took, self.told = [], []
        self.was_cut = False
        self.sessions = 0

    def __call__(self, peer):
        self.sessions += 1
        # Small replies are sent at once and don't wait for the next acknowledgement.
        peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        session = Session(self, peer, bounded=self.sessions == 1)
        try:
            session.hold()
        except Cut:
            self.was_cut = True
            if self.reset:
                peer.reset()
                return
            with contextlib.suppress(OSError):
                peer.half_close()
            peer.until_closed()


class Session:
    def __init__(self, server, peer, bounded):
        self.server, self.peer = server, peer
        self.bounded = bounded
        self.hears, self.says = server.heard, server.said
        self.counting = False
        self.unread = b""
        self.recipients = []

    def hold(self):
        self.say("220 hello")
        while command := self.line():
            verb = command.split(" ")[0].upper()
            if verb == "EHLO":
                self.say(*("250-" + word for word in ["server", *self.server.offer]), "250 HELP")
                self.counting = self.bounded
            elif verb == "MAIL":
                self.say("250 ok")
            elif verb == "RCPT":
                who = re.search("<(.*)>", command)[1]
                if who in self.server.refuses:
                    self.say("550 5.1.1 no such user")
                else:
                    self.recipients.append(who)
                    self.say("250 ok")
            elif verb == "DATA":
                if not self.recipients:
                    self.say("554 no valid recipients")
                    continue
                self.say("354 go on")
                while (line := self.line()) != ".":
                    if line is None:
                        return
                self.take()
            elif verb == "BDAT":
                size = int(command.split()[1])
                while len(self.unread) < size:
                    if not self.hear():
                        return
                self.unread = self.unread[size:]
                if not self.recipients:
                    self.say("554 no valid recipients")
                elif command.endswith("LAST"):
                    self.take()
                else:
                    self.say("250 ok")
            elif verb == "RSET":
                self.recipients = []
                self.say("250 ok")
            elif verb == "QUIT":
                self.say("221 bye")
                break
            else:
                self.say("500 what?")

    def take(self):
        who, self.recipients = tuple(self.recipients), []
        self.server.took.append(who)
        self.say(f"250 2.0.0 queued as {'+'.join(who)}")
        self.server.told.append(who)

    def line(self):
        while b"\n" not in self.unread:
            if not self.hear():
                return None
        line, _, self.unread = self.unread.partition(b"\n")
        return line.decode().rstrip("\r")

    def hear(self):
        bounded = self.counting and self.hears is not None
        if bounded and not self.hears:
            raise Cut
        octets = self.peer.socket.recv(min(4096, self.hears) if bounded else 4096)
        if bounded:
            self.hears -= len(octets)
        self.unread += octets
        return len(octets)

    def say(self, *lines):
        octets = "".join(line + "\r\n" for line in lines).encode()
        some = octets
        if self.counting and self.says is not None:
            some, self.says = octets[: self.says], self.says - min(self.says, len(octets))
        with contextlib.suppress(OSError):
            self.peer.send(some)
        if len(some) < len(octets):
            raise Cut
