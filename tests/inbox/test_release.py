"""Mail is sent on to a real server. Catchers stand in for it, and accept or refuse the mail."""

import pytest

import rsmtp

EIGHT_BIT = b"From: a@example.org\r\nSubject: as it came\r\n\r\n.dot\r\n\xe4\xf6\xfc\r\n"


@pytest.fixture
def relay():
    with rsmtp.Catcher(tls="none") as relay:
        yield relay


def to(relay, **more):
    return {"host": "127.0.0.1", "port": relay.port, "tls": "none", **more}


def test_it_arrives_as_it_came(api, send, relay, catcher):
    number = send(EIGHT_BIT, to=["bob@example.org", "eve@example.org"])
    answer = api.post(f"/messages/{number}/release", to(relay))
    assert answer.status == 200
    assert answer.json["problem"] is None
    assert [(one["address"], one["fate"]) for one in answer.json["recipients"]] == [
        ("bob@example.org", "sent"),
        ("eve@example.org", "sent"),
    ]
    (arrived,) = relay.messages
    assert arrived.data == catcher.messages[0].data == EIGHT_BIT
    assert (arrived.mail_from, arrived.rcpt_tos) == (
        "ann@example.org",
        ["bob@example.org", "eve@example.org"],
    )
    greeting = next(line for line in answer.json["conversation"] if line["direction"] == "S")
    assert greeting["text"].startswith("220 ")


def test_each_recipient_has_its_result(api, send, relay):
    relay.fault("RCPT", reply=(550, "5.1.1 no such user"), address="eve@example.org")
    number = send(to=["bob@example.org", "eve@example.org"])
    answer = api.post(f"/messages/{number}/release", to(relay)).json
    assert answer["recipients"] == [
        {"address": "bob@example.org", "fate": "sent", "code": None, "text": ""},
        {"address": "eve@example.org", "fate": "refused", "code": 550, "text": "5.1.1 no such user"},
    ]


def test_everything_refused(api, send, relay):
    relay.fault("RCPT", reply=(450, "4.2.0 later"))
    answer = api.post(f"/messages/{send()}/release", to(relay)).json
    assert answer["recipients"][0]["fate"] == "refused"
    assert answer["recipients"][0]["code"] == 450
    assert answer["transient"]
    assert "4.2.0 later" in answer["problem"]


def test_lost_at_the_end_is_unknown(api, send, relay):
    relay.fault("end-of-data", disconnect="reset", accept=True)
    answer = api.post(f"/messages/{send()}/release", to(relay)).json
    assert answer["recipients"][0]["fate"] == "unknown"
    assert relay.count == 1


def test_with_login_and_tls_and_whom_one_names(api, send):
    with rsmtp.Catcher(require_auth=True, require_tls=True, password="s3cret-s3cret") as relay:
        given = {
            "host": "localhost",
            "port": relay.port,
            "username": relay.username,
            "password": "s3cret-s3cret",
            "mail_from": "",
            "rcpt_tos": ["real@example.com", "real@example.com"],
        }
        number = send()
        unverified = api.post(f"/messages/{number}/release", given).json
        assert unverified["recipients"][0]["fate"] == "not sent"
        assert "certificate" in unverified["problem"].lower()
        answer = api.post(f"/messages/{number}/release", {**given, "verify": False})
        assert [one["fate"] for one in answer.json["recipients"]] == ["sent"]
        assert answer.json["tls"] == "TLSv1.3"
        assert b"s3cret" not in answer.octets
        (arrived,) = relay.messages
        assert (arrived.mail_from, arrived.rcpt_tos) == ("", ["real@example.com"])
        wrong = api.post(f"/messages/{number}/release", {**given, "verify": False, "password": "no-no-no"})
        assert wrong.json["stage"] == "auth"
        assert b"no-no-no" not in wrong.octets


def test_no_server_there(api, send, relay):
    relay.close()
    answer = api.post(f"/messages/{send()}/release", to(relay)).json
    assert "refused" in answer["problem"].lower()
    assert answer["recipients"][0]["fate"] == "not sent"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({}, "host"),
        ({"host": " "}, "host"),
        ({"host": "h", "port": "25"}, "port"),
        ({"host": "h", "port": 0}, "port"),
        ({"host": "h", "port": True}, "port"),
        ({"host": "h", "tls": "maybe"}, "tls"),
        ({"host": "h", "verify": "no"}, "verify"),
        ({"host": "h", "rcpt_tos": []}, "rcpt_tos"),
        ({"host": "h", "rcpt_tos": "a@example.org"}, "rcpt_tos"),
        ({"host": "h", "rcpt_tos": [1]}, "rcpt_tos"),
        ({"host": "h", "password": 7}, "password"),
        ({"host": "h", "passwort": "x"}, "'passwort'"),
    ],
)
def test_what_can_not_be_meant_is_refused(api, send, given, problem):
    answer = api.post(f"/messages/{send()}/release", given)
    assert answer.status == 400
    assert problem in answer.json["error"]


@pytest.mark.parametrize(
    "address", ["a@example.org\r\nRCPT TO:<x@example.org>", "a@example.org, b@example.org", "a b@c"]
)
def test_an_address_that_is_none_goes_nowhere(api, send, relay, address):
    answer = api.post(f"/messages/{send()}/release", to(relay, rcpt_tos=[address]))
    assert answer.status == 200
    assert answer.json["problem"]
    assert answer.json["recipients"][0]["fate"] == "not sent"
    assert relay.count == 0


def test_a_login_is_part_of_the_opening(api, send):
    with rsmtp.Catcher(require_auth=True, tls="starttls", password="s3cret-s3cret") as relay:
        given = {"host": "localhost", "port": relay.port, "username": relay.username, "verify": False}
        refused = api.post(f"/messages/{send()}/release", {**given, "password": "wrong"}).json
        assert (refused["stage"], refused["recipients"][0]["fate"]) == ("auth", "not sent")
        answer = api.post(f"/messages/{send()}/release", {**given, "password": "s3cret-s3cret"}).json
        assert [one["fate"] for one in answer["recipients"]] == ["sent"]
        said = [line["text"] for line in answer["conversation"] if line["direction"] == "C"]
        assert [line.partition(" ")[0] for line in said[:4]] == ["EHLO", "STARTTLS", "EHLO", "AUTH"]
