"""Uses every public name of rsmtp as users would. Type checkers find no error in it
(tests/typing/test_type_checkers.py, which also finds a public name that is missing here)."""

# pyright: strict

import asyncio
import datetime
import sqlite3
import ssl
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import rsmtp
from rsmtp import aio, aiosmtplib, credentials, errors, inbox, outbox_page, providers, smtplib, testing
from rsmtp import envelope as envelopes
from rsmtp import typing as types
from rsmtp.aiosmtplib.errors import SMTPException as TheirException
from rsmtp.email import (
    base64mime,
    charset,
    contentmanager,
    encoders,
    feedparser,
    generator,
    header,
    headerregistry,
    iterators,
    message,
    message_from_binary_file,
    message_from_bytes,
    message_from_file,
    message_from_string,
    parser,
    policy,
    quoprimime,
    utils,
)
from rsmtp.email import errors as email_errors
from rsmtp.email.mime.application import MIMEApplication
from rsmtp.email.mime.audio import MIMEAudio
from rsmtp.email.mime.base import MIMEBase
from rsmtp.email.mime.image import MIMEImage
from rsmtp.email.mime.message import MIMEMessage
from rsmtp.email.mime.multipart import MIMEMultipart
from rsmtp.email.mime.nonmultipart import MIMENonMultipart
from rsmtp.email.mime.text import MIMEText

PASSWORD = "app password"


# -- messages --------------------------------------------------------------------


def messages() -> Iterator[rsmtp.Message]:
    yield rsmtp.Message("Hello", subject="Hello", from_="ann@example.org", to="bob@example.org")
    with Path("figures.csv").open("rb") as figures:
        yield rsmtp.Message(
            "The report is attached.",
            html="<p>The <b>report</b> is attached.</p>",
            subject="Report",
            from_=("Ann", "ann@example.org"),
            to=["bob@example.org", ("Carol", "carol@example.org")],
            cc=headerregistry.Address("Dora", "dora", "example.org"),
            bcc=[headerregistry.Group("all", (headerregistry.Address("E", "e", "example.org"),))],
            reply_to="list@example.org",
            attachments=["report.pdf", Path("a.png"), figures, ("a.csv", "1,2"), ("b", b"x", "text/csv")],
            headers={"List-Unsubscribe": "<https://example.org/leave>"},
            policy=policy.mail,
            local=False,
        )
    yield rsmtp.Message(
        "auto",
        html="<p>Hello",
        sender="boss@example.org",
        date=datetime.datetime.now(datetime.UTC),
        message_id="<1@example.org>",
        in_reply_to="<0@example.org>",
        priority="high",
        read_receipt=True,
        unsubscribe=["https://example.org/leave", "leave@example.org"],
        list_id="news.example.org",
        auto_submitted=True,
        feedback_id="campaign:us",
        tags=["a"],
        metadata={"order": 7},
        provider="mailgun",
    )
    yield rsmtp.Message("auto", html=Path("page.html"), inline="auto", css="inline", inline_from=Path("mail"))
    picture: types.Picture = (b"...", "image/tiff")
    pictures: types.Pictures = {"a": b"...", "b": Path("b.png"), "c": picture}
    yield rsmtp.Message(html='<img src="cid:a">', inline=pictures)
    yield rsmtp.Message(markdown="![Plot](a.png)", inline=["a.png", Path("b.png")])
    yield rsmtp.Message(html="<p>Hello</p>", inline=False)
    original = message_from_bytes(b"From: bob@example.org\n\nhello")
    yield original.reply("Yes", all=True, quote=False, from_="ann@example.org", attachments=["a.pdf"])
    yield original.forward("See below", to="carol@example.org", from_=("Ann", "a@example.org"), attach=True)
    thread: tuple[str, ...] = rsmtp.thread_of(original)
    print(thread)
    invite = rsmtp.Invite(start=datetime.date(2026, 12, 24), summary="Closed", attendees=["bob@example.org"])
    yield rsmtp.Message(calendar=invite.update(summary="Open"), from_="ann@example.org", html="<p>Come</p>")
    yield rsmtp.Message(
        "No", calendar=rsmtp.Invite.read(original).reply("declined", ("Bob", "b@example.org"))
    )
    yield rsmtp.Message(calendar=invite.cancel(), to="bob@example.org")
    yield rsmtp.Message("Named", to="bob@example.org", attachments={"a.csv": "1,2", "b.png": b"..."})
    yield rsmtp.Message("One", to="bob@example.org", attachments=("a.csv", "1,2"))
    yield rsmtp.Message("One", to="bob@example.org", attachments=Path("a.csv"), headers=[("X-A", "b")])


