"""`message.protect(rsmtp.OpenPgp(...))`. GnuPG verifies and decrypts the messages that arrive."""

import base64
import contextlib
import copy
import json
import pickle
import re

import pytest

import rsmtp
import rsmtp.tasks

from .gpg import Gpg
from .letters import SENDERS, SERVERS, TEXT, letter, read, said, sent


@pytest.mark.parametrize("without", SERVERS, ids=["BDAT", "DATA", "7-bit"])
@pytest.mark.parametrize("how", SENDERS)
def test_arrives_signed_by_every_sender(how, without, pgp, gpg, tmp_path):
    (tmp_path / "a.bin").write_bytes(bytes(range(256)) * 100)
    message = letter(html="<p>Grüße", attachments=[tmp_path / "a.bin", ("a.txt", "x \ny \n")])
    octets = sent(message.protect(pgp), how, without)
    signed = gpg.verified(octets)
    # RFC 3156 section 3 and 5: 7-bit, no blanks at line ends, no line that begins with "From ".
    assert signed.isascii() and not re.search(rb"[ \t]\r\n|^From ", signed, re.M)
    inner, outer = read(signed), read(octets)
    assert said(inner).rstrip() == TEXT.rstrip()
    assert [part.get_content() for part in inner.iter_attachments()] == [
        bytes(range(256)) * 100,
        "x \ny \n",
    ]
    assert outer.get_content_type() == "multipart/signed"
    assert outer["Content-Type"].params["protocol"] == "application/pgp-signature"
    assert [part.get_content_type() for part in outer.iter_parts()][1] == "application/pgp-signature"


@pytest.mark.parametrize("without", SERVERS, ids=["BDAT", "DATA", "7-bit"])
@pytest.mark.parametrize("sign", [True, False])
def test_arrives_encrypted(sign, without, pgp, gpg):
    octets = sent(letter().protect(pgp, sign=sign, encrypt=True), "Mailer", without)
    outer = read(octets)
    assert outer.get_content_type() == "multipart/encrypted"
    assert outer["Content-Type"].params["protocol"] == "application/pgp-encrypted"
    inner = read(gpg.decrypted(outer, signed=sign))
    assert said(inner).rstrip() == TEXT.rstrip()
    # Signed and encrypted in one OpenPGP message (RFC 3156 section 6.2).
    assert inner.get_content_type() == "text/plain"


@pytest.mark.parametrize("change", [(b"Pay 100", b"Pay 900"), (b"hp=", b"hq="), (b"Pay 100", b"Pay 100 ")])
def test_a_changed_message_is_told(change, pgp, gpg):
    octets = bytes(letter("Pay 100").protect(pgp))
    assert gpg.verified(octets)
    with pytest.raises(AssertionError, match="BAD signature"):
        gpg.verified(octets.replace(*change))


def test_a_changed_encrypted_message_is_told(pgp, gpg):
    outer = read(bytes(letter("Pay 100").protect(pgp, encrypt=True)))
    part = list(outer.iter_parts())[1]
    head, _, body = part.get_payload().partition("\n\n")
    lines = body.splitlines()
    lines[4] = lines[4][::-1]
    part.set_payload("\n".join([head, "", *lines]))
    with pytest.raises(AssertionError, match="gpg: "):
        gpg.decrypted(outer)


def test_read_by_each_and_the_sender(pgp, gpg):
    message = letter(to="Bob@Example.com", cc=["carol@example.com", "rsa@example.com"])
    ids = gpg.readers(read(bytes(message.protect(pgp, encrypt=True))))
    told = gpg("--with-colons", "-k").decode()
    encrypting = {
        re.search(rf"uid:[^\n]*<{name}@.*?\nsub:(?:[^:]*:){{3}}([0-9A-F]+):", told, re.S)[1]
        for name in ("ann", "bob", "carol", "rsa")
    }
    assert ids == encrypting


def test_nothing_secret_is_shown(gpg):
    locked = gpg.secret("locked@example.org", "hunter two")
    pgp = rsmtp.OpenPgp(locked, password="hunter two")
    fingerprint = gpg.fingerprint("locked@example.org")
    assert repr(pgp) == f"<OpenPgp {fingerprint}>"
    for way in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=rf"^<OpenPgp {fingerprint}> is not pickled"):
            way(pgp)
    seen = repr(vars(pgp)) + repr([getattr(pgp, name, None) for name in dir(pgp)])
    assert "hunter" not in seen and "PRIVATE" not in seen
    with pytest.raises(ValueError, match=r"^password: it contains surrogates") as caught:
        rsmtp.OpenPgp(locked, password="hunter\udc80")
    assert "hunter" not in str(caught.value)
    protected = letter().protect(pgp)
    assert bytes(pickle.loads(pickle.dumps(protected))) == bytes(protected)
    assert "hunter" not in str(bytes(protected))


