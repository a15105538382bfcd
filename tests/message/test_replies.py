"""Replies to and forwards of messages that were read from octets."""

import pytest

import rsmtp
import rsmtp.email
from rsmtp.email.policy import default

ORIGINAL = b"""\
From: =?utf-8?q?Bob_M=C3=BCller?= <bob@example.org>
To: Ann <ann@example.org>, carol@example.org
Cc: Dora <dora@example.org>, BOB@example.org
Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=
Date: Fri, 27 Nov 2026 09:10:11 +0100
Message-ID: <1@example.org>
References: <0@example.org>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: multipart/alternative; boundary=c

--c
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: 8bit

Gr\xfc\xdfe
> older
--c
Content-Type: text/html; charset=utf-8

<html><head><style>p{display:none}</style><script>no()</script></head><body><p>Hello</p></body></html>
--c--
--b
Content-Type: application/pdf
Content-Disposition: attachment; filename=a.pdf
Content-Transfer-Encoding: base64

AAAA
--b--
"""


@pytest.fixture(params=[None, default], ids=["compat32", "default"])
def original(request):
    return rsmtp.email.message_from_bytes(ORIGINAL, **({"policy": request.param} if request.param else {}))


def read(message):
    return rsmtp.email.message_from_bytes(message.as_bytes(), policy=default)


def changed(**fields):
    """The original with other fields. None removes a field."""
    message = rsmtp.email.message_from_bytes(ORIGINAL)
    for name, value in fields.items():
        name = name.replace("_", "-")
        del message[name]
        if value is not None:
            message[name] = value
    return message


def test_reply_goes_to_the_writer_and_stands_in_the_thread(original):
    answer = read(original.reply("Thanks", from_="ann@example.org"))
    assert str(answer["To"]) == "Bob Müller <bob@example.org>"
    assert answer["Cc"] is None
    assert answer["Subject"] == "Re: Grüße"
    assert answer["In-Reply-To"] == "<1@example.org>"
    assert answer["References"] == "<0@example.org> <1@example.org>"
    assert answer.get_content() == (
        "Thanks\n\nOn Fri, 27 Nov 2026 09:10, Bob Müller <bob@example.org> wrote:\n> Grüße\n>> older\n"
    )


def test_reply_to_all_leaves_out_the_one_who_answers(original):
    answer = read(original.reply("Thanks", all=True, from_=("Ann", "ann@Example.org")))
    assert str(answer["To"]) == "Bob Müller <bob@example.org>"
    assert str(answer["Cc"]) == "carol@example.org, Dora <dora@example.org>"


def test_a_domain_has_two_spellings_and_one_who_answers():
    original = rsmtp.Message(
        "Hello", from_="bob@example.org", to=["ann@xn--bcher-kva.example", "carol@example.org"]
    )
    answer = original.reply("Thanks", all=True, from_="Ann@bücher.example")
    assert str(answer["Cc"]) == "carol@example.org"


@pytest.mark.parametrize(
    ("fields", "arguments", "to", "cc"),
    [
        ({"Reply_To": "list@example.org"}, {}, "list@example.org", None),
        (
            {"Reply_To": "list@example.org"},
            {"all": True},
            "list@example.org",
            "carol@example.org, Dora <dora@example.org>, BOB@example.org",
        ),
        ({"Mail_Followup_To": "all@example.org"}, {"all": True}, "all@example.org", None),
        ({"Mail_Followup_To": "all@example.org"}, {}, "Bob Müller <bob@example.org>", None),
        # A reply to the user's own message goes to its recipients.
        ({"From": "ann@example.org", "To": "bob@example.org"}, {}, "bob@example.org", None),
    ],
)
def test_recipients_of_a_reply(fields, arguments, to, cc):
    answer = read(changed(**fields).reply("x", from_="ann@example.org", **arguments))
    assert str(answer["To"]) == to
    assert answer["Cc"] == cc


@pytest.mark.parametrize(
    ("fields", "from_"),
    [
        ({"Delivered_To": "ann+news@example.org"}, "ann+news@example.org"),
        ({"To": "Ann <ann@example.org>", "Cc": None}, "Ann <ann@example.org>"),
        ({}, None),
    ],
)
def test_who_answers_is_read_off_the_message_where_it_says_so(fields, from_):
    answer = changed(**fields).reply("x")
    assert answer["From"] == from_


