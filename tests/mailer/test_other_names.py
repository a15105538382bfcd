"""What a mailer lacks, and clients or other libraries' mailers have, is answered with what it has."""

import copy
import pickle

import pytest

import rsmtp


@pytest.mark.parametrize("kind", [rsmtp.Mailer, rsmtp.AsyncMailer])
@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sendmail", r"send\(\(from_addr, to_addrs, msg\)\)"),
        ("send_message", r"send\(message\)"),
        ("send_messages", r"send_all\(messages\)"),
        ("connect", r"verify\(\)"),
        ("login", r"verify\(\)"),
        ("quit", "`with`"),
        ("sendd", "no attribute 'sendd'$"),
    ],
)
def test_the_name_is_answered(kind, name, words):
    with pytest.raises(AttributeError, match=words) as caught:
        getattr(kind("null:"), name)
    assert (caught.value.name, hasattr(kind("null:"), name)) == (name, False)


@pytest.mark.parametrize("kind", [rsmtp.Mailer, rsmtp.AsyncMailer])
def test_what_asks_a_class_for_protocols_is_answered_as_before(kind):
    for refused in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="pickle|copied|cop"):
            refused(kind("null:"))
