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
