"""Mailer and AsyncMailer get the same, correct results from the same servers, for every fault and
stage and for various numbers of servers and sessions."""

import pytest
from client.scripted import answering, serve
from mailer import facade
from mailer.outcomes import FAULTS, MESSAGES, sent_all

import rsmtp

RETRIES = 1

OPENING = ["greeting", "EHLO", "STARTTLS", "AUTH"]
MAIL = ["MAIL", "RCPT", "DATA", "."]


@pytest.fixture(autouse=True)
def _loops():
    yield
    facade.close_loops()


def script(stage, fault):
    extensions = ["AUTH PLAIN", *["STARTTLS"] * (stage == "STARTTLS")]
    if stage == "greeting":
        return answering(greeting=fault, extensions=extensions)
    return answering({stage: fault}, extensions=extensions)


def play(maker, stage, fault, hops, sessions):
    """Each message's fate, attempts, code and error, the exception, and the connections to each
    server."""
    with serve(script(stage, fault)) as bad, serve(answering(extensions=["AUTH PLAIN"])) as good:
        security = "starttls" if stage == "STARTTLS" else "none"
        urls = [f"smtp://u:p@127.0.0.1:{bad.port}?tls={security}"]
        if hops == 2:
            urls.append(f"smtp://u:p@127.0.0.1:{good.port}?tls=none")
        with maker(urls, connections=sessions, retries=RETRIES, backoff=0.01, timeout=20) as mailer:
            told, raised = sent_all(mailer)
        return told, raised, len(bad.peers), len(good.peers)


def expected(stage, fault, hops):
    """The fates of all messages, or None if they depend on how many were in flight. Also whether
    an exception is raised, and how many connections one session makes to the first server."""
    if stage in OPENING:
        if hops == 2:
            return "sent", False, 1
        again = fault in ("transient", "goodbye", "hang up")
        return "not sent", True, 1 + RETRIES * again
    if fault in ("transient", "permanent"):
        return "refused", False, 1
    if fault != "goodbye" and stage == ".":
        return ("unknown" if hops == 1 else None), False, None
    if hops == 2:
        return "sent", False, 1
    return ("refused" if fault == "goodbye" else "not sent"), False, len(MESSAGES) * (1 + RETRIES)


@pytest.mark.parametrize("hops", [1, 2])
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stage", OPENING + MAIL)
def test_outcomes_are_equal_and_right(stage, fault, hops):
    fate, is_raised, connections = expected(stage, fault, hops)
    for sessions in (1, 2, 4):
        both = [play(maker, stage, FAULTS[fault], hops, sessions) for maker in (rsmtp.Mailer, facade.Mailer)]
        for told, raised, bad, good in both:
            assert [index for index, *_ in told] == [0, 1, 2]
            fates = {one[2] for one in told}
            assert fates == {fate} if fate else fates <= {"sent", "unknown"} and "unknown" in fates, told
            assert (raised != "NoneType") == is_raised, raised
            if sessions == 1 or is_raised:
                assert connections in (bad, None), bad
            assert good <= sessions
        if fate and not (hops == 2 and sessions > 1):
            assert both[0][:2] == both[1][:2]
        elif fate:
            # It is chance which message a session had when it noticed, and which one was tried twice.
            assert all(1 <= attempts <= 1 + RETRIES for told, *_ in both for _, attempts, *_ in told)
            first, second = ([(index, *rest) for index, _, *rest in told] for told, *_ in both)
            assert (first, both[0][1]) == (second, both[1][1])
        if sessions == 1:
            assert both[0] == both[1]
