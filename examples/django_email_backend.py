"""A Django project in one file that sends its mail with rsmtp, by EMAIL_BACKEND.

rsmtp catch                                        in one terminal
python examples/django_email_backend.py runserver  in another one
curl -d to=ann@example.org http://127.0.0.1:8000/welcome
python examples/django_email_backend.py sendtestemail ann@example.org
"""

import os
import sys

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.management import execute_from_command_line
from django.http import JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

settings.configure(
    DEBUG=True,
    SECRET_KEY="an example has none",
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["rsmtp.django"],
    DEFAULT_FROM_EMAIL="Shop <shop@example.org>",
    EMAIL_BACKEND="rsmtp.django.EmailBackend",
    EMAIL_HOST=os.environ.get("EMAIL_HOST", "localhost"),
    EMAIL_PORT=int(os.environ.get("EMAIL_PORT", "1025")),
    EMAIL_TIMEOUT=10,
    # Settings of rsmtp's own. A request waits for the result, so there is only one try.
    RSMTP_MAILER={"retries": 0, "connections": 2},
)


@csrf_exempt  # an example for curl
def welcome(request):
    message = EmailMessage("Welcome", "Good to have you.", to=[request.POST["to"]])
    message.send()
    return JsonResponse({"sent": message.receipt.sent, "queue id": message.receipt.queue_id})


urlpatterns = [path("welcome", welcome)]

if __name__ == "__main__":
    execute_from_command_line(sys.argv)
