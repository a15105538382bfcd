"""`calendar=`: invitations as mail programs want them (RFC 5545, RFC 5546, RFC 6047)."""

import pickle
import re
import sys
import time
from datetime import UTC, date, datetime, timedelta, timezone
from email import message_from_bytes, policy
from zoneinfo import ZoneInfo

import icalendar
import pytest

import rsmtp
import rsmtp.email

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 12, 1, 10, tzinfo=BERLIN)
ICS = (
    "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//a//b//EN\nBEGIN:VEVENT\nUID:1@example.org\n"
    "DTSTAMP:20261101T000000Z\nDTSTART:20261201T090000Z\nSUMMARY:Gr\u00fc\u00dfe\n{more}END:VEVENT\nEND:VCALENDAR\n"
)


def invitation(**more):
    return rsmtp.Invite(**{"start": START, "duration": timedelta(hours=1), "summary": "Planning", **more})


def sent(calendar, **more):
    return rsmtp.Message(
        calendar=calendar, **{"from_": "Ann <ann@example.org>", "to": ["bob@example.com"], **more}
    )


def read(message):
    """Another parser's view of the message: its types, its first calendar, and the event."""
    found = message_from_bytes(message.as_bytes(), policy=policy.default)
    kinds = [part.get_content_type() for part in found.walk()]
    part = next(part for part in found.walk() if part.get_content_type() == "text/calendar")
    calendar = icalendar.Calendar.from_ical(part.get_content())
    return found, kinds, part, calendar, calendar.walk("VEVENT")[0]


def test_the_structure_that_shows_buttons():
    found, kinds, part, calendar, event = read(sent(invitation()))
    assert kinds == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/calendar",
        "application/ics",
    ]
    assert part["Content-Disposition"] is None and part["Content-ID"] is None
    assert part.get_param("method") == calendar["METHOD"] == "REQUEST"
    assert part.get_content_charset() == "utf-8"
    file = next(found.iter_attachments())
    assert file.get_filename() == "invite.ics"
    assert file.get_content().replace(b"\r\n", b"\n") == part.get_payload(decode=True)
    assert event["ORGANIZER"] == "mailto:ann@example.org" and event["ORGANIZER"].params["CN"] == "Ann"
    attendee = event["ATTENDEE"]
    assert attendee == "mailto:bob@example.com" and attendee.params["RSVP"] == "TRUE"
    assert event["SEQUENCE"] == 0 and event["DTSTAMP"].to_ical().endswith(b"Z")
    assert event["DTSTART"].dt == START and event["DTEND"].dt == START + timedelta(hours=1)


def test_octets_are_as_rfc_5545_wants_them():
    octets = invitation(summary="ü" * 200).to_ical(organizer="a@example.org", attendees="b@example.org")
    assert b"\n" not in octets.replace(b"\r\n", b"")
    assert max(map(len, octets.split(b"\r\n"))) <= 75


def test_a_named_zone_comes_with_its_rules_for_the_years_meant():
    calendar = read(sent(invitation()))[3]
    (zone,) = calendar.walk("VTIMEZONE")
    assert zone["TZID"] == "Europe/Berlin"
    assert len(zone.to_ical()) < 1500
    rebuilt = zone.to_tz()
    for month in (1, 7):
        moment = datetime(2026, month, 10, 12)
        assert rebuilt.utcoffset(moment) == BERLIN.utcoffset(moment)


def test_other_zones_are_instants():
    event = read(sent(invitation(start=datetime(2026, 12, 1, 10, tzinfo=timezone(timedelta(hours=3))))))[4]
    assert event["DTSTART"].to_ical() == b"20261201T070000Z"


def test_an_event_over_a_change_of_clocks_lasts_as_long_as_it_says():
    start = datetime(2026, 10, 24, 23, tzinfo=BERLIN)
    event = read(sent(invitation(start=start, duration=timedelta(hours=6))))[4]
    lasts = event["DTEND"].dt.astimezone(UTC) - event["DTSTART"].dt.astimezone(UTC)
    assert lasts == timedelta(hours=6)


