#!/usr/bin/env python3
"""Writes values of mixed sizes into a Larder with little memory, and watches what it takes."""
import json
import subprocess
import sys
import threading

import peers

LIMIT = 256 << 20
BAR = int(1.15 * LIMIT) + (16 << 20)
MIB = 1 << 20


def main(writes):
    with peers.Stage() as stage:
        process, doors = peers.larder(stage, "--http", "off", "--memory", "256MB", "--workers", "1",
                                      core=None)
        idle = peers.status_bytes(process.pid, "VmRSS")
        samples, ended = [], threading.Event()

        def sample():
            while not ended.wait(0.1):
                samples.append(peers.status_bytes(process.pid, "VmRSS"))

        watcher = threading.Thread(target=sample)
        watcher.start()
        done = subprocess.run([
            peers.LARDER, "bench", "resp", doors["resp"], "--mix", "set", "--value-size", "16-64KiB",
            "--keys", "4000000", "--requests", str(writes), "--pipeline", "16", "--connections",
            "16", "--json"], stdout=subprocess.PIPE, text=True, check=False)
        ended.set()
        watcher.join()
        highest = peers.status_bytes(process.pid, "VmHWM")
        alive = subprocess.run([peers.LARDER, "bench", "resp", doors["resp"], "--mix", "get",
                                "--requests", "1000", "--connections", "1"],
                               stdout=subprocess.DEVNULL, check=False).returncode in (0, 3)
        if done.returncode not in (0, 3):
            print(done.stdout)
            sys.exit(f"larder bench ended with status {done.returncode}")
        result = json.loads(done.stdout)
    print(f"writes             {result['requests']:,} in {result['duration_s']:.1f} s "
          f"({result['requests_per_s']:,.0f}/s, {result['bytes_out'] / result['duration_s'] / MIB:,.0f} "
          f"MiB/s), {result['errors']} errors")
    print(f"limit              {LIMIT / MIB:.0f} MiB; the process before the first write "
          f"{idle / MIB:.1f} MiB")
    print(f"RSS                highest {highest / MIB:.1f} MiB, "
          f"median {sorted(samples)[len(samples) // 2] / MIB if samples else 0:.1f} MiB, "
          f"{len(samples)} samples")
    print(f"bar                {BAR / MIB:.1f} MiB (1.15 x the limit + 16 MiB)")
    good = highest <= BAR and result["errors"] == 0 and result["requests"] == writes and alive
    print("kept" if good else "BROKEN")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000_000))
