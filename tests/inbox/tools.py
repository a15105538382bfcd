"""Requests, messages and listeners for the inbox's tests."""

import email.message
import http.client
import json
import socketserver
import threading
import types

API = "/api/v1"


class Api:
    """An API client as in any test: requests and JSON."""

    def __init__(self, inbox):
        self.inbox = inbox

    def ask(self, method, path, body=None, **headers):
        """Returns the response with its body read. Header names are written with underscores."""
        connection = http.client.HTTPConnection(self.inbox.host, self.inbox.port, timeout=50)
        try:
            if body is not None and not isinstance(body, (bytes, str)):
                body = json.dumps(body)
                headers.setdefault("Content_Type", "application/json")
            fields = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.putrequest(method, path, skip_host="Host" in fields)
            for name, value in fields.items():
                connection.putheader(name, value)
            if body is not None:
                body = body.encode() if isinstance(body, str) else body
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            response = connection.getresponse()
            octets = response.read()
            is_json = response.headers.get_content_type() == "application/json" and octets
            return types.SimpleNamespace(
                status=response.status,
                headers=response.headers,
                octets=octets,
                json=json.loads(octets) if is_json else None,
            )
        finally:
            connection.close()

    def get(self, path, **headers):
        return self.ask("GET", API + path, **headers)

    def post(self, path, body, **headers):
        return self.ask("POST", API + path, body, **headers)

    def delete(self, path, **headers):
        return self.ask("DELETE", API + path, **headers)


def html_mail(html, subject="html", images=()):
    """A mail with an HTML body; `images` are (content id, type, octets)."""
    mail = email.message.EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "ann@example.org", "bob@example.org", subject
    mail.set_content(html, subtype="html")
    for content_id, subtype, octets in images:
        mail.add_related(octets, "image", subtype, cid=f"<{content_id}>")
    return mail


class Tripwire(socketserver.ThreadingTCPServer):
    """A listener that must stay untouched. Each connection is recorded, with the requested path
    if there is one."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self):
        self.heard = []
        self.pages = {}
        self._changed = threading.Condition()
        super().__init__(("127.0.0.1", 0), TripwireHandler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def note(self, what):
        with self._changed:
            self.heard.append(what)
            self._changed.notify_all()

    def wait_for_beginning(self, what, timeout=30.0):
        with self._changed:
            return self._changed.wait_for(lambda: any(one.startswith(what) for one in self.heard), timeout)

    def wait_for(self, what, timeout=30.0):
        with self._changed:
            return self._changed.wait_for(lambda: what in self.heard, timeout)


class TripwireHandler(socketserver.StreamRequestHandler):
    timeout = 30

    def handle(self):
        self.server.note("connect")
        try:
            words = self.rfile.readline().split()
            if len(words) < 2:
                return
            path = words[1].decode("latin-1")
            while self.rfile.readline().strip():
                pass
            self.server.note(path.partition("?")[0])
            body = self.server.pages.get(path, "<title>tripped</title>").encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {len(body)}\r\n"
            self.wfile.write(head.encode() + b"Connection: close\r\n\r\n" + body)
        except OSError:
            pass
