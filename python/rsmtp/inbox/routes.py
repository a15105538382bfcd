"""The REST API, and the page's own files. `docs/inbox.md` is its description.

A route is a method, a path and a function that takes the request and what the path
names, and returns an Answer. Numbers in paths are decimal and end nowhere else.
"""

import importlib.resources
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event
from typing import Final

from rsmtp import Catcher
from rsmtp.inbox import caught, events, html_view, misbehaviour, policy, release, tags
from rsmtp.inbox.answer import NOTHING, Answer, Json, Refusal, as_file, as_json
from rsmtp.inbox.index import Index

API: Final = "/api/v1"
PAGE: Final = 50
LARGEST_PAGE: Final = 1_000
LONGEST_WAIT: Final = 60.0
FILES: Final = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/static/style.css": ("style.css", "text/css; charset=utf-8"),
    **{
        f"/static/{name}.js": (f"{name}.js", "text/javascript; charset=utf-8")
        for name in ("app", "api", "connections", "elements", "faults", "list", "message", "release")
    },
}


@dataclass(frozen=True)
class Context:
    """What the routes work with."""

    catcher: Catcher
    index: Index
    stopping: Event
    show_password: bool


@dataclass(frozen=True)
class Request:
    """A request that has passed the guard. `body` is {} without one."""

    context: Context
    query: Mapping[str, str]
    body: Json
    is_local: bool


Function = Callable[..., Answer]
_ROUTES: Final[list[tuple[str, re.Pattern[str], Function]]] = []


def answer(method: str, path: str, request: Request) -> Answer:
    """Raises Refusal (404, 405) where no route fits."""
    allowed = set()
    for its_method, pattern, function in _ROUTES:
        found = pattern.fullmatch(path)
        if found is None:
            continue
        if method == its_method or (method == "HEAD" and its_method == "GET"):
            return function(request, *map(int, found.groups()))
        allowed.add(its_method)
    if allowed:
        raise Refusal(405, f"{path} can be asked for with {', '.join(sorted(allowed))} only")
    raise Refusal(404, f"there is nothing at {path}")


def route(method: str, path: str) -> Callable[[Function], Function]:
    def register(function: Function) -> Function:
        pattern = re.escape(path).replace("NUMBER", "([0-9]{1,15})")
        _ROUTES.append((method, re.compile(pattern), function))
        return function

    return register


@route("GET", f"{API}/server")
def server(request: Request) -> Answer:
    context = request.context
    described = caught.server(
        context.catcher, show_password=context.show_password, may_release=request.is_local
    )
    return as_json(described)


@route("GET", f"{API}/events")
def listen(request: Request) -> Answer:
    pieces = events.stream(request.context.catcher, request.context.stopping)
    return Answer(pieces, "text/event-stream")


@route("GET", f"{API}/messages")
def messages(request: Request) -> Answer:
    context, query = request.context, request.query
    limit = _number(query, "limit", PAGE, 1, LARGEST_PAGE)
    before = _number(query, "before", 0, 1, 10**15) if "before" in query else None
    if "wait_for" in query:
        count = _number(query, "wait_for", 1, 0, 10**15)
        events.wait_for_count(context.catcher, count, _seconds(query, "timeout"), context.stopping)
    return as_json(context.index.page(query.get("search", ""), before, limit))


@route("DELETE", f"{API}/messages")
def delete_all(request: Request) -> Answer:
    request.context.catcher.clear()
    return NOTHING


@route("GET", f"{API}/messages/NUMBER")
def message(request: Request, number: int) -> Answer:
    index = request.context.index
    found = index.message(number)
    return as_json(caught.detail(found, index.summary(found), index.mail(found)))


@route("DELETE", f"{API}/messages/NUMBER")
def delete(request: Request, number: int) -> Answer:
    if not request.context.catcher.delete(number):
        raise Refusal(404, f"there is no message {number} (any more)")
    return NOTHING


@route("GET", f"{API}/messages/NUMBER/html")
def html(request: Request, number: int) -> Answer:
    index = request.context.index
    mail = index.mail(index.message(number))
    if mail.html is None:
        raise Refusal(404, f"message {number} has no HTML")
    body = html_view.view(mail).encode("utf-8", "replace")
    return Answer(body, "text/html; charset=utf-8", headers=policy.MAIL)


