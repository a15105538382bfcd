"""The catcher misbehaves at every stage, in every way, exactly as configured."""

import itertools
import smtplib
import socket
import ssl
import time

import pytest

import rsmtp

REFUSAL = (451, "4.3.0 not now")


def walk(raw, until):
    """Runs the conversation until this stage's reply is due, and leaves the reply unread."""
    dialogue = {
        "HELO": ["HELO me"],
        "LHLO": ["LHLO me"],
        "EHLO": ["EHLO me"],
        "AUTH": ["EHLO me", "AUTH LOGIN"],
        "auth-response": ["EHLO me", "AUTH LOGIN", "AAAA"],
        "MAIL": ["EHLO me", "MAIL FROM:<a@b>"],
        "RCPT": ["EHLO me", "MAIL FROM:<a@b>", "RCPT TO:<c@d>"],
        "DATA": ["EHLO me", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA"],
        "mail-data": ["EHLO me", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", "body"],
        "end-of-data": ["EHLO me", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA", "body\r\n."],
        "BDAT": ["EHLO me", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "BDAT 6\r\nbody"],
        "RSET": ["RSET"],
        "NOOP": ["NOOP"],
        "VRFY": ["VRFY bob"],
        "EXPN": ["EXPN list"],
        "HELP": ["HELP"],
        "XCLIENT": ["EHLO me", "XCLIENT ADDR=192.0.2.1"],
        "QUIT": ["QUIT"],
        "STARTTLS": ["EHLO me", "STARTTLS"],
        "handshake": ["EHLO me", "STARTTLS"],
        "unknown": ["TURN"],
        "greeting": [],
    }
    commands = dialogue[until]
    if until != "greeting":
        assert raw.reply()[0] == 220
    for command in commands[:-1]:
        assert raw.say(command)[0] < 400
    for command in commands[-1:]:
        raw.send(command.encode() + b"\r\n")
    if until == "handshake":
        assert raw.reply()[0] == 220


def walk_to_the_end(raw, until):
    walk(raw, until)
    assert raw.rest() is None, "it ended in order"


STAGES = [stage for stage in rsmtp.Catcher.stages() if stage != "LHLO"]


def server(stage):
    tls = "starttls" if stage in ("STARTTLS", "handshake") else "none"
    return rsmtp.Catcher(tls=tls, protocol="lmtp" if stage == "LHLO" else "smtp", xclient=True)


@pytest.mark.parametrize("stage", rsmtp.Catcher.stages())
def test_a_reply_at_every_stage(line, stage):
    with server(stage) as catcher, line(catcher, greeting=False) as raw:
        pass
    with server(stage) as catcher:
        catcher.fault(stage, reply=REFUSAL, times=1)
        with line(catcher, greeting=False) as raw:
            walk(raw, stage)
            assert raw.reply() == (451, ["4.3.0 not now"])


@pytest.mark.parametrize("stage", STAGES)
def test_octets_at_every_stage(line, stage):
    with server(stage) as catcher:
        catcher.fault(stage, reply=b"2x0-\0\xff\nnonsense", disconnect=True)
        with line(catcher, greeting=False) as raw:
            walk(raw, stage)
            assert raw.rest() == b"2x0-\0\xff\nnonsense"
        assert catcher.count == 0


@pytest.mark.parametrize(("stage", "how"), [*itertools.product(STAGES, [True, "fin", "half-close"])])
def test_a_disconnect_at_every_stage(line, stage, how):
    with server(stage) as catcher:
        catcher.fault(stage, disconnect=how)
        with line(catcher, greeting=False) as raw:
            walk(raw, stage)
            assert raw.rest() == b""


@pytest.mark.parametrize("stage", STAGES)
def test_a_reset_at_every_stage(line, stage):
    with server(stage) as catcher:
        catcher.fault(stage, disconnect="reset")
        # A reset before the greeting may already interrupt connect().
        with pytest.raises(ConnectionResetError), line(catcher, greeting=False) as raw:
            walk_to_the_end(raw, stage)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stall_at_every_stage(line, stage):
    with server(stage) as catcher:
        catcher.fault(stage, stall=True)
        with line(catcher, greeting=False) as raw:
            walk(raw, stage)
            raw.socket.settimeout(0.1)
            with pytest.raises(TimeoutError):
                raw.socket.recv(1)


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage not in ("handshake", "mail-data")])
def test_a_delay_and_a_drip_at_every_stage(line, stage):
    with server(stage) as catcher:
        catcher.fault(stage, delay=0.05, drip=0.002)
        begin = time.monotonic()
        with line(catcher, greeting=False) as raw:
            walk(raw, stage)
            reply = b""
            while not reply.endswith(b"\n"):
                reply += raw.socket.recv(1000)
            # Sending the drips takes at least this long, however late the reader was woken.
            assert len(reply) > 10 and time.monotonic() - begin > 0.05 + 0.002 * (len(reply) - 1)


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage not in ("handshake", "mail-data")])
def test_an_extra_reply_at_every_stage(line, stage):
    with server(stage) as catcher:
        catcher.fault(stage, extra=(250, "once more"), disconnect=True, reply="usual")
        with line(catcher, greeting=False) as raw:
            walk(raw, stage)
            raw.reply()
            assert raw.reply() == (250, ["once more"])
            assert raw.rest() == b""


