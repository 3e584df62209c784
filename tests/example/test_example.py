"""examples/fastapi as its README tells it: uvicorn, redis-py and Larder, end to end."""
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import time

import pytest
import redis

import larder

HERE = larder.ROOT / "examples/fastapi"
FLOWER = {"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4, "petal_width": 0.2}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def cache(self):
        return self.headers["Cache-Status"] or ""

    @property
    def was_hit(self):
        return bool(re.search(r";\s*hit", self.cache))


def ask(port, method, target, value=None, **fields):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    body = None if value is None else json.dumps(value)
    headers = {"Content-Type": "application/json"} if body else {}
    connection.request(method, target, body, {**headers, **fields})
    answer = Answer(connection.getresponse())
    connection.close()
    return answer


class Example:
    """The external API, the application and Larder; all ports chosen freely."""

    def __init__(self):
        self.running = []
        self.larder = None

    def begin(self, folder):
        posts = self.posts = self.start([sys.executable, "posts.py", "0"], stdout=subprocess.PIPE)
        posts_url = posts.stdout.readline().split()[-1]
        self.app = free_port()
        self.resp = free_port()
        self.start([sys.executable, "-m", "uvicorn", "app:app", "--port", str(self.app),
                    "--log-level", "warning"],
                   POSTS_URL=posts_url, REDIS_URL=f"redis://127.0.0.1:{self.resp}",
                   DATABASE=str(folder / "example.db"), PYTHONDONTWRITEBYTECODE="1")
        self.wait_for_app()
        config = (HERE / "larder.yaml").read_text().replace(":8000", f":{self.app}")
        self.larder = larder.serve("--resp", f"127.0.0.1:{self.resp}", config=config)
        self.http = self.larder.http_port

    def start(self, words, stdout=None, **env):
        process = subprocess.Popen(words, cwd=HERE, stdin=subprocess.DEVNULL, stdout=stdout,
                                   text=True, env={**os.environ, **env})
        self.running.append(process)
        return process

    def wait_for_app(self):
        end = time.monotonic() + larder.PATIENCE_S
        while time.monotonic() < end:
            try:
                ask(self.app, "GET", "/count")
                return
            except OSError:
                time.sleep(0.05)
        raise AssertionError("the application does not start")

    def asked(self):
        """How many requests have reached the application."""
        return ask(self.app, "GET", "/count").json["requests"]

    def stop(self):
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(larder.PATIENCE_S)
        if self.larder is not None:
            self.larder.stop()


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    one = Example()
    try:
        one.begin(tmp_path_factory.mktemp("example"))
        yield one
    finally:
        one.stop()


def test_the_second_get_is_answered_by_the_cache(example):
    before = example.asked()
    first, second = (ask(example.http, "GET", "/users/11") for _ in range(2))
    assert first.status == second.status == 200
    assert not first.was_hit and second.was_hit
    assert first.body == second.body
    assert example.asked() == before + 1
    assert "Cache-Tag" not in second.headers
    assert second.headers["Age"] is not None


def test_a_put_invalidates_and_the_next_get_sees_the_new_value(example):
    target = "/users/12"
    old = ask(example.http, "GET", target).json["name"]
    assert ask(example.http, "GET", target).was_hit
    changed = ask(example.http, "PUT", target, {"name": "Emmy Noether"})
    assert changed.status == 200
    after = ask(example.http, "GET", target)
    assert after.json["name"] == "Emmy Noether" != old
    assert not after.was_hit
    assert ask(example.http, "GET", target).was_hit


def test_the_handlers_one_call_invalidates_even_when_the_put_did_not_pass_the_gateway(example):
    target = "/users/13"
    ask(example.http, "GET", target)
    assert ask(example.http, "GET", target).was_hit
    assert ask(example.app, "PUT", target, {"name": "Sofia Kovalevskaya"}).status == 200
    assert ask(example.http, "GET", target).json["name"] == "Sofia Kovalevskaya"


def test_other_users_stay_cached_when_one_changes(example):
    ask(example.http, "GET", "/users/14")
    ask(example.http, "PUT", "/users/15", {"name": "Somebody Else"})
    assert ask(example.http, "GET", "/users/14").was_hit


def test_writing_many_times_never_shows_an_old_name(example):
    for number in range(50):
        name = f"Name {number}"
        assert ask(example.http, "PUT", "/users/16", {"name": name}).status == 200
        for _ in range(2):
            assert ask(example.http, "GET", "/users/16").json["name"] == name


def test_parameters_that_mean_nothing_make_no_second_copy(example):
    ask(example.http, "GET", "/users/17")
    assert ask(example.http, "GET", "/users/17?utm_source=letter&utm_medium=x").was_hit


def test_the_order_of_the_parameters_does_not_matter(example):
    forward = "&".join(f"{name}={value}" for name, value in FLOWER.items())
    backward = "&".join(f"{name}={value}" for name, value in reversed(FLOWER.items()))
    first = ask(example.http, "GET", "/predict?" + forward)
    assert first.json["species"] == "setosa"
    assert ask(example.http, "GET", "/predict?" + backward).was_hit


def test_bad_numbers_are_refused_and_not_cached(example):
    for _ in range(2):
        answer = ask(example.http, "GET", "/predict?sepal_length=-1&sepal_width=1&petal_length=1"
                                          "&petal_width=1")
        assert answer.status == 422
        assert not answer.was_hit


def test_a_post_is_cached_by_the_handler_over_the_redis_protocol(example):
    flower = {**FLOWER, "petal_width": 0.3}
    first = ask(example.http, "POST", "/predict", flower)
    second = ask(example.http, "POST", "/predict", dict(reversed(flower.items())))
    assert first.headers["X-Predict"] == "computed"
    assert second.headers["X-Predict"] == "cached"
    assert first.json == second.json
    client = redis.Redis(port=example.resp, decode_responses=True)
    keys = list(client.scan_iter("predict:*"))
    assert len(keys) == 1 and len(keys[0]) == len("predict:") + 64
    assert 3500 < client.ttl(keys[0]) <= 3600
    assert json.loads(client.get(keys[0])) == first.json


def test_posts_are_cached_by_the_configuration_and_tagged_by_it(example):
    assert not ask(example.http, "GET", "/posts/5").was_hit
    assert ask(example.http, "GET", "/posts/5").was_hit
    client = redis.Redis(port=example.resp)
    client.execute_command("LARDER.PURGE", "TAG", "post:5")
    assert not ask(example.http, "GET", "/posts/5").was_hit


def test_what_is_not_there_is_not_there_and_remembered_for_a_while(example):
    before = example.asked()
    assert [ask(example.http, "GET", "/posts/99999").status for _ in range(3)] == [404] * 3
    assert example.asked() == before + 1


def test_posts_outlive_the_api_that_they_come_from(example):
    fresh = ask(example.http, "GET", "/posts/6")
    example.posts.terminate()
    example.posts.wait(larder.PATIENCE_S)
    client = redis.Redis(port=example.resp)
    client.execute_command("LARDER.PURGE", "TAG", "post:6", "SOFT")
    for _ in range(3):
        stale = ask(example.http, "GET", "/posts/6")
        assert (stale.status, stale.body) == (200, fresh.body)
        assert stale.was_hit
    assert ask(example.http, "GET", "/posts/7").status == 502


def test_the_count_is_never_cached(example):
    assert not any(ask(example.http, "GET", "/count").was_hit for _ in range(2))


def test_explain_names_the_route_of_the_readme(example):
    said = larder.run("explain", "-c", str(HERE / "larder.yaml"), "GET /users/7?utm_source=letter")
    assert said.returncode == 0, said.stderr
    assert "users" in said.stdout


@pytest.mark.skipif("release" not in larder.binary(), reason="the demo measures, so it is fast or nothing")
def test_the_demo_measures_and_leaves_nothing_behind():
    words = [sys.executable, str(HERE / "demo.py"), "--once", "--duration", "2s", "--warmup", "3s",
             "--each", "1s"]
    mark = f"DEMO_OF_TEST={os.getpid()}"
    demo = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            start_new_session=True, env={**os.environ, "LARDER": larder.binary(),
                                                   "DEMO_OF_TEST": str(os.getpid())})
    try:
        text, _ = demo.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        os.killpg(demo.pid, signal.SIGTERM)
        raise
    assert demo.returncode == 0, text
    assert "requests a second" in text and "hit ratio" in text
    assert re.search(r"wrong answers +0 +0", text), text
    assert "Emmy Noether" in text
    assert holding(mark) == []


def holding(mark):
    """Programs that run with that variable in their environment: the demo's children have it."""
    found = []
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if mark.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:
            continue
    return found
