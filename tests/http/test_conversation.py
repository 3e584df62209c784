"""The connection: keep-alive, pipelining, framing, what is refused, what is passed on, time limits."""
import pathlib
import re
import threading
import time

import pytest

import larder

HOUR = {"Cache-Control": "max-age=3600"}
CORPORA = pathlib.Path(__file__).resolve().parent.parent / "fuzz/corpus"


# ---- keep-alive and pipelining --------------------------------------------------------------

def test_a_connection_serves_many_requests(gateway, origin):
    origin.reply("/a", body=b"x", headers=HOUR)
    wire = gateway.wire()
    for _ in range(20):
        assert wire.get("/a").answer().body == b"x"
    wire.close()
    assert gateway.count("accepted") == 1


def test_pipelined_requests_are_answered_in_order(gateway, origin):
    for path in ("/a", "/b", "/c"):
        origin.reply(path, body=path.encode(), headers=HOUR)
    wire = gateway.wire()
    paths = ["/a", "/b", "/c", "/a", "/missing", "/b"] * 20
    wire.send("".join(f"GET {path} HTTP/1.1\r\nHost: a.example\r\n\r\n" for path in paths))
    for path in paths:
        answer = wire.answer()
        assert answer.body == (b"" if path == "/missing" else path.encode())
    wire.close()


def test_what_was_pipelined_before_the_end_is_answered(gateway, origin):
    import socket
    origin.reply("/a", body=b"x", headers=HOUR)
    wire = gateway.wire()
    wire.send("GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n" * 3)
    wire.socket.shutdown(socket.SHUT_WR)
    for _ in range(3):
        assert wire.answer().body == b"x"
    assert wire.is_closed()


def test_connection_close_is_obeyed(gateway, origin):
    origin.reply("/a", body=b"x", headers=HOUR)
    for _ in range(2):
        wire = gateway.wire().get("/a", Connection="close")
        answer = wire.answer()
        assert answer.get("Connection") == "close"
        assert wire.is_closed()


def test_http_1_0_gets_a_length_or_the_end(gateway, origin):
    origin.reply("/a", pieces=[b"one", b"two"], chunked=True)
    wire = gateway.wire().send("GET /a HTTP/1.0\r\nHost: a.example\r\n\r\n")
    answer = wire.answer()
    assert answer.body == b"onetwo" and answer.get("Transfer-Encoding") is None


def test_http_1_0_can_keep_alive(gateway, origin):
    origin.reply("/a", body=b"x", headers=HOUR)
    wire = gateway.wire()
    for _ in range(2):
        wire.send("GET /a HTTP/1.0\r\nHost: a.example\r\nConnection: keep-alive\r\n\r\n")
        assert wire.answer().get("Connection") == "keep-alive"
    wire.close()


def test_a_head_that_comes_byte_by_byte_is_understood(gateway, origin):
    origin.reply("/a", body=b"x", headers=HOUR)
    wire = gateway.wire()
    for byte in b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n":
        wire.send(bytes([byte]))
    assert wire.answer().body == b"x"
    wire.close()


# ---- bodies ---------------------------------------------------------------------------------

