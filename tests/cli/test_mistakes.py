"""Every mistake gets a sentence that says what, where, and what to do."""
import socket
import urllib.error
import urllib.request

import larder
import pytest

SHOP = 'origins: {shop: {servers: ["127.0.0.1:1"]}}\n'


@pytest.fixture
def check(tmp_path):
    """Runs `larder check` on a text: status, standard error without the path of the file."""
    def run(text):
        file = tmp_path / "larder.yaml"
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        done = larder.run("check", "-c", str(file))
        assert done.returncode == 0 or done.stdout == ""
        return done.returncode, done.stderr.replace(str(file), "larder.yaml")
    return run


@pytest.mark.parametrize("words,part", [
    ([], "usage: larder COMMAND"),
    (["sreve"], 'there is no command "sreve"; did you mean "serve"?'),
    (["serve", "--orgin", "x"], "there is no flag --orgin; did you mean --origin?"),
    (["serve", "--memory"], "--memory needs a value: --memory SIZE"),
    (["serve", "--origin", "http://127.0.0.1:1", "--memory", "lots"],
     '--memory: "lots" is no size: write a number and a unit, such as 64KiB'),
    (["serve", "--origin", "http://127.0.0.1:1", "--workers", "0x2"], "--workers:"),
    (["serve", "--origin", "http://127.0.0.1:1", "--log-level", "warn"],
     '"warn" is none of error, warning, info or debug'),
    (["serve", "--origin", "127.0.0.1:1"], "--origin: \"127.0.0.1:1\" is no URL: it must begin with"),
    (["serve", "--origin", "ftp://a"], "it must begin with http:// or https://"),
    (["serve", "--origin", "http://a/b"], "has a path"),
    (["serve", "--origin", "http://127.0.0.1:1", "--http", "8080"], "--http: \"8080\" is no address"),
    (["serve", "--http", "off", "--resp", "off"], "both doors are off"),
    (["serve", "now"], '"now" is one word too many'),
    (["check", "a", "b"], '"b" is one word too many'),
    (["purge"], "say what is to go"),
    (["purge", "--tag", "a", "--all"], "--tag and --all exclude each other"),
    (["purge", "--tag", "a", "--db", "1"], "--db belongs to --key only"),
    (["purge", "--key", "a", "--db", "16"], '"16" is no number from 0 to 15'),
    (["stats", "more"], '"more" is one word too many'),
    (["bench"], "say what to measure"),
    (["bench", "htpp"], 'did you mean "http"?'),
    (["help", "srve"], 'did you mean "serve"?'),
    (["--describe=metric"], 'there is no table "metric"; did you mean "metrics"?'),
    (["explain"], "say which request"),
    (["explain", "GET /", "-H", "nocolon"], "has no colon"),
])
def test_a_command_line_that_makes_no_sense_is_told_what_was_meant(words, part):
    done = larder.run(*words)
    assert done.returncode == 2
    assert part in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("text,told", [
    ("cahce: {}\n", 'larder.yaml:1:1: there is no setting "cahce" here; did you mean "cache"?'),
    (SHOP + "cache:\n  memory: 1TB2\n", 'larder.yaml:3:3: cache.memory: "1TB2" is no size'),
    (SHOP + "cache:\n  memory: 1MiB\n",
     "larder.yaml:3:3: cache.memory: 1MiB is too small: it may be from 8MiB to 128GiB"),
    (SHOP + "cache: {policy: s3fif}\n", 'larder.yaml:2:9: cache.policy: there is no policy "s3fif"; did '),
    (SHOP + "cache: {policy: magic}\n", 'there is no policy "magic": s3fifo is the default'),
    (SHOP + "routes:\n  a:\n    ttl: 30\n", 'larder.yaml:4:5: routes.a.ttl: "30" has no unit: write 30s'),
    (SHOP + "routes:\n  a:\n    tags: [x, product:{id}]\n", 'larder.yaml:4:15: a text with { } or :'),
    (SHOP + "routes:\n  a: {origin: shpo}\n",
     'larder.yaml:3:7: routes.a.origin: there is no origin "shpo"; did you mean "shop"?'),
    (SHOP + "routes:\n  a: {}\n  a: {}\n", 'larder.yaml:4:3: "a" stands here twice'),
    ("origins: {a: {}}\n", "larder.yaml:1: origins.a: servers is missing"),
    ('origins: {a: {servers: ["http://h:1"]}}\n', '"http://h:1" is a URL: write host:port, "h:1"'),
    ('origins: {a: {servers: ["h"]}}\n', '"h" is no address: write host:port'),
    ('origins: {a: {servers: ["h:1"]}, b: {servers: ["h:2"]}}\nroutes: {r: {}}\n',
     "larder.yaml:2: routes.r: there are 2 origins: say which with origin: a"),
    ("routes: {r: {}}\n", "larder.yaml names no origin"),
    ("cache: {memory: 64MiB}\n", "larder.yaml names no origin: add origins:"),
    (SHOP + "listen: {http: {address: '*:80'}}\n", "larder.yaml:2:17: listen.http.address: the name * cannot"),
    (SHOP + "listen: {resp: {address: '0.0.0.0:6379'}}\n",
     "larder.yaml:2:17: listen.resp.address: whoever reaches 0.0.0.0:6379 could read and purge"),
    ("a: &x 1\n", "larder.yaml:1:4: anchors (&x) are not supported"),
    ("workers: 1\n---\nworkers: 1\n", "larder.yaml:2:1: a second document begins here"),
    ("cache:\n\tmemory: 1GiB\n", "larder.yaml:2:1: this character cannot begin a text: indent with blanks"),
    (b"workers: \xff\n", "larder.yaml:1: this is no UTF-8 text"),
])
def test_a_wrong_file_is_told_line_column_and_what_to_write(check, text, told):
    status, stderr = check(text)
    assert status == 1
    assert told in stderr
    assert stderr.count("\n") == 1


