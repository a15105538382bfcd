"""A provider's name, given by URL or by argument. Both mailers keep to the provider's limits."""

import asyncio
import time
from types import SimpleNamespace

import pytest
from client.scripted import answering, serve

import rsmtp
from rsmtp import providers
from rsmtp.errors import SMTPAuthenticationError, SMTPSenderRefused
from rsmtp.providers import Provider

either = pytest.mark.usefixtures("either_mailer")
ANN = "ann@gmail.com"


@pytest.fixture
def gmail():
    """Gmail's row with a catcher in place of its server, and the settings to trust it."""
    with rsmtp.Catcher(username=ANN, password="app password", require_auth=True) as catcher:
        row = providers.find("gmail").replace(host="localhost", port=catcher.port)
        yield SimpleNamespace(row=row, catcher=catcher, trust=rsmtp.TlsConfig(ca_file=catcher.ca_file))


def message(to="bob@example.org", text="hello"):
    return rsmtp.Message(text, subject="x", from_=ANN, to=to)


def the_hop(*args, **options):
    (hop,) = rsmtp.Mailer(*args, **options)._hops
    return hop


# -- where it goes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("gmail://ann:secret@gmail.com", ("smtp.gmail.com", 587, "starttls", ANN)),
        ("GMail://ann:secret@gmail.com", ("smtp.gmail.com", 587, "starttls", ANN)),
        ("gmail://ann:secret@example.org", ("smtp.gmail.com", 587, "starttls", "ann@example.org")),
        ("gmail://ann:secret@gmail.com:465", ("smtp.gmail.com", 465, "implicit", ANN)),
        ("gmail://ann%40x.org:secret@gmail.com", ("smtp.gmail.com", 587, "starttls", "ann@x.org")),
        ("gmail://ann%40x.org:secret@smtp.gmail.com", ("smtp.gmail.com", 587, "starttls", "ann@x.org")),
        ("gmail://ann%40example.org:secret@", ("smtp.gmail.com", 587, "starttls", "ann@example.org")),
        ("yahoo://ann:secret@yahoo.de", ("smtp.mail.yahoo.com", 465, "implicit", "ann@yahoo.de")),
        ("yahoo://ann:secret@yahoo.de:587", ("smtp.mail.yahoo.com", 587, "starttls", "ann@yahoo.de")),
        ("sendgrid://:secret@", ("smtp.sendgrid.net", 587, "starttls", "apikey")),
        ("sendgrid://apikey:secret@smtp.sendgrid.net", ("smtp.sendgrid.net", 587, "starttls", "apikey")),
        ("sendgrid://?password=env:SENDGRID_KEY", ("smtp.sendgrid.net", 587, "starttls", "apikey")),
        ("ses-eu-west-1://AKIA:secret@", ("email-smtp.eu-west-1.amazonaws.com", 587, "starttls", "AKIA")),
        ("mailgun-eu://me:secret@mg.x.org", ("smtp.eu.mailgun.org", 587, "starttls", "me@mg.x.org")),
        ("gmail-relay://", ("smtp-relay.gmail.com", 587, "starttls", None)),
        ("web.de://ann:secret@web.de", None),
    ],
)  # fmt: skip
def test_urls(url, server):
    if server is None:
        # A domain such as `web.de` is a provider's name only in `provider=`.
        with pytest.raises(ValueError, match="'web.de', not one of .*did you mean 'webde'"):
            rsmtp.Mailer(url)
        return
    hop = the_hop(url)
    assert (hop.host, hop.port, hop.tls, hop.username) == server
    assert "secret" not in repr(rsmtp.Mailer(url))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        (
            "gmial://ann:secret@gmail.com",
            "'gmial', not one of smtp, .* or a provider's name .*did you mean 'gmail'",
        ),
        ("gmail://ann%40example.org:secret@example.org", "'example.org' is not the server of gmail://"),
        ("gmail://:secret@example.org", "'example.org' is not the server of gmail://.*the whole address"),
        (
            "sendgrid://me:secret@example.org",
            "'example.org' is not the server of sendgrid://.*the word \"apikey\"",
        ),
        ("smtp.gmail.com:587", "it has no scheme; write smtp://HOST:PORT"),
        ("localhost:1025", "it has no scheme; write smtp://HOST:PORT"),
        ("gmail://ann@gmail.com:secret", "a password stands before the host"),
        ("gmail:///var/run/smtp", "provider: it has no Unix socket"),
        ("gmail://ann:secret@gmail.com/inbox", "nothing is known of a path"),
        ("gmail://ann:secret@gmail.com?rate=3", "'rate' is not one of its parameters"),
        ("smtp://ann:secret@mail.example.org?tls=none&tls=starttls", "url: tls is given twice"),
        ("smtp://ann:secret@mail.example.org?timeout=5&tls=none&timeout=5", "url: timeout is given twice"),
        ("smtp://ann@mail.example.org?password=env:A&password=env:B", "url: password is given twice"),
        ("file:///tmp?tls=none", 'file: takes a path and no parameters; "." and "#" in the name'),
        ("sendmail:///usr/sbin/sendmail?-oi", "sendmail: takes a path and no parameters"),
        ("null:#secret", "null: takes a path and no parameters"),
    ],
)
def test_urls_that_cannot_be_meant(url, words):
    for mailer in (rsmtp.Mailer, rsmtp.AsyncMailer):
        with pytest.raises(ValueError, match=words) as error:
            mailer(url)
        assert "secret" not in str(error.value)


