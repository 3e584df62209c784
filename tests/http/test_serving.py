"""Stored answers as clients ask for them: conditions, ranges, HEAD, directives, stale ones."""
import email.utils
import time

import pytest

HOUR = {"Cache-Control": "max-age=3600"}
ETAG = {**HOUR, "ETag": "\"v1\""}


def stored(gateway, origin, path="/a", body=b"0123456789", headers=None, **fields):
    """Something fresh lies under the path."""
    origin.reply(path, body=body, headers=headers or HOUR)
    gateway.ask(path, **fields)


# ---- conditions -----------------------------------------------------------------------------

@pytest.mark.parametrize("condition, status", [
    ("\"v1\"", 304), ("W/\"v1\"", 304), ("\"x\", \"v1\"", 304), ("*", 304),
    ("\"v2\"", 200), ("v1", 200), ("\"x\", W/\"y\"", 200),
])
def test_if_none_match(gateway, origin, condition, status):
    stored(gateway, origin, headers=ETAG)
    answer = gateway.ask("/a", If_None_Match=condition)
    assert answer.status == status
    assert answer.is_hit
    assert answer.get("ETag") == "\"v1\""
    assert answer.body == (b"" if status == 304 else b"0123456789")


def test_304_repeats_what_it_has_to_and_no_more(gateway, origin):
    stored(gateway, origin, headers={**ETAG, "Content-Type": "text/plain", "Vary": "Accept",
                                     "Content-Location": "/b", "Expires": "0"})
    answer = gateway.ask("/a", If_None_Match="\"v1\"")
    for name in ("Cache-Control", "Content-Location", "Date", "ETag", "Expires", "Vary"):
        assert answer.get(name) is not None, name
    assert answer.get("Content-Type") is None and answer.get("Content-Length") is None


def test_if_modified_since(gateway, origin):
    stored(gateway, origin, headers={**HOUR, "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"})
    for date, status in (("Thu, 01 Jan 2026 00:00:00 GMT", 304),
                         ("Thu, 01 Jan 2026 00:00:01 GMT", 304),
                         ("Wed, 31 Dec 2025 23:59:59 GMT", 200), ("nonsense", 200)):
        assert gateway.ask("/a", If_Modified_Since=date).status == status, date


def test_if_none_match_counts_before_if_modified_since(gateway, origin):
    stored(gateway, origin, headers={**ETAG, "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"})
    answer = gateway.ask("/a", If_None_Match="\"v2\"",
                         If_Modified_Since="Thu, 01 Jan 2026 00:00:00 GMT")
    assert answer.status == 200


@pytest.mark.parametrize("field", ["If_Match", "If_Unmodified_Since"])
def test_conditions_that_only_the_origin_can_judge_reach_it(gateway, origin, field):
    stored(gateway, origin, headers=ETAG)
    answer = gateway.ask("/a", **{field: "\"v2\""})
    assert answer.detail == "condition" and "fwd=bypass" in answer.cache
    assert origin.seen("/a")[1].get(field.replace("_", "-")) == "\"v2\""


def test_a_condition_in_the_lead_is_not_sent_on_and_still_answered(gateway, origin):
    origin.reply("/a", body=b"x", headers=ETAG)
    answer = gateway.ask("/a", If_None_Match="\"v1\"")
    assert answer.status == 304
    assert origin.seen("/a")[0].get("If-None-Match") is None
    gateway.wait_until("stored", 1)
    assert gateway.ask("/a").is_hit


def test_an_answer_without_validator_gets_an_etag_of_its_bytes(gateway, origin):
    stored(gateway, origin)
    etag = gateway.ask("/a").get("ETag")
    assert etag.startswith("\"") and len(etag) == 34
    assert gateway.ask("/a", If_None_Match=etag).status == 304
    stored(gateway, origin, path="/b")
    assert gateway.ask("/b").get("ETag") == etag
    stored(gateway, origin, path="/c", body=b"other")
    assert gateway.ask("/c").get("ETag") != etag


