"""HTTP/2 to clients: the same answers as over HTTP/1.1, many at once, each at its own pace."""
import json
import shutil
import signal
import socket
import ssl
import subprocess
import threading

import pytest

from frames import (CANCEL, DATA, END_HEADERS, END_STREAM, HEADERS, INITIAL_WINDOW_SIZE,
                    INTERNAL_ERROR, MAX_CONCURRENT_STREAMS, NO_ERROR, PREFACE, PROTOCOL_ERROR,
                    RST_STREAM, SETTINGS, Http2, block, frame)

HOUR = {"Cache-Control": "max-age=3600"}


@pytest.fixture
def connect(start):
    """Connections to one gateway, closed with the test."""
    opened, gateways = [], []

    def begin(gateway=None, **options):
        if gateway is None:
            gateways or gateways.append(start())
            gateway = gateways[0]
        http2 = Http2(gateway.port, **options)
        http2.gateway = gateway
        opened.append(http2)
        return http2

    yield begin
    for http2 in opened:
        http2.close()


@pytest.fixture
def http2(connect):
    return connect()


def ask(http2, path, stream=1, **how):
    return http2.request(stream, path, **how).answer(stream)


# ---- the same as over HTTP/1.1 ---------------------------------------------------------------

def test_a_request_is_answered(http2, origin):
    origin.reply("/a", body=b"hello", headers={**HOUR, "X-Name": "Value"})
    answer = ask(http2, "/a")
    assert (answer.status, answer.body, answer.get("x-name")) == (200, b"hello", "Value")
    assert answer.get("content-length") == "5" and "fwd=uri-miss" in answer.get("cache-status")
    again = ask(http2, "/a", 3)
    assert again.is_hit and again.body == b"hello" and again.get("age") is not None


def test_both_protocols_share_what_is_stored(http2, origin):
    origin.reply("/a", body=b"x", headers=HOUR)
    assert http2.gateway.ask("/a").status == 200
    assert ask(http2, "/a").is_hit
    assert len(origin.seen("/a")) == 1


def test_both_protocols_share_one_fetch(http2, origin):
    gate = origin.hold("/a")
    origin.reply("/a", body=b"x" * 5000, headers=HOUR)
    wire = http2.gateway.wire().get("/a")
    origin.wait_for("/a")
    http2.request(1, "/a").request(3, "/a").ping()
    gate.open()
    assert wire.answer().body == http2.answer(1).body == http2.answer(3).body == b"x" * 5000
    assert len(origin.seen("/a")) == 1
    assert "collapsed" in http2.answer(3).get("cache-status")


def test_nothing_of_a_connection_is_in_an_answer(http2, origin):
    origin.reply("/a", chunked=True, pieces=[b"one", b"two"], headers=HOUR)
    answer = ask(http2, "/a")
    assert answer.body == b"onetwo"
    names = {name for name, _ in answer.fields}
    assert not names & {"connection", "keep-alive", "transfer-encoding", "upgrade"}


def test_head_has_no_body(http2, origin):
    origin.reply("/a", body=b"hello", headers=HOUR)
    for stream in (1, 3):  # a miss and a hit
        answer = ask(http2, "/a", stream, method="HEAD")
        assert (answer.status, answer.body, answer.get("content-length")) == (200, b"", "5")


def test_who_has_it_is_told_so(http2, origin):
    origin.reply("/a", body=b"hello", headers={**HOUR, "ETag": '"1"'})
    ask(http2, "/a")
    answer = ask(http2, "/a", 3, if_none_match='"1"')
    assert (answer.status, answer.body) == (304, b"")


def test_a_range_is_cut_from_what_is_stored(http2, origin):
    origin.reply("/a", body=b"0123456789", headers={**HOUR, "ETag": '"1"'})
    ask(http2, "/a")
    answer = ask(http2, "/a", 3, range="bytes=2-4")
    assert (answer.status, answer.body) == (206, b"234")
    answer = ask(http2, "/a", 5, range="bytes=0-0,9-9")
    assert answer.status == 206 and b"Content-Range: bytes 9-9/10" in answer.body


