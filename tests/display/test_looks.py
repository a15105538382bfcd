"""The displays in Chromium: in light and dark mode, and in a narrow window."""

import re
from dataclasses import dataclass

import pytest

import rsmtp
from browser import show
from rsmtp.display import style, transcript

PAPER = {"light": "#ffffff", "dark": "#111111"}
# Host pages with their own theme, whatever the system's theme is.
HOSTS = {
    "light": ['data-jp-theme-light="true"', 'data-theme="light"', 'class="vscode-light"'],
    "dark": ['data-jp-theme-light="false"', 'data-theme="dark"', 'class="vscode-dark"'],
}
LONG = "a.very.long.local.part.that.goes.on.and.on." + "x" * 60 + "@" + "subdomain." * 12 + "example.org"


@pytest.fixture(scope="module")
def displays():
    """Every display, with some long content."""
    shown = []
    with rsmtp.Catcher() as catcher:
        trust = rsmtp.TlsConfig(ca_file=catcher.ca_file)
        catcher.fault("RCPT", address=LONG, reply=(550, "5.1.1 " + "no such user here, and many words " * 8))
        with rsmtp.SmtpClient("localhost", catcher.port, tls="starttls", context=trust) as client:
            client.login(catcher.username, catcher.password)
            client.sendmail("ann@example.org", ["bob@example.org", LONG], "Subject: x\n\n" + "word " * 60)
            shown += [client, client.transcript]
            with pytest.raises(rsmtp.SMTPRecipientsRefused) as caught:
                client.sendmail("ann@example.org", LONG, "Subject: x\n\ny\n")
            shown.append(caught.value)
        login = {"user": catcher.username, "password": catcher.password}
        with rsmtp.Mailer(host="localhost", port=catcher.port, context=trust, retries=0, **login) as mailer:
            letters = [
                ("ann@example.org", [f"b{i}@example.org", LONG], "Subject: x\n\ny\n") for i in range(4)
            ]
            shown += [mailer.send(letters[0]), mailer.send_all(letters)]
    with rsmtp.Catcher(tls="none") as catcher:
        server = f"smtp://127.0.0.1:{catcher.port}?tls=none"
        with rsmtp.Mailer([server, f"smtps://{'long.' * 12}example.org"], retries=0) as mailer:
            mailer.send(("ann@example.org", [LONG], "Subject: " + "word " * 60 + "\n\ny\n"))
            bundles = [one._repr_mimebundle_() for one in (catcher, mailer)]
    shown.append(
        rsmtp.Message(
            "word " * 300,
            html="<p>Hello</p>",
            subject="Donaudampfschifffahrt" * 8,
            to=[LONG],
            attachments=[("long-name-" * 12 + ".txt", "x", "application/vnd.of-a-very-long-name-indeed+zip")],
        )
    )
    return [one["text/html"] for one in [*(one._repr_mimebundle_() for one in shown), *bundles]]


def opened(browser, html, *, scheme="light", host="", width=980):
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    show(page, f"<!doctype html><body {host}>{html}</body>")
    return page


@pytest.mark.parametrize("width", [980, 780, 740, 680, 600, 560, 360])
def test_nothing_runs_over_the_edge(browser, displays, width):
    page = opened(browser, "".join(displays), width=width)
    for details in page.locator("details").all():
        details.evaluate("e => e.open = true")
    over = page.evaluate(
        """() => [...document.querySelectorAll('.rsmtp, .rsmtp div, .rsmtp td, .rsmtp pre, .rsmtp table')]
        .filter(e => !e.closest('.hidden') && e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0
            && getComputedStyle(e).overflowX === 'visible')
        .map(e => e.outerHTML.slice(0, 200))"""
    )
    assert not over, "\n".join(over)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@dataclass
class Line:
    """A line of a conversation, as the record has it."""

    direction: str
    at: float
    text: str = "NOOP"
    state: str = "ready"


@pytest.mark.parametrize("width", [980, 600, 360])
@pytest.mark.parametrize("whole", [0.0999, 99.99, 9999])
def test_a_wait_has_room_for_its_figure_wherever_its_bar_lies(browser, width, whole):
    tenths = range(11)
    talks = [
        [Line(*said) for said in (("*", 0), ("C", start / 10 * whole), ("S", end / 10 * whole), ("C", whole))]
        for start in tenths
        for end in tenths
        if start < end
    ]
    page = opened(browser, "".join(map(transcript.rich, talks)), width=width)
    over, seen = page.evaluate(
        """() => {
            const bars = [...document.querySelectorAll('.wait .bar:has(span)')];
            const over = bars.filter(bar => {
                const [line, figure, all] = [bar.querySelector('i'), bar.querySelector('span'), bar]
                    .map(e => e.getBoundingClientRect());
                return figure.left < line.right || figure.right > all.right || line.left < all.left;
            });
            return [over.map(bar => bar.outerHTML), bars.length];
        }"""
    )
    assert seen > 100 and not over, "\n".join(over)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_theme_is_the_hosts_where_it_has_one_and_the_systems_otherwise(browser, displays, theme):
    other = {"light": "dark", "dark": "light"}[theme]
    expected = rgb(palette(theme)["fg"])
    for scheme, host in [(theme, ""), *((other, host) for host in HOSTS[theme])]:
        page = opened(browser, displays[0], scheme=scheme, host=host)
        colour = page.locator(".rsmtp").evaluate("e => getComputedStyle(e).color")
        assert tuple(map(int, re.findall(r"\d+", colour))) == expected, (scheme, host)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_text_has_enough_contrast(theme):
    """WCAG 2.2, criterion 1.4.3 requires a contrast of 4.5 to 1."""
    colours = palette(theme)
    for paper in (PAPER[theme], colours["tls-tint"]):
        for text in ("fg", "soft", "path", "good", "bad", "warn", "tls"):
            assert contrast(colours[text], paper) >= 4.5, (text, paper)
    assert contrast(colours["on-path"], colours["path"]) >= 4.5


def palette(theme):
    rules = {"light": style._LIGHT, "dark": style._DARK}[theme]
    return dict(re.findall(r"--([\w-]+):(#\w+)", rules))


def rgb(colour):
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    return tuple(int(digits[i : i + 2], 16) for i in (0, 2, 4))


def contrast(one, other):
    def luminance(colour):
        channels = [value / 255 for value in rgb(colour)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
