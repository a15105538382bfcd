"""Envelopes as values: which arguments they refuse, their repr, and how they are saved."""

import dataclasses
import datetime
import json
import pickle

import pytest

import rsmtp
from rsmtp import DeliverBy, Dsn, Envelope, Rcpt

UTC = datetime.UTC
NOON = datetime.datetime(2027, 1, 1, 12, 0, tzinfo=UTC)
FULL = Envelope(
    ("Ann", "ann@example.org"),
    [
        Rcpt("bob@example.org", dsn=Dsn(notify=["SUCCESS", "delay"], orcpt="jürgen+x@example.org")),
        Rcpt(("Carol", "carol@example.org"), dsn=Dsn(notify="never"), valid_since=NOON),
        "dora@example.org",
    ],
    dsn=Dsn(notify="failure", ret="headers", envid="invoice 7+"),
    hold_until=NOON,
    deliver_by=DeliverBy(datetime.timedelta(hours=1), "return", trace=True),
    priority=-9,
    if_offered=True,
)


def test_what_goes_out():
    assert FULL.mail_options == [
        "RET=HDRS",
        "ENVID=invoice+207+2B",
        "HOLDUNTIL=2027-01-01T12:00:00Z",
        "BY=3600;RT",
        "MT-PRIORITY=-9",
    ]
    assert FULL.rcpt_options == {
        "bob@example.org": ["NOTIFY=SUCCESS,DELAY", "ORCPT=utf-8;j\\x{FC}rgen\\x{2B}x@example.org"],
        "carol@example.org": ["NOTIFY=NEVER", "RRVS=2027-01-01T12:00:00Z;C"],
        "dora@example.org": ["NOTIFY=FAILURE"],
    }
    assert (FULL.sender, FULL.addresses) == ("ann@example.org", list(FULL.rcpt_options))
    assert Envelope(require_tls=True, hold_for=datetime.timedelta(days=1), binary=True).mail_options == [
        "REQUIRETLS",
        "HOLDFOR=86400",
        "BODY=BINARYMIME",
    ]
    assert Envelope(deliver_by=60).mail_options == ["BY=60;N"]
    assert Envelope(dsn=Dsn(notify="never")).rcpt_options == {"": ["NOTIFY=NEVER"]}
    assert Envelope("", "bob@example.org").sender == ""
    assert Rcpt("b@example.org", valid_since=0)._own[3] == 0
    strict = Envelope(recipients=Rcpt("b@example.org", valid_since=NOON))
    assert strict.rcpt_options == {"b@example.org": ["RRVS=2027-01-01T12:00:00Z;R"]}


@pytest.mark.parametrize(
    "value", [FULL, Envelope(), Envelope("", ["a@b"], require_tls=True), Dsn(), DeliverBy(5)]
)
def test_values_are_kept(value):
    assert pickle.loads(pickle.dumps(value)) == value
    assert type(value).from_dict(json.loads(json.dumps(value.to_dict()))) == value
    assert hash(value) == hash(pickle.loads(pickle.dumps(value)))
    assert eval(repr(value), vars(rsmtp) | {"datetime": datetime}) == value