def test_an_answer_without_a_body_ends_with_its_head(http2, origin):
    origin.reply("/a", status=204)
    assert ask(http2, "/a").status == 204
    origin.reply("/b", headers=HOUR)
    for stream in (3, 5):
        assert ask(http2, "/b", stream).body == b""


def test_early_hints_come_before_the_answer(http2, origin):
    origin.reply("/a", body=b"x", interim=b"HTTP/1.1 103 Early Hints\r\nLink: </s.css>\r\n\r\n")
    answer = ask(http2, "/a")
    assert answer.interim == [(103, [("link", "</s.css>")])] and answer.status == 200


def test_a_missing_route_is_answered(start, connect, origin):
    gateway = start(routes="only:\n  match: /a\n  origin: main")
    answer = ask(connect(gateway), "/b", accept="application/json")
    assert answer.status == 404 and json.loads(answer.body)["status"] == 404


def test_what_the_origin_breaks_off_is_reset(http2, origin):
    origin.reply("/a", headers={**HOUR, "Content-Length": "10000"}, pieces=[b"x" * 5000], cut=True)
    answer = ask(http2, "/a")
    assert answer.reset == INTERNAL_ERROR and not answer.is_whole
    origin.reply("/a", body=b"y", headers=HOUR)
    assert ask(http2, "/a", 3).body == b"y"


def test_a_dead_origin_is_a_502(start, connect, origin):
    gateway = start()
    origin.stop()
    assert ask(connect(gateway), "/a").status == 502


def test_the_access_log_says_which_protocol(start, connect, origin, tmp_path):
    log = tmp_path / "access.log"
    gateway = start(http=f"access_log: {log}")
    origin.reply("/a", body=b"hello", headers=HOUR)
    gateway.ask("/a")
    http2 = connect(gateway)
    ask(http2, "/a")
    http2.close()
    gateway.server.stop()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    by = {line["protocol"]: line for line in lines}
    assert set(by) == {"HTTP/1.1", "HTTP/2"}
    assert (by["HTTP/2"]["cache"], by["HTTP/2"]["path"], by["HTTP/2"]["host"]) == \
        ("hit", "/a", "a.example")


def test_it_can_be_switched_off(start):
    wire = start(http="http2: {enabled: off}").wire().send(PREFACE)
    assert wire.answer().status == 505


def test_the_preface_may_come_in_pieces(connect, origin):
    origin.reply("/a", body=b"x")
    http2 = connect(hello=False)
    for byte in PREFACE + frame(SETTINGS):
        http2.send(bytes([byte]))
    assert ask(http2, "/a").status == 200


def test_a_preface_behind_a_request_is_refused(gateway, origin):
    origin.reply("/a", body=b"x", headers=HOUR)
    wire = gateway.wire().get("/a")
    assert wire.answer().status == 200
    assert wire.send(PREFACE).answer().status == 505


# ---- heads ------------------------------------------------------------------------------------

def test_pieces_of_cookie_are_one_field(http2, origin):
    origin.reply("/a", body=b"x")
    ask(http2, "/a", more=[("cookie", "a=1"), ("cookie", "b=2"), ("x", "y"), ("cookie", "c=3")])
    assert origin.seen("/a")[0].get("Cookie") == "a=1; b=2; c=3"


def test_the_authority_becomes_host(http2, origin):
    origin.reply("/a", body=b"x")
    ask(http2, "/a", host="b.example:8080")
    assert origin.seen("/a")[0].get("Host") == "b.example:8080"


def test_host_stands_for_a_missing_authority(http2, origin):
    origin.reply("/a", body=b"x")
    ask(http2, "/a", host=None, more=[("host", "c.example")])
    assert origin.seen("/a")[0].get("Host") == "c.example"


