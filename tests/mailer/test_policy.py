"""What is retried, when it is retried, and when a server is given up, with both mailers."""

import threading
import time

import pytest
from client.scripted import answering, serve

import rsmtp
from rsmtp import errors

pytestmark = pytest.mark.usefixtures("either_mailer")

CONTENT = b"Subject: x\r\n\r\nhello\r\n"
PIPELINING, CHUNKING = ["PIPELINING"], ["PIPELINING", "CHUNKING"]


def mailer(server, **options):
    options = {"tls": "none", "backoff": 0.01, "timeout": 20, **options}
    return rsmtp.Mailer(host="127.0.0.1", port=server.port, **options)


def messages(count):
    return [("a@example.org", [f"b{number}@example.org"], CONTENT) for number in range(count)]


def outcome(sending, many):
    """Returns the report and the exception."""
    try:
        return sending.send_all(many), None
    except errors.SMTPException as error:
        return error.report, error


@pytest.mark.parametrize("connections", [1, 2, 4])
@pytest.mark.parametrize("at", ["greeting", "EHLO", "AUTH"])
@pytest.mark.parametrize(
    "reply", ["554 5.3.2 one only", "421 4.3.2 busy", "450 4.3.2 busy", "hang up", "reset"]
)
def test_a_server_that_takes_one_session_at_a_time_is_sent_all(connections, at, reply):
    taken = threading.Lock()
    usual = answering(extensions=["AUTH PLAIN"])

    def script(peer):
        if taken.acquire(blocking=False):
            try:
                return usual(peer)
            finally:
                taken.release()
        if at != "greeting":
            peer.say("220 hello")
            peer.line()
        if at == "AUTH":
            peer.say("250-server", "250 AUTH PLAIN")
            peer.line()
        if reply == "reset":
            return peer.reset()
        if reply != "hang up":
            peer.say(reply)
        return peer.socket.close()

    with serve(script) as server, mailer(server, connections=connections, user="u", password="p") as sending:
        report = sending.send_all(messages(40))
    assert report.ok and report.total == 40, report


@pytest.mark.parametrize("extensions", [[], PIPELINING], ids=str)  # By BDAT it may have arrived.
@pytest.mark.parametrize("retries", [0, 1, 2])
@pytest.mark.parametrize("at", ["MAIL", "EHLO"])
def test_so_many_retries_are_so_many_more_connections(extensions, retries, at):
    ehlo = ["250-server", *(f"250-{one}" for one in extensions), "250 HELP"]
    script = answering({"EHLO": ehlo, at: None})
    with serve(script) as server, mailer(server, retries=retries) as sending:
        report, raised = outcome(sending, messages(1))
        assert len(server.peers) == retries + 1
    assert report.not_sent == 1
    assert (raised is None) == (at == "MAIL")


@pytest.mark.parametrize("goodbye", ["421 4.7.0 not now", None])
@pytest.mark.parametrize("connections", [1, 2])
def test_messages_that_end_the_session_do_not_keep_the_others_from_being_sent(goodbye, connections):
    bad = {f"MAIL FROM:<bad{number}@": goodbye for number in range(6)}
    script = answering(bad, extensions=PIPELINING)
    good = messages(50)
    many = [(f"bad{number}@example.org", ["b@example.org"], CONTENT) for number in range(6)] + good
    with serve(script) as server, mailer(server, connections=connections) as sending:
        report, raised = outcome(sending, many)
    assert raised is None and report.sent == 50, report
    failed = {receipt.index for receipt in report.receipts if not receipt.ok}
    assert failed == set(range(6))


@pytest.mark.parametrize("connections", [1, 2, 4])
@pytest.mark.parametrize("count", [1, 30])
def test_a_server_that_says_421_to_every_mail_is_given_up_soon(connections, count):
    """With many messages an exception is raised, and with one message the receipt reports it,
    however many connections there are."""
    with serve(answering({"MAIL": "421 4.3.2 busy"})) as server:
        with mailer(server, connections=connections, backoff=0.1) as sending:
            begin = time.monotonic()
            report, raised = outcome(sending, messages(count))
            assert time.monotonic() - begin < 15
        assert len(server.peers) <= 15
    assert report.sent == 0 and report.total == count
    assert (raised is None) == (count == 1), raised


