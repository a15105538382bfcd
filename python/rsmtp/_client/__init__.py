"""What the blocking and the asyncio client have in common: each verb as a script, what a message
is sent as, and what a client shows of its conversation."""
