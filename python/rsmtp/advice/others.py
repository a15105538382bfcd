"""What Yahoo, iCloud, and some providers in Europe and America say. The day is the one on which the
page was read, or on which the copy of it was made that was read."""

from functools import partial

from rsmtp.advice.row import Advice, Receiver

YAHOO = Receiver(
    "Yahoo",
    ("yahoodns.net", "yahoo.com", "aol.com", "ymail.com", "rocketmail.com", "verizon.net"),
    r"yahoo|\bAOL\b|\[(?:TSS?|PH|BL)\d+\]",
)
ICLOUD = Receiver(
    "iCloud",
    ("icloud.com", "me.com", "mac.com"),
    r"support\.apple\.com|\bicloud\.com|\bme\.com|\[(?:CS|HM)\d\d\]",
)
UNITED_INTERNET = Receiver(
    "GMX, WEB.DE and mail.com",
    ("gmx.net", "gmx.de", "gmx.com", "gmx.at", "gmx.ch", "web.de", "mail.com", "kundenserver.de"),
    r"postmaster\.(?:gmx|web|mail|1und1|kundenserver)|Nemesis ESMTP",
)
T_ONLINE = Receiver("T-Online", ("t-online.de",), r"t-online\.de")
COMCAST = Receiver("Comcast", ("comcast.net",), r"comcast|xfinity")
ORANGE = Receiver("Orange", ("orange.fr", "wanadoo.fr"), r"\bOFR_?\d")

_READ = "2026-11-27"
_GMX = "https://postmaster.gmx.com/en/error-messages"
_WEB_DE = "https://postmaster.web.de/de/fehlermeldungen"

_yahoo = partial(
    Advice, source="https://senders.yahooinc.com/smtp-error-codes/", read="2026-02-15", receiver=YAHOO
)
_icloud = partial(Advice, source="https://support.apple.com/102322", read=_READ, receiver=ICLOUD)
_united_internet = partial(Advice, read=_READ, receiver=UNITED_INTERNET)

ROWS = (
    _yahoo(
        "yahoo-deferred",
        "Yahoo puts this address's mail off: there is more of it than usual, or its users complain.",
        "Send less at a time, and let an outbox try again. If it lasts for two days, review what is sent to "
        "whom, and write to Yahoo's sender support.",
        codes=(421, 451),
        words=r"\[TSS?\d+\]|temporarily deferred",
        about="time",
    ),
    _yahoo(
        "yahoo-deferred-for-good",
        "Yahoo refuses all mail from this address: trying again does not help.",
        "Review what is sent to whom, and write to Yahoo's sender support.",
        codes=(550, 553, 554),
        words=r"permanently deferred|\[TSS?\d+\]",
    ),
    _yahoo(
        "yahoo-authentication",
        "the message failed authentication: a bad or missing DKIM signature, or the domain's DMARC policy.",
        "Sign with DKIM for From's own domain, and let SPF name the sending address.",
        codes=(550, 553, 554),
        words=r"\b5\.7\.9\b|DMARC|DKIM|authentica",
    ),
    _yahoo(
        "yahoo-content",
        "something in the content is refused: a link or a file that is taken for fraud or malware.",
        "Look at each link's host, and send a part at a time to find it.",
        words=r"\[PH\d+\]|not accepted for policy reasons",
    ),
    _yahoo(
        "yahoo-spamhaus",
        "the sending address is on a list of Spamhaus, which Yahoo asks.",
        "Look it up at https://check.spamhaus.org, mend what it says, and ask for removal there.",
        words=r"\[BL\d+\]|spamhaus",
    ),
    _yahoo(
        "yahoo-no-account",
        "there is no such account.",
        "Take the address off your lists: Yahoo counts mail to unknown recipients.",
        codes=(550, 552, 554),
        words=r"doesn't have an? \S+ account|disabled or discontinued|mailbox (?:unavailable|not found)",
        about="recipient",
    ),
    _yahoo(
        "yahoo-busy",
        "Yahoo's servers are busy.",
        "Try again in some minutes; an outbox does.",
        codes=(421, 451),
        words=r"temporarily unavailable|too many connections|service not available",
        about="time",
    ),
    _icloud(
        "icloud-policy",
        "iCloud's filter refuses the message: by its content, its links, or the sender's reputation.",
        "Have SPF, DKIM and DMARC, send only to people who asked for it, and write to "
        "icloudadmin@apple.com with the server's words if it lasts.",
        words=r"local policy|\[(?:CS|HM)\d\d\]",
    ),
    _icloud(
        "icloud-dmarc-policy",
        "the DMARC policy of From's domain asks for mail to be refused that neither SPF nor DKIM of that "
        "domain vouches for.",
        "Sign with DKIM for From's own domain, or send through a server that the domain has named.",
        words=r"DMARC policy",
    ),
    _icloud(
        "icloud-rate",
        "this mailbox, or all of iCloud, gets more from you than it takes.",
        "Send less at a time, and let an outbox try again.",
        source="https://smtp.codes/icloud",
        codes=(421, 450, 451),
        words=r"excessive volume|too many|try again later",
        about="time",
    ),
    _united_internet(
        "gmx-blocked",
        "the sending address is on a block list of these servers.",
        "Follow the link in the words: its page says why, and has the form for removal.",
        _GMX,
        codes=(554,),
        words=r"block ?listed|bad dns ptr|no smtp service|transaction failed",
    ),
    _united_internet(
        "gmx-spf",
        "the SPF record of the envelope sender's domain does not name the sending address.",
        "Add the address to the record, or send through a server that stands there; forwarded mail needs "
        "SRS.",
        _WEB_DE,
        words=r"\bSPF\b",
    ),
    _united_internet(
        "gmx-rate",
        "more messages came in a short time than these servers take from one address.",
        "Wait for some hours, and send less at a time (Mailer(rate=...)).",
        _WEB_DE,
        codes=(421, 450, 451),
        words=r"rate limit|too many|temporar",
        about="time",
    ),
    _united_internet(
        "gmx-policy",
        "the servers refuse mail from this address for a rule of theirs: changing names in EHLO, or many "
        "unknown recipients.",
        "Follow the link in the words: its page says which rule, and has a form.",
        _WEB_DE,
        words=r"reject due to policy|policy (?:violation|restriction)",
    ),
    Advice(
        "t-online-blocked",
        "T-Online takes no mail from addresses that it does not know, or whose reputation is poor.",
        "The server's name needs a page that says whose it is; then write to the address in the words.",
        "https://postmaster.t-online.de/index.en.html",
        _READ,
        T_ONLINE,
        words=r"\((?:BL|DIAL|RRL|ND)\)|a problem occurred|dialup/transient",
    ),
    Advice(
        "comcast-blocked",
        "the sending address is on a block list, or belongs to a home's network.",
        "Look the code in the words up on Comcast's page, which has the form for removal.",
        "https://es.xfinity.com/support/articles/email-errors",
        _READ,
        COMCAST,
        words=r"\b(?:BL|ES|RL|PTR|DM)0\d+\b",
    ),
    Advice(
        "orange-slow-down",
        "Orange takes fewer connections, or fewer messages at a time, from one address.",
        "Use one or two sessions (Mailer(connections=1)), and a rate.",
        "https://bentonow.com/smtp-errors/orange",
        _READ,
        ORANGE,
        codes=(421, 450, 451),
        about="time",
    ),
)
