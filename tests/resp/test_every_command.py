"""Every command once, with the answer it has to give; the odd ways are test_differential.py's."""
import pytest

from wire import Wire

CASES = [
    # what goes before                 the command                                   its answer
    ([], ["PING"], b"PONG"),
    ([], ["ECHO", "hi"], b"hi"),
    ([], ["SELECT", "3"], b"OK"),
    ([], ["RESET"], b"RESET"),
    ([], ["QUIT"], b"OK"),
    ([], ["AUTH", "default", "whatever"], b"OK"),
    ([], ["CLIENT", "SETNAME", "me"], b"OK"),
    ([["CLIENT", "SETNAME", "me"]], ["CLIENT", "GETNAME"], b"me"),
    ([], ["CLIENT", "SETINFO", "LIB-NAME", "test"], b"OK"),
    ([], ["CLIENT", "NO-EVICT", "on"], b"OK"),
    ([], ["CLIENT", "UNBLOCK", "99"], 0),
    ([], ["CLIENT", "UNPAUSE"], b"OK"),
    ([["SET", "k", "v"]], ["DBSIZE"], 1),
    ([["SET", "k", "v"]], ["FLUSHDB"], b"OK"),
    ([["SET", "k", "v"]], ["FLUSHALL", "ASYNC"], b"OK"),
    ([["SET", "k", "v"], ["SWAPDB", "0", "1"]], ["EXISTS", "k"], 0),
    ([["SET", "k", "v"]], ["COPY", "k", "l"], 1),
    ([["SET", "k", "v"]], ["DEL", "k", "l"], 1),
    ([["SET", "k", "v"]], ["UNLINK", "k"], 1),
    ([["SET", "k", "v"]], ["EXPIRE", "k", "100"], 1),
    ([["SET", "k", "v"]], ["PEXPIRE", "k", "100000", "NX"], 1),
    ([["SET", "k", "v"], ["EXPIREAT", "k", "4000000000"]], ["EXPIRETIME", "k"], 4000000000),
    ([["SET", "k", "v"], ["PEXPIREAT", "k", "4000000000001"]], ["PEXPIRETIME", "k"], 4000000000001),
    ([["SET", "k", "v"]], ["TTL", "k"], -1),
    ([], ["PTTL", "k"], -2),
    ([["SET", "k", "v", "EX", "100"]], ["PERSIST", "k"], 1),
    ([["SET", "k", "v"]], ["KEYS", "*"], [b"k"]),
    ([["SET", "k", "v"]], ["MOVE", "k", "2"], 1),
    ([["SET", "k", "v"]], ["OBJECT", "ENCODING", "k"], b"embstr"),
    ([["SET", "k", "v"]], ["OBJECT", "REFCOUNT", "k"], 1),
    ([], ["OBJECT", "IDLETIME", "k"], None),
    ([], ["OBJECT", "FREQ", "k"], None),
    ([["SET", "k", "v"]], ["RANDOMKEY"], b"k"),
    ([["SET", "k", "v"]], ["RENAME", "k", "l"], b"OK"),
    ([["SET", "k", "v"]], ["RENAMENX", "k", "l"], 1),
    ([["SET", "k", "v"]], ["TOUCH", "k", "l"], 1),
    ([["SET", "k", "v"]], ["TYPE", "k"], b"string"),
    ([["SET", "k", "v"]], ["APPEND", "k", "w"], 2),
    ([["SET", "k", "5"]], ["DECR", "k"], 4),
    ([["SET", "k", "5"]], ["DECRBY", "k", "3"], 2),
    ([["SET", "k", "v"]], ["GET", "k"], b"v"),
    ([["SET", "k", "v"]], ["GETDEL", "k"], b"v"),
    ([["SET", "k", "v"]], ["GETEX", "k", "EX", "100"], b"v"),
    ([["SET", "k", "hello"]], ["GETRANGE", "k", "1", "3"], b"ell"),
    ([["SET", "k", "hello"]], ["SUBSTR", "k", "-3", "-1"], b"llo"),
    ([["SET", "k", "v"]], ["GETSET", "k", "w"], b"v"),
    ([], ["INCR", "k"], 1),
    ([], ["INCRBY", "k", "7"], 7),
    ([["SET", "k", "10.5"]], ["INCRBYFLOAT", "k", "0.1"], b"10.6"),
    ([["MSET", "a", "1", "b", "2"]], ["MGET", "a", "b", "c"], [b"1", b"2", None]),
    ([["SET", "b", "2"]], ["MSETNX", "a", "1", "b", "2"], 0),
    ([], ["PSETEX", "k", "100000", "v"], b"OK"),
    ([], ["SETEX", "k", "100", "v"], b"OK"),
    ([], ["SETNX", "k", "v"], 1),
    ([["SET", "k", "hello"]], ["SETRANGE", "k", "3", "xxxx"], 7),
    ([["SET", "k", "hello"]], ["STRLEN", "k"], 5),
    ([["HSET", "h", "a", "1", "b", "2"]], ["HDEL", "h", "a", "x"], 1),
    ([["HSET", "h", "a", "1"]], ["HEXISTS", "h", "a"], 1),
    ([["HSET", "h", "a", "1"]], ["HGET", "h", "a"], b"1"),
    ([["HSET", "h", "a", "1"]], ["HGETALL", "h"], [b"a", b"1"]),
    ([["HSET", "h", "a", "1"]], ["HINCRBY", "h", "a", "2"], 3),
    ([["HSET", "h", "a", "1"]], ["HINCRBYFLOAT", "h", "a", "0.5"], b"1.5"),
    ([["HSET", "h", "a", "1"]], ["HKEYS", "h"], [b"a"]),
    ([["HSET", "h", "a", "1"]], ["HLEN", "h"], 1),
    ([["HSET", "h", "a", "1"]], ["HMGET", "h", "a", "b"], [b"1", None]),
    ([], ["HMSET", "h", "a", "1"], b"OK"),
    ([["HSET", "h", "a", "1"]], ["HRANDFIELD", "h", "5", "WITHVALUES"], [b"a", b"1"]),
    ([["HSET", "h", "a", "1"]], ["HSCAN", "h", "0"], [b"0", [b"a", b"1"]]),
    ([["HSET", "h", "a", "1"]], ["HSETNX", "h", "a", "2"], 0),
    ([["HSET", "h", "a", "123"]], ["HSTRLEN", "h", "a"], 3),
    ([["HSET", "h", "a", "1"]], ["HVALS", "h"], [b"1"]),
    ([["RPUSH", "l", "a", "b", "c"]], ["LINDEX", "l", "-1"], b"c"),
    ([["RPUSH", "l", "a", "c"]], ["LINSERT", "l", "BEFORE", "c", "b"], 3),
    ([["RPUSH", "l", "a", "b"]], ["LLEN", "l"], 2),
    ([["RPUSH", "l", "a", "b"]], ["LMOVE", "l", "m", "RIGHT", "LEFT"], b"b"),
    ([["RPUSH", "l", "a", "b"]], ["LMPOP", "2", "x", "l", "LEFT", "COUNT", "5"], [b"l", [b"a", b"b"]]),
    ([["RPUSH", "l", "a", "b"]], ["LPOP", "l"], b"a"),
    ([["RPUSH", "l", "a", "b", "a"]], ["LPOS", "l", "a", "RANK", "2"], 2),
    ([], ["LPUSH", "l", "a", "b"], 2),
    ([], ["LPUSHX", "l", "a"], 0),
    ([["LPUSH", "l", "a", "b"]], ["LRANGE", "l", "0", "-1"], [b"b", b"a"]),
    ([["RPUSH", "l", "a", "b", "a"]], ["LREM", "l", "0", "a"], 2),
    ([["RPUSH", "l", "a", "b"]], ["LSET", "l", "1", "c"], b"OK"),
    ([["RPUSH", "l", "a", "b"]], ["LTRIM", "l", "0", "0"], b"OK"),
    ([["RPUSH", "l", "a", "b"]], ["RPOP", "l", "2"], [b"b", b"a"]),
    ([["RPUSH", "l", "a", "b"]], ["RPOPLPUSH", "l", "l"], b"b"),
    ([], ["RPUSH", "l", "a"], 1),
    ([["RPUSH", "l", "a"]], ["RPUSHX", "l", "a"], 2),
    ([], ["SADD", "s", "a", "b", "a"], 2),
    ([["SADD", "s", "a", "b"]], ["SCARD", "s"], 2),
    ([["SADD", "s", "a", "b"], ["SADD", "t", "b"]], ["SDIFF", "s", "t"], [b"a"]),
    ([["SADD", "s", "a", "b"], ["SADD", "t", "b"]], ["SDIFFSTORE", "d", "s", "t"], 1),
    ([["SADD", "s", "a", "b"], ["SADD", "t", "b"]], ["SINTER", "s", "t"], [b"b"]),
    ([["SADD", "s", "a", "b"], ["SADD", "t", "b"]], ["SINTERCARD", "2", "s", "t"], 1),
    ([["SADD", "s", "a", "b"], ["SADD", "t", "b"]], ["SINTERSTORE", "d", "s", "t"], 1),
    ([["SADD", "s", "a"]], ["SISMEMBER", "s", "a"], 1),
    ([["SADD", "s", "a"]], ["SMEMBERS", "s"], [b"a"]),
    ([["SADD", "s", "a"]], ["SMISMEMBER", "s", "a", "b"], [1, 0]),
    ([["SADD", "s", "a"]], ["SMOVE", "s", "t", "a"], 1),
    ([["SADD", "s", "a"]], ["SPOP", "s"], b"a"),
    ([["SADD", "s", "a"]], ["SRANDMEMBER", "s", "-2"], [b"a", b"a"]),
    ([["SADD", "s", "a"]], ["SREM", "s", "a", "b"], 1),
    ([["SADD", "s", "a"]], ["SSCAN", "s", "0"], [b"0", [b"a"]]),
    ([["SADD", "s", "1"], ["SADD", "t", "2"]], ["SUNION", "s", "t"], [b"1", b"2"]),
    ([["SADD", "s", "a"], ["SADD", "t", "b"]], ["SUNIONSTORE", "d", "s", "t"], 2),
    ([], ["ZADD", "z", "1", "a", "2", "b"], 2),
    ([["ZADD", "z", "1", "a"]], ["ZCARD", "z"], 1),
    ([["ZADD", "z", "1", "a", "2", "b"]], ["ZCOUNT", "z", "(1", "inf"], 1),
    ([["ZADD", "z", "1", "a", "2", "b"], ["ZADD", "y", "1", "b"]], ["ZDIFF", "2", "z", "y"], [b"a"]),
    ([["ZADD", "z", "1", "a"]], ["ZDIFFSTORE", "d", "2", "z", "y"], 1),
    ([["ZADD", "z", "1", "a"]], ["ZINCRBY", "z", "1.5", "a"], b"2.5"),
    ([["ZADD", "z", "1", "a"], ["ZADD", "y", "2", "a"]], ["ZINTER", "2", "z", "y", "WITHSCORES"], [b"a", b"3"]),
    ([["ZADD", "z", "1", "a"], ["ZADD", "y", "2", "a"]], ["ZINTERCARD", "2", "z", "y"], 1),
    ([["ZADD", "z", "1", "a"], ["ZADD", "y", "2", "a"]], ["ZINTERSTORE", "d", "2", "z", "y"], 1),
    ([["ZADD", "z", "0", "a", "0", "b"]], ["ZLEXCOUNT", "z", "-", "(b"], 1),
    ([["ZADD", "z", "1", "a", "2", "b"]], ["ZMPOP", "1", "z", "MAX"], [b"z", [[b"b", b"2"]]]),
    ([["ZADD", "z", "1", "a"]], ["ZMSCORE", "z", "a", "b"], [b"1", None]),
    ([["ZADD", "z", "1", "a", "2", "b"]], ["ZPOPMAX", "z"], [b"b", b"2"]),
    ([["ZADD", "z", "1", "a", "2", "b"]], ["ZPOPMIN", "z", "2"], [b"a", b"1", b"b", b"2"]),
    ([["ZADD", "z", "1", "a"]], ["ZRANDMEMBER", "z"], b"a"),
    ([["ZADD", "z", "1", "a", "2", "b"]], ["ZRANGE", "z", "0", "-1", "REV"], [b"b", b"a"]),
    ([["ZADD", "z", "0", "a", "0", "b"]], ["ZRANGEBYLEX", "z", "[b", "+"], [b"b"]),
    ([["ZADD", "z", "1", "a", "2", "b"]], ["ZRANGEBYSCORE", "z", "2", "3"], [b"b"]),
    ([["ZADD", "z", "1", "a", "2", "b"]], ["ZRANGESTORE", "d", "z", "0", "0"], 1),
    ([["ZADD", "z", "1", "a", "2", "b"]], ["ZRANK", "z", "b"], 1),
    ([["ZADD", "z", "1", "a"]], ["ZREM", "z", "a"], 1),
    ([["ZADD", "z", "0", "a", "0", "b"]], ["ZREMRANGEBYLEX", "z", "-", "+"], 2),
    ([["ZADD", "z", "1", "a", "2", "b"]], ["ZREMRANGEBYRANK", "z", "0", "0"], 1),
    ([["ZADD", "z", "1", "a", "2", "b"]], ["ZREMRANGEBYSCORE", "z", "-inf", "1"], 1),
    ([["ZADD", "z", "1", "a", "2", "b"]], ["ZREVRANGE", "z", "0", "0"], [b"b"]),
    ([["ZADD", "z", "0", "a", "0", "b"]], ["ZREVRANGEBYLEX", "z", "+", "-"], [b"b", b"a"]),
    ([["ZADD", "z", "1", "a", "2", "b"]], ["ZREVRANGEBYSCORE", "z", "2", "1"], [b"b", b"a"]),
    ([["ZADD", "z", "1", "a", "2", "b"]], ["ZREVRANK", "z", "b"], 0),
    ([["ZADD", "z", "1", "a"]], ["ZSCAN", "z", "0"], [b"0", [b"a", b"1"]]),
    ([["ZADD", "z", "1.1", "a"]], ["ZSCORE", "z", "a"], b"1.1000000000000001"),
    ([["ZADD", "z", "1", "a"], ["ZADD", "y", "2", "a"]], ["ZUNION", "2", "z", "y"], [b"a"]),
    ([["ZADD", "z", "1", "a"], ["ZADD", "y", "2", "b"]], ["ZUNIONSTORE", "d", "2", "z", "y"], 2),
    ([], ["PUBLISH", "nobody", "hi"], 0),
    ([], ["SPUBLISH", "nobody", "hi"], 0),
    ([], ["PUBSUB", "CHANNELS"], []),
    ([], ["PUBSUB", "NUMPAT"], 0),
    ([], ["PUBSUB", "NUMSUB", "a"], [b"a", 0]),
    ([], ["PUBSUB", "SHARDCHANNELS"], []),
    ([], ["PUBSUB", "SHARDNUMSUB", "a"], [b"a", 0]),
    ([], ["SSUBSCRIBE", "a"], [b"ssubscribe", b"a", 1]),
    ([], ["SUNSUBSCRIBE"], [b"sunsubscribe", None, 0]),
    ([], ["PUNSUBSCRIBE"], [b"punsubscribe", None, 0]),
    ([["MULTI"]], ["DISCARD"], b"OK"),
    ([], ["UNWATCH"], b"OK"),
    ([], ["COMMAND", "COUNT"], int),
    ([], ["COMMAND", "GETKEYSANDFLAGS", "GET", "a"], [[b"a", [b"RO", b"access"]]]),
    ([], ["CONFIG", "RESETSTAT"], b"OK"),
    ([], ["MEMORY", "DOCTOR"], bytes),
    ([["SET", "k", "v"]], ["MEMORY", "USAGE", "k"], int),
    ([], ["TIME"], list),
    ([], ["INFO", "server"], bytes),
    ([], ["CLIENT", "ID"], int),
    ([], ["CLIENT", "INFO"], bytes),
    ([], ["CLIENT", "LIST"], bytes),
    ([], ["MEMORY", "STATS"], list),
    ([], ["LARDER.STATS"], list),
]