@pytest.mark.parametrize("size", [0, 1, 1000, 100000, 3 << 20])
def test_request_bodies_arrive_whole(gateway, origin, size):
    body = bytes(range(256)) * (size // 256) + b"." * (size % 256)
    origin.reply("/a", answer=lambda request: {"body": b"%d" % len(request.body)})
    wire = gateway.wire()
    wire.get("/a", "POST", body=body) if size else wire.get("/a", "POST", Content_Length=0)
    assert wire.answer().body == b"%d" % size
    assert origin.seen("/a")[0].body == body
    assert wire.get("/a").answer().status == 200
    wire.close()


def test_a_body_before_the_end_of_the_connection_arrives_whole(gateway, origin):
    import socket
    body = bytes(range(256)) * 20000  # 5 MiB
    origin.reply("/a", answer=lambda request: {"body": b"%d" % len(request.body)})
    wire = gateway.wire().get("/a", "PUT", body=body)
    wire.socket.shutdown(socket.SHUT_WR)
    assert wire.answer().body == b"%d" % len(body)
    assert wire.is_closed()


def test_a_body_that_ends_too_early_is_400(gateway, origin):
    import socket
    origin.reply("/a", body=b"thanks")
    wire = gateway.wire()
    wire.send("PUT /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 100\r\n\r\nhalf")
    wire.socket.shutdown(socket.SHUT_WR)
    assert wire.answer().status == 400
    assert wire.is_closed()


def test_chunked_request_bodies_arrive_whole(gateway, origin):
    origin.reply("/a", body=b"thanks")
    wire = gateway.wire()
    wire.send("POST /a HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n")
    wire.send("5\r\nhello\r\n").send("7;x=y\r\n, world\r\n").send("0\r\nTrailer: x\r\n\r\n")
    assert wire.answer().body == b"thanks"
    seen = origin.seen("/a")[0]
    assert seen.body == b"hello, world"
    assert seen.get("Transfer-Encoding") == "chunked"
    wire.close()


def test_expect_100_continue_is_answered(gateway, origin):
    origin.reply("/a", body=b"thanks")
    wire = gateway.wire()
    wire.send("PUT /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n"
              "Expect: 100-continue\r\n\r\n")
    assert wire.read_head()[0] == 100
    wire.send("hello")
    assert wire.answer().body == b"thanks"
    assert origin.seen("/a")[0].get("Expect") is None
    wire.close()


def test_a_body_larger_than_the_route_allows_is_413(start, origin):
    gateway = start(route="max-request-body: 1KiB")
    wire = gateway.wire().get("/a", "POST", body=b"x" * 2000)
    assert wire.answer().status == 413
    assert wire.is_closed()
    wire = gateway.wire()
    wire.send("POST /a HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n")
    wire.send("7d0\r\n" + "x" * 2000 + "\r\n")
    assert wire.answer().status == 413
    assert gateway.ask("/b").status == 404


def test_a_broken_chunk_is_400(gateway, origin):
    origin.reply("/a", body=b"thanks")
    wire = gateway.wire()
    wire.send("POST /a HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n")
    wire.send("zz\r\nhello\r\n")
    assert wire.answer().status == 400
    assert wire.is_closed()


def test_large_answers_stream_through_little_memory(start, origin):
    gateway = start("--memory", "16MiB")
    piece = bytes(range(256)) * 4096  # 1 MiB
    origin.reply("/a", pieces=[piece] * 64, chunked=True)
    wire = gateway.wire().get("/a")
    answer = wire.answer()
    assert len(answer.body) == 64 << 20 and answer.body == piece * 64
    resident = gateway.stats()["resident_bytes"]
    if "san" not in larder.binary():  # a sanitizer keeps what was given back
        assert resident < 48 << 20, resident
    wire.close()


def test_large_uploads_stream_through_little_memory(start, origin):
    gateway = start("--memory", "16MiB")
    body = bytes(range(256)) * (64 << 12)  # 64 MiB
    origin.reply("/a", answer=lambda request: {"body": b"%d" % len(request.body)})
    answer = gateway.ask("/a", method="PUT", body=body)
    assert answer.body == b"%d" % len(body)
    resident = gateway.stats()["resident_bytes"]
    if "san" not in larder.binary():
        assert resident < 32 << 20, resident


def test_a_large_stored_answer_survives_slow_readers(start, origin):
    gateway = start("--workers", "2")
    body = bytes(range(256)) * 20000  # 5 MiB
    origin.reply("/a", body=body, headers=HOUR)
    gateway.ask("/a")
    slow = [gateway.wire(receive_buffer=4096).get("/a") for _ in range(4)]
    gateway.purge(all=True)
    for wire in slow:
        assert wire.answer().body == body
        wire.close()


def test_a_slow_reader_gets_the_whole_of_what_turns_out_too_large_to_store(start, origin):
    gateway = start(route="max-body: 8MiB", http="max-lag: 64KiB")
    pieces = [bytes(range(256)) * 4096] * 24  # 1 MiB each
    origin.reply("/a", pieces=pieces, chunked=True, headers=HOUR)
    slow = gateway.wire(receive_buffer=4096).get("/a")
    end = time.monotonic() + 30
    while gateway.stats()["origins"]["main"]["received_bytes"] < 8 << 20:
        assert time.monotonic() < end
        time.sleep(0.005)
    assert slow.answer().body == b"".join(pieces)
    assert gateway.count("slow_readers") == 0


def test_an_answer_comes_as_the_origin_sends_it(gateway, origin):
    go = [threading.Event() for _ in range(3)]
    origin.reply("/events", pieces=[b"data: 1\n\n", b"data: 2\n\n", b"data: 3\n\n"], chunked=True,
                 headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"},
                 between=lambda number: go[number].wait(30))
    wire = gateway.wire().get("/events")
    go[0].set()
    assert wire.read_head()[0] == 200
    for number in range(3):
        go[number].set()
        assert wire._line(b"") == b"9\r\n"
        assert wire._exactly(11, b"") == b"data: %d\n\n\r\n" % (number + 1)
    assert wire.stream.read(5) == b"0\r\n\r\n"
    wire.close()


# ---- what is passed on ----------------------------------------------------------------------

def test_hop_by_hop_fields_stay_here(gateway, origin):
    origin.reply("/a", body=b"x", headers={**HOUR, "Connection": "X-Secret", "X-Secret": "1",
                                           "Keep-Alive": "timeout=5", "Proxy-Authenticate": "x"})
    answer = gateway.ask("/a", Connection="X-Hop", X_Hop="1", TE="trailers", Keep_Alive="x",
                         Proxy_Connection="keep-alive")
    for name in ("X-Secret", "Keep-Alive", "Connection"):
        assert answer.get(name) is None, name
    seen = origin.seen("/a")[0]
    for name in ("X-Hop", "TE", "Keep-Alive", "Proxy-Connection"):
        assert seen.get(name) is None, name
    assert answer.get("Via") == "1.1 larder" and seen.get("Via") == "1.1 larder"


def test_x_forwarded_fields_are_ours_to_say(gateway, origin):
    origin.reply("/a", body=b"x", headers=HOUR)
    gateway.ask("/a", X_Forwarded_For="6.6.6.6", X_Forwarded_Proto="https",
                X_Forwarded_Host="evil.example", Forwarded="for=6.6.6.6", X_Original_URL="/admin",
                X_Rewrite_URL="/admin", X_HTTP_Method_Override="DELETE")
    seen = origin.seen("/a")[0]
    assert seen.get("X-Forwarded-For") == "127.0.0.1"
    assert seen.get("X-Forwarded-Proto") == "http"
    assert seen.get("X-Forwarded-Host") == "a.example"
    for name in ("Forwarded", "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override"):
        assert seen.get(name) is None, name


def test_early_hints_pass_through(gateway, origin):
    origin.reply("/a", body=b"x", interim=b"HTTP/1.1 103 Early Hints\r\nLink: </s.css>\r\n\r\n")
    answer = gateway.ask("/a")
    assert answer.interim == [(103, [("Link", "</s.css>")])]
    assert answer.body == b"x"


def test_conditions_and_ranges_of_passed_requests_reach_the_origin(start, origin):
    gateway = start(route="cache: off")
    origin.reply("/a", status=304)
    answer = gateway.ask("/a", If_None_Match="\"v1\"", Range="bytes=0-1")
    assert answer.status == 304
    seen = origin.seen("/a")[0]
    assert (seen.get("If-None-Match"), seen.get("Range")) == ("\"v1\"", "bytes=0-1")


def test_cache_status_of_the_origin_is_kept(gateway, origin):
    origin.reply("/a", body=b"x", headers={**HOUR, "Cache-Status": "inner; hit"})
    answer = gateway.ask("/a")
    assert answer.all("Cache-Status") == ["inner; hit", "larder; fwd=uri-miss; stored"]


# ---- keys and routes ------------------------------------------------------------------------

@pytest.mark.parametrize("one, other", [
    ("/a/./b", "/a/b"), ("/a/x/../b", "/a/b"), ("/%61/b", "/a/b"), ("/a%2fb", "/a%2Fb"),
    ("/a?", "/a"),
])
def test_spellings_of_a_path_are_one_key(gateway, origin, one, other):
    origin.reply(other, body=b"x", headers=HOUR)
    assert gateway.ask(one).status == 200
    assert gateway.ask(other).is_hit
    assert [request.target for request in origin.seen()] == [other]


@pytest.mark.parametrize("one, other", [
    ("/a", "/A"), ("/a", "/a/"), ("/a?x=1", "/a?x=2"), ("/a?x=1&y=2", "/a?y=2&x=1"),
    ("/a%2Fb", "/a/b"),
])
def test_different_paths_are_different_keys(gateway, origin, one, other):
    origin.reply(one, body=b"one", headers=HOUR)
    origin.reply(other, body=b"other", headers=HOUR)
    assert gateway.ask(one).body == b"one"
    assert gateway.ask(other).body == b"other"


def test_hosts_have_keys_of_their_own(gateway, origin):
    origin.reply("/a", answer=lambda request: {"body": request.get("Host").encode(),
                                               "headers": HOUR})
    assert gateway.ask("/a", host="one.example").body == b"one.example"
    assert gateway.ask("/a", host="two.example").body == b"two.example"
    assert gateway.ask("/a", host="ONE.example:80").is_hit
    assert not gateway.ask("/a", host="one.example:81").is_hit


def test_the_most_specific_route_is_taken(start, origin):
    gateway = start(routes='''all: {match: "/**", cache: off}
one: {match: "/api/{id}", ttl: 60s}
me: {match: "/api/me", cache: off}''')
    for path in ("/api/7", "/api/me", "/x"):
        origin.reply(path, body=b"x")
    assert gateway.ask("/api/7").cache == "larder; fwd=uri-miss; stored"
    assert gateway.ask("/api/me").detail == "route-off"
    assert gateway.ask("/x").detail == "route-off"


def test_a_path_without_a_route_is_404(start, origin):
    gateway = start(routes='api: {match: "/api/**"}')
    answer = gateway.ask("/x")
    assert answer.status == 404 and b"no route" in answer.body
    assert origin.seen() == []


def test_methods_that_a_route_does_not_allow_are_405(start, origin):
    gateway = start(route="methods: [GET, HEAD]")
    origin.reply("/a", body=b"x", headers=HOUR)
    assert gateway.ask("/a").status == 200
    wire = gateway.wire().get("/a", "POST", body=b"GET /evil HTTP/1.1\r\n")
    assert wire.answer().status == 405
    assert wire.is_closed()


# ---- errors ---------------------------------------------------------------------------------

def test_errors_are_sentences_as_text_or_json(start, origin):
    import json
    gateway = start()
    origin.stop()
    text = gateway.ask("/a")
    assert text.status == 502 and text.body == b"larder: the origin cannot be reached\n"
    told = json.loads(gateway.ask("/a", Accept="application/json").body)
    assert told == {"error": "the origin cannot be reached", "status": 502,
                    "reason": "origin-down"}


def test_a_slow_origin_is_504(start, origin):
    gateway = start(origins="timeout: {first_byte: 50ms}")
    origin.hold("/a")
    assert gateway.ask("/a").status == 504


# ---- what is refused ------------------------------------------------------------------------

MALFORMED = {
    "bare line feeds": "GET /a HTTP/1.1\nHost: a.example\n\n",
    "a folded line": "GET /a HTTP/1.1\r\nHost: a.example\r\nX: a\r\n b\r\n\r\n",
    "a blank before the colon": "GET /a HTTP/1.1\r\nHost : a.example\r\n\r\n",
    "length and coding": "POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": "POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n"
                   "Content-Length: 4\r\n\r\nabcd",
    "an odd length": "POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: +3\r\n\r\nabc",
    "two codings": "POST /a HTTP/1.1\r\nHost: a.example\r\n"
                   "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a coding in 1.0": "POST /a HTTP/1.0\r\nHost: a.example\r\n"
                       "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "no host": "GET /a HTTP/1.1\r\n\r\n",
    "two hosts": "GET /a HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n",
    "another host": "GET http://b.example/a HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "a fragment": "GET /a#b HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "a NUL": "GET /a HTTP/1.1\r\nHost: a.example\r\nX: a\0b\r\n\r\n",
    "a lonely CR": "GET /a HTTP/1.1\r\nHost: a.example\r\nX: a\rb\r\n\r\n",
    "a nameless field": "GET /a HTTP/1.1\r\nHost: a.example\r\n: x\r\n\r\n",
    "blanks in the target": "GET /a b HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "another protocol": "GET /a SMTP/1.1\r\nHost: a.example\r\n\r\n",
    "no version": "GET /a\r\nHost: a.example\r\n\r\n",
    "an escaped NUL": "GET /%00 HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "a broken escape": "GET /%zz HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "dots behind an escaped slash": "GET /a/..%2fb HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "a backslash": "GET /a\\b HTTP/1.1\r\nHost: a.example\r\n\r\n",
    "a TLS greeting": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_what_breaks_http_is_400_and_closed(gateway, origin, name):
    origin.reply("/a", body=b"x", headers=HOUR)
    wire = gateway.wire().send(MALFORMED[name] + "GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n")
    answer = wire.answer()
    assert answer.status == 400, answer
    assert re.fullmatch(rb"larder: .{10,}\n", answer.body)
    assert answer.get("Connection") == "close"
    assert answer.detail == "malformed"
    assert wire.is_closed()
    assert origin.seen() == []
    assert gateway.count("malformed") == 1


@pytest.mark.parametrize("request_text, status", [
    ("GET /" + "a" * 9000 + " HTTP/1.1\r\nHost: a.example\r\n\r\n", 414),
    ("GET /a HTTP/1.1\r\nHost: a.example\r\n" + "X: y\r\n" * 101 + "\r\n", 431),
    ("GET /a HTTP/1.1\r\nHost: a.example\r\nX: " + "y" * 40000 + "\r\n\r\n", 431),
    ("POST /a HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    ("GET /a HTTP/2.7\r\nHost: a.example\r\n\r\n", 505),
    ("POST /a HTTP/1.1\r\nHost: a.example\r\nExpect: miracles\r\nContent-Length: 1\r\n\r\nx", 417),
])
def test_limits_of_heads_have_statuses_of_their_own(gateway, origin, request_text, status):
    wire = gateway.wire().send(request_text)
    assert wire.answer().status == status
    assert wire.is_closed()


def test_the_fuzz_corpora_leave_the_gateway_answering(gateway, origin):
    origin.reply("/a", body=b"x", headers=HOUR)
    files = sorted(path for path in CORPORA.rglob("*") if path.is_file())
    assert files
    for path in files:
        wire = gateway.wire()
        try:
            wire.send(path.read_bytes())
            wire.socket.shutdown(1)
            while wire.stream.read(65536):
                pass
        except OSError:
            pass
        wire.close()
    assert gateway.ask("/a").status == 200
    gateway.wait_until_gone("requests_waiting")
    assert gateway.count("connections") == 0


# ---- time -----------------------------------------------------------------------------------

def test_a_header_that_takes_too_long_is_408(start, origin):
    gateway = start(http="timeout: {header: 50ms}")
    wire = gateway.wire().send("GET /a HTTP/1.1\r\nHost: a.exam")
    assert wire.answer().status == 408
    assert wire.is_closed()
    assert gateway.count("slow_headers") == 1


def test_an_idle_connection_is_closed(start, origin):
    gateway = start(http="timeout: {idle: 50ms}")
    wire = gateway.wire()
    assert wire.is_closed()
    assert gateway.count("idle_closed") == 1


def test_a_body_that_is_too_slow_ends_the_request(start, origin):
    gateway = start(http="timeout: {body: 50ms}\nbody-rate: 1KiB")
    wire = gateway.wire()
    wire.send("POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1000\r\n\r\nabc")
    assert wire.answer().status == 408
    assert wire.is_closed()
    assert gateway.count("slow_bodies") == 1


def test_a_client_that_takes_nothing_is_cut(start, origin):
    gateway = start(http="timeout: {send: 50ms}")
    origin.reply("/a", body=b"x" * (16 << 20), headers=HOUR)
    wire = gateway.wire(receive_buffer=4096).get("/a")
    gateway.wait_until("slow_readers", 1)
    wire.close()


def test_connections_are_limited(start, origin):
    gateway = start(http="max-connections: 3")
    origin.reply("/a", body=b"x", headers=HOUR)
    wires = [gateway.wire() for _ in range(3)]
    for wire in wires:
        assert wire.get("/a").answer().status == 200
    refused = gateway.wire()
    assert refused.answer().status == 503
    for wire in wires:
        wire.close()


# ---- the access log -------------------------------------------------------------------------

def test_the_access_log_has_a_line_for_each_request(start, origin, tmp_path):
    import json
    log = tmp_path / "access.log"
    gateway = start(http=f"access_log: {log}")
    origin.reply("/a", body=b"hello", headers=HOUR)
    gateway.ask("/a?q=\"1\"")
    gateway.ask("/a")
    gateway.ask("/a")
    gateway.wire().send("nonsense\r\n\r\n").answer()
    gateway.server.stop()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert sorted(line["status"] for line in lines) == [200, 200, 400, 404]
    by = {(line["status"], line["cache"]): line for line in lines}  # workers write on their own
    miss, hit = by[200, "miss"], by[200, "hit"]
    assert miss["reason"] == "" and miss["origin_ms"] >= 0
    assert (hit["method"], hit["host"], hit["path"], hit["route"]) == ("GET", "a.example", "/a", "all")
    assert hit["client"].startswith("127.0.0.1:") and hit["bytes"] > 5
    assert by[400, "malformed"]["reason"] == "malformed"
    assert by[404, "miss"]["path"] == "/a?q=\"1\""


def test_credentials_are_not_logged(start, origin, tmp_path):
    log = tmp_path / "access.log"
    gateway = start(http=f"access_log: {log}")
    gateway.ask("/a", Authorization="Bearer SECRET", Cookie="id=SECRET")
    gateway.server.stop()
    assert "SECRET" not in log.read_text()


# ---- shutdown -------------------------------------------------------------------------------

def test_shutting_down_answers_what_is_under_way(gateway, origin):
    import signal
    gate = origin.hold("/a")
    origin.reply("/a", body=b"x", headers=HOUR)
    wire = gateway.wire().get("/a")
    idle = gateway.wire()
    origin.wait_for("/a")
    gateway.server.signal(signal.SIGTERM)
    assert idle.is_closed()
    gate.open()
    assert wire.answer().body == b"x"
    assert wire.is_closed()
    assert gateway.server.wait() == 0
