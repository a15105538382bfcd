"""Senseless values for the arguments of outboxes, merges, templates, envelopes, answers and credentials."""

import inspect
from datetime import UTC, datetime

import pytest
from hostile_input.test_wrong_arguments import complaint, faults_of

import rsmtp

MESSAGE = rsmtp.Message("x", subject="s", from_="a@example.org", to="b@example.org")
VERBS = {
    "bounced": {"message": b"x"},
    "cancel_all": {"which": [1]},
    "cancel": {"which": 1},
    "content": {"which": 1},
    "entries": {},
    "get": {"which": 1},
    "history": {"which": 1},
    "purge": {},
    "put_all": {"messages": [MESSAGE]},
    "put": {"message": MESSAGE, "key": "k"},
    "retry_all": {"which": [1]},
    "retry": {"which": 1},
    "send": {"message": MESSAGE, "key": "k"},
    "asend": {"message": MESSAGE, "key": "k"},
    "send_all": {"messages": [MESSAGE]},
    "asend_all": {"messages": [MESSAGE]},
    "suppress": {"address": "b@example.org"},
    "unsuppress": {"address": "b@example.org"},
}


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_of_an_outbox(tmp_path, verb):
    with rsmtp.Outbox(tmp_path / "mail.db") as box, rsmtp.Mailer("null:") as mailer:
        box.put(MESSAGE, key="k")
        method = getattr(box, verb)
        sender = rsmtp.AsyncMailer("null:") if verb.startswith("a") else mailer
        good = VERBS[verb] | ({"mailer": sender} if "mailer" in inspect.signature(method).parameters else {})

        def call(**arguments):
            result = method(**arguments)
            return list(result) if verb == "entries" else result

        found = faults_of(call, inspect.signature(method), good)
        # Errors about one of many messages, and about a number or key that no message has.
        known = ": TypeError: message: ", ": KeyError: "
        assert not [one for one in found if not any(words in one for words in known)]


@pytest.mark.parametrize("sender", [None, 5, "x", [5], MESSAGE])
def test_what_an_outbox_is_run_with(tmp_path, sender):
    with rsmtp.Outbox(tmp_path / "mail.db") as box:
        with pytest.raises(TypeError, match="^mailer: a Mailer or an AsyncMailer is wanted, not "):
            box.run(sender)


@pytest.mark.parametrize("verb", ["send", "send_all", "asend", "asend_all"])
def test_a_mailer_of_the_other_kind(tmp_path, verb):
    kinds = [rsmtp.Mailer, rsmtp.AsyncMailer]
    wanted, other = reversed(kinds) if verb.startswith("a") else kinds
    with rsmtp.Outbox(tmp_path / "mail.db") as box:
        error = complaint(getattr(box, verb), {"mailer": other("null:"), **VERBS[verb]})
        assert str(error) == f"mailer: an rsmtp.{wanted.__name__} is wanted, not {other.__name__}"
        assert not list(box.entries())


@pytest.mark.parametrize("pair", [False, True])
def test_an_envelope_that_is_none(tmp_path, pair):
    with rsmtp.Outbox(tmp_path / "mail.db") as box, rsmtp.Mailer("null:") as mailer:
        given = {"message": (MESSAGE, 5)} if pair else {"message": MESSAGE, "envelope": 5}
        for call in (box.put, mailer.send):
            more = {"key": "k"} if call == box.put else {}
            with pytest.raises(TypeError, match="^envelope: an rsmtp.Envelope is wanted, not 5$"):
                call(**given, **more)


@pytest.mark.parametrize("when", [float("nan"), "now", True])
def test_when_many_messages_are_sent(tmp_path, when):
    with rsmtp.Outbox(tmp_path / "mail.db") as box:
        with pytest.raises(TypeError, match="^at: a datetime or a time in seconds is wanted, not "):
            box.put_all([MESSAGE], at=when)


@pytest.mark.parametrize(
    "cls, good",
    [
        (rsmtp.Outbox, {"path": "mail.db"}),
        (rsmtp.Template, {"text": "x"}),
        (rsmtp.merge, {"template": rsmtp.Template("x"), "rows": [{}]}),
        (rsmtp.table, {"frame": [{"a": 1}]}),
        (rsmtp.Smime, {}),
        (rsmtp.OpenPgp, {}),
        (rsmtp.Dsn, {}),
        (rsmtp.DeliverBy, {"seconds": 10}),
    ],
)
def test_making_others(tmp_path, monkeypatch, cls, good):
    monkeypatch.chdir(tmp_path)
    found = faults_of(cls, inspect.signature(cls), good)
    # What lacks a certificate or key is told so, whatever else is given.
    assert not [one for one in found if "one is wanted to sign with" not in one]


@pytest.mark.parametrize("formats", [{"a": 5}, {"a": None}])
def test_formats_of_a_table(formats):
    with pytest.raises(TypeError, match=r"^formats\['a'\]: a format, a str, or a function is wanted, not "):
        rsmtp.table([{"a": 1}], formats=formats)


@pytest.mark.parametrize("attendees", [[("Ann", "a@example.org", 3)], [("Ann", 5)], [5]])
def test_attendees_of_an_invitation(attendees):
    start, end = (datetime(2026, 1, 1, hour, tzinfo=UTC) for hour in (12, 13))
    invite = rsmtp.Invite(start=start, end=end, summary="x", organizer="a@example.org", attendees=attendees)
    with pytest.raises(TypeError, match=r"^attendees\[0\]: "):
        rsmtp.Message("x", calendar=invite)


@pytest.mark.parametrize("verb, more", [("reply", {}), ("forward", {"to": "c@example.org"})])
@pytest.mark.parametrize("value", [5, b"x", ["x"], object()])
def test_texts_of_an_answer(verb, more, value):
    for name in ("text", "html"):
        with pytest.raises(TypeError, match=f"^{name}: a str is wanted, not "):
            getattr(MESSAGE, verb)(**{name: value}, **more)


def test_who_answers():
    with pytest.raises(TypeError, match=r"^from_: \(name, address\) is wanted, not tuple$"):
        MESSAGE.reply("x", from_=("a", "b", "c"))


@pytest.mark.parametrize(
    "kind, argument, good",
    [
        ("command", "command", {}),
        ("file", "path", {}),
        ("google", "service_account", {"subject": "a@example.org"}),
        ("google", "authorized_user", {}),
        ("microsoft365", "cache", {"client_id": "x"}),
        ("microsoft365", "certificate", {"client_id": "x", "tenant": "example.com"}),
        ("netrc", "path", {"host": "x"}),
    ],
)
@pytest.mark.parametrize("value", [5, float("nan"), b"x", int, True])
def test_files_of_credentials(kind, argument, good, value):
    with pytest.raises(TypeError, match=f"^{argument}: a .* is wanted, not "):
        getattr(rsmtp.credentials, kind)(**good, **{argument: value})
