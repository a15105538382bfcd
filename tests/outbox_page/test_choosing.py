"""Several messages of the list are chosen, and retried or cancelled at once."""

import json
import re

import pytest
from outbox.letters import raw
from outbox.test_looking import put_in

from rsmtp.outbox_page import many


@pytest.fixture
def fated(outbox):
    """From the oldest: three sent, four refused, two unknown, three dead, one queued."""
    counts = {"sent": 3, "refused": 4, "unknown": 2, "dead": 3, "queued": 1}
    return {state: put_in(outbox, state, count) for state, count in counts.items()}


def chosen(page):
    """The numbers of the rows that are chosen, as assistive technology is told."""
    rows = page.get_by_role("listbox", name="Messages, newest first").get_by_role("option", selected=True)
    return [int(row.get_attribute("data-number")) for row in rows.all()]


def told(page, words):
    """Waits until the count is shown, and announced."""
    page.get_by_role("group", name="Chosen messages").get_by_text(words, exact=True).wait_for()
    page.wait_for_function(
        "words => document.querySelector('#chosen-status[role=status]').textContent === words", arg=words
    )


def at(page):
    return page.evaluate("Number(document.activeElement.dataset.number)")


def is_clear(page):
    """Whether the row with the focus is in sight, and nothing covers it."""
    return page.evaluate(
        """() => {
          const row = document.activeElement;
          const box = row.getBoundingClientRect();
          const isRow = (y) => row.contains(document.elementFromPoint(box.left + 60, y));
          return isRow(box.top + 4) && isRow(box.bottom - 4);
        }"""
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 700, 1280])
def test_by_keyboard_alone(open_page, outbox, fated, width, scheme):
    page = open_page("#/all", width=width, height=640, color_scheme=scheme)
    page.get_by_text("13 messages").wait_for()
    listbox = page.get_by_role("listbox")
    assert listbox.get_attribute("aria-multiselectable") == "true"
    page.locator("#list li").first.focus()
    page.keyboard.press("Space")
    told(page, "1 chosen")
    assert chosen(page) == [13]
    # Without Shift, the keys move and open nothing.
    page.keyboard.press("ArrowDown")
    page.keyboard.press("j")
    assert (at(page), chosen(page), page.locator("article").count()) == (11, [13], 0)
    page.keyboard.press("Space")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowDown")
    told(page, "5 chosen")
    assert chosen(page) == [13, 11, 10, 9, 8]
    page.keyboard.press("Shift+ArrowUp")
    told(page, "4 chosen")
    assert (at(page), is_clear(page)) == (9, True)
    page.keyboard.press("Shift+End")
    told(page, "12 chosen")
    page.keyboard.press("Shift+Home")
    told(page, "3 chosen")
    assert (chosen(page), is_clear(page)) == ([13, 12, 11], True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    group = page.get_by_role("group", name="Chosen messages")
    buttons = [button.inner_text() for button in group.get_by_role("button").all()]
    assert buttons == ["Retry 2…", "Cancel 1…", "All that match", "None"]
    for button in group.get_by_role("button").all():
        box = button.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= width and box["height"] >= 24
    page.keyboard.press("Escape")
    group.wait_for(state="hidden")
    assert chosen(page) == []
    # Nothing is chosen: now it opens messages again, and then leaves them.
    page.keyboard.press("Enter")
    page.locator("article").wait_for()
    assert page.locator("#list [aria-current=true]").get_attribute("data-number") == str(13)


def test_what_is_retried_is_told_before_and_after(open_page, outbox, fated):
    page = open_page("#/all")
    page.get_by_text("13 messages").wait_for()
    page.locator("#list li").first.focus()
    page.keyboard.press("Control+a")
    told(page, "All 13 chosen")
    assert len(chosen(page)) == 13
    page.keyboard.press("r")
    dialog = page.get_by_role("dialog", name="Retry 7 messages?")
    words = dialog.inner_text()
    assert "Queued again: 4 refused, 3 dead." in words
    assert "Left as they are: 1 queued, 3 sent." in words
    box = dialog.get_by_role(
        "checkbox", name=re.compile("Also 2 whose fate is unknown: they may have arrived")
    )
    assert not box.is_checked()
    # What Enter does at first is harmless.
    page.keyboard.press("Enter")
    dialog.wait_for(state="detached")
    assert outbox.status()["queued"] == 1
    page.keyboard.press("r")
    dialog.get_by_role("button", name="Retry").focus()
    page.keyboard.press("Enter")
    told(
        page,
        "7 messages queued again; left as they are: 1 (it is queued already), "
        "2 (it may have arrived: its fate is unknown), 3 (it has been sent)",
    )
    states = outbox.status()
    assert (states["queued"], states["unknown"], states["sent"]) == (8, 2, 3)
    assert chosen(page) == []
    page.wait_for_function("() => document.activeElement.matches('#list li')")
    page.keyboard.press("Escape")
    page.get_by_role("group", name="Chosen messages").wait_for(state="hidden")


def test_unknown_ones_are_sent_again_when_it_is_said(open_page, outbox, fated):
    page = open_page("#/trouble")
    page.get_by_text("9 messages: in trouble").wait_for()
    page.locator("#list li").first.focus()
    page.keyboard.press("Control+a")
    told(page, "All 9 chosen")
    page.keyboard.press("r")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("checkbox").focus()
    page.keyboard.press("Space")
    dialog.get_by_role("button", name="Retry").press("Enter")
    told(page, "9 messages queued again")
    assert outbox.status()["unknown"] == 0


def test_where_all_are_unknown_the_question_says_so(open_page, outbox, fated):
    page = open_page("#/unknown")
    page.locator("#list .choose").first.click()
    told(page, "1 chosen")
    page.get_by_role("button", name="Retry 1…").click()
    dialog = page.get_by_role("dialog")
    assert "The fate of 1 message is unknown" in dialog.inner_text()
    assert dialog.get_by_role("checkbox").count() == 0
    dialog.get_by_role("button", name="Retry").click()
    told(page, "1 message queued again")
    assert outbox.status()["unknown"] == 1


def test_cancelled_by_mouse(open_page, outbox):
    outbox.put_all(raw(number) for number in range(8))
    page = open_page("#/waiting")
    rows = page.locator("#list li")
    rows.nth(7).wait_for()
    # The boxes are as large as a finger.
    box = rows.first.locator(".choose").bounding_box()
    assert box["width"] >= 24 and box["height"] >= 24
    rows.nth(1).locator(".choose").click()
    rows.nth(4).click(modifiers=["Shift"])
    rows.nth(6).click(modifiers=["Control"])
    rows.nth(2).locator(".choose").click()
    told(page, "4 chosen")
    assert chosen(page) == [7, 5, 4, 2]
    assert page.locator("article").count() == 0
    page.get_by_role("button", name="Cancel 4…").click()
    dialog = page.get_by_role("dialog", name="Take 4 messages back? They will not be sent.")
    dialog.get_by_role("button", name="Keep them").click()
    dialog.wait_for(state="detached")
    assert outbox.status()["queued"] == 8
    page.get_by_role("button", name="Cancel 4…").click()
    dialog.get_by_role("button", name="Cancel them").click()
    told(page, "4 messages cancelled")
    assert [entry.id for entry in outbox.entries("cancelled")] == [2, 4, 5, 7]


def test_what_changes_meanwhile_is_chosen_no_more(open_page, outbox, fated):
    page = open_page("#/refused")
    page.locator("#list li").nth(3).wait_for()
    page.locator("#list li").first.focus()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowDown")
    told(page, "2 chosen")
    outbox.retry(fated["refused"][-1])
    told(page, "1 chosen")
    assert chosen(page) == [fated["refused"][-2]]
    # Another view begins anew.
    page.get_by_label("Messages in this state").select_option("dead")
    page.get_by_role("group", name="Chosen messages").wait_for(state="hidden")


@pytest.mark.timeout(180)
def test_all_that_match_a_search_with_100_000_messages(open_page, outbox, monkeypatch):
    outbox.put_all(raw(number, [f"to{number}@example.net"]) for number in range(100_000))
    with outbox._database.writing() as connection:
        connection.execute("DELETE FROM outbox_turn")
        connection.execute(
            "INSERT INTO outbox_fate (message, state, changed, attempts) SELECT id,"
            " CASE WHEN id % 1000 = 0 THEN 'unknown' ELSE 'dead' END, created, 1 FROM outbox_message"
        )
    # Several requests, as on a slow machine.
    monkeypatch.setattr(many, "PATIENCE", 0.1)
    page = open_page("#/trouble")
    page.get_by_label("Search messages").fill("to:to9")
    page.get_by_text("There may be more further down").wait_for()
    bodies = []
    page.on(
        "request",
        lambda request: request.method == "POST" and bodies.append(json.loads(request.post_data)),
    )
    page.locator("#list li").first.focus()
    page.keyboard.press("Control+a")
    told(page, "All 11,111 chosen")
    # What comes meanwhile is not meant.
    late = outbox.put(raw(1, ["to9@example.net"])).id
    outbox.cancel(late)
    page.keyboard.press("r")
    dialog = page.get_by_role("dialog")
    dialog.get_by_text("Queued again: 11,099 dead.").wait_for()
    dialog.get_by_role("button", name="Retry").press("Enter")
    told(
        page,
        "11,099 messages queued again; left as they are: 12 (it may have arrived: its fate is unknown)",
    )
    assert len(bodies) > 1
    assert all(body["search"] == "to:to9" and body["state"] == "trouble" for body in bodies)
    counts = outbox.status()
    assert (counts["queued"], counts["unknown"], counts["dead"]) == (11_099, 100, 88_801)
    assert outbox.get(late).state == "cancelled"


def test_a_thousand_rows_are_one_request(open_page, outbox):
    outbox.put_all(raw(number) for number in range(1_050))
    page = open_page("#/waiting")
    page.locator("#list li").first.focus()
    sizes = []
    page.on("request", lambda request: request.method == "POST" and sizes.append(len(request.post_data)))
    # As far as the list goes; the end of it brings more.
    while page.locator("#list li").count() < 1_050:
        shown = page.locator("#list li").count()
        page.keyboard.press("Shift+End")
        page.wait_for_function("n => document.querySelectorAll('#list li').length > n", arg=shown)
    page.keyboard.press("Shift+End")
    told(page, "1,050 chosen")
    page.keyboard.press("c")
    page.get_by_role("dialog").get_by_role("button", name="Cancel them").press("Enter")
    told(page, "1,050 messages cancelled")
    assert len(sizes) == 2 and max(sizes) < 256 * 1024
    assert outbox.status()["cancelled"] == 1_050


def test_it_can_be_stopped_and_an_error_is_told(open_page, outbox, monkeypatch):
    monkeypatch.setattr(many, "AT_ONCE", 10)
    monkeypatch.setattr(many, "PATIENCE", 0.0)
    outbox.put_all(raw(number) for number in range(60))
    page = open_page("#/waiting")
    page.locator("#list li").first.focus()
    answered = []

    def delayed(route):
        answered.append(route.request.post_data)
        if len(answered) == 2:
            page.get_by_role("button", name="Stop").evaluate("button => button.click()")
        if len(answered) == 4:
            route.fulfill(status=503, json={"error": "the disk is full"})
        else:
            route.continue_()

    page.route("**/api/v1/messages/cancel", delayed)
    page.keyboard.press("Control+a")
    told(page, "All 60 chosen")
    page.keyboard.press("c")
    page.get_by_role("dialog").get_by_role("button", name="Cancel them").press("Enter")
    told(page, "20 messages cancelled")
    page.locator("#list li").first.focus()
    page.keyboard.press("Control+a")
    told(page, "All 40 chosen")
    page.keyboard.press("c")
    page.get_by_role("dialog").get_by_role("button", name="Cancel them").press("Enter")
    told(page, "10 messages cancelled; the disk is full")
    assert outbox.status()["queued"] == 30


def test_where_nothing_may_be_changed_nothing_is_chosen(open_page, outbox, fated, monkeypatch):
    monkeypatch.setattr("rsmtp._web.guard.is_loopback", lambda address: False)
    page = open_page("#/all")
    page.get_by_text("13 messages").wait_for()
    page.locator("#list li").first.focus()
    assert page.get_by_role("listbox").get_attribute("aria-multiselectable") is None
    assert page.locator("#list .choose:visible").count() == 0
    page.keyboard.press("Space")
    page.locator("article").wait_for()
    assert page.locator("#chosen").count() == 0
