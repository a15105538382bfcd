"""The envelope of a message: its sender, its recipients, and the options of its delivery.

from rsmtp import DeliverBy, Dsn, Envelope, Rcpt

envelope = Envelope(
    "ann@example.org",
    [Rcpt("bob@example.com", dsn=Dsn(notify=["success", "failure"])), "carol@example.net"],
    dsn=Dsn(ret="headers", envid="invoice/7"),
)
mailer.send(message, envelope=envelope)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal, Self

from rsmtp._client import outgoing
from rsmtp._common import arguments
from rsmtp._common.tracebacks import public
from rsmtp._rsmtp import DeliveryOptions, _envelope

if TYPE_CHECKING:
    import rsmtp

__all__ = ["DeliverBy", "Dsn", "Envelope", "Notice", "Rcpt"]

#: The events about which the sender of a message may be notified.
Notice = Literal["success", "failure", "delay", "never"]


@public
class _Value:
    """The base of these classes: `repr` and `to_dict` have only the arguments that were given."""

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self._given())
        return f"{type(self).__name__}({given})"

    def _given(self) -> Iterator[tuple[str, Any]]:
        for field in fields(self):  # type: ignore[arg-type]
            if (value := getattr(self, field.name)) != field.default:
                yield field.name, value

    def to_dict(self) -> dict[str, Any]:
        """The arguments that were given, for JSON."""
        return {name: _written(value) for name, value in self._given()}

    @classmethod
    def from_dict(cls, told: dict[str, Any]) -> Self:
        """The object that `to_dict` has written. Raises ValueError or TypeError for anything else."""
        if not isinstance(told, dict):
            raise arguments.wanted("told", "what to_dict() writes", told)
        unknown = told.keys() - {field.name for field in fields(cls)}  # type: ignore[arg-type]
        if unknown:
            raise ValueError(f"{min(unknown)!r}: {cls.__name__} has no field of this name")
        return cls(**{name: _read(name, value) for name, value in told.items()})


@public
@dataclass(frozen=True, repr=False)
class Dsn(_Value):
    """Which notices about a message the sender wants (RFC 3461).

    Args:
        notify: "success", "failure" and "delay", one or several: a notice is sent when the
            message was delivered, when it can't be delivered, or when it takes long. "never" alone:
            no notice. Default: the server decides; most notify of failures.
        orcpt: the address that the sender used originally; a notice names it. It is for a message
            that is forwarded to another address. Only for a recipient.
        ret: whether a notice of failure contains the "full" message or its "headers". Only for the
            message. Default: the server decides.
        envid: an identifier by which the sender recognises the message in a notice: up to 100
            printable ASCII characters. Only for the message.

    Raises ValueError for a value that RFC 3461 does not allow.
    """

    notify: Notice | Iterable[Notice] | None = None
    orcpt: str | None = None
    ret: Literal["full", "headers"] | None = None
    envid: str | None = None

    def __post_init__(self) -> None:
        if self.notify is not None:
            given = arguments.texts("notify", [self.notify] if isinstance(self.notify, str) else self.notify)
            object.__setattr__(self, "notify", tuple(one.lower() for one in given))
        for name in ("orcpt", "ret", "envid"):
            arguments.maybe_text(name, getattr(self, name))
        if self.ret is not None:
            arguments.one_of("ret", self.ret, ("full", "headers"))
        DeliveryOptions(ret=self.ret, envid=self.envid, own=[("a@b", self._events, self.orcpt, None)])

    @property
    def _events(self) -> list[str] | None:
        return None if self.notify is None else list(self.notify)


@public
@dataclass(frozen=True, repr=False)
class DeliverBy(_Value):
    """The time within which a message must be delivered (RFC 2852).

    Args:
        seconds: the time from when the server is told, in seconds or as a timedelta.
        otherwise: "notify": the sender is notified of the delay. "return": the message is returned,
            and not delivered later.
        trace: ask for a notice from the last server that supports this option, when it passes the
            message to a server that does not.

    Raises ValueError for more than 999,999,999 seconds, and for "return" without time left.
    """

    seconds: float | timedelta
    otherwise: Literal["notify", "return"] = "notify"
    trace: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "seconds", _seconds("seconds", self.seconds, math.floor))
        arguments.one_of("otherwise", self.otherwise, ("notify", "return"))
        arguments.flag("trace", self.trace)
        DeliveryOptions(deliver_by=self._parts)

    @property
    def _parts(self) -> tuple[int, bool, bool]:
        assert isinstance(self.seconds, int)
        return self.seconds, self.otherwise == "return", self.trace


@public
@dataclass(frozen=True, repr=False)
class Rcpt(_Value):
    """One recipient of an envelope, with its options: the arguments of RCPT.

    Args:
        address: "bob@example.org", or (name, address).
        dsn: its `notify` and `orcpt`. Default: those of the envelope.
        valid_since: the recipient has had the address since this time (RFC 7293). The message is
            not delivered to a newer mailbox, which may belong to another person. A datetime with
            a time zone, or seconds since 1970.
    """

    address: str | tuple[str, str]
    dsn: Dsn | None = None
    valid_since: datetime | float | None = None

    def __post_init__(self) -> None:
        address = arguments.text("address", outgoing.one_address("address", self.address))
        object.__setattr__(self, "address", address)
        if self.dsn is not None:
            _check(self.dsn, "dsn", Dsn)
            for name in ("ret", "envid"):
                if getattr(self.dsn, name) is not None:
                    raise ValueError(f"dsn: {name} is of the whole message: Envelope(dsn=Dsn({name}=...))")
        if self.valid_since is not None:
            object.__setattr__(self, "valid_since", _moment("valid_since", self.valid_since, math.floor))
        DeliveryOptions(own=[self._own])

    @property
    def _own(self) -> tuple[str, list[str] | None, str | None, int | None]:
        events, orcpt = (None, None) if self.dsn is None else (self.dsn._events, self.dsn.orcpt)
        return str(self.address), events, orcpt, _unix(self.valid_since)

    @property
    def _is_plain(self) -> bool:
        return self.dsn is None and self.valid_since is None


@public
@dataclass(frozen=True, repr=False)
class Envelope(_Value):
    """The sender and the recipients of a message, and the options of its delivery.

    Args:
        sender: the reverse-path, "" for the null one. Default: the sender in the message's header.
        recipients: addresses, or `Rcpt` objects with their own options. Default: the recipients in
            the message's header.
        dsn: the notices to ask for (RFC 3461). Its `notify` applies to recipients without their
            own.
        require_tls: every server on the way has to pass the message on over verified TLS, or
            return it (RFC 8689). rsmtp refuses to send it without TLS, or with a certificate that
            is not verified.
        tls_optional: delivery is more important than TLS: the field ``TLS-Required: No`` is added
            to the message (RFC 8689 5).
        hold_for, hold_until: the server sends the message later (RFC 4865): after this many seconds
            (or a timedelta), or at this time: a datetime with a time zone, or seconds since
            1970.
        deliver_by: seconds (or a timedelta) after which the sender is notified that the message has not
            been delivered; a `DeliverBy` can have it returned instead (RFC 2852).
        priority: from -9 to 9, for the servers on the way (RFC 6710). The importance that mail
            programs show is the message's own.
        binary: the content is sent as it is (RFC 3030, BINARYMIME). The attachments of a message go
            without base64, a quarter smaller; what is signed stays as it is. Octets, whose parts are
            ``Content-Transfer-Encoding: binary``, are sent octet for octet.
        xverp: the server makes a sender of its own for each recipient: "+=" makes
            ``news+bob=example.org@example.com`` for the sender news@example.com and the recipient
            bob@example.org, so that a bounce tells whom it is about. Two of the characters - = +.
            Postfix has this, for clients in its ``smtpd_authorized_verp_clients``.
        if_offered: the options apply only if the server offers them. Without it, a message is not
            sent to a server that lacks one. With it, the message may be sent without notices,
            without a priority, and without `valid_since` and `xverp`, its attachments in base64. It
            is never sent without `require_tls`, `hold_for`, `hold_until`, or a `deliver_by` that
            returns it; binary octets are never sent without `binary`.

    Raises ValueError, which names the argument, for invalid values.
    """

    sender: str | tuple[str, str] | None = None
    recipients: str | Iterable[str | tuple[str, str] | Rcpt] | None = None
    dsn: Dsn | None = None
    require_tls: bool = False
    tls_optional: bool = False
    hold_for: float | timedelta | None = None
    hold_until: datetime | float | None = None
    deliver_by: float | timedelta | DeliverBy | None = None
    priority: int | None = None
    binary: bool = False
    if_offered: bool = False
    xverp: str | None = None

    def __post_init__(self) -> None:
        def put(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        if self.sender is not None:
            put("sender", arguments.text("sender", outgoing.one_address("sender", self.sender)))
        if self.recipients is not None:
            put("recipients", _rcpts(self.recipients))
        if self.dsn is not None:
            _check(self.dsn, "dsn", Dsn)
            if self.dsn.orcpt is not None:
                raise ValueError("dsn: orcpt is of one recipient: Rcpt(address, dsn=Dsn(orcpt=...))")
        for name in ("require_tls", "tls_optional", "binary", "if_offered"):
            arguments.flag(name, getattr(self, name))
        if self.hold_for is not None:
            put("hold_for", _seconds("hold_for", self.hold_for, math.ceil))
        if self.hold_until is not None:
            put("hold_until", _moment("hold_until", self.hold_until, math.ceil))
        if self.deliver_by is not None and not isinstance(self.deliver_by, DeliverBy):
            put("deliver_by", DeliverBy(_seconds("deliver_by", self.deliver_by, math.floor)))
        if self.priority is not None:
            arguments.whole("priority", self.priority, -9, 9, "a whole number from -9 to 9")
        arguments.maybe_text("xverp", self.xverp)
        self._check_together()
        self.__dict__["_made"] = self._make()

    def _check_together(self) -> None:
        if self.xverp is not None and self.sender == "":
            raise ValueError("xverp: the sender is the null one: there is none to make others of")
        if self.hold_for is not None and self.hold_until is not None:
            raise ValueError("hold_until: hold_for is given, too: say one of them (RFC 4865 3)")
        if self.require_tls and self.tls_optional:
            raise ValueError("tls_optional: require_tls asks for the opposite")
        if isinstance(self.deliver_by, DeliverBy) and isinstance(self.hold_for, int):
            within = self.deliver_by._parts[0]
            if within <= self.hold_for:
                raise ValueError(
                    f"deliver_by: the message is to be held for {self.hold_for} s, and can't be delivered "
                    f"within {within} s"
                )

    def _make(self) -> DeliveryOptions | None:
        """The options for the engine. None: no options."""
        dsn, by = self.dsn or Dsn(), self.deliver_by
        own = [one._own for one in self.recipients or () if isinstance(one, Rcpt) and not one._is_plain]
        options: dict[str, Any] = {
            "ret": dsn.ret, "envid": dsn.envid, "require_tls": self.require_tls or None,
            "hold_for": self.hold_for, "hold_until": _unix(self.hold_until),
            "deliver_by": by._parts if isinstance(by, DeliverBy) else None, "priority": self.priority,
            "binary": self.binary or None, "xverp": self.xverp, "notify": dsn._events, "own": own or None,
        }  # fmt: skip
        given = {name: value for name, value in options.items() if value is not None}
        return DeliveryOptions(**given, if_offered=self.if_offered) if given else None

    @property
    def _delivery(self) -> DeliveryOptions | None:
        made: DeliveryOptions | None = self.__dict__["_made"]
        return made

    @classmethod
    def of(cls, message: rsmtp.typing.AnyMessage) -> Self:
        """The envelope in a message's header. `dataclasses.replace` adds options to it."""
        paths = outgoing.envelope_of(message, None, None)
        return cls(paths.sender, paths.recipients)

    @property
    def _from(self) -> str | None:
        return None if self.sender is None else str(self.sender)

    @property
    def addresses(self) -> list[str] | None:
        """The recipients' addresses; None if the message's header names them."""
        if self.recipients is None:
            return None
        return [str(one.address) for one in self.recipients if isinstance(one, Rcpt)]

    def _narrowed(self, sender: str, addresses: list[str]) -> Self:
        """The same from this sender to these recipients, each with the options that it has here."""
        _, own = _envelope("", self.addresses or [])
        known = dict(zip(own, self.recipients or (), strict=True))
        return replace(self, sender=sender, recipients=[known.get(one, one) for one in addresses])

    @property
    def mail_options(self) -> list[str]:
        """The options of MAIL, such as "RET=HDRS", if the server offers them."""
        return [] if self._delivery is None else self._delivery.mail

    @property
    def rcpt_options(self) -> dict[str, list[str]]:
        """The options of RCPT for each address, such as "NOTIFY=NEVER". The key "" stands for all
        addresses without options of their own."""
        if (delivery := self._delivery) is None:
            return {}
        of_each = {address: delivery.rcpt(address) for address in self.addresses or [""]}
        return {address: options for address, options in of_each.items() if options}

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        """For notebooks: the sender, the recipients and the options, as they are sent."""
        from rsmtp.display import envelope

        return envelope.bundle(self)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self).from_dict, (self.to_dict(),)

    def __hash__(self) -> int:
        return hash(tuple(self._given()))


