"""What Gmail says. The page was read in a copy of that day."""

from functools import partial

from rsmtp.advice.row import Advice, Receiver

GMAIL = Receiver("Gmail", ("google.com", "gmail.com", "googlemail.com"), r"\bgsmtp\b|support\.google\.com")

_gmail = partial(
    Advice, source="https://support.google.com/a/answer/3726730", read="2026-02-15", receiver=GMAIL
)
_PTR = "Let the address's owner set a PTR record, and an A or AAAA record of that name."

ROWS = (
    _gmail(
        "gmail-unauthenticated",
        "neither SPF nor DKIM passed, and Gmail takes no mail without one of them.",
        "Sign with DKIM (Mailer(dkim=...)), or let the domain's SPF record name the sending address.",
        enhanced=("?.7.26",),
    ),
    _gmail(
        "gmail-dmarc-policy",
        "the DMARC policy of From's domain asks for mail to be refused that neither SPF nor DKIM of that "
        "domain vouches for.",
        "Sign with DKIM for From's own domain, or send through a server that the domain has named.",
        enhanced=("?.7.26",),
        words=r"DMARC policy",
    ),
    _gmail(
        "gmail-spf-hard-fail",
        "the SPF record of the envelope sender's domain ends in -all and does not name the sending address.",
        "Add the sending address to the SPF record, or send through a server that stands there.",
        enhanced=("?.7.26",),
        words=r"hard fail",
    ),
    _gmail(
        "gmail-spf",
        "SPF did not pass, which Gmail wants of bulk senders.",
        "Let the SPF record of the envelope sender's domain name the sending address.",
        enhanced=("?.7.27",),
    ),
    _gmail(
        "gmail-dkim",
        "DKIM did not pass, which Gmail wants of bulk senders.",
        "Sign with DKIM (Mailer(dkim=...)), and see that the key's record is published.",
        enhanced=("?.7.30",),
    ),
    _gmail(
        "gmail-no-dmarc",
        "the sending domain has no DMARC record, or one without a policy.",
        "Publish one at _dmarc.DOMAIN; v=DMARC1; p=none is enough to begin with.",
        enhanced=("?.7.31", "?.7.40"),
        words=r"DMARC",
    ),
    _gmail(
        "gmail-alignment",
        "From's domain is neither that of the DKIM signature nor that of the envelope sender (alignment).",
        "Sign with DKIM for From's own domain, or use an envelope sender of that domain.",
        enhanced=("?.7.32",),
    ),
    _gmail(
        "gmail-reverse-dns",
        "the sending address has no name in the DNS (PTR), or that name does not lead back to it.",
        _PTR,
        enhanced=("?.7.23", "?.7.25"),
    ),
    _gmail(
        "gmail-reverse-dns-in-words",
        "the sending address has no name in the DNS (PTR), or that name does not lead back to it.",
        _PTR,
        enhanced=("4.7.0", "5.7.1"),
        words=r"PTR record",
    ),
    _gmail(
        "gmail-spf-suspicious",
        "the SPF record of the sending domain has entries that Gmail finds suspicious.",
        "Read the record again: it should name your own servers and relays, and no large networks.",
        enhanced=("?.7.24",),
    ),
    _gmail(
        "gmail-rate",
        "more unsolicited mail than usual comes from this address, domain or link.",
        "Send less at a time (Mailer(rate=...)), only to people who asked for it, and watch the complaints "
        "in Google's Postmaster Tools.",
        enhanced=("?.7.28",),
        about="time",
    ),
    _gmail(
        "gmail-tls",
        "the message came without TLS, which Gmail wants of bulk senders.",
        'Use TLS on the way to Gmail: smtp:// URLs and tls="starttls" do.',
        enhanced=("?.7.29",),
    ),
    _gmail(
        "gmail-tls-for-domain",
        "the recipient's domain takes mail over TLS only.",
        'Use TLS: smtp:// URLs and tls="starttls" do.',
        enhanced=("4.7.0",),
        words=r"TLS required",
    ),
    _gmail(
        "gmail-spam",
        "Gmail takes the message for spam: by its content, its links, or by the reputation of the address "
        "or domain that it comes from.",
        "Send only to people who asked for it, keep complaints under 0.3 %, and look at the reputation in "
        "Google's Postmaster Tools.",
        enhanced=("4.7.0", "5.7.1"),
        words=r"unsolicited|very low reputation|suspicious",
    ),
    _gmail(
        "gmail-form",
        "the message's header breaks RFC 5322: a field is missing, malformed, or there twice.",
        "Build it with rsmtp.Message, or mend the field that the words name.",
        enhanced=("5.7.1", "5.6.0"),
        words=r"RFC 5322|header|malformed",
    ),
    _gmail(
        "gmail-recipient-rate",
        "this mailbox is getting more mail than Gmail delivers to it for the time being.",
        "Wait for some hours before the next attempt.",
        enhanced=("?.2.1",),
        words=r"receiving e?mail (?:too quickly|at a rate)",
        about="time",
    ),
    _gmail(
        "gmail-full",
        "the recipient's storage at Google is used up.",
        "Tell them another way; a mailbox that stays full for weeks belongs on no list.",
        enhanced=("?.2.2",),
        about="time",
    ),
    _gmail(
        "gmail-inactive",
        "the account is switched off.",
        "Take the address off your lists.",
        enhanced=("5.2.1",),
        about="recipient",
    ),
    _gmail(
        "gmail-no-account",
        "there is no such account.",
        "Check the spelling, or take the address off your lists: many of these cost a sender's reputation.",
        enhanced=("5.1.1",),
        about="recipient",
    ),
    _gmail(
        "gmail-blocked-file",
        "an attachment or a link is of a kind that Gmail blocks: programs, scripts, archives with such.",
        "Put the file elsewhere, and send a link.",
        enhanced=("5.7.0",),
        words=r"security issue|BlockedMessage",
    ),
    _gmail(
        "gmail-size",
        "the message or its header is larger than Gmail takes.",
        "Send links in place of attachments.",
        enhanced=("5.3.4", "5.2.3"),
    ),
    _gmail(
        "gmail-daily-limit",
        "the account has sent as much as it may in 24 hours.",
        "Wait until tomorrow, or send by a relay that takes more; Mailer(per_day=...) keeps to a limit.",
        enhanced=("5.4.5",),
        about="time",
    ),
    _gmail(
        "gmail-relay",
        "Google's relay does not know this client as one of your organisation's.",
        "Register its address in the Workspace relay's settings, or log in.",
        enhanced=("5.7.0", "5.7.1"),
        words=r"relay denied|credentials for relay",
    ),
    _gmail(
        "gmail-domain-policy",
        "a rule that the recipient's organisation has made refuses the message.",
        "Only their administrator can change it: ask them another way.",
        enhanced=("5.7.1",),
        words=r"policy that prohibits|\bgcdp\b",
    ),
    _gmail(
        "gmail-not-directly",
        "the sending address belongs to a network from which no mail server sends, a home's say.",
        "Send through your provider's relay, with a login.",
        enhanced=("5.7.1",),
        words=r"not authorized to send e?mail directly",
    ),
)