def templates_and_merges(mailer: rsmtp.Mailer, outbox: rsmtp.Outbox) -> None:
    template = rsmtp.Template("Dear {{ name }}", subject="Hello", filters={"x": str.upper}, context={"a": 1})
    message: rsmtp.Message = template.message({"name": "Ann"}, to="ann@example.org")
    folder = rsmtp.Template.from_folder("welcome/", layouts=Path("layouts"), from_="ann@example.org")
    rows: list[dict[str, object]] = [{"name": "Ann", "email": "ann@example.org"}]
    merge: rsmtp.Merge = rsmtp.merge(template, rows, to="{{ email }}", key="{{ name }}", limit=3)
    print(
        message.key, merge.count, rsmtp.merge(folder, "list.csv", encoding="cp1252", test_to="me@example.org")
    )
    report: rsmtp.Report = mailer.send_all(merge)
    number: int = outbox.put_all(merge)
    run: rsmtp.DryRun = merge.dry_run()
    run.raise_for_faults()
    preview: rsmtp.Preview = merge.preview(3)
    for item in merge:
        if isinstance(item, rsmtp.BadRow):
            error = item.error
            print(item.number, item.row, error.faults if isinstance(error, rsmtp.RowError) else error)
    shown: rsmtp.Table = rsmtp.table(rows, columns=["name"], formats={"name": "{}"}, limit=3, index=False)
    print(str(shown), shown.__html__())
    print(report, number, run.count, run.faults, run.duplicates, run.ok, len(preview), preview[0])


def with_a_message() -> None:
    one = rsmtp.Message("Hello", "plain", "utf-8")
    one["To"] = rsmtp.formataddr(("Bob", "bob@example.org"))
    one.add_attachment(b"data", "image", "png", filename="a.png")
    one.add_attachment(("a.txt", "text"))
    print(one["To"], one.get_all("To"), one.keys(), len(one), "To" in one, one.defects)
    print(one.as_string(), one.as_bytes(), bytes(one), str(one), one.get_content_type())
    for part in one.walk():
        print(part.get_filename(), part.get_payload(decode=True))
    look: rsmtp.MessagePreview = one.preview(remote=True)
    print(
        look.html,
        look.findings.errors,
        look.save("page.html"),
        look.open(),
        rsmtp.Message.from_stdlib(one.to_stdlib()),
    )


# -- signatures ------------------------------------------------------------------


def signed(message: rsmtp.Message, octets: bytes) -> types.DkimKeys:
    def elsewhere(data: bytes) -> bytes:
        return data

    dkim = rsmtp.Dkim("example.com", "s", Path("dkim.pem"))
    remote = rsmtp.Dkim(
        "example.com",
        "s",
        elsewhere,
        algorithm="ed25519-sha256",
        public_key="public.pem",
        canonicalization="relaxed/simple",
        fields=["From", "Subject"],
        oversign=("From",),
        identity="@example.com",
        expires=3600,
        seven_bit=False,
    )
    record: rsmtp.DnsRecord = dkim.dns_record()
    print(record.name, record.value, dkim.domain, dkim.selector, dkim.algorithm)
    with rsmtp.SmtpClient("smtp.example.org") as client:
        client.sendmail("ann@example.com", ["bob@example.org"], message.sign([dkim, remote]))
        client.sendmail("ann@example.com", ["bob@example.org"], dkim.sign(octets))
    rsmtp.send(("ann@example.com", "bob@example.org", message.sign(remote)), "null:", dkim=iter([dkim]))
    return {"example.com": dkim, "example.org": [dkim, remote], "*": None}


# -- clients ---------------------------------------------------------------------


def by_hand(context: types.Context, tls: types.Tls) -> dict[str, tuple[int, bytes]]:
    with rsmtp.SmtpClient(
        "smtp.example.org",
        587,
        "client.example.org",
        10.0,
        ("127.0.0.1", 0),
        tls=tls,
        context=context,
        deadline=60,
        pipelining=False,
        chunking=False,
        proxy="environment",
    ) as client:
        code, text = client.ehlo()
        print(code, text.decode(), client.has_extn("size"), client.esmtp_features, client.state)
        client.starttls(context=context)
        client.login("ann@example.org", PASSWORD)
        client.login(username="ann@example.org", access_token="token")
        for reply in (client.noop(), client.rset(), client.verify("bob"), client.expn("list")):
            print(reply[0], reply[1])
        client.mail("ann@example.org", ["SIZE=100"])
        client.rcpt("bob@example.org")
        client.data(b"Subject: hi\r\n\r\nhi\r\n")
        line: rsmtp.TranscriptLine
        transcript: rsmtp.Transcript = client.transcript
        for line in transcript:
            print(line.at, line.direction, line.text, line.state)
        facts: rsmtp.TlsFacts | None = client.tls
        if facts is not None:
            certificate: rsmtp.Certificate | None = facts.certificate
            print(facts.version, facts.cipher, certificate and certificate.names)
        print(client.legal_requests)
        refused = client.sendmail("ann@example.org", ["bob@example.org"], "Subject: hi\n\nhi\n")
        return refused | client.send_message(next(messages()), to_addrs=["bob@example.org"])


