"""Each command has the same wire bytes, result and exception as the standard library."""

import pytest

from client.parity import both
from client.scripted import answering

OLD = {"EHLO": "502 not known"}
A, B, C = "a@example.org", "b@example.org", "c@example.org"


def _stripped(features):
    """Strips the space before the standard library's mechanisms."""
    return {keyword: parameters.strip() for keyword, parameters in features.items()}


CONVERSATIONS = {
    "ehlo": [lambda c: c.ehlo(), lambda c: _stripped(c.esmtp_features), lambda c: c.does_esmtp],
    "ehlo with a name": [lambda c: c.ehlo("other.example.org"), lambda c: c.ehlo_resp],
    "helo": [lambda c: c.helo(), lambda c: c.helo_resp, lambda c: c.esmtp_features],
    "ehlo_or_helo_if_needed twice": [lambda c: c.ehlo_or_helo_if_needed()] * 2,
    "noop and rset": [lambda c: c.noop(), lambda c: c.rset()],
    "help": [lambda c: c.help(), lambda c: c.help("MAIL")],
    "vrfy": [lambda c: c.vrfy(A), lambda c: c.verify("Ann <ann@example.org>"), lambda c: c.vrfy("ann")],
    "expn": [lambda c: c.expn("staff"), lambda c: c.expn("<staff@example.org>")],
    "docmd": [lambda c: c.docmd("NOOP"), lambda c: c.docmd("XYZZY", "a b")],
    "putcmd and getreply": [lambda c: c.putcmd("NOOP"), lambda c: c.getreply()],
    "putcmd twice, then both replies": [
        lambda c: c.putcmd("NOOP"),
        lambda c: c.putcmd("VRFY", "x"),
        lambda c: c.getreply(),
        lambda c: c.getreply(),
    ],
    "send": [lambda c: c.send("NOOP\r\n"), lambda c: c.getreply()],
    "send bytes": [lambda c: c.send(b"NO"), lambda c: c.send(b"OP\r\n"), lambda c: c.getreply()],
    "mail, rcpt and data by steps": [
        lambda c: c.ehlo(),
        lambda c: c.mail(A),
        lambda c: c.rcpt(B),
        lambda c: c.rcpt("Carol <c@example.org>"),
        lambda c: c.data("Subject: s\n\n.dot\n"),
        lambda c: c.quit(),
    ],
    "the null reverse-path": [lambda c: c.ehlo(), lambda c: c.mail(""), lambda c: c.mail("<>")],
    "mail and rcpt with options": [
        lambda c: c.ehlo(),
        lambda c: c.mail(A, ["BODY=8BITMIME", "SIZE=100"]),
        lambda c: c.rcpt(B, ["NOTIFY=NEVER"]),
    ],
    "has_extn": [lambda c: c.ehlo(), lambda c: c.has_extn("Size"), lambda c: c.has_extn("x")],
    "quit twice": [lambda c: c.quit(), lambda c: c.quit()],
    "after close": [lambda c: c.close(), lambda c: c.noop(), lambda c: c.sendmail(A, B, "x")],
    "data from the docmd side": [
        lambda c: c.docmd("MAIL", "FROM:<a@example.org>"),
        lambda c: c.docmd("RCPT", "TO:<b@example.org>"),
        lambda c: c.docmd("DATA"),
        lambda c: c.send("Subject: s\r\n\r\nbody\r\n.\r\n"),
        lambda c: c.getreply(),
        lambda c: c.quit(),
    ],
}


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_steps(name):
    script = answering(extensions=["SIZE 1000000", "8BITMIME", "DSN", "AUTH PLAIN LOGIN"])
    standard, ours = both(script, CONVERSATIONS[name])
    assert ours == standard


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_steps_with_a_server_that_knows_no_ehlo(name):
    standard, ours = both(answering(OLD), CONVERSATIONS[name])
    if name == "mail and rcpt with options":
        # The standard library silently drops the options. rsmtp sends them.
        assert ours[0] == standard[0]
        assert "BODY=8BITMIME SIZE=100" in ours[1]
        return
    assert ours == standard


# What the two clients know about the server after their introduction.
KNOWN = [lambda c: c.ehlo_resp, lambda c: c.helo_resp, lambda c: c.does_esmtp, lambda c: c.esmtp_features]
TO_EHLO = [
    "250 me",
    "250-me\r\n250 SIZE 10",
    "251 me",
    "500 what?",
    "501 no",
    "502 no",
    "504 no",
    "550 no",
    "450 later",
]
TO_HELO = ["250 me", "251 me", "500 what?", "550 no", "450-not\r\n450 now"]