def test_what_was_not_written_by_it_is_refused():
    with pytest.raises(ValueError, match="'x': Envelope has no field"):
        Envelope.from_dict({"x": 1})
    with pytest.raises(TypeError, match="to_dict"):
        Dsn.from_dict([])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="priority"):
        Envelope.from_dict({"priority": 10})


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: Dsn(notify="always"), "notify: .*always"),
        (lambda: Dsn(notify=[]), "notify: .*empty"),
        (lambda: Dsn(notify=["never", "success"]), "notify: .*alone .RFC 3461"),
        (lambda: Dsn(notify="success\r\nRSET"), "notify"),
        (lambda: Dsn(orcpt=""), "orcpt: .*empty"),
        (lambda: Dsn(orcpt="a\r\nb"), "orcpt: .*control"),
        (lambda: Dsn(orcpt="x" * 500), "orcpt: .*500"),
        (lambda: Dsn(ret="hdrs"), "ret"),
        (lambda: Dsn(envid="é"), "envid: .*ASCII"),
        (lambda: Dsn(envid=""), "envid: .*empty"),
        (lambda: Dsn(envid="+" * 34), "envid: .*100"),
        (lambda: DeliverBy(0, "return"), "deliver_by: .*still to come"),
        (lambda: DeliverBy(10**9), "deliver_by: .*999999999"),
        (lambda: DeliverBy(float("nan")), "seconds"),
        (lambda: DeliverBy(5, "drop"), "otherwise"),
        (lambda: Rcpt("b@x", dsn=Dsn(ret="full")), "dsn: ret is of the whole message"),
        (lambda: Rcpt("b@x\r\nRSET"), "recipients"),
        (lambda: Rcpt("b@x", valid_since=datetime.datetime(2027, 1, 1)), "valid_since: .*no time zone"),
        (lambda: Rcpt("b@x", valid_since=1e18), "valid_since"),
        (lambda: Envelope(dsn=Dsn(orcpt="a@b")), "dsn: orcpt is of one recipient"),
        (lambda: Envelope(recipients=[]), "recipients: .*empty"),
        (lambda: Envelope(hold_for=5, hold_until=NOON), "hold_until: hold_for"),
        (lambda: Envelope(hold_for=0), "hold_for"),
        (lambda: Envelope(hold_for=10**9), "hold_for: .*999999999"),
        (lambda: Envelope(hold_for=60, deliver_by=60), "deliver_by: .*held for 60 s"),
        (lambda: Envelope(priority=10), "priority"),
        (lambda: Envelope(priority=1.5), "priority"),
        (lambda: Envelope(priority=True), "priority"),
        (lambda: Envelope(require_tls=True, tls_optional=True), "tls_optional"),
        (
            lambda: Envelope(recipients=[Rcpt("b@x", dsn=Dsn(notify="never")), Rcpt("b@x", valid_since=1)]),
            "recipients: .*twice",
        ),
    ],
)
def test_what_cannot_be_asked_for(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: Dsn(notify=5), "notify"),
        (lambda: Dsn(envid=7), "envid"),
        (lambda: Rcpt(5), "address"),
        (lambda: Rcpt("b@x", dsn="never"), "dsn: .*Dsn"),
        (lambda: Rcpt("b@x", valid_since="2027"), "valid_since"),
        (lambda: Envelope(5), "sender"),
        (lambda: Envelope(recipients=5), "recipients"),
        (lambda: Envelope(dsn={"notify": "never"}), "dsn: .*Dsn"),
        (lambda: Envelope(require_tls="yes"), "require_tls"),
        (lambda: Envelope(hold_for="1h"), "hold_for"),
        (lambda: Envelope(hold_until="noon"), "hold_until"),
    ],
)
def test_what_is_of_the_wrong_kind(make, words):
    with pytest.raises(TypeError, match=words):
        make()


def test_envelope_of_a_message():
    message = rsmtp.Message("Hi", from_="Ann <ann@x.org>", to=["bob@x.org"], bcc="eve@x.org")
    envelope = dataclasses.replace(Envelope.of(message), priority=1)
    assert (envelope.sender, envelope.addresses) == ("ann@x.org", ["bob@x.org", "eve@x.org"])
    assert envelope.mail_options == ["MT-PRIORITY=1"]


def test_display():
    shown = FULL._repr_mimebundle_()
    assert "MAIL  ann@example.org RET=HDRS" in shown["text/plain"]
    assert "RCPT  carol@example.org NOTIFY=NEVER RRVS=" in shown["text/plain"]
    assert "<code>NOTIFY=NEVER</code>" in shown["text/html"]
    by_header = Envelope(dsn=Dsn(notify="never"), tls_optional=True)._repr_mimebundle_()
    assert "as the message&#x27;s header says" in by_header["text/html"]
    assert "TLS-Required: No" in by_header["text/html"]
    many = Envelope("a@b", [f"b{number}@x" for number in range(1000)])._repr_mimebundle_()
    assert len(many["text/plain"].splitlines()) < 60
    hostile = Envelope('"<script>"@x.org', "b@x.org")._repr_mimebundle_()["text/html"]
    assert "<script>" not in hostile
