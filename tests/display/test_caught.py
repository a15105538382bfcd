"""Caught messages, certificates and TLS results in a notebook."""

import re

import pytest

import rsmtp
from browser import show
from rsmtp import testing

HOSTILE = "<script>alert(1)</script> \x1b[31m"


def bundle(one):
    made = one._repr_mimebundle_()
    assert set(made) == {"text/plain", "text/html"}
    return made


@pytest.fixture
def catcher():
    with rsmtp.Catcher(any_login=True) as catcher:
        yield catcher


@pytest.fixture
def client(catcher):
    tls = rsmtp.TlsConfig(ca_file=catcher.ca_file)
    with rsmtp.SmtpClient("localhost", catcher.port, tls="starttls", context=tls) as client:
        client.login("ann", "the secret of ann")
        yield client


def test_a_caught_message_shows_its_envelope_and_what_its_reader_sees(catcher, client, read):
    message = rsmtp.Message("Good morning.", subject="Morning", from_="ann@example.org", to="bob@example.org")
    client.sendmail("bounces@example.org", ["carol@example.org"], message)
    (caught,) = catcher.messages
    made = bundle(caught)
    page = read(made["text/html"])
    for told in (
        "bounces@example.org",
        "carol@example.org",
        "bob@example.org",
        "Morning",
        "Good morning.",
        "ann",
    ):
        assert told in page.text
        assert told in made["text/plain"] or told == "ann"
    assert "TLSv1.3" in page.text and "the secret" not in made["text/html"]


@pytest.mark.parametrize(
    "data", [HOSTILE, "", "Subject: \xff\n\nx", "Content-Type: multipart/x; boundary=\n\n--\n"]
)
def test_a_hostile_message_does_nothing(catcher, client, data):
    client.sendmail("ann@example.org", ["bob@example.org"], data.encode("utf-8", "surrogateescape"))
    made = bundle(catcher.messages[0])
    assert "<script" not in made["text/html"] and "\x1b" not in made["text/plain"] + made["text/html"]


def test_a_conversation_is_a_table_of_its_lines(catcher, client, read):
    client.docmd("VRFY", "<script>")
    made = bundle(catcher.conversations[0])
    page = read(made["text/html"])
    assert "EHLO" in page.text and "VRFY <script>" in page.text and "going on" in page.text
    assert "<script" not in made["text/html"] and "the secret" not in str(made)
    assert re.search(r"C: VRFY <script>", made["text/plain"])


def test_the_sides_of_a_conversation_stand_on_one_line(catcher, client, browser):
    client.docmd("VRFY", "x" * 400)
    context = browser.new_context(viewport={"width": 420, "height": 800})
    page = context.new_page()
    show(page, bundle(catcher.conversations[0])["text/html"])
    lines = """[...document.querySelectorAll('tbody td:nth-child(2)')].map(cell => {
        const range = document.createRange()
        range.selectNodeContents(cell)
        return range.getClientRects().length
    })"""
    assert set(page.evaluate(lines)) == {1}
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    context.close()


def test_a_long_conversation_shows_its_ends(catcher, client):
    for number in range(150):
        client.docmd("VRFY", f"user{number}")
    made = bundle(catcher.conversations[0])
    assert "more: str() has them all" in made["text/plain"] and "more: str()" in made["text/html"]
    assert "user149" in made["text/html"] and "user60" not in made["text/html"]


def test_tls_and_a_certificate_show_who_the_server_is(client, read):
    for one in (client.tls, client.tls.certificate):
        made = bundle(one)
        page = read(made["text/html"])
        assert "localhost" in page.text and "days left" in page.text
        assert "days left" in made["text/plain"]
    assert "verified: name, chain and dates" in read(bundle(client.tls)["text/html"]).text


def test_what_a_test_has_got(read):
    with testing.SmtpServer(tls="none") as server:
        assert "0 messages" in bundle(server.messages)["text/plain"]
        with rsmtp.Mailer(server.url) as mailer:
            for number in range(2):
                mailer.send(
                    rsmtp.Message("x", subject=f"No. {number}", from_="a@x.example", to="b@x.example")
                )
        server.messages.wait(2)
        page = read(bundle(server.messages)["text/html"])
        assert page.text.index("No. 0") < page.text.index("No. 1") and "b@x.example" in page.text
        assert "No. 1" in read(bundle(server.messages[1])["text/html"]).text
        assert "127.0.0.1" in read(bundle(server)["text/html"]).text


SHOWN_AS_TEXT = {
    # A line of a list or a number of a panel. The object around it has the display.
    *("ArmedFault", "CaughtLine", "CaughtTls", "Recipient", "TranscriptLine", "Progress", "TlsConfig"),
    # Arguments.
    *("DeliverBy", "Dsn", "Rcpt"),
    # The keys of a mailer or of a message, and the record to publish, which are text.
    *("Dkim", "DnsRecord", "OpenPgp", "Smime"),
    # A row, a finding or a recipient of a report. The object around it has the display. Errors are
    # here, too.
    *("BadRow", "BouncedRecipient", "Finding", "LintError", "RowError"),
    # The sources of messages, and values that are read from one, which are text.
    *("Invite", "Table", "Template", "Verp", "Unsubscribe", "Unsubscribed", "Bounce", "Returned"),
    # Objects that are awaited at once.
    "AsyncSending",
    # The lines of findings and of a merge, and the exceptions for them.
    *("BadRow", "Finding", "LintError", "RowError"),
    # The sources of messages.
    *("Invite", "Table", "Template", "Unsubscribe", "Verp"),
    # Returned messages, in a few words.
    *("Bounce", "BouncedRecipient", "Returned", "Unsubscribed"),
}


def test_every_public_class_has_a_display_or_is_a_line_of_one():
    classes = {name: getattr(rsmtp, name) for name in rsmtp.__all__ if isinstance(getattr(rsmtp, name), type)}
    without = {name for name, found in classes.items() if not hasattr(found, "_repr_mimebundle_")}
    assert without == SHOWN_AS_TEXT
    for found in classes.values():
        assert found.__repr__ is not object.__repr__, found
