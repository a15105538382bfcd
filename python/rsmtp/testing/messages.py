"""The messages that have arrived, and ways to select them in a test."""

from __future__ import annotations

import email.message
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import overload

from rsmtp._common.tracebacks import public
from rsmtp._rsmtp import Catcher, CaughtConversation, CaughtMessage, CaughtTls
from rsmtp.display.short import counted


class SentMessage:
    """One message as it arrived. `"Hello" in message` looks into subject, text and HTML."""

    def __init__(self, caught: CaughtMessage) -> None:
        self._caught = caught

    @property
    def email(self) -> email.message.EmailMessage:
        """Parsed by the standard library."""
        return self._caught.email

    @property
    def data(self) -> bytes:
        """The octets of the message, as they arrived."""
        return self._caught.data

    @property
    def mail_from(self) -> str:
        """The envelope's sender (MAIL); empty for the null reverse-path."""
        return self._caught.mail_from

    @property
    def rcpt_tos(self) -> list[str]:
        """The envelope's recipients (RCPT), Bcc among them."""
        return self._caught.rcpt_tos

    @property
    def subject(self) -> str:
        return str(self.email["Subject"] or "")

    @property
    def text(self) -> str:
        """The plain text; empty if there is none."""
        return self._body("plain")

    @property
    def html(self) -> str:
        """The HTML; empty if there is none."""
        return self._body("html")

    @property
    def attachments(self) -> dict[str, bytes]:
        """The content of every part that has a file name, by that name."""
        named = ((part.get_filename(), part) for part in self.email.walk())
        return {name: bytes(part.get_payload(decode=True) or b"") for name, part in named if name}

    @property
    def username(self) -> str | None:
        """The name that the client logged in with."""
        return self._caught.username

    @property
    def user(self) -> str | None:
        """Another name of `username`."""
        return self.username

    @property
    def tls(self) -> CaughtTls | None:
        """The result of the TLS handshake; None without TLS."""
        return self._caught.tls

    @property
    def received_at(self) -> datetime:
        return self._caught.received_at

    @property
    def conversation(self) -> CaughtConversation:
        """The conversation in which it was sent."""
        return self._caught.conversation

    def __contains__(self, text: str) -> bool:
        return text in self.subject or text in self.text or text in self.html

    def __eq__(self, other: object) -> bool:
        """Whether both are the same message, not just equal ones."""
        return isinstance(other, SentMessage) and other._identity == self._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[int, datetime, str]:
        # Numbers start again after clear(), and the catcher returns a new object each time.
        return self._caught.number, self._caught.received_at, self._caught.peer

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """For notebooks: the envelope, and the message as its reader will see it."""
        return self._caught._repr_mimebundle_()

    def __repr__(self) -> str:
        recipients = ", ".join(self.rcpt_tos)
        return f"<message {self.subject!r} from {self.mail_from or '<>'} to {recipients}>"

    def __str__(self) -> str:
        """The message as shown in a failing test."""
        fields = [
            f"{name}: {self.email[name]}" for name in ("From", "To", "Cc", "Subject") if self.email[name]
        ]
        names = [f"[{name}, {counted(len(content), 'octet')}]" for name, content in self.attachments.items()]
        return "\n".join([*fields, "", *(self.text or self.html).splitlines(), *names])

    def _body(self, kind: str) -> str:
        part = self.email.get_body((kind,))
        if part is None:
            return ""
        try:
            return str(part.get_content())
        except (LookupError, ValueError):
            # A character set that is unknown or not the one it says.
            return bytes(part.get_payload(decode=True) or b"").decode("utf-8", "replace")


Test = Callable[[SentMessage], bool]


