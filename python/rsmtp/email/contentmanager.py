"""Converts objects to content and back: `email.contentmanager`."""

from __future__ import annotations

import binascii
import mimetypes
import os.path
import sys
from collections.abc import Callable
from pathlib import Path, PurePath
from typing import Any

from rsmtp import _rsmtp
from rsmtp.email import _rest, errors, message_from_bytes
from rsmtp.email import charset as _charset

__all__ = ["ContentManager", "raw_data_manager"]


class ContentManager:
    """A registry of functions that convert objects to content, and content to objects.

    Get handlers are found by content type, then by main type, then under "". Set
    handlers are found by the classes of an object, its own first: the class itself,
    its full name, its qualified name, its name; then under None.
    """

    def __init__(self) -> None:
        self.get_handlers: dict[str, Callable[..., Any]] = {}
        self.set_handlers: dict[Any, Callable[..., Any]] = {}

    def add_get_handler(self, key: str, handler: Callable[..., Any]) -> None:
        """Use `handler(msg, ...)` to get content of the type `key`."""
        self.get_handlers[key] = handler

    def add_set_handler(self, typekey: Any, handler: Callable[..., Any]) -> None:
        """Use `handler(msg, obj, ...)` to make content of objects of `typekey`."""
        self.set_handlers[typekey] = handler

    def get_content(self, msg: Any, *args: Any, **kw: Any) -> Any:
        """The content of a message. Raises KeyError if there is no handler."""
        content_type = msg.get_content_type()
        for key in (content_type, msg.get_content_maintype(), ""):
            if key in self.get_handlers:
                return self.get_handlers[key](msg, *args, **kw)
        raise KeyError(content_type)

    def set_content(self, msg: Any, obj: Any, *args: Any, **kw: Any) -> None:
        """Make `obj` the content of a message.

        Raises TypeError for a multipart, KeyError if there is no handler.
        """
        if msg.get_content_maintype() == "multipart":
            raise TypeError("set_content not valid on multipart")
        handler = self._find_set_handler(obj)
        msg.clear_content()
        handler(msg, obj, *args, **kw)

    def _find_set_handler(self, obj: Any) -> Callable[..., Any]:
        for kind in type(obj).__mro__:
            for key in (kind, _full_name(kind), kind.__qualname__, kind.__name__):
                if key in self.set_handlers:
                    return self.set_handlers[key]
        if None in self.set_handlers:
            return self.set_handlers[None]
        raise KeyError(_full_name(type(obj)))


def _full_name(kind: type) -> str:
    module = getattr(kind, "__module__", "")
    return f"{module}.{kind.__qualname__}" if module else kind.__qualname__


#: Text is a str, other data bytes, and messages are messages.
raw_data_manager = ContentManager()


# -- getting


def get_text_content(msg: Any, errors: str = "replace") -> str:
    """The text of a text part."""
    text: str = msg.get_payload(decode=True).decode(msg.get_param("charset", "ASCII"), errors)
    return text


def get_non_text_content(msg: Any) -> bytes:
    """The bytes of a part."""
    data: bytes = msg.get_payload(decode=True)
    return data


def get_message_content(msg: Any) -> Any:
    """The message in a message/rfc822 part."""
    return msg.get_payload(0)


def get_and_fixup_unknown_message_content(msg: Any) -> bytes:
    """The content of a message/* part of unknown type, as bytes
    (RFC 2046 section 5.2.4: like application/octet-stream)."""
    return bytes(msg.get_payload(0))


raw_data_manager.add_get_handler("text", get_text_content)
for _maintype in ("audio", "image", "video", "application"):
    raw_data_manager.add_get_handler(_maintype, get_non_text_content)
for _subtype in ("rfc822", "external-body"):
    raw_data_manager.add_get_handler("message/" + _subtype, get_message_content)
raw_data_manager.add_get_handler("message", get_and_fixup_unknown_message_content)


# -- setting


def set_text_content(
    msg: Any,
    string: str,
    subtype: str = "plain",
    charset: str = "utf-8",
    cte: str | None = None,
    disposition: str | None = None,
    filename: str | None = None,
    cid: str | None = None,
    params: dict[str, str] | None = None,
    headers: Any = None,
) -> None:
    """Make a text the content. The encoding is chosen if `cte` isn't given."""
    _begin(msg, "text", subtype, headers)
    name = _charset.ALIASES.get(charset, charset)
    if sys.version_info >= (3, 14):  # it converts to the charset that mail has for this one (gh-53144)
        name = charset = _charset.Charset(charset).output_charset
    cte, payload = _encode_text(string, charset, cte, msg.policy)
    msg.set_payload(payload)
    msg.set_param("charset", name, replace=True)
    msg["Content-Transfer-Encoding"] = cte
    _finish(msg, disposition, filename, cid, params)


