"""The types that `rsmtp.Message` accepts as addresses, and the fields that it writes for them."""

from email.header import Header
from email.headerregistry import Address

import pytest

import rsmtp


def message(**fields):
    return rsmtp.Message("text", **({"from_": "a@example.org"} | fields))


@pytest.mark.parametrize(
    ("to", "field"),
    [
        (("attacker@evil.example", "support@example.org"), '"attacker@evil.example" <support@example.org>'),
        (("ann@example.org", "ann@example.org"), '"ann@example.org" <ann@example.org>'),
        (("Ann (home)", "ann@example.org"), '"Ann (home)" <ann@example.org>'),
        (("", "ann@example.org"), "ann@example.org"),
        (("Ann", "root"), "Ann <root>"),
    ],
)
@pytest.mark.parametrize("name", ["to", "cc", "bcc", "reply_to", "from_"])
def test_two_texts_in_a_tuple_are_a_name_and_an_address(name, to, field):
    assert message(**{name: to})[name.replace("_", "-").strip("-")] == field
    assert message(**{name: [to]})[name.replace("_", "-").strip("-")] == field


def test_a_name_from_a_form_is_no_recipient():
    with (
        rsmtp.Catcher(tls="none") as catcher,
        rsmtp.Mailer(f"smtp://localhost:{catcher.port}?tls=none") as mailer,
    ):
        mailer.send(message(to=("attacker@evil.example", "support@example.org")))
        assert catcher.wait_for(1, 5)[0].rcpt_tos == ["support@example.org"]


@pytest.mark.parametrize("to", [("a@x.example", "b@x.example", "c@x.example"), ("a@x.example",)])
def test_another_tuple_is_told_from_a_list(to):
    with pytest.raises(
        TypeError, match=r"to: a tuple is one \(name, address\).* several addresses are a list"
    ):
        message(to=to)


def test_tuples_of_pairs_and_of_addresses_are_lists():
    assert (
        message(to=(("A", "a@x.example"), ("B", "b@x.example")))["To"] == "A <a@x.example>, B <b@x.example>"
    )
    to = (Address("A", "a", "x.example"), Address("B", "b", "x.example"))
    assert message(to=to)["To"] == "A <a@x.example>, B <b@x.example>"


@pytest.mark.parametrize(
    "to",
    [
        "Smith, John <john@example.org>",
        "john@example.org, Smith",
        "root, postmaster",
        Header("Smith, J <j@x.example>"),
    ],
)
def test_a_name_with_a_comma_is_no_recipient(to):
    with pytest.raises(ValueError, match=r"to: .* has no domain.*in quotes"):
        message(to=to)
    with pytest.raises(ValueError, match="has no domain"):
        message(to="b@example.org")["Cc"] = to


def test_mailboxes_of_the_server_are_said_to_be_so():
    for given in (message(to=["root", "ann@example.org"]), message(to="root, ann@example.org", local=True)):
        assert given["To"] == "root, ann@example.org"
        with (
            rsmtp.Catcher(tls="none") as catcher,
            rsmtp.Mailer(f"smtp://localhost:{catcher.port}?tls=none") as mailer,
        ):
            mailer.send(given)
            assert catcher.wait_for(1, 5)[0].rcpt_tos == ["root", "ann@example.org"]
    assert message(to="root")["To"] == "root"


@pytest.mark.parametrize(
    ("to", "written"),
    [
        ("a@b.example (Joe, Sr.)", "a@b.example (Joe, Sr.)"),
        ("alice@x.example <alice@x.example>", '"alice@x.example" <alice@x.example>'),
        (
            "Alice@X.example <alice@x.example>, b@x.example",
            '"Alice@X.example" <alice@x.example>, b@x.example',
        ),
        ("a@x.example,, b@x.example, ", "a@x.example, b@x.example"),
        (["alice@x.example <alice@x.example>"], '"alice@x.example" <alice@x.example>'),
        (["root@[10.0.0.5]", '"ticket[42]"@b.example'], 'root@[10.0.0.5], "ticket[42]"@b.example'),
    ],
)
def test_what_the_world_writes_is_understood_and_written_well(to, written):
    assert message(to=to)["To"] == written
    assert f"\nTo: {written}\n".encode() in message(to=to).as_bytes()


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("a@b.example; d@e.example", "commas, not by semicolons"),
        ("X [Sales] <x@y.example>", r"'\[' can stand in a name only inside quotes"),
        ("ok@b.example, Bob bob@x.example, d@e.example", r'"Bob bob@x.example": several words .* <brackets>'),
        ("bob@x.example <rob@x.example>", "another address"),
        ("a@x.example (", "a comment without an end"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_piece(to, why):
    with pytest.raises(ValueError, match=f"^to: .*{why}"):
        message(to=to)


NOT_A_NUMBER = float("nan")


@pytest.mark.parametrize(
    ("to", "place", "words"),
    [
        # The value that a table has for a missing address.
        ([("Dora", NOT_A_NUMBER)], "to[0]", "('Dora', nan) is not: both must be a str"),
        (("Dora", None), "to", "('Dora', None) is not: both must be a str"),
        (("a@example.org", 5), "to", "('a@example.org', 5) is not: both must be a str"),
        (("a@b.org", "b@b.org", ""), "to", "('a@b.org', 'b@b.org', '') is not: several addresses are a list"),
        (["a@example.org", None], "to[1]", "None"),
        (NOT_A_NUMBER, "to", "nan (float)"),
        (5, "to", "int"),
        ({"Dora": "dora@example.org"}, "to", "dict"),
    ],
)
def test_what_is_no_address_is_shown_and_found(to, place, words):
    with pytest.raises(TypeError) as raised:
        message(to=to)
    pair = "a tuple is one (name, address), and"
    other = "an address is a str, an Address or (name, address), not"
    wanted = pair if " is not: " in words else other
    assert str(raised.value) == f"{place}: {wanted} {words}"