def ported() -> dict[str, tuple[int, bytes]]:
    quoted = smtplib.quoteaddr("ann@example.org") + smtplib.quotedata(".\n")
    try:
        with smtplib.SMTP_SSL("smtp.example.org", context=ssl.create_default_context()) as server:
            server.set_debuglevel(1)
            return server.sendmail("ann@example.org", "bob@example.org", quoted)
    except (smtplib.SMTPAuthenticationError, smtplib.SMTPConnectError, smtplib.SMTPDataError) as error:
        print(error.smtp_code, error.smtp_error)
    except smtplib.SMTPSenderRefused as error:
        print(error.sender)
    except smtplib.SMTPRecipientsRefused as error:
        return error.recipients
    except (smtplib.SMTPHeloError, smtplib.SMTPResponseException) as error:
        print(error.smtp_code)
    except (smtplib.SMTPNotSupportedError, smtplib.SMTPServerDisconnected, smtplib.SMTPException) as error:
        print(error)
    with smtplib.LMTP("/run/lmtp") as server, smtplib.SMTP("localhost", 25, timeout=5) as other:
        other.starttls(context=rsmtp.TlsConfig(ca_file="ca.pem"))
        return server.send_message(next(messages()))


async def by_hand_in_a_loop() -> None:
    async with rsmtp.AsyncSmtpClient("smtp.example.org", 587, tls="starttls") as client:
        greeting: tuple[int, bytes] = await client.xclient(
            "192.0.2.7", port=25, name="a.example", login="ann"
        )
        print(greeting)
        code, text = await client.login("ann@example.org", PASSWORD)
        refused = await client.send_message(next(messages()))
        print(code, text, refused.get("bob@example.org"))
    assert aio.AsyncSmtpClient is rsmtp.AsyncSmtpClient


async def token_with_its_end() -> tuple[str, float]:
    return "token", 2e9


async def ported_to_a_loop() -> None:
    token: aiosmtplib.SMTPTokenGenerator = generate_token
    token = token_with_its_end
    try:
        async with aiosmtplib.SMTP(hostname="smtp.example.org", start_tls=True) as client:
            response: aiosmtplib.SMTPResponse = await client.ehlo()
            print(response.code == aiosmtplib.SMTPStatus.completed, response.message)
        answers, text = await aiosmtplib.send(
            "Subject: hi\n\nhi\n",
            sender="ann@example.org",
            recipients=["bob@example.org"],
            hostname="smtp.example.org",
            username="ann@example.org",
            oauth_token_generator=token,
        )
        print({address: answer.code for address, answer in answers.items()}, text)
    except aiosmtplib.SMTPRecipientsRefused as error:
        print(error.recipients)
    except (aiosmtplib.SMTPRecipientRefused, aiosmtplib.SMTPSenderRefused) as error:
        print(error.code, error.message)
    except (
        aiosmtplib.SMTPAuthenticationError,
        aiosmtplib.SMTPConnectResponseError,
        aiosmtplib.SMTPDataError,
        aiosmtplib.SMTPHeloError,
        aiosmtplib.SMTPResponseException,
    ) as error:
        print(error.code, error.message)
    except (
        aiosmtplib.SMTPConnectTimeoutError,
        aiosmtplib.SMTPReadTimeoutError,
        aiosmtplib.SMTPTimeoutError,
        aiosmtplib.SMTPConnectError,
        aiosmtplib.SMTPServerDisconnected,
        aiosmtplib.SMTPNotSupported,
        aiosmtplib.SMTPException,
    ) as error:
        theirs: TheirException = error
        print(theirs)


async def generate_token() -> str:
    return "token"


# -- mailers ---------------------------------------------------------------------


def progress(made: rsmtp.Progress) -> None:
    print(made)


