"""FastAPI: sends a link to set a new password. RSMTP_URL names the server.

fastapi run password_reset.py
curl -X POST "localhost:8000/reset?address=bob@example.org"
"""

import secrets

from fastapi import FastAPI

import rsmtp
import rsmtp.fastapi

app = FastAPI(lifespan=rsmtp.fastapi.lifespan())
letter = rsmtp.Template("Set a new one: https://example.org/reset/{{ token }}", subject="Your password")


@app.post("/reset", status_code=202)
async def reset(address: str, mailer: rsmtp.fastapi.Mailer) -> None:
    values = {"token": secrets.token_urlsafe()}
    await mailer.send(letter.message(values, from_="help@example.org", to=address))
