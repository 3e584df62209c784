#!/usr/bin/env python3
"""Larder's gateway against HAProxy, nginx, Varnish and Traffic Server, in turns: A B C, A B C, ...

    gateway.py [--rounds 3] [--duration 2s] [--only WORD]
    gateway.py idle [--connections 9000]      what a kept connection takes of a gateway's memory

--quick: one short round, to see that it works.

Every gateway runs with one worker on core 0; the client and the origin (a bare loop) on core 1. The
client of HTTP/2 and TLS is h2load. `bare` is the bare loop in the place of a gateway: the ceiling for this
kernel and this client. Quoted are medians of the rounds, and medians of the ratios within a round. (!)
behind a figure: the client was the bottleneck, the server is faster than that. The server's CPU a request
says more there.
"""
import argparse
import resource
import socket
import statistics
import sys
import time

import compare
import gateways
import peers

KIB = 1024


class Scenario:
    """One table: what is asked, of whom, and what Larder is to reach."""

    def __init__(self, title, size, words, bars, **details):
        self.title, self.size, self.words, self.bars = title, size, words, bars
        self.path = details.get("path", "/one")
        self.freshness = details.get("freshness", "public, max-age=3600")
        self.peers = details.get("peers", ["haproxy", "nginx", "varnish", "trafficserver"])
        self.caches = details.get("caches", True)
        self.bare = details.get("bare", False)
        self.tls = details.get("tls", False)

    def names(self):
        return ["larder", *self.peers, *(["bare"] if self.bare else [])]

    def start(self, stage, name):
        if name == "bare":
            return gateways.fixed(stage, *gateways.answer(self.size, self.freshness),
                                  peers.SERVER_CORE)
        upstream = gateways.origin(stage, self.size, self.freshness)
        return gateways.ALL[name](stage, upstream, self.caches)

    def measure(self, gateway, duration):
        before = peers.cpu_seconds(gateway.pid)
        result = peers.bench("http", f"http://{gateway.address}{self.path}", "--connections", 50,
                             "--duration", duration, "--warmup", "200ms", *self.words)
        result["server_s"] = peers.cpu_seconds(gateway.pid) - before
        return result


class MultiplexedScenario(Scenario):
    """The client is h2load (nghttp2): it speaks HTTP/2 and TLS."""

    def start(self, stage, name):
        if name == "h2o":
            return gateways.h2o(stage, self.size)
        upstream = gateways.origin(stage, self.size, self.freshness)
        if name == "nginx":
            return gateways.nginx(stage, upstream, tls=self.tls, h2=not self.tls)
        return gateways.larder(stage, upstream, tls=self.tls)

    def measure(self, gateway, duration):
        url = f"{'https' if self.tls else 'http'}://{gateway.address}{self.path}"
        before = peers.cpu_seconds(gateway.pid)
        result = peers.h2load(url, duration, *self.words)
        result["server_s"] = peers.cpu_seconds(gateway.pid) - before
        return result


def sized(size):
    return ["--expect-size", size]


SCENARIOS = [
    Scenario("Hits of 1 KiB", KIB, sized(KIB), {"best": 1.4, "bare": 0.8}, bare=True),
    Scenario("Hits of 32 KiB", 32 * KIB, sized(32 * KIB), {"best": 1.3}),
    Scenario("304 of 1 KiB", KIB, ["-H", f"If-None-Match: {gateways.ETAG}", "--expect-status", 304],
             {"best": 1.4}),
    Scenario("Passed on, not cached, 1 KiB", KIB, sized(KIB), {"haproxy": 1.0},
             freshness="no-store", caches=False, peers=["haproxy", "nginx", "varnish"]),
    Scenario("Misses: each answer of 1 KiB is stored", KIB, sized(KIB), {"varnish": 1.0},
             path="/{key}?v=1", peers=["varnish", "haproxy", "nginx"]),
    MultiplexedScenario("HTTP/2: hits of 1 KiB, 10 streams on each of 50 connections", KIB, ["-m", 10],
                        {"nginx": 1.3, "h2o": 1.3}, peers=["nginx", "h2o"]),
    MultiplexedScenario("TLS: hits of 1 KiB over HTTP/1.1", KIB, ["--h1"], {"nginx": 1.0},
                        peers=["nginx"], tls=True),
]
SCENARIOS[4].words += ["--keys", 1_000_000_000]


