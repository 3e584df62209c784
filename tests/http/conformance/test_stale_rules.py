"""Serving what is stale (RFC 9111 §4.2.4, §5.2.2; RFC 5861), and origins that fail."""
import pytest

from place import HOUR, parameters, reply_of
from rules import row, shows

TAG = 'ETag: "1"'


def old(control, *more, age=150):
    return reply_of(f"Cache-Control: {control}", f"Age: {age}", TAG, *more, body=b"old")


CUT = {"raw": b"", "cut": True}
GARBAGE = {"raw": b"this is no HTTP\r\n\r\n", "cut": True}


def then(at, first, second):
    """Stores `first`, lets the origin answer `second`; the next answer."""
    at.says_then(first, second)
    at.get()
    return at.get()


# ---- stale-while-revalidate (RFC 5861 §3) ---------------------------------------------------

@pytest.mark.parametrize("stale, control", [
    row("within the window", "4.2.4-2", True, "max-age=100, stale-while-revalidate=60"),
    row("beyond the window", "4.2.4-2", False, "max-age=100, stale-while-revalidate=40"),
    row("at the end of the window", "4.2.4-2", False, "max-age=100, stale-while-revalidate=50"),
    row("a window of 0", "4.2.4-2", False, "max-age=100, stale-while-revalidate=0"),
    row("a window that makes no sense", "4.2.4-2", False, "max-age=100, stale-while-revalidate=x"),
    row("a window below 0", "4.2.4-2", False, "max-age=100, stale-while-revalidate=-60"),
    row("a window without a number", "4.2.4-2", False, "max-age=100, stale-while-revalidate"),
    row("a window in quotes", "5.2-2", True, 'max-age=100, stale-while-revalidate="60"'),
    row("a window in capitals", "5.2-1", True, "max-age=100, Stale-While-Revalidate=60"),
    row("of two windows the smaller", "4.2.1-4", False,
        "max-age=100, stale-while-revalidate=60, stale-while-revalidate=10"),
    row("a window beyond 64 bits", "4.2.4-2", True,
        "max-age=100, stale-while-revalidate=99999999999999999999999"),
    row("a window after max-age of 0", "4.2.4-2", True, "max-age=0, stale-while-revalidate=200"),
    row("must-revalidate closes the window", "4.2.4-1 5.2.2.2-1", False,
        "max-age=100, stale-while-revalidate=60, must-revalidate"),
    row("proxy-revalidate closes the window", "4.2.4-1 5.2.2.8-1", False,
        "max-age=100, stale-while-revalidate=60, proxy-revalidate"),
    row("s-maxage closes the window", "4.2.4-1 5.2.2.10-2", False,
        "s-maxage=100, stale-while-revalidate=60"),
    row("no-cache closes the window", "4.2.4-1 4-3", False,
        "max-age=100, stale-while-revalidate=60, no-cache"),
    row("without max-age there is no window", "4.2.4-2", False, "stale-while-revalidate=60"),
])
def test_stale_while_revalidate(at, stale, control):
    answer = then(at, old(control), reply_of(HOUR, body=b"new"))
    assert (answer.body == b"old") == stale


@pytest.mark.parametrize("stale, line", [
    row("max-age of 0 wants it anew", "5.2.1.1-1", False, "Cache-Control: max-age=0"),
    row("max-age below the age wants it anew", "5.2.1.1-1", False, "Cache-Control: max-age=120"),
    row("max-age above the age takes it", "5.2.1.1-1", True, "Cache-Control: max-age=1000"),
    row("no-cache wants it anew", "5.2.1.4-1", False, "Cache-Control: no-cache"),
    row("min-fresh wants it fresh", "5.2.1.3-1", False, "Cache-Control: min-fresh=1"),
    row("max-stale takes it", "5.2.1.2-1", True, "Cache-Control: max-stale=100"),
    row("only-if-cached takes it", "5.2.1.7-1", True, "Cache-Control: only-if-cached"),
])
def test_a_request_within_the_window(at, stale, line):
    at.says_then(old("max-age=100, stale-while-revalidate=60"), reply_of(HOUR, body=b"new"))
    at.get()
    assert (at.get(line).body == b"old") == stale


