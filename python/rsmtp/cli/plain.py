"""Reads a plain command line: one in which every option is spelled out and has its value.

Importing argparse and building its parsers takes longer than sending a message. So a command
declares its arguments to a `Plain` first, which has argparse's methods for that, and the words are
read by it. Everything else (help, abbreviations, whatever is wrong) is left to argparse.
"""

from __future__ import annotations

from rsmtp.cli.one_name import one_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence
    from typing import Any, TypeAlias

    # What the arguments of a command are declared to.
    Declares: TypeAlias = "argparse._ActionsContainer | Plain"

# What argparse does without an own class. The others need one value.
_FLAG = "store_true"
_READ = ("store", "append", one_name, _FLAG)


class Plain:
    """The arguments of one command: options, and at most one positional argument, which is optional."""

    def __init__(self, declare: Callable[[Declares], None]) -> None:
        self._options: dict[str, _Option] = {}
        self._positional: str | None = None
        self._given: dict[str, Any] = {}
        declare(self)

    def add_argument(self, *names: str, nargs: str | None = None, **declared: Any) -> None:
        if not names[0].startswith("-"):
            assert nargs == "?" and self._positional is None
            (self._positional,) = names
            self._given[names[0]] = None
            return
        option = _Option(names, **declared)
        self._given[option.name] = option.default
        self._options |= dict.fromkeys(names, option)

    def add_argument_group(self, title: str) -> Plain:
        return self

    def set_defaults(self, **given: Any) -> None:
        self._given |= given

    def read(self, words: Sequence[str]) -> Given | None:
        """What argparse would make of the words, or None if argparse has to read them."""
        given, rest, positional = dict(self._given), iter(words), False
        for word in rest:
            if not word.startswith("-") or word == "-":
                if positional or self._positional is None:
                    return None
                positional, given[self._positional] = True, word
                continue
            name, equals, value = word.partition("=")
            if (option := self._options.get(name)) is None or option.action not in _READ:
                return None
            if option.action == _FLAG:
                if equals:
                    return None
                given[option.name] = True
                continue
            if not equals:
                value = next(rest, "-?")
            # A value that begins with a dash may be an option.
            if (value.startswith("-") and value != "-") or not option.takes(value, given):
                return None
        return Given(given)


class _Option:
    def __init__(
        self,
        names: Sequence[str],
        *,
        action: Any = "store",
        type: Callable[[str], Any] = str,
        choices: Sequence[Any] | None = None,
        metavar: str | None = None,
        help: str | None = None,
    ) -> None:
        self.name = next(name for name in names if name.startswith("--"))[2:].replace("-", "_")
        self.action = action
        self.type = type
        self.choices = choices
        self.default = False if action == _FLAG else None

    def takes(self, text: str, given: dict[str, Any]) -> bool:
        """Adds the value, unless it is wrong."""
        try:
            value = self.type(text)
        except Exception:  # argparse tells what is wrong
            return False
        if self.choices is not None and value not in self.choices:
            return False
        earlier = given[self.name]
        if self.action is one_name and earlier is not None:
            return False
        given[self.name] = [*(earlier or ()), value] if self.action == "append" else value
        return True


class Given:
    """As argparse.Namespace."""

    def __init__(self, given: dict[str, Any]) -> None:
        self.__dict__.update(given)