def test_a_handshake_that_comes_late(trust):
    with rsmtp.Catcher() as catcher:
        catcher.fault("handshake", delay=0.1)
        with smtplib.SMTP("localhost", catcher.port) as client:
            begin = time.monotonic()
            client.starttls(context=trust(catcher))
            assert time.monotonic() - begin > 0.1


def test_one_recipient_is_refused(catcher):
    catcher.fault("RCPT", reply=(550, "5.1.1 no such user"), address="bob@example.org", times=1)
    with smtplib.SMTP(catcher.host, catcher.port) as client:
        refused = client.sendmail("a@b", ["ann@example.org", "bob@example.org"], "x")
        assert refused == {"bob@example.org": (550, b"5.1.1 no such user")}
        assert client.sendmail("a@b", ["bob@example.org"], "x") == {}
    assert [message.rcpt_tos for message in catcher.messages] == [
        ["ann@example.org"],
        ["bob@example.org"],
    ]


def test_a_domain_or_a_sender_is_refused(catcher):
    catcher.fault("RCPT", reply=(550, "no"), address="@example.org")
    catcher.fault("MAIL", reply=(550, "no"), address="spam@example.net")
    with smtplib.SMTP(catcher.host, catcher.port) as client:
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail("a@b", "bob@example.org", "x")
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.sendmail("spam@example.net", "bob@example.com", "x")
        client.sendmail("a@b", "bob@example.com", "x")


def test_times_and_skip(catcher, line):
    catcher.fault("NOOP", reply=(450, "no"), skip=1, times=2)
    with line(catcher) as raw:
        assert raw.say(*["NOOP"] * 5) == [250, 450, 450, 250, 250]
        catcher.fault("NOOP", reply=(550, "no"))
        assert raw.say("NOOP", "NOOP") == [550, 550]
        catcher.clear_faults()
        assert raw.say("NOOP") == [250]


def test_a_reply_of_several_lines(catcher, line):
    catcher.fault("EHLO", reply=(250, ["me", "SIZE", "X-ODD a b"]), times=1)
    catcher.fault("EHLO", reply=(500, "one\ntwo"))
    with line(catcher) as raw:
        raw.send(b"EHLO me\r\nEHLO me\r\n")
        assert raw.reply() == (250, ["me", "SIZE", "X-ODD a b"])
        assert raw.reply() == (500, ["one", "two"])


def test_421_ends_the_connection(catcher, line):
    catcher.fault("NOOP", reply=(421, "4.3.2 closing"))
    with line(catcher) as raw:
        assert raw.say("NOOP") == [421]
        assert raw.rest() == b""