def set_bytes_content(
    msg: Any,
    data: Any,
    maintype: str,
    subtype: str,
    cte: str = "base64",
    disposition: str | None = None,
    filename: str | None = None,
    cid: str | None = None,
    params: dict[str, str] | None = None,
    headers: Any = None,
) -> None:
    """Make data of the type `maintype/subtype` the content."""
    if cte == "base64" and _is_whole_message(maintype, subtype) and b"\0" not in bytes(data):
        # A message in base64 is not valid (RFC 2046 section 5.2.1). It is read as an enclosed message,
        # and stays unchanged.
        part = message_from_bytes(b"Content-Type: message/rfc822\n\n" + bytes(data), policy=msg.policy)
        message = part.get_payload(0)
        set_message_content(msg, message, "rfc822", None, disposition, filename, cid, params, headers)
        return
    _begin(msg, maintype, subtype, headers)
    if _engine_encodes(msg, cte, "_become_data"):
        msg._become_data(bytes(data))
    else:
        msg.set_payload(_encode_bytes(data, cte, msg.policy.max_line_length))
        msg["Content-Transfer-Encoding"] = cte
    _finish(msg, disposition, filename, cid, params)


def set_file_content(
    msg: Any,
    file: Any,
    maintype: str | None = None,
    subtype: str | None = None,
    cte: str = "base64",
    disposition: str | None = None,
    filename: str | None = None,
    cid: str | None = None,
    params: dict[str, str] | None = None,
    headers: Any = None,
) -> None:
    """Make a file the content: a path, or a binary file object, read from its current
    position. The file is read in pieces when the message is written or sent.

    If the type isn't given, it is guessed from the name. The default file name is that of
    the file. Raises OSError for a file that can't be read; TypeError for one that is open
    as text; ValueError for a pipe and for a file object that can't seek.
    """
    name = filename or getattr(file, "name", None)
    if filename is None and isinstance(name, str):
        filename = os.path.basename(name)
    if maintype is None or subtype is None:
        maintype, subtype = _guess_type(filename)
    if not _engine_encodes(msg, cte, "_become_file") or _is_whole_message(maintype, subtype):
        data = Path(file).read_bytes() if isinstance(file, PurePath) else file.read()
        set_bytes_content(msg, data, maintype, subtype, cte, disposition, filename, cid, params, headers)
        return
    _begin(msg, maintype, subtype, headers)
    msg._become_file(file)
    _finish(msg, disposition, filename, cid, params)


def _guess_type(filename: str | None) -> tuple[str, str]:
    kind, packing = mimetypes.guess_type(filename or "")
    maintype, _, subtype = (kind or "").partition("/")
    if kind == "message/rfc822" and not packing:
        return maintype, subtype
    if not subtype or packing or maintype in ("message", "multipart"):
        return "application", "octet-stream"
    return maintype, subtype


def _is_whole_message(maintype: str, subtype: str) -> bool:
    return (maintype.lower(), subtype.lower()) == ("message", "rfc822")


def set_message_content(
    msg: Any,
    message: Any,
    subtype: str = "rfc822",
    cte: str | None = None,
    disposition: str | None = None,
    filename: str | None = None,
    cid: str | None = None,
    params: dict[str, str] | None = None,
    headers: Any = None,
) -> None:
    """Put a message into the content (RFC 2046 section 5.2).

    Raises ValueError for a `cte` that the subtype does not allow, and for partial messages.
    """
    if subtype == "partial":
        raise ValueError("message/partial is not supported for Message objects")
    if subtype == "rfc822":
        if cte not in (None, "7bit", "8bit", "binary"):
            raise ValueError(f"message/rfc822 parts do not support cte={cte}")
        cte = "8bit" if cte is None else cte
    elif subtype == "external-body":
        if cte not in (None, "7bit"):
            raise ValueError(f"message/external-body parts do not support cte={cte}")
        cte = "7bit"
    elif cte is None:
        cte = "7bit"
    _begin(msg, "message", subtype, headers)
    msg.set_payload([message])
    msg["Content-Transfer-Encoding"] = cte
    _finish(msg, disposition, filename, cid, params)


raw_data_manager.add_set_handler(str, set_text_content)
raw_data_manager.add_set_handler("email.message.Message", set_message_content)
raw_data_manager.add_set_handler(_rsmtp.Message, set_message_content)
for _kind in (bytes, bytearray, memoryview):
    raw_data_manager.add_set_handler(_kind, set_bytes_content)
