"""The configuration is read anew while the server runs."""
import http.client
import json
import re
import signal
import socket
import ssl
import subprocess
import threading
import time
import urllib.request

import pytest

import larder


def wait_for(condition):
    """Until it is so; a test that waits for ever has failed."""
    for _ in range(larder.PATIENCE_S * 100):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError("it never happened")


def post(server, path, token=None):
    """The admin door's answer: status, JSON."""
    link = http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=larder.PATIENCE_S)
    link.request("POST", path, headers={"Authorization": f"Bearer {token}"} if token else {})
    answer = link.getresponse()
    text = answer.read()
    link.close()
    return answer.status, json.loads(text)


def get(server, path, port=None):
    """A request on a connection of its own: status, header fields, body."""
    link = http.client.HTTPConnection("127.0.0.1", port or server.http_port,
                                      timeout=larder.PATIENCE_S)
    link.request("GET", path)
    answer = link.getresponse()
    body = answer.read()
    link.close()
    return answer.status, dict(answer.getheaders()), body


def metric(server, name):
    with urllib.request.urlopen(server.admin_url + "/metrics", timeout=larder.PATIENCE_S) as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith(name + " ") or line.startswith(name + "{"):
                return line.rsplit(" ", 1)[1] if "{" not in line else line
    raise AssertionError(f"{name} is no metric")


class Editable:
    """A server whose larder.yaml a test writes anew."""

    def __init__(self, serve, text, *flags):
        self.server = serve("--workers", "2", *flags, config=text)
        self.file = self.server.folder / "larder.yaml"

    def write(self, text):
        self.file.write_text(text)

    def reload(self, text=None):
        if text is not None:
            self.write(text)
        return post(self.server, "/v1/reload")


def config(origin, routes="", more=""):
    return f"""
{more}
origins: {{app: {{servers: ["{origin.address}"]}}}}
routes:
  default: {{match: "/**"}}
{routes}
"""


def test_a_new_route_is_served_after_a_reload(serve, origin):
    it = Editable(serve, config(origin))
    assert "fwd" in get(it.server, "/new/0")[1]["Cache-Status"]
    status, told = it.reload(config(origin, "  new: {match: /new/**, ttl: 1h, cache: force}"))
    assert status == 200 and told["reloaded"] is True
    get(it.server, "/new/1")
    assert "hit" in get(it.server, "/new/1")[1]["Cache-Status"]


def test_what_changed_is_told_key_by_key(serve, origin):
    it = Editable(serve, config(origin, "  a: {match: /a, ttl: 1m}\n  b: {match: /b}"))
    status, told = it.reload(config(origin, "  a: {match: /a, ttl: 2m}\n  c: {match: /c}"))
    assert status == 200
    assert {"setting": "routes.a.ttl", "was": "1m", "is": "2m"} in told["changes"]
    assert {"setting": "routes.b", "removed": True} in told["changes"]
    assert {"setting": "routes.c", "added": True} in told["changes"]
    assert "config: routes.a.ttl: 1m -> 2m" in it.server.log()
    assert "config: routes.b is gone" in it.server.log()


def test_the_same_file_changes_nothing(serve, origin):
    it = Editable(serve, config(origin))
    status, told = it.reload()
    assert (status, told["changes"], told["restart"]) == (200, [], [])


def test_a_wrong_file_changes_nothing_and_all_its_mistakes_are_told(serve, origin):
    it = Editable(serve, config(origin, "  a: {match: /a/**, ttl: 1h, cache: force}"))
    status, told = it.reload(config(
        origin, "  a: {match: /a/**, tll: 1h}\n  b: {match: /b, ttl: soon}\n  c: {cash: off}"))
    assert status == 400 and told["reloaded"] is False
    assert [(e["line"], e["column"] > 0) for e in told["errors"]] == [(6, True), (7, True), (8, True)]
    assert 'did you mean "ttl"?' in told["errors"][0]["text"]
    for line in (6, 7, 8):
        assert re.search(rf"larder.yaml:{line}:\d+: ", it.server.log())
    get(it.server, "/a/1")
    assert "hit" in get(it.server, "/a/1")[1]["Cache-Status"]


def test_routes_that_contradict_each_other_are_refused(serve, origin):
    it = Editable(serve, config(origin))
    status, told = it.reload(config(origin, '  a: {match: "/x/{a}"}\n  b: {match: "/x/{b}"}'))
    assert status == 400
    assert "equally well" in told["error"]


