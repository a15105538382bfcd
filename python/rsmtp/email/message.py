"""Message classes: `email.message`.

`Message` is rsmtp's message with the constructor of `email`; its behaviour depends on its
policy. `MIMEPart` and `EmailMessage` add methods for content. Each class also derives from
the standard library's class with the same name, so that code which checks for that class
accepts it. The methods are ours.
"""

from __future__ import annotations

import rsmtp.message
from rsmtp._common.late_bases import derived, late
from rsmtp.email import _rest, encoders
from rsmtp.email._mirrored import Mirrored
from rsmtp.email._policybase import compat32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from email.message import EmailMessage as StandardMessage
    from email.message import MIMEPart as StandardPart
    from typing import Any
else:
    StandardPart = late("email.message", "MIMEPart")
    StandardMessage = late("email.message", "EmailMessage")

__all__ = ["EmailMessage", "Message"]


class Message(rsmtp.message.Message, metaclass=Mirrored):
    """A message with the `compat32` policy: fields are stored unchanged."""

    def __init__(self, policy: Any = None) -> None:
        self._reset(compat32 if policy is None else policy)

    def _take(self, data: Any, encoder: Callable[[Any], object]) -> None:
        """Make `data` the payload, encoded by `encoder`."""
        if encoder is encoders.encode_base64 and self._is_plain:
            self._become_data(data)
        else:
            self.set_payload(data)
            encoder(self)


@derived
class MIMEPart(Message, StandardPart):
    """A part with the `default` policy: fields are objects that know their syntax."""

    def __init__(self, policy: Any = None) -> None:
        self._reset(_default() if policy is None else policy)

    def as_string(self, unixfrom: bool = False, maxheaderlen: int | None = None, policy: Any = None) -> str:
        """The whole message as text; `maxheaderlen` defaults to the policy's."""
        policy = self.policy if policy is None else policy
        if maxheaderlen is None:
            maxheaderlen = policy.max_line_length or 0
        text: str = super().as_string(unixfrom, maxheaderlen, policy)
        return text

    def __str__(self) -> str:
        return self.as_string(policy=self.policy.clone(utf8=True))

    # -- finding content

    def is_attachment(self) -> bool:
        """Whether Content-Disposition says `attachment` (RFC 2183)."""
        field = self.get("content-disposition")
        return field is not None and field.content_disposition == "attachment"

    def get_body(self, preferencelist: Sequence[str] = ("related", "html", "plain")) -> Any:
        """The part that is most suitable as the body; None if there is none.

        `preferencelist` contains kinds of bodies, the preferred one first. Attachments
        are skipped.
        """
        best: tuple[int, Any] | None = None
        for rank, part in _bodies(self, self, preferencelist):
            if best is None or rank < best[0]:
                best = (rank, part)
            if rank == 0:
                break
        return best[1] if best else None

    def iter_parts(self) -> Iterator[Any]:
        """The direct parts of a multipart; none for any other type."""
        if self.is_multipart():
            yield from self.get_payload()

    def iter_attachments(self) -> Iterator[Any]:
        """The parts that aren't the body."""
        maintype, subtype = self.get_content_type().split("/")
        parts = self.get_payload()
        if maintype != "multipart" or subtype == "alternative" or not isinstance(parts, list):
            return
        if subtype == "related":
            root = _root_of_related(self, parts)
            yield from [part for part in parts if part is not root]
            return
        # The first part of each kind of body isn't an attachment.
        seen = set()
        for part in parts.copy():
            kind = part.get_content_type()
            if kind in _BODY_TYPES and not _is_attachment(part) and kind not in seen:
                seen.add(kind)
                continue
            yield part

    # -- content

    def get_content(self, *args: Any, content_manager: Any = None, **kw: Any) -> Any:
        """The content, as the content manager returns it: a str for text, and so on."""
        manager = self.policy.content_manager if content_manager is None else content_manager
        return manager.get_content(self, *args, **kw)

    def set_content(self, *args: Any, content_manager: Any = None, **kw: Any) -> None:
        """Replace the content. The content manager sets the fields that it needs."""
        manager = self.policy.content_manager if content_manager is None else content_manager
        manager.set_content(self, *args, **kw)

    def clear(self) -> None:
        """Remove all fields and the payload."""
        self._replace_fields([])
        self._payload = None

    def clear_content(self) -> None:
        """Remove the payload and all fields that describe it."""
        self._replace_fields([field for field in self.raw_items() if not _is_about_content(field)])
        self._payload = None

    # -- converting to a multipart

    def make_related(self, boundary: str | None = None) -> None:
        """Convert to multipart/related. Raises ValueError if it is alternative or mixed."""
        self._make_multipart("related", ("alternative", "mixed"), boundary)

    def make_alternative(self, boundary: str | None = None) -> None:
        """Convert to multipart/alternative. Raises ValueError if it is mixed."""
        self._make_multipart("alternative", ("mixed",), boundary)

    def make_mixed(self, boundary: str | None = None) -> None:
        """Convert to multipart/mixed."""
        self._make_multipart("mixed", (), boundary)

    def add_related(self, *args: Any, **kw: Any) -> None:
        """Add a part, inline, to a multipart/related."""
        self._add_part("related", args, kw, "inline")

    def add_alternative(self, *args: Any, **kw: Any) -> None:
        """Add a part to a multipart/alternative."""
        self._add_part("alternative", args, kw, None)

    def add_attachment(self, *args: Any, **kw: Any) -> None:
        """Add a part, as an attachment, to a multipart/mixed."""
        self._add_part("mixed", args, kw, "attachment")

    def _make_multipart(
        self, subtype: str, disallowed_subtypes: tuple[str, ...], boundary: str | None
    ) -> None:
        if self.get_content_maintype() == "multipart":
            existing = self.get_content_subtype()
            if existing in (*disallowed_subtypes, subtype):
                raise ValueError(f"Cannot convert {existing} to {subtype}")
        fields = list(self.raw_items())
        about_content = [field for field in fields if _is_about_content(field)]
        if about_content:
            part = type(self)(policy=self.policy)
            part._replace_fields(about_content)
            part._payload = self._payload
            self._payload = [part]
        else:
            self._payload = []
        self._replace_fields([field for field in fields if not _is_about_content(field)])
        self["Content-Type"] = "multipart/" + subtype
        if boundary is not None:
            self.set_param("boundary", boundary)

    def _add_part(
        self, subtype: str, args: tuple[Any, ...], kw: dict[str, Any], disposition: str | None
    ) -> None:
        if self.get_content_type() != "multipart/" + subtype:
            getattr(self, "make_" + subtype)()
        part = type(self)(policy=self.policy)
        part.set_content(*args, **kw)
        if disposition and "content-disposition" not in part:
            part["Content-Disposition"] = disposition
        self.attach(part)


