"""Links by which a recipient leaves a list, and the endpoint behind them, used by GET and by POST."""

import asyncio
import functools
import gc
import io
import re
import threading
import time
import unittest.mock
import urllib.error
import urllib.parse
import urllib.request
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.validate import validator

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st

import rsmtp
from rsmtp.outbox import Outbox

SECRET = "a secret of 16 octets"
HERE = rsmtp.Unsubscribe(SECRET, "https://example.com/u")
ONE_CLICK = b"List-Unsubscribe=One-Click"


class Quiet(WSGIRequestHandler):
    def log_message(self, *arguments):
        pass


class Served:
    """An endpoint on loopback, and a record of the recipients that have left through it."""

    def __init__(self, url, left):
        self.url, self.left = url, left

    def ask(self, link, data=None, method=None, **header):
        """Returns (status, header, body) of a request to a link for https://example.com/u."""
        where = self.url + link.removeprefix("https://example.com/u")
        request = urllib.request.Request(where, data=data, method=method, headers=header)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read().decode()


def by_wsgi(left):
    # The validator of PEP 3333 reports anything that a server might reject.
    server = make_server("127.0.0.1", 0, validator(HERE.wsgi(left.append)), handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield Served(f"http://127.0.0.1:{server.server_port}/u", left)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def by_asgi(left):
    async def leaves(who):
        left.append(who)

    config = uvicorn.Config(HERE.asgi(leaves), host="127.0.0.1", port=0, log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()))
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Served(f"http://127.0.0.1:{port}/u", left)
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture(params=[by_wsgi, by_asgi], ids=["wsgi", "asgi"])
def served(request):
    yield from request.param([])


def test_one_click(served):
    link = HERE.url("bob@example.org", list="news")
    status, header, page = served.ask(link, ONE_CLICK)
    assert status == 200
    assert "bob@example.org</b> gets no more mail from news" in page
    assert header["Cache-Control"] == "no-store"
    assert served.left == [("bob@example.org", "news")]
    assert (served.left[0].address, served.left[0].list) == ("bob@example.org", "news")


def test_as_a_form_of_the_other_kind(served):
    lines = (
        b"------x",
        b'Content-Disposition: form-data; name="List-Unsubscribe"',
        b"",
        b"One-Click",
        b"------x--",
    )
    body = b"".join(line + b"\r\n" for line in lines)
    header = {"Content-Type": "multipart/form-data; boundary=----x"}
    assert served.ask(HERE.url("bob@example.org"), body, **header)[0] == 200
    assert served.left == [("bob@example.org", "")]


def test_following_the_link_changes_nothing(served):
    link = HERE.url("bob@example.org")
    for method in ("GET", "HEAD"):
        status, header, page = served.ask(link, method=method)
        assert status == 200
        assert ("<button>" in page) == (method == "GET")
        assert "form-action 'self'" in header["Content-Security-Policy"]
    assert served.left == []
    # The request that the button sends.
    name, value = re.search(r'type="hidden" name="([^"]+)" value="([^"]+)"', served.ask(link)[2]).groups()
    served.ask(link, urllib.parse.urlencode({name: value}).encode())
    assert len(served.left) == 1


@pytest.mark.parametrize(
    "body", [b"", b"x=y", b"List-Unsubscribe=No", b"xList-Unsubscribe=One-Click", b"\xff\0"]
)
def test_another_post_changes_nothing(served, body):
    status, _, page = served.ask(HERE.url("bob@example.org"), body)
    assert status == 200
    assert "<button>" in page
    assert served.left == []


@pytest.mark.parametrize("change", ["", "/x", ".", "/" + "A" * 500 + "." + "A" * 22])
def test_a_link_that_is_not_ours(served, change):
    status, _, page = served.ask("https://example.com/u" + change, ONE_CLICK)
    assert status == 404
    assert "This link does not work" in page
    assert served.left == []


def test_a_link_that_was_changed(served):
    link = HERE.url("bob@example.org")
    other = rsmtp.Unsubscribe("another secret, of 16", "https://example.com/u").url("bob@example.org")
    for forged in (
        other,
        link[:-1],
        link + "A",
        link.replace("/u/", "/u/A"),
        HERE.url("eve@example.org")[:-22] + link[-22:],
    ):
        assert served.ask(forged, ONE_CLICK)[0] == 404
    assert served.left == []


def test_other_methods_and_large_bodies(served):
    link = HERE.url("bob@example.org")
    status, header, _ = served.ask(link, method="DELETE")
    assert (status, header["Allow"]) == (405, "GET, HEAD, POST")
    assert served.ask(link, ONE_CLICK + b"&x=" + b"y" * 20_000)[0] == 413
    assert served.left == []


