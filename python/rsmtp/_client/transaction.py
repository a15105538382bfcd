"""`sendmail` and `send_message`: a whole mail transaction (RFC 5321 3.3)."""

from __future__ import annotations

import rsmtp
from rsmtp._client import outgoing
from rsmtp._client.connecting import Connecting
from rsmtp._client.conversation import LINE_BY_LINE
from rsmtp._client.script import Reply
from rsmtp._common import arguments
from rsmtp._common.annotations import later
from rsmtp._rsmtp import (
    COMPLETED,
    SERVICE_NOT_AVAILABLE,
    WILL_FORWARD,
    DeliveryOptions,
    RenderedMessage,
    Request,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from rsmtp._client.script import Steps
else:
    later(globals(), "Any Sequence")

_STEP_BY_STEP = ("mail", "rcpt", "data", "rset", *LINE_BY_LINE)
_ALL_STEPS = ("sendmail", *_STEP_BY_STEP)


class Transaction(Connecting):
    def _rsmtp_sendmail(
        self,
        from_addr: str | None,
        to_addrs: rsmtp.typing.Recipients | None,
        msg: rsmtp.typing.MessageData,
        mail_options: Sequence[str] = (),
        rcpt_options: Sequence[str] = (),
        *,
        envelope: rsmtp.Envelope | None = None,
    ) -> Steps[dict[str, Reply]]:
        """A whole mail transaction (RFC 5321 3.3).

        Args:
            from_addr: the reverse-path; "" is the null reverse-path. None: the envelope's sender.
            to_addrs: one address or many. None: the envelope's recipients.
            msg: bytes, str (sent as UTF-8), or a message. Line ends become CRLF.
                Large bodies are encoded, and attached files read, in small pieces while
                they are sent.
            mail_options, rcpt_options: for example "BODY=8BITMIME". SIZE, BODY and
                SMTPUTF8 are added if the message needs them and the server offers
                them.
            envelope: the sender, the recipients and the delivery options. An option must not
                be given in `mail_options` or `rcpt_options` as well.

        Returns the refused recipients with (code, text) for each; the dict is empty if
        all were accepted. Raises SMTPRecipientsRefused (all of them),
        SMTPSenderRefused, SMTPDataError, SMTPHeloError, SMTPNotSupportedError,
        SMTPServerDisconnected (its `fates` tell whether the message may have
        arrived), SMTPContentError (an attached file could not be read, or
        changed, while it was being sent); OSError for a file that can't be read
        before anything is sent; ValueError for what is not an address or an option.
        """
        is_plain = not self._rsmtp_overrides("ehlo_or_helo_if_needed", *_STEP_BY_STEP)
        if not is_plain or self.ehlo_resp is None or not self._rsmtp_is_settled:
            yield from self._rsmtp_open_for_mail()
            is_plain = not self._rsmtp_overrides(*_STEP_BY_STEP)
        delivery = None
        if envelope is not None:
            from rsmtp._client import enveloped

            from_addr, to_addrs, delivery = enveloped.addressed(envelope, from_addr, to_addrs)
            enveloped.refuse_field(envelope)
        sender = arguments.text("from_addr", from_addr)
        recipients = outgoing.recipients_of(to_addrs)
        self._rsmtp_count(recipients)
        content = outgoing.content_of(msg, delivery)
        mail_options = outgoing.options_of("mail_options", mail_options)
        # Octets, the usual case, are spared the questions.
        if type(content) is not bytes and "SMTPUTF8" not in map(str.upper, mail_options):
            mail_options += outgoing.field_options(content)
        if not recipients:
            raise rsmtp.errors.SMTPRecipientsRefused({})
        if not is_plain:
            refused: dict[str, Reply] = yield from _by_steps(
                self, sender, recipients, content, mail_options, rcpt_options, delivery
            )
            return refused
        request = Request.transaction(
            sender,
            recipients,
            content,
            mail_options,
            outgoing.options_of("rcpt_options", rcpt_options),
            delivery,
        )
        # No method is overridden, as was just checked, so the engine performs the whole transaction.
        refused = yield self._rsmtp_talk().perform(request, self._rsmtp_observer)
        return refused

    def _rsmtp_send_message(
        self,
        msg: rsmtp.typing.AnyMessage,
        from_addr: str | None = None,
        to_addrs: rsmtp.typing.Recipients | None = None,
        mail_options: Sequence[str] = (),
        rcpt_options: Sequence[str] = (),
        *,
        envelope: rsmtp.Envelope | None = None,
    ) -> Steps[dict[str, Reply]]:
        """Sends a message (ours or the standard library's). The envelope comes from its
        headers: Sender, or else From; To, Cc and Bcc; or their Resent- forms. Bcc is
        never sent. Addresses in `envelope` replace those in the headers. Returns and raises the same
        as `sendmail`. Also raises ValueError for a message without a sender or a recipient, and for
        more than one block of Resent- fields.
        """
        is_plain = not self._rsmtp_overrides("ehlo_or_helo_if_needed", *_ALL_STEPS)
        if not is_plain or self.ehlo_resp is None or not self._rsmtp_is_settled:
            yield from self._rsmtp_open_for_mail()
            is_plain = not self._rsmtp_overrides(*_ALL_STEPS)
        delivery = None
        if from_addr is not None:
            arguments.text("from_addr", from_addr)
        if envelope is not None:
            from rsmtp._client import enveloped

            from_addr, to_addrs, delivery = enveloped.addressed(envelope, from_addr, to_addrs)
            msg = enveloped.with_field(msg, envelope)
        mail_options = outgoing.options_of("mail_options", mail_options)
        if is_plain and from_addr is None and to_addrs is None and self._rsmtp_provider is None:
            # The engine reads a plain message of ours itself.
            request = Request.of_message(
                msg, mail_options, outgoing.options_of("rcpt_options", rcpt_options), delivery
            )
            if request is not None:
                plain: dict[str, Reply] = yield self._rsmtp_talk().perform(request, self._rsmtp_observer)
                return plain
        # Callers of smtplib send to addresses such as "root, postmaster".
        paths = outgoing.envelope_of(msg, from_addr, to_addrs, like_smtplib=self._rsmtp_like_smtplib)
        utf8 = paths.needs_smtputf8
        if utf8 and not self.has_extn("smtputf8"):
            raise rsmtp.errors.SMTPNotSupportedError(
                "One or more source or delivery addresses require internationalized email support, "
                "but the server does not advertise the required SMTPUTF8 capability"
            )
        utf8 = utf8 or (outgoing.wants_smtputf8(msg) and self.has_extn("smtputf8"))
        content = outgoing.may_be_unencoded(outgoing.render(msg, utf8=utf8), delivery)
        mail_options = (*mail_options, *outgoing.smtputf8_options(paths, content))
        if self._rsmtp_overrides("sendmail"):
            content = _as_bytes(self, content)
        # An overridden method may not have a parameter for an envelope.
        options = {}
        if delivery is not None:
            from rsmtp._client.enveloped import OptionsAlone

            options["envelope"] = OptionsAlone(delivery)
        refused: dict[str, Reply] = yield self._rsmtp_own.sendmail(
            paths.sender, paths.recipients, content, mail_options, rcpt_options, **options
        )
        return refused

    def _rsmtp_open_for_mail(self) -> Steps[None]:
        """EHLO and STARTTLS, where they have to be sent before mail."""
        if self._rsmtp_is_to_be_introduced:
            yield self._rsmtp_own.ehlo_or_helo_if_needed()
        if not self._rsmtp_is_settled:
            yield from self._rsmtp_starttls_if_needed()

    def _rsmtp_count(self, recipients: list[str]) -> None:
        """Raises ValueError if there is more than the provider accepts."""
        provider = self._rsmtp_provider
        if provider is not None and provider.recipients is not None and len(recipients) > provider.recipients:
            raise ValueError(
                f"to_addrs: {len(recipients)} recipients, and one message may have {provider.recipients} "
                f"({provider.title}). Send it to them in several parts; a Mailer does so by itself"
            )


def _as_bytes(client: Any, content: bytes | RenderedMessage) -> bytes:
    """The content as bytes, for an overridden method, in a form that the server accepts."""
    return bytes(_fitted(client, content))


def _fitted(client: Any, content: bytes | RenderedMessage) -> bytes | RenderedMessage:
    """The content in a form that the server accepts. `rsmtp.smtplib` leaves it unchanged, as smtplib
    does."""
    if not isinstance(content, RenderedMessage) or client.has_extn("8bitmime") or client._rsmtp_like_smtplib:
        return content
    return content._in_seven_bits()


def _by_steps(
    client: Any,
    sender: str,
    recipients: Sequence[str],
    content: bytes | RenderedMessage,
    mail_options: Sequence[str],
    rcpt_options: Sequence[str],
    delivery: DeliveryOptions | None,
) -> Steps[dict[str, Reply]]:
    """Performs the transaction through the client's methods, for a subclass that overrides some of
    them."""

    refused: dict[str, Reply] = {}

    def refused_at(stage: str, rest: str, **facts: Any) -> Any:
        """What the engine raises for this refusal. `rest`: the fate of those that were not refused
        themselves."""
        from rsmtp._common.raising import refusal

        fates = {one: "refused" if one in refused else rest for one in recipients}
        return client._rsmtp_told(refusal(stage, fates=fates, **facts))

    def give_up(code: int) -> Steps[None]:
        if code == SERVICE_NOT_AVAILABLE:
            client.close()
            return
        try:
            yield client.rset()
        except rsmtp.errors.SMTPServerDisconnected:
            pass

    is_ours = isinstance(content, RenderedMessage)
    content = _fitted(client, content)
    options = list(mail_options)
    of_each: Sequence[Sequence[str]] = [()] * len(recipients)
    if delivery is not None:
        said, of_each = client._rsmtp_talk().said_options(delivery, recipients, not is_ours)
        options += said
    if client.has_extn("size"):
        options.insert(0, f"SIZE={len(content)}")
    code, text = yield client.mail(sender, options)
    if code != COMPLETED:
        error = refused_at("mail", "not sent", reply=(code, text), address=sender)
        yield from give_up(code)
        raise error
    for recipient, own in zip(recipients, of_each, strict=True):
        code, text = yield client.rcpt(recipient, [*rcpt_options, *own] if own else rcpt_options)
        if code not in (COMPLETED, WILL_FORWARD):
            refused[recipient] = (code, text)
        if code == SERVICE_NOT_AVAILABLE:
            error = refused_at("rcpt", "not sent", reply=None, refused=refused)
            client.close()
            raise error
    if len(refused) == len(recipients):
        error = refused_at("rcpt", "refused", reply=None, refused=refused)
        yield from give_up(COMPLETED)
        raise error
    try:
        # An overridden method accepts only bytes.
        code, text = yield client.data(bytes(content) if client._rsmtp_overrides("data") else content)
    except rsmtp.errors.SMTPDataError as raised:
        raised.fates = raised.fates or dict.fromkeys(recipients, "refused")
        raise
    if code != COMPLETED:
        error = refused_at("end of data", "refused", reply=(code, text))
        yield from give_up(code)
        raise error
    return refused
