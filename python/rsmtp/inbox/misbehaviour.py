"""Faults from JSON: the arguments of `Catcher.fault`, by their names."""

from typing import Any, Final

from rsmtp import Catcher
from rsmtp._web.answer import Json, Refusal

ARGUMENTS: Final[dict[str, type | tuple[type, ...]]] = {
    "address": str,
    "times": int,
    "skip": int,
    "delay": (int, float),
    "drip": (int, float),
    "endless": bool,
    "stall": bool,
    "disconnect": (bool, str),
    "accept": bool,
    "after": int,
    "certificate": str,
}
NAMES: Final = ["stage", "reply", "extra", *ARGUMENTS]


def arm(catcher: Catcher, given: Json) -> int:
    """Adds the fault and returns its number. Raises Refusal (400) for what makes no
    sense."""
    for name in given:
        if name not in NAMES:
            raise Refusal(400, f"{name!r} is no argument of a fault; there are {', '.join(NAMES)}")
    stage = given.get("stage")
    if not isinstance(stage, str):
        raise Refusal(400, f"stage: one of {', '.join(catcher.stages())} is wanted")
    arguments: dict[str, Any] = {}
    for name, kind in ARGUMENTS.items():
        value = given.get(name)
        if value is None:
            continue
        # To Python, true is a number.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind in (int, (int, float))):
            raise Refusal(400, f"{name}: {value!r} has the wrong type")
        arguments[name] = value
    for name in ("reply", "extra"):
        if given.get(name) is not None:
            arguments[name] = _words(name, given[name])
    try:
        return catcher.fault(stage, **arguments)
    except (ValueError, TypeError, OverflowError) as error:
        raise Refusal(400, str(error)) from None


def _words(name: str, value: object) -> Any:
    """{"code": 450, "text": "4.2.1 later"}, {"octets": "each character one octet"}, "usual"."""
    if value == "usual":
        return value
    if isinstance(value, dict) and set(value) <= {"code", "text"}:
        code, text = value.get("code"), value.get("text", "")
        if (
            isinstance(code, int)
            and not isinstance(code, bool)
            and 0 <= code <= 999
            and isinstance(text, str)
        ):
            return (code, text)
    if isinstance(value, dict) and set(value) == {"octets"} and isinstance(value["octets"], str):
        try:
            return value["octets"].encode("latin-1")
        except UnicodeEncodeError:
            raise Refusal(400, f"{name}: octets go up to U+00FF") from None
    raise Refusal(400, f'{name}: {{"code": 450, "text": "..."}}, {{"octets": "..."}} or "usual" is wanted')
