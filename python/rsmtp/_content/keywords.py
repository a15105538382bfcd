"""`Message`'s keywords for common header fields. Each keyword is checked, and becomes the fields
that mail programs and providers read."""

from __future__ import annotations

import datetime
import re
from urllib.parse import urlsplit

from rsmtp._common.arguments import none_of, passed_on, text, wanted
from rsmtp._content.identification import message_ids, own_id, thread_of
from rsmtp._content.tracking import tracking

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    import rsmtp


def write(message: rsmtp.Message, **given: Any) -> None:
    """Writes the fields of the given keywords into a message that already has From."""
    tracked = {name: given.pop(name, None) for name in ("tags", "metadata", "provider")}
    for keyword, value in given.items():
        if value is None or value is False:
            continue
        for name, field in _FIELDS[keyword](value, message):
            try:
                message[name] = field
            except (TypeError, ValueError) as refused:
                raise passed_on(keyword, name.lower(), refused) from None
    for name, field in tracking(**tracked):
        message[name] = field


def _sender(value: Any, _: Any) -> Iterator[tuple[str, Any]]:
    """Sender: RFC 5322 section 3.6.2."""
    yield "Sender", value


def _date(value: Any, _: Any) -> Iterator[tuple[str, str]]:
    """Date: RFC 5322 section 3.6.1."""
    if not isinstance(value, datetime.datetime):
        raise wanted("date", "a datetime with a time zone", value)
    if value.utcoffset() is None:
        raise ValueError(
            f"date: {value.isoformat()} has no time zone, so no instant is meant: "
            "datetime.now(timezone.utc) has one, value.astimezone() gives it this machine's"
        )
    from rsmtp.email.utils import format_datetime

    yield "Date", format_datetime(value)


def _message_id(value: Any, _: Any) -> Iterator[tuple[str, str]]:
    """Message-ID: RFC 5322 section 3.6.4."""
    found = message_ids("message_id", value)
    if len(found) != 1:
        raise ValueError(f"message_id: one is wanted, not {len(found)}")
    yield "Message-ID", found[0]


def _in_reply_to(value: Any, _: Any) -> Iterator[tuple[str, str]]:
    """In-Reply-To and References: RFC 5322 section 3.6.4. For a message they are its id and the ids that
    it references. The last of several ids is the parent's. A message without an id still has its thread."""
    if hasattr(value, "get_all"):
        thread = list(thread_of(value))
        parent = own_id(value)
    else:
        thread = message_ids("in_reply_to", value)
        parent = thread[-1]
    if parent:
        yield "In-Reply-To", parent
    if thread:
        yield "References", " ".join(thread)


_PRIORITIES = {
    # Importance, Priority: RFC 2156 sections 5.3.4, 5.3.6. X-Priority: Outlook, Thunderbird, Apple Mail.
    "high": (("Importance", "high"), ("X-Priority", "1"), ("Priority", "urgent")),
    "normal": (),
    "low": (("Importance", "low"), ("X-Priority", "5"), ("Priority", "non-urgent")),
}


def _priority(value: Any, _: Any) -> Iterator[tuple[str, str]]:
    if text("priority", value) not in _PRIORITIES:
        raise none_of("priority", value, list(_PRIORITIES))
    yield from _PRIORITIES[value]


def _read_receipt(value: Any, message: Any) -> Iterator[tuple[str, Any]]:
    """RFC 8098 section 2.1: an address, or True for the address in From."""
    if value is True:
        value = message["From"]
        if value is None:
            raise ValueError("read_receipt: True means the address of From, and the message has none")
    yield "Disposition-Notification-To", value


def _unsubscribe(value: Any, _: Any) -> Iterator[tuple[str, str]]:
    """List-Unsubscribe: RFC 2369 section 3.2 and RFC 8058."""
    several = (value,) if isinstance(value, str) else value
    if not isinstance(several, (tuple, list)) or not several:
        raise wanted("unsubscribe", "a URL, an address, or a list of both", value)
    urls = [_unsubscribe_url(one) for one in several]
    secure = [url for url in urls if url.startswith("https:")]
    if len(secure) > 1:
        raise ValueError("unsubscribe: one https URL is wanted, not several (RFC 8058 section 3.1)")
    yield "List-Unsubscribe", ", ".join(f"<{url}>" for url in urls)
    if secure:
        yield "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"