def rate(run):
    return run["requests_per_s"]


def ratio_to(results, names):
    """Larder's rate as a multiple of the best of these in the same round; the median."""
    return statistics.median(rate(results["larder"][i]) / max(rate(results[name][i]) for name in names)
                             for i in range(len(results["larder"])))


def table(scenario, results):
    print(f"\n### {scenario.title}\n")
    print("| server | requests/s | Larder is | server's CPU a request | p50 | p99 | client's core |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name, runs in results.items():
        ratio = "" if name == "larder" else f"{ratio_to(results, [name]):.2f} x"
        cpu = 1e6 * compare.median(runs, lambda run: run["server_s"] / run["requests"])
        print(f"| {name} | {compare.median(runs, rate):,.0f} | {ratio} | {cpu:.2f} us "
              f"| {compare.latency(runs, 'p50')} | {compare.latency(runs, 'p99')} "
              f"| {compare.client_share(runs)} |")
    bars = []
    for against, bar in scenario.bars.items():
        names = scenario.peers if against == "best" else [against]
        named = "the best of them" if against == "best" else against
        bars.append(f"{ratio_to(results, names):.2f} x {named} (bar {bar} x)")
    print(f"\nLarder: {', '.join(bars)}.", flush=True)


def compare_all(options):
    for scenario in SCENARIOS:
        if options.only and options.only.lower() not in scenario.title.lower():
            continue
        print(f"== {scenario.title}", file=sys.stderr)
        with peers.Stage() as stage:
            running = {name: scenario.start(stage, name) for name in scenario.names()}
            results = compare.in_turns(
                options.rounds, running,
                lambda name: scenario.measure(running[name], options.duration))
        table(scenario, results)


# ---- idle connections --------------------------------------------------------------------------------

def ask_once(address):
    """A connection that has had one answer and stays."""
    host, port = address.split(":")
    connection = socket.create_connection((host, int(port)), 10)
    connection.sendall(b"GET /one HTTP/1.1\r\nHost: bench\r\n\r\n")
    got = b""
    while not got.endswith(b"x" * KIB):
        got += connection.recv(1 << 16)
    return connection


def idle(options):
    count = options.connections
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard < count + 100:
        sys.exit(f"this machine allows {hard} open files, and {count} connections were asked for")
    print(f"\n### RSS of {count:,} idle connections, each after one answer\n")
    print("| server | bytes each |")
    print("|---|---:|")
    for name in ("larder", "nginx", "haproxy", "varnish"):
        with peers.Stage() as stage:
            gateway = gateways.ALL[name](stage, gateways.origin(stage, KIB))
            ask_once(gateway.address).close()
            time.sleep(0.5)
            empty = peers.tree_bytes(gateway.pid)
            kept = [ask_once(gateway.address) for _ in range(count)]
            time.sleep(1)
            print(f"| {name} | {(peers.tree_bytes(gateway.pid) - empty) / count:,.0f} |", flush=True)
            for connection in kept:
                connection.close()
    print("| bar | 1,024 |", flush=True)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=("rates", "idle"), default="rates")
    parser.add_argument("--rounds", type=int, default=3, help="(3)")
    parser.add_argument("--duration", default="2s", help="of each measurement (2s)")
    parser.add_argument("--only", metavar="WORD", help="the tables with this word in their title")
    parser.add_argument("--connections", type=int, default=9000, help="idle ones (9000)")
    parser.add_argument("--quick", action="store_true", help="one short round")
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.duration, options.connections = 1, "300ms", 500
    {"rates": compare_all, "idle": idle}[options.what](options)


if __name__ == "__main__":
    main()
