"""The Celery task that sends mail: `rsmtp.celery.task(app, ...)`."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from rsmtp._common.tracebacks import public
from rsmtp.mailer import Mailer
from rsmtp.outbox import Outbox
from rsmtp.tasks import Deliverer, PutOff
from rsmtp.tasks.deliverer import Claims


@public
def task(
    app: Any,
    mailer: Mailer | str | dict[str, Any],
    *,
    once: Outbox | str | os.PathLike[str] | Claims,
    rate: Callable[[], float] | None = None,
    name: str = "rsmtp.send",
    **options: Any,
) -> Any:
    """Registers a task that sends mail, and returns it.

        send = rsmtp.celery.task(app, "smtp://ann@smtp.example.com", once="/var/lib/shop/mail.db")
        send.delay(rsmtp.tasks.job(message, key="invoice/7"))

    The task's argument is the result of `rsmtp.tasks.job`, or the number of a message in the outbox.
    Its result is that of `Receipt.to_dict`. Both are JSON, never a pickle.

    The broker may deliver a task more than once (``acks_late``, and Redis after its visibility
    timeout). So the message is claimed in `once` before it is sent, and is not sent twice. The task
    is acknowledged late, so nothing is lost if a worker is killed. After a temporary failure (4yz, a
    server that can't be reached) Celery tries again, with growing delays. A message that was refused
    fails the task. *unknown* is a result, and is not tried again. With ``task_always_eager`` nothing is
    tried again: `rsmtp.tasks.PutOff` fails the task.

    Args:
        app: the Celery application.
        mailer, once, rate: as for `rsmtp.tasks.Deliverer`.
        name: the task's name, the same in the program that sends and in the workers.
        options: further options of `app.task`: `queue`, `rate_limit` (for each worker), ...
    """
    deliver = Deliverer(mailer, once=once, rate=rate)

    def send(self: Any, job: dict[str, Any] | int) -> dict[str, Any]:
        try:
            return deliver(job, f"celery/{self.request.id}")
        except PutOff as later:
            if self.request.is_eager:
                # `task_always_eager`: Celery would wait for nothing, and call the task within itself
                # again and again.
                raise
            # A broker would deliver a task again that waits for longer than its visibility timeout.
            raise self.retry(exc=later, countdown=min(later.seconds, _LONGEST), max_retries=None) from later

    defaults = {"acks_late": True, "reject_on_worker_lost": True, "serializer": "json"}
    return app.task(bind=True, name=name, **(defaults | options))(send)


# Seconds. Redis delivers an unacknowledged task again after an hour, SQS after half an hour.
_LONGEST = 900.0