def _rcpts(given: Any) -> tuple[Rcpt, ...]:
    if isinstance(given, (str, Rcpt)):
        given = [given]
    elif isinstance(given, tuple) and any(isinstance(one, str) for one in given):
        given = [outgoing.the_recipient("recipients", given)]
    elif isinstance(given, (bytes, bytearray)) or not hasattr(given, "__iter__"):
        raise arguments.wanted("recipients", "an address, a Rcpt or a list of them", given)
    found = tuple(one if isinstance(one, Rcpt) else Rcpt(one) for one in given)
    if not found:
        raise ValueError("recipients: the list is empty")
    return found


def _check(value: Any, name: str, kind: type) -> None:
    if not isinstance(value, kind):
        raise arguments.wanted(name, f"a {kind.__name__}", value)


def _seconds(name: str, given: Any, whole: Any) -> int:
    if isinstance(given, timedelta):
        given = given.total_seconds()
    number = arguments.number(name, given)
    if not abs(number) < 1e12:
        raise ValueError(f"{name}: {given!r} is no number of seconds")
    return int(whole(number))


def _moment(name: str, given: Any, whole: Any) -> datetime:
    """The time in UTC, without fractions of a second."""
    if not isinstance(given, datetime):
        if isinstance(given, bool) or not isinstance(given, (int, float)):
            raise arguments.wanted(name, "a datetime or a time in seconds", given)
        seconds = arguments.number(name, given)
    elif given.tzinfo is None:
        raise ValueError(f"{name}: {given} has no time zone: datetime.now(timezone.utc), or .astimezone()")
    else:
        seconds = given.timestamp()
    try:
        return datetime.fromtimestamp(whole(seconds), UTC)
    except (OverflowError, OSError, ValueError):
        raise ValueError(f"{name}: {given!r} is no time between the years 1 and 9999") from None


def _unix(when: datetime | float | None) -> int | None:
    return int(when.timestamp()) if isinstance(when, datetime) else None


# -- to_dict and from_dict ----------------------------------------------------------------

_PARTS: dict[str, type[_Value]] = {"dsn": Dsn, "deliver_by": DeliverBy}
_TIMES = ("hold_until", "valid_since")


def _written(value: Any) -> Any:
    if isinstance(value, _Value):
        return value.to_dict()
    if isinstance(value, datetime):
        return value.isoformat()
    return [_written(one) for one in value] if isinstance(value, tuple) else value


def _read(name: str, value: Any) -> Any:
    if name in _PARTS and isinstance(value, dict):
        return _PARTS[name].from_dict(value)
    if name in _TIMES and isinstance(value, str):
        return datetime.fromisoformat(value)
    if name == "recipients" and isinstance(value, list):
        return [Rcpt.from_dict(one) if isinstance(one, dict) else one for one in value]
    return value
