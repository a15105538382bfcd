"""Which requests get an answer, and with which headers."""

import email.message
import socket

import pytest

import rsmtp
from inbox.tools import API, html_mail
from rsmtp._web import policy
from rsmtp.inbox import Inbox


@pytest.mark.parametrize("path", ["/", f"{API}/messages", f"{API}/events", "/static/app.js", "/nothing"])
@pytest.mark.parametrize(
    "host",
    [
        "evil.example:PORT",
        "evil.example",
        "127.0.0.1",
        "127.0.0.1:1",
        "localhost.evil.example:PORT",
        "",
        "[::1]",
    ],
)
def test_a_rebound_name_is_refused(api, inbox, host, path):
    answer = api.ask("GET", path, Host=host.replace("PORT", str(inbox.port)))
    assert answer.status == 421
    assert "is not this server" in answer.json["error"]


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "LOCALHOST", "[::1]", socket.gethostname()])
def test_our_own_names_are_ours(api, inbox, name):
    assert api.ask("GET", f"{API}/messages", Host=f"{name}:{inbox.port}").status == 200


def test_two_hosts_are_none(inbox):
    with socket.create_connection((inbox.host, inbox.port), timeout=10) as raw:
        host = f"Host: 127.0.0.1:{inbox.port}\r\n"
        raw.sendall(f"GET / HTTP/1.1\r\n{host}{host}Connection: close\r\n\r\n".encode())
        assert raw.makefile("rb").readline().split()[1] == b"421"


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:1", "https://127.0.0.1:PORT", ""]
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_page_of_another_site_is_refused(api, inbox, send, catcher, origin, method):
    send()
    origin = origin.replace("PORT", str(inbox.port))
    body = {"stage": "RCPT"} if method == "POST" else None
    path = "/faults" if method == "POST" else "/messages"
    answer = api.ask(method, API + path, body, Origin=origin)
    assert answer.status == 403
    assert (catcher.count, catcher.faults) == (1, [])


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_browsers_say_about_themselves_counts(api, send, site):
    number = send(html_mail("<p>hello</p>"))
    for path in (
        f"{API}/messages",
        f"{API}/messages/{number}/html",
        f"{API}/messages/{number}/source",
        "/static/app.js",
    ):
        assert api.ask("GET", path, Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors").status == 403
        assert api.ask("GET", path, Sec_Fetch_Site=site, Sec_Fetch_Mode="navigate").status == 403
    # Any site may link to the page itself.
    assert api.ask("GET", "/", Sec_Fetch_Site=site, Sec_Fetch_Mode="navigate").status == 200
    assert api.ask("GET", "/", Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors").status == 403
    assert api.ask("GET", f"{API}/messages", Sec_Fetch_Site="same-origin").status == 200


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_a_form_of_another_site_changes_nothing(api, catcher, kind):
    answer = api.ask("POST", f"{API}/faults", '{"stage": "RCPT"}', Content_Type=kind)
    assert answer.status == 415
    assert catcher.faults == []


@pytest.mark.parametrize(
    ("headers", "body", "status"),
    [
        ({"Content_Length": "x"}, None, 400),
        ({"Content_Length": "-1"}, None, 400),
        ({"Content_Length": "300000"}, None, 413),
        ({"Content_Length": "9" * 30}, None, 413),
        ({"Transfer_Encoding": "chunked"}, None, 411),
        ({}, "", 400),
        ({}, "[]", 400),
        ({}, "{", 400),
        ({}, b"\xff\xfe", 400),
        ({}, "[" * 100_000, 400),
        ({}, '{"stage": NaN}', 400),
    ],
)
def test_bodies_have_limits(api, headers, body, status):
    answer = api.ask("POST", f"{API}/faults", body, **headers, Content_Type="application/json")
    assert answer.status == status
    assert answer.json["error"]


NO_HTTP = {
    "nothing": b"\r\n\r\n",
    "tls": b"\x16\x03\x01\x02\x00",
    "smtp": b"EHLO me\r\n",
    "version": b"GET / HTTP/9.9\r\n\r\n",
    "long-line": b"G" * 70_000 + b"\r\n\r\n",
    "many-headers": b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    "no-colon": b"GET / HTTP/1.1\r\nHost\r\n\r\n",
}


@pytest.mark.parametrize("octets", NO_HTTP.values(), ids=NO_HTTP)
def test_what_is_no_http_is_answered_or_closed(api, inbox, octets):
    with socket.create_connection((inbox.host, inbox.port), timeout=10) as raw:
        try:
            raw.sendall(octets)
            raw.shutdown(socket.SHUT_WR)
            answer = raw.makefile("rb").read()
        except OSError:  # it was closed before all of that was said
            answer = b""
    assert b" 200 " not in answer[:20]
    assert b"Traceback" not in answer
    assert api.get("/messages").status == 200


def test_every_answer_has_its_fence(api, send):
    mail = html_mail("<p>hello</p>")
    mail.add_attachment(b"<script>alert(1)</script>", maintype="text", subtype="html", filename="x.html")
    number = send(mail)
    part = api.get(f"/messages/{number}").json["attachments"][0]["part"]
    data = [
        "/server",
        "/messages",
        f"/messages/{number}",
        f"/messages/{number}/source",
        "/connections",
        "/faults",
    ]
    expected = {
        "/": policy.PAGE,
        "/static/app.js": policy.PAGE,
        f"{API}/messages/{number}/html": policy.MAIL,
        f"{API}/messages/{number}/parts/{part}": policy.DATA,
        f"{API}/messages/99": policy.DATA,
        **{API + path: policy.DATA for path in data},
    }
    for path, fence in expected.items():
        answer = api.ask("GET", path)
        for name, value in {**policy.EVERYWHERE, **fence}.items():
            assert answer.headers.get_all(name) == [value], (path, name)
    refused = api.ask("GET", "/", Host="evil.example")
    assert refused.headers["Content-Security-Policy"] == policy.DATA["Content-Security-Policy"]
    assert refused.headers["X-Content-Type-Options"] == "nosniff"


def test_the_fences_forbid_what_they_should():
    directives = dict(
        one.strip().partition(" ")[::2] for one in policy.MAIL["Content-Security-Policy"].split(";")
    )
    assert directives["default-src"] == "'none'"
    assert directives["img-src"] == "data:"
    assert "script-src" not in directives
    assert set(directives["sandbox"].split()) == {"allow-popups", "allow-popups-to-escape-sandbox"}
    assert "unsafe" not in policy.PAGE["Content-Security-Policy"]
    assert "'none'" in policy.DATA["Content-Security-Policy"]


@pytest.mark.parametrize(
    "name",
    [
        'a".html\r\nSet-Cookie: x=1',
        "../../etc/passwd",
        "..\\..\\autorun.inf",
        "a;b=c%00.txt",
        "\u202egnp.exe",
        "\x00\x01",
        "",
        "." * 300,
        "ü" * 300,
        "\udcff\ud800",
    ],
)
def test_a_hostile_file_name_is_only_a_name(name):
    value = policy.as_download(name)["Content-Disposition"]
    assert value.isascii()
    assert value.isprintable()
    parsed = email.message.Message()
    parsed["Content-Disposition"] = value
    shown = parsed.get_filename()
    assert shown
    assert not set(shown) & set('/\\"\r\n\0\u202e')
    assert not shown.startswith(".")
    assert len(shown) <= 255


def test_attachments_are_saved_and_never_shown(api, send):
    mail = html_mail("<p>hello</p>")
    mail.add_attachment(b"<script>alert(1)</script>", maintype="text", subtype="html", filename="x.html")
    mail.add_attachment(b"<svg onload='alert(1)'/>", maintype="image", subtype="svg+xml", filename="x.svg")
    number = send(mail)
    for part in api.get(f"/messages/{number}").json["attachments"]:
        answer = api.get(f"/messages/{number}/parts/{part['part']}")
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"].startswith("attachment;")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert api.get(f"/messages/{number}/source").headers["Content-Disposition"].startswith("attachment;")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1"])
def test_other_machines_must_be_meant(catcher, host):
    with pytest.raises(ValueError, match="allow_remote=True"):
        Inbox(catcher, host).start()


