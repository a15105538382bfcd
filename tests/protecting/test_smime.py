"""`message.protect(rsmtp.Smime(...))`. openssl verifies and decrypts the messages that arrive."""

import copy
import pickle
import re
import shutil
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import pkcs12

import rsmtp

from .letters import SENDERS, SERVERS, TEXT, letter, read, said, sent
from .people import certify

OPENSSL = shutil.which("openssl")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    root = certify(folder, None, "ca", is_authority=True)
    between = certify(folder, None, "between", is_authority=True, by=root)
    certify(folder, "ann@example.org", "ann", by=between)
    for name in ("bob", "carol", "dan"):
        certify(folder, f"{name}@example.com", name, by=root)
    certify(folder, "eve@example.com", "eve", kind="EC", by=root)
    certify(folder, "old@example.com", "old", by=root, days=(-9, -1))
    certify(folder, "soon@example.com", "soon", by=root, days=(5, 9))
    certify(folder, "locked@example.com", "locked", by=root, password=b"secret")
    return folder


@pytest.fixture
def smime(folder):
    found = {f"{name}@example.com": folder / f"{name}.pem" for name in ("bob", "carol", "eve", "old")}
    return rsmtp.Smime(folder / "ann.pem", folder / "ann.key", chain=folder / "between.pem", recipients=found)


def openssl(octets, *arguments):
    if OPENSSL is None:
        pytest.skip("needs openssl (apt-get install openssl)")
    done = subprocess.run([OPENSSL, "cms", *arguments], input=octets, capture_output=True, timeout=30)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def verified(octets, folder):
    """The signed octets, after openssl has verified them up to the authority."""
    return openssl(octets, "-verify", "-CAfile", str(folder / "ca.pem"))


def decrypted(octets, folder, name):
    return openssl(
        octets, "-decrypt", "-recip", str(folder / f"{name}.pem"), "-inkey", str(folder / f"{name}.key")
    )


@pytest.mark.parametrize("without", SERVERS, ids=["BDAT", "DATA", "7-bit"])
@pytest.mark.parametrize("how", SENDERS)
def test_arrives_signed_by_every_sender(how, without, smime, folder, tmp_path):
    (tmp_path / "a.bin").write_bytes(bytes(range(256)) * 100)
    message = letter(html="<p>Grüße", attachments=[tmp_path / "a.bin", ("a.txt", "x \ny \n")])
    octets = sent(message.protect(smime), how, without)
    inner = read(verified(octets, folder))
    assert said(inner).rstrip() == TEXT.rstrip()
    assert [part.get_content() for part in inner.iter_attachments()] == [
        bytes(range(256)) * 100,
        "x \ny \n",
    ]
    outer = read(octets)
    assert outer.get_content_type() == "multipart/signed"
    assert outer["Content-Type"].params["micalg"] == "sha-256"
    assert outer["Content-Type"].params["protocol"] == "application/pkcs7-signature"
    assert [part.get_filename() for part in outer.iter_parts()][1] == "smime.p7s"


def test_a_changed_text_is_told(smime, folder):
    octets = bytes(letter("Pay 100").protect(smime)).replace(b"Pay 100", b"Pay 900")
    with pytest.raises(AssertionError, match="verification failure"):
        verified(octets, folder)


def test_signed_by_an_elliptic_key(folder):
    smime = rsmtp.Smime((folder / "eve.pem").read_bytes(), (folder / "eve.key").read_text())
    assert b"Hello" in verified(bytes(letter("Hello").protect(smime)), folder)


@pytest.mark.parametrize("name", ["bob", "carol", "ann"])
def test_encrypted_for_each_and_the_sender(name, smime, folder):
    octets = bytes(letter(to="Bob@Example.com", cc=["carol@example.com"]).protect(smime, encrypt=True))
    assert "Gr" not in octets.decode().replace(read(octets).get_payload(), "")
    signed = decrypted(octets, folder, name)
    assert said(read(verified(signed, folder))).rstrip() == TEXT.rstrip()
    outer = read(octets)
    assert outer["Content-Type"].params == {"smime-type": "enveloped-data", "name": "smime.p7m"}
    assert outer.get_filename() == "smime.p7m"


def test_not_for_others(smime, folder):
    octets = bytes(letter().protect(smime, encrypt=True))
    with pytest.raises(AssertionError, match="Error decrypting"):
        decrypted(octets, folder, "carol")


