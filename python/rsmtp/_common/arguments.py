"""Checks of a caller's arguments. Each error names the argument, what was given, and what is
accepted."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any


def kind(value: Any) -> str:
    """What was given, for people: None and numbers themselves, the type of anything else."""
    if value is None or isinstance(value, (bool, int, float)):
        shown = repr(value)
        return shown if len(shown) <= 40 else f"a number of {len(shown)} digits"
    return f"{type(value).__name__}"


def complete(error: BaseException) -> None:
    """Has the error leave off the next note: pyo3's, about an argument that the error names."""

    def leave_off(note: str) -> None:
        del error.add_note

    error.add_note = leave_off  # type: ignore[method-assign]


def wanted(name: str, what: str, value: Any) -> TypeError:
    return TypeError(f"{name}: {what} is wanted, not {kind(value)}")


def passed_on(name: str, known: str, error: Exception) -> Exception:
    """The error about a value of the argument `name` that was passed on as `known`."""
    told = str(error)
    own = told[len(known) :] if told.lower().startswith(known) else f": {told}"
    return type(error)(f"{name}{own}")


def text(name: str, value: Any) -> str:
    """A str that can be written in UTF-8."""
    if not isinstance(value, str):
        raise wanted(name, "a str", value)
    if not value.isascii():
        characters(name, value)
    return value


def characters(name: str, value: str) -> None:
    """Raises ValueError for surrogates, which can't be encoded."""
    if has_surrogates(value):
        raise ValueError(f"{name}: {value!r} contains surrogates, which are no characters")


