"""What codes and words mean with many servers. The enhanced codes are those of RFC 3463 and of the
registry that RFC 5248 began."""

from functools import partial

from rsmtp.advice.row import Advice

_RFC_3463 = "https://www.rfc-editor.org/rfc/rfc3463"
_RFC_5321 = "https://www.rfc-editor.org/rfc/rfc5321"
_RFC_6647 = "https://www.rfc-editor.org/rfc/rfc6647"
_RFC_7372 = "https://www.rfc-editor.org/rfc/rfc7372"
_RFC_7489 = "https://www.rfc-editor.org/rfc/rfc7489"
_RFC_7505 = "https://www.rfc-editor.org/rfc/rfc7505"

_general = partial(Advice, read="2026-11-27")

_NO_MAILBOX = (
    "There is no such mailbox.",
    "Check the spelling, or take the address off your lists.",
)
_FULL = (
    "The mailbox is full.",
    "Tell the recipient another way; one that stays full for weeks belongs on no list.",
)
_TOO_LARGE = (
    "The message is larger than this server takes. Base64 makes attachments a third larger.",
    "Send links in place of attachments.",
)
_GREYLISTED = (
    "Senders that are new here have to try again: that is greylisting.",
    "Try again after some minutes, from the same address; an outbox does.",
)
_REVERSE_DNS = (
    "The sending address has no name in the DNS (PTR), or that name does not lead back to it.",
    "Let the address's owner set a PTR record, and an A or AAAA record of that name.",
)
_SPF = (
    "The SPF record of the envelope sender's domain does not name the sending address.",
    "Add the address to the record, or send through a server that stands there.",
)
_DKIM = (
    "The message has no DKIM signature that passes.",
    "Sign with DKIM (Mailer(dkim=...)), and see that the key's record is published.",
)
_DMARC = (
    "The DMARC policy of From's domain asks for mail to be refused that neither SPF nor DKIM of that domain "
    "vouches for.",
    "Sign with DKIM for From's own domain, or send through a server that the domain has named.",
)

