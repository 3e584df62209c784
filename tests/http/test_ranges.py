"""Ranges: several at once, of what is still on its way, and of what came in parts."""
import re

import pytest
from frames import Http2

HOUR = {"Cache-Control": "max-age=3600", "Content-Type": "text/plain"}
BODY = bytes(range(48, 123)) * 40


def parts_of(answer):
    """(Content-Range, bytes) of each part of a multipart answer, read strictly."""
    kind = re.fullmatch(r"multipart/byteranges; boundary=([0-9a-f]+)", answer.get("Content-Type"))
    boundary = kind.group(1).encode()
    begin, *parts, end = (b"\r\n" + answer.body).split(b"\r\n--" + boundary)
    assert (begin, end) == (b"", b"--\r\n")
    found = []
    for part in parts:
        head, _, body = part.partition(b"\r\n\r\n")
        fields = dict(line.split(": ") for line in head.decode().split("\r\n")[1:])
        assert fields["Content-Type"] == "text/plain"
        found.append((fields["Content-Range"], body))
    return found


def expected(*ranges, body=BODY):
    return [(f"bytes {first}-{last}/{len(body)}", body[first:last + 1]) for first, last in ranges]


# ---- several ranges -------------------------------------------------------------------------

@pytest.mark.parametrize("wanted, ranges", [
    ("bytes=0-1,4-5", [(0, 1), (4, 5)]), ("bytes=0-0, 2990-, 9999-", [(0, 0), (2990, 2999)]),
    ("bytes=5-9,-3", [(5, 9), (2997, 2999)]),
    ("bytes=" + ",".join(f"{n}-{n}" for n in range(0, 32, 2)), [(n, n) for n in range(0, 32, 2)]),
])
def test_several_ranges_of_what_is_stored_come_as_parts(gateway, origin, wanted, ranges):
    origin.reply("/a", body=BODY, headers=HOUR)
    gateway.ask("/a")
    answer = gateway.ask("/a", Range=wanted)
    assert answer.status == 206 and answer.is_hit
    assert answer.get("Content-Range") is None
    assert parts_of(answer) == expected(*ranges)


def test_of_several_ranges_one_that_is_there_is_no_multipart(gateway, origin):
    origin.reply("/a", body=BODY, headers=HOUR)
    gateway.ask("/a")
    answer = gateway.ask("/a", Range="bytes=0-3,5000-")
    assert (answer.status, answer.get("Content-Range")) == (206, "bytes 0-3/3000")
    assert answer.get("Content-Type") == "text/plain"


def test_large_parts_are_lent_out(gateway, origin):
    body = BODY * 100
    origin.reply("/a", body=body, headers=HOUR)
    gateway.ask("/a")
    answer = gateway.ask("/a", Range="bytes=10-99999,100001-250000")
    assert parts_of(answer) == expected((10, 99999), (100001, 250000), body=body)


def test_several_ranges_in_the_lead_are_cut_from_the_whole(gateway, origin):
    origin.reply("/a", body=BODY, headers=HOUR)
    answer = gateway.ask("/a", Range="bytes=0-9,20-29,2000-2009")
    assert parts_of(answer) == expected((0, 9), (20, 29), (2000, 2009))
    assert origin.seen("/a")[0].get("Range") is None
    gateway.wait_until("stored", 1)
    assert gateway.ask("/a").body == BODY


def test_a_conversation_goes_on_behind_parts(gateway, origin):
    origin.reply("/a", body=BODY, headers=HOUR)
    wire = gateway.wire()
    for _ in range(3):
        assert parts_of(wire.get("/a", Range="bytes=0-1,4-5").answer()) == expected((0, 1), (4, 5))
    wire.close()


def test_a_head_with_a_range_is_the_head_of_the_whole(gateway, origin):
    origin.reply("/a", body=BODY, headers=HOUR)
    gateway.ask("/a")
    answer = gateway.ask("/a", method="HEAD", Range="bytes=0-1,4-5")
    assert (answer.status, answer.get("Content-Length")) == (200, "3000")


# ---- of what is still on its way ------------------------------------------------------------

def test_a_range_that_has_arrived_is_answered_before_the_rest(gateway, origin):
    import threading
    rest = threading.Event()
    origin.reply("/a", pieces=[BODY[:1500], BODY[1500:]], headers=HOUR,
                 between=lambda number: number == 0 or rest.wait(30))
    first = gateway.wire().get("/a")
    origin.wait_for("/a")
    answer = gateway.ask("/a", Range="bytes=1000-1099")
    assert (answer.status, answer.body) == (206, BODY[1000:1100])
    several = gateway.ask("/a", Range="bytes=0-9,100-109,1400-1499")
    assert parts_of(several) == expected((0, 9), (100, 109), (1400, 1499))
    late = gateway.wire().get("/a", Range="bytes=1490-1509,2990-")
    rest.set()
    assert parts_of(late.answer()) == expected((1490, 1509), (2990, 2999))
    assert first.answer().body == BODY
    assert len(origin.seen("/a")) == 1
    first.close()
    late.close()


