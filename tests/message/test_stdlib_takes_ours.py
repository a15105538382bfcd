"""The standard library works with rsmtp's messages, and rsmtp with the standard library's."""

import contextlib
import copy
import email.generator
import email.iterators
import email.message
import email.policy
import importlib
import io
import mailbox
import pickle
import smtplib
import subprocess
import sys
from email.header import Header
from email.mime.message import MIMEMessage as TheirMessage
from email.mime.multipart import MIMEMultipart as TheirMultipart
from email.mime.text import MIMEText as TheirText

import pytest

import rsmtp
import rsmtp.email.generator
from rsmtp.email.message import EmailMessage
from rsmtp.email.mime.multipart import MIMEMultipart
from rsmtp.email.mime.text import MIMEText


class Recorder(smtplib.SMTP):
    """smtplib without a server. It records the arguments of sendmail()."""

    def __init__(self):
        super().__init__()
        self.sent = []

    def ehlo_or_helo_if_needed(self):
        pass

    def sendmail(self, from_addr, to_addrs, msg, mail_options=(), rcpt_options=()):
        self.sent.append((from_addr, to_addrs, msg))
        return {}


def made_by_us(kind):
    if kind is EmailMessage:
        message = EmailMessage()
        message.set_content("Grüße\n")
    else:
        message = kind("Grüße\n")
    message["From"] = "a@x.example"
    message["To"] = "b@x.example, C <c@x.example>"
    message["Bcc"] = "hidden@x.example"
    message["Subject"] = "Grüße"
    return message


@pytest.mark.parametrize("kind", [rsmtp.Message, MIMEText, EmailMessage])
def test_smtplib_sends_ours(kind):
    message = made_by_us(kind)
    client = Recorder()
    client.send_message(message)
    sender, recipients, data = client.sent[0]
    assert sender == "a@x.example"
    assert recipients == ["b@x.example", "c@x.example", "hidden@x.example"]
    assert b"hidden" not in data
    assert message["Bcc"] == "hidden@x.example"
    got = email.message_from_bytes(data, policy=email.policy.default)
    assert got["Subject"] == "Grüße"
    assert got.get_content().replace("\r\n", "\n") == "Grüße\n"


@pytest.mark.parametrize("kind", [rsmtp.Message, MIMEText, EmailMessage])
def test_their_generator_writes_ours(kind):
    message = made_by_us(kind)
    out = io.BytesIO()
    email.generator.BytesGenerator(out, mangle_from_=False).flatten(message)
    got = email.message_from_bytes(out.getvalue(), policy=email.policy.default)
    assert got.get_content().replace("\r\n", "\n") == "Grüße\n"


def test_our_generator_writes_theirs():
    message = TheirText("text\n")
    message["Subject"] = "Grüße"
    out = io.BytesIO()
    rsmtp.email.generator.BytesGenerator(out, mangle_from_=False).flatten(message)
    assert out.getvalue() == message.as_bytes()


def test_mixed_trees_render_the_same():
    theirs = TheirMultipart(boundary="b")
    theirs.attach(TheirText("one"))
    ours = MIMEMultipart(boundary="b")
    ours.attach(TheirText("one"))
    assert ours.as_bytes() == theirs.as_bytes()
    theirs.attach(MIMEText("two"))
    ours.attach(MIMEText("two"))
    assert ours.as_bytes() == theirs.as_bytes()


@pytest.mark.parametrize("policy", [email.policy.compat32, email.policy.default, email.policy.SMTP])
def test_from_stdlib_renders_the_same(policy):
    message = email.message.EmailMessage(policy) if policy is not email.policy.compat32 else TheirText("x")
    if policy is not email.policy.compat32:
        message.set_content("Grüße aus Köln\n")
        message.add_attachment(b"data", "application", "pdf", filename="ü.pdf")
    message["Subject"] = "Grüße"
    # In a plain field under `compat32`, the standard library encodes the address together with the
    # name.
    message["To"] = "j@x.example" if policy is email.policy.compat32 else "Jürgen <j@x.example>"
    made = rsmtp.Message.from_stdlib(message)
    # Rendering gives a multipart its boundary.
    expected = message.as_bytes()
    made = rsmtp.Message.from_stdlib(message)
    assert made.as_bytes() == expected
    assert made.to_stdlib().as_bytes() == expected


def test_a_copy_without_bcc_leaves_the_original():
    message = made_by_us(MIMEText)
    other = copy.copy(message)
    del other["Bcc"]
    assert "Bcc" in message
    assert "Bcc" not in other


# -- one class, both worlds


KINDS = {
    "email.message": ["Message", "MIMEPart", "EmailMessage"],
    **{
        f"email.mime.{module}": [f"MIME{module.capitalize()}"]
        for module in ("application", "audio", "base", "image", "message", "multipart", "text")
    },
    "email.mime.nonmultipart": ["MIMENonMultipart"],
}


