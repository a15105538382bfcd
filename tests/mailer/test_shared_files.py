"""One open file is attached to many messages. Each has the content after the file's position when
the message was made, and sending restores that position."""

import io
import threading

import pytest

import rsmtp

CONTENT = bytes(range(256)) * 4096


@pytest.fixture(params=["in memory", "buffered", "unbuffered"])
def file(request, tmp_path):
    if request.param == "in memory":
        yield io.BytesIO(CONTENT)
        return
    path = tmp_path / "report.bin"
    path.write_bytes(CONTENT)
    with open(path, "rb", buffering=-1 if request.param == "buffered" else 0) as file:
        yield file


def letters(file, count):
    for number in range(count):
        yield rsmtp.Message(
            str(number), subject=str(number), from_="a@example.org", to="b@example.org",
            attachments=[("a.bin", file)],
        )  # fmt: skip


def attached(catcher, count):
    return [
        part.get_payload(decode=True)
        for caught in catcher.wait_for(count, 30)
        for part in caught.email.walk()
        if part.get_filename()
    ]


@pytest.mark.usefixtures("either_mailer")
@pytest.mark.parametrize("connections", [1, 3])
def test_every_message_has_it_whole(catcher, file, connections):
    file.seek(1000)
    url = f"smtp://localhost:{catcher.port}?tls=none"
    with rsmtp.Mailer(url, connections=connections) as mailer:
        report = mailer.send_all(letters(file, 24))
    assert report.ok, report
    assert [octets == CONTENT[1000:] for octets in attached(catcher, 24)] == [True] * 24
    assert file.tell() == 1000


def test_from_several_threads(catcher, file):
    url = f"smtp://localhost:{catcher.port}?tls=none"
    with rsmtp.Mailer(url, connections=4) as mailer:

        def send():
            for letter in letters(file, 3):
                mailer.send(letter)

        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [octets == CONTENT for octets in attached(catcher, 12)] == [True] * 12
    assert file.tell() == 0


def test_each_message_begins_where_the_file_stood(file):
    first = rsmtp.Message("x", attachments=[("a.bin", file)])
    assert file.read(7) == CONTENT[:7]
    second = rsmtp.Message("x", attachments=[("a.bin", file)])
    for _ in range(2):
        assert first.get_payload(1).get_payload(decode=True) == CONTENT
        assert second.get_payload(1).get_payload(decode=True) == CONTENT[7:]
        assert file.tell() == 7


def test_the_position_is_kept_when_reading_fails():
    class Torn(io.BytesIO):
        def read(self, size=-1):
            if size:
                raise OSError("torn")
            return b""

    file = Torn(CONTENT)
    file.seek(3)
    message = rsmtp.Message("x", attachments=[("a.bin", file)])
    with pytest.raises(OSError, match="torn"):
        message.as_bytes()
    assert file.tell() == 3
