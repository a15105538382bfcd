"""The REST API, as tests in other languages use it."""

import contextlib
import email.message
import hashlib
import http.client
import json
import smtplib
import socket
import ssl
import threading
import urllib.parse
import urllib.request

import pytest

import rsmtp
import rsmtp.inbox
from inbox.tools import API, Api, html_mail


def full_mail():
    mail = email.message.EmailMessage()
    mail["From"] = "Jürgen Müller <juergen@example.org>"
    mail["To"] = "Ann <ann@example.org>"
    mail["Subject"] = "Grüße, mit Anhang"
    mail.set_content("Liebe Ann,\n\nviele Grüße!\n")
    mail.add_alternative('<p>Liebe <b>Ann</b>, <img src="cid:pic@x"></p>', subtype="html")
    mail.get_payload()[1].add_related(b"\x89PNG....", "image", "png", cid="<pic@x>")
    mail.add_attachment(
        b"%PDF" + bytes(range(256)), maintype="application", subtype="pdf", filename="übersicht.pdf"
    )
    return mail


def test_the_list_is_newest_first_and_by_pages(api, send):
    for number in range(1, 8):
        send(f"Subject: mail {number}\n\nbody {number}\n")
    first = api.get("/messages?limit=3").json
    assert [one["subject"] for one in first["messages"]] == ["mail 7", "mail 6", "mail 5"]
    assert (first["total"], first["kept"], first["count"], first["next"]) == (7, 7, 7, 5)
    second = api.get(f"/messages?limit=3&before={first['next']}").json
    assert [one["subject"] for one in second["messages"]] == ["mail 4", "mail 3", "mail 2"]
    last = api.get(f"/messages?limit=3&before={second['next']}").json
    assert ([one["number"] for one in last["messages"]], last["next"]) == ([1], None)


def test_a_message_in_full(api, send):
    number = send(full_mail(), to=["ann@example.org", "audit@example.org"])
    message = api.get(f"/messages/{number}").json
    assert message["from"] == "Jürgen Müller <juergen@example.org>"
    assert message["subject"] == "Grüße, mit Anhang"
    assert message["rcpt_tos"] == ["ann@example.org", "audit@example.org"]
    assert message["text"] == "Liebe Ann,\n\nviele Grüße!\n"
    assert "<b>Ann</b>" in message["html"]
    assert ["Subject", "Grüße, mit Anhang"] in message["headers"]
    assert message["attachment_count"] == 1
    picture, pdf = message["attachments"]
    assert (picture["content_type"], picture["content_id"], picture["inline"]) == ("image/png", "pic@x", True)
    assert (pdf["filename"], pdf["size"], pdf["inline"]) == ("übersicht.pdf", 260, False)
    # Some versions of smtplib write "TO" in capitals.
    said = [line["text"].lower() for line in message["conversation"] if line["direction"] == "C"]
    assert "rcpt to:<audit@example.org>" in said
    assert all(line["at"] >= 0 for line in message["conversation"])


def test_html_has_its_inline_images(api, send):
    number = send(full_mail())
    html = api.get(f"/messages/{number}/html")
    assert html.headers["Content-Type"] == "text/html; charset=utf-8"
    assert b'<img src="data:image/png;base64,iVBORy4uLi4=">' in html.octets


def test_parts_and_source_come_octet_by_octet(api, send, catcher):
    number = send(full_mail())
    part = api.get(f"/messages/{number}").json["attachments"][1]["part"]
    attachment = api.get(f"/messages/{number}/parts/{part}")
    assert attachment.octets == b"%PDF" + bytes(range(256))
    assert attachment.headers["Content-Disposition"].startswith("attachment; ")
    assert "filename*=UTF-8''%C3%BCbersicht.pdf" in attachment.headers["Content-Disposition"]
    assert api.get(f"/messages/{number}/source").octets == catcher.messages[0].data
    assert api.get(f"/messages/{number}/parts/99").status == 404


def test_a_large_attachment_comes_whole(api, send):
    octets = hashlib.shake_128(b"large").digest(20_000_000)
    mail = email.message.EmailMessage()
    mail["Subject"] = "large"
    mail.set_content("see attachment")
    mail.add_attachment(octets, maintype="application", subtype="zip", filename="large.zip")
    number = send(mail)
    assert api.get("/messages").json["messages"][0]["attachment_count"] == 1
    part = api.get(f"/messages/{number}").json["attachments"][0]
    assert part["size"] == len(octets)
    assert api.get(f"/messages/{number}/parts/{part['part']}").octets == octets


