"""Tags: those in a message's X-Tags fields, and those that people add."""

import re
import threading
from collections.abc import Callable
from typing import Final

from rsmtp._web.answer import Refusal

MOST_TAGS: Final = 20
TAG: Final = re.compile(r"[^\W_][\w .@+-]{0,49}")


def of_field(value: str | None) -> list[str]:
    """The tags of an X-Tags field, as Mailpit reads it: separated by commas."""
    names = (name.strip() for name in (value or "").split(","))
    return list(dict.fromkeys(name for name in names if TAG.fullmatch(name)))[:MOST_TAGS]


def checked(names: object) -> list[str]:
    """Raises Refusal (400) for what is not a list of tags."""
    if not isinstance(names, list) or len(names) > MOST_TAGS:
        raise Refusal(400, f"tags: a list of at most {MOST_TAGS} tags is wanted")
    for name in names:
        if not isinstance(name, str) or not TAG.fullmatch(name):
            raise Refusal(
                400, "tags: a tag has 1 to 50 letters, digits, spaces or .@+-, a letter or digit first"
            )
    return list(dict.fromkeys(names))


class Tags:
    """The tags that people have given, by a message's number. Threads may share it."""

    def __init__(self, changed: Callable[[int], object] = lambda number: None) -> None:
        """`changed` is called with a message's number after its tags have changed."""
        self._given: dict[int, list[str]] = {}
        self._changed = changed
        self._lock = threading.Lock()

    def of(self, number: int) -> list[str] | None:
        """None: the message has its own tags."""
        with self._lock:
            given = self._given.get(number)
            return None if given is None else list(given)

    def put(self, number: int, names: list[str]) -> None:
        with self._lock:
            self._given[number] = list(names)
        self._changed(number)

    def restore(self, number: int, names: list[str]) -> None:
        """Tags of an earlier run."""
        with self._lock:
            self._given[number] = list(names)

    def forget(self, numbers: set[int]) -> None:
        with self._lock:
            for number in numbers:
                self._given.pop(number, None)

    def numbers(self) -> set[int]:
        with self._lock:
            return set(self._given)
