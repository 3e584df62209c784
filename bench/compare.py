#!/usr/bin/env python3
"""Larder against its peers with one client, in turns: A B C, A B C, ...

    compare.py gateway [--rounds 5] [--duration 3s]    1 KiB hits: Varnish, HAProxy, nginx
    compare.py resp    [--rounds 5] [--duration 3s]    GET and SET, 64 B, 1 M random keys: Redis
    compare.py machine                                 what all of this runs on

Every server runs with one worker on core 0 and the client on core 1. Quoted are medians of the rounds,
and medians of the ratios within a round: only those are worth quoting on a machine whose speed moves
from one minute to the next. A line is marked when the client was the bottleneck (then the server is
faster than the figure says).
"""
import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import time

import peers

GATEWAYS = {"larder": peers.larder_gateway, "varnish": peers.varnish, "haproxy": peers.haproxy,
            "nginx": peers.nginx}
STORES = {"larder": peers.larder_resp, "redis": peers.redis}


def bench(*words):
    """One run of the load generator on its core; its figures."""
    done = subprocess.run([*peers.pinned(peers.CLIENT_CORE), peers.LARDER, "bench",
                           *map(str, words), "--json"], stdout=subprocess.PIPE, text=True,
                          check=False)
    if done.returncode not in (0, 3):
        sys.exit(f"larder bench {' '.join(map(str, words))}: status {done.returncode}\n"
                 f"{done.stdout}")
    return json.loads(done.stdout)


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


def table(title, results):
    """Markdown, ready for RESULTS.md."""
    print(f"\n### {title}\n")
    print("| server | requests/s | p50 | p99 | Larder is | client's core |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, runs in results.items():
        ratio = statistics.median(mine["requests_per_s"] / other["requests_per_s"]
                                  for mine, other in zip(results["larder"], runs))
        cpu = max(run["client"]["cpu_busiest"] for run in runs)
        mark = "" if all(run["valid"] for run in runs) else " (!)"
        print(f"| {name} | {median(runs, lambda r: r['requests_per_s']):,.0f} "
              f"| {1000 * median(runs, lambda r: r['latency_ms']['p50']):.0f} us "
              f"| {1000 * median(runs, lambda r: r['latency_ms']['p99']):.0f} us "
              f"| {'' if name == 'larder' else f'{ratio:.2f} x'} | {100 * cpu:.0f} %{mark} |")
    sys.stdout.flush()


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


def gateway(options):
    with peers.Stage() as stage:
        upstream = peers.origin(stage, "--size", "1024")
        where = {name: start(stage, upstream) for name, start in GATEWAYS.items()}

        def measure(name):
            return bench("http", f"http://{where[name]}/one", "--connections", 50, "--duration",
                         options.duration, "--expect-size", 1024)

        results = in_turns(options.rounds, GATEWAYS, measure)
    table("Gateway: hits of a 1 KiB body, 50 kept connections", results)


def resp(options):
    with peers.Stage() as stage:
        where = {name: start(stage) for name, start in STORES.items()}
        for address in where.values():
            bench("resp", address, "--fill", "--duration", "100ms", "--warmup", "0", "--pipeline", 16)
        for pipeline in (1, 16):
            for command in ("get", "set"):
                def measure(name):
                    return bench("resp", where[name], "--mix", command, "--pipeline", pipeline,
                                 "--duration", options.duration, "--connections", 50,
                                 *(["--expect-size", 64] if command == "get" else []))

                results = in_turns(options.rounds, STORES, measure)
                table(f"RESP: {command.upper()}, 64 B values, 1 M random keys, pipeline {pipeline}, "
                      "50 connections", results)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("gateway", "resp", "machine"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--duration", default="3s")
    options = parser.parse_args()
    {"gateway": gateway, "resp": resp, "machine": machine}[options.what](options)


if __name__ == "__main__":
    main()