def test_encrypted_alone(folder):
    smime = rsmtp.Smime(recipients=lambda address: folder / f"{address.partition('@')[0]}.pem")
    octets = bytes(letter().protect(smime, sign=False, encrypt=True))
    assert said(read(decrypted(octets, folder, "bob"))).rstrip() == TEXT.rstrip()
    der = openssl(octets, "-cmsout", "-outform", "DER")
    asked = subprocess.run(
        [OPENSSL, "asn1parse", "-inform", "DER"], input=der, capture_output=True, timeout=30
    )
    assert b":aes-256-cbc" in asked.stdout


def test_header_is_protected(smime, folder):
    message = letter(headers={"X-Order": "7", "Keywords": "secret"})
    inner = read(verified(bytes(message.protect(smime)), folder))
    assert inner["Content-Type"].params["hp"] == "clear"
    octets = bytes(message.protect(smime, encrypt=True))
    outer, hidden = read(octets), read(verified(decrypted(octets, folder, "bob"), folder))
    assert hidden["Content-Type"].params["hp"] == "cipher"
    for name in ("From", "To", "Subject", "Date", "Message-ID", "X-Order", "Keywords"):
        assert inner[name] == hidden[name] == message[name], name
    assert (outer["Subject"], outer["Keywords"], outer["X-Order"]) == ("[...]", None, "7")
    told = hidden.get_all("HP-Outer")
    assert "Subject: [...]" in told
    assert f"Message-ID: {message['Message-ID']}" in told
    assert not any(each.startswith("Keywords") for each in told)


def test_a_secret_key_does_not_travel(smime):
    for way in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"^<Smime CN=.*> is not pickled, because a secret key may be in"):
            way(smime)
    with pytest.raises(TypeError, match=r"^<Smime for recipients> is not pickled"):
        pickle.dumps(rsmtp.Smime(recipients={}))


def test_message_id_and_key_stay(smime):
    message = letter()
    message.key = "order/7"
    protected = message.protect(smime)
    assert protected["Message-ID"] == message["Message-ID"]
    assert protected["Date"] == message["Date"]
    assert protected.key == "order/7"
    assert isinstance(protected, rsmtp.Message)
    assert bytes(pickle.loads(pickle.dumps(protected))) == bytes(protected)


def test_bcc(smime, folder):
    """A signed message may have Bcc. If a message is encrypted for several recipients, it would
    reveal them."""
    message = letter(bcc=["dan@example.com"])
    with pytest.raises(
        ValueError, match=r"Bcc \(dan@example.com\).*protect\(\.\.\., encrypt='dan@example.com'\)"
    ):
        message.protect(smime, encrypt=True)
    reader = rsmtp.Smime(folder / "ann.pem", folder / "ann.key", recipients=lambda _: folder / "dan.pem")
    with rsmtp.Catcher(tls="none") as catcher:
        with rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none") as mailer:
            assert mailer.send(message.protect(smime)).ok
            own = message.protect(reader, encrypt="dan@example.com")
            assert mailer.send(own, envelope=rsmtp.Envelope("ann@example.org", "dan@example.com")).ok
        signed, sealed = catcher.wait_for(2, 20)
    assert sorted(signed.rcpt_tos) == ["bob@example.com", "dan@example.com"]
    assert b"dan@" not in bytes(signed.data)
    assert sealed.rcpt_tos == ["dan@example.com"]
    assert b"Bcc" not in decrypted(bytes(sealed.data), folder, "dan")


def test_a_message_that_was_sent_on_is_for_those_of_its_resent_fields(smime, folder):
    resent = {
        "Resent-From": "ann@example.org",
        "Resent-Date": "Fri, 27 Nov 2026 10:00:00 +0000",
        "Resent-To": "bob@example.com",
    }
    message = letter(to="zoe@example.com", headers=resent | {"Resent-Bcc": "dan@example.com"})
    with pytest.raises(ValueError, match=r"Bcc \(dan@example.com\)"):
        message.protect(smime, encrypt=True)
    with rsmtp.Catcher(tls="none") as catcher:
        with rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none") as mailer:
            assert mailer.send(message.protect(smime)).ok
            # There is no certificate of Zoe's, and she is not who gets it.
            sealed = letter(to="zoe@example.com", headers=resent).protect(smime, encrypt=True)
            assert mailer.send(sealed).ok
        signed, sealed = catcher.wait_for(2, 20)
    assert sorted(signed.rcpt_tos) == ["bob@example.com", "dan@example.com"]
    assert b"dan@" not in bytes(signed.data)
    assert sealed.rcpt_tos == ["bob@example.com"]
    assert b"zoe@example.com" in decrypted(bytes(sealed.data), folder, "bob")


