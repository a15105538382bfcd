"""Providers of mail by name: their servers, what they want at the login, and their limits.

    rsmtp.Mailer("gmail://ann@gmail.com", password=password)
    rsmtp.Mailer(provider="gmail", user="ann@gmail.com", password=password)

`PROVIDERS` has all of them by name, each with where that is written and when it was read;
``rsmtp providers`` prints them. A `Provider` of one's own is taken wherever a name is.
"""

from __future__ import annotations

from rsmtp._common import arguments
from rsmtp._common.tracebacks import public
from rsmtp.providers import mailboxes, relays
from rsmtp.providers.provider import Provider

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["PROVIDERS", "Provider", "find"]

#: Those whose mailboxes people have, and then those that send for programs.
PROVIDERS: Mapping[str, Provider] = {row.name: row for row in (*mailboxes.ROWS, *relays.ROWS)}

_BY_NAME = {name: row for row in PROVIDERS.values() for name in (row.name, *row.aliases)}
_BY_DOMAIN = {domain: row for row in PROVIDERS.values() for domain in row.domains}


@public
def find(name: str | Provider) -> Provider:
    """The provider of this name: "gmail", another one of its names, or the domain of its addresses.
    ValueError for an unknown one, with the nearest."""
    if isinstance(name, Provider):
        return name
    if not isinstance(name, str):
        raise arguments.wanted("provider", "a name, or a Provider,", name)
    if row := by_name(name) or _BY_DOMAIN.get(name.strip().lower()):
        return row
    if name.strip().lower() in relays.WITHOUT_REGION:
        near = "; Amazon SES has a server in each region, as 'ses-eu-west-1'."
    else:
        near = arguments.meant(name, PROVIDERS) or "."
    raise ValueError(
        f"provider: {name!r} is not known{near} `rsmtp providers` lists them; any other server is "
        "named by host="
    )


def by_name(name: str) -> Provider | None:
    """The provider of this name, if there is one."""
    folded = name.strip().lower()
    return _BY_NAME.get(folded) or relays.of_region(folded)


def at_host(host: str) -> Provider | None:
    """Whose server this is."""
    folded = host.lower().rstrip(".")
    for row in PROVIDERS.values():
        if row.host == folded:
            return row
    return relays.at_host(folded)
