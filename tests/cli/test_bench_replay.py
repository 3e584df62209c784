"""What an operator gets from `larder bench replay`, against servers whose every answer is known."""
import collections
import json
import pathlib
import socket

import pytest

import larder
from test_bench import Server, memcached_talk, resp_talk

LOOP = pathlib.Path(__file__).resolve().parent.parent / "fuzz/corpus/trace/loop.ltr.zst"


@pytest.fixture(name="serve")
def servers_that_end_with_the_test():
    started = []

    def serve(scheme, talk):
        """The URL of a server."""
        started.append(Server(talk))
        return f"{scheme}://127.0.0.1:{started[-1].port}"

    yield serve
    for server in started:
        server.close()


def replay(to, *words, status=0):
    done = larder.run("bench", "replay", "--to", to, *map(str, words), "--json")
    assert done.returncode == status, done.stdout + done.stderr
    return json.loads(done.stdout) if done.stdout else done.stderr


class Few(collections.OrderedDict):
    """A store that keeps so many keys, the last ones used."""

    def __init__(self, most):
        super().__init__()
        self.most = most

    def __getitem__(self, key):
        self.move_to_end(key)
        return super().__getitem__(key)

    def __setitem__(self, key, value):
        super().__setitem__(key, value)
        self.move_to_end(key)
        if len(self) > self.most:
            self.popitem(last=False)


@pytest.mark.parametrize("scheme, talk", [("redis", lambda store: resp_talk(store, False)),
                                          ("memcached", memcached_talk)])
def test_in_an_endless_server_every_object_misses_once(serve, scheme, talk):
    store = {}
    result = replay(serve(scheme, talk(store)), "--trace", LOOP)
    assert (result["requests"], result["objects"], result["misses"]) == (30, 3, 3)
    assert result["miss_ratio"] == result["byte_miss_ratio"] == 0.1
    assert (result["refused"], result["wrong"]) == (0, 0)
    assert {key: len(value) for key, value in store.items()} == {
        b"key:000000000001": 100, b"key:000000000002": 200, b"key:000000000003": 300}
    assert all(value.startswith(key) for key, value in store.items())


@pytest.mark.parametrize("words", [("--mixture", "zipf"), ()])
def test_misses_do_not_depend_on_how_many_requests_are_under_way(serve, words):
    """All of it fits: exactly. A store that evicts: to what a batch's delay of its SETs may move."""
    for most, tolerance in ((10 ** 9, 0), (2000, 0.01)):
        misses = [replay(serve("redis", resp_talk(Few(most), False)), *words, "--requests", 15000,
                         "--value-size", "5-50", "--pipeline", pipeline)["miss_ratio"]
                  for pipeline in (1, 32, 1024)]
        assert 0.05 < misses[0] < 1
        assert max(misses) - min(misses) <= tolerance


def test_sizes_are_the_same_in_every_run(serve):
    one, other = {}, {}
    for store in (one, other):
        replay(serve("redis", resp_talk(store, False)), "--trace", LOOP, "--value-size", "20-5000")
    assert one == other and len({len(value) for value in one.values()}) == 3


@pytest.mark.parametrize("scheme, talk", [("redis", lambda store: resp_talk(store, False)),
                                          ("memcached", memcached_talk)])
def test_large_values_come_and_go_whole(serve, scheme, talk):
    store = {}
    result = replay(serve(scheme, talk(store)), "--trace", LOOP, "--value-size", "600KiB-2MiB")
    assert (result["misses"], result["wrong"]) == (3, 0)
    assert all(len(value) >= 600 << 10 for value in store.values())


def test_what_a_server_refuses_is_counted_and_missed_again(serve):
    result = replay(serve("memcached", memcached_talk({}, bad=True)), "--trace", LOOP)
    assert (result["misses"], result["refused"]) == (30, 30)


def test_wrong_values_are_no_success(serve):
    store = {b"key:000000000002": b"x" * 200}
    result = replay(serve("redis", resp_talk(store, False)), "--trace", LOOP, status=1)
    assert result["wrong"] == 10


def test_the_report_says_what_was_replayed_and_what_missed(serve):
    done = larder.run("bench", "replay", "--trace", str(LOOP), "--to",
                      serve("redis", resp_talk({}, False)))
    assert done.returncode == 0 and done.stderr == ""
    assert "loop: 30 requests of 3 objects" in done.stdout
    assert "0.1000 of the requests, 0.1000 of the bytes" in done.stdout


def test_a_server_that_is_none_or_away_is_told(serve):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        away = f"redis://127.0.0.1:{probe.getsockname()[1]}"
        assert "cannot be reached: Connection refused" in replay(away, "--trace", LOOP, status=1)
    bad = serve("redis", resp_talk({}, True))
    assert "-ERR out of order" in replay(bad, "--trace", LOOP, status=1)


@pytest.mark.parametrize("words, said", [
    (("--to", "http://127.0.0.1:1"), "redis://127.0.0.1:6379"),
    (("--to", "redis://192.0.2.1:6379"), "--allow-remote"),
    (("--pipline", "1"), "did you mean --pipeline"),
    (("--pipeline",), "needs a value"),
    (("--pipeline", "0"), "from 1 to 1024"),
    (("--value-size", "20-10"), "upwards"),
    (("--value-size", "x"), "size"),
    (("--mixture", "cement"), "no mixture"),
])
def test_mistakes_on_the_command_line_are_told(words, said):
    done = larder.run("bench", "replay", *words)
    assert done.returncode == 2 and said in done.stderr