@pytest.mark.parametrize("to_helo", TO_HELO)
@pytest.mark.parametrize("to_ehlo", TO_EHLO)
@pytest.mark.parametrize("begun_by", ["ehlo_or_helo_if_needed", "starttls", "login", "sendmail"])
def test_what_is_known_after_each_pair_of_answers_to_ehlo_and_helo(begun_by, to_ehlo, to_helo):
    begin = {
        "ehlo_or_helo_if_needed": lambda c: c.ehlo_or_helo_if_needed(),
        "starttls": lambda c: c.starttls(),
        "login": lambda c: c.login("ann", "secret"),
        "sendmail": lambda c: c.sendmail(A, B, "x"),
    }[begun_by]
    script = answering({"EHLO": to_ehlo.split("\r\n"), "HELO": to_helo.split("\r\n")})
    standard, ours = both(script, [begin, *KNOWN, lambda c: c.ehlo_or_helo_if_needed(), *KNOWN])
    assert ours == standard


@pytest.mark.parametrize("by_hand", ["ehlo", "helo"])
def test_an_introduction_by_hand_forgets_the_refusal_before_it(by_hand):
    calls = [lambda c: c.ehlo_or_helo_if_needed(), lambda c: getattr(c, by_hand)(), *KNOWN]
    standard, ours = both(answering(OLD), calls)
    assert ours == standard


REFUSALS = ["421 going down", "450 not now", "550 no", "550-no\r\n550 never"]


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize(
    "verb", ["HELO", "EHLO", "NOOP", "RSET", "VRFY", "EXPN", "HELP", "MAIL", "RCPT", "DATA", ".", "QUIT"]
)
def test_a_refusal_of_one_step_is_returned_with_the_servers_words(verb, refusal):
    calls = {
        "HELO": [lambda c: c.helo()],
        "EHLO": [lambda c: c.ehlo(), lambda c: c.ehlo_resp, lambda c: c.does_esmtp],
        "NOOP": [lambda c: c.noop()],
        "RSET": [lambda c: c.rset()],
        "VRFY": [lambda c: c.vrfy("x")],
        "EXPN": [lambda c: c.expn("x")],
        "HELP": [lambda c: c.help()],
        "MAIL": [lambda c: c.ehlo(), lambda c: c.mail(A)],
        "RCPT": [lambda c: c.ehlo(), lambda c: c.mail(A), lambda c: c.rcpt(B)],
        "DATA": [lambda c: c.ehlo(), lambda c: c.mail(A), lambda c: c.rcpt(B), lambda c: c.data("x")],
        ".": [lambda c: c.ehlo(), lambda c: c.mail(A), lambda c: c.rcpt(B), lambda c: c.data("x")],
        "QUIT": [lambda c: c.quit()],
    }[verb]
    standard, ours = both(answering({verb: refusal.split("\r\n")}), calls)
    assert ours == standard


@pytest.mark.parametrize("greeting", ["220-a\r\n220 b", "220", "421 busy", "450 later", "554 no"])
def test_connect_returns_the_greeting_whatever_it_says(greeting):
    standard, ours = both(answering(greeting=greeting.split("\r\n")), [])
    assert ours == standard


def test_a_greeting_that_refuses_makes_the_constructor_raise():
    import smtplib as standard

    from client.parity import described
    from client.scripted import serve
    from rsmtp import smtplib as ours

    found = []
    for library in (standard, ours):
        with serve(answering(greeting="554 go away")) as server:
            with pytest.raises(standard.SMTPConnectError) as caught:
                library.SMTP(server.host, server.port, timeout=20)
            server.wait_for_end()
            found.append((described(caught.value), server.heard))
    assert found[0] == found[1]


@pytest.mark.parametrize("lost_at", ["HELO", "EHLO", "NOOP", "MAIL", "RCPT", "DATA", "."])
def test_a_connection_that_is_lost_raises_the_same(lost_at):
    calls = [
        lambda c: c.noop(),
        lambda c: c.helo() and None,
        lambda c: c.ehlo() and None,
        lambda c: c.sendmail(A, [B, C], "Subject: x\n\nhello\n"),
        lambda c: c.noop(),
        lambda c: c.sendmail(A, [B, C], "Subject: x\n\nhello\n"),
    ]
    standard, ours = both(answering({lost_at: None}), calls)
    # If the connection is lost at NOOP, HELO or EHLO, both then report that.
    assert ours == standard