def many(names: list[str]) -> list[types.Sendable]:
    with rsmtp.Mailer(
        ["smtp://ann@smtp.example.org", "smtps://ann@smtp2.example.org"],
        password=lambda: PASSWORD,
        connections=2,
        rate=10.0,
        retries=3,
        context=rsmtp.TlsConfig(verify=True),
    ) as mailer:
        receipt: rsmtp.Receipt = mailer.send(next(messages()))
        recipients: list[rsmtp.Recipient] = receipt.recipients
        for recipient in recipients:
            print(recipient.address, recipient.fate, recipient.code, recipient.text)
            if (advice := recipient.advice) is not None:
                known: rsmtp.advice.Advice | None = rsmtp.advice.find(
                    550, "5.1.1 No such user", server="mx.x.org"
                )
                assert known != advice and advice in rsmtp.advice.ROWS
                words: list[str] = [advice.who, advice.means, advice.do, advice.source, advice.read]
                print(words, advice.to_dict(), advice.receiver.hosts)
        print(receipt.ok, receipt.queue_id, receipt.message_id, receipt.refused, receipt.error)
        receipt.raise_for_refused()
        mailer.send(("ann@example.org", ["bob@example.org"], b"Subject: hi\n\nhi\n"), check=False)
        report: rsmtp.Report = mailer.send_all(messages(), progress=True)
        print(report.ok, report.to_dicts(), report.to_retry)
        for one in mailer.send_all(names, make=greeting, stream=True, progress=progress, total=3):
            print(one.index, one.ok)
    return report.to_retry


def enveloped(mailer: rsmtp.Mailer, client: rsmtp.SmtpClient) -> list[str]:
    dsn = rsmtp.Dsn(notify=["success", "failure"], orcpt="root@example.org")
    bob = rsmtp.Rcpt("bob@example.org", dsn=dsn, valid_since=datetime.datetime.now(datetime.UTC))
    carol: envelopes.Notice = "never"
    envelope = rsmtp.Envelope(
        "ann@example.org",
        [bob, "carol@example.org", ("Dora", "dora@example.org")],
        dsn=rsmtp.Dsn(notify=carol, ret="headers", envid="7"),
        require_tls=True,
        tls_optional=False,
        hold_for=datetime.timedelta(hours=1),
        hold_until=None,
        deliver_by=rsmtp.DeliverBy(7200, "return", trace=True),
        priority=3,
        binary=False,
        if_offered=True,
    )
    message = next(messages())
    print(rsmtp.Envelope.of(message), rsmtp.Envelope.from_dict(envelope.to_dict()))
    print(envelope.mail_options, envelope.rcpt_options, envelope.addresses, envelope.sender)
    client.send_message(message, envelope=envelope)
    client.sendmail(None, None, b"Subject: hi\n\nhi\n", envelope=envelope)
    mailer.send_all([(message, envelope), (b"Subject: hi\n\nhi\n", envelope), message])
    rsmtp.send(message, "smtp://localhost", envelope=envelope)
    receipt = mailer.send(message, envelope=envelope)
    return receipt.options + receipt.options_left_out + receipt.recipients[0].options


def by_providers(message: rsmtp.Message) -> list[str]:
    relay = providers.Provider("relay", "relay.example.org", 25, "none", recipients=50, rate=5, size=10**7)
    known: providers.Provider = providers.find("scaleway").replace(recipients=100)
    rsmtp.Mailer("gmail://ann@gmail.com", password=PASSWORD)
    rsmtp.Mailer(provider="gmail", user="ann@gmail.com", password=PASSWORD, rate=1)
    rsmtp.AsyncMailer(provider=known, username="project", password=PASSWORD)
    rsmtp.send(message, provider=relay)
    with rsmtp.SmtpClient(provider="resend") as client:
        client.login(password=PASSWORD)
    limits: list[int | None] = [row.recipients for row in providers.PROVIDERS.values()]
    print(limits, relay.per_day, relay.per_day_of, relay.sources, relay.read)
    return list(providers.PROVIDERS)


def kept(mailer: rsmtp.Mailer, connection: sqlite3.Connection) -> dict[str, int]:
    with rsmtp.Outbox("mail.db", lease=10.0) as outbox:
        message = rsmtp.Message("Hi", to="bob@example.org", from_="ann@example.org")
        entry: rsmtp.outbox.Entry = outbox.put(message, key="invoice/7", connection=connection)
        outbox.put_all(messages(), at=datetime.datetime.now(datetime.UTC), priority=1)
        known: rsmtp.Receipt = rsmtp.Mailer("smtp://localhost", outbox=outbox).send(message, key="invoice/7")
        report: rsmtp.Report = mailer.send_all(messages(), outbox=outbox)
        print(known.ok, report.ok)
        ran: rsmtp.outbox.Ran = outbox.run(mailer, forever=False, stop=threading.Event())
        receipt: rsmtp.Receipt = outbox.send(mailer, message, key="invoice/7", wait=False)
        print(entry.state, entry.receipt.ok, ran.ok, ran.sent, receipt.to_dict(), outbox.content(1))
        events: rsmtp.outbox.History = outbox.history("invoice/7")
        for entry in outbox.entries(["dead", "unknown"]):
            outbox.retry(entry.id)
        outbox.cancel("invoice/7")
        changed: rsmtp.outbox.Changed = outbox.retry_all(["invoice/7", 2], unknown=True)
        print(changed.done, changed.left, outbox.cancel_all(entry.id for entry in outbox.entries("queued")))
        outbox.purge("sent", older_than=datetime.timedelta(days=1))
        print(events[0].what, rsmtp.outbox.OutboxError, rsmtp.outbox.KeyInUse)
        return outbox.status()


