#!/usr/bin/env python3
"""The engine without sockets (larder bench engine): reads and writes, one by one and in batches.

    inprocess.py [--items 5000000] [--threads CORES] [--quick]
"""
import argparse
import os

import peers

# What is to be reached.
NS_BARS = {("get", 0, 1): 150, ("get16", 0, 1): 60}
SCALING_BARS = {2: 1.8, 16: 12}


def bar(row):
    if (row["phase"], row["zipf"], row["threads"]) in NS_BARS:
        return f"<= {NS_BARS[row['phase'], row['zipf'], row['threads']]} ns"
    if row["phase"] in ("get", "get16") and row["threads"] in SCALING_BARS:
        return f">= {SCALING_BARS[row['threads']]} x"
    return ""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--items", type=int, default=5_000_000)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--quick", action="store_true", help="short measurements of few items")
    options = parser.parse_args()
    items, duration = (500_000, "100ms") if options.quick else (options.items, "1s")
    result = peers.bench("engine", "--items", items, "--threads", options.threads, "--duration",
                         duration, core=None)
    size = result["bytes_per_item"]
    print(f"\n### In the process: {result['items']:,} items of 16 + {result['value_bytes']} bytes with a "
          "time to live\n")
    print(f"An item takes {size['rss']:.1f} bytes of RSS, {size['books']:.1f} by the engine's own account, "
          f"{size['index']:.1f} of these index. `late`: one stretch of sixteen operations in ten thousand "
          "took longer; `worst`: the longest one.\n")
    print("| | popularity | threads | operations/s | to one thread | CPU each | bar | late | worst |")
    print("|---|---|---:|---:|---:|---:|---|---:|---:|")
    for row in result["rows"]:
        law = f"Zipf {row['zipf']:g}" if row["zipf"] else "uniform"
        scaling = f"{row['to_one_thread']:.2f} x" if row["threads"] > 1 and row["to_one_thread"] else ""
        print(f"| {row['phase']} | {law} | {row['threads']} | {row['ops_per_s']:,.0f} | {scaling} "
              f"| {row['cpu_ns']:.0f} ns | {bar(row)} | {row['late_us']:.0f} us "
              f"| {row['worst_us']:.0f} us |", flush=True)


if __name__ == "__main__":
    main()