def test_header_is_protected(pgp, gpg):
    message = letter(headers={"X-Order": "7", "Keywords": "secret"})
    inner = read(gpg.verified(bytes(message.protect(pgp))))
    assert inner["Content-Type"].params["hp"] == "clear"
    outer = read(bytes(message.protect(pgp, encrypt=True)))
    hidden = read(gpg.decrypted(outer))
    assert hidden["Content-Type"].params["hp"] == "cipher"
    for name in ("From", "To", "Subject", "Date", "Message-ID", "X-Order", "Keywords"):
        assert inner[name] == hidden[name] == message[name], name
    assert (outer["Subject"], outer["Keywords"], outer["X-Order"]) == ("[...]", None, "7")
    told = hidden.get_all("HP-Outer")
    assert "Subject: [...]" in told
    assert not any(each.startswith("Keywords") for each in told)


def test_bcc(pgp, gpg):
    """One message for each hidden recipient: neither they nor the others are told by the keys."""
    message = letter(bcc=["dan@example.com"])
    with pytest.raises(ValueError, match=r"Bcc \(dan@example.com\)"):
        message.protect(pgp, encrypt=True)
    assert gpg.verified(bytes(message.protect(pgp)))
    own = read(bytes(message.protect(pgp, encrypt="dan@example.com")))
    assert len(gpg.readers(own)) == 2
    assert "Bcc" not in own and b"Bcc" not in gpg.decrypted(own)


def test_a_secret_key_given_for_a_recipient_tells_nothing_of_it(gpg, ann):
    """Neither in the message, nor in Autocrypt."""
    pgp = rsmtp.OpenPgp(ann, recipients={"ann@example.org": ann}, autocrypt="mutual")
    sealed = letter(to="ann@example.org").protect(pgp, encrypt=True)
    assert gpg.decrypted(read(bytes(sealed)))


def test_autocrypt(gpg, ann, tmp_path):
    (tmp_path / "ring.gpg").write_bytes(gpg.public())
    pgp = rsmtp.OpenPgp(ann, recipients=tmp_path / "ring.gpg", autocrypt="mutual")
    message = letter(from_="Ann A. <ann@example.org>", cc="carol@example.com")
    outer = read(sent(message.protect(pgp), "Mailer", []))
    fields = autocrypt(outer["Autocrypt"])
    assert list(fields) == ["addr", "prefer-encrypt", "keydata"]
    assert (fields["addr"], fields["prefer-encrypt"]) == ("ann@example.org", "mutual")
    packets = shown(gpg, fields["keydata"])
    assert packets == ["public key", "user ID", "signature", "public sub key", "signature"]
    assert read(gpg.verified(bytes(message.protect(pgp))))["Autocrypt"] == outer["Autocrypt"]

    sealed = read(bytes(message.protect(pgp, encrypt=True)))
    assert autocrypt(sealed["Autocrypt"]) == fields and "Autocrypt-Gossip" not in sealed
    gossip = [autocrypt(each) for each in read(gpg.decrypted(sealed)).get_all("Autocrypt-Gossip")]
    assert [list(each) for each in gossip] == [["addr", "keydata"]] * 2
    assert [each["addr"] for each in gossip] == ["bob@example.com", "carol@example.com"]
    # A stranger imports the keys, and can answer to all.
    with contextlib.closing(Gpg()) as stranger:
        for each in [fields, *gossip]:
            stranger("--import", given=base64.b64decode(each["keydata"]))
            stranger(
                *("--trust-model", "always", "--encrypt", "--recipient", each["addr"], "--output", "-"),
                given=b"x",
            )
    alone = message.protect(pgp, encrypt="bob@example.com")
    assert "Autocrypt-Gossip" not in read(gpg.decrypted(read(bytes(alone))))
    # Bcc's key is not told to those who are seen.
    hidden = message.protect(pgp, encrypt=["bob@example.com", "carol@example.com", "dan@example.com"])
    gossip = read(gpg.decrypted(read(bytes(hidden)))).get_all("Autocrypt-Gossip")
    assert [autocrypt(each)["addr"] for each in gossip] == ["bob@example.com", "carol@example.com"]