def test_sighup_reads_the_file_anew(serve, origin):
    it = Editable(serve, config(origin))
    it.write(config(origin, "  new: {match: /new/**, ttl: 1h, cache: force}"))
    it.server.signal(signal.SIGHUP)
    wait_for(lambda: metric(it.server, "larder_config_reloads_total") == "1")
    get(it.server, "/new/1")
    assert "hit" in get(it.server, "/new/1")[1]["Cache-Status"]


def test_without_a_file_there_is_nothing_to_read_anew(serve, origin):
    server = serve("--origin", origin.url)
    status, told = post(server, "/v1/reload")
    assert status == 400 and "-c FILE" in told["error"]
    assert get(server, "/x")[0] == 200


def test_reloads_and_failures_are_counted_and_the_hash_tells_configurations_apart(serve, origin):
    it = Editable(serve, config(origin))
    first = metric(it.server, "larder_config_info")
    it.reload(config(origin, "  a: {match: /a}"))
    second = metric(it.server, "larder_config_info")
    it.reload("nonsense: 1")
    assert first != second == metric(it.server, "larder_config_info")
    assert metric(it.server, "larder_config_reloads_total") == "1"
    assert metric(it.server, "larder_config_reload_failures_total") == "1"
    assert float(metric(it.server, "larder_config_last_success_timestamp_seconds")) > 1e9
    it.reload(config(origin))
    assert metric(it.server, "larder_config_info") == first


def test_what_needs_a_restart_is_named_and_stays(serve, origin):
    it = Editable(serve, config(origin, more="cache: {max-waiters: 5}"))
    for _ in range(2):  # it is still to be said when the file is read once more
        status, told = it.reload(config(origin, more="cache: {max-waiters: 6}"))
        assert status == 200 and told["changes"] == []
        assert told["restart"][0]["setting"] == "cache.max-waiters"
        assert (told["restart"][0]["was"], told["restart"][0]["is"]) == ("5", "6")
    assert "needs a restart" in it.server.log()


def test_what_a_visitor_used_up_of_a_rate_stays_used_up(serve, origin):
    limit = "rate_limit: {rate: 1/h, burst: 2}"
    it = Editable(serve, config(origin, f"  a: {{match: /a/**, {limit}}}"))
    assert get(it.server, "/a/1")[0] == 200
    assert it.reload(config(origin, f"  a: {{match: /a/**, ttl: 5s, {limit}}}\n  b: {{match: /b}}"))[0] == 200
    assert get(it.server, "/a/2")[0] == 200
    assert get(it.server, "/a/3")[0] == 429


def test_memory_changes_while_it_runs(serve, origin):
    it = Editable(serve, config(origin, more="cache: {memory: 64MiB}"))
    it.reload(config(origin, more="cache: {memory: 32MiB}"))
    link = socket.create_connection(("127.0.0.1", it.server.resp_port), larder.PATIENCE_S)
    link.sendall(b"CONFIG GET maxmemory\r\n")
    assert str(32 << 20).encode() in link.recv(4096)
    link.close()


def test_flags_win_over_the_file_after_a_reload_too(serve, origin):
    it = Editable(serve, config(origin), "--log-level", "debug")
    it.reload(config(origin, more="log: {level: error}"))
    it.reload(config(origin, "  a: {match: /a}", more="log: {level: error}"))
    assert "routes.a is new" in it.server.log()


def test_the_token_of_the_admin_door_can_change(serve, origin, tmp_path):
    token = tmp_path / "token"
    token.write_text("first-token\n")
    server = serve("--workers", "2", config=config(
        origin, more=f'listen: {{admin: {{token_file: "{token}"}}}}'))
    token.write_text("second-token\n")
    assert post(server, "/v1/reload", "first-token")[0] == 200
    assert post(server, "/v1/reload", "first-token")[0] == 401
    assert post(server, "/v1/reload", "second-token")[0] == 200


