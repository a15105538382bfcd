"""``rsmtp send``: the message that arrives and the output."""

import subprocess
import sys

import pytest

import rsmtp

from .conftest import CLEAN, LETTER

EML = (
    b"From: Ann <ann@example.org>\r\n"
    b"To:   bob@example.org,\r\n"
    b"\tcarol@example.org\r\n"
    b"BCC: secret@example.org,\r\n"
    b" hidden@example.org\r\n"
    b"Subject:  =?utf-8?q?Gr=C3=BC=C3=9Fe?=  \r\n"
    b"\r\n"
    b"Bcc: this is text\r\n"
    b".\r\n"
    b"..two dots\r\n"
)


def test_from_flags(run, catcher):
    done = run(
        *("send", "--server", f"smtp://catcher@localhost:{catcher.port}", "--ca-file", catcher.ca_file),
        *LETTER,
        code=0,
        RSMTP_PASSWORD=catcher.password,
    )
    assert done.out == "sent      bob@example.org  250 2.0.0 Ok: queued as 1\nqueue id 1\n"
    assert done.err == ""
    (message,) = catcher.messages
    assert (message.mail_from, message.rcpt_tos) == ("ann@example.org", ["bob@example.org"])
    assert (message.user, message.tls.version) == ("catcher", "TLSv1.3")
    assert message.email["From"] == "Ann <ann@example.org>"
    assert message.email.get_content() == "It works."


def test_everything_that_a_message_can_have(run, plain, to_plain, tmp_path):
    (tmp_path / "page.html").write_text("<p>Grüße</p>", encoding="utf-8")
    (tmp_path / "data.bin").write_bytes(bytes(range(256)))
    (tmp_path / "übersicht.csv").write_text("a,b\n")
    run(
        *(
            "send",
            *to_plain,
            "--from",
            "ann@example.org",
            "--subject",
            "Größe",
            "--reply-to",
            "r@example.org",
        ),
        *("--to", "Bob <bob@example.org>", "--to", "bert@example.org", "--cc", "carol@example.org"),
        *("--bcc", "dave@example.org", "--text-file", "-", "--html-file", tmp_path / "page.html"),
        *("--attach", tmp_path / "data.bin", "--attach", tmp_path / "übersicht.csv"),
        stdin="Viele Grüße\n",
        code=0,
    )
    (message,) = plain.messages
    mail = message.email
    assert sorted(message.rcpt_tos) == [f"{name}@example.org" for name in ("bert", "bob", "carol", "dave")]
    assert mail["To"] == "Bob <bob@example.org>, bert@example.org"
    assert (mail["Subject"], mail["Cc"], mail["Bcc"]) == ("Größe", "carol@example.org", None)
    assert mail["Reply-To"] == "r@example.org"
    assert mail.get_body(("plain",)).get_content().strip() == "Viele Grüße"
    assert mail.get_body(("html",)).get_content().strip() == "<p>Grüße</p>"
    attached = {part.get_filename(): part.get_payload(decode=True) for part in mail.iter_attachments()}
    assert attached == {"data.bin": bytes(range(256)), "übersicht.csv": b"a,b\n"}


@pytest.mark.parametrize("way", ["file", "standard input"])
@pytest.mark.parametrize(
    "first", [b"", b"From ann@example.org Mon Nov 23 10:00:00 2026\r\n"], ids=["eml", "mbox"]
)
def test_a_ready_message_travels_as_it_is(run, plain, to_plain, tmp_path, way, first):
    file = tmp_path / "message.eml"
    file.write_bytes(first + EML)
    if way == "file":
        done = run("send", *to_plain, file, code=0)
    else:
        done = run("send", *to_plain, "-", stdin=first + EML, code=0)
    (message,) = plain.messages
    start, end = EML.index(b"BCC"), EML.index(b"Subject")
    assert message.data == EML[:start] + EML[end:]
    recipients = [f"{name}@example.org" for name in ("bob", "carol", "secret", "hidden")]
    assert sorted(message.rcpt_tos) == sorted(recipients)
    assert all(recipient in done.out for recipient in recipients)


