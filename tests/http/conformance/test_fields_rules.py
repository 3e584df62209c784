"""Which fields are stored and passed on (RFC 9111 §3.1, §5.2.2; RFC 9110 §7.6)."""
import pytest

from place import HOUR, reply_of
from rules import row, shows


def twice(at, *lines, **more):
    """The first answer, and the one from the cache."""
    at.says(HOUR, *lines, **more)
    first, second = at.get(), at.get()
    assert at.count == 1 and second.is_hit
    return first, second


@pytest.mark.parametrize("name, value", [
    ("X-Unknown", "1"), ("Content-Type", "text/plain"), ("Content-Language", "de"),
    ("Content-Encoding", "identity"), ("Content-Location", "/there"), ("Content-Disposition", "inline"),
    ("Content-Security-Policy", "default-src 'self'"), ("Strict-Transport-Security", "max-age=1"),
    ("ETag", '"1"'), ("Last-Modified", "Thu, 01 Jan 2026 00:00:00 GMT"), ("Expires", "0"),
    ("Link", "</a>; rel=preload"), ("Location", "/a"), ("Server", "x"), ("Warning", '299 - "x"'),
    ("Access-Control-Allow-Origin", "*"), ("Accept-Ranges", "bytes"), ("Pragma", "x"),
    ("Retry-After", "5"), ("X-Empty", ""), ("Clear-Site-Data", '"cache"'), ("Refresh", "5"),
    ("WWW-Authenticate", "Basic"), ("Age-Of-Aquarius", "1"), ("Cache-Status", "other; hit")])
@shows("3.1-1")
def test_a_field_is_stored(at, name, value):
    first, second = twice(at, f"{name}: {value}")
    assert value in first.all(name) and value in second.all(name)


@shows("3.1-1")
def test_several_fields_of_a_name_keep_their_order(at):
    _, second = twice(at, "X-A: 1", "X-A: 2", "X-A: 1")
    assert second.all("X-A") == ["1", "2", "1"]


@pytest.mark.parametrize("name, lines", [
    row("Connection", "3.1-2", "Connection", ["Connection: x-hop"]),
    row("what Connection lists", "3.1-2", "X-Hop", ["Connection: x-hop", "X-Hop: 1"]),
    row("what Connection lists in capitals", "3.1-2", "X-Hop", ["Connection: X-HOP", "x-hop: 1"]),
    row("what Connection lists second", "3.1-2", "X-Hop", ["Connection: x-a, x-hop", "X-Hop: 1"]),
    row("what a second Connection lists", "3.1-2", "X-Hop",
        ["Connection: x-a", "Connection: x-hop", "X-Hop: 1"]),
    row("Keep-Alive", "3.1-2", "Keep-Alive", ["Keep-Alive: timeout=5"]),
    row("Proxy-Connection", "3.1-2", "Proxy-Connection", ["Proxy-Connection: keep-alive"]),
    row("Upgrade", "3.1-2", "Upgrade", ["Connection: upgrade", "Upgrade: x"]),
    row("TE", "3.1-2", "TE", ["TE: trailers"]),
    row("Proxy-Authenticate", "3.1-3", "Proxy-Authenticate", ["Proxy-Authenticate: Basic"]),
    row("Proxy-Authentication-Info", "3.1-3", "Proxy-Authentication-Info",
        ["Proxy-Authentication-Info: a=1"]),
    row("Proxy-Authorization", "3.1-3", "Proxy-Authorization", ["Proxy-Authorization: x"]),
])
def test_a_field_of_one_hop_is_not(at, name, lines):
    first, second = twice(at, *lines)
    assert first.get(name) is None and second.get(name) is None


