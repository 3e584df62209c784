#!/usr/bin/env python3
"""Mixed load for a long time: does what the process takes stay flat, and is every answer right?

    soak.py [--minutes 30] [--memory 64MB]

Hits, misses, revalidations, large bodies, what is passed on and cut connections at the gateway; GET, SET,
tags and purges at the RESP door; all at a modest rate. RSS is taken every second; the slope is that of
a line through the samples after the first third. The bar is 0.1 % an hour.
"""
import argparse
import json
import random
import socket
import subprocess
import sys
import threading
import time

import gateways
import peers

MIB = 1 << 20
BAR_PER_CENT = 0.1
FRESH = "public, max-age=2, stale-while-revalidate=2"


def load(*words):
    """The load generator in the background, as gently as it was told."""
    return subprocess.Popen([peers.LARDER, "bench", *map(str, words), "--json"],
                            stdout=subprocess.PIPE, text=True)


def cut_connections(address, ended):
    """Clients that leave in the middle of a request or of its answer."""
    host, port = address.split(":")
    generator = random.Random(1)
    request = b"GET /large/%d HTTP/1.1\r\nHost: bench\r\n\r\n"
    while not ended.wait(0.02):
        with socket.create_connection((host, int(port)), 10) as connection:
            text = request % generator.randrange(1000)
            connection.sendall(text[:generator.randrange(1, 2 * len(text))])


def purge(address, ended):
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), 10) as connection:
        while not ended.wait(1):
            connection.sendall(b"LARDER.PURGE PREFIX key:1\r\n")
            connection.recv(4096)


def slope_per_cent(samples):
    """Of a line through (second, bytes), an hour, as a share of the mean."""
    count = len(samples)
    mean_x = sum(x for x, _ in samples) / count
    mean_y = sum(y for _, y in samples) / count
    rise = sum((x - mean_x) * (y - mean_y) for x, y in samples)
    return 100 * 3600 * rise / sum((x - mean_x) ** 2 for x, _ in samples) / mean_y


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30, help="(30)")
    parser.add_argument("--memory", default="64MB", help="Larder's limit (64MB)")
    options = parser.parse_args()
    seconds = int(60 * options.minutes)
    ended = threading.Event()
    with peers.Stage() as stage:
        fresh = gateways.origin(stage, 1024, FRESH)
        large = gateways.origin(stage, 256 * 1024, "public, max-age=60")
        passed = gateways.origin(stage, 1024, "no-store")
        config = stage.write("larder.yaml", f"""origins:
  fresh: {{servers: ["{fresh}"]}}
  large: {{servers: ["{large}"]}}
  passed: {{servers: ["{passed}"]}}
routes:
  large: {{match: "/large/**", origin: large}}
  passed: {{match: "/passed/**", origin: passed}}
  default: {{match: "/**", origin: fresh}}
""")
        process, doors = peers.larder(stage, "--config", config, "--memory", options.memory,
                                      "--workers", "2", core=None)
        http, common = f"http://{doors['http']}", ["--duration", f"{seconds}s", "--connections", 8]
        loads = {
            "hits and misses": load("http", f"{http}/a/{{key}}", "--keys", 100_000, "--zipf", 0.9,
                                    "--rate", 2000, "--expect-size", 1024, *common),
            "large bodies": load("http", f"{http}/large/{{key}}", "--keys", 1000, "--zipf", 0.9,
                                 "--rate", 100, "--expect-size", 256 * 1024, *common),
            "passed on": load("http", f"{http}/passed/{{key}}", "--keys", 1000, "--rate", 300,
                              "--expect-size", 1024, *common),
            "keys": load("resp", doors["resp"], "--mix", "get=3,set=1", "--keys", 200_000, "--zipf",
                         0.9, "--value-size", "16-2000", "--rate", 3000, *common),
        }
        others = [threading.Thread(target=cut_connections, args=(doors["http"], ended)),
                  threading.Thread(target=purge, args=(doors["resp"], ended))]
        for thread in others:
            thread.start()
        samples = []
        for second in range(seconds):
            time.sleep(1)
            samples.append((second, peers.status_bytes(process.pid, "VmRSS")))
            if second % 60 == 0:
                print(f"{second // 60:4} min  {samples[-1][1] / MIB:.1f} MiB", file=sys.stderr, flush=True)
        results = {name: json.loads(one.communicate()[0]) for name, one in loads.items()}
        ended.set()
        for thread in others:
            thread.join()
        if process.poll() is not None:
            sys.exit(f"larder ended with status {process.returncode}")
    warm = samples[len(samples) // 3:]
    slope = slope_per_cent(warm)
    errors = sum(result["errors"] for result in results.values())
    for name, result in results.items():
        print(f"{name:<16} {result['requests']:>10,} answers, {result['errors']} wrong, p99 "
              f"{result['latency_ms']['p99']:.1f} ms")
    print(f"RSS              {warm[0][1] / MIB:.1f} MiB after {warm[0][0]} s, {warm[-1][1] / MIB:.1f} MiB at "
          f"the end, at most {max(size for _, size in samples) / MIB:.1f} MiB")
    print(f"slope            {slope:+.3f} % an hour (bar {BAR_PER_CENT} %)")
    sys.exit(0 if errors == 0 and slope < BAR_PER_CENT else 1)


if __name__ == "__main__":
    main()
