"""Reading messages piece by piece: `email.feedparser`.

The parser is the standard library's; the messages that it makes are ours.
"""

from __future__ import annotations

from collections.abc import Callable
from email import feedparser as _feedparser
from typing import Any

from rsmtp.email._policybase import compat32

__all__ = ["BufferedSubFile", "BytesFeedParser", "FeedParser", "NeedMoreData"]


# Undocumented, and imported all the same.
BufferedSubFile: Any = vars(_feedparser)["BufferedSubFile"]
NeedMoreData: Any = vars(_feedparser)["NeedMoreData"]


def _factory_of(policy: Any) -> Callable[..., Any]:
    if policy.message_factory is not None:
        factory: Callable[..., Any] = policy.message_factory
        return factory
    from rsmtp.email.message import Message

    return Message


class FeedParser(_feedparser.FeedParser):
    """Takes text in pieces of any size and makes a message of it."""

    def __init__(self, _factory: Callable[..., Any] | None = None, *, policy: Any = compat32) -> None:
        super().__init__(_factory or _factory_of(policy), policy=policy)


class BytesFeedParser(_feedparser.BytesFeedParser):
    """Takes bytes in pieces of any size and makes a message of them."""

    def __init__(self, _factory: Callable[..., Any] | None = None, *, policy: Any = compat32) -> None:
        super().__init__(_factory or _factory_of(policy), policy=policy)
