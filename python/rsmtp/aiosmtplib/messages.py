"""`sendmail` and `send_message`: a whole mail transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

import rsmtp.errors
from rsmtp._common.tracebacks import public
from rsmtp.aiosmtplib import given
from rsmtp.aiosmtplib.connection import Client
from rsmtp.aiosmtplib.response import SMTPResponse, from_reply
from rsmtp.aiosmtplib.session import UNGIVEN, Timeout
from rsmtp.aiosmtplib.verbs import Verbs


@public
class Messages(Verbs):
    async def sendmail(
        self,
        sender: str,
        recipients: str | Sequence[str],
        message: str | bytes,
        /,
        *,
        mail_options: Iterable[str] | None = None,
        rcpt_options: Iterable[str] | None = None,
        timeout: Timeout = UNGIVEN,
    ) -> tuple[dict[str, SMTPResponse], str]:
        """A whole mail transaction.

        Returns the refused recipients with the reply to each, and the text of the reply
        to the message. Raises SMTPRecipientsRefused (all of them), SMTPSenderRefused,
        SMTPDataError, SMTPServerDisconnected (the `fates` of its cause tell whether the
        message may have arrived); ValueError for what is not an address or an option.
        """
        options = given.options("mail_options", mail_options)
        each = given.options("rcpt_options", rcpt_options)
        await self._ehlo_or_helo_if_needed()
        self._asks_for_smtputf8(options)

        async def transaction(client: Client) -> dict[str, tuple[int, bytes]]:
            return await client.sendmail(sender, recipients, message, options, each)

        return await self._transact(transaction, timeout)

    async def send_message(
        self,
        message: rsmtp.typing.AnyMessage,
        /,
        *,
        sender: str | None = None,
        recipients: str | Sequence[str] | None = None,
        mail_options: Iterable[str] | None = None,
        rcpt_options: Iterable[str] | None = None,
        timeout: Timeout = UNGIVEN,
    ) -> tuple[dict[str, SMTPResponse], str]:
        """Sends a message. The envelope comes from its fields: Sender, or else From; To, Cc
        and Bcc; or their Resent- forms. Bcc is never sent. Returns and raises as `sendmail`."""
        options = given.options("mail_options", mail_options)
        each = given.options("rcpt_options", rcpt_options)

        async def transaction(client: Client) -> dict[str, tuple[int, bytes]]:
            try:
                return await client.send_message(message, sender, recipients, options, each)
            except rsmtp.errors.SMTPRecipientsRefused as error:
                if not error.recipients:
                    raise ValueError("No recipient headers provided in message") from None
                raise

        return await self._transact(transaction, timeout)

    async def _transact(
        self, transaction: Callable[[Client], Awaitable[dict[str, tuple[int, bytes]]]], timeout: Timeout
    ) -> tuple[dict[str, SMTPResponse], str]:
        async def with_its_reply(client: Client) -> tuple[dict[str, SMTPResponse], str]:
            refused = await transaction(client)
            answers = {address: from_reply(reply) for address, reply in refused.items()}
            return answers, from_reply(client.final_reply).message

        return await self._ask(with_its_reply, timeout)
