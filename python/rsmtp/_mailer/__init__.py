"""What the blocking and the asyncio mailer have in common: servers, the messages as they are
taken, progress, reports, and one message in one call."""
