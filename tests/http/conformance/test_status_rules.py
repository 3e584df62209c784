"""Cache-Status (RFC 9211), and CDN-Cache-Control (RFC 9213)."""
import pytest

from place import HOUR, date, parameters, reply_of
from rules import row

TAG = 'ETag: "1"'
OLD = ["Cache-Control: max-age=100", "Age: 150", TAG]


def hit(at):
    at.says(HOUR, TAG)
    at.get()
    return at.get()


def miss(at):
    return at.says(HOUR).get()


def other_variant(at):
    at.says(HOUR, "Vary: X-A")
    at.get("X-A: 1")
    return at.get("X-A: 2")


def stale(at):
    at.says_then(reply_of(*OLD), reply_of(HOUR, body=b"new"))
    at.get()
    return at.get()


def validated(at):
    at.says_then(reply_of(*OLD), reply_of(HOUR, TAG, status=304))
    at.get()
    return at.get()


def wanted_anew(at):
    hit(at)
    return at.get("Cache-Control: no-cache")


def stale_hit(at):
    at.says(*OLD)
    at.get()
    return at.get("Cache-Control: max-stale")


def stand_in(at):
    at.says_then(reply_of("Cache-Control: max-age=100, stale-if-error=100", "Age: 150"),
                 reply_of(status=503))
    at.get()
    return at.get()


def conditional_hit(at):
    hit(at)
    return at.get('If-None-Match: "1"')


def conditional_miss(at):
    return at.says(HOUR, TAG).get('If-None-Match: "1"')


def head_hit(at):
    hit(at)
    return at.get(method="HEAD")


def error(at):
    return at.says(status=503).get()


def broken(at):
    at.origin.reply(at.path, raw=b"no HTTP\r\n\r\n", cut=True)
    return at.get()


@pytest.mark.parametrize("make, wanted", [
    row("a hit", "", hit, {"hit": True}),
    row("a miss that is stored", "", miss, {"fwd": "uri-miss", "stored": True}),
    row("a miss that is not stored", "", lambda at: at.says().get(),
        {"fwd": "uri-miss", "detail": "no-freshness"}),
    row("another variant", "", other_variant, {"fwd": "vary-miss", "stored": True}),
    row("something stale that is replaced", "", stale, {"fwd": "stale", "stored": True}),
    row("something stale that was validated", "", validated,
        {"fwd": "stale", "fwd-status": "304", "stored": True}),
    row("something fresh that the request wants anew", "", wanted_anew,
        {"fwd": "request", "stored": True}),
    row("something stale that the request takes", "", stale_hit, {"hit": True}),
    row("something stale in place of an error", "", stand_in, {"hit": True, "detail": "origin-error"}),
    row("304 from the cache", "", conditional_hit, {"hit": True}),
    row("304 after a miss", "", conditional_miss,
        {"fwd": "uri-miss", "fwd-status": "200", "stored": True}),
    row("HEAD from the cache", "", head_hit, {"hit": True}),
    row("an error of the origin", "", error, {"fwd": "uri-miss", "detail": "status"}),
    row("an origin that speaks no HTTP", "", broken, {"fwd": "uri-miss", "detail": "origin-broken"}),
    row("a method that is not cached", "", lambda at: at.says().get(method="PUT", body=b"x"),
        {"fwd": "method", "detail": "method"}),
    row("a request with no-store", "", lambda at: at.says(HOUR).get("Cache-Control: no-store"),
        {"fwd": "request", "detail": "request-no-store"}),
    row("a condition for the origin", "", lambda at: at.says(HOUR).get('If-Match: "1"'),
        {"fwd": "bypass", "detail": "condition"}),
    row("only-if-cached in vain", "", lambda at: at.get("Cache-Control: only-if-cached"),
        {"detail": "only-if-cached"}),
    row("private", "", lambda at: at.says("Cache-Control: private").get(),
        {"fwd": "uri-miss", "detail": "private"}),
    row("no-store", "", lambda at: at.says("Cache-Control: no-store").get(),
        {"fwd": "uri-miss", "detail": "no-store"}),
    row("a cookie", "", lambda at: at.says(HOUR, "Set-Cookie: a").get(),
        {"fwd": "uri-miss", "detail": "set-cookie"}),
    row("credentials", "", lambda at: at.says(HOUR).get("Authorization: x"),
        {"fwd": "uri-miss", "detail": "authorization"}),
    row("Vary: *", "", lambda at: at.says(HOUR, "Vary: *").get(),
        {"fwd": "uri-miss", "detail": "vary-star"}),
])
def test_cache_status_of(at, make, wanted):
    answer = make(at)
    told = parameters(answer)
    told.pop("ttl", None)
    assert told == wanted and len(answer.all("Cache-Status")) == 1