def test_whole_days():
    message = sent(rsmtp.Invite(start=date(2026, 12, 24), summary="Closed"))
    event = read(message)[4]
    assert (event["DTSTART"].dt, event["DTEND"].dt) == (date(2026, 12, 24), date(2026, 12, 25))
    assert event["TRANSP"] == "TRANSPARENT"
    assert "When: Thursday, 24 December 2026\n" in read(message)[0].get_body(("plain",)).get_content()


def test_the_message_says_what_the_event_says_where_it_has_no_words_of_its_own():
    message = sent(invitation(location="Room 7", description="Bring ideas.\nAnd tea."))
    assert message["Subject"] == "Invitation: Planning"
    text = read(message)[0].get_body(("plain",)).get_content()
    assert text == (
        "Invitation: Planning\n\nWhen: Tuesday, 1 December 2026, 10:00 to 11:00 (Europe/Berlin)\n"
        "Where: Room 7\n\nBring ideas.\nAnd tea.\n"
    )
    own = sent(invitation(), subject="Come", text="Please come.")
    assert own["Subject"] == "Come"
    assert read(own)[0].get_body(("plain",)).get_content() == "Please come."


def test_html_and_attachments_stand_where_they_belong():
    message = sent(invitation(), text="Hello", html="<p>Hello</p>", attachments={"plan.txt": "x"})
    assert read(message)[1] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/calendar",
        "application/ics",
        "text/plain",
    ]
    assert read(sent(invitation(), html="<p>Hello</p>"))[1][1:4] == [
        "multipart/alternative",
        "text/html",
        "text/calendar",
    ]


def test_update_cancel_and_their_revisions():
    invite = invitation(reminder=timedelta(minutes=10))
    moved = invite.update(start=START + timedelta(days=1))
    assert (moved.uid, moved.sequence, moved.duration) == (invite.uid, 1, invite.duration)
    assert sent(moved)["Subject"] == "Updated invitation: Planning"
    gone = moved.cancel()
    found, _, part, calendar, event = read(sent(gone))
    assert found["Subject"] == "Canceled: Planning"
    assert part.get_param("method") == calendar["METHOD"] == "CANCEL"
    assert event["STATUS"] == "CANCELLED" and event["SEQUENCE"] == 2 and event["UID"] == invite.uid
    assert not event.walk("VALARM")


def test_an_event_that_is_moved_lasts_as_long_as_before():
    invite = invitation(duration=None, end=START + timedelta(hours=3))
    moved = invite.update(start=START + timedelta(days=1))
    event = read(sent(moved))[4]
    assert event["DTEND"].dt == START + timedelta(days=1, hours=3)
    assert invite.update(end=START + timedelta(hours=1)).end == START + timedelta(hours=1)
    assert invite.update(duration=timedelta(hours=1)).end is None


def test_one_occurrence_of_a_repeated_event():
    invite = invitation(repeat="FREQ=WEEKLY;COUNT=4")
    event = read(sent(invite))[4]
    assert event["RRULE"].to_ical() == b"FREQ=WEEKLY;COUNT=4"
    event = read(sent(invite.cancel(occurrence=START + timedelta(weeks=1))))[4]
    assert event["RECURRENCE-ID"].dt == START + timedelta(weeks=1) and "RRULE" not in event


def test_an_invitation_is_read_and_answered():
    message = sent(invitation(optional=["carol@example.com"], location="Room 7", repeat="FREQ=DAILY;COUNT=2"))
    original = rsmtp.email.message_from_bytes(message.as_bytes())
    for source in (original, message_from_bytes(message.as_bytes()), message):
        received = rsmtp.Invite.read(source)
        assert received.organizer == ("Ann", "ann@example.org")
        assert received.attendees == [("", "bob@example.com")]
        assert received.optional == [("", "carol@example.com")]
        assert (received.summary, received.location) == ("Planning", "Room 7")
        assert received.repeat == "FREQ=DAILY;COUNT=2"
        assert received.start == START
    answer = original.reply(
        "Yes.", from_="bob@example.com", calendar=received.reply("accepted", "bob@example.com")
    )
    assert answer["To"] == "Ann <ann@example.org>"
    _, kinds, part, calendar, event = read(answer)
    assert part.get_param("method") == calendar["METHOD"] == "REPLY"
    assert "application/ics" not in kinds
    assert event["ATTENDEE"] == "mailto:bob@example.com"
    assert event["ATTENDEE"].params["PARTSTAT"] == "ACCEPTED"
    assert event["UID"] == received.uid and event["ORGANIZER"] == "mailto:ann@example.org"
    again = rsmtp.Invite.read(answer)
    assert (again.method, again.answer) == ("reply", "accepted")


