"""The page in a browser: mouse, keyboard, a narrow window, and live updates."""

import base64
import email.message
import smtplib

import pytest

import rsmtp
from inbox.tools import html_mail
from rsmtp.inbox import Inbox


def subjects(page):
    return page.locator("#list .subject").all_text_contents()


PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def test_an_empty_inbox_says_how_to_fill_it(open_page, catcher):
    page = open_page()
    snippet = page.locator(".snippet").inner_text()
    exec(compile(snippet, "snippet", "exec"), {})
    page.locator("#list li").wait_for()
    assert subjects(page) == ["Hello"]
    assert page.title() == "(1) rsmtp inbox"


def test_an_empty_inbox_says_it_in_a_narrow_window_too(open_page, send):
    page = open_page(width=340, height=700)
    page.get_by_role("button", name="Copy the script").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 340
    send()
    page.locator("#list li").wait_for()
    page.locator(".snippet").wait_for(state="hidden")


def test_new_mail_appears_and_deleted_mail_goes(open_page, send, catcher):
    page = open_page()
    send("Subject: first\n\n\n")
    page.locator("#list li").wait_for()
    send("Subject: second\n\n\n")
    page.locator("#list li:nth-child(2)").wait_for()
    assert subjects(page) == ["second", "first"]
    catcher.delete(2)
    page.locator("#message-2").wait_for(state="detached")
    catcher.clear()
    page.get_by_text("No mail yet").wait_for()
    page.locator(".snippet").wait_for()


def test_every_tab(open_page, send):
    mail = html_mail("<h1 id=here>Hello</h1>", subject="tabs")
    mail.add_attachment(b"x" * 1234, maintype="application", subtype="pdf", filename="a.pdf")
    send(mail)
    page = open_page()
    page.get_by_role("option", name="tabs").click()
    page.frame_locator("iframe").locator("#here").wait_for()
    shown = {
        "Attachments": "1.2 kB",
        "Headers": "Content-Type",
        "Source": "Subject: tabs",
        "Conversation": "354 End data",
    }
    for tab, words in shown.items():
        page.get_by_role("tab", name=tab).click()
        page.get_by_role("tabpanel", name=tab).get_by_text(words).first.wait_for()
        assert page.get_by_role("tab", name=tab).get_attribute("aria-selected") == "true"
    # The tab stays the same when the user selects another message.
    send("Subject: next\n\ntext\n")
    page.get_by_role("option", name="next").click()
    page.get_by_role("tabpanel", name="Conversation").wait_for()
    assert page.url.endswith("/conversation")


def test_text_has_its_links_and_only_those(open_page, send):
    number = send("Subject: x\n\nSee https://example.org/a?b=c. Not javascript:alert(1) <b>x</b>\n")
    page = open_page(f"#/messages/{number}")
    links = page.locator("pre.text a")
    links.first.wait_for()
    assert links.count() == 1
    assert links.get_attribute("href") == "https://example.org/a?b=c"
    assert links.get_attribute("rel") == "noopener noreferrer"
    assert "<b>x</b>" in page.locator("pre.text").inner_text()


