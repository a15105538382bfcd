"""Send email from Python: the API of smtplib and email.mime, over a Rust engine.

Every name is loaded on first use, because the package is also imported by programs that may
never send anything. pytest, for example, imports it for the plugin.
"""
# ruff: noqa: F405  the names of the star import, listed again for type checkers

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from rsmtp import (
        advice,
        aio,
        aiosmtplib,
        credentials,
        email,
        errors,
        inbox,
        outbox,
        outbox_page,
        providers,
        smtplib,
        testing,
        typing,
    )
    from rsmtp._aio.mailer import AsyncMailer
    from rsmtp._aio.sending import AsyncSending
    from rsmtp._bounces.reading import bounce
    from rsmtp._bounces.result import Bounce, BouncedRecipient
    from rsmtp._client.transcript import Transcript
    from rsmtp._content.identification import thread_of
    from rsmtp._content.tables import Table, table
    from rsmtp._content.template import Template
    from rsmtp._domain.check import DomainReport, check_domain
    from rsmtp._lint.finding import Finding, Findings, LintError
    from rsmtp._lint.run import lint
    from rsmtp._mailer.feeding import BadRow
    from rsmtp._mailer.one_call import asend, send
    from rsmtp._mailer.progress import Progress
    from rsmtp._mailer.report import Report
    from rsmtp._mailer.verification import Verification
    from rsmtp._merge.looking import DryRun, Preview
    from rsmtp._merge.merge import Merge, RowError, merge
    from rsmtp._protect.openpgp import OpenPgp
    from rsmtp._protect.smime import Smime
    from rsmtp._rsmtp import (
        ArmedFault,
        Catcher,
        CaughtConversation,
        CaughtLine,
        CaughtMessage,
        CaughtTls,
        Certificate,
        Dkim,
        DnsRecord,
        Receipt,
        Recipient,
        TlsConfig,
        TlsFacts,
        TranscriptLine,
        __version__,
        formataddr,
    )
    from rsmtp._tokens.unsubscribe import Unsubscribe, Unsubscribed
    from rsmtp._tokens.verp import Returned, Verp
    from rsmtp.aio import AsyncSmtpClient
    from rsmtp.client import SmtpClient
    from rsmtp.display.preview import MessagePreview
    from rsmtp.envelope import DeliverBy, Dsn, Envelope, Rcpt
    from rsmtp.errors import *  # noqa: F403
    from rsmtp.invite import Invite
    from rsmtp.mailer import Mailer
    from rsmtp.message import Message
    from rsmtp.outbox import Outbox

__all__ = [
    "ArmedFault",
    "AsyncMailer",
    "AsyncSending",
    "AsyncSmtpClient",
    "BadRow",
    "Bounce",
    "BouncedRecipient",
    "Catcher",
    "CaughtConversation",
    "CaughtLine",
    "CaughtMessage",
    "CaughtTls",
    "Certificate",
    "DeliverBy",
    "Dkim",
    "DnsRecord",
    "DomainReport",
    "DryRun",
    "Dsn",
    "Envelope",
    "Finding",
    "Findings",
    "Invite",
    "LintError",
    "Mailer",
    "Merge",
    "Message",
    "MessagePreview",
    "OpenPgp",
    "Outbox",
    "Preview",
    "Progress",
    "Rcpt",
    "Receipt",
    "Recipient",
    "Report",
    "Returned",
    "RowError",
    "SMTPAuthenticationError",
    "SMTPCertificateError",
    "SMTPConnectError",
    "SMTPConnectionRefused",
    "SMTPContentError",
    "SMTPDataError",
    "SMTPException",
    "SMTPGreetingError",
    "SMTPHeloError",
    "SMTPHostNotFound",
    "SMTPNonASCIIAddress",
    "SMTPNotSupportedError",
    "SMTPProtocolError",
    "SMTPRecipientsRefused",
    "SMTPResponseException",
    "SMTPSenderRefused",
    "SMTPServerDisconnected",
    "SMTPStateError",
    "SMTPTLSError",
    "SMTPTimeoutError",
    "SMTPUnreachable",
    "Smime",
    "SmtpClient",
    "Table",
    "Template",
    "TlsConfig",
    "TlsFacts",
    "Transcript",
    "TranscriptLine",
    "Unsubscribe",
    "Unsubscribed",
    "Verification",
    "Verp",
    "__version__",
    "advice",
    "aio",
    "aiosmtplib",
    "asend",
    "bounce",
    "check_domain",
    "credentials",
    "email",
    "errors",
    "formataddr",
    "inbox",
    "lint",
    "merge",
    "outbox",
    "outbox_page",
    "providers",
    "send",
    "smtplib",
    "table",
    "testing",
    "thread_of",
    "typing",
]