def test_the_etag_of_the_bytes_can_be_switched_off(start, origin):
    gateway = start(route="etag: off")
    stored(gateway, origin)
    assert gateway.ask("/a").get("ETag") is None


# ---- ranges ---------------------------------------------------------------------------------

@pytest.mark.parametrize("wanted, body, said", [
    ("bytes=0-3", b"0123", "bytes 0-3/10"), ("bytes=5-", b"56789", "bytes 5-9/10"),
    ("bytes=-2", b"89", "bytes 8-9/10"), ("bytes=8-100", b"89", "bytes 8-9/10"),
])
def test_a_range_is_cut_from_the_whole(gateway, origin, wanted, body, said):
    stored(gateway, origin)
    answer = gateway.ask("/a", Range=wanted)
    assert (answer.status, answer.body, answer.get("Content-Range")) == (206, body, said)
    assert answer.is_hit


@pytest.mark.parametrize("wanted", ["lines=0-3", "bytes=3-1", "nonsense", "bytes=4-5,0-1",
                                    "bytes=0-5,3-7", "bytes=0-,0-,0-", "bytes=" + "0-0," * 17])
def test_a_range_that_is_not_served_gets_the_whole(gateway, origin, wanted):
    stored(gateway, origin)
    answer = gateway.ask("/a", Range=wanted)
    assert (answer.status, answer.body) == (200, b"0123456789")


def test_a_range_beyond_the_end_is_416(gateway, origin):
    stored(gateway, origin)
    answer = gateway.ask("/a", Range="bytes=10-")
    assert (answer.status, answer.get("Content-Range")) == (416, "bytes */10")


def test_if_range(gateway, origin):
    stored(gateway, origin, headers=ETAG)
    assert gateway.ask("/a", Range="bytes=0-1", If_Range="\"v1\"").status == 206
    assert gateway.ask("/a", Range="bytes=0-1", If_Range="\"v2\"").status == 200
    assert gateway.ask("/a", Range="bytes=0-1", If_Range="W/\"v1\"").status == 200


# ---- HEAD -----------------------------------------------------------------------------------

def test_head_is_answered_from_get(gateway, origin):
    stored(gateway, origin)
    wire = gateway.wire()
    answer = wire.get("/a", "HEAD").answer(to_head=True)
    assert (answer.status, answer.get("Content-Length")) == (200, "10")
    assert answer.is_hit
    # No byte of a body follows: the next answer is read rightly.
    assert wire.get("/a").answer().body == b"0123456789"
    wire.close()


# ---- what requests may say ------------------------------------------------------------------

@pytest.mark.parametrize("fields", [
    {"Cache_Control": "no-cache"}, {"Pragma": "no-cache"}, {"Cache_Control": "max-age=0"},
    {"Cache_Control": "min-fresh=9999"},
])
def test_a_request_can_want_it_anew(gateway, origin, fields):
    stored(gateway, origin, body=b"old")
    origin.reply("/a", body=b"new", headers=HOUR)
    answer = gateway.ask("/a", **fields)
    assert answer.body == b"new" and "fwd=request" in answer.cache
    assert gateway.ask("/a").body == b"new"


def test_a_route_can_keep_requests_from_forcing_fetches(start, origin):
    gateway = start(route="client_cache_control: off")
    stored(gateway, origin)
    assert gateway.ask("/a", Cache_Control="no-cache").is_hit


def test_no_store_of_a_request_stores_nothing(gateway, origin):
    origin.reply("/a", body=b"x", headers=HOUR)
    assert gateway.ask("/a", Cache_Control="no-store").detail == "request-no-store"
    assert not gateway.ask("/a").is_hit


def test_only_if_cached(gateway, origin):
    missing = gateway.ask("/a", Cache_Control="only-if-cached")
    assert (missing.status, missing.detail) == (504, "only-if-cached")
    assert origin.seen() == []
    stored(gateway, origin)
    assert gateway.ask("/a", Cache_Control="only-if-cached").is_hit


