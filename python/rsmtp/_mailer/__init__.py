"""What the blocking and the asyncio mailer have in common: servers, the input of messages,
progress, reports, and sending one message with one call."""
