#!/usr/bin/env python3
"""Larder in a memory cgroup of its limit x 1.15, under mixed writes: nobody may be killed.

    cgroup.py [--memory-mib 256] [--seconds 20] [--quick]

Needs cgroup v2 with a memory controller that this user may hand out. Where that is not so, it says so,
and compares the process's high-water mark (VmHWM) with what the group would have allowed: the group
counts a little more (buffers of sockets), so that is a weaker promise.
"""
import argparse
import contextlib
import json
import pathlib
import subprocess
import sys

import peers

MIB = 1 << 20
SHARE = 1.15
WRITES = ("4@SET s:{key} {value}", "2@SET t:{key} {value} PX 2000", "2@HSET h:{1-2000} f{1-100} {value}",
          "1@RPUSH l:{1-500} {value}", "1@LTRIM l:{1-500} -50 -1", "1@DEL s:{key} t:{key}",
          "1@EXPIRE h:{1-2000} 5", "1@SADD set:{1-200} m{key}", "1@LARDER.TAG s:{key} tag{1-50}",
          "2@GET s:{key}")


def own_group():
    """The v2 group of this process, if memory groups can be made in it; else why not."""
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        if line.startswith("0::"):
            break
    else:
        return None, "this system has no cgroup v2"
    mounts = [words.split() for words in pathlib.Path("/proc/mounts").read_text().splitlines()]
    roots = [words[1] for words in mounts if words[2] == "cgroup2"]
    if not roots:
        return None, "cgroup v2 is not mounted"
    group = pathlib.Path(roots[0]) / line[3:].lstrip("/")
    with contextlib.suppress(OSError):
        if "memory" in (group / "cgroup.subtree_control").read_text().split():
            return group, None
        if "memory" in (group / "cgroup.controllers").read_text().split() and line == "0::/":
            (group / "cgroup.subtree_control").write_text("+memory")
            return group, None
    return None, f"the group of this process, {group}, cannot hand out memory to groups below it"


@contextlib.contextmanager
def memory_group(bytes_max):
    """A group with that limit, or None; and why there is none."""
    parent, why_not = own_group()
    group = parent and parent / f"larder-bench-{peers.free_port()}"
    try:
        if group:
            group.mkdir()
            (group / "memory.max").write_text(str(bytes_max))
            with contextlib.suppress(OSError):
                (group / "memory.swap.max").write_text("0")
    except OSError as error:
        group, why_not = None, str(error)
    try:
        yield group, why_not
    finally:
        if group:
            group.rmdir()


def kills(group):
    for line in (group / "memory.events").read_text().splitlines():
        if line.startswith("oom_kill "):
            return int(line.split()[1])
    return 0


def load(address, seconds):
    """The writes; None when the server went away under them."""
    words = [word for write in WRITES for word in ("--command", write)]
    done = subprocess.run(
        ["taskset", "-c", peers.CLIENT_CORE, peers.LARDER, "bench", "resp", address, *words, "--keys",
         "2000000", "--value-size", "16-64KiB", "--connections", "200", "--pipeline", "16",
         "--duration", f"{seconds}s", "--warmup", "0", "--allow-errors", "--json"],
        stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode not in (0, 3):
        sys.exit(f"the load ended with status {done.returncode}\n{done.stdout}")
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--memory-mib", type=int, default=256)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--quick", action="store_true", help="five seconds")
    options = parser.parse_args()
    limit = options.memory_mib * MIB
    allowed = int(limit * SHARE)
    with memory_group(allowed) as (group, why_not), peers.Stage() as stage:
        store = peers.larder_store(stage, limit)
        if group:
            (group / "cgroup.procs").write_text(str(store.pid))
        result = load(store.address, 5 if options.quick else options.seconds)
        alive = store.process.poll() is None
        highest = peers.status_bytes(store.pid, "VmHWM") if alive else 0
        killed = kills(group) if group else 0
    print(f"limit          {limit / MIB:.0f} MiB, the group's {allowed / MIB:.1f} MiB")
    print(f"writes         {result['requests']:,} commands in {result['duration_s']:.0f} s, "
          f"{result['bytes_out'] / MIB:,.0f} MiB; {result['errors']:,} refused")
    print(f"highest RSS    {highest / MIB:.1f} MiB, {100 * highest / allowed:.0f} % of the group's")
    if group:
        print(f"killed         {killed}")
    else:
        print(f"no group       {why_not}; so the highest RSS is compared with its limit")
    good = alive and killed == 0 and highest <= allowed
    print("kept" if good else "BROKEN")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
