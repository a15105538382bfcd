"""`message.protect(rsmtp.OpenPgp(...))`. GnuPG verifies and decrypts the messages that arrive."""

import base64
import contextlib
import copy
import json
import pickle
import re
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rsmtp
import rsmtp.tasks

from .gpg import GPG, Gpg, ago
from .letters import SENDERS, SERVERS, TEXT, letter, read, said, sent

pytestmark = pytest.mark.skipif(GPG is None, reason="needs gpg (apt-get install gnupg)")


@pytest.fixture(scope="module")
def gpg():
    with contextlib.closing(Gpg()) as gpg:
        for name in ("bob", "carol", "dan"):
            gpg.person(f"{name}@example.com")
        gpg.person("ann@example.org")
        gpg.person("rsa@example.com", main="rsa2048", sub="rsa2048")
        gpg.person("locked@example.org", passphrase="hunter two")
        gpg.person("eve@example.com", sub=None)
        gpg.person("old@example.com", at=ago(30), days="10")
        gpg.person("oldsub@example.com", at=ago(30), sub_days="10")
        gpg.revoke(gpg.person("revoked@example.com"))
        gpg.revoke_subkey(gpg.person("revokedsub@example.com"))
        yield gpg


@pytest.fixture(scope="module")
def ann(gpg):
    return gpg.secret("ann@example.org")


@pytest.fixture
def pgp(gpg, ann, tmp_path):
    (tmp_path / "ring.gpg").write_bytes(gpg.public())
    return rsmtp.OpenPgp(ann, recipients=tmp_path / "ring.gpg")


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


def test_a_passphrase(gpg, ann):
    locked = gpg.secret("locked@example.org", "hunter two")
    pgp = rsmtp.OpenPgp(
        locked, password="hunter two", recipients={"bob@example.com": gpg.public("bob@example.com")}
    )
    assert b"Hello" in gpg.verified(bytes(letter("Hello").protect(pgp)))
    sealed = read(bytes(letter("Hello").protect(pgp, encrypt=True)))
    assert b"Hello" in gpg.decrypted(sealed)
    with pytest.raises(ValueError, match=r"^key: the secret key has a passphrase; give it as password="):
        rsmtp.OpenPgp(locked)
    with pytest.raises(ValueError, match=r"^key: the password does not open the secret key$") as caught:
        rsmtp.OpenPgp(locked, password="hunter three")
    assert caught.value.__suppress_context__
    with pytest.raises(ValueError, match=r"^key: the secret key has no passphrase; leave out password="):
        rsmtp.OpenPgp(ann, password="hunter two")


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


@pytest.mark.parametrize(
    ("to", "words"),
    [
        ("zoe@example.com", "there is no key for zoe@example.com, and"),
        ("old@example.com", r"old@example.com: the key has expired, on \d{4}-\d\d-\d\d$"),
        ("oldsub@example.com", r"oldsub@example.com: the part .* that encrypts has expired, on \d{4}-"),
        ("revoked@example.com", r"revoked@example.com: the key is revoked$"),
        ("revokedsub@example.com", r"revokedsub@example.com: the part .* that encrypts is revoked$"),
        ("eve@example.com", r"eve@example.com: .* it has no part that is for encryption$"),
    ],
)
@pytest.mark.parametrize("how", ["keyring", "mapping", "function"])
def test_a_recipient_without_a_good_key(to, words, how, gpg, ann, pgp):
    if how != "keyring":
        known = {} if to.startswith("zoe") else {to: gpg.public(to)}
        known["bob@example.com"] = gpg.public("bob@example.com")
        pgp = rsmtp.OpenPgp(ann, recipients=known if how == "mapping" else known.get)
    with pytest.raises(ValueError, match=f"^recipients: {words}"):
        letter(to=["bob@example.com", to]).protect(pgp, encrypt=True)


def test_a_key_that_is_replaced(gpg, ann):
    """Of several keys for an address, the newest that can be used; the order of them does not matter."""
    gpg.person("new@example.com", at=ago(40), days="10")
    first = gpg.public("new@example.com")
    with contextlib.closing(Gpg()) as other:
        other.person("new@example.com", at=ago(5))
        second = other.public("new@example.com")
        for both in (first + second, second + first):
            pgp = rsmtp.OpenPgp(recipients={"new@example.com": both})
            sealed = letter(to="new@example.com").protect(pgp, sign=False, encrypt=True)
            assert other.decrypted(read(bytes(sealed)), signed=False)


