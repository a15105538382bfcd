"""Attached files are sent with the content that they have at the time of sending, or not at all."""

import contextlib
import copy
import gc
import io
import os
import pickle
import random
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from email.message import EmailMessage as StandardMessage
from pathlib import Path

import pytest

import rsmtp
from client.scripted import answering, serve
from rsmtp.email.message import EmailMessage

A, B = "a@example.org", "b@example.org"
OCTETS = random.Random(3).randbytes(1_000_000)
SERVERS = {
    "BDAT": {},
    "BDAT, no groups": {"without": ["PIPELINING"]},
    "DATA": {"without": ["CHUNKING"]},
    "DATA, no groups": {"without": ["CHUNKING", "PIPELINING"]},
    "LMTP": {"protocol": "lmtp"},
    "STARTTLS": {"tls": "starttls"},
    "implicit TLS": {"tls": "implicit"},
}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "report.bin"
    path.write_bytes(OCTETS)
    return path


@pytest.fixture(params=SERVERS)
def catcher(request):
    with rsmtp.Catcher(**{"tls": "none", **SERVERS[request.param]}) as catcher:
        yield catcher


@pytest.fixture
def plain():
    with rsmtp.Catcher(tls="none") as catcher:
        yield catcher


def client_of(catcher):
    if catcher.protocol == "lmtp":
        return rsmtp.smtplib.LMTP(catcher.host, catcher.port)
    tls = rsmtp.TlsConfig(ca_file=catcher.ca_file) if catcher.tls != "none" else None
    return rsmtp.SmtpClient("localhost", catcher.port, tls=catcher.tls, context=tls, timeout=20)


def message_with(*attachments):
    return rsmtp.Message("text", subject="s", from_=A, to=B, attachments=list(attachments))


def attached(caught):
    return [
        (part.get_filename(), part.get_content_type(), part.get_payload(decode=True))
        for part in caught.email.iter_attachments()
    ]


def test_a_path_and_a_file_object_twice(catcher, path):
    with open(path, "rb") as file:
        file.seek(10)
        message = message_with(path, file, ("renamed.txt", path), ("in memory.bin", OCTETS))
        with client_of(catcher) as client:
            for _ in range(2):
                assert client.send_message(message) == {}
        assert not file.closed
    kind = "application/octet-stream"
    for caught in catcher.wait_for(2, 10):
        assert attached(caught) == [
            ("report.bin", kind, OCTETS),
            ("report.bin", kind, OCTETS[10:]),
            ("renamed.txt", "text/plain", OCTETS),
            ("in memory.bin", kind, OCTETS),
        ]
        assert int(caught.mail_parameters["SIZE"]) == len(caught.data)


@pytest.mark.parametrize("octets", [0, 1, 56, 57, 58, 47_879, 47_880, 47_881, 196_608, 196_609])
def test_any_length(plain, tmp_path, octets):
    path = tmp_path / "some.bin"
    path.write_bytes(OCTETS[:octets])
    message = message_with(path)
    assert message.as_bytes() == message_as_if_in_memory(message, "some.bin", OCTETS[:octets])
    with client_of(plain) as client:
        client.send_message(message)
    assert attached(plain.wait_for(1, 5)[0])[0][2] == OCTETS[:octets]


def message_as_if_in_memory(message, name, octets):
    other = message_with((name, octets))
    other.set_boundary(message.get_boundary())
    return other.as_bytes()


def test_what_python_sees_of_it(path):
    message = message_with(path)
    part = message.get_payload(1)
    assert part.get_payload(decode=True) == OCTETS
    whole = message.as_bytes()
    assert message.as_string().encode() == whole
    for other in (copy.copy(message), copy.deepcopy(message), pickle.loads(pickle.dumps(message))):
        assert other.as_bytes() == whole and other == message
    assert message.to_stdlib().as_bytes() == whole
    # The message refers to the file, not to its earlier content.
    path.write_bytes(b"other")
    assert part.get_payload(decode=True) == b"other"
    # The contents of enclosed messages have to be read.
    enclosed = path.with_suffix(".eml")
    enclosed.write_bytes(b"Subject: inner\n\nhello\n")
    assert message_with(enclosed).get_payload(1).get_content_type() == "message/rfc822"


