"""Foreign mail runs nothing, loads nothing and reaches nothing in a real browser.

A tripwire listens for every request that gets out. Each attack is shown twice: bare, where it must
trip (or the test would prove nothing), and in the inbox, where it must not. Each attack requests
its own path, so that a failure shows which one got out.
"""

import html
import os
import shutil
import subprocess

import pytest

from inbox.tools import API, html_mail

# Attacks that need no click. T/trip is replaced by the tripwire's address.
LOADS = {
    "img": '<img src="T/trip">',
    "srcset": '<img srcset="T/trip 1x, T/trip 2x">',
    "picture": '<picture><source srcset="T/trip"><img alt="x"></picture>',
    "background": '<body background="T/trip">',
    "input": '<input type="image" src="T/trip">',
    "style-url": '<div style="background:url(T/trip);width:9px;height:9px">x</div>',
    "style-import": '<style>@import url("T/trip");</style>',
    "style-import-plain": '<style>@import "T/trip";</style>',
    "font": "<style>@font-face{font-family:f;src:url(T/trip)}p{font-family:f}</style><p>text</p>",
    "list-image": '<ul style="list-style-image:url(T/trip)"><li>x</ul>',
    "link-style": '<link rel="stylesheet" href="T/trip">',
    "link-split": '<LiNk/rel=stylesheet href="T/trip">',
    "link-prefetch": '<link rel="prefetch" href="T/trip">',
    "link-preload": '<link rel="preload" as="image" href="T/trip">',
    "link-icon-in-svg": '<svg><image href="T/trip" width="9" height="9"/></svg>',
    "svg-filter": '<svg><filter id="f"><feImage href="T/trip"/></filter>'
    '<rect width="9" height="9" filter="url(#f)"/></svg>',
    "iframe": '<iframe src="T/trip"></iframe>',
    "srcdoc": '<iframe srcdoc="&lt;img src=T/trip&gt;"></iframe>',
    "srcdoc-link": '<iframe srcdoc="&lt;link rel=stylesheet href=T/trip&gt;"></iframe>',
    "object": '<object data="T/trip"></object>',
    "embed": '<embed src="T/trip">',
    "frameset": '<frameset><frame src="T/trip"></frameset>',
    "video": '<video src="T/trip" autoplay muted></video>',
    "poster": '<video poster="T/trip"></video>',
    "audio": '<audio src="T/trip" preload="auto"></audio>',
    "track": '<video src="data:video/mp4," controls><track default src="T/trip"></video><img src="T/trip">',
    "meta-refresh": '<meta http-equiv="refresh" content="0;url=T/trip">',
    "meta-refresh-self": '<META HTTP-EQUIV=refresh CONTENT="0; T/trip">',
    "base": '<base href="T/trip/"><img src="x">',
    "script-src": '<script src="T/trip"></script>',
    "script": '<script>new Image().src="T/trip"</script>',
    "script-fetch": '<script>fetch("T/trip",{mode:"no-cors"})</script>',
    "script-beacon": '<script>navigator.sendBeacon("T/trip","x")</script>',
    "script-module": '<script type="module">import("T/trip")</script>',
    "script-in-title": '<title></title><script>new Image().src="T/trip"</script>',
    "onerror": """<img src=x onerror="new Image().src='T/trip'">""",
    "onload": """<body onload="new Image().src='T/trip'">""",
    "svg-onload": """<svg onload="new Image().src='T/trip'">""",
    "svg-script": '<svg><script>new Image().src="T/trip"</script></svg>',
    "svg-animate": """<svg><animate attributeName=x dur=1ms onbegin="new Image().src='T/trip'">""",
    "details": """<details open ontoggle="new Image().src='T/trip'">x</details>""",
    "autofocus": """<input autofocus onfocus="new Image().src='T/trip'">""",
    "form-script": '<form id="f" action="T/trip"></form><script>f.submit()</script>',
}
SVG = """<svg xmlns="http://www.w3.org/2000/svg" onload="new Image().src='T/trip'">
<image href="T/trip"/></svg>"""


def armed(html, tripwire, name="it"):
    return html.replace("T/trip", f"{tripwire.url}/trip-{name}").replace("T/", f"{tripwire.url}/")


def settle(context, tripwire):
    """Another tab asks the tripwire for something. All earlier requests have arrived before that."""
    page = context.new_page()
    page.goto(f"{tripwire.url}/control")
    page.close()
    assert tripwire.wait_for("/control")


def tripped(tripwire):
    return [one for one in tripwire.heard if one.startswith("/trip")]


@pytest.mark.parametrize("name", LOADS)
def test_bare_it_gets_out(browser, tripwire, name):
    """The control: the attack works if nothing stops it."""
    tripwire.pages["/bare"] = armed(LOADS[name], tripwire)
    context = browser.new_context()
    context.new_page().goto(f"{tripwire.url}/bare", wait_until="commit")
    assert tripwire.wait_for_beginning("/trip"), "this attack proves nothing"
    context.close()


HALVES = [dict(list(LOADS.items())[::2]), dict(list(LOADS.items())[1::2])]