def test_arguments():
    hop = the_hop(provider="gmail", user=ANN, password="secret")
    assert (hop.host, hop.port, hop.tls, hop.username) == ("smtp.gmail.com", 587, "starttls", ANN)
    hop = the_hop(provider="sendgrid", password="secret")
    assert hop.username == "apikey"
    hop = the_hop(provider="smtp2go", host="mail-eu.smtp2go.com", port=465, user="ann", password="secret")
    assert (hop.host, hop.port, hop.tls) == ("mail-eu.smtp2go.com", 465, "implicit")
    hop = the_hop(provider="gmail", tls="implicit", user=ANN, password="secret")
    assert (hop.port, hop.tls) == (465, "implicit")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (
            {"provider": "gmail"},
            "username: it is missing, and no mail is taken without a login .*app password",
        ),
        ({"provider": "gmial"}, "provider: 'gmial' is not known; did you mean 'gmail'"),
        ({"provider": 3}, "provider: a name, or a Provider, is wanted, not 3"),
        (
            {"provider": "gmail", "host": "/run/smtp", "user": ANN, "password": "x"},
            "provider: it has no Unix socket",
        ),
        (
            {"url": "gmail://ann@gmail.com", "provider": "gmail"},
            "provider: told by the URL and by an argument",
        ),
    ],
)
def test_arguments_that_cannot_be_meant(options, words):
    for mailer in (rsmtp.Mailer, rsmtp.AsyncMailer):
        with pytest.raises((TypeError, ValueError), match=words):
            mailer(**options)


def test_a_variable_may_name_one(monkeypatch):
    monkeypatch.setenv("RSMTP_URL", "gmail://ann:secret@gmail.com")
    assert the_hop().host == "smtp.gmail.com"


@either
def test_sent_by_both_mailers(gmail):
    with rsmtp.Mailer(provider=gmail.row, user=ANN, password="app password", context=gmail.trust) as mailer:
        assert mailer.send(message()).ok
    assert gmail.catcher.messages[0].username == ANN


def test_sent_in_one_call(gmail):
    options = {"provider": gmail.row, "user": ANN, "password": "app password", "context": gmail.trust}
    assert rsmtp.send(message(), **options).ok
    assert asyncio.run(rsmtp.asend(message(), **options)).ok
    assert gmail.catcher.count == 2


# -- limits ----------------------------------------------------------------------------------


@either
def test_a_message_with_more_recipients_goes_in_parts_and_has_one_receipt(gmail):
    row = gmail.row.replace(recipients=40)
    addresses = [f"u{number}@example.org" for number in range(100)]
    gmail.catcher.fault("RCPT", address="u77@example.org", reply=(550, "5.1.1 No such user"))
    with rsmtp.Mailer(provider=row, user=ANN, password="app password", context=gmail.trust) as mailer:
        receipt = mailer.send(message(addresses))
        report = mailer.send_all([message(addresses), message()])
    fates = {recipient.address: recipient.fate for recipient in receipt.recipients}
    assert fates == dict.fromkeys(addresses, "sent") | {"u77@example.org": "refused"}
    parts = [len(caught.rcpt_tos) for caught in gmail.catcher.messages]
    # Another message may be sent between the parts of one.
    assert parts[:3] == [40, 39, 20]
    assert sorted(parts[3:]) == [1, 20, 39, 40]
    assert len({caught.data for caught in gmail.catcher.messages[:3]}) == 1
    assert [receipt.ok for receipt in sorted(report.receipts, key=lambda r: r.index)] == [False, True]


@either
def test_a_larger_message_is_refused_before_any_of_it_is_sent(gmail):
    row = gmail.row.replace(size=1000)
    with rsmtp.Mailer(provider=row, user=ANN, password="app password", context=gmail.trust) as mailer:
        with pytest.raises(
            SMTPSenderRefused, match="5.3.4 the message has 1[0-9]{3} octets, the server takes 1000"
        ):
            mailer.send(message(text="x" * 1000))
        report = mailer.send_all([message(text="x" * 1000), message()])
    assert gmail.catcher.count == 1
    assert not [
        line for caught in gmail.catcher.conversations for line in caught.lines if "SIZE=1" in str(line)
    ]
    (large,) = [receipt for receipt in report.receipts if not receipt.ok]
    assert large.recipients[0].fate == "not sent"
    assert "the server takes 1000" in str(large.error)


