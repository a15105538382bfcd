"""The keys of `rsmtp.OpenPgp`: what they are read from, which part of one is used, and what is refused."""

import contextlib
import re
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rsmtp

from .gpg import Gpg, ago
from .letters import letter, read


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
    with pytest.raises(FileNotFoundError, match="^.*recipients: No such file"):
        rsmtp.OpenPgp(ann, recipients=tmp_path / "none")


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


def test_a_subkey_signs(gpg):
    """The primary key is elsewhere, as with `gpg --export-secret-subkeys`."""
    gpg("--quick-gen-key", "Sub <sub@example.org>", "ed25519", "cert", "0")
    gpg("--quick-add-key", gpg.fingerprint("sub@example.org"), "ed25519", "sign", "0")
    octets = gpg("--export-secret-subkeys", "sub@example.org")
    assert b"Hello" in gpg.verified(bytes(letter("Hello").protect(rsmtp.OpenPgp(octets))))


def test_a_subkey_signs_where_the_primary_key_could(gpg):
    """Its secret is not in the file, and GnuPG marks the place."""
    fingerprint = gpg.person("away@example.org", passphrase="hunter two")
    octets = gpg("--export-secret-subkeys", "away@example.org", passphrase="hunter two")
    with pytest.raises(ValueError, match=r"^key: none of its parts can sign now"):
        rsmtp.OpenPgp(octets, password="hunter two")
    gpg("--quick-add-key", fingerprint, "ed25519", "sign", "0", passphrase="hunter two")
    octets = gpg("--export-secret-subkeys", "away@example.org", passphrase="hunter two")
    pgp = rsmtp.OpenPgp(octets, password="hunter two")
    assert b"Hello" in gpg.verified(bytes(letter("Hello").protect(pgp)))
    with pytest.raises(ValueError, match=r"^key: the secret key has a passphrase"):
        rsmtp.OpenPgp(octets)
    gpg("--quick-gen-key", "Lone <lone@example.org>", "ed25519", "sign", "0")
    octets = gpg("--export-secret-subkeys", "lone@example.org")
    with pytest.raises(ValueError, match=r"^key: its secret parts are elsewhere, on a smart card or"):
        rsmtp.OpenPgp(octets)


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


def test_a_function_that_finds_no_key(ann):
    """`gpg --armor --export`, read as text, is "" for an address that it does not know."""
    for nothing in (None, b"", ""):
        pgp = rsmtp.OpenPgp(ann, recipients=lambda address, nothing=nothing: nothing)
        with pytest.raises(ValueError, match=r"^recipients: there is no key for bob@example.com, and"):
            letter().protect(pgp, encrypt=True)


def test_a_message_without_a_sender(ann):
    message = rsmtp.Message("Hi", to="bob@example.com")
    with pytest.raises(ValueError, match=r"^message: it can't be protected: it has no From field"):
        message.protect(rsmtp.OpenPgp(ann))


def test_a_keybox_is_no_secret_key():
    with pytest.raises(ValueError, match=r"^key: it is a keybox of GnuPG; `gpg --export-secret-keys ADD"):
        rsmtp.OpenPgp(bytes(8) + b"KBXf" + bytes(99))


def test_the_extra_is_missing(monkeypatch, ann):
    monkeypatch.setitem(sys.modules, "pysequoia", None)
    with pytest.raises(
        ImportError, match=r"^rsmtp\.OpenPgp needs pysequoia.*: pip install 'rsmtp\[openpgp\]'$"
    ):
        rsmtp.OpenPgp(ann)


def test_a_senders_key_that_is_not_for_encryption(gpg):
    """The sender could not read the copy."""
    keys = {"bob@example.com": gpg.public("bob@example.com")}
    eve, message = gpg.secret("eve@example.com"), letter("Hello")
    for sign in (True, False):
        with pytest.raises(
            ValueError, match=r"^key: .* no part that is for encryption; encrypt_for_sender=False "
        ):
            message.protect(rsmtp.OpenPgp(eve, recipients=keys), sign=sign, encrypt=True)
    pgp = rsmtp.OpenPgp(eve, recipients=keys, encrypt_for_sender=False)
    assert b"Hello" in gpg.decrypted(read(bytes(message.protect(pgp, encrypt=True))))
    assert rsmtp.OpenPgp(eve, recipients=keys).sign(b"Content-Type: text/plain\r\n\r\nx")


def test_a_message_that_its_sender_can_not_read(gpg, ann):
    keys = {"bob@example.com": gpg.public("bob@example.com")}
    sizes = []
    for for_sender in (True, False):
        pgp = rsmtp.OpenPgp(ann, recipients=keys, encrypt_for_sender=for_sender)
        sealed = read(bytes(letter("Hello").protect(pgp, encrypt=True)))
        packets = gpg("--list-packets", given=sealed.get_payload(1).get_payload(decode=True))
        sizes.append(packets.count(b":pubkey enc packet:"))
    assert sizes == [2, 1]
    with pytest.raises(TypeError, match=r"^encrypt_for_sender: "):
        rsmtp.OpenPgp(ann, encrypt_for_sender="no")
