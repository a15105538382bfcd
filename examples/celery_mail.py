"""Mail as a Celery task: sent once, whatever happens to workers and broker.

    rsmtp catch                                                  in one terminal
    celery --app celery_mail worker --workdir examples           in another one
    python examples/celery_mail.py ann@example.org               in a third one

The broker is Redis on this machine; CELERY_BROKER_URL names another one.
"""

import os
import sys

from celery import Celery

import rsmtp.celery
from rsmtp.tasks import job

app = Celery("shop", broker=os.environ.get("CELERY_BROKER_URL", "redis://localhost:6379/0"))
# A worker fetches only what it can send soon: messages that it holds when it is killed have to wait
# for the broker's visibility timeout (Redis).
app.conf.worker_prefetch_multiplier = 1
app.conf.broker_connection_retry_on_startup = True
if seconds := os.environ.get("VISIBILITY_TIMEOUT"):
    app.conf.broker_transport_options = {"visibility_timeout": int(seconds)}

send = rsmtp.celery.task(
    app,
    {
        "host": os.environ.get("SMTP_HOST", "localhost"),
        "port": int(os.environ.get("SMTP_PORT", "1025")),
        "timeout": 30,
        "retries": 0,  # Celery tries again
    },
    # The workers of one machine share a file. For several machines use rsmtp.tasks.RedisClaims(...).
    once=os.environ.get("OUTBOX", "mail.db"),
    ignore_result=True,
)

if __name__ == "__main__":
    for number, address in enumerate(sys.argv[1:]):
        message = rsmtp.Message(
            "It is on its way.", subject="Your order", from_="shop@example.org", to=address
        )
        send.delay(job(message, key=f"order/{number}/{address}"))