@pytest.mark.parametrize("form", ["text", "octets", "path", "calendar", "event"])
def test_calendars_of_other_programs(form, tmp_path):
    text = ICS.format(more="ATTENDEE:mailto:bob@example.com\n")
    path = tmp_path / "event.ics"
    path.write_text(text, encoding="utf-8")
    calendar = icalendar.Calendar.from_ical(text)
    given = {
        "text": text,
        "octets": b"\xef\xbb\xbf" + text.encode(),
        "path": path,
        "calendar": calendar,
        "event": calendar.walk("VEVENT")[0],
    }[form]
    _, _, part, found, event = read(sent(given, text="Hello", subject="Hello"))
    assert part.get_param("method") == found["METHOD"] == "REQUEST"
    assert event["SUMMARY"] == "Grüße"
    assert "METHOD" not in calendar  # what was given is as it was


def test_without_attendees_it_is_for_information():
    part, calendar = read(sent(ICS.format(more=""), text="Hello"))[2:4]
    assert part.get_param("method") == calendar["METHOD"] == "PUBLISH"


def test_a_method_that_is_there_is_kept():
    text = ICS.format(more="").replace("VERSION", "METHOD:cancel\nVERSION")
    assert read(sent(text, text="Hello"))[2].get_param("method") == "CANCEL"


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"start": datetime(2026, 12, 1, 10)}, ValueError, "start: 2026-12-01T10:00:00 has no time zone"),
        (
            {"start": "tomorrow"},
            TypeError,
            "start: a datetime with a time zone, or a date, is wanted, not str",
        ),
        ({"duration": None, "end": START}, ValueError, "end: .* is not after the start"),
        ({"duration": None, "end": date(2026, 12, 2)}, TypeError, "end: a datetime is wanted"),
        ({"end": START + timedelta(hours=1)}, ValueError, "duration: `end` says already"),
        ({"duration": 60}, TypeError, "duration: a timedelta is wanted, not 60"),
        ({"duration": timedelta(0)}, ValueError, "duration: 0:00:00 is not a span of time over 0"),
        ({"start": date(2026, 12, 1)}, ValueError, "duration: 1:00:00 is not in whole days"),
        ({"summary": ""}, ValueError, "summary: it is empty"),
        ({"summary": "a\r\nATTENDEE:mailto:eve@example.org"}, ValueError, "summary: .* control character"),
        ({"location": "a\0b"}, ValueError, "location: .* control character"),
        ({"repeat": "weekly"}, ValueError, "repeat: 'weekly' is no recurrence rule"),
        ({"repeat": "FREQ=SOMETIMES"}, ValueError, "repeat: 'FREQ=SOMETIMES' is no recurrence rule"),
        ({"method": "cancle"}, ValueError, "method: 'cancle' is none of .* did you mean 'cancel'"),
        ({"answer": "accepted"}, ValueError, "answer: a reply has one"),
        ({"sequence": -1}, ValueError, "sequence: -1"),
        ({"organiser": "a@example.org"}, TypeError, "organiser"),
        ({"duration": timedelta(days=99999999)}, ValueError, "duration: 99999999 days, .* years 1 to 9999"),
        ({"start": datetime(9999, 12, 31, 23, tzinfo=UTC)}, ValueError, "duration: 1:00:00 leads out"),
        ({"start": date.max, "duration": None}, ValueError, "start: 9999-12-31 leads out"),
        (
            {"start": datetime(9999, 12, 31, 23, tzinfo=ZoneInfo("America/New_York")), "duration": None},
            ValueError,
            "start: 9999-12-31 23:00:00-05:00 leads out",
        ),
        ({"start": datetime(1, 1, 1, tzinfo=ZoneInfo("Asia/Tokyo"))}, ValueError, "start: 0001-01-01 .* out"),
    ],
)
def test_what_is_refused(change, error, words):
    with pytest.raises(error, match=words):
        invitation(**change)


