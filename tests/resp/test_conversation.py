"""Protocol, login, transactions, pub/sub, CLIENT and CONFIG: what needs more than one connection or
raw bytes."""
import contextlib
import pathlib
import socket
import threading
import time

import pytest

import larder
from wire import Wire, request


def test_malformed_requests_get_an_error_and_an_end(door, redis_port):
    for raw in (b"*x\r\n", b"*1\r\n$-1\r\n", b"*1\r\n+a\r\n", b"*99999999999\r\n", b'set "a\r\n',
                b"*1\r\n$99999999999\r\n", b"a" * 70000):
        answers = []
        for port in (door, redis_port):
            with Wire(port) as wire:
                wire.send_raw(raw)
                answers.append(wire.read())
                assert wire.ended()
        assert answers[0] == answers[1], raw
    with Wire(door) as wire:
        assert wire.plain("PING") == b"PONG"


def test_nothing_in_the_fuzz_corpora_breaks_the_server(door):
    corpora = pathlib.Path(__file__).parent.parent / "fuzz/corpus"
    files = sorted(path for path in corpora.rglob("*") if path.is_file())
    assert len(files) > 100
    for path in files:
        with Wire(door) as wire, contextlib.suppress(OSError):
            wire.send_raw(path.read_bytes())
            wire.socket.shutdown(socket.SHUT_WR)
            assert wire.ended()
    with Wire(door) as wire:
        assert wire.plain("PING") == b"PONG"


def test_a_stranger_is_not_let_in_by_accident():
    said = larder.run("serve", "--http", "off", "--admin", "off", "--resp", "0.0.0.0:0")
    assert said.returncode != 0 and "resp.password" in said.stderr
    with larder.serve("--http", "off", "--admin", "off", "--resp", "0.0.0.0:0",
                      config="resp:\n  open: on\n") as server:
        with Wire(server.resp_port) as wire:
            assert wire.plain("PING") == b"PONG"


def test_lines_are_requests_too(wire):
    wire.send_raw(b'SET greeting "hello \\x41"\r\nGET greeting\r\n\r\nPING\n')
    assert [wire.read().plain() for _ in range(3)] == [b"OK", b"hello A", b"PONG"]


