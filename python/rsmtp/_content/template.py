"""`rsmtp.Template`: a message with placeholders."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import cache

import rsmtp
from rsmtp._common import arguments
from rsmtp._common.annotations import later
from rsmtp._common.tracebacks import public
from rsmtp._content.parts import Parts
from rsmtp._rsmtp import Templates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, Self
else:
    later(globals(), "Any Callable Iterable Self")


@public
class Template:
    """A message whose texts are templates in Jinja2's syntax, compiled once.

        welcome = rsmtp.Template("Dear {{ name }}, ...", subject="Welcome, {{ name }}")
        mailer.send(welcome.message({"name": "Ann"}, from_="shop@example.com", to="ann@example.org"))

    Each argument is one of `Message`'s, and every text in it may contain placeholders: `text`, `html`,
    `subject`, names and values of `headers`, `attachments`, `unsubscribe`, ... `rsmtp.merge` fills them
    in for each row of a table. A function in place of a text is called with the row.

    Values remain text: they are escaped in HTML, can't end a header field, are never read as a
    template, and can't add a recipient. An unknown name is an error that names it, and so is a value
    that is None or NaN where it would be shown.

    Args:
        text, html, subject, ...: as for `Message`. `text="auto"` is made from the filled-in HTML.
        attachments: as for `Message`; `"invoices/{{ id }}.pdf"` is a file in invoices, or below.
        base: the folder for files that `attachments` names; no row can lead out of it. Default: the part
            of the path before the first placeholder.
        templates: names and sources of templates that others include, extend or import.
        filters: names and functions: `filters={"money": lambda x: f"{x:,.2f}"}`.
        context: values for all rows; the values of a row have precedence.
        env: a Jinja2 environment to use instead of our own engine, with its loader, filters and globals.
            HTML is escaped, and undefined names are errors, unless it has an `undefined` of its own.

    In a template `row` is the whole row: `{{ row["First name"] }}`. `unsubscribe_url` is the link that
    `unsubscribe` makes.

    Raises ValueError for a template that can't be compiled, naming it and the line.
    """

    def __init__(
        self,
        text: str | Callable[[Any], str] | None = None,
        *,
        subject: Any = None,
        html: Any = None,
        headers: Any = None,
        attachments: Any = None,
        base: str | os.PathLike[str] | None = None,
        templates: Mapping[str, str] | None = None,
        filters: Mapping[str, Callable[..., Any]] | None = None,
        context: Mapping[str, Any] | None = None,
        env: Any = None,
        **more: Any,
    ) -> None:
        given = {
            "text": text,
            "subject": subject,
            "html": html,
            "headers": headers,
            "attachments": attachments,
        }
        self._fill(given | more, {}, base, templates, filters, context, env)

    def _fill(
        self,
        given: dict[str, Any],
        names: Mapping[str, str],
        base: Any,
        templates: Any,
        filters: Any,
        context: Any,
        env: Any,
    ) -> None:
        self._arguments = {name: value for name, value in given.items() if value is not None}
        _read_files(self._arguments)
        self._library = dict(_named("templates", templates))
        for name, source in self._library.items():
            arguments.text(f"templates: {name}", source)
        self._filters = dict(_named("filters", filters))
        for name, function in self._filters.items():
            arguments.function(f"filters: {name}", function)
        self._context = dict(_named("context", context))
        self._base = None if base is None else arguments.path("base", base)
        if env is not None and not hasattr(env, "from_string"):
            raise arguments.wanted("env", "an environment of Jinja2", env)
        self._env = env
        #: The names that errors use for arguments from files.
        self._names = names
        self._filled_: Filled | None = None
        check_arguments("Template", self._arguments)
        self._filled()

    @classmethod
    def from_folder(
        cls,
        folder: str | os.PathLike[str],
        *,
        layouts: str | os.PathLike[str] | None = None,
        filters: Mapping[str, Callable[..., Any]] | None = None,
        context: Mapping[str, Any] | None = None,
        env: Any = None,
        **more: Any,
    ) -> Self:
        """A template made from the files of a folder:

        - `subject.txt`, and `body.html`, `body.txt`, `body.md` or several of them. Without `body.txt` the
          text is made from the HTML.
        - Pictures that the HTML references (`<img src="logo.png">`) are sent with it.
        - The files in the folder `attachments` are attached to each message.
        - Other files can be included, extended or imported, by their names in the folder. The same goes for
          files in `layouts`, a folder that several templates can share. No other file is found.

        Args:
            filters, context, env: as for `Template`.
            more: further arguments, such as `from_="..."`.

        Raises OSError for a folder that can't be read, and ValueError if there is no body, or if files
        are not templates.
        """
        from rsmtp._content.folder import read

        found = read(folder, layouts)
        made = cls.__new__(cls)
        made._fill(found.arguments | more, found.names, None, found.library, filters, context, env)
        return made

    def message(self, values: Any = None, /, **more: Any) -> rsmtp.Message:
        """The message for these values: a mapping, a named tuple or a data class.

        Further arguments are `Message`'s, and are used unchanged: `to=user.email`. ValueError says what is
        wrong, and names the placeholder that could not be filled in.
        """
        row = {} if values is None else as_row(values)
        filled = self._filled()
        check_arguments("message", more)
        made, faults = filled.arguments_for([row])[0]
        if faults:
            raise ValueError("; ".join(faults))
        return rsmtp.Message(**(made | more))

    def __repr__(self) -> str:
        shown = self._arguments.get("subject")
        return f"<Template {shown!r}>" if isinstance(shown, str) else "<Template>"

    def _filled(
        self, more: Mapping[str, Any] | None = None, context: Mapping[str, Any] | None = None
    ) -> Filled:
        """The compiled template, with further arguments."""
        if more or context:
            return Filled(self, self._arguments | dict(more or {}), self._context | dict(context or {}))
        if self._filled_ is None:
            self._filled_ = Filled(self, self._arguments, self._context)
        return self._filled_


class Filled:
    """A template's compiled arguments: turns rows into the arguments of messages."""

    def __init__(self, template: Template, given: Mapping[str, Any], context: dict[str, Any]) -> None:
        self.parts = Parts(given, template._names, template._base)
        if template._env is None:
            for name, source, _ in self.parts.sources:
                if not isinstance(source, str):
                    raise arguments.wanted(name, "a str", source)
            self._templates: Any = Templates(
                self.parts.sources,
                template._library,
                list(template._filters.items()),
                context,
                self.parts.given,
            )
        else:
            from rsmtp._content.jinja import JinjaTemplates

            self._templates = JinjaTemplates(
                template._env, self.parts, template._library, template._filters, context
            )

    @property
    def names(self) -> list[str]:
        """The names that the templates use."""
        found: list[str] = self._templates.names
        return found

    def arguments_for(self, rows: list[dict[str, Any]]) -> list[tuple[dict[str, Any], list[str]]]:
        """For each row the arguments of its message, or all that is wrong with it."""
        found: list[tuple[dict[str, Any], list[str]]] = []
        for row, said in zip(rows, self._rendered(rows), strict=True):
            if isinstance(said, Exception):
                found.append(({}, [words_of(said)]))
                continue
            faults = self._all_told(said, row)
            made: dict[str, Any] = {}
            if not faults:
                try:
                    made = self.parts.made(said, row)
                except Exception as raised:
                    faults = [words_of(raised)]
            found.append((made, faults))
        return found

    def _rendered(self, rows: list[dict[str, Any]]) -> list[Any]:
        try:
            found: list[Any] = self._templates.render(rows)
            return found
        except Exception as raised:
            # A value of one row raises when it is looked at; the others are rendered without it.
            return [raised] if len(rows) == 1 else [one for row in rows for one in self._rendered([row])]

    def _all_told(self, said: list[Any], row: dict[str, Any]) -> list[str]:
        """Each error once, with all arguments that have it."""
        found: dict[str, list[str]] = {}
        for place, one in enumerate(said):
            if type(one) is tuple:
                having = found.setdefault(self._told(place, one, row), [])
                if self.parts.arguments[place] not in having:
                    having.append(self.parts.arguments[place])
        return [f"{', '.join(having)}: {words}" for words, having in found.items()]

    def _told(self, place: int, fault: tuple[str, str, str, str, int], row: dict[str, Any]) -> str:
        kind, asked, was, where, line = fault
        argument = self.parts.arguments[place]
        own = self.parts.sources[place][0].rstrip("'")
        where = where.rstrip("'")
        there = f" ({where}, line {line})" if where and where not in (argument, own) else ""
        if not there and (line > 1 or own != argument):
            there = f" ({own}, line {line})" if own != argument else f" (line {line})"
        if kind == "undefined":
            near = arguments.meant(asked, row) if asked.isidentifier() else ""
            words = f"{asked!r} is not in the row{near}"
        elif kind == "missing":
            words = f"{asked!r} has no value (None or NaN)"
        elif kind == "line end":
            words = f"{asked!r} has a line end or a control character in it: {was}"
        else:
            words = asked
        return words + there


