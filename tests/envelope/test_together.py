"""An envelope in combination with other settings: option strings, a mailer's rules, the server's
limits, and several servers."""

import asyncio
import json

import pytest
from mailer import facade

import rsmtp
from rsmtp import Dsn, Envelope, Rcpt

FROM = "ann@example.org"
NEVER = Envelope(dsn=Dsn(notify="never", ret="full"))


@pytest.fixture(params=[rsmtp.Mailer, facade.Mailer], ids=["Mailer", "AsyncMailer"])
def mailer_of(request):
    yield request.param
    facade.close_loops()


@pytest.fixture
def catcher():
    with rsmtp.Catcher(tls="none") as catcher:
        yield catcher


def message(to="bob@example.org"):
    return rsmtp.Message("Hello", subject="Hello", from_=FROM, to=to)


def test_strings_and_options_go_together_unless_both_say_the_same(catcher):
    with rsmtp.SmtpClient("localhost", catcher.port) as client:
        client.send_message(
            message(), mail_options=["ENVID=7"], rcpt_options=["ORCPT=rfc822;a@b"], envelope=NEVER
        )
        client.sendmail(FROM, "bob@example.org", "Subject: é\n\nhi\n", ["BODY=8BITMIME"], envelope=NEVER)
        with pytest.raises(ValueError, match="mail_options: RET is said by the envelope, too"):
            client.send_message(message(), mail_options=["ret=HDRS"], envelope=NEVER)
        with pytest.raises(ValueError, match="rcpt_options: NOTIFY is said by the envelope, too"):
            client.sendmail(FROM, "b@x.org", b"hi", rcpt_options=["NOTIFY=SUCCESS"], envelope=NEVER)
    first, second = catcher.messages
    assert {"ENVID": "7", "RET": "FULL"}.items() <= first.mail_parameters.items()
    assert first.rcpt_parameters == [{"NOTIFY": "NEVER", "ORCPT": "rfc822;a@b"}]
    assert {"BODY": "8BITMIME", "RET": "FULL"}.items() <= second.mail_parameters.items()


def test_addresses_are_named_in_one_place(catcher):
    envelope = Envelope(FROM, "carol@example.org")
    with rsmtp.SmtpClient("localhost", catcher.port) as client:
        with pytest.raises(ValueError, match="from_addr: the envelope names its sender, too"):
            client.sendmail(FROM, "bob@example.org", b"hi", envelope=envelope)
        with pytest.raises(ValueError, match="to_addrs: the envelope names its recipients, too"):
            client.send_message(message(), to_addrs="bob@example.org", envelope=envelope)
        with pytest.raises(TypeError, match=r"envelope: .*rsmtp\.Envelope"):
            client.send_message(message(), envelope="bob@example.org")
        with pytest.raises(TypeError, match="from_addr"):
            client.sendmail(None, "bob@example.org", b"hi", envelope=NEVER)
        client.sendmail(FROM, None, b"hi\r\n", envelope=Envelope(recipients="carol@example.org"))
    with rsmtp.Mailer(host="localhost", port=catcher.port) as mailer:
        with pytest.raises(ValueError, match="names sender and recipients already"):
            mailer.send((FROM, "bob@example.org", b"hi"), envelope=envelope)
        with pytest.raises(ValueError, match="sender: the envelope names none"):
            mailer.send(b"hi", envelope=Envelope(recipients="b@example.org"))
        with pytest.raises(ValueError, match=r"tls_optional: .*write the field there"):
            mailer.send(b"hi", envelope=Envelope(FROM, "b@example.org", tls_optional=True))
        with pytest.raises(TypeError, match=r"rsmtp\.Envelope"):
            mailer.send((message(), {"dsn": 1}))
        mailer.send(b"hi\r\n", envelope=envelope)
        mailer.send((FROM, "bob@example.org", b"hi\r\n"), envelope=NEVER)
    assert [caught.rcpt_tos for caught in catcher.messages] == [
        ["carol@example.org"],
        ["carol@example.org"],
        ["bob@example.org"],
    ]


def test_a_caller_gets_its_own_message_back_unchanged(catcher, mailer_of):
    with mailer_of(host="localhost", port=catcher.port) as mailer:
        given = message()
        receipt = mailer.send(given, envelope=Envelope(tls_optional=True))
        assert receipt.message is given
        assert "TLS-Required" not in given
        pair = given, NEVER
        (receipt,) = mailer.send_all([pair]).receipts
        assert receipt.message is pair