def test_the_whole_network_when_it_is_meant(catcher):
    with Inbox(catcher, "0.0.0.0", allow_remote=True) as inbox:
        assert inbox.url == f"http://127.0.0.1:{inbox.port}/"


def test_only_this_machine_releases(catcher, send, monkeypatch):
    """Other machines would have an open relay. (A test can't connect from elsewhere, so it
    changes what the guard counts as another machine.)"""
    number = send()
    with rsmtp.Catcher(tls="none") as relay, Inbox(catcher) as inbox:
        from inbox.tools import Api

        monkeypatch.setattr("rsmtp._web.guard.is_loopback", lambda address: False)
        api = Api(inbox)
        given = {"host": relay.host, "port": relay.port, "tls": "none"}
        assert api.post(f"/messages/{number}/release", given).status == 403
        assert api.get("/server").json["may_release"] is False
        assert relay.count == 0


def test_the_body_of_a_refused_request_is_not_the_next_request(inbox):
    smuggled = b"DELETE /api/v1/messages HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = f"GET /nothing HTTP/1.1\r\nHost: 127.0.0.1:{inbox.port}\r\nTransfer-Encoding: chunked\r\n"
    for framing in ("", f"Content-Length: {len(smuggled)}\r\n"):
        with socket.create_connection((inbox.host, inbox.port), timeout=50) as raw:
            raw.sendall((head + framing + "\r\n").encode() + smuggled)
            answer = b"".join(iter(lambda: raw.recv(65536), b""))
        assert answer.count(b"HTTP/1.1 ") == 1, answer


def test_lengths_that_differ_are_refused(inbox):
    head = (
        f"POST /api/v1/faults HTTP/1.1\r\nHost: 127.0.0.1:{inbox.port}\r\nContent-Type: application/json\r\n"
    )
    for second, status in (("2", b"201"), ("3", b"400")):
        with socket.create_connection((inbox.host, inbox.port), timeout=50) as raw:
            body = b'{"stage": "RCPT", "reply": {"code": 450, "text": "later"}}'
            lengths = f"Content-Length: {len(body)}\r\nContent-Length: {len(body) + int(second) - 2}\r\n"
            raw.sendall((head + lengths + "Connection: close\r\n\r\n").encode() + body)
            assert raw.recv(65536).startswith(b"HTTP/1.1 " + status)