def test_a_renewed_part(gpg, ann):
    """The newest signature counts, whichever stands first."""
    address = "renewed@example.com"
    fingerprint = gpg.person(address, at=ago(30), sub_days="10")
    with pytest.raises(ValueError, match="has expired"):
        letter(to=address).protect(
            rsmtp.OpenPgp(ann, recipients={address: gpg.public(address)}), encrypt=True
        )
    part = re.findall(r"^fpr:*([0-9A-F]+):", gpg("--with-colons", "-k", address).decode(), re.M)[1]
    gpg("--quick-set-expire", fingerprint, "1y", part)
    pgp = rsmtp.OpenPgp(ann, recipients={address: gpg.public(address)})
    assert gpg.decrypted(read(bytes(letter(to=address).protect(pgp, encrypt=True))))


def test_a_forged_signature_renews_nothing(gpg, ann):
    """Its octets are changed to a later end, and it is no longer the owner's."""
    address = "oldsub@example.com"
    octets = gpg.public(address)
    ends = (10 * 86400).to_bytes(4, "big")
    assert ends in octets
    forged = octets.replace(ends, (9999 * 86400).to_bytes(4, "big"))
    with pytest.raises(ValueError, match=f"^recipients: {address}: "):
        letter(to=address).protect(rsmtp.OpenPgp(ann, recipients={address: forged}), encrypt=True)


def test_keyrings(gpg, ann, tmp_path):
    """A folder of files, and a file of several armoured keys, one after the other."""
    folder = tmp_path / "keys"
    folder.mkdir()
    with pytest.raises(ValueError, match=r"^recipients: .*keys: no file in it is a key"):
        rsmtp.OpenPgp(ann, recipients=folder)
    (folder / "README").write_text("not a key")
    armoured = b"".join(gpg("--armor", "--export", f"{name}@example.com") for name in ("bob", "carol"))
    (folder / "two.asc").write_bytes(armoured)
    (folder / "dan.gpg").write_bytes(gpg.public("dan@example.com"))
    for pgp in (rsmtp.OpenPgp(ann, recipients=str(folder)), rsmtp.OpenPgp(ann, recipients=folder)):
        message = letter(to="BOB@example.com", cc=["carol@example.com", "dan@example.com"])
        assert len(gpg.readers(read(bytes(message.protect(pgp, encrypt=True))))) == 4
    (folder / "bad.asc").write_bytes(armoured[:500])
    with pytest.raises(ValueError, match=r"^recipients: .*bad.asc: "):
        rsmtp.OpenPgp(ann, recipients=folder)
    with pytest.raises(FileNotFoundError):
        rsmtp.OpenPgp(ann, recipients=tmp_path / "none")


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


def autocrypt(field):
    pairs = [each.strip().partition("=") for each in str(field).split(";")]
    return {name: re.sub(r"\s", "", value) for name, _, value in pairs}


def shown(gpg, keydata):
    told = gpg("--list-packets", given=base64.b64decode(keydata)).decode()
    return re.findall(r"^:([a-zA-Z ]+) packet", told, re.M)


def test_dkim_comes_after(pgp, gpg):
    from signing.verifiers import assert_verifies, signature

    dkim = signature()
    with rsmtp.Catcher(tls="none") as catcher:
        with rsmtp.Mailer(host="127.0.0.1", port=catcher.port, tls="none", dkim={"*": dkim}) as mailer:
            assert mailer.send(letter().protect(pgp)).ok
        (caught,) = catcher.wait_for(1, 20)
    assert_verifies(bytes(caught.data), dkim)
    assert gpg.verified(bytes(caught.data))


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


@settings(max_examples=200, deadline=None)
@given(random=st.randoms(use_true_random=False))
def test_damaged_keys(random, raw):
    """They can be used, or it is a ValueError."""
    damaged = bytearray(random.choice(raw))
    for _ in range(random.choice([1, 2, 9])):
        at = random.randrange(len(damaged))
        damaged[at : at + random.choice([0, 1, 1, 20])] = random.randbytes(random.choice([0, 1, 1, 9]))
    pgp = {"recipients": {"ann@example.org": bytes(damaged)}}
    message = letter("x", to="ann@example.org")
    for make in (
        lambda: rsmtp.OpenPgp(bytes(damaged), autocrypt="mutual"),
        lambda: message.protect(rsmtp.OpenPgp(**pgp), sign=False, encrypt=True),
    ):
        with contextlib.suppress(ValueError):
            make()


@pytest.fixture(scope="module")
def raw(gpg):
    """A secret and a public key, binary."""
    return gpg("--export-secret-keys", "ann@example.org"), gpg.public("ann@example.org")


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


# -- keys --------------------------------------------------------------------------------------