@pytest.mark.parametrize("half", HALVES, ids=["even", "odd"])
def test_in_the_inbox_nothing_gets_out(open_page, send, tripwire, half):
    numbers = {
        send(html_mail("<p id=here>here</p>" + armed(attack, tripwire, name), subject=name)): name
        for name, attack in half.items()
    }
    page = open_page()
    for number, name in numbers.items():
        page.locator(f"#message-{number}").click()
        frame = page.frame_locator(f"iframe[src*='/{number}/html']")
        frame.locator("#here").wait_for()
        assert page.url.endswith(f"#/messages/{number}/html") or page.url.endswith(f"#/messages/{number}"), (
            name
        )
    settle(page.context, tripwire)
    assert tripped(tripwire) == []
    assert page.title() == f"({len(numbers)}) rsmtp inbox"


@pytest.mark.parametrize("half", HALVES, ids=["even", "odd"])
def test_at_its_own_address_nothing_gets_out(open_page, inbox, send, tripwire, half):
    """The mail's HTML is opened directly, without the page's frame around it."""
    page = open_page()
    for name, attack in half.items():
        number = send(html_mail("<p id=here>here</p>" + armed(attack, tripwire, name)))
        address = f"{inbox.url[:-1]}{API}/messages/{number}/html"
        page.goto(address)
        page.locator("#here").wait_for()
        assert page.url == address, name
    settle(page.context, tripwire)
    assert tripped(tripwire) == []


def dump(address, tmp_path):
    """Runs Chromium as users do. Playwright's Chromium never connects in advance."""
    options = ["--headless", "--disable-gpu", f"--user-data-dir={tmp_path}", "--virtual-time-budget=2000"]
    if os.geteuid() == 0:
        options.append("--no-sandbox")
    done = subprocess.run(
        [shutil.which("chromium"), *options, "--dump-dom", address], capture_output=True, timeout=50
    )
    return done.stdout.decode()


def test_no_connection_ahead(browser, inbox, send, tripwire, tmp_path):
    """A connection reveals something by itself, so one without a request counts, too."""
    links = "".join(
        f'<link rel="{rel}" href="{tripwire.url}/trip">' for rel in ("preconnect", "prefetch", "icon")
    )
    nested = f'<iframe srcdoc="{html.escape(links)}"></iframe><template>{links}</template>'
    mail = html_mail(f"<p id=here>here</p>{links}{links.upper()}{nested}")
    shown = dump(f"{inbox.url[:-1]}{API}/messages/{send(mail)}/html", tmp_path / "inbox")
    assert '<p id="here">here</p>' in shown
    assert tripwire.heard == []
    # The control.
    (tmp_path / "bare.html").write_text(f'<link rel="preconnect" href="{tripwire.url}"><p>here</p>')
    dump(f"file://{tmp_path}/bare.html", tmp_path / "bare")
    assert tripwire.wait_for_beginning("connect")


def test_an_svg_image_is_only_a_picture(open_page, send, tripwire):
    svg = armed(SVG, tripwire).encode()
    number = send(html_mail('<img id=here src="cid:a@x">', images=[("a@x", "svg+xml", svg)]))
    page = open_page(f"#/messages/{number}")
    image = page.frame_locator("iframe").locator("#here")
    assert image.get_attribute("src").startswith("data:image/svg+xml;base64,")
    settle(page.context, tripwire)
    assert tripped(tripwire) == []


REACHES = [
    "<script>parent.document.title='owned'</script>",
    "<script>top.location='T/trip'</script>",
    "<script>parent.postMessage('owned','*');localStorage.x=1;document.cookie='x=1'</script>",
    "<img src=x onerror=\"top.document.body.innerHTML='owned'\">",
    "<script>fetch('/api/v1/messages',{method:'DELETE'})</script>",
    "<script>window.name='owned';alert(1)</script>",
]


@pytest.mark.parametrize("attack", REACHES)
def test_the_page_is_out_of_reach(open_page, send, catcher, tripwire, attack):
    number = send(html_mail("<p id=here>here</p>" + armed(attack, tripwire)))
    page = open_page()
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
    page.locator(f"#message-{number}").click()
    page.frame_locator("iframe").locator("#here").wait_for()
    settle(page.context, tripwire)
    assert page.title() == "(1) rsmtp inbox"
    assert page.locator("h2").inner_text() == "html"
    assert page.url.endswith(f"#/messages/{number}")
    assert catcher.count == len(catcher.messages) == 1
    assert tripped(tripwire) == []
    # To the page, the frame belongs to a foreign origin.
    assert page.evaluate("document.querySelector('iframe').contentDocument") is None