def test_search_looks_everywhere_in_any_case(api, send):
    send(full_mail())
    send("From: Zoe <zoe@example.net>\nSubject: lunch\n\nAt noon in the Garden.\n", to="carol@example.org")
    send(html_mail("<style>p{color:red}</style><p>Only&nbsp;in&#32;HTML</p>", subject="markup"))

    def found(words):
        return [
            one["subject"]
            for one in api.get(f"/messages?search={urllib.parse.quote(words)}").json["messages"]
        ]

    assert found("GRÜSSE") == found("grüße") == ["Grüße, mit Anhang"]
    assert found("garden noon") == found("zoe@") == found("carol") == ["lunch"]
    assert found("übersicht.pdf") == ["Grüße, mit Anhang"]
    assert found("only in html") == ["markup"]
    assert found('"color:red"') == found("nothing of the kind") == []
    assert api.get("/messages?search=color%3Ared").status == 400  # there is no such field


def test_one_is_deleted_then_all(api, send, catcher):
    for number in range(3):
        send(f"Subject: {number}\n\n\n")
    assert api.delete("/messages/2").status == 204
    assert api.delete("/messages/2").status == 404
    assert api.get("/messages/2").status == 404
    answer = api.get("/messages").json
    assert ([one["number"] for one in answer["messages"]], answer["count"]) == ([3, 1], 3)
    assert api.delete("/messages").status == 204
    assert catcher.messages == []
    assert api.get("/messages").json["total"] == 0


def test_only_the_kept_are_listed():
    with rsmtp.Catcher(tls="none", keep=5) as catcher, rsmtp.inbox.Inbox(catcher) as inbox:
        with smtplib.SMTP(catcher.host, catcher.port) as client:
            for number in range(12):
                client.sendmail("a@example.org", "b@example.org", f"Subject: {number}\n\n\n")
                with urllib.request.urlopen(f"{inbox.url}api/v1/messages") as response:
                    answer = json.load(response)
        assert [one["subject"] for one in answer["messages"]] == ["11", "10", "9", "8", "7"]
        assert (answer["kept"], answer["count"]) == (5, 12)
        # The catcher no longer has a message that was removed through the API.
        assert len(inbox._site.context.index._summaries) == 5


def test_a_request_waits_for_mail(api, send):
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(api.get("/messages?wait_for=2&timeout=20")))
    waiting.start()
    send()
    send()
    waiting.join()
    assert answers[0].json["count"] == 2
    assert api.get("/messages?wait_for=3&timeout=0.05").json["count"] == 2


class Events:
    """Reads server-sent events line by line."""

    def __init__(self, inbox):
        self.connection = http.client.HTTPConnection(inbox.host, inbox.port, timeout=10)
        self.connection.request("GET", f"{API}/events")
        self.response = self.connection.getresponse()
        assert self.response.headers["Content-Type"] == "text/event-stream"

    def next(self):
        while True:
            line = self.response.readline()
            assert line, "the stream has ended"
            if line.startswith(b"data: "):
                return json.loads(line[6:])

    def until(self, fits):
        while not fits(news := self.next()):
            pass
        return news

    def close(self):
        self.response.close()
        self.connection.close()


def test_news_of_everything(api, inbox, send, catcher):
    events = Events(inbox)
    assert events.next()["count"] == 0
    send()
    news = events.until(lambda news: news["count"] == 1)
    catcher.delete(1)
    news = events.until(lambda later: later["changes"] > news["changes"])
    catcher.clear()
    events.until(lambda news: news["count"] == 0)
    events.close()


def test_many_messages_are_little_news(api, inbox, catcher):
    events = Events(inbox)
    with smtplib.SMTP(catcher.host, catcher.port) as client:
        for _ in range(300):
            client.sendmail("a@example.org", "b@example.org", "Subject: x\n\n\n")
    told = 1
    while events.next()["count"] < 300:
        told += 1
    assert told < 150
    events.close()


