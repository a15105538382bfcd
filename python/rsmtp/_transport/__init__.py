"""What carries octets between the engine and sockets that are not its own: asyncio's transports,
the caller's socket, a replaced `socket` module's, and the proxies that they go through."""
