"""Answers the message on standard input, as a filter for a mail server. RSMTP_URL names the server."""

import sys

import rsmtp
import rsmtp.email

original = rsmtp.email.message_from_bytes(sys.stdin.buffer.read())
answer = original.reply("Thank you, we read it.", from_="help@example.org", auto_submitted="auto-replied")
with rsmtp.Mailer() as mailer:
    mailer.send(answer)
