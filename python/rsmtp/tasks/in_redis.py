"""State shared in Redis by workers on many machines: which worker sends a message, and the rate of all
workers together. Each step is one script, which Redis runs atomically and by its own clock."""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections.abc import Iterator
from typing import Any

from rsmtp._common import arguments, extras
from rsmtp._common.tracebacks import public
from rsmtp._rsmtp import Receipt, Recipient
from rsmtp.mailer import Mailer
from rsmtp.outbox.content import Content, Stored
from rsmtp.outbox.database import LeaseLost
from rsmtp.outbox.running import send_claimed
from rsmtp.outbox.schedule import Schedule
from rsmtp.tasks.outcome import PutOff, words_of

_NOW = "local t = redis.call('TIME'); local now = t[1] + t[2] / 1000000; local key = KEYS[1]; "
# Fields of a message: s(tate), o(wner), u(ntil when the owner holds it), d(igest), r(ecipients that are
# settled, as JSON), t(old: the rest of the outcome, as JSON), a(ttempts), f(irst tried). States: claimed,
# ending (the end of its mail data may have been sent), put off, done, unknown.
_CLAIM = (
    _NOW
    + """
local m = redis.call('HMGET', key, 's', 'u', 'd', 'r', 't')
if m[1] then
    if m[3] ~= ARGV[2] then return {'another'} end
    if m[1] == 'done' or m[1] == 'unknown' then return {m[1], m[4], m[5] or '{}'} end
    if m[1] ~= 'put off' and tonumber(m[2]) > now then return {'elsewhere', tostring(m[2] - now)} end
    if m[1] == 'ending' then
        redis.call('HSET', key, 's', 'unknown')
        return {'unknown', m[4], '{}'}
    end
else
    redis.call('HSET', key, 'd', ARGV[2], 'r', '[]', 'f', now)
end
redis.call('HSET', key, 's', 'claimed', 'o', ARGV[1], 'u', now + ARGV[3])
redis.call('EXPIRE', key, ARGV[4])
local tried = redis.call('HINCRBY', key, 'a', 1)
return {'claimed', redis.call('HGET', key, 'r'), tried, tostring(now - redis.call('HGET', key, 'f'))}
"""
)
_SAY_END = (
    _NOW
    + """
local m = redis.call('HMGET', key, 's', 'o')
if m[2] ~= ARGV[1] or (m[1] ~= 'claimed' and m[1] ~= 'ending') then return 0 end
redis.call('HSET', key, 's', 'ending', 'u', now + ARGV[2], 'r', ARGV[3])
return 1
"""
)
_FINISH = """
local key = KEYS[1]
if redis.call('HGET', key, 'o') ~= ARGV[1] then return 0 end
redis.call('HSET', key, 's', ARGV[2], 'r', ARGV[3], 't', ARGV[4])
redis.call('EXPIRE', key, ARGV[5])
return 1
"""
_TAKE = (
    _NOW
    + """
local next = tonumber(redis.call('GET', key) or 0)
local each = 1 / ARGV[1]
local earliest = now - (ARGV[2] - 1) * each
if next < earliest then next = earliest end
if next > now then return tostring(next - now) end
redis.call('SET', key, tostring(next + each), 'EX', math.ceil(ARGV[2] * each) + 60)
return '0'
"""
)


# If Redis could not be reached, it is tried again after this many seconds.
_SOON = 30.0


