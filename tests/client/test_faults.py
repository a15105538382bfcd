"""Every stage x every fault: the exception and what became of each recipient.

A scripted server is well behaved up to a stage, and then does one thing wrong instead
of answering. The tables say, for each fault, what the caller hears of it.
"""

import itertools
import smtplib
import time

import pytest

import rsmtp
from client.scripted import serve
from rsmtp import errors
from rsmtp import smtplib as mirror

pytestmark = pytest.mark.usefixtures("either_driver")

A, B, C = "a@example.org", "b@example.org", "c@example.org"
PATIENCE = 0.4

# What the client says up to each stage, and the usual answer to it. LMTP's answers
# come one for each recipient.
ANSWERS = {
    "greeting": "220 hello",
    "EHLO": "250-server\r\n250-STARTTLS\r\n250 AUTH PLAIN",
    "STARTTLS": "220 go on",
    "AUTH": "235 welcome",
    "MAIL": "250 ok",
    "first RCPT": "250 ok",
    "second RCPT": "250 ok",
    "DATA": "354 go on",
    "body": None,
    "end of data": "250 queued",
    "LMTP first reply": "250 queued for b",
    "LMTP second reply": "250 queued for c",
    "QUIT": "221 bye",
}
BIG = "x" * 76 + "\r\n"


# -- faults ------------------------------------------------------------------


def endless(peer):
    """Replies that continue without end, at once."""
    while True:
        peer.send(b"250-more and more and more\r\n" * 100)


def drip(peer):
    """An octet now and then is not an answer."""
    for octet in b"250-" + b"x" * 400:
        peer.send(bytes([octet]))
        time.sleep(PATIENCE / 8)


def drip_of_lines(peer):
    """Neither is a line now and then."""
    while True:
        peer.say("250-wait")
        time.sleep(PATIENCE / 8)


def stall(peer):
    """Says nothing and reads nothing, until the client must have lost patience."""
    time.sleep(PATIENCE * 3)


def saying(*lines):
    def fault(peer):
        peer.say(*lines)
        peer.until_closed()

    fault.lines = lines
    return fault


def sending(octets):
    def fault(peer):
        peer.send(octets)
        peer.until_closed()

    fault.lines = (octets.removesuffix(b"\r\n"),)
    return fault


def disconnect(peer):
    pass


def disconnect_midway(peer):
    peer.send(b"250-begun\r\n250 not end")


LOST = {
    "disconnect": disconnect,
    "disconnect in a reply": disconnect_midway,
    "half-close": lambda peer: (peer.half_close(), peer.until_closed()),
    "reset": lambda peer: (time.sleep(0.05), peer.reset()),
}
STALLED = {
    "stall": stall,
    "drip": drip,
    "drip of lines": drip_of_lines,
}
NONSENSE = {
    "nonsense": saying("hello there"),
    "mixed codes": saying("250-yes", "550 no"),
    "four digits": saying("2500 ok"),
    "two digits": saying("25 ok"),
    "code out of range": saying("199 ok"),
    "no separator": saying("250ok"),
    "giant line": sending(b"250 " + b"x" * 100_000 + b"\r\n"),
    "giant line without an end": sending(b"250 " + b"x" * 1_000_000),
    "endless reply": endless,
    "NUL before the code": sending(b"\x00250 ok\r\n"),
    "HTTP": saying("HTTP/1.1 400 Bad Request"),
    "empty line": saying(""),
}
REFUSED = {
    "421": saying("421 4.3.2 going down"),
    "4yz": saying("451 4.3.0 not now"),
    "5yz": saying("550 5.7.1 no"),
    "non-UTF-8": sending(b"550 5.7.1 caf\xe9\xff\r\n"),
    "NUL in the text": sending(b"550 5.7.1 n\x00o\r\n"),
    "a long line": sending(b"550 5.7.1 " + b"x" * 1800 + b"\r\n"),
    "code alone": saying("571"),
}


# -- the conversation that the fault strikes ------------------------------------