def has_surrogates(text: str) -> bool:
    """Whether the text contains raw bytes (PEP 383) or halves of UTF-16 pairs. The codec's exception
    contains the whole text, so it is not passed on."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return True
    return False


def secret(name: str, value: Any) -> str:
    """The same for a value that must not be shown."""
    if not isinstance(value, str):
        raise TypeError(f"{name}: a str is wanted, not {type(value).__name__}")
    if has_surrogates(value):
        raise ValueError(f"{name}: it contains surrogates, which are no characters")
    return value


def secret_or_function(name: str, value: Any) -> Any:
    """A secret, or a callable that returns it."""
    if value is None or (callable(value) and not isinstance(value, type)):
        return value
    if not isinstance(value, str):
        raise TypeError(f"{name}: a text or a callable is wanted, not {type(value).__name__}")
    return secret(name, value)


def maybe_name(name: str, value: Any) -> str | None:
    """The name of a file. It may contain surrogates, as `os.fsdecode` makes them."""
    if value is not None and not isinstance(value, str):
        raise wanted(name, "a str", value)
    return value


def maybe_text(name: str, value: Any) -> str | None:
    return None if value is None else text(name, value)


def flag(name: str, value: Any) -> bool:
    # NumPy has a bool of its own.
    if not isinstance(value, bool) and type(value).__name__ not in ("bool", "bool_"):
        raise wanted(name, "True or False", value)
    return bool(value)


def number(name: str, value: Any) -> float:
    """Anything that Python accepts as a real number, but no text."""
    if isinstance(value, (str, bytes, bytearray)) or not (
        hasattr(value, "__float__") or hasattr(value, "__index__")
    ):
        raise wanted(name, "a number", value)
    if isinstance(value, type):
        raise wanted(name, "a number", value)
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"{name}: {kind(value)} is too large") from None


def maybe_number(name: str, value: Any) -> float | None:
    return None if value is None else number(name, value)


def amount(name: str, value: Any) -> float:
    """A number greater than 0, and not beyond what is ever wanted."""
    given = number(name, value)
    if not 0 < given < 1e9:
        limit = " and below 1,000,000,000" if given >= 1e9 else ""
        raise ValueError(f"{name}: {kind(value)} is not a number over 0{limit}")
    return given


# More of anything than is ever wanted.
MOST = 2**31


def whole(name: str, value: Any, least: int, most: int, what: str) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__") or isinstance(value, type):
        raise ValueError(f"{name}: {kind(value)} is not {what}")
    given = value.__index__()
    if not least <= given <= most:
        raise ValueError(f"{name}: {kind(given)} is not {what}")
    return int(given)


# The names of arguments in other libraries.
_ELSEWHERE = {
    "attach": "attachments",
    "attachment": "attachments",
    "body": "text",
    "body_images": "inline",
    "ca_certs": "ca_file",
    "cafile": "ca_file",
    "cert_bundle": "ca_file",
    "content": "text",
    "contents": "text",
    "files": "attachments",
    "from_addr": "from_",
    "from_email": "from_",
    "hostname": "host",
    "html_body": "html",
    "ical": "calendar",
    "images": "inline",
    "inline_images": "inline",
    "invite": "calendar",
    "list_unsubscribe": "unsubscribe",
    "login": "username",
    "max_connections": "connections",
    "max_retries": "retries",
    "plain": "text",
    "pool_size": "connections",
    "rate_limit": "rate",
    "receivers": "to",
    "recipient": "to",
    "recipients": "to",
    "secure": "tls",
    "sender": "from_",
    "server": "host",
    "ssl": "tls",
    "ssl_context": "context",
    "start_tls": "tls",
    "starttls": "tls",
    "text_body": "text",
    "title": "subject",
    "tls_context": "context",
    "to_addrs": "to",
    "to_email": "to",
    "use_ssl": "tls",
    "use_starttls": "tls",
    "use_tls": "tls",
    "validate_certs": "context",
    "verify": "context",
}


# Other libraries' functions that send take these themselves.
_OF_A_MESSAGE = frozenset({"text", "html", "subject", "from_", "to", "cc", "bcc", "reply_to", "attachments"})


def meant(given: str, known: Iterable[str]) -> str:
    """The end of an error about an unknown name: the most similar known name, if there is one."""
    names = list(known)
    if (elsewhere := _ELSEWHERE.get(given)) not in names:
        import difflib

        # Upper and lower case make no difference.
        by_small = {name.lower(): name for name in names}
        near = difflib.get_close_matches(given.lower(), by_small, 1, 0.6)
        elsewhere = by_small[near[0]] if near else None
    return f"; did you mean {elsewhere!r}?" if elsewhere else ""


def unexpected(name: str, given: str, function: Callable[..., Any]) -> TypeError:
    """The error for a keyword argument that the function does not have. `name` is the name that the
    caller knows."""
    import inspect

    known = [each for each in inspect.signature(function).parameters if each != "self"]
    if "message" in known and given in _OF_A_MESSAGE:
        near = f"; it is the message's: {name}(rsmtp.Message(..., {given}=...))"
    else:
        near = meant(given, known)
    return TypeError(f"{name}() got an unexpected keyword argument {given!r}{near}")


def one_of(name: str, value: Any, choices: Iterable[str]) -> str:
    """One of some words. The error for another word names the most similar one."""
    words = list(choices)
    if not isinstance(value, str):
        known = ", ".join(f'"{word}"' for word in words[:-1])
        raise wanted(name, f'{known} or "{words[-1]}"' if known else f'"{words[-1]}"', value)
    if text(name, value) in words:
        return str(value)
    raise none_of(name, value, words)


def none_of(name: str, value: str, words: list[str]) -> ValueError:
    """The error for a word that is not accepted: it lists those that are, and the most similar one."""
    known = ", ".join(f'"{word}"' for word in words[:-1])
    return ValueError(f'{name}: {value!r} is none of {known} and "{words[-1]}"{meant(value, words)}')


def host_name(name: str, value: Any) -> str:
    """A host's name or address."""
    if "\0" in text(name, value):
        raise ValueError(f"{name}: {value!r} contains NUL")
    return str(value)


def source(name: str, value: Any) -> Any:
    """(host, port) to connect from, a host alone, or None."""
    if value is None or isinstance(value, str):
        return value if value is None else host_name(name, value)
    if not isinstance(value, tuple) or len(value) != 2:
        raise wanted(name, "a host or (host, port)", value)
    host_name(name, value[0])
    whole(name, value[1], 0, 65535, "a port between 0 and 65535")
    return value


