"""The page in a browser: mouse, keyboard, a narrow window, and live updates."""

import time

import pytest
from outbox.letters import letter


def subjects(page):
    return page.locator("#list .subject").all_text_contents()


@pytest.fixture
def trouble(outbox, catcher, run):
    """One message sent, one refused, one unknown, and one that waits."""
    catcher.fault("RCPT", address="gone@example.net", reply=(550, "5.1.1 No such user"))
    outbox.put(letter(1, subject="fine"), key="fine")
    outbox.put(letter(2, subject="refused", to="gone@example.net"))
    run()
    catcher.fault("end-of-data", disconnect=True, times=1)
    outbox.put(letter(3, subject="lost"))
    run()
    outbox.put(letter(4, subject="later"), at=time.time() + 86400)


def test_troubles_come_first(open_page, trouble):
    page = open_page()
    page.get_by_role("heading", name="2 messages in trouble").wait_for()
    page.locator("#list li").nth(1).wait_for()
    assert subjects(page) == ["lost", "refused"]
    assert page.title() == "(2) rsmtp outbox"
    page.get_by_text("550 5.1.1 No such user").wait_for()
    page.get_by_role("img", name="sent: 1 in this minute").wait_for()
    page.get_by_role("link", name="1 Queued").click()
    page.get_by_text("1 message: queued").wait_for()
    assert subjects(page) == ["later"]
    page.get_by_role("link", name="All 4").click()
    page.get_by_text("4 messages", exact=True).wait_for()
    page.get_by_label("Messages in this state").select_option("sent")
    page.get_by_text("1 message: sent").wait_for()
    assert subjects(page) == ["fine"]


def test_an_empty_outbox(open_page, outbox):
    page = open_page()
    page.get_by_role("heading", name="No message is in trouble").wait_for()
    page.get_by_text("nothing waits, and no process sends at present").wait_for()
    page.get_by_text("No message here").wait_for()
    outbox.put(letter(1, subject="here"))
    page.locator("#list li", has_text="here").wait_for()


def test_a_message_is_retried_and_its_history_goes_on(open_page, outbox, trouble, run, catcher):
    page = open_page("#/trouble")
    page.locator("#list li", has_text="refused").click()
    steps = page.locator(".timeline li")
    steps.nth(1).wait_for()
    assert steps.locator("b").all_inner_texts() == ["queued", "refused"]
    page.get_by_text("gone@example.net refused: 550 5.1.1 No such user").wait_for()
    catcher.clear_faults()
    page.get_by_role("button", name="Retry").click()
    page.get_by_text("again, by hand").wait_for()
    assert outbox.get(2).state == "queued"
    run()
    # The page notices that another process has sent it.
    page.locator(".stands .state", has_text="sent").wait_for()
    assert steps.locator("b").all_inner_texts() == ["queued", "refused", "queued", "sent"]
    assert page.get_by_role("button", name="Retry").count() == 0


def test_what_may_arrive_twice_is_asked_about(open_page, outbox, trouble):
    page = open_page("#/trouble/3")
    page.get_by_role("button", name="Retry").click()
    dialog = page.get_by_role("dialog")
    assert "may arrive twice" in dialog.inner_text()
    dialog.get_by_role("button", name="Cancel").click()
    dialog.wait_for(state="detached")
    assert outbox.get(3).state == "unknown"
    page.get_by_role("button", name="Retry").click()
    page.get_by_role("dialog").get_by_role("button", name="Retry").click()
    page.get_by_text("again, by hand").wait_for()
    assert outbox.get(3).state == "queued"


def test_a_message_is_taken_back(open_page, outbox, trouble):
    page = open_page("#/waiting/4")
    page.get_by_text("for its first attempt").wait_for()
    page.get_by_role("button", name="Cancel…").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel it").click()
    page.locator(".stands .state", has_text="cancelled").wait_for()
    assert outbox.get(4).state == "cancelled"
    # It is in the list of messages that no longer wait.
    page.get_by_text("No message here").wait_for()


