"""Answers without end: each piece at once, nothing held back, and an end when nobody listens."""
import socket
import struct
import threading

import pytest

from wire import Cut

EVENTS = {"Content-Type": "text/event-stream", "Cache-Control": "no-cache"}


class Steps:
    """An origin's answer in pieces, each when the test says so."""

    def __init__(self, count):
        self.events = [threading.Event() for _ in range(count)]

    def __call__(self, number):
        self.events[number].wait(30)

    def go(self, number):
        self.events[number].set()

    def end(self):
        for event in self.events:
            event.set()


@pytest.fixture
def steps():
    it = Steps(64)
    yield it
    it.end()


def exactly(wire, data):
    assert wire.stream.read(len(data)) == data


@pytest.mark.parametrize("framing", ["chunked", "until the end", "with a length"])
@pytest.mark.parametrize("route", ["", "compress: {codings: [gzip, br]}", "cache: off", "cache: force\nttl: 1m"])
def test_each_piece_comes_at_once(start, origin, steps, framing, route):
    gateway = start(route=route)
    pieces = [b"data: %d\n\n" % i for i in range(4)]
    headers = dict(EVENTS)
    if framing == "with a length":
        headers["Content-Length"] = str(len(b"".join(pieces)))
    origin.reply("/events", pieces=pieces, between=steps, headers=headers,
                 chunked=framing == "chunked", close=framing == "until the end")
    wire = gateway.wire().get("/events", Accept_Encoding="gzip, br")
    steps.go(0)
    status, fields = wire.read_head()
    names = {name.lower() for name, _ in fields}
    assert status == 200 and "content-encoding" not in names
    for number, piece in enumerate(pieces):
        steps.go(number)
        if "transfer-encoding" in names:
            piece = b"%x\r\n%s\r\n" % (len(piece), piece)
        exactly(wire, piece)
    wire.close()


def test_the_head_comes_before_the_first_piece(gateway, origin, steps):
    origin.reply("/events", pieces=[b"x"], between=steps, headers=EVENTS, chunked=True)
    wire = gateway.wire().get("/events")
    assert wire.read_head()[0] == 200  # and nothing of the body came so far
    steps.go(0)
    exactly(wire, b"1\r\nx\r\n0\r\n\r\n")


def test_an_old_client_gets_a_stream_until_the_end(gateway, origin, steps):
    origin.reply("/events", pieces=[b"a", b"b"], between=steps, headers=EVENTS, chunked=True)
    wire = gateway.wire().send("GET /events HTTP/1.0\r\nHost: a\r\n\r\n")
    steps.go(0)
    wire.read_head()
    exactly(wire, b"a")
    steps.go(1)
    exactly(wire, b"b")
    assert wire.is_closed()


def test_who_leaves_ends_the_origins_exchange(gateway, origin, steps):
    origin.reply("/events", pieces=[b"x"] * 60, between=steps, headers=EVENTS, chunked=True)
    wire = gateway.wire().get("/events")
    steps.go(0)
    wire.read_head()
    assert gateway.count("fills") == 1
    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.close()
    gateway.wait_until_gone("fills")


def test_who_leaves_quietly_ends_it_with_the_next_pieces(gateway, origin, steps):
    origin.reply("/events", pieces=[b"x" * 1000] * 60, between=steps, headers=EVENTS, chunked=True)
    wire = gateway.wire().get("/events")
    steps.go(0)
    wire.read_head()
    wire.close()
    steps.end()
    gateway.wait_until_gone("fills")


def test_others_hear_on_when_one_leaves(start, origin, steps):
    gateway = start(route="cache: force\nttl: 1m")
    origin.reply("/events", pieces=[b"a", b"b"], between=steps, headers=EVENTS, chunked=True)
    first = gateway.wire().get("/events")
    steps.go(0)
    first.read_head()
    second = gateway.wire().get("/events")
    second.read_head()
    exactly(second, b"1\r\na\r\n")
    first.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    first.close()
    steps.go(1)
    exactly(second, b"1\r\nb\r\n0\r\n\r\n")


def test_a_stream_of_events_outlives_the_time_for_the_whole(start, origin):
    gateway = start(origins="timeout: {total: 150ms, between_bytes: 30s}")
    late = threading.Event()
    origin.reply("/events", pieces=[b"a", b"b"], headers=EVENTS, chunked=True,
                 between=lambda number: number == 0 or late.wait(0.5))
    origin.reply("/plain", pieces=[b"a", b"b"], chunked=True,
                 between=lambda number: number == 0 or late.wait(0.5))
    assert gateway.ask("/events").body == b"ab"
    with pytest.raises(Cut):
        gateway.ask("/plain")