def test_a_range_beyond_the_end_of_what_is_on_its_way_is_416(gateway, origin):
    gate = origin.hold("/a")
    origin.reply("/a", body=BODY, headers=HOUR)
    wire = gateway.wire().get("/a", Range="bytes=3000-")
    gate.open()
    answer = wire.answer()
    assert (answer.status, answer.get("Content-Range")) == (416, "bytes */3000")
    wire.close()


# ---- parts of what is not stored as a whole -------------------------------------------------

LARGE = BODY * 4  # more than the route stores
STRONG = {**HOUR, "ETag": "\"v1\""}


def by_ranges(headers=None, body=LARGE):
    """An origin that answers ranges, and the whole without one."""
    named = headers or STRONG

    def answer(request):
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", request.get("Range") or "")
        if not wanted:
            return {"body": body, "headers": named}
        first = int(wanted.group(1))
        last = min(int(wanted.group(2) or len(body) - 1), len(body) - 1)
        return {"status": 206, "body": body[first:last + 1],
                "headers": {**named, "Content-Range": f"bytes {first}-{last}/{len(body)}"}}
    return answer


def is_part(answer, first, last, body=LARGE):
    return (answer.status, answer.body, answer.get("Content-Range")) == (
        206, body[first:last + 1], f"bytes {first}-{last}/{len(body)}")


@pytest.fixture
def small(start):
    return start(route="max-body: 10KiB")


def learn(gateway, origin, headers=None):
    """The origin's answer is known to be too large."""
    origin.reply("/a", answer=by_ranges(headers))
    assert gateway.ask("/a").body == LARGE


def test_a_part_is_kept_for_the_ranges_within_it(small, origin):
    learn(small, origin)
    assert is_part(small.ask("/a", Range="bytes=100-199"), 100, 199)
    small.wait_until("stored", 1)
    for first, last in ((100, 199), (150, 160), (199, 199)):
        answer = small.ask("/a", Range=f"bytes={first}-{last}")
        assert answer.is_hit and is_part(answer, first, last)
    several = small.ask("/a", Range="bytes=100-101,110-119")
    assert several.is_hit and parts_of(several) == expected((100, 101), (110, 119), body=LARGE)
    assert small.count("hits_parts") == 4
    assert len(origin.seen("/a")) == 2


@pytest.mark.parametrize("wanted", ["bytes=99-150", "bytes=150-200", "bytes=0-", "bytes=-5",
                                    "bytes=110-120,300-310"])
def test_what_is_not_there_is_asked_for(small, origin, wanted):
    learn(small, origin)
    small.ask("/a", Range="bytes=100-199")
    small.wait_until("stored", 1)
    assert not small.ask("/a", Range=wanted).is_hit
    assert not small.ask("/a").is_hit


def test_parts_of_the_same_bytes_are_put_together(small, origin):
    learn(small, origin)
    for count, (first, last) in enumerate(((100, 199), (300, 399), (200, 299), (50, 120)), 1):
        assert is_part(small.ask("/a", Range=f"bytes={first}-{last}"), first, last)
        small.wait_until("stored", count)
    answer = small.ask("/a", Range="bytes=50-399")
    assert answer.is_hit and is_part(answer, 50, 399)
    assert len(origin.seen("/a")) == 5


@pytest.mark.parametrize("first, second", [
    ({"ETag": "W/\"v1\""}, {"ETag": "W/\"v1\""}), ({"ETag": "\"v1\""}, {"ETag": "\"v2\""}),
    ({}, {}), ({"ETag": "\"v1\""}, {}),
])
def test_parts_that_may_be_of_other_bytes_are_not(small, origin, first, second):
    learn(small, origin, {**HOUR, **first})
    small.ask("/a", Range="bytes=0-99")
    small.wait_until("stored", 1)
    assert small.ask("/a", Range="bytes=0-99").is_hit
    origin.reply("/a", answer=by_ranges({**HOUR, **second}))
    small.ask("/a", Range="bytes=100-199")
    small.wait_until("stored", 2)
    assert small.ask("/a", Range="bytes=100-199").is_hit
    assert not small.ask("/a", Range="bytes=0-99").is_hit


def test_parts_of_another_size_are_not_put_together(small, origin):
    learn(small, origin)
    small.ask("/a", Range="bytes=0-99")
    small.wait_until("stored", 1)
    origin.reply("/a", answer=by_ranges(body=LARGE + b"x"))
    small.ask("/a", Range="bytes=100-199")
    small.wait_until("stored", 2)
    assert not small.ask("/a", Range="bytes=0-199").is_hit


