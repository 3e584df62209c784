"""QUERY and POST: what a body asks for, and what an answer to POST is good for."""
import threading

import pytest
from frames import Http2

HOUR = {"Cache-Control": "max-age=3600"}
JSON = {"Content_Type": "application/json"}


def echo(gateway_headers=HOUR):
    """An origin that answers with what it was asked."""
    return lambda request: {"body": b"to " + request.method.encode() + b" " + request.body,
                            "headers": gateway_headers}


# ---- QUERY ----------------------------------------------------------------------------------

def test_an_answer_to_a_query_is_stored_under_its_body(gateway, origin):
    origin.reply("/q", answer=echo())
    for body in (b"{a}", b"{b}", b""):
        first = gateway.ask("/q", method="QUERY", body=body, **JSON)
        assert first.body == b"to QUERY " + body and not first.is_hit
    gateway.wait_until("stored", 3)
    for body in (b"{a}", b"{b}", b""):
        again = gateway.ask("/q", method="QUERY", body=body, **JSON)
        assert again.body == b"to QUERY " + body and again.is_hit
    assert [request.body for request in origin.seen("/q")] == [b"{a}", b"{b}", b""]


def test_the_type_of_the_body_counts(gateway, origin):
    origin.reply("/q", answer=echo())
    for kind in ("application/json", "application/graphql"):
        gateway.ask("/q", method="QUERY", body=b"{a}", Content_Type=kind)
    assert len(origin.seen("/q")) == 2
    gateway.ask("/q", method="QUERY", body=b"{a}", Content_Type="a/b", Content_Encoding="x")
    gateway.ask("/q", method="QUERY", body=b"{a}", Content_Type="a/bx")
    assert len(origin.seen("/q")) == 4


def test_get_and_query_of_a_url_are_two_things(gateway, origin):
    origin.reply("/q", answer=echo())
    gateway.ask("/q", method="QUERY")
    assert gateway.ask("/q").body == b"to GET "
    gateway.wait_until("stored", 2)
    assert gateway.ask("/q", method="QUERY").body == b"to QUERY "


def test_a_body_in_chunks_asks_for_the_same(gateway, origin):
    origin.reply("/q", answer=echo())
    gateway.ask("/q", method="QUERY", body=b"0123456789")
    gateway.wait_until("stored", 1)
    wire = gateway.wire()
    wire.get("/q", method="QUERY", Transfer_Encoding="chunked")
    for piece in (b"4\r\n0123\r\n", b"6\r\n456789\r\n", b"0\r\n\r\n"):
        wire.send(piece)
    answer = wire.answer()
    assert answer.is_hit and answer.body == b"to QUERY 0123456789"
    assert wire.get("/q").answer().body == b"to GET "
    wire.close()


def test_a_chunked_body_reaches_the_origin(gateway, origin):
    origin.reply("/q", answer=echo())
    wire = gateway.wire().get("/q", method="QUERY", Transfer_Encoding="chunked")
    wire.send(b"4\r\n0123\r\n0\r\n\r\n")
    assert wire.answer().body == b"to QUERY 0123"
    wire.close()


def test_queries_behind_each_other_are_answered_in_order(gateway, origin):
    origin.reply("/q", answer=echo())
    wire = gateway.wire()
    for number in (1, 2, 1, 2, 3):
        wire.get("/q", method="QUERY", body=b"%d" % number)
    assert [wire.answer().body[-1:] for _ in range(5)] == [b"1", b"2", b"1", b"2", b"3"]
    wire.close()


def test_a_query_is_safe(gateway, origin):
    origin.reply("/q", answer=echo())
    gateway.ask("/q")
    gateway.wait_until("stored", 1)
    gateway.ask("/q", method="QUERY", body=b"{a}")
    assert gateway.ask("/q").is_hit


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_too_large_for_a_key_is_passed_on(start, origin, chunked):
    gateway = start(route="key: {max_body: 100}")
    origin.reply("/q", answer=echo())
    body = bytes(range(65, 91)) * 4000
    for _ in range(2):
        wire = gateway.wire()
        if chunked:
            wire.get("/q", method="QUERY", Transfer_Encoding="chunked")
            wire.send(b"3c\r\n" + body[:60] + b"\r\n")
            wire.send(b"%x\r\n%s\r\n0\r\n\r\n" % (len(body) - 60, body[60:]))
        else:
            wire.get("/q", method="QUERY", body=body)
        answer = wire.answer()
        assert answer.body == b"to QUERY " + body
        assert answer.detail == "body-too-large-for-key"
        wire.close()
    assert len(origin.seen("/q")) == 2