def test_the_envelope_can_differ(run, plain, to_plain, tmp_path):
    (tmp_path / "message.eml").write_bytes(EML)
    envelope = ("--envelope-from", "bounces@example.org", "--envelope-to", "test@example.org")
    run("send", *to_plain, *envelope, tmp_path / "message.eml", code=0)
    run("send", *to_plain, *envelope, *LETTER, code=0)
    for message in plain.messages:
        assert (message.mail_from, message.rcpt_tos) == ("bounces@example.org", ["test@example.org"])


def test_text_comes_from_standard_input_where_none_is_given(run, plain, to_plain):
    run("send", *to_plain, *LETTER[:-2], stdin="Piped.\n", code=0)
    assert plain.messages[0].email.get_content() == "Piped.\n"


def test_html_alone_does_not_wait_for_text(run, plain, to_plain):
    run("send", *to_plain, *LETTER[:-2], "--html", "<p>Hi</p>", stdin="unread", code=0)
    assert plain.messages[0].email.get_content_type() == "text/html"
    assert b"unread" not in plain.messages[0].data


def test_a_sender_is_who_logs_in(run, plain, to_plain):
    run("send", *to_plain, "--user", "ann@example.org", *LETTER[2:], code=77, RSMTP_PASSWORD="wrong")
    assert plain.messages == []
    with rsmtp.Catcher(tls="none", username="ann@example.org", password="right") as server:
        url = f"smtp://ann%40example.org@{server.host}:{server.port}?tls=none"
        run("send", "--server", url, *LETTER[2:], code=0, RSMTP_PASSWORD="right")
        assert server.messages[0].mail_from == "ann@example.org"


def test_servers_by_url(run):
    with rsmtp.Catcher(tls="implicit", password="p@ss/w:rd") as server:
        url = f"smtps://catcher:p%40ss%2Fw%3Ard@localhost:{server.port}"
        run("send", *LETTER, code=0, RSMTP_URL=url, SSL_CERT_FILE=server.ca_file)
        assert server.messages[0].user == "catcher"


def test_a_url_in_the_place_of_a_message_is_told_apart(run):
    done = run("send", "smtp://ann:secret@localhost:25", *LETTER, code=2)
    assert "--server URL" in done.err and "secret" not in done.err


def test_dry_run(run, plain, tmp_path):
    url = f"smtp://ann@{plain.host}:{plain.port}?tls=none"
    done = run("send", "--server", url, *LETTER, "--bcc", "carol@example.org", "--dry-run", code=0)
    assert done.out.splitlines()[:3] == [
        f"server  {plain.host}:{plain.port} (no TLS, as ann)",
        "from    ann@example.org",
        "to      bob@example.org",
    ]
    assert "to      carol@example.org" in done.out
    _, _, message = done.out.partition("\n\n")
    assert "Subject: Hello\n" in message
    assert message.endswith("\n\nIt works.\n")
    assert "carol" not in message
    assert plain.conversations == []
    # This needs no server.
    assert "It works." in run("send", *LETTER, "--dry-run", code=0).out


def test_dry_run_does_not_let_the_message_steer_the_terminal(run):
    done = run(
        "send",
        "--dry-run",
        "-",
        stdin=b"From: a@b.org\r\nTo: b@b.org\r\n\r\n\x1b]0;owned\x07\x9b\r\n",
        code=0,
    )
    assert "\\x1b]0;owned\\x07" in done.out


def test_verbose_shows_the_conversation_without_secrets(run, catcher):
    server = ("--server", f"smtp://catcher@localhost:{catcher.port}", "--ca-file", catcher.ca_file)
    done = run("send", *server, *LETTER, "-v", code=0, RSMTP_PASSWORD=catcher.password)
    assert "C: MAIL FROM:<ann@example.org>" in done.err
    assert "C: STARTTLS" in done.err
    assert catcher.password not in done.err + done.out