def test_a_missing_file_is_told_with_what_else_can_be_done(tmp_path):
    done = larder.run("check", "-c", str(tmp_path / "none.yaml"))
    assert done.returncode == 1
    assert "No such file" in done.stderr and "--origin" in done.stderr


def test_two_routes_that_know_equally_well_are_an_error(check):
    status, stderr = check(SHOP + "routes:\n  a: {match: \"/x/{id}\"}\n  b: {match: \"/x/{name}\"}\n")
    assert status == 1
    assert 'larder.yaml:4: routes a ("/x/{id}") and b ("/x/{name}") fit the same paths' in stderr


def test_a_port_in_use_is_named_with_the_flag_that_helps():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for door in ("http", "resp", "admin"):
            others = [word for other in ("http", "resp", "admin") if other != door
                      for word in (f"--{other}", "127.0.0.1:0")]
            done = larder.run("serve", "--origin", "http://127.0.0.1:1", *others, f"--{door}",
                              f"127.0.0.1:{port}")
            assert done.returncode == 1
            assert f"127.0.0.1:{port}" in done.stderr
            assert "another program is listening there" in done.stderr
            assert f"--{door} ADDR:PORT" in done.stderr


def test_an_address_that_is_not_this_machines_is_told():
    done = larder.run("serve", "--origin", "http://127.0.0.1:1", "--resp", "127.0.0.1:0", "--admin",
                      "127.0.0.1:0", "--http", "192.0.2.1:8080")
    assert done.returncode == 1
    assert "this machine has no such address" in done.stderr


def test_purge_and_stats_say_when_nobody_is_there():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    for words in (["purge", "--tag", "a"], ["stats"]):
        done = larder.run(*words, "--admin", f"127.0.0.1:{free}")
        assert done.returncode == 1
        assert f"no Larder answers at 127.0.0.1:{free}" in done.stderr and "--admin" in done.stderr


def test_an_access_log_that_cannot_be_opened_is_told(tmp_path):
    done = larder.run("serve", "--origin", "http://127.0.0.1:1", "--http", "127.0.0.1:0", "--resp",
                      "127.0.0.1:0", "--admin", "127.0.0.1:0", "--access-log", str(tmp_path / "a/b"))
    assert done.returncode == 1
    assert "the access log" in done.stderr and "No such file" in done.stderr


@pytest.mark.parametrize("token,part", [("short\n", "must be a token of 8 to 1023 bytes"),
                                        (None, "No such file")])
def test_a_token_file_that_holds_no_token_is_told(tmp_path, token, part):
    file = tmp_path / "token"
    if token is not None:
        file.write_text(token)
    config = tmp_path / "larder.yaml"
    config.write_text(SHOP + f'listen: {{admin: {{address: "127.0.0.1:0", token_file: "{file}"}}}}\n')
    done = larder.run("serve", "-c", str(config), "--http", "127.0.0.1:0", "--resp", "127.0.0.1:0")
    assert done.returncode == 1
    assert part in done.stderr


def test_an_origin_that_cannot_be_reached_is_a_warning_only(check):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    status, stderr = check(f'origins:\n  shop: {{servers: ["127.0.0.1:{port}"]}}\n')
    assert status == 0
    assert stderr == f"larder.yaml:2: warning: the origin shop (127.0.0.1:{port}) cannot be reached now\n"


def test_an_origin_that_is_there_is_no_warning(check, origin):
    assert check(f'origins:\n  shop: {{servers: ["{origin.address}"]}}\n') == (0, "")


def test_without_an_origin_redis_clients_are_served_and_http_says_what_is_missing():
    with larder.serve() as server:
        with socket.create_connection(("127.0.0.1", server.resp_port)) as client:
            client.sendall(b"PING\r\n")
            assert client.recv(100) == b"+PONG\r\n"
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(server.http_url + "/x")
        assert refused.value.code == 404
    assert "no origin is named, so every HTTP request gets a 404: name one with --origin" in server.log()