def test_te_trailers_is_taken(http2, origin):
    origin.reply("/a", body=b"x")
    assert ask(http2, "/a", te="trailers").status == 200
    assert origin.seen("/a")[0].get("TE") is None


METHOD, SCHEME, HOST, PATH = (":method", "GET"), (":scheme", "http"), \
    (":authority", "a.example"), (":path", "/a")
GOOD = [METHOD, SCHEME, HOST, PATH]

WRONG = {
    "no method": [SCHEME, HOST, PATH],
    "no scheme": [METHOD, HOST, PATH],
    "no path": [METHOD, SCHEME, HOST],
    "empty path": [METHOD, SCHEME, HOST, (":path", "")],
    "no host at all": [METHOD, SCHEME, PATH],
    "a path that is none": [METHOD, SCHEME, HOST, (":path", "a")],
    "absolute form": [METHOD, SCHEME, HOST, (":path", "http://b.example/a")],
    "a path with a blank": [METHOD, SCHEME, HOST, (":path", "/a b")],
    "a path with a version": [METHOD, SCHEME, HOST, (":path", "/a HTTP/1.1\r\nX: y")],
    "a path with a fragment": [METHOD, SCHEME, HOST, (":path", "/a#b")],
    "a method with a blank": [(":method", "GET /b"), SCHEME, HOST, PATH],
    "another scheme": [METHOD, (":scheme", "file"), HOST, PATH],
    "two methods": [METHOD, METHOD, SCHEME, HOST, PATH],
    "two paths": [*GOOD, PATH],
    "a pseudo field behind a field": [METHOD, SCHEME, HOST, ("x", "y"), PATH],
    "an unknown pseudo field": [*GOOD, (":other", "x")],
    "a pseudo field of answers": [*GOOD, (":status", "200")],
    ":protocol": [*GOOD, (":protocol", "websocket")],
    "an upper case name": [*GOOD, ("X-Name", "y")],
    "an empty name": [*GOOD, ("", "y")],
    "a name with a blank": [*GOOD, ("a b", "y")],
    "a name with a colon": [*GOOD, ("a:b", "y")],
    "CRLF in a value": [*GOOD, ("x", "y\r\nz: a")],
    "LF in a value": [*GOOD, ("x", "y\nz")],
    "NUL in a value": [*GOOD, ("x", "y\0z")],
    "connection": [*GOOD, ("connection", "close")],
    "keep-alive": [*GOOD, ("keep-alive", "1")],
    "proxy-connection": [*GOOD, ("proxy-connection", "close")],
    "transfer-encoding": [*GOOD, ("transfer-encoding", "chunked")],
    "upgrade": [*GOOD, ("upgrade", "websocket")],
    "te other than trailers": [*GOOD, ("te", "gzip")],
    "another host": [*GOOD, ("host", "b.example")],
    "two hosts": [METHOD, SCHEME, PATH, ("host", "a.example"), ("host", "a.example")],
    "a host with user": [METHOD, SCHEME, (":authority", "u@a.example"), PATH],
    "a length that is none": [*GOOD, ("content-length", "x")],
    "two lengths": [*GOOD, ("content-length", "0"), ("content-length", "0")],
    "a length and no body": [*GOOD, ("content-length", "5")],
}


