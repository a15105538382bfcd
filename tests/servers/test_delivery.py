"""Delivery options with real servers: the notices that Postfix sends, the entries in the queues of
Exim and OpenSMTPD, and the refusals if a server does not offer an option."""

import email
import email.policy

import pytest
from mailer import facade

import rsmtp
from rsmtp import Dsn, Envelope, Rcpt
from servers.bed import patience
from servers.others import Exim, OpenSmtpd

FROM, BOB, GONE = "alice@bed.test", "bob@bed.test", "gone@bounce.test"
MAILERS = {"Mailer": rsmtp.Mailer, "AsyncMailer": facade.Mailer}


@pytest.fixture(params=MAILERS)
def mailer(request, bed, trusting):
    bed.empty()
    url = f"smtp://{bed.host}:{bed.ports['relay']}"
    with MAILERS[request.param](url, context=trusting, timeout=20) as mailer:
        yield mailer
    facade.close_loops()


def message(subject, *to):
    return rsmtp.Message("The text of it.", subject=subject, from_=FROM, to=list(to))


def over(bed, receipt):
    """Waits until Postfix has finished with the message. Its notices may still be on their way."""
    with patience(f"{receipt.queue_id} is not over", bed.log) as again:
        while f"{receipt.queue_id}: removed" not in bed.log():
            again()


def notice(bed, envid):
    """The notice about this message: its fields, those of each recipient, and the returned text."""
    octets = bed.delivered("alice", f"Original-Envelope-Id: {envid}")
    report = email.message_from_bytes(octets, policy=email.policy.default)
    assert report.get_content_type() == "multipart/report"
    _, status, returned = report.iter_parts()
    facts, *recipients = status.get_payload()
    return facts, {each["Final-Recipient"].partition(";")[2].strip(): each for each in recipients}, returned


def test_notices_arrive_for_a_delivered_and_for_a_bounced_recipient(bed, mailer):
    rcpts = [Rcpt(BOB, dsn=Dsn(notify="success", orcpt="bob+old@bed.test")), Rcpt(GONE)]
    dsn = Dsn(notify=["success", "failure"], ret="full", envid="order=7 of+two")
    receipt = mailer.send(message("Both", BOB), envelope=Envelope(FROM, rcpts, dsn=dsn))
    over(bed, receipt)
    assert bed.delivered("bob", "Subject: Both")
    found = {}
    # Postfix reports success and failure in separate notices, each a message that it has yet to
    # deliver when this one is over.
    succeeded = bed.delivered("alice", "Action: delivered")
    failed = bed.delivered("alice", "Action: failed")
    assert len(bed.mailbox("alice")) == 2
    for each in (succeeded, failed):
        assert b"Original-Envelope-Id: order=7 of+two" in each
        report = email.message_from_bytes(each, policy=email.policy.default)
        _, status, returned = report.iter_parts()
        facts, *recipients = status.get_payload()
        assert facts["X-Postfix-Queue-ID"] == receipt.queue_id
        for recipient in recipients:
            found[recipient["Final-Recipient"].partition(";")[2].strip()] = recipient, returned
    delivered, returned = found[BOB]
    assert (delivered["Action"], delivered["Status"]) == ("delivered", "2.0.0")
    assert delivered["Original-Recipient"] == "rfc822;bob+old@bed.test"
    assert returned.get_content_type() == "text/rfc822-headers"
    bounced, returned = found[GONE]
    assert (bounced["Action"], bounced["Status"]) == ("failed", "5.1.1")
    assert b"The text of it." in returned.get_payload(0).as_bytes()


def test_headers_alone_and_no_notice(bed, mailer):
    headers = mailer.send(
        message("Headers", GONE), envelope=Envelope(dsn=Dsn(ret="headers", envid="headers-1"))
    )
    never = mailer.send(message("Never", GONE), envelope=Envelope(dsn=Dsn(notify="never", envid="never-1")))
    delay = mailer.send(message("Delay", GONE), envelope=Envelope(dsn=Dsn(notify="delay", envid="delay-1")))
    for receipt in (headers, never, delay):
        over(bed, receipt)
    _, recipients, returned = notice(bed, "headers-1")
    assert recipients[GONE]["Action"] == "failed"
    assert returned.get_content_type() == "text/rfc822-headers"
    assert len(bed.mailbox("alice")) == 1
    bed.empty()


