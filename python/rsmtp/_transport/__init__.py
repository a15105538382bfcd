"""Transfers octets between the engine and sockets that the engine does not own: asyncio's
transports, the caller's socket, sockets of a replaced `socket` module, and the proxies in between."""