def test_an_update_with_a_start_of_no_use_names_it():
    invite = invitation(duration=None, end=START + timedelta(hours=1))
    with pytest.raises(TypeError, match="start: a datetime with a time zone"):
        invite.update(start="tomorrow")
    with pytest.raises(ValueError, match="start: 9999-12-31 23:30:00[+]00:00 leads out of the years"):
        invite.update(start=datetime(9999, 12, 31, 23, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (datetime(2, 1, 1, tzinfo=BERLIN), datetime(2, 1, 2, tzinfo=BERLIN)),
        (datetime(1, 1, 1, tzinfo=UTC), datetime(1, 1, 2, tzinfo=UTC)),
        (START, datetime(9999, 12, 31, 12, tzinfo=BERLIN)),
        (date(1, 1, 1), date.max),
    ],
)
def test_the_first_and_the_last_years_are_written(start, end):
    _, _, _, _, event = read(sent(invitation(start=start, end=end, duration=None, repeat="FREQ=YEARLY")))
    assert event["DTSTART"].dt == start and event["DTEND"].dt == end


@pytest.mark.parametrize(
    ("calendar", "words"),
    [
        ("event.ics", "calendar: 'event.ics' is not a calendar"),
        (5, "calendar: an rsmtp.Invite, an icalendar object, or a calendar's octets, is wanted, not 5"),
        (b"\xff", "calendar: octet 0 is not UTF-8"),
        (b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "calendar: there is no event in it"),
        (ICS.format(more="").replace("END:VCALENDAR\n", ""), "calendar: it does not begin with"),
        (ICS.format(more="\x1b"), "calendar: line 9 contains a control character"),
        (ICS.format(more="nonsense\n"), "calendar: 'nonsense' is no property"),
        (ICS.format(more="END:VALARM\n"), "calendar: END:VALARM ends nothing"),
        (ICS.format(more="").replace("VERSION", "METHOD:NONE\nVERSION"), "calendar: METHOD: 'NONE'"),
        (ICS.format(more="").replace("VERSION", "METHOD:REQUEST\nMETHOD:CANCEL\nVERSION"), "2 methods"),
    ],
)
def test_calendars_that_are_refused(calendar, words):
    with pytest.raises((ValueError, TypeError), match=words):
        sent(calendar, text="Hello")


def test_people_are_wanted():
    with pytest.raises(ValueError, match=r"^organizer: the invitation has none, and the message no From"):
        rsmtp.Message(calendar=invitation(), to="bob@example.com")
    with pytest.raises(ValueError, match=r"^attendees: the invitation has none, and the message no To"):
        rsmtp.Message(calendar=invitation(), from_="ann@example.org")
    with pytest.raises(ValueError, match=r"^attendees: "):
        sent(invitation(attendees="not an address@"))
    with pytest.raises(TypeError, match="did you mean 'summary'"):
        invitation().update(sumary="x")


def test_names_and_addresses_stay_what_they_are():
    people = [('Bob "x"; ATTENDEE:y', "bob@example.com"), ("Ü", "grün+tag@münchen.example")]
    event = read(sent(invitation(attendees=people)))[4]
    first, second = event["ATTENDEE"]
    assert str(first) == "mailto:bob@example.com" and first.params["CN"].startswith("Bob")
    assert str(second) == "mailto:gr%C3%BCn+tag@xn--mnchen-3ya.example"
    assert rsmtp.Invite.read(sent(invitation(attendees=people))).attendees[1][1].startswith("grün+tag@")


def test_the_package_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "icalendar", None)
    with pytest.raises(ImportError, match=r"an Invite needs icalendar: pip install 'rsmtp\[calendar\]'"):
        sent(invitation())
    # Octets need no encoding.
    sent(ICS.format(more=""), text="Hello")


