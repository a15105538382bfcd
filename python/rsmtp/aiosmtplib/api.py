"""`aiosmtplib.api`: one message in one call."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence

import rsmtp
from rsmtp._common.tracebacks import public
from rsmtp._rsmtp import TlsConfig
from rsmtp.aiosmtplib.response import SMTPResponse
from rsmtp.aiosmtplib.smtp import DEFAULT_TIMEOUT, SMTP
from rsmtp.aiosmtplib.typing import SMTPTokenGenerator, SocketPathType

__all__ = ("send",)


@public
async def send(
    message: rsmtp.typing.AnyMessage | str | bytes,
    /,
    *,
    sender: str | None = None,
    recipients: str | Sequence[str] | None = None,
    mail_options: Sequence[str] | None = None,
    rcpt_options: Sequence[str] | None = None,
    hostname: str | None = "localhost",
    port: int | None = None,
    username: str | bytes | None = None,
    password: str | bytes | None = None,
    oauth_token_generator: SMTPTokenGenerator | None = None,
    local_hostname: str | None = None,
    source_address: tuple[str, int] | None = None,
    timeout: float | None = DEFAULT_TIMEOUT,
    use_tls: bool = False,
    start_tls: bool | None = None,
    validate_certs: bool = True,
    client_cert: str | None = None,
    client_key: str | None = None,
    tls_context: ssl.SSLContext | TlsConfig | None = None,
    cert_bundle: str | None = None,
    socket_path: SocketPathType | None = None,
    sock: socket.socket | None = None,
) -> tuple[dict[str, SMTPResponse], str]:
    """Sends one message over a connection of its own, from the greeting to QUIT.

    Args:
        message: a message, whose fields name the envelope, or text or bytes with
            `sender` and `recipients`.
        others: as for SMTP and its `sendmail`.

    Returns the refused recipients with the reply to each, and the text of the reply to
    the message. Raises as `SMTP.sendmail` does; ValueError for an envelope that is
    missing and for arguments that exclude each other.
    """
    if isinstance(message, str | bytes):
        if not recipients:
            raise ValueError("Recipients must be provided with raw messages.")
        if not sender:
            raise ValueError("Sender must be provided with raw messages.")
    client = SMTP(
        hostname=hostname,
        port=port,
        username=username,
        password=password,
        oauth_token_generator=oauth_token_generator,
        local_hostname=local_hostname,
        source_address=source_address,
        timeout=timeout,
        use_tls=use_tls,
        start_tls=start_tls,
        validate_certs=validate_certs,
        client_cert=client_cert,
        client_key=client_key,
        tls_context=tls_context,
        cert_bundle=cert_bundle,
        socket_path=socket_path,
        sock=sock,
    )
    async with client:
        if isinstance(message, str | bytes):
            return await client.sendmail(
                sender or "", recipients or (), message, mail_options=mail_options, rcpt_options=rcpt_options
            )
        return await client.send_message(
            message,
            sender=sender,
            recipients=recipients,
            mail_options=mail_options,
            rcpt_options=rcpt_options,
        )
