"""`larder explain`: what would be done with a request, and which line of the file says so."""
import re

import larder
import pytest

SHOP = """\
origins:
  shop: {servers: ["127.0.0.1:1"]}
routes:
  products:
    match: "/api/products/{id?}"
    ttl: 60s
    key: {query: {ignore: ["utm_*"], sort: on}}
    tags: ["products", "product:{id}"]
  default: {match: "/**", cache: off}
"""


@pytest.fixture
def explain(tmp_path):
    """Runs `larder explain` on the shop: a dictionary of what it says, and the exit status."""
    file = tmp_path / "larder.yaml"
    file.write_text(SHOP)

    def run(*words):
        done = larder.run("explain", "-c", str(file), *words)
        assert done.stderr == ""
        lines = done.stdout.replace(str(file), "larder.yaml").splitlines()
        return {line[:15].strip(): line[15:] for line in lines}, done.returncode
    return run


def test_key_route_and_each_decision_have_their_line(explain):
    told, status = explain("GET /api/products/7?utm_source=x&b=1&a=2", "-H", "Host: shop.example")
    assert status == 0
    assert told["route"] == "products  (larder.yaml:4)"
    assert told["match"] == "/api/products/{id?}  (larder.yaml:5)"
    assert told["key"] == "http://shop.example/api/products/7?a=2&b=1"
    assert told["ttl"] == "1m  (larder.yaml:6)"
    assert told["tags"] == "products, product:7  (larder.yaml:8)"
    assert told["cache"] == "origin  (default)"


def test_what_is_not_for_the_cache_has_its_reason_and_line(explain):
    told, status = explain("GET /checkout")
    assert status == 0
    assert told["route"] == "default  (larder.yaml:9)"
    assert told["decision"] == "passed to the origin: route-off  (larder.yaml:9)"


@pytest.mark.parametrize("address, host", [
    ("127.0.0.1:8080", "127.0.0.1:8080"), ("0.0.0.0:8080", "localhost:8080"),
    ("[::]:8080", "localhost:8080"), (":8080", "localhost:8080"), ("unix:/run/larder.sock", "localhost"),
])
def test_a_request_without_a_host_gets_one_that_a_client_would_name(tmp_path, address, host):
    file = tmp_path / "larder.yaml"
    file.write_text(f'listen: {{http: {{address: "{address}"}}}}\n{SHOP}')
    done = larder.run("explain", "-c", str(file), "GET /checkout")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"host           {host}  (assumed: " in done.stdout
    assert f"key            http://{host}/checkout\n" in done.stdout


def test_the_host_of_the_request_is_not_assumed(explain):
    for words in (["GET HTTP://shop.example/a"], ["GET /a", "-H", "Host: shop.example"]):
        told, status = explain(*words)
        assert status == 0
        assert told["key"] == "http://shop.example/a"
        assert "host" not in told


def test_what_would_be_refused_is_refused(explain):
    told, status = explain("GET /a b")
    assert status == 1
    assert told["refused"].startswith("400: ")


def test_the_key_is_the_one_that_the_server_uses(serve, origin):
    server = serve("--origin", origin.url)
    told = larder.run("explain", "--origin", origin.url, "GET /tagged/../tagged/a", "-H",
                      f"Host: 127.0.0.1:{server.http_port}")
    assert told.returncode == 0
    assert f"http://127.0.0.1:{server.http_port}/tagged/a\n" in told.stdout


def test_a_route_that_no_request_comes_to_is_an_error(tmp_path):
    file = tmp_path / "larder.yaml"
    file.write_text('origins: {shop: {servers: ["127.0.0.1:1"]}}\nroutes:\n'
                    '  some: {match: "/x/{id?}"}\n  none: {match: /x}\n  one: {match: "/x/{id}"}\n')
    done = larder.run("check", str(file))
    assert done.returncode == 1
    assert f"{file}:3: routes.some: no request ever comes to /x/{{id?}}" in done.stderr


def test_how_the_origin_is_asked_is_told_with_its_lines(tmp_path):
    file = tmp_path / "larder.yaml"
    file.write_text("origins:\n  shop:\n    servers: [\"127.0.0.1:9 weight=2\"]\n"
                    "    balance: least-connections\n    health: {get: /healthz}\n")
    told = larder.run("explain", "-c", str(file), "GET /a").stdout
    lines = {line[:14].strip(): line[15:] for line in told.splitlines()}
    assert lines["origin"] == f"shop  ({file}:2)"
    assert lines["servers"] == f"[\"127.0.0.1:9 weight=2\"]  ({file}:3)"
    assert lines["balance"] == f"least-connections  ({file}:4)"
    assert lines["health check"] == f"/healthz  ({file}:5)"
    assert lines["breaker after"] == "5  (default)"


def test_whatever_the_file_says_about_the_route_is_told_with_its_line(tmp_path):
    """Settings that have no line of their own above come behind the decisions."""
    file = tmp_path / "larder.yaml"
    lines = ["origins: {shop: {servers: [\"127.0.0.1:1\"]}}", "routes:", "  all:", "    match: \"/**\"",
             "    ttl: 60s", "    jitter: 10%", "    vary: {max: 3}", "    etag: off", "    methods: [GET, HEAD]",
             "    max-body: 1MiB", "    timeout: {wait: 5s}", "    rate_limit: {rate: 10/s}", "    trace: on"]
    file.write_text("\n".join(lines) + "\n")
    done = larder.run("explain", "-c", str(file), "GET /x", "-H", "Host: a")
    assert done.returncode == 0, done.stderr
    told = done.stdout.replace(str(file), "larder.yaml")
    for name, value, line in (("ttl", "1m", 5), ("jitter", "10%", 6), ("vary.max", "3", 7), ("etag", "off", 8),
                              ("methods", "GET, HEAD", 9), ("max-body", "1MiB", 10), ("timeout.wait", "5s", 11),
                              ("rate_limit.rate", "10/s", 12), ("trace", "on", 13)):
        assert re.search(rf"^{re.escape(name)} +{re.escape(value)}  \(larder\.yaml:{line}\)$", told, re.M), (name, told)
    assert told.count("(larder.yaml:5)") == 1
    refused = larder.run("explain", "-c", str(file), "DELETE /x", "-H", "Host: a").stdout
    assert "refused with 405" in refused
