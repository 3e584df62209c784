"""Random commands, and how to compare what Redis and Larder answer to them."""
import random

from wire import Reply

KEYS = [f"k{i}" for i in range(8)]
FIELDS = [f"f{i}" for i in range(6)] + ["1", "2", "33", "-5", ""]
FAR_MS = 4_000_000_000_000


class Words:
    """Makes the words of random commands from a seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.watches = False

    def one(self, *choices):
        return self.random.choice(choices)

    def some(self, make, low=1, high=4):
        return [make() for _ in range(self.random.randint(low, high))]

    def key(self):
        return self.random.choice(KEYS)

    def field(self):
        return self.random.choice(FIELDS)

    def value(self):
        return self.one("a", "hello", "10", "-3", "3.5", "", "x" * 70, "0", "abc\r\ndef",
                        str(self.random.randint(-1000, 1000)), "9223372036854775807", "007", "1e3")

    def integer(self):
        return self.one("0", "1", "-1", "2", "5", "-3", "100", "-100", "x", "1.5",
                        "9223372036854775807", "-9223372036854775808", "")

    def small(self):
        return str(self.random.randint(-6, 6))

    def count(self):
        return self.one("0", "1", "2", "3", "10", "-1", "x")

    def score(self):
        return self.one("0", "1", "2", "2", "-1.5", "3.25", "inf", "-inf", "nan", "x", "1e10", "0.1")

    def good_score(self):
        return self.one("0", "1", "2", "3", "-1.5", "3.25", "inf", "-inf", "0.1", "100")

    def edge(self):
        return self.one("-inf", "+inf", "0", "(1", "2", "(2", "-2", "3", "x", "(")

    def equal(self):
        """A sorted set whose scores are all equal: only there a range of bytes is defined."""
        return self.one("equal1", "equal2", "equal3")

    def bytes_edge(self):
        return self.one("-", "+", "[f1", "(f2", "[", "(", "[f5", "x", "(1")

    def flags(self, *choices):
        return [word for choice in choices if self.random.random() < 0.25
                for word in (choice() if callable(choice) else [choice])]

    def numkeys(self, keys):
        return [self.one(*([str(len(keys))] * 8), "0", "x", "-1", "9"), *keys]

    def pairs(self, left, right):
        return [word for _ in range(self.random.randint(1, 3)) for word in (left(), right())]

    def expiry(self):
        return self.one(["EX", "100"], ["PX", "100000"], ["PXAT", str(FAR_MS)],
                        ["EXAT", str(FAR_MS // 1000)], ["KEEPTTL"], ["EX", "0"], ["EX", "x"],
                        ["PX", "-5"], ["EX"], ["EX", "9223372036854775807"])

    # ---- one method a group: each returns a list of ready commands to choose from ----

    def strings(self):
        k, v, n = self.key, self.value, self.integer
        return [
            ["SET", k(), v()], ["SET", k(), v(), *self.flags("NX", "XX", "GET", self.expiry)],
            ["GET", k()], ["GETSET", k(), v()], ["SETNX", k(), v()], ["GETDEL", k()],
            ["GETEX", k(), *self.flags(self.expiry, "PERSIST")],
            ["MGET", *self.some(k)], ["MSET", *self.pairs(k, v)], ["MSETNX", *self.pairs(k, v)],
            ["MSET", k(), v(), k()], ["SETEX", k(), self.one("100", "0", "-1", "x"), v()],
            ["PSETEX", k(), self.one("100000", "0", "x"), v()],
            ["INCR", k()], ["DECR", k()], ["INCRBY", k(), n()], ["DECRBY", k(), n()],
            ["INCRBYFLOAT", k(), self.score()], ["APPEND", k(), v()], ["STRLEN", k()],
            ["GETRANGE", k(), self.small(), self.small()],
            ["SUBSTR", k(), self.small(), self.small()],
            ["SETRANGE", k(), self.one("0", "3", "10", "-1", "x"), v()],
        ]

    def keyspace(self):
        k = self.key
        times = self.one("100", "0", "-1", "x", "1000")
        return [
            ["DEL", *self.some(k, 1, 2)], ["UNLINK", k()], ["EXISTS", *self.some(k)],
            ["TYPE", k()], ["TTL", k()], ["PTTL", k()], ["PERSIST", k()], ["TOUCH", *self.some(k)],
            ["EXPIRE", k(), times, *self.flags("NX", "XX")],
            ["PEXPIRE", k(), self.one("100000", "x"), *self.flags("NX", "XX")],
            ["EXPIREAT", k(), str(FAR_MS // 1000), *self.flags("NX", "XX", "GT", "LT", "no")],
            ["PEXPIREAT", k(), str(FAR_MS + self.random.randint(0, 5)), *self.flags("GT", "LT")],
            ["EXPIRETIME", k()], ["PEXPIRETIME", k()], ["RENAME", k(), k()],
            ["RENAMENX", k(), k()], ["COPY", k(), k(), *self.flags("REPLACE", lambda: ["DB", "1"])],
            ["MOVE", k(), self.one("1", "1", "0", "16", "x")], ["DBSIZE"],
            ["KEYS", self.one("*", "k[1-3]", "k?", "nothing*", "[^k]*")],
            ["OBJECT", "ENCODING", k()], ["OBJECT", "REFCOUNT", "nothing"],
            ["SWAPDB", "0", "1"], ["SELECT", self.one("0", "0", "0", "1", "99", "x")],
            ["RANDOMKEY"], ["FLUSHDB", self.one("ASYNC", "SYNC", "x")] if self.random.random() < 0.1
            else ["EXISTS", k()],
        ]

    def hashes(self):
        k, f, v = self.key, self.field, self.value
        return [
            ["HSET", k(), *self.pairs(f, v)], ["HSET", k(), *self.pairs(f, v)], ["HSET", k(), f()],
            ["HMSET", k(), *self.pairs(f, v)], ["HGET", k(), f()], ["HMGET", k(), *self.some(f)],
            ["HGETALL", k()], ["HKEYS", k()], ["HVALS", k()], ["HLEN", k()], ["HEXISTS", k(), f()],
            ["HSTRLEN", k(), f()], ["HDEL", k(), *self.some(f)], ["HSETNX", k(), f(), v()],
            ["HINCRBY", k(), f(), self.integer()], ["HINCRBYFLOAT", k(), f(), self.score()],
            ["HRANDFIELD", k(), *self.flags(lambda: [self.count()], "WITHVALUES")],
            ["HSCAN", k(), "0", *self.flags(lambda: ["MATCH", "f*"], lambda: ["COUNT", "1000"])],
        ]

    def lists(self):
        k, v, s = self.key, self.value, self.small
        side = lambda: self.one("LEFT", "RIGHT", "left", "MIDDLE" if self.random.random() < 0.1
                                else "right")
        return [
            ["LPUSH", k(), *self.some(v)], ["RPUSH", k(), *self.some(v)], ["LPUSHX", k(), v()],
            ["RPUSHX", k(), *self.some(v)], ["LPOP", k(), *self.flags(lambda: [self.count()])],
            ["RPOP", k(), *self.flags(lambda: [self.count()])], ["LLEN", k()],
            ["LRANGE", k(), s(), s()], ["LRANGE", k(), "0", "-1"], ["LINDEX", k(), s()],
            ["LSET", k(), s(), v()], ["LINSERT", k(), self.one("BEFORE", "AFTER", "x"), v(), v()],
            ["LREM", k(), s(), v()], ["LTRIM", k(), s(), s()],
            ["LPOS", k(), v(), *self.flags(lambda: ["RANK", s()], lambda: ["COUNT", self.count()],
                                           lambda: ["MAXLEN", self.count()])],
            ["LMOVE", k(), k(), side(), side()], ["RPOPLPUSH", k(), k()],
            ["LMPOP", *self.numkeys(self.some(k)), side(),
             *self.flags(lambda: ["COUNT", self.count()])],
        ]

    def sets(self):
        k, f = self.key, self.field
        return [
            ["SADD", k(), *self.some(f)], ["SADD", k(), *self.some(self.small)],
            ["SREM", k(), *self.some(f)], ["SCARD", k()], ["SISMEMBER", k(), f()],
            ["SMISMEMBER", k(), *self.some(f)], ["SMEMBERS", k()], ["SMOVE", k(), k(), f()],
            ["SINTER", *self.some(k)], ["SUNION", *self.some(k)], ["SDIFF", *self.some(k)],
            ["SINTERSTORE", k(), *self.some(k)], ["SUNIONSTORE", k(), *self.some(k)],
            ["SDIFFSTORE", k(), *self.some(k)], ["SPOP", k(), "1000"], ["SPOP", k(), "-1"],
            ["SINTERCARD", *self.numkeys(self.some(k)), *self.flags(lambda: ["LIMIT", self.count()])],
            ["SRANDMEMBER", k(), *self.flags(lambda: [self.count()])],
            ["SSCAN", k(), "0", *self.flags(lambda: ["MATCH", "f*"], lambda: ["COUNT", "1000"])],
        ]

    def zsets(self):
        k, f, e, b, s = self.key, self.field, self.edge, self.bytes_edge, self.small
        q = self.equal
        mix = lambda: self.flags(lambda: ["WEIGHTS", *self.some(self.score, 1, 3)],
                                 lambda: ["AGGREGATE", self.one("SUM", "MIN", "MAX", "x")])
        limit = lambda: ["LIMIT", self.one("0", "1", "-1"), self.one("2", "1", "-1", "0")]
        return [
            ["ZADD", k(), *self.pairs(self.good_score, f)], ["ZADD", k(), *self.pairs(self.good_score, f)],
            ["ZADD", k(), *self.flags("NX", "XX", "GT", "LT", "CH", "INCR"), self.score(), f()],
            ["ZINCRBY", k(), self.score(), f()], ["ZREM", k(), *self.some(f)], ["ZCARD", k()],
            ["ZSCORE", k(), f()], ["ZMSCORE", k(), *self.some(f)], ["ZRANK", k(), f()],
            ["ZREVRANK", k(), f()], ["ZCOUNT", k(), e(), e()], ["ZLEXCOUNT", q(), b(), b()],
            ["ZADD", q(), "0", f(), "0", f()], ["ZADD", q(), "0", f()], ["ZREM", q(), f()],
            ["ZRANGE", k(), s(), s(), *self.flags("WITHSCORES", "REV", limit)],
            ["ZRANGE", k(), e(), e(), "BYSCORE", *self.flags("WITHSCORES", "REV", limit)],
            ["ZRANGE", q(), b(), b(), "BYLEX", *self.flags("REV", limit, "WITHSCORES")],
            ["ZREVRANGE", k(), s(), s(), *self.flags("WITHSCORES")],
            ["ZRANGEBYSCORE", k(), e(), e(), *self.flags("WITHSCORES", limit)],
            ["ZREVRANGEBYSCORE", k(), e(), e(), *self.flags("WITHSCORES", limit)],
            ["ZRANGEBYLEX", q(), b(), b(), *self.flags(limit)],
            ["ZREVRANGEBYLEX", q(), b(), b(), *self.flags(limit)],
            ["ZRANGESTORE", k(), k(), s(), s(), *self.flags("REV", limit)],
            ["ZRANGESTORE", k(), k(), e(), e(), "BYSCORE", *self.flags("REV", limit)],
            ["ZREMRANGEBYRANK", k(), s(), s()], ["ZREMRANGEBYSCORE", k(), e(), e()],
            ["ZREMRANGEBYLEX", q(), b(), b()], ["ZRANGEBYLEX", "nothing", b(), b()],
            ["ZPOPMIN", k(), *self.flags(lambda: [self.count()])],
            ["ZPOPMAX", k(), *self.flags(lambda: [self.count()])],
            ["ZMPOP", *self.numkeys(self.some(k)), self.one("MIN", "MAX"),
             *self.flags(lambda: ["COUNT", self.count()])],
            ["ZUNION", *self.numkeys(self.some(k, 1, 3)), *mix(), *self.flags("WITHSCORES")],
            ["ZINTER", *self.numkeys(self.some(k, 1, 3)), *mix(), *self.flags("WITHSCORES")],
            ["ZDIFF", *self.numkeys(self.some(k, 1, 3)), *self.flags("WITHSCORES")],
            ["ZUNIONSTORE", k(), *self.numkeys(self.some(k, 1, 3)), *mix()],
            ["ZINTERSTORE", k(), *self.numkeys(self.some(k, 1, 3)), *mix()],
            ["ZDIFFSTORE", k(), *self.numkeys(self.some(k, 1, 3))],
            ["ZINTERCARD", *self.numkeys(self.some(k, 1, 3)), *self.flags(lambda: ["LIMIT", self.count()])],
            ["ZRANDMEMBER", k(), *self.flags(lambda: [self.count()], "WITHSCORES")],
            ["ZSCAN", k(), "0", *self.flags(lambda: ["MATCH", "f*"], lambda: ["COUNT", "1000"])],
        ]

    def odd(self):
        """Wrong numbers of words, unknown commands, connections."""
        return [
            [self.one("GET", "SET", "HSET", "ZADD", "LPUSH", "EXPIRE", "COPY", "OBJECT", "CONFIG"),
             *self.some(self.key, 0, 2)],
            ["NOSUCH", *self.some(self.value, 0, 3)], ["CLIENT", "NOSUCH"], ["PING"],
            ["PING", self.value()], ["ECHO", self.value()], ["MULTI"], ["EXEC"], ["DISCARD"],
            ["WATCH", self.key()], ["UNWATCH"], ["COMMAND", "GETKEYS", "GET", self.key()],
            ["COMMAND", "GETKEYS", "ZUNIONSTORE", "a", "2", "b", "c"], ["CLIENT", "GETNAME"],
            ["CLIENT", "SETNAME", self.one("me", "you and me", "")],
            ["PUBLISH", "nobody", self.value()], ["PUBSUB", "NUMSUB", "a"], ["PUBSUB", "NUMPAT"],
            ["UNSUBSCRIBE"], ["PUNSUBSCRIBE", "a"],
        ]

    def command(self):
        group = self.one(*[self.strings] * 3, self.keyspace, self.keyspace, self.hashes,
                         self.hashes, self.lists, self.lists, self.sets, self.sets, *[self.zsets] * 4,
                         self.odd)
        words = self.random.choice(group())
        if words[0] == "SWAPDB" and self.watches:
            # Redis looks whether the watched key is in one of the two; Larder always gives up.
            return ["PING"]
        if words[0] in ("WATCH", "EXEC", "DISCARD", "UNWATCH"):
            self.watches = words[0] == "WATCH"
        return words


# Replies whose elements have no order, and replies that are drawn at random.
UNORDERED = {"KEYS", "SMEMBERS", "SINTER", "SUNION", "SDIFF", "HKEYS", "HVALS", "SPOP"}
PAIRED = {"HGETALL"}
RANDOM = {"RANDOMKEY", "SRANDMEMBER", "HRANDFIELD", "ZRANDMEMBER"}
TIMED = {"TTL", "PTTL"}
SCANS = {"HSCAN": 2, "ZSCAN": 2, "SSCAN": 1}


def chunks(values, size):
    return sorted((tuple(map(repr, values[i:i + size])) for i in range(0, len(values), size)))


def shape(reply):
    """What stays of a random reply: its types."""
    if reply.kind in "*~>" and reply.value is not None:
        return reply.kind, [shape(one) for one in reply.value]
    return reply.kind, reply.value is None


def normal(words, reply):
    """A reply in a form in which equal ones are equal."""
    name = words[0].upper()
    if reply.is_error or reply.value is None:
        return reply
    if name in UNORDERED and reply.kind in "*~":
        return reply.kind, chunks(reply.value, 1)
    if name in PAIRED:
        return reply.kind, (sorted(map(repr, reply.value)) if reply.kind == "%"
                            else chunks(reply.value, 2))
    if name in SCANS and reply.kind == "*":
        return reply.value[0], chunks(reply.value[1].value, SCANS[name])
    if name in RANDOM:
        return shape(reply)
    return reply


def same(words, mine, theirs):
    name = words[0].upper()
    if name in TIMED and mine.kind == ":" and theirs.kind == ":" and mine.value > 0:
        slack = 2 if name == "TTL" else 2000
        return abs(mine.value - theirs.value) <= slack
    if name == "PEXPIRETIME" and mine.kind == ":" and theirs.kind == ":":
        return abs(mine.value - theirs.value) <= 2000
    if name == "EXPIRETIME" and mine.kind == ":" and theirs.kind == ":":
        return abs(mine.value - theirs.value) <= 2
    if name == "EXEC" and mine.kind == "*" and theirs.kind == "*":
        return (mine.value is None) == (theirs.value is None)
    return normal(words, mine) == normal(words, theirs)


__all__ = ["Words", "same", "Reply"]