def test_the_http_door_moves_to_another_address(serve, origin):
    with socket.create_server(("127.0.0.1", 0)) as free:
        first = free.getsockname()[1]
    with socket.create_server(("127.0.0.1", 0)) as free:
        second = free.getsockname()[1]
    text = config(origin, more='listen: {http: {address: "127.0.0.1:PORT"}, '
                               'resp: {address: "off"}, admin: {address: "127.0.0.1:0"}}')
    server = larder.Server(config=text.replace("PORT", str(first)), listen=False).wait_until_ready()
    with server:
        stays = http.client.HTTPConnection("127.0.0.1", first, timeout=larder.PATIENCE_S)
        stays.request("GET", "/1")
        stays.getresponse().read()
        (server.folder / "larder.yaml").write_text(text.replace("PORT", str(second)))
        assert post(server, "/v1/reload")[0] == 200
        assert get(server, "/2", second)[0] == 200
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", first), timeout=1).close()
        stays.request("GET", "/3")  # who is connected stays so
        assert stays.getresponse().read() == b"path /3\n"
        stays.close()


def test_a_door_with_tls_opens_and_closes(serve, origin, tmp_path):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", "/CN=a.example",
                    "-addext", "subjectAltName=DNS:a.example", "-keyout", str(tmp_path / "key"),
                    "-out", str(tmp_path / "pem")], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    it = Editable(serve, config(origin))
    more = (f'listen: {{https: {{address: "127.0.0.1:{port}"}}}}\n'
            f'certificates: {{a: {{file: "{tmp_path}/pem", key: "{tmp_path}/key"}}}}')
    status, told = it.reload(config(origin, more=more))
    assert status == 200, told
    context = ssl.create_default_context(cafile=tmp_path / "pem")
    link = context.wrap_socket(socket.create_connection(("127.0.0.1", port), larder.PATIENCE_S),
                               server_hostname="a.example")
    link.sendall(b"GET /1 HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
    assert b"200 OK" in link.recv(4096)
    link.close()
    assert it.reload(config(origin))[0] == 200
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=1).close()


def test_a_gateway_keeps_at_least_one_door(serve, origin):
    text = config(origin, more='listen: {http: {address: "127.0.0.1:0"}, '
                               'resp: {address: "127.0.0.1:0"}, admin: {address: "127.0.0.1:0"}}')
    server = larder.Server(config=text, listen=False).wait_until_ready()
    with server:
        (server.folder / "larder.yaml").write_text(
            text.replace('http: {address: "127.0.0.1:0"}', 'http: {address: "off"}', 1))
        status, told = post(server, "/v1/reload")
        assert status == 200 and told["restart"][0]["setting"] == "listen.http.address"
        assert get(server, "/x")[0] == 200


def test_an_address_that_is_taken_changes_nothing(serve, origin):
    it = Editable(serve, config(origin), "--log-level", "info")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        # The flag says where to listen; without one the file does.
        text = config(origin, more='listen: {http: {address: "127.0.0.1:PORT"}, '
                                   'resp: {address: "off"}, admin: {address: "127.0.0.1:0"}}')
        server = larder.Server(config=text.replace("PORT", "0"), listen=False).wait_until_ready()
        with server:
            (server.folder / "larder.yaml").write_text(
                text.replace("PORT", str(taken.getsockname()[1])) + "  a: {match: /a}\n")
            status, told = post(server, "/v1/reload")
            assert status == 400 and "another program is listening there" in told["error"]
            assert get(server, "/x")[0] == 200
    assert it.reload()[0] == 200


class Slow:
    """Answers with a head at once and the rest when it is told to."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        self.asked = threading.Event()
        self.go = threading.Event()
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                link, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(link,), daemon=True).start()

    def talk(self, link):
        if link.recv(65536):
            link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nCache-Control: max-age=60\r\n\r\nhalf")
            self.asked.set()
            self.go.wait(larder.PATIENCE_S)
            link.sendall(b"rest")
        link.close()


@pytest.fixture
def slow():
    it = Slow()
    yield it
    it.go.set()
    it.socket.close()


def test_a_request_under_way_keeps_its_origin_that_is_gone(serve, origin, slow):
    it = Editable(serve, f"""
origins: {{app: {{servers: ["{origin.address}"]}}, slow: {{servers: ["{slow.address}"]}}}}
routes:
  default: {{match: "/**", origin: app}}
  slow: {{match: "/slow/**", origin: slow}}
