"""Moves octets between the engine and sockets that are not its own: asyncio's transports, the
caller's socket, sockets of a replaced `socket` module, and the proxies in between."""