def test_the_message_is_kept_and_its_reply_is_lost(catcher):
    catcher.fault("end-of-data", disconnect=True, accept=True, times=1)
    catcher.fault("end-of-data", disconnect=True, times=1)
    for count in (1, 1):
        client = smtplib.SMTP(catcher.host, catcher.port)
        with pytest.raises(smtplib.SMTPServerDisconnected):
            client.sendmail("a@b", "c@d", "x")
        client.close()
        assert catcher.count == count


def test_a_reply_that_waits_before_the_final_dot(catcher, line):
    catcher.fault("DATA", extra=(250, "2.0.0 too early"))
    with line(catcher) as raw:
        raw.say("EHLO me", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA")
        assert raw.reply() == (250, ["2.0.0 too early"])


def test_the_middle_of_mail_data(catcher, line):
    catcher.fault("mail-data", after=10_000, reply=(421, "4.3.2 disk full"))
    with line(catcher) as raw:
        raw.say("EHLO me", "MAIL FROM:<a@b>", "RCPT TO:<c@d>", "DATA")
        raw.send(b"x" * 5000)
        raw.socket.settimeout(0.1)
        with pytest.raises(TimeoutError):
            raw.socket.recv(1, socket.MSG_PEEK)
        raw.socket.settimeout(10)
        raw.send(b"x" * 6000)
        assert raw.file.read() == b"421 4.3.2 disk full\r\n"
    assert catcher.count == 0


def test_an_endless_reply(catcher, line):
    catcher.fault("EHLO", reply=b"250-more\r\n", endless=True)
    with line(catcher) as raw:
        raw.send(b"EHLO me\r\n")
        for _ in range(10_000):
            assert raw.file.readline() == b"250-more\r\n"


def test_a_refused_greeting(catcher, line):
    catcher.fault("greeting", reply=(554, "5.7.1 go away"))
    with pytest.raises(smtplib.SMTPConnectError):
        smtplib.SMTP(catcher.host, catcher.port)
    with line(catcher) as raw:
        assert raw.say("EHLO me", "QUIT") == [503, 221]


def test_faults_under_tls(trust):
    with rsmtp.Catcher(tls="implicit") as catcher:
        catcher.fault("RCPT", reply=(550, "no"))
        catcher.fault("QUIT", disconnect="reset")
        client = smtplib.SMTP_SSL("localhost", catcher.port, context=trust(catcher))
        with pytest.raises(smtplib.SMTPRecipientsRefused):
            client.sendmail("a@b", "c@d", "x")
        with pytest.raises((smtplib.SMTPServerDisconnected, ssl.SSLError, ConnectionResetError)):
            client.quit()
        client.close()


@pytest.mark.parametrize(
    ("arguments", "argument"),
    [
        ({"stage": "TURN"}, "stage"),
        ({"stage": "RCPT", "reply": (99, "no")}, "reply"),
        ({"stage": "RCPT", "reply": (550, "a\r\nb")}, "reply"),
        ({"stage": "RCPT", "reply": "no"}, "reply"),
        ({"stage": "RCPT", "extra": "usual"}, "extra"),
        ({"stage": "RCPT", "delay": -1.0}, "delay"),
        ({"stage": "RCPT", "drip": float("nan")}, "drip"),
        ({"stage": "RCPT", "disconnect": "gently"}, "disconnect"),
        ({"stage": "RCPT", "certificate": "expired"}, "certificate"),
        ({"stage": "handshake", "certificate": "nice"}, "certificate"),
        ({"stage": "RCPT", "after": 1}, "after"),
        ({"stage": "NOOP", "address": "a@b"}, "address"),
        ({"stage": "NOOP", "endless": True, "disconnect": True}, "endless"),
    ],
)
def test_what_makes_no_sense_is_refused(catcher, arguments, argument):
    with pytest.raises(ValueError, match=f"^{argument}: "):
        catcher.fault(**arguments)