async def kept_in_a_loop(mailer: rsmtp.AsyncMailer, outbox: rsmtp.Outbox) -> rsmtp.outbox.Ran:
    report: rsmtp.Report = await mailer.send_all(messages(), outbox=outbox)
    print(report.ok, (await mailer.send(next(messages()), key="b")).ok)
    await outbox.asend(mailer, ("ann@example.org", "bob@example.org", b"hi"), key="a")
    return await outbox.run(mailer, stop=asyncio.Event())


def verified(mailer: rsmtp.Mailer) -> list[str]:
    seen: rsmtp.Verification = mailer.verify()
    ends: datetime.datetime | None = seen.certificate_expires
    print(seen.server, seen.address, seen.tls_version, seen.cipher, ends, seen.size, seen.extensions)
    print(seen.username, seen.mechanism, seen.mechanisms, seen.seconds["login"], seen.to_dict())
    return [one.server for one in seen.fallbacks]


async def verified_in_a_loop(mailer: rsmtp.AsyncMailer) -> str | None:
    seen: rsmtp.Verification = await mailer.verify()
    return None if seen.tls is None else seen.tls.version


def greeting(name: str) -> rsmtp.Message:
    return rsmtp.Message(f"Hello {name}", to=f"{name}@example.org")


async def many_in_a_loop() -> None:
    async def tuples() -> AsyncIterator[types.Sendable]:
        yield "ann@example.org", [("Bob", "bob@example.org")], "Subject: hi\n\nhi\n"

    async with rsmtp.AsyncMailer(host="smtp.example.org", username="ann", password=PASSWORD) as mailer:
        print((await mailer.send(next(messages()))).ok)
        print((await mailer.send_all(tuples())).ok)
        sending: rsmtp.AsyncSending = mailer.send_all(["bob"], make=greeting)
        async for receipt in sending:
            print(receipt.ok)


def in_one_call() -> None:
    receipt = rsmtp.send(next(messages()), "smtp://ann:secret@smtp.example.org")
    print(receipt.ok, asyncio.run(in_one_awaited_call()).ok)


async def in_one_awaited_call() -> rsmtp.Receipt:
    await aio.send(next(messages()), host="smtp.example.org", tls="implicit", check=False)
    return await rsmtp.asend(next(messages()), host="smtp.example.org", username="ann", password=PASSWORD)


async def token() -> str:
    return PASSWORD


def renewed(force: bool = False) -> types.Expiring:
    return "token", datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1 if force else 2)


async def awaited() -> tuple[str, float]:
    return "token", 2e9


class Azure:
    token = "token"
    expires_on = 2_000_000_000


def azure() -> types.HasExpiry:
    return Azure()


def by_expiring_tokens() -> list[rsmtp.Mailer | rsmtp.AsyncMailer]:
    return [
        rsmtp.Mailer(host="smtp.example.org", username="ann", access_token=renewed),
        rsmtp.Mailer(host="smtp.example.org", username="ann", access_token=azure),
        rsmtp.Mailer(host="smtp.example.org", username="ann", access_token=lambda: ("token", 2e9)),
        rsmtp.AsyncMailer(host="smtp.example.org", username="ann", access_token=awaited),
    ]


def credentials_of_all_kinds() -> list[rsmtp.Mailer]:
    user: credentials.Microsoft365 = credentials.microsoft365(
        "id", username="ann@contoso.com", cache=Path("c")
    )
    user.log_in(print)
    sources: list[credentials.Credential] = [
        credentials.env("PASSWORD"),
        credentials.file(Path("secret")),
        credentials.command(["pass", "show", "mail"], timeout=10),
        credentials.keyring("smtp.example.org", "ann"),
        credentials.netrc("smtp.example.org", "ann", path="netrc"),
        credentials.google(service_account="key.json", subject="ann@example.org"),
        user,
    ]
    try:
        return [rsmtp.Mailer(host="smtp.example.org", username="ann", access_token=one) for one in sources]
    except credentials.CredentialError as error:
        print(error.transient)
        return []


