"""The interface for programs that watch the catcher: changes, single messages, and the current
faults."""

import smtplib
import threading

import rsmtp


def test_every_change_is_waited_for(catcher, deliver):
    seen = catcher.changes
    assert catcher.wait_for_change(seen, timeout=0.01) == seen
    heard = []
    waiting = threading.Thread(target=lambda: heard.append(catcher.wait_for_change(seen, timeout=30)))
    waiting.start()
    deliver(catcher)
    waiting.join()
    assert heard[0] > seen
    for change in (lambda: catcher.delete(1), catcher.clear):
        seen = catcher.changes
        change()
        assert catcher.wait_for_change(seen, timeout=0) > seen


def test_one_message_by_its_number(catcher, deliver):
    deliver(catcher, "Subject: one\n\n\n")
    deliver(catcher, "Subject: two\n\n\n")
    assert catcher.message(2).email["Subject"] == "two"
    assert catcher.message(3) is None
    assert catcher.delete(1)
    assert not catcher.delete(1)
    assert catcher.message(1) is None
    assert ([message.number for message in catcher.messages], catcher.count) == ([2], 2)


def test_the_faults_as_they_stand(catcher):
    first = catcher.fault("RCPT", reply=(450, "4.2.0 later"), address="@example.org", skip=1, times=2)
    second = catcher.fault("QUIT", disconnect="reset")
    with smtplib.SMTP(catcher.host, catcher.port) as client:
        client.ehlo()
        client.mail("ann@example.org")
        codes = [client.rcpt(f"{name}@example.org")[0] for name in ("one", "two")]
        client.close()
    assert codes == [250, 450]
    refusal, reset = catcher.faults
    assert (refusal.number, refusal.stage, refusal.address) == (first, "RCPT", "@example.org")
    assert (refusal.skip, refusal.times, refusal.text) == (0, 1, "says “450 4.2.0 later”")
    assert (reset.number, reset.times, reset.text) == (second, None, "resets the connection")
    assert catcher.remove_fault(first)
    assert not catcher.remove_fault(first)
    assert [fault.number for fault in catcher.faults] == [second]


def test_lines_have_their_times(catcher, deliver):
    deliver(catcher)
    for conversation in (catcher.conversations[0], catcher.messages[0].conversation):
        lines = conversation.timeline
        marks = {"C": "C:", "S": "S:", "*": "--"}
        assert [f"{marks[line.direction]} {line.text}" for line in lines] == conversation.lines
        times = [line.at for line in lines]
        assert times == sorted(times)
    assert catcher.conversations[0].number == 1
    assert catcher.messages[0].conversation.number is None


def test_connections_are_numbered(catcher):
    for _ in range(2):
        with rsmtp.SmtpClient(catcher.host, catcher.port) as client:
            client.ehlo()
    assert [conversation.number for conversation in catcher.conversations] == [1, 2]
