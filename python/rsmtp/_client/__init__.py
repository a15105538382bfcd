"""What the blocking and the asyncio client have in common: each method as a script, the rendering
of messages for sending, and the attributes that show the conversation."""
