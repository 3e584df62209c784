#!/usr/bin/env python3
"""Do other clients stand still while something large happens? One reader asks a thousand times a second.

    stalls.py [--server larder|redis] [--quick]

The reader (larder bench in open loop, one connection) counts a latency from when a request was due.
Beside it, on another connection: growth from 1 to 10 million keys; FLUSHALL of these; a million keys
that expire in the same millisecond; a purge of a tag that a million keys have; DEL of a hash of a
million fields; the limit cut to a half under ten million keys. Also: how long until memory of expired
keys can be used again, and what ten million keys with a time to live cost an idle server.

The server has core 0; reader and writer share core 1, the reader with priority where that is allowed.
`client late`: how late the reader itself was at the worst. `server waited`: how long the server wanted
its core and did not get it, in all: on a machine that others use, part of the worst latency is that.
"""
import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time

import peers

BAR_MS = 5
MILLION = 1_000_000


class Line:
    """A connection that sends commands in bulk and knows how long the replies are."""

    def __init__(self, address):
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)), 120)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.reader = self.socket.makefile("rb")

    def ask(self, *words):
        """One command; the first line of its reply."""
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(
            b"$%d\r\n%b\r\n" % (len(word), word) for word in map(str.encode, words)))
        line = self.reader.readline()
        if line[:1] == b"-":
            sys.exit(f"{words[0]}: {line.decode().strip()}")
        if line[:1] == b"$" and line != b"$-1\r\n":
            return self.reader.read(int(line[1:]) + 2)
        return line

    def pour(self, commands, reply):
        """All commands, a thousand at a time; each is answered with `reply`."""
        batch = []
        for command in commands:
            batch.append(command)
            if len(batch) == 1000:
                self.drain(batch, reply)
        self.drain(batch, reply)

    def drain(self, batch, reply):
        self.socket.sendall(b"".join(batch))
        got = self.reader.read(len(batch) * len(reply))
        if got != reply * len(batch):
            sys.exit(f"unexpected answer: {got[:80]}")
        batch.clear()

    def used_bytes(self):
        """Memory in use, without what is free inside of it for other entries."""
        fields = dict(line.split(b":", 1) for line in self.ask("INFO", "memory").splitlines()
                      if b":" in line)
        return int(fields[b"used_memory"]) - int(fields.get(b"larder_wasted_bytes", 0))


