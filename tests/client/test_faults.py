"""Every stage, every fault and every driver: the exception, and the fate of each recipient.

A scripted server behaves well up to a place (`places.py`), and then does one thing wrong instead of
answering. For each fault, the tables below say what the caller sees.
"""

import contextlib
import itertools
import smtplib
import socket
import ssl
import threading
import time
from dataclasses import replace

import pytest

import rsmtp
from client.places import (
    ELSEWHERE,
    LONG,
    NO_FATES,
    NOT_SENT,
    PLACES,
    A,
    B,
    C,
    client_for,
    converse,
    serving,
)
from client.scripted import answering, serve
from rsmtp import _rsmtp, errors

pytestmark = pytest.mark.usefixtures("either_driver")

PATIENCE = 0.4


# -- faults ------------------------------------------------------------------


def endless(peer):
    """Sends reply lines without end."""
    while True:
        peer.send(b"250-more and more and more\r\n" * 100)


def drip(peer):
    """Sends an octet now and then, which is no complete answer."""
    for octet in b"250-" + b"x" * 400:
        peer.send(bytes([octet]))
        time.sleep(PATIENCE / 8)


def drip_of_lines(peer):
    """Sends a line now and then, which is no complete answer either."""
    while True:
        peer.say("250-wait")
        time.sleep(PATIENCE / 8)


def stall(peer):
    """Neither sends nor reads until the client must have given up."""
    time.sleep(PATIENCE * 3)


def saying(*lines):
    """Sends a valid but unexpected answer. The conversation continues, except after a 421."""

    def fault(peer):
        peer.say(*lines)
        if lines[-1].startswith("421"):
            peer.until_closed()
        return not lines[-1].startswith("421")

    return fault


def sending(octets):
    def fault(peer):
        peer.send(octets)
        peer.until_closed()

    return fault


def disconnect(peer):
    pass


def disconnect_midway(peer):
    peer.send(b"250-begun\r\n250 not end")


def half_close(peer):
    peer.half_close()
    peer.until_closed()


def reset(peer):
    # Give the earlier output time to arrive.
    time.sleep(0.05)
    peer.reset()


LOST = {
    "disconnect": disconnect,
    "disconnect in a reply": disconnect_midway,
    "half-close": half_close,
    "reset": reset,
}
STALLED = {
    "stall": stall,
    "drip": drip,
    "drip of lines": drip_of_lines,
}
NONSENSE = {
    "nonsense": sending(b"hello there\r\n"),
    "mixed codes": sending(b"250-yes\r\n550 no\r\n"),
    "four digits": sending(b"2500 ok\r\n"),
    "two digits": sending(b"25 ok\r\n"),
    "code out of range": sending(b"199 ok\r\n"),
    "no separator": sending(b"250ok\r\n"),
    "giant line": sending(b"250 " + b"x" * 100_000 + b"\r\n"),
    "giant line without an end": sending(b"250 " + b"x" * 1_000_000),
    "endless reply": endless,
    "NUL before the code": sending(b"\x00250 ok\r\n"),
    "HTTP": sending(b"HTTP/1.1 400 Bad Request\r\n"),
    "empty line": sending(b"\r\n"),
}
REFUSING = {
    "421": saying("421 4.3.2 going down"),
    "4yz": saying("451 4.3.0 not now"),
    "5yz": saying("550 5.7.1 no"),
    "non-UTF-8": saying("550 5.7.1 caf\udce9\udcff"),
    "NUL in the text": saying("550 5.7.1 n\0o"),
    "a long line": saying("550 5.7.1 " + "x" * 1800),
    "several lines": saying("550-5.7.1 no", "550-", "550 5.7.1 never"),
    "code alone": saying("571"),
}
CODES = {"421": 421, "4yz": 451, "code alone": 571}


def cells(faults, but=()):
    """Every combination of a place and these faults, generated from the engine's list of stages."""
    by_stage = {
        stage: [name for name, place in PLACES.items() if place.stage == stage] for stage in _rsmtp.STAGES
    }
    places = [name for stage in _rsmtp.STAGES for name in by_stage[stage] if name not in but]
    return pytest.mark.parametrize(("where", "fault"), [*itertools.product(places, faults)])


