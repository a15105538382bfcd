"""`rsmtp.OpenPgp`: signatures and encryption by OpenPGP keys (PGP/MIME, RFC 3156), and Autocrypt."""

from __future__ import annotations

import os
from typing import Literal

import rsmtp
from rsmtp._common.arguments import flag, secret, text
from rsmtp._common.tracebacks import public
from rsmtp._protect import keys
from rsmtp._protect.autocrypt import field_value, minimal
from rsmtp._protect.entity import encrypted_entity, folded, signed_entity
from rsmtp._protect.recipients import checked, for_sender, looked_up
from rsmtp._protect.signer import identity
from rsmtp._protect.unpickled import Unpickled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SIGNATURE = b"""\
Content-Type: application/pgp-signature; name="signature.asc"
Content-Description: OpenPGP digital signature
Content-Disposition: attachment; filename="signature.asc"

"""
_VERSION = b"""\
Content-Type: application/pgp-encrypted
Content-Description: PGP/MIME version identification

Version: 1
"""
_SEALED = b"""\
Content-Type: application/octet-stream; name="encrypted.asc"
Content-Description: OpenPGP encrypted message
Content-Disposition: inline; filename="encrypted.asc"

"""


@public
class OpenPgp(Unpickled):
    """Signs and encrypts messages by OpenPGP (PGP/MIME), which Thunderbird, GnuPG and others read.

        pgp = rsmtp.OpenPgp("ann.asc", password="...", recipients="keys/")
        mailer.send(message.protect(pgp))
        mailer.send(message.protect(pgp, encrypt=True))

    Needs `pip install 'rsmtp[openpgp]'`.

    Args:
        key: the sender's secret key, armoured or binary: bytes, text, or a path of a file in
            which it is, as `gpg --export-secret-keys` writes it. None encrypts only.
        password: its passphrase.
        recipients: whose public keys a message is encrypted with: a path of a keyring (a file of
            keys, or a folder of such files: .asc, .gpg, .pgp, .pub), in which keys are found by the
            addresses of their user IDs; a mapping of keys by address; or a function of an
            address. Each key is like `key`. One that is None or missing is an error.
        autocrypt: send the sender's public key along in an Autocrypt field, with this preference
            for answers: "mutual" or "nopreference". Encrypted mail for several then has their keys
            inside (Autocrypt-Gossip), for those who answer to all. None (default): no such field.
        encrypt_for_sender: encrypt for `key` as well, so that the sender can read the copy (default:
            True). A key that can't be encrypted for is an error then; with False the sender can't read
            what was sent.

    The passphrase is used once, here; it is not kept. Content is encrypted with the algorithms that
    the keys name. Weak ones (SHA-1) are refused.

    Raises ValueError for a key that can't be read or can't sign, and for a wrong password; OSError for
    a file that can't be read.
    """

    def __init__(
        self,
        key: rsmtp.typing.KeySource | None = None,
        *,
        password: str | None = None,
        recipients: rsmtp.typing.RecipientKeys | None = None,
        autocrypt: Literal["mutual", "nopreference"] | None = None,
        encrypt_for_sender: bool = True,
    ) -> None:
        if password is not None:
            secret("password", password)
        if autocrypt not in (None, "mutual", "nopreference"):
            raise ValueError(f'autocrypt: "mutual", "nopreference" or None is wanted, not {autocrypt!r}')
        if key is None and recipients is None:
            raise ValueError("key: one is wanted to sign with, or recipients= to encrypt for")
        if key is None and autocrypt is not None:
            raise ValueError("key: it is missing, and autocrypt= tells the sender's key")
        self._autocrypt = autocrypt
        self._own = identity(key, password) if key is not None else None
        if autocrypt is not None and self._own is not None:
            minimal("key", self._own.cert)
        self._copies_to = self._own if flag("encrypt_for_sender", encrypt_for_sender) else None
        self._recipients: Any = recipients
        if isinstance(recipients, (str, os.PathLike)):
            self._recipients = keys.Keyring(recipients)
        else:
            checked(recipients, "a path of a keyring, a mapping of keys by address, or a function,")

    def sign(self, entity: bytes) -> bytes:
        """The MIME entity with its signature (multipart/signed), as `message.protect` needs it."""
        signer = self._signer()
        sequoia = keys.sequoia()
        signature = sequoia.sign(signer, entity, mode=sequoia.SignatureMode.DETACHED)
        micalg = "pgp-" + str(sequoia.Sig.from_bytes(signature).hash_algorithm).rpartition(".")[2].lower()
        return signed_entity(entity, _crlf(_SIGNATURE + signature), "application/pgp-signature", micalg)

    def encrypt(self, entity: bytes, recipients: list[str]) -> bytes:
        """The MIME entity encrypted for these addresses, and for the sender (multipart/encrypted)."""
        return self._sealed(entity, recipients, None)

    def sign_and_encrypt(self, entity: bytes, recipients: list[str]) -> bytes:
        """The same, with the signature inside: one OpenPGP message (RFC 3156 section 6.2)."""
        return self._sealed(entity, recipients, self._signer())

    def autocrypt(self, address: str) -> str:
        """The value of an Autocrypt field for mail of this sender's that is not protected:
        `headers={"Autocrypt": pgp.autocrypt("ann@example.org")}`. `protect` adds it itself."""
        if self._own is None:
            raise ValueError("key: it is missing, and an Autocrypt field tells the sender's key")
        preference = "prefer-encrypt=mutual; " if self._autocrypt == "mutual" else ""
        return field_value("key", text("address", address), preference, self._own.cert)

    def outer_fields(self, sender: str) -> list[bytes]:
        """What the message's header gets from `message.protect`."""
        return [folded("Autocrypt", self.autocrypt(sender))] if self._autocrypt else []

    def inner_fields(self, readers: list[str]) -> list[bytes]:
        """What stands in the encrypted header alone: the keys of those who read it (Autocrypt
        Level 1, section 5.3)."""
        if not self._autocrypt or len(readers) < 2:
            return []
        return [
            folded("Autocrypt-Gossip", field_value("recipients", address, "", self._key_of(address)[0]))
            for address in readers
        ]

    def _signer(self) -> Any:
        if self._own is None:
            raise ValueError("key: one is wanted to sign with; this OpenPgp has only recipients")
        if self._own.until is not None and self._own.until <= keys.now():
            raise ValueError(f"key: it has expired, on {self._own.until:%Y-%m-%d}")
        return self._own.signer

    def _sealed(self, entity: bytes, recipients: list[str], signer: Any) -> bytes:
        readers = [part.cert() for address in recipients for part in self._key_of(address)[1]]
        if self._copies_to is not None:
            try:
                readers += [part.cert() for part in keys.parts("key", self._copies_to.cert)]
            except ValueError as error:
                raise for_sender(error) from None
        once = {bytes(each): each for each in readers}
        sealed = keys.sequoia().encrypt(entity, list(once.values()), signer)
        return encrypted_entity(_crlf(_VERSION), _crlf(_SEALED + sealed), "application/pgp-encrypted")

    def _key_of(self, address: str) -> tuple[Any, list[keys.Part]]:
        if self._recipients is None:
            raise ValueError("recipients: give rsmtp.OpenPgp their keys to encrypt for them")
        ring = isinstance(self._recipients, keys.Keyring)
        source = looked_up(self._recipients, text("recipients", address))
        if source is None or source in (b"", ""):
            raise ValueError(
                f"recipients: there is no key for {address}, and without one a message can't be "
                "encrypted for it"
            )
        name = f"recipients: {address}"
        return keys.for_encryption(name, source if ring else keys.certificates(name, source))

    def __repr__(self) -> str:
        if self._own is None:
            return "<OpenPgp for recipients>"
        return f"<OpenPgp {self._own.cert.fingerprint.upper()}>"


def _crlf(octets: bytes) -> bytes:
    return octets.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