@public
class RedisClaims:
    """Records which worker sends which message, and which messages were sent, for a `Deliverer`.

    A worker claims a message before it sends it, and records that it is about to send the end of the
    mail data. So if a worker dies, another one sends the message after `lease`, or it stays *unknown* if
    its end may have been sent. Redis has to keep its data over a restart (``appendonly yes``): a message
    that it forgets may be sent again.

    Args:
        redis: a `redis.Redis`, or its URL.
        prefix: the prefix of the keys' names.
        lease: seconds that one step of a message may take before its worker is considered dead.
        keep: how many seconds a message is remembered after its last step, and after the time for which it
            was put off. Longer than `lease`. Default: a week.
        first_retry, longest_retry, give_up_after: seconds, as in `rsmtp.Outbox`.
    """

    def __init__(
        self,
        redis: Any,
        *,
        prefix: str = "rsmtp:message:",
        lease: float = 120.0,
        keep: float = 7 * 86400.0,
        first_retry: float = 60.0,
        longest_retry: float = 4 * 3600.0,
        give_up_after: float = 4 * 86400.0,
    ) -> None:
        arguments.amount("lease", lease)
        arguments.amount("keep", keep)
        if keep <= lease:
            raise ValueError(
                f"keep: {keep:g} seconds are no longer than the lease of {lease:g}: a message would be "
                "forgotten, and sent again, while it is being sent"
            )
        self._schedule = Schedule.given(first_retry, longest_retry, give_up_after)
        self._redis = _client(redis)
        self._prefix, self._lease, self._keep = prefix, lease, max(1, int(keep))
        self._claim_, self._say_end_, self._finish_ = map(
            self._redis.register_script, (_CLAIM, _SAY_END, _FINISH)
        )

    def send(self, mailer: Mailer, content: Content, key: str) -> dict[str, Any]:
        """Sends the message unless it was sent before; returns the outcome."""
        try:
            return self._send(mailer, content, key)
        except Exception as error:
            if not _is_away(error):
                raise
            raise PutOff(f"Redis: {type(error).__name__}: {error}", _SOON) from error

    def _send(self, mailer: Mailer, content: Content, key: str) -> dict[str, Any]:
        owner, name = uuid.uuid4().hex, self._prefix + key
        told = self._claim_(keys=[name], args=[owner, content.digest().hex(), self._lease, self._keep])
        state, *rest = [one.decode() if isinstance(one, bytes) else one for one in told]
        if state == "another":
            raise ValueError(
                f"key: {key!r} was given to another message before: one key stands for one message"
            )
        if state == "elsewhere":
            raise PutOff("the message is in the hands of another worker", max(1.0, float(rest[0])))
        settled = json.loads(rest[0])
        if state != "claimed":
            return _outcome(
                content, settled, state if state == "unknown" else "not sent", json.loads(rest[1])
            )
        claim = _Claim(self, name, owner, content, settled)
        try:
            receipts = send_claimed(claim, mailer, one=True) if claim.has_open else []
        except BaseException:
            lost = any(one["fate"] == "unknown" for one in claim.settled)
            claim.finish("unknown" if lost else "put off")
            raise
        outcome = _outcome(content, claim.settled, "not sent", receipts[-1].to_dict() if receipts else {})
        failed = any(getattr(receipt.error, "_of_rules", False) for receipt in receipts)
        if not failed and not any(one["transient"] for one in outcome["recipients"]):
            unknown = any(one["fate"] == "unknown" for one in outcome["recipients"])
            claim.finish("unknown" if unknown else "done", outcome)
            return outcome
        now, words = time.time(), words_of(outcome)
        again = self._schedule.next_try(int(rest[1]), now - float(rest[2]), now, words)
        if again is None:
            claim.finish("done", outcome)
            return outcome
        claim.finish("put off", waits=again - now)
        raise PutOff(words, max(1.0, again - now))

    def forget(self, key: str) -> None:
        """Allows the message with this key to be sent again. An *unknown* one may then arrive twice."""
        self._redis.delete(self._prefix + key)


