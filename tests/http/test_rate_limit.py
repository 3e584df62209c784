"""rate_limit of routes, and who a visitor is: by address, header or cookie, behind trusted proxies."""
import pytest

HOUR = {"Cache-Control": "max-age=3600"}
TWICE = "rate_limit: {rate: 1/h, burst: 2}"


def statuses(gateway, count, path="/a", **fields):
    return [gateway.ask(path, **fields).status for _ in range(count)]


def test_more_than_the_burst_is_429_with_what_a_client_needs(start, origin):
    gateway = start(route=TWICE)
    origin.reply("/a", body=b"x", headers=HOUR)
    assert statuses(gateway, 2) == [200, 200]  # a hit counts like all others
    answer = gateway.ask("/a")
    assert answer.status == 429 and answer.detail == "rate-limited"
    assert 0 < int(answer.get("Retry-After")) <= 3600
    assert answer.get("RateLimit-Policy") == "\"all\";q=2;w=7200"
    assert answer.get("RateLimit") == "\"all\";r=0;t=" + answer.get("Retry-After")
    assert b"too many requests" in answer.body
    assert gateway.count("rate_limited") == 1
    assert len(origin.seen("/a")) == 1


def test_a_connection_goes_on_after_429(start, origin):
    gateway = start(routes="few: {match: \"/few\", rate_limit: {rate: 1/h}}\nrest: {match: \"/**\"}")
    origin.reply("/few", body=b"x")
    origin.reply("/b", body=b"y")
    wire = gateway.wire()
    assert [wire.get(path).answer().status for path in ("/few", "/few", "/b")] == [200, 429, 200]
    assert wire.get("/few").answer().get("RateLimit-Policy") == "\"few\";q=1;w=3600"


def test_all_workers_count_together(start, origin):
    gateway = start("--workers", "4", route="rate_limit: {rate: 1/h, burst: 10}")
    origin.reply("/a", body=b"x", headers=HOUR)
    assert statuses(gateway, 40).count(200) == 10


def test_routes_count_apart(start, origin):
    gateway = start(routes="a: {match: \"/a\", rate_limit: {rate: 1/h}}\n"
                           "b: {match: \"/b\", rate_limit: {rate: 1/h}}\nrest: {match: \"/**\"}")
    origin.reply("/a", body=b"x")
    origin.reply("/b", body=b"x")
    for path in ("/a", "/b"):
        assert statuses(gateway, 2, path) == [200, 429]


@pytest.mark.parametrize("key, one, other", [
    ("header X-Api-Key", {"X_Api_Key": "ann"}, {"X_Api_Key": "bob"}),
    ("cookie session", {"Cookie": "a=1; session=ann"}, {"Cookie": "session=bob; a=1"}),
])
def test_visitors_are_told_apart_by_header_or_cookie(start, origin, key, one, other):
    gateway = start(route="rate_limit: {rate: 1/h, burst: 2, key: %s}" % key)
    origin.reply("/a", body=b"x", headers=HOUR)
    assert statuses(gateway, 3, **one) == [200, 200, 429]
    assert statuses(gateway, 3, **other) == [200, 200, 429]
    assert statuses(gateway, 3) == [200, 200, 429]  # without one: by address


def test_what_strangers_say_about_themselves_does_not_count(start, origin):
    gateway = start(route=TWICE)
    origin.reply("/a", body=b"x", headers=HOUR)
    assert [gateway.ask("/a", X_Forwarded_For=f"192.0.2.{i}").status for i in range(3)] == \
        [200, 200, 429]
    assert origin.seen("/a")[0].get("X-Forwarded-For") == "127.0.0.1"


def test_behind_trusted_proxies_the_right_most_untrusted_address_is_the_visitor(start, origin):
    gateway = start(route="cache: off\n" + TWICE,
                    http="trusted_proxies: [127.0.0.0/8, 10.0.0.0/8]")
    origin.reply("/a", body=b"x")
    for path in ("192.0.2.1", "192.0.2.2", "2001:db8::1"):
        assert statuses(gateway, 3, X_Forwarded_For=f"203.0.113.9, {path}, 10.1.1.1") == \
            [200, 200, 429]
    # what stands left of the visitor is his own invention
    assert gateway.ask("/a", X_Forwarded_For="198.51.100.1, 192.0.2.1").status == 429
    seen = [request.get("X-Forwarded-For") for request in origin.seen("/a")]
    assert seen == ["192.0.2.1"] * 2 + ["192.0.2.2"] * 2 + ["2001:db8::1"] * 2


@pytest.mark.parametrize("said, visitor", [
    ("unknown", "127.0.0.1"), ("", "127.0.0.1"), ("10.0.0.7", "10.0.0.7"),
    ("192.0.2.1:4711", "192.0.2.1"), ("[2001:db8::1]:80", "2001:db8::1"),
    ("192.0.2.1,,10.0.0.1", "192.0.2.1"), ("evil, 10.0.0.1", "10.0.0.1"),
])
def test_what_no_proxy_writes_ends_the_search(start, origin, said, visitor):
    gateway = start(http="trusted_proxies: [127.0.0.1, 10.0.0.0/8]")
    origin.reply("/a", body=b"x")
    gateway.ask("/a", X_Forwarded_For=said)
    assert origin.seen("/a")[0].get("X-Forwarded-For") == visitor


def test_a_trusted_proxy_says_whether_the_visitor_spoke_tls(start, origin):
    gateway = start(http="trusted_proxies: [127.0.0.1]")
    origin.reply("/a", body=b"x", headers=HOUR)
    gateway.ask("/a", X_Forwarded_Proto="https")
    assert origin.seen("/a")[0].get("X-Forwarded-Proto") == "https"
    gateway.wait_until("stored", 1)
    assert gateway.ask("/a", X_Forwarded_Proto="https").is_hit
    assert not gateway.ask("/a", X_Forwarded_Proto="http").is_hit  # another URL
    assert origin.seen("/a")[1].get("X-Forwarded-Proto") == "http"


def test_a_stranger_does_not_say_so(start, origin):
    gateway = start()
    origin.reply("/a", body=b"x", headers=HOUR)
    gateway.ask("/a", X_Forwarded_Proto="https")
    assert origin.seen("/a")[0].get("X-Forwarded-Proto") == "http"
    gateway.wait_until("stored", 1)
    assert gateway.ask("/a").is_hit


def test_visitors_beyond_the_table_are_counted(start, origin):
    gateway = start(route="rate_limit: {rate: 1/h, burst: 5, key: header X-Key}",
                    http="rate_limit: {max-visitors: 64}")
    origin.reply("/a", body=b"x", headers=HOUR)
    wire = gateway.wire()
    for i in range(400):
        assert wire.get("/a", X_Key=str(i)).answer().status == 200
    assert gateway.count("rate_limit_evictions") > 0
