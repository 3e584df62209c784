#!/usr/bin/env python3
"""An origin for measurements: one body, cacheable for an hour, and a count of who asked.

    origin.py [--size 1024] [--delay 0.2] [--chunked]

Prints "origin on http://127.0.0.1:PORT". GET /count tells how many requests for anything else came.
"""
import argparse
import asyncio
import json

asked = 0


def body_of(target, size):
    """The body says what it is the answer to, so that a mix-up shows."""
    text = f"answer to {target}\n".encode()
    return (text * (size // len(text) + 1))[:size]


def frame(body, chunked):
    if not chunked:
        return f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    parts = [body[i:i + 300] for i in range(0, len(body), 300)]
    return (b"Transfer-Encoding: chunked\r\n\r\n"
            + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n")


async def serve_one(options, reader, writer):
    global asked
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            target = head.split(b" ", 2)[1].decode("latin-1")
            if target == "/count":
                text = json.dumps({"requests": asked}).encode()
                writer.write(b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Type: "
                             b"application/json\r\n" + frame(text, False))
            else:
                asked += 1
                await asyncio.sleep(options.delay)
                writer.write(b"HTTP/1.1 200 OK\r\nCache-Control: public, max-age=3600\r\n"
                             b"Content-Type: text/plain\r\n"
                             + frame(body_of(target, options.size), options.chunked))
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=1024, help="bytes of each body")
    parser.add_argument("--delay", type=float, default=0, help="seconds before each answer")
    parser.add_argument("--chunked", action="store_true")
    options = parser.parse_args()
    server = await asyncio.start_server(lambda r, w: serve_one(options, r, w), "127.0.0.1", 0,
                                        backlog=4096)
    print(f"origin on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass
