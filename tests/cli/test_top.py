"""What each route does: /v1/routes, /metrics, larder top."""
import http.client
import json
import os
import pty
import re
import select
import signal
import subprocess
import time

import larder
import pytest


@pytest.fixture
def server(serve, origin):
    """Two routes; tagged has answered a miss and three hits, rest two that were not stored."""
    server = serve(config=f"""
origins: {{o: {{servers: ["{origin.address}"]}}}}
routes:
  tagged: {{match: "/tagged/**"}}
  rest: {{match: "/**"}}
""")
    link = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=larder.PATIENCE_S)
    for path in ["/tagged/a"] * 4 + ["/x", "/y"]:
        link.request("GET", path)
        link.getresponse().read()
    link.close()
    return server


def get(server, path):
    link = http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=larder.PATIENCE_S)
    link.request("GET", path)
    text = link.getresponse().read().decode()
    link.close()
    return text


def test_routes_are_counted_apart(server):
    told = {route["name"]: route for route in json.loads(get(server, "/v1/routes"))["routes"]}
    assert set(told) == {"tagged", "rest"}
    assert (told["tagged"]["requests"], told["tagged"]["hit"], told["tagged"]["miss"]) == (4, 3, 1)
    assert told["rest"]["requests"] == 2 and told["rest"]["hit"] == 0
    assert told["rest"]["reasons"] == {"no-freshness": 2}
    assert sum(count for _, count in told["tagged"]["took_us"]) == 4
    assert told["tagged"]["sent_bytes"] > 4 * len("path /tagged/a\n")


def test_metrics_have_a_series_for_each_route_and_none_for_each_path(server):
    text = get(server, "/metrics")
    assert 'larder_route_requests_total{route="tagged",outcome="hit"} 3\n' in text
    assert 'larder_route_answers_total{route="rest",reason="no-freshness"} 2\n' in text
    assert 'larder_route_request_duration_seconds_count{route="tagged"} 4\n' in text
    assert set(re.findall(r'route="([^"]*)"', text)) == {"tagged", "rest"}


def test_top_once_prints_one_table(server):
    done = larder.run("top", "--once", "--total", "--sort", "name", "--admin", f"127.0.0.1:{server.admin_port}")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["ROUTE", "REQ/S", "HIT", "P50", "P99", "SAVED/S", "OUT/S", "5XX/S"]
    assert [line.split()[0] for line in lines[1:]] == ["rest", "tagged", "all"]
    assert lines[2].split()[2] == "75.0%"
    assert all(len(line) <= 100 for line in lines)


def test_top_once_measures_one_interval(server):
    done = larder.run("top", "--once", "-i", "100ms", "--admin", f"127.0.0.1:{server.admin_port}")
    assert done.returncode == 0
    assert [line.split()[:3] for line in done.stdout.splitlines()[1:]] == [
        ["rest", "0", "-"], ["tagged", "0", "-"], ["all", "0", "-"]]


class Screen:
    """larder top on a terminal of its own."""

    def __init__(self, server):
        self.text = ""
        leader, follower = pty.openpty()
        self.leader = leader
        self.process = subprocess.Popen(
            [larder.binary(), "top", "--admin", f"127.0.0.1:{server.admin_port}"],
            stdin=follower, stdout=follower, stderr=subprocess.STDOUT, start_new_session=True)
        os.close(follower)

    def wait_for(self, words):
        end = time.monotonic() + larder.PATIENCE_S
        while words not in self.text:
            assert time.monotonic() < end, self.text
            if select.select([self.leader], [], [], 1)[0]:
                self.text += os.read(self.leader, 65536).decode()

    def press(self, key):
        self.text = ""
        os.write(self.leader, key)

    def end(self):
        status = self.process.wait(larder.PATIENCE_S)
        os.close(self.leader)
        return status


def test_top_on_a_terminal_obeys_its_keys_and_leaves_it_as_it_was(server):
    screen = Screen(server)
    screen.wait_for("tagged")
    assert "by requests" in screen.text and "\x1b[?1049h" in screen.text
    screen.press(b"s")
    screen.wait_for("by hits")
    screen.press(b"p")
    screen.wait_for("(paused)")
    screen.press(b"q")
    screen.wait_for("\x1b[?1049l")
    assert screen.end() == 0


def test_top_ends_on_a_signal_and_leaves_the_terminal_as_it_was(server):
    screen = Screen(server)
    screen.wait_for("tagged")
    screen.process.send_signal(signal.SIGTERM)
    screen.wait_for("\x1b[?1049l")
    assert screen.end() == 0


def test_top_says_what_it_does_not_know(server):
    done = larder.run("top", "--sort", "colour")
    assert done.returncode == 2 and "none of requests, hits" in done.stderr
    done = larder.run("top", "--interval", "1us")
    assert done.returncode == 2 and "--interval" in done.stderr


def test_top_without_a_server_says_where_it_looked(serve, origin):
    server = serve("--origin", origin.url)
    port = server.admin_port
    server.stop()
    done = larder.run("top", "--once", "--admin", f"127.0.0.1:{port}")
    assert done.returncode == 1 and f"127.0.0.1:{port}" in done.stderr
