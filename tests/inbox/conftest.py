"""The inbox is tested with urllib's and http.client's requests, and in Debian's Chromium."""

import email.message
import os
import shutil
import smtplib
import threading

import pytest

import rsmtp
from inbox.tools import Api, Tripwire
from rsmtp.inbox import Inbox


@pytest.fixture
def catcher():
    with rsmtp.Catcher(tls="none") as catcher:
        yield catcher


@pytest.fixture
def inbox(catcher):
    with Inbox(catcher) as inbox:
        yield inbox


@pytest.fixture
def api(inbox):
    return Api(inbox)


@pytest.fixture
def send(catcher):
    """Octets, text or a message, through smtplib."""

    def send(mail="Subject: hello\n\nbody\n", to="bob@example.org", sender="ann@example.org"):
        with smtplib.SMTP(catcher.host, catcher.port, timeout=50) as client:
            if isinstance(mail, email.message.Message):
                mail = mail.as_bytes()
            client.sendmail(sender, to, mail)
        return catcher.messages[-1].number

    return send


@pytest.fixture(scope="module")
def browser():
    """Chromium. For a module and not for the session: while it is there, Playwright
    keeps an event loop running in this thread."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed (apt-get install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api")
    # Chromium's own sandbox can't be had by root.
    options = ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser, inbox):
    """The page at a window's size; a mistake of its own is a failed test."""
    mistakes, contexts = [], []

    def open_page(path="", width=1280, height=800, **options):
        context = browser.new_context(
            viewport={"width": width, "height": height}, locale="en-GB", accept_downloads=True, **options
        )
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        page.goto(inbox.url + path)
        page.locator("#live.on").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert mistakes == []


@pytest.fixture
def tripwire():
    with Tripwire() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()
