"""An outbox and a message's history in a notebook."""

import pytest

import rsmtp
from rsmtp.outbox import Outbox


@pytest.fixture
def outbox(tmp_path):
    with Outbox(tmp_path / "mail.db") as outbox:
        yield outbox


EVIL = "<img src=x onerror=alert(1)>\x1b[31m"


def test_it_tells_what_is_in_trouble(outbox):
    with rsmtp.Catcher(tls="none") as catcher:
        catcher.fault("RCPT", address="gone@example.net", reply=(550, "5.1.1 <b>No</b> such user"))
        for number, to in enumerate(["bob@example.net", "gone@example.net"]):
            outbox.put(rsmtp.Message("x", subject=f"<i>{number}</i>", from_="ann@example.org", to=to))
        with rsmtp.Mailer(f"smtp://{catcher.host}:{catcher.port}?tls=none") as mailer:
            outbox.run(mailer)
    shown = outbox._repr_mimebundle_()
    assert "1 sent" in shown["text/plain"] and "1 refused" in shown["text/plain"]
    assert "2: refused, gone@example.net, 550 5.1.1 <b>No</b> such user" in shown["text/plain"]
    assert "550 5.1.1 &lt;b&gt;No&lt;/b&gt; such user" in shown["text/html"]
    assert "<b>No" not in shown["text/html"] and "<i>" not in shown["text/html"]
    assert "rsmtp outbox serve mail.db" in shown["text/html"]
    assert "1 in ten minutes" in shown["text/html"]
    history = outbox.history(2)._repr_mimebundle_()
    assert "refused: gone@example.net refused: 550" in history["text/plain"]
    assert "<b>No" not in history["text/html"]


def test_words_of_others_stay_words(outbox):
    outbox.put(rsmtp.Message("x", subject="s", from_="ann@example.org", to="bob@example.net"), key=EVIL)
    with outbox._database.writing() as connection:
        connection.execute("INSERT INTO outbox_event VALUES (1, 1.0, 'dead', ?, ?)", (EVIL, EVIL))
    shown = outbox.history(1)._repr_mimebundle_()
    assert "<img" not in shown["text/html"]
    assert "\x1b" not in shown["text/html"] + shown["text/plain"]


def test_an_empty_one_and_one_that_is_gone(outbox, tmp_path):
    assert "empty" in outbox._repr_mimebundle_()["text/plain"]
    assert "No message is in trouble" in outbox._repr_mimebundle_()["text/html"]
    with Outbox(tmp_path / "mail.db", read_only=True) as reading:
        outbox.close()
        for file in tmp_path.iterdir():
            file.unlink()
        assert "no such file" in reading._repr_mimebundle_()["text/plain"]


def test_it_leads_to_its_page(outbox, tmp_path):
    from rsmtp.outbox_page import OutboxPage

    with OutboxPage(tmp_path / "mail.db") as page:
        assert f'href="{page.url}"' in outbox._repr_mimebundle_()["text/html"]