def server_failing_at(stage, fault):
    lmtp = stage.startswith("LMTP")

    def answer(peer, this):
        if stage == this:
            fault(peer)
            return False
        reply = ANSWERS[this]
        if this == "EHLO" and stage != "STARTTLS":
            reply = "250-server\r\n250 AUTH PLAIN"
        peer.send(reply.encode() + b"\r\n")
        return True

    def script(peer):
        if not answer(peer, "greeting"):
            return
        recipients = 0
        while command := peer.line():
            verb = command.split(" ")[0].upper()
            if verb == "RCPT":
                recipients += 1
            this = {
                "LHLO": "EHLO",
                "RCPT": "first RCPT" if recipients == 1 else "second RCPT",
            }.get(verb, verb)
            if verb == "RSET":
                peer.say("250 ok")
                continue
            if not answer(peer, this):
                return
            if verb == "DATA":
                if stage == "body":
                    # More than fits into the buffers: the body is not sent whole.
                    fault(peer)
                    return
                peer.mail_data()
                ends = ["LMTP first reply", "LMTP second reply"] if lmtp else ["end of data"]
                if not all(answer(peer, end) for end in ends):
                    return
            if verb == "QUIT":
                return

    return script


def converse(server, stage):
    """From the greeting to QUIT, giving the client to whoever asks why it failed."""
    kind = mirror.LMTP if stage.startswith("LMTP") else rsmtp.SmtpClient
    client = kind(timeout=PATIENCE)
    body = BIG * 200_000 if stage == "body" else "Subject: s\r\n\r\nhello\r\n"
    try:
        code, text = client.connect(server.host, server.port)
        if code != 220:
            raise smtplib.SMTPConnectError(code, text)
        client.ehlo_or_helo_if_needed()
        if stage == "STARTTLS":
            client.starttls()
        if stage == "AUTH":
            client.login("ann", "hunter2")
        refused = client.sendmail(A, [B, C], body)
        if stage == "QUIT":
            return client, client.quit()
        return client, refused
    except BaseException as error:
        error.client = client
        raise


def run(stage, fault):
    """What was raised or returned, and the client afterwards."""
    with serve(server_failing_at(stage, fault)) as server:
        try:
            client, result = converse(server, stage)
        except (errors.SMTPException, smtplib.SMTPException) as error:
            client, result = error.client, error
        state = client.state
        return client, result, state


def fates_when_lost(stage):
    """What is known of B and C when the conversation ends at a stage without an answer."""
    return {
        "MAIL": {B: "not sent", C: "not sent"},
        "first RCPT": {B: "not sent", C: "not sent"},
        "second RCPT": {B: "not sent", C: "not sent"},
        "DATA": {B: "not sent", C: "not sent"},
        "body": {B: "not sent", C: "not sent"},
        "end of data": {B: "unknown", C: "unknown"},
        "LMTP first reply": {B: "unknown", C: "unknown"},
        "LMTP second reply": {B: "sent", C: "unknown"},
    }.get(stage, {})


STAGES = list(ANSWERS)


def assert_unusable(client):
    """Closed, says so, stays so."""
    assert client.state in ("broken", "closed")
    assert client.sock is None
    for attempt in (client.noop, client.rset, lambda: client.sendmail(A, B, "x")):
        with pytest.raises(smtplib.SMTPServerDisconnected):
            attempt()


@pytest.mark.parametrize(("stage", "fault"), [*itertools.product(STAGES, LOST)])
def test_lost(stage, fault):
    client, result, _ = run(stage, LOST[fault])
    if stage == "QUIT":
        # What was sent is sent: no error of QUIT hides it.
        assert result[0] == -1
        return
    assert type(result) is errors.SMTPServerDisconnected
    assert result.transient
    assert dict(result.fates) == fates_when_lost(stage)
    assert_unusable(client)


@pytest.mark.parametrize(("stage", "fault"), [*itertools.product(STAGES, STALLED)])
def test_stalled(stage, fault):
    begin = time.monotonic()
    client, result, _ = run(stage, STALLED[fault])
    assert time.monotonic() - begin < 10
    if stage == "QUIT":
        assert result[0] == -1
        return
    assert type(result) is errors.SMTPTimeoutError
    assert isinstance(result, TimeoutError)
    assert dict(result.fates) == fates_when_lost(stage)
    assert_unusable(client)


@pytest.mark.parametrize(("stage", "fault"), [*itertools.product(STAGES, NONSENSE)])
def test_nonsense(stage, fault):
    client, result, state = run(stage, NONSENSE[fault])
    if stage == "QUIT":
        assert result[0] == -1
        return
    expected = errors.SMTPGreetingError if stage == "greeting" else errors.SMTPProtocolError
    assert type(result) is expected
    assert isinstance(result, smtplib.SMTPServerDisconnected)
    assert state == "broken"
    assert len(str(result)) < 500
    assert dict(result.fates) == fates_when_lost(stage)
    assert_unusable(client)


