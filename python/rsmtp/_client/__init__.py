"""What the blocking and the asyncio client have in common: each method as a script, the form in
which a message is sent, and what a client shows of its conversation."""
