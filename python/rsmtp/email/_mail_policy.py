"""The policy of `rsmtp.Message`. Apart from `email.policy`'s own, which load the standard
library's message classes."""

from __future__ import annotations

from rsmtp._common.arguments import has_surrogates
from rsmtp.email._policybase import Policy, split_source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any


class MailPolicy(Policy):
    """The policy of `rsmtp.Message`: safe as it stands.

    Control characters are refused when a field is set; what isn't ASCII is encoded
    when it is rendered (`utf8`: not in fields, RFC 6532); Bcc isn't rendered.
    """

    _family = "modern"

    cte_type = "7bit"
    utf8 = False

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, Any]:
        """The name up to the colon; the value without its folds."""
        name, value = split_source(sourcelines)
        return name, value.replace("\r", "").replace("\n", "")

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        """The name and the text of the value."""
        return name, str(value)

    def header_fetch_parse(self, name: str, value: Any) -> Any:
        """The value as it is stored."""
        return value

    def fold(self, name: str, value: Any) -> str:
        """As `rsmtp.Message` writes a field."""
        return self.fold_binary(name, value).decode("utf-8")

    def fold_binary(self, name: str, value: Any) -> bytes:
        """As `rsmtp.Message` writes a field."""
        from rsmtp import _rsmtp

        return _rsmtp._fold_field(name, str(value), self.linesep, self.utf8)


MailPolicy.__module__ = "rsmtp.email.policy"  # where people find it, pickles too
mail = MailPolicy()


class FieldText(str):
    """The text of a field that folds itself, as the values of `email.policy.default` do:
    for generators that have a policy of their own, which knows no other way of encoding."""

    __slots__ = ("name",)
    name: str

    def fold(self, *, policy: Any) -> str:
        ours = mail.clone(linesep=policy.linesep, utf8=getattr(policy, "utf8", False))
        folded: str = ours.fold(self.name, str(self))
        return folded


def fold_themselves(items: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Fields as generators want them."""
    for name, value in items:
        if type(value) is str and not value.isascii() and not has_surrogates(value):
            value = FieldText(value)
            value.name = name
        yield name, value
