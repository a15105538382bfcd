"""Policies: `email.policy`, and `mail`, which is rsmtp's own.

`mail` is the policy of `rsmtp.Message`: UTF-8, values are plain text, and everything is
checked when it is set and encoded when it is rendered.
"""

from __future__ import annotations

import re
import sys
from typing import Any

from rsmtp._common.arguments import has_surrogates
from rsmtp.email import _rest
from rsmtp.email._mail_policy import MailPolicy, mail
from rsmtp.email._policybase import (
    Compat32,
    Policy,
    blank_before,
    compat32,
    split_source,
)
from rsmtp.email.errors import HeaderWriteError

__all__ = [
    "HTTP",
    "SMTP",
    "SMTPUTF8",
    "Compat32",
    "EmailPolicy",
    "MailPolicy",
    "Policy",
    "compat32",
    "default",
    "mail",
    "strict",
]

_LINE_ENDS = re.compile(r"\n|\r\n?")
# A line that SMTP carries (RFC 5321 4.5.3.1.6), and the name before it.
_LONGEST = 900


class EmailPolicy(Policy):
    """Fields are objects that know their syntax (RFC 5322) and fold themselves.

    utf8 (False): write fields in UTF-8 (RFC 6532) instead of encoded-words.
    refold_source ("long"): which parsed fields to fold again: "none", "long" or "all".
    header_factory: creates field objects; it is called with a name and a value.
    content_manager: used by `get_content` and `set_content`.
    """

    _family = "structured"

    utf8 = False
    refold_source = "long"
    message_factory: Any = None
    header_factory: Any = None
    content_manager: Any = None

    def __init__(self, **kw: Any) -> None:
        # Each new policy has its own factory; clones share it.
        if "header_factory" not in kw:
            from rsmtp.email.headerregistry import HeaderRegistry

            object.__setattr__(self, "header_factory", HeaderRegistry())
        super().__init__(**kw)

    def header_max_count(self, name: str) -> int | None:
        """The limit of the class for fields with this name."""
        count: int | None = self.header_factory[name].max_count
        return count

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, Any]:
        """The name is the text before the colon. The value keeps its line folds."""
        return split_source(sourcelines)

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        """A field object. Raises ValueError if the value contains line ends."""
        if getattr(value, "name", None) is not None and value.name.lower() == name.lower():
            return name, value
        if isinstance(value, str) and len(value.splitlines()) > 1:
            error = ValueError("Header values may not contain linefeed or carriage return characters")
            error.add_note(f"The field is {name}.")  # tests compare the message
            raise error
        return name, self.header_factory(name, value)

    def header_fetch_parse(self, name: str, value: Any) -> Any:
        """A field object, whatever kind of value is stored."""
        if hasattr(value, "name"):
            return value
        return self.header_factory(name, _unfolded(value))

    def fold(self, name: str, value: Any) -> str:
        """A field object folds itself. Parsed fields are folded as `refold_source` says, and
        raw bytes in them are encoded."""
        return self._fold(name, value, refold_binary=True)

    def fold_binary(self, name: str, value: Any) -> bytes:
        """The same in bytes. Raw bytes are unchanged, unless `cte_type` is "7bit"."""
        folded = self._fold(name, value, refold_binary=self.cte_type == "7bit")
        try:
            return folded.encode("utf8" if self.utf8 else "ascii", "surrogateescape")
        except UnicodeEncodeError as error:
            raise HeaderWriteError(
                f"{name}: {folded[error.start : error.end]!r} stands in an address or an identifier, which "
                "can't be encoded: only a server that offers SMTPUTF8 takes it (RFC 6531); use "
                "policy.SMTPUTF8"
            ) from None

    def _fold(self, name: str, value: Any, refold_binary: bool) -> str:
        if hasattr(value, "name"):
            folded: str = value.fold(policy=self)
            return folded
        lines = _LINE_ENDS.split(value)
        if self._refolds(name, value, lines, refold_binary):
            refolded: str = self.header_factory(name, _unfolded(value)).fold(policy=self)
            if self.utf8 or refolded.isascii() or not value.isascii() or max(map(len, lines)) > _LONGEST:
                return refolded
            # Encoded-words where an address should be (mail to a list that hides its members, say) are
            # decoded as parts of an address, which has no encoded form: they stay as they came.
        return f"{name}:{blank_before(value)}{self.linesep.join(lines)}{self.linesep}"

    def _refolds(self, name: str, value: str, lines: list[str], refold_binary: bool) -> bool:
        longest = self.max_line_length or sys.maxsize
        if self.refold_source == "all":
            return True
        if self.refold_source == "long" and (
            len(lines[0]) + len(name) + 2 > longest or any(len(line) > longest for line in lines[1:])
        ):
            return True
        if sys.version_info < (3, 13):
            return refold_binary and has_surrogates(value)
        if not self.utf8:
            return not value.isascii()
        return refold_binary and has_surrogates(value)


def _unfolded(value: str) -> str:
    """The value without line folds; one of them may be between the name and the value."""
    return "".join(_LINE_ENDS.split(value)).lstrip(" \t")


def _finish() -> None:
    """Adds the attributes of the classes whose modules import this one."""
    from rsmtp.email.contentmanager import raw_data_manager
    from rsmtp.email.headerregistry import HeaderRegistry
    from rsmtp.email.message import EmailMessage

    EmailPolicy.message_factory = EmailMessage
    EmailPolicy.header_factory = HeaderRegistry()
    EmailPolicy.content_manager = raw_data_manager


default = EmailPolicy.__new__(EmailPolicy)
strict = default.clone(raise_on_defect=True)
SMTP = default.clone(linesep="\r\n")
HTTP = default.clone(linesep="\r\n", max_line_length=None)
SMTPUTF8 = SMTP.clone(utf8=True)

_finish()

__getattr__ = _rest.of(__name__)
