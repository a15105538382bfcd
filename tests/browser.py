"""Opens pages in Debian's Chromium."""

import os
import shutil

import pytest


@pytest.fixture(scope="module")
def browser():
    """Chromium. The fixture is for a module and not for the session, because Playwright keeps an
    event loop running in this thread."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed (apt-get install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api")
    # Root can't use Chromium's own sandbox.
    options = ["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=options)
        yield browser
        browser.close()


def show(page, html):
    """Shows `html` and waits until all of it is loaded. Playwright is not told of some loads (of a blocked
    `use` in an SVG, one time in three), and `wait_until="load"` would time out: the page itself is asked.
    """
    page.set_content(html, wait_until="domcontentloaded")
    page.wait_for_function("document.readyState === 'complete'")


@pytest.fixture
def open_page(browser, served):
    """Opens the page that `served` serves, in a window of this size. A script error of the page
    fails the test."""
    mistakes, contexts = [], []

    def open_page(path="", width=1280, height=800, **options):
        context = browser.new_context(
            viewport={"width": width, "height": height}, locale="en-GB", accept_downloads=True, **options
        )
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: mistakes.append(str(error)))
        page.goto(served.url + path)
        page.locator("#live.on").wait_for()
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert mistakes == []
