"""Lines, replies, and the single commands of RFC 5321."""

from __future__ import annotations

import rsmtp
from rsmtp._client import outgoing
from rsmtp._client.connecting import Connecting
from rsmtp._client.conversation import LINE_BY_LINE
from rsmtp._client.script import Reply
from rsmtp._common import arguments
from rsmtp._common.annotations import later
from rsmtp._rsmtp import START_MAIL_INPUT, Request, severity

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rsmtp._client.script import Steps
else:
    later(globals(), "Callable Sequence")

# Line ends and periods of mail data (RFC 5321 4.1.1.4, 4.5.2).
_LINE_END = rb"\r\n|\n|\r"
_PERIOD = rb"(?m)^\."


def _encoded(line: str, encoding: str) -> bytes:
    """The line in this encoding. An exception contains only the characters that can't be encoded,
    and no other part of the line, which may be a password."""
    try:
        return line.encode(encoding)
    except UnicodeEncodeError as error:
        start, end = error.start, error.end
        shown = "*" * start + line[start:end] + "*" * (len(line) - end)
        masked = UnicodeEncodeError(error.encoding, shown, start, end, error.reason)
    # Raised outside the handler, so that the original error does not become its context.
    raise masked


class Commands(Connecting):
    def _rsmtp_send(self, s: bytes | str) -> Steps[None]:
        """Sends `s` unchanged. A run of such calls expects one reply."""
        if isinstance(s, str):
            octets = _encoded(arguments.secret("s", s), self.command_encoding)
        else:
            octets = arguments.octets("s", s)
        announced = self._rsmtp_announced
        if announced is not None and announced.line == octets:
            self._rsmtp_announced = None
            announced.answer = yield self._rsmtp_talk().perform(announced.request, self._rsmtp_observer)
            return
        yield self._rsmtp_talk().perform(Request.raw(octets), self._rsmtp_observer)

    def _rsmtp_putcmd(self, cmd: str, args: str = "") -> Steps[None]:
        """Sends a command line; `getreply` reads the answer.

        Raises ValueError for line ends and NUL within it.
        """
        # Either may contain a password.
        line = arguments.secret("cmd", cmd)
        if args:
            line = f"{line} {arguments.secret('args', args)}"
        request = Request.free(line)
        if request.is_private:
            yield from self._rsmtp_starttls_if_needed()
        yield from self._rsmtp_perform_seen(line, request)

    def _rsmtp_getreply(self) -> Steps[Reply]:
        """The next reply: (code, text), the lines of the text joined by LF."""
        if self._rsmtp_connection is None:
            raise rsmtp.errors.SMTPServerDisconnected("please run connect() first")
        reply: Reply = yield self._rsmtp_connection.perform(Request.reply(), self._rsmtp_observer)
        return reply

    def _rsmtp_docmd(self, cmd: str, args: str = "") -> Steps[Reply]:
        """A command line and its reply."""
        yield self._rsmtp_own.putcmd(cmd, args)
        reply: Reply = yield self._rsmtp_own.getreply()
        return reply

    def _rsmtp_helo(self, name: str = "") -> Steps[Reply]:
        """HELO (RFC 5321 4.1.1.1)."""
        reply: Reply = yield self._rsmtp_perform(
            Request.helo(arguments.text("name", name or self.local_hostname))
        )
        self.helo_resp = reply[1]
        return reply

    def _rsmtp_ehlo(self, name: str = "") -> Steps[Reply]:
        """EHLO (RFC 5321 4.1.1.1); sets `esmtp_features`."""
        self.esmtp_features = self._rsmtp_learnt = {}
        reply: Reply = yield self._rsmtp_perform(
            Request.ehlo(arguments.text("name", name or self.local_hostname), lmtp=self._rsmtp_speaks_lmtp)
        )
        self._rsmtp_take_offer(reply)
        return reply

    def _rsmtp_ehlo_or_helo_if_needed(self) -> Steps[None]:
        """Introduces us if that has not been done: EHLO, and HELO if the server
        does not know EHLO. Raises SMTPHeloError."""
        if self.helo_resp is not None or self.ehlo_resp is not None:
            return
        if self._rsmtp_overrides("ehlo", "helo", *LINE_BY_LINE):
            reply = yield self._rsmtp_own.ehlo()
            if severity(reply[0]) != "completion":
                reply = yield self._rsmtp_own.helo()
        else:
            name = self.local_hostname
            reply = yield self._rsmtp_perform(
                Request.ehlo(name, fall_back=True, lmtp=self._rsmtp_speaks_lmtp)
            )
            self._rsmtp_introduced(reply)
        if severity(reply[0]) != "completion":
            raise self._rsmtp_told(rsmtp.errors.SMTPHeloError(*reply))

    def _rsmtp_help(self, args: str = "") -> Steps[bytes]:
        """HELP (RFC 5321 4.1.1.8): returns the text of the reply."""
        text: bytes = (yield self._rsmtp_perform(Request.help(arguments.text("args", args))))[1]
        return text

    def _rsmtp_rset(self) -> Steps[Reply]:
        """RSET (RFC 5321 4.1.1.5): ends the current transaction."""
        self.command_encoding = "ascii"
        reply: Reply = yield self._rsmtp_perform(Request.rset())
        return reply

    def _rsmtp_noop(self) -> Steps[Reply]:
        """NOOP (RFC 5321 4.1.1.9)."""
        reply: Reply = yield self._rsmtp_perform(Request.noop())
        return reply

    def _rsmtp_verify(self, address: str) -> Steps[Reply]:
        """VRFY (RFC 5321 4.1.1.6)."""
        reply: Reply = yield from self._rsmtp_ask_about(address, "vrfy", Request.vrfy)
        return reply

    def _rsmtp_expn(self, address: str) -> Steps[Reply]:
        """EXPN (RFC 5321 4.1.1.7)."""
        reply: Reply = yield from self._rsmtp_ask_about(address, "expn", Request.expn)
        return reply

    def _rsmtp_ask_about(self, address: str, verb: str, request: Callable[[str], Request]) -> Steps[Reply]:
        bare = bare_address(arguments.text("address", address))
        # The request is created first, because it rejects an argument that is not one line.
        asked = request(bare)
        if (bare.rpartition("@")[0] or bare).isascii():
            reply: Reply = yield self._rsmtp_perform(asked)
            return reply
        # RFC 6531 3.7.4.2: such an address is valid only together with the parameter.
        if not self.has_extn("smtputf8"):
            start = next(i for i, character in enumerate(bare) if not character.isascii())
            why = f"{verb} of such an address needs SMTPUTF8, which the server does not offer"
            raise rsmtp.errors.SMTPNonASCIIAddress("ascii", bare, start, start + 1, why)
        reply = yield self._rsmtp_own.docmd(verb, f"{bare} SMTPUTF8")
        return reply

    def _rsmtp_mail(self, sender: str, options: Sequence[str] = ()) -> Steps[Reply]:
        """MAIL (RFC 5321 4.1.1.2). An empty sender is the null reverse-path.

        Raises SMTPNotSupportedError for SMTPUTF8 where it is not offered.
        """
        arguments.text("sender", sender)
        request = Request.mail(sender, outgoing.options_of("options", options))
        yield from self._rsmtp_starttls_if_needed()
        reply: Reply = yield self._rsmtp_perform(request)
        return reply

    def _rsmtp_rcpt(self, recip: str, options: Sequence[str] = ()) -> Steps[Reply]:
        """RCPT (RFC 5321 4.1.1.3)."""
        arguments.text("recip", recip)
        request = Request.rcpt(recip, outgoing.options_of("options", options))
        yield from self._rsmtp_starttls_if_needed()
        reply: Reply = yield self._rsmtp_perform(request)
        return reply

    def _rsmtp_data(self, msg: rsmtp.typing.MessageData) -> Steps[Reply]:
        """DATA and the mail data (RFC 5321 4.1.1.4), with CRLF line ends.

        Raises SMTPDataError if the server refuses the data, and SMTPContentError if the
        data could not be read to its end: the connection is then closed.
        """
        content = outgoing.content_of(msg)
        yield from self._rsmtp_starttls_if_needed()
        if self._rsmtp_overrides(*LINE_BY_LINE):
            reply: Reply = yield from self._rsmtp_data_by_steps(bytes(content))
        else:
            reply = yield self._rsmtp_perform(Request.data(content))
        if self.debuglevel > 0:
            self._print_debug("data:", reply)
        return reply

    def _rsmtp_data_by_steps(self, content: bytes) -> Steps[Reply]:
        """Sends the data through the overridden methods of a subclass; `send` accepts only octets."""
        code, text = yield self._rsmtp_own.docmd("data")
        if code != START_MAIL_INPUT:
            raise self._rsmtp_told(rsmtp.errors.SMTPDataError(code, text))
        import re

        lines = re.sub(_LINE_END, b"\r\n", content)
        lines = re.sub(_PERIOD, b"..", lines if lines.endswith(b"\r\n") else lines + b"\r\n")
        yield self._rsmtp_own.send(lines + b".\r\n")
        reply: Reply = yield self._rsmtp_own.getreply()
        return reply

    def _rsmtp_quit(self) -> Steps[Reply]:
        """QUIT (RFC 5321 4.1.1.10), then closes the connection.

        Messages already sent are not affected if the server closes without a reply: the
        code is then -1, and there is no error.
        """
        was_over = self._rsmtp_talk().is_over
        try:
            reply: Reply = yield self._rsmtp_perform(Request.quit())
        except rsmtp.errors.SMTPServerDisconnected as error:
            if was_over or error.stage != "quit":
                raise
            reply = (-1, str(error).encode())
        finally:
            self._rsmtp_forget()
            self.close()
        return reply


def bare_address(address: str) -> str:
    """The argument of VRFY and EXPN: the address in "Name <address>", or the text itself. Raises
    ValueError for control characters and stray angle brackets: no part of the text is dropped, and
    nothing follows the address on its line."""
    if any(ord(character) < 32 or ord(character) == 127 for character in address):
        raise ValueError(f"address: {address!r} contains a control character")
    import re

    text = address.strip()
    if found := re.fullmatch(_IN_BRACKETS, text):
        return found[1].strip()
    if not re.fullmatch(_UNBRACKETED, text):
        raise ValueError(f"address: {address!r} is not an address: its angle brackets don't enclose one")
    if text.endswith(")"):
        import email.utils

        return email.utils.parseaddr(text)[1] or text
    return text


# A text whose angle brackets, if there are any, are in quoted strings (RFC 5322 3.2.4).
_UNBRACKETED = r'(?:[^"<>]|"(?:[^"\\]|\\.)*")*'

_IN_BRACKETS = f"{_UNBRACKETED}<({_UNBRACKETED})>"
