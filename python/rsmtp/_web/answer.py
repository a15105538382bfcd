"""Responses: an answer, or a refusal."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rsmtp._web import policy

Json = dict[str, Any]


class Refusal(Exception):
    """A request is refused: a status, and a sentence that says why."""

    def __init__(self, status: int, problem: str) -> None:
        super().__init__(problem)
        self.status = status
        self.problem = problem


@dataclass(frozen=True)
class Answer:
    """A response. `body` is bytes, or pieces that are sent as they come (until the
    connection ends)."""

    body: bytes | Iterable[bytes] = b""
    content_type: str = "application/json"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: policy.DATA)


def as_json(value: Json, status: int = 200) -> Answer:
    # Mail can contain lone surrogates, which UTF-8 can't encode: they stay escaped.
    return Answer(json.dumps(value, separators=(",", ":")).encode("ascii"), status=status)


def as_file(body: bytes, filename: str, content_type: str = "application/octet-stream") -> Answer:
    """Untrusted content, which browsers save and never show."""
    return Answer(body, content_type, headers={**policy.DATA, **policy.as_download(filename)})


NOTHING = Answer(status=204)