def test_every_stage_has_its_place():
    assert {place.stage for place in PLACES.values()} | set(ELSEWHERE) == set(_rsmtp.STAGES)
    assert all(name in globals() for name in ELSEWHERE.values())


def test_every_state_is_passed_through_or_ended_in():
    """The conversations of all places together pass every state of the session."""
    seen = {"broken", "closed"}  # where each cell below ends
    for place in PLACES.values():
        # 421 comes last, so that the state before it stays in the transcript.
        with serve(serving(place, saying("421 4.3.2 enough"))) as server:
            client = client_for(place, timeout=20)
            try:
                converse(client, server, place)
            except smtplib.SMTPException:
                pass
            seen |= {line.state for line in client.transcript}
            client.close()
    with rsmtp.Catcher(tls="starttls") as catcher:
        context = rsmtp.TlsConfig(ca_file=catcher.ca_file)
        client = rsmtp.SmtpClient("localhost", catcher.port, tls="starttls", context=context, timeout=20)
        client.login(catcher.username, catcher.password)
        client.quit()
        seen |= {line.state for line in client.transcript}
    with serve(lambda peer: peer.say("554 no")) as server:
        client = rsmtp.SmtpClient(timeout=20)
        client.connect(server.host, server.port)
        seen.add(client.state)
        client.close()
    assert set(_rsmtp.STATES) - seen == set()


@contextlib.contextmanager
def struck(where, fault, patience=20):
    """Returns the client, and the exception or the result."""
    place = PLACES[where]
    with serve(serving(place, fault)) as server:
        client = client_for(place, timeout=patience)
        try:
            result = converse(client, server, place)
        except smtplib.SMTPException as error:
            result = error
        yield client, result
        client.close()


def assert_unusable(client):
    """The client is closed, reports that, and stays closed."""
    assert client.state in ("broken", "closed")
    assert client.sock is None
    for attempt in (client.noop, client.rset, lambda: client.sendmail(A, B, "x")):
        with pytest.raises(smtplib.SMTPServerDisconnected):
            attempt()


def assert_no_answer(where, client, result, expected):
    place = PLACES[where]
    if place.stage == "quit":
        # The message has been sent, and an error of QUIT doesn't hide that.
        assert result[0] == -1
        return
    assert type(result) is expected
    assert result.stage == place.stage
    assert dict(result.fates) == place.lost
    assert_unusable(client)


@cells(LOST)
def test_lost(where, fault):
    with struck(where, LOST[fault]) as (client, result):
        assert_no_answer(where, client, result, errors.SMTPServerDisconnected)


@cells(STALLED)
def test_stalled(where, fault):
    def reaching(peer):
        reached.set()
        return STALLED[fault](peer)

    for _ in range(5):
        reached = threading.Event()
        begin = time.monotonic()
        with struck(where, reaching, PATIENCE) as (client, result):
            if not reached.is_set():
                continue  # this machine was slower than our patience
            assert time.monotonic() - begin < 10
            assert_no_answer(where, client, result, errors.SMTPTimeoutError)
            assert isinstance(result, (TimeoutError, tuple))
            return
    pytest.fail("the place is never reached")


@cells(NONSENSE)
def test_nonsense(where, fault):
    with struck(where, NONSENSE[fault]) as (client, result):
        greeting = where == "greeting"
        assert_no_answer(
            where, client, result, errors.SMTPGreetingError if greeting else errors.SMTPProtocolError
        )
        assert len(str(result)) < 500


@cells(REFUSING)
def test_refused(where, fault):
    place = PLACES[where]
    with struck(where, REFUSING[fault]) as (client, result):
        code, gone = CODES.get(fault, 550), fault == "421"
        text = {"non-UTF-8": b"5.7.1 caf\xe9\xff", "code alone": b""}.get(fault)
        if where == "EHLO" and not gone:
            # The client continues with HELO (RFC 5321 section 3.2), which is accepted.
            assert result[0] == 250
            return
        if place.stage in ("quit", "command", "reset"):
            assert result[0] == code
            words = result[1]
        elif place.refusing is not None:
            assert type(result) is place.refusing
            assert (result.smtp_code, result.transient) == (code, code < 500)
            assert dict(result.fates) == place.refused
            words = result.smtp_error
        else:
            words = refused_recipients(where, result, code, gone)
        assert text is None or words == text
        if gone or place.stage == "quit" or place.at == "body":
            assert_unusable(client)
        elif place.stage != "greeting":
            # The answer is valid, so the conversation continues.
            assert (client.rset() if place.at == "NOOP" else client.noop()) == (250, b"ok")
            assert client.state in ("greeted", "ready")
        client.close()


