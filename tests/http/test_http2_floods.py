"""HTTP/2 floods: each kind ends the connection with ENHANCE_YOUR_CALM and is counted; honest clients
that do a little of each go on."""
import struct

import pytest

from frames import (CANCEL, CONTINUATION, DATA, END_HEADERS, END_STREAM, ENHANCE_YOUR_CALM, HEADERS,
                    INITIAL_WINDOW_SIZE, PING, PRIORITY, RST_STREAM, SETTINGS, WINDOW_UPDATE, Http2,
                    block, frame, length, literal)

HOUR = {"Cache-Control": "max-age=3600"}
MANY = 10000  # frames, or pairs of them


def slowly(http2):
    """Streams of which the older have been reset: never more than there may be at once."""
    stream = 1
    while True:
        if stream > 80:
            http2.until(lambda: http2.of(stream - 80).reset is not None)
        yield stream
        stream += 2


def requests(http2):
    stream = 1
    while True:
        yield stream, frame(HEADERS, END_HEADERS | END_STREAM, stream, http2.head("/slow"))
        stream += 2


def rapid_reset(http2):
    for stream, request in requests(http2):
        yield request + frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL))


def provoked_resets(http2):
    """The server is made to reset: each stream's window grows beyond what there is."""
    for stream in slowly(http2):
        yield frame(HEADERS, END_HEADERS | END_STREAM, stream, http2.head("/slow")) + \
            frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", 0x7fffffff))


def malformed_requests(http2):
    for stream in slowly(http2):
        yield frame(HEADERS, END_HEADERS | END_STREAM, stream, block([(":method", "GET")]))


def forever(data):
    def attack(http2):
        while True:
            yield data
    return attack


def on_a_stream(data):
    """Of frames that belong to a stream, which has to be there."""
    def attack(http2):
        yield frame(HEADERS, END_HEADERS, 1, http2.head("/slow", method="POST"))
        while True:
            yield data
    return attack


def in_a_head(data):
    def attack(http2):
        yield frame(HEADERS, END_STREAM, 1, http2.head("/slow"))
        while True:
            yield data
    return attack


def indexed_bomb(name, value):
    """One byte for a field: first it is remembered, then named again and again."""
    def attack(http2):
        remembered = b"\x40" + length(len(name)) + name + length(len(value)) + value
        yield frame(HEADERS, END_STREAM, 1, http2.head("/slow") + remembered)
        while True:
            yield frame(CONTINUATION, 0, 1, b"\xbe" * 16000)
    return attack


def bombs(http2):
    """Many heads beyond the limits: each is refused, and costs."""
    fields = http2.head("/slow") + literal("cookie", "a=b") * 300
    stream = 1
    while True:
        yield frame(HEADERS, END_HEADERS | END_STREAM, stream, fields)
        stream += 2


