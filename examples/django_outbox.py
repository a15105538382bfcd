"""A Django project in one file, for Django 6.1 and its MAILERS. Orders are confirmed through an
outbox in the project's own database: an order that is rolled back sends nothing, and one that is
committed is confirmed even if the process ends in the next moment.

    rsmtp catch                                               in one terminal
    python examples/django_outbox.py runserver                in another one
    curl -d to=ann@example.org http://127.0.0.1:8000/order
    python examples/django_outbox.py rsmtp_outbox status --using later
    python examples/django_outbox.py rsmtp_outbox run --using later
"""

import os
import sys
import uuid

from django.conf import settings
from django.core.mail import EmailMessage, send_mail
from django.core.management import execute_from_command_line
from django.db import transaction
from django.http import JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

SERVER = {
    "host": os.environ.get("EMAIL_HOST", "localhost"),
    "port": int(os.environ.get("EMAIL_PORT", "1025")),
    "timeout": 10,
}
settings.configure(
    DEBUG=True,
    SECRET_KEY="an example has none",
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["rsmtp.django"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": os.environ.get("DATABASE", "shop.sqlite3"),
        }
    },
    DEFAULT_FROM_EMAIL="Shop <shop@example.org>",
    MAILERS={
        # Sends at once: for mail that a user waits for.
        "default": {"BACKEND": "rsmtp.django.EmailBackend", "OPTIONS": {**SERVER, "retries": 0}},
        # Stores the mail in the transaction; `rsmtp_outbox run` sends it.
        "later": {"BACKEND": "rsmtp.django.OutboxBackend", "OPTIONS": {**SERVER, "database": "default"}},
    },
)


@csrf_exempt  # an example for curl
def order(request):
    number = request.POST.get("number", uuid.uuid4().hex)
    with transaction.atomic():
        confirmation = EmailMessage("Your order", f"We have it: {number}.", to=[request.POST["to"]])
        confirmation.key = f"order/{number}"  # one mail per order, however often this runs
        confirmation.send(using="later")
        if request.POST.get("stock") == "none":
            raise RuntimeError("there is nothing left: no order, and no confirmation")
    return JsonResponse({"order": number, "confirmation": confirmation.entry.state})


@csrf_exempt
def password(request):
    return JsonResponse({"sent": send_mail("Your code", "123456", None, [request.POST["to"]])})


urlpatterns = [path("order", order), path("password", password)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
