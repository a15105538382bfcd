"""A client in a notebook."""

import pytest

import rsmtp
from rsmtp.display import short, timeline


def test_a_client_tells_where_it_is_and_how_safely(secured, read):
    catcher, client = secured
    client.login(catcher.username, catcher.password)
    shown = client._repr_mimebundle_()
    page = read(shown["text/html"])
    assert page.all("svg")
    for fact in (
        "authenticated",
        client.tls.version,
        client.tls.cipher,
        "verified",
        "CHUNKING",
        "220 localhost",
    ):
        assert fact in page.text
    for fact in ("authenticated", client.tls.version, "CHUNKING", "-> securing -> secured ->"):
        assert fact in shown["text/plain"]
    assert catcher.password not in shown["text/html"]


def test_many_messages_do_not_make_a_long_path(secured, read):
    _, client = secured
    for _ in range(50):
        client.mail("ann@example.org")
        client.rset()
    shown = client._repr_mimebundle_()
    page = read(shown["text/html"])
    assert "connected → 93 more → " in page.text
    assert page.text.count("mail") < 30
    assert "path: connected -> ... -> " in shown["text/plain"]
    assert len(page.all("desc")) == 1 and max(map(len, shown["text/plain"].splitlines())) < 250


def test_a_client_without_a_connection(read):
    shown = rsmtp.SmtpClient()._repr_mimebundle_()
    assert "disconnected" in read(shown["text/html"]).text
    assert "disconnected" in shown["text/plain"]


@pytest.mark.parametrize("tls", ["none", "implicit"])
def test_a_client_with_other_tls(tls, read):
    with rsmtp.Catcher(tls=tls) as catcher:
        trust = rsmtp.TlsConfig(ca_file=catcher.ca_file) if tls != "none" else None
        with rsmtp.SmtpClient("localhost", catcher.port, tls=tls, context=trust) as client:
            client.ehlo()
            page = read(client._repr_mimebundle_()["text/html"])
    assert ("not encrypted" in page.text) == (tls == "none")


def test_an_unverified_certificate_is_called_so(read):
    with rsmtp.Catcher() as catcher:
        careless = rsmtp.TlsConfig(verify=False)
        with rsmtp.SmtpClient("localhost", catcher.port, tls="starttls", context=careless) as client:
            assert "NOT verified" in read(client._repr_mimebundle_()["text/html"]).text


def test_the_servers_words_are_text(read):
    with rsmtp.Catcher(tls="none") as catcher:
        catcher.fault(
            "greeting", reply=(220, "<script>alert(1)</script><img src=x onerror=alert(1)> \x1b[2J")
        )
        client = rsmtp.SmtpClient("localhost", catcher.port)
        catcher.fault("EHLO", reply=(250, ["hi", "X-<b>\"'&", "AUTH <svg onload=alert(1)>"]))
        client.ehlo()
        for thing in (client, client.transcript):
            shown = thing._repr_mimebundle_()
            page = read(shown["text/html"])
            assert "<script>alert(1)</script>" in page.text
            assert not page.all("b") or all("class" in attrs or not attrs for attrs in page.all("b"))
            assert not page.all("img")
            assert "\x1b" not in shown["text/html"] + shown["text/plain"]
        client.close()


def test_the_waits_add_up(secured):
    catcher, client = secured
    catcher.fault("NOOP", reply="usual", delay=0.05, times=1)
    client.noop()
    rows = timeline.rows(client.transcript)
    sums = timeline.totals(rows)
    assert sum(sums.values()) == pytest.approx(client.transcript[-1].at)
    assert sums["server"] >= 0.05
    assert {"dns", "connect", "tls", "server", "client"} == set(sums)


def test_all_tell_the_same_time(secured, read):
    _, client = secured
    client.quit()
    took = short.seconds(timeline.duration(client.transcript))
    lines = len(client.transcript)
    assert f"so far {lines} lines in {took}" in read(client._repr_mimebundle_()["text/html"]).text
    assert f"{lines} lines in {took};" in read(client.transcript._repr_mimebundle_()["text/html"]).text
    assert f"{lines} lines in {took}:" in repr(client.transcript)


def test_a_reply_of_several_lines_is_one_row(secured):
    _, client = secured
    client.ehlo()
    last = timeline.rows(client.transcript)[-1]
    assert last.direction == "S" and len(last.lines) == len(client.esmtp_features) + 1


def test_mail_data_is_one_row(secured):
    _, client = secured
    client.sendmail("a@example.org", "b@example.org", "Subject: x\n\none\ntwo\n")
    chunk = next(row for row in timeline.rows(client.transcript) if row.lines[0].startswith("BDAT"))
    assert "Subject: x" in chunk.lines


def test_a_transcript_does_not_flood(secured, read):
    _, client = secured
    for _ in range(700):
        client.noop()
    transcript = client.transcript
    assert len(repr(transcript)) < 120 and "\n" not in repr(transcript)
    assert str(transcript).count("\n") + 1 == len(transcript)
    shown = transcript._repr_mimebundle_()
    assert shown["text/plain"].count("\n") < 300
    page = read(shown["text/html"])
    assert "more: str(transcript) has them all" in page.text
    assert len(shown["text/html"]) < 200_000


def test_an_empty_transcript(read):
    transcript = rsmtp.SmtpClient().transcript
    assert repr(transcript) == "<Transcript, empty>"
    shown = transcript._repr_mimebundle_()
    assert "Nothing was said" in read(shown["text/html"]).text


def test_the_table_of_a_transcript_has_its_semantics(secured, read):
    _, client = secured
    page = read(client.transcript._repr_mimebundle_()["text/html"])
    assert page.all("caption")
    assert {attrs.get("scope") for attrs in page.all("th")} == {"col"}
    assert "client says:" in page.text and "server says:" in page.text
    assert "TLS established: encrypted from here on" in page.text


def test_a_secret_is_never_shown(secured):
    _, client = secured
    with pytest.raises(rsmtp.SMTPAuthenticationError) as caught:
        client.login("ann", "open sesame please", mechanism="PLAIN")
    everything = "".join(
        text
        for thing in (client, client.transcript, caught.value)
        for text in thing._repr_mimebundle_().values()
    )
    assert "open sesame" not in everything and "b3BlbiBzZXNhbWUg" not in everything
    assert "***" in everything


def test_looking_twice_shows_the_same(secured):
    _, client = secured
    assert client._repr_mimebundle_() == client._repr_mimebundle_()
