"""The page's REST API: what it reports, what it refuses, and what a user may change."""

import socket
import sqlite3
import time
import urllib.parse

import pytest
from outbox.letters import letter, raw

from inbox.tools import API
from rsmtp._web import policy
from rsmtp.outbox import looking
from rsmtp.outbox.recipients import STATES
from rsmtp.outbox_page import many


def listed(api, **query):
    answer = api.get("/messages?" + urllib.parse.urlencode(query))
    assert answer.status == 200, answer.json
    return answer.json


def ids(api, **query):
    return [one["id"] for one in listed(api, **query)["messages"]]


@pytest.fixture
def known(outbox, catcher, run):
    """A message in each of five states. Returns their numbers."""
    catcher.fault("RCPT", address="gone@example.net", reply=(550, "5.1.1 No such user"))
    catcher.fault("RCPT", address="full@example.net", reply=(450, "4.2.2 Full, try again in 5 minutes"))
    numbers = {
        "sent": outbox.put(letter(1), key="one").id,
        "refused": outbox.put(letter(2, to="gone@example.net")).id,
        "queued": outbox.put(
            letter(3, to="full@example.net, carol@example.net", subject="Grüße <b>x</b>")
        ).id,
    }
    run()
    catcher.fault("end-of-data", disconnect=True, times=1)
    numbers["unknown"] = outbox.put(letter(4, to="dora@example.net")).id
    run()
    numbers["dead"] = outbox.put(letter(5), expires=time.time() - 1).id
    run()
    return numbers


def test_how_it_stands(api, known, path):
    told = api.get("/outbox").json
    assert told["counts"] == dict.fromkeys(STATES, 0) | dict.fromkeys(known, 1)
    assert told["file"] == str(path)
    assert told["may_change"] is True
    assert told["problem"] is None
    assert len(told["rates"]) == 60
    sums = {}
    for minute in told["rates"]:
        for what, count in minute.items():
            sums[what] = sums.get(what, 0) + count
    assert sums == {"sent": 1, "refused": 1, "put off": 1, "unknown": 1, "dead": 1}


def test_the_list_by_state(api, known):
    assert ids(api) == sorted(known.values(), reverse=True)
    assert ids(api, state="trouble") == [known["dead"], known["unknown"], known["refused"]]
    assert ids(api, state="waiting") == [known["queued"]]
    for state in STATES:
        assert ids(api, state=state) == ([known[state]] if state in known else [])
    refused = api.get("/messages?state=lost")
    assert refused.status == 400
    assert "lost" in refused.json["error"]


def test_a_row_says_what_a_person_looks_for(api, known):
    rows = {one["id"]: one for one in listed(api)["messages"]}
    assert rows[known["refused"]]["words"] == "550 5.1.1 No such user"
    assert rows[known["queued"]]["words"] == "450 4.2.2 Full, try again in 5 minutes"
    assert rows[known["queued"]]["recipient_count"] == 2
    assert rows[known["sent"]]["words"] is None
    assert rows[known["sent"]]["key"] == "one"
    assert "expired" in rows[known["dead"]]["words"]
    assert rows[known["unknown"]]["words"]


@pytest.mark.parametrize(
    ("search", "states"),
    [
        ("GRÜSSE", ["queued"]),
        ("to:carol", ["queued"]),
        ("key:one", ["sent"]),
        ("is:dead", ["dead"]),
        ("is:dead is:sent", []),
        ("ann -is:sent -is:queued", ["dead", "unknown", "refused"]),
        ("error:expired", ["dead"]),
        ("smaller:1 ann", []),
        ("after:2020-01-01 subject:number", ["dead", "unknown", "refused", "sent"]),
    ],
)
def test_search(api, known, search, states):
    assert ids(api, search=search) == [known[state] for state in states]


def test_a_search_that_cant_be_meant(api, outbox):
    for search in ("is:lost", "before:never", "larger:huge", "x" * 2000):
        assert api.get("/messages?" + urllib.parse.urlencode({"search": search})).status == 400


