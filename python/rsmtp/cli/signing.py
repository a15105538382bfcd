"""A DKIM signature from flags: for `rsmtp send`, and for commands that run an outbox."""

from __future__ import annotations

from rsmtp._rsmtp import Dkim
from rsmtp.cli.exit_code import USAGE, Stop

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from rsmtp.cli.compose import Outgoing
    from rsmtp.cli.plain import Declares


def add_arguments(parser: Declares) -> None:
    group = parser.add_argument_group("DKIM signature (`rsmtp dkim new` makes a key)")
    group.add_argument("--dkim-key", metavar="FILE", help="sign with this private key (PEM)")
    group.add_argument("--dkim-selector", metavar="NAME", help="the key's name in the DNS")
    group.add_argument(
        "--dkim-domain", metavar="DOMAIN", help="the domain that signs; send: default, that of From"
    )


def from_arguments(given: argparse.Namespace, outgoing: Outgoing | None = None) -> Dkim | None:
    """The signature according to the flags. If they name no domain, it is that of the message's From.
    Raises Stop."""
    if given.dkim_key is None:
        for name in ("selector", "domain"):
            if getattr(given, f"dkim_{name}") is not None:
                raise Stop(USAGE, f"--dkim-{name} goes with --dkim-key, the file of the private key")
        return None
    if given.dkim_selector is None:
        raise Stop(USAGE, "--dkim-selector is missing: under which name is the key in the DNS?")
    domain = given.dkim_domain or (outgoing.domain if outgoing else None)
    if not domain:
        raise Stop(USAGE, "--dkim-domain is missing: which domain signs?")
    return made(domain, given.dkim_selector, given.dkim_key, "dkim-")


def made(domain: str, selector: str, key: str, flags: str) -> Dkim:
    """Raises Stop, which names the flag that is wrong."""
    from pathlib import Path

    try:
        return Dkim(domain, selector, Path(key))
    except OSError as error:
        from rsmtp.cli.reading import not_read

        raise not_read(error, key=f"--{flags}key") from None
    except ValueError as error:
        raise Stop(USAGE, f"--{flags}{error}") from None