def test_faults_are_armed_listed_and_removed(api, catcher, send):
    added = api.post(
        "/faults",
        {
            "stage": "RCPT",
            "reply": {"code": 450, "text": "4.2.1 later"},
            "times": 1,
            "address": "bob@example.org",
        },
    )
    assert added.status == 201
    assert added.json["text"] == "says “450 4.2.1 later”"
    with pytest.raises(smtplib.SMTPRecipientsRefused) as caught:
        send()
    assert caught.value.recipients == {"bob@example.org": (450, b"4.2.1 later")}
    (fault,) = api.get("/faults").json["faults"]
    assert (fault["number"], fault["times"]) == (added.json["number"], 0)
    send()
    raw = api.post("/faults", {"stage": "NOOP", "reply": {"octets": "2\xff\r\n"}}).json
    assert api.delete(f"/faults/{fault['number']}").status == 204
    assert api.delete(f"/faults/{fault['number']}").status == 404
    assert [one["number"] for one in api.get("/faults").json["faults"]] == [raw["number"]]
    assert api.delete("/faults").status == 204
    assert catcher.faults == []


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "stage: one of greeting"),
        ({"stage": "TURN"}, "stage: 'TURN' is none of"),
        ({"stage": "RCPT", "reply": {"code": 45, "text": ""}}, "45 is no reply code"),
        ({"stage": "RCPT", "reply": {"code": 450, "text": "a\r\nb"}}, "CR and NUL"),
        ({"stage": "RCPT", "reply": [450, "x"]}, "reply: "),
        ({"stage": "RCPT", "reply": {"octets": "€"}}, "U+00FF"),
        ({"stage": "RCPT", "times": True}, "times"),
        ({"stage": "RCPT", "times": -1}, ""),
        ({"stage": "RCPT", "times": 10**30}, ""),
        ({"stage": "RCPT", "delay": -1}, "delay"),
        ({"stage": "RCPT", "delay": "1"}, "delay"),
        ({"stage": "RCPT", "certificate": "expired"}, "handshake"),
        ({"stage": "RCPT", "explode": True}, "'explode' is no argument"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(api, catcher, given, problem):
    answer = api.post("/faults", given)
    assert answer.status == 400
    assert problem in answer.json["error"]
    assert catcher.faults == []


def test_connections_without_mail_are_there_too(api, catcher):
    with smtplib.SMTP(catcher.host, catcher.port, local_hostname="laptop.example.org") as client:
        client.ehlo()
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("ann", "s3cret-s3cret")
    # The client has read the 221, but the server's thread may need a moment to end.
    seen = catcher.changes
    while not catcher.conversations[-1].closed:
        seen = catcher.wait_for_change(seen)
    (one,) = api.get("/connections").json["connections"]
    assert (one["number"], one["helo"], one["user"], one["closed"]) == (1, "laptop.example.org", None, True)
    assert one["refusal"].startswith("535 ")
    whole = api.get("/connections/1").json
    assert [line["text"] for line in whole["conversation"]][-2:] == ["QUIT", "221 2.0.0 Bye"]
    assert "s3cret" not in json.dumps(whole)
    assert api.get("/connections/9").status == 404


def test_an_empty_line_of_the_server_is_no_refusal(api, catcher):
    catcher.fault("NOOP", reply=b"\r\n")
    with smtplib.SMTP(catcher.host, catcher.port) as client:
        client.rcpt("bob@example.org")
        with contextlib.suppress(smtplib.SMTPException):
            client.noop()
    (one,) = api.get("/connections").json["connections"]
    assert one["refusal"].startswith("503 ")


def test_the_server_describes_itself(api, catcher):
    described = api.get("/server").json
    assert (described["port"], described["protocol"], described["tls"]) == (catcher.port, "smtp", "none")
    assert described["stages"] == catcher.stages()
    exec(compile(described["snippet"], "snippet", "exec"), {})
    assert catcher.messages[0].email["Subject"] == "Hello"
    assert catcher.messages[0].user == catcher.username


def test_a_chosen_password_stays_out():
    with rsmtp.Catcher(password="s3cret", tls="none") as catcher:
        with rsmtp.inbox.Inbox(catcher, show_password=False) as inbox:
            with urllib.request.urlopen(f"{inbox.url}api/v1/server") as response:
                text = response.read().decode()
    assert "s3cret" not in text
    assert json.loads(text)["password"] is None


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("HEAD", "/", 200),
        ("GET", "/static/app.js", 200),
        ("GET", "/static/../server.py", 404),
        ("GET", "/static/%2e%2e/server.py", 404),
        ("GET", "/static/", 404),
        ("GET", "/api/v1/messages/0x1", 404),
        ("GET", "/api/v1/messages/٣", 404),
        ("GET", "/api/v1/messages/1", 404),
        ("GET", "/api/v1/messages/99999999999999999999999", 404),
        ("GET", "/api/v1/messages?limit=0", 400),
        ("GET", "/api/v1/messages?limit=1001", 400),
        ("GET", "/api/v1/messages?before=x", 400),
        ("GET", "/api/v1/messages?wait_for=1&timeout=61", 400),
        ("GET", "/api/v1/messages?wait_for=1&timeout=nan", 400),
        ("GET", "/api/v1/messages?" + "&".join("a=b" for _ in range(50)), 400),
        ("PUT", "/api/v1/messages", 405),
        ("OPTIONS", "/api/v1/messages", 405),
        ("DELETE", "/", 405),
        ("GET", "/api/v2/messages", 404),
    ],
)
def test_paths(api, method, path, status):
    answer = api.ask(method, urllib.parse.quote(path, safe="/%?&=:."))
    assert answer.status == status
    if status >= 400:
        assert answer.json["error"]
    if method == "HEAD":
        assert answer.octets == b""
        assert int(answer.headers["Content-Length"]) > 1000


