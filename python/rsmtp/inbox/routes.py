"""The REST API, and the page's own files. `docs/inbox.md` is its description."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Event
from typing import Final

from rsmtp import Catcher, lint
from rsmtp._web import events, shown
from rsmtp._web.answer import NOTHING, Answer, Json, Refusal, as_json
from rsmtp._web.mail import Mail
from rsmtp._web.routes import API, Request, Routes, before, number, numbers, page_of
from rsmtp.inbox import caught, misbehaviour, release, tags, waiting
from rsmtp.inbox.index import Index

LONGEST_WAIT: Final = 60.0


@dataclass(frozen=True)
class Context:
    """What the routes work with."""

    catcher: Catcher
    index: Index
    stopping: Event
    show_password: bool


ROUTES: Final = Routes()
route = ROUTES.route
FILES: Final = [
    "index.html",
    "inbox.css",
    *(f"{name}.js" for name in ("app", "connections", "faults", "message", "release", "rows")),
]
ROUTES.shared_files()
ROUTES.files("rsmtp.inbox", FILES)


@route("GET", f"{API}/server")
def server(request: Request[Context]) -> Answer:
    context = request.context
    described = caught.server(
        context.catcher, show_password=context.show_password, may_release=request.is_local
    )
    return as_json(described)


@route("GET", f"{API}/events")
def listen(request: Request[Context]) -> Answer:
    catcher = request.context.catcher

    def wait(news: Json, seconds: float) -> None:
        catcher.wait_for_change(news["changes"], timeout=seconds)

    pieces = events.stream(lambda: caught.news(catcher), wait, request.context.stopping)
    return Answer(pieces, "text/event-stream")


@route("GET", f"{API}/messages")
def messages(request: Request[Context]) -> Answer:
    context, query = request.context, request.query
    limit, before = page_of(query)
    if "wait_for" in query:
        count = number(query, "wait_for", 1, 0, 10**15)
        waiting.wait_for_count(context.catcher, count, _seconds(query, "timeout"), context.stopping)
    return as_json(context.index.page(query.get("search", ""), before, limit))


@route("DELETE", f"{API}/messages")
def delete_all(request: Request[Context]) -> Answer:
    request.context.catcher.clear()
    return NOTHING


@route("POST", f"{API}/messages/delete")
def delete_many(request: Request[Context]) -> Answer:
    given, context = request.body, request.context
    if ("numbers" in given) == ("search" in given) or given.keys() - {"numbers", "search", "before"}:
        raise Refusal(400, "which messages? Either numbers, or search and before, choose them")
    if "numbers" in given:
        chosen = numbers(given, "numbers")
    elif isinstance(given["search"], str):
        chosen = context.index.matching(given["search"], before(given))
    else:
        raise Refusal(400, "search: a text is wanted")
    done = sum(context.catcher.delete(number) for number in dict.fromkeys(chosen))
    return as_json({"done": done, "left": len(set(chosen)) - done, "next": None})


@route("GET", f"{API}/messages/NUMBER")
def message(request: Request[Context], number: int) -> Answer:
    index = request.context.index
    found = index.message(number)
    return as_json(caught.detail(found, index.summary(found), index.mail(found)))


@route("GET", f"{API}/messages/NUMBER/lint")
def lint_message(request: Request[Context], number: int) -> Answer:
    return as_json({"findings": lint(request.context.index.message(number).data).to_dicts()})


@route("DELETE", f"{API}/messages/NUMBER")
def delete(request: Request[Context], number: int) -> Answer:
    if not request.context.catcher.delete(number):
        raise Refusal(404, f"there is no message {number} (any more)")
    return NOTHING


@route("GET", f"{API}/messages/NUMBER/html")
def html(request: Request[Context], number: int) -> Answer:
    return shown.html(number, _mail(request, number))


@route("GET", f"{API}/messages/NUMBER/source")
def source(request: Request[Context], number: int) -> Answer:
    return shown.source(number, request.context.index.message(number).data)


@route("GET", f"{API}/messages/NUMBER/parts/NUMBER")
def part(request: Request[Context], number: int, wanted: int) -> Answer:
    return shown.part(number, _mail(request, number), wanted)


@route("GET", f"{API}/messages/NUMBER/parts/NUMBER/picture")
def picture(request: Request[Context], number: int, wanted: int) -> Answer:
    return shown.picture(number, _mail(request, number), wanted)


@route("POST", f"{API}/messages/NUMBER/tags")
def tag(request: Request[Context], number: int) -> Answer:
    index = request.context.index
    message = index.message(number)
    index.tags.put(number, tags.checked(request.body.get("tags")))
    return as_json(index.summary(message))


@route("POST", f"{API}/messages/NUMBER/release")
def release_message(request: Request[Context], number: int) -> Answer:
    if not request.is_local:
        raise Refusal(
            403, "only this machine itself may release mail; otherwise other machines could send through it"
        )
    return as_json(release.release(request.context.index.message(number), request.body))


@route("GET", f"{API}/connections")
def connections(request: Request[Context]) -> Answer:
    limit, _ = page_of(request.query)
    latest = request.context.catcher.conversations[::-1][:limit]
    return as_json({"connections": [caught.connection(one, with_lines=False) for one in latest]})


@route("GET", f"{API}/connections/NUMBER")
def connection(request: Request[Context], number: int) -> Answer:
    for one in request.context.catcher.conversations:
        if one.number == number:
            return as_json(caught.connection(one, with_lines=True))
    raise Refusal(404, f"there is no connection {number} (any more)")


@route("GET", f"{API}/faults")
def faults(request: Request[Context]) -> Answer:
    return as_json({"faults": [caught.fault(one) for one in request.context.catcher.faults]})


@route("POST", f"{API}/faults")
def add_fault(request: Request[Context]) -> Answer:
    catcher = request.context.catcher
    number = misbehaviour.arm(catcher, request.body)
    added = [caught.fault(one) for one in catcher.faults if one.number == number]
    return as_json(added[0] if added else {"number": number}, status=201)


@route("DELETE", f"{API}/faults")
def clear_faults(request: Request[Context]) -> Answer:
    request.context.catcher.clear_faults()
    return NOTHING


@route("DELETE", f"{API}/faults/NUMBER")
def remove_fault(request: Request[Context], number: int) -> Answer:
    if not request.context.catcher.remove_fault(number):
        raise Refusal(404, f"there is no fault {number} (any more)")
    return NOTHING


def _mail(request: Request[Context], number: int) -> Mail:
    index = request.context.index
    return index.mail(index.message(number))


def _seconds(query: Mapping[str, str], name: str) -> float:
    given = query.get(name, "10")
    if re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,6})?", given, re.ASCII) and float(given) <= LONGEST_WAIT:
        return float(given)
    raise Refusal(400, f"{name}: seconds are wanted, at most {LONGEST_WAIT:.0f}")
