"""What a value of a row means in a template, if it is not one of Python's own plain types."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# The missing values of pandas.
_MISSING = {"NAType", "NaTType"}


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
