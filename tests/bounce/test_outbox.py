"""A report finds its message in the outbox: the message is marked, the caller is told, and the
address is suppressed."""

from pathlib import Path

import pytest

import rsmtp
from rsmtp.outbox import Outbox, names

SAMPLES = Path(__file__).parent / "samples"
VERP = rsmtp.Verp("bounces@example.com", "a secret of 16 octets")


def letter(to="bob@example.org", number=1, **more):
    return rsmtp.Message(
        "Hi", subject="News", from_="ann@example.com", to=to, message_id=f"<abc.{number}@example.com>", **more
    )


@pytest.fixture
def outbox(tmp_path):
    with Outbox(tmp_path / "mail.db") as outbox:
        yield outbox


@pytest.fixture
def catcher():
    with rsmtp.Catcher(tls="none") as catcher:
        yield catcher


@pytest.fixture
def run(outbox, catcher):
    def run(**options):
        with rsmtp.Mailer(f"smtp://localhost:{catcher.port}?tls=none", retries=0, **options) as mailer:
            return outbox.run(mailer)

    return run


def report(to="bob@example.org", action="failed", status="5.1.1", came_to="bounces@example.com", more=""):
    return (
        f"Delivered-To: {came_to}\nFrom: MAILER-DAEMON@mx.example.com\n"
        "Content-Type: multipart/report; boundary=b\n\n"
        f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.com\n{more}\n"
        f"Final-Recipient: rfc822; {to}\nAction: {action}\nStatus: {status}\n--b--\n"
    )


def test_found_by_its_message_id(outbox, run):
    entry = outbox.put(letter())
    run()
    found = outbox.bounced(SAMPLES / "postfix-user-unknown.eml")
    assert found.applied == [("bob@example.org", entry.id, "bounced", True)]
    assert str(found) == f"bob@example.org of message {entry.id}: bounced, suppressed"
    now = outbox.get(entry.id)
    assert now.state == "refused"
    (recipient,) = now.receipt.recipients
    assert (recipient.fate, recipient.code, recipient.transient) == ("refused", 550, False)
    assert "User unknown" in recipient.text
    assert recipient.advice.about == "recipient"
    assert [event.what for event in outbox.history(entry.id)] == ["queued", "sent", "bounced"]
    assert "bounced: 5.1.1" in outbox.suppressions()["bob@example.org"]
    assert outbox.status()["refused"] == 1
    assert outbox.status()["sent"] == 0


def test_others_that_were_sent_with_it_stay_sent(outbox, run):
    numbers = [outbox.put(letter(f"u{n}@example.org", n)).id for n in range(7)]
    run()
    for n in (3, 0, 6):
        outbox.bounced(report(f"u{n}@example.org", more="").replace("--b--", _returned(n)))
    states = [outbox.get(number).state for number in numbers]
    assert states == ["refused", "sent", "sent", "refused", "sent", "sent", "refused"]
    assert outbox.status()["sent"] == 4
    assert [outbox.history(number)[-1].what for number in numbers][:2] == ["bounced", "sent"]
    assert outbox.purge(older_than=0) == 4
    assert len(list(outbox.entries())) == 3


def _returned(n):
    return f"--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <abc.{n}@example.com>\n--b--"


def test_found_by_its_envid(outbox, run):
    envelope = rsmtp.Envelope("ann@example.com", ["bob@example.org"], dsn=rsmtp.Dsn(envid="campaign/7+a"))
    entry = outbox.put(letter(number=99), envelope=envelope)
    run()
    found = outbox.bounced(report(more="Original-Envelope-Id: campaign/7+a\n"))
    assert [one.message for one in found.applied] == [entry.id]
    assert outbox.bounced(report(more="Original-Envelope-Id: campaign/_\n")).applied == []


