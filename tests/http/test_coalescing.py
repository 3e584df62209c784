"""The known ways to get collapsed requests wrong, each of them tried."""
import threading
import time

import pytest

from wire import Cut

HOUR = {"Cache-Control": "max-age=3600"}


def many(gateway, path, count, **options):
    """That many connections, each with the request sent and no answer read."""
    return [gateway.wire().get(path, **options) for _ in range(count)]


def answers(wires):
    got = [wire.answer() for wire in wires]
    for wire in wires:
        wire.close()
    return got


def test_a_thousand_requests_for_a_cold_key_are_one_request_to_the_origin(start, origin):
    gateway = start("--workers", "2")
    gate = origin.hold("/a")
    origin.reply("/a", body=b"the right body" * 100, headers=HOUR)
    wires = many(gateway, "/a", 1000)
    gateway.wait_until("requests_waiting", 1000)
    gate.open()
    got = answers(wires)
    assert all(one.status == 200 and one.body == b"the right body" * 100 for one in got)
    assert len(origin.seen("/a")) == 1
    assert sum("; collapsed" in one.cache for one in got) == 999


def test_1_uncacheable_answers_let_all_who_wait_go_at_once(start, origin):
    gateway = start("--workers", "2")
    gate = origin.hold("/a")
    origin.reply("/a", body=b"mine", headers={"Cache-Control": "private"})
    wires = many(gateway, "/a", 20)
    gateway.wait_until("requests_waiting", 20)
    origin.wait_for("/a")
    assert len(origin.seen("/a")) == 1
    # With the first answer all others are asked for, none behind another.
    second = origin.hold("/a")
    gate.open()
    origin.wait_for("/a", 20)
    second.open()
    assert all(one.body == b"mine" for one in answers(wires))
    # For a while nobody waits for another one's answer any more.
    third = origin.hold("/a")
    wires = many(gateway, "/a", 5)
    origin.wait_for("/a", 25)
    third.open()
    assert {one.detail for one in answers(wires)} == {"predicted-uncacheable"}


def test_1_uncacheable_answers_take_as_long_as_two_not_as_long_as_all(start, origin):
    gateway = start("--workers", "2")
    origin.reply("/a", answer=lambda request: time.sleep(0.2) or {
        "body": b"mine", "headers": {"Cache-Control": "no-store"}})
    begun = time.monotonic()
    got = answers(many(gateway, "/a", 20))
    took = time.monotonic() - begun
    assert all(one.body == b"mine" for one in got) and len(origin.seen("/a")) == 20
    assert took < 20 * 0.2 / 2


@pytest.mark.parametrize("more", [{}, {"Vary": "X-Kind"}, {"Cache-Tag": "t"}])
def test_1_the_first_answer_that_can_be_shared_again_is_shared_at_once(start, origin, more):
    gateway = start("--workers", "2", http="remember_uncacheable: 1h")
    origin.replies("/a", {"body": b"mine", "headers": {"Cache-Control": "private"}},
                   {"body": b"still mine", "headers": {"Cache-Control": "private"}},
                   {"body": b"ours", "headers": {**HOUR, **more}})
    assert [gateway.ask("/a").body for _ in range(2)] == [b"mine", b"still mine"]
    assert gateway.ask("/a").body == b"ours"
    after = gateway.ask("/a")
    assert after.is_hit and after.body == b"ours" and len(origin.seen("/a")) == 3


@pytest.mark.parametrize("what", [{"url": "http://a.example/a"}, {"tag": "t"}, {"all": True}])
def test_1_what_was_invalidated_meanwhile_does_not_get_in_that_way(start, origin, what):
    gateway = start("--workers", "2", http="remember_uncacheable: 1h")
    origin.replies("/a", {"body": b"mine", "headers": {"Cache-Control": "private"}},
                   {"body": b"old", "headers": {**HOUR, "Cache-Tag": "t"}},
                   {"body": b"new", "headers": {**HOUR, "Cache-Tag": "t"}})
    gateway.ask("/a")
    gate = origin.hold("/a")
    probe = gateway.wire().get("/a")
    origin.wait_for("/a", 2)
    gateway.purge(**what)
    gate.open()
    assert probe.answer().body == b"old"
    assert gateway.ask("/a").body == b"new"


