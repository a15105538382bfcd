"""What Outlook.com and Microsoft 365 say."""

from functools import partial

from rsmtp.advice.row import Advice, Receiver

MICROSOFT = Receiver(
    "Microsoft",
    ("outlook.com", "hotmail.com", "live.com", "msn.com", "office365.com"),
    # The details from 500 on are its own.
    r"\b(?:protection|prod)\.outlook\.com|sender\.office\.com|go\.microsoft\.com|mail\.live\.com"
    r"|\b[45]\.7\.[5-7]\d\d\b",
)
_NDR = "https://learn.microsoft.com/exchange/troubleshoot/email-delivery/ndr/non-delivery-reports-in-exchange-online"
_NDR_700 = (
    "https://learn.microsoft.com/exchange/mail-flow-best-practices/non-delivery-reports-in-exchange-online/"
    "fix-error-code-5-7-700-through-5-7-750"
)

_microsoft = partial(Advice, read="2026-11-27", receiver=MICROSOFT)

ROWS = (
    _microsoft(
        "microsoft-authentication",
        "the domain in From sends much mail to Outlook.com, and SPF, DKIM or DMARC did not pass.",
        "Have all three: SPF and DKIM have to pass, one of them aligned with From, and a DMARC record has "
        "to be there (p=none at least).",
        "https://support.microsoft.com/topic/fix-ndr-error-550-5-7-515-in-outlook-com-"
        "34cfe8f8-6fbf-457e-9e8b-9e4dbaf4e0ef",
        enhanced=("5.7.515",),
    ),
    _microsoft(
        "microsoft-block-list",
        "the sending address, or its network, is on Outlook.com's own block list.",
        "Ask for its removal in Microsoft's form for senders, with the code in brackets, and look at the "
        "address in Microsoft's SNDS.",
        "https://wordtothewise.com/2017/10/troubleshooting-and-codes",
        words=r"on our block ?list|\((?:AS|S)31[3-6]0",
    ),
    _microsoft(
        "microsoft-banned-address",
        "the sending address is blocked for all of Microsoft 365.",
        "Find out what was sent from it, then ask for its removal at https://sender.office.com.",
        "https://smtpfieldmanual.com/spamfilter/exchangeonline",
        words=r"\b5\.7\.(?:511|60[6-9]|6[1-4]\d)\b|banned sending IP",
    ),
    _microsoft(
        "microsoft-traffic-not-accepted",
        "Microsoft 365 takes no mail from this address, often since the tenant that sends is new or on "
        "trial.",
        "The sending tenant's administrator has to look at its restricted users, and to ask Microsoft's "
        "support.",
        _NDR_700,
        enhanced=("5.7.708",),
    ),
    _microsoft(
        "microsoft-tenant-threshold",
        "your organisation at Microsoft 365 has sent too much bulk mail or spam, and is blocked.",
        "Find the account or server that sends it, then have Microsoft's support remove the block.",
        _NDR_700,
        enhanced=("5.7.705",),
    ),
    _microsoft(
        "microsoft-dmarc-policy",
        "the DMARC policy of From's domain asks for mail to be refused that neither SPF nor DKIM of that "
        "domain vouches for.",
        "Sign with DKIM for From's own domain, or send through a server that the domain has named.",
        _NDR,
        words=r"DMARC",
    ),
    _microsoft(
        "microsoft-busy",
        "Microsoft slows this address down: it is new there, sends in bursts, or has a poor reputation.",
        "Send less at a time (Mailer(rate=..., connections=1)), and let an outbox try again.",
        "https://smtpfieldmanual.com/spamfilter/exchangeonline",
        words=r"\b4\.7\.[56]\d\d\b",
        about="time",
    ),
    _microsoft(
        "microsoft-no-recipient",
        "there is no such address in the recipient's organisation.",
        "Check the spelling, or take the address off your lists.",
        _NDR,
        enhanced=("5.1.10", "5.5.0", "5.4.1"),
        words=r"RecipientNotFound|Recipient not found|mailbox unavailable|Recipient address rejected",
        about="recipient",
    ),
    _microsoft(
        "microsoft-spamhaus",
        "the sending address, or the name that it gives in EHLO, is on a list of Spamhaus.",
        "Look it up at https://check.spamhaus.org, mend what it says, and ask for removal there.",
        "https://smtp.codes/exchangeonline",
        words=r"spamhaus",
    ),
    _microsoft(
        "microsoft-anonymous",
        "the server takes mail from this client after a login only.",
        "Log in; or let the recipient's administrator allow senders from outside.",
        "https://www.easy365manager.com/office-365-ndr-error-codes/",
        enhanced=("5.7.57",),
    ),
    _microsoft(
        "microsoft-message-rate",
        "this mailbox is getting more messages than it can store at a time.",
        "Try again in some minutes; an outbox does.",
        _NDR,
        codes=(432,),
        words=r"thread limit exceeded",
        about="time",
    ),
)
