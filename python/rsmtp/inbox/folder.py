"""A folder that keeps the catcher's messages over a restart.

Two files a message: `000012.eml`, the octets that came, and `000012.json`, the envelope,
how it came and the tags that people gave it. Both are written under another name first, the
.json last: a message is there whole or not at all. What the catcher no longer keeps leaves the folder too.
"""

import contextlib
import json
import os
import re
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

from rsmtp import Catcher
from rsmtp._rsmtp import CaughtMessage
from rsmtp._web.answer import Refusal
from rsmtp.inbox.tags import Tags, checked

NAME: Final = re.compile(r"([0-9]{6,15})\.(?:json|eml)")


class Folder:
    """Keeps what a catcher catches in a folder.

    `tags` are the tags that people give to messages: an `Inbox` with this object stores them here.

    Raises OSError where the folder can't be made, read or written.
    """

    def __init__(self, catcher: Catcher, path: str | os.PathLike[str]) -> None:
        self._catcher = catcher
        self._path = Path(path)
        self._path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._written: set[int] = set()
        self.tags = Tags(self._tagged)
        # The inbox's threads write tags while another one writes messages.
        self._lock = threading.Lock()

    def restore(self, problem: Callable[[str], object] = lambda words: None) -> Self:
        """Loads the messages of an earlier run into the catcher. A file that can't be read is reported
        to `problem`, and stays."""
        for file in sorted(self._path.glob("*.json")):
            if NAME.fullmatch(file.name) is None:
                continue
            number = int(file.stem)
            try:
                facts = json.loads(file.read_text(encoding="utf-8"))
                data = file.with_suffix(".eml").read_bytes()
                given = facts.get("tags")
                _restore(self._catcher, number, data, facts)
            except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                problem(f"{file} can't be read and is left as it is: {type(error).__name__}: {error}")
                continue
            self._written.add(number)
            with contextlib.suppress(Refusal):
                if given is not None:
                    self.tags.restore(number, checked(given))
        return self

    def update(self) -> None:
        """Writes new messages, and removes those that are no longer kept."""
        with self._lock:
            self._update()

    def _tagged(self, number: int) -> None:
        """Writes the tags of a message that is in the folder; others come with the message."""
        with self._lock:
            message = self._catcher.message(number)
            if message is None or number not in self._written:
                return
            try:
                self._write_facts(message)
            except OSError as error:
                raise Refusal(500, f"the tags can't be stored: {error.strerror or error}") from None

    def _update(self) -> None:
        kept = {message.number: message for message in self._catcher.messages}
        for number in kept.keys() - self._written:
            self._write(kept[number])
            self._written.add(number)
        for number in self._written - kept.keys():
            # The facts first: octets without facts are no message.
            for suffix in (".json", ".eml"):
                with contextlib.suppress(FileNotFoundError):
                    self._file(number, suffix).unlink()
            self._written.discard(number)

    def _file(self, number: int, suffix: str) -> Path:
        return self._path / f"{number:06}{suffix}"

    def _write(self, message: CaughtMessage) -> None:
        _put(self._file(message.number, ".eml"), message.data)
        self._write_facts(message)

    def _write_facts(self, message: CaughtMessage) -> None:
        tags = self.tags.of(message.number)
        facts = json.dumps(
            _facts(message) | ({} if tags is None else {"tags": tags}), ensure_ascii=True, indent=1
        )
        _put(self._file(message.number, ".json"), facts.encode("ascii"))


def _put(path: Path, content: bytes) -> None:
    new = path.with_name(f".{path.name}.new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(content)
    new.replace(path)


def _facts(message: CaughtMessage) -> dict[str, Any]:
    tls = message.tls
    return {
        "received_at": message.received_at.isoformat(),
        "mail_from": message.mail_from,
        "rcpt_tos": message.rcpt_tos,
        "mail_parameters": message.mail_parameters,
        "rcpt_parameters": message.rcpt_parameters,
        "peer": message.peer,
        "helo": message.helo,
        "user": message.user,
        "tls": tls and [tls.version, tls.cipher, tls.server_name],
        "chunked": message.chunked,
        "timeline": [[line.at, line.direction, line.text] for line in message.conversation.timeline],
    }


def _restore(catcher: Catcher, number: int, data: bytes, facts: dict[str, Any]) -> None:
    given = {name: facts[name] for name in ("mail_from", "rcpt_tos", "mail_parameters", "rcpt_parameters",
                                            "peer", "helo", "user", "chunked")}  # fmt: skip
    catcher.restore(
        number,
        data,
        received_at=datetime.fromisoformat(facts["received_at"]),
        tls=tuple(facts["tls"]) if facts["tls"] else None,
        timeline=[(at, direction, text) for at, direction, text in facts["timeline"]],
        **given,
    )
