"""The places at which a fault can hit a conversation. They cover every stage of the engine's state
machine, some of them in several ways. The server behaves well up to its place.

`PLACES` is checked against the engine's own list of stages: a test fails if a stage has no place.
"""

from dataclasses import dataclass, field

import rsmtp
from rsmtp import errors
from rsmtp import smtplib as mirror

A, B, C = "a@example.org", "b@example.org", "c@example.org"
SHORT = "Subject: s\r\n\r\nhello\r\n"
# More than the buffers of a connection and one BDAT chunk can hold.
LONG = "x" * 76 + "\r\n"

NOT_SENT = {B: "not sent", C: "not sent"}
UNKNOWN = {B: "unknown", C: "unknown"}
REFUSED = {B: "refused", C: "refused"}
NO_FATES = {}

# The server's usual replies.
USUAL = {
    "greeting": "220 hello",
    "STARTTLS": "220 go on",
    "AUTH": "235 welcome",
    "DATA": "354 go on",
    "QUIT": "221 bye",
    "VRFY": "252 maybe",
}


@dataclass(frozen=True)
class Place:
    # The engine's name of the stage, as in `error.stage`.
    stage: str
    # The last command or data before the fault: see `serving`.
    at: str
    # The usual reply there.
    usual: str = "250 ok"
    # The fates of the recipients if no answer arrives.
    lost: dict = field(default_factory=dict)
    # The exception class for a refusal, and the fates of the recipients then.
    refusing: type | None = None
    refused: dict = field(default_factory=dict)
    extensions: tuple = ()
    lmtp: bool = False
    body: str = SHORT
    # The client's action after its introduction. None means that there is none.
    act: object = None
    # More commands follow in the same group, which continues after a refusal.
    grouped: bool = False


def send(client, place):
    return client.sendmail(A, [B, C], place.body)


def login(client, place):
    return client.login("ann", "hunter2")


def login_in_steps(client, place):
    return client.login("ann", "hunter2", mechanism="LOGIN", initial_response_ok=False)


def mail(at, stage, **facts):
    return Place(stage, at, act=send, **{"lost": NOT_SENT, **facts})


GROUP = ("PIPELINING",)
CHUNKS = ("CHUNKING",)
BOTH = ("PIPELINING", "CHUNKING")

PLACES = {
    "greeting": Place("greeting", "greeting", USUAL["greeting"], refusing=errors.SMTPConnectError),
    "EHLO": Place(
        "hello", "EHLO", "250 server", refusing=errors.SMTPHeloError, act=lambda client, place: client.noop()
    ),
    "STARTTLS": Place(
        "starttls",
        "STARTTLS",
        USUAL["STARTTLS"],
        refusing=errors.SMTPResponseException,
        extensions=("STARTTLS",),
        act=lambda client, place: client.starttls(),
    ),
    "AUTH": Place(
        "auth",
        "AUTH",
        USUAL["AUTH"],
        refusing=errors.SMTPAuthenticationError,
        extensions=("AUTH PLAIN",),
        act=login,
    ),
    "AUTH, a response": Place(
        "auth",
        "response",
        "334 UGFzc3dvcmQ6",
        refusing=errors.SMTPAuthenticationError,
        extensions=("AUTH LOGIN",),
        act=login_in_steps,
    ),
    "a command": Place("command", "NOOP", act=lambda client, place: client.noop()),
    "RSET": Place("reset", "RSET", act=lambda client, place: client.rset()),
    "MAIL": mail("MAIL", "mail", refusing=errors.SMTPSenderRefused, refused=NOT_SENT),
    "first RCPT": mail("RCPT 1", "rcpt", refused={B: "refused", C: "sent"}),
    "second RCPT": mail("RCPT 2", "rcpt", refused={B: "sent", C: "refused"}),
    "DATA": mail("DATA", "data", usual=USUAL["DATA"], refusing=errors.SMTPDataError, refused=REFUSED),
    # The server stops reading, so the body can't be sent completely.
    "body": mail("body", "mail data", refusing=errors.SMTPDataError, refused=REFUSED, body=LONG * 200_000),
    "end of data": mail("end", "end of data", lost=UNKNOWN, refusing=errors.SMTPDataError, refused=REFUSED),
    "BDAT chunk": mail(
        "BDAT",
        "mail data",
        refusing=errors.SMTPDataError,
        refused=REFUSED,
        extensions=CHUNKS,
        body=LONG * 10_000,
    ),
    "last BDAT chunk": mail(
        "BDAT LAST",
        "end of data",
        lost=UNKNOWN,
        refusing=errors.SMTPDataError,
        refused=REFUSED,
        extensions=CHUNKS,
    ),
    "MAIL of a group": mail(
        "MAIL",
        "mail",
        refusing=errors.SMTPSenderRefused,
        refused=NOT_SENT,
        extensions=GROUP,
        grouped=True,
    ),
    "RCPT of a group": mail(
        "RCPT 2", "rcpt", refused={B: "sent", C: "refused"}, extensions=GROUP, grouped=True
    ),
    "DATA of a group": mail(
        "DATA",
        "data",
        usual=USUAL["DATA"],
        refusing=errors.SMTPDataError,
        refused=REFUSED,
        extensions=GROUP,
        grouped=True,
    ),
    # The whole message was sent together with it.
    "MAIL of a group with its chunk": mail(
        "MAIL",
        "mail",
        lost=UNKNOWN,
        refusing=errors.SMTPSenderRefused,
        refused=NOT_SENT,
        extensions=BOTH,
        grouped=True,
    ),
    "RCPT of a group with its chunk": mail(
        "RCPT 2", "rcpt", lost=UNKNOWN, refused={B: "sent", C: "refused"}, extensions=BOTH, grouped=True
    ),
    "LMTP's first answer": mail(
        "end 1", "end of data", lost=UNKNOWN, refused={B: "refused", C: "sent"}, lmtp=True
    ),
    "LMTP's second answer": mail(
        "end 2",
        "end of data",
        lost={B: "sent", C: "unknown"},
        refused={B: "sent", C: "refused"},
        lmtp=True,
    ),
    "QUIT": Place(
        "quit", "QUIT", USUAL["QUIT"], act=lambda client, place: (send(client, place), client.quit())[1]
    ),
}

