#!/usr/bin/env python3
"""Larder against its peers with one client, in turns: A B C, A B C, ...

    compare.py resp [--rounds 3] [--duration 1s]     GET and SET: Redis and memcached
    compare.py machine                               what all of this runs on

--quick: one short round, to see that it works.

Every server runs with one worker on core 0 and the client on core 1. Quoted are medians of the rounds,
and medians of the ratios within a round: only those are worth quoting on a machine whose speed moves
from one minute to the next. A line is marked when the client was the bottleneck (then the server is
faster than the figure says).
"""
import argparse
import os
import platform
import statistics
import sys
import time

import peers

KEYS = 1_000_000
# Pipeline, and what Larder is to reach there, as a multiple of the better peer.
SMALL, LARGE = ((1, 1.05), (16, 2.2), (64, 3.5)), ((16, 2.0),)


def in_turns(rounds, names, measure):
    """{name: [result of each round]}; `measure` gets a name."""
    results = {name: [] for name in names}
    for number in range(rounds):
        for name in names:
            result = measure(name)
            results[name].append(result)
            print(f"  round {number + 1}  {name:<10}{result['requests_per_s']:12.0f}/s",
                  file=sys.stderr, flush=True)
    return results


def median(results, read):
    return statistics.median(read(result) for result in results)


def client_share(runs):
    """Of its core; marked when it was too much."""
    mark = "" if all(run["valid"] for run in runs) else " (!)"
    return f"{100 * max(run['client']['cpu_busiest'] for run in runs):.0f} %{mark}"


def latency(runs, share):
    return f"{1000 * median(runs, lambda run: run['latency_ms'][share]):.0f} us"


def machine(_):
    """What all of this ran on."""
    model = "unknown processor"
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        for line in file:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    print(f"{time.strftime('%d %b %Y')}, {model}, {os.cpu_count()} cores, "
          f"Linux {platform.release()}")


# ---- stores ------------------------------------------------------------------------------------------

def to_better_peer(results):
    """Larder's rate as a multiple of the better peer's in the same round; the median of the rounds."""
    rates = [[run["requests_per_s"] for run in runs] for runs in results.values()]
    return statistics.median(mine / max(others) for mine, *others in zip(*rates))


def server_cpu(runs):
    """Microseconds a request."""
    return 1e6 * median(runs, lambda run: run["server_s"] / run["requests"])


def resp_rows(command, pipeline, bar, results):
    ratio = to_better_peer(results)
    mine, *others = (server_cpu(runs) for runs in results.values())
    for name, runs in results.items():
        verdict, less = "", ""
        if name == "larder":
            verdict, less = f"{ratio:.2f} x (bar {bar} x)", f" ({min(others) / mine:.2f} x less)"
        print(f"| {command} {pipeline} | {name} | {median(runs, lambda r: r['requests_per_s']):,.0f} "
              f"| {verdict} | {server_cpu(runs):.2f} us{less} "
              f"| {latency(runs, 'p50')} | {latency(runs, 'p99')} | {client_share(runs)} |")
    sys.stdout.flush()


def resp_table(options, value_bytes, title, pipelines):
    print(f"\n### {title}\n")
    print("| pipeline | server | requests/s | to the better peer | server's CPU a request | p50 "
          "| p99 | client's core |")
    print("|---|---|---:|---:|---:|---:|---:|---:|")
    with peers.Stage() as stage:
        stores = {name: start(stage) for name, start in peers.STORES.items()}
        for store in stores.values():
            peers.fill(store, options.keys, value_bytes)
        for pipeline, bar in pipelines:
            for command in ("get", "set"):
                def measure(name):
                    store = stores[name]
                    before = peers.cpu_seconds(store.pid)
                    result = peers.bench(
                        store.protocol, store.address, "--mix", command, "--pipeline", pipeline,
                        "--keys", options.keys, "--value-size", value_bytes, "--duration",
                        options.duration or "1s", "--warmup", 0, "--connections", 50,
                        *(["--expect-size", value_bytes] if command == "get" else []))
                    result["server_s"] = peers.cpu_seconds(store.pid) - before
                    if command == "get" and result["cache"]["miss"] > 0:
                        sys.exit(f"{name} has lost keys: {result['cache']['miss']} misses")
                    return result

                results = in_turns(options.rounds or 3, stores, measure)
                resp_rows(command, pipeline, bar, results)


def resp(options):
    where = f"{options.keys:,} random keys, 50 connections"
    resp_table(options, 64, f"GET and SET of 64 B values, {where}", SMALL)
    resp_table(options, 1024, f"GET and SET of 1 KiB values, {where}", LARGE)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("resp", "machine"))
    parser.add_argument("--rounds", type=int, help="(3)")
    parser.add_argument("--duration", help="of each measurement (1s)")
    parser.add_argument("--keys", type=int, default=KEYS)
    parser.add_argument("--quick", action="store_true", help="one short round of few keys")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.duration, options.keys = 1, "300ms", 100_000
    {"resp": resp, "machine": machine}[options.what](options)


if __name__ == "__main__":
    main()
