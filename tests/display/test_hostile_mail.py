"""Foreign HTML in a browser runs nothing, and its sender does not learn that it was opened."""

import contextlib

import pytest

import rsmtp
from browser import show
from rsmtp.display import client as client_display

playwright = pytest.importorskip("playwright.sync_api")

LOADS = [
    '<img src="{there}/img">',
    '<img srcset="{there}/srcset 2x">',
    '<picture><source srcset="{there}/source"><img></picture>',
    '<link rel="stylesheet" href="{there}/css">',
    '<link rel="prefetch" href="{there}/prefetch"><link rel="icon" href="{there}/icon">',
    '<link rel="preload" as="image" href="{there}/preload"><link rel=prerender href="{there}/prerender">',
    '<meta http-equiv="refresh" content="0;url={there}/refresh">',
    '<base href="{there}/"><img src="relative">',
    '<iframe src="{there}/iframe"></iframe>',
    '<iframe srcdoc="<img src={there}/inner><script>fetch(&quot;{there}/inner&quot;)</script>"></iframe>',
    '<object data="{there}/object"></object><embed src="{there}/embed">',
    '<video src="{there}/video" poster="{there}/poster" autoplay></video>',
    '<audio src="{there}/audio" autoplay></audio>',
    '<style>@import "{there}/import"; body {{ background: url({there}/background) }}</style>',
    "<style>@font-face {{ font-family: x; src: url({there}/font) }} p {{ font-family: x }}</style><p>x",
    '<div style="background-image: url({there}/style)">x</div>',
    '<body background="{there}/body">',
    '<svg><image href="{there}/svg"/><use href="{there}/use#x"/></svg>',
    '<input type="image" src="{there}/input">',
    '<table background="{there}/table"><tr><td>x</table>',
]
# Browsers may support these or not.
HINTS = ['<link rel="preconnect" href="{there}"><link rel="dns-prefetch" href="{there}">']
RUNS = [
    "<script>{run}</script>",
    "<script src='data:text/javascript,{run}'></script>",
    '<img src="x" onerror="{run}">',
    '<svg onload="{run}"></svg>',
    "<svg><script>{run}</script></svg>",
    '<body onload="{run}">',
    '<iframe srcdoc="<script>{run}</script>"></iframe>',
    '<iframe src="javascript:{run}"></iframe>',
    '<object data="data:text/html,<script>{run}</script>"></object>',
    '<details open ontoggle="{run}">x</details>',
    '<input autofocus onfocus="{run}">',
    "</iframe><script>{run}</script>",
    '"></iframe><script>{run}</script><iframe srcdoc="',
    "--><script>{run}</script>",
    "</style></title></textarea><script>{run}</script>",
]
# A script that runs reports itself to the console, to the surrounding page and to the network.
RUN = "console.log(1337);try{{top.pwned=1}}catch(e){{}};fetch(`{there}/ran`);new Image().src=`{there}/ran`"


def look(browser, html, wire=None):
    """Opens the page; what its console said of ours, and whether it was touched.

    Another page of the same browser then asks `wire` for something: what the first
    one wanted to ask for by itself has gone out before that.
    """
    context = browser.new_context()
    try:
        page = context.new_page()
        said = []
        page.on("console", lambda message: said.append(message.text))
        page.on("dialog", lambda dialog: (said.append("dialog"), dialog.dismiss()))
        show(page, html)
        page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
        if wire is not None:
            show(context.new_page(), f'<img src="http://127.0.0.1:{wire.port}/last">')
        return [text for text in said if text in ("1337", "dialog")], page.evaluate("window.pwned")
    finally:
        context.close()


def asked(wire):
    """The requests that reached the wire, without the last one and without a spare connection of
    the browser."""
    return [hit for hit in wire.hits if hit and not hit.startswith(b"GET /last")]


def shown(page):
    return "<!doctype html><title>x</title>" + rsmtp.Message(html=page)._repr_mimebundle_()["text/html"]


def test_the_tripwire_works(browser, tripwire):
    look(browser, f'<img src="http://127.0.0.1:{tripwire.port}/seen">')
    assert [hit.split()[1] for hit in tripwire.hits if hit] == [b"/seen"]
    said, touched = look(browser, "<script>console.log(1337); window.pwned = 1</script>")
    assert said and touched


@pytest.mark.parametrize("page", [*LOADS, *HINTS])
def test_nothing_is_loaded(page, browser, tripwire):
    look(browser, shown(page.format(there=f"http://127.0.0.1:{tripwire.port}")), tripwire)
    assert asked(tripwire) == []


@pytest.mark.parametrize("page", LOADS)
def test_without_the_walls_it_would_be_loaded(page, browser, tripwire):
    context = browser.new_context()
    bare = context.new_page()
    with contextlib.suppress(playwright.Error):  # it has gone elsewhere already
        show(bare, f"<!doctype html>{page.format(there=f'http://127.0.0.1:{tripwire.port}')}")
    assert tripwire.tripped.wait(20)
    context.close()


@pytest.mark.parametrize("page", RUNS)
def test_nothing_runs(page, browser, tripwire):
    page = page.format(run=RUN.format(there=f"http://127.0.0.1:{tripwire.port}"))
    said, touched = look(browser, shown(page), tripwire)
    assert (said, touched, asked(tripwire)) == ([], None, [])
    # Without the protection it would get out.
    context = browser.new_context()
    bare = context.new_page()
    bare.on("dialog", lambda dialog: dialog.dismiss())
    with bare.expect_console_message(lambda message: message.text == "1337", timeout=20_000):
        show(bare, f"<!doctype html>{page}")
    context.close()


def test_a_previewed_page_is_as_tight(browser, tripwire):
    there = f"http://127.0.0.1:{tripwire.port}"
    page = "".join(one.format(there=there) for one in LOADS) + "".join(
        one.format(run=RUN.format(there=there)) for one in RUNS
    )
    said, touched = look(browser, rsmtp.Message(html=page).preview().html, tripwire)
    assert (said, touched, asked(tripwire)) == ([], None, [])


def test_a_hostile_server_can_not_write_into_the_page(browser, tripwire):
    run = RUN.format(there=f"http://127.0.0.1:{tripwire.port}")
    with rsmtp.Catcher(tls="none") as catcher:
        catcher.fault("greeting", reply=(220, f"<script>{run}</script>"))
        catcher.fault(
            "EHLO", reply=(250, ["x", f"X<svg onload={run.split(';')[0]}>", '"><script>1</script>'])
        )
        client = rsmtp.SmtpClient("localhost", catcher.port)
        client.ehlo()
        html = client_display.rich(client) + client.transcript._repr_mimebundle_()["text/html"]
        client.close()
    assert (*look(browser, html, tripwire), asked(tripwire)) == ([], None, [])


def test_the_mail_is_seen(browser):
    """The protection blocks only what leaves the mail. The reader still sees the mail."""
    context = browser.new_context()
    page = context.new_page()
    show(page, shown('<h1 style="color: rgb(1, 2, 3)">Hello</h1>'))
    for each in (0, 1):
        assert page.frame_locator("iframe").nth(each).locator("h1").inner_text() == "Hello"
        assert page.locator("iframe").nth(each).bounding_box()["height"] >= 100
    context.close()
