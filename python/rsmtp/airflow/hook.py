"""Airflow's hook."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import rsmtp
from rsmtp._common.extras import library
from rsmtp._common.tracebacks import public
from rsmtp.airflow.connection import mailer_arguments
from rsmtp.mailer import Mailer
from rsmtp.message import Message

if TYPE_CHECKING:
    from airflow.sdk import BaseHook
else:
    BaseHook = library("airflow.sdk", "airflow", "rsmtp.airflow").BaseHook


@public
class RsmtpHook(BaseHook):  # type: ignore[misc]  # mypy reads no Airflow
    """Sends by an `rsmtp.Mailer` for the server of a connection. Stands in for Airflow's `SmtpHook`.

    A connection of the type `rsmtp` has the server's host, port, login and password; its extra
    takes each argument of `Mailer` (`url`, `provider`, `tls`, `rate`, ...), `from_email`,
    `subject_template` and `html_content_template`. One of the type `smtp` is read as `SmtpHook`
    reads it. A URI may say `retries=5` or `pipelining=false`.

    Args:
        smtp_conn_id: the connection.
        auth_type: "oauth2" logs in with a token, for a connection of the type `smtp`.
        mailer: arguments of `Mailer`, before those of the connection.
    """

    conn_name_attr = "smtp_conn_id"
    default_conn_name = "smtp_default"
    conn_type = "rsmtp"
    hook_name = "Email (rsmtp)"

    def __init__(
        self, smtp_conn_id: str = default_conn_name, auth_type: str = "basic", **mailer: Any
    ) -> None:
        super().__init__()
        self.smtp_conn_id = smtp_conn_id
        self._auth_type, self._given = auth_type, mailer
        self._extra: dict[str, Any] = {}
        self._mailer: Mailer | None = None
        self._async_mailer: rsmtp.AsyncMailer | None = None

    def get_conn(self) -> Mailer:
        """The mailer. It connects when it sends."""
        if self._mailer is None:
            connection = self.get_connection(self.smtp_conn_id)
            self._mailer = Mailer(**self._arguments(connection, connection.extra_dejson))
        return self._mailer

    async def aget_conn(self) -> rsmtp.AsyncMailer:
        """The mailer for asyncio."""
        if self._async_mailer is None:
            connection = await self.aget_connection(self.smtp_conn_id)
            # The first releases of Airflow 3 have no such method.
            read = getattr(connection, "aextra_dejson", None)
            extra = connection.extra_dejson if read is None else await read()
            self._async_mailer = rsmtp.AsyncMailer(**self._arguments(connection, extra))
        return self._async_mailer

    def __enter__(self) -> Self:
        self.get_conn()
        return self

    def __exit__(self, *_: object) -> None:
        mailer, self._mailer = self._mailer, None
        if mailer is not None:
            mailer.close()

    async def __aenter__(self) -> Self:
        await self.aget_conn()
        return self

    async def __aexit__(self, *_: object) -> None:
        mailer, self._async_mailer = self._async_mailer, None
        if mailer is not None:
            await mailer.aclose()

    # `SmtpNotifier` and `EmailOperator` ask for these.
    @property
    def from_email(self) -> str | None:
        return self._extra.get("from_email")

    @property
    def subject_template(self) -> str | None:
        return self._extra.get("subject_template")

    @property
    def html_content_template(self) -> str | None:
        return self._extra.get("html_content_template")

    def send_email_smtp(
        self, *, to: str | Iterable[str], subject: str | None = None, html_content: str | None = None,
        from_email: str | None = None, files: list[str] | None = None, dryrun: bool = False,
        cc: str | Iterable[str] | None = None, bcc: str | Iterable[str] | None = None,
        mime_subtype: str = "mixed", mime_charset: str = "utf-8",
        custom_headers: dict[str, Any] | None = None,
        conn_id: str | None = None, smtp_conn_id: str | None = None,
    ) -> None:  # fmt: skip
        """As `SmtpHook.send_email_smtp`. Files are read while they are sent.

        Raises, with the server's words, if no recipient got the message. The log has all that were refused.
        `conn_id` and `smtp_conn_id` change nothing, as there.
        """
        mailer = self.get_conn()
        message = self._message(
            to, subject, html_content, from_email, files, cc, bcc, mime_subtype, mime_charset, custom_headers
        )
        if not dryrun:
            # Not returned: what a task returns is stored, which a receipt can't be, and the task,
            # tried again, would send again.
            mailer.send(message)

    async def asend_email_smtp(
        self, *, to: str | Iterable[str], subject: str | None = None, html_content: str | None = None,
        from_email: str | None = None, files: list[str] | None = None, dryrun: bool = False,
        cc: str | Iterable[str] | None = None, bcc: str | Iterable[str] | None = None,
        mime_subtype: str = "mixed", mime_charset: str = "utf-8",
        custom_headers: dict[str, Any] | None = None,
        conn_id: str | None = None, smtp_conn_id: str | None = None,
    ) -> None:  # fmt: skip
        """As `send_email_smtp`, for asyncio."""
        mailer = await self.aget_conn()
        message = self._message(
            to, subject, html_content, from_email, files, cc, bcc, mime_subtype, mime_charset, custom_headers
        )
        if not dryrun:
            await mailer.send(message)

    def test_connection(self) -> tuple[bool, str]:
        """What the button "Test" shows: whether the server lets us in."""
        try:
            return True, f"Connection successfully tested: {self.get_conn().verify()!r}"
        except Exception as error:
            return False, _words(error)

    async def atest_connection(self) -> tuple[bool, str]:
        """As `test_connection`, for asyncio."""
        try:
            return True, f"Connection successfully tested: {await (await self.aget_conn()).verify()!r}"
        except Exception as error:
            return False, _words(error)

    def _message(
        self, to: Any, subject: Any, html: Any, sender: Any, files: Any, cc: Any, bcc: Any, subtype: str,
        charset: str, headers: Any,
    ) -> Message:  # fmt: skip
        sender = sender or self.from_email
        subject = subject or " ".join(_content(self.subject_template, "subject").split())
        html = html or _content(self.html_content_template, "html_content")
        if not sender:
            raise ValueError("from_email: give it here, or in the extra of the connection")
        if isinstance(files, (str, Path)):
            files = [files]
        message = Message(
            html=html, charset=charset, subject=subject, from_=sender, to=_several(to), cc=_several(cc),
            bcc=_several(bcc), headers=headers, attachments=[Path(file) for file in files or ()],
        )  # fmt: skip
        if message.is_multipart():
            message.set_type(f"multipart/{subtype}")
            for part in message.get_payload()[1:]:
                part["Content-ID"] = f"<{part.get_filename()}>"
        return message

    def _arguments(self, connection: Any, extra: dict[str, Any]) -> dict[str, Any]:
        self._extra = extra
        return mailer_arguments(connection, extra, self._auth_type) | self._given


def _several(addresses: Any) -> Any:
    """Addresses may be separated by semicolons as well, as `SmtpHook` has it."""
    if isinstance(addresses, str):
        if ";" not in addresses:
            return addresses
        return [text for text in re.split("[,;]", addresses) if text.strip()]
    return list(addresses) if isinstance(addresses, Iterable) else addresses


def _words(error: Exception) -> str:
    hint = getattr(error, "hint", None)
    return f"{error}\n{hint}" if hint else str(error)


def _content(path: str | None, argument: str) -> str:
    if not path:
        raise ValueError(
            f"{argument}: give it here, or a file, as {argument}_template in the extra of the connection"
        )
    return Path(path).read_text(encoding="utf-8").strip()