def test_pages(api, outbox):
    outbox.put_all(letter(number) for number in range(7))
    first = listed(api, limit=3)
    assert [one["id"] for one in first["messages"]] == [7, 6, 5]
    second = listed(api, limit=3, before=first["next"])
    assert [one["id"] for one in second["messages"]] == [4, 3, 2]
    third = listed(api, limit=3, before=second["next"])
    assert ([one["id"] for one in third["messages"]], third["next"]) == ([1], None)


def test_a_history_is_a_timeline(api, outbox, catcher, run):
    catcher.fault("RCPT", address="bob@example.net", reply=(450, "4.2.0 Greylisted"), times=1)
    outbox.put(letter(1, to="bob@example.net, carol@example.net"), key="one")
    waits = api.get("/messages/1").json["history"]
    assert [step["what"] for step in waits] == ["queued", "waiting"]
    assert "it is due" in waits[-1]["words"]
    run()
    put_off = api.get("/messages/1").json
    assert [step["what"] for step in put_off["history"]] == ["queued", "put off", "waiting"]
    assert "bob@example.net refused: 450 4.2.0 Greylisted" in put_off["history"][1]["words"]
    assert "carol@example.net sent" in put_off["history"][1]["words"]
    assert put_off["history"][-1]["at"] == put_off["due"]
    assert [(one["address"], one["state"]) for one in put_off["recipients"]] == [
        ("bob@example.net", "open"),
        ("carol@example.net", "sent"),
    ]
    outbox.cancel("one")
    outbox.retry("one")
    run()
    whole = [step["what"] for step in api.get("/messages/1").json["history"]]
    assert whole == ["queued", "put off", "cancelled", "queued", "sent"]


def test_a_history_tells_what_rules_did(api, outbox, run):
    outbox.put(letter(1))
    outbox.put(letter(2, to="carol@example.net"))
    run(redirect="me@example.org", suppression=["carol@example.net"])
    redirected = api.get("/messages/1").json["history"][-1]
    assert redirected["what"] == "sent"
    assert "me@example.org sent" in redirected["words"]
    assert "bob@example.net suppressed: redirected to me@example.org" in redirected["words"]
    kept = api.get("/messages/2").json["history"][-1]
    assert kept["what"] == "suppressed"
    assert "suppression list" in kept["words"]


def test_what_is_being_sent_says_so(api, outbox):
    outbox.put(letter(1))
    now = time.time()
    owner = outbox._store.enlist("a test", now)
    (stored,) = outbox._store.claim(owner, now).messages()
    assert api.get("/outbox").json["owners"] == ["a test"]
    outbox._store.say_ends(owner, [stored.id], [], now)
    assert api.get("/messages/1").json["history"][-1]["what"] == "sending"
    # A message that a process has claimed can't be taken back.
    refused = api.post("/messages/1/cancel", {})
    assert refused.status == 409
    assert "is being sent" in refused.json["error"]


def test_the_content_is_fenced_as_in_the_inbox(api, outbox):
    evil = letter(1, html="<script>alert(1)</script><img src=https://track.example/x>")
    outbox.put(evil)
    told = api.get("/messages/1").json
    assert told["remote_hosts"] == ["track.example"]
    html = api.get("/messages/1/html")
    assert "sandbox" in html.headers["Content-Security-Policy"]
    assert html.headers["Content-Security-Policy"] == policy.MAIL["Content-Security-Policy"]
    source = api.get("/messages/1/source")
    assert source.octets == outbox.content(1)
    assert source.headers["Content-Disposition"].startswith("attachment;")
    for path, fence in {
        "/": policy.PAGE,
        "/static/app.js": policy.PAGE,
        f"{API}/outbox": policy.DATA,
    }.items():
        answer = api.ask("GET", path)
        for name, value in {**policy.EVERYWHERE, **fence}.items():
            assert answer.headers.get_all(name) == [value], (path, name)