def test_an_attachment_is_saved_whole(open_page, send, tmp_path):
    mail = email.message.EmailMessage()
    mail["Subject"] = "file"
    mail.add_attachment(
        bytes(range(256)) * 40_000, maintype="application", subtype="pdf", filename="größe.pdf"
    )
    page = open_page(f"#/messages/{send(mail)}/attachments")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Save größe.pdf").click()
    assert saved.value.suggested_filename == "größe.pdf"
    saved.value.save_as(tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == bytes(range(256)) * 40_000


def test_search(open_page, send):
    for word in ("apple", "pear", "apple pie"):
        send(f"Subject: {word}\n\n\n")
    page = open_page()
    page.get_by_label("Search messages").fill("APPLE")
    page.get_by_text("2 of 3 messages match").wait_for()
    assert subjects(page) == ["apple pie", "apple"]
    send("Subject: pineapple\n\n\n")
    page.get_by_text("3 of 4 messages match").wait_for()
    page.keyboard.press("Escape")
    page.get_by_text("4 messages").wait_for()


def test_by_keyboard_alone(open_page, send, catcher):
    for number in range(1, 6):
        send(f"Subject: mail {number}\n\ntext {number}\n")
    page = open_page()
    heading = page.locator("article h2")

    def press(key, subject):
        page.keyboard.press(key)
        page.wait_for_function("s => document.querySelector('article h2')?.textContent === s", arg=subject)
        page.wait_for_function("() => document.activeElement.matches('#list [aria-current]')")

    press("j", "mail 5")
    press("j", "mail 4")
    press("ArrowDown", "mail 3")
    press("k", "mail 4")
    press("ArrowUp", "mail 5")
    press("End", "mail 1")
    press("Home", "mail 5")
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    page.keyboard.press("Delete")
    page.locator("#message-5").wait_for(state="detached")
    page.wait_for_function("() => document.querySelector('article h2')?.textContent === 'mail 4'")
    assert [message.number for message in catcher.messages] == [1, 2, 3, 4]
    # Move along the tabs, and back out.
    page.get_by_role("tab", name="Text").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("tabpanel", name="Headers").wait_for()
    page.keyboard.press("ArrowLeft")
    page.get_by_role("tabpanel", name="Text").wait_for()
    page.keyboard.press("Escape")
    heading.wait_for(state="detached")
    page.keyboard.press("/")
    page.keyboard.type("mail 2")
    page.get_by_text("1 of 4 messages match").wait_for()
    # While the user types, keys are letters and not shortcuts.
    assert page.get_by_label("Search messages").input_value() == "mail 2"
    page.keyboard.press("ArrowDown")
    page.wait_for_function("() => document.querySelector('article h2')?.textContent === 'mail 2'")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 700, 1280])
def test_several_are_deleted_by_keyboard(open_page, send, catcher, width, scheme):
    for number in range(1, 9):
        send(f"Subject: mail {number}\n\ntext {number}\n")
    page = open_page(width=width, height=640, color_scheme=scheme)
    page.locator("#message-1").wait_for()
    page.locator("#message-7").focus()
    for key in ("Space", "Shift+ArrowDown", "ArrowDown", "ArrowDown", "Space"):
        page.keyboard.press(key)
    group = page.get_by_role("group", name="Chosen messages")
    group.get_by_text("3 chosen", exact=True).wait_for()
    chosen = page.get_by_role("listbox").get_by_role("option", selected=True)
    assert [row.get_attribute("data-number") for row in chosen.all()] == ["7", "6", "4"]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.keyboard.press("Delete")
    dialog = page.get_by_role("dialog", name="Delete 3 messages?")
    page.keyboard.press("Enter")
    dialog.wait_for(state="detached")
    assert len(catcher.messages) == 8
    page.keyboard.press("Delete")
    dialog.get_by_role("button", name="Delete").press("Enter")
    group.get_by_text("3 messages deleted", exact=True).wait_for()
    assert page.locator("#chosen-status[role=status]").inner_text() == "3 messages deleted"
    assert [message.number for message in catcher.messages] == [1, 2, 3, 5, 8]
    page.wait_for_function("() => document.activeElement.matches('#list li')")


def test_all_that_match_are_deleted(open_page, send, catcher):
    for number in range(1, 71):
        send(f"Subject: {'news' if number % 2 else 'bill'} {number}\n\ntext\n")
    page = open_page()
    page.get_by_label("Search messages").fill("subject:news")
    page.get_by_text("35 of 70 messages match").wait_for()
    page.locator("#list li").first.focus()
    page.keyboard.press("Control+a")
    page.locator("#chosen").get_by_text("All 35 chosen").wait_for()
    # What comes meanwhile is not meant.
    send("Subject: news 71\n\ntext\n")
    page.locator("#message-71").wait_for()
    assert page.locator("#message-71").get_attribute("aria-selected") == "false"
    page.get_by_role("button", name="Delete 35…").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    page.locator("#chosen").get_by_text("35 messages deleted").wait_for()
    left = [message.number for message in catcher.messages]
    assert left == [*range(2, 71, 2), 71]


