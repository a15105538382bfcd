"""What Exim, OpenSMTPD and Postfix return is read, and finds its message in the outbox by the address
that it came to."""

import time

import pytest

import rsmtp
from servers.bed import patience
from servers.returning import ReturningExim, ReturningOpenSmtpd, ReturningPostfix

VERP = rsmtp.Verp("bounces@home.test", "a secret of 16 octets")
UNKNOWN, FULL = "550 5.1.1 No such user here", "552 5.2.2 Mailbox is full"
SPAM, BUSY = "550 5.7.1 Message refused as spam", "451 4.3.2 Try again later"

# For each recipient the reports, in their order: action, hardness, and what the next server had said.
REPORTS = {
    "unknown": [("failed", "hard", UNKNOWN)],
    "full": [("failed", "soft", FULL)],
    "refused": [("failed", "refused", SPAM)],
    "busy": [("delayed", "soft", BUSY), ("failed", "soft", BUSY)],
}
STATUS = {
    "postfix": {"unknown": ["5.1.1"], "full": ["5.2.2"], "refused": ["5.7.1"], "busy": ["4.3.2", "4.3.2"]},
    # It has 5.0.0 of everything that it gives up.
    "exim": {"unknown": ["5.1.1"], "full": ["5.2.2"], "refused": ["5.7.1"], "busy": ["4.3.2", "5.0.0"]},
    "opensmtpd": {"unknown": ["5.1.1"], "full": ["5.2.2"], "refused": ["5.7.1"], "busy": ["4.3.2", "4.4.7"]},
}

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def log_before():
    """These servers are not the bed's."""


class Sent:
    """Messages in an outbox that a server has taken, and the reports that came back."""

    def __init__(self, name, outbox, entries, reports):
        self.name, self.outbox, self.entries, self.reports = name, outbox, entries, reports


@pytest.fixture(scope="module", params=[ReturningExim, ReturningOpenSmtpd, ReturningPostfix])
def sent(request, tmp_path_factory):
    if reason := request.param.unavailable():
        pytest.skip(reason)
    with rsmtp.Catcher(tls="none") as far, rsmtp.Catcher(tls="none") as home:
        for who, said in (("unknown", UNKNOWN), ("full", FULL), ("busy", BUSY)):
            far.fault("RCPT", reply=(int(said[:3]), said[4:]), address=f"{who}@far.test")
        far.fault("end-of-data", reply=(int(SPAM[:3]), SPAM[4:]))
        server = request.param(far.port, home.port)
        try:
            server.start()
            with rsmtp.Outbox(tmp_path_factory.mktemp("returned") / "mail.db") as outbox:
                yield Sent(server.name, outbox, *_send(server, outbox, home))
        finally:
            server.remove()


def _send(server, outbox, home):
    entries = {who: outbox.put(letter(who), envelope=envelope(who)) for who in REPORTS}
    with rsmtp.Mailer(f"smtp://localhost:{server.port}?tls=none", verp=VERP) as mailer:
        assert outbox.run(mailer).sent == len(REPORTS)
    reports = {who: [] for who in REPORTS}
    count = 0
    with patience(f"{server.name} returns nothing more", server.log, 60) as again:
        while len(reports["busy"]) < 2 or not all(reports.values()):
            again()
            time.sleep(0.5)
            server.hurry()
            for caught in home.messages[count:]:
                count += 1
                who = VERP.read(caught.rcpt_tos[0]).recipient.partition("@")[0]
                # Exim warns with each attempt.
                if rsmtp.bounce(caught).recipients[0].action not in [one[0] for one in reports[who]]:
                    reports[who].append((rsmtp.bounce(caught).recipients[0].action, caught))
    return entries, {who: [caught for _, caught in each] for who, each in reports.items()}


def letter(who):
    return rsmtp.Message(
        "Hi", subject="News", from_="ann@home.test", to=f"{who}@far.test", message_id=f"<{who}@home.test>"
    )


def envelope(who):
    dsn = rsmtp.Dsn(notify=["failure", "delay"], envid=f"letter+{who}=1", ret="headers")
    return rsmtp.Envelope("ann@home.test", [f"{who}@far.test"], dsn=dsn)


@pytest.mark.parametrize("who", REPORTS)
def test_reports_are_read(sent, who):
    found = [rsmtp.bounce(caught) for caught in sent.reports[who]]
    assert [each.kind for each in found] == ["delivery"] * len(REPORTS[who])
    for bounce, status, (action, hardness, words) in zip(
        found, STATUS[sent.name][who], REPORTS[who], strict=True
    ):
        (one,) = bounce.recipients
        assert (one.sent_to, one.action, one.hardness, one.status) == (
            f"{who}@far.test", action, hardness, status,
        )  # fmt: skip
        if (sent.name, status) != ("opensmtpd", "4.4.7"):
            assert one.diagnostic.startswith(words)
        assert bounce.message_id == f"<{who}@home.test>"
        assert bounce.envid == (None if sent.name == "opensmtpd" else f"letter+{who}=1")
        assert [VERP.read(to).recipient for to in bounce.came_to] == [f"{who}@far.test"]


def test_the_outbox_knows_its_messages(sent):
    for who, reports in sent.reports.items():
        entry = sent.entries[who]
        for caught, (action, hardness, _) in zip(reports, REPORTS[who], strict=True):
            ((address, message, what, suppressed),) = sent.outbox.bounced(caught, verp=VERP).applied
            assert (address, message) == (f"{who}@far.test", entry.id)
            assert (what, suppressed) == ("bounced" if action == "failed" else action, hardness == "hard")
        assert sent.outbox.get(entry.id).state == "refused"
        assert [event.what for event in sent.outbox.history(entry.id)][-len(reports) :] == (
            ["delayed", "bounced"] if who == "busy" else ["bounced"]
        )
    assert list(sent.outbox.suppressions()) == ["unknown@far.test"]


def test_a_report_without_a_verp_is_found_by_what_it_names(sent):
    """By Message-ID, and by ENVID where the Message-ID is not returned."""
    for who, reports in sent.reports.items():
        octets = reports[-1].data
        assert [one.message for one in sent.outbox.bounced(octets).applied] == [sent.entries[who].id]
        if sent.name != "opensmtpd":
            nameless = octets.replace(b"@home.test>", b"@other.test>")
            assert [one.message for one in sent.outbox.bounced(nameless).applied] == [sent.entries[who].id]
