"""What the blocking and the asyncio mailer have in common: servers, taking
messages, progress, reports, and sending one message in one call."""