def test_delete_all_asks_first(open_page, send, catcher):
    send()
    page = open_page()
    page.get_by_role("button", name="Delete all").click()
    page.get_by_role("button", name="Cancel").click()
    assert len(catcher.messages) == 1
    page.get_by_role("button", name="Delete all").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete all").click()
    page.get_by_text("No mail yet").wait_for()
    assert catcher.messages == []


def test_misbehaviour_is_told_seen_and_ended(open_page, send, catcher):
    page = open_page("#/faults")
    page.get_by_role("button", name="Greylisting, once").click()
    page.get_by_role("button", name="Misbehave", exact=True).click()
    page.get_by_text("1 time left").wait_for()
    assert page.locator("#armed").inner_text() == "1"
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        send()
    page.get_by_text("used up", exact=True).wait_for()
    page.locator("#armed").wait_for(state="hidden")
    page.get_by_label("When it comes to").select_option("EHLO")
    page.get_by_label("Delay in seconds").fill("-1")
    page.get_by_role("button", name="Misbehave", exact=True).click()
    assert page.evaluate("document.activeElement.name") == "delay"
    page.get_by_label("Delay in seconds").fill("0.5")
    page.get_by_label("Only for").fill("@example.org")
    page.get_by_role("button", name="Misbehave", exact=True).click()
    # The server's own words say what is wrong, and the typed text is still there.
    page.locator("#toast").get_by_text("address").wait_for()
    assert page.get_by_label("Delay in seconds").input_value() == "0.5"
    page.get_by_role("button", name="Behave well again").click()
    page.get_by_text("It behaves well").wait_for()
    assert catcher.faults == []


def test_a_refused_login_is_found_among_the_connections(open_page, catcher):
    with smtplib.SMTP(catcher.host, catcher.port, local_hostname="laptop.example.org") as client:
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("ann", "no")
    page = open_page("#/connections")
    page.get_by_role("link", name="laptop.example.org").click()
    refusal = page.locator("tr.refusal .line").first
    refusal.wait_for()
    assert refusal.inner_text().startswith("535 ")


def test_release_shows_each_recipient(open_page, send):
    with rsmtp.Catcher(tls="none") as relay:
        relay.fault("RCPT", reply=(550, "5.1.1 no such user"), address="eve@example.org")
        page = open_page(f"#/messages/{send(to=['bob@example.org', 'eve@example.org'])}")
        page.get_by_role("button", name="Release…").click()
        dialog = page.get_by_role("dialog")
        dialog.get_by_label("Server").fill("127.0.0.1")
        dialog.get_by_label("Security").select_option("none")
        dialog.get_by_label("Port").fill(str(relay.port))
        dialog.get_by_role("button", name="Release").click()
        dialog.locator("[data-fate=sent]").get_by_text("bob@example.org").wait_for()
        assert "550 5.1.1 no such user" in dialog.locator("[data-fate=refused]").inner_text()
        assert relay.count == 1
        dialog.get_by_role("button", name="Close").click()
        dialog.wait_for(state="detached")
        assert page.evaluate("localStorage.length + sessionStorage.length") == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 380, 700])