@route("GET", f"{API}/messages/NUMBER/source")
def source(request: Request, number: int) -> Answer:
    data = request.context.index.message(number).data
    return as_file(data, f"message-{number}.eml", "message/rfc822")


@route("GET", f"{API}/messages/NUMBER/parts/NUMBER")
def part(request: Request, number: int, wanted: int) -> Answer:
    index = request.context.index
    mail = index.mail(index.message(number))
    for one in mail.parts:
        if one.index == wanted:
            return as_file(one.content, one.name)
    raise Refusal(404, f"message {number} has no part {wanted}")


@route("GET", f"{API}/messages/NUMBER/parts/NUMBER/picture")
def picture(request: Request, number: int, wanted: int) -> Answer:
    index = request.context.index
    for one in index.mail(index.message(number)).parts:
        kind = one.picture_type if one.index == wanted else None
        if kind is not None:
            return Answer(one.content, kind, headers=policy.DATA)
    raise Refusal(404, f"message {number} has no picture {wanted}")


@route("POST", f"{API}/messages/NUMBER/tags")
def tag(request: Request, number: int) -> Answer:
    index = request.context.index
    message = index.message(number)
    index.tags.put(number, tags.checked(request.body.get("tags")))
    return as_json(index.summary(message))


@route("POST", f"{API}/messages/NUMBER/release")
def release_message(request: Request, number: int) -> Answer:
    if not request.is_local:
        raise Refusal(
            403, "only this machine itself may release mail; otherwise other machines could send through it"
        )
    return as_json(release.release(request.context.index.message(number), request.body))


@route("GET", f"{API}/connections")
def connections(request: Request) -> Answer:
    limit = _number(request.query, "limit", PAGE, 1, LARGEST_PAGE)
    latest = request.context.catcher.conversations[::-1][:limit]
    return as_json({"connections": [caught.connection(one, with_lines=False) for one in latest]})


@route("GET", f"{API}/connections/NUMBER")
def connection(request: Request, number: int) -> Answer:
    for one in request.context.catcher.conversations:
        if one.number == number:
            return as_json(caught.connection(one, with_lines=True))
    raise Refusal(404, f"there is no connection {number} (any more)")


@route("GET", f"{API}/faults")
def faults(request: Request) -> Answer:
    return as_json({"faults": [caught.fault(one) for one in request.context.catcher.faults]})


@route("POST", f"{API}/faults")
def add_fault(request: Request) -> Answer:
    catcher = request.context.catcher
    number = misbehaviour.arm(catcher, request.body)
    added = [caught.fault(one) for one in catcher.faults if one.number == number]
    return as_json(added[0] if added else {"number": number}, status=201)


@route("DELETE", f"{API}/faults")
def clear_faults(request: Request) -> Answer:
    request.context.catcher.clear_faults()
    return NOTHING


@route("DELETE", f"{API}/faults/NUMBER")
def remove_fault(request: Request, number: int) -> Answer:
    if not request.context.catcher.remove_fault(number):
        raise Refusal(404, f"there is no fault {number} (any more)")
    return NOTHING


def _register_files() -> None:
    folder = importlib.resources.files("rsmtp.inbox") / "static"
    for path, (name, content_type) in FILES.items():

        def file(request: Request, name: str = name, content_type: str = content_type) -> Answer:
            return Answer((folder / name).read_bytes(), content_type, headers=policy.PAGE)

        route("GET", path)(file)


_register_files()


def _number(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    given = query.get(name)
    if given is None:
        return default
    if re.fullmatch("[0-9]{1,15}", given, re.ASCII) and least <= int(given) <= most:
        return int(given)
    raise Refusal(400, f"{name}: a number from {least} to {most} is wanted")


def _seconds(query: Mapping[str, str], name: str) -> float:
    given = query.get(name, "10")
    if re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,6})?", given, re.ASCII) and float(given) <= LONGEST_WAIT:
        return float(given)
    raise Refusal(400, f"{name}: seconds are wanted, at most {LONGEST_WAIT:.0f}")