def test_by_keyboard_alone(open_page, outbox, trouble):
    page = open_page("#/trouble")
    page.locator("#list li").nth(1).wait_for()

    def press(key, subject):
        page.keyboard.press(key)
        page.wait_for_function("s => document.querySelector('article h2')?.textContent === s", arg=subject)
        page.wait_for_function("() => document.activeElement.matches('#list [aria-current]')")

    press("j", "lost")
    press("j", "refused")
    press("k", "lost")
    press("End", "refused")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.keyboard.press("r")
    page.get_by_text("again, by hand").wait_for()
    assert outbox.get(2).state == "queued"
    page.keyboard.press("Escape")
    page.locator("article").wait_for(state="detached")
    page.keyboard.press("/")
    page.keyboard.type("lost")
    page.get_by_text("That is all that matches").wait_for()
    # While the user types, keys are letters and not shortcuts.
    assert page.get_by_label("Search messages").input_value() == "lost"
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('article h2')?.textContent === 'lost'")
    # Move along the tabs.
    page.get_by_role("tab", name="History").focus()
    page.keyboard.press("ArrowRight")
    page.get_by_role("tabpanel", name="Recipients 1").wait_for()


def test_what_stands_in_a_message_runs_nothing(open_page, outbox, catcher, run):
    evil = "<img src=x onerror=alert(1)>"
    catcher.fault("RCPT", reply=(550, f"5.1.1 {evil}"))
    outbox.put(letter(1, subject=f"<script>{evil}", html=f"<script>alert(2)</script>{evil}"), key=f"k{evil}")
    run()
    alerts = []
    page = open_page("#/all/1")
    page.on("dialog", lambda dialog: (alerts.append(dialog.message), dialog.dismiss()))
    page.get_by_role("tab", name="HTML").click()
    page.frame_locator("iframe").locator("img").wait_for()
    for tab in ("Recipients 1", "Headers", "Source", "History"):
        page.get_by_role("tab", name=tab).click()
        page.get_by_role("tabpanel", name=tab).wait_for()
    assert page.locator("#list img, article img, .timeline img").count() == 0
    assert page.locator(".stands .words").inner_text() == f"550 5.1.1 {evil}"
    assert alerts == []


def test_the_file_is_deleted_and_comes_back(open_page, outbox, path):
    from rsmtp.outbox import Outbox

    outbox.put(letter(1, subject="first"))
    page = open_page("#/all")
    page.locator("#list li", has_text="first").wait_for()
    outbox.close()
    for file in path.parent.iterdir():
        file.unlink()
    page.get_by_role("alert").get_by_text("no such file").wait_for()
    with Outbox(path) as again:
        again.put(letter(1, subject="second"))
        page.locator("#list li", has_text="second").wait_for()
        page.get_by_role("alert").wait_for(state="hidden")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 380, 700])
def test_a_narrow_window_shows_one_thing_at_a_time(open_page, outbox, trouble, width, scheme):
    outbox.put(letter(5, subject="a" * 300, to=f"{'b' * 60}@{'c' * 60}.example"), key="k" * 200)
    page = open_page("#/all", width=width, height=700, color_scheme=scheme)
    row = page.locator("#list li").first
    row.click()
    page.locator("article").wait_for()
    assert not row.is_visible()
    for address in (
        "#/all/5",
        "#/all/5/recipients",
        "#/all/5/source",
        "#/all/2/history",
        "#/overview",
        "#/trouble",
    ):
        page.evaluate("address => (location.hash = address)", address)
        page.wait_for_function("document.querySelector('#detail, #list').children.length > 0")
        page.wait_for_timeout(100)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
    page.locator("#list li").first.click()
    page.get_by_role("link", name="Back").click()
    page.locator("#list li").first.wait_for()
    assert not page.locator("article").is_visible()


def test_a_long_list_is_loaded_as_one_scrolls(open_page, outbox):
    outbox.put_all(letter(number) for number in range(1, 241))
    page = open_page("#/all")
    page.get_by_text("240 messages").wait_for()
    assert page.locator("#list li").count() < 150
    while (shown := page.locator("#list li").count()) < 240:
        page.locator("#more").scroll_into_view_if_needed()
        page.wait_for_function("n => document.querySelectorAll('#list li').length > n", arg=shown)
    assert subjects(page) == [f"Number {number}" for number in range(240, 0, -1)]


def test_a_search_looks_further_until_something_is_found(open_page, outbox, monkeypatch):
    """This works even if one answer of the server finds nothing and says where to continue."""
    monkeypatch.setattr("rsmtp.outbox.looking._AT_ONCE", 10)
    monkeypatch.setattr("rsmtp.outbox.looking._PATIENCE", 0.0)
    outbox.put(letter(0, subject="needle"))
    outbox.put_all(letter(number) for number in range(1, 101))
    page = open_page("#/all")
    page.get_by_text("101 messages").wait_for()
    page.get_by_label("Search messages").fill("needle")
    page.get_by_text("That is all that matches").wait_for()
    assert subjects(page) == ["needle"]
