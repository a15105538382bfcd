"""What to do about an error. The engine, or the error's own class, tells the kind of advice;
this table has the words for it, for the library's exceptions (`error.hint`, and a note under the
traceback), for notebooks and for the command line."""

from __future__ import annotations

from typing import Any, NamedTuple

from rsmtp import _rsmtp, errors


class Words(NamedTuple):
    """The words for one kind of advice.

    said: what the error's own message ends with; empty where the message does not say it.
    hint: one or two sentences for a Python programmer. By default what is said.
    terminal: the same for the command line, which has other names for things. By default the
        hint; empty where a user of the command line has nothing to do about it.
    """

    said: str = ""
    hint: str | None = None
    terminal: str | None = None


_PORTS = "587 is for submission with STARTTLS, 465 for submission with TLS, 25 for mail between servers"
# If the command line knows the server, it adds the server's name here.
_CHECK = "; `rsmtp check` tells what is there"
_TLS_FROM_THE_START = Words(
    hint='Try port 465: smtps://, SMTP_SSL or tls="implicit". Without TLS (tls="none", or ?tls=none), '
    "the mail can be read on its way.",
    terminal="Try port 465: smtps://. Without TLS (--tls none, or ?tls=none), the mail can be read on its "
    "way.",
)

TABLE = {
    # Kinds of the engine (`Advice` in src/protocol/error.rs).
    "hear the reply": Words(": call getreply() first"),
    "shake hands": Words(": use starttls()"),
    "encrypt": Words(
        ': use TLS (starttls(), or tls="starttls"), or pass tls="none" and allow_plaintext_auth=True if you '
        "trust the network",
        terminal="Use TLS: smtp:// without ?tls=none, or smtps://.",
    ),
    "encrypt mail": Words(
        ': call starttls() first, or pass tls="none" if you trust the network',
        terminal="Use TLS: smtp:// without ?tls=none, or smtps://.",
    ),
    "verify the server": Words(
        hint="REQUIRETLS needs a server whose certificate was verified: use TLS with "
        "verification, or leave out require_tls.",
        terminal="REQUIRETLS needs a server whose certificate was verified: use TLS "
        "(smtp:// without ?tls=none, or smtps://), or leave out --require-tls.",
    ),
    "ask if offered": Words(
        hint="To send without this option to a server that lacks it, use Envelope(..., if_offered=True).",
        terminal="To send without this option to a server that lacks it, use --if-offered.",
    ),
    "do without chunking": Words(", pass chunking=False"),
    "trust the network": Words(
        ', and nothing goes out in plaintext unless that is said: with tls="none", if you trust the '
        "network between",
        *_TLS_FROM_THE_START[1:],
    ),
    "use a port for tls": _TLS_FROM_THE_START,
    "log in elsewhere": Words(
        hint=f"The server may offer login on another port, or only after STARTTLS: {_PORTS}."
    ),
    "connect": Words("please run connect() first", hint="Call connect() first."),
    "connect again": Words(hint="Connect again: this session is over.", terminal=""),
    "begin with tls": Words('; say SMTP_SSL or tls="implicit"', terminal="Say smtps:// or --tls implicit."),
    "match the port": Words(
        '. A port for STARTTLS (587, 25) takes tls="starttls", a port for implicit TLS (465) takes '
        'SMTP_SSL or tls="implicit"',
        terminal="A port for STARTTLS (587, 25) takes smtp://, a port for implicit TLS (465) takes smtps://.",
    ),
    "allow old tls": Words(
        ". rsmtp supports TLS 1.2 and 1.3 (from TlsConfig(minimum_version=...) on); for an older server, "
        "pass an ssl.SSLContext that allows it as context=, but note that old TLS can be broken",
        terminal="rsmtp supports TLS 1.2 and 1.3. The server is too old, and its TLS can be broken.",
    ),
    "identify yourself": Words(
        "; it may require a client certificate (TlsConfig(client_certificate=...)) or another server name",
        terminal="It may require another server name, or a client certificate (--client-certificate).",
    ),
    "name the server": Words(
        "; connect with a name that is in the certificate, or set one with TlsConfig(server_name=...)",
        terminal="Connect with a name that is in the certificate.",
    ),
    "name it with dns": Words(
        ": connect with a DNS name or an address, or set TlsConfig(server_name=...)",
        terminal="Connect with a DNS name or an address.",
    ),
    "trust its authority": Words(
        "; if the server has a CA of its own, pass it with TlsConfig(ca_file=...) or SSL_CERT_FILE",
        terminal="If the server has a CA of its own, pass it with --ca-file or SSL_CERT_FILE.",
    ),
    "trust its new authority": Words(
        "; if that authority has a new certificate, pass it with TlsConfig(ca_file=...); otherwise an "
        "attacker may be in between",
        terminal="If that authority has a new certificate, pass it with --ca-file; otherwise an attacker may "
        "be in between.",
    ),
    "distrust the server": Words(
        hint="The server has not heard the password. Don't send it by another mechanism until the server's "
        "owner has explained the error."
    ),
    "sign it by its authority": Words(
        "; give the server a certificate signed by that CA, or pass an ssl.SSLContext that trusts it as "
        "context=",
        terminal="Give the server a certificate signed by that CA.",
    ),
    "install authorities": Words(
        "; install them (Debian: ca-certificates) or pass TlsConfig(ca_file=...)",
        terminal="Install them (Debian: ca-certificates), or pass --ca-file.",
    ),
    "check the clock": Words("; check this machine's clock"),
    "await its renewal": Words("; the server's owner must renew it"),
    "check the clock, await its renewal": Words(
        "; check this machine's clock; the server's owner must renew it"
    ),
    "await its replacement": Words("; the server's owner must replace it"),
    # Kinds that depend on the error's class, its stage and its codes.
    "ask the recipient": Words(
        hint="The message may have arrived: ask the recipient before you send it again."
    ),
    "try later": Words(hint="The same may work later."),
    "check the login": Words(
        hint="Check user name and password; with two-factor login, most providers require an app password."
    ),
    "ask who may log in": Words(
        hint="The server does not let in the owner of this ticket or certificate, or not as this user: its "
        "log says why.",
    ),
    "check the login or its hash": Words(
        hint="Check user name and password; with two-factor login, most providers require an app password. "
        "If they are right, the server may store the password in a form that SCRAM can't use: "
        'log in with mechanism="PLAIN", under TLS.',
        terminal="Check user name and password; with two-factor login, most providers require an app "
        "password. If they are right, the server may store the password in a form that SCRAM can't use: "
        "log in with --mechanism PLAIN, under TLS.",
    ),
    "renew the token": Words(
        hint="The access token has expired or was revoked, belongs to another user, or is not for mail. "
        "Pass a callable, such as those of rsmtp.credentials, to get tokens that are renewed.",
        terminal="The access token has expired or was revoked, belongs to another user, or is not for mail.",
    ),
    "allow the login": Words(
        hint="The password may be right: Microsoft 365 refuses this kind of login. An administrator can "
        'switch on "Authenticated SMTP" for the mailbox; where passwords are switched off, log in with '
        "an OAuth 2.0 token (access_token=).",
        terminal="The password may be right: Microsoft 365 refuses this kind of login. An administrator can "
        'switch on "Authenticated SMTP" for the mailbox.',
    ),
    "take another secret": Words(
        hint="The provider does not accept the account's own password: make an app password in its account "
        "settings, or log in with an OAuth 2.0 token (access_token=).",
        terminal="The provider does not accept the account's own password: make an app password in its "
        "account settings.",
    ),
    "confirm in a browser": Words(
        hint="The provider wants to see you first: log in to it with a browser and confirm that it was you."
    ),
    "log in later": Words(
        hint="The password may be right: the server can't check it now, or has seen too many logins. The "
        "same may work later, with fewer sessions."
    ),
    "log in by plain": Words(
        hint="The server has to learn the password before it can check this mechanism: log in once "
        'with mechanism="PLAIN", under TLS.',
        terminal="The server has to learn the password before it can check this mechanism: ask its "
        "owner how.",
    ),
    "find the port": Words(hint=f"Nothing listens on that port{_CHECK}."),
    "find the host": Words(hint="Check the spelling of the host name, and the network."),
    "look at the network": Words(hint=f"Some networks block mail ports{_CHECK}."),
    "look what answers": Words(hint=f"This may not be a mail server; check host and port: {_PORTS}."),
    "name this client": Words(
        hint="Give this client a name that the server accepts: local_hostname=.",
        terminal="Give this client a name that the server accepts: smtp://...?local_hostname=NAME.",
    ),
    "read its words": Words(hint="The server refuses this client. Its reply says why (often a blocklist)."),
    "send it again": Words(hint="No recipient has the message: send it again."),
    "use an ascii address": Words(
        hint="Use an ASCII address: the domain may be in another script, but the part before the @ may not."
    ),
    "log in": Words(hint="Log in first: the server accepts mail only from its users."),
    "make it smaller": Words(
        hint="Make the message smaller, for example with a link in place of an attachment."
    ),
    "send as the login": Words(
        hint="Send from the address that you log in with, or one that the server allows for it."
    ),
    "log in to relay": Words(
        hint="Without a login, most servers accept mail only for their own domains. If the recipient is "
        f"elsewhere, log in ({_PORTS})."
    ),
}


