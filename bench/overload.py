#!/usr/bin/env python3
"""Three times as many requests as can be answered: what comes through, and how soon it is over.

    bench/overload.py [--case miss|hit] [--seconds 20] [--factor 3]

miss: nothing is cached, and the origin is asked over 32 connections, 10 ms each. hit: everything comes
from the cache, and the server's core is the limit. First the highest rate is measured (closed loop),
then an open loop offers 70 % of it, then three times it, then 70 % again, in slices of a second.

The bars: answers a second under overload at least 80 % of the peak; all others 503 at once; the 99th
percentile back to what it was before (at most twice that, or 20 ms) within 5 s.
"""
import argparse
import json
import resource
import subprocess
import sys

import peers

CONNECTIONS, DELAY_S = 32, 0.01
CONFIG = """
origins:
  main: {servers: ["%s"], max-connections: %d, queue: {max: 2000, wait: 1s}}
routes:
  hit: {match: "/hit/**", ttl: 1h}
  all: {match: "/**", cache: off}
"""


def load(url, *words):
    """One run of the client; its figures."""
    done = subprocess.run([*peers.pinned(peers.CLIENT_CORE), peers.LARDER, "bench", "http", url, "--json",
                           "--allow-errors", "--warmup", "0s", "--timeout", "10s", *map(str, words)],
                          stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 1, 3) or not done.stdout:
        sys.exit(f"the client ended with status {done.returncode}")
    return json.loads(done.stdout)


def offered(url, rate, seconds, connections):
    return load(url, "--rate", round(rate), "--duration", f"{seconds}s", "--connections", connections)


def say(name, told):
    refused = told["statuses"].get("503", 0)
    lost = told["errors"] - refused
    latency = told["latency_ms"]
    print(f"| {name} | {told.get('rate') or 0:,.0f} | {told['requests_per_s']:,.0f} "
          f"| {refused / told['duration_s']:,.0f} | {lost} | {latency['p50']:.1f} | {latency['p99']:.1f} "
          f"| {'' if told['valid'] else '(!) ' + told['why_invalid'][0][:60]} |", flush=True)


def seconds_until_well(url, rate, bar_ms):
    """After how many seconds the 99th percentile is at the bar or below."""
    for second in range(1, 16):
        told = offered(url, rate, 1, 256)
        say(f"after, second {second}", told)
        if told["latency_ms"]["p99"] <= bar_ms and told["errors"] == 0:
            return second
    return 16


def measure(url, options):
    print("| load | offered/s | 200/s | 503/s | lost | p50 ms | p99 ms | |\n|---|---|---|---|---|---|---|---|")
    peak = load(url, "--duration", "3s", "--connections", 2 * CONNECTIONS)
    say("peak (closed loop)", peak)
    peak_rate = peak["requests_per_s"]
    before = offered(url, 0.7 * peak_rate, 5, 256)
    say("70 %", before)
    over = offered(url, options.factor * peak_rate, options.seconds, 4000)
    say(f"{options.factor:g} times", over)
    bar_ms = max(2 * before["latency_ms"]["p99"], 20)
    well = seconds_until_well(url, 0.7 * peak_rate, bar_ms)
    goodput = over["requests_per_s"] / peak_rate
    lost = over["errors"] - over["statuses"].get("503", 0)
    print(f"\nGoodput {100 * goodput:.0f} % of the peak; {lost} lost; p99 at most {bar_ms:.0f} ms again "
          f"within {well} s.")
    return goodput >= 0.8 and well <= 5 and (options.case == "hit" or lost == 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", choices=["miss", "hit"], default="miss")
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--factor", type=float, default=3)
    options = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    with peers.Stage() as stage:
        upstream = peers.origin(stage, "--delay", str(DELAY_S if options.case == "miss" else 0))
        config = stage.write("larder.yaml", CONFIG % (upstream, CONNECTIONS))
        doors = peers.larder(stage, "-c", str(config), "--resp", "off", "--workers", "1")[1]
        url = f"http://{doors['http']}/{options.case}/{{1-100}}"
        return 0 if measure(url, options) else 1


if __name__ == "__main__":
    sys.exit(main())