def test_cache_status_of_a_route_that_is_off(under):
    assert parameters(under("/off").says(HOUR).get()) == {"fwd": "bypass", "detail": "route-off"}


def test_cache_status_of_an_origin_that_cannot_be_reached(under):
    assert parameters(under("/dead").get()) == {"fwd": "uri-miss", "detail": "origin-down"}


def test_cache_status_of_a_path_without_a_route(at):
    answer = at.get(path="/nowhere")
    assert answer.status == 404 and parameters(answer) == {"detail": "refused"}


def test_cache_status_of_a_request_that_breaks_http(at):
    answer = at.get("bad field: x")
    assert answer.status == 400 and parameters(answer) == {"detail": "malformed"}


def test_cache_status_of_requests_that_waited(at):
    from wire import Wire
    gate = at.origin.hold(at.path)
    at.says(HOUR)
    wires = [Wire(at.gateway.port).get(at.path) for _ in range(3)]
    at.origin.wait_for(at.path)
    gate.open()
    told = sorted(sorted(parameters(wire.answer())) for wire in wires)
    for wire in wires:
        wire.close()
    assert told == [["collapsed", "fwd"], ["collapsed", "fwd"], ["fwd", "stored"]]


@pytest.mark.parametrize("fields, low, high", [
    row("what is left of max-age", "", [HOUR, "Age: 600"], 2940, 3000),
    row("what is left of s-maxage", "", ["Cache-Control: s-maxage=100, max-age=5"], 40, 100),
    row("what is left of Expires", "", [f"Date: {date(0)}", f"Expires: {date(500)}"], 440, 500),
    row("what is left of a guess", "", [f"Last-Modified: {date(-10000)}"], 940, 1000),
])
def test_the_ttl_of_a_hit(at, fields, low, high):
    at.says(*fields)
    at.get()
    assert low <= int(parameters(at.get())["ttl"]) <= high


def test_the_ttl_of_something_stale_is_below_0(at):
    assert -110 <= int(parameters(stale_hit(at))["ttl"]) <= -50


@pytest.mark.parametrize("query, told", [("", ""), ("?b=2&a=1", "?a=1&b=2"), ("?a=%22", "?a=%22")])
def test_the_key_is_told_where_the_route_says_so(under, query, told):
    at = under("/told")
    at.origin.reply(at.path + told, **reply_of(HOUR))
    for _ in range(2):
        answer = at.get(path=at.path + query)
        assert parameters(answer)["key"] == f'"http://a.example{at.path}{told}"'
    assert answer.is_hit


def test_no_credential_is_told_as_a_key(under):
    at = under("/told").says("Cache-Control: public, max-age=60")
    at.get("Authorization: secret")
    assert "secret" not in at.get("Authorization: secret").cache


def test_cache_status_of_the_origin_stays_in_front(at):
    at.says(HOUR, "Cache-Status: inner; hit")
    at.get()
    assert at.get().all("Cache-Status")[0] == "inner; hit"


# ---- CDN-Cache-Control (RFC 9213) -----------------------------------------------------------

