"""Origins that fail in every way: clients get something stale where that is allowed, else a clear
error with its reason; nothing that is not whole is ever stored; the breaker opens and closes."""
import random
import socket
import struct
import threading

import pytest

from fleet import start_fleet
from origin import Origin
from wire import Cut

HOUR = {"Cache-Control": "max-age=3600"}
QUICK = ("timeout: {connect: 5s, first_byte: 300ms, between_bytes: 300ms, total: 1s}\n"
         "retry: {max: 0}\n")
NO_BREAKER = QUICK + "breaker: {failures: 0, min_requests: 1000000}\n"
SHORT_BREAKER = QUICK + "breaker: {failures: 5, open_for: 200ms}\n"


@pytest.fixture
def rogue():
    it = Rogue()
    yield it
    it.stop()


class Rogue:
    """An origin that does with each connection what a function says: act(connection, request). It
    is well until it is told otherwise."""

    def __init__(self):
        self.asked = 0
        self.act = answer(b"well")
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.address = "127.0.0.1:%d" % self._socket.getsockname()[1]
        self._stopping = threading.Event()
        self._open = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        request = b""
        try:
            while b"\r\n\r\n" not in request:
                data = connection.recv(65536)
                if not data:
                    return
                request += data
            self.asked += 1
            self.act(connection, request, self._stopping)
        except OSError:
            pass
        finally:
            self._open.discard(connection)
            connection.close()

    def stop(self):
        self._stopping.set()
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()
        for connection in list(self._open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self._thread.join(30)


# ---- what an origin may do to us

def raw(*pieces):
    """Sends these bytes and closes."""
    def act(connection, request, stopping):
        for piece in pieces:
            connection.sendall(piece)
    return act


def answer(body, fields="Cache-Control: max-age=3600"):
    return raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n%s\r\nContent-Length: %d\r\n\r\n%s"
               % (fields.encode(), len(body), body))


def hang(*pieces):
    """Sends these bytes, and then nothing for as long as the other side waits."""
    def act(connection, request, stopping):
        for piece in pieces:
            connection.sendall(piece)
        connection.settimeout(30)
        connection.recv(1)
    return act


def reset(*pieces):
    def act(connection, request, stopping):
        for piece in pieces:
            connection.sendall(piece)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return act


def trickle(head, piece):
    """A piece every moment, without end."""
    def act(connection, request, stopping):
        connection.sendall(head)
        while not stopping.wait(0.02):
            connection.sendall(piece)
    return act


def flood(head, piece):
    def act(connection, request, stopping):
        connection.sendall(head)
        while not stopping.is_set():
            connection.sendall(piece)
    return act


OK = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=3600\r\n"

