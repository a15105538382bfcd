"""One provider: where its server is, who may log in, and what it takes."""

from __future__ import annotations

from rsmtp._common import arguments
from rsmtp._common.tracebacks import public

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Literal, Self

    from rsmtp.typing import Tls

#: What a provider's megabyte is taken for; some mean a little less.
MB = 1024 * 1024
#: Nothing but TLS from the first octet is spoken there (RFC 8314 3.3).
SMTPS_PORT = 465


@public
class Provider:
    """A server that many people send by, or one of your own for several programs. It can't be
    changed; `replace` gives another one.

        relay = Provider("relay", "relay.example.org", recipients=50, rate=5)
        rsmtp.Mailer(provider=relay, user="app", password=password)

    Args:
        name: what it is called as `provider=` and as a URL's scheme.
        host, port, tls: its server, and how TLS comes up: "starttls", "implicit" or "none". Without
            `tls`, the port tells: "implicit" with 465, else "starttls".
        title: its name for people. Default: `name`.
        login: what it takes as a password, in words ("an app password"). Where it is empty, mail
            is taken without a login, too.
        user_is: whose or which name logs in, in words.
        username: the name that is the same for all accounts, where there is one.
        domains: of the addresses that it gives out.
        aliases: other names.
        recipients: of one message at most. A mailer sends a message with more in several parts.
        size: octets of an encoded message at most. A larger one is refused before it is sent.
        rate: messages per second at most: a mailer's default for its `rate`.
        per_session: messages of one session at most: a mailer's default for its `max_messages`.
        per_day: messages or recipients, as `per_day_of` says, of one account in 24 hours. It is
            told, not held: other programs send, too. `Mailer(per_day=...)` holds one, and counts
            what `per_day_of` says.
        note: what else has to be known, in one sentence.
        sources: where all of this is written.
        read: when that was read, as "2026-11-27".

    A limit that is None is not known: the server may have one, and say so itself.
    """

    __slots__ = (
        "aliases",
        "domains",
        "host",
        "login",
        "name",
        "note",
        "per_day",
        "per_day_of",
        "per_session",
        "port",
        "rate",
        "read",
        "recipients",
        "size",
        "sources",
        "title",
        "tls",
        "user_is",
        "username",
    )

    name: str
    host: str
    port: int
    tls: Tls
    title: str
    login: str
    user_is: str
    username: str | None
    domains: tuple[str, ...]
    aliases: tuple[str, ...]
    recipients: int | None
    size: int | None
    rate: float | None
    per_session: int | None
    per_day: int | None
    per_day_of: Literal["messages", "recipients"]
    note: str
    sources: tuple[str, ...]
    read: str

    def __init__(
        self,
        name: str,
        host: str,
        port: int = 587,
        tls: Tls | None = None,
        *,
        title: str | None = None,
        login: str = "",
        user_is: str = "the whole address",
        username: str | None = None,
        domains: tuple[str, ...] = (),
        aliases: tuple[str, ...] = (),
        recipients: int | None = None,
        size: int | None = None,
        rate: float | None = None,
        per_session: int | None = None,
        per_day: int | None = None,
        per_day_of: Literal["messages", "recipients"] = "messages",
        note: str = "",
        sources: tuple[str, ...] = (),
        read: str = "",
    ) -> None:
        given = dict(locals())
        del given["self"]
        arguments.text("name", name)
        arguments.host_name("host", host)
        if not host:
            raise ValueError("host: it is empty")
        arguments.port("port", port)
        if tls is None:
            given["tls"] = "implicit" if port == SMTPS_PORT else "starttls"
        else:
            arguments.one_of("tls", tls, ("starttls", "implicit", "none"))
        arguments.one_of("per_day_of", per_day_of, ("messages", "recipients"))
        for argument in ("recipients", "size", "per_session", "per_day"):
            if given[argument] is not None:
                arguments.whole(argument, given[argument], 1, 2**53, "a whole number from 1 on")
        if rate is not None:
            arguments.amount("rate", rate)
        for argument in ("login", "user_is", "note", "read"):
            arguments.text(argument, given[argument])
        arguments.maybe_text("username", username)
        given["title"] = name if title is None else arguments.text("title", title)
        for argument in ("domains", "aliases", "sources"):
            given[argument] = tuple(arguments.texts(argument, given[argument]))
        for field, value in given.items():
            object.__setattr__(self, field, value)

    def replace(self, **changes: Any) -> Self:
        """Another one that differs in these arguments: a larger quota, say."""
        fields = {name: getattr(self, name) for name in self.__slots__}
        if "port" in changes:
            fields["tls"] = None
        return type(self)(**(fields | changes))

    def way(self, port: int, tls: Tls | None) -> tuple[int, Tls | None]:
        """Port and TLS where these are given: 0 and None stand for the provider's own. On another
        port, TLS is what the port is for."""
        if not port:
            return (self.port, self.tls) if tls in (None, self.tls) else (0, tls)
        if tls is None:
            tls = "implicit" if port == SMTPS_PORT else "starttls" if self.tls == "implicit" else self.tls
        return port, tls

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError("a Provider can't be changed: its replace() gives another one")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a Provider can't be changed")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Provider) and self._facts() == other._facts()

    def __hash__(self) -> int:
        return hash(self._facts())

    def __reduce__(self) -> Any:
        return _again, (type(self), {name: getattr(self, name) for name in self.__slots__})

    def _facts(self) -> tuple[Any, ...]:
        return tuple(getattr(self, name) for name in Provider.__slots__)

    def __repr__(self) -> str:
        return f"<Provider {self.name}: {self.host}:{self.port}>"


def _again(kind: type[Provider], facts: dict[str, Any]) -> Provider:
    return kind(**facts)