def test_1_answers_that_are_asked_about_each_time_are_asked_about_side_by_side(start, origin):
    gateway = start("--workers", "2")
    control = {"Cache-Control": "no-cache", "ETag": "\"1\""}
    origin.reply("/a", body=b"x", headers=control)
    gateway.ask("/a")
    origin.reply("/a", status=304, headers=control)
    gate = origin.hold("/a")
    wires = many(gateway, "/a", 10)
    origin.wait_for("/a", 11)
    gate.open()
    assert {(one.status, one.body) for one in answers(wires)} == {(200, b"x")}
    assert {one.get("If-None-Match") for one in origin.seen("/a")[1:]} == {"\"1\""}


def test_2_a_slow_client_in_the_lead_does_not_hold_up_the_others(gateway, origin):
    body = b"0123456789abcdef" * (1 << 18)  # 4 MiB: more than sockets and buffers take
    gate = origin.hold("/a")
    origin.reply("/a", body=body, headers=HOUR)
    slow = gateway.wire(receive_buffer=4096).get("/a")
    origin.wait_for("/a")
    quick = gateway.wire().get("/a")
    gateway.wait_until("requests_waiting", 2)
    gate.open()
    assert quick.answer().body == body
    gateway.wait_until("stored", 1)
    assert gateway.ask("/a").is_hit
    assert slow.answer().body == body
    assert len(origin.seen("/a")) == 1


def test_3_those_who_wait_are_woken_by_the_answer(gateway, origin):
    gate = origin.hold("/a")
    origin.reply("/a", body=b"x", headers=HOUR)
    wires = many(gateway, "/a", 10)
    gateway.wait_until("requests_waiting", 10)
    assert gateway.count("waiters", "cache") == 9
    gate.open()
    assert [one.body for one in answers(wires)] == [b"x"] * 10
    assert gateway.count("waiters", "cache") == 0


def test_4_a_leader_that_takes_too_long_is_replaced_by_one(start, origin):
    gateway = start(route="timeout: {lease: 100ms}")
    first = origin.hold("/a")
    origin.replies("/a", {"body": b"late", "headers": HOUR}, {"body": b"second", "headers": HOUR})
    wires = many(gateway, "/a", 10)
    # The second leader asks; the others go on waiting.
    origin.wait_for("/a", 2)
    first.open()
    got = answers(wires)
    assert all(one.status == 200 and one.body in (b"late", b"second") for one in got)
    assert len(origin.seen("/a")) <= 4


def test_5_a_failure_is_shared(start, origin):
    gateway = start("--workers", "2")
    gate = origin.hold("/a")
    origin.reply("/a", raw=b"no HTTP at all\r\n\r\n", cut=True)
    wires = many(gateway, "/a", 20)
    gateway.wait_until("requests_waiting", 20)
    gate.open()
    got = answers(wires)
    assert {one.status for one in got} == {502}
    assert {one.detail for one in got} == {"origin-broken"}
    assert len(origin.seen("/a")) == 1


def test_5_an_error_of_the_origin_is_shared_and_not_stored(start, origin):
    gateway = start("--workers", "2")
    gate = origin.hold("/a")
    origin.replies("/a", {"status": 500, "body": b"broken"}, {"body": b"well", "headers": HOUR})
    wires = many(gateway, "/a", 20)
    gateway.wait_until("requests_waiting", 20)
    gate.open()
    got = answers(wires)
    assert {(one.status, one.body) for one in got} == {(500, b"broken")}
    assert len(origin.seen("/a")) == 1
    assert gateway.ask("/a").body == b"well"


def test_6_the_fetch_lives_on_when_its_client_leaves(gateway, origin):
    gate = origin.hold("/a")
    origin.reply("/a", body=b"x" * 100000, headers=HOUR)
    leader = gateway.wire().get("/a")
    origin.wait_for("/a")
    follower = gateway.wire().get("/a")
    gateway.wait_until("requests_waiting", 2)
    leader.close()
    gate.open()
    assert follower.answer().body == b"x" * 100000
    gateway.wait_until("stored", 1)
    assert gateway.ask("/a").is_hit
    assert len(origin.seen("/a")) == 1


def test_6_it_is_stored_even_if_nobody_is_left(gateway, origin):
    gate = origin.hold("/a")
    origin.reply("/a", body=b"x", headers=HOUR)
    leader = gateway.wire().get("/a")
    origin.wait_for("/a")
    leader.close()
    gate.open()
    gateway.wait_until("stored", 1)
    assert gateway.ask("/a").is_hit


def test_7_those_who_wait_read_from_the_first_byte(start, origin):
    gateway = start("--workers", "2")
    first = threading.Event()
    rest = threading.Event()

    def between(number):
        (first if number == 0 else rest).wait(30)

    origin.reply("/a", pieces=[b"begin", b"end"], chunked=True, headers=HOUR, between=between)
    wires = many(gateway, "/a", 6)
    gateway.wait_until("requests_waiting", 6)
    first.set()
    late = None
    for wire in wires:
        status, fields = wire.read_head()
        assert status == 200
        assert wire._line(b"") == b"5\r\n"
        assert wire._exactly(7, b"") == b"begin\r\n"
    # One who comes in the middle gets all of it, from the same fetch.
    late = gateway.wire().get("/a")
    late.read_head()
    assert late._line(b"") == b"5\r\n"
    rest.set()
    for wire in wires:
        assert wire.stream.read(3 + 5 + 5) == b"3\r\nend\r\n0\r\n\r\n"
    assert len(origin.seen("/a")) == 1


def test_8_it_is_decided_at_the_header_whether_others_may_have_it(start, origin):
    gateway = start("--workers", "2")
    rest = threading.Event()
    origin.replies("/a", {"pieces": [b"first of ann,", b" rest"], "chunked": True,
                          "headers": {"Cache-Control": "private"},
                          "between": lambda number: number == 0 or rest.wait(30)},
                   {"body": b"another", "headers": {"Cache-Control": "private"}})
    leader = gateway.wire().get("/a")
    assert leader.read_head()[0] == 200
    other = gateway.ask("/a")
    assert other.body == b"another"
    rest.set()
    leader.close()


def test_9_a_range_in_the_lead_fetches_the_whole(gateway, origin):
    origin.reply("/a", body=b"0123456789", headers=HOUR)
    part = gateway.ask("/a", Range="bytes=2-4")
    assert (part.status, part.body) == (206, b"234")
    assert origin.seen("/a")[0].get("Range") is None
    gateway.wait_until("stored", 1)
    whole = gateway.ask("/a")
    assert whole.is_hit and whole.body == b"0123456789"


def test_9_a_range_of_what_is_too_large_is_asked_for_alone(start, origin):
    gateway = start(route="max-body: 1KiB")
    part = {"status": 206, "body": b"x" * 10, "headers": {"Content-Range": "bytes 0-9/5000"}}
    whole = {"body": b"x" * 5000, "headers": HOUR}
    origin.reply("/a", answer=lambda request: part if request.get("Range") else whole)
    answer = gateway.ask("/a", Range="bytes=0-9")
    assert (answer.status, answer.body) == (206, b"x" * 10)
    assert "fwd=partial" in answer.cache and answer.detail == "too-large"
    assert [one.get("Range") for one in origin.seen("/a")] == [None, "bytes=0-9"]


def test_9_a_head_in_the_lead_fetches_the_whole(gateway, origin):
    origin.reply("/a", body=b"0123456789", headers=HOUR)
    head = gateway.ask("/a", method="HEAD")
    assert head.get("Content-Length") == "10"
    gateway.wait_until("stored", 1)
    assert gateway.ask("/a").is_hit
    assert [one.method for one in origin.seen("/a")] == ["GET"]


