#!/usr/bin/env python3
"""A thousand clients ask for one thing that is not cached yet, at once; the origin takes 200 ms.

    bench/herd.py [--clients 1000] [--rounds 3]

The bar: the origin is asked exactly once, and every client gets the right body. Run with a body of
known length, and with a chunked one.
"""
import argparse
import asyncio
import json
import resource
import sys
import time
import urllib.request

import origin
import peers

SIZE = 20_000


async def ask(address, target, gate):
    """One client: connects, waits for the others, asks, reads to the end; whether it was right."""
    host, port = address.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    await gate.wait()
    writer.write(f"GET {target} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"transfer-encoding: chunked" in head.lower():
        body = whole_of_chunks(body)
    return head.startswith(b"HTTP/1.1 200 ") and body == origin.body_of(target, SIZE)


def whole_of_chunks(body):
    whole = b""
    while True:
        size, _, body = body.partition(b"\r\n")
        if int(size, 16) == 0:
            return whole
        whole += body[:int(size, 16)]
        body = body[int(size, 16) + 2:]


async def herd(address, target, clients):
    gate = asyncio.Event()
    asks = [asyncio.ensure_future(ask(address, target, gate)) for _ in range(clients)]
    await asyncio.sleep(0.5 + clients / 2000)  # until all are connected
    begun = time.monotonic()
    gate.set()
    right = await asyncio.gather(*asks, return_exceptions=True)
    return sum(one is True for one in right), time.monotonic() - begun


def count(address):
    with urllib.request.urlopen(f"http://{address}/count", timeout=10) as answer:
        return json.load(answer)["requests"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clients", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    good = True
    for kind in ((), ("--chunked",)):
        with peers.Stage() as stage:
            upstream = peers.origin(stage, "--delay", "0.2", "--size", str(SIZE), *kind)
            gateway = peers.larder(stage, "--origin", f"http://{upstream}", "--resp", "off", core=None)[1]["http"]
            for number in range(options.rounds):
                before = count(upstream)
                right, took = asyncio.run(herd(gateway, f"/cold/{number}", options.clients))
                asked = count(upstream) - before
                good = good and asked == 1 and right == options.clients
                print(f"{'chunked' if kind else 'with a length':<14} {options.clients} clients: "
                      f"{asked} request{'' if asked == 1 else 's'} to the origin, {right} right "
                      f"answers, the last after {1000 * took:.0f} ms", flush=True)
    print("kept" if good else "BROKEN")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
