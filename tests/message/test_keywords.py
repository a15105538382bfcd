"""`Message`'s keywords for header fields: what they write and what they refuse."""

import datetime
from email import message_from_bytes
from email.policy import default

import pytest

import rsmtp
from rsmtp import providers
from rsmtp._content.tracking import _RELAYS

UTC = datetime.UTC


def fields(**keywords):
    """The fields that the keywords add to a message, as the standard library reads them."""
    message = rsmtp.Message("x", from_=("Ann", "ann@example.org"), to="bob@example.org", **keywords)
    read = message_from_bytes(message.as_bytes(), policy=default)
    plain = {"From", "To", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"}
    return [(name, str(value)) for name, value in read.items() if name not in plain]


@pytest.mark.parametrize(
    ("keywords", "written"),
    [
        ({"sender": "boss@example.org"}, [("Sender", "boss@example.org")]),
        (
            {"date": datetime.datetime(2026, 11, 27, 9, 0, tzinfo=UTC)},
            [("Date", "Fri, 27 Nov 2026 09:00:00 +0000")],
        ),
        ({"message_id": "1.2@example.org"}, [("Message-ID", "<1.2@example.org>")]),
        (
            {"in_reply_to": "<1@example.org>"},
            [("In-Reply-To", "<1@example.org>"), ("References", "<1@example.org>")],
        ),
        (
            {"in_reply_to": ["<0@example.org>", "1@example.org"]},
            [("In-Reply-To", "<1@example.org>"), ("References", "<0@example.org> <1@example.org>")],
        ),
        ({"priority": "high"}, [("Importance", "high"), ("X-Priority", "1"), ("Priority", "urgent")]),
        ({"priority": "normal"}, []),
        ({"priority": "low"}, [("Importance", "low"), ("X-Priority", "5"), ("Priority", "non-urgent")]),
        ({"read_receipt": True}, [("Disposition-Notification-To", "Ann <ann@example.org>")]),
        ({"read_receipt": False}, []),
        ({"read_receipt": "read@example.org"}, [("Disposition-Notification-To", "read@example.org")]),
        ({"unsubscribe": "leave@example.org"}, [("List-Unsubscribe", "<mailto:leave@example.org>")]),
        (
            {"unsubscribe": ("HTTPS://example.org/u?t=1", "mailto:leave@example.org?subject=no")},
            [
                ("List-Unsubscribe", "<https://example.org/u?t=1>, <mailto:leave@example.org?subject=no>"),
                ("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
            ],
        ),
        ({"list_id": "news.example.org"}, [("List-Id", "<news.example.org>")]),
        ({"list_id": "Our news <news.example.org>"}, [("List-Id", "Our news <news.example.org>")]),
        ({"list_id": "News, ours <news.example.org>"}, [("List-Id", '"News, ours" <news.example.org>')]),
        (
            {"auto_submitted": True},
            [("Auto-Submitted", "auto-generated"), ("X-Auto-Response-Suppress", "All")],
        ),
        ({"auto_submitted": "no"}, [("Auto-Submitted", "no")]),
        ({"feedback_id": "campaign:customer:kind:us"}, [("Feedback-ID", "campaign:customer:kind:us")]),
        ({"feedback_id": ("campaign", "us")}, [("Feedback-ID", "campaign:us")]),
        (
            {"tags": ["a", "b"], "metadata": {"order": 7}, "provider": "mailgun"},
            [("X-Mailgun-Tag", "a"), ("X-Mailgun-Tag", "b"), ("X-Mailgun-Variables", '{"order": "7"}')],
        ),
        (
            {"tags": "a", "metadata": {"order": 7}, "provider": "postmark"},
            [("X-PM-Tag", "a"), ("X-PM-Metadata-order", "7")],
        ),
        (
            {"tags": "a", "metadata": {"order": 7}, "provider": "ses"},
            [("X-SES-MESSAGE-TAGS", "order=7, a=true")],
        ),
        (
            {"tags": ["a", "ä"], "metadata": {"order": 7}, "provider": "sendgrid"},
            [("X-SMTPAPI", '{"category": ["a", "\\u00e4"], "unique_args": {"order": "7"}}')],
        ),
        (
            {"tags": ["a", "b"], "metadata": {"order": 7}, "provider": "mandrill"},
            [("X-MC-Tags", "a, b"), ("X-MC-Metadata", '{"order": "7"}')],
        ),
        (
            {"tags": ["a"], "metadata": {"order": 7}, "provider": "sparkpost"},
            [("X-MSYS-API", '{"tags": ["a"], "metadata": {"order": "7"}}')],
        ),
        (
            {"tags": "a", "metadata": {"order": 7, "b": "c"}, "provider": "brevo"},
            [("X-Mailin-Tag", "a"), ("X-Mailin-custom", "order:7|b:c")],
        ),
        (
            {"tags": "a", "metadata": {"order": 7}, "provider": "mailjet"},
            [("X-Mailjet-Campaign", "a"), ("X-MJ-EventPayload", '{"order": "7"}')],
        ),
        ({"provider": "mailgun"}, []),
    ],
)
def test_keyword_writes_the_fields_that_are_read(keywords, written):
    assert fields(**keywords) == written


@pytest.mark.parametrize(
    ("keywords", "error", "says"),
    [
        ({"date": "now"}, TypeError, "date: a datetime"),
        ({"date": datetime.datetime(2026, 1, 1)}, ValueError, "date: .* no time zone"),
        ({"message_id": "one"}, ValueError, "message_id: 'one' is no Message-ID"),
        ({"message_id": "<a@b> <c@d>"}, ValueError, "message_id: one is wanted, not 2"),
        ({"message_id": ""}, ValueError, "message_id: it is empty"),
        ({"in_reply_to": 5}, TypeError, "in_reply_to: a Message-ID"),
        ({"priority": "urgent"}, ValueError, "priority: 'urgent' is none of"),
        ({"priority": 1}, TypeError, "priority: a str is wanted, not 1"),
        ({"unsubscribe": "http://example.org/"}, ValueError, "unsubscribe: .* an https URL"),
        ({"unsubscribe": "https://"}, ValueError, "no host"),
        ({"unsubscribe": "https://[x/"}, ValueError, "no host"),
        ({"unsubscribe": "https://example.org/ä"}, ValueError, "percent-encoded"),
        ({"unsubscribe": "https://example.org/>, <https://evil.example/"}, ValueError, "percent-encoded"),
        ({"unsubscribe": "https://example.org/\r\nBcc: x@example.org"}, ValueError, "percent-encoded"),
        ({"unsubscribe": ["https://a.example/", "https://b.example/"]}, ValueError, "one https URL"),
        (
            {"unsubscribe": "leave"},
            ValueError,
            "unsubscribe: 'leave': a URL that begins with https://, or one address with a domain",
        ),
        ({"unsubscribe": []}, TypeError, "unsubscribe: a URL"),
        ({"unsubscribe": {}}, TypeError, "unsubscribe: a URL"),
        ({"list_id": "news"}, ValueError, "list_id: 'news'"),
        ({"list_id": "News <news.example.org"}, ValueError, "list_id:"),
        ({"list_id": "a" * 250 + ".example.org"}, ValueError, "list_id: 262 characters"),
        ({"auto_submitted": "yes"}, ValueError, "auto_submitted: 'yes' is none of"),
        ({"feedback_id": "a:b:c:d:e"}, ValueError, "feedback_id: one to four parts"),
        ({"feedback_id": "a:"}, ValueError, "feedback_id: .* names the sender"),
        ({"tags": "a"}, ValueError, "provider: .* which one sends this message: 'brevo'"),
        ({"tags": "a", "provider": "mailgnu"}, ValueError, "did you mean 'mailgun'"),
        ({"tags": 5, "provider": "ses"}, TypeError, "tags: a text or a list"),
        ({"tags": ["a", "b"], "provider": "postmark"}, ValueError, "tags: Postmark takes one"),
        ({"tags": ["a, b"], "provider": "mandrill"}, ValueError, "tags: Mandrill"),
        ({"tags": ["a b"], "provider": "ses"}, ValueError, "Amazon SES takes"),
        ({"tags": ["a\nb"], "provider": "mailgun"}, ValueError, "tags: .* control characters"),
        ({"metadata": 5, "provider": "ses"}, TypeError, "metadata: a dict"),
        ({"metadata": {"a:b": "c"}, "provider": "mailgun"}, ValueError, "metadata: the name 'a:b'"),
        ({"metadata": {"a": None}, "provider": "mailgun"}, TypeError, "metadata: a: a text or a number"),
        (
            {"sender": "a@example.org\r\nBcc: b@example.org"},
            ValueError,
            "^sender: can.t contain the control character",
        ),
        ({"date": datetime.datetime.now(UTC), "headers": {"Date": "x"}}, ValueError, "Date"),
    ],
)
def test_what_can_not_stand_in_the_field_is_refused(keywords, error, says):
    with pytest.raises(error, match=says):
        fields(**keywords)


def test_read_receipt_for_the_writer_needs_a_writer():
    with pytest.raises(ValueError, match="read_receipt: True means the address of From"):
        rsmtp.Message("x", read_receipt=True)


@pytest.mark.parametrize("relay", sorted(_RELAYS))
def test_relay_has_the_name_that_a_mailer_knows_it_by(relay):
    """In each of the relay's regions."""
    names = [name for name in [*providers.PROVIDERS, "ses-eu-west-1"] if name.partition("-")[0] == relay]
    assert names
    for name in names:
        providers.find(name)
        assert fields(tags="a", provider=name) == fields(tags="a", provider=relay)


def test_misspelt_keyword_is_told_with_its_neighbour():
    with pytest.raises(TypeError, match="'prority'; did you mean 'priority'"):
        rsmtp.Message("x", prority="high")


def test_name_of_a_list_is_read_back():
    [(_, value)] = fields(list_id="Grüße <news.example.org>")
    assert value == "Grüße <news.example.org>"


def test_keywords_stand_in_what_is_sent():
    with rsmtp.Catcher() as catcher, rsmtp.Mailer(host=catcher.host, port=catcher.port, tls="none") as mailer:
        message_id = "fixed@example.org"
        receipt = mailer.send(
            rsmtp.Message(
                "x", from_="a@example.org", to="b@example.org", message_id=message_id, priority="low"
            )
        )
    assert receipt.message_id == f"<{message_id}>"
    assert b"X-Priority: 5\r\n" in catcher.messages[0].data
