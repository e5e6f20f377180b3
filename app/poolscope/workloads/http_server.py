"""A real HTTP server on loopback: `python -I -S http_server.py SECONDS` prints its port and answers each request late.

It stands alone, for it is run as a file. It ends when its standard input does, or when whoever started it is gone.
"""

import asyncio
import os
import sys

HOST = "127.0.0.1"
BACKLOG = 1024
ALONE_S = 1.0  # between two looks whether we are an orphan: forked workers could hold our standard input open


async def answer(delay_s: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One request: its path's number comes back as the body."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(delay_s)
        body = head.split(b" ", 2)[1].removeprefix(b"/")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(body), body))
        await writer.drain()
    except (OSError, asyncio.IncompleteReadError):
        pass  # the client has gone
    finally:
        writer.close()


async def serve(delay_s: float) -> None:
    parent = os.getppid()
    server = await asyncio.start_server(lambda *streams: answer(delay_s, *streams), HOST, 0, backlog=BACKLOG)
    print(server.sockets[0].getsockname()[1], flush=True)
    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, over.set)
    while os.getppid() == parent and not over.is_set():
        try:
            await asyncio.wait_for(over.wait(), ALONE_S)
        except TimeoutError:
            continue
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(float(sys.argv[1])))