@pytest.mark.parametrize("fresh, cdn, fields", [
    row("it allows what Cache-Control forbids (§2.1)", "", True, "max-age=60",
        ["Cache-Control: no-store"]),
    row("it forbids what Cache-Control allows", "", False, "no-store", [HOUR]),
    row("its max-age over max-age of 0", "", True, "max-age=60", ["Cache-Control: max-age=0"]),
    row("its max-age of 0 over max-age", "", False, "max-age=0", [HOUR]),
    row("its max-age over s-maxage of 0", "", True, "max-age=60", ["Cache-Control: s-maxage=0"]),
    row("its max-age over Expires", "", True, "max-age=60", ["Expires: 0"]),
    row("its s-maxage over its max-age", "", True, "max-age=0, s-maxage=60", []),
    row("its private", "", False, "private, max-age=60", [HOUR]),
    row("its no-cache", "", False, "no-cache, max-age=60", [HOUR]),
    row("private of Cache-Control does not count beside it", "", True, "max-age=60",
        ["Cache-Control: private"]),
    row("Pragma does not count beside it", "", True, "max-age=60", ["Pragma: no-cache"]),
    row("without a lifetime there is none", "", False, "public", [HOUR]),
    row("Expires is no lifetime beside it", "", False, "public", [f"Expires: {date(60)}"]),
    row("an empty one is not there", "", True, "", [HOUR]),
    row("an empty one is not there, the other way", "", False, "", ["Cache-Control: no-store"]),
    row("a directive that nobody knows", "", True, "max-age=60, foo=bar", []),
    row("a parameter of a directive is ignored", "", True, "max-age=60;a=b", []),
    row("blanks around commas", "", True, "foo  ,\tmax-age=60", []),
    row("of two the last (structured fields)", "", True, "max-age=0, max-age=60", []),
    row("of two the last, the other way", "", False, "max-age=60, max-age=0", []),
    row("a lifetime that is a string is none", "", False, 'max-age="60"', [HOUR]),
    row("a lifetime that is a decimal is none", "", False, "max-age=60.0", [HOUR]),
    row("a lifetime below 0 is none", "", False, "max-age=-60", [HOUR]),
    row("a flag that is false is not set", "", True, "max-age=60, no-store=?0", []),
    row("a flag that is true is set", "", False, "max-age=60, no-store=?1", [HOUR]),
    row("names in capitals are no keys: all of it is ignored", "", True, "No-Store", [HOUR]),
    row("names in capitals, the other way", "", False, "Max-Age=60", ["Cache-Control: no-store"]),
    row("a comma at its end: ignored", "", True, "no-store,", [HOUR]),
    row("two commas: ignored", "", True, "no-store,, max-age=5", [HOUR]),
    row("a semicolon between directives is a parameter", "", False, "no-store; max-age=60", [HOUR]),
    row("a quote that nobody closes: ignored", "", True, 'no-store, a="x', [HOUR]),
    row("an empty argument: ignored", "", True, "no-store, max-age=", [HOUR]),
    row("an integer that is too long: ignored", "", True, "no-store, max-age=1234567890123456", [HOUR]),
    row("garbage: ignored", "", False, "&&&", ["Cache-Control: no-store"]),
    row("garbage behind what is right: all is ignored", "", False, "max-age=60, &&&",
        ["Cache-Control: no-store"]),
])
def test_cdn_cache_control(at, fresh, cdn, fields):
    assert at.is_given_again(f"CDN-Cache-Control: {cdn}", *fields) == fresh


def test_cdn_cache_control_on_two_lines_is_one(at):
    assert at.is_given_again("CDN-Cache-Control: public", "CDN-Cache-Control: max-age=60",
                             "Cache-Control: no-store")


def test_two_lines_of_which_one_is_broken_are_ignored(at):
    assert not at.is_given_again("CDN-Cache-Control: max-age=60", "CDN-Cache-Control: &&&",
                                 "Cache-Control: no-store")


def test_surrogate_control_and_the_like_do_not_count(at):
    assert not at.is_given_again("Surrogate-Control: max-age=60", "Cloudflare-CDN-Cache-Control: max-age=60")


def test_cdn_cache_control_passes_on(at):
    at.says("CDN-Cache-Control: max-age=60")
    at.get()
    assert at.get().get("CDN-Cache-Control") == "max-age=60"


@pytest.mark.parametrize("fields, used", [
    row("stale-while-revalidate of it counts", "",
        ["CDN-Cache-Control: max-age=100, stale-while-revalidate=60"], True),
    row("must-revalidate of Cache-Control does not count beside it", "",
        ["CDN-Cache-Control: max-age=100, stale-while-revalidate=60", "Cache-Control: must-revalidate"], True),
    row("must-revalidate of it counts", "",
        ["CDN-Cache-Control: max-age=100, stale-while-revalidate=60, must-revalidate"], False),
])
def test_stale_use_by_cdn_cache_control(at, fields, used):
    at.says_then(reply_of(*fields, "Age: 150", TAG, body=b"old"), reply_of(HOUR, body=b"new"))
    at.get()
    assert (at.get().body == b"old") == used


def test_age_counts_for_cdn_cache_control(at):
    assert not at.is_given_again("CDN-Cache-Control: max-age=60", "Age: 61")


# ---- immutable (RFC 8246) -------------------------------------------------------------------

def test_immutable_is_fresh_no_longer_than_it_says(at):
    assert not at.is_given_again("Cache-Control: max-age=60, immutable", "Age: 61")


def test_a_reload_asks_about_what_is_immutable(at):
    at.says("Cache-Control: max-age=3600, immutable", TAG)
    at.get()
    at.get("Cache-Control: no-cache")
    assert at.count == 2
