"""A report that Postfix makes is read, and finds its message in the outbox."""

import rsmtp
from rsmtp.outbox import Outbox

REPORT = "Successful Mail Delivery Report"


def test_a_delivery_report_of_postfix(bed, tmp_path):
    wanted = rsmtp.Dsn(notify=["success", "failure"])
    envelope = rsmtp.Envelope(
        "alice@bed.test",
        [rsmtp.Rcpt("bob@bed.test", dsn=wanted)],
        dsn=rsmtp.Dsn(envid="letter+7", ret="headers"),
    )
    message = rsmtp.Message("Hi", subject="Reported", from_="alice@bed.test", to="bob@bed.test")
    url = f"smtp://{bed.host}:{bed.ports['relay']}?tls=none"
    with Outbox(tmp_path / "mail.db") as outbox, rsmtp.Mailer(url) as mailer:
        entry = outbox.put(message, envelope=envelope)
        outbox.run(mailer)
        returned = bed.delivered("alice", REPORT)
        found = rsmtp.bounce(returned)
        assert found.kind == "delivery"
        assert found.envid == "letter+7"
        assert found.message_id == entry.message_id
        assert [(one.sent_to, one.hardness) for one in found.recipients] == [("bob@bed.test", "none")]
        assert found.recipients[0].action in ("delivered", "relayed")
        assert [one.message for one in outbox.bounced(returned).applied] == [entry.id]
        assert outbox.get(entry.id).state == "sent"
        assert outbox.history(entry.id)[-1].what == found.recipients[0].action
