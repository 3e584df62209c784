"""The same random commands to Redis and to Larder: the same answers.

LARDER_SEED chooses a run again; LARDER_COMMANDS how many commands."""
import os
import random

import pytest

from differential import Words, same
from wire import Wire

COMMANDS = int(os.environ.get("LARDER_COMMANDS", "6000"))
BATCH = 20


def show(history, words, mine, theirs):
    last = "\n".join(" ".join(map(repr, one)) for one in history[-60:])
    return f"{last}\n{words!r}\n  larder: {mine!r}\n  redis:  {theirs!r}"


@pytest.mark.parametrize("protocol", [2, 3])
def test_random_commands_are_answered_as_redis_answers_them(door, redis_port, protocol):
    seed = int(os.environ.get("LARDER_SEED", random.randrange(1 << 32)))
    print(f"LARDER_SEED={seed} RESP{protocol}")
    words = Words(seed)
    with Wire(door) as mine, Wire(redis_port) as theirs:
        for one in (mine, theirs):
            one.call("HELLO", protocol)
            one.call("FLUSHALL")
            one.call("CONFIG", "SET", "hash-max-listpack-entries", "4", "set-max-intset-entries",
                     "5", "zset-max-listpack-entries", "4")
        history = []
        queued = []
        for _ in range(COMMANDS // BATCH):
            batch = [words.command() for _ in range(BATCH)]
            for one, got, expected in zip(batch, mine.pipeline(batch), theirs.pipeline(batch)):
                if one[0] == "EXEC" and got.kind == "*" and got.value is not None:
                    assert len(got.value) == len(expected.value) == len(queued)
                    for inner, a, b in zip(queued, got.value, expected.value):
                        assert same(inner, a, b), show(history, inner, a, b)
                queued = queued + [one] if got.value == b"QUEUED" else queued
                begins = one[0] == "MULTI" and not got.is_error
                queued = [] if begins or one[0] in ("EXEC", "DISCARD") else queued
                assert same(one, got, expected), show(history, one, got, expected)
                history.append(one)
        for one in (mine, theirs):
            one.call("CONFIG", "SET", "hash-max-listpack-entries", "512", "set-max-intset-entries",
                     "512", "zset-max-listpack-entries", "128")