def test_of_a_message_that_was_sent_on_twice_it_is_not_known_whom_it_is_for(smime):
    twice = [("Resent-From", "ann@example.org"), ("Resent-To", "bob@example.com")]
    twice += [("Resent-Date", "Fri, 27 Nov 2026 10:00:00 +0000")] * 2
    with pytest.raises(ValueError, match="more than one 'Resent-' header block"):
        letter(to="zoe@example.com", headers=twice).protect(smime, encrypt=True)


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("zoe@example.com", "there is no certificate for zoe@example.com"),
        ("old@example.com", r"old@example.com: the certificate has expired, on \d{4}-"),
        ("eve@example.com", "eve@example.com: the certificate's key is not RSA"),
    ],
)
def test_a_recipient_without_a_good_certificate(to, words, smime):
    with pytest.raises(ValueError, match=words):
        letter(to=["bob@example.com", to]).protect(smime, encrypt=True)


EIGHT_BIT = b"""\
From: ann@example.org
To: bob@example.com
MIME-Version: 1.0
Content-Type: multipart/KIND; boundary="b"

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

Gr\xc3\xbc\xc3\x9fe\x20
--b
Content-Type: message/rfc822

Subject: inside

with blanks\x20\x20
--b--
"""


def test_content_of_other_libraries(smime, folder):
    """8-bit text of a message that was read, and a part that is a message, which stays unchanged."""
    message = rsmtp.email.message_from_bytes(EIGHT_BIT.replace(b"KIND", b"mixed"))
    signed = verified(bytes(message.protect(smime)), folder)
    assert read(signed).get_body().get_content().strip() == "Grüße"
    assert b"Subject: inside\r\n\r\nwith blanks  \r\n" in signed
    assert signed.isascii()


def test_8_bit_text_that_is_signed_already(smime):
    with pytest.raises(ValueError, match=r"^message: .*ASCII.*multipart/signed"):
        rsmtp.email.message_from_bytes(EIGHT_BIT.replace(b"KIND", b"signed")).protect(smime)


def test_8_bit_fields_are_encoded_words(smime, folder):
    octets = "From: ann@example.org\nTo: bob@example.com\nSubject: Grüße\n\nHello".encode()
    signed = verified(bytes(rsmtp.email.message_from_bytes(octets).protect(smime)), folder)
    assert signed.isascii()
    assert read(signed)["Subject"] == "Grüße"


def test_a_signed_message_is_signed_again_as_it_is(smime, folder):
    again = verified(bytes(letter().protect(smime).protect(smime)), folder)
    assert verified(again, folder)


def test_dkim_comes_after(smime, folder):
    from signing.verifiers import assert_verifies, signature

    dkim = signature()
    octets = sent(letter().protect(smime), "Mailer", [], dkim={"*": dkim})
    assert_verifies(octets, dkim)
    assert verified(octets, folder)


# -- certificates and keys ---------------------------------------------------------------------


def test_everything_in_one_file(folder, tmp_path):
    pem = (folder / "ann.pem").read_text() + (folder / "between.pem").read_text()
    (tmp_path / "all.pem").write_text((folder / "ann.key").read_text() + pem)
    smime = rsmtp.Smime(tmp_path / "all.pem")
    assert repr(smime) == "<Smime CN=ann>"
    assert verified(bytes(letter().protect(smime)), folder)


def test_pkcs12(folder, tmp_path):
    from cryptography import x509

    certificates = [
        x509.load_pem_x509_certificate((folder / f"{n}.pem").read_bytes()) for n in ("ann", "between")
    ]
    key = serialization.load_pem_private_key((folder / "ann.key").read_bytes(), None)
    how = serialization.BestAvailableEncryption(b"secret")
    packed = pkcs12.serialize_key_and_certificates(b"ann", key, certificates[0], certificates[1:], how)
    assert verified(bytes(letter().protect(rsmtp.Smime(packed, password="secret"))), folder)
    with pytest.raises(ValueError, match=r"^certificate: .*password"):
        rsmtp.Smime(packed, password="wrong")
    der = certificates[0].public_bytes(serialization.Encoding.DER)
    (tmp_path / "ann.der").write_bytes(der)
    with pytest.raises(ValueError, match=r"^certificate: there is no private key in it"):
        rsmtp.Smime(tmp_path / "ann.der")