def test_options_follow_a_recipient_into_another_transaction(mailer_of):
    """The server limits the recipients of a transaction. Each recipient keeps its own options."""
    rcpts = [Rcpt(f"b{number}@example.org", dsn=Dsn(orcpt=f"o{number}@x")) for number in range(5)]
    with (
        rsmtp.Catcher(tls="none", max_recipients=2) as catcher,
        mailer_of(host="localhost", port=catcher.port) as mailer,
    ):
        receipt = mailer.send(message(), envelope=Envelope(FROM, rcpts))
        assert receipt.ok
        told = {one.address: one.options for one in receipt.recipients}
    assert told == {f"b{number}@example.org": [f"ORCPT=rfc822;o{number}@x"] for number in range(5)}
    assert len(catcher.messages) == 3
    for caught in catcher.messages:
        for address, parameters in zip(caught.rcpt_tos, caught.rcpt_parameters, strict=True):
            assert parameters == {"ORCPT": f"rfc822;o{address[1]}@x"}


def test_rules_of_a_mailer_keep_the_options(catcher, mailer_of):
    seen = []

    def before_send(given):
        seen.append(given)
        changed = message("dora@example.org")
        changed["X-Seen"] = "yes"
        return changed

    rules = {"before_send": before_send, "suppression": ["eve@example.org"]}
    with mailer_of(host="localhost", port=catcher.port, **rules) as mailer:
        given = message()
        envelope = Envelope(FROM, [Rcpt("bob@example.org", dsn=Dsn(notify="delay")), "eve@example.org"])
        receipt = mailer.send(given, envelope=envelope)
        assert (receipt.message, receipt.suppressed, seen) == (given, ["eve@example.org"], [given])
        mailer.send_all([(given, envelope), given])
    first, second, third = catcher.messages
    assert first.rcpt_tos == second.rcpt_tos == ["bob@example.org"]
    assert first.rcpt_parameters == second.rcpt_parameters == [{"NOTIFY": "DELAY"}]
    assert first.email["X-Seen"] == "yes"
    assert (third.rcpt_tos, third.rcpt_parameters) == (["dora@example.org"], [{}])


def test_what_is_to_be_sent_again_keeps_its_envelope(catcher, mailer_of):
    """Those who have it are left out of the envelope, and the others keep their options."""
    catcher.fault("RCPT", reply=(450, "4.2.1 try later"), address="dora@example.org", times=3)
    dora = Rcpt("Dora <dora@example.org>", dsn=Dsn(orcpt="d@x"))
    named = Envelope("back@example.org", ["bob@example.org", dora], dsn=Dsn(ret="full"))
    given = rsmtp.Message("Hello", from_=FROM, to=["bob@example.org", "dora@example.org"])
    both = [(given, named), (given, NEVER), ((FROM, ["bob@example.org", "dora@example.org"], b"hi"), NEVER)]
    with mailer_of(host="localhost", port=catcher.port, retries=0) as mailer:
        report = mailer.send_all(both)
        assert (report.refused, catcher.count) == (3, 3)
        again = report.to_retry
        assert mailer.send_all(again).ok
    assert [caught.rcpt_tos for caught in catcher.messages[3:]] == [["dora@example.org"]] * 3
    first, second, third = catcher.messages[3:]
    assert first.mail_from == "back@example.org"
    assert first.rcpt_parameters == [{"ORCPT": "rfc822;d@x"}]
    assert second.rcpt_parameters == third.rcpt_parameters == [{"NOTIFY": "NEVER"}]
    assert {caught.mail_parameters["RET"] for caught in (first, second, third)} == {"FULL"}


def test_one_message_that_a_server_cannot_have_stops_no_other(catcher, mailer_of):
    """Each message is judged by the server that would get it, whichever that is."""
    with (
        rsmtp.Catcher(tls="none", without=["DSN"]) as other,
        mailer_of(["smtp://localhost:1?tls=none", f"smtp://localhost:{other.port}?tls=none"]) as mailer,
    ):
        asked = Envelope(dsn=Dsn(notify="never"), if_offered=True)
        report = mailer.send_all([(message(), NEVER), message(), (message(), asked)])
        refused = [receipt for receipt in report.receipts if not receipt.ok]
        assert (report.sent, len(refused)) == (2, 1)
        assert "does not offer DSN" in str(refused[0].error)
        assert not refused[0].recipients[0].transient
        left_out = [receipt.options_left_out for receipt in report.receipts if receipt.ok]
    assert sorted(left_out) == [[], ["DSN"]]


