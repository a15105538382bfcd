"""A link with latency: a TCP relay that forwards every piece after a fixed delay. Bandwidth is not
limited. Prints its port, and ends when its standard input ends.

    python link.py PORT SECONDS_ONE_WAY
"""

import asyncio
import os
import sys


async def relay(source, sink, delay):
    loop = asyncio.get_running_loop()
    on_the_way = asyncio.Queue()

    async def arrive():
        while (piece := await on_the_way.get())[1]:
            when, octets = piece
            if (left := when - loop.time()) > 0:
                await asyncio.sleep(left)
            sink.write(octets)
            await sink.drain()
        sink.close()

    arriving = asyncio.create_task(arrive())
    try:
        while octets := await source.read(1 << 18):
            on_the_way.put_nowait((loop.time() + delay, octets))
    except ConnectionError:
        pass
    on_the_way.put_nowait((0, b""))
    await asyncio.gather(arriving, return_exceptions=True)


async def main():
    port, delay = int(sys.argv[1]), float(sys.argv[2])

    async def accept(reader, writer):
        to_server = await asyncio.open_connection("127.0.0.1", port, limit=1 << 20)
        await asyncio.gather(relay(reader, to_server[1], delay), relay(to_server[0], writer, delay))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=1 << 20)
    print(server.sockets[0].getsockname()[1], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    # The receiver has gone, so data still in transit is dropped.
    os._exit(0)


asyncio.run(main())
