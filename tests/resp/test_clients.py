"""Ordinary caching code with redis-py runs unchanged."""
import asyncio
import threading

import pytest
import redis
import redis.asyncio


@pytest.fixture(params=[2, 3])
def client(request, door):
    one = redis.Redis(host="127.0.0.1", port=door, protocol=request.param) \
        if redis.VERSION >= (5,) else redis.Redis(host="127.0.0.1", port=door)
    one.flushall()
    yield one
    one.close()


def test_cache_aside(client):
    assert client.get("user:7") is None
    client.setex("user:7", 60, '{"name": "Ada"}')
    assert client.get("user:7") == b'{"name": "Ada"}'
    assert 0 < client.ttl("user:7") <= 60
    assert client.delete("user:7") == 1
    assert client.set("once", "x", nx=True, ex=5) and not client.set("once", "y", nx=True)


def test_counting_and_batches(client):
    with client.pipeline(transaction=False) as pipe:
        for _ in range(1000):
            pipe.incr("visits")
        assert pipe.execute() == list(range(1, 1001))
    assert client.mset({"a": 1, "b": 2}) and client.mget("a", "b", "c") == [b"1", b"2", None]
    assert sorted(client.scan_iter("*")) == [b"a", b"b", b"visits"]


def test_all_types(client):
    client.hset("h", mapping={"name": "Ada", "year": 1815})
    assert client.hgetall("h") == {b"name": b"Ada", b"year": b"1815"}
    client.sadd("s", "x", "y")
    assert client.smembers("s") == {b"x", b"y"}
    client.zadd("z", {"one": 1, "two": 2.5})
    assert client.zrange("z", 0, -1, withscores=True) == [(b"one", 1.0), (b"two", 2.5)]
    assert client.zrangebyscore("z", 2, 3) == [b"two"] and client.zscore("z", "two") == 2.5
    client.rpush("l", 1, 2, 3)
    assert client.lrange("l", 0, -1) == [b"1", b"2", b"3"]
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        client.get("h")


def test_a_transaction_that_is_retried(client):
    client.set("stock", 5)

    def take(pipe):
        left = int(pipe.get("stock"))
        pipe.multi()
        pipe.set("stock", left - 1)

    client.transaction(take, "stock")
    assert client.get("stock") == b"4"


def test_a_lock(door):
    # Releasing needs scripts; taking and running out does not.
    client = redis.Redis(port=door)
    client.delete("lock")
    assert client.set("lock", "token", nx=True, px=50)
    assert not client.set("lock", "other", nx=True, px=50)


def test_publishing(client, door):
    listener = client.pubsub(ignore_subscribe_messages=True)
    listener.subscribe("news")
    listener.psubscribe("n*")
    assert listener.get_message(timeout=5) is None or True
    other = redis.Redis(port=door)
    while other.publish("news", "hello") < 2:
        pass
    got = set()
    while len(got) < 2:
        message = listener.get_message(timeout=5)
        if message:
            got.add((message["type"], message["data"]))
    assert got == {("message", b"hello"), ("pmessage", b"hello")}
    listener.close()


def test_asyncio(door):
    async def talk():
        client = redis.asyncio.Redis(port=door)
        await client.set("async", "yes")
        values = await asyncio.gather(*(client.get("async") for _ in range(50)))
        async with client.pipeline() as pipe:
            got = await pipe.set("a", 1).get("a").execute()
        await client.aclose() if hasattr(client, "aclose") else await client.close()
        return values, got

    values, got = asyncio.run(talk())
    assert values == [b"yes"] * 50 and got == [True, b"1"]


def test_many_threads_count_right(door):
    def work():
        one = redis.Redis(port=door)
        for _ in range(300):
            one.incr("threads")
            one.hincrby("threads:h", "n", 1)
            one.zincrby("threads:z", 1, "n")
            one.rpush("threads:l", "x")

    redis.Redis(port=door).flushall()
    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    one = redis.Redis(port=door)
    assert one.get("threads") == b"2400" and one.hget("threads:h", "n") == b"2400"
    assert one.zscore("threads:z", "n") == 2400 and one.llen("threads:l") == 2400


def test_monitoring_reads_info(client):
    info = client.info()
    assert info["redis_version"] == "7.0.15" and info["larder_version"]
    for name in ("connected_clients", "used_memory", "maxmemory", "total_commands_processed",
                 "keyspace_hits", "evicted_keys", "uptime_in_seconds", "role"):
        assert name in info, name
    client.set("k", "v")
    assert client.info("keyspace")["db0"]["keys"] == 1
    assert client.info("commandstats")["cmdstat_set"]["calls"] > 0
