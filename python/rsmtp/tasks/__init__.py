"""Mail sent by a task queue: a message as JSON, and a function that sends it once, however often the
queue delivers it. `rsmtp.celery` has the task for Celery; use the function with any other queue
(docs/howto/celery.md)."""

from rsmtp.tasks.deliverer import Deliverer
from rsmtp.tasks.in_redis import RedisClaims, RedisRate
from rsmtp.tasks.job import job
from rsmtp.tasks.outcome import MailRefused, PutOff

__all__ = ["Deliverer", "MailRefused", "PutOff", "RedisClaims", "RedisRate", "job"]