def test_those_who_ask_the_same_share_one_fetch(gateway, origin):
    origin.reply("/q", answer=echo())
    gate = origin.hold("/q")
    answers = []
    threads = [threading.Thread(
        target=lambda: answers.append(gateway.ask("/q", method="QUERY", body=b"{a}")))
        for _ in range(5)]
    for thread in threads:
        thread.start()
    gateway.wait_until("requests_waiting", 5)
    gate.open()
    for thread in threads:
        thread.join()
    assert [answer.body for answer in answers] == [b"to QUERY {a}"] * 5
    assert len(origin.seen("/q")) == 1


def test_who_takes_over_has_a_body_to_send(gateway, origin):
    origin.reply("/q", answer=echo({"Cache-Control": "no-store"}))
    gate = origin.hold("/q")
    wires = [gateway.wire().get("/q", method="QUERY", body=b"{a}") for _ in range(3)]
    gateway.wait_until("requests_waiting", 3)
    gate.open()
    assert [wire.answer().body for wire in wires] == [b"to QUERY {a}"] * 3
    assert len(origin.seen("/q")) == 3
    for wire in wires:
        wire.close()


def test_a_stale_answer_is_fetched_anew_with_the_body(start, origin):
    gateway = start(route="ttl: 1h\nstale: {while_revalidate: 1h}")
    origin.reply("/q", answer=echo({}))
    gateway.ask("/q", method="QUERY", body=b"{a}")
    gateway.wait_until("stored", 1)
    gateway.purge(url="http://a.example/q", soft=True)
    assert gateway.ask("/q", method="QUERY", body=b"{a}").is_hit
    origin.wait_for("/q", 2)
    gateway.wait_until("stored", 2)
    assert {request.body for request in origin.seen("/q")} == {b"{a}"}


def test_a_condition_on_a_query_is_304(gateway, origin):
    origin.reply("/q", answer=echo({**HOUR, "ETag": "\"v1\""}))
    gateway.ask("/q", method="QUERY", body=b"{a}")
    gateway.wait_until("stored", 1)
    answer = gateway.ask("/q", method="QUERY", body=b"{a}", If_None_Match="\"v1\"")
    assert answer.status == 304 and answer.is_hit


def test_a_purge_of_the_url_takes_its_queries(gateway, origin):
    origin.reply("/q", answer=echo())
    gateway.ask("/q", method="QUERY", body=b"{a}")
    gateway.wait_until("stored", 1)
    gateway.purge(url="http://a.example/q")
    assert not gateway.ask("/q", method="QUERY", body=b"{a}").is_hit


def test_expect_is_answered_before_the_body(gateway, origin):
    origin.reply("/q", answer=echo())
    wire = gateway.wire()
    wire.send("QUERY /q HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n"
              "Expect: 100-continue\r\n\r\n")
    assert wire.read_head()[0] == 100
    wire.send("{a}")
    assert wire.answer().body == b"to QUERY {a}"
    assert origin.seen("/q")[0].get("Expect") is None
    wire.close()


def test_a_body_that_breaks_off_is_400(gateway, origin):
    wire = gateway.wire().get("/q", method="QUERY", Transfer_Encoding="chunked")
    wire.send("x\r\n")
    answer = wire.answer()
    assert answer.status == 400 and wire.is_closed()
    assert origin.seen("/q") == []
    wire.close()


def test_a_client_that_leaves_in_the_middle_is_no_harm(gateway, origin):
    origin.reply("/q", answer=echo())
    wire = gateway.wire()
    wire.send("QUERY /q HTTP/1.1\r\nHost: a.example\r\nContent-Length: 30\r\n\r\n{a}")
    gateway.wait_until("requests_waiting", 1)
    wire.close()
    gateway.wait_until_gone("requests_waiting")
    assert gateway.ask("/q", method="QUERY", body=b"{a}").status == 200


def test_a_query_on_a_route_that_is_off_is_passed(start, origin):
    gateway = start(route="cache: off")
    origin.reply("/q", answer=echo())
    for _ in range(2):
        answer = gateway.ask("/q", method="QUERY", body=b"{a}")
        assert answer.body == b"to QUERY {a}" and answer.detail == "route-off"


# ---- POST -----------------------------------------------------------------------------------

def test_post_is_stored_like_query_where_the_route_says_so(start, origin):
    gateway = start(route="cache_post: on\nttl: 60s")
    origin.reply("/graphql", answer=echo({}))
    for body in (b"{a}", b"{b}"):
        assert not gateway.ask("/graphql", method="POST", body=body).is_hit
    gateway.wait_until("stored", 2)
    for body in (b"{a}", b"{b}"):
        answer = gateway.ask("/graphql", method="POST", body=body)
        assert answer.is_hit and answer.body == b"to POST " + body
    assert not gateway.ask("/graphql", method="QUERY", body=b"{a}").is_hit