class _Claim:
    """One message that this worker has claimed, with the interface that `send_claimed` uses."""

    def __init__(
        self, claims: RedisClaims, name: str, owner: str, content: Content, settled: list[dict[str, Any]]
    ) -> None:
        self._claims, self._name, self._owner = claims, name, owner
        self.settled = settled
        done = {one["address"] for one in settled}
        self._addresses = set(content.recipients)
        recipients = [address for address in content.recipients if address not in done]
        self.has_open = bool(recipients)
        self._stored = Stored(
            0, content.sender, recipients, content.options, content.octets, content.rendered
        )

    def begin(self, mailer: Mailer) -> None:
        pass

    def claims(self) -> Iterator[list[Stored]]:
        yield [self._stored]

    def say_ends(self, indexes: list[int], settled: dict[int, list[Recipient]]) -> bool:
        self._learn([one for recipients in settled.values() for one in recipients])
        args = [self._owner, self._claims._lease, json.dumps(self.settled)]
        if not self._claims._say_end_(keys=[self._name], args=args):
            raise LeaseLost("another worker has taken over this message")
        return True

    def settle(self, receipts: list[Receipt]) -> list[Receipt]:
        for receipt in receipts:
            self._learn(
                receipt.recipients,
                instead=any(
                    one.transient for one in receipt.recipients if one.address not in self._addresses
                ),
            )
        return list(receipts)

    settle_and_keep = settle

    def settle_rest(self) -> list[Receipt]:
        return []

    def _learn(self, recipients: list[Recipient], instead: bool = False) -> None:
        """`instead`: recipients whose replacement was put off."""
        known = {one["address"] for one in self.settled}
        fates = {"sent", "refused", "unknown"} | (set() if instead else {"suppressed"})
        self.settled += [
            one.to_dict()
            for one in recipients
            if one.fate in fates and not one.transient and one.address not in known
        ]

    def finish(self, state: str, outcome: dict[str, Any] | None = None, waits: float = 0.0) -> None:
        """`outcome`: what the same job is told if it is delivered again; `waits`: seconds until it has to
        be."""
        told = dict(outcome or {})
        recipients = told.pop("recipients", self.settled)
        keep = self._claims._keep + int(waits)
        args = [self._owner, state, json.dumps(recipients), json.dumps(told), keep]
        self._claims._finish_(keys=[self._name], args=args)


@public
class RedisRate:
    """A rate in messages per second, for all workers on all machines together.

    Args:
        redis: a `redis.Redis`, or its URL.
        per_second: messages per second.
        burst: messages that may be sent at once after a pause. Default: 1.
        name: the key's name; objects with the same name share the rate.
    """

    def __init__(self, redis: Any, per_second: float, *, burst: int = 1, name: str = "rsmtp:rate") -> None:
        arguments.amount("per_second", per_second)
        arguments.whole("burst", burst, 1, 1_000_000, "a whole number from 1 on")
        self._redis, self._name = _client(redis), name
        self._take = self._redis.register_script(_TAKE)
        self._args = [per_second, burst]

    def __call__(self) -> float:
        """Takes one message's turn and returns 0, or returns the seconds until the next turn."""
        return float(self._take(keys=[self._name], args=self._args))


def _outcome(
    content: Content, settled: list[dict[str, Any]], otherwise: str, told: dict[str, Any]
) -> dict[str, Any]:
    """Like `Receipt.to_dict`, for all attempts: what the last receipt told, and the recipients settled
    before."""
    known = {one["address"]: one for one in told.get("recipients", []) + settled}
    recipients = [known.get(address) or _bare(address, otherwise) for address in content.recipients]
    # The recipients that the mailer's rules put in their place.
    recipients += [one for address, one in known.items() if address not in set(content.recipients)]
    envelope = {"from_addr": content.sender, "message_id": content.message_id}
    return {**_NOTHING, **told, **envelope, "recipients": recipients}


# What `Receipt.to_dict` and `Recipient.to_dict` tell of a message that no attempt is known of.
_NOTHING: dict[str, Any] = {
    "index": 0, "attempts": 0, "server": None, "seconds": None, "error": None,
    "options": [], "options_left_out": [],
}  # fmt: skip
_BARE: dict[str, Any] = {"stage": None, "code": None, "text": None, "transient": False, "options": []}


def _bare(address: str, fate: str) -> dict[str, Any]:
    return {"address": address, "fate": fate, **_BARE}


def _is_away(error: Exception) -> bool:
    """Whether Redis could not be reached. Claims then stay as Redis has them."""
    errors = sys.modules.get("redis.exceptions")
    return errors is not None and isinstance(error, (errors.ConnectionError, errors.TimeoutError))


def _client(redis: Any) -> Any:
    if hasattr(redis, "register_script"):
        return redis
    if not isinstance(redis, str):
        raise arguments.wanted("redis", "a redis.Redis, or its URL", redis)
    return extras.library("redis", "celery", "redis=").Redis.from_url(redis)
