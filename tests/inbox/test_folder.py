"""`rsmtp catch --store` and the folder that stores the mail."""

import email.message
import json
import smtplib
import urllib.request

import pytest

import rsmtp
from rsmtp.inbox import Inbox
from rsmtp.inbox.folder import Folder


def deliver(catcher, subject, to=("bob@example.org",)):
    mail = email.message.EmailMessage()
    mail["Subject"] = subject
    mail.set_content("grüße")
    with smtplib.SMTP(catcher.host, catcher.port, timeout=50) as client:
        client.ehlo("me.example")
        client.sendmail("ann@example.org", list(to), mail.as_bytes(), mail_options=["BODY=8BITMIME"])


def facts(message):
    names = ("number", "data", "mail_from", "rcpt_tos", "mail_parameters", "rcpt_parameters", "peer", "helo",
             "user", "chunked", "received_at", "size", "queue_id")  # fmt: skip
    return {name: getattr(message, name) for name in names}


def test_messages_are_there_again_as_they_came(tmp_path):
    with rsmtp.Catcher(tls="none") as catcher:
        folder = Folder(catcher, tmp_path / "mail")
        deliver(catcher, "one", ["bob@example.org", "carl@example.org"])
        deliver(catcher, "two")
        folder.update()
        before = [facts(message) for message in catcher.messages]
        said = [message.conversation.lines for message in catcher.messages]
    with rsmtp.Catcher(tls="none") as catcher:
        folder = Folder(catcher, tmp_path / "mail").restore()
        assert [facts(message) for message in catcher.messages] == before
        assert [message.conversation.lines for message in catcher.messages] == said
        assert catcher.count == 0, "none has come in this run"
        deliver(catcher, "three")
        assert [message.number for message in catcher.messages] == [1, 2, 3]
        catcher.delete(1)
        folder.update()
    assert sorted(file.name for file in (tmp_path / "mail").iterdir()) == [
        "000002.eml", "000002.json", "000003.eml", "000003.json",
    ]  # fmt: skip


def test_it_is_its_owner_s_alone(tmp_path):
    with rsmtp.Catcher(tls="none") as catcher:
        folder = Folder(catcher, tmp_path / "mail")
        deliver(catcher, "one")
        folder.update()
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "mail").iterdir()}
    assert ((tmp_path / "mail").stat().st_mode & 0o777, modes) == (0o700, {0o600})


@pytest.mark.parametrize(
    "damage", ["{", "[]", "{}", '{"mail_from": 5}', '{"received_at": "now"}', "[" * 100_000]
)
def test_a_damaged_file_is_told_and_left(tmp_path, damage):
    with rsmtp.Catcher(tls="none") as catcher:
        folder = Folder(catcher, tmp_path)
        deliver(catcher, "one")
        deliver(catcher, "two")
        folder.update()
    (tmp_path / "000001.json").write_text(damage)
    (tmp_path / "notes.txt").write_text("not ours")
    told = []
    with rsmtp.Catcher(tls="none") as catcher:
        folder = Folder(catcher, tmp_path).restore(told.append)
        assert [message.number for message in catcher.messages] == [2]
        folder.update()
    assert len(told) == 1
    assert "000001.json can't be read and is left as it is" in told[0]
    assert (tmp_path / "000001.json").read_text() == damage
    assert (tmp_path / "notes.txt").exists()


def test_the_oldest_make_room(tmp_path):
    with rsmtp.Catcher(tls="none", keep=2) as catcher:
        folder = Folder(catcher, tmp_path)
        for subject in "abc":
            deliver(catcher, subject)
            folder.update()
    assert sorted(file.stem for file in tmp_path.glob("*.json")) == ["000002", "000003"]


def test_a_number_is_restored_once_and_arguments_are_looked_at(tmp_path):
    with rsmtp.Catcher(tls="none") as catcher:
        deliver(catcher, "one")
        known = {"received_at": catcher.messages[0].received_at, "mail_from": "", "rcpt_tos": ["x@y"]}
        assert catcher.restore(1, b"other", **known) is False
        assert catcher.restore(7, b"seven\r\n", **known) is True
        assert [message.number for message in catcher.messages] == [1, 7]
        with pytest.raises(ValueError, match="number"):
            catcher.restore(0, b"", **known)
        with pytest.raises(ValueError, match="timeline"):
            catcher.restore(9, b"", timeline=[(0.0, "X", "x")], **known)


def test_the_files_are_for_reading_elsewhere(tmp_path):
    with rsmtp.Catcher(tls="none") as catcher:
        folder = Folder(catcher, tmp_path)
        deliver(catcher, "one")
        folder.update()
        (message,) = catcher.messages
    assert (tmp_path / "000001.eml").read_bytes() == message.data
    assert json.loads((tmp_path / "000001.json").read_text())["rcpt_tos"] == ["bob@example.org"]


def test_tags_survive_a_restart(tmp_path):
    with rsmtp.Catcher(tls="none") as catcher:
        folder = Folder(catcher, tmp_path)
        for subject in ("one", "two", "three"):
            deliver(catcher, subject)
        folder.tags.put(2, ["before it was written"])
        folder.update()
        folder.tags.put(1, ["Ärger", "later"])
        folder.tags.put(1, ["later"])
    with rsmtp.Catcher(tls="none") as catcher:
        folder = Folder(catcher, tmp_path).restore()
        assert [folder.tags.of(number) for number in (1, 2, 3)] == [
            ["later"],
            ["before it was written"],
            None,
        ]


def test_the_inbox_shows_and_stores_the_tags_of_a_folder(tmp_path):
    def call(inbox, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{inbox.url}api/v1/{path}",
            data=data,
            headers={"Content-Type": "application/json"} if data else {},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    with rsmtp.Catcher(tls="none") as catcher:
        folder = Folder(catcher, tmp_path)
        deliver(catcher, "one")
        folder.update()
        with Inbox(catcher, tags=folder.tags) as inbox:
            call(inbox, "messages/1/tags", {"tags": ["kept"]})
    with rsmtp.Catcher(tls="none") as catcher:
        folder = Folder(catcher, tmp_path).restore()
        with Inbox(catcher, tags=folder.tags) as inbox:
            [message] = call(inbox, "messages?search=tag:kept")["messages"]
            assert message["tags"] == ["kept"]


def test_tags_that_can_t_be_read_lose_no_message(tmp_path):
    with rsmtp.Catcher(tls="none") as catcher:
        folder = Folder(catcher, tmp_path)
        deliver(catcher, "one")
        folder.update()
    file = tmp_path / "000001.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"tags": ["<b>"]}))
    with rsmtp.Catcher(tls="none") as catcher:
        folder = Folder(catcher, tmp_path).restore()
        assert len(catcher.messages) == 1 and folder.tags.of(1) is None