@pytest.mark.parametrize("connections", [1, 2])
def test_a_server_that_stalls_is_given_up_when_the_retries_are_used_up(connections):
    def script(peer):
        peer.say("220 hello")
        peer.line()
        peer.say("250-server", "250 PIPELINING")
        peer.until_closed()

    with serve(script) as server:
        with mailer(server, connections=connections, retries=0, timeout=0.3) as sending:
            report, raised = outcome(sending, messages(20))
        assert len(server.peers) <= connections
    assert isinstance(raised, errors.SMTPTimeoutError), raised
    assert report.sent == 0 and report.total == 20


@pytest.mark.parametrize("login", [{}, {"user": "u", "password": "p"}])
def test_a_server_that_wants_a_login_for_everything_is_given_up(login):
    script = answering({"MAIL": "530 5.7.0 authentication required"}, extensions=["AUTH PLAIN"])
    with serve(script) as server, mailer(server, **login) as sending:
        report, raised = outcome(sending, messages(200))
        said = sum(bytes(peer.heard).count(b"MAIL FROM") for peer in server.peers)
    assert raised is not None and "530" in str(raised)
    assert report.sent == 0 and report.total == 200 and said < 100


@pytest.mark.parametrize("extensions", [[], PIPELINING, CHUNKING], ids=str)
def test_a_login_that_is_forgotten_is_made_again_before_a_message_is_refused(extensions):
    """As after an hour: the first session takes two messages and then requires a login."""
    replies = {"MAIL": ("250 ok", "250 ok", "530 5.7.0 authentication required")}
    script = answering(replies, extensions=["AUTH PLAIN", *extensions])
    with serve(script) as server, mailer(server, user="u", password="p", retries=0) as sending:
        report = sending.send_all(messages(6))
        assert len(server.peers) == 3
    assert report.ok and report.total == 6, report


@pytest.mark.parametrize(
    "words",
    [
        "452 4.5.3 Too many recipients",
        "452 too many recipients",
        "552 too many",
        "451 4.5.3 Too many recipients: Too many recipients",
        "550 5.5.3 too many",
    ],
)
@pytest.mark.parametrize("extensions", [[], PIPELINING, CHUNKING], ids=str)
def test_too_many_recipients_go_in_as_many_transactions_as_it_takes(words, extensions):
    named = []

    def script(peer):
        peer.say("220 hello")
        while command := peer.line():
            verb = command.split()[0]
            if verb == "EHLO":
                peer.say("250-server", *(f"250-{one}" for one in extensions), "250 HELP")
            elif verb == "RCPT":
                named[-1] += 1
                peer.say("250 ok" if named[-1] <= 2 else words)
            elif verb == "DATA":
                peer.say("354 go on")
                peer.mail_data()
                peer.say("250 ok")
            else:
                if verb == "MAIL":
                    named.append(0)
                if verb == "BDAT":
                    peer.octets(int(command.split()[1]))
                peer.say("250 ok")

    recipients = [f"b{number}@example.org" for number in range(7)]
    many = [("a@example.org", recipients, CONTENT)] * 2
    # If these counted as attempts, there would be too few, and each would wait.
    with serve(script) as server, mailer(server, retries=0, backoff=100, window=1) as sending:
        report = sending.send_all(many)
    assert report.ok
    for receipt in report.receipts:
        assert sorted(receipt.sent) == recipients and receipt.attempts == 1
    # The rest of the session keeps to what the first transaction has shown.
    assert named == [7, 2, 2, 1, 2, 2, 2, 1]