def words_of(raised: BaseException) -> str:
    """The message of an exception, as an error of a row."""
    words = str(raised)
    return (
        words
        if isinstance(raised, (ValueError, TypeError)) and words
        else f"{type(raised).__name__}: {words}"
    )


def as_row(given: Any) -> dict[str, Any]:
    """Names and values of what may be a row. TypeError for what is none."""
    if isinstance(given, Mapping):
        if not isinstance(given, dict):  # SQLAlchemy's mappings(): a name may be there twice
            check_names("row", given)
        # A copy: a generator may fill one dict again for each row, and rows are read ahead.
        found = dict(given)
        more = found.pop(None, None)
        if isinstance(more, list) and any(more):  # csv.DictReader, of a line with a comma too many
            raise ValueError(f"row: it has more cells than columns are named: {more!r}")
    elif hasattr(given, "_asdict"):  # named tuples, and SQLAlchemy's rows
        check_names("row", getattr(given, "_fields", ()))
        found = given._asdict()
    elif hasattr(given, "keys") and hasattr(given, "__getitem__"):  # sqlite3.Row
        names = list(given.keys())
        check_names("row", names)
        found = {name: given[name] for name in names}
    elif hasattr(given, "__dataclass_fields__") and not isinstance(given, type):
        found = {name: getattr(given, name) for name in given.__dataclass_fields__}
    else:
        raise arguments.wanted("row", "a mapping of names to values, a named tuple or a data class", given)
    if not all(isinstance(name, str) for name in found):
        check_names("row", map(str, found))
        found = {str(name): value for name, value in found.items()}
    return found