@pytest.mark.parametrize("fields", WRONG.values(), ids=WRONG)
def test_what_breaks_the_rules_is_refused(shared, fields):
    http2 = shared.http2()
    answer = http2.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block(fields))).answer(1)
    assert answer.status == 400 or answer.reset == PROTOCOL_ERROR
    assert ask(http2, "/well", 3).status == 200  # the connection goes on
    assert shared.origin.seen("/a") == []
    http2.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One gateway for tests that only look at how a connection is answered."""
    import larder
    from origin import Origin

    class Shared:
        origin = Origin()

        def http2(self, **options):
            return Http2(self.server.http_port, **options)

    it = Shared()
    it.origin.reply("/well", body=b"x", headers=HOUR)
    it.server = larder.serve("--origin", it.origin.url, "--resp", "off")
    yield it
    it.server.stop()
    it.origin.stop()


def test_a_body_that_is_not_as_long_as_it_says_is_reset(http2, origin):
    origin.reply("/a", body=b"x")
    http2.request(1, "/a", method="POST", ends=False, content_length="5")
    assert http2.data(1, b"123", ends=True).answer(1).reset == PROTOCOL_ERROR
    http2.request(3, "/a", method="POST", ends=False, content_length="5")
    assert http2.data(3, b"1234567").answer(3).reset == PROTOCOL_ERROR


def test_a_header_beyond_its_limit_is_a_431(start, connect, origin):
    http2 = connect(start(http="max-header: 4KiB\nmax-fields: 20"))
    origin.reply("/a", body=b"x", headers=HOUR)
    assert ask(http2, "/a", x="y" * 5000).status == 431
    assert ask(http2, "/a", 3, more=[(f"x{i}", "y") for i in range(25)]).status == 431
    assert ask(http2, "/a", 5, more=[("cookie", "a=b")] * 30).status == 431
    assert ask(http2, "/a", 7).status == 200  # what HPACK remembers was not lost
    assert http2.gateway.count("malformed") == 3


# ---- many at once -----------------------------------------------------------------------------

def test_a_hundred_streams_are_answered_in_any_order(http2, origin):
    gate = origin.hold("/slow")
    origin.reply("/slow", body=b"slow", headers=HOUR)
    http2.request(1, "/slow")
    for stream in range(3, 200, 2):
        origin.reply(f"/{stream}", body=b"%d" % stream, headers=HOUR)
        http2.request(stream, f"/{stream}")
    for stream in range(199, 2, -2):
        assert http2.answer(stream).body == b"%d" % stream
    assert not http2.of(1).is_whole
    gate.open()
    assert http2.answer(1).body == b"slow"


def test_a_stream_too_many_ends_the_connection(start, connect, origin):
    http2 = connect(start(http="http2: {max-streams: 3}"))
    gate = origin.hold("/a")
    origin.reply("/a", body=b"x", headers=HOUR)
    http2.until(lambda: http2.settings)
    assert http2.settings[MAX_CONCURRENT_STREAMS] == 3
    for stream in (1, 3, 5, 7):
        http2.request(stream, "/a")
    assert http2.ended_with() == PROTOCOL_ERROR
    assert http2.goaways[-1][0] <= 7
    gate.open()


def test_a_large_body_goes_through_tiny_windows(connect, origin):
    body = bytes(range(256)) * 160
    origin.reply("/a", body=body, headers=HOUR)
    http2 = connect(settings=[(INITIAL_WINDOW_SIZE, 1)], take=False)
    for stream in (1, 3):  # as it is fetched, and stored
        http2.request(stream, "/a")
        http2.until(lambda: len(http2.of(stream).body) == 1)
        while not http2.of(stream).is_whole:
            before = len(http2.of(stream).body)
            http2.open_window(stream, 1000).open_window(0, 1000)
            http2.until(lambda: len(http2.of(stream).body) >= min(before + 1000, len(body)) and
                       (len(http2.of(stream).body) < len(body) or http2.of(stream).is_whole))
        assert http2.of(stream).body == body


def test_a_large_body_goes_out_whole(http2, origin):
    body = bytes(range(256)) * 20000
    origin.reply("/a", body=body, headers=HOUR)
    assert ask(http2, "/a").body == body
    assert ask(http2, "/a", 3).body == body


def test_large_bodies_go_out_beside_each_other(http2, origin):
    for stream in range(1, 21, 2):
        origin.reply(f"/{stream}", body=b"%d" % stream * 200000, headers=HOUR)
        http2.request(stream, f"/{stream}")
    for stream in range(1, 21, 2):
        assert http2.answer(stream).body == b"%d" % stream * 200000


def test_a_shut_window_stops_only_its_stream(connect, origin):
    origin.reply("/big", body=b"x" * 2000000)  # not stored
    origin.reply("/small", body=b"y", headers=HOUR)
    http2 = connect(take=False)
    http2.open_window(0, 10000000).request(1, "/big")
    http2.until(lambda: len(http2.of(1).body) == 65535)
    for stream in range(3, 43, 2):
        assert ask(http2, "/small", stream).body == b"y"
    http2.open_window(1, 2000000)
    assert len(http2.answer(1).body) == 2000000


def test_a_reset_request_is_forgotten(http2, origin):
    gate = origin.hold("/a")
    origin.reply("/a", body=b"x")
    http2.request(1, "/a")
    origin.wait_for("/a")
    http2.send(frame(RST_STREAM, 0, 1, CANCEL.to_bytes(4, "big")))
    http2.gateway.wait_until_gone("requests_waiting")
    gate.open()
    origin.reply("/b", body=b"y")
    assert ask(http2, "/b", 3).body == b"y"


def test_a_closed_connection_leaves_nothing_behind(connect, origin):
    gate = origin.hold("/a")
    origin.reply("/a", body=b"x" * 100000)
    http2 = connect()
    for stream in range(1, 41, 2):
        http2.request(stream, "/a")
        http2.request(stream + 40, "/a", method="POST", ends=False).data(stream + 40, b"123")
    http2.ping()
    http2.close()
    gate.open()
    http2.gateway.wait_until_gone("requests_waiting")
    http2.gateway.wait_until_gone("h2_connections")


# ---- bodies of requests -----------------------------------------------------------------------

def test_a_body_with_a_length_reaches_the_origin(http2, origin):
    origin.reply("/a", body=b"x")
    body = bytes(range(256)) * 2000
    http2.request(1, "/a", method="POST", ends=False, content_length=str(len(body)))
    send_body(http2, 1, body)
    assert http2.answer(1).status == 200
    assert origin.seen("/a")[0].body == body
    assert origin.seen("/a")[0].get("Content-Length") == str(len(body))


def send_body(http2, stream, body):
    """As the windows allow."""
    http2.until(lambda: http2.settings)
    at = 0
    while at < len(body):
        size = min(http2.given(stream) - at, 16384, len(body) - at)
        if size == 0:
            assert http2.next() is not None
        else:
            http2.data(stream, body[at:at + size], ends=at + size == len(body))
            at += size


def test_a_body_without_a_length_reaches_the_origin(http2, origin):
    origin.reply("/a", body=b"x")
    http2.request(1, "/a", method="PUT", ends=False)
    http2.data(1, b"one ").data(1, b"two").data(1, b"", ends=True)
    assert http2.answer(1).status == 200
    assert origin.seen("/a")[0].body == b"one two"


def test_trailers_end_a_body(http2, origin):
    origin.reply("/a", body=b"x")
    http2.request(1, "/a", method="PUT", ends=False).data(1, b"one")
    http2.send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block([("x-sum", "1")])))
    assert http2.answer(1).status == 200
    assert origin.seen("/a")[0].body == b"one"


def test_expect_is_answered(http2, origin):
    origin.reply("/a", body=b"x")
    http2.request(1, "/a", method="POST", ends=False, expect="100-continue", content_length="3")
    http2.until(lambda: http2.of(1).interim)
    assert http2.of(1).interim == [(100, [])]
    assert http2.data(1, b"abc", ends=True).answer(1).status == 200


def test_no_more_comes_than_the_window_while_nobody_takes_it(serve):
    """The origin reads nothing: what comes is the windows, and what sockets hold."""
    import socket
    deaf = socket.create_server(("127.0.0.1", 0))
    server = serve("--origin", "http://127.0.0.1:%d" % deaf.getsockname()[1], "--resp", "off")
    peer = None
    http2 = Http2(server.http_port)
    try:
        http2.request(1, "/a", method="POST", ends=False).until(lambda: http2.settings)
        for _ in range(4):  # a pause that is too short fails nothing
            while http2.given(1) > http2.sent.get(1, 0):
                http2.data(1, b"x" * min(http2.given(1) - http2.sent.get(1, 0), 16384))
                peer = peer or deaf.accept()[0]
            http2.ping()
        assert http2.sent[1] < 32 << 20
    finally:
        http2.close()
        peer and peer.close()
        deaf.close()


def test_a_body_beyond_its_limit_is_a_413(start, connect, origin):
    http2 = connect(start(route="max-request-body: 1KiB"))
    origin.reply("/a", body=b"x")
    assert ask(http2, "/a", method="POST", ends=False, content_length="5000").status == 413
    http2.request(3, "/a", method="POST", ends=False).data(3, b"x" * 2000)
    assert http2.answer(3).status == 413
    http2.until(lambda: http2.of(3).reset is not None)
    assert http2.of(3).reset == NO_ERROR  # the rest is not wanted
    assert ask(http2, "/a", 5).status == 200


def test_an_answer_may_come_before_the_body_is_whole(http2, origin):
    origin.reply("/a", raw=b"HTTP/1.1 403 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno",
                 close=True)
    http2.request(1, "/a", method="GET", ends=False, content_length="0")
    answer = http2.answer(1)
    assert answer.status == 403 and answer.body == b"no"


# ---- time -------------------------------------------------------------------------------------

def test_a_header_that_does_not_end_is_not_waited_for(start, connect):
    http2 = connect(start(http="timeout: {header: 200ms}")).ping()
    http2.send(frame(HEADERS, END_STREAM, 1, http2.head("/a")))
    assert http2.ended_with() == NO_ERROR
    assert http2.gateway.count("slow_headers") == 1


def test_an_idle_connection_is_told_and_closed(start, connect, origin):
    http2 = connect(start(http="timeout: {idle: 200ms}"))
    origin.reply("/a", body=b"x")
    assert ask(http2, "/a").status == 200
    assert http2.ended_with() == NO_ERROR
    assert http2.gateway.count("idle_closed") == 1


def test_a_body_that_does_not_come_is_a_408(start, connect, origin):
    http2 = connect(start(http="timeout: {body: 200ms}"))
    assert ask(http2, "/a", method="POST", ends=False, content_length="100").status == 408
    assert ask(http2, "/a", 3).status == 404


def test_a_window_that_stays_shut_is_not_waited_for(start, connect, origin):
    origin.reply("/a", body=b"x" * 100000, headers=HOUR)
    http2 = connect(start(http="timeout: {send: 300ms}"), settings=[(INITIAL_WINDOW_SIZE, 10)],
                   take=False)
    assert ask(http2, "/a").reset == CANCEL
    assert ask(http2, "/b", 3).status == 404  # only the stream
    assert http2.gateway.count("slow_readers") == 1


def test_who_reads_nothing_is_closed(start, connect, origin):
    origin.reply("/a", body=b"x" * 1000000, headers=HOUR)
    gateway = start(http="timeout: {send: 300ms}")
    gateway.ask("/a")
    http2 = connect(gateway, settings=[(INITIAL_WINDOW_SIZE, 2000000)], receive_buffer=4096)
    http2.open_window(0, 1 << 30)
    for stream in range(1, 199, 2):
        http2.request(stream, "/a")
    gateway.wait_until("slow_readers", 1)
    gateway.wait_until_gone("h2_connections")


# ---- the end ----------------------------------------------------------------------------------

def test_shutting_down_is_said_in_two_steps_and_answers_what_is_under_way(http2, origin):
    gate = origin.hold("/a")
    origin.reply("/a", body=b"x", headers=HOUR)
    http2.request(1, "/a")
    origin.wait_for("/a")
    http2.gateway.server.signal(signal.SIGTERM)
    http2.until(lambda: len(http2.goaways) == 2)
    assert http2.goaways == [((1 << 31) - 1, NO_ERROR), (1, NO_ERROR)]
    gate.open()
    assert http2.answer(1).body == b"x"
    assert http2.ended_with() == NO_ERROR
    http2.close()
    assert http2.gateway.server.wait() == 0


def test_who_says_that_it_goes_is_answered_first(http2, origin):
    gate = origin.hold("/a")
    origin.reply("/a", body=b"x", headers=HOUR)
    http2.request(1, "/a")
    origin.wait_for("/a")
    import socket
    http2.socket.shutdown(socket.SHUT_WR)
    gate.open()
    assert http2.answer(1).body == b"x"
    http2.ended_with()


def test_what_breaks_the_protocol_ends_the_connection(connect):
    http2 = connect()
    http2.send(frame(DATA, 0, 1, b"x"))
    assert http2.ended_with() == PROTOCOL_ERROR
    http2 = connect(hello=False)
    http2.send(PREFACE + b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    http2.until(lambda: False)
    assert http2.is_closed


# ---- over TLS ---------------------------------------------------------------------------------

SECURE = """
listen:
  http: {{address: "127.0.0.1:0"}}
  https: {{address: "127.0.0.1:0"}}
  admin: {{address: "127.0.0.1:0"}}
