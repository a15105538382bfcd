"""What a value of a row means in a template, where it is none of Python's own plain types."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# What pandas has where there is nothing.
_MISSING = {"NAType", "NaTType"}


def plain(value: Any) -> Any:
    """A number of NumPy is Python's, a missing value None, a set a list. Anything else stays
    what it is: a date or a Decimal has its methods and its own text."""
    kind = type(value)
    if kind.__name__ in _MISSING:
        return None
    if hasattr(value, "dtype") and hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        return value.item()
    if isinstance(value, (set, frozenset)):
        return list(value)
    if hasattr(value, "keys") and hasattr(value, "__getitem__") and not hasattr(value, "dtype"):
        return {key: value[key] for key in value.keys()}  # noqa: SIM118
    return value