@public
class SentMessages(Sequence[SentMessage]):
    """The messages that have arrived, oldest first, like a list.

    `only()`, `wait()` and a non-negative index wait for messages that have not arrived yet, up to the
    time-out, and then fail the test with an AssertionError that says what did arrive. `len()`, `bool()`,
    `in` and iteration don't wait.
    """

    def __init__(
        self, catcher: Catcher, timeout: float, tests: tuple[Test, ...] = (), wanted: str = ""
    ) -> None:
        self._catcher = catcher
        self._timeout = timeout
        self._tests = tests
        self._wanted = wanted

    # -- narrowing it down ----------------------------------------------------

    def to(self, address: str) -> SentMessages:
        """The messages sent to this address. The envelope counts, so this includes Bcc."""
        wanted = address.lower()
        return self._with(lambda message: wanted in (to.lower() for to in message.rcpt_tos), f"to {address}")

    def from_(self, address: str) -> SentMessages:
        """The messages whose envelope has this sender; "" for the null reverse-path."""
        wanted = address.lower()
        return self._with(lambda message: message.mail_from.lower() == wanted, f"from {address or '<>'}")

    def subject(self, text: str) -> SentMessages:
        """The messages with this text in their subject."""
        return self._with(lambda message: text in message.subject, f"with {text!r} in the subject")

    def _with(self, test: Test, wanted: str) -> SentMessages:
        words = f"{self._wanted} {wanted}".strip()
        return SentMessages(self._catcher, self._timeout, (*self._tests, test), words)

    # -- waiting ----------------------------------------------------------------

    def only(self, *, timeout: float | None = None) -> SentMessage:
        """The one message. Fails if there is none in time, or more than one."""
        __tracebackhide__ = True
        messages = self._wait(1, timeout)
        if len(messages) > 1:
            raise AssertionError(self._told(f"one message{self._words} was expected, {len(messages)} came"))
        return messages[0]

    def wait(self, count: int = 1, *, timeout: float | None = None) -> list[SentMessage]:
        """All messages, as soon as there are at least `count`."""
        __tracebackhide__ = True
        return self._wait(count, timeout)

    def _wait(self, count: int, timeout: float | None) -> list[SentMessage]:
        __tracebackhide__ = True
        patience = self._timeout if timeout is None else timeout
        deadline = time.monotonic() + patience
        while True:
            # Count before reading, so that a message that arrives in between is not missed.
            arrived, messages = self._catcher.count, self._now()
            if len(messages) >= count:
                return messages
            try:
                self._catcher.wait_for(arrived + 1, timeout=max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                break
        expected = "a message" if count == 1 else f"{count} messages"
        came = f"{len(messages)} of them" if messages else "none"
        raise AssertionError(
            self._told(f"{expected}{self._words} did not arrive within {patience:g} s, {came} did")
        )

    @property
    def _words(self) -> str:
        return f" {self._wanted}" if self._wanted else ""

    def _told(self, what: str) -> str:
        everything = [repr(SentMessage(message)) for message in self._catcher.messages]
        return "\n".join([f"{what}; arrived:", *(f"  {one}" for one in everything or ["nothing"])])

    # -- like a list ----------------------------------------------------------------

    def _now(self) -> list[SentMessage]:
        messages = map(SentMessage, self._catcher.messages)
        return [message for message in messages if all(test(message) for test in self._tests)]

    def __len__(self) -> int:
        return len(self._now())

    @overload
    def __getitem__(self, index: int) -> SentMessage: ...
    @overload
    def __getitem__(self, index: slice) -> list[SentMessage]: ...
    def __getitem__(self, index: int | slice) -> SentMessage | list[SentMessage]:
        __tracebackhide__ = True
        if isinstance(index, int) and index >= 0:
            return self._wait(index + 1, None)[index]
        return self._now()[index]

    def __iter__(self) -> Iterator[SentMessage]:
        return iter(self._now())

    def __contains__(self, wanted: object) -> bool:
        """Whether a message contains this text (a str), or is this message."""
        if isinstance(wanted, str):
            return any(wanted in message for message in self._now())
        return wanted in self._now()

    def clear(self) -> None:
        """Forgets all messages, including those that a filter hides."""
        self._catcher.clear()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """For notebooks: a table of the messages."""
        from rsmtp.display.caught import messages

        return messages(self)

    def __repr__(self) -> str:
        return repr(self._now())
