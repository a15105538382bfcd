"""A Catcher and a Mailer in a notebook."""

import re
import shutil
import ssl

import pytest

import rsmtp
from rsmtp.inbox import Inbox

HOSTILE = "<script>alert(1)</script> \x1b[31m"


@pytest.fixture
def catcher():
    with rsmtp.Catcher(tls="none", username="ann", password="the secret of the catcher") as catcher:
        yield catcher


def send(catcher, *subjects, to="bob@example.org"):
    with rsmtp.SmtpClient("127.0.0.1", catcher.port) as client:
        for subject in subjects:
            client.sendmail("ann@example.org", to, f"Subject: {subject}\n\nx\n")


def html(one):
    return one._repr_mimebundle_()["text/html"]


def test_a_catcher_tells_where_it_listens(catcher, read):
    page = read(html(catcher))
    assert f"127.0.0.1:{catcher.port}" in page.text and "No mail yet." in page.text
    assert "0 messages" in page.text and "ann" in page.text
    assert repr(catcher) in catcher._repr_mimebundle_()["text/plain"]


def test_a_catcher_shows_the_last_messages_newest_first(catcher, read):
    send(catcher, *(f"letter {number}." for number in range(12)))
    page = read(html(catcher))
    assert page.text.index("letter 11.") < page.text.index("letter 10.") < page.text.index("letter 2.")
    assert "letter 1." not in page.text and "the last 10 of 12" in page.text
    assert "letter 11." in catcher._repr_mimebundle_()["text/plain"]


def test_one_message_is_singular(catcher, read):
    send(catcher, "one")
    assert "1 message" in read(html(catcher)).text and "1 messages" not in html(catcher)


def test_a_catcher_links_to_its_inbox_while_it_runs(catcher):
    send(catcher, "one")
    assert "href" not in html(catcher)
    with rsmtp.Catcher(tls="none") as other, Inbox(other):
        assert "href" not in html(catcher), "an inbox of another catcher"
    with Inbox(catcher) as inbox:
        assert f'href="{inbox.url}#/messages/1"' in html(catcher)
        assert inbox.url in catcher._repr_mimebundle_()["text/plain"]
    assert "href" not in html(catcher)


def test_what_strangers_send_is_escaped(catcher):
    send(catcher, HOSTILE)
    shown = catcher._repr_mimebundle_()
    assert "<script>alert" not in shown["text/html"]
    assert "\x1b" not in shown["text/html"] + shown["text/plain"]


def test_an_encoded_subject_is_read(catcher, read):
    send(catcher, "=?utf-8?q?Gr=C3=BC=C3=9Fe?=")
    assert "Grüße" in read(html(catcher)).text


def test_mail_that_can_t_be_read_is_shown(catcher, read):
    with rsmtp.SmtpClient("127.0.0.1", catcher.port) as client:
        client.sendmail("", "bob@example.org", b"\xff\xfe\x00no header")
    assert "no subject" in read(html(catcher)).text and "<>" in read(html(catcher)).text


@pytest.mark.parametrize("kind", [rsmtp.Mailer, rsmtp.AsyncMailer])
def test_no_display_has_a_secret(catcher, kind):
    secrets = ("hunter2", "tok3n", "proxypass", "the secret of the catcher")
    mailers = [
        kind("smtp://ann:hunter2@mail.example.org", proxy="socks5h://u:proxypass@proxy.example:1080"),
        kind(host="mail.example.org", username="ann", access_token="tok3n"),
    ]
    for one in (*mailers, catcher):
        shown = one._repr_mimebundle_()
        for text in (repr(one), shown["text/html"], shown["text/plain"]):
            assert not any(secret in text for secret in secrets)


def test_a_mailer_tells_its_servers_and_who_logs_in(read):
    verified_not = ssl._create_unverified_context()
    mailer = rsmtp.Mailer(
        ["smtp://ann:pw@one.example", "smtps://two.example"], context=verified_not, connections=3
    )
    page = read(html(mailer))
    for fact in ("one.example:587", "STARTTLS, required", "ann, by password", "two.example:465",
                 "from the first octet", "no login", "NOT verified", "0 idle, at most 3"):  # fmt: skip
        assert fact in page.text, fact


def test_a_mailer_counts_its_mail_over_its_calls(catcher, read):
    catcher.fault("RCPT", address="no@example.org", reply=(550, "5.1.1 no"))
    with rsmtp.Mailer(f"smtp://127.0.0.1:{catcher.port}?tls=none", retries=0) as mailer:
        mailer.send(("ann@example.org", "bob@example.org", "x"))
        mailer.send(("ann@example.org", "no@example.org", "x"), check=False)
        mailer.send_all(
            [
                ("ann@example.org", to, "x")
                for to in ("a@example.org", "no@example.org", "bad address@example.org")
            ]
        )
        page = read(html(mailer))
        assert "2 sent" in page.text and "2 refused" in page.text and "1 not sent" in page.text
        assert "so far: 2 sent, 2 refused, 0 unknown, 1 not sent" in mailer._repr_mimebundle_()["text/plain"]
    assert "closed" in read(html(mailer)).text


async def _two(catcher):
    async with rsmtp.AsyncMailer(f"smtp://127.0.0.1:{catcher.port}?tls=none") as mailer:
        await mailer.send(("ann@example.org", "bob@example.org", "x"))
        await mailer.send_all([("ann@example.org", "bob@example.org", "x")])
        return mailer._repr_mimebundle_()["text/plain"]


def test_an_async_mailer_counts_too(catcher):
    import asyncio

    assert "so far: 2 sent, 0 refused" in asyncio.run(_two(catcher))


@pytest.mark.parametrize(
    "host, security", [("relay.example.org", "STARTTLS, required"), ("localhost", "none"), ("::1", "none")]
)
@pytest.mark.parametrize("kind", [rsmtp.Mailer, rsmtp.AsyncMailer])
def test_a_mailer_that_was_told_a_host_alone(kind, host, security, read):
    shown = kind(host=host)._repr_mimebundle_()
    assert f"TLS: {security}, no login" in shown["text/plain"]
    assert security in read(shown["text/html"]).text


def test_a_mailer_whose_files_only_look_unverified(tmp_path, read):
    folder = tmp_path / "verify=False"
    folder.mkdir()
    with rsmtp.Catcher() as catcher:
        copy = shutil.copy(catcher.ca_file, folder / "ca.pem")
    for verify, told in [(True, False), (False, True)]:
        context = rsmtp.TlsConfig(ca_file=copy, verify=verify)
        page = read(html(rsmtp.Mailer(host="mail.example.org", context=context)))
        assert ("NOT verified" in page.text) == told


@pytest.mark.parametrize("url", ["null:", "lmtp:///run/dovecot/lmtp", "smtp://[::1]:2525?tls=none"])
def test_every_kind_of_place_has_a_display(url):
    shown = rsmtp.Mailer(url)._repr_mimebundle_()
    place = {"null:": "null:", "lmtp:///run/dovecot/lmtp": "/run/dovecot/lmtp"}.get(url, "[::1]:2525")
    assert place in shown["text/plain"] and place in re.sub("<[^>]*>", "", shown["text/html"])