async def by_tokens(secret: types.Secret) -> None:
    await rsmtp.asend(next(messages()), host="smtp.example.org", username="ann", access_token=secret)
    async with rsmtp.AsyncSmtpClient("smtp.example.org") as client:
        await client.login("ann", access_token=token)
    with rsmtp.SmtpClient("smtp.example.org") as blocking:
        blocking.login("ann", lambda: PASSWORD)


def published(domain: str) -> bool:
    report: rsmtp.DomainReport = rsmtp.check_domain(
        domain,
        from_="ann@example.org",
        selectors=["s"],
        ip="192.0.2.1",
        helo="mail.example.org",
        blocklists=(),
    )
    print(report.findings.errors, report.facts["spf"], report.to_dict())
    return report.ok


def looked(message: types.AnyMessage) -> list[str]:
    mailer = rsmtp.Mailer(host="smtp.example.org", lint="refuse")
    found: rsmtp.Findings = rsmtp.lint(
        message, bulk=True, ignore=["subject-long"], rspamd="http://localhost:11333"
    )
    first: rsmtp.Finding = found[0]
    testing.assert_no_findings(b"", at_least="error")
    try:
        mailer.send(message)
    except rsmtp.LintError as error:
        print(error.findings.errors, first.severity, found.at_least("hint").to_dicts())
    return [finding.rule for finding in found]


def annotated(
    to: types.Addresses,
    one: types.Mailbox,
    data: types.MessageData,
    recipients: types.Recipients,
    attachment: types.Attachment,
    attachments: types.Attachments,
    content: types.Content,
    file: types.BinaryFile,
    frame: types.Frame,
    several: types.Several[str],
    suppression: types.Suppression,
    any_message: types.AnyMessage,
    calendar: types.Calendar,
    event: types.HasIcal,
    protector: types.Protector,
    certificate: types.CertificateSource,
    certificates: types.RecipientCertificates,
    key: types.KeySource,
    keys: types.RecipientKeys,
) -> list[types.Sendable]:
    made = rsmtp.Message("hi", to=to, from_=one, cc=several, attachments=attachments)
    print(rsmtp.Message(calendar=calendar), rsmtp.Message(calendar=event))
    smime = rsmtp.Smime(
        certificate,
        "ann.key",
        chain=[certificate],
        password="s",
        recipients=certificates,
        encrypt_for_sender=False,
    )
    pgp = rsmtp.OpenPgp(key, password="s", recipients=keys, autocrypt="mutual", encrypt_for_sender=True)
    print(made.protect(pgp, encrypt=to), pgp.autocrypt("ann@example.org"))
    print(made.protect(smime, encrypt=to), made.protect(protector, sign=False, encrypt=True))
    made.add_attachment(content)
    made.add_attachment(attachment)
    made.add_attachment(file, filename="a")
    made.add_attachment(("a.csv", frame))
    return [made, any_message, ("ann@example.org", recipients, data)]


# -- errors ----------------------------------------------------------------------


def told(send: types.Sendable) -> str | None:
    try:
        rsmtp.send(send)
    except rsmtp.SMTPRecipientsRefused as error:
        print(error.recipients)
    except rsmtp.SMTPSenderRefused as error:
        print(error.sender)
    except (
        rsmtp.SMTPAuthenticationError,
        rsmtp.SMTPConnectError,
        rsmtp.SMTPDataError,
        rsmtp.SMTPGreetingError,
        rsmtp.SMTPHeloError,
        rsmtp.SMTPProtocolError,
        rsmtp.SMTPResponseException,
    ) as error:
        print(error.smtp_code, error.smtp_error, error.enhanced_code)
    except (rsmtp.SMTPHostNotFound, rsmtp.SMTPConnectionRefused, rsmtp.SMTPUnreachable) as error:
        print(error.stage)
    except (rsmtp.SMTPCertificateError, rsmtp.SMTPTLSError, rsmtp.SMTPTimeoutError) as error:
        return errors.words(error)
    except (rsmtp.SMTPNonASCIIAddress, rsmtp.SMTPNotSupportedError, rsmtp.SMTPStateError) as error:
        print(error.transient)
    except (rsmtp.SMTPContentError, rsmtp.SMTPServerDisconnected) as error:
        print(error.fates)
    except rsmtp.SMTPException as error:
        print(error.stage, error.code, error.address, error.path, error.last_words, rsmtp.__version__)
    return None


# -- the catcher, and tests ------------------------------------------------------


