"""A provider that streams: every request gets server-sent events at a steady pace, each with the time it was sent.

    stream_provider.py CERTIFICATE KEY EVENTS INTERVAL-MILLISECONDS

Prints its port and runs until it is ended.
"""

from __future__ import annotations

import asyncio
import random
import re
import ssl
import sys
import time

# About the size of a delta of a chat completion.
PADDING = "z" * 180


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, events: int, interval: float) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
                b"Cache-Control: no-cache\r\n\r\n"
            )
            # The streams' clocks are apart, as those of many users are.
            begin = time.monotonic() + random.random() * interval
            for number in range(events):
                await asyncio.sleep(max(0, begin + number * interval - time.monotonic()))
                event = f'data: {{"sent":{time.monotonic_ns()},"delta":"{PADDING}"}}\n\n'.encode()
                writer.write(b"%x\r\n%s\r\n" % (len(event), event))
            writer.write(b"0\r\n\r\n")
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    certificate, key, events, interval = sys.argv[1:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.set_alpn_protocols(["http/1.1"])
    server = await asyncio.start_server(
        lambda reader, writer: answer(reader, writer, int(events), float(interval) / 1000),
        "127.0.0.1", 0, ssl=context, backlog=1024,
    )  # fmt: skip
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main())