FLOODS = {
    "rapid reset": (rapid_reset, "resets"),
    "resets that we are made to send": (provoked_resets, "resets"),
    "malformed requests": (malformed_requests, "resets"),
    "PING": (forever(frame(PING, 0, 0, bytes(8))), "control"),
    "SETTINGS": (forever(frame(SETTINGS)), "control"),
    "PRIORITY": (forever(frame(PRIORITY, 0, 3, struct.pack(">IB", 1, 1))), "control"),
    "WINDOW_UPDATE": (forever(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", 1))), "control"),
    "empty DATA": (on_a_stream(frame(DATA, 0, 1)), "empty"),
    "one field again and again": (indexed_bomb(b"x", b"y" * 1000), "headers"),
    "one crumb of Cookie again and again": (indexed_bomb(b"cookie", b"a"), "headers"),
    "heads beyond the limits": (bombs, "headers"),
}


@pytest.fixture(scope="module")
def shared():
    import larder
    from origin import Origin

    class Shared:
        origin = Origin()

    it = Shared()
    it.gate = it.origin.hold("/slow")
    it.origin.reply("/slow", body=b"x", headers=HOUR)
    it.origin.reply("/a", body=b"x", headers=HOUR)
    it.server = larder.serve("--origin", it.origin.url, "--resp", "off")
    yield it
    it.gate.open()
    it.server.stop()
    it.origin.stop()


def count(shared, name):
    import json
    import urllib.request
    with urllib.request.urlopen(shared.server.admin_url + "/v1/stats") as answer:
        return json.load(answer)["http"][name]


def send_flood(http2, attack):
    frames = attack(http2)
    for _ in range(MANY // 8):
        if not http2.try_send(b"".join(next(frames) for _ in range(8))):
            break


@pytest.mark.parametrize("attack, kind", FLOODS.values(), ids=FLOODS)
def test_a_flood_is_ended_and_counted(shared, attack, kind):
    before = count(shared, f"h2_floods_{kind}")
    http2 = Http2(shared.server.http_port).ping()
    send_flood(http2, attack)
    assert http2.ended_with() in (ENHANCE_YOUR_CALM, None)  # a reset may have eaten the GOAWAY
    http2.close()
    assert count(shared, f"h2_floods_{kind}") == before + 1
    http2 = Http2(shared.server.http_port)
    assert http2.request(1, "/a").answer(1).status == 200
    http2.close()


def test_frames_that_continue_nothing_end_the_connection(shared):
    http2 = Http2(shared.server.http_port).ping()
    send_flood(http2, in_a_head(frame(CONTINUATION, 0, 1)))
    http2.ended_with()
    assert http2.is_closed
    http2.close()


def test_an_attack_says_why_it_was_ended(shared):
    http2 = Http2(shared.server.http_port).ping()
    http2.send(frame(PING, 0, 0, bytes(8)) * 1001)
    assert http2.ended_with() == ENHANCE_YOUR_CALM
    http2.close()


def test_a_mix_is_one_score(shared):
    http2 = Http2(shared.server.http_port).ping()
    http2.send(frame(PING, 0, 0, bytes(8)) * 500)
    http2.send(frame(SETTINGS) * 250)
    assert http2.ended_with() == ENHANCE_YOUR_CALM
    http2.close()


def test_a_page_that_is_left_is_no_flood(shared):
    """A browser resets a hundred requests at once."""
    http2 = Http2(shared.server.http_port).ping()
    for stream in range(1, 201, 2):
        http2.request(stream, "/slow")
    for stream in range(1, 201, 2):
        http2.send(frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL)))
    assert http2.request(201, "/a").answer(201).status == 200
    http2.close()


def test_a_reader_that_opens_windows_as_it_reads_is_no_flood(shared):
    """Two WINDOW_UPDATEs for each frame of 1000 bytes."""
    shared.origin.reply("/big", body=b"x" * 4000000, headers=HOUR)
    http2 = Http2(shared.server.http_port, settings=[(INITIAL_WINDOW_SIZE, 1000)])
    assert len(http2.request(1, "/big").answer(1).body) == 4000000
    http2.close()


def test_windows_kept_shut_are_a_flood(start, origin):
    origin.reply("/a", body=b"x" * 1000, headers=HOUR)
    gateway = start(http="timeout: {send: 50ms}\nhttp2: {max-score: 300}")
    gateway.ask("/a")
    http2 = Http2(gateway.port, settings=[(INITIAL_WINDOW_SIZE, 0)], take=False).ping()
    for stream in range(1, 41, 2):
        http2.request(stream, "/a")
    assert http2.ended_with() == ENHANCE_YOUR_CALM
    http2.close()
    assert gateway.count("h2_floods_stalls") == 1


def test_the_limit_can_be_set(start, origin):
    gateway = start(http="http2: {max-score: 100}")
    http2 = Http2(gateway.port).ping()
    http2.send(frame(PING, 0, 0, bytes(8)) * 30)
    assert http2.ended_with() == ENHANCE_YOUR_CALM
    http2.close()