def caught() -> None:
    with rsmtp.Catcher(tls="none", username="ann", password="secret") as catcher:
        number = catcher.fault("RCPT", reply=(450, "4.2.1 try later"), times=1)
        catcher.remove_fault(number)
        client_certificate: str | None = catcher.client_certificate
        fault: list[rsmtp.ArmedFault] = catcher.faults
        message: rsmtp.CaughtMessage
        for message in catcher.messages:
            facts: rsmtp.CaughtTls | None = message.tls
            print(fault, facts and facts.version, client_certificate)
        for each in catcher.wait_for(1, timeout=5.0):
            print(each.mail_from, each.rcpt_tos, each.data, each.username, each.email["Subject"])
        conversation: rsmtp.CaughtConversation
        for conversation in catcher.conversations:
            line: rsmtp.CaughtLine
            for line in conversation.timeline:
                print(conversation.lines, line.at, line.direction, line.text)
        print(catcher.user)
        with inbox.Inbox(catcher, port=0) as page:
            print(page.url)
    with outbox_page.OutboxPage("mail.db", "127.0.0.1", 0, allow_remote=False) as shown:
        print(shown.url, shown.host, shown.port)
    print(rsmtp.Outbox("mail.db", read_only=True).status())


def tested() -> None:
    with testing.SmtpServer(require_auth=True) as server:
        server.fail_next("RCPT", (550, "5.1.1 no such user"), address="bob@example.org")
        print(server.url, server.environment, server.django_settings["EMAIL_HOST"], server.conversation)
        print(server.django_mailers["default"])
        sent: testing.SentMessages = server.messages
        one: testing.SentMessage = sent.to("bob@example.org").only()
        print(one.subject, one.text, one.html, one.attachments, one.tls and one.tls.version)


# -- rsmtp.email: the standard library's names ------------------------------------


def parsed(data: bytes) -> None:
    with Path("a.eml").open("rb") as octets, Path("a.eml").open() as text:
        for each in (
            message_from_bytes(data),
            message_from_string(data.decode()),
            message_from_binary_file(octets),
            message_from_file(text),
            parser.Parser().parsestr("Subject: hi"),
            parser.HeaderParser().parsestr("Subject: hi"),
            parser.BytesParser(policy=policy.default).parsebytes(data),
            parser.BytesHeaderParser().parsebytes(data),
        ):
            print(each["Subject"], each.is_multipart(), [part.get_content_type() for part in each.walk()])
    feed, byte_feed = parser.FeedParser(), parser.BytesFeedParser()
    feed.feed("Subject: hi\n")
    byte_feed.feed(data)
    print(feed.close()["Subject"], byte_feed.close()["Subject"])
    print(feedparser.FeedParser, feedparser.BytesFeedParser)
    print(feedparser.BufferedSubFile, feedparser.NeedMoreData, email_errors.MessageDefect)


def made() -> message.EmailMessage:
    one = message.EmailMessage(policy=policy.SMTP)
    one["Subject"] = "Hello"
    one["From"] = headerregistry.Address("Ann", "ann", "example.org")
    one.set_content("Hello")
    one.add_alternative("<p>Hello</p>", subtype="html")
    one.add_attachment(b"data", maintype="application", subtype="pdf", filename="a.pdf")
    body = one.get_body(("html",))
    print(body and body.get_content(), [part.get_filename() for part in one.iter_attachments()])
    manager: contentmanager.ContentManager = contentmanager.raw_data_manager
    manager.set_content(one, "Hello")
    return one


def mime() -> MIMEMultipart:
    whole = MIMEMultipart("mixed", policy=policy.compat32)
    picture, data = MIMEImage(b"...", "png"), MIMEBase("application", "octet-stream")
    data.set_payload(b"data")
    encoders.encode_base64(data)
    for part in (
        *(MIMEText("Hello", "plain", "utf-8"), picture, data, MIMEApplication(b"data")),
        *(MIMEAudio(b"...", "wav"), MIMENonMultipart("text", "plain"), MIMEMessage(made())),
    ):
        whole.attach(part)
    print(encoders.encode_7or8bit, encoders.encode_noop, encoders.encode_quopri, message.Message)
    for line in iterators.body_line_iterator(whole):
        print(line)
    print(list(iterators.typed_subpart_iterator(whole, "text")), list(iterators.walk(whole)))
    return whole