certificates:
  shop: {{file: "{folder}/shop.pem", key: "{folder}/shop.key"}}
origins:
  main: {{servers: ["{origin}"]}}
routes:
  all: {{match: "/**"}}
http:
  http2: {{enabled: {enabled}}}
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    from certificates import Authority
    it = Authority(tmp_path_factory.mktemp("certificates"))
    it.issue("shop", "shop.example")
    return it


@pytest.fixture
def secure(serve, origin, authority):
    """Begins a gateway with TLS; gives what connects to it."""

    def begin(enabled="on"):
        config = SECURE.format(folder=authority.folder, origin=origin.address, enabled=enabled)
        server = serve("--resp", "off", config=config)
        port = int(next(line for line in server.lines if " https on " in line).rpartition(":")[2])

        def connect_with(*protocols, **options):
            context = ssl.create_default_context(cafile=authority.file)
            context.set_alpn_protocols(protocols)
            return Http2(port, tls=context, **options)

        return connect_with

    return begin


def test_it_is_agreed_on_in_the_handshake(secure, origin):
    origin.reply("/a", body=b"hello", headers=HOUR)
    http2 = secure()("h2", "http/1.1")
    assert http2.socket.selected_alpn_protocol() == "h2"
    assert ask(http2, "/a", scheme="https").body == b"hello"
    assert ask(http2, "/a", 3, scheme="https").is_hit
    assert origin.seen("/a")[0].get("X-Forwarded-Proto") == "https"
    http2.close()


