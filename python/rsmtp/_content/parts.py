"""A message's arguments as templates: which of their texts are rendered, and which arguments they
become for each row."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from rsmtp._common.arguments import characters, wanted
from rsmtp._rsmtp import _envelope_addresses

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeAlias

    # Computes an argument's value from the rendered parts of a row, and the row.
    Node: TypeAlias = Callable[[list[Any], dict[str, Any]], Any]

#: The name of the unsubscribe link in the other parts.
UNSUBSCRIBE_URL = "unsubscribe_url"

_ADDRESSES = ("from_", "to", "cc", "bcc", "reply_to", "sender", "read_receipt")
_KINDS = {"text": "text", "html": "html", "markdown": "markdown"}
_MARKS = re.compile(r"\{\{|\{%|\{#")
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_ENCODED_WORD = re.compile(r"=\?[^?\s]+\?[bBqQ]\?")
# Fields that say who sends and gets the message, and how its content is to be read.
_OWN_FIELD = re.compile(
    r"(?:resent-)?(?:from|sender|reply-to|to|cc|bcc|date|message-id)|subject|mime-version|content-.*|"
    r"return-path|dkim-signature",
    re.IGNORECASE,
)
# "Name <address>", by its last angle brackets.
_NAMED = re.compile(r"\s*(.*?)\s*<\s*([^<>]*?)\s*>\s*", re.DOTALL)


def is_template(text: str) -> bool:
    return _MARKS.search(text) is not None


class Parts:
    """The templates in the arguments, and how rendered texts become the arguments of a message."""

    def __init__(self, arguments: Mapping[str, Any], names: Mapping[str, str], base: Any = None) -> None:
        """`names`: the names that errors use for arguments from files."""
        #: (name, source, kind), in the form that the engine takes.
        self.sources: list[tuple[str, Any, str]] = []
        #: Parts that other parts can use as values.
        self.given: list[tuple[int, str]] = []
        #: For each part, the argument that it belongs to.
        self.arguments: list[str] = []
        self._names, self._base = names, base
        self._nodes = {
            name: self._node(name, value) for name, value in arguments.items() if value is not None
        }

    def made(self, said: list[Any], row: dict[str, Any]) -> dict[str, Any]:
        """The arguments for a row. Raises ValueError, and the errors of the caller's functions."""
        found = {}
        for name, node in self._nodes.items():
            value = node(said, row)
            if value is not None:
                found[name] = value
        return found

    # -- by argument --------------------------------------------------------------------------

    def _node(self, name: str, value: Any) -> Node:
        # A template object of Jinja2 is already compiled.
        if name in _KINDS and (isinstance(value, str) or hasattr(value, "render")) and value != "auto":
            return self._part(name, value, _KINDS[name])
        if name in _ADDRESSES and isinstance(value, (str, tuple, list)):
            return self._addresses(name, value)
        if name == "attachments":
            return self._attachments(value)
        if name == "unsubscribe" and isinstance(value, (str, list, tuple)):
            return self._unsubscribe(value)
        if name == "headers" and isinstance(value, (Mapping, list, tuple)):
            return self._headers(value)
        return self._any(name, value)

    def _any(self, name: str, value: Any) -> Node:
        """Renders the texts in a value, and calls functions with the row. Other values are unchanged."""
        if isinstance(value, str):
            return self._line(name, value)
        if _is_function(value):
            return lambda said, row: value(row)
        if type(value) in (list, tuple):
            nodes = [self._any(name, one) for one in value]
            kind = type(value)
            return lambda said, row: kind([node(said, row) for node in nodes])
        if type(value) is dict:
            return self._mapping(name, value)
        return lambda said, row: value

    def _mapping(self, name: str, value: Mapping[Any, Any]) -> Node:
        pairs = [
            (self._any(f"{name}: a name", key), self._any(f"{name}: {key}", one))
            for key, one in value.items()
        ]
        return lambda said, row: _each_once(name, [(key(said, row), one(said, row)) for key, one in pairs])

    def _headers(self, value: Any) -> Node:
        """Fields by name, or as pairs. A row can't name a field that the message makes of its arguments,
        such as Bcc."""
        pairs = []
        for pair in value.items() if isinstance(value, Mapping) else value:
            if not isinstance(pair, (tuple, list)) or len(pair) != 2:
                return self._any("headers", value)
            key, content = pair
            node = self._any(f"headers: {key}", content)
            if isinstance(key, str) and is_template(key):
                pairs.append((self._field_name(key), node))
            else:
                pairs.append((_constant(key), node))
        return lambda said, row: [(key(said, row), node(said, row)) for key, node in pairs]

    def _field_name(self, source: str) -> Node:
        node = self._line("headers: a name", source)

        def field_name(said: list[Any], row: dict[str, Any]) -> str:
            name: str = node(said, row)
            if _OWN_FIELD.fullmatch(name.strip()):
                raise ValueError(
                    f"headers: a row can't name the field {name!r}, which has an argument of its own"
                )
            return name

        return field_name

    def _line(self, name: str, source: str) -> Node:
        if not is_template(source):
            return lambda said, row: source
        node = self._part(name, source, "line")

        def line(said: list[Any], row: dict[str, Any]) -> str:
            text: str = node(said, row)
            if "=?" in text and _ENCODED_WORD.search(text):
                raise ValueError(
                    f"{name}: {text!r} begins an encoded-word (RFC 2047), which readers would decode"
                )
            return text

        return line

    def _part(self, name: str, source: Any, kind: str) -> Node:
        if isinstance(source, str):
            characters(name, source)
            if kind != "markdown" and not is_template(source):
                return lambda said, row: source
        place = len(self.sources)
        shown = self._names.get(name, name)
        taken = {known for known, _, _ in self.sources}
        while shown in taken:
            shown += "'"
        self.sources.append((shown, source, kind))
        self.arguments.append(name)
        return lambda said, row: said[place]

    # -- addresses ----------------------------------------------------------------------------

    def _addresses(self, name: str, value: Any) -> Node:
        if isinstance(value, tuple) and len(value) == 2 and all(isinstance(one, str) for one in value):
            return self._mailbox(name, *value)
        if isinstance(value, str):
            if not is_template(value):
                return lambda said, row: value
            return self._list(name, [self._address(name, one) for one in _split(value)], alone=True)
        return self._list(
            name,
            [
                self._addresses(name, one) if isinstance(one, (str, tuple)) else self._any(name, one)
                for one in value
            ],
        )

    def _list(self, name: str, nodes: list[Node], *, alone: bool = False) -> Node:
        if alone and len(nodes) == 1:
            node = nodes[0]
            return lambda said, row: node(said, row) or _empty(name)

        def several(said: list[Any], row: dict[str, Any]) -> Any:
            found: list[Any] = []
            for node in nodes:
                one = node(said, row)
                if isinstance(one, list):
                    found += one
                elif one:
                    found.append(one)
            return found or _empty(name)

        return several

    def _address(self, name: str, source: str) -> Node:
        """One address, whatever the row contains: a value with several can't add recipients."""
        if (named := _NAMED.fullmatch(source)) and is_template(source):
            return self._mailbox(name, *named.groups())
        node = self._line(name, source)
        return lambda said, row: _one_address(name, node(said, row))

    def _mailbox(self, name: str, shown: str, address: str) -> Node:
        """(name, address): the row's value for the name is never read as an address."""
        node, spec = self._line(name, shown.strip('"')), self._line(name, address)

        def mailbox(said: list[Any], row: dict[str, Any]) -> Any:
            bare = _one_address(name, spec(said, row))
            who = node(said, row).strip()
            return (who, bare) if bare and who else bare

        return mailbox

    # -- the rest ---------------------------------------------------------------------------------

    def _unsubscribe(self, value: Any) -> Node:
        nodes = []
        for one in [value] if isinstance(value, str) else value:
            before = len(self.sources)
            nodes.append(self._any("unsubscribe", one))
            if len(self.sources) > before and str(one).startswith(("https:", "{{")) and not self.given:
                self.given.append((before, UNSUBSCRIBE_URL))
        if isinstance(value, str):
            return nodes[0]
        kind = type(value)
        return lambda said, row: kind([node(said, row) for node in nodes])

    def _attachments(self, value: Any) -> Node:
        if isinstance(value, Mapping):
            pairs = [
                (self._line("attachments", name), self._content(content)) for name, content in value.items()
            ]
            return lambda said, row: _each_once(
                "attachments", [(name(said, row), made(said, row)) for name, made in pairs]
            )
        if isinstance(value, (str, os.PathLike)):
            node = self._file(value)
            return lambda said, row: [node(said, row)]
        if isinstance(value, list) or (isinstance(value, tuple) and not _is_named(value)):
            nodes = [self._attachment(one) for one in value]
            return lambda said, row: [node(said, row) for node in nodes]
        return self._attachment(value)

    def _attachment(self, value: Any) -> Node:
        if isinstance(value, (str, os.PathLike)):
            return self._file(value)
        if isinstance(value, tuple) and _is_named(value):
            name, content, *more = value
            node, inner = self._line("attachments", name), self._content(content)
            return lambda said, row: (node(said, row), inner(said, row), *more)
        return self._any("attachments", value)

    def _content(self, value: Any) -> Node:
        """The content of an attachment: a text is the content itself, a Path names another file."""
        if isinstance(value, str):
            return self._part("attachments", value, "text")
        if isinstance(value, os.PathLike):
            return self._file(value)
        if isinstance(value, tuple) and len(value) == 2:
            inner, kind = self._content(value[0]), value[1]
            return lambda said, row: (inner(said, row), kind)
        return self._any("attachments", value)

    def _file(self, value: Any) -> Node:
        """A file by its path. Values of a row can't lead to a file outside the folder that the template
        or `base` names."""
        source = os.fspath(value)
        if not isinstance(source, str):
            raise wanted("attachments", "a path, a str or a Path,", value)
        if not is_template(source):
            path = source if self._base is None else os.path.join(self._base, source)
            return lambda said, row: _path(path)
        literal = os.path.dirname(source[: _MARKS.search(source).start()])  # type: ignore[union-attr]
        base = self._base if self._base is not None else literal
        if not base:
            raise ValueError(
                f"attachments: {source!r}: which folder may the rows name files of? Begin with it "
                f"('invoices/{source}'), or say base='invoices'"
            )
        root = os.path.realpath(base)
        node = self._line("attachments", source)

        def file(said: list[Any], row: dict[str, Any]) -> Any:
            given: str = node(said, row)
            path = given if self._base is None else os.path.join(base, given)
            if "\0" in path or not os.path.realpath(path).startswith(os.path.join(root, "")):
                raise ValueError(f"attachments: {given!r} leads out of the folder {os.fspath(base)!r}")
            if not os.path.isfile(path):
                raise ValueError(f"attachments: there is no file {path!r}")
            return _path(path)

        return file