def test_a_subkey_signs(gpg):
    """The primary key is elsewhere, as with `gpg --export-secret-subkeys`."""
    gpg("--quick-gen-key", "Sub <sub@example.org>", "ed25519", "cert", "0")
    gpg("--quick-add-key", gpg.fingerprint("sub@example.org"), "ed25519", "sign", "0")
    octets = gpg("--export-secret-subkeys", "sub@example.org")
    assert b"Hello" in gpg.verified(bytes(letter("Hello").protect(rsmtp.OpenPgp(octets))))


@pytest.mark.parametrize("name", ["old", "revoked"])
def test_a_senders_key_that_is_no_more(name, gpg):
    with pytest.raises(ValueError, match=r"^key: the key (has expired, on|is revoked)"):
        rsmtp.OpenPgp(gpg.secret(f"{name}@example.com"))


def test_a_senders_key_that_expires_meanwhile(gpg, monkeypatch):
    gpg.person("brief@example.org", days="1")
    pgp = rsmtp.OpenPgp(gpg.secret("brief@example.org"))
    assert letter().protect(pgp)
    monkeypatch.setattr("rsmtp._protect.keys.now", lambda: ago(-2))
    with pytest.raises(ValueError, match=r"^key: it has expired, on \d{4}-"):
        letter().protect(pgp)


def test_what_does_not_fit(gpg, ann, tmp_path):
    public = gpg("--armor", "--export", "ann@example.org")
    no_secret = r"^key: there is no secret key in it; `gpg --export-secret-keys"
    for octets in (public, gpg.public("ann@example.org")):
        with pytest.raises(ValueError, match=no_secret):
            rsmtp.OpenPgp(octets)
    for junk in (b"", b"junk", ann[:300], b"\x99" * 999, b"-----BEGIN PGP PRIVATE KEY BLOCK-----\n"):
        with pytest.raises(ValueError, match=r"^key: it can't be read as an OpenPGP key"):
            rsmtp.OpenPgp(junk)
    with pytest.raises(ValueError, match=r"^key: .*one key is wanted"):
        rsmtp.OpenPgp(gpg("--export-secret-keys", "ann@example.org", "bob@example.com"))
    with pytest.raises(ValueError, match=r"^recipients: bob@example.com: "):
        letter().protect(rsmtp.OpenPgp(recipients={"bob@example.com": b"junk"}), sign=False, encrypt=True)
    with pytest.raises(ValueError, match=r"^key: one is wanted, ?|^key: one is wanted to sign with"):
        rsmtp.OpenPgp()
    with pytest.raises(ValueError, match=r"^key: one is wanted to sign with; this OpenPgp has only"):
        letter().protect(rsmtp.OpenPgp(recipients={}))
    with pytest.raises(ValueError, match=r"^recipients: give rsmtp.OpenPgp"):
        letter().protect(rsmtp.OpenPgp(ann), encrypt=True)
    with pytest.raises(ValueError, match=r'^autocrypt: "mutual", "nopreference" or None is wanted, not'):
        rsmtp.OpenPgp(ann, autocrypt="yes")
    with pytest.raises(ValueError, match=r"^key: it is missing, and autocrypt= tells"):
        rsmtp.OpenPgp(recipients={}, autocrypt="mutual")
    with pytest.raises(ValueError, match=r"^key: .*it has no part that is for encryption"):
        rsmtp.OpenPgp(gpg.secret("eve@example.com"), autocrypt="mutual")
    (tmp_path / "pubring.kbx").write_bytes(bytes(8) + b"KBXf" + bytes(99))
    with pytest.raises(
        ValueError, match=r"^recipients: .*pubring.kbx: it is a keybox of GnuPG; `gpg --export"
    ):
        rsmtp.OpenPgp(ann, recipients=tmp_path / "pubring.kbx")
    with pytest.raises(TypeError, match=r"^recipients: bob@example.com: a path, or a key .*not list"):
        letter().protect(rsmtp.OpenPgp(ann, recipients={"bob@example.com": [b""]}), encrypt=True)
    with pytest.raises(
        TypeError, match=r"^key: a path, or a key as bytes or armoured text, is wanted, not 7"
    ):
        rsmtp.OpenPgp(7)
    with pytest.raises(TypeError, match=r"^recipients: a path of a keyring, a mapping"):
        rsmtp.OpenPgp(ann, recipients=["bob.asc"])
    with pytest.raises(TypeError, match=r"^password: a str is wanted, not bytes"):
        rsmtp.OpenPgp(ann, password=b"hunter")


def test_the_extra_is_missing(monkeypatch, ann):
    monkeypatch.setitem(sys.modules, "pysequoia", None)
    with pytest.raises(
        ImportError, match=r"^rsmtp\.OpenPgp needs pysequoia.*: pip install 'rsmtp\[openpgp\]'$"
    ):
        rsmtp.OpenPgp(ann)
