"""The commands of RFC 5321, one by one. Each raises for a reply that it does not want."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from rsmtp._client.commands import bare_address
from rsmtp._common import arguments
from rsmtp._common.tracebacks import public
from rsmtp.aiosmtplib import given
from rsmtp.aiosmtplib.connection import Client
from rsmtp.aiosmtplib.errors import (
    SMTPDataError,
    SMTPHeloError,
    SMTPNotSupported,
    SMTPRecipientRefused,
    SMTPSenderRefused,
)
from rsmtp.aiosmtplib.response import SMTPResponse, from_reply
from rsmtp.aiosmtplib.session import UNGIVEN, Session, Timeout, expect, one_word
from rsmtp.aiosmtplib.typing import SMTPStatus


@public
class Verbs(Session):
    async def execute_command(self, *args: bytes, timeout: Timeout = UNGIVEN) -> SMTPResponse:
        """A command line of the caller's own; returns the reply, whatever it says."""
        for each in args:
            if not isinstance(each, bytes | bytearray):
                raise TypeError(f"args: bytes are wanted, not {type(each).__name__}")
        # The line may hold a password.
        command, _, rest = given.secret("args", b" ".join(args)).partition(" ")
        return from_reply(await self._ask(lambda client: client.docmd(command, rest), timeout))

    async def helo(self, *, hostname: str | None = None, timeout: Timeout = UNGIVEN) -> SMTPResponse:
        """HELO. Raises SMTPHeloError."""
        name = "" if hostname is None else one_word("hostname", hostname)
        return await self._introduce(lambda client: client.helo(name), timeout)

    async def ehlo(self, *, hostname: str | None = None, timeout: Timeout = UNGIVEN) -> SMTPResponse:
        """EHLO. Raises SMTPHeloError."""
        name = "" if hostname is None else one_word("hostname", hostname)
        return await self._introduce(lambda client: client.ehlo(name), timeout)

    async def _introduce(
        self, verb: Callable[[Client], Awaitable[tuple[int, bytes]]], timeout: Timeout
    ) -> SMTPResponse:
        async def introduce(client: Client) -> SMTPResponse:
            reply = await verb(client)
            client.forget_refusal(reply)
            return expect(reply, SMTPStatus.completed, refusal=SMTPHeloError)

        return await self._ask(introduce, timeout)

    async def _ehlo_or_helo_if_needed(self) -> None:
        await self._ask(lambda client: client.ehlo_or_helo_if_needed(), UNGIVEN)

    async def help(self, *, timeout: Timeout = UNGIVEN) -> str:
        """HELP: the text of the reply."""
        await self._ehlo_or_helo_if_needed()
        reply = await self._ask(lambda client: client.docmd("HELP"), timeout)
        wanted = (SMTPStatus.system_status_ok, SMTPStatus.help_message, SMTPStatus.completed)
        return expect(reply, *wanted).message

    async def rset(self, *, timeout: Timeout = UNGIVEN) -> SMTPResponse:
        """RSET."""
        await self._ehlo_or_helo_if_needed()
        return expect(await self._ask(lambda client: client.rset(), timeout), SMTPStatus.completed)

    async def noop(self, *, timeout: Timeout = UNGIVEN) -> SMTPResponse:
        """NOOP."""
        await self._ehlo_or_helo_if_needed()
        return expect(await self._ask(lambda client: client.noop(), timeout), SMTPStatus.completed)

    async def vrfy(
        self, address: str, /, *, options: Iterable[str] | None = None, timeout: Timeout = UNGIVEN
    ) -> SMTPResponse:
        """VRFY."""
        reply = await self._ask_about("VRFY", address, options, timeout)
        return expect(reply, SMTPStatus.completed, SMTPStatus.will_forward, SMTPStatus.cannot_vrfy)

    async def expn(
        self, address: str, /, *, options: Iterable[str] | None = None, timeout: Timeout = UNGIVEN
    ) -> SMTPResponse:
        """EXPN."""
        return expect(await self._ask_about("EXPN", address, options, timeout), SMTPStatus.completed)

    async def _ask_about(
        self, verb: str, address: str, options: Iterable[str] | None, timeout: Timeout
    ) -> tuple[int, bytes]:
        await self._ehlo_or_helo_if_needed()
        words = given.options("options", options)
        arguments.text("address", address)
        if not self._asks_for_smtputf8(words):
            address.encode("ascii")
        line = " ".join((bare_address(address), *words))
        return await self._ask(lambda client: client.docmd(verb, line), timeout)

    def _asks_for_smtputf8(self, options: Iterable[str]) -> bool:
        if "SMTPUTF8" not in map(str.upper, options):
            return False
        if not self.supports_extension("smtputf8"):
            raise SMTPNotSupported("SMTPUTF8 is not supported by this server")
        return True

    async def mail(
        self,
        sender: str,
        /,
        *,
        options: Iterable[str] | None = None,
        encoding: str = "ascii",
        timeout: Timeout = UNGIVEN,
    ) -> SMTPResponse:
        """MAIL. Raises SMTPSenderRefused; UnicodeEncodeError for an address that is not in
        `encoding`."""
        given.in_encoding("sender", sender, encoding)
        words = given.options("options", options)
        await self._ehlo_or_helo_if_needed()
        reply = await self._ask(lambda client: client.mail(sender, words), timeout)
        return expect(reply, SMTPStatus.completed, refusal=SMTPSenderRefused, about=(sender,))

    async def rcpt(
        self,
        recipient: str,
        /,
        *,
        options: Iterable[str] | None = None,
        encoding: str = "ascii",
        timeout: Timeout = UNGIVEN,
    ) -> SMTPResponse:
        """RCPT. Raises SMTPRecipientRefused; UnicodeEncodeError for an address that is not
        in `encoding`."""
        given.in_encoding("recipient", recipient, encoding)
        words = given.options("options", options)
        await self._ehlo_or_helo_if_needed()
        reply = await self._ask(lambda client: client.rcpt(recipient, words), timeout)
        wanted = (SMTPStatus.completed, SMTPStatus.will_forward)
        return expect(reply, *wanted, refusal=SMTPRecipientRefused, about=(recipient,))

    async def data(self, message: str | bytes, /, *, timeout: Timeout = UNGIVEN) -> SMTPResponse:
        """DATA and the message. Raises SMTPDataError."""
        await self._ehlo_or_helo_if_needed()
        reply = await self._ask(lambda client: client.data(message), timeout)
        return expect(reply, SMTPStatus.completed, refusal=SMTPDataError)

    async def quit(self, *, timeout: Timeout = UNGIVEN) -> SMTPResponse:
        """QUIT, and closes the connection."""
        reply = await self._ask(lambda client: client.quit(), timeout)
        if reply[0] == SMTPStatus.invalid_response:
            # The server has closed without an answer.
            return SMTPResponse(SMTPStatus.closing, "")
        return expect(reply, SMTPStatus.closing)