def test_from_the_header_of_a_message_that_was_sent(served):
    """A mailbox provider uses only the two fields (RFC 8058 section 3.2)."""
    message = rsmtp.Message(
        "News", subject="News", from_="ann@example.com", to="bob@example.org",
        unsubscribe=HERE.url("bob@example.org", list="news"),
    )  # fmt: skip
    with (
        rsmtp.Catcher(tls="none") as catcher,
        rsmtp.Mailer(f"smtp://localhost:{catcher.port}?tls=none") as mailer,
    ):
        mailer.send(message)
        caught = catcher.messages[0].email
    assert caught["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = re.search(r"<(https://[^>]+)>", caught["List-Unsubscribe"])[1]
    assert served.ask(link, caught["List-Unsubscribe-Post"].encode())[0] == 200
    assert served.left == [("bob@example.org", "news")]


def test_an_outbox_suppresses_who_has_left(tmp_path):
    with Outbox(tmp_path / "mail.db") as outbox:
        application = HERE.wsgi(lambda who: outbox.suppress(who.address, f"has left {who.list}"))
        _post(application, HERE.url("Bob@example.org", list="news"))
        assert outbox.suppressions() == {"bob@example.org": "has left news"}


def _post(application, link):
    import io

    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": urllib.parse.urlsplit(link).path,
        "CONTENT_LENGTH": str(len(ONE_CLICK)), "wsgi.input": io.BytesIO(ONE_CLICK),
    }  # fmt: skip
    said = []
    body = b"".join(application(environ, lambda status, header: said.append(status)))
    return said[0], body.decode()


def test_what_the_callers_function_raises_is_the_servers():
    def leaves(who):
        raise OSError("the database is away")

    with pytest.raises(OSError, match="database is away"):
        _post(HERE.wsgi(leaves), HERE.url("bob@example.org"))


def test_a_page_of_ones_own():
    def page(who, left):
        return f"{who and who.list}: {left}"

    application = HERE.wsgi(lambda who: None, page=page)
    assert _post(application, HERE.url("bob@example.org", list="news")) == ("200 OK", "news: True")
    assert _post(application, "https://example.com/u/x") == ("404 Not Found", "None: False")


def test_what_stands_in_a_link_is_shown_as_text():
    _, page = _post(HERE.wsgi(lambda who: None), HERE.url("<b>@example.org", list="<script>"))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_mounted_in_starlette():
    from starlette.applications import Starlette
    from starlette.routing import Mount
    from starlette.testclient import TestClient

    left = []
    application = Starlette(routes=[Mount("/u", app=HERE.asgi(left.append))])
    path = urllib.parse.urlsplit(HERE.url("bob@example.org")).path
    assert TestClient(application).post(path, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert left == [("bob@example.org", "")]


# -- the links -------------------------------------------------------------------------------


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), min_size=1, max_size=80),
    st.sampled_from(["", "news", "Größe"]),
)
def test_whatever_the_address_is(address, name):
    link = HERE.url(address, list=name)
    assert re.fullmatch(r"https://example\.com/u/[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{22}", link)
    assert HERE.read(link) == (address, name)
    assert HERE.read(urllib.parse.urlsplit(link).path + "?utm_source=x") == (address, name)
    # `unsubscribe=` accepts it.
    rsmtp.Message("x", from_="a@x.org", to="b@x.org", unsubscribe=link)


@given(st.text(max_size=60))
def test_nothing_that_comes_raises(text):
    try:
        assert HERE.read(f"/u/{text}") is None
    except ValueError as error:
        assert "surrogates" in str(error)


def test_a_link_may_be_good_for_some_time(monkeypatch):
    some = rsmtp.Unsubscribe(SECRET, "https://example.com/u", good_for=3600)
    link = some.url("bob@example.org")
    assert some.read(link).address == "bob@example.org"
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 3700)
    assert some.read(link) is None
    assert HERE.read(HERE.url("bob@example.org")) is not None


def test_a_secret_can_be_replaced():
    both = rsmtp.Unsubscribe(["a new secret, of 16", SECRET], "https://example.com/u")
    assert both.read(HERE.url("bob@example.org")).address == "bob@example.org"
    assert HERE.read(both.url("bob@example.org")) is None


def test_a_verp_of_the_same_secret_seals_nothing_here():
    """A link sealed for one purpose is not valid for another."""
    sender = rsmtp.Verp("bounces@example.com", SECRET).sender("bob@example.org")
    assert HERE.read(sender) is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("short", "https://example.com/u"), "secret: 16 octets at least"),
        ((SECRET, "example.com/u"), "url: 'example.com/u' is not an https URL"),
        ((SECRET, "https://example.com/u?x=y"), "url: "),
    ],
)
def test_arguments_are_checked(arguments, words):
    with pytest.raises(ValueError, match=words):
        rsmtp.Unsubscribe(*arguments)
    with pytest.raises(ValueError, match="address: 'a\\\\nb' is not an address"):
        HERE.url("a\nb")
    with pytest.raises(TypeError, match="leaves: a callable is wanted"):
        HERE.wsgi(None)
    with pytest.raises(ValueError, match="good_for: -1"):
        rsmtp.Unsubscribe(SECRET, "https://example.com/u", good_for=-1)


class Asynchronous:
    async def __call__(self, who):
        raise AssertionError("it is never awaited")


async def asynchronous(who):
    raise AssertionError("it is never awaited")


@pytest.mark.parametrize("leaves", [asynchronous, Asynchronous(), functools.partial(asynchronous)])
def test_wsgi_takes_no_asynchronous_function(leaves):
    with pytest.raises(TypeError, match=r"^leaves: .*asgi\(\)"):
        HERE.wsgi(leaves)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "leaves", [lambda who: asynchronous(who), functools.partial(Asynchronous()), unittest.mock.AsyncMock()]
)
def test_wsgi_answers_no_one_who_has_not_left(leaves):
    """The server answers 500 then, and the mailbox provider asks again."""
    try:
        application = HERE.wsgi(leaves)
    except TypeError:
        return
    said = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": HERE.url("bob@example.org"),
        "CONTENT_LENGTH": "26",
        "wsgi.input": io.BytesIO(b"List-Unsubscribe=One-Click"),
    }
    with pytest.raises(TypeError, match=r"^leaves: .*asgi\(\)"):
        application(environ, lambda *told: said.append(told))
    gc.collect()
    assert said == []


def test_a_page_is_not_asynchronous():
    for made in (HERE.wsgi, HERE.asgi):
        with pytest.raises(TypeError, match="page: it is asynchronous"):
            made(print, page=asynchronous)
        with pytest.raises(TypeError, match="page: a callable is wanted"):
            made(print, page="page.html")