def test_retry_and_cancel(api, outbox, known):
    assert api.post(f"/messages/{known['refused']}/retry", {}).json["state"] == "queued"
    assert outbox.get(known["refused"]).state == "queued"
    assert api.post(f"/messages/{known['queued']}/cancel", {}).json["state"] == "cancelled"
    assert outbox.get(known["queued"]).state == "cancelled"
    for what, number, status in (
        ("retry", known["sent"], 409),
        ("cancel", known["sent"], 409),
        ("retry", 99, 404),
        ("purge", 1, 404),
    ):
        answer = api.post(f"/messages/{number}/{what}", {})
        assert (answer.status, bool(answer.json["error"])) == (status, True)
    assert api.post(f"/messages/{known['dead']}/retry", {"state": "dead"}).status == 400
    assert outbox.get(known["dead"]).state == "dead"


def test_many_are_retried_and_cancelled(api, outbox, known):
    told = api.post("/messages/retry", {"ids": list(known.values())})
    assert told.status == 200
    assert {name: told.json[name] for name in ("done", "left", "why", "next")} == {
        "done": 2,
        "left": 3,
        "why": {
            "it is queued already": 1,
            "it has been sent": 1,
            "it may have arrived: its fate is unknown": 1,
        },
        "next": None,
    }
    assert {"id": known["sent"], "why": "it has been sent"} in told.json["messages"]
    assert outbox.status()["queued"] == 3
    told = api.post("/messages/cancel", {"state": "waiting", "search": "to:gone@example.net"}).json
    assert (told["done"], outbox.get(known["refused"]).state) == (1, "cancelled")
    told = api.post("/messages/retry", {"state": "unknown", "unknown": True}).json
    assert (told["done"], outbox.get(known["unknown"]).state) == (1, "queued")


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ({}, "which messages"),
        ({"unknown": True}, "which messages"),
        ({"ids": [1], "state": "all"}, "which messages"),
        ({"ids": 1}, "ids"),
        ({"ids": ["1"]}, "ids"),
        ({"ids": [True]}, "ids"),
        ({"ids": [-1]}, "ids"),
        ({"ids": [10**16]}, "ids"),
        ({"state": "lost"}, "state"),
        ({"state": ["all"]}, "state"),
        ({"search": 7}, "search"),
        ({"search": "to:"}, "says nothing yet"),
        ({"search": "to: ann"}, "'to:' says nothing yet"),
        ({"search": "-unknownfield:x"}, "unknownfield: is no field; there are from: to: subject:"),
        ({"search": 'ann subject:""'}, "says nothing yet"),
        ({"search": "is:lost"}, "is:lost"),
        ({"search": "x", "before": "now"}, "before"),
        ({"state": "all", "unknown": 1}, "unknown"),
        ({"state": "all", "limit": 1}, "limit: not known; the body takes ids, state, "),
    ],
)
def test_which_ones_has_to_be_said(api, outbox, body, word):
    outbox.put(letter(1))
    outbox.cancel(1)
    told = api.post("/messages/retry", body)
    assert (told.status, word in told.json["error"]) == (400, True), told.json
    assert outbox.get(1).state == "cancelled"


def test_a_page_of_a_thousand_fits_into_a_request(api, outbox):
    outbox.put_all(letter(number) for number in range(1100))
    numbers = [10**15 - number for number in range(1000 - 200)] + list(range(1, 201))
    told = api.post("/messages/cancel", {"ids": numbers})
    assert (told.status, told.json["done"], told.json["left"]) == (200, 200, 800)
    assert len(told.json["messages"]) == 100
    assert api.post("/messages/cancel", {"ids": [10**15] * 17_000}).status == 413


def test_all_that_match_come_in_parts(api, outbox, monkeypatch):
    """A request works for a moment, and says where to go on."""
    monkeypatch.setattr(many, "AT_ONCE", 10)
    monkeypatch.setattr(many, "PATIENCE", 0.0)
    outbox.put_all(raw(number) for number in range(35))
    body, done = {"state": "queued", "search": "subject:number"}, []
    while True:
        told = api.post("/messages/cancel", body).json
        done.append(told["done"])
        if told["next"] is None:
            break
        body["before"] = told["next"]
        # What comes meanwhile was not meant.
        outbox.put(raw(99))
    assert done == [10, 10, 10, 5]
    assert outbox.status()["cancelled"] == 35 and outbox.status()["queued"] == 3