# These stages have their own tests, because no reply is awaited in them.
ELSEWHERE = {
    "connect": "test_connecting_is_a_stage_of_its_own",
    "handshake": "test_a_handshake_that_fails",
}


def client_for(place, **options):
    return (mirror.LMTP if place.lmtp else rsmtp.SmtpClient)(**options)


def converse(client, server, place):
    """Runs the conversation from the greeting on. Returns the result of `act`."""
    code, text = client.connect(server.host, server.port)
    if code != 220:
        raise errors.SMTPConnectError(code, text)
    client.ehlo_or_helo_if_needed()
    return place.act(client, place)


def serving(place, fault):
    """A script that gives the usual answers up to the place and then calls `fault(peer)`. If that
    returns True, the usual answers continue."""

    def script(peer):
        refused = []

        def answer(at, usual="250 ok"):
            if at == place.at:
                goes_on = fault(peer)
                refused.append(at)
                return goes_on
            peer.say(*([usual] if isinstance(usual, str) else usual))
            return True

        if not answer("greeting", USUAL["greeting"]):
            return
        recipients = 0
        while command := peer.line():
            verb, _, rest = command.upper().partition(" ")
            at, usual = verb, USUAL.get(verb, "250 ok")
            if verb in ("EHLO", "LHLO"):
                at, usual = "EHLO", ["250-server", *(f"250-{e}" for e in place.extensions), "250 HELP"]
            elif verb == "RCPT":
                recipients += 1
                at = f"RCPT {recipients}"
            elif verb == "AUTH" and place.at == "response":
                peer.say("334 VXNlcm5hbWU6")
                peer.line()
                at = "response"
            elif verb == "BDAT":
                peer.octets(int(rest.split()[0]))
                at = "BDAT LAST" if rest.endswith("LAST") else "BDAT"
            if (
                place.grouped
                and refused
                and place.at in ("MAIL", "DATA")
                and verb in ("RCPT", "DATA", "BDAT")
            ):
                usual = "503 5.5.1 not now"
            if not answer(at, usual):
                return
            if verb == "DATA" and usual.startswith("354") and "DATA" not in refused:
                if place.at == "body":
                    if not answer("body"):
                        return
                    continue
                peer.mail_data()
                ends = ["end 1", "end 2"] if place.lmtp else ["end"]
                if not all(answer(end) for end in ends):
                    return
            if verb == "QUIT":
                return

    return script