def told(message: str, advice: str | None) -> str:
    """An error's message: what happened and, where the advice belongs to it, what to do."""
    if advice is None:
        return message
    # The same text as smtplib's, because callers may compare it.
    return TABLE[advice].said if advice == "connect" else message + TABLE[advice].said


def hint(error: errors._Facts) -> str | None:
    """One or two sentences; None if there is nothing to add to the error's own message."""
    kind = _kind(error)
    if (advice := _of_receiver(error, kind)) is not None:
        return advice
    return None if kind is None else _of_token(error) + _sentences(TABLE[kind]) + _of_provider(error, kind)


def is_said(error: errors._Facts) -> bool:
    """Whether the error's own message already contains the hint."""
    kind = _kind(error)
    return kind is not None and kind == error._advice and bool(TABLE[kind].said) and not TABLE[kind].hint


def at_a_terminal(error: BaseException, words: str, host: str | None) -> str:
    """An error's message, with advice for a user of the command line. `host` is the server's."""
    advice = getattr(error, "_advice", None)
    kind = _kind(error) if isinstance(error, errors._Facts) else advice
    if advice is not None:
        words = words.removesuffix(TABLE[advice].said)
    if kind is None:
        return words
    found = TABLE[kind]
    hint = found.terminal if found.terminal is not None else _sentences(found)
    hint = hint and _of_token(error) + hint + _of_provider(error, kind)
    hint = hint.replace(_CHECK, f"; `rsmtp check {host}` tells what is there" if host else "")
    return f"{words.rstrip('.')}. {hint}" if hint else words


