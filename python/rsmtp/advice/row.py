"""One piece of advice: by what words of a server it is known, what they mean, and what to do."""

from __future__ import annotations

from typing import Literal, NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re


class Receiver(NamedTuple):
    """Whose words they are."""

    name: str
    #: Domains of its servers, and of the addresses that it gives out.
    hosts: tuple[str, ...]
    #: What its words can be known by, wherever they are repeated: a regular expression.
    mark: str


#: Said by many.
ANY = Receiver("", (), "")


class Advice(NamedTuple):
    """What a refusal means, and what to do about it. As text: both, and where it is written.

    The first four are for people; by the rest a refusal is known. All that is given has to fit:
    `receiver`, one of `codes`, one of `enhanced`, and `words`.
    """

    name: str
    #: What it means, and what to do, each in one or two sentences.
    means: str
    do: str
    #: Where that is written, and when it was read, as "2026-11-27".
    source: str
    read: str
    receiver: Receiver = ANY
    #: Reply codes.
    codes: tuple[int, ...] = ()
    #: Enhanced status codes (RFC 3463). "?.7.26" stands for 4.7.26 and 5.7.26.
    enhanced: tuple[str, ...] = ()
    #: What the server's words have somewhere: a regular expression, whatever the case.
    words: str = ""
    #: "recipient": the mailbox takes no mail for good. "time": the same may be taken later. "message":
    #: it is refused for what it is, or for where it comes from.
    about: Literal["recipient", "time", "message"] = "message"

    @property
    def who(self) -> str:
        """Whose words they are, as "Gmail"; empty for what many servers say."""
        return self.receiver.name

    @property
    def weight(self) -> int:
        """The more it asks for, the more it knows: whose words they are, the detail, the words."""
        return sum(map(bool, (self.receiver.name, self.has_detail, self.words)))

    @property
    def has_detail(self) -> bool:
        """Whether it asks for a code that says more than "for a matter of policy"."""
        return any(code[1:] not in (".7.0", ".7.1") for code in self.enhanced)

    def to_dict(self) -> dict[str, str]:
        """For JSON."""
        return {
            "name": self.name,
            "who": self.who,
            "means": self.means,
            "do": self.do,
            "about": self.about,
            "source": self.source,
            "read": self.read,
        }

    def __str__(self) -> str:
        said = f"{self.who}: {self.means}" if self.who else self.means
        return f"{said} {self.do} ({self.source})"


class Refusal(NamedTuple):
    """What is known of a refusal."""

    code: int | None
    text: str
    #: Enhanced status codes that are in the text.
    enhanced: frozenset[str]
    #: Whose server it is, and the recipient's domain.
    hosts: tuple[str, ...]

    def fits(self, row: Advice, receiver: re.Pattern[str] | None, words: re.Pattern[str] | None) -> bool:
        if row.codes and self.code not in row.codes:
            return False
        if row.enhanced and not self._has_one_of(row.enhanced):
            return False
        if words is not None and not words.search(self.text):
            return False
        return receiver is None or self._is_of(row.receiver, receiver)

    def _has_one_of(self, wanted: tuple[str, ...]) -> bool:
        return any(
            one in self.enhanced
            or (one[0] == "?" and not self.enhanced.isdisjoint({"4" + one[1:], "5" + one[1:]}))
            for one in wanted
        )

    def _is_of(self, receiver: Receiver, mark: re.Pattern[str]) -> bool:
        ours = (
            host == domain or host.endswith(f".{domain}") for host in self.hosts for domain in receiver.hosts
        )
        return any(ours) or bool(mark.search(self.text))