BEFORE_HEADERS = {
    "hangs": (hang(), 504, "origin-timeout"),
    "hangs in the head": (hang(b"HTTP/1.1 200 OK\r\nCache-"), 504, "origin-timeout"),
    "closes": (raw(), 502, "origin-closed"),
    "closes in the head": (raw(b"HTTP/1.1 200 OK\r\nContent-Le"), 502, "origin-closed"),
    "resets": (reset(), 502, "origin-closed"),
    "speaks garbage": (raw(b"\x16\x03\x01\x02\x00 no HTTP\r\n\r\n"), 502, "origin-broken"),
    "speaks another version": (raw(b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"), 502,
                               "origin-broken"),
    "trickles its head": (trickle(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), 504, "origin-timeout"),
    "never ends its head": (flood(b"HTTP/1.1 200 OK\r\n", b"X-Filler: " + b"y" * 1000 + b"\r\n"),
                            502, "origin-broken"),
    "has too many fields": (flood(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n" * 100), 502, "origin-broken"),
    "floods with 103": (flood(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), 502, "origin-broken"),
    "floods with 100": (flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), 502, "origin-broken"),
    "switches protocols unasked": (raw(b"HTTP/1.1 101 Switching Protocols\r\n\r\n"), 502,
                                   "origin-broken"),
}

AFTER_HEADERS = {
    "hangs in the body": hang(OK + b"Content-Length: 100\r\n\r\nten bytes."),
    "hangs in a chunked body": hang(OK + b"Transfer-Encoding: chunked\r\n\r\na\r\nten bytes.\r\n"),
    "truncates": raw(OK + b"Content-Length: 100\r\n\r\nten bytes."),
    "truncates a chunked body": raw(OK + b"Transfer-Encoding: chunked\r\n\r\na\r\nten bytes.\r\n"),
    "truncates a chunk": raw(OK + b"Transfer-Encoding: chunked\r\n\r\nff\r\nten bytes.\r\n"),
    "ends without the last CRLF": raw(OK + b"Transfer-Encoding: chunked\r\n\r\na\r\nten bytes.\r\n0\r\n"),
    "resets": reset(OK + b"Content-Length: 100\r\n\r\nten bytes."),
    "trickles without end": trickle(OK + b"Content-Length: 1000000\r\n\r\n", b"x"),
    "has a chunk size that is none": raw(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nten bytes.\r\n0\r\n\r\n"),
    "has a chunk size with a sign": raw(OK + b"Transfer-Encoding: chunked\r\n\r\n+a\r\nten bytes.\r\n0\r\n\r\n"),
    "has a chunk size with 0x": raw(OK + b"Transfer-Encoding: chunked\r\n\r\n0xa\r\nten bytes.\r\n0\r\n\r\n"),
    "has a chunk size beyond 64 bits": raw(OK + b"Transfer-Encoding: chunked\r\n\r\n1000000000000000a\r\nten bytes.\r\n0\r\n\r\n"),
    "has no CRLF behind a chunk": raw(OK + b"Transfer-Encoding: chunked\r\n\r\na\r\nten bytes.0\r\n\r\n"),
    "has a bare LF behind a chunk size": raw(OK + b"Transfer-Encoding: chunked\r\n\r\na\nten bytes.\r\n0\r\n\r\n"),
    "has endless chunk extensions": flood(OK + b"Transfer-Encoding: chunked\r\n\r\na;", b"x" * 1000),
    "has endless trailers": flood(OK + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", b"X: " + b"y" * 1000 + b"\r\n"),
}

SIZED = b"Content-Length: 2\r\n\r\nhi"
MALFORMED = {
    "a bare LF": b"HTTP/1.1 200 OK\nCache-Control: max-age=60\n" + SIZED,
    "a bare LF behind a field": b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\n" + SIZED,
    "a folded field": b"HTTP/1.1 200 OK\r\nX-A: b\r\n c\r\n" + SIZED,
    "a blank before the colon": b"HTTP/1.1 200 OK\r\nX-A : b\r\n" + SIZED,
    "a blank before the first field": b"HTTP/1.1 200 OK\r\n X-A: b\r\n" + SIZED,
    "a field without a colon": b"HTTP/1.1 200 OK\r\nX-A b\r\n" + SIZED,
    "a field without a name": b"HTTP/1.1 200 OK\r\n: b\r\n" + SIZED,
    "a name with a blank": b"HTTP/1.1 200 OK\r\nX A: b\r\n" + SIZED,
    "both framings": OK + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "two lengths": OK + b"Content-Length: 3\r\n" + SIZED,
    "two equal lengths": OK + b"Content-Length: 2\r\n" + SIZED,
    "a list of lengths": OK + b"Content-Length: 2, 2\r\n\r\nhi",
    "a length with a sign": OK + b"Content-Length: +2\r\n\r\nhi",
    "a negative length": OK + b"Content-Length: -2\r\n\r\nhi",
    "a hexadecimal length": OK + b"Content-Length: 0x2\r\n\r\nhi",
    "no length at all in the field": OK + b"Content-Length: \r\n\r\nhi",
    "a length beyond 64 bits": OK + b"Content-Length: 18446744073709551618\r\n\r\nhi",
    "another coding": OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "chunked twice": OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "two codings": OK + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "a coding in quotes": OK + b"Transfer-Encoding: \"chunked\"\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "a NUL in a value": OK + b"X-A: b\0c\r\n" + SIZED,
    "a NUL in a name": OK + b"X-\0A: b\r\n" + SIZED,
    "a CR in a value": OK + b"X-A: b\rc\r\n" + SIZED,
    "a CR in the status line": b"HTTP/1.1 200 O\rK\r\n" + SIZED,
    "a NUL in the status line": b"HTTP/1.1 200 O\0K\r\n" + SIZED,
    "a status of two digits": b"HTTP/1.1 20 OK\r\n" + SIZED,
    "a status of four digits": b"HTTP/1.1 2000 OK\r\n" + SIZED,
    "a status that is no number": b"HTTP/1.1 2OO OK\r\n" + SIZED,
    "a status below 100": b"HTTP/1.1 099 OK\r\n" + SIZED,
    "two blanks before the status": b"HTTP/1.1  200 OK\r\n" + SIZED,
    "a lower-case version": b"http/1.1 200 OK\r\n" + SIZED,
    "an empty line first": b"\r\n\r\nHTTP/1.1 200 OK\r\n" + SIZED,
    "too large a field": OK + b"X-A: " + b"b" * 70000 + b"\r\n" + SIZED,
}


def when_well(fleet, path):
    """The first answer with 200: on a slow machine the short time-outs of these tests may hit an
    origin that is well."""
    for _ in range(100):
        got = fleet.ask(path)
        if got.status == 200:
            break
    return got


def stale(fleet, rogue, path="/a"):
    """Something stale is stored for the path."""
    rogue.act = answer(b"old")
    assert when_well(fleet, path).body == b"old"
    fleet.purge(url="http://a.example" + path, soft=True)


def nothing_is_stored(fleet, rogue, path="/a"):
    """The next request asks the origin, and gets its whole answer."""
    rogue.act = answer(b"whole")
    got = when_well(fleet, path)
    assert got.body == b"whole" and not got.is_hit


def ask_in_vain(fleet, path="/a"):
    """An error, or an answer that is visibly cut."""
    try:
        got = fleet.ask(path)
    except Cut:
        return None
    assert got.status in (502, 504), got
    return got


# ---- one fault at a time

@pytest.mark.parametrize("fault", BEFORE_HEADERS)
def test_without_an_answer_clients_get_an_error_with_its_reason(serve, rogue, fault):
    rogue.act, status, detail = BEFORE_HEADERS[fault]
    fleet = start_fleet(serve, [rogue.address], NO_BREAKER)
    got = fleet.ask("/a")
    assert (got.status, got.detail) == (status, detail)
    nothing_is_stored(fleet, rogue)


@pytest.mark.parametrize("fault", BEFORE_HEADERS)
def test_without_an_answer_clients_get_what_is_stale(serve, rogue, fault):
    fleet = start_fleet(serve, [rogue.address], NO_BREAKER)
    stale(fleet, rogue)
    rogue.act, _, detail = BEFORE_HEADERS[fault]
    got = fleet.ask("/a")
    assert (got.status, got.body, got.detail) == (200, b"old", detail)


@pytest.mark.parametrize("fault", AFTER_HEADERS)
def test_what_is_not_whole_is_never_stored(serve, rogue, fault):
    rogue.act = AFTER_HEADERS[fault]
    fleet = start_fleet(serve, [rogue.address], NO_BREAKER)
    ask_in_vain(fleet)
    nothing_is_stored(fleet, rogue)


@pytest.mark.parametrize("fault", AFTER_HEADERS)
def test_what_is_not_whole_does_not_take_the_place_of_what_is_stale(serve, rogue, fault):
    fleet = start_fleet(serve, [rogue.address], NO_BREAKER)
    stale(fleet, rogue)
    rogue.act = AFTER_HEADERS[fault]
    try:
        got = fleet.ask("/a")
        assert got.body == b"old" or got.status in (502, 504)
    except Cut:
        pass
    rogue.act = raw()
    assert fleet.ask("/a").body == b"old"


@pytest.mark.parametrize("malformed", MALFORMED)
def test_answers_are_parsed_as_strictly_as_requests(serve, rogue, malformed):
    rogue.act = raw(MALFORMED[malformed])
    fleet = start_fleet(serve, [rogue.address], NO_BREAKER)
    got = fleet.ask("/a")
    assert (got.status, got.detail) == (502, "origin-broken")
    assert fleet.told()["broken"] == 1
    nothing_is_stored(fleet, rogue)


def test_an_origin_that_is_down_is_502_and_what_is_stale_goes_out(serve, rogue):
    fleet = start_fleet(serve, [rogue.address], NO_BREAKER)
    stale(fleet, rogue)
    rogue.stop()
    got = fleet.ask("/a")
    assert (got.status, got.body, got.detail) == (200, b"old", "origin-down")
    got = fleet.ask("/b")
    assert (got.status, got.detail) == (502, "origin-down")


def test_what_comes_behind_an_answer_belongs_to_no_other(serve):
    origin = Origin()
    origin.reply("/a", raw=b"HTTP/1.1 200 OK\r\n" + b"Cache-Control: max-age=3600\r\n" + SIZED +
                 b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")
    origin.reply("/b", body=b"mine", headers=HOUR)
    fleet = start_fleet(serve, [origin], NO_BREAKER)
    try:
        assert fleet.ask("/a").body == b"hi"
        assert fleet.ask("/b").body == b"mine"
        assert origin.connections >= 2
    finally:
        origin.stop()


def test_errors_are_not_stored(serve, rogue):
    rogue.act = raw(b"HTTP/1.1 502 Bad\r\nContent-Length: 0\r\n\r\n")
    fleet = start_fleet(serve, [rogue.address], NO_BREAKER)
    assert fleet.ask("/a").status == 502
    nothing_is_stored(fleet, rogue)


def test_after_two_failures_nobody_waits_who_need_not(serve, rogue):
    """The first two to find out pay the time-out; who has something stale then gets it without asking
    first, though the origin is asked."""
    fleet = start_fleet(serve, [rogue.address],
                        "timeout: {first_byte: 1s}\nretry: {max: 0}\nbreaker: {failures: 100}\n",
                        route="timeout: {retry: 0}\n")
    for path in ("/a", "/b", "/c"):
        stale(fleet, rogue, path)
    rogue.act = hang()
    assert fleet.ask("/a").detail == "origin-timeout"
    assert fleet.ask("/c").detail == "origin-timeout"
    before = rogue.asked
    got = fleet.ask("/b")
    assert (got.body, got.detail) == (b"old", "origin-error")
    fleet.wait(lambda: rogue.asked > before, True)
    asked = rogue.asked
    assert [fleet.ask("/b").body for _ in range(20)] == [b"old"] * 20
    assert rogue.asked <= asked + 2  # one asks, in the background, and nobody waits for it
    rogue.act = answer(b"new")
    fleet.wait(lambda: fleet.ask("/b").body, b"new")


# ---- the breaker

def test_the_breaker_opens_with_the_fifth_failure_and_closes_again(serve, rogue):
    fleet = start_fleet(serve, [rogue.address], SHORT_BREAKER.replace("200ms", "1h"), workers=2)
    stale(fleet, rogue, "/old")
    asked = rogue.asked
    rogue.act = raw()
    details = [fleet.ask("/%d" % i).detail for i in range(8)]
    assert details == ["origin-closed"] * 5 + ["breaker-open"] * 3
    assert rogue.asked == asked + 5
    assert fleet.told()["breaker"]["state"] == "open"
    assert fleet.metrics()['larder_origin_breaker{origin="main"}'] == 2
    assert "the breaker opens" in fleet.server.log()
    refused = fleet.ask("/x")
    assert refused.status == 503 and refused.get("Retry-After") is not None
    assert fleet.ask("/old").body == b"old"
    assert rogue.asked == asked + 5
    assert fleet.told()["avoided"] >= 4


def test_the_breaker_closes_when_the_origin_is_well(serve, rogue):
    fleet = start_fleet(serve, [rogue.address], SHORT_BREAKER)
    rogue.act = raw()
    for number in range(5):
        assert fleet.ask("/%d" % number).status == 502
    assert fleet.told()["breaker"]["state"] != "closed"
    rogue.act = answer(b"well")
    fleet.wait(lambda: fleet.ask("/a").status, 200)
    assert fleet.told()["breaker"]["state"] == "closed"
    assert [fleet.ask("/b%d" % i).status for i in range(5)] == [200] * 5
    assert "the breaker is closed again" in fleet.server.log()


def test_the_breaker_opens_for_an_origin_that_is_down(serve, rogue):
    fleet = start_fleet(serve, [rogue.address], SHORT_BREAKER.replace("200ms", "1h"))
    rogue.stop()
    details = [fleet.ask("/%d" % i).detail for i in range(6)]
    assert details == ["origin-down"] * 5 + ["breaker-open"]


def test_the_share_of_errors_opens_the_breaker(serve, rogue):
    fleet = start_fleet(serve, [rogue.address],
                        "breaker: {min_requests: 10, error_rate: 50%, open_for: 1h}\n")
    rogue.act = raw(b"HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
    answers = [fleet.ask("/%d" % i) for i in range(12)]
    assert [one.detail == "breaker-open" for one in answers] == [False] * 10 + [True] * 2
    assert "the last was answered 503" in fleet.server.log()


# ---- all of them at once

@pytest.mark.parametrize("seed", [1, 2, 3])
def test_in_chaos_whatever_looks_whole_is_right(serve, rogue, seed):
    """Many clients, faults by chance: an answer that is whole has the body that belongs to its path;
    everything else is an error with a reason, or visibly cut. When the chaos ends all is well."""
    dice = random.Random(seed)
    faults = [act for act, _, _ in BEFORE_HEADERS.values()] + list(AFTER_HEADERS.values())
    faults += [raw(text) for text in MALFORMED.values()]
    share = dice.choice([0.2, 0.5, 0.9])
    lock = threading.Lock()
    wrong = []

    def body_of(path):
        return (path.encode() + b" ") * 500

    def act(connection, request, stopping):
        path = request.split(b" ")[1].decode()
        with lock:
            fault = dice.choice(faults) if dice.random() < share else answer(body_of(path))
        fault(connection, request, stopping)

    fleet = start_fleet(serve, [rogue.address],
                        "timeout: {first_byte: 100ms, between_bytes: 100ms, total: 300ms}\n"
                        "breaker: {failures: 5, open_for: 20ms}\n", workers=2)
    rogue.act = act

    def client(number):
        mine = random.Random(seed * 1000 + number)
        for _ in range(25):
            path = "/%d" % mine.randrange(20)
            try:
                got = fleet.ask(path)
            except Cut:
                continue
            if got.status == 200 and got.body != body_of(path):
                wrong.append((path, got))
            if got.status != 200 and (got.status not in (502, 503, 504) or not got.detail):
                wrong.append((path, got))

    clients = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for one in clients:
        one.start()
    for one in clients:
        one.join(120)
    assert wrong == []
    rogue.act = lambda connection, request, stopping: answer(
        body_of(request.split(b" ")[1].decode()))(connection, request, stopping)
    for number in range(20):
        path = "/%d" % number
        fleet.wait(lambda path=path: fleet.ask(path).status, 200)
        assert fleet.ask(path).body == body_of(path)
