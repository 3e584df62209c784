"""Commands that are hard on memory: sizes that change, values that grow, copies, holes.

A mix is a generator of commands, the same ones for the same random.Random.
"""
import math

BLOB = bytes(range(256)) * 4096


def blob(rng, low, high):
    """Bytes; all orders of magnitude between the two sizes are as likely."""
    size = int(math.exp(rng.uniform(math.log(low), math.log(high))))
    at = rng.randrange(len(BLOB) - size)
    return BLOB[at:at + size]


def member(rng, high):
    return b"%x:" % rng.getrandbits(40) + blob(rng, 1, high)


def grow(rng, kind, number, elements, high):
    """A command that adds to a value of this kind: a list, a hash, a set or a sorted set."""
    key, count = f"{kind}{number}", rng.randrange(1, elements)
    if kind == "list":
        return "RPUSH", key, *[blob(rng, 5, high) for _ in range(count)]
    if kind == "hash":
        return "HSET", key, *[w for _ in range(count)
                              for w in (f"field{rng.randrange(5000)}", blob(rng, 5, high))]
    if kind == "set":
        return "SADD", key, *[member(rng, high // 10) for _ in range(count)]
    return "ZADD", key, *[w for _ in range(count) for w in (rng.random(), member(rng, high // 10))]


KINDS = ("list", "hash", "set", "zset")


def strings(rng):
    """Plain values of 10 bytes to 64 KiB."""
    while True:
        yield "SET", f"string{rng.randrange(200000)}", blob(rng, 10, 65536)


def types(rng):
    """Values of all types that grow, are copied and deleted."""
    while True:
        kind, what = rng.choice(KINDS), rng.random()
        if what < 0.1:
            yield "COPY", f"{kind}{rng.randrange(400)}", f"{kind}{rng.randrange(400)}", "REPLACE"
        elif what < 0.12:
            yield "DEL", f"{kind}{rng.randrange(400)}"
        else:
            yield grow(rng, kind, rng.randrange(400), 12, 8000)


def copies(rng):
    """Few large values, copied over each other again and again."""
    while True:
        kind = rng.choice(KINDS)
        if rng.random() < 0.4:
            yield "COPY", f"{kind}{rng.randrange(40)}", f"{kind}{rng.randrange(40)}", "REPLACE"
        else:
            yield grow(rng, kind, rng.randrange(40), 40, 2000)


def phases(rng):
    """All of one size, then all of another: what fitted before fits no longer."""
    while True:
        for size in (64, 3000, 200, 20000, 500, 9000):
            for _ in range(400 if size > 2000 else 3000):
                kind = rng.choice(("string",) + KINDS[:3])
                if kind == "string":
                    yield "SET", f"phase{rng.randrange(1000000)}", blob(rng, size, size + 9)
                else:
                    yield grow(rng, kind, rng.randrange(3000), 2, size + 6)


def small(rng):
    """Very many values of few elements."""
    while True:
        kind = rng.choice(KINDS)
        yield grow(rng, kind, rng.randrange(1000000), 5, 50)


ALL = (strings, types, copies, phases, small)
