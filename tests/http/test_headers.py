"""Header fields that a route sets and removes, and CORS."""
import pytest

HOUR = {"Cache-Control": "max-age=3600"}
SHOP = "https://shop.example"
CORS = f"cors: {{origins: [\"{SHOP}\", \"https://*.shop.example\"], methods: [GET, PUT], " \
       "headers: [X-A, X-B], expose: [X-C], max_age: 5m}"


# ---- headers --------------------------------------------------------------------------------

def test_fields_of_answers_are_set_and_removed(start, origin):
    gateway = start(route="headers: {set: [\"X-Own: a: b\", \"Server: none\"], remove: [X-Inner]}")
    origin.reply("/a", body=b"x", headers={**HOUR, "Server": "theirs", "x-inner": "secret"})
    for _ in range(2):
        answer = gateway.ask("/a")
        assert answer.get("X-Own") == "a: b" and answer.get("Server") == "none"
        assert answer.get("X-Inner") is None
    assert answer.is_hit


def test_what_is_set_survives_a_304(start, origin):
    gateway = start(route="headers: {set: [\"Server: none\"], remove: [X-Inner]}")
    named = {**HOUR, "ETag": "\"1\"", "Server": "theirs", "X-Inner": "secret"}
    origin.replies("/a", {"body": b"x", "headers": named}, {"status": 304, "headers": named})
    gateway.ask("/a")
    for answer in (gateway.ask("/a", Cache_Control="no-cache"), gateway.ask("/a")):
        assert answer.body == b"x" and answer.get("Server") == "none"
        assert answer.get("X-Inner") is None


def test_answers_that_are_passed_on_are_edited_too(start, origin):
    gateway = start(route="headers: {set: [\"X-Own: 1\"]}")
    origin.reply("/a", body=b"x", headers={"X-Own": "2"})
    assert gateway.ask("/a", method="POST").get("X-Own") == "1"


def test_what_decides_is_what_the_origin_said(start, origin):
    gateway = start(route="headers: {set: [\"Cache-Control: no-store\"]}")
    origin.reply("/a", body=b"x", headers=HOUR)
    gateway.ask("/a")
    answer = gateway.ask("/a")
    assert answer.is_hit and answer.get("Cache-Control") == "no-store"


def test_fields_of_requests_are_set_and_removed(start, origin):
    gateway = start(route="request_headers: {set: [\"X-Key: secret\"], remove: [Cookie]}")
    origin.reply("/a", body=b"x")
    for method in ("GET", "POST"):
        gateway.ask("/a", method=method, X_Key="theirs", Cookie="a=b", X_Other="1")
        seen = origin.seen("/a")[-1]
        assert seen.get("X-Key") == "secret" and seen.get("Cookie") is None
        assert seen.get("X-Other") == "1"


def test_an_origin_with_many_fields_and_all_that_we_add(start, origin):
    sets = ", ".join(f"\"X-{n}: 1\"" for n in range(16))
    gateway = start(route=f"headers: {{set: [{sets}]}}\n{CORS}\ncompress: {{codings: [gzip]}}")
    named = {**HOUR, "Content-Type": "text/plain", **{f"Y-{n}": "1" for n in range(101)}}
    origin.reply("/a", body=b"x" * 5000, headers=named)
    for _ in range(3):
        answer = gateway.ask("/a", Origin=SHOP, Accept_Encoding="gzip, identity;q=0")
        assert answer.status == 200 and answer.get("Y-100") == "1" and answer.get("X-15") == "1"


# ---- CORS -----------------------------------------------------------------------------------

@pytest.fixture
def shop(start):
    return start(route=CORS)


@pytest.mark.parametrize("site", [SHOP, "https://a.shop.example"])
def test_a_preflight_is_answered_here(shop, origin, site):
    answer = shop.ask("/a", method="OPTIONS", Origin=site, Access_Control_Request_Method="PUT")
    assert answer.status == 204
    assert answer.get("Access-Control-Allow-Origin") == site
    assert answer.get("Access-Control-Allow-Methods") == "GET, PUT"
    assert answer.get("Access-Control-Allow-Headers") == "X-A, X-B"
    assert answer.get("Access-Control-Max-Age") == "300"
    assert "Origin" in answer.get("Vary")
    assert origin.seen() == [] and shop.count("preflights") == 1


@pytest.mark.parametrize("site", ["https://evil.example", "http://shop.example", "null",
                                  "https://shop.example.evil"])
def test_others_get_no_permission(shop, origin, site):
    answer = shop.ask("/a", method="OPTIONS", Origin=site, Access_Control_Request_Method="PUT")
    assert answer.status == 204 and answer.get("Access-Control-Allow-Origin") is None
    origin.reply("/a", body=b"x", headers={**HOUR, "Access-Control-Allow-Origin": "*"})
    for _ in range(2):
        answer = shop.ask("/a", Origin=site)
        assert answer.body == b"x" and answer.get("Access-Control-Allow-Origin") is None
        assert answer.get("Vary") == "Origin"


def test_one_stored_answer_names_each_who_asks(shop, origin):
    origin.reply("/a", body=b"x", headers={**HOUR, "ETag": "\"1\""})
    shop.ask("/a")
    for site in (SHOP, "https://a.shop.example"):
        for fields, status in (({}, 200), ({"If_None_Match": "\"1\""}, 304),
                               ({"Range": "bytes=0-0"}, 206)):
            answer = shop.ask("/a", Origin=site, **fields)
            assert (answer.status, answer.get("Access-Control-Allow-Origin")) == (status, site)
            assert answer.get("Access-Control-Expose-Headers") == "X-C"
            assert answer.get("Vary") == "Origin" and answer.is_hit
    assert shop.ask("/a").get("Access-Control-Allow-Origin") is None
    assert len(origin.seen("/a")) == 1


def test_every_site_may_read_with_one_head_for_all(start, origin):
    gateway = start(route="cors: {origins: [\"*\"]}")
    origin.reply("/a", body=b"x", headers={**HOUR, "ETag": "\"1\""})
    gateway.ask("/a")
    for fields in ({}, {"Origin": SHOP}, {"Origin": SHOP, "If_None_Match": "\"1\""}):
        answer = gateway.ask("/a", **fields)
        assert answer.get("Access-Control-Allow-Origin") == "*" and answer.is_hit
        assert answer.get("Vary") is None


def test_credentials_are_allowed_to_those_that_are_named(start, origin):
    gateway = start(route=f"cors: {{origins: [\"{SHOP}\"], credentials: on}}")
    origin.reply("/a", body=b"x", headers=HOUR)
    assert gateway.ask("/a", Origin=SHOP).get("Access-Control-Allow-Credentials") == "true"


def test_without_the_option_all_of_it_is_the_origins(gateway, origin):
    origin.reply("/a", status=200, body=b"x", headers={"Access-Control-Allow-Origin": "*"})
    answer = gateway.ask("/a", method="OPTIONS", Origin=SHOP, Access_Control_Request_Method="PUT")
    assert answer.get("Access-Control-Allow-Origin") == "*" and len(origin.seen()) == 1