@pytest.mark.parametrize("kind", ["SmtpClient", "send_all"])
def test_other_ways_to_ask(bed, trusting, kind):
    bed.empty()
    envelope = Envelope(dsn=Dsn(notify="success", envid=f"by-{kind}"))
    server = {"host": bed.host, "port": bed.ports["relay"], "context": trusting, "tls": "starttls"}
    if kind == "SmtpClient":
        with rsmtp.SmtpClient(**server) as client:
            client.send_message(message(kind, BOB), envelope=envelope)
    else:
        with rsmtp.Mailer(**server) as mailer:
            assert mailer.send_all([(message(kind, BOB), envelope)]).ok
    _, recipients, _ = notice(bed, f"by-{kind}")
    assert recipients[BOB]["Action"] == "delivered"


NOT_OFFERED = {
    "REQUIRETLS": {"require_tls": True},
    "FUTURERELEASE": {"hold_for": 60},
    "DELIVERBY": {"deliver_by": 60},
    "MT-PRIORITY": {"priority": 1},
    "BINARYMIME": {"binary": True},
    "RRVS": {"recipients": [Rcpt(BOB, valid_since=0)]},
}


@pytest.mark.parametrize("keyword", NOT_OFFERED)
def test_what_postfix_does_not_offer(bed, mailer, keyword):
    context = rsmtp.TlsConfig(ca_file=bed.ca_file)
    # Postfix 3.11 offers REQUIRETLS, within TLS.
    with rsmtp.SmtpClient(bed.host, bed.ports["relay"], tls="starttls", context=context) as client:
        if client.has_extn(keyword):
            pytest.skip(f"this Postfix offers {keyword}")
    before = bed.log_sizes()
    with pytest.raises(rsmtp.SMTPNotSupportedError, match=keyword):
        mailer.send(message(keyword, BOB), envelope=Envelope(**NOT_OFFERED[keyword]))
    if keyword in ("DELIVERBY", "MT-PRIORITY", "RRVS"):
        receipt = mailer.send(
            message(keyword, BOB), envelope=Envelope(**NOT_OFFERED[keyword], if_offered=True)
        )
        assert receipt.options_left_out == [keyword]
        assert bed.delivered("bob", f"Subject: {keyword}")
        # The log is written by another process, which may be late.
        over(bed, receipt)
        assert bed.log(after=before).count("client=") == 1
    else:
        assert "client=" not in bed.log(after=before)


@pytest.fixture(params=[Exim, OpenSmtpd], ids=lambda kind: kind.name)
def other(request):
    if reason := request.param.unavailable():
        pytest.skip(reason)
    server = request.param()
    try:
        server.start()
        yield server
    finally:
        server.remove()


# SUCCESS and DELAY are bits of a number. Exim's RET is 1 for FULL and 2 for HDRS.
KEPT = {
    "exim": {
        "bob@example.org": [
            "-dsn_envid x+3D1",
            "-dsn_ret 2",
            "bob@example.org rfc822;a+2Bb@example.org 24,20  0,-1#3",
        ],
        "carol@example.org": ["-dsn_ret 1", "carol@example.org  0,2  0,-1#3"],
    },
    "opensmtpd": {
        "bob@example.org": [
            "dsn-envid: x+3D1",
            "dsn-ret: HDRS",
            "dsn-notify: 5",
            "dsn-orcpt: a+2Bb@example.org",
        ],
        "carol@example.org": ["dsn-ret: FULL", "dsn-notify: 8"],
    },
}


def queued(server, address):
    """The text that the server has stored about the recipient."""
    for content in server.files():
        if server.name == "exim":
            found = [content.with_name(content.name[:-1] + "H")]
        else:
            found = [path for path in content.parent.iterdir() if path != content]
        for path in found:
            if address in (text := path.read_text()):
                return text
    raise AssertionError(f"{address} is not in the queue")


def test_other_servers_keep_what_is_asked(other):
    # Each case has its own message, because OpenSMTPD applies one recipient's notices to the next
    # one, too.
    bob = Rcpt("bob@example.org", dsn=Dsn(notify=["success", "delay"], orcpt="a+b@example.org"))
    asked = {
        bob.address: Envelope(FROM, bob, dsn=Dsn(ret="headers", envid="x=1")),
        "carol@example.org": Envelope(FROM, "carol@example.org", dsn=Dsn(notify="never", ret="full")),
    }
    with rsmtp.Mailer(f"smtp://localhost:{other.port}?tls=none") as mailer:
        for address, envelope in asked.items():
            assert mailer.send(message("Kept", address), envelope=envelope).ok
    for address, lines in KEPT[other.name].items():
        assert set(lines) <= set(queued(other, address).splitlines())
