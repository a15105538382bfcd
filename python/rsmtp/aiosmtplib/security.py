"""STARTTLS (RFC 3207) and AUTH (RFC 4954)."""

from __future__ import annotations

import ssl

import rsmtp.errors
from rsmtp._common import arguments
from rsmtp._common.tracebacks import public
from rsmtp._rsmtp import TlsConfig
from rsmtp.aiosmtplib import given
from rsmtp.aiosmtplib.errors import SMTPException, SMTPServerDisconnected
from rsmtp.aiosmtplib.response import SMTPResponse, from_reply
from rsmtp.aiosmtplib.session import UNGIVEN, Timeout, Ungiven
from rsmtp.aiosmtplib.typing import SMTPTokenGenerator
from rsmtp.aiosmtplib.verbs import Verbs


@public
class Security(Verbs):
    async def starttls(
        self,
        *,
        server_hostname: str | None = None,
        validate_certs: bool | None = None,
        client_cert: str | Ungiven | None = UNGIVEN,
        client_key: str | Ungiven | None = UNGIVEN,
        cert_bundle: str | Ungiven | None = UNGIVEN,
        tls_context: ssl.SSLContext | TlsConfig | Ungiven | None = UNGIVEN,
        timeout: Timeout = UNGIVEN,
    ) -> SMTPResponse:
        """STARTTLS (RFC 3207). Arguments that are not given are those of `connect`.

        Raises SMTPException where it is not offered or TLS is in use already, an
        `ssl.SSLError` where the handshake fails.
        """
        if self._client is None:
            raise SMTPServerDisconnected("Server not connected")
        if self._client.tls is not None:
            raise SMTPException("Connection already using TLS")
        self._keep(
            validate_certs=UNGIVEN if validate_certs is None else validate_certs,
            client_cert=client_cert,
            client_key=client_key,
            cert_bundle=cert_bundle,
            tls_context=tls_context,
        )
        self._check_settings()
        arguments.maybe_text("server_hostname", server_hostname)
        client, context = self._client, self._context()
        await self._ehlo_or_helo_if_needed()
        try:
            reply = await self._ask(
                lambda client: client.starttls(context=context, server_hostname=server_hostname), timeout
            )
        except rsmtp.errors.SMTPTLSError as error:
            if client.is_lost and not isinstance(error, rsmtp.errors.SMTPCertificateError):
                raise SMTPServerDisconnected(str(error)) from error
            raise
        return from_reply(reply)

    async def login(
        self, username: str | bytes, password: str | bytes, /, timeout: Timeout = UNGIVEN
    ) -> SMTPResponse:
        """AUTH with the first of these mechanisms that the server offers: PLAIN, CRAM-MD5 and
        LOGIN under TLS, CRAM-MD5, PLAIN and LOGIN without it. A refusal of the credentials
        ends it: no other mechanism is tried.

        Raises SMTPAuthenticationError, SMTPException where there is no AUTH, or no mechanism
        in common.
        """
        return await self._authenticate(username, timeout, password=password)

    async def auth_crammd5(
        self, username: str | bytes, password: str | bytes, /, *, timeout: Timeout = UNGIVEN
    ) -> SMTPResponse:
        """AUTH CRAM-MD5 (RFC 2195)."""
        return await self._authenticate(username, timeout, password=password, mechanism="CRAM-MD5")

    async def auth_plain(
        self, username: str | bytes, password: str | bytes, /, *, timeout: Timeout = UNGIVEN
    ) -> SMTPResponse:
        """AUTH PLAIN (RFC 4616)."""
        return await self._authenticate(username, timeout, password=password, mechanism="PLAIN")

    async def auth_login(
        self, username: str | bytes, password: str | bytes, /, *, timeout: Timeout = UNGIVEN
    ) -> SMTPResponse:
        """AUTH LOGIN."""
        return await self._authenticate(username, timeout, password=password, mechanism="LOGIN")

    async def auth_xoauth2(
        self, username: str | bytes, access_token: str | bytes, /, *, timeout: Timeout = UNGIVEN
    ) -> SMTPResponse:
        """AUTH XOAUTH2, by an OAuth 2.0 access token."""
        return await self._authenticate(username, timeout, access_token=access_token, mechanism="XOAUTH2")

    async def _authenticate(
        self,
        username: str | bytes,
        timeout: Timeout,
        *,
        mechanism: str | None = None,
        password: str | bytes | None = None,
        access_token: str | bytes | SMTPTokenGenerator | None = None,
    ) -> SMTPResponse:
        user = arguments.secret("username", given.secret("username", username))
        word = given.secret("password", password)
        token = access_token if callable(access_token) else given.secret("access_token", access_token)
        if word is None and token is None:
            name = "access_token" if mechanism == "XOAUTH2" else "password"
            raise arguments.wanted(name, "a str or bytes", None)
        reply = await self._ask(
            lambda client: client.login(user, word, access_token=token, mechanism=mechanism), timeout
        )
        return from_reply(reply)