REFUSING = {
    "greeting": smtplib.SMTPConnectError,
    "EHLO": errors.SMTPHeloError,
    "STARTTLS": errors.SMTPResponseException,
    "AUTH": errors.SMTPAuthenticationError,
    "MAIL": errors.SMTPSenderRefused,
    "DATA": errors.SMTPDataError,
    "end of data": errors.SMTPDataError,
    "body": errors.SMTPDataError,
}


@pytest.mark.parametrize(("stage", "fault"), [*itertools.product(REFUSING, REFUSED)])
def test_refused(stage, fault):
    client, result, _ = run(stage, REFUSED[fault])
    code = {"421": 421, "4yz": 451, "code alone": 571}.get(fault, 550)
    assert type(result) is REFUSING[stage]
    assert result.smtp_code == code
    if stage in ("MAIL", "DATA", "end of data", "body"):
        assert result.transient is (code < 500)
        fate = "not sent" if stage == "MAIL" else "refused"
        assert dict(result.fates) == {B: fate, C: fate}
    if fault == "non-UTF-8":
        assert result.smtp_error == b"5.7.1 caf\xe9\xff"
        assert "caf" in str(result)
    if fault == "421" or stage == "body":
        assert_unusable(client)


@pytest.mark.parametrize("fault", REFUSED)
def test_one_recipient_is_refused(fault):
    for stage, address in (("first RCPT", B), ("second RCPT", C)):

        def answer_and_go_on(peer, stage=stage):
            lines = REFUSED[fault].lines
            peer.say(*lines)
            for reply in ["250 ok"] * (stage == "first RCPT") + ["354 go on"]:
                peer.line()
                peer.say(reply)
            peer.mail_data()
            peer.say("250 queued")
            peer.until_closed()

        client, result, _ = run(stage, answer_and_go_on)
        if fault == "421":
            assert type(result) is errors.SMTPRecipientsRefused
            assert result.recipients == {address: (421, b"4.3.2 going down")}
            assert_unusable(client)
        else:
            assert list(result) == [address]
            client.close()


@pytest.mark.parametrize("fault", REFUSED)
def test_lmtp_answers_are_each_recipients_own(fault):
    lines = REFUSED[fault].lines
    client, result, _ = run("LMTP first reply", saying(*lines, "250 queued for c"))
    if fault == "421":
        # The session is over: what became of c was never told.
        assert_unusable(client)
        fates = getattr(result, "fates", {})
        assert fates.get(C) != "sent"
    else:
        assert list(result) == [B]
    client, result, _ = run("LMTP second reply", saying(*lines))
    assert list(result) == [C]


# -- replies that nobody asked for ---------------------------------------------


@pytest.mark.parametrize("stage", [s for s in STAGES if s not in ("body", "STARTTLS", "QUIT")])
@pytest.mark.parametrize("extra", ["250 once more", "550 no", "354 go on", "nonsense"])
def test_an_extra_reply_is_never_taken_for_the_next_answer(stage, extra):
    client, result, _ = run(stage, saying(ANSWERS[stage], extra))
    # Where the message was answered, that answer stands; nothing else is sent.
    if stage in ("end of data", "LMTP second reply"):
        if isinstance(result, dict):
            assert result == {}
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.noop()
    elif stage == "LMTP first reply":
        # Two recipients, two answers: the second one is the answer for c.
        if extra == "nonsense":
            assert type(result) is errors.SMTPProtocolError
            assert dict(result.fates) == {B: "sent", C: "unknown"}
        else:
            code, _, text = extra.partition(" ")
            assert result == ({} if code == "250" else {C: (int(code), text.encode())})
    elif stage == "DATA" and extra.startswith("5"):
        # A refusal before the end of the mail data is one, and the end.
        assert isinstance(result, smtplib.SMTPDataError)
        assert_unusable(client)
    else:
        assert isinstance(result, smtplib.SMTPServerDisconnected)
        assert "sent" not in dict(result.fates).values()
        assert_unusable(client)


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

    body = BIG * (100_000 if size == "big" else 1)
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