def test_the_ways_to_attach_a_file(path, plain):
    given = {
        "path": path,
        "text": [str(path)],
        "file object": open(path, "rb"),  # noqa: SIM115
        "unbuffered": open(path, "rb", buffering=0),  # noqa: SIM115
        "in memory": ("report.bin", io.BytesIO(OCTETS)),
        "with its type": ("report.bin", path, "application/octet-stream"),
    }
    messages = [rsmtp.Message("text", attachments=one) for one in given.values() if type(one) is not tuple]
    messages += [message_with(one) for one in given.values() if type(one) is not list]
    messages.append(rsmtp.Message("text"))
    messages[-1].add_attachment(path)
    for add in (
        lambda m: m.add_attachment(path),
        lambda m: m.add_attachment(given["file object"]),
        lambda m: m.add_attachment(path, maintype="application", subtype="octet-stream"),
        lambda m: m.add_attachment(path, cte="quoted-printable"),
    ):
        message = EmailMessage()
        message.set_content("text")
        add(message)
        messages.append(message)
    with client_of(plain) as client:
        for message in messages:
            client.send_message(message, A, B)
    for caught in plain.wait_for(len(messages), 10):
        [(name, kind, octets)] = attached(caught)
        assert (name, kind, octets == OCTETS) == ("report.bin", "application/octet-stream", True)
    for file in (given["file object"], given["unbuffered"]):
        file.close()


def test_what_add_attachment_makes_is_what_the_standard_library_makes_of_the_octets(path):
    ours, standard = EmailMessage(), StandardMessage()
    ours.set_content("text")
    standard.set_content("text")
    ours.add_attachment(path)
    standard.add_attachment(OCTETS, maintype="application", subtype="octet-stream", filename="report.bin")
    for message in (ours, standard):
        message.set_boundary("x")
    assert ours.as_bytes() == standard.as_bytes()


def test_what_is_longer_than_memory_has_no_whole():
    class Claims(io.BytesIO):
        end = 1 << 55

        def seek(self, offset, whence=0):
            self.at = self.end if whence == 2 else super().seek(offset)
            return self.at

        def tell(self):
            return getattr(self, "at", 0)

    file = Claims(b"x")
    message = message_with(("x.bin", file))
    for whole in (
        message.as_bytes,
        message.as_string,
        lambda: message.get_payload(1).get_payload(decode=True),
    ):
        with pytest.raises(MemoryError):
            whole()
    file.end = 1 << 63
    with pytest.raises(ValueError, match="can't hold"):
        message.as_bytes()


class Pipe(io.RawIOBase):
    """A file that can't seek."""

    name = "pipe"

    def readable(self):
        return True

    def readinto(self, place):
        return 0


def test_what_is_refused_when_it_is_attached(tmp_path, path):
    with pytest.raises(FileNotFoundError, match="attachments: No such file") as failed:
        message_with(tmp_path / "none")
    assert failed.value.filename == str(tmp_path / "none")
    with pytest.raises(IsADirectoryError):
        message_with(tmp_path)
    with pytest.raises(ValueError, match="can't seek"):
        message_with(Pipe())
    with pytest.raises(TypeError, match='"rb"'), open(path, encoding="latin-1") as text:
        message_with(text)
    with pytest.raises(TypeError, match="filename"):
        message_with(io.BytesIO(b"x"))
    with open(path, "rb") as file:
        pass
    with pytest.raises(ValueError, match="closed file"):
        message_with(file)