@pytest.mark.parametrize("before, words, answer", CASES, ids=lambda value: None)
def test_a_command_gives_its_answer(door, before, words, answer):
    with Wire(door) as wire:
        wire.call("FLUSHALL")
        for one in before:
            assert not wire.call(*one).is_error
        got = wire.call(*words)
        assert not got.is_error, got
        if isinstance(answer, type):
            assert isinstance(got.plain(), answer)
        else:
            assert got.plain() == answer


@pytest.mark.parametrize("words", [["CLIENT", "HELP"], ["COMMAND", "HELP"], ["CONFIG", "HELP"],
                                   ["MEMORY", "HELP"], ["OBJECT", "HELP"], ["PUBSUB", "HELP"]])
def test_help_lists_every_subcommand(wire, words):
    lines = wire.plain(*words)
    said = b"\n".join(lines).lower()
    for row in wire.plain("COMMAND", "INFO", words[0])[0][9]:
        name = row[0].split(b"|")[1]
        if name not in (b"no-evict", b"unblock"):
            assert name in said, name


def test_scanning_sees_every_key_once(wire):
    wire.pipeline([["SET", f"key:{i}", i] for i in range(2000)])
    wire.call("SADD", "other", "x")
    seen, cursor = [], b"0"
    while True:
        cursor, names = wire.plain("SCAN", cursor, "MATCH", "key:*", "COUNT", "100", "TYPE", "string")
        seen += names
        if cursor == b"0":
            break
    assert sorted(seen) == sorted(b"key:%d" % i for i in range(2000))


@pytest.mark.parametrize("add, scan, size", [("HSET", "HSCAN", 2), ("SADD", "SSCAN", 1), ("ZADD", "ZSCAN", 2)])
def test_scanning_a_large_value_sees_every_member(wire, add, scan, size):
    for i in range(3000):
        wire.send(add, "big", *{"HSET": [f"m{i}", i], "SADD": [f"m{i}"], "ZADD": [i, f"m{i}"]}[add])
    for _ in range(3000):
        wire.read()
    seen, cursor = [], b"0"
    while True:
        cursor, parts = wire.plain(scan, "big", cursor, "COUNT", "50")
        seen += parts[::size]
        if cursor == b"0":
            break
    assert set(seen) == {b"m%d" % i for i in range(3000)}
