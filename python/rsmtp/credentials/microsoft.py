"""Microsoft's access tokens, for Exchange Online and outlook.com, with msal."""

from __future__ import annotations

import os
import time

from rsmtp._common import arguments
from rsmtp._common.annotations import later
from rsmtp._common.tracebacks import public
from rsmtp.credentials.base import CredentialError, Secretive, library, one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any
else:
    later(globals(), "Any Callable")

_AUTHORITY = "https://login.microsoftonline.com"
# Scopes of an application that acts for itself, and of one that acts for a user.
_APPLICATION = "https://outlook.office365.com/.default"
_DELEGATED = "https://outlook.office.com/SMTP.Send"
# Time-out of one request, in seconds. msal by default waits for ever.
_TIMEOUT = 30.0


@public
class Microsoft365(Secretive):
    """The credential that `microsoft365` returns. It can also `log_in` a user."""

    def __init__(
        self, application: Any, scope: str, username: str | None, cache: _Cache | None, shown: str,
        hidden: str | None, prompt: Callable[[str], object] | None, confidential: bool,
    ) -> None:  # fmt: skip
        self._application = application
        self._scope = scope
        self._username = username
        self._cache = cache
        self._what = shown
        self._hidden = hidden
        self._prompt = prompt
        self._confidential = confidential

    def _shown(self) -> str:
        return self._what

    def __call__(self, force: bool = False) -> tuple[str, float]:
        return self._told(self._for_itself if self._confidential else self._for_a_user, force)

    def log_in(self, prompt: Callable[[str], object] = print) -> None:
        """Logs the user in with a device code. `prompt` gets the text to show: an address to open in a
        browser, and the code to enter there. Returns when the user has done so. With `cache`, one login
        is enough; tokens are renewed from then on."""
        if self._confidential:
            raise TypeError("an application that acts for itself has no user to log in")
        self._told(lambda force: self._by_code(prompt), False)

    def _told(self, acquire: Callable[[bool], Any], force: bool) -> tuple[str, float]:
        if self._cache is not None:
            self._cache.load()
        try:
            told = acquire(force)
        except CredentialError:
            raise
        except OSError as error:  # Includes the errors of requests.
            raise CredentialError(
                f"Microsoft can't be reached: {one_line(error, self._hidden)}", transient=True
            ) from None
        except Exception as error:
            # For example a key of another kind. msal's error for that is not specified.
            raise CredentialError(f"no token from Microsoft: {one_line(error, self._hidden)}") from None
        finally:
            # Each use may bring a new refresh token.
            if self._cache is not None:
                self._cache.save()
        if not isinstance(told, dict) or "access_token" not in told:
            raise _refused(told if isinstance(told, dict) else {}, self._hidden)
        return told["access_token"], time.time() + float(told.get("expires_in", 0))

    def _for_itself(self, force: bool) -> Any:
        if force:
            self._application.remove_tokens_for_client()
        return self._application.acquire_token_for_client([self._scope])

    def _for_a_user(self, force: bool) -> Any:
        for account in self._application.get_accounts(username=self._username):
            told = self._application.acquire_token_silent_with_error(
                [self._scope], account=account, force_refresh=force
            )
            if told and "access_token" in told:
                return told
            if told and self._prompt is None:
                return told
        if self._prompt is None:
            raise CredentialError(
                f"{self._username or 'the user'} has not logged in: call log_in() of {self!r} once, in a "
                "program that can show a code, with a cache= that this program reads too"
            )
        return self._by_code(self._prompt)

    def _by_code(self, prompt: Callable[[str], object]) -> Any:
        flow = self._application.initiate_device_flow([self._scope])
        if "user_code" not in flow:
            return flow
        prompt(flow["message"])
        return self._application.acquire_token_by_device_flow(flow)


@public
def microsoft365(
    client_id: str,
    *,
    tenant: str = "organizations",
    client_secret: str | None = None,
    certificate: str | os.PathLike[str] | None = None,
    username: str | None = None,
    cache: str | os.PathLike[str] | None = None,
    prompt: Callable[[str], object] | None = None,
    scope: str | None = None,
    authority: str = _AUTHORITY,
    http_client: Any = None,
) -> Microsoft365:
    """Access tokens for smtp.office365.com and smtp-mail.outlook.com, as `access_token=`.

    With `client_secret`, or `certificate` (a PEM file with the key and the certificate), the application
    acts for itself; it needs the permission SMTP.SendAsApp, and `tenant`. Without them it acts for a
    user (permission SMTP.Send), who logs in with a code: through `prompt`, a function that gets the text
    to show, or by `log_in()` once in another program. `cache` is a file that keeps the user logged in;
    it holds secrets, and only its owner can read it. `username` is the mailbox, and distinguishes
    several users in one cache. Use "consumers" as `tenant` for outlook.com. Set `authority` and `scope`
    for another cloud.

    Needs `pip install 'rsmtp[microsoft365]'`.
    """
    for name, value in (("client_id", client_id), ("tenant", tenant), ("authority", authority)):
        if not arguments.text(name, value):
            raise ValueError(f"{name}: it is empty")
    arguments.maybe_text("username", username)
    if client_secret is not None:
        arguments.secret("client_secret", client_secret)
    if prompt is not None:
        arguments.function("prompt", prompt)
    path = arguments.maybe_path("cache", cache)
    if client_secret is not None and certificate is not None:
        raise TypeError("certificate: it stands for client_secret; give one of them")
    confidential = client_secret is not None or certificate is not None
    if confidential and tenant in ("organizations", "common", "consumers"):
        raise ValueError("tenant: an application that acts for itself needs the ID or a domain of its tenant")
    if confidential and prompt is not None:
        raise TypeError("prompt: an application that acts for itself has no user to log in")
    msal = library("msal", "microsoft365", "credentials.microsoft365()")
    kept = None if path is None else _Cache(msal.SerializableTokenCache(), path)
    settings: dict[str, Any] = {
        "authority": f"{authority.rstrip('/')}/{tenant}",
        "token_cache": None if kept is None else kept.cache,
        "timeout": _TIMEOUT,
        "http_client": http_client,
    }
    if authority != _AUTHORITY:
        # Don't ask a third place whether the authority is one of Microsoft's.
        settings["instance_discovery"] = False
    make = msal.PublicClientApplication
    if confidential:
        make = msal.ConfidentialClientApplication
        settings["client_credential"] = client_secret if certificate is None else _certificate(certificate)
    # msal asks the authority for its addresses as soon as the application is created, so create it only
    # when a token is needed.
    application = _Late(lambda: make(client_id, **settings), f"{authority}/{tenant}")
    shown = f"client {client_id!r} in {tenant!r}" + ("" if username is None else f" for {username!r}")
    scope = scope or (_APPLICATION if confidential else _DELEGATED)
    return Microsoft365(application, scope, username, kept, shown, client_secret, prompt, confidential)