@pytest.mark.skipif(os.name == "nt", reason="there are no such files")
def test_a_fifo_and_a_device_have_no_end_that_could_be_known(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", "/dev/zero"):
        with pytest.raises(ValueError, match="no regular file"):
            message_with(path)


@contextlib.contextmanager
def not_as_root():
    """Switches to the user "nobody", because root may read everything."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.skipif(os.name == "nt", reason="access is not decided by mode bits there")
def test_a_file_that_may_not_be_read():
    with tempfile.TemporaryDirectory() as folder:  # tmp_path is below one that only its owner may enter
        Path(folder).chmod(0o755)
        path = Path(folder, "report.bin")
        path.write_bytes(b"octets")
        path.chmod(0o444)
        with not_as_root():
            message_with(path)
        path.chmod(0)
        with not_as_root(), pytest.raises(PermissionError):
            message_with(path)


def test_a_relative_path_means_what_it_meant(path, plain, monkeypatch):
    monkeypatch.chdir(path.parent)
    message = message_with(path.name)
    monkeypatch.chdir("/")
    with client_of(plain) as client:
        assert client.send_message(message) == {}


@pytest.mark.parametrize(
    ("happens", "error"),
    [
        (lambda path, file: path.unlink(), FileNotFoundError),
        (lambda path, file: (path.unlink(), path.mkdir()), IsADirectoryError),
        (lambda path, file: file.close(), ValueError),
        (lambda path, file: os.truncate(path, 9), ValueError),
    ],
    ids=["vanishes", "becomes a directory", "is closed", "is cut short"],
)
def test_what_can_no_longer_be_sent_is_told_before_anything_is(path, plain, happens, error):
    with open(path, "rb") as file:
        file.seek(10)
        message = message_with(path, file)
        happens(path, file)
        with client_of(plain) as client:
            with pytest.raises(error):
                client.send_message(message)
            assert client.sendmail(A, B, "Subject: still here\n\n") == {}
    assert plain.wait_for(1, 5)[0].email["Subject"] == "still here"


def test_a_file_that_was_written_to_before_it_is_sent_is_sent_as_it_is(path, plain):
    with open(path, "rb") as file:
        message = message_with(path, file)
        path.write_bytes(b"short")
        with client_of(plain) as client:
            assert client.send_message(message) == {}
    assert [octets for *_, octets in attached(plain.wait_for(1, 5)[0])] == [b"short", b"short"]


# -- while it is being sent -----------------------------------------------------------


class Acting(io.BytesIO):
    """Acts when it is read for the third time."""

    name = "acting.bin"

    def __init__(self, octets, act):
        super().__init__(octets)
        self.act = act
        self.reads = 0

    def read(self, octets=-1):
        if octets:
            self.reads += 1
        if self.reads == 3:
            self.act()
        return super().read(octets)


def disk_error():
    raise OSError(5, "the disk is gone")


CHANGES = {
    "shrinks": lambda path: os.truncate(path, 900_000),
    "grows": lambda path: os.truncate(path, 1_000_001),
    "is written to": lambda path: (path.write_bytes(OCTETS[::-1]), os.utime(path, (1, 1))),
}


def taken_back(catcher, client, message):
    """Sends a message that can't be sent completely. No recipient gets it. Returns the error."""
    with pytest.raises(rsmtp.SMTPContentError) as failed:
        client.send_message(message)
    error = failed.value
    assert (error.stage, error.transient, dict(error.fates)) == ("mail data", False, {B: "not sent"})
    if client.has_extn("chunking") and catcher.protocol == "smtp":
        # RSET has cancelled the transaction, and the conversation continues.
        assert client.sendmail(A, B, "Subject: after\n\n") == {}
    else:
        assert client.sock is None
        with pytest.raises(rsmtp.SMTPServerDisconnected):
            client.noop()
        with client_of(catcher) as client:
            assert client.sendmail(A, B, "Subject: after\n\n") == {}
    caught = catcher.wait_for(1, 10)
    assert [message.email["Subject"] for message in caught] == ["after"]
    assert catcher.count == 1
    return error


@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_changes_while_it_is_sent(catcher, path, change):
    """Another attachment before it changes it while the first octets are already sent."""
    first = Acting(OCTETS, lambda: CHANGES[change](path))
    error = taken_back(catcher, client_of(catcher), message_with(first, path))
    assert "changed" in str(error) and str(path) in str(error)


def test_a_file_that_vanishes_while_it_is_sent(catcher, path):
    first = Acting(OCTETS, path.unlink)
    error = taken_back(catcher, client_of(catcher), message_with(first, path))
    assert error.errno == 2 and str(path) in str(error)
    assert pickle.loads(pickle.dumps(error)).errno == 2


def test_a_file_object_that_raises_while_it_is_read(catcher):
    error = taken_back(catcher, client_of(catcher), message_with(Acting(OCTETS, disk_error)))
    assert isinstance(error.__cause__, OSError) and error.__cause__.errno == 5


@pytest.mark.parametrize("act", ["close", "truncate"])
def test_a_file_object_that_is_closed_or_cut_while_it_is_read(plain, act):
    file = Acting(OCTETS, lambda: None)
    file.act = file.close if act == "close" else lambda: file.truncate(200_000)
    taken_back(plain, client_of(plain), message_with(file))


def test_no_exception_of_others_is_hidden(plain):
    def interrupt():
        raise KeyboardInterrupt

    client = client_of(plain)
    with pytest.raises(KeyboardInterrupt):
        client.send_message(message_with(Acting(OCTETS, interrupt)))
    assert plain.count == 0


def test_mail_data_of_its_own(plain):
    client = client_of(plain)
    client.ehlo()
    client.mail(A)
    client.rcpt(B)
    with pytest.raises(rsmtp.SMTPContentError):
        client.data(message_with(Acting(OCTETS, disk_error)))
    assert client.state == "broken" and plain.count == 0


def test_no_end_of_mail_data_is_ever_said_for_it():
    with serve(answering(extensions=["PIPELINING"])) as server:
        client = rsmtp.SmtpClient(server.host, server.port, timeout=20)
        with pytest.raises(rsmtp.SMTPContentError):
            client.send_message(message_with(Acting(OCTETS, disk_error)))
        server.wait_for_end()
        assert b"DATA\r\n" in server.heard and b"\r\n.\r\n" not in server.heard


def test_a_message_over_size_is_not_read():
    file = Acting(OCTETS, disk_error)
    with rsmtp.Catcher(tls="none", max_size=1000) as catcher, client_of(catcher) as client:
        with pytest.raises(rsmtp.SMTPSenderRefused) as refused:
            client.send_message(message_with(file))
    assert refused.value.smtp_code == 552 and file.reads == 0


def test_a_subclass_that_has_its_own_way_gets_bytes(path, plain):
    class Own(rsmtp.SmtpClient):
        def sendmail(self, from_addr, to_addrs, msg, *args):
            seen.append(msg)
            return super().sendmail(from_addr, to_addrs, msg, *args)

        def data(self, msg):
            seen.append(msg)
            return super().data(msg)

    class Steps(rsmtp.SmtpClient):
        def rcpt(self, recip, options=()):
            return super().rcpt(recip, options)

    seen = []
    for cls in (Own, Steps):
        with cls(plain.host, plain.port) as client:
            assert client.send_message(message_with(path)) == {}
    assert [type(msg) for msg in seen] == [bytes, bytes]
    for caught in plain.wait_for(2, 5):
        assert attached(caught)[0][2] == OCTETS


def test_one_file_object_in_many_messages_at_a_time(plain, path):
    """All messages share the file's one position."""
    with open(path, "rb") as file:
        # Each message begins at the file's position, which is its start.
        messages = [message_with(file) for _ in range(4)]

        def send_one(message):
            with client_of(plain) as client:
                for _ in range(3):
                    client.send_message(message)

        threads = [threading.Thread(target=send_one, args=(message,)) for message in messages]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for caught in plain.wait_for(12, 10):
        assert attached(caught)[0][2] == OCTETS


def test_a_file_object_that_holds_its_message_is_collected():
    gone = []

    class Tracked(io.BytesIO):
        name = "x"

        def __del__(self):
            gone.append(True)

    file = Tracked(b"x" * 100)
    file.message = message_with(file)
    del file
    gc.collect()
    assert gone


# -- among others ---------------------------------------------------------------------


@pytest.mark.parametrize("without", [[], ["CHUNKING"]], ids=["BDAT", "DATA"])
def test_a_mailer_sends_the_others_and_tells_why_not_this_one(path, without):
    bad = message_with(Acting(OCTETS, disk_error))
    good = message_with(path)
    messages = [good if number != 7 else bad for number in range(20)]
    with rsmtp.Catcher(tls="none", without=without) as catcher:
        with rsmtp.Mailer(f"smtp://{catcher.host}:{catcher.port}?tls=none") as mailer:
            receipts = sorted(mailer.send_all(messages, stream=True), key=lambda receipt: receipt.index)
        assert [receipt.ok for receipt in receipts] == [number != 7 for number in range(20)]
        error = receipts[7].error
        assert isinstance(error, rsmtp.SMTPContentError) and error.__cause__.errno == 5
        caught = catcher.wait_for(19, 10)
        assert catcher.count == 19
    assert all(attached(message)[0][2] == OCTETS for message in caught)


PROGRAM = """
    import sys, rsmtp
    client = rsmtp.SmtpClient("127.0.0.1", int(sys.argv[1]), timeout=50)
    client.ehlo()
    message = rsmtp.Message("x", from_="a@example.org", to="b@example.org", attachments=[sys.argv[2]])
    try:
        print("go", flush=True)
        client.send_message(message)
    except KeyboardInterrupt:
        print("interrupted", client.state, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="SIGINT is another thing there")
def test_ctrl_c_while_a_file_is_sent(tmp_path):
    """This works even if the server is so fast that the client never waits."""
    path = Path(tmp_path / "endless.bin")
    with open(path, "wb") as file:
        file.truncate(1_000_000_000_000)
    with rsmtp.Catcher(tls="none", keep=0, max_size=2_000_000_000_000) as catcher:
        command = [sys.executable, "-c", textwrap.dedent(PROGRAM), str(catcher.port), str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            try:
                assert child.stdout.readline() == "go\n"
                end = time.monotonic() + 20  # until it flows
                while "C: BDAT" not in str(catcher.conversations[0]) and time.monotonic() < end:
                    time.sleep(0.05)
                time.sleep(0.3)
                begin = time.monotonic()
                child.send_signal(signal.SIGINT)
                assert child.stdout.readline() == "interrupted broken\n"
                assert time.monotonic() - begin < 10
            finally:
                child.kill()
        assert catcher.count == 0