def test_a_narrow_window_shows_one_thing_at_a_time(open_page, send, width, scheme):
    mail = html_mail("<p id=here style='width:2000px'>wide</p>", subject="a" * 300)
    mail.add_attachment(b"x", maintype="application", subtype="x", filename="b" * 200)
    send(mail)
    page = open_page(width=width, height=700, color_scheme=scheme)
    row = page.get_by_role("option")
    row.click()
    page.locator("article").wait_for()
    assert not row.is_visible()
    pages = ["", "/attachments", "/headers", "/source", "/conversation"]
    for address in [
        *(f"#/messages/1{tab}" for tab in pages),
        "#/faults",
        "#/connections",
        "#/connections/1",
        "#/",
    ]:
        page.evaluate("address => (location.hash = address)", address)
        page.wait_for_function(
            "location.hash && document.querySelector('#detail, #list').children.length > 0"
        )
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
    page.evaluate("location.hash = '#/messages/1'")
    page.get_by_role("link", name="Back").click()
    row.wait_for()
    assert not page.locator("article").is_visible()


def test_thousands_of_messages(browser):
    with rsmtp.Catcher(tls="none", keep=3000) as catcher, Inbox(catcher) as inbox:
        with smtplib.SMTP(catcher.host, catcher.port) as client:
            for number in range(1, 3_201):
                client.sendmail("a@example.org", "b@example.org", f"Subject: mail {number}\n\nbody\n")
        context = browser.new_context()
        page = context.new_page()
        page.goto(inbox.url)
        page.get_by_text("3000 messages, 3200 came").wait_for()
        assert page.locator("#list li").count() < 200
        while (shown := page.locator("#list li").count()) < 400:
            page.locator("#more").scroll_into_view_if_needed()
            page.wait_for_function("n => document.querySelectorAll('#list li').length > n", arg=shown)
        numbers = [int(subject.split()[1]) for subject in subjects(page)]
        assert numbers == list(range(3200, 3200 - len(numbers), -1))
        page.get_by_label("Search messages").fill("2500")
        page.get_by_text("1 of 3000 messages match").wait_for()
        context.close()


def test_it_comes_back_when_the_server_does(browser, catcher, send):
    inbox = Inbox(catcher).start()
    port = inbox.port
    context = browser.new_context()
    page = context.new_page()
    page.goto(inbox.url)
    page.locator("#live.on").wait_for()
    inbox.stop()
    page.locator("#live:not(.on)").wait_for()
    send("Subject: meanwhile\n\n\n")
    with Inbox(catcher, port=port):
        page.locator("#live.on").wait_for()
        page.locator("#message-1").wait_for()
    context.close()


def test_tags_links_and_pictures(open_page, send):
    mail = html_mail(
        '<a href="https://a.example/">Read more</a> <a href="javascript:alert(1)">Trap</a>', "tagged"
    )
    mail["X-Tags"] = "newsletter"
    mail.add_attachment(PIXEL, maintype="image", subtype="png", filename="logo.png")
    send(mail)
    page = open_page()
    page.locator("#list .tag", has_text="newsletter").wait_for()
    page.get_by_role("option").click()
    page.get_by_role("button", name="Tags…").click()
    page.get_by_role("textbox", name="Tags, separated by commas").fill("Q2, to do")
    page.keyboard.press("Enter")
    page.locator(".message .tag", has_text="to do").wait_for()
    page.locator("#list .tag", has_text="Q2").wait_for()
    page.get_by_role("tab", name="Links 2").click()
    assert page.locator(".files b").all_inner_texts() == ["Read more", "Trap"]
    assert [link.get_attribute("href") for link in page.locator(".files a").all()] == ["https://a.example/"]
    page.get_by_role("tab", name="Attachments 1").click()
    # The page's policy forbids code from text, so Playwright can't wait for an expression.
    shown = page.locator("img.kind").evaluate(
        "img => { img.loading = 'eager'; return img.decode().then(() => img.naturalWidth) }"
    )
    assert shown == 1
    page.locator("#search").fill('tag:"to do" -from:bob')
    page.locator("#list-status", has_text="1 of 1 message matches").wait_for()
    page.locator("#search").fill("before:never")
    page.locator("#toast", has_text="is not a date").wait_for()
