"""The limit on memory: what the process takes above its idle self, whatever is asked of it.

The bounds are generous, so that they hold on any machine; what is measured is printed (pytest -s).
Builds with a sanitizer take other memory: there the conversations run and nothing is compared.
"""
import random
import re
import time

import pytest

import larder
import mixes
from wire import Wire, request

MIB = 1 << 20
PATIENCE_S = 60
BATCH = 64


def measures():
    """Whether the program under test is one whose memory says something."""
    return not re.search(r"build/(asan|tsan|debug|cover|fuzz)/", larder.binary())


class Crowded:
    """A Larder with little memory, and the most that it took."""

    def __init__(self, serve, limit, *flags):
        self.server = serve("--http", "off", "--memory", str(limit), "--workers", "2", *flags)
        self.wire = Wire(self.server.resp_port, timeout=60)
        self.wire.call("PING")
        self.idle = self.resident()
        self.highest = 0

    def resident(self):
        with open(f"/proc/{self.server.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096

    def above(self):
        """What it takes now above its idle self."""
        now = self.resident() - self.idle
        self.highest = max(self.highest, now)
        return now

    def figure(self, name, section="memory"):
        return int(re.search(rf"{name}:(\d+)", self.wire.plain("INFO", section).decode())[1])

    def drive(self, mix, commands, seed=1):
        """Runs the mix; the errors that came, by their first word."""
        generator, errors = mix(random.Random(seed)), {}
        for _ in range(commands // BATCH):
            for reply in self.wire.pipeline([next(generator) for _ in range(BATCH)]):
                # A copy onto itself is the mix's own fault.
                if reply.is_error and b"objects are the same" not in reply.value:
                    word = reply.value.split()[0]
                    errors[word] = errors.get(word, 0) + 1
            self.above()
        return errors

    def settles(self, bound, what):
        """Waits until it takes no more than that."""
        until = time.monotonic() + PATIENCE_S
        while measures() and self.above() > bound:
            assert time.monotonic() < until, \
                f"{what}: {self.above() / MIB:.1f} MiB, and not below {bound / MIB:.0f}"
            time.sleep(0.05)
        print(f"{what}: {self.above() / MIB:.1f} MiB")

    def stays_within(self, bound, what):
        print(f"{what}: at most {self.highest / MIB:.1f} MiB")
        assert not measures() or self.highest <= bound, \
            f"{what}: {self.highest / MIB:.1f} MiB, and at most {bound / MIB:.0f} were allowed"


@pytest.mark.parametrize("mix", mixes.ALL, ids=lambda mix: mix.__name__)
def test_whatever_is_written_the_process_stays_within_its_limit(serve, mix):
    limit = 16 * MIB
    crowded = Crowded(serve, limit)
    assert crowded.drive(mix, 50000) == {}
    crowded.stays_within(limit + 12 * MIB, mix.__name__)
    assert crowded.figure("used_memory") < limit + 8 * MIB
    assert crowded.wire.call("FLUSHALL").value == b"OK"
    crowded.settles(8 * MIB, f"{mix.__name__}, emptied")


def test_the_limit_is_changed_while_it_runs(serve):
    crowded = Crowded(serve, 48 * MIB)
    crowded.drive(mixes.types, 30000)
    crowded.drive(mixes.strings, 10000)
    for limit in (16 * MIB, 64 * MIB, 24 * MIB):
        assert crowded.wire.call("CONFIG", "SET", "maxmemory", limit).value == b"OK"
        crowded.settles(limit + 12 * MIB, f"limit {limit // MIB} MiB")
        crowded.highest = 0
        assert crowded.drive(mixes.phases, 20000) == {}
        crowded.stays_within(limit + 12 * MIB, f"limit {limit // MIB} MiB, written to")
        assert crowded.figure("maxmemory") == limit
    assert crowded.figure("evicted_keys", "stats") > 0


def test_a_raised_limit_is_used(serve):
    crowded = Crowded(serve, 16 * MIB)
    crowded.drive(mixes.strings, 10000)
    assert crowded.figure("used_memory") < 20 * MIB
    crowded.wire.call("CONFIG", "SET", "maxmemory", 64 * MIB)
    crowded.drive(mixes.strings, 15000)
    assert crowded.figure("used_memory") > 40 * MIB


def test_what_a_purge_removes_goes_back_to_the_system(serve):
    crowded = Crowded(serve, 64 * MIB)
    value = bytes(1000)
    for first in range(0, 20000, BATCH):
        numbers = range(first, first + BATCH)
        crowded.wire.pipeline([("SET", f"page:{n}", value) for n in numbers])
        crowded.wire.pipeline([("LARDER.TAG", f"page:{n}", "page") for n in numbers])
    crowded.settles(64 * MIB, "full")
    full = crowded.above()
    assert not measures() or full > 18 * MIB
    assert not crowded.wire.call("LARDER.PURGE", "TAG", "page").is_error
    crowded.settles(full // 2, "purged")


def test_what_cannot_be_kept_is_refused_and_the_server_lives(serve):
    limit = 24 * MIB
    crowded = Crowded(serve, limit)
    crowded.wire.call("CONFIG", "SET", "maxmemory-policy", "noeviction")
    for mix in (mixes.strings, mixes.types, mixes.copies):
        assert set(crowded.drive(mix, 20000)) == {b"OOM"}
    crowded.stays_within(limit + 12 * MIB, "noeviction")
    assert crowded.figure("evicted_keys", "stats") == 0
    keys = crowded.wire.plain("KEYS", "*")
    assert crowded.wire.plain("DEL", *keys) == len(keys)
    assert crowded.wire.call("SET", "key", "value").value == b"OK"
    assert crowded.wire.call("RPUSH", "a-list", "value").value == 1


def test_a_value_that_grows_beyond_the_limit_does_not_end_the_server(serve):
    limit = 24 * MIB
    crowded = Crowded(serve, limit)
    for n in range(600):
        reply = crowded.wire.call("RPUSH", "endless", *[bytes(1000)] * 100)
        assert not reply.is_error or reply.value.startswith(b"OOM"), reply
        crowded.above()
    for n in range(100):
        reply = crowded.wire.call("COPY", "endless", f"copy{n}")
        assert not reply.is_error or reply.value.startswith(b"OOM"), reply
        crowded.above()
    crowded.stays_within(limit + 12 * MIB, "one endless list")
    assert crowded.wire.call("SET", "key", "value").value == b"OK"


def test_large_values_have_others_leave_before_they_are_refused(serve):
    limit = 48 * MIB
    crowded = Crowded(serve, limit)
    members = [f"{n}:" + "x" * 1000 for n in range(8000)]
    for command, key in (("SADD", "set"), ("RPUSH", "list")):
        crowded.drive(mixes.strings, 6400)  # full
        assert crowded.wire.plain(command, key, *members) == len(members)
        assert crowded.wire.plain("COPY", key, "copy") == 1
        assert crowded.wire.plain("RENAME", "copy", "other") == b"OK"
        if key == "set":
            crowded.drive(mixes.strings, 640)
            assert crowded.wire.plain("SADD", key, *members) >= 0
            assert crowded.wire.plain("SUNIONSTORE", "union", key, "nothing") == len(members)
            assert crowded.wire.plain("ZUNIONSTORE", "union", 1, key) == len(members)
    crowded.drive(mixes.strings, 6400)
    assert crowded.wire.plain("RPUSH", "one", bytes(12 * MIB)) == 1
    crowded.drive(mixes.strings, 640)
    assert crowded.wire.plain("HSET", "two", "field", bytes(12 * MIB)) == 1
    crowded.stays_within(limit + 16 * MIB, "large values")


def test_entries_give_way_to_what_connections_need(serve):
    limit = 48 * MIB
    crowded = Crowded(serve, limit)
    crowded.drive(mixes.strings, 12000)
    crowded.wire.call("SET", "large", bytes(200000))
    before = crowded.figure("evicted_keys", "stats")
    slow = [Wire(crowded.server.resp_port) for _ in range(60)]
    for n, wire in enumerate(slow):
        if n % 3 == 0:  # says less than it announced
            wire.send_raw(request("SET", "never", bytes(400000))[:-100])
        elif n % 3 == 1:  # never reads what it asked for
            wire.send_raw(request("LRANGE", "nothing", 0, 1) + request("GET", "large") * 6)
        else:  # never executes what it queued
            wire.send_raw(request("MULTI") + request("SET", "never", bytes(100000)) * 3)
        crowded.drive(mixes.strings, 640, seed=n)
    crowded.stays_within(limit + 12 * MIB, "with slow clients")
    assert crowded.figure("evicted_keys", "stats") > before
    assert not measures() or crowded.figure("mem_clients_normal") > 8 * MIB
    for wire in slow:
        wire.close()
    crowded.wire.call("FLUSHALL")
    crowded.settles(14 * MIB, "without them")


def test_subscriptions_count(serve):
    crowded = Crowded(serve, 48 * MIB)
    before = crowded.figure("used_memory")
    with Wire(crowded.server.resp_port) as listener:
        for first in range(0, 20000, 1000):
            listener.call("SUBSCRIBE", *[f"channel:{n}" for n in range(first, first + 1000)])
            for _ in range(999):
                listener.read()
        assert crowded.figure("used_memory") - before > 4 * MIB
    until = time.monotonic() + PATIENCE_S
    while crowded.figure("used_memory") - before > 2 * MIB:
        assert time.monotonic() < until
        time.sleep(0.05)
