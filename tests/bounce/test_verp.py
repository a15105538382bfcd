"""Envelope senders that encode the recipient (VERP) are made and read. Forged ones are refused."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rsmtp

SECRET = "a secret of 16 octets"
VERP = rsmtp.Verp("bounces@example.com", SECRET)
ADDRESSES = [
    "bob@example.org",
    "bob+tag=x@sub.example.org",
    "Bob.O'Hara@Example.ORG",
    "jürgen@example.org",
    "ann@bücher.example",
    '"odd one"@example.org',
    "x~17@example.org",
    "~x@example.org",
    "a" * 60 + "@example.org",
    "bob@" + "long." * 20 + "example.org",
]


@pytest.mark.parametrize("number", [None, 0, 17, 2**53])
@pytest.mark.parametrize("address", ADDRESSES)
def test_a_bounce_tells_its_recipient(address, number):
    sender = VERP.sender(address, number=number)
    local, _, domain = sender.rpartition("@")
    assert domain == "example.com"
    assert len(local) <= 64
    assert sender.isascii()
    # Servers may change the case of the letters.
    for came in (sender, sender.upper(), f"<{sender}>"):
        returned = VERP.read(came)
        assert returned.is_for(address)
        assert returned.number == number
        assert not returned.is_for("other@example.org")


def test_the_address_can_be_read_in_most():
    assert VERP.sender("bob@example.org").startswith("bounces+bob=example.org~")
    assert VERP.read(VERP.sender("Bob@Example.org")).recipient == "bob@example.org"
    assert VERP.read(VERP.sender(ADDRESSES[3])).recipient is None


@pytest.mark.parametrize(
    "forged",
    [
        "bounces@example.com",
        "bounces+@example.com",
        "bounces+bob=example.org@example.com",
        "bounces+bob=example.org~aaaaaaaaaa@example.com",
        "bounces+~aaaaaaaaaaaaaaaaaaaa~aaaaaaaaaa@example.com",
        "bounces+~17~aaaaaaaaaa@example.com",
        "other+bob=example.org~aaaaaaaaaa@example.com",
        "",
        "@",
        "bounces+" + "~" * 10_000 + "@example.com",
    ],
)
def test_what_is_forged_is_no_sender_of_ours(forged):
    assert VERP.read(forged) is None


def test_each_part_of_it_is_sealed():
    sender = VERP.sender("bob@example.org", number=17)
    for change in (
        ("bob", "eve"),
        ("~17~", "~18~"),
        ("~17~", "~"),
        ("org", "com"),
        ("@example.com", "@example.net"),
    ):
        assert VERP.read(sender.replace(*change)) is None
    assert (
        VERP.read(rsmtp.Verp("bounces@example.com", "another secret of ours").sender("bob@example.org"))
        is None
    )
    assert VERP.read(rsmtp.Verp("other@example.com", SECRET).sender("bob@example.org")) is None


@given(st.text(max_size=80))
def test_nothing_that_comes_raises(text):
    try:
        found = VERP.read(f"bounces+{text}@example.com")
    except ValueError as error:
        assert "surrogates" in str(error)
    else:
        assert found is None


def test_a_secret_can_be_replaced():
    old = VERP.sender("bob@example.org")
    both = rsmtp.Verp("bounces@example.com", ["a new secret, of 16", SECRET])
    assert both.read(old).is_for("bob@example.org")
    assert VERP.read(both.sender("bob@example.org")) is None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("bounces@example.com", "short"), "secret: 16 octets at least"),
        (("bounces@example.com", []), "secret: there is none"),
        (("bounces@example.com", 7), "secret: a str, bytes or several"),
        (("bounces", SECRET), "address: 'bounces' is not local-part@domain"),
        (("a@", SECRET), '^address: "a@" is not an address: its domain is empty'),
        (("b" * 40 + "@example.com", SECRET), "leaves no room for a recipient"),
    ],
)
def test_arguments_are_checked(arguments, words):
    with pytest.raises((TypeError, ValueError), match=words):
        rsmtp.Verp(*arguments)
    with pytest.raises(ValueError, match="delimiter: 'x'"):
        rsmtp.Verp("bounces@example.com", SECRET, delimiter="x")
    with pytest.raises(ValueError, match="recipient: 'bob' has no domain"):
        VERP.sender("bob")


# -- with mailers ----------------------------------------------------------------------------


def letter(to="bob@example.org"):
    return rsmtp.Message("Hi", subject="News", from_="ann@example.com", to=to)


@pytest.fixture
def catcher():
    with rsmtp.Catcher(tls="none") as catcher:
        yield catcher


@pytest.fixture
def url(catcher):
    return f"smtp://localhost:{catcher.port}?tls=none"


def test_a_mailer_gives_each_message_its_sender(catcher, url):
    with rsmtp.Mailer(url, verp=VERP) as mailer:
        assert mailer.send(letter()).ok
        assert mailer.send_all(
            [letter("carol@example.org"), ("x@example.com", ["dora@example.org"], b"\r\nHi\r\n")]
        ).ok
        # The null reverse-path stays, because a bounce must never cause another one.
        assert mailer.send(("", ["erik@example.org"], b"\r\nHi\r\n")).ok
    told = {caught.rcpt_tos[0]: caught.mail_from for caught in catcher.messages}
    assert told.pop("erik@example.org") == ""
    assert {to: VERP.read(sender).recipient for to, sender in told.items()} == {to: to for to in told}
    assert len(told) == 3


def test_an_async_mailer_does_too(catcher, url):
    async def send():
        async with rsmtp.AsyncMailer(url, verp=VERP) as mailer:
            assert (await mailer.send(letter())).ok

    asyncio.run(send())
    assert VERP.read(catcher.messages[0].mail_from).recipient == "bob@example.org"


def test_the_bounce_of_a_redirected_message_tells_who_got_it(catcher, url):
    with rsmtp.Mailer(url, verp=VERP, redirect="dev@example.com") as mailer:
        assert mailer.send(letter()).ok
    (caught,) = catcher.messages
    assert VERP.read(caught.mail_from).recipient == caught.rcpt_tos[0] == "dev@example.com"


def test_several_recipients_are_a_message_each(catcher, url):
    message = letter(["bob@example.org", "carol@example.org"])
    with rsmtp.Mailer(url, verp=VERP) as mailer:
        with pytest.raises(ValueError, match=r"verp: a message for each recipient is wanted, not one for 2"):
            mailer.send(message)
        assert mailer.send_all(VERP.each(message)).ok
        assert mailer.send_all(VERP.each(("x@example.com", ["dora@example.org"], b"\r\nHi\r\n"))).ok
    assert [caught.rcpt_tos for caught in catcher.messages] == [
        ["bob@example.org"], ["carol@example.org"], ["dora@example.org"],
    ]  # fmt: skip
    assert all(VERP.read(caught.mail_from).is_for(caught.rcpt_tos[0]) for caught in catcher.messages)


def test_what_is_no_verp_is_refused():
    with pytest.raises(TypeError, match=r"verp: an rsmtp\.Verp is wanted, not str"):
        rsmtp.Mailer("smtp://localhost?tls=none", verp="bounces@example.com")


# -- by the server ---------------------------------------------------------------------------

BY_SERVER = rsmtp.Verp("bounces@example.com", SECRET, by_server=True)


def made_by_postfix(sender, recipient):
    """As its VERP_README has it, with the delimiters "+="."""
    (local, _, domain), (user, _, host) = sender.rpartition("@"), recipient.rpartition("@")
    return f"{local}+{user}={host}@{domain}"


@pytest.mark.parametrize("number", [None, 17])
@pytest.mark.parametrize("address", ADDRESSES)
def test_the_server_says_for_whom_a_bounce_is(address, number):
    sender = BY_SERVER.sender_for_all(number=number)
    assert len(sender.rpartition("@")[0]) <= 64
    for came in (sender, sender.upper()):
        returned = BY_SERVER.read(came)
        assert (returned.recipient, returned.number, returned.by_server) == (None, number, True)
        returned = BY_SERVER.read(made_by_postfix(came, address))
        if address != ADDRESSES[4]:  # on the wire in A-labels
            assert returned.is_for(address)
        assert (returned.number, returned.by_server) == (number, True)
    assert not BY_SERVER.read(BY_SERVER.sender(address)).by_server


def test_the_message_is_sealed():
    sender = BY_SERVER.sender_for_all(number=17)
    for change in (("~17~", "~18~"), ("~17~", "~"), ("@example.com", "@example.net")):
        assert BY_SERVER.read(made_by_postfix(sender.replace(*change), "bob@example.org")) is None
    other = rsmtp.Verp("bounces@example.com", "another secret of ours", by_server=True)
    assert other.read(sender) is None
    # One sender is never read as the other.
    assert VERP.read(VERP.sender("bob@example.org", number=17)).by_server is False


def test_postfix_knows_three_delimiters():
    for delimiter in ("-", "="):
        verp = rsmtp.Verp("bounces@example.com", SECRET, delimiter=delimiter, by_server=True)
        local, _, domain = verp.sender_for_all().rpartition("@")
        before, between = verp.xverp
        assert verp.read(f"{local}{before}bob{between}example.org@{domain}").recipient == "bob@example.org"
    with pytest.raises(ValueError, match="delimiter: Postfix makes senders with"):
        rsmtp.Verp("bounces@example.com", SECRET, delimiter="--", by_server=True)


@pytest.mark.parametrize("kind", ["Mailer", "AsyncMailer"])
def test_several_recipients_are_one_message_with_xverp(catcher, url, kind):
    message = letter(["bob@example.org", "carol@example.org"])
    given = {"verp": BY_SERVER, "suppression": ["eve@example.org"]}
    both = [message, letter(["bob@example.org", "eve@example.org"]), (message, rsmtp.Envelope(priority=1))]
    if kind == "Mailer":
        with rsmtp.Mailer(url, **given) as mailer:
            report = mailer.send_all(both)
    else:

        async def send():
            async with rsmtp.AsyncMailer(url, **given) as mailer:
                return await mailer.send_all(both)

        report = asyncio.run(send())
    assert report.ok
    assert report.receipts[0].options == ["XVERP=+="]
    first, alone, with_options = catcher.messages
    assert BY_SERVER.read(first.mail_from).by_server
    # With one recipient it is sealed as ever, and nothing is asked of the server.
    assert VERP.read(alone.mail_from).is_for("bob@example.org")
    assert "XVERP" not in alone.mail_parameters
    asked = {key: with_options.mail_parameters[key] for key in ("MT-PRIORITY", "XVERP")}
    assert asked == {"MT-PRIORITY": "1", "XVERP": "+="}


def test_a_server_that_makes_no_senders_does_not_get_the_message():
    message = letter(["bob@example.org", "carol@example.org"])
    with rsmtp.Catcher(tls="none", without=["XVERP"]) as catcher:
        url = f"smtp://localhost:{catcher.port}?tls=none"
        with rsmtp.Mailer(url, verp=BY_SERVER) as mailer:
            with pytest.raises(rsmtp.SMTPNotSupportedError, match=r"XVERP \(Postfix: smtpd_authorized_verp"):
                mailer.send(message)
            assert catcher.messages == []
            # On request the sender tells the message alone.
            receipt = mailer.send(message, envelope=rsmtp.Envelope(if_offered=True, priority=1))
        assert receipt.options_left_out == ["XVERP"]
        assert BY_SERVER.read(catcher.messages[0].mail_from).recipient is None


def test_the_null_sender_has_no_others(catcher, url):
    with rsmtp.Mailer(url) as mailer:
        with pytest.raises(rsmtp.SMTPNotSupportedError, match="the sender is the null one"):
            mailer.send(("", ["bob@example.org"], b"\r\nHi\r\n"), envelope=rsmtp.Envelope(xverp="+="))
    with pytest.raises(ValueError, match="xverp: the sender is the null one"):
        rsmtp.Envelope("", "bob@example.org", xverp="+=")
    for wrong in ("+", "+=+", "#=", ""):
        with pytest.raises(ValueError, match="xverp: .* is not two of the characters"):
            rsmtp.Envelope(xverp=wrong)
    assert catcher.messages == []


@pytest.mark.parametrize("who", ["bob=exam\nple.org", "bob=exam ple.org", "b\x00b=example.org", "bob=\x7f"])
def test_what_no_address_is_is_not_read_from_a_servers_sender(who):
    """Anyone who has got the message can put something in there."""
    verp = rsmtp.Verp("bounces@example.com", secret="x" * 32, by_server=True)
    local, _, domain = verp.sender_for_all().rpartition("@")
    assert verp.read(f"{local}+bob=example.org@{domain}").recipient == "bob@example.org"
    assert verp.read(f"{local}+{who}@{domain}") is None


def test_a_message_for_each_recipient_keeps_the_options_of_its_envelope():
    options = rsmtp.Dsn(ret="headers")
    dora = rsmtp.Rcpt("Dora <dora@example.org>", dsn=rsmtp.Dsn(orcpt="d@x"))
    message = rsmtp.Message("Hi", from_="ann@example.com", to=["eve@example.org", "bob@example.org"])
    named = rsmtp.Envelope("ann@example.com", [dora, "bob@example.org"], dsn=options)
    data = "ann@example.com", ["Dora <dora@example.org>"], b"\r\nHi\r\n"
    with rsmtp.Catcher(tls="none") as catcher, rsmtp.Mailer(f"smtp://localhost:{catcher.port}") as mailer:
        for item in ((message, named), (data, rsmtp.Envelope(dsn=options)), (b"\r\nHi\r\n", named)):
            assert mailer.send_all(VERP.each(item)).ok
    first, second, third, fourth, fifth = catcher.messages
    assert [one.rcpt_tos[0] for one in (first, third, fourth)] == ["dora@example.org"] * 3
    assert first.rcpt_parameters == fourth.rcpt_parameters == [{"ORCPT": "rfc822;d@x"}]
    assert second.rcpt_parameters == third.rcpt_parameters == fifth.rcpt_parameters == [{}]
    for caught in catcher.messages:
        assert caught.mail_parameters["RET"] == "HDRS"
        assert VERP.read(caught.mail_from).is_for(caught.rcpt_tos[0])