def test_it_arrives():
    with (
        rsmtp.Catcher() as catcher,
        rsmtp.Mailer(host=catcher.host, port=catcher.port, tls="none") as mailer,
    ):
        mailer.send(sent(invitation(summary="Grüße")))
    event = icalendar.Calendar.from_ical(
        next(
            part.get_payload(decode=True)
            for part in message_from_bytes(catcher.messages[0].data).walk()
            if part.get_content_type() == "text/calendar"
        )
    ).walk("VEVENT")[0]
    assert event["SUMMARY"] == "Grüße"


@pytest.mark.parametrize(
    "octets",
    [
        ICS.format(more="ATTENDEE:http://x\nORGANIZER:mailto:\n"),
        ICS.format(more="").replace("DTSTART:20261201T090000Z", "DTSTART:20261201T090000"),
        ICS.format(more="DTEND:20261201T090000Z\n"),
        ICS.format(more="DURATION:PT0S\n"),
    ],
)
def test_odd_invitations_are_read(octets):
    assert rsmtp.Invite.read(octets).summary == "Grüße"


@pytest.mark.parametrize(
    "octets",
    [
        ICS.format(more="").replace("DTSTART:20261201T090000Z", "DTSTART:soon"),
        ICS.format(more="").replace("DTSTART:20261201T090000Z\n", ""),
        ICS.format(more="").replace("UID:1@example.org\n", ""),
        ICS.format(more="").replace("VEVENT", "VTODO"),
        ICS.format(more="SEQUENCE:many\n"),
    ],
)
def test_hostile_invitations_are_told_as_such(octets):
    with pytest.raises(ValueError, match="the calendar can't be read"):
        rsmtp.Invite.read(octets)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("DTEND;VALUE=DATE:20261202", "DTEND 2026-12-02 is a date, and DTSTART .* is a date with a time"),
        ("RECURRENCE-ID;VALUE=DATE:20261201", "RECURRENCE-ID 2026-12-01 is a date, and DTSTART"),
        ("DTEND;VALUE=DURATION:PT1H", "DTEND is 'PT1H', where a date, or a date with a time is wanted"),
        ("DTEND;VALUE=PERIOD:20261201T090000Z/PT1H", "DTEND is '20261201T090000Z/PT1H'"),
        ("DTEND:20261201T100000Z\nDTEND:20261201T110000Z", "DTEND is there 2 times"),
        ("DURATION:P99999999D", "duration: 99999999 days, 0:00:00 leads out of the years 1 to 9999"),
        ("DURATION:P999999999999999W", "DURATION is 'P999999999999999W', where a span of time is wanted"),
        ("DURATION:-PT1H", "duration: -1 day, 23:00:00 is not a span of time over 0"),
        ("DURATION;VALUE=DATE:20261201", "DURATION is '20261201'"),
        ("DURATION:", "DURATION is ''"),
        ("UID:2@example.org", "UID is there 2 times"),
        ("SEQUENCE:1\nSEQUENCE:2", "SEQUENCE is there 2 times"),
        ("SEQUENCE:many", "SEQUENCE is 'many', where a whole number is wanted"),
        ("SEQUENCE:" + "9" * 5000, "SEQUENCE is '99999"),
        ("RRULE:FREQ=DAILY;UNTIL=soon", "repeat: .* is no recurrence rule"),
        ("RRULE:nonsense", "repeat: .* is no recurrence rule"),
    ],
)
def test_times_that_fit_nothing_are_named(lines, words):
    with pytest.raises(ValueError, match=f"the calendar can't be read: {words}"):
        rsmtp.Invite.read(ICS.format(more=lines + "\n"))


