"""The headers of all responses.

Mail is untrusted. Its HTML has three protections, each sufficient against scripts and remote loads: the
iframe's sandbox attribute, the Content-Security-Policy of the response (which also applies when its URL
is opened directly), and the page's policy.
"""

import urllib.parse
from typing import Final

EVERYWHERE: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Browsers resolve the host names of visible links in advance, which would tell name servers that the
    # mail is being read.
    "X-DNS-Prefetch-Control": "off",
}

PAGE: Final = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
    "X-Frame-Options": "DENY",
    # A window opened by a link in a mail gets no reference to our window.
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
}

# Links may open a new tab outside the sandbox. Nothing else is allowed.
MAIL_SANDBOX: Final = "allow-popups allow-popups-to-escape-sandbox"
MAIL: Final = {
    "Content-Security-Policy": f"sandbox {MAIL_SANDBOX}; default-src 'none'; img-src data:; "
    "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "X-Frame-Options": "SAMEORIGIN",
}

DATA: Final = {
    "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
}


def as_download(filename: str) -> dict[str, str]:
    """Content-Disposition (RFC 6266) for a file name from untrusted mail."""
    name = "".join(c if c.isprintable() and c not in '/\\:*?"<>|' else "_" for c in filename)
    name = name.strip(". ")[-120:] or "attachment"
    plain = "".join(c if c.isascii() and c not in "%;" else "_" for c in name)
    encoded = urllib.parse.quote(name.encode("utf-8", "replace"), safe="")
    return {"Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{encoded}"}