def test_an_outbox_keeps_the_options_and_knows_them_by_the_key(catcher, tmp_path):
    path = tmp_path / "mail.db"
    envelope = Envelope(FROM, [Rcpt("bob@example.org", dsn=Dsn(orcpt="jürgen@x"))], dsn=NEVER.dsn)
    with rsmtp.Outbox(path) as outbox:
        entry = outbox.put(message(), envelope=envelope, key="a")
        assert outbox.put(message(), envelope=envelope, key="a").id == entry.id
        with pytest.raises(rsmtp.outbox.KeyInUse):
            outbox.put(message(), envelope=Envelope(FROM, "bob@example.org"), key="a")
        outbox.put_all([(message(), envelope), (b"Subject: x\r\n\r\nhi\r\n", envelope)])
    with rsmtp.Outbox(path) as outbox, rsmtp.Mailer(host="localhost", port=catcher.port) as mailer:
        assert outbox.run(mailer).sent == 3
    for caught in catcher.messages:
        assert caught.mail_parameters["RET"] == "FULL"
        assert caught.rcpt_parameters == [{"NOTIFY": "NEVER", "ORCPT": "utf-8;j\\x{FC}rgen@x"}]


def test_a_task_carries_them(catcher, tmp_path):
    from rsmtp import tasks

    job = tasks.job(message(), envelope=NEVER, key="a")
    with rsmtp.Mailer(host="localhost", port=catcher.port) as mailer:
        tasks.Deliverer(mailer, once=tmp_path / "a.db")(json.loads(json.dumps(job)))
    (caught,) = catcher.messages
    assert caught.rcpt_parameters == [{"NOTIFY": "NEVER"}]
    assert caught.mail_parameters["RET"] == "FULL"


def test_binary_content_arrives_octet_for_octet(catcher):
    octets = b"Subject: b\r\nContent-Transfer-Encoding: binary\r\n\r\n\x00\r\n.\n\xff\r" * 50_000
    envelope = Envelope(FROM, "bob@example.org", binary=True)
    with rsmtp.SmtpClient("localhost", catcher.port) as client:
        client.sendmail(None, None, octets, envelope=envelope)
    with rsmtp.Mailer(host="localhost", port=catcher.port) as mailer:
        mailer.send(octets, envelope=envelope)
    assert [caught.data for caught in catcher.messages] == [octets, octets]


def test_a_program_takes_no_options(mailer_of, tmp_path):
    program = tmp_path / "sendmail"
    program.write_text('#!/bin/sh\ncat > "$0.input"\n')
    program.chmod(0o755)
    with mailer_of(f"sendmail://{program}") as mailer:
        with pytest.raises(rsmtp.SMTPNotSupportedError, match="takes no delivery options") as raised:
            mailer.send(message(), envelope=NEVER)
        assert "if_offered=True" in raised.value.hint
        with pytest.raises(rsmtp.SMTPNotSupportedError, match="REQUIRETLS"):
            mailer.send(message(), envelope=Envelope(require_tls=True, if_offered=True))
        assert not (tmp_path / "sendmail.input").exists()
        receipt = mailer.send(message(), envelope=Envelope(dsn=NEVER.dsn, if_offered=True))
        assert (receipt.ok, receipt.options_left_out, receipt.options) == (True, ["DSN"], [])


def test_what_is_not_delivered_needs_no_options(mailer_of, tmp_path):
    """Transports without delivery, as used while a program is being written."""
    for url in ("null:", f"file://{tmp_path}"):
        with mailer_of(url) as mailer:
            assert mailer.send(message(), envelope=Envelope(dsn=NEVER.dsn, require_tls=True)).ok


def test_asend(catcher):
    receipt = asyncio.run(rsmtp.asend(message(), host="localhost", port=catcher.port, envelope=NEVER))
    assert receipt.options == ["RET=FULL"]
