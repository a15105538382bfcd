"""The findings of a check."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["Finding", "Findings", "LintError", "Severity"]

#: "error": receivers refuse it, or readers don't get what was meant. "warning": it may be taken for
#: spam, or some readers miss something. "hint": it could be better.
Severity = Literal["error", "warning", "hint"]

RANK = {"error": 0, "warning": 1, "hint": 2}


@dataclass(frozen=True)
class Finding:
    """One thing that a receiver or a reader may object to.

    Attributes:
        rule: its name, as `ignore=` takes it: "subject-missing".
        severity: "error", "warning" or "hint".
        message: what was found.
        why: who objects, and why.
        advice: what to do.
        source: the source of the rule, an RFC or a page.
        where: the field, the part or the line.
    """

    rule: str
    severity: Severity
    message: str
    why: str
    advice: str
    source: str
    where: str = ""

    def to_dict(self) -> dict[str, str]:
        """For JSON."""
        return asdict(self)

    def __str__(self) -> str:
        place = f" ({self.where})" if self.where else ""
        return f"{self.severity}: {self.message}{place} [{self.rule}]"


class Findings(list[Finding]):
    """The findings of one check, the gravest first. Empty, and false, if there are none."""

    def __init__(self, found: Iterable[Finding] = ()) -> None:
        super().__init__(sorted(found, key=lambda finding: RANK[finding.severity]))

    @property
    def errors(self) -> Findings:
        """The findings of severity "error"."""
        return Findings(finding for finding in self if finding.severity == "error")

    def at_least(self, severity: Severity) -> Findings:
        """The findings of this severity or a graver one."""
        return Findings(finding for finding in self if RANK[finding.severity] <= RANK[severity])

    def to_dicts(self) -> list[dict[str, str]]:
        """For JSON."""
        return [finding.to_dict() for finding in self]

    def __str__(self) -> str:
        if not self:
            return "nothing found"
        return "\n".join(f"{finding}\n    {finding.advice}" for finding in self)

    def __repr__(self) -> str:
        return f"<Findings: {summary(self)}>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        from rsmtp.display import findings

        return findings.bundle(self)


def summary(findings: Iterable[Finding]) -> str:
    """The number of findings of each severity."""
    counts = dict.fromkeys(RANK, 0)
    for finding in findings:
        counts[finding.severity] += 1
    said = [f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts.items() if count]
    return ", ".join(said) or "nothing"


class LintError(ValueError):
    """A mailer with `lint="refuse"` does not send this message. `findings` are its errors."""

    def __init__(self, findings: Findings) -> None:
        first = findings[0]
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        super().__init__(f"lint: {first.message} [{first.rule}]{more}. {first.why} {first.advice}")
        self.findings = findings

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.findings,)
