"""STARTTLS (RFC 3207) and AUTH (RFC 4954)."""

from __future__ import annotations

import binascii

import rsmtp
from rsmtp._client.connecting import Connecting
from rsmtp._client.script import Reply
from rsmtp._common import arguments
from rsmtp._common.annotations import later
from rsmtp._common.tracebacks import public
from rsmtp._rsmtp import (
    AUTH_CONTINUES,
    CREDENTIALS_INVALID,
    SERVICE_READY,
    Login,
    Request,
    _username,
    cram_md5,
    refuses_mechanism,
    severity,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from rsmtp._client.script import Steps
else:
    later(globals(), "Any Callable")

_AUTH_BY_STEPS = ("auth", "auth_cram_md5", "auth_plain", "auth_login", "send")
# The largest number of challenges in one AUTH command. A server that sends more is in a loop.
_MAX_CHALLENGES = 5


@public
class Securing(Connecting):
    def _rsmtp_starttls(
        self, *, context: rsmtp.typing.Context | None = None, server_hostname: str | None = None
    ) -> Steps[Reply]:
        """STARTTLS (RFC 3207). `context` is a TlsConfig or an `ssl.SSLContext`; default: the
        client's, and without one the certificate is verified against the system's trust store.
        `server_hostname` is the name that the certificate must be for, by default the
        host that the client connected to.

        The server's extensions are forgotten: call `ehlo()` again. Raises
        SMTPNotSupportedError if the server does not offer STARTTLS, SMTPResponseException
        if it refuses, SMTPTLSError if the handshake fails. No mail goes out in plaintext
        after that.
        """
        yield self._rsmtp_own.ehlo_or_helo_if_needed()
        if self._rsmtp_tls is not None and not self.has_extn("starttls"):
            raise rsmtp.errors.SMTPNotSupportedError(
                f"this connection is encrypted already ({self._rsmtp_tls.version})"
            )
        arguments.maybe_text("server_hostname", server_hostname)
        request = Request.starttls(self._rsmtp_context if context is None else context, server_hostname)
        answer = yield from self._rsmtp_perform_seen("STARTTLS", request)
        if answer is None:
            self.close()
            raise rsmtp.errors.SMTPException(
                "send: it did not pass the line STARTTLS on, and TLS begins behind that line only"
            )
        code, msg = answer
        if code != SERVICE_READY:
            refusal = rsmtp.errors.SMTPResponseException(code, msg)
            refusal.stage = "starttls"
            raise self._rsmtp_told(refusal)
        self._rsmtp_forget()
        return code, msg

    def _rsmtp_xclient(
        self,
        addr: str | None = None,
        *,
        port: int | str | None = None,
        name: str | None = None,
        helo: str | None = None,
        login: str | None = None,
        proto: str | None = None,
        destaddr: str | None = None,
        destport: int | str | None = None,
    ) -> Steps[Reply]:
        """XCLIENT, for gateways: tells the server about the client for which this one acts. Postfix
        accepts it from hosts in `smtpd_authorized_xclient_hosts`, and then treats the session as
        that client's, for access, limits and logs.

        Args:
            addr, port, name: the client's IP address, port and host name.
            helo: the name that the client gave with EHLO or HELO.
            login: the user name of the client's login.
            proto: "SMTP" or "ESMTP".
            destaddr, destport: the address and port to which the client connected.

        "[UNAVAILABLE]" stands for an unknown value, "[TEMPUNAVAIL]" for one that is unknown for now. For
        an omitted value the server uses what it sees itself. The session starts again: extensions are
        forgotten, the next verb sends EHLO, and a login has to be repeated. Returns the greeting.

        Raises SMTPNotSupportedError if the server does not offer XCLIENT, or not this attribute;
        SMTPResponseException if the server refuses; ValueError for an invalid value.
        """
        given = {
            "addr": addr, "port": port, "name": name, "helo": helo, "login": login, "proto": proto,
            "destaddr": destaddr, "destport": destport,
        }  # fmt: skip
        said = [
            (key, str(value) if "port" in key else arguments.text(key, value))
            for key, value in given.items()
            if value is not None
        ]
        if not said:
            raise ValueError("addr: nothing is said of the client: give it, or another attribute")
        request = Request.xclient(said)
        yield self._rsmtp_own.ehlo_or_helo_if_needed()
        yield from self._rsmtp_starttls_if_needed()
        code, msg = yield self._rsmtp_perform(request)
        if code != SERVICE_READY:
            raise self._rsmtp_told(rsmtp.errors.SMTPResponseException(code, msg))
        self._rsmtp_forget()
        return code, msg

    def _rsmtp_login(
        self,
        user: str | None = None,
        password: rsmtp.typing.Secret | None = None,
        *,
        username: str | None = None,
        initial_response_ok: bool = True,
        access_token: rsmtp.typing.Secret | None = None,
        mechanism: str | None = None,
    ) -> Steps[Reply]:
        """AUTH (RFC 4954), with the first of these mechanisms that the server offers. With a
        password: SCRAM (SHA-256 before SHA-1, and -PLUS, which binds it to TLS, if that is offered),
        then PLAIN, CRAM-MD5 and LOGIN under TLS, or CRAM-MD5, PLAIN and LOGIN without TLS. With an
        OAuth 2.0 access token: OAUTHBEARER and XOAUTH2. If the server refuses the credentials, no
        other mechanism is tried. If the server has to prove that it knows the password and can't,
        SMTPProtocolError is raised, and the session is over.

        `mechanism` names the only mechanism to try. "EXTERNAL" takes neither password nor token: the
        server knows the client by its certificate (`TlsConfig(client_certificate=...)`), and an
        optional `user` is the identity to act as. "GSSAPI" takes neither of them: the package gssapi
        (`pip install 'rsmtp[kerberos]'`) gets a Kerberos ticket for the server. If something is
        missing for that, `rsmtp.credentials.CredentialError` is raised, and nothing is sent.

        `username` is another name for smtplib's `user`. `password` and `access_token` may be callables
        that return a text, for tokens that expire. A callable is called before anything is sent, by
        one session at a time. If the server rejects its result (535), it is called once more, with
        `force=True` if it has that parameter. If it returns (text, expires_at), it is not called again
        while the text is valid (`rsmtp.typing.Secret`). An AsyncSmtpClient awaits an asynchronous
        callable, and calls a plain one in a thread. If a callable takes longer than `timeout` or
        `deadline`, SMTPTimeoutError is raised, and nothing is sent. An asynchronous callable is
        then cancelled; a plain one can't be interrupted.

        Raises SMTPAuthenticationError, SMTPNotSupportedError (no AUTH, or a
        connection without encryption), SMTPException (no mechanism in common),
        SMTPHeloError; ValueError for NUL, CR and LF in a credential.
        """
        arguments.maybe_text("user", user)
        user = _username(arguments.maybe_text("username", username), user)
        if user is None and self._rsmtp_provider is not None:
            user = self._rsmtp_provider.username
        if user is None:
            if password is not None or access_token is not None or mechanism is None:
                raise TypeError("login() needs a username")
            user = ""
        arguments.secret_or_function("password", password)
        arguments.secret_or_function("access_token", access_token)
        arguments.maybe_text("mechanism", mechanism)
        arguments.flag("initial_response_ok", initial_response_ok)
        asked = callable(password) or callable(access_token)
        ticket = None
        if mechanism is not None and mechanism.upper() == "GSSAPI":
            if password is not None or access_token is not None:
                raise ValueError(f"mechanism: {mechanism} takes neither password nor access_token")
            ticket = yield self._rsmtp_ask_for_ticket()
        secrets = yield from self._rsmtp_secrets(password, access_token, (None, None))
        yield self._rsmtp_own.ehlo_or_helo_if_needed()
        yield from self._rsmtp_starttls_if_needed(login=True)
        try:
            reply: Reply = yield from self._rsmtp_log_in(
                user, *secrets, ticket, mechanism, initial_response_ok
            )
            return reply
        except rsmtp.errors.SMTPAuthenticationError as refusal:
            if not asked or refusal.smtp_code != CREDENTIALS_INVALID or self.sock is None:
                raise
        # The ticket or token may have expired since.
        secrets = yield from self._rsmtp_secrets(password, access_token, secrets)
        reply = yield from self._rsmtp_log_in(user, *secrets, ticket, mechanism, initial_response_ok)
        return reply

    def _rsmtp_secrets(
        self,
        password: rsmtp.typing.Secret | None,
        access_token: rsmtp.typing.Secret | None,
        rejected: tuple[str | None, str | None],
    ) -> Steps[tuple[str | None, str | None]]:
        """The texts of a login; callables are called. `rejected` are the texts that the server
        refused."""
        if callable(password):
            password = yield self._rsmtp_ask("password", password, rejected[0])
        if callable(access_token):
            access_token = yield self._rsmtp_ask("access_token", access_token, rejected[1])
        return password, access_token  # type: ignore[return-value]

    def _rsmtp_ask_for_ticket(self) -> Any:
        """A Kerberos ticket for this server. Each driver waits for it in its own way."""
        raise NotImplementedError

    def _rsmtp_log_in(
        self,
        user: str,
        password: str | None,
        access_token: str | None,
        ticket: Any,
        mechanism: str | None,
        initial_response_ok: bool,
    ) -> Steps[Reply]:
        self.user, self.password = user, password
        if self.sock is not None and not self.has_extn("auth"):
            hint = (
                ""
                if self._rsmtp_tls or not self.has_extn("starttls")
                else " Call starttls() and ehlo() first."
            )
            refusal = rsmtp.errors.SMTPNotSupportedError(
                f"SMTP AUTH extension not supported by server.{hint}"
            )
            from rsmtp._common.raising import advised

            raise advised(refusal, "log in elsewhere")
        try:
            if self._rsmtp_overrides(*_AUTH_BY_STEPS):
                login = Login(
                    user, password=password, access_token=access_token, ticket=ticket, mechanism=mechanism
                )
                reply: Reply = yield from self._rsmtp_login_by_steps(login, initial_response_ok)
                return reply
            request = Request.login(
                user,
                password,
                access_token=access_token,
                ticket=ticket,
                mechanism=mechanism,
                initial_response=initial_response_ok,
            )
            reply = yield self._rsmtp_perform(request)
        except rsmtp.errors.SMTPAuthenticationError as refusal:
            from rsmtp._common.raising import at_server

            at_server(refusal, self._host)
            raise
        return reply

    def _rsmtp_login_by_steps(self, login: Login, initial_response_ok: bool) -> Steps[Reply]:
        """Logs in by the subclass's `auth`, authobjects and `send`, in smtplib's order of mechanisms."""
        offered = self.esmtp_features["auth"].upper().split()
        refusal: Exception | None = None
        for name in login.mechanisms(offered):
            # smtplib has authobjects only for passwords; a subclass may have others.
            method = "auth_" + name.lower().replace("-", "_")
            exchange = None if method in _AUTH_BY_STEPS else login.exchange(name)
            authobject = getattr(self, method) if exchange is None else exchange
            try:
                reply: Reply = yield self._rsmtp_own.auth(
                    name, authobject, initial_response_ok=initial_response_ok
                )
                if exchange is not None:
                    exchange.conclude(reply[1])
                return reply
            except rsmtp.errors.SMTPProtocolError:
                # A server that failed to prove its identity gets nothing more.
                self.close()
                raise
            except rsmtp.errors.SMTPAuthenticationError as error:
                if not refuses_mechanism(error.smtp_code):
                    raise
                refusal = error
        raise refusal or rsmtp.errors.SMTPException("No suitable authentication method found.")

    def _rsmtp_auth(
        self,
        mechanism: str,
        authobject: Callable[..., str | bytes | None],
        *,
        initial_response_ok: bool = True,
    ) -> Steps[Reply]:
        """AUTH with a callable: `authobject(challenge)` returns the answer to each challenge
        (bytes), `authobject()` the initial response or None.

        Raises SMTPAuthenticationError, and SMTPException if the server sends too many
        challenges. An exception of the callable cancels the exchange.
        """
        arguments.text("mechanism", mechanism)
        arguments.function("authobject", authobject)
        yield from self._rsmtp_starttls_if_needed(login=True)
        initial = _octets((yield authobject())) if initial_response_ok else None
        line = f"AUTH {mechanism.upper()}" + ("" if initial is None else f" {_base64(initial) or '='}")
        answer = yield from self._rsmtp_perform_auth(line, Request.auth(mechanism.upper(), initial))
        self._rsmtp_challenges = 0 if initial is None else 1
        while isinstance(answer, bytes):
            self._rsmtp_challenges += 1
            if self._rsmtp_challenges > _MAX_CHALLENGES:
                yield from self._rsmtp_cancel_auth()
                raise rsmtp.errors.SMTPException(
                    f"Server AUTH mechanism infinite loop. Last response: {(AUTH_CONTINUES, answer)!r}"
                )
            try:
                response = _octets((yield authobject(answer)))
            except Exception:
                yield from self._rsmtp_cancel_auth()
                raise
            except BaseException:
                # After an interruption the reply is not waited for.
                self.close()
                raise
            answer = yield from self._rsmtp_perform_auth(_base64(response), Request.response(response))
        reply: Reply = answer
        return reply

    def _rsmtp_perform_auth(self, line: str, request: Request) -> Steps[Reply | bytes]:
        """Sends a line of the exchange. The reply is a challenge, or the last one."""
        answer: Reply | bytes | None = yield from self._rsmtp_perform_seen(line, request)
        if answer is not None:
            return answer
        code, text = yield self._rsmtp_own.getreply()
        if code == AUTH_CONTINUES:
            return binascii.a2b_base64(text)
        if severity(code) != "completion":
            raise self._rsmtp_told(rsmtp.errors.SMTPAuthenticationError(code, text))
        return code, text

    def _rsmtp_cancel_auth(self) -> Steps[None]:
        try:
            yield from self._rsmtp_perform_auth("*", Request.response(None))
        except rsmtp.errors.SMTPException:
            pass  # The server must refuse a cancelled exchange; the cause is raised by the caller.

    def auth_cram_md5(self, challenge: bytes | None = None) -> str | None:
        """An authobject for CRAM-MD5 (RFC 2195), from `user` and `password`."""
        return None if challenge is None else cram_md5(self.user or "", self.password or "", challenge)

    def auth_plain(self, challenge: bytes | None = None) -> str:
        """An authobject for PLAIN (RFC 4616), from `user` and `password`."""
        return f"\0{self.user}\0{self.password}"

    def auth_login(self, challenge: bytes | None = None) -> str:
        """An authobject for LOGIN, from `user` and `password`."""
        prompt = b"" if challenge is None else challenge.lower()
        asks_name = any(word in prompt for word in (b"user", b"name", b"login", b"account"))
        if asks_name == (b"pass" in prompt):
            # If the prompt is not clear, the user name is sent first.
            asks_name = challenge is None or self._rsmtp_challenges < 2
        return (self.user if asks_name else self.password) or ""


def _base64(response: bytes | None) -> str:
    return "*" if response is None else binascii.b2a_base64(response, newline=False).decode()


def _octets(response: str | bytes | None) -> bytes | None:
    if response is None:
        return None
    if isinstance(response, str):
        return arguments.secret("authobject", response).encode()
    if isinstance(response, (bytes, bytearray, memoryview)):
        return bytes(response)
    raise TypeError(f"authobject: it returned {type(response).__name__}, where a str or bytes is wanted")