""")
    link = http.client.HTTPConnection("127.0.0.1", it.server.http_port, timeout=larder.PATIENCE_S)
    link.request("GET", "/slow/1")
    answer = link.getresponse()
    assert answer.read(4) == b"half"
    for i in range(5):
        assert it.reload(config(origin, f"  r{i}: {{match: /r}}"))[0] == 200
    assert get(it.server, "/slow/2")[2] == b"path /slow/2\n"  # new requests go elsewhere
    assert int(metric(it.server, "larder_config_editions")) > 2  # its own, and those since
    slow.go.set()
    assert answer.read() == b"rest"
    wait_for(lambda: int(metric(it.server, "larder_config_editions")) <= 2)
    link.request("GET", "/after")
    assert link.getresponse().read() == b"path /after\n"
    link.close()


class Echo:
    """An origin that switches protocols and then says everything again."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                link, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(link,), daemon=True).start()

    @staticmethod
    def talk(link):
        if b"pgrade" in link.recv(65536):
            link.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                         b"Upgrade: websocket\r\n\r\n")
            while data := link.recv(65536):
                link.sendall(data)
        link.close()


def test_an_upgraded_connection_outlives_its_route_and_its_origin(serve, origin):
    echo = Echo()
    it = Editable(serve, f"""
origins: {{app: {{servers: ["{origin.address}"]}}, echo: {{servers: ["{echo.address}"]}}}}
routes:
  default: {{match: "/**", origin: app}}
  live: {{match: "/live", origin: echo}}
""")
    link = socket.create_connection(("127.0.0.1", it.server.http_port), larder.PATIENCE_S)
    link.sendall(b"GET /live HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n"
                 b"Upgrade: websocket\r\n\r\n")
    assert link.recv(4096).startswith(b"HTTP/1.1 101 ")
    for i in range(3):
        assert it.reload(config(origin, f"  r{i}: {{match: /r}}"))[0] == 200
        time.sleep(0.15)  # old sites are looked after ten times a second
        link.sendall(b"hello %d" % i)
        assert link.recv(64) == b"hello %d" % i
    link.close()
    echo.socket.close()


def test_connections_to_an_origin_that_is_the_same_are_kept(serve, slow):
    text = f"""
origins: {{app: {{servers: ["{slow.address}"], timeout: {{total: 1m}}}}}}
routes: {{default: {{match: "/**"}}}}
"""
    it = Editable(serve, text)
    status, told = it.reload(text.replace("1m", "60s"))  # the same, said otherwise
    assert (status, told["changes"]) == (200, [])


def test_many_reloads_under_load_lose_nothing(serve, origin):
    it = Editable(serve, config(origin))
    stop = threading.Event()
    wrong = []
    asked = [0, 0, 0]

    def load(number):
        link = http.client.HTTPConnection("127.0.0.1", it.server.http_port, timeout=larder.PATIENCE_S)
        while not stop.is_set():
            try:
                link.request("GET", f"/tagged/{number}-{asked[number] % 7}")
                answer = link.getresponse()
                body = answer.read()
                if answer.status != 200 or not body.startswith(b"path /tagged/"):
                    wrong.append((answer.status, body))
                asked[number] += 1
            except (OSError, http.client.HTTPException) as error:
                wrong.append(error)
                return
        link.close()

    clients = [threading.Thread(target=load, args=(i,)) for i in range(len(asked))]
    for client in clients:
        client.start()
    for i in range(20):
        status, _ = it.reload(config(origin, f"  r: {{match: /r/**, ttl: {i + 1}s}}"))
        assert status == 200
    stop.set()
    for client in clients:
        client.join()
    assert wrong == [] and all(asked)


def test_the_command_tells_what_changed(serve, origin):
    it = Editable(serve, config(origin))
    it.write(config(origin, "  a: {match: /a, ttl: 5s}"))
    done = larder.run("reload", "--admin", f"127.0.0.1:{it.server.admin_port}")
    assert done.returncode == 0
    assert "routes.a is new" in done.stdout and "routes.a.ttl: 0s -> 5s" in done.stdout


def test_the_command_fails_with_every_mistake(serve, origin):
    it = Editable(serve, config(origin))
    it.write(config(origin, "  a: {match: /a, tll: 5s}\n  b: {motch: /b}"))
    done = larder.run("reload", "--admin", f"127.0.0.1:{it.server.admin_port}")
    assert done.returncode == 1
    assert re.search(r"larder.yaml:6:\d+: ", done.stderr)
    assert re.search(r"larder.yaml:7:\d+: ", done.stderr)
