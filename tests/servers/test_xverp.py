"""Postfix makes a sender for each recipient, and what comes back to them is joined to the outbox."""

import pytest
from mailer import facade

import rsmtp
from servers.bed import patience
from servers.returning import ReturningPostfix

RECIPIENTS = ["alice@bed.test", "bob@bed.test", "carol@bed.test"]
MAILERS = {"Mailer": rsmtp.Mailer, "AsyncMailer": facade.Mailer}


def message(*to, number=1):
    return rsmtp.Message(
        "Hi", subject="News", from_="news@home.test", to=list(to), message_id=f"<{number}@home.test>"
    )


@pytest.fixture(params=MAILERS)
def mailer_of(request):
    yield MAILERS[request.param]
    facade.close_loops()


def test_each_recipient_has_a_sender(bed, mailer_of):
    bed.empty()
    with mailer_of(f"smtp://{bed.host}:{bed.ports['verp']}?tls=none") as mailer:
        receipt = mailer.send(message(*RECIPIENTS), envelope=rsmtp.Envelope(xverp="+="))
    assert receipt.options == ["XVERP=+="]
    for recipient in RECIPIENTS:
        user = recipient.partition("@")[0]
        arrived = bed.delivered(user, "<1@home.test>")
        assert f"Return-Path: <news+{user}=bed.test@home.test>".encode() in arrived


def test_what_postfix_does_not_offer_to_others(bed, mailer_of):
    before = bed.log_sizes()
    with mailer_of(f"smtp://{bed.host}:{bed.ports['relay']}?tls=none") as mailer:
        with pytest.raises(rsmtp.SMTPNotSupportedError, match="does not offer XVERP"):
            mailer.send(message(*RECIPIENTS), envelope=rsmtp.Envelope(xverp="+="))
    assert "client=" not in bed.log(after=before)


@pytest.mark.timeout(180)
def test_bounces_find_their_recipients_in_the_outbox(mailer_of, tmp_path):
    if reason := ReturningPostfix.unavailable():
        pytest.skip(reason)
    verp = rsmtp.Verp("bounces@home.test", "a secret of 16 octets", by_server=True)
    to = ["one@far.test", "two@far.test", "three@far.test"]
    with rsmtp.Catcher(tls="none") as far, rsmtp.Catcher(tls="none") as home:
        far.fault("RCPT", reply=(550, "5.1.1 No such user here"), address="one@far.test")
        far.fault("RCPT", reply=(552, "5.2.2 Mailbox is full"), address="three@far.test")
        server = ReturningPostfix(far.port, home.port)
        try:
            server.start()
            url = f"smtp://localhost:{server.ports['verp']}?tls=none"
            outbox = rsmtp.Outbox(tmp_path / "mail.db")
            with outbox, mailer_of(url, verp=verp, outbox=outbox) as mailer:
                assert mailer.send(message(*to), key="news/1").ok
                entry = outbox.get("news/1")
                with patience("Postfix returns nothing", server.log) as again:
                    while home.count < 2:
                        again()
                for caught in home.messages:
                    outbox.bounced(caught, verp=verp)
                assert outbox.get(entry.id).states == ["refused", "sent", "refused"]
                assert list(outbox.suppressions()) == ["one@far.test"]
        finally:
            server.remove()
    senders = [verp.read(caught.rcpt_tos[0]) for caught in home.messages]
    assert sorted(each.recipient for each in senders) == ["one@far.test", "three@far.test"]
    assert all(each.by_server and each.number == entry.id for each in senders)
    assert far.messages[0].rcpt_tos == ["two@far.test"]