def _of_receiver(error: errors._Facts, kind: str | None) -> str | None:
    """What a refusal of mail means, if the receiver's reply is more specific than its kind."""
    if error._advice is not None or kind not in (None, *_LESS):
        return None
    said: tuple[Any, ...]
    match error:
        case errors.SMTPRecipientsRefused(recipients={**replies}) if replies:
            address, reply = next(iter(replies.items()))
            said = (*reply, address) if isinstance(reply, tuple) and len(reply) == 2 else ()
        case errors.SMTPSenderRefused() | errors.SMTPDataError():
            said = error.smtp_code, error.smtp_error, None
        case _:
            said = ()
    match said:
        case int(code), bytes(text), recipient:
            from rsmtp import advice

            found = advice.find(code, text, recipient, error._server)
            return str(found) if found is not None and (kind is None or found.who) else None
    return None


# Kinds for which the receiver's reply can be more specific.
_LESS = ("try later", "log in to relay", "send as the login")


def _of_token(error: object) -> str:
    """What the server said about an access token."""
    said = getattr(error, "oauth_error", {})
    if not said:
        return ""
    facts = ", ".join(f"{name} {value!a}" for name, value in said.items() if value)
    return facts and f"The server says of the token: {facts[:500]}. "


_OF_PROVIDERS = ("check the login", "check the login or its hash", "take another secret")