def test_the_window_lets_one_refresh_go(at):
    at.says_then(old("max-age=100, stale-while-revalidate=60"), reply_of(HOUR, body=b"new"))
    at.get()
    gate = at.origin.hold(at.path)
    assert [at.get().body for _ in range(5)] == [b"old"] * 5
    at.origin.wait_for(at.path, 2)
    gate.open()
    while at.get().body != b"new":
        pass
    assert at.count == 2


def test_a_refresh_validates_and_has_no_condition_of_the_client(at):
    at.says_then(old("max-age=100, stale-while-revalidate=60"), reply_of(HOUR, TAG, status=304))
    at.get()
    at.get('If-None-Match: "mine"', "Range: bytes=0-0", "Cache-Control: max-stale")
    at.origin.wait_for(at.path, 2)
    asked = at.asked[1]
    assert asked.get("If-None-Match") == '"1"'
    assert asked.get("Range") is None and asked.get("Cache-Control") is None


def test_a_stale_answer_tells_its_age_and_that_it_is_stale(at):
    answer = then(at, old("max-age=100, stale-while-revalidate=60"), reply_of(HOUR, body=b"new"))
    told = parameters(answer)
    assert told["hit"] and -60 <= int(told["ttl"]) <= -50
    assert int(answer.get("Age")) >= 150


# ---- stale-if-error (RFC 5861 §4) -----------------------------------------------------------

@pytest.mark.parametrize("status", [500, 502, 503, 504])
@shows("4.3.3-3")
def test_stale_if_error_holds_for(at, status):
    answer = then(at, old("max-age=100, stale-if-error=60"), reply_of(body=b"down", status=status))
    assert (answer.status, answer.body, answer.detail) == (200, b"old", "origin-error")


@pytest.mark.parametrize("status", [400, 403, 404, 410, 429, 501, 505])
@shows("4.3.3-2")
def test_stale_if_error_does_not_hold_for(at, status):
    answer = then(at, old("max-age=100, stale-if-error=60"), reply_of(body=b"no", status=status))
    assert (answer.status, answer.body) == (status, b"no")


@pytest.mark.parametrize("stale, control", [
    row("beyond its window", "4.2.4-2", False, "max-age=100, stale-if-error=40"),
    row("a window of 0", "4.2.4-2", False, "max-age=100, stale-if-error=0"),
    row("a window that makes no sense", "4.2.4-2", False, "max-age=100, stale-if-error=x"),
    row("a window in quotes", "5.2-2", True, 'max-age=100, stale-if-error="60"'),
    row("a window in capitals", "5.2-1", True, "max-age=100, STALE-IF-ERROR=60"),
    row("the window of stale-while-revalidate is over, this one is not", "", True,
        "max-age=100, stale-while-revalidate=10, stale-if-error=60"),
    row("must-revalidate closes it", "5.2.2.2-1 4.2.4-1", False,
        "max-age=100, stale-if-error=60, must-revalidate"),
    row("proxy-revalidate closes it", "5.2.2.8-1 4.2.4-1", False,
        "max-age=100, stale-if-error=60, proxy-revalidate"),
    row("s-maxage closes it", "5.2.2.10-2 4.2.4-1", False, "s-maxage=100, stale-if-error=60"),
    row("no-cache closes it", "4-3 4.2.4-1", False, "max-age=100, stale-if-error=60, no-cache"),
])
def test_stale_if_error(at, stale, control):
    answer = then(at, old(control), reply_of(body=b"down", status=503))
    assert answer.body == (b"old" if stale else b"down")


@pytest.mark.parametrize("stale, more, line", [
    row("a request can ask for it", "4.2.4-2", True, "", "Cache-Control: stale-if-error=100"),
    row("with a window that is too small", "4.2.4-2", False, "", "Cache-Control: stale-if-error=10"),
    row("in vain after must-revalidate", "5.2.2.2-1", False, ", must-revalidate",
        "Cache-Control: stale-if-error=100"),
    row("in vain with no-cache", "5.2.1.4-1", False, "", "Cache-Control: no-cache, stale-if-error=100"),
    row("max-stale is no stale-if-error", "5.2.1.2-1", False, "", "Cache-Control: max-stale=10"),
])
def test_stale_if_error_of_a_request(at, stale, more, line):
    at.says_then(old("max-age=100" + more), reply_of(body=b"down", status=503))
    at.get()
    assert at.get(line).body == (b"old" if stale else b"down")