def fields() -> None:
    subject = header.Header("Grüße", "utf-8")
    print(subject.encode(), header.decode_header("=?utf-8?q?a?="), header.make_header([(b"a", "utf-8")]))
    latin = charset.Charset("iso-8859-1")
    charset.add_charset("x", charset.QP, charset.QP, "x")
    charset.add_alias("y", "x")
    charset.add_codec("x", "latin-1")
    registry: headerregistry.HeaderRegistry = headerregistry.HeaderRegistry()
    base: type[headerregistry.BaseHeader] = headerregistry.BaseHeader
    print(latin.get_output_charset(), registry("To", "a@b.example"), base)
    for field in (
        headerregistry.AddressHeader,
        headerregistry.ContentDispositionHeader,
        headerregistry.ContentTransferEncodingHeader,
        headerregistry.ContentTypeHeader,
        headerregistry.DateHeader,
        headerregistry.MessageIDHeader,
        headerregistry.MIMEVersionHeader,
        headerregistry.ParameterizedMIMEHeader,
        headerregistry.SingleAddressHeader,
        headerregistry.UniqueAddressHeader,
        headerregistry.UniqueDateHeader,
        headerregistry.UniqueSingleAddressHeader,
        headerregistry.UniqueUnstructuredHeader,
        headerregistry.UnstructuredHeader,
    ):
        print(field.parse)
    for each in (policy.default, policy.strict, policy.HTTP, policy.SMTPUTF8, policy.SMTP):
        kind: policy.EmailPolicy = each
        print(kind.max_line_length)
    ours: policy.MailPolicy = policy.mail
    classic: policy.Compat32 = policy.compat32
    either: list[policy.Policy] = [ours, classic]
    print(either)


def helpers(when: datetime.datetime) -> None:
    print(utils.formatdate(localtime=True), utils.make_msgid(domain="example.org"), utils.localtime())
    print(utils.format_datetime(when), utils.parsedate_to_datetime("Thu, 26 Nov 2026 18:00:00 +0000"))
    print(utils.parsedate(""), utils.parsedate_tz(""), utils.formataddr(("Ann", "ann@example.org")))
    print(utils.getaddresses(["a@b.example"]), utils.parseaddr("a@b.example"), utils.unquote('"a"'))
    print(utils.mktime_tz((2026, 11, 26, 18, 0, 0, 0, 0, 0, None)), utils.encode_rfc2231("a", "utf-8"))
    print(utils.decode_rfc2231("utf-8''a"), utils.decode_params([("a", "b")]))
    print(utils.collapse_rfc2231_value(("utf-8", "", "a")))
    print(base64mime.body_encode(b"a"), base64mime.header_encode(b"a"), base64mime.header_length(b"a"))
    print(base64mime.decode("YQ=="), base64mime.body_decode("YQ=="), base64mime.decodestring("YQ=="))
    print(quoprimime.body_encode("a"), quoprimime.header_encode(b"a"), quoprimime.header_length(b"a"))
    print(quoprimime.body_length(b"a"), quoprimime.decode("a"), quoprimime.body_decode("a"))
    print(quoprimime.decodestring("a"), quoprimime.header_decode("a"), quoprimime.quote("="))
    print(quoprimime.unquote("=3D"), generator.Generator, generator.BytesGenerator)
    print(generator.DecodedGenerator)


def what_came_back(octets: bytes, outbox: rsmtp.Outbox, secret: str) -> None:
    verp: rsmtp.Verp = rsmtp.Verp("bounces@example.com", [secret, b"an older secret of 16"], delimiter="+")
    returned: rsmtp.Returned | None = verp.read(verp.sender("bob@example.org", number=7))
    if returned is not None:
        print(returned.recipient, returned.number, returned.is_for("bob@example.org"), verp.address)
    found: rsmtp.Bounce | None = rsmtp.bounce(octets)
    if found is not None:
        recipients: list[rsmtp.BouncedRecipient] = found.recipients
        addresses: list[str] = found.hard + found.soft + found.refused + found.came_to
        print(recipients, addresses, found.kind == "complaint", found.envid, found.to_dict())
        for one in recipients:
            print(one.hardness == "hard", one.hard, one.sent_to, one.advice, one.to_dict())
        applied = outbox.bounced(found, verp=verp)
        print(applied and [one.suppressed for one in applied.applied])
    with rsmtp.Mailer("smtp://localhost", verp=verp) as mailer:
        mailer.send_all(verp.each(rsmtp.Message("Hi")))
    links: rsmtp.Unsubscribe = rsmtp.Unsubscribe(secret, "https://example.com/u", good_for=3600)
    who: rsmtp.Unsubscribed | None = links.read(links.url("bob@example.org", list="news"))
    print(who and (who.address, who.list), links.asgi(print))
    several: types.Secrets = [secret]
    print(
        several, links.wsgi(lambda who: outbox.suppress(who.address), page=lambda who, left: f"{who} {left}")
    )