def test_large_bodies_go_both_ways_over_tls(secure, origin):
    body = bytes(range(256)) * 5000
    origin.reply("/a", body=body, headers=HOUR)
    http2 = secure()("h2")
    for stream in (1, 3):
        assert ask(http2, "/a", stream, scheme="https").body == body
    http2.request(5, "/a", method="POST", ends=False, scheme="https")
    send_body(http2, 5, body)
    assert http2.answer(5).status == 200 and origin.seen("/a")[-1].body == body
    http2.close()


def test_who_agreed_on_http_1_1_speaks_no_http_2(secure):
    http2 = secure()("http/1.1", hello=False)
    assert http2.send(PREFACE).stream.readline().startswith(b"HTTP/1.1 505 ")
    http2.close()


def test_it_is_not_offered_where_it_is_switched_off(secure):
    begin = secure(enabled="off")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        begin("h2")
    http2 = begin("h2", "http/1.1", hello=False)
    assert http2.socket.selected_alpn_protocol() == "http/1.1"
    http2.close()


# ---- real clients -----------------------------------------------------------------------------

def run(*words):
    if shutil.which(words[0]) is None:
        pytest.skip(f"{words[0]} is not installed")
    return subprocess.run(words, capture_output=True, timeout=60, check=False)


def test_curl_is_answered(gateway, origin):
    origin.reply("/a", body=b"hello", headers=HOUR)
    url = f"http://127.0.0.1:{gateway.port}/a"
    for _ in range(2):
        done = run("curl", "-s", "--http2-prior-knowledge", "-w", "%{http_version}", url)
        assert done.stdout == b"hello2"
    done = run("curl", "-s", "--http2-prior-knowledge", "--data-binary", "@" + __file__, url)
    assert done.stdout == b"hello"
    assert origin.seen("/a")[-1].body == open(__file__, "rb").read()


