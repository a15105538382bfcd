"""Forwards a caught message, unchanged, to a real server with rsmtp's own client.

The credentials are used once and not stored.
"""

from typing import Any, Final

from rsmtp import SmtpClient, TlsConfig
from rsmtp._rsmtp import SERVICE_READY, CaughtMessage, Login
from rsmtp._web.answer import Json, Refusal
from rsmtp.errors import SMTPException, words

TIMEOUT: Final = 30.0
DEADLINE: Final = 120.0
TEXTS: Final = ("host", "username", "password", "mail_from")


def release(message: CaughtMessage, given: Json) -> Json:
    """Returns the result for each recipient: "sent", "refused", "unknown" (the connection was lost when
    the message may have been accepted) or "not sent".

    Raises Refusal (400) for an invalid request.
    """
    wanted = _wanted(message, given)
    client = SmtpClient(
        timeout=TIMEOUT,
        deadline=DEADLINE,
        tls=wanted["tls"],
        context=None if wanted["tls"] == "none" else TlsConfig(verify=wanted["verify"]),
    )
    recipients: list[str] = wanted["rcpt_tos"]
    refused: dict[str, tuple[int, bytes]] = {}
    fates: dict[str, str] = dict.fromkeys(recipients, "not sent")
    problem: Exception | None = None
    try:
        if wanted["username"]:
            client._rsmtp_login_at_once = Login(wanted["username"], password=wanted["password"])
        code, text = client.connect(wanted["host"], wanted["port"])
        if code != SERVICE_READY:
            raise SMTPException(f"the server does not want to talk: {code} {_text(text)}")
        refused = client.sendmail(wanted["mail_from"], recipients, message.data)
        fates = {address: "refused" if address in refused else "sent" for address in recipients}
        client.quit()
    except (SMTPException, OSError, UnicodeError, ValueError) as error:
        problem = error
        refused = getattr(error, "recipients", None) or refused
        fates.update(dict.fromkeys(refused, "refused"))
        fates.update(getattr(error, "fates", {}))
    finally:
        client.close()
    return {
        "recipients": [_recipient(address, fates[address], refused.get(address)) for address in recipients],
        "problem": None if problem is None else _sentence(problem),
        "stage": getattr(problem, "stage", None),
        "transient": bool(getattr(problem, "transient", False)),
        "tls": client.tls.version if client.tls else None,
        "conversation": [
            {"at": line.at, "direction": line.direction, "text": line.text} for line in client.transcript
        ],
    }


def _wanted(message: CaughtMessage, given: Json) -> dict[str, Any]:
    wanted: dict[str, Any] = {
        "port": 587,
        "tls": "starttls",
        "verify": True,
        "username": "",
        "password": "",
        "mail_from": message.mail_from,
        "rcpt_tos": message.rcpt_tos,
    }
    for name in given:
        if name not in wanted and name != "host":
            raise Refusal(400, f"{name!r} is none of {', '.join(['host', *wanted])}")
    wanted |= {name: value for name, value in given.items() if value is not None}
    for name in TEXTS:
        if not isinstance(wanted.get(name), str):
            raise Refusal(400, f"{name}: text is wanted")
    if not wanted["host"].strip():
        raise Refusal(400, "host: the server's name is missing")
    port, rcpt_tos = wanted["port"], wanted["rcpt_tos"]
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65535:
        raise Refusal(400, "port: a number from 1 to 65535 is wanted")
    if wanted["tls"] not in ("starttls", "implicit", "none"):
        raise Refusal(400, 'tls: "starttls", "implicit" or "none" is wanted')
    if not isinstance(wanted["verify"], bool):
        raise Refusal(400, "verify: true or false is wanted")
    if not isinstance(rcpt_tos, list) or not rcpt_tos or not all(isinstance(to, str) for to in rcpt_tos):
        raise Refusal(400, "rcpt_tos: a list of addresses is wanted")
    wanted["host"] = wanted["host"].strip()
    wanted["rcpt_tos"] = list(dict.fromkeys(rcpt_tos))
    return wanted


def _recipient(address: str, fate: str, reply: tuple[int, bytes] | None) -> Json:
    code, text = reply or (None, b"")
    return {"address": address, "fate": fate, "code": code, "text": _text(text)}


def _text(text: bytes | str) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def _sentence(error: Exception) -> str:
    return words(error) or type(error).__name__
