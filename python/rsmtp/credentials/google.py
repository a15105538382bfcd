"""Google's access tokens, for Gmail and Google Workspace, with google-auth."""

from __future__ import annotations

import datetime
import os

from rsmtp._common import arguments
from rsmtp._common.annotations import later
from rsmtp._common.tracebacks import public
from rsmtp.credentials.base import Credential, CredentialError, Secretive, library, one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any
else:
    later(globals(), "Any Mapping")

_SCOPE = "https://mail.google.com/"
_TOKENS = "https://oauth2.googleapis.com/token"


class _Google(Secretive):
    def __init__(self, credentials: Any, shown: str, *hidden: str | None) -> None:
        self._credentials = credentials
        self._hidden = hidden
        self._what = shown

    def _shown(self) -> str:
        return self._what

    def __call__(self, force: bool = False) -> tuple[str, datetime.datetime | None]:
        errors = library("google.auth.exceptions", "google", "credentials.google()")
        transport = library("google.auth.transport.requests", "google", "credentials.google()")
        held = self._credentials
        try:
            if force or not held.valid:
                # Closed after each use: the next token is needed in an hour.
                with library("requests", "google", "credentials.google()").Session() as session:
                    held.refresh(transport.Request(session))
        except errors.TransportError as error:
            raise CredentialError(f"Google can't be reached: {one_line(error)}", transient=True) from None
        except errors.GoogleAuthError as error:
            told = one_line(error.args[0] if error.args else error, *self._hidden)
            raise CredentialError(
                f"Google gives no token: {told}{_advice(told)}",
                transient=bool(getattr(error, "retryable", False)),
            ) from None
        expiry = held.expiry
        return held.token, None if expiry is None else expiry.replace(tzinfo=datetime.UTC)


def _advice(told: str) -> str:
    for sign, advice in _ADVICE.items():
        if sign in told:
            return f"; {advice}"
    return ""


_ADVICE = {
    "unauthorized_client": "an administrator of Google Workspace has to allow the service account's "
    f"client ID domain-wide delegation with the scope {_SCOPE}",
    "invalid_grant": "the refresh token has ended or was revoked, or the service account's key or subject is "
    "wrong: get the user's consent once more",
    "invalid_client": "client_id and client_secret are not those of one application",
}


@public
def google(
    *,
    service_account: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    subject: str | None = None,
    authorized_user: str | os.PathLike[str] | Mapping[str, Any] | None = None,
    client_id: str | None = None,
    client_secret: str | None = None,
    refresh_token: str | None = None,
    token_uri: str = _TOKENS,
) -> Credential:
    """Access tokens for smtp.gmail.com, as `access_token=`. Give one of these:

    `service_account` and `subject`: the key file (or its content) of a service account that acts for the
    mailbox `subject`. An administrator of Google Workspace has to allow that. `client_id`,
    `client_secret` and `refresh_token` of a user who has given consent. `authorized_user`: a file with
    these three, written by Google's tools.

    Needs `pip install 'rsmtp[google]'`.
    """
    by_hand = (client_id, client_secret, refresh_token)
    ways = [service_account is not None, authorized_user is not None, any(one is not None for one in by_hand)]
    if sum(ways) != 1:
        raise TypeError(
            "google() takes service_account and subject, or authorized_user, or client_id, client_secret and "
            "refresh_token"
        )
    if service_account is not None:
        if not arguments.maybe_text("subject", subject):
            raise TypeError("subject: the address of the mailbox that the service account acts for is wanted")
        known = _json("service_account", service_account)
        module = library("google.oauth2.service_account", "google", "credentials.google()")
        held = _made(
            "service_account", lambda: module.Credentials.from_service_account_info(known, scopes=[_SCOPE])
        )
        return _Google(held.with_subject(subject), f"{known.get('client_email')!r} for {subject!r}")
    if subject is not None:
        raise TypeError("subject: it goes with service_account")
    if authorized_user is not None:
        known = _json("authorized_user", authorized_user)
        client_id, client_secret, refresh_token = by_hand = (
            known.get("client_id"), known.get("client_secret"), known.get("refresh_token"),
        )  # fmt: skip
        token_uri = known.get("token_uri", token_uri)
    for name, value in zip(("client_id", "client_secret", "refresh_token"), by_hand, strict=True):
        if not isinstance(value, str) or not value:
            raise TypeError(f"{name}: a text is wanted")
    module = library("google.oauth2.credentials", "google", "credentials.google()")
    held = module.Credentials(
        None,
        refresh_token=refresh_token,
        token_uri=token_uri,
        client_id=client_id,
        client_secret=client_secret,
        scopes=[_SCOPE],
    )
    return _Google(held, f"client {client_id!r}", refresh_token, client_secret)


def _json(argument: str, given: Any) -> dict[str, Any]:
    from collections.abc import Mapping

    if isinstance(given, Mapping):
        return dict(given)
    import json

    path = arguments.path(argument, given)
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as opened:
            read = json.load(opened)
    except ValueError:
        raise ValueError(f"{argument}: {path!r} is not JSON") from None
    if not isinstance(read, dict):
        raise ValueError(f"{argument}: {path!r} holds no object with its fields")
    return read


def _made(argument: str, make: Any) -> Any:
    made = why = None
    try:
        made = make()
    except Exception as error:
        why = type(error).__name__
    # Raised outside the except block: the original error's text and context may show the key.
    if made is None:
        raise ValueError(f"{argument}: it is not the key of a service account ({why})")
    return made