def refused_recipients(where, result, code, gone):
    """One of two recipients is refused. The result is a dict, unless the session has ended."""
    place = PLACES[where]
    (address,) = [who for who, fate in place.refused.items() if fate == "refused"]
    other = C if address == B else B
    if gone and place.stage == "rcpt":
        assert type(result) is errors.SMTPRecipientsRefused
        assert dict(result.fates) == {address: "refused", other: "not sent"}
        result = result.recipients
    elif gone and address == B:
        # In LMTP, the second recipient's fate was never reported.
        assert type(result) is errors.SMTPServerDisconnected
        assert dict(result.fates) == {B: "refused", C: "unknown"}
        assert result.code == 421
        return b"4.3.2 going down"
    assert list(result) == [address]
    assert result[address][0] == code
    return result[address][1]


# -- replies that were not asked for ---------------------------------------------


def extra(where, line):
    """Sends the usual answer and an extra one in one write."""

    def fault(peer):
        peer.say(PLACES[where].usual, line)
        peer.until_closed()

    return fault


EXTRA = ["250 once more", "550 no", "354 go on", "nonsense"]
# After a group the next answers are due at once, so the extra one is taken for one of them. The
# surplus answer is found at the end.
NOT_ALONE = [name for name, place in PLACES.items() if place.grouped]


# With STARTTLS, text after the 220 breaks the handshake (starttls-injection.smtp).
@cells(EXTRA, but=["body", "STARTTLS", *NOT_ALONE])
def test_an_extra_reply_is_never_taken_for_the_next_answer(where, fault):
    place = PLACES[where]
    with struck(where, extra(where, fault)) as (client, result):
        if where == "LMTP's first answer":
            # There are two recipients and two answers, so the extra one is taken as the answer for c.
            if fault in ("nonsense", "354 go on"):
                assert type(result) is errors.SMTPProtocolError
                assert dict(result.fates) == {B: "sent", C: "unknown"}
            else:
                code, _, text = fault.partition(" ")
                assert result == ({} if code == "250" else {C: (int(code), text.encode())})
        elif (
            place.stage in ("end of data", "auth", "command", "reset", "quit") and where != "AUTH, a response"
        ):
            # The request has its answer, but no other request is possible.
            assert result == {} or result[0] in (221, 235, 250)
            assert_unusable(client)
        elif where in ("DATA", "BDAT chunk") and fault.startswith("5"):
            # A refusal before the end of the mail data is both a refusal and the end.
            assert type(result) is errors.SMTPDataError
            assert dict(result.fates) == {B: "refused", C: "refused"}
            assert_unusable(client)
        else:
            assert type(result) in (errors.SMTPProtocolError, errors.SMTPServerDisconnected)
            assert dict(result.fates) == place.lost
            assert_unusable(client)


# The usual answer that each place is given early.
BEFORE = {
    "EHLO": "greeting",
    "STARTTLS": "EHLO",
    "AUTH": "EHLO",
    "AUTH, a response": "EHLO",
    "a command": "EHLO",
    "RSET": "EHLO",
    "MAIL": "EHLO",
    "first RCPT": "MAIL",
    "second RCPT": "first RCPT",
    "DATA": "second RCPT",
    "end of data": "DATA",
    "BDAT chunk": "second RCPT",
    "last BDAT chunk": "second RCPT",
    "LMTP's first answer": "DATA",
    "LMTP's second answer": "DATA",
    "QUIT": "end of data",
}
# Before the greeting nothing is requested, a body has no answer of its own, and a group is one
# write. An early answer there is the same case as for MAIL.
NEVER_EARLY = {"greeting", "body", *NOT_ALONE}