@pytest.mark.parametrize("headers", [
    {"Cache-Control": "no-store"}, {"Cache-Control": "private, max-age=60"}, {"Vary": "X"},
    {"Cache-Control": "max-age=0"}, {"Set-Cookie": "a=b"}, {"Content-Range": "bytes 0-99/*"},
    {"Content-Range": "bytes 0-98/12000"}, {"Content-Range": "lines 0-99/12000"},
])
def test_what_may_not_be_stored_is_not_kept_in_parts(small, origin, headers):
    learn(small, origin)
    origin.reply("/a", status=206, body=b"x" * 100,
                 headers={**STRONG, "Content-Range": "bytes 0-99/12000", **headers})
    for _ in range(2):
        assert not small.ask("/a", Range="bytes=0-99").is_hit
    assert small.count("stored") == 0


def test_conditions_on_parts(small, origin):
    learn(small, origin)
    small.ask("/a", Range="bytes=0-99")
    small.wait_until("stored", 1)
    assert small.ask("/a", Range="bytes=0-9", If_Range="\"v1\"").is_hit
    assert small.ask("/a", Range="bytes=0-9", If_None_Match="\"v1\"").status == 304
    assert small.ask("/a", Range="bytes=20000-").status == 416
    assert not small.ask("/a", Range="bytes=0-9", If_Range="\"v2\"").is_hit
    assert not small.ask("/a", Range="bytes=0-9", Cache_Control="no-cache").is_hit


@pytest.mark.parametrize("what", [{"url": "http://a.example/a"}, {"tag": "one"}, {"all": True}])
def test_parts_leave_with_their_url_and_tags(small, origin, what):
    learn(small, origin, {**STRONG, "Cache-Tag": "one"})
    small.ask("/a", Range="bytes=0-99")
    small.wait_until("stored", 1)
    assert small.ask("/a", Range="bytes=0-99").is_hit
    small.purge(**what)
    assert not small.ask("/a", Range="bytes=0-99").is_hit


def test_parts_are_not_for_those_with_credentials(small, origin):
    learn(small, origin)
    small.ask("/a", Range="bytes=0-99", Authorization="x")
    assert small.count("stored") == 0
    small.ask("/a", Range="bytes=0-99")
    small.wait_until("stored", 1)
    assert not small.ask("/a", Range="bytes=0-99", Authorization="x").is_hit


def test_an_origin_that_sends_a_part_of_what_was_asked_as_a_whole(gateway, origin):
    """It should not; what it says of the part holds all the same, for those who want that part."""
    origin.reply("/a", status=206, body=BODY[:100],
                 headers={**STRONG, "Content-Range": f"bytes 0-99/{len(BODY)}"})
    assert gateway.ask("/a", Range="bytes=0-99").body == BODY[:100]
    gateway.wait_until("stored", 1)
    answer = gateway.ask("/a", Range="bytes=10-19")
    assert answer.is_hit and is_part(answer, 10, 19, BODY)
    assert not gateway.ask("/a").is_hit


def test_more_parts_than_are_kept(small, origin):
    learn(small, origin)
    for n in range(20):
        assert is_part(small.ask("/a", Range=f"bytes={n * 10}-{n * 10 + 4}"), n * 10, n * 10 + 4)
        small.wait_until("stored", n + 1)
    assert small.ask("/a", Range="bytes=190-194").is_hit
    assert not small.ask("/a", Range="bytes=0-4").is_hit


def test_a_part_in_chunks_is_as_long_as_it_says_or_not_kept(small, origin):
    learn(small, origin)
    for count, size in ((1, 100), (1, 99)):
        first = size * 10
        origin.reply("/a", status=206, body=LARGE[first:first + size], chunked=True,
                     headers={**STRONG, "Content-Range": f"bytes {first}-{first + 99}/12000"})
        answer = small.ask("/a", Range=f"bytes={first}-{first + 99}")
        assert answer.body == LARGE[first:first + size]
        small.wait_until("stored", count)
        small.wait_until_gone("fills")
        assert small.ask("/a", Range=f"bytes={first}-{first + 9}").is_hit == (size == 100)


# ---- over HTTP/2 ----------------------------------------------------------------------------

def test_ranges_over_http2(gateway, origin):
    origin.reply("/a", body=BODY, headers=HOUR)
    http2 = Http2(gateway.port)
    for stream in (1, 3):
        http2.request(stream, "/a", range="bytes=0-9,100-109,2990-")
        answer = http2.answer(stream)
        answer.get = lambda name, found=answer: found.__class__.get(found, name.lower())
        assert parts_of(answer) == expected((0, 9), (100, 109), (2990, 2999))
    http2.request(5, "/a", range="bytes=5-9")
    assert (http2.of(5).status, http2.answer(5).body) != (None, b"") and http2.of(5).status == 206
    http2.close()
