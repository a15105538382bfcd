"""Secrets on this machine: from the environment, a file, the keyring, .netrc, or the output of a
program. Each is read again for each session, because it may have changed."""

from __future__ import annotations

import os

from rsmtp._common import arguments
from rsmtp._common.annotations import later
from rsmtp._common.tracebacks import public
from rsmtp.credentials.base import Credential, CredentialError, Secretive, library, one_line

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
else:
    later(globals(), "Sequence")


class _Env(Credential):
    def __init__(self, name: str) -> None:
        if not arguments.text("name", name) or "=" in name or "\0" in name:
            raise ValueError(f"name: {name!r} can't be the name of a variable")
        self._name = name

    def _shown(self) -> str:
        return repr(self._name)

    def __call__(self, force: bool = False) -> str:
        found = os.environ.get(self._name)
        if not found:
            why = "is not set" if found is None else "is empty"
            raise CredentialError(f"the environment variable {self._name} {why}")
        return found


@public
def env(name: str) -> Credential:
    """The value of an environment variable."""
    return _Env(name)


class _File(Credential):
    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = arguments.path("path", path)

    def _shown(self) -> str:
        return repr(self._path)

    def __call__(self, force: bool = False) -> str:
        path = os.path.expandvars(os.path.expanduser(self._path))
        try:
            with open(path, encoding="utf-8") as opened:
                text = opened.read(_LONGEST + 1)
        except OSError as error:
            raise CredentialError(f"{path!r} can't be read: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise CredentialError(f"{path!r} is not text in UTF-8") from None
        return _only_line(text, repr(path))


@public
def file(path: str | os.PathLike[str]) -> Credential:
    """The single line of a file. `~` and variables in the path are expanded: Docker's secrets are in
    `/run/secrets/NAME`, systemd's (LoadCredential=) in `$CREDENTIALS_DIRECTORY/NAME`."""
    return _File(path)


_LONGEST = 100_000


def _only_line(text: str, where: str) -> str:
    line = text.removesuffix("\n").removesuffix("\r")
    if not line:
        raise CredentialError(f"{where} is empty")
    if "\n" in line or len(line) > _LONGEST:
        raise CredentialError(f"{where} holds more than one line: it is to hold the secret alone")
    return line


class _Command(Secretive):
    def __init__(self, command: str | Sequence[str], timeout: float) -> None:
        if isinstance(command, str):
            import shlex

            try:
                self._words = shlex.split(command)
            except ValueError:
                raise ValueError("command: a quotation mark in it is not closed") from None
        elif isinstance(command, (bytes, type)) or not hasattr(command, "__iter__"):
            raise arguments.wanted("command", "a str, or a list of str,", command)
        else:
            self._words = [arguments.secret("command", word) for word in command]
        if not self._words or any("\0" in word for word in self._words):
            raise ValueError("command: the name of a program is wanted, and its arguments")
        self._timeout = arguments.amount("timeout", timeout)

    def _shown(self) -> str:
        # The arguments may be secrets themselves.
        return repr(self._words[0]) + (" ..." if len(self._words) > 1 else "")

    def __call__(self, force: bool = False) -> str:
        import subprocess

        program = repr(self._words[0])
        try:
            done = subprocess.run(
                self._words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                timeout=self._timeout,
                check=False,
            )
        except OSError as error:
            raise CredentialError(f"{program} can't be run: {error.strerror or error}") from None
        except subprocess.TimeoutExpired:
            raise CredentialError(
                f"{program} took longer than {self._timeout:g} s, and was ended", transient=True
            ) from None
        if done.returncode:
            raise CredentialError(f"{program} ended with status {done.returncode}")
        try:
            # Programs like `pass` print notes below the password.
            line = done.stdout.decode().partition("\n")[0].removesuffix("\r")
        except UnicodeDecodeError:
            raise CredentialError(f"{program} printed what is not text in UTF-8") from None
        if not line:
            raise CredentialError(f"{program} printed nothing in its first line")
        return line


@public
def command(command: str | Sequence[str], *, timeout: float = 60.0) -> Credential:
    """The first line that a program prints, for example `pass show mail`. It runs without a shell; its
    standard error goes to ours. `timeout`: seconds after which it is stopped."""
    return _Command(command, timeout)


class _Keyring(Credential):
    def __init__(self, service: str, username: str) -> None:
        for name, value in (("service", service), ("username", username)):
            if not arguments.text(name, value):
                raise ValueError(f"{name}: it is empty")
        self._service, self._username = service, username

    def _shown(self) -> str:
        return f"{self._service!r}, {self._username!r}"

    def __call__(self, force: bool = False) -> str:
        found = from_keyring(self._service, self._username)
        if not found:
            raise CredentialError(
                f"the keyring has no password for {self._username} at {self._service}: "
                f"keyring set {self._service} {self._username}"
            )
        return found


@public
def keyring(service: str, username: str) -> Credential:
    """A password from the system's keyring, stored there with `keyring set SERVICE USERNAME`. In a URL,
    `keyring:` uses the host and its user. Needs `pip install 'rsmtp[keyring]'`."""
    return _Keyring(service, username)


def from_keyring(service: str, username: str) -> str | None:
    """None: there is none."""
    found = library("keyring", "keyring", "credentials.keyring()")
    try:
        password: str | None = found.get_password(service, username)
    except Exception as error:  # Backends are plugins: D-Bus, files, anything.
        raise CredentialError(f"the keyring gives no password: {one_line(error)}") from error
    return password


class _Netrc(Credential):
    def __init__(self, host: str, username: str | None, path: str | os.PathLike[str] | None) -> None:
        if not arguments.text("host", host):
            raise ValueError("host: it is empty")
        self._host, self._username = host, arguments.maybe_text("username", username)
        self._path = arguments.maybe_path("path", path)

    def _shown(self) -> str:
        return repr(self._host) if self._path is None else f"{self._host!r} in {self._path!r}"

    def __call__(self, force: bool = False) -> str:
        return self.entry()[1]

    def entry(self) -> tuple[str, str]:
        """User name and password."""
        import netrc

        path = os.path.expanduser(self._path or os.environ.get("NETRC") or "~/.netrc")
        try:
            found = netrc.netrc(path).authenticators(self._host)
        except netrc.NetrcParseError as error:
            # The library's message may show a password.
            place = "" if error.lineno is None else f", line {error.lineno}"
            raise CredentialError(f"{path!r}{place}: it can't be read, or others may read it") from None
        except OSError as error:
            raise CredentialError(f"{path!r} can't be read: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise CredentialError(f"{path!r} is not text in UTF-8") from None
        if found is None or not found[2]:
            raise CredentialError(f"{path!r} has no password for {self._host}")
        user, _, password = found
        if self._username is not None and user and user != self._username:
            raise CredentialError(
                f"{path!r} has a password of another user than {self._username} for {self._host}"
            )
        return user, password


@public
def netrc(
    host: str, username: str | None = None, *, path: str | os.PathLike[str] | None = None
) -> Credential:
    """The password for a host from `~/.netrc` (or the file that the variable NETRC names); with a user
    name, only that user's. In a URL, `netrc:` uses the URL's host and user."""
    return _Netrc(host, username, path)