_MODULES = (
    "advice",
    "aio",
    "aiosmtplib",
    "credentials",
    "email",
    "errors",
    "inbox",
    "outbox",
    "outbox_page",
    "providers",
    "smtplib",
    "testing",
    "typing",
)
# The module of each other name; a name that is not listed is in `errors`.
_HOMES = {
    "AsyncMailer": "_aio.mailer",
    "AsyncSending": "_aio.sending",
    "AsyncSmtpClient": "aio",
    "Bounce": "_bounces.result",
    "BouncedRecipient": "_bounces.result",
    "DeliverBy": "envelope",
    "DomainReport": "_domain.check",
    "Dsn": "envelope",
    "Envelope": "envelope",
    "Finding": "_lint.finding",
    "Findings": "_lint.finding",
    "BadRow": "_mailer.feeding",
    "DryRun": "_merge.looking",
    "Invite": "invite",
    "LintError": "_lint.finding",
    "Mailer": "mailer",
    "Merge": "_merge.merge",
    "Message": "message",
    "MessagePreview": "display.preview",
    "Outbox": "outbox",
    "Progress": "_mailer.progress",
    "Rcpt": "envelope",
    "Preview": "_merge.looking",
    "Report": "_mailer.report",
    "RowError": "_merge.merge",
    "Returned": "_tokens.verp",
    "OpenPgp": "_protect.openpgp",
    "Smime": "_protect.smime",
    "SmtpClient": "client",
    "Transcript": "_client.transcript",
    "Unsubscribe": "_tokens.unsubscribe",
    "Unsubscribed": "_tokens.unsubscribe",
    "Verification": "_mailer.verification",
    "Verp": "_tokens.verp",
    "asend": "_mailer.one_call",
    "check_domain": "_domain.check",
    "lint": "_lint.run",
    "merge": "_merge.merge",
    "bounce": "_bounces.reading",
    "send": "_mailer.one_call",
    "Table": "_content.tables",
    "Template": "_content.template",
    "table": "_content.tables",
    "thread_of": "_content.identification",
} | dict.fromkeys(
    (
        "ArmedFault",
        "Catcher",
        "CaughtConversation",
        "CaughtLine",
        "CaughtMessage",
        "CaughtTls",
        "Certificate",
        "Dkim",
        "DnsRecord",
        "Receipt",
        "Recipient",
        "TlsConfig",
        "TlsFacts",
        "TranscriptLine",
        "__version__",
        "formataddr",
    ),
    "_rsmtp",
)


def _load(name: str) -> "Any":
    """What importlib.import_module(name) returns, without loading importlib."""
    __import__(name)
    return sys.modules[name]


if not TYPE_CHECKING:  # type checkers know the names, and complain about others

    def __getattr__(name: str) -> "Any":
        if name not in __all__:
            near = f": it is rsmtp.smtplib.{name}" if name in ("SMTP", "SMTP_SSL", "LMTP") else ""
            raise AttributeError(f"module 'rsmtp' has no attribute {name!r}{near}")
        if name in _MODULES:
            return _load(f"rsmtp.{name}")
        found = getattr(_load(f"rsmtp.{_HOMES.get(name, 'errors')}"), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*__all__, "__all__", "__doc__", "__file__", "__name__", "__path__"})