class _Late:
    """The application, created on first use."""

    def __init__(self, make: Callable[[], Any], authority: str) -> None:
        self._make = make
        self._authority = authority
        self._made: Any = None

    def __getattr__(self, name: str) -> Any:
        if self._made is None:
            try:
                self._made = self._make()
            except ValueError as error:
                raise CredentialError(f"{self._authority} is not taken: {one_line(error)}") from None
        return getattr(self._made, name)


def _certificate(path: str | os.PathLike[str]) -> dict[str, str]:
    """msal's parameters for a PEM file with a key and its certificate."""
    import hashlib
    import re
    import ssl

    name = arguments.path("certificate", path)
    with open(os.path.expanduser(name), encoding="ascii", errors="replace") as opened:
        text = opened.read()
    key = re.search(r"-----BEGIN ([A-Z ]*)PRIVATE KEY-----.*?-----END \1PRIVATE KEY-----", text, re.S)
    found = re.search(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.S)
    if key is None or found is None:
        missing = "private key" if key is None else "certificate"
        raise ValueError(f"certificate: {name!r} holds no {missing} in PEM")
    try:
        der = ssl.PEM_cert_to_DER_cert(found[0])
    except ValueError:
        raise ValueError(f"certificate: the certificate in {name!r} is not whole") from None
    # The thumbprint only identifies the key; security does not depend on it.
    thumbprint = hashlib.sha1(der, usedforsecurity=False).hexdigest()
    return {"private_key": key[0], "thumbprint": thumbprint, "public_certificate": found[0]}


class _Cache:
    """A file with the tokens. Several processes may use it; the last one to write wins."""

    def __init__(self, cache: Any, path: str) -> None:
        self.cache = cache
        self._path = os.path.expanduser(path)
        self._seen: tuple[int, int] | None = None

    def load(self) -> None:
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            return
        seen = status.st_mtime_ns, status.st_ino
        if seen == self._seen:
            return
        with open(self._path, encoding="utf-8") as opened:
            text = opened.read()
        bad = False
        try:
            self.cache.deserialize(text)
        except ValueError:
            bad = True  # The original message may show a token.
        if bad:
            raise CredentialError(f"{self._path!r} is not a cache of tokens: remove it and log in again")
        self._seen = seen

    def save(self) -> None:
        if not self.cache.has_state_changed:
            return
        import tempfile

        text = self.cache.serialize()
        folder = os.path.dirname(os.path.abspath(self._path))
        # Only the owner can read the file (mkstemp), and it is written atomically.
        handle, name = tempfile.mkstemp(prefix=".rsmtp-", dir=folder)
        try:
            with open(handle, "w", encoding="utf-8") as opened:
                opened.write(text)
            os.replace(name, self._path)
        except BaseException:
            os.unlink(name)
            raise
        status = os.stat(self._path)
        self._seen = status.st_mtime_ns, status.st_ino


def _refused(told: dict[str, Any], hidden: str | None) -> CredentialError:
    error = str(told.get("error", "it said nothing"))
    words = one_line(told.get("error_description", ""), hidden)
    text = f"Microsoft gives no token: {one_line(error)}" + (f", {words}" if words else "")
    for sign, advice in _ADVICE.items():
        if sign in words or sign == error:
            text += f"; {advice}"
            break
    return CredentialError(text, transient=error in ("temporarily_unavailable", "server_error"))


_ADVICE = {
    "AADSTS7000215": "client_secret must be the secret's value, not its ID",
    "AADSTS7000222": "the client secret has expired: make a new one in the application's registration",
    "AADSTS700016": "the tenant does not know the application: look at client_id and tenant",
    "AADSTS90002": "there is no such tenant",
    "AADSTS65001": "the user, or an administrator, has not agreed to the permission SMTP.Send yet",
    "AADSTS7000218": 'the registration must allow public client flows ("Allow public client flows": Yes)',
    "AADSTS50076": "a second factor is wanted: log in again by log_in()",
    "AADSTS70043": "the login has ended: log in again by log_in()",
    "invalid_grant": "the login has ended or was revoked: log in again by log_in()",
    "authorization_pending": "the code was not typed in time",
    "expired_token": "the code was not typed in time",
}