ROWS = (
    _general(
        "sender-domain-in-words",
        "The sender's address can't be verified: its domain is not found, or its server does not know it.",
        "Use a sender that exists, in a domain with an MX, A or AAAA record.",
        _RFC_5321,
        words=r"sender\b.{0,60}?\b(?:domain not found|does not (?:exist|resolve)|verif\w+ failed)"
        r"|domain of sender address|callout",
    ),
    _general(
        "greylisted",
        *_GREYLISTED,
        _RFC_6647,
        codes=(421, 450, 451),
        words=r"gr[ae]y.?list|try again in \d+|retry in \d+|please retry after|deferred for \d+",
        about="time",
    ),
    _general(
        "no-mailbox",
        *_NO_MAILBOX,
        _RFC_3463,
        enhanced=("5.1.1",),
        about="recipient",
    ),
    _general(
        "no-domain",
        "The recipient's domain has no mail server, or does not exist.",
        "Check what stands behind the @.",
        _RFC_3463,
        enhanced=("5.1.2", "5.4.4"),
        about="recipient",
    ),
    _general(
        "takes-no-mail",
        "The recipient's domain says that it takes no mail at all (null MX).",
        "Take the address off your lists.",
        _RFC_7505,
        enhanced=("5.1.10",),
        about="recipient",
    ),
    _general(
        "sender-takes-no-mail",
        "The sender's domain says that it takes no mail (null MX): this server wants senders that can be "
        "answered.",
        "Use an envelope sender in a domain that takes mail.",
        _RFC_7505,
        enhanced=("5.7.27",),
    ),
    _general(
        "bad-address",
        "The address is not well formed for this server.",
        "Check its spelling; some servers take ASCII only.",
        _RFC_3463,
        enhanced=("5.1.3",),
        about="recipient",
    ),
    _general(
        "address-local",
        "The recipient's address has no domain, and the server has no such mailbox of its own.",
        "Write the whole address, as in bob@example.org.",
        _RFC_5321,
        words=r"recipient address (?:must contain a domain|rejected: need fully.qualified address)",
        about="recipient",
    ),
    _general(
        "moved",
        "The mailbox has moved, and its mail is not forwarded.",
        "Ask the recipient for the new address.",
        _RFC_3463,
        enhanced=("5.1.6",),
        about="recipient",
    ),
    _general(
        "no-mailbox-in-words",
        *_NO_MAILBOX,
        _RFC_5321,
        codes=(550, 551, 552, 553, 554, 511),
        words=r"(?:user|mailbox|recipient|account|address|adress\w*|boîte)\b.{0,60}?\b(?:unknown|invalid"
        r"|unavailable|inactive|disabled|discontinued|no longer"
        r"|(?:not|\w+n't) (?:be )?(?:exist|found|known|listed|a valid)|n'existe|existiert nicht|no existe"
        r"|non esiste)|(?:unknown|no such|invalid) (?:user"
        r"|mailbox|recipient|address|local part|final delivery)|no mail ?box (?:here|found|available)"
        r"|not a known (?:user|mailbox|address)|deactivated (?:user|mailbox|account)|bad[ _]recipient"
        r"|no account by that name|doesn't have an? \S+ account|no matches to|did not exactly match"
        r"|not have a final email delivery point|recipient name is not recognized|no valid recipients"
        r"|(?<!sender )address rejected\.?\s*$",
        about="recipient",
    ),
    _general(
        "sender-domain",
        "The envelope sender's domain can't be found, or takes no mail.",
        "Use a sender whose domain has an MX, A or AAAA record.",
        _RFC_3463,
        enhanced=("?.1.8", "?.1.7"),
    ),
    _general(
        "mailbox-busy",
        "The mailbox takes no mail for now.",
        "The same may be taken later. If that lasts for days, tell the recipient another way.",
        _RFC_3463,
        enhanced=("4.2.1",),
        about="time",
    ),
    _general(
        "mailbox-off",
        "The mailbox is switched off.",
        "Take the address off your lists, unless its owner says otherwise.",
        _RFC_3463,
        enhanced=("5.2.1",),
        about="recipient",
    ),
    _general(
        "full",
        *_FULL,
        _RFC_3463,
        enhanced=("?.2.2",),
        about="time",
    ),
    _general(
        "full-in-words",
        *_FULL,
        _RFC_5321,
        words=r"(?:mail ?box|folder) (?:is )?full|full mailbox|over ?(?:disk |its |their )?quota|disk quota"
        r"|quota (?:exceeded|violation|is full)|exceed\w* .{0,20}(?:quota|storage)|storage (?:exceeded"
        r"|allocation)|space not enough|too many messages on the server",
        about="time",
    ),
    _general("too-large", *_TOO_LARGE, _RFC_3463, enhanced=("?.3.4", "?.2.3")),
    _general(
        "too-large-in-words",
        *_TOO_LARGE,
        _RFC_5321,
        words=r"message (?:size exceeds|is too large|too large|is too big|too big)"
        r"|exceed\w* .{0,40}message size|message size exceed|exceed\w* .{0,30}size limit",
    ),
    _general(
        "not-reached",
        "The recipient's server could not be reached for long.",
        "Send again later, or tell the recipient another way: its name or its server may be out of order.",
        _RFC_5321,
        about="time",
        words=r"(?:could not|wasn't able to|unable to|cannot) (?:connect|establish an smtp)"
        r"|connection (?:timed out|refused|to mail exchanger failed)|did(?: not|n't) respond"
        r"|in the queue too long|failed \d+ attempts|not been collected|maximum-time-expired"
        r"|maximum delivery attempts|host not found, try again|timed? ?out",
    ),
    _general(
        "no-domain-in-words",
        "The recipient's domain has no mail server, or does not exist.",
        "Check what stands behind the @.",
        _RFC_5321,
        about="recipient",
        words=r"(?:unknown host|host unknown|host not found|name service error|domain (?:does not exist"
        r"|not found|unknown)|couldn't find any host|no such domain|unrouteable|could not find a gateway"
        r"|host \S+ not found|no mx (?:record )?found|no mx record|no smtp service|does not accept mail"
        r"|domain is not reachable|name or service not known)",
    ),
    _general(
        "loop-in-words",
        "The message goes in a circle: each server hands it to the next one.",
        "Its recipient's forwarding, or a domain's MX records, have to be mended there.",
        _RFC_5321,
        words=r"too many hops|looping|mail loop",
    ),
    _general(
        "system-full",
        "The server has no room for mail for the time being.",
        "Try again later; an outbox does.",
        _RFC_3463,
        enhanced=("4.3.1",),
        about="time",
    ),
    _general(
        "loop",
        "The message goes in a circle: each server hands it to the next one.",
        "Its recipient's forwarding, or a domain's MX records, have to be mended there.",
        _RFC_3463,
        enhanced=("?.4.6", "5.4.14"),
    ),
    _general(
        "expired",
        "A server has tried for its whole time, and gives up.",
        "The recipient's server can't be reached: send again later, or tell them another way.",
        _RFC_3463,
        enhanced=("?.4.7",),
        about="time",
    ),
    _general(
        "too-many-recipients",
        "The message has more recipients than this server takes at a time.",
        "Send it in parts: a Mailer with provider= does, and so does one to a server that announces LIMITS.",
        _RFC_3463,
        enhanced=("?.5.3",),
        about="time",
    ),
    _general(
        "too-many-connections",
        "More sessions, or more messages, come from here than this server takes at a time.",
        "Use fewer sessions (Mailer(connections=1)) and a rate (Mailer(rate=...)).",
        _RFC_5321,
        codes=(421, 450, 451, 452),
        words=r"too many (?:\w+ )?(?:connections|sessions|messages|emails)|rate limit|throttl|slow down",
        about="time",
    ),
    _general(
        "not-converted",
        "The message has content that this server, or the next one, can't take and may not change.",
        "Send it in ASCII: without utf8 addresses, and with 7-bit parts.",
        _RFC_3463,
        enhanced=("?.6.3", "?.6.7", "?.6.9"),
    ),
    _general(
        "relay-denied",
        "The server takes mail for this recipient from users that it knows only.",
        "Log in, or send to the server that the recipient's MX records name.",
        _RFC_3463,
        codes=(550, 551, 553, 554, 530, 454),
        words=r"relay(?:ing)?\b.{0,30}\b(?:denied|not permitted|not allowed|prohibited)|unable to relay"
        r"|not permitted to relay",
    ),
    _general("dkim-in-rfc", *_DKIM, _RFC_7372, enhanced=("?.7.20", "?.7.21", "?.7.22")),
    _general(
        "dkim",
        *_DKIM,
        _RFC_7372,
        codes=(550, 554),
        words=r"DKIM.{0,60}(?:fail|did not pass|invalid|missing|required)",
    ),
    _general("spf-in-rfc", *_SPF, _RFC_7372, enhanced=("?.7.23", "?.7.24")),
    _general(
        "spf",
        *_SPF,
        _RFC_7372,
        words=r"\bSPF\b.{0,60}(?:fail|not pass|not permitted|reject|denied|policy|unauthorized)|openspf"
        r"|(?:fail|reject|blocked|due to)\w*.{0,30}\bSPF\b",
    ),
    _general(
        "reverse-dns",
        *_REVERSE_DNS,
        _RFC_7372,
        words=r"reverse (?:dns|host|lookup)|cannot find your (?:reverse )?host|\bPTR\b|\brdns\b"
        r"|unknown client host",
    ),
    _general("reverse-dns-in-rfc", *_REVERSE_DNS, _RFC_7372, enhanced=("?.7.25",)),
    _general(
        "not-authentic",
        "The message failed several of the checks by which the receiver tells whose it is.",
        "Have SPF, DKIM and DMARC pass for From's domain.",
        _RFC_7372,
        enhanced=("?.7.26",),
    ),
    _general("dmarc", *_DMARC, _RFC_7489, words=r"\bDMARC\b"),
    _general(
        "requiretls",
        "The next server does not promise to keep the message under TLS.",
        "Send it without require_tls, or another way.",
        "https://www.rfc-editor.org/rfc/rfc8689",
        enhanced=("5.7.30",),
        words=r"REQUIRETLS",
    ),
    _general(
        "tls-required",
        "The server takes mail over TLS only.",
        'Use TLS: smtp:// URLs and tls="starttls" do.',
        "https://www.rfc-editor.org/rfc/rfc3207",
        words=r"must issue a? ?STARTTLS|TLS (?:is )?required|encryption (?:is )?required",
    ),
    _general(
        "spam",
        "A filter takes the message for spam.",
        "Look at its links and its words, have SPF, DKIM and DMARC, and ask the receiver's postmaster.",
        _RFC_3463,
        codes=(550, 552, 554, 571, 421, 451),
        words=r"\bspam\b|unsolicited|junk|content (?:rejected|filter)",
    ),
    _general(
        "virus",
        "A filter takes an attachment for malware, or for a kind of file that is blocked.",
        "Scan it; put programs and archives elsewhere, and send a link.",
        _RFC_3463,
        codes=(550, 552, 554),
        words=r"virus|malware|infected|banned (?:file|content)|blocked (?:file|attachment)",
    ),
    _general(
        "ehlo-name",
        "The server does not like the name that this client gives in EHLO.",
        "Give a full domain name that leads to the sending address: Mailer(local_hostname=...).",
        _RFC_5321,
        words=r"(?:helo|ehlo)\b.{0,60}?\b(?:invalid|rejected|fully.qualified|not found|bogus|mismatch)"
        r"|invalid helo|need fully.qualified hostname",
    ),
    _general(
        "policy",
        "A rule of the receiver's refuses the message, or its sender.",
        "Its words may say which. Have SPF, DKIM and DMARC, and ask the receiver's postmaster.",
        _RFC_3463,
        enhanced=("?.7.1", "?.7.0"),
    ),
)
