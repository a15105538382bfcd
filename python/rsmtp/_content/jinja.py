"""Templates rendered by the caller's Jinja2 environment, under the same rules as our own engine."""

from __future__ import annotations

from typing import Any

from rsmtp._content.parts import Parts
from rsmtp._content.values import plain


class JinjaTemplates:
    """The counterpart of `_rsmtp.Templates` for Jinja2."""

    def __init__(
        self,
        env: Any,
        parts: Parts,
        library: dict[str, str],
        filters: dict[str, Any],
        context: dict[str, Any],
    ) -> None:
        import jinja2

        self._jinja2 = jinja2
        self._parts, self._context = parts, context
        changes: dict[str, Any] = {}
        # If it is another class, the caller has chosen it.
        if env.undefined is jinja2.Undefined:
            changes["undefined"] = jinja2.StrictUndefined
        if library:
            loaders = [jinja2.DictLoader(library), *([env.loader] if env.loader is not None else [])]
            changes["loader"] = jinja2.ChoiceLoader(loaders)
        html, plain = (env.overlay(autoescape=escaped, **changes) for escaped in (True, False))
        for each in (html, plain):
            each.filters = {**each.filters, **filters}
        self._templates = []
        for name, source, kind in parts.sources:
            try:
                chosen = html if kind == "html" else plain
                self._templates.append(source if hasattr(source, "render") else chosen.from_string(source))
            except jinja2.TemplateSyntaxError as wrong:
                raise ValueError(f"{wrong.name or name}, line {wrong.lineno}: {wrong.message}") from None

    @property
    def names(self) -> list[str]:
        from jinja2 import meta

        found: set[str] = set()
        for template, (_, source, _) in zip(self._templates, self._parts.sources, strict=True):
            if isinstance(source, str):
                found |= meta.find_undeclared_variables(template.environment.parse(source))
        return sorted(found)

    def render(self, rows: list[dict[str, Any]]) -> list[list[Any]]:
        return [self._row(row) for row in rows]

    def _row(self, row: dict[str, Any]) -> list[Any]:
        values = {"row": row, **self._context, **row}
        for name, value in values.items():
            if hasattr(value, "columns"):
                values[name] = plain(value)
        known = {}
        for place, name in self._parts.given:
            said = self._one(place, values)
            values.setdefault(name, said if isinstance(said, str) else "")
            known[place] = said
        count = len(self._templates)
        return [known[place] if place in known else self._one(place, values) for place in range(count)]

    def _one(self, place: int, values: dict[str, Any]) -> Any:
        name, _source, kind = self._parts.sources[place]
        try:
            said: str = self._templates[place].render(values)
        except self._jinja2.UndefinedError as wrong:
            words = wrong.message or str(wrong)
            if words.startswith("'") and words.endswith("' is undefined"):
                return "undefined", words.split("'")[1], "", name, 1
            return "other", words, "", name, 1
        except Exception as wrong:
            return "other", f"{type(wrong).__name__}: {wrong}", "", name, 1
        if kind != "line":
            return said
        lines = said.strip().splitlines()
        if len(lines) > 1:
            for column, value in values.items():
                if isinstance(value, str) and len(value.splitlines()) > 1 and value.strip() in said:
                    return "line end", column, repr(value[:60]), name, 1
        return " ".join(line.strip() for line in lines if line.strip())