def test_autocrypt_of_mail_that_is_not_protected(gpg, ann):
    pgp = rsmtp.OpenPgp(ann)
    assert "Autocrypt" not in letter().protect(pgp)
    message = letter(headers={"Autocrypt": pgp.autocrypt("ann@example.org")})
    fields = autocrypt(read(sent(message, "Mailer", []))["Autocrypt"])
    assert list(fields) == ["addr", "keydata"]
    assert len(shown(gpg, fields["keydata"])) == 5
    signed = message.protect(rsmtp.OpenPgp(ann, autocrypt="mutual"))
    assert [autocrypt(each) for each in read(bytes(signed)).get_all("Autocrypt")] == [fields]
    several = letter(from_=["ann@example.org", "bob@example.com"], sender="ann@example.org")
    assert "Autocrypt" not in several.protect(rsmtp.OpenPgp(ann, autocrypt="nopreference"))


def test_autocrypt_sends_the_user_id_of_the_address_in_any_spelling():
    with contextlib.closing(Gpg()) as own:
        fingerprint = own.person("eva@example.org")
        own("--utf8-strings", "--quick-add-uid", fingerprint, "Eva <eva@bücher.example>")
        own("--utf8-strings", "--quick-add-uid", fingerprint, "Eva <eva@grün.example>")
        pgp = rsmtp.OpenPgp(own.secret(fingerprint))
        for address, uid in (
            ("eva@example.org", "eva@example.org"),
            ("Eva@xn--bcher-kva.example", "eva@bücher.example"),
            ("eva@xn--grn-ioa.example", "eva@grün.example"),
        ):
            key = base64.b64decode(autocrypt(pgp.autocrypt(address))["keydata"])
            assert uid.encode() in key, address


def autocrypt(field):
    pairs = [each.strip().partition("=") for each in str(field).split(";")]
    return {name: re.sub(r"\s", "", value) for name, _, value in pairs}


def shown(gpg, keydata):
    told = gpg("--list-packets", given=base64.b64decode(keydata)).decode()
    return re.findall(r"^:([a-zA-Z ]+) packet", told, re.M)


def test_dkim_comes_after(pgp, gpg):
    from signing.verifiers import assert_verifies, signature

    dkim = signature()
    octets = sent(letter().protect(pgp), "Mailer", [], dkim={"*": dkim})
    assert_verifies(octets, dkim)
    assert gpg.verified(octets)


def test_out_of_an_outbox(pgp, gpg, tmp_path):
    with rsmtp.Catcher(tls="none") as catcher:
        with rsmtp.Outbox(tmp_path / "out.db") as outbox:
            outbox.put(letter().protect(pgp, encrypt=True))
            with rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none") as mailer:
                outbox.run(mailer)
        (caught,) = catcher.wait_for(1, 20)
    assert said(read(gpg.decrypted(read(bytes(caught.data))))).rstrip() == TEXT.rstrip()


def test_a_task(pgp, gpg, tmp_path):
    """In JSON, as Celery and others carry it."""
    told = json.loads(json.dumps(rsmtp.tasks.job(letter().protect(pgp, encrypt=True), key="letter/1")))
    with rsmtp.Catcher(tls="none") as catcher:
        with rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none") as mailer:
            rsmtp.tasks.Deliverer(mailer, once=tmp_path / "sent.db")(told)
        (caught,) = catcher.wait_for(1, 20)
    assert said(read(gpg.decrypted(read(bytes(caught.data))))).rstrip() == TEXT.rstrip()


def test_a_merge(pgp, gpg):
    template = rsmtp.Template(
        "Dear {{ name }}", subject="Hello {{ name }}", from_="ann@example.org", to="{{ name }}@example.com"
    )
    merge = rsmtp.merge(template, [{"name": name} for name in ("bob", "carol", "zoe")])
    found = []
    for message in merge:
        try:
            found.append(read(gpg.decrypted(read(bytes(message.protect(pgp, encrypt=True))))))
        except ValueError as error:
            found.append(str(error))
    assert [each["Subject"] for each in found[:2]] == ["Hello bob", "Hello carol"]
    assert "zoe@example.com" in found[2]