# The base classes of all binary file objects, including those implemented in C.
for _file in (PurePath, "_io._RawIOBase", "_io._BufferedIOBase"):
    raw_data_manager.add_set_handler(_file, set_file_content)


# Limits if the policy sets none: SMTP's, and that of encodings (RFC 2045 section 6).
_LONGEST_LINE = 998
_ENCODED_LINE = 76


def _begin(msg: Any, maintype: str, subtype: str, headers: Any) -> None:
    msg["Content-Type"] = f"{maintype}/{subtype}"
    if not headers:
        return
    policy = msg.policy
    if not hasattr(headers[0], "name"):
        headers = [policy.header_factory(*policy.header_source_parse([line])) for line in headers]
    for header in headers:
        if header.defects:
            folded = header.fold(policy=policy)
            raise ValueError(f"Invalid header: {folded}") from header.defects[0]
        try:
            msg[header.name] = header
        except errors.HeaderDefect as defect:
            raise ValueError(f"Invalid header: {header.fold(policy=policy)}") from defect


def _finish(
    msg: Any,
    disposition: str | None,
    filename: str | None,
    cid: str | None,
    params: dict[str, str] | None,
) -> None:
    if disposition is None and filename is not None:
        disposition = "attachment"
    if disposition is not None:
        msg["Content-Disposition"] = disposition
    if filename is not None:
        msg.set_param("filename", filename, header="Content-Disposition", replace=True)
    if cid is not None:
        msg["Content-ID"] = cid
    for name, value in (params or {}).items():
        msg.set_param(name, value)


def _engine_encodes(msg: Any, cte: str, taking_over: str) -> bool:
    """Whether the engine can encode while rendering. It writes base64 in lines of 76 characters."""
    return cte == "base64" and (msg.policy.max_line_length or 0) // 4 == 19 and hasattr(msg, taking_over)


def _encode_bytes(data: Any, cte: str, width: int | None) -> str:
    if cte == "base64":
        return _base64_lines(data, width)
    if cte == "quoted-printable":
        return binascii.b2a_qp(data, istext=False, header=False, quotetabs=True).decode("ascii")
    return _as_it_is(bytes(data), cte)


def _as_it_is(data: bytes, cte: str) -> str:
    """The data without an encoding. Raises UnicodeDecodeError if it does not fit into 7bit."""
    return data.decode("ascii", "strict" if cte == "7bit" else "surrogateescape")


def _encode_text(string: str, charset: str, cte: str | None, policy: Any) -> tuple[str, str]:
    """(cte, payload): 7bit if possible, otherwise the encoding that suits the beginning."""
    encoded = string.encode(charset)
    width = policy.max_line_length or _ENCODED_LINE
    if b"\0" in encoded and cte in (None, "base64"):
        # UTF-16 and similar charsets: their line ends are not single octets, and mail can't contain NUL.
        return "base64", _base64_lines(_canonical(string).encode(charset), width)
    lines = encoded.splitlines()
    linesep = policy.linesep.encode("ascii")
    as_text = b"\n".join(lines) + b"\n"
    if cte is None:
        longest = max(map(len, lines), default=0)
        if longest <= min(policy.max_line_length or _LONGEST_LINE, _LONGEST_LINE):
            if as_text.isascii():
                return "7bit", _as_it_is(as_text, "7bit")
            if policy.cte_type == "8bit":
                return "8bit", _as_it_is(as_text, "8bit")
        start = linesep.join(lines[:10]) + linesep
        quoted = _rsmtp._quoted_printable(start, width)
        cte = "base64" if len(quoted) > len(binascii.b2a_base64(start)) else "quoted-printable"
        if cte == "quoted-printable" and len(lines) <= 10:
            return cte, quoted
    if cte in ("7bit", "8bit"):
        return cte, _as_it_is(as_text, cte)
    if cte == "quoted-printable":
        return cte, _rsmtp._quoted_printable(as_text, width)
    if cte == "base64":
        return cte, _base64_lines(linesep.join(lines) + linesep, width)
    raise ValueError(f"Unknown content transfer encoding {cte}")


def _canonical(string: str) -> str:
    """The lines of a text, each ended by CRLF (RFC 2045 6.8)."""
    return "".join(f"{line}\r\n" for line in string.splitlines())


def _base64_lines(data: Any, width: int | None) -> str:
    """Base64 in lines of at most `width` characters."""
    step = max((width or _ENCODED_LINE) // 4, 1) * 3
    return "".join(
        binascii.b2a_base64(data[at : at + step]).decode("ascii") for at in range(0, len(data), step)
    )


__getattr__ = _rest.of(__name__)