@derived
class EmailMessage(MIMEPart, StandardMessage):
    """A whole message with the `default` policy."""

    def set_content(self, *args: Any, **kw: Any) -> None:
        super().set_content(*args, **kw)
        if "MIME-Version" not in self:
            self["MIME-Version"] = "1.0"


def _default() -> Any:
    # These imports are at the end, because the modules refer to each other.
    from rsmtp.email.policy import default

    return default


_BODY_TYPES = {"text/plain", "text/html", "multipart/related", "multipart/alternative"}


def _is_about_content(field: tuple[str, Any]) -> bool:
    return field[0].lower().startswith("content-")


# Parts may be of other classes, such as `MIMEText`, which have only the methods of `Message`.


def _is_attachment(part: Any) -> bool:
    ask = getattr(part, "is_attachment", None)
    return bool(ask()) if ask is not None else part.get_content_disposition() == "attachment"


def _root_of_related(message: Any, parts: Sequence[Any]) -> Any:
    """The part that the others belong to (RFC 2387 section 3.2)."""
    start = message.get_param("start")
    if start:
        for part in parts:
            if part.get("content-id") == start:
                return part
    return parts[0] if parts else None


def _bodies(message: Any, part: Any, preferences: Sequence[str]) -> Iterator[tuple[int, Any]]:
    """(rank, part) of all candidates for the body, in the order of the message."""
    if _is_attachment(part):
        return
    maintype, subtype = part.get_content_type().split("/")
    if maintype == "text":
        if subtype in preferences:
            yield preferences.index(subtype), part
        return
    if maintype != "multipart" or not message.is_multipart():
        return
    if subtype != "related":
        for inner in part.get_payload() if part.is_multipart() else ():
            yield from _bodies(message, inner, preferences)
        return
    if "related" in preferences:
        yield preferences.index("related"), part
    root = _root_of_related(part, part.get_payload()) if part.is_multipart() else None
    if root is not None:
        yield from _bodies(message, root, preferences)


__getattr__ = _rest.of(__name__)
