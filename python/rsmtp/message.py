"""`rsmtp.Message`: the engine's message, and an instance of `email.message.Message`."""

from __future__ import annotations

import rsmtp
from rsmtp import _rsmtp
from rsmtp._common.late_bases import derived, late
from rsmtp._common.tracebacks import public

TYPE_CHECKING = False


@public
def reply(
    self: rsmtp.Message,
    text: str | None = None,
    *,
    all: bool = False,
    quote: bool = True,
    from_: rsmtp.typing.Mailbox | None = None,
    html: str | None = None,
    **more: object,
) -> rsmtp.Message:
    """An answer to this message, to be sent as it is (RFC 5322 sections 3.6.3 to 3.6.5).

        original = rsmtp.email.message_from_bytes(octets)
        mailer.send(original.reply("Thank you.", all=True, from_="ann@example.org"))

    It goes to Reply-To, or else to From; with `all` also to the others in To and Cc, except the
    one who answers (Mail-Followup-To decides where it is there). A message of one's own is
    answered to those it was sent to. In-Reply-To and References name the message, and
    the subject begins with "Re:", once.

    Args:
        text, html: the answer; it stands above the quotation.
        quote: quote the message, with a line that says who wrote it and when.
        from_: who answers. Default: the address in Delivered-To, or the only one in To and Cc;
            where neither is there the answer has no From yet.
        more: `Message`'s other arguments, `attachments` say.

    The original's attachments are not sent back. HTML is quoted in `html`; in `text`, what
    the HTML says where the original has no text.

    Raises ValueError if the message has no address to answer to.
    """
    from rsmtp._content import replies

    return replies.reply(self, text, all=all, quote=quote, from_=from_, html=html, more=more)


@public
def forward(
    self: rsmtp.Message,
    text: str | None = None,
    *,
    to: rsmtp.typing.Addresses,
    from_: rsmtp.typing.Mailbox | None = None,
    html: str | None = None,
    attach: bool = False,
    **more: object,
) -> rsmtp.Message:
    """This message sent on to others: what it says below `text`, with the names in its header, and
    its attachments; the subject begins with "Fwd:", once, and References name it.

    Args:
        to: who gets it.
        from_: who sends it; default as for `reply`.
        text, html: what to say above it.
        attach: enclose the whole message as it is (message/rfc822) instead.
        more: `Message`'s other arguments.
    """
    from rsmtp._content import replies

    return replies.forward(self, text, to=to, from_=from_, html=html, attach=attach, more=more)


@public
def protect(
    self: rsmtp.Message,
    protector: rsmtp.typing.Protector,
    *,
    sign: bool = True,
    encrypt: bool | rsmtp.typing.Addresses = False,
) -> rsmtp.Message:
    """This message signed, encrypted or both from end to end, to be sent as it is by any sender.

        smime = rsmtp.Smime("ann.pem", "ann.key", recipients={"bob@example.com": "bob.pem"})
        mailer.send(message.protect(smime, encrypt=True))

    Args:
        protector: an `rsmtp.Smime` or an `rsmtp.OpenPgp`.
        sign: sign it.
        encrypt: encrypt it, after signing: True for those in To and Cc, or addresses. Bcc is
            refused with True: a message that is encrypted for several tells each who the others
            are. Each Bcc recipient gets one of their own, `encrypt="dan@example.net"`, sent
            with an envelope to that address.

    The header is protected with the content (RFC 9788); an encrypted message goes out with the
    subject "[...]". Date and Message-ID are added first, and text is encoded so that no server
    on the way has to change it. DKIM, of `message.sign` or a mailer, comes after this. All of the
    content is in memory.

    Raises ValueError for a recipient without a certificate or key, and for what can't be encrypted or
    signed; ImportError where a library is missing.
    """
    from rsmtp._protect import protection

    return protection.protect(self, protector, sign=sign, encrypt=encrypt)


if TYPE_CHECKING:
    import email.message
    from collections.abc import Generator, Iterator
    from typing import Any, Self

    class Message(_rsmtp.Message, email.message.Message[Any, Any]):
        """An email message, or a part of one."""

        def __iter__(self) -> Iterator[str]: ...

        def walk(self) -> Generator[Self, None, None]: ...

        #: The key by which an outbox recognises the message, if no other is given: `rsmtp.merge` sets it.
        key: str | None
        reply = reply
        forward = forward
        protect = protect

else:

    @derived
    class Message(_rsmtp.Message, late("email.message", "Message")):
        __doc__ = _rsmtp.Message.__doc__
        __module__ = "rsmtp"  # where users find it, and pickles
        key = None

        @property
        def __dict__(self) -> dict[str, Any]:
            """The attributes, together with those that a message of the standard library stores in its
            dict: `mailbox.mboxMessage(message)` reads them from here. They are copies; any other value
            stored in the dict becomes an attribute of the message."""
            own = _own_attributes(self)
            own.update((name, getattr(self, name)) for name in _STATE)
            return own

        def __setattr__(self, name: str, value: Any) -> None:
            # Python would keep it, and the message would go out without it.
            if name in _ARGUMENTS and type(self) is Message:
                raise AttributeError(f"Message.{name}: {_ARGUMENTS[name]}")
            object.__setattr__(self, name, value)

        def __dir__(self) -> list[str]:
            # Files are not read here, although `__dict__` reads a payload that is a file.
            return sorted({*dir(type(self)), *_own_attributes(self)})

        reply = reply
        forward = forward
        protect = protect


# What other libraries' messages have as attributes. Subclasses may have attributes of these names.
_ITEM = 'header fields are items: message["{}"] = ..., or message.replace_header("{}", ...)'
_GIVEN = "it is given where the message is made: rsmtp.Message({}=...)"
_ARGUMENTS = {
    **{name: _GIVEN.format(name) for name in ("text", "html", "markdown", "inline", "calendar")},
    **{name: _GIVEN.format("text") for name in ("body", "content")},
    "attachments": "message.add_attachment(content, filename=...) adds one",
    **{
        name: _ITEM.format(field, field)
        for name, field in {
            "subject": "Subject",
            "from_": "From",
            "from_email": "From",
            "sender": "Sender",
            "to": "To",
            "recipients": "To",
            "cc": "Cc",
            "bcc": "Bcc",
            "reply_to": "Reply-To",
            "date": "Date",
        }.items()
    },
}

# The attributes that `email.message.Message` sets in its constructor.
_STATE = (
    "policy",
    "_headers",
    "_unixfrom",
    "_payload",
    "_charset",
    "preamble",
    "epilogue",
    "defects",
    "_default_type",
)


def _own_attributes(message: Any) -> dict[str, Any]:
    own: dict[str, Any] = _rsmtp.Message.__dict__["__dict__"].__get__(message)
    return own