# ---- validation -----------------------------------------------------------------------------

def test_what_was_stale_is_validated_with_both_validators(start, origin):
    gateway = start()
    modified = "Thu, 01 Jan 2026 00:00:00 GMT"
    origin.replies(
        "/a",
        {"body": b"x", "headers": {"Cache-Control": "max-age=100", "Age": "99", "ETag": "\"v1\"",
                                   "Last-Modified": modified, "X-Old": "1"}},
        {"status": 304, "headers": {**HOUR, "ETag": "\"v1\"", "X-New": "2"}})
    gateway.ask("/a")
    time.sleep(1.1)
    answer = gateway.ask("/a")
    asked = origin.seen("/a")[1]
    assert (asked.get("If-None-Match"), asked.get("If-Modified-Since")) == ("\"v1\"", modified)
    assert (answer.status, answer.body) == (200, b"x")
    assert "fwd=stale; fwd-status=304" in answer.cache
    after = gateway.ask("/a")
    assert after.is_hit and after.body == b"x"
    assert (after.get("X-Old"), after.get("X-New")) == ("1", "2")
    assert after.get("Content-Length") == "1"
    assert len(origin.seen("/a")) == 2
    assert gateway.count("revalidated") == 1


def test_a_304_with_more_fields_than_fit_leaves_the_next_request_well(gateway, origin):
    many = {f"X-{number}": "x" for number in range(90)}
    more = {f"Y-{number}": "y" for number in range(90)}
    origin.replies("/a", {"body": b"old", "headers": {"Cache-Control": "max-age=100", "Age": "99",
                                                      "ETag": "\"v1\"", **many}},
                   {"status": 304, "headers": {"ETag": "\"v1\"", **more}},
                   {"body": b"new", "headers": HOUR})
    assert gateway.ask("/a").body == b"old"
    time.sleep(1.1)
    assert gateway.ask("/a").status == 502
    assert gateway.ask("/a").body == b"new"


@pytest.mark.parametrize("said", ["first", "then"])
def test_a_304_brings_no_private_field_into_the_cache(gateway, origin, said):
    private = {"Cache-Control": "max-age=100, private=\"x-secret\""}
    plain = {"Cache-Control": "max-age=100"}
    origin.replies("/a", {"body": b"x", "headers": {**(private if said == "first" else plain),
                                                    "Age": "99", "ETag": "\"v1\""}},
                   {"status": 304, "headers": {**(private if said == "then" else {}),
                                               "ETag": "\"v1\"", "X-Secret": "1"}})
    gateway.ask("/a")
    time.sleep(1.1)
    for _ in range(2):
        answer = gateway.ask("/a")
        assert answer.body == b"x" and answer.get("X-Secret") is None


def test_a_304_brings_no_cookie_into_the_cache_of_a_route_that_strips_them(start, origin):
    gateway = start(route="set_cookie: strip")
    origin.replies("/a", {"body": b"x", "headers": {"Cache-Control": "max-age=100", "Age": "99",
                                                    "ETag": "\"v1\""}},
                   {"status": 304, "headers": {"ETag": "\"v1\"", "Set-Cookie": "id=1"}})
    gateway.ask("/a")
    time.sleep(1.1)
    for _ in range(2):
        answer = gateway.ask("/a")
        assert answer.body == b"x" and answer.get("Set-Cookie") is None


def test_as_many_fields_as_an_origin_may_send_can_be_looked_at_again(gateway, origin):
    many = {f"X-{number}": "x" for number in range(102)}
    origin.reply("/a", raw=b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n"
                 b"Transfer-Encoding: chunked\r\n"
                 + b"".join(b"%s: x\r\n" % name.encode() for name in many)
                 + b"\r\n1\r\nx\r\n0\r\n\r\n")
    assert gateway.ask("/a").body == b"x"
    answer = gateway.ask("/a", If_None_Match="\"other\"")
    assert answer.is_hit and answer.body == b"x"


