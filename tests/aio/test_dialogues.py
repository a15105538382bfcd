"""Replays the dialogues of tests/dialogues over real sockets with both drivers. The client sends
exactly the octets of the dialogue, and both drivers give the same result."""

import asyncio
import re
import ssl
import threading
from pathlib import Path

import pytest
from client.scripted import serve

from rsmtp import TlsConfig, aio
from rsmtp._rsmtp import Connection, Request, Settings
from servers import certificates

FOLDER = Path(__file__).parent.parent / "dialogues"
# On loopback the password may be sent without TLS, because it stays on this machine.
ELSEWHERE = {"auth-needs-tls", "no-plaintext-neither-login-nor-mail"}
# These have several messages in flight, but a client makes one request at a time.
BULK = {
    "chunked-and-bdat-out-of-sequence",
    "chunked-and-bdat-unknown",
    "next-message-behind-the-final-dot",
    "next-message-out-of-sequence",
    "next-message-refused-for-policy",
    "next-message-too-early-for-554",
    "session-has-had-its-messages",
}
# The Rust test makes up the details of these logins, such as nonces and TLS bindings. Both drivers
# use these mechanisms in tests/client/test_scram.py and test_external.py.
MADE_UP = ("scram-", "external-")
# Delivery options and a provider's limits are the engine's own types in these dialogues.
# tests/dialogues.rs replays them, and tests/envelope uses the options through clients and mailers.
TYPED = re.compile(r"^! send \S+ \S+ \S|^options: .*(largest|recipients)=", re.MULTILINE)
DIALOGUES = sorted(
    path.stem
    for path in FOLDER.glob("*.smtp")
    if not TYPED.search(path.read_text())
    and path.stem not in ELSEWHERE | BULK
    and not path.stem.startswith(("several-messages-in-flight", *MADE_UP))
)
# The client's next step depends on what has arrived by then.
AT_ONCE = {"starttls-injection"}
# Only the sending of these requests is awaited.
UNANSWERED = ("free", "raw")


