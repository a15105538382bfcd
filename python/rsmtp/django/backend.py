"""The backend that sends."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, Self

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends import smtp
from django.utils.encoding import force_str

from rsmtp import TlsConfig
from rsmtp._client import outgoing
from rsmtp._mailer.base import checked
from rsmtp.django.mailers import ARGUMENTS, mailer_of
from rsmtp.mailer import Mailer


class EmailBackend(smtp.EmailBackend):  # type: ignore[misc]  # Django has no annotations
    """Sends with one `rsmtp.Mailer` per process, which keeps its sessions open for the next message.

    Takes the settings, or the OPTIONS in MAILERS, of Django's own SMTP backend, and each
    argument of `rsmtp.Mailer` besides: `url`, `provider`, `rate`, `connections`, `retries`, `proxy`, `tls`,
    `context`, ... With EMAIL_BACKEND, put these into the setting RSMTP_MAILER, a dict.

    As with Django's backend, there is no TLS unless `use_tls`, `use_ssl` or `tls` asks for it. Without
    TLS, a password is only sent to this machine, unless `allow_plaintext_auth` is set.

    `send_messages` tries every message, and then raises the error of the first one that no recipient
    got. Afterwards each message has its receipt as the attribute `receipt`.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        given = {name: options.pop(name) for name in ARGUMENTS - _DJANGOS if name in options}
        if options.get("alias") is None:
            given = getattr(settings, "RSMTP_MAILER", {}) | given
        elif not args and options.get("host") is None and "url" in given:
            options["host"] = ""
        # Without it, Django 6.1 takes this call for one that a project made itself, and warns.
        options.setdefault("alias", None)
        super().__init__(*args, **options)
        self.connection: Mailer | None = None
        self._given = given
        self._verifies = True

    def __enter__(self) -> Self:
        """`with connection:` is for sending many messages; the mailer's sessions serve for that."""
        self._verifies = False
        try:
            return super().__enter__()  # type: ignore[no-any-return]
        finally:
            self._verifies = True

    @property
    def mailer(self) -> Mailer:
        """The mailer of all backends with these options."""
        return mailer_of(self._arguments())

    def _arguments(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if "url" not in self._given:
            if "provider" not in self._given:
                found["host"] = self.host
                found["port"] = self.port and int(self.port)
                found["tls"] = "implicit" if self.use_ssl else "starttls" if self.use_tls else "none"
            if self.username and (self.password or not self._given.keys().isdisjoint(_SECRETS)):
                found["username"] = self.username
                if "access_token" not in self._given:
                    found["password"] = self.password
        if self.timeout is not None:
            found["timeout"] = self.timeout
        if type(self).ssl_context is not smtp.EmailBackend.ssl_context:
            found["context"] = self.ssl_context  # a project's own, in a subclass
        elif self.ssl_certfile:
            pair = (self.ssl_certfile, self.ssl_keyfile) if self.ssl_keyfile else self.ssl_certfile
            found["context"] = _with_certificate(pair)
        found.update(self._given)
        if found.get("tls") == "none":
            found.pop("context", None)
        return found

    def send_messages(self, email_messages: Iterable[EmailMessage]) -> int:
        """Sends the messages and returns how many at least one recipient got.

        After trying all, raises the error of the first that no recipient got, unless the backend has
        `fail_silently`. An invalid address always raises ValueError.
        """
        messages = [message for message in email_messages or () if message.recipients()]
        if not messages:
            return 0
        sent, failure = 0, None
        try:
            for receipt in self.mailer.send_all(messages, stream=True, make=self._sendable):
                messages[receipt.index].receipt = receipt
                if receipt.sent:
                    sent += 1
                elif not receipt.ok and (failure is None or receipt.index < failure.index):
                    failure = receipt
            if failure is not None:
                checked(failure, True)
        except OSError:
            if not self.fail_silently:
                raise
        return sent

    def _sendable(self, message: EmailMessage) -> tuple[str, list[str], Any]:
        sender = self.prep_address(message.from_email)
        return sender, [self.prep_address(address) for address in message.recipients()], message.message()

    def prep_address(self, address: Any, force_ascii: bool = True) -> str:
        """The address of a mailbox (RFC 5322 3.4). ValueError for anything else, and for a
        local part that is not ASCII, which Django can't write into a header."""
        text = force_str(address)
        try:
            found = outgoing.addresses_in("address", text)
        except ValueError as error:
            raise ValueError(f"Invalid address {text!r}: {error}") from None
        if len(found) != 1:
            raise ValueError(f"Invalid address {text!r}: must be a single address")
        if force_ascii and not found[0].rpartition("@")[0].isascii():
            raise ValueError(f"Invalid address {text!r}: local-part contains non-ASCII characters")
        return found[0]

    def open(self) -> bool | None:
        """Checks whether the server accepts the login (`Mailer.verify`), for health checks; sending does
        not need it. True: it does. None: it does not, and the backend has `fail_silently`. False: it was
        checked before."""
        if self.connection is not None:
            return False
        try:
            if self._verifies:
                self.mailer.verify()
        except OSError:
            if self.fail_silently:
                return None
            raise
        self.connection = self.mailer
        return True

    def close(self) -> None:
        """Does nothing: idle sessions stay open until `keep_idle` ends them."""
        self.connection = None


_SECRETS = {"password", "access_token"}
# The arguments of Django's own backend.
_DJANGOS = {"host", "port", "username", "password", "timeout"}


@functools.cache
def _with_certificate(files: Any) -> TlsConfig:
    """One for all backends with the same files, because it identifies their mailer."""
    return TlsConfig(client_certificate=files)
