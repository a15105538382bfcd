"""`_headers` and the lists of parts belong to the message: a change to them changes the message.
Programs that sign mail add their field there."""

import copy
import email.message
import email.mime.multipart
import email.mime.text
import pickle

import pytest

import rsmtp
import rsmtp.email.message
import rsmtp.email.mime.multipart
import rsmtp.email.mime.text

both = pytest.mark.parametrize("package", [email, rsmtp.email], ids=["stdlib", "ours"])


@both
class TestHeaders:
    def made(self, package):
        message = package.mime.text.MIMEText("hi")
        message["Subject"] = "x"
        return message

    def test_insert_append_extend_slices(self, package):
        message = self.made(package)
        message._headers.insert(0, ("DKIM-Signature", "v=1"))
        message._headers.append(("X-A", "1"))
        message._headers.extend([("X-B", "2"), ("x-b", "3")])
        message._headers[-1:] = [("X-C", "4")]
        assert message.keys()[0] == "DKIM-Signature"
        assert message.keys()[-3:] == ["X-A", "X-B", "X-C"]
        assert message["x-c"] == "4" and message["dkim-signature"] == "v=1"
        assert message.as_bytes().startswith(b"DKIM-Signature: v=1\n")
        assert len(message) == 8
        message._headers.sort()
        assert message.keys()[0] == "Content-Transfer-Encoding"
        message._headers.clear()
        assert message.keys() == [] and message.as_bytes() == b"\nhi"

    def test_item_assignment(self, package):
        message = self.made(package)
        message._headers[-1] = ("Subject", "y")
        assert message["subject"] == "y"
        del message._headers[0]
        assert "content-type" not in message

    def test_the_list_shows_what_the_message_does(self, package):
        message = self.made(package)
        headers = message._headers
        message["X-A"] = "1"
        message.replace_header("Subject", "z")
        assert headers[-1] == ("X-A", "1")
        assert ("Subject", "z") in headers
        assert message._headers is headers

    def test_assignment(self, package):
        message = self.made(package)
        message._headers = [("B", "2"), *message._headers]
        assert message.keys()[0] == "B"
        mine = [("C", "3")]
        message._headers = mine
        mine.append(("D", "4"))
        message["E"] = "5"
        assert message.items() == [("C", "3"), ("D", "4"), ("E", "5")]
        assert mine[-1] == ("E", "5")

    def test_copies_have_lists_of_their_own(self, package):
        message = self.made(package)
        headers = message._headers
        for other in (copy.deepcopy(message), pickle.loads(pickle.dumps(message))):
            other["X-A"] = "1"
            assert "X-A" not in message and len(headers) == 4
            assert "Subject" in other

    def test_of_an_email_message(self, package):
        message = package.message.EmailMessage()
        message["Subject"] = "x"
        message._headers.append(("To", "a@x.example"))
        message.set_content("text\n")
        message.add_attachment(b"1", "application", "pdf")
        assert message["To"].addresses[0].addr_spec == "a@x.example"
        assert message.as_bytes().startswith(b"Subject: x\nTo: a@x.example\n")
        message.clear_content()
        assert message.keys()[:2] == ["Subject", "To"]


def test_what_is_no_field_is_refused_when_it_is_sent():
    message = rsmtp.email.mime.text.MIMEText("hi")
    message._headers.append("X-A")
    with pytest.raises(ValueError, match="no \\(name, value\\) in _headers: 'X-A'"):
        message._content_for_sending()


def test_what_is_sent():
    message = rsmtp.email.mime.text.MIMEText("hi")
    message._headers.insert(0, ("DKIM-Signature", "v=1"))
    assert message._content_for_sending().startswith(b"DKIM-Signature: v=1\r\n")


@both
def test_lists_of_parts_are_live(package):
    text = package.mime.text.MIMEText
    message = package.mime.multipart.MIMEMultipart()
    message.attach(text("a"))
    message._payload.append(text("b"))
    message.get_payload().insert(0, text("c"))
    message.get_payload()[1:2] = [text("d"), text("e")]
    assert [part.get_payload() for part in message.get_payload()] == ["c", "d", "e", "b"]
    message._payload = [text("f")]
    assert message.as_bytes().count(b"\nf\n") == 1
    mine = message.get_payload()
    message.attach(text("g"))
    assert len(mine) == 2