@either
def test_the_smaller_of_two_sizes_holds(gmail):
    """The limits are the server's announced size and the known one."""
    row = gmail.row.replace(size=10**9)
    with rsmtp.Catcher(username=ANN, password="app password", max_size=1000) as catcher:
        options = {
            "user": ANN,
            "password": "app password",
            "context": rsmtp.TlsConfig(ca_file=catcher.ca_file),
        }
        with rsmtp.Mailer(provider=row.replace(port=catcher.port, tls="starttls"), **options) as mailer:
            with pytest.raises(SMTPSenderRefused, match="the server takes 1000"):
                mailer.send(message(text="x" * 1000))


@either
def test_a_size_is_held_where_the_server_says_none():
    row = Provider("relay", "127.0.0.1", 25, "none", size=500)
    with serve(answering()) as server:
        with rsmtp.Mailer(provider=row, port=server.port, tls="none") as mailer:
            with pytest.raises(SMTPSenderRefused, match="the server takes 500"):
                mailer.send(message(text="x" * 1000))
            assert mailer.send(message(text="x")).ok


@either
@pytest.mark.parametrize(("options", "least"), [({}, 0.25), ({"rate": 1000}, 0)])
def test_its_rate_is_the_mailers_unless_one_is_given(gmail, options, least):
    row = gmail.row.replace(rate=10)
    options |= {"user": ANN, "password": "app password", "context": gmail.trust}
    with rsmtp.Mailer(provider=row, **options) as mailer:
        mailer.send(message())
        begun = time.monotonic()
        assert mailer.send_all([message() for _ in range(3)]).ok
        took = time.monotonic() - begun
    assert least <= took < least + 5


@either
def test_each_part_of_a_message_takes_a_place_in_the_rate(gmail):
    row = gmail.row.replace(rate=10, recipients=1)
    options = {"user": ANN, "password": "app password", "context": gmail.trust}
    with rsmtp.Mailer(provider=row, **options) as mailer:
        mailer.send(message())
        begun = time.monotonic()
        assert mailer.send(message([f"u{number}@example.org" for number in range(4)])).ok
        assert time.monotonic() - begun >= 0.25
    assert gmail.catcher.count == 5


@either
def test_a_day_counts_transactions_or_recipients_as_the_provider_does(gmail):
    row = gmail.row.replace(recipients=2)
    options = {"user": ANN, "password": "app password", "context": gmail.trust, "retries": 0}
    five = message([f"u{number}@example.org" for number in range(5)])
    by_message = row.replace(per_day_of="messages")
    with rsmtp.Mailer(provider=by_message, per_day=3, **options) as mailer:
        assert mailer.send(five).ok
        (left,) = mailer.send_all([message()]).receipts
        assert left.not_sent and "messages per day" in str(left.error)
    # The day ends between two parts.
    with rsmtp.Mailer(provider=by_message, per_day=2, **options) as mailer:
        receipt = mailer.send(five, check=False)
        assert [recipient.fate for recipient in receipt.recipients] == [*["sent"] * 4, "not sent"]
        assert receipt.recipients[4].transient
    assert row.per_day_of == "recipients"
    with rsmtp.Mailer(provider=row, per_day=7, **options) as mailer:
        assert mailer.send(five).ok
        report = mailer.send_all([message(["a@example.org", "b@example.org", "c@example.org"]), message()])
        assert (report.sent, report.not_sent) == (1, 1)
        assert "recipients per day" in str(report.troubles[0].error)
    assert [len(caught.rcpt_tos) for caught in gmail.catcher.messages] == [2, 2, 1, 2, 2, 2, 2, 1, 1]


@either
@pytest.mark.parametrize(("options", "sessions"), [({}, 3), ({"max_messages": 5}, 1)])
def test_its_messages_a_session_too(gmail, options, sessions):
    row = gmail.row.replace(per_session=2)
    options |= {"user": ANN, "password": "app password", "context": gmail.trust}
    with rsmtp.Mailer(provider=row, **options) as mailer:
        assert mailer.send_all([message() for _ in range(5)]).ok
    assert len(gmail.catcher.conversations) == sessions


def test_of_two_providers_the_stricter_rate_holds():
    urls = ["mailersend://ann:x@example.org", "microsoft365://ann:x@example.org"]
    mailer = rsmtp.Mailer(urls)
    assert [hop.host for hop in mailer._hops] == ["smtp.mailersend.net", "smtp.office365.com"]


# -- a refused login -------------------------------------------------------------------------


@either
def test_the_hint_says_what_this_provider_wants(gmail, monkeypatch):
    # This also applies if only the provider's host was named.
    rows = {"localhost": gmail.row}
    monkeypatch.setattr(providers, "at_host", rows.get)
    options = {"user": ANN, "password": "my own", "context": gmail.trust}
    for server in ({"provider": gmail.row}, {"host": "localhost", "port": gmail.catcher.port}):
        with rsmtp.Mailer(**server, **options) as mailer:
            for ask in (lambda: mailer.send(message()), mailer.verify):
                with pytest.raises(SMTPAuthenticationError) as error:
                    ask()
                hint = error.value.hint
                assert hint.endswith(
                    "Gmail and Google Workspace: the user is the whole address, the password an app "
                    "password, or an OAuth 2.0 token."
                )
                assert f"hint: {hint}" in error.value.__notes__