def check_names(where: str, names: Iterable[str]) -> None:
    """Each name stands for one column: with two, a message could go to the wrong one's address."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{where}: two columns are called {name!r}")
        seen.add(name)


def _read_files(given: dict[str, Any]) -> None:
    """Reads HTML and Markdown from the Path of a file. Pictures that it references are beside it."""
    for name in ("html", "markdown"):
        if isinstance(file := given.get(name), os.PathLike):
            with open(file, encoding="utf-8-sig") as opened:
                try:
                    given[name] = opened.read()
                except UnicodeDecodeError as wrong:
                    raise ValueError(
                        f"{name}: {os.fspath(file)!r} is not UTF-8 at octet {wrong.start}"
                    ) from None
            given.setdefault("inline_from", os.path.dirname(os.path.abspath(file)))


def _named(argument: str, given: Any) -> Mapping[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, Mapping) or not all(isinstance(name, str) for name in given):
        raise arguments.wanted(argument, "a dict of names", given)
    return given


@cache
def _arguments_of_a_message() -> frozenset[str]:
    import inspect

    return frozenset(inspect.signature(rsmtp.Message).parameters)


def check_arguments(name: str, given: Iterable[str]) -> None:
    """Raises TypeError for an argument that `Message` does not have."""
    known = _arguments_of_a_message()
    for argument in given:
        if argument not in known:
            near = arguments.meant(argument, known)
            if name == "message" and not near:
                near = f": what is filled in is given as a mapping, message({{{argument!r}: ...}})"
            raise TypeError(f"{name}() got an unexpected keyword argument {argument!r}{near}")
