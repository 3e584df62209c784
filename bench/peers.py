"""Starts Larder and the stores that are its peers, each pinned to one core, and ends them again.

The other gateways are in gateways.py.
"""
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
LARDER = os.environ.get("LARDER") or str(ROOT / "build/release/larder")
SERVER_CORE, CLIENT_CORE = "0", "1"
PATIENCE_S = 30


def pinned(core):
    """Words that keep a program on a core. REALTIME=1 keeps other programs off it, too: for a machine
    that nobody else uses; a program that never sleeps starves all others."""
    words = ["taskset", "-c", core]
    return ["chrt", "-f", "1", *words] if os.environ.get("REALTIME") == "1" else words


def status_bytes(pid, field):
    """VmRSS, VmHWM and their like, in bytes."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1]) * 1024
    return 0


def tree_bytes(pid):
    """RSS of a program and of those that it started."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
        children = [int(word) for word in file.read().split()]
    return status_bytes(pid, "VmRSS") + sum(tree_bytes(child) for child in children)


def cpu_seconds(pid):
    """User and system time of all threads, and of the programs that it started."""
    with open(f"/proc/{pid}/task/{pid}/children", encoding="utf-8") as file:
        children = [int(word) for word in file.read().split()]
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") \
        + sum(cpu_seconds(child) for child in children)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def find(name):
    """A server is often in /usr/sbin, which is not on everybody's PATH."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if path is None:
        sys.exit(f"{name} is not installed; run: ./dev deps bench")
    return path


class Stage:
    """A folder and the programs that run in it; leaving the block ends them."""

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="larder-bench-")
        self.path = pathlib.Path(self.folder.name)
        os.chmod(self.path, 0o777)  # servers that drop their rights write here, too
        self.running = []
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that leaving happens then, too
        return self

    def __exit__(self, *_):
        for process in list(reversed(self.running)):
            self.end(process)
        self.folder.cleanup()

    def end(self, process):
        self.running.remove(process)
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()

    def start(self, name, words, core=SERVER_CORE, stdout=None):
        log = open(self.path / f"{name}.log", "w", encoding="utf-8")
        process = subprocess.Popen([*(pinned(core) if core else []), *map(str, words)],
                                   cwd=self.path, stdin=subprocess.DEVNULL, stdout=stdout or log,
                                   stderr=log, text=True)
        log.close()
        process.name = name
        self.running.append(process)
        return process

    def write(self, name, text):
        (self.path / name).write_text(text)
        return self.path / name

    def give_up(self, process):
        text = (self.path / f"{process.name}.log").read_text(errors="replace")
        sys.exit(f"{process.name} did not start:\n{text[-3000:]}")

    def wait_for_port(self, process, port):
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                time.sleep(0.05)
        self.give_up(process)

    def read_line(self, process, pattern):
        for line in process.stdout:
            match = re.match(pattern, line)
            if match:
                return match
        return self.give_up(process)


def origin(stage, *options):
    """host:port of an origin that answers with 1 KiB."""
    process = stage.start("origin", [sys.executable, HERE / "origin.py", *options], core=None,
                          stdout=subprocess.PIPE)
    return stage.read_line(process, r"origin on http://(\S+)")[1]


def larder(stage, *flags, core=SERVER_CORE):
    """A running Larder: its process and its doors by name."""
    doors = [word for door in ("--http", "--resp", "--admin") if door not in flags
             for word in (door, "127.0.0.1:0")]
    process = stage.start("larder", [LARDER, "serve", *doors, *flags], core=core,
                          stdout=subprocess.PIPE)
    doors = {}
    for line in process.stdout:
        match = re.match(r"larder: (\w+) on \w+://(\S+)", line)
        if match:
            doors[match[1]] = match[2]
        elif line.startswith("larder: ready"):
            return process, doors
    return stage.give_up(process)


# ---- stores of small values --------------------------------------------------------------------------

class Store:
    """One that is running: its name, process and address, and how larder bench speaks to it."""

    def __init__(self, name, process, address, protocol="resp"):
        self.name, self.pid, self.address, self.protocol = name, process.pid, address, protocol
        self.process = process

    def url(self):
        return f"{'redis' if self.protocol == 'resp' else 'memcached'}://{self.address}"

    def resident_bytes(self):
        return status_bytes(self.pid, "VmRSS")

    def end(self, stage):
        stage.end(self.process)


def larder_store(stage, memory_bytes=8 << 30, *flags):
    process, doors = larder(stage, "--http", "off", "--workers", "1", "--memory",
                            f"{memory_bytes}B", *flags)
    return Store("larder", process, doors["resp"])


def redis_store(stage, memory_bytes=0, *flags):
    """maxmemory 0: no limit."""
    port = free_port()
    process = stage.start("redis", [find("redis-server"), "--port", port, "--bind", "127.0.0.1",
                                    "--save", "", "--appendonly", "no", "--maxmemory",
                                    memory_bytes, *flags])
    stage.wait_for_port(process, port)
    return Store("redis", process, f"127.0.0.1:{port}")


def memcached_store(stage, memory_bytes=8 << 30, *flags):
    """Its limit is a number of MiB."""
    port = free_port()
    user = ["-u", "root"] if os.getuid() == 0 else []
    process = stage.start("memcached", [find("memcached"), "-l", "127.0.0.1", "-p", port, "-U", 0,
                                        "-t", 1, "-m", memory_bytes >> 20, "-c", 4096, *user,
                                        *flags])
    stage.wait_for_port(process, port)
    return Store("memcached", process, f"127.0.0.1:{port}", "memcached")


STORES = {"larder": larder_store, "redis": redis_store, "memcached": memcached_store}


# ---- the load generator ------------------------------------------------------------------------------

def bench(*words, core=CLIENT_CORE):
    """One run of the load generator on its core; its figures."""
    done = subprocess.run([*(pinned(core) if core else []), LARDER, "bench", *map(str, words),
                           "--json"], stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 3):
        sys.exit(f"larder bench {' '.join(map(str, words))}: status {done.returncode}\n"
                 f"{done.stdout}")
    return json.loads(done.stdout)


def whole_seconds(duration):
    """What h2load takes: 300ms is a second to it."""
    value = float(duration.rstrip("ms"))
    return max(1, round(value / 1000 if duration.endswith("ms") else value))


def h2load(url, duration, *words):
    """One run of h2load on the client's core, over 50 connections; figures as bench() has them."""
    with tempfile.NamedTemporaryFile("r") as log:
        child_s = resource.getrusage(resource.RUSAGE_CHILDREN)
        begun = time.monotonic()
        done = subprocess.run([*pinned(CLIENT_CORE), find("h2load"), "-c", "50", "-D",
                               str(whole_seconds(duration)),
                               f"--log-file={log.name}", *map(str, words), url],
                              stdout=subprocess.PIPE, text=True, check=False)
        wall_s = time.monotonic() - begun
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        found = re.search(r"requests: (\d+) total, .*?(\d+) succeeded, (\d+) failed, (\d+) errored",
                          done.stdout)
        rate = re.search(r"finished in .*?, ([\d.]+) req/s", done.stdout)
        rows = [line.split("\t") for line in log]
    if done.returncode != 0 or not found or not rate or int(found[2]) == 0 or int(found[4]) > 0 or \
            any(row[1] != "200" for row in rows):
        sys.exit(f"h2load {url}: status {done.returncode}\n{done.stdout}")
    times = sorted(int(row[2]) for row in rows)
    busy = (spent.ru_utime + spent.ru_stime - child_s.ru_utime - child_s.ru_stime) / wall_s
    return {"requests": int(found[2]), "requests_per_s": float(rate[1]), "valid": busy < 0.97,
            "client": {"cpu_busiest": busy},
            "latency_ms": {"p50": times[len(times) // 2] / 1000,
                           "p99": times[len(times) * 99 // 100] / 1000}}


def fill(store, keys, value_bytes, *words):
    """Sets every key once."""
    bench(store.protocol, store.address, "--fill", "--keys", keys, "--value-size", value_bytes,
          "--requests", 1, "--connections", 8, "--pipeline", 16, "--mix", "set", *words)
