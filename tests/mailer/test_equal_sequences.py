"""Mailer and AsyncMailer get the same results from servers whose sessions differ: a fault in a
later session, two faults in one run, or an end after STARTTLS."""

import contextlib
import ssl

import pytest
from client.conftest import identity, server_context  # noqa: F401  fixtures
from client.scripted import answering, serve
from mailer import facade
from mailer.outcomes import FAULTS, sent_all

import rsmtp

UNVERIFIED = rsmtp.TlsConfig(verify=False)
MAKERS = (rsmtp.Mailer, facade.Mailer)

GOOD: dict = {}


@pytest.fixture(autouse=True)
def _loops():
    yield
    facade.close_loops()


def in_turn(*scripts):
    """Each session follows its own script in turn. Sessions after the last script repeat it."""
    left = list(scripts)

    def script(peer):
        (left.pop(0) if len(left) > 1 else left[0])(peer)

    return script


def by_replies(*sessions):
    greetings = [dict(replies).pop("greeting", "220 hello") for replies in sessions]
    return in_turn(
        *(
            answering({key: value for key, value in replies.items() if key != "greeting"}, greeting=greeting)
            for replies, greeting in zip(sessions, greetings, strict=True)
        )
    )


def play(maker, make_script, **settings):
    """Each message's fate, attempts, code and error, the exception, and the connections."""
    settings = {"tls": "none", "retries": 1, "backoff": 0.01, "timeout": 20} | settings
    with serve(make_script()) as server:
        with maker(host=server.host, port=server.port, **settings) as mailer:
            told, raised = sent_all(mailer)
        return told, raised, len(server.peers)


def by_both(make_script, **settings):
    first, second = (play(maker, make_script, **settings) for maker in MAKERS)
    assert first == second
    return first


@pytest.mark.parametrize("stage", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "."])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_third_session(stage, fault):
    """Each session sends one message, and the first two succeed."""
    told, raised, _ = by_both(lambda: by_replies(GOOD, GOOD, {stage: FAULTS[fault]}, GOOD), max_messages=1)
    fates = [one[2] for one in told]
    lost_at_the_end = stage == "." and fault in ("no reply", "hang up")
    if lost_at_the_end:
        assert sorted(fates) == ["sent", "sent", "unknown"]
    elif fault == "permanent" and stage in ("MAIL", "RCPT", "DATA", "."):
        assert sorted(fates) == ["refused", "sent", "sent"]
    elif (fault, stage) in (("no reply", "greeting"), ("no reply", "EHLO")):
        # Another attempt would end in the same way, because the server breaks the protocol.
        assert sorted(fates) == ["not sent", "sent", "sent"]
    else:
        assert fates == ["sent"] * 3, told
    assert (raised == "NoneType") == ("not sent" not in fates)


TWO = {
    "refused greeting, lost at MAIL": ({"greeting": "421 4.3.2 busy"}, {"MAIL": None}),
    "lost at EHLO, refused greeting": ({"EHLO": None}, {"greeting": "421 4.3.2 busy"}),
    "lost at MAIL twice": ({"MAIL": None}, {"MAIL": None}),
    "goodbye at RCPT, lost at DATA": ({"RCPT": "421 4.3.2 down"}, {"DATA": None}),
    "lost at MAIL, refused for now": ({"MAIL": None}, {"RCPT": ("450 4.2.0 later", "250 ok")}),
    "refused for now, lost at the end": ({"RCPT": ("450 4.2.0 later", "250 ok")}, {".": None}),
    "no reply at MAIL, goodbye at DATA": ({"MAIL": "what?"}, {"DATA": "421 4.3.2 down"}),
}


@pytest.mark.parametrize("retries", [0, 1, 3])
@pytest.mark.parametrize("name", TWO)
def test_two_faults_in_a_run(name, retries):
    told, raised, _ = by_both(lambda: by_replies(*TWO[name], GOOD), retries=retries)
    fates = [one[2] for one in told]
    assert [one[0] for one in told] == [0, 1, 2]
    assert all(attempts <= 1 + retries for _, attempts, *_ in told)
    if retries == 3:
        # "unknown" is not retried.
        assert set(fates) <= ({"sent", "unknown"} if "at the end" in name else {"sent"}), told
        assert raised == "NoneType"
    # A lost answer to the end of the data is the only way to "unknown".
    assert "unknown" not in fates or "at the end" in name


def behind_starttls(how, context):
    """A session that ends at STARTTLS after the server has agreed to it."""

    def script(peer):
        # A client that gives up does not wait for the end of a handshake.
        with contextlib.suppress(ssl.SSLError):
            converse(peer)

    def converse(peer):
        peer.say("220 hello")
        peer.line()
        peer.say("250-server", "250 STARTTLS")
        peer.line()
        peer.say("220 go")
        if how == "before the handshake":
            return
        if how == "reset before the handshake":
            peer.reset()
            return
        peer.secure(context)
        if how == "after the handshake":
            return
        peer.line()
        if how == "refused EHLO":
            for _ in ("EHLO", "HELO"):
                peer.say("550 5.7.1 not you")
                peer.line()
            return
        if how == "goodbye at EHLO":
            peer.say("421 4.3.2 going down")
            return
        if how == "after EHLO":
            peer.say("250 server")
            peer.line()
            return
        answering(greeting="250 server")(peer)

    return script


ENDS = {
    "before the handshake": True,
    "reset before the handshake": True,
    "after the handshake": True,
    "refused EHLO": False,
    "goodbye at EHLO": True,
    "after EHLO": True,
}


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("sessions", [1, 2, 4])
def test_an_end_behind_starttls(end, sessions, server_context):  # noqa: F811
    def script():
        return in_turn(behind_starttls(end, server_context))

    first, second = (
        play(maker, script, tls="starttls", context=UNVERIFIED, connections=sessions) for maker in MAKERS
    )
    assert first[:2] == second[:2]
    told, raised, connections = first
    assert {one[2] for one in told} == {"not sent"}
    # If a session was ready for mail, each message fails by itself.
    assert (raised == "NoneType") == (end == "after EHLO")
    if end != "after EHLO":
        assert connections == second[2] == 1 + ENDS[end]
    elif sessions == 1:
        assert connections == second[2]


@pytest.mark.parametrize("end", ENDS)
def test_an_end_behind_starttls_and_then_a_good_session(end, server_context):  # noqa: F811
    def script():
        return in_turn(behind_starttls(end, server_context), behind_starttls("well", server_context))

    told, _, connections = by_both(script, tls="starttls", context=UNVERIFIED)
    fates = [one[2] for one in told]
    assert fates == ["sent" if ENDS[end] else "not sent"] * 3
    assert connections == 1 + ENDS[end]
