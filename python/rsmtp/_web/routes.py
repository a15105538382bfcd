"""Routing. A route is a method, a path, and a function that takes the request and the path's parameters
and returns an Answer. Numbers in paths are decimal."""

import importlib.resources
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from rsmtp._web import policy
from rsmtp._web.answer import Answer, Json, Refusal

API: Final = "/api/v1"
#: Rows of a list per answer: the default and the maximum.
PAGE: Final = 50
LARGEST_PAGE: Final = 1_000
Context = TypeVar("Context")
_KINDS: Final = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
}


@dataclass(frozen=True)
class Request(Generic[Context]):
    """A request that has passed the guard. Without a body, `body` is {}."""

    #: The object that the functions work with.
    context: Context
    query: Mapping[str, str]
    body: Json
    is_local: bool


Function = Callable[..., Answer]


class Routes:
    """The routes of one site."""

    def __init__(self) -> None:
        self._routes: list[tuple[str, re.Pattern[str], Function]] = []

    def answer(self, method: str, path: str, request: "Request[Any]") -> Answer:
        """Raises Refusal (404, 405) if no route matches."""
        allowed = set()
        for its_method, pattern, function in self._routes:
            found = pattern.fullmatch(path)
            if found is None:
                continue
            if method == its_method or (method == "HEAD" and its_method == "GET"):
                return function(request, *map(int, found.groups()))
            allowed.add(its_method)
        if allowed:
            raise Refusal(405, f"{path} can be asked for with {', '.join(sorted(allowed))} only")
        raise Refusal(404, f"there is nothing at {path}")

    def route(self, method: str, path: str) -> Callable[[Function], Function]:
        def register(function: Function) -> Function:
            pattern = re.escape(path).replace("NUMBER", "([0-9]{1,15})")
            self._routes.append((method, re.compile(pattern), function))
            return function

        return register

    def files(self, package: str, names: Iterable[str]) -> None:
        """Files of a package's folder `static`, which is under /static/; index.html is the page."""
        folder = importlib.resources.files(package) / "static"
        for name in names:

            def file(request: Request[Any], name: str = name) -> Answer:
                kind = _KINDS[name.rpartition(".")[2]]
                return Answer((folder / name).read_bytes(), kind, headers=policy.PAGE)

            self.route("GET", "/" if name == "index.html" else f"/static/{name}")(file)

    def shared_files(self) -> None:
        """The static files that all pages share."""
        names = [f"{name}.js" for name in ("api", "choosing", "elements", "keyboard", "list", "parts")]
        self.files("rsmtp._web", ["style.css", *names])


def number(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    given = query.get(name)
    if given is None:
        return default
    if re.fullmatch("[0-9]{1,16}", given, re.ASCII) and least <= int(given) <= most:
        return int(given)
    raise Refusal(400, f"{name}: a number from {least} to {most} is wanted")


def numbers(body: Mapping[str, Any], name: str) -> list[int]:
    """A list of messages' numbers in a body."""
    given = body[name]
    if isinstance(given, list) and all(type(one) is int and 0 < one <= 10**15 for one in given):
        return given
    raise Refusal(400, f"{name}: a list of messages' numbers is wanted")


def before(given: Mapping[str, Any]) -> int | None:
    """`before` of a query or a body: the number below which messages are meant."""
    if given.get("before") is None:
        return None
    return number({"before": str(given["before"])}, "before", 0, 1, 10**15)


def page_of(query: Mapping[str, str]) -> tuple[int, int | None]:
    """`limit` and `before` of a list."""
    return number(query, "limit", PAGE, 1, LARGEST_PAGE), before(query)