@pytest.mark.parametrize(
    ("start", "words"),
    [
        ("DTSTART;VALUE=DATE:20261201\nDTEND:20261201T100000Z", "DTEND .* a date with a time, and DTSTART"),
        ("DTSTART;VALUE=TIME:100000", ""),
        ("DTSTART;VALUE=DURATION:PT1H", "DTSTART is 'PT1H'"),
        ("DTSTART;VALUE=BINARY:AAAA", "DTSTART is 'AAAA'"),
        ("DTSTART:20261301T100000Z", "DTSTART is '20261301T100000Z'"),
        ("DTSTART:", "DTSTART is ''"),
        ("DTSTART:00010101T000000", "DTSTART is 0001-01-01 00:00:00"),
        ("DTSTART;TZID=America/New_York:99991231T235959", "start: 9999-12-31 23:59:59-05:00 leads out"),
        ("DTSTART;VALUE=DATE:99991231", "start: 9999-12-31 leads out"),
    ],
)
def test_starts_that_fit_nothing_are_named(start, words, monkeypatch):
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        with pytest.raises(ValueError, match=f"the calendar can't be read: {words}"):
            rsmtp.Invite.read(ICS.format(more="").replace("DTSTART:20261201T090000Z", start))
    finally:
        monkeypatch.undo()
        time.tzset()


def test_an_unknown_zone_and_what_is_told_twice_are_read():
    text = ICS.format(more="SUMMARY:b\nLOCATION:c\nLOCATION:d\nORGANIZER:mailto:a@b.example\n").replace(
        "DTSTART:20261201T090000Z", "DTSTART;TZID=Nowhere/Land:20261201T090000"
    )
    invite = rsmtp.Invite.read(text)
    assert (invite.summary, invite.location) == ("Grüße", "c")
    assert invite.start.replace(tzinfo=None) == datetime(2026, 12, 1, 9)
    assert rsmtp.Invite.read(invite.to_ical(attendees="bob@example.org")).start == invite.start