def maybe_secret(name: str, value: Any) -> str | None:
    return None if value is None else secret(name, value)


def maybe_flag(name: str, value: Any) -> bool | None:
    return None if value is None else flag(name, value)


def port(name: str, value: Any) -> int:
    return whole(name, value, 0, 65535, "a number between 0 and 65535")


def count(name: str, value: Any) -> int:
    return whole(name, value, 0, 2**63 - 1, "a whole number, 0 or more")


def times(name: str, value: Any) -> int:
    return whole(name, value, 0, MOST, f"a whole number between 0 and {MOST:,}")


def maybe_times(name: str, value: Any) -> int | None:
    return None if value is None else times(name, value)


def maybe_count(name: str, value: Any) -> int | None:
    return None if value is None else count(name, value)


def maybe_path(name: str, value: Any) -> str | None:
    return None if value is None else path(name, value)


def texts(name: str, value: Any) -> list[str]:
    if isinstance(value, (str, bytes, type)) or not hasattr(value, "__iter__"):
        raise wanted(name, "a list of str", value)
    return [text(name, each) for each in value]


def maybe_texts(name: str, value: Any) -> list[str] | None:
    return None if value is None else texts(name, value)


def context(name: str, value: Any) -> Any:
    """How TLS is done: an `rsmtp.TlsConfig` or an `ssl.SSLContext`."""
    if value is not None and not hasattr(value, "wrap_bio"):
        from rsmtp._rsmtp import TlsConfig

        if not isinstance(value, TlsConfig):
            raise wanted(name, "a TlsConfig or an ssl.SSLContext", value)
    return value


def policy(name: str, value: Any) -> Any:
    """A policy of `email.policy`, or of `rsmtp.email.policy`."""
    if value is not None and not hasattr(value, "max_line_length"):
        raise wanted(name, "a policy of email.policy", value)
    return value


def host(name: str, value: Any) -> Any:
    """A name or an address, or the path of a Unix socket."""
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if isinstance(path, str):
        if not path.startswith("/") and ("://" in path or "@" in path):
            # It is not shown, and not looked up, because it may contain a password.
            raise ValueError(f"{name}: a URL or an address was given, where the name of a host is wanted")
        text(name, path)
        if "\0" in path:
            raise ValueError(f"{name}: {path!r} contains NUL")
        return value
    raise wanted(name, "the name of a host, a str,", value)


def path(name: str, value: Any) -> str:
    if not isinstance(value, (str, os.PathLike)):
        raise wanted(name, "a path, a str or a Path,", value)
    given = os.fspath(value)
    if not isinstance(given, str) or not given or "\0" in given:
        raise ValueError(f"{name}: {given!r} is not the path of a file")
    return given


def not_opened(name: str, error: OSError) -> OSError:
    """The error of a file that an argument names, which names the argument, too."""
    # Given a number, OSError chooses the right subclass.
    return OSError(error.errno, f"{name}: {error.strerror}", error.filename)


def socket(name: str, value: Any) -> Any:
    """A connected socket, or an object like one."""
    if value is not None:
        for method in ("recv", "settimeout"):
            if not callable(getattr(value, method, None)) or isinstance(value, type):
                raise wanted(name, "a connected socket", value)
    return value


def octets(name: str, value: Any) -> bytes:
    try:
        return bytes(memoryview(value))
    except TypeError:
        raise wanted(name, "bytes or a str", value) from None


def function(name: str, value: Any) -> Any:
    if not callable(value):
        raise wanted(name, "a callable", value)
    return value


def resent_prefix(message: Any) -> str:
    """Begins the names of the fields that say from whom and to whom a message goes: "Resent-" if it was
    sent on (RFC 5322 section 3.6.6). ValueError if that happened more than once: which fields are the last
    ones can't be told."""
    resent = message.get_all("Resent-Date")
    if resent is not None and len(resent) != 1:
        raise ValueError("message has more than one 'Resent-' header block")
    return "" if resent is None else "Resent-"