def test_a_locked_key(folder):
    files = folder / "locked.pem", folder / "locked.key"
    assert verified(bytes(letter().protect(rsmtp.Smime(*files, password="secret"))), folder)
    with pytest.raises(ValueError, match=r"^key: the private key is encrypted; give its password="):
        rsmtp.Smime(*files)
    with pytest.raises(ValueError, match=r"^key: the private key can't be read"):
        rsmtp.Smime(*files, password="wrong")
    with pytest.raises(ValueError, match=r"^key: the private key is not encrypted; leave out password="):
        rsmtp.Smime(folder / "ann.pem", folder / "ann.key", password="secret")
    with pytest.raises(ValueError, match=r"^password: it contains surrogates") as caught:
        rsmtp.Smime(*files, password="hunter\udc80")
    assert "hunter" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (lambda f: ((f / "ann.pem"), (f / "bob.key")), "key: it is not the private key of this certificate"),
        (
            lambda f: ((f / "ann.pem"),),
            "certificate: there is no private key in it; give the key's file as key=",
        ),
        (lambda f: ((f / "ann.key"), (f / "ann.key")), "certificate: there is no certificate in it"),
        (lambda f: (b"junk", (f / "ann.key")), "certificate: there is no certificate in it"),
        (lambda f: (b"junk",), "certificate: it is no PEM"),
        (lambda f: (None, (f / "ann.key")), "certificate: it is missing"),
        (lambda f: (), "certificate: one is wanted"),
    ],
)
def test_what_does_not_fit(arguments, error, folder):
    with pytest.raises(ValueError, match=f"^{re.escape(error)}"):
        rsmtp.Smime(*arguments(folder))


def test_wrong_types(folder, smime):
    with pytest.raises(
        TypeError, match=r"^certificate: a path, or PEM or DER as bytes or a str, is wanted, not 7"
    ):
        rsmtp.Smime(7)
    with pytest.raises(TypeError, match=r"^recipients: a mapping"):
        rsmtp.Smime(folder / "ann.pem", folder / "ann.key", recipients=["bob.pem"])
    with pytest.raises(TypeError, match=r"^protector: "):
        letter().protect("ann.pem")
    with pytest.raises(TypeError, match=r"^encrypt: "):
        letter().protect(smime, encrypt=None)
    with pytest.raises(ValueError, match="nothing to do"):
        letter().protect(smime, sign=False)
    with pytest.raises(ValueError, match="no address"):
        letter(to=None).protect(smime, encrypt=True)
    with pytest.raises(ValueError, match=r"^certificate: one is wanted to sign with"):
        letter().protect(rsmtp.Smime(recipients={}))
    with pytest.raises(ValueError, match=r"^recipients: give rsmtp.Smime"):
        letter().protect(rsmtp.Smime(folder / "ann.pem", folder / "ann.key"), encrypt=True)


@pytest.mark.parametrize(("name", "words"), [("old", "has expired, on"), ("soon", "is valid only from")])
def test_a_senders_certificate_out_of_its_time(name, words, folder):
    smime = rsmtp.Smime(folder / f"{name}.pem", folder / f"{name}.key")
    with pytest.raises(ValueError, match=f"^certificate: the certificate {words} "):
        letter().protect(smime)


@pytest.mark.parametrize(
    ("name", "words"),
    [("old", "the certificate has expired, on .*"), ("eve", "the certificate's key is not RSA; .*")],
)
def test_a_senders_certificate_that_is_not_for_encryption(name, words, folder):
    """The sender could not read the copy."""
    own, bob = (folder / f"{name}.pem", folder / f"{name}.key"), {"bob@example.com": folder / "bob.pem"}
    with pytest.raises(
        ValueError, match=f"^certificate: {words}; encrypt_for_sender=False encrypts for the "
    ):
        letter("Hello").protect(rsmtp.Smime(*own, recipients=bob), sign=False, encrypt=True)
    smime = rsmtp.Smime(*own, recipients=bob, encrypt_for_sender=False)
    sealed = bytes(letter("Hello").protect(smime, sign=False, encrypt=True))
    assert b"Hello" in decrypted(sealed, folder, "bob")


def test_the_extra_is_missing(monkeypatch, folder):
    for name in [name for name in sys.modules if name.startswith("cryptography")]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(
        ImportError, match=r"^rsmtp\.Smime needs cryptography.*: pip install 'rsmtp\[smime\]'$"
    ):
        rsmtp.Smime(folder / "ann.pem", folder / "ann.key")