def _unsubscribe_url(value: Any) -> str:
    given = text("unsubscribe", value)
    url = given if ":" in given else f"mailto:{given}"
    scheme, separator, rest = url.partition(":")
    scheme = scheme.lower()
    if scheme == "http":
        raise ValueError(f"unsubscribe: {given!r}: an https URL is wanted (RFC 8058 section 3.1)")
    if scheme not in ("https", "mailto"):
        raise ValueError(f"unsubscribe: {given!r}: an https URL, a mailto: URL or an address is wanted")
    if re.search(r"[^!-~]|[<>,\"]", url):
        raise ValueError(
            f"unsubscribe: {given!r}: spaces, commas, <>, quotes and characters beyond ASCII have to be "
            "percent-encoded in a URL: urllib.parse.quote() does it"
        )
    if scheme == "https" and not _host(url):
        raise ValueError(f"unsubscribe: {given!r}: the URL has no host")
    if scheme == "mailto" and not re.match(r"[^@?]+@[^@?]+(\?|$)", rest):
        raise ValueError(
            f"unsubscribe: {given!r}: a URL that begins with https://, or one address with a domain, "
            "is wanted"
        )
    return scheme + separator + rest


def _host(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


_LONGEST_LIST_ID = 255


def _list_id(value: Any, _: Any) -> Iterator[tuple[str, str]]:
    """List-Id: RFC 2919 section 3."""
    given = text("list_id", value)
    phrase, bracket, rest = given.rpartition("<")
    identifier = rest.removesuffix(">") if bracket else rest
    if (bracket and not rest.endswith(">")) or not re.fullmatch(
        r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+", identifier
    ):
        raise ValueError(
            f"list_id: {given!r}: a name with dots is wanted, under a domain of yours, such as "
            "news.example.org or Our news <news.example.org> (RFC 2919)"
        )
    if len(identifier) > _LONGEST_LIST_ID:
        raise ValueError(
            f"list_id: {len(identifier)} characters are too many, {_LONGEST_LIST_ID} are taken (RFC 2919)"
        )
    phrase = phrase.strip()
    if phrase and not phrase.isascii():
        from rsmtp.email.header import Header

        phrase = Header(phrase, "utf-8").encode()
    elif not re.fullmatch(r"[\w!#$%&'*+/=?^`{|}~ -]*", phrase):
        phrase = '"' + re.sub(r'(["\\])', r"\\\1", phrase.strip('"')) + '"'
    yield "List-Id", f"{phrase} <{identifier}>".strip()


_AUTOMATIC = ["auto-generated", "auto-replied", "no"]


def _auto_submitted(value: Any, _: Any) -> Iterator[tuple[str, str]]:
    """Auto-Submitted: RFC 3834 section 5. Exchange and Outlook.com read a different field."""
    kind = "auto-generated" if value is True else value
    if kind not in _AUTOMATIC:
        raise none_of("auto_submitted", text("auto_submitted", kind), _AUTOMATIC)
    yield "Auto-Submitted", kind
    if kind != "no":
        yield "X-Auto-Response-Suppress", "All"


def _feedback_id(value: Any, _: Any) -> Iterator[tuple[str, str]]:
    """Gmail's Feedback-ID: at most three optional parts, followed by the sender's identifier."""
    parts: Sequence[Any] = value.split(":") if isinstance(value, str) else value
    if not isinstance(parts, (list, tuple)):
        raise wanted("feedback_id", "a text with colons between its parts, or a list of them", value)
    parts = [text("feedback_id", part).strip() for part in parts]
    if not 1 <= len(parts) <= 4 or not parts[-1] or any(":" in part for part in parts):
        raise ValueError(
            "feedback_id: one to four parts are wanted, and the last names the sender: "
            "campaign:customer:kind:sender"
        )
    yield "Feedback-ID", ":".join(parts)


_FIELDS: Mapping[str, Any] = {
    "sender": _sender,
    "date": _date,
    "message_id": _message_id,
    "in_reply_to": _in_reply_to,
    "priority": _priority,
    "read_receipt": _read_receipt,
    "unsubscribe": _unsubscribe,
    "list_id": _list_id,
    "auto_submitted": _auto_submitted,
    "feedback_id": _feedback_id,
}
