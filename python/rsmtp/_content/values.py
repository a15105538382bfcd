"""What a value of a row means in a template, if it is not one of Python's own plain types."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# The missing values of pandas.
_MISSING = {"NAType", "NaTType"}
# Integers below it are the engine's, and numbers with so many digits are told apart by floats.
_LARGEST = 2**63
_DIGITS = 15


def _is_frame(value: Any) -> bool:
    """Whether this may be a frame of pandas or polars; the code that reads it checks further."""
    kind = type(value)
    if not hasattr(kind, "columns") and not hasattr(kind, "column_names"):
        return False
    from rsmtp._content.tables import is_frame

    return is_frame(value)


def plain(value: Any) -> Any:
    """The plain form of a value: a NumPy number becomes Python's, a missing value None, a set a list, a
    frame a table. Other values are unchanged: a date or a Decimal keeps its methods and its own text.

    The type is asked, and not the value, which may have any attribute, or raise for it."""
    kind = type(value)
    if kind.__name__ in _MISSING:
        return None
    if hasattr(kind, "dtype") and hasattr(kind, "item") and value.ndim == 0:
        return value.item()
    if _is_frame(value):
        from rsmtp._content.tables import table

        return table(value)
    if isinstance(value, (set, frozenset)):
        return list(value)
    if hasattr(kind, "keys") and hasattr(kind, "__getitem__") and not hasattr(kind, "dtype"):
        return {key: value[key] for key in value.keys()}  # noqa: SIM118
    return value


def compared(value: Any) -> Any:
    """What a comparison takes for an object: the number or text that it is, whatever its class. A template
    knows no order of others and plain values but that of their kinds. ValueError for a Decimal
    that a float can't tell from its neighbours."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, int):
        return int.__index__(value) if abs(value) < _LARGEST else float(value)
    from decimal import Decimal
    from fractions import Fraction

    if not isinstance(value, (Decimal, Fraction)):
        return value
    if isinstance(value, Decimal) and not value.is_finite():
        return float(value)
    if -_LARGEST < value < _LARGEST and value == int(value):
        return int(value)
    if isinstance(value, Decimal) and len(value.normalize().as_tuple().digits) > _DIGITS:
        raise ValueError(f"{value} has more than {_DIGITS} digits: round it to be compared")
    return float(value)
