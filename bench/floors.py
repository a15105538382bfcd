"""The limits that the protocol itself sets: raw sockets that send the same octets again and again, in
as few writes as SMTP allows, and count the replies. No peer can need less. A peer that takes a new
message each time, examines it and reports its fate can't reach these limits.
"""

import asyncio
import select
import socket
import ssl
import threading

HOST = "127.0.0.1"
# The largest number of unanswered messages, and roughly how many octets go into one write.
WINDOW, TOGETHER = 2048, 32 * 1024
# A chunk may have any length. With BDAT a message has three replies.
ANSWERS = 3


def one_by_one(sender, recipient, port, message, count, connections, lap):
    """MAIL, RCPT and BDAT in one write, then the replies: one round trip per message."""
    said = transaction(sender, recipient, message)

    def work(connection, share):
        for _ in range(share):
            connection.sendall(said)
            heard = 0
            while heard < ANSWERS:
                heard += answers(connection)

    on_all(work, port, count, connections, lap)


def in_flight(sender, recipient, port, message, count, connections, lap):
    """The same, but further messages are sent before the replies arrive."""
    said = transaction(sender, recipient, message)
    most = max(TOGETHER // len(said), 1)
    together = said * most

    def work(connection, share):
        connection.setblocking(False)
        begun = heard = 0
        left = memoryview(b"")
        while heard < share * ANSWERS:
            if not left and begun < share and begun - heard // ANSWERS < WINDOW:
                some = min(most, share - begun)
                left = memoryview(together)[: some * len(said)]
                begun += some
            readable, writable, _ = select.select([connection], [connection] if left else [], [])
            if readable:
                heard += answers(connection)
            if writable:
                left = left[connection.send(left) :]

    on_all(work, port, count, connections, lap)


def one_by_one_by_asyncio(sender, recipient, port, message, count, connections, lap):
    """As `one_by_one`, by a transport of asyncio's own: a turn of the loop for each message."""
    said = transaction(sender, recipient, message)

    class Replies(asyncio.Protocol):
        heard, complete = 0, None

        def data_received(self, octets):
            check(octets)
            self.heard += octets.count(b"\n")
            if self.heard == ANSWERS:
                self.heard = 0
                self.complete.set_result(None)

        def connection_lost(self, why):
            if self.complete is not None and not self.complete.done():
                self.complete.set_exception(why or RuntimeError("the server closed the connection"))

    async def work(transport, replies, share):
        loop = asyncio.get_running_loop()
        for _ in range(share):
            replies.complete = loop.create_future()
            transport.write(said)
            await replies.complete

    async def main():
        loop = asyncio.get_running_loop()
        opened = [await loop.create_connection(Replies, sock=introduced(port)) for _ in range(connections)]
        lap()
        pairs = zip(opened, shares(count, connections), strict=True)
        await asyncio.gather(*(work(*pair, share) for pair, share in pairs))
        lap()
        for transport, _ in opened:
            transport.close()

    asyncio.run(main())


def session(sender, recipient, port, ca_file, message):
    """A whole session in five turns: EHLO, STARTTLS, EHLO in the first flight of a TLS that resumes,
    AUTH, and the rest in one write."""
    context, resumed = _LAST.get(ca_file) or (ssl.create_default_context(cafile=ca_file), None)
    with introduced(port) as plain:
        plain.sendall(b"STARTTLS\r\n")
        whole_reply(plain)
        with context.wrap_socket(plain, server_hostname="localhost", session=resumed) as connection:
            connection.sendall(b"EHLO bench.test\r\n")
            whole_reply(connection)
            connection.sendall(b"AUTH PLAIN AHVzZXIAcGFzc3dvcmQ=\r\n")
            whole_reply(connection)
            connection.sendall(transaction(sender, recipient, message) + b"QUIT\r\n")
            heard = 0
            while heard < ANSWERS + 1:
                heard += answers(connection)
            # The server gives another ticket to each session.
            _LAST[ca_file] = context, connection.session


# The TLS settings for a CA file, and the last session.
_LAST = {}


def transaction(sender, recipient, message):
    commands = f"MAIL FROM:<{sender}>\r\nRCPT TO:<{recipient}>\r\nBDAT {len(message)} LAST\r\n"
    return commands.encode() + message


def shares(count, connections):
    """How many messages each connection sends."""
    return [count // connections + (place < count % connections) for place in range(connections)]


def on_all(work, port, count, connections, lap):
    opened = [introduced(port) for _ in range(connections)]
    pairs = zip(opened, shares(count, connections), strict=True)
    threads = [threading.Thread(target=work, args=pair) for pair in pairs]
    lap()
    if connections == 1:
        work(opened[0], count)
    else:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    lap()
    for connection in opened:
        connection.close()


def introduced(port):
    connection = socket.create_connection((HOST, port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    whole_reply(connection)
    connection.sendall(b"EHLO bench.test\r\n")
    whole_reply(connection)
    return connection


def whole_reply(connection):
    heard = b"\n"
    while not heard.endswith(b"\r\n") or heard.splitlines()[-1][3:4] == b"-":
        heard += received(connection)
    check(heard)


def answers(connection):
    """The number of lines received: each reply is one line."""
    octets = received(connection)
    check(octets)
    return octets.count(b"\n")


def received(connection):
    octets = connection.recv(65536)
    if not octets:
        raise RuntimeError("the server closed the connection")
    return octets


def check(octets):
    # What is received may begin within a line, with any digit.
    if b"\n4" in octets or b"\n5" in octets:
        raise RuntimeError(f"the server refused: {octets[:80]!r}")