def refusing_the_whole_of_more_than(most, extensions, named, taken, hangs_up=False, content="250 ok"):
    """As Exim does with recipients_max_reject."""

    def script(peer):
        peer.say("220 hello")
        mine = []
        while command := peer.line():
            verb = command.split()[0]
            if verb == "EHLO":
                peer.say("250-server", *(f"250-{one}" for one in extensions), "250 HELP")
            elif verb == "RCPT":
                mine.append(command[9:-1])
                peer.say("250 ok" if len(mine) <= most else "552 too many recipients")
            elif verb in ("DATA", "BDAT"):
                refused = len(mine) > most
                if verb == "BDAT":
                    peer.octets(int(command.split()[1]))
                elif not refused:
                    peer.say("354 go on")
                    peer.mail_data()
                peer.say("554 Too many recipients" if refused else content)
                taken.extend([] if refused else mine)
                if refused and hangs_up:
                    return
            else:
                if verb == "MAIL":
                    named.append(mine := [])
                peer.say("250 ok")

    return script


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("hangs_up", [False, True])
@pytest.mark.parametrize("extensions", [[], PIPELINING, CHUNKING], ids=str)
def test_a_message_that_is_refused_for_its_many_recipients_is_sent_to_fewer(
    extensions, hangs_up, connections
):
    named, taken = [], []
    script = refusing_the_whole_of_more_than(2, extensions, named, taken, hangs_up)
    recipients = [f"b{number}@example.org" for number in range(7)]
    many = [("a@example.org", recipients, CONTENT)] * 6
    # What a server has in flight when it hangs up has an unknown fate.
    more = {"retries": 9, "window": 1} if hangs_up else {"retries": 0, "backoff": 100}
    with serve(script) as server, mailer(server, connections=connections, **more) as sending:
        report = sending.send_all(many)
    assert report.ok and [sorted(receipt.sent) for receipt in report.receipts] == [recipients] * 6
    assert sorted(taken) == sorted(recipients * 6)


@pytest.mark.parametrize("extensions", [[], PIPELINING, CHUNKING], ids=str)
def test_content_that_is_refused_is_refused_once_more_for_fewer_recipients(extensions):
    named, taken = [], []
    content = "554 5.7.1 looks like spam"
    script = refusing_the_whole_of_more_than(2, extensions, named, taken, content=content)
    recipients = [f"b{number}@example.org" for number in range(7)]
    with serve(script) as server, mailer(server, retries=0) as sending:
        receipt = sending.send(("a@example.org", recipients, CONTENT), check=False)
    assert {one.text for one in receipt.recipients} == {"5.7.1 looks like spam"}
    assert sorted(receipt.refused) == recipients and receipt.attempts == 1
    assert [len(one) for one in named] == [7, 2, 2, 2, 1]


def test_too_many_recipients_is_no_endless_story():
    script = answering({"RCPT": "452 4.5.3 Too many recipients"})
    with serve(script) as server, mailer(server, retries=1) as sending:
        receipt = sending.send(("a@example.org", ["b@example.org", "c@example.org"], CONTENT), check=False)
    assert len(receipt.refused) == 2 and receipt.attempts == 2


@pytest.mark.parametrize("reply", ["450 4.2.0 greylisted", "451 4.7.1 greylisted"])
def test_what_is_put_off_holds_up_nothing_and_is_tried_until_the_time_is_up(reply):
    strangers = 5
    replies = {f"RCPT TO:<b{number}@": (*[reply] * 4, "250 ok") for number in range(strangers)}
    arrived = []

    def told(progress):
        arrived.append(progress.sent)

    with serve(answering(replies, extensions=PIPELINING)) as server:
        with mailer(server, backoff=0.05, give_up_after=30) as sending:
            report = sending.send_all(messages(40), progress=told)
    assert report.ok and report.total == 40
    attempts = sorted(receipt.attempts for receipt in report.receipts)
    assert attempts == [1] * 35 + [5] * 5
    assert 35 in arrived, "the others went first"


def test_the_time_to_give_up_bounds_the_attempts():
    script = answering({"RCPT": "450 4.2.0 greylisted"})
    with serve(script) as server, mailer(server, backoff=0.05, give_up_after=0.4) as sending:
        begin = time.monotonic()
        receipt = sending.send(messages(1)[0], check=False)
        assert time.monotonic() - begin < 10
    assert receipt.refused and receipt.recipients[0].transient and 2 <= receipt.attempts <= 5
    with pytest.raises(ValueError, match="give_up_after: 0 is not a number over 0$"):
        rsmtp.Mailer(host="localhost", give_up_after=0)
    for much in (1e10, float("inf")):
        with pytest.raises(
            ValueError, match="give_up_after: .* is not a number over 0 and below 1,000,000,000$"
        ):
            rsmtp.Mailer(host="localhost", give_up_after=much)