def test_each_recipient_has_a_fate(run, plain, to_plain):
    plain.fault("RCPT", reply=(550, "5.1.1 No such user"), address="carol@example.org")
    done = run("send", *to_plain, *LETTER, "--cc", "carol@example.org", code=67)
    assert done.out.splitlines() == [
        "sent      bob@example.org  250 2.0.0 Ok: queued as 1",
        "refused   carol@example.org  550 5.1.1 No such user",
        "          There is no such mailbox. Check the spelling, or take the address off your lists.",
        "          (https://www.rfc-editor.org/rfc/rfc3463)",
        "queue id 1",
    ]


def test_an_unknown_fate_is_said(run, plain, to_plain):
    plain.fault("end-of-data", disconnect=True)
    done = run("send", *to_plain, *LETTER, code=74)
    assert done.out == "unknown   bob@example.org\n"
    assert "The message may have arrived" in done.err


def test_other_ways_of_sending(run, tmp_path):
    done = run("send", "--server", f"file://{tmp_path}", *LETTER, code=0)
    (written,) = tmp_path.glob("*.eml")
    assert b"It works." in written.read_bytes()
    assert done.out.startswith("sent      bob@example.org")
    with rsmtp.Catcher(tls="none", protocol="lmtp") as server:
        run("send", "--server", f"lmtp://{server.host}:{server.port}?tls=none", *LETTER, code=0)
        assert server.messages[0].rcpt_tos == ["bob@example.org"]


@pytest.mark.skipif(not hasattr(rsmtp.Message, "preview"), reason="this version has no preview")
@pytest.mark.parametrize("ready", [False, True], ids=["flags", "file"])
def test_preview(run, tmp_path, ready):
    (tmp_path / "message.eml").write_bytes(EML)
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\nprintf %s "$1" > {tmp_path}/opened\n')
    browser.chmod(0o755)
    what = (tmp_path / "message.eml",) if ready else LETTER
    done = run("send", *what, "--preview", code=0, BROWSER=str(browser), TMPDIR=str(tmp_path))
    assert done.out.startswith("the message as a page: ")


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("body", ["hello", "Bcc: of@the.body", ""])
def test_a_ready_message_goes_as_it_is_but_for_bcc(run, plain, to_plain, tmp_path, end, body):
    fields = ["From: a@example.org", "BCC :x@example.org,", "\ty@example.org", "Subject: hi", " there"]
    for number, lines in enumerate([[*fields, "", body], fields, [*fields, "Bcc: z@example.org", "", body]]):
        (tmp_path / "letter.eml").write_bytes(end.join(lines).encode())
        run("send", tmp_path / "letter.eml", *to_plain, "--envelope-to", "b@example.org", code=0)
        header = "From: a@example.org\r\nSubject: hi\r\n there"
        expected = header if number == 1 else f"{header}\r\n\r\n{body}"
        assert plain.messages[-1].data.decode().rstrip("\r\n") == expected.rstrip("\r\n")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is told by Linux's /proc")
def test_a_large_ready_message_is_not_taken_apart(tmp_path, plain, to_plain):
    file = tmp_path / "large.eml"
    file.write_bytes(b"From: a@example.org\nTo: b@example.org\n\n" + (b"y" * 70 + b"\n") * 400_000)
    code = (
        "import rsmtp.cli\n"
        "assert rsmtp.cli.main() == 0\n"
        "print(*(line for line in open('/proc/self/status') if line.startswith('VmHWM')))"
    )
    words = [sys.executable, "-c", code, "send", str(file), *map(str, to_plain)]
    done = subprocess.run(words, env=CLEAN, capture_output=True, text=True, timeout=50, check=True)
    # KiB. The message has 27,700, and Python with rsmtp some 30,000.
    assert int(done.stdout.split("VmHWM:")[1].split()[0]) < 100_000
    assert len(plain.messages) == 1