def _of_provider(error: object, kind: str) -> str:
    """What the provider of this server expects as user name and password."""
    server = getattr(error, "_server", None)
    if server is None or kind not in _OF_PROVIDERS:
        return ""
    from rsmtp import providers

    found = providers.at_host(server.rpartition(":")[0] or server)
    if found is None or not found.login:
        return ""
    return f" {found.title}: the user is {found.user_is}, the password {found.login}."


def _sentences(words: Words) -> str:
    if words.hint is not None:
        return words.hint
    text = words.said.lstrip(".,:; ")
    return f"{text[:1].upper()}{text[1:]}."


def _kind(error: errors._Facts) -> str | None:
    if "unknown" in error.fates.values():
        return "ask the recipient"
    return error._advice or _of_class(error) or ("try later" if error.transient else None)


# The meaning of a refused login, if the server says more than that it was refused.
_LOGINS = {
    # Microsoft 365: SMTP AUTH, or passwords, are switched off for the mailbox or the organisation.
    "5.7.139": "allow the login",
    # RFC 4954 6: the mechanism is too weak. Gmail and others use it for a password that is no app password.
    "5.7.9": "take another secret",
    # Gmail.
    "5.7.14": "confirm in a browser",
    # RFC 4954 6.
    "4.7.12": "log in by plain",
}


def _of_class(error: errors._Facts) -> str | None:
    match error:
        case errors.SMTPAuthenticationError():
            return _LOGINS.get(error.enhanced_code or "") or _of_login(error)
        case errors.SMTPConnectionRefused():
            return "find the port"
        case errors.SMTPHostNotFound():
            return "find the host"
        case errors.SMTPTimeoutError(stage="connect"):
            return "look at the network"
        case errors.SMTPGreetingError():
            return "look what answers"
        case errors.SMTPHeloError(transient=False):
            return "name this client"
        case errors.SMTPConnectError(transient=False):
            return "read its words"
        case errors.SMTPContentError():
            return "send it again"
        case errors.SMTPNonASCIIAddress():
            return "use an ascii address"
        case _ if error.code == _rsmtp.LOGIN_REQUIRED:
            return "log in"
        case errors.SMTPSenderRefused(code=_rsmtp.EXCEEDED_STORAGE):
            return "make it smaller"
        case errors.SMTPSenderRefused(transient=False):
            return "send as the login"
        case errors.SMTPRecipientsRefused(transient=False) if _may_want_a_login(error):
            return "log in to relay"
    return None


_AUTH = "C: AUTH "


def _of_login(error: errors.SMTPAuthenticationError) -> str:
    if error.transient:
        return "log in later"
    by = next((said[len(_AUTH) :] for said in error.last_words if said.startswith(_AUTH)), "")
    if error.oauth_error or by.startswith(("XOAUTH2", "OAUTHBEARER")):
        return "renew the token"
    if by.startswith("SCRAM-"):
        return "check the login or its hash"
    return "ask who may log in" if by.startswith(("EXTERNAL", "GSSAPI")) else "check the login"


def _may_want_a_login(error: errors.SMTPRecipientsRefused) -> bool:
    """A refusal of a client that has not logged in, for reasons of policy (RFC 3463 3.8) or without
    a reason."""
    reason = (error.enhanced_code or "5.7").split(".")[1]
    return bool(error.recipients) and reason == "7" and "authenticated" not in error.path
