"""Applies a mailer's rules to a message before it is sent: `suppression`, `allow`, `redirect`,
and the hooks. Without I/O."""

from __future__ import annotations

import fnmatch

from rsmtp._client.outgoing import Paths, addresses_in, field_options, prepare, prepare_for
from rsmtp._common import arguments
from rsmtp._common.late_bases import if_loaded
from rsmtp._common.mailboxes import folded
from rsmtp._mailer.feeding import BadRow, Ruled, bad_row
from rsmtp._rsmtp import DeliveryOptions, _envelope

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
    from typing import Any

    from rsmtp._rsmtp import Receipt


class Rules:
    """The rules; `BaseMailer` documents them."""

    def __init__(
        self,
        suppression: Any = None,
        allow: Any = None,
        redirect: Any = None,
        before_send: Any = None,
        after_send: Any = None,
        lint: Any = None,
        verp: Any = None,
    ) -> None:
        self._lint = None if lint is None else arguments.one_of("lint", lint, ("warn", "refuse"))
        self._is_suppressed = None if suppression is None else _suppression(suppression)
        self._allow = None if allow is None else _patterns(allow)
        self._redirect = None if redirect is None else _one_address(redirect)
        for name, hook in (("before_send", before_send), ("after_send", after_send)):
            if hook is not None:
                arguments.function(name, hook)
        self.before_send, self.after_send = before_send, after_send
        if verp is not None and not hasattr(verp, "sender"):
            raise arguments.wanted("verp", "an rsmtp.Verp", verp)
        self._verp = verp
        #: No rule may change or refuse a message: there is an `after_send` at most.
        self.only_tells = all(
            rule is None for rule in (suppression, allow, redirect, before_send, lint, verp)
        )

    # -- one message -----------------------------------------------------------------------

    def apply(self, item: Any) -> Ruled:
        """Raises the errors of preparing the message, and those of the caller's own rules."""
        return self._answered(item, self._asked(item))

    async def apply_awaited(self, item: Any) -> Ruled:
        answer = self._asked(item)
        if hasattr(answer, "__await__"):
            answer = await answer
        return self._answered(item, answer)

    def _asked(self, item: Any) -> Any:
        if self.before_send is None:
            return None
        if hasattr(item, "_for_hooks"):
            # A message from an outbox consists of octets, not of objects.
            return self.before_send(item._for_hooks())
        return self.before_send(item[0] if _has_envelope(item) else item)

    def _answered(self, item: Any, answer: Any) -> Ruled:
        if hasattr(answer, "__await__"):
            _left(answer)
            raise TypeError(
                "before_send: it is asynchronous, and a Mailer can't await it: use an AsyncMailer"
            )
        sender, recipients, data, options, delivery = _prepared(item, answer)
        if self._lint is not None and answer is not False:
            _look(self._lint, _message_of(item, answer), data)
        sender, recipients = _envelope(sender, recipients)
        if not recipients:
            raise ValueError("to_addrs: the message has no recipients")
        if self._verp is not None and sender and len(recipients) > 1 and not self._verp.by_server:
            raise ValueError(
                f"verp: a message for each recipient is wanted, not one for {len(recipients)}: "
                "Verp.each() makes them, and with by_server=True the server does"
            )
        kept: list[str] = []
        suppressed: list[tuple[str, str]] = []
        for address in recipients:
            why = "before_send has said so" if answer is False else self._why_not(address)
            if why is not None:
                suppressed.append((address, why))
            elif self._redirect in (None, address) or (
                self._allow is not None and _fits(self._allow, address)
            ):
                # A recipient before it may have been redirected to this one.
                if self._redirect is None or address not in kept:
                    kept.append(address)
            else:
                suppressed.append((address, f"redirected to {self._redirect}"))
                if self._redirect not in kept:
                    kept.append(self._redirect)
        if suppressed:
            _log(suppressed)
        if self._verp is not None and sender and kept:
            # Of who gets it: a bounce of a redirected message says nothing about who does not.
            sender, delivery = self._returning(item, kept, delivery)
        return Ruled(item, (sender, kept, data, options, delivery) if kept else None, suppressed)

    def _returning(self, item: Any, recipients: list[str], delivery: Any) -> tuple[str, Any]:
        """The sender address that gets a bounce for these recipients, and what the server is asked."""
        # A message stored in an outbox has a number.
        number = item.id if hasattr(item, "_for_hooks") else None
        if len(recipients) == 1:
            return self._verp.sender(recipients[0], number=number), delivery
        asked = (delivery or DeliveryOptions()).with_xverp(self._verp.xverp)
        return self._verp.sender_for_all(number=number), asked

    def _why_not(self, address: str) -> str | None:
        if self._is_suppressed is not None and (found := self._is_suppressed(address)):
            return found if isinstance(found, str) else "it is in the suppression list"
        if self._allow is not None and self._redirect is None and not _fits(self._allow, address):
            return "it is not in allow"
        return None

    # -- many --------------------------------------------------------------------------------

    def each(self, items: Iterable[Any]) -> Iterator[Any]:
        for index, item in enumerate(items):
            if type(item) in (BadRow, Ruled):
                yield item
                continue
            try:
                yield self.apply(item)
            except Exception as why:
                yield _unfit(index, item, why)

    async def each_awaited(self, items: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Any]:
        index = 0
        async for item in _asynchronous(items):
            if type(item) in (BadRow, Ruled):
                yield item
            else:
                try:
                    yield await self.apply_awaited(item)
                except Exception as why:
                    yield _unfit(index, item, why)
            index += 1

    def tell(self, receipt: Receipt) -> None:
        if self.after_send is not None and hasattr(told := self.after_send(receipt), "__await__"):
            _left(told)
            raise TypeError("after_send: it is asynchronous, and a Mailer can't await it: use an AsyncMailer")

    async def tell_awaited(self, receipt: Receipt) -> None:
        if self.after_send is not None and hasattr(told := self.after_send(receipt), "__await__"):
            await told