@pytest.mark.parametrize(
    ("subject", "reply", "forward"),
    [
        ("Hello", "Re: Hello", "Fwd: Hello"),
        ("RE: Hello", "RE: Hello", "Fwd: RE: Hello"),
        ("Re[2]: Hello", "Re[2]: Hello", "Fwd: Re[2]: Hello"),
        ("AW: Hello", "AW: Hello", "Fwd: AW: Hello"),
        ("Fw: Hello", "Re: Fw: Hello", "Fw: Hello"),
        ("Regarding: Hello", "Re: Regarding: Hello", "Fwd: Regarding: Hello"),
        (None, "Re: ", "Fwd: "),
    ],
)
def test_subject_is_prefixed_once(subject, reply, forward):
    original = changed(Subject=subject)
    assert original.reply("x")["Subject"] == reply
    assert original.forward("x", to="z@example.org")["Subject"] == forward


def test_message_without_an_id_has_no_parent():
    answer = changed(Message_ID=None).reply("x")
    assert answer["In-Reply-To"] is None
    assert answer["References"] == "<0@example.org>"
    answer = changed(Message_ID=None, References=None).reply("x")
    assert "References" not in answer
    assert "In-Reply-To" not in answer


def test_parent_of_a_message_without_references_is_its_in_reply_to():
    assert rsmtp.thread_of(changed(References=None, In_Reply_To="<0@example.org>")) == (
        "<0@example.org>",
        "<1@example.org>",
    )
    several = changed(References=None, In_Reply_To="<0@example.org> <9@example.org>")
    assert rsmtp.thread_of(several) == ("<1@example.org>",)


def test_long_thread_keeps_its_first_and_its_latest():
    ids = [f"<{number}@example.org>" for number in range(1000)]
    thread = rsmtp.thread_of(changed(References=" ".join(ids)))
    assert len(thread) == 50
    assert thread[0] == ids[0]
    assert thread[-2:] == ("<999@example.org>", "<1@example.org>")


def test_html_is_quoted_in_html_and_says_the_same_as_text(original):
    answer = read(original.reply(html="<p>Thanks</p>", from_="ann@example.org"))
    assert answer.get_content_type() == "multipart/alternative"
    html = answer.get_body(("html",)).get_content()
    assert "<p>Thanks</p>" in html
    assert "<p>Hello</p>" in html
    assert "<script" not in html
    assert "<style" not in html  # it would hide the answer
    assert "Thanks" in answer.get_body(("plain",)).get_content()


def test_without_a_quotation_the_answer_stands_alone(original):
    assert read(original.reply("Thanks", quote=False)).get_content().rstrip() == "Thanks"


def test_forward_has_the_text_the_header_and_the_attachments(original):
    sent_on = read(original.forward("For you", to="zoe@example.org", from_="ann@example.org"))
    text = sent_on.get_body(("plain",)).get_content()
    assert text.startswith(
        "For you\n\n---------- Forwarded message ----------\nFrom: Bob Müller <bob@example.org>\n"
    )
    assert text.endswith("\n\nGrüße\n> older\n")
    assert "<p>Hello</p>" in sent_on.get_body(("html",)).get_content()
    assert [part.get_filename() for part in sent_on.iter_attachments()] == ["a.pdf"]
    assert sent_on["References"] == "<0@example.org> <1@example.org>"
    assert sent_on["In-Reply-To"] is None


def test_forward_encloses_the_message_as_it_is(original):
    sent_on = original.forward("For you", to="zoe@example.org", from_="ann@example.org", attach=True)
    [text, enclosed] = sent_on.get_payload()
    assert text.get_payload(decode=True) == b"For you"
    assert enclosed.get_content_type() == "message/rfc822"
    [enclosed] = read(sent_on).get_payload()[1].get_payload()
    assert enclosed["Message-ID"] == "<1@example.org>"
    assert enclosed.get_body(("plain",)).get_content().startswith("Grüße\n")


def test_nothing_hidden_in_a_field_gets_out_of_it():
    """An encoded-word with line ends and a name with markup remain plain text."""
    original = changed(
        Subject="=?utf-8?b?SGkNCkJjYzogZXZpbEBleGFtcGxlLm9yZw==?=",
        From='"<img src=x>" <bob@example.org>',
        Cc='"a@evil.example" <dora@example.org>',
    )
    answer = original.reply(html="<p>x</p>", all=True, from_="ann@example.org")
    assert answer["Bcc"] is None
    assert str(answer["Subject"]) == "Re: Hi  Bcc: evil@example.org"
    assert "<img src=x>" not in read(answer).get_body(("html",)).get_content()
    assert str(read(answer)["Cc"]) == 'carol@example.org, "a@evil.example" <dora@example.org>'