def test_10_a_lifetime_of_zero_still_serves_those_who_waited(start, origin):
    gateway = start("--workers", "2")
    gate = origin.hold("/a")
    origin.reply("/a", body=b"x", headers={"Cache-Control": "max-age=0"})
    wires = many(gateway, "/a", 20)
    gateway.wait_until("requests_waiting", 20)
    gate.open()
    assert all(one.body == b"x" for one in answers(wires))
    assert len(origin.seen("/a")) == 1
    assert not gateway.ask("/a").is_hit


def test_11_those_who_wait_are_limited(start, origin):
    gateway = start(cache="max-waiters: 5")
    gate = origin.hold("/a")
    origin.reply("/a", body=b"x", headers=HOUR)
    wires = many(gateway, "/a", 6)
    gateway.wait_until("requests_waiting", 6)
    refused = gateway.ask("/a")
    assert (refused.status, refused.detail) == (503, "waiters-full")
    assert refused.get("Retry-After") == "1"
    gate.open()
    assert all(one.status == 200 for one in answers(wires))


def test_11_those_who_would_be_too_many_get_what_is_stale(start, origin):
    gateway = start(cache="max-waiters: 2", route="stale: {grace: 1h}")
    origin.reply("/a", body=b"old", headers={"Cache-Control": "max-age=10", "Age": "20", "ETag": "1"})
    gateway.ask("/a")
    gate = origin.hold("/a")
    origin.reply("/a", body=b"new", headers=HOUR)
    wires = many(gateway, "/a", 3)
    gateway.wait_until("requests_waiting", 3)
    one = gateway.ask("/a")
    assert (one.status, one.body, one.detail) == (200, b"old", "waiters-full")
    gate.open()
    assert {one.body for one in answers(wires)} == {b"new"}


def test_12_the_keys_rules_come_before_the_wait(start, origin):
    gateway = start(route="key: {query: {ignore: [\"utm_*\"], sort: true}}")
    gate = origin.hold("/a?a=1&b=2")
    origin.reply("/a?a=1&b=2", body=b"x", headers=HOUR)
    wires = [gateway.wire().get(path) for path in
             ("/a?b=2&a=1", "/a?a=1&utm_source=x&b=2", "/a?a=1&b=2&utm_id=7")]
    gateway.wait_until("requests_waiting", 3)
    gate.open()
    assert all(one.body == b"x" for one in answers(wires))
    assert len(origin.seen()) == 1


def test_one_who_waits_too_long_gets_504(start, origin):
    gateway = start(route="timeout: {wait: 50ms}")
    gate = origin.hold("/a")
    origin.reply("/a", body=b"x", headers=HOUR)
    leader = gateway.wire().get("/a")
    origin.wait_for("/a")
    late = gateway.ask("/a")
    assert (late.status, late.detail) == (504, "lease-timeout")
    gate.open()
    assert leader.answer().status == 200


def test_one_who_waits_too_long_gets_what_is_stale(start, origin):
    gateway = start(route="timeout: {wait: 50ms}\nstale: {grace: 1h}")
    origin.reply("/a", body=b"old", headers={"Cache-Control": "max-age=10", "Age": "20", "ETag": "1"})
    gateway.ask("/a")
    gate = origin.hold("/a")
    origin.reply("/a", body=b"new", headers=HOUR)
    leader = gateway.wire().get("/a")
    origin.wait_for("/a", 2)
    late = gateway.ask("/a")
    assert (late.status, late.body, late.detail) == (200, b"old", "lease-timeout")
    gate.open()
    assert leader.answer().body == b"new"


def test_5_when_the_leader_gives_up_the_next_is_elected(start, origin):
    gateway = start(route="timeout: {lease: 100ms}")
    gate = origin.hold("/a")
    origin.replies("/a", {"body": b"late", "headers": HOUR, "cut": True},
                   {"body": b"second", "headers": HOUR})
    wires = many(gateway, "/a", 3)
    origin.wait_for("/a", 2)
    gate.open()
    assert {one.status for one in answers(wires)} == {200}