def test_what_changed_is_stored_anew(gateway, origin):
    origin.replies("/a", {"body": b"old", "headers": {**HOUR, "ETag": "\"v1\""}},
                   {"body": b"new", "headers": {**HOUR, "ETag": "\"v2\""}})
    gateway.ask("/a")
    assert gateway.ask("/a", Cache_Control="no-cache").body == b"new"
    assert gateway.ask("/a").get("ETag") == "\"v2\""


# ---- stale ----------------------------------------------------------------------------------

SHORT = "max-age=100, stale-while-revalidate=60"


def soon_stale(control, **more):
    """Fresh for less than a second."""
    return {"Cache-Control": control, "Age": "99", **more}


def test_stale_while_revalidate_answers_at_once_and_refreshes_once(start, origin):
    gateway = start("--workers", "2")
    origin.reply("/a", body=b"old", headers=soon_stale(SHORT))
    gateway.ask("/a")
    time.sleep(1.1)
    gate = origin.hold("/a")
    origin.reply("/a", body=b"new", headers=HOUR)
    for _ in range(10):
        answer = gateway.ask("/a", If_None_Match="\"client\"")
        assert answer.body == b"old" and answer.is_hit
    origin.wait_for("/a", 2)
    assert origin.seen("/a")[1].get("If-None-Match") != "\"client\""
    gate.open()
    gateway.wait_until("stored", 2)
    assert gateway.ask("/a").body == b"new"
    assert len(origin.seen("/a")) == 2
    assert gateway.count("refreshes") == 1


def test_a_refresh_that_fails_leaves_the_stale_answer(start, origin):
    gateway = start(route="timeout: {retry: 1h}")
    origin.replies("/a", {"body": b"old", "headers": soon_stale(SHORT)}, {"status": 500})
    gateway.ask("/a")
    time.sleep(1.1)
    assert gateway.ask("/a").body == b"old"
    origin.wait_for("/a", 2)
    gateway.wait_until_gone("fills")
    for _ in range(5):
        assert gateway.ask("/a").body == b"old"
    assert len(origin.seen("/a")) == 2


def test_stale_if_error_beats_an_error(gateway, origin):
    origin.replies("/a", {"body": b"old", "headers": soon_stale("max-age=100, stale-if-error=60")},
                   {"status": 503, "body": b"down"})
    gateway.ask("/a")
    time.sleep(1.1)
    answer = gateway.ask("/a")
    assert (answer.status, answer.body, answer.detail) == (200, b"old", "origin-error")


def test_an_unreachable_origin_lets_stale_be_served(start, origin):
    gateway = start(route="stale: {grace: 1m}")
    origin.reply("/a", body=b"old", headers=soon_stale("max-age=100"))
    gateway.ask("/a")
    time.sleep(1.1)
    origin.stop()
    answer = gateway.ask("/a")
    assert (answer.status, answer.body) == (200, b"old")
    assert answer.is_hit and int(answer.get("Age")) >= 100
    assert gateway.ask("/never-seen").status == 502


def test_an_error_does_not_fall_under_the_grace_for_unreachable_origins(gateway, origin):
    origin.replies("/a", {"body": b"old", "headers": soon_stale("max-age=100")},
                   {"status": 500, "body": b"down"})
    gateway.ask("/a")
    time.sleep(1.1)
    assert gateway.ask("/a").status == 500


@pytest.mark.parametrize("control", ["must-revalidate", "proxy-revalidate"])
def test_must_revalidate_forbids_stale(gateway, origin, control):
    origin.reply("/a", body=b"old", headers=soon_stale(f"max-age=100, {control}, {SHORT[13:]}"))
    gateway.ask("/a")
    time.sleep(1.1)
    origin.stop()
    assert gateway.ask("/a").status == 504