@pytest.mark.parametrize(
    "name",
    [
        "=?utf-8?b?Qm9iDQpCY2M6IGV2aWxAZXhhbXBsZS5vcmc=?=",  # with a line end
        "=?utf-8?b?Q?=",  # no base64
        "=?no-such-charset?q?Bob?=",
    ],
)
def test_name_of_a_stranger_keeps_no_one_from_answering(name):
    answer = changed(From=f"{name} <bob@example.org>").reply("x", from_="ann@example.org")
    assert answer["Bcc"] is None
    assert "bob@example.org" in str(read(answer)["To"])


@pytest.mark.parametrize("octets", [b"", b"\n", b"To: <>\n\nhello"])
def test_message_without_an_address_can_not_be_answered(octets):
    with pytest.raises(ValueError, match="no address to answer to"):
        rsmtp.email.message_from_bytes(octets).reply("x")


def test_html_alone_is_quoted_as_text():
    html = b"From: bob@example.org\nContent-Type: text/html\n\n<p>Hello <b>there</b></p>"
    answer = rsmtp.email.message_from_bytes(html).reply("Hi")
    assert answer.get_payload().endswith("bob@example.org wrote:\n> Hello there\n")
    deep = b"From: bob@example.org\nContent-Type: text/html\n\n" + b"<div>" * 100_000
    assert "can't be shown as text" in rsmtp.email.message_from_bytes(deep).reply("Hi").get_payload()


def test_text_beside_html_is_made_from_it():
    message = rsmtp.Message(
        "auto",
        html="<h1>Hi</h1><p><a href='https://example.org/r'>Report</a>",
        subject="x",
        from_="a@example.org",
        to="b@example.org",
    )
    text = read(message).get_body(("plain",)).get_content()
    assert text == "# Hi\n\nReport [1]\n\n[1] https://example.org/r\n"
    # Without HTML, it is an ordinary word.
    assert rsmtp.Message("auto").get_payload() == "auto"
    with pytest.raises(ValueError, match="html: .* nested too deeply"):
        rsmtp.Message("auto", html="<div>" * 100_000)
    with pytest.raises(TypeError, match="html: a str, or the Path of a file, is wanted, not 5"):
        rsmtp.Message("auto", html=5)


# Fields as servers write them: folded, and by LF where a file was read.
FOLDED = b"Received: from mx.example.org\n\tby mail.example.org; Fri, 27 Nov 2026 09:10:11 +0100\n"


@pytest.mark.parametrize(
    "octets", [ORIGINAL, ORIGINAL.replace(b"\n", b"\r\n"), ORIGINAL.replace(b"\xfc", b"u")]
)
@pytest.mark.parametrize("policy", [rsmtp.email.policy.compat32, default], ids=["compat32", "default"])
def test_a_message_with_folded_fields_is_forwarded_as_an_attachment(octets, policy):
    end = b"\r\n" if b"\r\n" in octets else b"\n"
    read = rsmtp.email.message_from_bytes(FOLDED.replace(b"\n", end) + octets, policy=policy)
    sent_on = read.forward(to="zoe@example.org", from_="ann@example.org", attach=True)
    attached = rsmtp.Message("See", from_="ann@example.org", to="zoe@example.org", attachments=[read])
    with rsmtp.Catcher(tls="none") as catcher:
        with rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none") as mailer:
            assert mailer.send(sent_on).ok and mailer.send(attached).ok
        for caught in catcher.wait_for(2, 20):
            [part] = [part for part in caught.email.walk() if part.get_content_type() == "message/rfc822"]
            [inner] = part.get_payload()
            assert " ".join(inner["Received"].split()) == " ".join(read["Received"].split())
            assert inner["Subject"] == "Grüße" and inner["From"] == "Bob Müller <bob@example.org>"


@pytest.mark.parametrize("name", ["Bcc", "Resent-Bcc"])
def test_who_had_a_blind_copy_is_not_told_by_an_enclosed_message(name):
    fields = {"from_": "ann@example.org", "to": "bob@example.org", "headers": {name: "dan@example.org"}}
    own = rsmtp.Message("x", subject="own", **fields)
    read = rsmtp.email.message_from_bytes(b"Bcc: dan@example.org\n" + ORIGINAL)
    for message in (own, read):
        sent_on = message.forward(to="zoe@example.org", from_="ann@example.org", attach=True)
        attached = rsmtp.Message("See", from_="ann@example.org", to="zoe@example.org", attachments=[message])
        for enclosing in (sent_on, attached):
            assert b"message/rfc822" in bytes(enclosing)
            assert b"dan@" not in bytes(enclosing)
    assert own[name] == "dan@example.org"


def test_octets_have_no_thread_yet():
    with pytest.raises(TypeError, match="^message: a message is wanted, not bytes$"):
        rsmtp.thread_of(b"Message-ID: <1@example.org>\r\n\r\n")
