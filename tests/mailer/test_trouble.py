"""Servers that fail: what is retried, what is reported, and that no call waits for ever."""

import socket

import pytest
from client.scripted import answering, serve

import rsmtp
from rsmtp import errors

pytestmark = pytest.mark.usefixtures("either_mailer")

CONTENT = b"Subject: x\r\n\r\nhello\r\n"


def mailer(server, **options):
    options = {"tls": "none", "backoff": 0.01, "timeout": 20, **options}
    return rsmtp.Mailer(host="127.0.0.1", port=server.port, **options)


def messages(count):
    return [("a@example.org", [f"b{number}@example.org"], CONTENT) for number in range(count)]


@pytest.fixture
def closed_port():
    """A port where no server listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield bound.getsockname()[1]


@pytest.mark.parametrize("retries", [0, 2])
def test_no_server_there_is_raised_with_a_report(closed_port, retries):
    with rsmtp.Mailer(
        host="127.0.0.1", port=closed_port, tls="none", retries=retries, backoff=0.01
    ) as mailer:
        with pytest.raises(errors.SMTPConnectionRefused):
            mailer.send(messages(1)[0])
        with pytest.raises(errors.SMTPConnectionRefused) as raised:
            mailer.send_all(messages(3))
    assert raised.value.report.not_sent == 3
    assert raised.value.report.to_retry == messages(3)


def test_the_second_server_takes_over(closed_port):
    with rsmtp.Catcher(tls="none") as catcher:
        urls = [f"smtp://127.0.0.1:{port}?tls=none" for port in (closed_port, catcher.port)]
        with rsmtp.Mailer(urls, backoff=0.01) as mailer:
            report = mailer.send_all(messages(5))
        assert report.ok and len(catcher.messages) == 5


@pytest.mark.parametrize(
    ("replies", "scheme", "sessions"),
    [
        ({"": "554 go away"}, "smtp://{}?tls=none", 1),
        ({"": "no reply"}, "smtp://{}?tls=none", 1),
        ({"EHLO": "550 not you", "HELO": "550 not you"}, "smtp://{}?tls=none", 1),
        ({"EHLO": None}, "smtp://{}?tls=none", 1),
        ({"AUTH": "535 5.7.8 wrong"}, "smtp://u:p@{}?tls=none", 1),
        ({}, "smtp://u:p@{}?tls=none", 1),
        ({}, "smtp://{}?tls=starttls", 1),
        ({}, "smtps://{}", 1),
        ({"MAIL": "421 4.3.2 busy"}, "smtp://{}?tls=none", 1),
        # The client tries once in plaintext, because TLS may have caused the failure.
        ({"MAIL": None, "EHLO": ["250-server", "250 PIPELINING"]}, "smtp://{}?tls=none", 2),
    ],
)
def test_the_second_server_takes_over_whatever_is_wrong_with_the_first(replies, scheme, sessions):
    first = dict(replies)
    greeting = first.pop("", "220 hello")
    offers = ["PIPELINING", "CHUNKING", *["AUTH PLAIN"] * ("AUTH" in first)]
    with serve(answering(first, greeting=greeting, extensions=offers)) as bad, serve(answering()) as good:
        urls = [scheme.format(f"127.0.0.1:{bad.port}"), f"smtp://127.0.0.1:{good.port}?tls=none"]
        with rsmtp.Mailer(urls, backoff=0.01, timeout=20) as sending:
            report = sending.send_all(messages(3))
            assert sending.send(messages(1)[0]).ok
        assert report.sent == 3, report
        assert {receipt.server for receipt in report.receipts} == {f"127.0.0.1:{good.port}"}
        assert (len(bad.peers), len(good.peers)) == (sessions, 1)


@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_a_server_that_does_not_know_the_bdat_it_offers_gets_data(code):
    script = answering({"BDAT": f"{code} what?"}, extensions=["PIPELINING", "CHUNKING"])
    with serve(script) as server, mailer(server, retries=0) as sending:
        receipt = sending.send(messages(1)[0])
        assert receipt.ok, receipt
    assert len(server.peers) == 2
    assert b"BDAT" not in server.heard and b"DATA\r\n" in server.heard


def answers_one_bdat_by(code, which, offers, got, takes_the_rest=False):
    """Reads each chunk, and answers this one and the later ones in its message with `code`. With
    `takes_the_rest` it reads the later chunks first and answers after the last."""
    chunks = 0

    def script(peer):
        nonlocal chunks
        peer.say("220 hello")
        content, refused, answers = b"", False, []
        while command := peer.line():
            verb = command[:4].upper()
            if verb == "EHLO":
                peer.say("250-server", *(f"250-{one}" for one in offers), "250 8BITMIME")
            elif verb == "BDAT":
                chunks += 1
                content += peer.octets(int(command.split()[1]))
                refused |= chunks == which
                if refused:
                    refused, content = not takes_the_rest, b""
                    answers.append(f"{code} not this time")
                else:
                    if command.endswith("LAST"):
                        got.append(content)
                        content = b""
                    answers.append("250 taken")
                waits = takes_the_rest and any(answer.startswith(str(code)) for answer in answers)
                if command.endswith("LAST") or not waits:
                    peer.say(*answers)
                    answers.clear()
            elif verb == "DATA":
                take_data(peer, got)
            elif verb == "QUIT":
                peer.say("221 bye")
                return
            else:
                content, refused = b"", False
                peer.say("250 ok")

    return script


def take_data(peer, got):
    peer.say("354 go on")
    got.append(peer.mail_data().removesuffix(b".\r\n"))
    peer.say("250 taken")


def numbered(count, octets):
    """Messages that are numbered in their first line."""
    text = b"x" * 70 + b"\r\n"
    content = [b"Subject: %d\r\n\r\n" % number + text * (octets // 72) for number in range(count)]
    return [("a@example.org", ["b@example.org"], one) for one in content]


@pytest.mark.parametrize("extensions", [["CHUNKING"], ["PIPELINING", "CHUNKING"]], ids=str)
@pytest.mark.parametrize("octets", [10, 1_500_000])
@pytest.mark.parametrize("which", [1, 2, 3, 5])
@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_one_bdat_that_is_not_taken_loses_nothing_and_doubles_nothing(code, which, octets, extensions):
    got = []
    some = numbered(8 if octets < 1000 else 4, octets)
    with serve(answers_one_bdat_by(code, which, extensions, got)) as server:
        with mailer(server, retries=0, connections=1) as sending:
            report = sending.send_all(some)
    assert report.unknown == report.not_sent == 0, report
    sent = [receipt.message[2] for receipt in report.receipts if receipt.ok]
    assert sorted(got) == sorted(sent), [one[:20] for one in got]
    # A session's first chunk says nothing about the message. After an accepted chunk, it does.
    assert report.refused == (0 if which == 1 else 1), report


@pytest.mark.parametrize("which", [4, 5])  # Of the second message the first, and one behind it.
def test_a_message_of_which_a_chunk_was_refused_and_the_end_taken_is_unknown(which):
    got = []
    some = numbered(4, 1_500_000)
    offers = ["PIPELINING", "CHUNKING"]
    with serve(answers_one_bdat_by(552, which, offers, got, takes_the_rest=True)) as server:
        with mailer(server, retries=0, connections=1) as sending:
            report = sending.send_all(some)
    assert (report.sent, report.unknown) == (3, 1), report
    assert len(got) == 4 and len({*got} & {one[2] for one in some}) == 3


@pytest.mark.parametrize("retries", [0, 2])
@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("code", [500, 502, 503, 504])
def test_behind_one_name_one_server_takes_bdat_and_the_others_do_not_know_it(code, connections, retries):
    # All introduce themselves alike, so that nothing tells the others from the first.
    offers, others, got = ["PIPELINING", "CHUNKING", "ENHANCEDSTATUSCODES"], [], []

    def takes_one_by_bdat(peer):
        peer.say("220 hello")
        while command := peer.line():
            verb = command[:4].upper()
            if verb == "EHLO":
                peer.say("250-server", *(f"250-{one}" for one in offers), "250 HELP")
            elif verb == "BDAT":
                got.append(peer.octets(int(command.split()[1])))
                peer.say("250 taken")
                return
            else:
                peer.say("250 ok")

    def knows_no_bdat(peer):
        peer.say("220 hello")
        while command := peer.line():
            verb = command.split(" ")[0].upper()
            if verb == "EHLO":
                peer.say("250-server", *(f"250-{one}" for one in offers), "250 HELP")
            elif verb in ("MAIL", "RCPT", "RSET"):
                peer.say("250 ok")
            elif verb == "DATA":
                take_data(peer, got)
            elif verb == "QUIT":
                peer.say("221 bye")
                return
            else:
                others.append(verb)
                peer.say(f"{code} what?")

    scripts = iter([takes_one_by_bdat])
    some = numbered(40, 10)
    with serve(lambda peer: next(scripts, knows_no_bdat)(peer)) as server:
        with mailer(server, retries=retries, connections=connections) as sending:
            assert sending.send(some[0]).ok
            server.wait_for_end()
            report = sending.send_all(some[1:])
    assert report.sent == 39, report
    assert sorted(got) == sorted(one[2] for one in some)
    assert "BDAT" in others


def test_what_was_never_begun_outlives_more_sessions_than_it_has_attempts():
    # Each session takes one message and closes, so the tenth message is stranded nine times.
    script = answering({"RSET": None, "MAIL": ("250 ok", None)}, extensions=["PIPELINING"])
    with serve(script) as server, mailer(server, retries=1) as sending:
        report = sending.send_all(messages(10))
    assert report.sent == 10, report
    assert len(server.peers) == 10


@pytest.mark.parametrize("last", [b"999 what?\r\n", b"550 not asked for\r\n" * 50, b""])
def test_answers_that_come_together_with_the_end_of_the_session_all_count(last):
    # After one message that shows that the server accepts BDAT, five messages are answered in one
    # segment, each with another reply. The rest of that segment ends the session.
    def script(peer):
        peer.say("220 hello")
        peer.line()
        peer.say("250-server", "250-PIPELINING", "250 CHUNKING")
        replies, taken = [], -1
        while taken < 5:
            command = peer.line()
            if command.startswith("BDAT"):
                peer.octets(int(command.split()[1]))
                taken += 1
                replies.append(f"{250 if taken % 2 else 550} message {taken}" if taken else "250 message 0")
                if not taken:
                    peer.say(*replies)
                    replies.clear()
            else:
                replies.append("250 ok")
        peer.send("\r\n".join([*replies, ""]).encode() + last)
        if last:
            peer.until_closed()

    with serve(script) as server, mailer(server, retries=0) as sending:
        report = sending.send_all(messages(6))
    assert (report.sent, report.refused, report.total) == (4, 2, 6), report
    for receipt in report.receipts:
        assert receipt.recipients[0].text.endswith(f"message {receipt.index}"), receipt


@pytest.mark.parametrize("extensions", [[], ["PIPELINING"], ["PIPELINING", "CHUNKING"]], ids=str)
def test_a_server_that_says_421_and_does_not_hang_up_keeps_no_call_waiting(extensions):
    def script(peer):
        peer.say("220 hello")
        peer.line()
        peer.say("250-server", *(f"250-{e}" for e in extensions), "250 HELP")
        peer.line()
        peer.say("421 4.3.2 going down")
        peer.until_closed()

    with serve(script) as server, mailer(server, retries=0) as sending:
        try:
            report = sending.send_all(messages(5))
        except errors.SMTPException as error:
            report = error.report
        assert (report.sent, report.total) == (0, 5)
        # The client has hung up without waiting for the scripts to end.
        server.wait_for_end()


def test_a_server_that_never_takes_a_message_is_given_up():
    with serve(answering({"MAIL": None})) as server, mailer(server, retries=1) as sending:
        receipt = sending.send(messages(1)[0], check=False)
    assert receipt.not_sent and isinstance(receipt.error, errors.SMTPServerDisconnected)


def test_what_the_iterable_raises_has_the_report():
    with rsmtp.Catcher(tls="none") as catcher:
        with rsmtp.Mailer(host=catcher.host, port=catcher.port, tls="none") as mailer:

            def broken():
                yield from messages(3)
                yield ("a@example.org", [], CONTENT)
                raise RuntimeError("no more")

            with pytest.raises(RuntimeError, match="no more") as raised:
                mailer.send_all(broken())
        report = raised.value.report
        assert (report.sent, report.not_sent) == (3, 1) and len(report.receipts) == 4
        assert len(catcher.messages) == 3


@pytest.mark.parametrize(
    "url",
    [
        "smtp://user:se/cret@host",
        "smtp://user:se?cret@host",
        "smtp://user:se#cret@host",
        "smtp://user:se[cret@host",
        "smtp://user:se cret@host",
        "smtp:user:secret@host",
        "smtp://user:se\ncret@host",
    ],
)
def test_a_password_in_a_bad_url_is_not_shown(url):
    with pytest.raises(ValueError, match="url: ") as raised:
        rsmtp.Mailer(url)
    assert "cret" not in str(raised.value) and raised.value.__cause__ is None


@pytest.mark.parametrize("why", ["no connection", "login", "greeting"])
def test_what_kept_one_message_from_any_server_names_its_recipients(closed_port, why):
    replies = {"AUTH": "535 5.7.8 no"} if why == "login" else {}
    greeting = "554 go away" if why == "greeting" else "220 hello"
    to = ["b@example.org", "c@example.org"]
    with serve(answering(replies, extensions=["AUTH PLAIN"], greeting=greeting)) as server:
        port = closed_port if why == "no connection" else server.port
        with rsmtp.Mailer(host="127.0.0.1", port=port, user="ann", password="x", retries=0) as sender:
            with pytest.raises((errors.SMTPException, OSError)) as raised:
                sender.send(("a@example.org", to, CONTENT))
    assert raised.value.fates == dict.fromkeys(to, "not sent")
    assert [(each.address, each.fate) for each in raised.value.receipt.recipients] == [
        (address, "not sent") for address in to
    ]
