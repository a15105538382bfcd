"""`rsmtp.Smime`: signatures and encryption by certificates (S/MIME 4.0, RFC 8551)."""

from __future__ import annotations

import rsmtp
from rsmtp._common.arguments import flag, secret, text
from rsmtp._common.tracebacks import public
from rsmtp._protect import certificates
from rsmtp._protect.entity import base64_entity, signed_entity
from rsmtp._protect.recipients import checked, for_sender, looked_up
from rsmtp._protect.unpickled import Unpickled

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SIGNATURE = """\
Content-Type: application/pkcs7-signature; name="smime.p7s"
Content-Disposition: attachment; filename="smime.p7s"
"""
_ENVELOPE = """\
Content-Type: application/pkcs7-mime; smime-type=enveloped-data;
 name="smime.p7m"
Content-Disposition: attachment; filename="smime.p7m"
"""


@public
class Smime(Unpickled):
    """Signs and encrypts messages by S/MIME, which Outlook, Apple Mail and Thunderbird read.

        smime = rsmtp.Smime("ann.pem", "ann.key", recipients={"bob@example.com": "bob.pem"})
        mailer.send(message.protect(smime))
        mailer.send(message.protect(smime, encrypt=True))

    Needs `pip install 'rsmtp[smime]'`.

    Args:
        certificate: the sender's, as PEM or DER (bytes or a str), or a path of a file in which
            it is. A PKCS#12 file (.p12, .pfx) has key and chain in it, too. None encrypts only.
        key: its private key, likewise: RSA or EC. Default: it stands in the same file.
        chain: certificates between it and one that the readers trust, to be sent along: one
            like `certificate`, or several.
        password: of the key, or of the PKCS#12 file.
        recipients: whose certificates a message is encrypted with, each like `certificate`: a
            mapping by address, or a function of an address. One that is None or missing is an
            error.
        encrypt_for_sender: encrypt for `certificate` as well, so that the sender can read the copy
            (default: True). One that can't be encrypted for is an error then; with False the sender
            can't read what was sent.

    Signatures are of SHA-256. Content is encrypted by AES-256 in CBC mode and its key by RSA.

    Raises ValueError for a certificate or key that can't be read, that are not of each other, or
    that are of a type that S/MIME readers don't know; OSError for a file that can't be read.
    """

    def __init__(
        self,
        certificate: rsmtp.typing.CertificateSource | None = None,
        key: rsmtp.typing.CertificateSource | None = None,
        *,
        chain: rsmtp.typing.CertificateSource | list[rsmtp.typing.CertificateSource] | None = None,
        password: str | None = None,
        recipients: rsmtp.typing.RecipientCertificates | None = None,
        encrypt_for_sender: bool = True,
    ) -> None:
        if password is not None:
            secret("password", password)
        checked(recipients, "a mapping of certificates by address, or a function,")
        if certificate is None and (key is not None or chain is not None):
            raise ValueError("certificate: it is missing; a key and a chain are of no use without it")
        if certificate is None and recipients is None:
            raise ValueError("certificate: one is wanted to sign with, or recipients= to encrypt for")
        self._recipients = recipients
        self._own = (
            certificates.identity(certificate, key, chain, password) if certificate is not None else None
        )
        self._copies_to = self._own if flag("encrypt_for_sender", encrypt_for_sender) else None

    def sign(self, entity: bytes) -> bytes:
        """The MIME entity with its signature (multipart/signed), as `message.protect` needs it."""
        if self._own is None:
            raise ValueError("certificate: one is wanted to sign with; this Smime has only recipients")
        certificates.in_force(self._own.certificate, "certificate")
        hazmat = certificates.hazmat
        pkcs7 = hazmat("serialization.pkcs7")
        builder = pkcs7.PKCS7SignatureBuilder().set_data(entity)
        builder = builder.add_signer(self._own.certificate, self._own.key, hazmat("hashes").SHA256())
        for each in self._own.chain:
            builder = builder.add_certificate(each)
        options = [pkcs7.PKCS7Options.DetachedSignature, pkcs7.PKCS7Options.Binary]
        signature = builder.sign(hazmat("serialization").Encoding.DER, options)
        return signed_entity(
            entity, base64_entity(_SIGNATURE, signature), "application/pkcs7-signature", "sha-256"
        )

    def encrypt(self, entity: bytes, recipients: list[str]) -> bytes:
        """The MIME entity encrypted for these addresses, and for the sender (application/pkcs7-mime)."""
        hazmat = certificates.hazmat
        pkcs7 = hazmat("serialization.pkcs7")
        readers = [self._certificate_of(text("recipients", address)) for address in recipients]
        if self._copies_to is not None:
            own = self._copies_to.certificate
            try:
                certificates.for_encryption(own, "certificate")
            except ValueError as error:
                raise for_sender(error) from None
            readers.append(own)
        builder = pkcs7.PKCS7EnvelopeBuilder().set_data(entity)
        builder = builder.set_content_encryption_algorithm(hazmat("ciphers.algorithms").AES256)
        for each in dict.fromkeys(readers):
            builder = builder.add_recipient(each)
        sealed = builder.encrypt(hazmat("serialization").Encoding.DER, [pkcs7.PKCS7Options.Binary])
        return base64_entity(_ENVELOPE, sealed)

    def _certificate_of(self, address: str) -> Any:
        if self._recipients is None:
            raise ValueError("recipients: give rsmtp.Smime their certificates to encrypt for them")
        source = looked_up(self._recipients, address)
        if source is None:
            raise ValueError(
                f"recipients: there is no certificate for {address}, and without one a message can't be "
                "encrypted for it"
            )
        name = f"recipients: {address}"
        found = certificates.certificate(name, source)
        certificates.for_encryption(found, name)
        return found

    def __repr__(self) -> str:
        if self._own is None:
            return "<Smime for recipients>"
        return f"<Smime {self._own.certificate.subject.rfc4514_string()}>"
