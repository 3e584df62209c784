"""The operator's door: metrics, health, purge, statistics, and what it refuses."""
import http.client
import json
import socket
import subprocess
import threading
import time
import urllib.request

import larder
import pytest


def ask(server, method, path, body=None, headers=None):
    """One request to the admin door: status, JSON or text, header fields."""
    connection = http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=larder.PATIENCE_S)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    if answer.getheader("Content-Type") == "application/json" and method != "HEAD":
        return answer.status, json.loads(text), answer.headers
    return answer.status, text, answer.headers


def get(server, path):
    """One GET through the gateway: body, Cache-Status."""
    with urllib.request.urlopen(server.http_url + path, timeout=larder.PATIENCE_S) as answer:
        return answer.read().decode(), answer.headers.get("Cache-Status", "")


def is_hit(server, path):
    return "; hit" in get(server, path)[1]


def samples(text):
    """The samples of an exposition: {series: value}."""
    return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1])
            for line in text.splitlines() if not line.startswith("#")}


def test_metrics_pass_promtools_lint(serve, origin):
    server = serve("--origin", origin.url, "--workers", "2")
    get(server, "/tagged/a")
    get(server, "/tagged/a")
    status, text, headers = ask(server, "GET", "/metrics")
    assert status == 200
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    lint = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert (lint.returncode, lint.stdout) == (0, "")


def test_metrics_count_over_all_workers(serve, origin):
    server = serve("--origin", origin.url, "--workers", "2")
    for number in range(10):
        get(server, f"/tagged/{number % 2}")
    told = samples(ask(server, "GET", "/metrics")[1])
    assert told["larder_http_requests_total"] == 10
    assert told["larder_http_stored_total"] == 2
    assert told["larder_http_hits_total"] + told["larder_http_collapsed_total"] == 8
    assert told['larder_origin_requests_total{origin="default"}'] == 2
    assert told['larder_origin_up{origin="default"}'] == 1
    assert told["larder_workers"] == 2
    assert told['larder_build_info{version="' + larder.run("version").stdout.split()[1] + '"}'] == 1
    assert told["process_resident_memory_bytes"] > 1 << 20
    assert told["process_open_fds"] > 3
    durations = "larder_http_request_duration_seconds"
    hits = told[durations + '_count{source="cache"}']
    assert hits == told[durations + '_bucket{source="cache",le="+Inf"}']
    assert hits + told[durations + '_count{source="origin"}'] == 10


def test_every_metric_of_the_manual_is_there(serve, origin):
    server = serve("--origin", origin.url)
    text = ask(server, "GET", "/metrics")[1]
    manual = [line.split("`")[1] for line in larder.run("--describe=metrics").stdout.splitlines()
              if line.startswith("| `")]
    families = {line.split()[2] for line in text.splitlines() if line.startswith("# TYPE")}
    assert set(manual) == families


def test_commands_are_counted_by_name(serve, origin):
    redis = pytest.importorskip("redis")
    server = serve("--origin", origin.url)
    client = redis.Redis(port=server.resp_port)
    client.set("a", "1")
    client.get("a")
    client.get("a")
    client.close()
    told = samples(ask(server, "GET", "/metrics")[1])
    assert told['larder_resp_command_calls_total{command="get"}'] == 2
    assert told['larder_resp_command_calls_total{command="set"}'] == 1
    assert told['larder_resp_command_failures_total{command="set"}'] == 0


def test_alive_is_alive(serve, origin):
    server = serve("--origin", origin.url)
    assert ask(server, "GET", "/healthz")[:2] == (200, {"alive": True})
    status, text, headers = ask(server, "HEAD", "/healthz")
    assert (status, text) == (200, "") and int(headers["Content-Length"]) > 0


def test_ready_means_that_every_origin_can_be_reached(serve, origin):
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    server = serve(config=f"""
origins:
  there: {{servers: ["{origin.address}"]}}
  gone: {{servers: ["127.0.0.1:{port}"]}}
routes:
  a: {{match: "/a/**", origin: there}}
  b: {{match: "/**", origin: gone}}
""")
    status, told, _ = ask(server, "GET", "/readyz")
    assert status == 503
    assert told == {"ready": False, "draining": False, "origins": {"there": "up", "gone": "down"}}
    assert "the origin gone (127.0.0.1:" in server.log() and "cannot be reached" in server.log()
    with socket.create_server(("127.0.0.1", port)):
        assert ask(server, "GET", "/readyz")[:2] == (
            200, {"ready": True, "draining": False, "origins": {"there": "up", "gone": "up"}})
    assert "can be reached again" in server.log()