@pytest.mark.parametrize("second", [CUT, GARBAGE], ids=["it is cut", "it is garbage"])
@pytest.mark.parametrize("stale, control", [
    row("without a directive, for as long as the route says", "4.2.4-2", True, "max-age=100"),
    row("with stale-if-error", "4.2.4-2", True, "max-age=100, stale-if-error=60"),
    row("not after must-revalidate", "5.2.2.2-1 5.2.2.2-2", False, "max-age=100, must-revalidate"),
    row("not after proxy-revalidate", "5.2.2.8-1", False, "max-age=100, proxy-revalidate"),
    row("not after s-maxage", "5.2.2.10-2", False, "s-maxage=100"),
    row("not after no-cache", "4-3", False, "no-cache, max-age=100"),
])
def test_when_the_origin_does_not_answer(at, second, stale, control):
    answer = then(at, old(control), second)
    if stale:
        assert (answer.status, answer.body) == (200, b"old")
    else:
        assert answer.status == 504 and b"old" not in answer.body


@pytest.mark.parametrize("stale, control", [
    row("not without a directive", "4.2.4-2", False, "max-age=100"),
    row("with stale-if-error", "4.2.4-2", True, "max-age=100, stale-if-error=60"),
])
def test_when_the_origin_does_not_answer_on_a_route_without_grace(under, stale, control):
    answer = then(under("/strict"), old(control), CUT)
    assert (answer.body == b"old") == stale and (stale or answer.status in (502, 504))


@shows("4.2.4-2")
def test_grace_ends(at):
    answer = then(at, old("max-age=100", age=100 + 3600), CUT)
    assert answer.status == 502


def test_a_request_with_no_cache_gets_the_error(at):
    at.says_then(old("max-age=100, stale-if-error=60"), CUT)
    at.get()
    assert at.get("Cache-Control: no-cache").status == 502


def test_what_is_fresh_stands_in_for_a_failed_reload(at):
    at.says_then(reply_of(HOUR, TAG, body=b"old"), CUT)
    at.get()
    assert at.get("Cache-Control: max-age=0").body == b"old"


def test_an_error_is_not_stored_in_the_place_of_what_is_stale(at):
    at.says_then(old("max-age=100, stale-if-error=1000"), reply_of(HOUR, body=b"down", status=503),
                 reply_of(HOUR, body=b"new"))
    at.get()
    assert at.get().body == b"old"


def test_an_origin_that_cannot_be_reached_is_502(under):
    answer = under("/dead").get()
    told = parameters(answer)
    assert answer.status == 502 and told["fwd"] == "uri-miss" and answer.detail == "origin-down"


@shows("5.5-1")
def test_a_stale_answer_has_no_warning(at):
    answer = then(at, old("max-age=100, stale-if-error=60"), CUT)
    assert answer.get("Warning") is None


# ---- refreshed before it is stale (beta) ----------------------------------------------------

def slow(*lines):
    import time
    return lambda request: time.sleep(0.1) or reply_of(*lines)


def test_what_is_asked_for_often_is_refreshed_before_it_is_stale(under):
    at = under("/early").says_by(slow("Cache-Control: max-age=1000", "Age: 990", TAG))
    at.get()
    for _ in range(1000):
        assert at.get().is_hit
        if at.count > 1:
            return
    raise AssertionError("it was never refreshed")


def test_nothing_is_refreshed_early_in_the_first_three_quarters_of_its_time(under):
    at = under("/early").says_by(slow("Cache-Control: max-age=1000", "Age: 700", TAG))
    for _ in range(100):
        at.get()
    assert at.count == 1


def test_nothing_is_refreshed_early_where_no_beta_is_set(at):
    at.says_by(slow("Cache-Control: max-age=1000", "Age: 950", TAG))
    for _ in range(100):
        at.get()
    assert at.count == 1