@pytest.fixture(scope="module")
def context(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dialogues") / "tls"
    certificates.make(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem")
    return context


class Dialogue:
    """One file, and how far the server has come in it."""

    def __init__(self, name, by_octet, context):
        self.lines = (FOLDER / f"{name}.smtp").read_text().splitlines()
        found = [line for line in self.lines if line.startswith("options: ")]
        self.options = found[0].split(" ")[1:] if found else []
        self.by_octet = by_octet
        self.context = context
        self.said = b""
        self.expected = b""
        # The lines that the server is about to send: adjacent lines in one write.
        self._to_say = b""
        self._at = self._asked = 0
        self._moved = threading.Condition()

    def serve(self, peer):
        if "implicit-tls" in self.options:
            peer.secure(self.context)
        try:
            for number, line in enumerate(self.lines):
                self._move(number)
                self._play(peer, number, *split(line))
        finally:
            self._move(len(self.lines))
        self.said += peer.until_closed()

    def _play(self, peer, number, mark, rest):
        if mark == "S:":
            self._to_say += unescaped(rest)
            if not self.lines[number + 1 : number + 2] or self.lines[number + 1][:2] != "S:":
                for piece in chunks(self._to_say, 1 if self.by_octet else len(self._to_say)):
                    peer.send(piece)
                self._to_say = b""
        elif mark == "=" or (mark, rest) == ("!", "timeout"):
            # Wait until the client has read the lines before.
            with self._moved:
                assert self._moved.wait_for(lambda: self._asked > number, 20)
        elif mark == "C:":
            wire = unescaped(rest)
            self.expected += wire
            self.said += peer.octets(len(wire))
        elif mark == "S-eof":
            peer.half_close()
        elif mark == "TLS":
            peer.secure(self.context)

    def _move(self, number):
        with self._moved:
            self._at = number
            self._moved.notify_all()

    def wait_for_server(self, number):
        """Waits until the server has done everything before this line."""
        with self._moved:
            assert self._moved.wait_for(lambda: self._at >= number, 20)

    def settings(self):
        patience = 1.5 if "! timeout" in self.lines else 20
        return Settings(
            timeout=patience,
            lmtp="lmtp" in self.options,
            pipelining="no-pipelining" not in self.options,
            chunking="no-chunking" not in self.options,
            like_smtplib="like-smtplib" in self.options,
            implicit_tls="implicit-tls" in self.options,
            context=TlsConfig(verify=False),
        )

    def requests(self):
        """The requests, each with its line. A result without a remaining request is an event to
        read."""
        due = 0
        for number, line in enumerate(self.lines):
            mark, rest = split(line)
            if mark == "!" and rest != "timeout":
                behind = [text[2:] for text in self.lines[number + 1 :]]
                marks = [text[:2] for text in self.lines[number + 1 :]]
                body = behind[: next((i for i, m in enumerate(marks) if m != "| "), len(marks))]
                words = rest.split(" ")
                refused = marks[:1] == ["= "]
                due += words[0] not in UNANSWERED or refused
                yield number, lambda w=words, b=body: request(w, b)
            elif mark == "=":
                if not due:
                    yield 0, Request.reply
                due = max(0, due - 1)
            with self._moved:
                self._asked = number + 1
                self._moved.notify_all()


def split(line):
    mark, _, rest = line.partition(" ")
    return mark, rest


def unescaped(text):
    end = b"\r\n"
    for suffix, other in ((r"\n", b"\n"), (r"\c", b"")):
        if text.endswith(suffix):
            text, end = text.removesuffix(suffix), other
    return octets(text) + end


def octets(text):
    return re.sub(rb"\\x(..)", lambda found: bytes.fromhex(found[1].decode()), text.encode())


def chunks(octets, size):
    return [octets[at : at + size] for at in range(0, len(octets), size)]


def request(words, body):
    content = b"".join(octets(line) + b"\n" for line in body)
    match words:
        case ["hello", name]:
            return Request.ehlo(name, fall_back=True)
        case ["ehlo" | "lhlo" as verb, name]:
            return Request.ehlo(name, lmtp=verb == "lhlo")
        case ["starttls"]:
            return Request.starttls(TlsConfig(verify=False))
        case ["login", user, password]:
            return Request.login(user, password)
        case ["login", user, password, "with", mechanism]:
            return Request.login(user, password, mechanism=mechanism, initial_response=False)
        case ["token", user, token]:
            return Request.login(user, access_token=token)
        case ["auth", mechanism]:
            return Request.auth(mechanism)
        case ["respond", text]:
            return Request.response(text.encode())
        case ["cancel"]:
            return Request.response(None)
        case ["mail", sender, *options]:
            return Request.mail(sender, options)
        case ["rcpt", recipient]:
            return Request.rcpt(recipient)
        case ["data"]:
            return Request.data(content)
        case ["send", sender, recipients]:
            return Request.transaction(sender.strip("<>"), recipients.split(","), content)
        case ["vrfy", address]:
            return Request.vrfy(address)
        case ["xclient", *attributes]:
            return Request.xclient([tuple(word.split("=", 1)) for word in attributes])
        case ["free", *line]:
            return Request.free(" ".join(line))
        case ["raw", *line]:
            return Request.raw(unescaped(" ".join(line)))
        case ["expect"]:
            return Request.reply()
        case [verb]:
            return getattr(Request, verb)()
    raise AssertionError(f"no such request: {words}")


def described(result):
    if isinstance(result, BaseException):
        facts = {name: getattr(result, name, None) for name in ("stage", "code", "address", "transient")}
        return type(result).__name__, str(result), facts, dict(getattr(result, "fates", {}))
    return result


def transcript(connection, server):
    """The lines of the conversation, without the port, which differs each time."""
    lines = connection.transcript
    return [(line.direction, line.text.replace(str(server.port), "PORT"), line.state) for line in lines]


def by_blocking(dialogue, server):
    came = []
    connection = Connection.open("localhost", server.port, dialogue.settings())
    for number, make in dialogue.requests():
        dialogue.wait_for_server(number)
        try:
            came.append(connection.perform(make()))
        except Exception as error:
            came.append(error)
    states = transcript(connection, server), connection.state
    connection.close()
    return [described(result) for result in came], states


def by_asyncio(dialogue, server):
    async def main():
        came = []
        connection = await aio.Connection.open("localhost", server.port, dialogue.settings())
        for number, make in dialogue.requests():
            await asyncio.to_thread(dialogue.wait_for_server, number)
            try:
                came.append(await connection.perform(make()))
            except Exception as error:
                came.append(error)
        states = transcript(connection, server), connection.state
        connection.close()
        return [described(result) for result in came], states

    return asyncio.run(main(), debug=True)


@pytest.mark.parametrize("by_octet", [False, True], ids=["whole", "by octet"])
@pytest.mark.parametrize("name", DIALOGUES)
def test_both_drivers_hold_the_dialogue(name, by_octet, context):
    if by_octet and name in AT_ONCE:
        return
    outcomes = []
    for drive in (by_blocking, by_asyncio):
        dialogue = Dialogue(name, by_octet, context)
        with serve(dialogue.serve) as server:
            outcomes.append(drive(dialogue, server))
            server.wait_for_end()
        assert dialogue.said == dialogue.expected
    blocking, reactive = outcomes
    assert reactive == blocking


def test_the_dialogues_are_there():
    assert len(DIALOGUES) > 50