def test_max_stale_of_a_request_takes_what_is_stale(gateway, origin):
    origin.reply("/a", body=b"old", headers=soon_stale("max-age=100"))
    gateway.ask("/a")
    time.sleep(1.1)
    assert gateway.ask("/a", Cache_Control="max-stale=60").is_hit
    assert len(origin.seen("/a")) == 1


# ---- variants -------------------------------------------------------------------------------

def test_vary_keeps_variants_apart(gateway, origin):
    origin.reply("/a", answer=lambda request: {
        "body": (request.get("X-Kind") or "none").encode(), "headers": {**HOUR, "Vary": "X-Kind"}})
    for kind in ("one", "two"):
        assert gateway.ask("/a", X_Kind=kind).body == kind.encode()
    assert gateway.ask("/a").body == b"none"
    for kind in ("one", "two"):
        answer = gateway.ask("/a", X_Kind=kind)
        assert answer.is_hit and answer.body == kind.encode()
    assert len(origin.seen("/a")) == 3


def test_spellings_of_accept_encoding_share_a_variant(gateway, origin):
    origin.reply("/a", body=b"x", headers={**HOUR, "Vary": "Accept-Encoding"})
    gateway.ask("/a", Accept_Encoding="gzip, br")
    assert gateway.ask("/a", Accept_Encoding="br,gzip").is_hit
    assert gateway.ask("/a", Accept_Encoding="GZIP;q=1.0, br").is_hit
    assert origin.seen("/a")[0].get("Accept-Encoding") == "br, gzip"


@pytest.mark.parametrize("names", ["", ",", " , ,"])
def test_vary_without_a_name_is_no_vary(gateway, origin, names):
    origin.reply("/a", body=b"x", headers={**HOUR, "Vary": names})
    assert [gateway.ask("/a").body for _ in range(2)] == [b"x", b"x"]
    assert len(origin.seen("/a")) == 1


def test_vary_star_is_not_stored(gateway, origin):
    origin.reply("/a", body=b"x", headers={**HOUR, "Vary": "Accept, *"})
    assert gateway.ask("/a").detail == "vary-star"
    assert not gateway.ask("/a").is_hit


def test_variants_are_limited(gateway, origin):
    origin.reply("/a", body=b"x", headers={**HOUR, "Vary": "X-Kind"})
    for kind in range(8):
        gateway.ask("/a", X_Kind=kind)
    assert gateway.ask("/a", X_Kind=8).detail == "vary-limit"
    assert not gateway.ask("/a", X_Kind=8).is_hit
    assert all(gateway.ask("/a", X_Kind=kind).is_hit for kind in range(8))


def test_a_route_can_ignore_a_field_in_vary(start, origin):
    gateway = start(route="vary: {ignore: [Origin]}")
    origin.reply("/a", body=b"x", headers={**HOUR, "Vary": "Origin"})
    gateway.ask("/a", Origin="http://one.example")
    assert gateway.ask("/a", Origin="http://two.example").is_hit


def test_a_field_that_is_new_in_vary_makes_new_variants(gateway, origin):
    origin.replies("/a", {"body": b"1", "headers": {**HOUR, "Vary": "X-One"}},
                   {"body": b"2", "headers": {**HOUR, "Vary": "X-One, X-Two"}})
    gateway.ask("/a", X_One="a")
    gateway.ask("/a", X_One="b", X_Two="c")
    assert gateway.ask("/a", X_One="b", X_Two="c").is_hit
    assert not gateway.ask("/a", X_One="b", X_Two="d").is_hit


def test_the_date_is_the_origins_and_age_grows(gateway, origin):
    date = email.utils.formatdate(time.time() - 30, usegmt=True)
    stored(gateway, origin, headers={**HOUR, "Date": date})
    answer = gateway.ask("/a")
    assert answer.get("Date") == date
    assert 30 <= int(answer.get("Age")) <= 40
