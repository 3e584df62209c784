"""The external API that /posts/{id} asks: somebody else's server, far away and not fast.

    python3 posts.py [PORT]        0: any free port; it prints which

Every answer takes between 80 and 150 ms, as a server on another continent would.
"""
import asyncio
import json
import random
import re
import sys

POSTS = 500
WORDS = "cache origin answer request lease stale fresh purge tag route worker herd".split()


def post(number):
    """Post `number` reads the same every time."""
    source = random.Random(number)
    return {
        "id": number,
        "title": " ".join(source.choices(WORDS, k=4)).capitalize(),
        "body": " ".join(source.choices(WORDS, k=120)) + ".",
    }


def answer(target):
    """Status and body for a request target."""
    match = re.fullmatch(r"/posts/(\d{1,9})", target)
    if match and 1 <= int(match[1]) <= POSTS:
        return "200 OK", post(int(match[1]))
    return "404 Not Found", {"detail": "no such post"}


async def serve_one(reader, writer):
    """One connection, one request."""
    try:
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
        status, body = answer(head.split(b" ", 2)[1].decode("latin-1"))
        await asyncio.sleep(random.uniform(0.080, 0.150))
        text = json.dumps(body).encode()
        writer.write(f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n"
                     f"Content-Length: {len(text)}\r\nConnection: close\r\n\r\n".encode() + text)
        await writer.drain()
    except (asyncio.TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError,
            ConnectionError, IndexError):
        pass  # the other side went away or made no sense: there is nobody to tell
    finally:
        writer.close()


async def main(port):
    """Serves until it is stopped."""
    server = await asyncio.start_server(serve_one, "127.0.0.1", port, backlog=512)
    print(f"posts on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 8100))
    except KeyboardInterrupt:
        pass
