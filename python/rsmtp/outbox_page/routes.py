"""The REST API, and the page's own files. `docs/howto/outbox.md` is its description."""

from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import Final

from rsmtp import __version__
from rsmtp._web import events, shown
from rsmtp._web.answer import Answer, Refusal, as_json
from rsmtp._web.mail import Mail
from rsmtp._web.routes import API, Request, Routes, page_of
from rsmtp.outbox import Entry, Outbox, looking
from rsmtp.outbox.entry import entries
from rsmtp.outbox.looking import TROUBLE
from rsmtp.outbox.recipients import STATES, WAITING
from rsmtp.outbox_page import searching, told
from rsmtp.outbox_page.many import Change, Chosen
from rsmtp.outbox_page.source import Source

# The page draws the rates of this many minutes.
MINUTES: Final = 60
#: Values of `state`.
CHOICES: Final = {"all": STATES, "trouble": TROUBLE, "waiting": WAITING} | {
    state: (state,) for state in STATES
}


@dataclass(frozen=True)
class Context:
    """The object that the routes work with."""

    source: Source
    stopping: Event


Asked = Request[Context]
ROUTES: Final = Routes()
route = ROUTES.route
ROUTES.shared_files()
ROUTES.files(
    "rsmtp.outbox_page",
    [
        "index.html",
        "outbox.css",
        *(f"{name}.js" for name in ("app", "many", "message", "overview", "rows", "states")),
    ],
)


@route("GET", f"{API}/outbox")
def outbox(request: Asked) -> Answer:
    source = request.context.source
    return as_json(
        {
            "version": __version__,
            "file": str(source.path),
            "may_change": request.is_local and source.may_write,
            "owners": source.owners(),
            "rates": source.rates(MINUTES),
            **source.news(),
        }
    )


@route("GET", f"{API}/events")
def listen(request: Asked) -> Answer:
    source = request.context.source
    return Answer(events.stream(source.news, source.wait, request.context.stopping), "text/event-stream")


@route("GET", f"{API}/messages")
def messages(request: Asked) -> Answer:
    limit, before = page_of(request.query)
    chosen = request.query.get("state", "all")
    if chosen not in CHOICES:
        raise Refusal(400, f"state: {chosen!r} is none of {', '.join(CHOICES)}")
    fits = searching.fits(request.query.get("search", ""))
    with request.context.source.opened() as outbox, outbox._database.reading() as connection:
        found = looking.newest(connection, CHOICES[chosen], before, limit, fits)
        rows = {entry.id: entry for entry in entries(connection, *_those(found.ids))}
    # A message that was purged between the two queries is missing.
    ids = [id for id in found.ids if id in rows]
    return as_json({"messages": [told.summary(rows[id]) for id in ids], "next": found.next})


@route("GET", f"{API}/messages/NUMBER")
def message(request: Asked, number: int) -> Answer:
    with request.context.source.opened() as outbox:
        detail = told.detail(outbox.get(number), outbox.history(number))
        return as_json({**detail, **shown.described(Mail(outbox.content(number)))})


@route("GET", f"{API}/messages/NUMBER/html")
def html(request: Asked, number: int) -> Answer:
    return shown.html(number, _mail(request, number))


@route("GET", f"{API}/messages/NUMBER/source")
def source(request: Asked, number: int) -> Answer:
    return shown.source(number, _content(request, number))


@route("GET", f"{API}/messages/NUMBER/parts/NUMBER")
def part(request: Asked, number: int, wanted: int) -> Answer:
    return shown.part(number, _mail(request, number), wanted)


@route("GET", f"{API}/messages/NUMBER/parts/NUMBER/picture")
def picture(request: Asked, number: int, wanted: int) -> Answer:
    return shown.picture(number, _mail(request, number), wanted)


@route("POST", f"{API}/messages/NUMBER/retry")
def retry(request: Asked, number: int) -> Answer:
    return _changed(request, number, Outbox.retry)


@route("POST", f"{API}/messages/NUMBER/cancel")
def cancel(request: Asked, number: int) -> Answer:
    return _changed(request, number, Outbox.cancel)


@route("GET", f"{API}/messages/counts")
def counts(request: Asked) -> Answer:
    chosen = Chosen({"state": "all", **request.query}, CHOICES)
    with request.context.source.opened() as outbox:
        return as_json(chosen.counts(outbox))


@route("POST", f"{API}/messages/retry")
def retry_many(request: Asked) -> Answer:
    unknown = request.body.get("unknown", False)
    if not isinstance(unknown, bool):
        raise Refusal(400, "unknown: true or false is wanted")
    return _changed_many(request, lambda outbox, ids: outbox.retry_all(ids, unknown=unknown), "unknown")


@route("POST", f"{API}/messages/cancel")
def cancel_many(request: Asked) -> Answer:
    return _changed_many(request, Outbox.cancel_all)


def _changed(request: Asked, number: int, change: Callable[[Outbox, int], Entry]) -> Answer:
    _check(request)
    with request.context.source.changing() as outbox:
        return as_json(told.summary(change(outbox, number)))


def _changed_many(request: Asked, change: Change, *also: str) -> Answer:
    _check(request, "ids", "state", "search", "before", *also)
    chosen = Chosen(request.body, CHOICES)
    with request.context.source.changing() as outbox:
        return as_json(chosen.change(outbox, change))


def _check(request: Asked, *names: str) -> None:
    """Raises Refusal for a request from elsewhere, and for one that says something else."""
    if not request.is_local:
        raise Refusal(403, "only this machine itself may retry or cancel")
    if others := request.body.keys() - set(names):
        wanted = f"the body takes {', '.join(names)}" if names else "the body takes nothing"
        raise Refusal(400, f"{', '.join(sorted(others))}: not known; {wanted}")


def _content(request: Asked, number: int) -> bytes:
    with request.context.source.opened() as outbox:
        return outbox.content(number)


def _mail(request: Asked, number: int) -> Mail:
    return Mail(_content(request, number))


def _those(ids: list[int]) -> tuple[str, tuple[int, ...]]:
    return f"id IN ({', '.join('?' * len(ids))})", tuple(ids)