def test_an_address_that_is_read_is_one_line():
    calendar = (
        "BEGIN:VCALENDAR\nVERSION:2.0\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:1\nDTSTART;VALUE=DATE:20261201\n"
        "ORGANIZER:mailto:ann%0D%0ABcc:%20eve@example.org\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    invite = rsmtp.Invite.read(calendar)
    assert invite.organizer == ("", "ann Bcc: eve@example.org")


READ = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//x//x//EN
METHOD:REQUEST
BEGIN:VEVENT
UID:7@example.org
DTSTAMP:20261101T100000Z
SEQUENCE:3
SUMMARY:Planning
DTSTART;TZID=Europe/Berlin:20261201T100000
DTEND;TZID=Europe/Berlin:20261201T110000
RRULE:FREQ=WEEKLY;COUNT=6
EXDATE;TZID=Europe/Berlin:20261208T100000,20261215T100000
EXDATE:20261222T090000Z
RDATE;TZID=Europe/Berlin:20261224T100000
ORGANIZER;CN=Ann;SENT-BY="mailto:desk@example.org":mailto:ann@example.org
ATTENDEE;CN=Bob;CUTYPE=INDIVIDUAL;ROLE=CHAIR;PARTSTAT=ACCEPTED;X-NUM=2:mailto:bob@example.org
ATTENDEE;CUTYPE=ROOM;ROLE=OPT-PARTICIPANT:mailto:room@example.org
STATUS:TENTATIVE
TRANSP:TRANSPARENT
CLASS:PRIVATE
CATEGORIES:Work,Rust
X-MEETING;X-KIND=video:https://example.org/7
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:Planning
TRIGGER:-PT15M
END:VALARM
END:VEVENT
END:VCALENDAR
"""


def event_of(invite):
    [event] = icalendar.Calendar.from_ical(invite.to_ical()).walk("VEVENT")
    return event


def excluded(event, name="EXDATE"):
    found = event.get(name, [])
    several = found if isinstance(found, list) else [found]
    return sorted(one.dt for dates in several for one in dates.dts)


def test_an_update_keeps_what_was_read_and_not_changed():
    invite = rsmtp.Invite.read(READ)
    for revision in (invite, invite.update(location="Room 2"), pickle.loads(pickle.dumps(invite)).update()):
        event = event_of(revision)
        assert excluded(event) == [datetime(2026, 12, day, 9, tzinfo=UTC) for day in (8, 15, 22)]
        assert excluded(event, "RDATE") == [datetime(2026, 12, 24, 9, tzinfo=UTC)]
        assert (event["STATUS"], event["TRANSP"], event["CLASS"]) == ("TENTATIVE", "TRANSPARENT", "PRIVATE")
        assert event["CATEGORIES"].cats == ["Work", "Rust"]
        assert (event["X-MEETING"], event["X-MEETING"].params["X-KIND"]) == ("https://example.org/7", "video")
        assert event["ORGANIZER"].params["SENT-BY"] == "mailto:desk@example.org"
        bob, room = event["ATTENDEE"]
        assert (bob.params["ROLE"], bob.params["X-NUM"], bob.params["CUTYPE"]) == ("CHAIR", "2", "INDIVIDUAL")
        assert bob.params["PARTSTAT"] == "NEEDS-ACTION"
        assert (room.params["ROLE"], room.params["CUTYPE"]) == ("OPT-PARTICIPANT", "ROOM")
        [alarm] = event.walk("VALARM")
        assert alarm["TRIGGER"].dt == timedelta(minutes=-15)
    assert event_of(rsmtp.Invite.read(invite.update().to_ical()).update())["CLASS"] == "PRIVATE"


@pytest.mark.parametrize(
    "line",
    [
        "TRIGGER:soon",
        "TRIGGER;VALUE=DATE-TIME:then",
        "TRIGGER:-PT5M\nREPEAT:x",
        "ATTACH;VALUE=BINARY;ENCODING=BASE64:-",
    ],
)
def test_an_alarm_that_cannot_be_read_is_left_out_of_the_invitation(line):
    bad = READ.replace("END:VEVENT", f"begin:valarm\nACTION:DISPLAY\n{line}\nEND:VALARM\nEND:VEVENT")
    invite = rsmtp.Invite.read(bad)
    assert invite.summary == "Planning"
    [alarm] = event_of(invite.update(location="Room 2")).walk("VALARM")
    assert alarm["TRIGGER"].dt == timedelta(minutes=-15)


def test_an_event_that_is_moved_leaves_the_same_occurrences_out():
    invite = rsmtp.Invite.read(READ)
    later = invite.update(start=invite.start + timedelta(hours=2))
    assert excluded(event_of(later)) == [datetime(2026, 12, day, 11, tzinfo=UTC) for day in (8, 15, 22)]
    assert excluded(event_of(later.update(summary="x"))) == excluded(event_of(later))
    days = re.sub(r"(;TZID=[^:]*)?:(2026\d{4})T\d{6}Z?", r";VALUE=DATE:\2", READ)
    days = days.replace("T100000", "").replace("DTSTAMP;VALUE=DATE:20261101", "DTSTAMP:20261101T100000Z")
    whole = rsmtp.Invite.read(days)
    assert excluded(event_of(whole)) == [date(2026, 12, day) for day in (8, 15, 22)]
    moved = whole.update(start=date(2026, 12, 2), end=date(2026, 12, 3))
    assert excluded(event_of(moved)) == [date(2026, 12, day) for day in (9, 16, 23)]


def test_dates_that_are_periods_and_dates_that_cannot_be_read():
    more = "RDATE;VALUE=PERIOD:20261231T090000Z/PT1H\nEXDATE:garbage\n"
    octets = rsmtp.Invite.read(READ.replace("CLASS:", f"{more}CLASS:")).update().to_ical()
    assert b"RDATE;VALUE=PERIOD:20261231T090000Z/PT1H" in octets and b"garbage" not in octets


def test_what_is_changed_and_what_a_cancellation_and_a_reply_have_no_place_for():
    invite = rsmtp.Invite.read(READ)
    [alarm] = event_of(invite.update(reminder=timedelta(hours=1))).walk("VALARM")
    assert alarm["TRIGGER"].dt == timedelta(hours=-1)
    assert event_of(invite.update(reminder=None)).walk("VALARM") == []
    cancelled = event_of(invite.cancel())
    assert cancelled["STATUS"] == "CANCELLED" and cancelled.walk("VALARM") == []
    once = event_of(invite.cancel(occurrence=invite.start + timedelta(days=7)))
    assert "EXDATE" not in once and "RDATE" not in once
    reply = event_of(invite.reply("accepted", "bob@example.org"))
    assert not {"EXDATE", "X-MEETING", "STATUS"} & reply.keys() and reply.walk("VALARM") == []