def test_elsewhere_post_is_passed_and_invalidates(gateway, origin):
    origin.reply("/a", answer=echo())
    gateway.ask("/a")
    gateway.wait_until("stored", 1)
    for _ in range(2):
        answer = gateway.ask("/a", method="POST", body=b"x")
        assert answer.body == b"to POST x" and answer.detail == "method"
    assert not gateway.ask("/a").is_hit


@pytest.mark.parametrize("location", ["/a", "http://a.example/a", "a", "//a.example/a"])
def test_an_answer_to_post_serves_later_gets(gateway, origin, location):
    origin.reply("/a", body=b"made", headers={**HOUR, "Content-Location": location})
    answer = gateway.ask("/a", method="POST", body=b"x")
    assert answer.body == b"made"
    gateway.wait_until("stored", 1)
    assert gateway.ask("/a").is_hit and gateway.ask("/a", method="HEAD").is_hit
    assert gateway.count("adopted") == 1
    assert gateway.ask("/a").body == b"made"
    assert not gateway.ask("/a", method="POST", body=b"x").is_hit


@pytest.mark.parametrize("status, headers", [
    (200, {**HOUR}), (200, {**HOUR, "Content-Location": "/b"}),
    (200, {"Content-Location": "/a", "Last-Modified": "Thu, 01 Jan 2015 00:00:00 GMT"}),
    (200, {"Content-Location": "/a", "Cache-Control": "private, max-age=60"}),
    (200, {**HOUR, "Content-Location": "/a", "Vary": "Accept"}),
    (200, {**HOUR, "Content-Location": "/a", "Set-Cookie": "a=b"}),
    (201, {**HOUR, "Content-Location": "/a"}), (404, {**HOUR, "Content-Location": "/a"}),
])
def test_other_answers_to_post_are_not_stored(gateway, origin, status, headers):
    origin.reply("/a", status=status, body=b"made", headers=headers)
    assert gateway.ask("/a", method="POST", body=b"x").status == status
    assert not gateway.ask("/a").is_hit


def test_an_answer_to_a_post_with_credentials_is_for_nobody_else(gateway, origin):
    origin.reply("/a", body=b"made", headers={**HOUR, "Content-Location": "/a"})
    gateway.ask("/a", method="POST", body=b"x", Authorization="Bearer x")
    assert not gateway.ask("/a").is_hit


def test_what_a_post_brought_has_the_routes_tags(start, origin):
    gateway = start(route="tags: [\"all\"]")
    origin.reply("/a", body=b"made", headers={**HOUR, "Content-Location": "/a"})
    gateway.ask("/a", method="POST", body=b"x")
    gateway.wait_until("stored", 1)
    gateway.purge(tag="all")
    assert not gateway.ask("/a").is_hit


# ---- over HTTP/2 ----------------------------------------------------------------------------

def test_queries_over_http2(gateway, origin):
    origin.reply("/q", answer=echo())
    http2 = Http2(gateway.port)
    for stream, body in ((1, b"{a}"), (3, b"{b}")):
        http2.request(stream, "/q", method="QUERY", ends=False)
        http2.data(stream, body[:1])
        http2.data(stream, body[1:], ends=True)
        assert http2.answer(stream).body == b"to QUERY " + body
    gateway.wait_until("stored", 2)
    for stream, body in ((5, b"{a}"), (7, b"{b}")):
        http2.request(stream, "/q", method="QUERY", ends=False)
        http2.ping()
        http2.data(stream, body, ends=True)
        answer = http2.answer(stream)
        assert answer.is_hit and answer.body == b"to QUERY " + body
    http2.request(9, "/q", method="QUERY")
    assert http2.answer(9).body == b"to QUERY "
    http2.close()
    assert gateway.ask("/q", method="QUERY", body=b"{a}").is_hit


def test_a_query_too_large_for_a_key_over_http2(start, origin):
    gateway = start(route="key: {max_body: 100}")
    origin.reply("/q", answer=echo())
    http2 = Http2(gateway.port)
    http2.request(1, "/q", method="QUERY", ends=False)
    for piece in (b"a" * 60, b"b" * 60, b"c" * 60):
        http2.data(1, piece)
    http2.data(1, b"", ends=True)
    assert http2.answer(1).body == b"to QUERY " + b"a" * 60 + b"b" * 60 + b"c" * 60
    http2.close()