def test_7_a_late_joiner_reads_at_once_what_came_so_far(gateway, origin):
    rest = threading.Event()
    origin.reply("/a", pieces=[b"x" * 70000, b"end"], chunked=True, headers=HOUR,
                 between=lambda number: number == 0 or rest.wait(30))
    first = gateway.wire().get("/a")
    first.read_head()
    late = [gateway.wire().get("/a") for _ in range(5)]
    for one in late:
        assert one.read_head()[0] == 200
        size = int(one._line(b""), 16)
        assert one._exactly(size, b"") == b"x" * size and size > 0
    assert len(origin.seen("/a")) == 1
    rest.set()
    for one in [first, *late]:
        one.close()


def test_one_who_leaves_while_waiting_disturbs_nobody(gateway, origin):
    gate = origin.hold("/a")
    origin.reply("/a", body=b"x", headers=HOUR)
    wires = many(gateway, "/a", 6)
    gateway.wait_until("requests_waiting", 6)
    for wire in wires[1:4]:
        wire.close()
    gate.open()
    assert [one.body for one in answers([wires[0], *wires[4:]])] == [b"x"] * 3


def test_a_herd_with_variants_is_one_request_for_each_variant(start, origin):
    gateway = start("--workers", "2")
    gate = origin.hold("/a")
    origin.reply("/a", answer=lambda request: {
        "body": (request.get("Accept-Encoding") or "none").encode(),
        "headers": {**HOUR, "Vary": "Accept-Encoding"}})
    wires = many(gateway, "/a", 200, Accept_Encoding="gzip")
    wires += many(gateway, "/a", 200, Accept_Encoding="br")
    gateway.wait_until("requests_waiting", 400)
    gate.open()
    got = answers(wires)
    assert [one.body for one in got] == [b"gzip"] * 200 + [b"br"] * 200
    assert len(origin.seen("/a")) == 2


def test_a_broken_answer_is_whole_for_nobody(start, origin):
    gateway = start("--workers", "2")
    gate = origin.hold("/a")
    origin.reply("/a", body=b"half", headers={**HOUR, "Content-Length": "100"}, cut=True)
    wires = many(gateway, "/a", 6)
    gateway.wait_until("requests_waiting", 6)
    gate.open()
    for wire in wires:
        try:
            # Who had heard nothing yet is told so.
            assert wire.answer().status == 502
        except Cut as cut:
            assert cut.so_far in (b"", b"half")
    assert len(origin.seen("/a")) == 1


def test_who_comes_after_a_purge_does_not_join_what_began_before(gateway, origin):
    gate = origin.hold("/a")
    origin.replies("/a", {"body": b"old", "headers": {**HOUR, "Cache-Tag": "t"}},
                   {"body": b"new", "headers": {**HOUR, "Cache-Tag": "t"}})
    before = gateway.wire().get("/a")
    origin.wait_for("/a")
    gateway.purge(url="http://a.example/a")
    after = gateway.wire().get("/a")
    origin.wait_for("/a", 2)
    gate.open()
    assert before.answer().body == b"old"
    assert after.answer().body == b"new"
    assert gateway.ask("/a").body == b"new"


def test_who_comes_after_a_purge_by_tag_does_not_get_the_old_stream(start, origin):
    gateway = start("--workers", "2")
    rest = threading.Event()
    origin.replies("/a", {"pieces": [b"old ", b"body"], "chunked": True,
                          "headers": {**HOUR, "Cache-Tag": "t"},
                          "between": lambda number: number == 0 or rest.wait(30)},
                   {"body": b"new", "headers": {**HOUR, "Cache-Tag": "t"}})
    before = gateway.wire().get("/a")
    assert before.read_head()[0] == 200
    gateway.purge(tag="t")
    assert gateway.ask("/a").body == b"new"
    rest.set()
    assert before.read_body(200, [("Transfer-Encoding", "chunked")]) == b"old body"
    assert gateway.ask("/a").body == b"new"
