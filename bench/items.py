#!/usr/bin/env python3
"""What an item takes of the process's memory: (RSS - RSS of the empty server) / items.

    items.py [--quick]

Stores: keys of 16 bytes, values of 64, with a time to live and without, at 1 and 5 million items,
through RESP (memcached: its text protocol). Gateways: 100,000 answers with a body of 1 KiB and the
header fields of an nginx, fetched once each.
"""
import argparse
import socket
import sys
import time

import gateways
import peers

BODY = 1024
END = b"~end of body~"


def settled_bytes(pid):
    """RSS when it has not moved for a second, or after five."""
    last, still = peers.tree_bytes(pid), 0
    for _ in range(50):
        time.sleep(0.1)
        now = peers.tree_bytes(pid)
        still = still + 1 if now == last else 0
        last = now
        if still == 10:
            break
    return last


# ---- stores ------------------------------------------------------------------------------------------

def store_sizes(name, counts, ttl):
    """Bytes an item at each of the counts."""
    found = []
    with peers.Stage() as stage:
        store = peers.STORES[name](stage)
        empty = settled_bytes(store.pid)
        filled = 0
        for count in counts:
            peers.fill(store, count - filled, 64, "--first-key", filled, *ttl)
            filled = count
            found.append((settled_bytes(store.pid) - empty) / count)
            print(f"  {name:<10}{count:>10,} items{' with TTL' if ttl else '':<10}"
                  f"{found[-1]:8.1f} B", file=sys.stderr, flush=True)
    return found


def stores(counts):
    print("\n### Bytes of RSS an item: 16 B key, 64 B value\n")
    heads = [f"{count / 1e6:g} M{ttl}" for ttl in (", TTL", "") for count in counts]
    print(f"| server | {' | '.join(heads)} |")
    print(f"|---|{'---:|' * len(heads)}")
    for name in peers.STORES:
        found = store_sizes(name, counts, ["--ttl", "2h"]) + store_sizes(name, counts, [])
        print(f"| {name} | {' | '.join(f'{size:.1f}' for size in found)} |", flush=True)
    print(f"| bar | {' | '.join(['104'] * len(counts) + ['100'] * len(counts))} |", flush=True)


# ---- gateways ----------------------------------------------------------------------------------------

def fetch_each(address, count):
    """GET /item/N for every N, thirty-two under way; the bytes of one header."""
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        for first in range(0, count, 32):
            numbers = range(first, min(first + 32, count))
            connection.sendall(b"".join(b"GET /item/%08d HTTP/1.1\r\nHost: bench\r\n\r\n" % number
                                        for number in numbers))
            got = b""
            while got.count(END) < len(numbers):
                part = connection.recv(1 << 20)
                if not part:
                    sys.exit(f"the gateway ended the connection:\n{got[-300:]}")
                got += part
            if got.count(b"HTTP/1.1 200 ") != len(numbers):
                sys.exit(f"not every answer was 200:\n{got[:300]}")
    return got.index(b"\r\n\r\n") + 4


def gateway_size(start, count):
    with peers.Stage() as stage:
        gateway = start(stage, gateways.origin(stage, BODY, end=END.decode()))
        fetch_each(gateway.address, 1)
        empty = settled_bytes(gateway.pid)
        head = fetch_each(gateway.address, count)
        return (settled_bytes(gateway.pid) - empty) / count, head


def answers(count):
    print(f"\n### Bytes of RSS a cached answer: 1 KiB body, {count:,} of them\n")
    print("| server | bytes | header of an answer |")
    print("|---|---:|---:|")
    for name, start in (("larder", gateways.larder), ("varnish", gateways.varnish)):
        size, head = gateway_size(start, count)
        print(f"| {name} | {size:,.0f} | {head} |", flush=True)
    print("| bar | 1,450 | |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a fifth of the items")
    options = parser.parse_args()
    stores((200_000, 1_000_000) if options.quick else (1_000_000, 5_000_000))
    answers(20_000 if options.quick else 100_000)


if __name__ == "__main__":
    main()