def test_every_answer_can_come_too_early():
    assert set(BEFORE) | NEVER_EARLY == set(PLACES)


@pytest.mark.parametrize("where", BEFORE)
def test_an_early_reply_is_never_the_answer(where):
    """The answer arrives before its command."""
    place, before = PLACES[where], PLACES[BEFORE[where]]
    usual = ["250-server", *(f"250-{e}" for e in place.extensions), "250 HELP"]

    def fault(peer):
        lines = usual if before.at == "EHLO" else [before.usual]
        peer.say(*lines, place.usual)
        peer.until_closed()

    struck = replace(place, at=before.at)
    with serve(serving(struck, fault)) as server:
        client = client_for(place, timeout=PATIENCE * 5)
        with pytest.raises(smtplib.SMTPServerDisconnected) as caught:
            converse(client, server, place)
        # The server knows no recipient yet, or no longer knows one.
        none_known = where == "QUIT" or before.at in ("greeting", "EHLO")
        assert dict(caught.value.fates) == (NO_FATES if none_known else NOT_SENT)
        assert_unusable(client)
        server.wait_for_end()
        # The client sends nothing more: no password and no command.
        said = server.heard.split(b"\r\n")[0:-1] if before.at in ("greeting", "EHLO") else []
        assert [line[:4] for line in said] in ([], [b"EHLO"])


@pytest.mark.parametrize("size", ["small", "big"])
def test_a_250_that_waits_before_the_final_dot_is_not_an_answer(size):
    def script(peer):
        peer.say("220 hello")
        for reply in ("250 server", "250 ok", "250 ok"):
            peer.line()
            peer.say(reply)
        peer.line()
        peer.say("354 go on", "250 queued")
        peer.until_closed()

    body = LONG * (100_000 if size == "big" else 1)
    with serve(script) as server:
        client = rsmtp.SmtpClient(server.host, server.port, timeout=20)
        with pytest.raises(errors.SMTPProtocolError) as caught:
            client.sendmail(A, B, body)
        assert dict(caught.value.fates) == {B: "not sent"}
        assert_unusable(client)


@pytest.mark.parametrize("verb", ["noop", "rset", "quit"])
def test_a_reply_that_came_while_nothing_was_asked(verb):
    def script(peer):
        peer.say("220 hello", "250 already")
        peer.until_closed()

    with serve(script) as server:
        client = rsmtp.SmtpClient(timeout=20)
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.connect(server.host, server.port)
            time.sleep(0.1)
            getattr(client, verb)()
        assert_unusable(client)
        server.wait_for_end()
        assert server.heard == b""


# -- connecting, and the handshake ----------------------------------------------


def test_connecting_is_a_stage_of_its_own():
    client = rsmtp.SmtpClient(timeout=20)
    with socket.socket() as bound:  # and not listening
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(errors.SMTPConnectionRefused) as caught:
            client.connect(*bound.getsockname())
    assert caught.value.stage == "connect"
    assert client.state == "disconnected" or client.sock is None


def flood(record):
    def fault(peer):
        peer.octets(5)
        while True:
            peer.send(record * 1000)

    return fault


def after_hello(*octets, then=None):
    """Answers the client's first TLS record with other octets."""

    def fault(peer):
        peer.octets(5)
        for piece in octets:
            peer.send(piece)
            time.sleep(0.02)
        (then or (lambda peer: peer.until_closed()))(peer)

    return fault


def drip_of_handshake(peer):
    # The octets wait for the client's hello. Before that they would be read as plaintext.
    peer.octets(5)
    for octet in b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc" + b"\x03" * 1000:
        peer.send(bytes([octet]))
        time.sleep(PATIENCE / 8)