def waited_seconds(pid):
    """How long its threads were ready to run and did not."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/task/{thread}/schedstat",
                                                encoding="utf-8") as file:
            total += int(file.read().split()[1])
    return total / 1e9


def reader_words():
    words = ["taskset", "-c", peers.CLIENT_CORE]
    allowed = subprocess.run(["chrt", "-f", "1", "true"], stderr=subprocess.DEVNULL, check=False)
    return ["chrt", "-f", "1", *words] if allowed.returncode == 0 else words


class Watch:
    """The reader, from entering the block to leaving it; then its row."""

    def __init__(self, store, what, keys=100_000):
        self.store, self.what, self.keys = store, what, keys

    def __enter__(self):
        self.waited = waited_seconds(self.store.pid)
        self.process = subprocess.Popen(
            [*reader_words(), peers.LARDER, "bench", "resp", self.store.address, "--rate", "1000",
             "--arrivals", "constant", "--connections", "1", "--pipeline", "64", "--keys",
             str(self.keys), "--duration", "10m", "--warmup", "0", "--timeout", "60s", "--json"],
            stdout=subprocess.PIPE, text=True)
        time.sleep(0.3)
        return self

    def __exit__(self, failed, *_):
        if not failed:
            time.sleep(0.3)
        self.process.send_signal(signal.SIGINT)
        text, _ = self.process.communicate(timeout=90)
        if failed:
            return
        result = json.loads(text)
        latency = result["latency_ms"]
        print(f"| {self.what} | {latency['max']:.2f} ms | {latency['p999']:.2f} ms "
              f"| {latency['p50']:.3f} ms | {result['start_lag_ms']['max']:.2f} ms "
              f"| {1000 * (waited_seconds(self.store.pid) - self.waited):.0f} ms "
              f"| {latency['count']:,} |", flush=True)


def fill(store, first, count, *words):
    """In the background of core 1."""
    done = subprocess.run(["nice", "-n", "10", "taskset", "-c", peers.CLIENT_CORE, peers.LARDER,
                           "bench", "resp", store.address, "--fill", "--mix", "set", "--first-key",
                           str(first), "--keys", str(count), "--requests", "1", "--connections", "4",
                           "--pipeline", "16", *words, "--json"], stdout=subprocess.DEVNULL,
                          check=False)
    if done.returncode not in (0, 3):
        sys.exit(f"the fill ended with status {done.returncode}")


def memory_falls(line, before, full, patience_s=30):
    """How long until of what came on top of `before` less than 15 % is left (an index stays large)."""
    begin = time.monotonic()
    while time.monotonic() - begin < patience_s:
        if line.used_bytes() <= before + (full - before) * 0.15:
            return f"{time.monotonic() - begin:.2f} s"
        time.sleep(0.01)
    left = (line.used_bytes() - before) / (full - before)
    return f"more than {patience_s} s ({100 * left:.0f} % are left)"


def set_expiring(count, at_ms):
    tail = b"\r\n$64\r\n%b\r\n$4\r\nPXAT\r\n$13\r\n%d\r\n" % (b"x" * 64, at_ms)
    return (b"*5\r\n$3\r\nSET\r\n$16\r\nexp:%012d%b" % (number, tail) for number in range(count))


def set_tagged(count):
    return (b"*3\r\n$3\r\nSET\r\n$16\r\ntag:%012d\r\n$64\r\n%b\r\n"
            b"*3\r\n$10\r\nLARDER.TAG\r\n$16\r\ntag:%012d\r\n$3\r\nall\r\n"
            % (number, b"x" * 64, number) for number in range(count))


def set_fields(count):
    return (b"*4\r\n$4\r\nHSET\r\n$4\r\nhash\r\n$7\r\n%07d\r\n$8\r\nabcdefgh\r\n" % number
            for number in range(count))


def settle(pid, patience_s=20):
    """Until what the growth left to do is done: large pages are made in idle times."""
    end = time.monotonic() + patience_s
    used = -1.0
    while used != peers.cpu_seconds(pid) and time.monotonic() < end:
        used = peers.cpu_seconds(pid)
        time.sleep(1)


def growth(store, line, scale, notes):
    empty = line.used_bytes()
    fill(store, 0, scale, "--ttl", "2h")
    with Watch(store, "nothing"):
        time.sleep(3)
    with Watch(store, f"growth from {scale:,} to {10 * scale:,} keys"):
        fill(store, scale, 9 * scale, "--ttl", "2h")
    settle(store.pid)
    before = peers.cpu_seconds(store.pid)
    time.sleep(10)
    notes.append(f"{10 * scale:,} keys with a time to live, no clients: "
                 f"{1000 * (peers.cpu_seconds(store.pid) - before):.0f} ms of CPU in 10 s")
    full, resident = line.used_bytes(), store.resident_bytes()
    with Watch(store, f"FLUSHALL of {10 * scale:,} keys"):
        line.ask("FLUSHALL")
        fell = memory_falls(line, empty, full)
        time.sleep(1)
    notes.append(f"FLUSHALL: 85 % of the memory was free {fell} after the reply; RSS went from "
                 f"{resident >> 20} to {store.resident_bytes() >> 20} MiB")


def expiry(store, line, scale, notes):
    fill(store, 0, 100_000)
    base = line.used_bytes()
    at_ms = int(1000 * time.time()) + 4000 + scale // 100
    line.pour(set_expiring(scale, at_ms), b"+OK\r\n")
    full = line.used_bytes()
    left_s = at_ms / 1000 - time.time()
    if left_s < 0.5:
        sys.exit("setting the keys took longer than they live; is the machine busy?")
    time.sleep(left_s - 0.5)
    with Watch(store, f"{scale:,} keys expire in the same millisecond"):
        time.sleep(max(0, at_ms / 1000 - time.time()))
        fell = memory_falls(line, base, full)
        time.sleep(0.5)
    notes.append(f"{scale:,} keys expired: 85 % of their memory could be used again {fell} after "
                 "their time (bar 1 s)")


def purge(store, line, scale, notes):
    base = line.used_bytes()
    line.pour(set_tagged(scale), b"+OK\r\n:1\r\n")
    full = line.used_bytes()
    with Watch(store, f"purge of a tag that {scale:,} keys have"):
        line.ask("LARDER.PURGE", "TAG", "all")
        fell = memory_falls(line, base, full)
    notes.append(f"purge: 85 % of the memory could be used again {fell} after the reply")


def big_delete(store, line, scale, _):
    line.pour(set_fields(scale), b":1\r\n")
    with Watch(store, f"DEL of a hash of {scale:,} fields"):
        line.ask("DEL", "hash")
        time.sleep(1)


def shrink(store, line, scale, notes):
    fill(store, 0, 10 * scale)
    full, resident = line.used_bytes(), store.resident_bytes()
    with Watch(store, f"the limit cut to a half under {10 * scale:,} keys"):
        line.ask("CONFIG", "SET", "maxmemory", str(full // 2))
        time.sleep(5)
    notes.append(f"limit cut to a half: RSS went from {resident >> 20} to "
                 f"{store.resident_bytes() >> 20} MiB in 5 s")


EVENTS = {"larder": (growth, expiry, purge, big_delete, shrink),
          "redis": (growth, expiry, big_delete)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", choices=EVENTS, default="larder")
    parser.add_argument("--only", choices=[event.__name__ for event in EVENTS["larder"]])
    parser.add_argument("--quick", action="store_true", help="a tenth of the keys")
    options = parser.parse_args()
    scale = MILLION // 10 if options.quick else MILLION
    notes = []
    print(f"\n### A reader at 1,000 requests/s while something large happens: {options.server}\n")
    print("| meanwhile | worst | p99.9 | p50 | client late | server waited | requests |")
    print("|---|---:|---:|---:|---:|---:|---:|", flush=True)
    for event in EVENTS[options.server]:
        if options.only in (None, event.__name__):
            with peers.Stage() as stage:
                store = peers.STORES[options.server](stage)
                event(store, Line(store.address), scale, notes)
    print(f"\nThe bar for each worst latency: {BAR_MS} ms.\n")
    for note in notes:
        print(f"- {note}")


if __name__ == "__main__":
    sys.exit(main())
