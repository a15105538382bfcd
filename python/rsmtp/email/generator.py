"""Writing messages to files: `email.generator`.

The engine writes a whole message at once. However, some programs have generators that override
a step of the standard library's: `_write_headers`, `_write_lines`, `_handle_text`, `clone`. For
such a generator the message is written step by step, as in the standard library.
"""

from __future__ import annotations

import email.generator as _standard
import re
import time
from typing import Any

from rsmtp import _rsmtp
from rsmtp.email import _rest
from rsmtp.email._mirrored import Mirrored
from rsmtp.email.errors import HeaderWriteError

__all__ = ["BytesGenerator", "DecodedGenerator", "Generator"]


class Generator(_standard.Generator, metaclass=Mirrored):
    """Writes messages as text.

    `mangle_from_` puts `>` before body lines that begin with `From ` (default: the policy's
    value; without a policy, True). `maxheaderlen` is the width at which fields are folded:
    0 means never, None means the policy's value. Without a `policy`, the message's policy is
    used.
    """

    _binary = False

    def __init__(
        self,
        outfp: Any,
        mangle_from_: bool | None = None,
        maxheaderlen: int | None = None,
        *,
        policy: Any = None,
    ) -> None:
        if mangle_from_ is None:
            mangle_from_ = True if policy is None else policy.mangle_from_
        self._fp = outfp
        self._mangle_from_ = mangle_from_
        self.maxheaderlen = maxheaderlen
        self.policy = policy

    def write(self, s: str) -> None:
        """Write text to the file."""
        self._fp.write(s)

    def flatten(self, msg: Any, unixfrom: bool = False, linesep: str | None = None) -> None:
        """Write a message and everything in it.

        `unixfrom` writes an mbox line first. `linesep` replaces the policy's value. Raises
        HeaderWriteError if a header would be read as two.
        """
        if _replaces_a_step(type(self)):
            _standard.Generator.flatten(self, msg, unixfrom, linesep)
            return
        policy = msg.policy if self.policy is None else self.policy
        if linesep is not None and linesep != policy.linesep:
            policy = policy.clone(linesep=linesep)
        if self.maxheaderlen is not None:
            policy = policy.clone(max_line_length=self.maxheaderlen)
        if not isinstance(msg, _rsmtp.Message):
            msg = _rsmtp.Message.from_stdlib(msg)
        self._rsmtp_write(msg, policy, unixfrom)

    def _rsmtp_write(self, msg: Any, policy: Any, unixfrom: bool) -> None:
        self._fp.write(
            msg._flatten(
                policy,
                mangle_from=bool(self._mangle_from_),
                binary=self._binary,
                unixfrom=unixfrom,
            )
        )

    def clone(self, fp: Any) -> Any:
        """A generator with the same options that writes to another file."""
        return type(self)(fp, self._mangle_from_, None, policy=self.policy)

    def _write_headers(self, msg: Any) -> None:
        # As in the standard library, whose own method lets a value end its field before 3.11.10 and 3.12.5.
        policy: Any = self.policy
        for name, value in msg.raw_items():
            if self._binary:
                self._fp.write(_verified(policy.fold_binary(name, value), policy))
            else:
                self.write(_verified(policy.fold(name, value), policy))
        self.write(policy.linesep)


class BytesGenerator(Generator, _standard.BytesGenerator):
    """Writes messages as bytes. Raw bytes of a parsed message are unchanged, unless the
    `cte_type` of the policy is "7bit"."""

    _binary = True

    def write(self, s: str) -> None:
        """Write text to the file, as ASCII and raw bytes."""
        self._fp.write(s.encode("ascii", "surrogateescape"))


_OMITTED = "[Non-text (%(type)s) part of message omitted, filename %(filename)s]"


class DecodedGenerator(Generator, _standard.DecodedGenerator):
    """Writes the text of a message, and one line for every part that isn't text.

    `fmt` is that line, with %(type)s, %(maintype)s, %(subtype)s, %(filename)s,
    %(description)s and %(encoding)s.
    """

    def __init__(
        self,
        outfp: Any,
        mangle_from_: bool | None = None,
        maxheaderlen: int | None = None,
        fmt: str | None = None,
        *,
        policy: Any = None,
    ) -> None:
        super().__init__(outfp, mangle_from_, maxheaderlen, policy=policy)
        self._fmt = _OMITTED if fmt is None else fmt

    def _rsmtp_write(self, msg: Any, policy: Any, unixfrom: bool) -> None:
        if unixfrom:
            line = msg.get_unixfrom() or "From nobody " + time.ctime()
            self.write(line + policy.linesep)
        for name, value in msg.raw_items():
            self.write(policy.fold(name, value))
        self.write(policy.linesep)
        for part in msg.walk():
            maintype = part.get_content_maintype()
            if maintype == "text":
                print(part.get_payload(decode=False), file=self)
            elif maintype != "multipart":
                print(self._fmt % _facts(part), file=self)


def _facts(part: Any) -> dict[str, Any]:
    return {
        "type": part.get_content_type(),
        "maintype": part.get_content_maintype(),
        "subtype": part.get_content_subtype(),
        "filename": part.get_filename("[no filename]"),
        "description": part.get("Content-Description", "[no description]"),
        "encoding": part.get("Content-Transfer-Encoding", "[no encoding]"),
    }


_BREAK = re.compile("\r\n[^ \t]|\r[^ \n\t]|\n[^ \t]")


def _verified(folded: Any, policy: Any) -> Any:
    text = folded if isinstance(folded, str) else folded.decode("latin-1")
    inner = text.removesuffix(policy.linesep)
    if getattr(policy, "verify_generated_headers", True) and (inner == text or _BREAK.search(inner)):
        raise HeaderWriteError(f"folded header contains newline: {folded!r}")
    return folded


# The methods that the standard library's `flatten` calls, besides the `_handle_` of each type.
_STEPS = {
    "_compile_re",
    "_dispatch",
    "_encode",
    "_make_boundary",
    "_new_buffer",
    "_write",
    "_writeBody",
    "_write_headers",
    "_write_lines",
    "clone",
    "write",
}
_OURS: dict[type, frozenset[str]] = {
    kind: frozenset(vars(kind)) for kind in (Generator, BytesGenerator, DecodedGenerator)
}


def _replaces_a_step(kind: type) -> bool:
    """Whether a program's class, or a method added to one of our classes, overrides a step."""
    return any(
        name in _STEPS or name.startswith("_handle_")
        for each in kind.__mro__
        if each.__module__ != _standard.__name__
        for name in vars(each).keys() - _OURS.get(each, frozenset())
    )


# Programs import these names.
fcre = re.compile(r"^From ", re.MULTILINE)
NLCRE = re.compile(r"\r\n|\r|\n")

__getattr__ = _rest.of(__name__)