HANDSHAKES = {
    "disconnect": (after_hello(then=disconnect), "lost"),
    "half-close": (after_hello(then=half_close), "lost"),
    "reset": (after_hello(then=reset), "lost"),
    "disconnect before a record's end": (after_hello(b"\x16\x03\x03\x40", then=disconnect), "lost"),
    "stall": (after_hello(then=stall), "timeout"),
    "stall without reading": (stall, "timeout"),
    "drip": (drip_of_handshake, "timeout"),
    "plaintext": (after_hello(b"250 ok\r\n"), "tls"),
    "plaintext, octet by octet": (after_hello(*(bytes([octet]) for octet in b"250 ok\r\n")), "tls"),
    "421": (after_hello(b"421 4.3.2 no\r\n"), "tls"),
    "HTTP": (after_hello(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "tls"),
    "garbage": (after_hello(b"\xa5\x5a\x00\xff" * 1000), "tls"),
    "zeros": (after_hello(b"\0" * 1000), "tls"),
    "an alert": (after_hello(b"\x15\x03\x03\x00\x02\x02\x28"), "tls"),
    "close_notify": (after_hello(b"\x15\x03\x03\x00\x02\x01\x00"), "lost"),
    "application data": (after_hello(b"\x17\x03\x03\x00\x05hello"), "tls"),
    "a record too long": (after_hello(b"\x16\x03\x03\xff\xff" + b"\0" * 0xFFFF), "tls"),
    "TLS 1.0": (
        after_hello(b"\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x01" + b"\x07" * 32 + b"\x00\x00\x2f\x00"),
        "tls",
    ),
    "warnings without end": (flood(b"\x15\x03\x03\x00\x02\x01\x5a"), "tls"),
    "empty records without end": (flood(b"\x16\x03\x03\x00\x00"), "tls"),
    "changes of cipher without end": (flood(b"\x14\x03\x03\x00\x01\x01"), "tls"),
}
KINDS_OF_FAILURE = {
    "lost": (errors.SMTPTLSError, errors.SMTPServerDisconnected, ssl.SSLError),
    "timeout": errors.SMTPTimeoutError,
    "tls": ssl.SSLError,
}


# Before there are keys, the sender of an alert is unknown, so rustls continues to wait.
UNHEARD = {"close_notify"}


@pytest.mark.parametrize("context", ["ours", "SSLContext"])
@pytest.mark.parametrize("tls", ["starttls", "implicit"])
@pytest.mark.parametrize("fault", HANDSHAKES)
def test_a_handshake_that_fails(fault, tls, context):
    strike, failure = HANDSHAKES[fault]

    def script(peer):
        if tls == "starttls":
            peer.offer_tls()
        strike(peer)

    settings = ssl.create_default_context() if context == "SSLContext" else rsmtp.TlsConfig()
    with serve(script) as server:
        client = rsmtp.SmtpClient(
            timeout=PATIENCE * 2 if fault in UNHEARD or failure == "timeout" else 20,
            tls=tls,
            context=settings,
        )
        begin = time.monotonic()
        with pytest.raises(KINDS_OF_FAILURE[failure]) as caught:
            client.connect("localhost", server.port)
        assert time.monotonic() - begin < 15
        if isinstance(caught.value, errors.SMTPException):
            assert caught.value.stage == "handshake"
            assert dict(caught.value.fates) == NO_FATES
        assert str(caught.value)
        assert_unusable(client)
        client.close()
        server.wait_for_end()
        # The client sends no part of a mail or a login in plaintext.
        plain, starttls, records = server.heard.rpartition(b"STARTTLS\r\n")
        assert bool(starttls) == (tls == "starttls")
        while len(records) >= 5 and records[0] in (20, 21, 22, 23) and records[1] == 3:
            records = records[5 + int.from_bytes(records[3:5], "big") :]
        assert records == b"" and not any(verb in plain for verb in (b"MAIL", b"AUTH", b"RCPT", b"QUIT"))


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_where_the_first_chunk_is_not_taken_no_other_goes_out(code):
    script = answering({"BDAT": f"{code} what?"}, extensions=["PIPELINING", "CHUNKING"])
    with serve(script) as server:
        client = rsmtp.SmtpClient(timeout=20)
        client.connect(server.host, server.port)
        with pytest.raises(errors.SMTPProtocolError, match="does not take BDAT") as raised:
            client.sendmail(A, [B, C], LONG * 10_000)
    assert dict(raised.value.fates) == {B: "not sent", C: "not sent"}
    assert b" LAST" not in server.heard