def test_many_may_ask_for_readiness_at_once(serve, origin):
    server = serve("--origin", origin.url)
    told = []
    threads = [threading.Thread(target=lambda: told.append(ask(server, "GET", "/readyz")[0]))
               for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == [200] * 20


class Keys:
    """A Redis client that asks for 16,000 keys, many at once, of which three in four were stored."""

    def __init__(self, server):
        self.link = socket.create_connection(("127.0.0.1", server.resp_port), larder.PATIENCE_S)
        self.stream = self.link.makefile("rb")
        self.send(["SET", "v"], 12000)

    def send(self, words, count):
        for start in range(0, count, 1000):
            told = b""
            for number in range(start, start + 1000):
                told += f"*{len(words) + 1}\r\n$3\r\n{words[0]}\r\n$8\r\nkey{number:05}\r\n".encode()
                told += b"".join(f"${len(word)}\r\n{word}\r\n".encode() for word in words[1:])
            self.link.sendall(told)
            for _ in range(1000):
                if self.stream.readline() == b"$1\r\n":
                    self.stream.readline()

    def ask_for_all(self):
        self.send(["GET"], 16000)

    def close(self):
        self.stream.close()
        self.link.close()


def test_hit_ratios_with_other_amounts_of_memory_are_told(serve, origin):
    server = serve("--origin", origin.url)
    keys = Keys(server)
    assert 'larder_whatif_hit_ratio{memory="1x"}' not in samples(ask(server, "GET", "/metrics")[1])
    told = {}
    for _ in range(60):
        keys.ask_for_all()
        told = samples(ask(server, "GET", "/metrics")[1])
        if 'larder_whatif_hit_ratio{memory="8x"}' in told:
            break
    keys.close()
    for memory in ("0.25x", "0.5x", "1x", "2x", "4x", "8x"):
        assert 0.6 < told[f'larder_whatif_hit_ratio{{memory="{memory}"}}'] < 0.9
    ratios = ask(server, "GET", "/v1/stats")[1]["cache"]["whatif_hit_ratio"]
    assert list(ratios) == ["0.25x", "0.5x", "1x", "2x", "4x", "8x"]
    table = larder.run("stats", "--admin", f"127.0.0.1:{server.admin_port}").stdout
    assert "0.25x the memory" in table and "8x the memory" in table


def test_hit_ratios_with_other_amounts_of_memory_are_not_told_when_that_is_off(serve, origin):
    server = serve("--origin", origin.url, config="cache: {what-if: off}\n")
    keys = Keys(server)
    for _ in range(4):
        keys.ask_for_all()
    keys.close()
    assert ask(server, "GET", "/v1/stats")[1]["cache"]["whatif_hit_ratio"] == {}


def test_stats_are_one_json_object(serve, origin):
    server = serve("--origin", origin.url)
    get(server, "/tagged/a")
    status, told, _ = ask(server, "GET", "/v1/stats")
    assert status == 200
    assert told["http"]["requests"] == 1 and told["http"]["stored"] == 1
    assert told["cache"]["entries"] >= 1
    assert told["origins"]["default"]["up"] is True
    assert set(told) >= {"version", "uptime_s", "workers", "cache", "http", "origins", "resp", "admin"}
    line = larder.run("stats", "--json", "--admin", f"127.0.0.1:{server.admin_port}")
    assert line.returncode == 0 and json.loads(line.stdout)["http"]["requests"] == 1
    table = larder.run("stats", "--admin", f"127.0.0.1:{server.admin_port}")
    assert table.returncode == 0
    assert "HTTP gateway" in table.stdout and "origin default" in table.stdout


# ---- purge ----------------------------------------------------------------------------------------

@pytest.mark.parametrize("wish,gone,kept", [
    ({"tag": "a"}, ["/tagged/a"], ["/tagged/b"]),
    ({"url": "{http}/tagged/a"}, ["/tagged/a"], ["/tagged/b"]),
    ({"prefix": "{http}/tagged/"}, ["/tagged/a", "/tagged/b"], []),
    ({"prefix": "{http}/tagged/b"}, ["/tagged/b"], ["/tagged/a"]),
    ({"all": True}, ["/tagged/a", "/tagged/b"], []),
])
def test_what_is_purged_is_gone_and_nothing_else(serve, origin, wish, gone, kept):
    server = serve("--origin", origin.url, "--workers", "2")
    for path in gone + kept:
        get(server, path)
        assert is_hit(server, path)
    wish = {by: what.format(http=server.http_url) if isinstance(what, str) else what
            for by, what in wish.items()}
    status, told, _ = ask(server, "POST", "/v1/purge", json.dumps({**wish, "dry_run": True}))
    assert status == 200 and told["dry_run"] is True and told["count"] == len(gone)
    assert all(is_hit(server, path) for path in gone + kept)
    status, told, _ = ask(server, "POST", "/v1/purge", json.dumps(wish))
    assert status == 200 and told["by"] == next(iter(wish)) and told["soft"] is False
    assert all(is_hit(server, path) for path in kept)
    assert not any(is_hit(server, path) for path in gone)


def test_the_command_purges_as_the_door_does(serve, origin):
    server = serve("--origin", origin.url)
    admin = ["--admin", f"127.0.0.1:{server.admin_port}"]
    get(server, "/tagged/a")
    done = larder.run("purge", "--tag", "a", "--dry-run", *admin)
    assert (done.returncode, done.stdout) == (
        0, "dry run: 1 entry would be purged: every entry with the tag a\n"
           f"  {server.http_url}/tagged/a\n")
    done = larder.run("purge", "--tag", "a", *admin)
    assert (done.returncode, done.stdout) == (0, "purged: every entry with the tag a\n")
    assert not is_hit(server, "/tagged/a")
    done = larder.run("purge", "--url", server.http_url + "/tagged/a", *admin)
    assert (done.returncode, done.stdout) == (0, f"purged: {server.http_url}/tagged/a\n")
    done = larder.run("purge", "--all", *admin)
    assert (done.returncode, done.stdout) == (0, "purged: every response of the gateway\n")
    done = larder.run("purge", "--url", "tagged", *admin)
    assert done.returncode == 1 and "larder purge: " in done.stderr


def test_a_key_of_redis_clients_is_purged_in_its_database(serve, origin):
    redis = pytest.importorskip("redis")
    server = serve("--origin", origin.url)
    first, third = (redis.Redis(port=server.resp_port, db=db) for db in (0, 3))
    first.set("k", "1")
    third.set("k", "3")
    status, told, _ = ask(server, "POST", "/v1/purge", '{"key": "k", "db": 3}')
    assert (status, told["count"], told["db"]) == (200, 1, 3)
    assert first.get("k") == b"1" and third.get("k") is None
    assert ask(server, "POST", "/v1/purge", '{"key": "k", "db": 3}')[1]["count"] == 0
    ask(server, "POST", "/v1/purge", '{"all": true}')
    assert first.get("k") == b"1"
    first.close()
    third.close()


@pytest.mark.parametrize("body,part", [
    ("", "no JSON"), ("{}", "say what to purge"), ('{"tga": "a"}', 'did you mean "tag"?'),
    ('{"tag": "a", "url": "b"}', "exclude each other"), ('{"url": "a"}', ""),
])
def test_a_purge_that_makes_no_sense_is_told_why(serve, origin, body, part):
    server = serve("--origin", origin.url)
    status, told, _ = ask(server, "POST", "/v1/purge", body)
    assert status == 400 and part in told["error"]


# ---- who may ask ----------------------------------------------------------------------------------

def test_with_a_token_only_who_has_it_may_purge(serve, origin, tmp_path):
    token = tmp_path / "token"
    token.write_text("correct-horse-battery\n")
    server = serve(config=f"""
listen: {{admin: {{address: "127.0.0.1:0", token_file: "{token}"}}}}
origins: {{app: {{servers: ["{origin.address}"]}}}}
""")
    wish = '{"tag": "a"}'
    for headers in ({}, {"Authorization": "Bearer wrong-horse-battery"},
                    {"Authorization": "Basic correct-horse-battery"},
                    {"Authorization": "Bearer correct-horse-battery2"}):
        status, told, answer = ask(server, "POST", "/v1/purge", wish, headers)
        assert status == 401 and "Authorization: Bearer TOKEN" in told["error"]
        assert answer["WWW-Authenticate"] == "Bearer"
    good = {"Authorization": "Bearer correct-horse-battery"}
    assert ask(server, "POST", "/v1/purge", wish, good)[0] == 200
    assert ask(server, "GET", "/v1/stats")[0] == 401
    assert ask(server, "GET", "/metrics")[0] == 200
    assert ask(server, "GET", "/healthz")[0] == 200
    admin = ["--admin", f"127.0.0.1:{server.admin_port}"]
    assert "--token-file" in larder.run("purge", "--tag", "a", *admin).stderr
    assert larder.run("purge", "--tag", "a", "--token-file", str(token), *admin).returncode == 0
    assert larder.run("stats", "--token-file", str(token), *admin).returncode == 0
    assert "correct-horse" not in server.log()
    assert samples(ask(server, "GET", "/metrics")[1])["larder_admin_denied_total"] == 6


def test_web_pages_of_other_sites_are_refused(serve, origin):
    server = serve("--origin", origin.url)
    wish = '{"all": true}'
    for site in ("http://evil.example", "null", "https://127.0.0.1"):
        assert ask(server, "POST", "/v1/purge", wish, {"Origin": site})[0] == 403
    own = f"http://127.0.0.1:{server.admin_port}"
    assert ask(server, "POST", "/v1/purge", wish, {"Origin": own})[0] == 200


def test_pages_of_names_that_mean_this_machine_need_the_token(serve, origin, tmp_path):
    token = tmp_path / "token"
    token.write_text("correct-horse-battery\n")
    origins = f"origins: {{app: {{servers: [\"{origin.address}\"]}}}}\n"
    secret = f"listen: {{admin: {{address: \"127.0.0.1:0\", token_file: \"{token}\"}}}}\n"
    for config, status in ((origins, 403), (secret + origins, 200)):
        server = serve(config=config)
        hosts = {f"evil.example:{server.admin_port}": status, "evil.example": status,
                 f"localhost:{server.admin_port}": 200, "[::1]:1": 200, "127.0.0.1": 200}
        for host, expected in hosts.items():
            said = {"Origin": f"http://{host}", "Host": host,
                    "Authorization": "Bearer correct-horse-battery"}
            assert ask(server, "POST", "/v1/purge", '{"all": true}', said)[0] == expected, host


def test_the_gateway_knows_nothing_of_the_admin_door(serve, origin):
    server = serve("--origin", origin.url)
    assert get(server, "/metrics")[0] == "path /metrics\n"
    assert get(server, "/v1/stats")[0] == "path /v1/stats\n"


# ---- what it refuses ------------------------------------------------------------------------------

@pytest.mark.parametrize("method,path,status,allow", [
    ("GET", "/", 404, None), ("GET", "/metricsx", 404, None), ("GET", "/v1/purge", 405, "POST"),
    ("DELETE", "/v1/purge", 405, "POST"), ("POST", "/metrics", 405, "GET, HEAD"),
])
def test_other_paths_and_methods_are_told_what_there_is(serve, origin, method, path, status, allow):
    server = serve("--origin", origin.url)
    got, told, headers = ask(server, method, path)
    assert (got, headers["Allow"]) == (status, allow)
    assert told["error"]


def converse(server, request):
    """Sends bytes, ends its side, and reads to the end."""
    with socket.create_connection(("127.0.0.1", server.admin_port), timeout=larder.PATIENCE_S) as link:
        link.sendall(request)
        link.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := link.recv(65536):
            answer += piece
    return answer


@pytest.mark.parametrize("request_,status", [
    (b"GET /healthz HTTP/1.1\n\n", 400),
    (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
    (b"GET /healthz HTTP/3.0\r\nHost: a\r\n\r\n", 505),
    (b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    (b"GET /" + b"x" * 5000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
    (b"GET /healthz HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 20000 + b"\r\n\r\n", 431),
    (b"POST /v1/purge HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n", 413),
    (b"POST /v1/purge HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
    (b"POST /v1/purge HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n30000\r\n"
     + b"x" * 0x30000 + b"\r\n0\r\n\r\n", 413),
], ids=["lf", "no-host", "version", "hosts", "target", "header", "length", "chunk", "body"])
def test_what_breaks_http_or_a_limit_is_answered_and_closed(serve, origin, request_, status):
    server = serve("--origin", origin.url)
    answer = converse(server, request_)
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert b"Connection: close\r\n" in answer
    assert ask(server, "GET", "/healthz")[0] == 200


def test_requests_in_a_row_are_answered_in_a_row(serve, origin):
    server = serve("--origin", origin.url)
    one = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    purge = b'POST /v1/purge HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n' \
            b'6\r\n{"tag"\r\n7\r\n: "a"} \r\n0\r\n\r\n'
    ready = b"GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server.admin_port), timeout=larder.PATIENCE_S) as link:
        link.sendall(one * 3 + purge + ready + one + last)
        answer = b""
        while piece := link.recv(65536):
            answer += piece
    assert answer.count(b"HTTP/1.1 200 OK") == 7
    assert answer.index(b'"by"') < answer.index(b'"ready"')


def test_a_client_that_never_reads_is_not_written_to_without_end(serve, origin):
    server = serve("--origin", origin.url)
    with socket.create_connection(("127.0.0.1", server.admin_port), timeout=larder.PATIENCE_S) as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.setblocking(False)
        flood = b"GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n" * 2000
        sent = 0
        deadline = time.monotonic() + larder.PATIENCE_S
        while sent < len(flood) and time.monotonic() < deadline:
            try:
                sent += link.send(flood[sent:])
            except BlockingIOError:
                break
        resident = samples(ask(server, "GET", "/metrics")[1])["process_resident_memory_bytes"]
        assert resident < 400 << 20
