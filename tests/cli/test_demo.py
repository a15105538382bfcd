"""``rsmtp demo``, the first command that most people run."""

from pathlib import Path

PATH = (
    "connected -> greeted -> ready -> securing -> secured -> ready -> authenticating -> authenticated"
    " -> mail -> recipients -> data -> authenticated -> closed"
)


def test_a_message_travels_and_every_step_is_shown(run):
    done = run("demo", code=0)
    assert "\nsent\n" in done.out and PATH in done.out
    assert "The server has received: 'A letter by SMTP' from ann@example.org to bob@example.org" in done.out
    assert "C: ***" in done.out
    first, _, second = done.out.partition("That took four round trips")
    # The tutorial's way: one command and one reply at a time ...
    for said in ("C: auth LOGIN", "S: 354 ", "C: data", "C: .\n"):
        assert said.lower() in first.lower(), said
    # ... and the way with a server that offers more.
    assert "C: BDAT" in second and "S: 354" not in second
    assert "--preview" in done.out


def test_it_is_seen_in_a_browser(run, tmp_path):
    # A stand-in for the browser records what it should open.
    (tmp_path / "browser").write_text('#!/bin/sh\necho "$1" > "$0.opened"\n')
    (tmp_path / "browser").chmod(0o700)
    done = run("demo", "--preview", code=0, BROWSER=f"{tmp_path}/browser %s", TMPDIR=str(tmp_path))
    page = Path(done.out.splitlines()[-1].removeprefix("The same as a page: "))
    assert (tmp_path / "browser.opened").read_text().strip() == page.as_uri()
    html = page.read_text(encoding="utf-8")
    for label in ("SMTP: closed", "Transcript of", "Message: A letter by SMTP"):
        assert f'aria-label="{label}' in html
    assert "<script" not in html
