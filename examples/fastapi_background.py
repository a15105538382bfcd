"""FastAPI: answer at once, and send the email afterwards.

SMTP_HOST=... SMTP_PORT=587 SMTP_USER=... SMTP_PASSWORD=... fastapi run fastapi_background.py
curl -X POST "localhost:8000/welcome?address=bob@example.org"
"""

import logging
import os

from fastapi import BackgroundTasks, FastAPI, HTTPException

import rsmtp

log = logging.getLogger(__name__)
app = FastAPI()


@app.post("/welcome", status_code=202)
async def welcome(address: str, background: BackgroundTasks) -> dict[str, str]:
    try:
        message = rsmtp.Message(
            "Good to have you with us.",
            subject="Welcome",
            from_=os.environ.get("SMTP_FROM", "ann@example.org"),
            to=[address],
        )
    except ValueError as error:
        # For example an address with a line end. Nothing of it reaches the mail server.
        raise HTTPException(422, rsmtp.errors.words(error)) from error
    background.add_task(send, message)
    return {"status": "on its way"}


async def send(message: rsmtp.Message) -> None:
    """Runs after the response was sent, so errors are only logged."""
    try:
        await rsmtp.asend(
            message,
            host=os.environ.get("SMTP_HOST", "localhost"),
            port=int(os.environ.get("SMTP_PORT", "587")),
            username=os.environ["SMTP_USER"],
            password=os.environ["SMTP_PASSWORD"],
            timeout=30,
        )
    except (rsmtp.SMTPException, OSError):
        log.exception("the welcome was not sent")