@pytest.mark.parametrize(("module", "name"), [(m, name) for m, names in KINDS.items() for name in names])
def test_each_class_derives_from_the_one_of_its_name(module, name):
    ours = getattr(importlib.import_module(f"rsmtp.{module}"), name)
    theirs = getattr(importlib.import_module(module), name)
    assert issubclass(ours, theirs)
    assert issubclass(ours, rsmtp.Message)
    # rsmtp's class has every method of the standard library's class.
    inherited = {
        attribute
        for attribute in dir(theirs)
        if not attribute.startswith("_") and getattr(ours, attribute) is getattr(theirs, attribute)
    }
    assert not inherited


def kept(box, message):
    with contextlib.closing(box):
        return box.get_bytes(box.add(message))


USES = {
    "mbox": lambda message, folder: kept(mailbox.mbox(folder / "m"), message),
    "Maildir": lambda message, folder: kept(mailbox.Maildir(folder / "d"), message),
    "MH": lambda message, folder: kept(mailbox.MH(folder / "h"), message),
    "Babyl": lambda message, folder: kept(mailbox.Babyl(folder / "b"), message),
    "mboxMessage": lambda message, folder: mailbox.mboxMessage(message).as_bytes(),
    "BytesGenerator": lambda message, folder: email.generator.BytesGenerator(io.BytesIO()).flatten(message),
    "Generator": lambda message, folder: email.generator.Generator(io.StringIO()).flatten(message),
    "attach": lambda message, folder: attached(message).as_bytes(),
    "add_attachment": lambda message, folder: added(message).as_bytes(),
    "MIMEMessage": lambda message, folder: TheirMessage(message).as_bytes(),
    "deepcopy": lambda message, folder: copy.deepcopy(message).as_bytes(),
    "pickle": lambda message, folder: pickle.loads(pickle.dumps(message)).as_bytes(),
    "walk": lambda message, folder: list(email.iterators.typed_subpart_iterator(message)),
}


def attached(message):
    theirs = TheirMultipart()
    theirs.attach(message)
    return theirs


def added(message):
    theirs = email.message.EmailMessage()
    theirs.set_content("body")
    theirs.add_attachment(message)
    return theirs


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("kind", [rsmtp.Message, MIMEText, EmailMessage])
def test_the_standard_library_takes_it(kind, use, tmp_path):
    message = made_by_us(kind)
    del message["Bcc"]
    if kind is MIMEText:  # as the standard library's: what isn't ASCII is encoded by the program
        message.replace_header("Subject", Header("Grüße", "utf-8").encode())
    assert isinstance(message, email.message.Message)
    made = USES[use](message, tmp_path)
    if isinstance(made, bytes):
        assert text_in(email.message_from_bytes(made, policy=email.policy.default)) == ("Grüße", "Grüße\n")


def text_in(message):
    """The subject and text of the message, or of the message that it encloses."""
    for part in message.walk():
        if "Subject" in part:
            return part["Subject"], part.get_content().replace("\r\n", "\n")
    raise AssertionError("no subject")


def test_attributes_of_ones_own_in_the_dict():
    message = made_by_us(MIMEText)
    message.__dict__.update(mine=1)
    message.__dict__["other"] = 2
    assert (message.mine, message.other) == (1, 2)
    assert list(vars(TheirText("x"))) == [name for name in vars(message) if name not in ("mine", "other")]
    message["X-Later"] = "yes"
    again = pickle.loads(pickle.dumps(message))
    assert (again.mine, again["X-Later"]) == (1, "yes")
    assert {"mine", "get_payload"} <= set(dir(message))


def test_parts_of_ours_are_theirs_too():
    message = rsmtp.Message("text", html="<b>html</b>", attachments=[("a.txt", b"data")])
    parts = list(message.walk())
    assert len(parts) > 3
    assert all(isinstance(part, email.message.Message) for part in parts)
    assert all(isinstance(part, rsmtp.Message) for part in parts)


LATE = """
import sys
import rsmtp

class Mine(rsmtp.Message):
    pass

message, mine = rsmtp.Message("hi", subject="é", from_="a@x.example", to="b@x.example"), Mine("hi")
message.as_bytes()
assert "email.message" not in sys.modules
finders = len(sys.meta_path)

import email.message
import importlib.util
import inspect

assert isinstance(message, email.message.Message)
assert isinstance(mine, email.message.Message)
assert len(sys.meta_path) == finders - 1
assert type(email.message.__loader__) is type(email.__loader__)
assert "class Message" in inspect.getsource(email.message)

theirs = email.message.EmailMessage()
theirs.set_content("body")
theirs.add_attachment(message)
print("done")
"""


def test_a_message_that_is_older_than_the_standard_librarys_class():
    run = subprocess.run([sys.executable, "-c", LATE], capture_output=True, text=True, timeout=50)
    assert run.stdout == "done\n", run.stderr
