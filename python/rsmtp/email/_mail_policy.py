"""The policy of `rsmtp.Message`. It is not in `email.policy`, because the policies there load the
standard library's message classes."""

from __future__ import annotations

from rsmtp._common.arguments import has_surrogates
from rsmtp.email._policybase import Policy, split_source

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any


class MailPolicy(Policy):
    """The policy of `rsmtp.Message`, with safe defaults.

    Control characters are refused when a field is set. Text that isn't ASCII is encoded when
    the message is rendered (with `utf8`, not in fields, RFC 6532). Bcc isn't rendered.
    """

    _family = "modern"

    cte_type = "7bit"
    utf8 = False

    def header_source_parse(self, sourcelines: list[str]) -> tuple[str, Any]:
        """The name is the text before the colon. Line folds are removed from the value."""
        name, value = split_source(sourcelines)
        return name, value.replace("\r", "").replace("\n", "")

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        """The name, and the value as a text."""
        return name, str(value)

    def header_fetch_parse(self, name: str, value: Any) -> Any:
        """The value, as it is stored."""
        return value

    def fold(self, name: str, value: Any) -> str:
        """The field as `rsmtp.Message` writes it."""
        return self.fold_binary(name, value).decode("utf-8")

    def fold_binary(self, name: str, value: Any) -> bytes:
        """The field as `rsmtp.Message` writes it, in bytes."""
        from rsmtp import _rsmtp

        return _rsmtp._fold_field(name, str(value), self.linesep, self.utf8)


MailPolicy.__module__ = "rsmtp.email.policy"  # where users find it, and pickles
mail = MailPolicy()


class FieldText(str):
    """The text of a field that can fold itself, like the values of `email.policy.default`. It is for
    generators with a different policy, which could not encode the text."""

    __slots__ = ("name",)
    name: str

    def fold(self, *, policy: Any) -> str:
        ours = mail.clone(linesep=policy.linesep, utf8=getattr(policy, "utf8", False))
        folded: str = ours.fold(self.name, str(self))
        return folded


def fold_themselves(items: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """The fields, in a form that generators can fold."""
    for name, value in items:
        if type(value) is str and not value.isascii() and not has_surrogates(value):
            value = FieldText(value)
            value.name = name
        yield name, value