def _prepared(item: Any, answer: Any) -> Any:
    if answer is None or answer is False:
        return prepare(item)
    if hasattr(item, "_for_hooks") and hasattr(answer, "get_all"):
        # The header does not name the remaining recipients: Bcc has been removed from it, and
        # some recipients may already have the message.
        sender, recipients, _, _, delivery = prepare(item)
        return prepare_for(Paths(sender, recipients), answer, delivery)
    if hasattr(item, "_for_hooks") and not _has_envelope(answer):
        # The octets are those that were stored: they keep what the outbox knows about them.
        sender, recipients, data, options, delivery = prepare(answer)
        _, _, stored, _, asked = prepare(item)
        if data == bytes(stored):
            data, options = stored, field_options(stored)
        return sender, recipients, data, options, delivery or asked
    return prepare((answer, item[1]) if _has_envelope(item) and not _has_envelope(answer) else answer)


def _message_of(item: Any, answer: Any) -> Any:
    """The content to send: a message, or octets."""
    given = item if answer is None else answer
    message = given[0] if _has_envelope(given) else given
    return message[2] if isinstance(message, tuple) and len(message) == 3 else message


def _look(how: str, message: Any, data: Any) -> None:
    """Logs or refuses what receivers would object to."""
    from rsmtp._lint.finding import LintError
    from rsmtp._lint.run import lint

    found = lint(message if hasattr(message, "get_all") else bytes(data))
    if how == "refuse" and found.errors:
        raise LintError(found.errors)
    if told := found.at_least("warning"):
        for finding in told:
            _warn("lint: %s: %s", finding, finding.advice)


def _warn(text: str, *values: Any) -> None:
    """Logs a warning that the caller has asked for. Where logging isn't configured it goes to standard
    error, as warnings do; the engine's NullHandler keeps the others from that."""
    import logging

    logger = logging.getLogger("rsmtp.mail")
    handlers: list[logging.Handler] = []
    above: logging.Logger | None = logger
    while above is not None:
        handlers += above.handlers
        above = above.parent if above.propagate else None
    if not handlers or not all(isinstance(one, logging.NullHandler) for one in handlers):
        logger.warning(text, *values)
    elif logging.lastResort is not None and logger.isEnabledFor(logging.WARNING):
        record = logger.makeRecord(logger.name, logging.WARNING, __file__, 0, text, values, None)
        logging.lastResort.handle(record)


def _has_envelope(item: Any) -> bool:
    return isinstance(item, tuple) and len(item) == 2


def _unfit(index: int, item: Any, why: Exception) -> BadRow:
    if hasattr(item, "_for_hooks"):
        # It could be sent when it was stored, so it may succeed another time.
        why._of_rules = True  # type: ignore[attr-defined]
    return bad_row(index, item, why)


def _left(awaitable: Any) -> None:
    """Closes the coroutine, because Python warns about one that is never awaited."""
    if hasattr(awaitable, "close"):
        awaitable.close()


async def _asynchronous(items: Iterable[Any] | AsyncIterable[Any]) -> AsyncIterator[Any]:
    if hasattr(items, "__aiter__"):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


# -- the rules -----------------------------------------------------------------------------


def _suppression(given: Any) -> Callable[[str], Any]:
    if hasattr(given, "_why_suppressed"):
        return lambda address: given._why_suppressed(folded(address))
    if callable(given):
        asked: Callable[[str], Any] = given
        return asked
    if isinstance(given, (str, bytes)) or not hasattr(given, "__iter__"):
        raise arguments.wanted("suppression", "addresses, a function of one, or an Outbox,", given)
    addresses = {folded_address("suppression", one) for one in given}
    return lambda address: folded(address) in addresses


def _patterns(given: Any) -> list[str]:
    if isinstance(given, (str, bytes)) or not hasattr(given, "__iter__"):
        raise arguments.wanted("allow", "a list of addresses and patterns such as '*@example.com'", given)
    patterns = [folded(arguments.text("allow", one)) for one in given]
    for pattern in patterns:
        if "@" not in pattern:
            raise ValueError(f"allow: {pattern!r} has no @: a domain is '*@{pattern}'")
    return patterns


def _fits(patterns: list[str], address: str) -> bool:
    key = folded(address)
    return any(fnmatch.fnmatchcase(key, pattern) for pattern in patterns)


def folded_address(argument: str, given: Any) -> str:
    """A key that is equal for two spellings of one mailbox."""
    return folded(_one_address_of(argument, given))


def _one_address(given: Any) -> str:
    address = _one_address_of("redirect", given)
    _, (normal,) = _envelope("", [address])
    return normal


def _one_address_of(argument: str, given: Any) -> str:
    found = addresses_in(argument, arguments.text(argument, given))
    if len(found) != 1:
        raise ValueError(f"{argument}: one address is wanted, not {given!r}")
    return found[0]


def _log(suppressed: list[tuple[str, str]]) -> None:
    if (logging := if_loaded("logging")) is not None:
        words = "; ".join(f"{address} ({why})" for address, why in suppressed[:10])
        more = f" and {len(suppressed) - 10} more" if len(suppressed) > 10 else ""
        logging.getLogger("rsmtp.mail").info("suppressed: %s%s", words, more)
