#!/usr/bin/env python3
"""What the engine's default policy misses on traces, against exact LRU (larder bench cache).

    policies.py [TRACE.ltr.zst ...] [--quick]

By number of objects, and by bytes with either objective, at 1 and 10 % of the working set. A reduction
is the share of LRU's misses (with the objective `bytes`: of its missed bytes) that are spared; quoted
are the mean over the traces and the one where it does worst. Without traces: the mixtures that larder
bench makes.
"""
import argparse
import statistics
import sys

import peers

# Mode and objective; what is counted; the bars of the mean at 1 and 10 %; and of the worst trace.
CASES = ((("objects", "requests"), "miss_ratio", (8, 10), -3),
         (("bytes", "requests"), "miss_ratio", (18, 25), 0),
         (("bytes", "bytes"), "byte_miss_ratio", (4, 8), None))
CAPACITIES = (0.01, 0.1)


def ratios(traces, mode, objective, policy, field):
    """{(trace, capacity): ratio}"""
    words = ["--trace", ",".join(traces)] if traces else []
    rows = peers.bench("cache", *words, "--mode", mode, "--objective", objective, "--policy", policy,
                       "--capacity", ",".join(map(str, CAPACITIES)), core=None)
    return {(row["trace"], row["capacity_fraction"]): row[field] for row in rows}


def show(traces, policy):
    print("\n### Misses spared, against exact LRU\n")
    print("| capacity counts | objective | of the working set | mean | bar | worst trace | bar |")
    print("|---|---|---:|---:|---:|---|---:|")
    details = []
    for (mode, objective), field, bars, worst_bar in CASES:
        mine = ratios(traces, mode, objective, policy, field)
        theirs = ratios(traces, mode, objective, "lru-exact", field)
        spared = {key: 100 * (1 - mine[key] / theirs[key]) for key in mine}
        for capacity, bar in zip(CAPACITIES, bars):
            some = {trace: value for (trace, at), value in spared.items() if at == capacity}
            worst = min(some, key=some.get)
            print(f"| {mode} | {objective} | {100 * capacity:g} % | {statistics.mean(some.values()):.1f} % "
                  f"| {bar} % | {some[worst]:+.1f} % {worst} "
                  f"| {'' if worst_bar is None else f'{worst_bar} %'} |", flush=True)
            details.append((mode, objective, capacity, some, mine))
    return details


def show_each(details):
    traces = list(details[0][3])
    print("\nEach trace: the ratio that missed (of bytes where the objective is bytes), and how much less "
          "than LRU's that is.\n")
    print("| | " + " | ".join(f"{mode}, {objective}, {100 * capacity:g} %"
                              for mode, objective, capacity, *_ in details) + " |")
    print("|---|" + "---:|" * len(details))
    for trace in traces:
        print(f"| {trace} | " + " | ".join(f"{mine[trace, capacity]:.4f} ({some[trace]:+.1f} %)"
                                           for *_, capacity, some, mine in details) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("traces", nargs="*", metavar="TRACE.ltr.zst")
    parser.add_argument("--policy", default="s3fifo")
    parser.add_argument("--quick", action="store_true", help="the same: it is quick")
    options = parser.parse_args()
    show_each(show(options.traces, options.policy))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