def test_nghttp_is_answered(gateway, origin):
    origin.reply("/a", body=b"hello", headers=HOUR)
    done = run("nghttp", f"http://127.0.0.1:{gateway.port}/a")
    assert done.stdout == b"hello"


def test_h2load_is_answered(gateway, origin):
    origin.reply("/a", body=b"x" * 1024, headers=HOUR)
    done = run("h2load", "-n", "2000", "-c", "5", "-m", "20", f"http://127.0.0.1:{gateway.port}/a")
    assert b"2000 succeeded, 0 failed, 0 errored" in done.stdout, done.stdout
    assert len(origin.seen("/a")) == 1


def test_connections_of_both_kinds_beside_each_other(gateway, origin):
    for path in range(20):
        origin.reply(f"/{path}", body=b"%d" % path * 1000, headers=HOUR)
    wrong = []

    def over_two():
        http2 = Http2(gateway.port)
        for round_ in range(10):
            for path in range(20):
                http2.request(1 + 2 * (round_ * 20 + path), f"/{path}")
            for path in range(20):
                if http2.answer(1 + 2 * (round_ * 20 + path)).body != b"%d" % path * 1000:
                    wrong.append(path)
        http2.close()

    def over_one():
        for path in list(range(20)) * 5:
            if gateway.ask(f"/{path}").body != b"%d" % path * 1000:
                wrong.append(path)

    threads = [threading.Thread(target=one) for one in [over_two, over_one] * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert wrong == [] and all(len(origin.seen(f"/{path}")) == 1 for path in range(20))


# ---- what a request may have to do twice -----------------------------------------------------

def test_an_error_in_place_of_something_that_may_be_stale(http2, origin):
    origin.reply("/a", status=500, body=b"broken", headers=HOUR)
    answer = ask(http2, "/a", cache_control="max-stale=60")
    assert (answer.status, answer.body) == (500, b"broken")
    assert ask(http2, "/a", 3).status == 500


def test_something_stale_in_place_of_an_error_for_who_takes_it(http2, origin):
    past = {"Cache-Control": "max-age=1", "Age": "10", "ETag": '"1"'}
    origin.replies("/a", {"body": b"old", "headers": past}, {"status": 503})
    ask(http2, "/a")
    answer = ask(http2, "/a", 3, cache_control="stale-if-error=600")
    assert (answer.status, answer.body) == (200, b"old")


def test_a_304_about_something_else_is_asked_again(http2, origin):
    past = {"Cache-Control": "max-age=1", "Age": "10", "ETag": '"1"'}
    origin.replies("/a", {"body": b"old", "headers": past},
                   {"status": 304, "headers": {"ETag": '"2"'}},
                   {"body": b"new", "headers": {**HOUR, "ETag": '"2"'}})
    ask(http2, "/a")
    answer = ask(http2, "/a", 3)
    assert (answer.status, answer.body) == (200, b"new")


def test_half_a_body_that_belongs_to_the_key_is_refused_and_forgotten(http2, origin):
    origin.reply("/a", body=b"x", headers=HOUR)
    http2.request(1, "/a", ends=False, method="QUERY", content_type="text/plain")
    http2.data(1, b"half").ping()
    http2.socket.shutdown(socket.SHUT_WR)
    assert http2.answer(1).status == 400
    http2.until(lambda: http2.is_closed)
    server = http2.gateway.server.process
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=60) == 0