def _each_once(argument: str, named: list[tuple[Any, Any]]) -> dict[Any, Any]:
    found: dict[Any, Any] = {}
    for name, content in named:
        if name in found:
            raise ValueError(f"{argument}: two of them are called {name!r} in this row")
        found[name] = content
    return found


def _constant(value: Any) -> Node:
    return lambda said, row: value


def _path(path: str) -> Any:
    """The path as a Path, because a str would be read as content in some places."""
    from pathlib import Path

    return Path(path)


def _is_function(value: Any) -> bool:
    return callable(value) and not isinstance(value, type) and not hasattr(value, "read")


def _is_named(value: tuple[Any, ...]) -> bool:
    """Whether this is (filename, content), or the same with a type."""
    return len(value) in (2, 3) and isinstance(value[0], str)


def _split(source: str) -> list[str]:
    """Splits at the commas between addresses, but not at those in quotes or in tags."""
    # Each tag becomes one character, so that its content does not separate addresses.
    tags: list[str] = []

    def kept(match: re.Match[str]) -> str:
        tags.append(match[0])
        return "\ue000"

    bare = _TAG.sub(kept, source)
    pieces = re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^,"])+', bare)
    found = []
    for piece in pieces:
        text = re.sub("\ue000", lambda _: tags.pop(0), piece).strip()
        if text:
            found.append(text)
    return found or [source]


def _empty(name: str) -> Any:
    if name in ("to", "from_"):
        raise ValueError(f"{name}: it is empty")


def _one_address(name: str, text: str) -> str:
    text = text.strip()
    # Only these characters can separate addresses (RFC 5322 section 3.4).
    if "," in text or ";" in text or ":" in text:
        found = _envelope_addresses(name, text, True)
        if len(found) != 1:
            raise ValueError(
                f"{name}: {text!r} has {len(found)} addresses, where one is meant; a function gives several: "
                f"{name}=lambda row: [...]"
            )
    if text and "@" not in text:
        # A table has "nan" or "None" where nothing is known, or another column's cell.
        raise ValueError(
            f"{name}: {text!r} has no domain; a function gives a mailbox of the server itself: "
            f"{name}=lambda row: [...]"
        )
    return text