def test_http_by_mistake_ends_the_connection(wire):
    wire.send_raw(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert wire.read().is_error and wire.ended()


def test_a_request_in_pieces_is_one_request(wire):
    for byte in request("SET", "k", "v" * 100):
        wire.send_raw(bytes([byte]))
    assert wire.read().plain() == b"OK"


def test_a_hundred_thousand_arguments_and_a_large_value(wire):
    count = 100_000
    assert wire.plain("RPUSH", "long", *range(count)) == count
    assert wire.plain("LRANGE", "long", "0", "-1") == [b"%d" % i for i in range(count)]
    value = bytes(range(256)) * 40_000
    assert wire.plain("SET", "large", value) == b"OK"
    assert wire.plain("GET", "large") == value
    assert wire.plain("GETRANGE", "large", "256", "511") == bytes(range(256))
    assert wire.plain("EXISTS", *["large"] * 3000) == 3000


def test_ten_thousand_requests_in_one_go_are_answered_in_order(wire):
    got = wire.pipeline([["INCR", "n"] if i % 2 else ["ECHO", i] for i in range(10_000)])
    assert [one.plain() for one in got[:4]] == [b"0", 1, b"2", 2] and got[-1].plain() == 5000


def test_a_password_is_asked_for():
    with larder.serve("--http", "off", "--admin", "off", config="resp:\n  password: secret\n") as server:
        with Wire(server.resp_port) as wire:
            assert b"NOAUTH" in wire.plain("GET", "a")
            assert b"WRONGPASS" in wire.plain("AUTH", "nonsense")
            assert b"NOAUTH" in wire.plain("HELLO", "3")
            wire.send_raw(b"*11\r\n")
            assert b"unauthenticated multibulk length" in wire.read().plain()
        with Wire(server.resp_port) as wire:
            assert wire.plain("AUTH", "secret") == b"OK" and wire.plain("GET", "a") is None
            assert wire.plain("RESET") == b"RESET" and b"NOAUTH" in wire.plain("GET", "a")
        with Wire(server.resp_port) as wire:
            assert wire.plain("HELLO", "3", "AUTH", "default", "secret", "SETNAME", "me")[b"proto"] == 3
            assert wire.plain("CLIENT", "GETNAME") == b"me"
            assert wire.plain("CONFIG", "SET", "requirepass", "") == b"OK"
        with Wire(server.resp_port) as wire:
            assert wire.plain("PING") == b"PONG"


# ---- transactions -----------------------------------------------------------------------------


def test_exec_runs_all_or_nothing(wire):
    assert wire.plain("MULTI") == b"OK"
    assert wire.plain("SET", "a", "1") == wire.plain("INCR", "a") == b"QUEUED"
    assert wire.plain("EXEC") == [b"OK", 2]
    assert wire.plain("MULTI") == b"OK"
    assert wire.call("NOSUCH").is_error and wire.plain("SET", "a", "9") == b"QUEUED"
    assert wire.plain("EXEC").startswith(b"EXECABORT") and wire.plain("GET", "a") == b"2"


def test_exec_may_ask_about_everything_between_commands_about_its_keys(wire):
    """INFO counts the keys of all databases, whose places the transaction's own do not cover."""
    wire.plain("MSET", *(f"key:{i // 2}" for i in range(400)))
    for question in (["INFO"], ["KEYS", "*"], ["SCAN", "0"], ["RANDOMKEY"], ["DBSIZE"],
                     ["LARDER.STATS"], ["MEMORY", "STATS"], ["MEMORY", "DOCTOR"]):
        wire.plain("MULTI")
        wire.plain("SET", "a", "1")
        wire.plain(*question)
        wire.plain("GET", "a")
        answers = wire.plain("EXEC")
        assert answers[0] == b"OK" and answers[2] == b"1", question


def test_a_watched_key_that_changed_stops_exec(wire, door):
    with Wire(door) as other:
        for change in (["SET", "w", "2"], ["DEL", "w"], ["EXPIRE", "w", "100"], ["APPEND", "w", "x"],
                       ["FLUSHDB"], ["RENAME", "w", "v"], ["LARDER.PURGE", "PREFIX", "w"]):
            wire.call("SET", "w", "1")
            wire.call("WATCH", "w")
            other.call(*change)
            wire.call("MULTI")
            wire.call("SET", "result", "x")
            assert wire.plain("EXEC") is None, change
        wire.call("WATCH", "w")
        other.call("SET", "unrelated", "1")
        wire.call("MULTI")
        wire.call("PING")
        assert wire.plain("EXEC") == [b"PONG"]
        wire.call("WATCH", "h")
        other.call("HSET", "h", "a", "1")
        wire.call("UNWATCH")
        wire.call("MULTI")
        assert wire.plain("EXEC") == []


def test_a_watched_key_that_ran_out_stops_exec(wire):
    wire.call("SET", "w", "1", "PX", "30")
    wire.call("WATCH", "w")
    while wire.plain("EXISTS", "w"):
        time.sleep(0.005)
    wire.call("MULTI")
    wire.call("PING")
    assert wire.plain("EXEC") is None


def test_optimistic_counting_loses_nothing(door):
    """Several connections on both workers read, add one and write under WATCH."""
    def work():
        with Wire(door) as wire:
            for _ in range(60):
                while True:
                    wire.call("WATCH", "shared")
                    now = int(wire.plain("GET", "shared") or 0)
                    wire.call("MULTI")
                    wire.call("SET", "shared", now + 1)
                    if wire.plain("EXEC") is not None:
                        break

    with Wire(door) as wire:
        wire.call("FLUSHALL")
        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert wire.plain("GET", "shared") == b"360"


def test_nobody_sees_half_a_transaction(door):
    done = threading.Event()
    broken = []

    def look():
        with Wire(door) as wire:
            while not done.is_set():
                a, b = wire.plain("MGET", "one", "two")
                wire.call("MULTI")
                wire.call("GET", "one")
                wire.call("HGET", "three", "n")
                c, d = wire.plain("EXEC")
                if a != b or c != d:
                    broken.append((a, b, c, d))

    with Wire(door) as wire:
        wire.call("FLUSHALL")
        threads = [threading.Thread(target=look) for _ in range(3)]
        for thread in threads:
            thread.start()
        for i in range(400):
            wire.pipeline([["MULTI"], ["SET", "one", i], ["SET", "two", i], ["HSET", "three", "n", i],
                           ["EXEC"]])
        done.set()
        for thread in threads:
            thread.join()
    assert not broken


# ---- pub/sub ----------------------------------------------------------------------------------


def test_messages_cross_workers_in_order(door):
    """Eight subscribers are on both workers, whoever publishes."""
    subscribers = [Wire(door) for _ in range(8)]
    for i, one in enumerate(subscribers):
        one.call("HELLO", 2 + i % 2)
        assert one.plain("SUBSCRIBE", "c") == [b"subscribe", b"c", 1]
    with Wire(door) as wire:
        for i in range(200):
            assert wire.plain("PUBLISH", "c", i) == 8
        for i, one in enumerate(subscribers):
            for n in range(200):
                message = one.read()
                assert message.kind == (">" if i % 2 else "*")
                assert message.plain() == [b"message", b"c", b"%d" % n]
            one.close()
        while wire.plain("PUBSUB", "NUMSUB", "c") != [b"c", 0]:
            time.sleep(0.01)


def test_patterns_shards_and_leaving(wire, door):
    with Wire(door) as listener:
        assert listener.plain("PSUBSCRIBE", "n*", "x") == [b"psubscribe", b"n*", 1]
        assert listener.read().plain() == [b"psubscribe", b"x", 2]
        assert listener.plain("SSUBSCRIBE", "news") == [b"ssubscribe", b"news", 1]
        assert listener.plain("SUBSCRIBE", "a") == [b"subscribe", b"a", 3]
        assert wire.plain("PUBLISH", "news", "1") == 1 and wire.plain("SPUBLISH", "news", "2") == 1
        assert listener.read().plain() == [b"pmessage", b"n*", b"news", b"1"]
        assert listener.read().plain() == [b"smessage", b"news", b"2"]
        assert wire.plain("PUBSUB", "NUMPAT") == 2 and wire.plain("PUBSUB", "CHANNELS") == [b"a"]
        assert b"only (P|S)SUBSCRIBE" in listener.plain("GET", "a")
        assert listener.plain("PING") == [b"pong", b""]
        assert listener.plain("UNSUBSCRIBE", "a") == [b"unsubscribe", b"a", 2]
        assert listener.plain("RESET") == b"RESET" and listener.plain("GET", "a") is None


def test_a_resp3_subscriber_may_do_everything(door):
    with Wire(door) as one:
        one.call("HELLO", "3")
        assert one.call("SUBSCRIBE", "me").kind == ">"
        assert one.plain("SET", "a", "1") == b"OK"
        one.send("PUBLISH", "me", "hi")
        assert one.read().plain() == [b"message", b"me", b"hi"] and one.read().plain() == 1


def test_a_subscriber_that_does_not_read_is_cut(door):
    with larder.serve("--http", "off", "--admin", "off",
                      config="resp:\n  max-output:\n    pubsub: 256KiB\n") as server:
        with Wire(server.resp_port) as slow, Wire(server.resp_port) as wire:
            slow.call("SUBSCRIBE", "c")
            while wire.plain("PUBLISH", "c", "x" * 60_000) == 1:
                pass
            assert wire.plain("PING") == b"PONG"


# ---- CLIENT and CONFIG ------------------------------------------------------------------------


def test_clients_are_listed_and_ended(wire, door):
    with Wire(door) as other:
        number = other.plain("CLIENT", "ID")
        other.call("CLIENT", "SETNAME", "victim")
        line = wire.plain("CLIENT", "LIST", "ID", number).decode()
        assert f"id={number} " in line and "name=victim" in line and line.count("\n") == 1
        assert wire.plain("CLIENT", "KILL", "ID", number) == 1
        assert other.ended()
    while b"victim" in wire.plain("CLIENT", "LIST"):
        time.sleep(0.01)
    with Wire(door) as other:
        assert other.plain("CLIENT", "KILL", "ID", other.plain("CLIENT", "ID"), "SKIPME", "no") == 1
        assert other.ended()
    assert b"No such client" in wire.plain("CLIENT", "KILL", "1.2.3.4:5")


def test_replies_can_be_switched_off(wire):
    for words in (["CLIENT", "REPLY", "OFF"], ["SET", "a", "1"], ["NOSUCH"]):
        wire.send(*words)
    assert wire.plain("CLIENT", "REPLY", "ON") == b"OK"
    wire.send("CLIENT", "REPLY", "SKIP")
    wire.send("SET", "a", "2")
    assert wire.plain("GET", "a") == b"2"


def test_a_pause_holds_writes_and_lets_reads_through(wire, door):
    with Wire(door) as other:
        assert wire.plain("CLIENT", "PAUSE", "60000", "WRITE") == b"OK"
        other.send("SET", "paused", "1")
        assert wire.plain("GET", "paused") is None
        assert wire.plain("CLIENT", "UNPAUSE") == b"OK"
        assert other.read().plain() == b"OK" and wire.plain("GET", "paused") == b"1"


def test_parameters_are_read_set_and_refused(wire):
    assert wire.plain("CONFIG", "GET", "hash-max-listpack-entries") == [
        b"hash-max-listpack-entries", b"512"]
    assert wire.plain("CONFIG", "SET", "hash-max-listpack-entries", "2", "hz", "50") == b"OK"
    wire.call("HSET", "h", "a", "1", "b", "2", "c", "3")
    assert wire.plain("OBJECT", "ENCODING", "h") == b"hashtable"
    assert wire.plain("CONFIG", "GET", "hz", "hash-max-ziplist-entries")[1::2] == [b"2", b"50"]
    assert wire.plain("CONFIG", "SET", "hash-max-listpack-entries", "512", "hz", "10") == b"OK"
    assert b"can't set immutable config" in wire.plain("CONFIG", "SET", "appendonly", "yes")
    assert b"can't set immutable config" in wire.plain("CONFIG", "SET", "notify-keyspace-events", "KEA")
    assert wire.plain("CONFIG", "SET", "appendonly", "no") == b"OK"
    assert b"Unknown option" in wire.plain("CONFIG", "SET", "nonsense", "1")
    assert b"must be one of" in wire.plain("CONFIG", "SET", "maxmemory-policy", "belady")


def test_all_policies_of_redis_can_be_set_and_are_read_by_their_names(wire):
    before = wire.plain("CONFIG", "GET", "maxmemory-policy")[1]
    for name in (b"allkeys-lru", b"allkeys-lfu", b"allkeys-random", b"volatile-lru", b"volatile-lfu",
                 b"volatile-random", b"volatile-ttl", b"noeviction", before):
        assert wire.plain("CONFIG", "SET", "maxmemory-policy", name) == b"OK"
        assert wire.plain("CONFIG", "GET", "maxmemory-policy") == [b"maxmemory-policy", name]


def test_how_often_a_key_was_asked_for_is_told_when_the_policy_counts_it(wire):
    before = wire.plain("CONFIG", "GET", "maxmemory-policy")[1]
    wire.plain("SET", "often", "v")
    assert b"LFU maxmemory policy is not selected" in wire.plain("OBJECT", "FREQ", "often")
    assert wire.plain("CONFIG", "SET", "maxmemory-policy", "allkeys-lfu") == b"OK"
    wire.plain("DEL", "often", "once")
    for _ in range(200):  # the policy takes over with the next turn
        if isinstance(wire.plain("OBJECT", "FREQ", "often"), int):
            break
        wire.plain("SET", "often", "v")
    wire.plain("SET", "once", "v")
    for _ in range(300):
        wire.plain("GET", "often")
    often, once = wire.plain("OBJECT", "FREQ", "often"), wire.plain("OBJECT", "FREQ", "once")
    assert wire.plain("CONFIG", "SET", "maxmemory-policy", before) == b"OK"
    assert 0 < once <= 6 < often <= 255


def test_a_volatile_policy_evicts_keys_that_expire_and_then_refuses_writes():
    with larder.serve("--http", "off", "--admin", "off", "--memory", "32MiB") as server:
        with Wire(server.resp_port) as wire:
            assert wire.plain("CONFIG", "SET", "maxmemory-policy", "volatile-lru") == b"OK"
            for i in range(500):
                assert wire.plain("SET", f"kept{i}", b"x" * 20_000) == b"OK"
            for i in range(2000):
                assert wire.plain("SET", f"k{i}", b"x" * 20_000, "EX", "1000") == b"OK"
            assert wire.plain("EXISTS", *[f"kept{i}" for i in range(500)]) == 500
            got = b"OK"
            for i in range(5000):
                got = wire.plain("SET", f"more{i}", b"x" * 20_000)
                if got != b"OK":
                    break
            assert got.startswith(b"OOM"), got
            assert wire.plain("EXISTS", "more0", *[f"kept{i}" for i in range(500)]) == 501


def test_a_full_server_that_may_not_evict_refuses_writes():
    with larder.serve("--http", "off", "--admin", "off", "--memory", "32MiB") as server:
        with Wire(server.resp_port) as wire:
            assert wire.plain("CONFIG", "SET", "maxmemory-policy", "noeviction") == b"OK"
            got = b"OK"
            for i in range(5000):
                got = wire.plain("SET", f"k{i}", b"x" * 20_000)
                if got != b"OK":
                    break
            assert got.startswith(b"OOM"), got
            assert wire.plain("GET", "k0") == b"x" * 20_000
            assert wire.plain("CONFIG", "SET", "maxmemory-policy", "allkeys-lru") == b"OK"
            assert wire.plain("SET", "k", "v") == b"OK"


def test_idle_clients_are_closed_when_told_so():
    with larder.serve("--http", "off", "--admin", "off", config="resp:\n  timeout: 1s\n") as server:
        with Wire(server.resp_port) as wire:
            assert wire.plain("PING") == b"PONG" and wire.ended()


def test_one_client_too_many_is_told_so():
    with larder.serve("--http", "off", "--admin", "off", config="resp:\n  max-clients: 2\n") as server:
        with Wire(server.resp_port) as one, Wire(server.resp_port) as two:
            assert one.plain("PING") == two.plain("PING") == b"PONG"
            with Wire(server.resp_port) as three:
                assert b"max number of clients reached" in three.read().plain()


# ---- what Redis has not -----------------------------------------------------------------------


def test_tags_purge_whatever_they_are_on(wire):
    wire.call("SET", "a", "1")
    wire.call("HSET", "h", "f", "1")
    assert wire.plain("LARDER.TAG", "a", "user:7", "page") == 1
    assert wire.plain("LARDER.TAG", "h", "user:7") == 1 and wire.plain("LARDER.TAG", "no", "x") == 0
    said = wire.plain("LARDER.EXPLAIN", "a")
    explained = dict(zip(said[::2], said[1::2]))
    assert explained[b"state"] == b"fresh" and set(explained[b"tags"]) == {b"user:7", b"page"}
    assert wire.plain("LARDER.PURGE", "TAG", "user:7", "DRYRUN") == 2
    assert wire.plain("EXISTS", "a", "h") == 2
    assert wire.plain("LARDER.PURGE", "TAG", "user:7") == 1
    assert wire.plain("EXISTS", "a", "h") == 0
    assert wire.plain("LARDER.EXPLAIN", "a") == [b"state", b"missing"]


def test_purges_by_key_prefix_and_all(wire):
    wire.call("MSET", "p:1", "1", "p:2", "2", "q:1", "3")
    assert wire.plain("LARDER.PURGE", "KEY", "q:1", "q:2") == 1
    assert wire.plain("LARDER.PURGE", "PREFIX", "p:") == 1
    assert wire.plain("EXISTS", "p:1", "p:2", "q:1") == 0
    wire.call("SET", "p:1", "again")
    assert wire.plain("GET", "p:1") == b"again"
    assert wire.plain("LARDER.PURGE", "ALL") == 1
    assert wire.plain("GET", "p:1") == b"again"  # ALL means the gateway's answers, in every door
    assert b"syntax error" in wire.plain("LARDER.PURGE", "NONSENSE", "x")
    assert wire.call("LARDER.PURGE", "URL", "http://x/").is_error


def test_a_rename_keeps_time_and_tags(wire):
    wire.call("SET", "a", "1", "EX", "100")
    wire.call("LARDER.TAG", "a", "t")
    assert wire.plain("RENAME", "a", "b") == b"OK" and wire.plain("TTL", "b") > 90
    wire.call("LARDER.PURGE", "TAG", "t")
    assert wire.plain("EXISTS", "b") == 0


# ---- one load for many askers -----------------------------------------------------------------


def test_the_first_leads_and_the_others_wait_for_its_value(wire, door):
    state, value, token = wire.plain("LARDER.GET", "page", "LEASE", "5000")
    assert state == b"lead" and value is None and token
    others = [Wire(door) for _ in range(20)]
    for one in others:
        one.send("LARDER.GET", "page", "WAIT", "20000")
        one.send("PING")
    assert wire.plain("LARDER.GET", "page") == [b"pending", None, None]
    while wire.plain("LARDER.STATS")[wire.plain("LARDER.STATS").index(b"waiters") + 1] < 20:
        time.sleep(0.005)
    assert wire.plain("LARDER.FILL", "page", token, "content", "TTL", "60000", "STALE", "1000",
                      "TAGS", "1", "site") == 1
    for one in others:
        assert one.read().plain() == [b"hit", b"content", None]
        assert one.read().plain() == b"PONG"
        one.close()
    assert wire.plain("GET", "page") == b"content" and 50 < wire.plain("TTL", "page") <= 60
    assert wire.plain("LARDER.GET", "page") == [b"hit", b"content", None]
    wire.call("LARDER.PURGE", "TAG", "site")
    assert wire.plain("GET", "page") is None


def test_a_late_value_is_not_stored(wire):
    token = wire.plain("LARDER.GET", "page")[2]
    wire.call("LARDER.PURGE", "PREFIX", "pa")
    assert wire.plain("LARDER.FILL", "page", token, "old") == 0
    assert wire.plain("GET", "page") is None
    assert b"no token of this key" in wire.plain("LARDER.FILL", "other", token, "x")
    assert b"no token of this key" in wire.plain("LARDER.FILL", "other", "nonsense", "x")


def test_a_failure_is_shared_and_absence_is_remembered(wire, door):
    with Wire(door) as other:
        token = wire.plain("LARDER.GET", "page")[2]
        other.send("LARDER.GET", "page", "WAIT", "20000")
        while wire.plain("LARDER.STATS")[wire.plain("LARDER.STATS").index(b"waiters") + 1] < 1:
            time.sleep(0.005)
        assert wire.plain("LARDER.FAIL", "page", token) == b"OK"
        assert other.read().plain().startswith(b"LOADFAILED")
    token = wire.plain("LARDER.GET", "page")[2]
    assert wire.plain("LARDER.ABSENT", "page", token, "TTL", "60000") == 1
    assert wire.plain("LARDER.GET", "page") == [b"absent", None, None]
    assert wire.plain("GET", "page") is None


def test_a_silent_leader_is_replaced_and_a_wait_ends(wire, door):
    with Wire(door) as other:
        late = wire.plain("LARDER.GET", "page", "LEASE", "60000")[2]
        assert other.plain("LARDER.GET", "page", "WAIT", "30") == [b"pending", None, None]
        assert wire.plain("LARDER.FAIL", "page", late) == b"OK"
        late = wire.plain("LARDER.GET", "page", "LEASE", "50")[2]
        state, _, token = other.plain("LARDER.GET", "page", "WAIT", "20000")
        assert state == b"lead" and token != late
        assert wire.plain("LARDER.FILL", "page", late, "late") == 0
        assert other.plain("LARDER.FILL", "page", token, "right") == 1
    assert wire.plain("GET", "page") == b"right"


def test_one_who_waits_may_go(wire, door):
    token = wire.plain("LARDER.GET", "page")[2]
    with Wire(door) as other:
        other.send("LARDER.GET", "page", "WAIT", "20000")
        while wire.plain("LARDER.STATS")[wire.plain("LARDER.STATS").index(b"waiters") + 1] < 1:
            time.sleep(0.005)
    assert wire.plain("LARDER.FILL", "page", token, "x") == 1


def test_a_small_database_is_scanned_in_one_call(wire):
    assert wire.plain("SCAN", "0") == [b"0", []]
    wire.call("MSET", "a", "1", "b", "2", "c", "3")
    cursor, names = wire.plain("SCAN", "0")
    assert cursor == b"0" and sorted(names) == [b"a", b"b", b"c"]
    cursor, names = wire.plain("SCAN", "0", "MATCH", "b")
    assert cursor == b"0" and names == [b"b"]


def test_a_scan_stops_when_it_has_seen_enough(wire):
    wire.pipeline([["SET", f"k{i}", "x"] for i in range(3000)])
    cursor, names = wire.plain("SCAN", "0", "COUNT", "100")
    assert cursor != b"0" and 100 <= len(names) < 200


@pytest.mark.parametrize("key, add, field", [("f", "INCRBYFLOAT", []), ("h", "HINCRBYFLOAT", ["a"])])
def test_large_figures_are_read_again(wire, key, add, field):
    assert len(wire.plain(add, key, *field, "1e4000")) == 4000
    assert wire.plain(add, key, *field, "-1e4000") == b"0"


def test_a_range_is_of_one_kind(wire):
    wire.call("ZADD", "z", "1", "a")
    for words in (["BYSCORE", "BYLEX"], ["BYLEX", "BYSCORE"], ["BYSCORE", "BYSCORE"], ["REV", "REV"]):
        assert wire.plain("ZRANGE", "z", "0", "1", *words) == b"ERR syntax error"


def test_to_persist_what_is_kept_for_ever_changes_nothing(wire):
    wire.call("SET", "k", "v")
    wire.call("WATCH", "k")
    assert wire.plain("GETEX", "k", "PERSIST") == b"v"
    wire.call("MULTI")
    wire.call("GET", "k")
    assert wire.plain("EXEC") == [b"v"]