CLICKS = {
    "form": '<form action="T/trip" method="post"><button id=it>x</button></form>',
    "form-own": f'<form action="{API}/messages" method="post" target=w><button id=it>x</button></form>',
    "formaction": '<form><button id=it formaction="T/trip" formtarget="_top">x</button></form>',
    "javascript": "<a id=it href=\"javascript:location='T/trip'\">x</a>",
    "javascript-top": "<a id=it target=_top href=\"javascript:location='T/trip'\">x</a>",
    "top": '<a id=it target="_top" href="T/trip">x</a>',
    "parent": '<a id=it target="_parent" href="T/trip">x</a>',
    "self": '<a id=it target="_self" href="T/trip">x</a>',
    "data": '<a id=it href="data:text/html,<script>new Image().src=`T/trip`</script>">x</a>',
    "onclick": "<p id=it onclick=\"new Image().src='T/trip'\">x</p>",
}


@pytest.mark.parametrize("name", CLICKS)
def test_a_click_does_what_it_may_and_no_more(open_page, send, catcher, tripwire, name):
    number = send(html_mail(armed(CLICKS[name], tripwire)))
    page = open_page(f"#/messages/{number}")
    page.frame_locator("iframe").locator("#it").click(no_wait_after=True)
    settle(page.context, tripwire)
    assert tripped(tripwire) == []
    assert page.url.endswith(f"#/messages/{number}")
    assert page.title() == "(1) rsmtp inbox"
    assert len(catcher.messages) == 1


@pytest.mark.parametrize(
    "link",
    [
        "<a id=it href=U>x</a>",
        "<a id=it rel=opener target=_blank href=U>x</a>",
        "<a id=it target=w href=U>x</a>",
    ],
)
def test_a_link_opens_a_tab_that_has_no_handle_on_us(open_page, send, tripwire, link):
    tripwire.pages["/away"] = "<title>away</title><script>document.title += window.opener === null</script>"
    number = send(html_mail(link.replace("U", f"{tripwire.url}/away")))
    page = open_page(f"#/messages/{number}")
    with page.context.expect_page() as opened:
        page.frame_locator("iframe").locator("#it").click()
    opened.value.wait_for_function("() => document.title === 'awaytrue'")
    assert opened.value.evaluate("document.referrer") == ""
    assert page.url.endswith(f"#/messages/{number}")


HEADERS = [
    "<img src=x onerror=alert(1)>",
    "\"><script>document.title='owned'</script>",
    "{{7*7}}${alert(1)}javascript:alert(1)",
]


@pytest.mark.parametrize("text", HEADERS)
def test_headers_and_names_are_text(open_page, send, text):
    mail = html_mail("<p>hello</p>", subject=text)
    mail.replace_header("From", "placeholder <a@example.org>")
    mail.add_attachment(b"x", maintype="application", subtype="x", filename=text)
    raw = mail.as_bytes().replace(b"placeholder <a@example.org>", f"{text} <a@example.org>".encode())
    number = send(raw)
    page = open_page(f"#/messages/{number}/attachments")
    page.on("dialog", lambda dialog: pytest.fail(f"a dialog: {dialog.message}"))
    assert page.locator("article h2").inner_text() == text
    # The standard library reads <> around a whole file name as quotes.
    assert page.locator(".files b").inner_text() in (text, text[1:-1])
    for tab in ("Headers", "Source", "Conversation"):
        page.get_by_role("tab", name=tab).click()
        page.locator(f"[data-tab={tab.lower()}] :is(table, pre)").wait_for()
    assert page.title() == "(1) rsmtp inbox"
    assert page.locator("#list img, #list script, article img, article script").count() == 0


def test_another_site_gets_nothing(open_page, browser, inbox, send, catcher, tripwire):
    """A site that the user happens to visit can't read, embed or change anything."""
    number = send(html_mail("<p>secret</p>"))
    base = inbox.url[:-1]
    tripwire.pages["/site"] = f"""<body><script>
        const tell = (name, value) => new Image().src = "/" + name + "/" + value;
        const ask = (path, options) => fetch("{base}" + path, options).then(() => "read", () => "no");
        (async () => {{
            tell("get", await ask("/api/v1/messages"));
            tell("delete", await ask("/api/v1/messages", {{method: "DELETE"}}));
            tell("json", await ask("/api/v1/faults", {{method: "POST", body: '{{"stage":"RCPT"}}',
                headers: {{"Content-Type": "application/json"}}}}));
            const blind = {{method: "POST", mode: "no-cors", body: '{{"stage":"RCPT"}}'}};
            tell("blind", await ask("/api/v1/faults", blind));
            const script = document.createElement("script");
            script.src = "{base}/static/app.js";
            script.onload = () => tell("script", "ran");
            script.onerror = () => tell("script", "no");
            document.body.append(script);
            new EventSource("{base}/api/v1/events").onerror = () => tell("events", "no");
        }})();
        </script>
        <iframe src="{base}/"></iframe><iframe src="{base}{API}/messages/{number}/html"></iframe>"""
    page = browser.new_page()
    page.goto(f"{tripwire.url}/site")
    for what in ("/get/no", "/delete/no", "/json/no", "/blind/no", "/script/no", "/events/no"):
        assert tripwire.wait_for(what), what
    for frame in page.frames[1:]:
        assert "secret" not in frame.content()
        assert frame.locator("#list").count() == 0
    page.context.close()
    assert (len(catcher.messages), catcher.faults) == (1, [])
