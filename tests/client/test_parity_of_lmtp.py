"""LMTP, over TCP and over a Unix socket."""

import pytest

from client.parity import both
from client.scripted import answering

A, B, C = "a@example.org", "b@example.org", "c@example.org"


@pytest.fixture(params=["TCP", "Unix socket"])
def path(request, tmp_path):
    return None if request.param == "TCP" else tmp_path / "lmtp"


@pytest.mark.parametrize(
    "replies",
    [{}, {"MAIL": "550 no"}, {"RCPT": "550 no"}, {"DATA": "451 later"}, {".": "554 no"}],
    ids=["sent", "sender refused", "recipient refused", "DATA refused", "mail data refused"],
)
def test_one_recipient(path, replies):
    calls = [lambda c: c.sendmail(A, B, "Subject: s\n\nhello\n"), lambda c: c.quit()]
    standard, ours = both(answering(replies), calls, kind="LMTP", path=path)
    assert ours[0] == standard[0]
    # After a refused DATA or refused mail data, one of the two libraries sends RSET.
    assert ours[1].replace("rset\r\n", "") == standard[1].replace("rset\r\n", "")
    assert "lhlo client.example.org" in ours[1]


def test_each_recipient_has_an_answer_of_its_own(path):
    """The standard library reads one answer to the mail data, for whichever recipient it is."""

    def script(peer):
        peer.say("220 hello")
        for reply in ("250 ok",) * 4 + ("354 go on",):
            peer.line()
            peer.say(reply)
        peer.mail_data()
        peer.say("250 for b", "552 c is full")
        peer.until_closed()

    calls = [lambda c: c.sendmail(A, [B, C], "x")]
    _, ours = both(script, calls, kind="LMTP", path=path)
    assert ours[0][1] == ("returned", {C: (552, b"c is full")})


@pytest.mark.parametrize("refusal", ["500 what?", "550 no", "450 later"])
def test_a_refused_lhlo_is_not_followed_by_helo(refusal):
    """The standard library continues with HELO, which an LMTP server must refuse (RFC 2033
    section 4.1)."""
    calls = [lambda c: c.ehlo_or_helo_if_needed(), lambda c: c.ehlo_resp, lambda c: c.does_esmtp]
    standard, ours = both(answering({"LHLO": refusal}), calls, kind="LMTP")
    assert ours[0][1][:2] == ("raised", "SMTPHeloError")
    assert ours[0][2:] == standard[0][2:]
    assert "helo" not in ours[1].replace("lhlo", "")
