"""Mail for Flask: an extension with `init_app` that reads the settings of Flask-Mail.

mail = rsmtp.flask.Mail(app)
mail.send(mail.message("Welcome!", subject="Welcome", to=address))
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Flask, current_app

import rsmtp
from rsmtp._common.tracebacks import public
from rsmtp.mailer import Mailer, Receipt, Report
from rsmtp.message import Message


@public
class Mail:
    """Sends with one `rsmtp.Mailer` per application, which keeps its sessions between requests.

    It reads the settings of Flask-Mail: MAIL_SERVER, MAIL_PORT, MAIL_USE_TLS, MAIL_USE_SSL,
    MAIL_USERNAME, MAIL_PASSWORD, MAIL_DEFAULT_SENDER, MAIL_SUPPRESS_SEND. RSMTP_MAILER, a dict,
    contains further arguments of `Mailer`. A `url` in it replaces the server's settings, and a
    `provider` sets host, port and TLS.

    With MAIL_SUPPRESS_SEND or TESTING, which may also be set later, nothing is sent, and
    `recorded()` collects the messages. Without MAIL_USE_TLS or MAIL_USE_SSL there is no TLS, as
    with Flask-Mail; a password is then sent only to a server on this machine.

    Args:
        app: the application; or `init_app(app)` later.
    """

    def __init__(self, app: Flask | None = None) -> None:
        if app is not None:
            self.init_app(app)

    def init_app(self, app: Flask) -> None:
        """Makes the application's mailer from its present settings.

        Raises ValueError or TypeError for invalid settings.
        """
        app.extensions["rsmtp"] = state = _State(app)
        _ = state.mailer

    @property
    def mailer(self) -> Mailer:
        """The mailer of the current application."""
        return _state().mailer

    def message(self, text: Any = None, **fields: Any) -> Message:
        """An `rsmtp.Message`. The default for `from_` is MAIL_DEFAULT_SENDER."""
        sender = _state().sender
        if sender is not None:
            fields.setdefault("from_", sender)
        return Message(text, **fields)

    def send(self, message: rsmtp.typing.Sendable, *, check: bool = True) -> Receipt:
        """Sends one message, like `Mailer.send`."""
        state = _state()
        receipt = state.mailer.send(message, check=check)
        state.record(message)
        return receipt

    def send_all(self, messages: Iterable[rsmtp.typing.Sendable]) -> Report:
        """Like `Mailer.send_all`: the report covers each message, and a refusal does not stop the others."""
        state = _state()
        return state.mailer.send_all(map(state.record, messages))

    @contextlib.contextmanager
    def recorded(self) -> Iterator[list[Any]]:
        """Collects the messages that are sent within the block, for tests."""
        state, messages = _state(), []  # type: ignore[var-annotated]
        state.records.append(messages)
        try:
            yield messages
        finally:
            state.records[:] = [record for record in state.records if record is not messages]


class _State:
    def __init__(self, app: Flask) -> None:
        self._app = app
        self._real: Mailer | None = None
        self._lock = threading.Lock()
        self.records: list[list[Any]] = []

    @property
    def sender(self) -> Any:
        return self._app.config.get("MAIL_DEFAULT_SENDER")

    @property
    def mailer(self) -> Mailer:
        # Checked each time, because a test sets TESTING after the application was made.
        if self._app.config.get("MAIL_SUPPRESS_SEND", self._app.testing):
            return self._nowhere
        with self._lock:
            if self._real is None:
                self._real = Mailer(**_arguments(self._app.config))
            return self._real

    @functools.cached_property
    def _nowhere(self) -> Mailer:
        return Mailer("null:")

    def record(self, message: Any) -> Any:
        for messages in self.records:
            messages.append(message)
        return message


def _state() -> _State:
    try:
        found: _State = current_app.extensions["rsmtp"]
    except KeyError:
        raise RuntimeError("this application has no rsmtp.flask.Mail: call its init_app(app) first") from None
    return found


def _arguments(settings: Any) -> dict[str, Any]:
    further = dict(settings.get("RSMTP_MAILER", {}))
    if "url" in further:
        return further
    use_tls, use_ssl = settings.get("MAIL_USE_TLS", False), settings.get("MAIL_USE_SSL", False)
    if use_tls and use_ssl:
        raise ValueError(
            "MAIL_USE_TLS and MAIL_USE_SSL: only one of them can be set (STARTTLS, or TLS at once)"
        )
    found: dict[str, Any] = {}
    if "provider" not in further:
        found = {
            "host": settings.get("MAIL_SERVER", "127.0.0.1"),
            "port": int(settings.get("MAIL_PORT") or (465 if use_ssl else 25)),
            "tls": "implicit" if use_ssl else "starttls" if use_tls else "none",
        }
    if settings.get("MAIL_USERNAME"):
        found |= {"username": settings["MAIL_USERNAME"], "password": settings.get("MAIL_PASSWORD")}
    return found | further
