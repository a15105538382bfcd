"""Converts messages between the standard library's `email` package and ours."""

from __future__ import annotations

from typing import Any


def from_stdlib(cls: Any, message: Any) -> Any:
    """A message of ours with the same fields, the same content and the corresponding policy."""
    from rsmtp import Message
    from rsmtp._common import arguments

    if isinstance(message, Message):
        made = cls.__new__(cls)
        made.__setstate__(message.__getstate__())
        return made
    if not hasattr(message, "raw_items"):
        raise arguments.wanted("message", "a message of the standard library", message)
    made = cls.__new__(cls)
    made._reset(_our_policy(message.policy))
    structured = made.policy._family != "classic"
    for name, value in message.raw_items():
        if structured and hasattr(value, "name"):
            value = made.policy.header_factory(name, str(value))
        elif hasattr(value, "_chunks"):
            value = _our_header(value)
        made.set_raw(name, value)
    payload = _content(message)
    if isinstance(payload, list):
        payload = [from_stdlib(cls, part) if hasattr(part, "raw_items") else part for part in payload]
    made._payload = payload
    made.preamble = message.preamble
    made.epilogue = message.epilogue
    made._unixfrom = message.get_unixfrom()
    made._default_type = message.get_default_type()
    made.defects = list(message.defects)
    return made


def by_methods(message: Any) -> Any:
    """A plain message of ours with what `raw_items` and `get_payload` of this one return."""
    from rsmtp import Message

    made: Any = Message.__new__(Message)
    state = message.__getstate__()
    state.pop("_origin", None)
    made.__setstate__(state)
    made._headers = list(message.raw_items())
    made._payload = _content(message)
    return made


def _content(message: Any) -> Any:
    """The payload as a generator finds it, which may be a method of the message's own class."""
    from rsmtp._common.arguments import has_surrogates

    # A generator writes 8-bit text as it is; get_payload would decode it.
    stored = message._payload
    return stored if isinstance(stored, str) and has_surrogates(stored) else message.get_payload()


def to_stdlib(message: Any) -> Any:
    """A message of `email.message` with the same fields and content."""
    import email.message
    import email.policy

    ours = message.policy
    if ours._family == "classic":
        policy: Any = email.policy.compat32.clone(**_settings(ours, email.policy.compat32))
        made: Any = email.message.Message(policy=policy)
    else:
        policy = email.policy.default.clone(**_settings(ours, email.policy.default))
        made = email.message.EmailMessage(policy=policy)
    for name, value in message.raw_items():
        if ours._family == "classic" and hasattr(value, "_chunks"):
            made.set_raw(name, _their_header(value))
        elif ours._family == "classic":
            made.set_raw(name, value)
        else:
            made.set_raw(name, policy.header_factory(name, str(value)))
    payload = message._payload
    if isinstance(payload, list):
        payload = [to_stdlib(part) if hasattr(part, "to_stdlib") else part for part in payload]
    elif isinstance(payload, str) and not payload.isascii() and ours._family == "modern":
        payload = payload.encode("utf-8").decode("ascii", "surrogateescape")
    made._payload = payload
    made.preamble = message.preamble
    made.epilogue = message.epilogue
    made.set_unixfrom(message.get_unixfrom())
    made.set_default_type(message.get_default_type())
    made.defects = list(message.defects)
    return made


def _our_policy(policy: Any) -> Any:
    from rsmtp.email import policy as ours

    if hasattr(policy, "_family"):
        return policy
    base: Any = ours.default if hasattr(policy, "header_factory") else ours.compat32
    return base.clone(**_settings(policy, base))


def _settings(source: Any, target: Any) -> dict[str, Any]:
    """The settings that both policies have, as far as they are plain values."""
    names = (
        "linesep",
        "max_line_length",
        "cte_type",
        "mangle_from_",
        "raise_on_defect",
        "utf8",
        "refold_source",
        "verify_generated_headers",
    )
    return {
        name: getattr(source, name) for name in names if hasattr(source, name) and hasattr(type(target), name)
    }


def _our_header(header: Any) -> Any:
    from rsmtp.email.charset import Charset
    from rsmtp.email.header import Header

    made = Header(continuation_ws=header._continuation_ws)
    made._chunks = [(text, Charset(str(charset))) for text, charset in header._chunks]
    made._maxlinelen, made._headerlen = header._maxlinelen, header._headerlen
    return made


def _their_header(header: Any) -> Any:
    import email.charset
    import email.header

    made: Any = email.header.Header(continuation_ws=header._continuation_ws)
    made._chunks = [(text, email.charset.Charset(str(charset))) for text, charset in header._chunks]
    made._maxlinelen, made._headerlen = header._maxlinelen, header._headerlen
    return made