@pytest.mark.parametrize("by", ["message-id", "envid"])
def test_a_second_report_reads_only_what_is_new(outbox, run, by, monkeypatch):
    monkeypatch.setattr(names, "_AT_ONCE", 3)

    def put(number):
        envelope = rsmtp.Envelope("ann@example.com", ["bob@example.org"], dsn=rsmtp.Dsn(envid=f"no+{number}"))
        return outbox.put(letter(number=number), envelope=envelope if by == "envid" else None).id

    def bounced(number):
        told = f"Original-Envelope-Id: no+{number}\n" if by == "envid" else ""
        came_back = report(more=told)
        return outbox.bounced(came_back if told else came_back.replace("--b--", _returned(number))).applied

    ids = [put(number) for number in range(8)]
    run()
    assert [one.message for one in bounced(2)] == [ids[2]]
    ids += [put(number) for number in range(8, 11)]
    said = []
    links = [outbox._database._main, outbox._database._beside]
    for link in links:
        link.connection().set_trace_callback(said.append)
    for number in (9, 5, 99):
        assert [one.message for one in bounced(number)] == ids[number : number + 1]
    for link in links:
        link.connection().set_trace_callback(None)
    with outbox._database.reading() as connection:
        for statement in said:
            if statement.startswith("SELECT") and "FROM outbox_message WHERE id > 11 " not in statement:
                plan = [row[-1] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}")]
                assert not any("SCAN" in step and "outbox_message" in step for step in plan), (
                    statement,
                    plan,
                )
        (first,) = {statement for statement in said if "FROM outbox_message WHERE id > 8 " in statement}
        assert "LIMIT 3" in first


def test_the_newest_of_those_with_one_message_id(outbox, run):
    outbox.put(letter(), key="one")
    second = outbox.put(letter(), key="two")
    run()
    assert outbox.bounced(SAMPLES / "postfix-user-unknown.eml").applied[0].message == second.id
    assert outbox.get("one").state == "sent"


def test_names_go_with_their_messages(outbox, run):
    outbox.put(letter())
    run()
    kept = outbox.put(letter(number=2))
    assert outbox.bounced(report().replace("--b--", _returned(2))).applied[0].message == kept.id
    assert outbox.purge(older_than=0) == 1
    with outbox._database.reading() as connection:
        assert [row[0] for row in connection.execute("SELECT message FROM outbox_name")] == [kept.id]
    assert outbox.bounced(SAMPLES / "postfix-user-unknown.eml").applied == []


def test_a_file_without_names_gets_them(tmp_path):
    """Version 3 had no table for them at first."""
    with Outbox(tmp_path / "mail.db") as outbox:
        entry = outbox.put(letter())
        with outbox._database.writing() as connection:
            connection.execute("DROP TABLE outbox_name")
    with Outbox(tmp_path / "mail.db") as outbox:
        found = outbox.bounced(SAMPLES / "postfix-user-unknown.eml")
        assert [one.message for one in found.applied] == [entry.id]


def test_found_by_its_sender(outbox, run, catcher):
    """The report doesn't identify the message, and names an address that the mail was forwarded to."""
    first, second = outbox.put(letter(number=1)), outbox.put(letter(number=2))
    run(verp=VERP)
    senders = [caught.mail_from for caught in catcher.messages]
    assert [VERP.read(sender).number for sender in senders] == [first.id, second.id]
    found = outbox.bounced(report("robert@elsewhere.example", came_to=senders[1]), verp=VERP)
    assert found.applied == [("bob@example.org", second.id, "bounced", True)]
    assert outbox.get(first.id).state == "sent"


def test_senders_that_the_server_made(outbox, run, catcher):
    """The message is sealed, and the recipient has to be one that it had."""
    verp = rsmtp.Verp("bounces@example.com", "a secret of 16 octets", by_server=True)
    entry = outbox.put(letter(["bob@example.org", "carol@example.net"]))
    run(verp=verp)
    local, _, domain = catcher.messages[0].mail_from.rpartition("@")
    of_another = report("robert@elsewhere.example", came_to=f"{local}+eve=example.org@{domain}")
    assert outbox.bounced(of_another, verp=verp).applied == []
    forwarded = report("robert@elsewhere.example", came_to=f"{local}+Bob=example.org@{domain}")
    assert outbox.bounced(forwarded, verp=verp).applied == [("bob@example.org", entry.id, "bounced", True)]
    # A server that left XVERP out: the report names the recipient.
    named = report("carol@example.net", came_to=f"{local}@{domain}")
    assert outbox.bounced(named, verp=verp).applied == [("carol@example.net", entry.id, "bounced", True)]
    assert outbox.get(entry.id).states == ["refused", "refused"]
    assert outbox.bounced(report("eve@example.org", came_to=f"{local}@{domain}"), verp=verp).applied == []


def test_a_forged_report_changes_nothing(outbox, run):
    entry = outbox.put(letter())
    run(verp=VERP)
    forged = [
        (SAMPLES / "postfix-user-unknown.eml").read_bytes(),
        report(came_to="bounces+bob=example.org~1~aaaaaaaaaa@example.com"),
    ]
    for one in forged:
        assert outbox.bounced(one, verp=VERP).applied == []
    # Without a Verp, the report has to be about a known message and one of its recipients.
    assert outbox.bounced(report("victim@example.org")).applied == []
    assert outbox.get(entry.id).state == "sent"
    assert outbox.suppressions() == {}