def test_links_of_html_and_text(api, send):
    mail = html_mail(
        '<a href="https://a.example/?x=1&amp;y=2">Read <b>more</b></a> '
        "<A class=x HREF='mailto:ann@example.org'>Ann</A> "
        '<a name="top">no link</a> <a href="#top">up</a> <a href=javascript:alert(1)>no</a>'
        '<a href="https://a.example/?x=1&amp;y=2">again</a> <a href="https://b.example/">'
    )
    mail.make_mixed()
    mail.attach(email.message_from_string("Content-Type: text/plain\n\nsee https://c.example/d.\n"))
    links = api.get(f"/messages/{send(mail)}").json["links"]
    assert [(link["href"], link["text"]) for link in links] == [
        ("https://a.example/?x=1&y=2", "Read more"),
        ("mailto:ann@example.org", "Ann"),
        ("javascript:alert(1)", "no"),
        ("https://b.example/", None),
        ("https://c.example/d", None),
    ]


def test_a_long_broken_html_has_its_links_soon(api, send):
    number = send(html_mail("<a href=x>" * 50_000 + "<a " * 50_000))
    assert len(api.get(f"/messages/{number}").json["links"]) == 1


def test_a_picture_is_one_by_its_octets_and_not_by_its_name(api, send):
    mail = email.message.EmailMessage()
    mail.set_content("pictures")
    pictures = {
        "a.png": b"\x89PNG\r\n\x1a\n...", "b.jpg": b"\xff\xd8\xff\xe0...", "c.gif": b"GIF89a...",
        "d.webp": b"RIFF....WEBPVP8 ", "e.svg": b"<svg onload='alert(1)'/>", "f.png": b"<html>",
    }  # fmt: skip
    for name, octets in pictures.items():
        subtype = {"jpg": "jpeg", "svg": "svg+xml"}.get(name[2:], name[2:])
        mail.add_attachment(octets, maintype="image", subtype=subtype, filename=name)
    number = send(mail)
    for part in api.get(f"/messages/{number}").json["attachments"]:
        shown = api.get(f"/messages/{number}/parts/{part['part']}/picture")
        is_picture = part["filename"] not in ("e.svg", "f.png")
        assert (part["is_picture"], shown.status) == (is_picture, 200 if is_picture else 404)
        if is_picture:
            assert shown.octets == pictures[part["filename"]]
            assert shown.headers.get_content_maintype() == "image"
            assert shown.headers["X-Content-Type-Options"] == "nosniff"
            assert "sandbox" in shown.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("untrusting", "does not trust the catcher's authority: give it the CA file"),
        ("plaintext", "the client did not speak TLS where the catcher expected it"),
        ("gone", "the client went away during the TLS handshake"),
    ],
)
def test_a_failed_handshake_says_why(how, words):
    with rsmtp.Catcher(tls="implicit") as catcher, rsmtp.inbox.Inbox(catcher) as inbox:
        changes = catcher.changes
        with socket.create_connection((catcher.host, catcher.port), timeout=50) as raw:
            if how == "untrusting":
                with pytest.raises(ssl.SSLError):
                    ssl.create_default_context().wrap_socket(raw, server_hostname="localhost")
            elif how == "plaintext":
                raw.sendall(b"EHLO me\r\n")
                raw.recv(100)
        while not (catcher.conversations and catcher.conversations[0].closed):
            changes = catcher.wait_for_change(changes, timeout=1)
        api = Api(inbox)
        (connection,) = api.get("/connections").json["connections"]
        assert words in connection["problem"]
        assert words in api.get("/connections/1").json["problem"]


def test_several_are_deleted_at_once(api, send, catcher):
    for number in range(1, 7):
        send(f"Subject: mail {number}\nX-Tags: {'odd' if number % 2 else 'even'}\n\ntext\n")
    told = api.post("/messages/delete", {"numbers": [1, 2, 2, 99]})
    assert (told.status, told.json) == (200, {"done": 2, "left": 1, "next": None})
    assert [message.number for message in catcher.messages] == [3, 4, 5, 6]
    assert api.post("/messages/delete", {"search": "tag:odd"}).json["done"] == 2
    assert [message.number for message in catcher.messages] == [4, 6]
    for body in (
        {}, {"numbers": [4], "search": "x"}, {"numbers": "4"}, {"numbers": [True]}, {"numbers": [0]},
        {"search": "subject:"}, {"search": 4}, {"search": "before:never"}, {"all": True}, {"before": 3},
        {"search": "", "before": "x"}, {"numbers": [4], "all": True},
    ):  # fmt: skip
        assert api.post("/messages/delete", body).status == 400, body
    assert len(catcher.messages) == 2
    assert api.post("/messages/delete", {"search": "", "before": 5}).json["done"] == 1
    assert api.post("/messages/delete", {"search": ""}).json["done"] == 1