def test_how_many_match(api, outbox, known, monkeypatch):
    assert api.get("/messages/counts?state=trouble").json["counts"] == dict.fromkeys(
        ("dead", "unknown", "refused"), 1
    )
    found = api.get("/messages/counts?state=trouble&search=to:dora").json
    assert found == {"counts": {"unknown": 1}, "next": None}
    assert api.get("/messages/counts?search=to:").status == 400
    monkeypatch.setattr(looking, "_AT_ONCE", 2)
    monkeypatch.setattr(looking, "_PATIENCE", 0.0)
    counts, asked = {}, "/messages/counts?search=ann"
    while True:
        told = api.get(asked).json
        for state, count in told["counts"].items():
            counts[state] = counts.get(state, 0) + count
        if told["next"] is None:
            break
        asked = f"/messages/counts?search=ann&before={told['next']}"
    assert counts == dict.fromkeys(known, 1)


@pytest.mark.parametrize("search", ["", "&search=subject:number"])
def test_how_many_are_below_a_number(api, outbox, search):
    outbox.put_all(raw(number) for number in range(9))
    outbox.cancel(2)
    for before, queued in ((1, 0), (2, 1), (3, 1), (9, 7), (10, 8), (10**15, 8)):
        told = api.get(f"/messages/counts?state=queued&before={before}{search}").json
        assert told == {"counts": {"queued": queued} if queued else {}, "next": None}, before


@pytest.mark.parametrize("headers", [
    {"Origin": "http://evil.example"},
    {"Host": "evil.example"},
    {"Sec_Fetch_Site": "cross-site"},
    {"Content_Type": "text/plain"},
])  # fmt: skip
def test_other_sites_change_nothing(api, outbox, headers):
    outbox.put(letter(1))
    fields = {"Content_Type": "application/json"} | headers
    for path, body in (("/messages/1/cancel", "{}"), ("/messages/cancel", '{"ids": [1]}')):
        assert api.post(path, body, **fields).status in (403, 415, 421)
    assert api.ask("GET", f"{API}/messages/1/cancel").status == 405
    assert outbox.get(1).state == "queued"


def test_other_machines_only_look(api, outbox, monkeypatch):
    """Other machines may look but not change anything. (A test can't connect from elsewhere, so
    it changes what the guard counts as another machine.)"""
    outbox.put(letter(1))
    monkeypatch.setattr("rsmtp._web.guard.is_loopback", lambda address: False)
    assert api.get("/outbox").json["may_change"] is False
    assert api.post("/messages/1/cancel", {}).status == 403
    assert api.post("/messages/cancel", {"ids": [1]}).status == 403
    assert outbox.get(1).state == "queued"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_other_machines_must_be_meant(outbox, path, host):
    from rsmtp.outbox_page import OutboxPage

    with pytest.raises(ValueError, match="the outbox page has no login: say allow_remote=True"):
        OutboxPage(path, host).start()


def test_the_news_come_while_another_process_writes(served, outbox):
    with socket.create_connection((served.host, served.port), timeout=20) as raw:
        raw.sendall(f"GET {API}/events HTTP/1.1\r\nHost: localhost:{served.port}\r\n\r\n".encode())
        lines = raw.makefile("rb")

        def news():
            return next(line for line in lines if line.startswith(b"data: "))

        assert b'"queued": 0' in news()
        outbox.put(letter(1))
        assert b'"queued": 1' in news()
        outbox.cancel(1)
        assert b'"cancelled": 1' in news()


def test_a_file_that_is_held_is_shown_all_the_same(api, outbox, path):
    outbox.put(letter(1))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        assert ids(api) == [1]
        assert api.get("/outbox").json["counts"]["queued"] == 1
    finally:
        other.close()


def test_many_recipients_are_told_in_part(api, outbox):
    outbox.put(
        ("ann@example.org", [f"to{number}@example.net" for number in range(1500)], b"Subject: x\r\n\r\nx")
    )
    told = api.get("/messages/1").json
    assert told["recipient_count"] == 1500
    assert len(told["recipients"]) == 1000
    assert len(listed(api)["messages"][0]["to_addrs"]) == 3