@pytest.mark.parametrize("name, lines", [
    row("a field that private names", "5.2.2.7-2", "X-Mine", ['Cache-Control: private="x-mine"']),
    row("a name in another case", "5.2.2.7-2", "X-Mine", ['Cache-Control: private="X-MINE"']),
    row("the second of a list", "5.2.2.7-2", "X-Mine", ['Cache-Control: private="x-a, x-mine"']),
    row("a name without quotes", "5.2.2.7-2 5.2-2", "X-Mine", ["Cache-Control: private=x-mine"]),
    row("two directives", "5.2.2.7-2", "X-Mine", ['Cache-Control: private="x-a", private="x-mine"']),
    row("a field that no-cache names", "5.2.2.4-2", "X-Mine", ['Cache-Control: no-cache="x-mine"']),
    row("the second of its list", "5.2.2.4-2", "X-Mine", ['Cache-Control: no-cache="x-a,x-mine"']),
    row("no-cache without quotes", "5.2.2.4-2 5.2-2", "X-Mine", ["Cache-Control: no-cache=x-mine"]),
])
def test_a_field_for_the_first_client_only(at, name, lines):
    first, second = twice(at, *lines, f"{name}: me", "X-All: 1")
    assert first.get(name) == "me" and second.get(name) is None
    assert second.get("X-All") == "1"


@shows("5.2.2.7-2")
def test_others_who_wait_do_not_get_a_private_field(at):
    from wire import Wire
    gate = at.origin.hold(at.path)
    at.says(HOUR, 'Cache-Control: private="x-mine"', "X-Mine: me")
    wires = [Wire(at.gateway.port).get(at.path) for _ in range(4)]
    at.origin.wait_for(at.path)
    gate.open()
    told = [wire.answer().get("X-Mine") for wire in wires]
    for wire in wires:
        wire.close()
    assert sorted(told, key=str) == [None, None, None, "me"] and at.count == 1


@shows("3.1-4")
def test_trailer_fields_do_not_become_header_fields(at):
    at.says(raw=b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n"
            b"Trailer: X-End\r\n\r\n1\r\nx\r\n0\r\nX-End: 1\r\nCache-Control: no-store\r\n\r\n")
    at.get()
    answer = at.get()
    assert answer.is_hit and answer.get("X-End") is None and answer.body == b"x"


@shows("3.1-2")
def test_fields_that_connection_lists_do_not_reach_the_origin(at):
    at.says(HOUR)
    at.get("Connection: x-hop", "X-Hop: 1", "X-Far: 1", "Keep-Alive: 5", "TE: trailers")
    asked = at.asked[0]
    assert asked.get("X-Hop") is None and asked.get("Keep-Alive") is None
    assert asked.get("X-Far") == "1"


@shows("4-5")
def test_there_is_one_age_however_many_came(at):
    first, second = twice(at, "Age: 5", "Age: 6")
    assert len(first.all("Age")) == 1 and len(second.all("Age")) == 1


def test_via_is_added_behind_those_that_came(at):
    first, second = twice(at, "Via: 1.0 fred")
    assert first.all("Via") == second.all("Via") == ["1.0 fred", "1.1 larder"]


def test_a_request_gets_via_too(at):
    at.says(HOUR)
    at.get("Via: 1.0 fred")
    assert at.asked[0].all("Via") == ["1.0 fred", "1.1 larder"]


@pytest.mark.parametrize("status, reason", [(203, "a"), (404, "b"), (599, "c")])
def test_the_status_is_stored(at, status, reason):
    _, second = twice(at, status=status)
    assert second.status == status


def test_an_empty_body_is_stored(at):
    first, second = twice(at, body=b"")
    assert first.body == second.body == b"" and second.get("Content-Length") == "0"


def test_a_body_of_every_byte_is_stored(at):
    body = bytes(range(256)) * 5
    first, second = twice(at, body=body)
    assert first.body == second.body == body


@pytest.mark.parametrize("size", [1, 16383, 16384, 65536, 300000])
def test_a_body_of_any_size_is_stored(at, size):
    body = b"0123456789abcdef" * (size // 16 + 1)
    first, second = twice(at, body=body[:size])
    assert first.body == second.body == body[:size]


@shows("4-5")
def test_an_answer_that_was_just_made_has_no_age(at):
    at.says(HOUR)
    assert at.get().get("Age") is None


@shows("4-5")
def test_an_age_of_the_origin_reaches_the_first_client_too(at):
    at.says(HOUR, "Age: 30")
    assert int(at.get().get("Age")) >= 30


@shows("4-5")
def test_a_validated_answer_tells_its_age_from_then_on(at):
    at.says_then(reply_of("Cache-Control: max-age=100", "Age: 150", 'ETag: "1"'),
                 reply_of(HOUR, 'ETag: "1"', status=304))
    at.get()
    at.get()
    assert int(at.get().get("Age")) <= 60
