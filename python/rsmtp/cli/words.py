"""Short explanations of the keywords that servers send."""

# Registered extensions (IANA, SMTP Service Extensions), and common unregistered ones.
EXTENSIONS = {
    "8bitmime": "text may have letters beyond ASCII (RFC 6152)",
    "atrn": "turns the connection round, for dial-in servers (RFC 2645)",
    "auth": "login (RFC 4954)",
    "binarymime": "content may be sent without any encoding (RFC 3030)",
    "burl": "content may be fetched from an IMAP server (RFC 4468)",
    "chunking": "messages go in chunks of known size, without a final dot (RFC 3030)",
    "deliverby": "a message may have a time to be delivered by (RFC 2852)",
    "dsn": "delivery reports can be asked for (RFC 3461)",
    "enhancedstatuscodes": "replies tell their reason by number, as 5.1.1 (RFC 2034)",
    "etrn": "asks for waiting mail (RFC 1985)",
    "expn": "lists can be expanded (RFC 5321)",
    "futurerelease": "mail can be sent later (RFC 4865)",
    "help": "explains itself (RFC 5321)",
    "limits": "tells its limits in advance (RFC 9422)",
    "mt-priority": "messages have priorities (RFC 6710)",
    "no-soliciting": "does not want advertisements (RFC 3865)",
    "pipelining": "several commands go in one write: fewer round trips (RFC 2920)",
    "requiretls": "mail can be sent on over TLS only (RFC 8689)",
    "rrvs": "recipients can be checked for a change of owner (RFC 7293)",
    "xverp": "makes a sender for each recipient, so that a bounce tells whom it is about (Postfix)",
    "smtputf8": "addresses and headers may be in any script (RFC 6531)",
    "starttls": "encryption can be started (RFC 3207)",
    "vrfy": "addresses can be verified (RFC 5321)",
    "xclient": "a proxy may tell the real client (Postfix)",
    "xforward": "a proxy may tell the real client (Postfix)",
}

# The consequences if an extension is not offered.
MISSED = {
    "pipelining": "every command waits for its answer: sending many messages is slower",
    "8bitmime": "text beyond ASCII has to be encoded",
    "smtputf8": "addresses such as jürgen@example.org can't be used",
    "chunking": "every message takes one more round trip",
    "size": "too large messages are refused only after they were sent",
}

MECHANISMS = {
    "SCRAM-SHA-256-PLUS": "proves the password without showing it, bound to TLS",
    "SCRAM-SHA-256": "proves the password without showing it, to the server and back",
    "SCRAM-SHA-1-PLUS": "as SCRAM-SHA-256-PLUS, with an older hash",
    "SCRAM-SHA-1": "as SCRAM-SHA-256, with an older hash",
    "EXTERNAL": "the client's certificate, inside TLS",
    "GSSAPI": "a Kerberos ticket for this server",
    "PLAIN": "the password itself, inside TLS",
    "LOGIN": "the password itself, inside TLS; an older form",
    "CRAM-MD5": "proves the password without showing it",
    "XOAUTH2": "an OAuth 2.0 access token; Gmail and Microsoft",
    "OAUTHBEARER": "an OAuth 2.0 access token (RFC 7628)",
}


def extension(keyword: str, parameters: str) -> str:
    """The meaning of an offered extension."""
    if keyword == "size":
        digits = parameters.split()[0] if parameters else ""
        if digits.isascii() and digits.isdigit() and int(digits[:20]) > 0:
            return f"messages up to {size(int(digits[:20]))} (RFC 1870)"
        return "tells a message's size in advance (RFC 1870)"
    return EXTENSIONS.get(keyword, "an extension that we do not know")


def size(octets: int) -> str:
    amount, unit = float(octets), "octets"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{amount:.3g} {unit}" if amount < 100 else f"{amount:.0f} {unit}"
