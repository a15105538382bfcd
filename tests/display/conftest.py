"""Sample conversations and HTML, and a browser that opens them."""

import contextlib
import re
import threading
from html.parser import HTMLParser
from socket import create_server

import pytest

import rsmtp
from browser import browser

__all__ = ["browser"]

VOID = {"meta", "img", "br", "hr", "link", "base", "input", "rect", "polygon", "path"}


class Page(HTMLParser):
    """Parses a page, and reports malformed HTML."""

    def __init__(self, html):
        super().__init__()
        self.elements = []
        self.words = []
        self._open = []
        self.feed(html)
        self.close()
        assert not self._open, f"never closed: {self._open}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self._open, f"</{tag}> closes nothing"
        assert self._open.pop() == tag

    def handle_data(self, data):
        if "style" not in self._open:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())

    def all(self, tag):
        return [attrs for name, attrs in self.elements if name == tag]


def harmless(html):
    """Checks that nothing in the page runs or is loaded from elsewhere."""
    page = Page(html)
    assert not page.all("script")
    for tag, attrs in page.elements:
        assert not [name for name in attrs if name.startswith("on")], (tag, attrs)
        assert not re.match(r"\s*javascript:", attrs.get("href") or "", re.IGNORECASE)
        if tag == "a" and attrs.get("rel") == "noreferrer":
            continue  # a link of ours: nothing is loaded before a click
        for name in ("src", "href", "action", "data", "poster", "background"):
            assert (attrs.get(name) or "data:").startswith(("data:", "#")), (tag, attrs)
    style = "".join(re.findall(r"<style>(.*?)</style>", html, re.DOTALL))
    assert "url(" not in style and "@import" not in style
    return page


@pytest.fixture
def read():
    return harmless


@pytest.fixture
def secured():
    """(catcher, client) in the state `ready` inside TLS."""
    with rsmtp.Catcher() as catcher:
        trust = rsmtp.TlsConfig(ca_file=catcher.ca_file)
        with rsmtp.SmtpClient("localhost", catcher.port, tls="starttls", context=trust) as client:
            yield catcher, client


class Tripwire:
    """A listener that must not get any connection."""

    def __init__(self):
        self._listener = create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.hits = []
        self.tripped = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with contextlib.closing(connection):
                connection.settimeout(1)
                # A connection without a request counts, too.
                self.hits.append(b"")
                self.tripped.set()
                try:
                    self.hits[-1] = connection.recv(4096)
                    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                except OSError:
                    pass

    def close(self):
        # Closing alone does not wake a thread in accept().
        with contextlib.suppress(OSError):
            self._listener.shutdown(2)
        self._listener.close()
        self._thread.join(5)


@pytest.fixture
def tripwire():
    wire = Tripwire()
    yield wire
    wire.close()