def test_what_is_purged_is_suppressed_all_the_same(outbox):
    sender = VERP.sender("bob@example.org", number=17)
    found = outbox.bounced(report(came_to=sender), verp=VERP)
    assert found.applied == [("bob@example.org", None, "bounced", True)]
    assert list(outbox.suppressions()) == ["bob@example.org"]


@pytest.mark.parametrize(
    ("sample", "what", "suppressed", "state"),
    [
        ("forwarded-full", "bounced", False, "refused"),
        ("delayed", "delayed", False, "sent"),
        ("complaint", "complained", True, "sent"),
        ("not-spam", "not-spam", False, "sent"),
        ("read", "displayed", False, "sent"),
        ("away", "replied", False, "sent"),
    ],
)
def test_only_a_dead_mailbox_and_a_complaint_suppress(outbox, run, sample, what, suppressed, state):
    entry = outbox.put(letter())
    run()
    found = outbox.bounced(SAMPLES / f"{sample}.eml")
    assert found.applied == [("bob@example.org", entry.id, what, suppressed)]
    assert bool(outbox.suppressions()) == suppressed
    assert outbox.get(entry.id).state == state
    assert [event.what for event in outbox.history(entry.id)] == ["queued", "sent", what]
    # If the same report comes again, it is not reported again.
    outbox.bounced(SAMPLES / f"{sample}.eml")
    assert len(outbox.history(entry.id)) == 3


def test_a_report_of_several_recipients(outbox, run):
    to = ["bob@example.org", "carol@example.net", "dora@example.net", "erik@example.net"]
    entry = outbox.put(letter(to, 2))
    run()
    outbox.bounced(SAMPLES / "several.eml")
    now = outbox.get(entry.id)
    assert now.states == ["sent", "refused", "sent", "refused"]
    assert list(outbox.suppressions()) == ["erik@example.net"]
    # On request, the recipients that have not got the message are queued again.
    assert outbox.retry(entry.id).states == ["sent", "open", "sent", "open"]


def test_an_unknown_fate_is_known_by_a_report(outbox, run, catcher):
    catcher.fault("end-of-data", disconnect=True, times=1)
    entry = outbox.put(letter())
    run()
    assert outbox.get(entry.id).state == "unknown"
    delivered = report(action="delivered", status="2.0.0").replace("--b--", _returned(1))
    assert outbox.bounced(delivered).applied[0].what == "delivered"
    assert outbox.get(entry.id).state == "sent"


def test_what_still_waits_is_left_alone(outbox):
    entry = outbox.put(letter())
    found = outbox.bounced(SAMPLES / "forwarded-full.eml")
    assert [one.message for one in found.applied] == [entry.id]
    assert outbox.get(entry.id).state == "queued"
    assert [event.what for event in outbox.history(entry.id)] == ["queued", "bounced"]


def test_a_suppressed_address_gets_no_more_mail(outbox, run, catcher):
    outbox.put(letter())
    run()
    outbox.bounced(SAMPLES / "postfix-user-unknown.eml")
    entry = outbox.put(letter(number=5))
    run(suppression=outbox)
    assert catcher.count == 1
    assert outbox.get(entry.id).state == "suppressed"
    assert "bounced: 5.1.1" in outbox.get(entry.id).receipt.recipients[0].text


@pytest.mark.parametrize(
    "noise", [b"\xff\xfe", b"\0", "\ud800".encode("utf-8", "surrogatepass"), "é\u2028".encode()]
)
def test_whatever_is_said_can_be_stored(outbox, run, noise):
    entry = outbox.put(letter())
    run()
    octets = (
        (SAMPLES / "postfix-user-unknown.eml").read_bytes().replace(b"User unknown", b"User unknown " + noise)
    )
    for place in (b"MAILER-DAEMON", b"Reporting-MTA: dns; mx"):
        octets = octets.replace(place, place + noise)
    assert outbox.bounced(octets).applied[0].suppressed
    assert outbox.get(entry.id).state == "refused"
    assert outbox.history(entry.id)[-1].what == "bounced"


def test_what_is_no_report_is_none(outbox):
    assert outbox.bounced(SAMPLES / "ordinary.eml") is None
