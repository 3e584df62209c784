"""Ranges: several at once, of what is still on its way, and of what came in parts."""
import re

import pytest

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
