"""What block lists, and the filters that stand before many receivers, say."""

from functools import partial

from rsmtp.advice.row import Advice, Receiver

SPAMHAUS = Receiver("Spamhaus", (), r"spamhaus")
BARRACUDA = Receiver("Barracuda", (), r"barracuda")
PROOFPOINT = Receiver("Proofpoint", ("pphosted.com", "ppe-hosted.com"), r"proofpoint")
MIMECAST = Receiver("Mimecast", ("mimecast.com",), r"mimecast")

_READ = "2026-11-27"
_LISTED = r"blocked|black ?list|block ?list|listed|rejected|refused|denied"

_spamhaus = partial(Advice, read=_READ, receiver=SPAMHAUS)
_mimecast = partial(
    Advice,
    source="https://mimecastsupport.zendesk.com/hc/en-us/articles/34000709564691-Policies-Mimecast-SMTP-Error-Codes",
    read=_READ,
    receiver=MIMECAST,
)

ROWS = (
    _spamhaus(
        "spamhaus-open-resolver",
        "the receiver asks the list in a way that Spamhaus does not answer, and takes that for a listing: "
        "nothing is wrong with the sender.",
        "Tell the receiver's administrator another way; the link in the words is for them.",
        "https://www.spamhaus.org/returnc/vol/",
        words=r"spamhaus\.org/returnc|open resolver|127\.255\.255\.",
    ),
    _spamhaus(
        "spamhaus-domain",
        "a domain in the message, or the sender's, is on the domain block list.",
        "Look up each domain at https://check.spamhaus.org: the sender's, and those of the links.",
        "https://www.spamhaus.org/faqs/dnsbl-usage/",
        words=r"\bDBL\b|/query/domain/",
    ),
    _spamhaus(
        "spamhaus-policy",
        "the sending address belongs to a network from which no mail server should send, a home's say (PBL).",
        "Send through your provider's relay, with a login.",
        "https://www.spamhaus.org/faqs/dnsbl-usage/",
        words=r"\bPBL\b|pbl\.spamhaus",
    ),
    _spamhaus(
        "spamhaus-listed",
        "the sending address is on a block list that the receiver asks.",
        "Look it up at https://check.spamhaus.org, mend what it says (often a program that sends "
        "unknown to you), and ask for removal there.",
        "https://www.spamhaus.org/faqs/dnsbl-usage/",
        words=_LISTED,
    ),
    Advice(
        "barracuda-listed",
        "the sending address has a poor reputation there, or the message was taken for spam.",
        "Look the address up at https://www.barracudacentral.org/lookups, and ask for removal there.",
        "https://luxsci.com/blog/?p=16857",
        _READ,
        BARRACUDA,
        words=_LISTED,
    ),
    Advice(
        "proofpoint-blocked",
        "the sending address is blocked by its reputation.",
        "Look it up at https://ipcheck.proofpoint.com, and ask for removal there.",
        "https://www.suped.com/email-deliverability/answers/how-to-get-proofpoint-to-unblock-my-ip-address",
        _READ,
        PROOFPOINT,
        words=_LISTED,
    ),
    _mimecast(
        "mimecast-greylisted",
        "senders that are new there have to try again: that is greylisting.",
        "Try again after a minute, and for up to 12 hours; an outbox does.",
        codes=(451,),
        about="time",
    ),
    _mimecast(
        "mimecast-policy",
        "a policy of the recipient's organisation refuses the message.",
        "Only their administrator can change it: ask them another way.",
        codes=(550, 554),
    ),
    Advice(
        "listed",
        "The sending address is on a block list that the receiver asks.",
        "Look it up on the page of the list that the words name, mend what it says, and ask for removal "
        "there.",
        "https://www.rfc-editor.org/rfc/rfc5782",
        _READ,
        words=r"(?:blocked|listed|rejected)\b.{0,80}?\b(?:using|by|in|on|at)\b.{0,60}?"
        r"(?:rbl|dnsbl|block ?list|black ?list|\bbl\.|spamcop|uceprotect|sorbs|abusix|manitu)",
    ),
)
