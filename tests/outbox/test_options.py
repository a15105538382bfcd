"""The delivery options of a stored message: it is sent with them, and its record tells what the server
was told, as the receipt of a message that is sent directly does."""

import json
import subprocess
import sys

import pytest

import rsmtp
from rsmtp import Dsn, Envelope, Rcpt
from rsmtp.outbox import Outbox
from rsmtp.outbox_page.told import detail

FROM = "ann@example.org"
TO = ["bob@example.org", "carol@example.org"]
ASKED = Envelope(FROM, [Rcpt(TO[0], dsn=Dsn(notify="never")), TO[1]], dsn=Dsn(ret="headers"), if_offered=True)
LETTER = b"Subject: x\r\n\r\nhello\r\n"


def said(receipt):
    return receipt.options, receipt.options_left_out, [one.options for one in receipt.recipients]


@pytest.mark.parametrize("without", [[], ["DSN"]], ids=["offered", "not offered"])
def test_a_record_tells_what_a_receipt_tells(outbox, run, without):
    with rsmtp.Catcher(without=without, tls="none") as catcher:
        url = f"smtp://{catcher.host}:{catcher.port}?tls=none"
        with rsmtp.Mailer(url) as mailer:
            direct = mailer.send(LETTER, envelope=ASKED)
        outbox.put((FROM, TO, LETTER))
        id = outbox.put(LETTER, envelope=ASKED).id
        outbox.put((FROM, TO, LETTER))
        assert run(outbox, url=url).sent == 3
        assert [caught.mail_parameters.get("RET") for caught in catcher.messages] == [
            direct.options[0].partition("=")[2] if direct.options else None, None,
            *(["HDRS"] if not without else [None]), None,
        ]  # fmt: skip
    entry = outbox.get(id)
    assert said(entry.receipt) == said(direct)
    told = direct.to_dict()
    for shown in (entry.to_dict(), detail(entry, outbox.history(id))):
        json.dumps(shown)
        assert shown["options"] == told["options"]
        assert shown["options_left_out"] == told["options_left_out"]
        assert [one["options"] for one in shown["recipients"]] == [
            one["options"] for one in told["recipients"]
        ]
    assert said(outbox.get(id - 1).receipt) == ([], [], [[], []])
    shown = subprocess.run(
        [sys.executable, "-m", "rsmtp", "outbox", "show", str(outbox._database.path), str(id)],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert ("left out DSN: the server does not offer it" in shown) == bool(without)


def test_of_each_recipient_what_its_own_attempt_told(tmp_path, run, catcher):
    outbox = Outbox(tmp_path / "outbox.db", first_retry=0.05)
    catcher.fault("rcpt", reply=(450, "4.2.1 later"), times=1)
    id = outbox.put(LETTER, envelope=ASKED).id
    run(outbox)
    assert outbox.get(id).state == "queued"
    while outbox.get(id).state == "queued":
        run(outbox)
    entry = outbox.get(id)
    assert (entry.state, entry.attempts) == ("sent", 2)
    assert said(entry.receipt) == (["RET=HDRS"], [], [["NOTIFY=NEVER"], []])


def test_a_file_without_a_table_for_them_gets_it_and_purging_empties_it(outbox, run):
    with outbox._database.writing() as connection:
        connection.execute("DROP TABLE outbox_options")
    with Outbox(outbox._database.path) as again:
        id = again.put(LETTER, envelope=ASKED).id
        run(again)
        assert again.get(id).receipt.options == ["RET=HDRS"]
        assert again.purge("sent", older_than=0) == 1
        with again._database.reading() as connection:
            assert connection.execute("SELECT count(*) FROM outbox_options").fetchone() == (0,)
