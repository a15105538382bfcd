"""The password: from the environment, the keyring or a prompt. It is never an argument,
because every user of the machine can read arguments (ps)."""

import os
import sys

from rsmtp._mailer.servers import Server
from rsmtp.cli.exit_code import NO_PERMISSION, Stop
from rsmtp.cli.server import Target


def with_password(target: Target) -> Target:
    """Adds the password of the login, if there is a login. Raises Stop if no password is found."""
    place = target.place
    if place is None or place.username is None or (place.password or place.access_token) is not None:
        return target
    if not takes_secret(place.mechanism):
        return target
    return target.with_password(password_for(place))


def takes_secret(mechanism: str | None) -> bool:
    """Whether the mechanism uses a password or a token, and not a ticket or a certificate."""
    return mechanism is None or mechanism.upper() not in ("EXTERNAL", "GSSAPI")


def password_for(server: Server) -> str:
    """The password of `server.username`. Raises Stop if there is none."""
    if isinstance(server.password, str):
        return server.password
    if server.password is not None:
        from rsmtp._client.credentials import ask

        return ask("password", server.password, server.timeout)
    found = os.environ.get("RSMTP_PASSWORD") or _from_keyring(server)
    if found is None and sys.stderr.isatty():
        import getpass

        try:
            # getpass reads from the terminal itself, because standard input may be the message.
            found = getpass.getpass(f"Password of {server.username} at {server.host}: ")
        except EOFError:
            found = None
    if not found:
        raise Stop(
            NO_PERMISSION,
            f"no password for {server.username} at {server.host}: set RSMTP_PASSWORD, run it in a terminal "
            "to be asked, or `pip install 'rsmtp[keyring]'` and "
            f"`keyring set {server.host} {server.username}`",
        )
    return found


def _from_keyring(server: Server) -> str | None:
    """The password stored with ``keyring set HOST USER``. None if the library is not installed."""
    from importlib.util import find_spec

    if find_spec("keyring") is None:
        return None
    from rsmtp.credentials.base import CredentialError
    from rsmtp.credentials.local import from_keyring

    try:
        return from_keyring(server.host, server.username or "")
    except CredentialError as error:
        print(f"rsmtp: {error}", file=sys.stderr)
        return None
