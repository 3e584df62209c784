#!/usr/bin/env python3
"""Equal memory: what real servers miss when each may take 16 MiB of RSS above its empty self.

    replay.py TRACE.ltr.zst [--memory-mib 16] [--quick]

The trace is replayed cache-aside (larder bench replay) with keys of 16 bytes and values of about 200:
once with 200 bytes each, and once with sizes from 64 to 512, mean 216. What a server calls its limit
is not what it takes. So its limit is moved until the process, when the replay has ended, has grown by
16 MiB: within 1 %, or for memcached, whose limit is a number of MiB, as near as that goes (it takes
a page for each class of sizes, whatever its limit). The row is that of this run. Without a trace: the
mixture `zipf` of larder bench replay.
"""
import argparse
import sys

import peers

MIB = 1 << 20
SIZES = ("200", "64-512")
TRIES = 7
BARS = {"redis": 0.86, "memcached": 0.81}
POLICY = {"larder": [], "redis": ["--maxmemory-policy", "allkeys-lru"], "memcached": []}
STEP = {"larder": 4096, "redis": 4096, "memcached": MIB}  # what a limit can be told in
LEAST = {"larder": 8 * MIB, "redis": 2 * MIB, "memcached": 2 * MIB}  # what they start with


def replay(name, limit, trace, sizes):
    """One server with that limit: how much it grew, and what it missed."""
    with peers.Stage() as stage:
        store = peers.STORES[name](stage, limit, *POLICY[name])
        empty = store.resident_bytes()
        words = ["--trace", trace] if trace else []
        result = peers.bench("replay", "--to", store.url(), "--value-size", sizes, *words)
        result["grown"] = store.resident_bytes() - empty
        result["limit"] = limit
    print(f"  {name:<10}limit {limit / MIB:6.2f} MiB, grew by {result['grown'] / MIB:6.2f} MiB, "
          f"miss ratio {result['miss_ratio']:.4f}", file=sys.stderr, flush=True)
    return result


def at_equal_memory(name, target, trace, sizes):
    """Regula falsi on the limit; the run that came nearest to the target."""
    step, limit, runs = STEP[name], target, {}
    for _ in range(TRIES):
        limit = max(LEAST[name], limit // step * step)
        if limit in runs:
            break
        before = [run["grown"] for run in runs.values()]
        runs[limit] = replay(name, limit, trace, sizes)
        if abs(runs[limit]["grown"] / target - 1) < 0.01 or any(
                abs(runs[limit]["grown"] / grown - 1) < 0.002 for grown in before):
            break
        below = [run for run in runs.values() if run["grown"] <= target]
        above = [run for run in runs.values() if run["grown"] > target]
        if below and above:
            low, high = max(below, key=lambda r: r["limit"]), min(above, key=lambda r: r["limit"])
            share = (target - low["grown"]) / max(1, high["grown"] - low["grown"])
            limit = int(low["limit"] + share * (high["limit"] - low["limit"]))
        else:
            limit += target - runs[limit]["grown"]
    return min(runs.values(), key=lambda run: abs(run["grown"] - target))


def table(trace, target, sizes):
    found = {name: at_equal_memory(name, target, trace, sizes) for name in peers.STORES}
    mine = found["larder"]["miss_ratio"]
    print(f"\n### {found['larder']['trace']}, values of {sizes} bytes, {target / MIB:g} MiB\n")
    print("| server | miss ratio | bytes missed | Larder misses | RSS above empty | its own limit "
          "| requests/s |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, run in found.items():
        ratio = ""
        if name != "larder":
            ratio = f"{mine / run['miss_ratio']:.3f} x (bar {BARS[name]} x)"
        print(f"| {name} | {run['miss_ratio']:.4f} | {run['byte_miss_ratio']:.4f} | {ratio} "
              f"| {run['grown'] / MIB:.2f} MiB | {run['limit'] / MIB:.2f} MiB "
              f"| {run['requests_per_s']:,.0f} |")
    sys.stdout.flush()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trace", nargs="?", help="NAME.ltr.zst")
    parser.add_argument("--memory-mib", type=int, default=16)
    parser.add_argument("--quick", action="store_true", help="one size of values only")
    options = parser.parse_args()
    for sizes in SIZES[:1] if options.quick else SIZES:
        table(options.trace, options.memory_mib * MIB, sizes)


if __name__ == "__main__":
    main()
