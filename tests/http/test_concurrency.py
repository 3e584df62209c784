"""concurrency of routes: how many requests may be at the origin, who waits, who is turned away."""
import socket
import struct
import threading
import time

import pytest

HOUR = {"Cache-Control": "max-age=3600"}


class Asker(threading.Thread):
    """One request in the background."""

    def __init__(self, gateway, path):
        super().__init__()
        self.gateway, self.path, self.answer = gateway, path, None
        self.start()

    def run(self):
        self.answer = self.gateway.ask(self.path)

    def status(self):
        self.join(60)
        return self.answer.status


def fill(gateway, origin, count):
    """So many requests wait for the origin; the gate lets their answers go."""
    gates = [origin.hold(f"/held/{i}") for i in range(count)]
    for i in range(count):
        origin.reply(f"/held/{i}", body=b"x")
    askers = [Asker(gateway, f"/held/{i}") for i in range(count)]
    for i in range(count):
        origin.wait_for(f"/held/{i}")
    return gates, askers


def test_more_than_allowed_are_503_and_hits_do_not_count(start, origin):
    gateway = start("--workers", "2", route="concurrency: {max: 2}")
    origin.reply("/hit", body=b"hit", headers=HOUR)
    gateway.ask("/hit")
    gateway.wait_until("stored", 1)
    gates, askers = fill(gateway, origin, 2)
    for _ in range(8):
        answer = gateway.ask("/more")
        assert (answer.status, answer.detail) == (503, "origin-busy")
        assert answer.get("Retry-After") is not None
        assert gateway.ask("/hit").is_hit
    assert not origin.seen("/more")
    for gate in gates:
        gate.open()
    assert [asker.status() for asker in askers] == [200, 200]
    gateway.wait_until_gone("fills")
    assert gateway.ask("/more").status == 404


def test_who_may_wait_gets_his_turn_in_any_worker(start, origin):
    gateway = start("--workers", "3", route="concurrency: {max: 1, queue: 6, wait: 1m}")
    gates, askers = fill(gateway, origin, 1)
    for i in range(6):
        origin.reply(f"/next/{i}", body=b"x")
    waiting = [Asker(gateway, f"/next/{i}") for i in range(6)]
    gateway.wait_until("requests_waiting", 7)
    assert gateway.ask("/more").status == 503
    assert not any(origin.seen(f"/next/{i}") for i in range(6))
    gates[0].open()
    assert [asker.status() for asker in askers + waiting] == [200] * 7


def test_who_waited_too_long_is_503(start, origin):
    gateway = start(route="concurrency: {max: 1, queue: 1, wait: 20ms}")
    gates, askers = fill(gateway, origin, 1)
    assert gateway.ask("/more").status == 503
    assert not origin.seen("/more")
    gates[0].open()
    assert askers[0].status() == 200


def test_something_stale_comes_first(start, origin):
    gateway = start(route="concurrency: {max: 1, queue: 5, wait: 1m}\nstale: {grace: 1h}")
    origin.reply("/a", body=b"old", headers={"Cache-Control": "max-age=1", "Age": "1"})
    origin.replies("/a", {"body": b"old", "headers": {"Cache-Control": "max-age=3600"}},
                   {"body": b"new", "headers": HOUR})
    gateway.ask("/a")
    gateway.wait_until("stored", 1)
    gateway.purge(url="http://a.example/a", soft=True)
    gates, askers = fill(gateway, origin, 1)
    answer = gateway.ask("/a")
    assert (answer.body, answer.detail) == (b"old", "origin-busy")
    gates[0].open()
    assert askers[0].status() == 200


def test_routes_without_a_limit_pass_those_that_wait(start, origin):
    gateway = start("--workers", "1", routes="few: {match: \"/held/**\", concurrency: {max: 1, "
                                             "queue: 1, wait: 1m}}\nrest: {match: \"/**\"}")
    gates, askers = fill(gateway, origin, 1)
    waiting = Asker(gateway, "/held/x")
    gateway.wait_until("requests_waiting", 2)
    assert gateway.ask("/other").status == 404
    gates[0].open()
    assert askers[0].status() == 200 and waiting.status() == 404


def reset(wire):
    """A client that is gone, not one that only says no more."""
    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.close()


def test_a_client_that_goes_makes_room(start, origin):
    gateway = start("--workers", "1", route="cache: off\nconcurrency: {max: 1, queue: 1, wait: 1m}")
    gate = origin.hold("/held")
    origin.reply("/held", body=b"x")
    inside, waiting = gateway.wire(), gateway.wire()
    inside.get("/held")
    origin.wait_for("/held")
    waiting.get("/next")
    gateway.wait_until("requests_waiting", 2)
    reset(inside)
    assert waiting.answer().status == 404
    gate.open()


def test_one_who_goes_out_of_the_line_makes_room_in_it(start, origin):
    gateway = start("--workers", "1", route="cache: off\nconcurrency: {max: 1, queue: 1, wait: 1m}")
    gates, askers = fill(gateway, origin, 1)
    waiting = gateway.wire().get("/next")
    gateway.wait_until("requests_waiting", 2)
    assert gateway.ask("/more").status == 503
    reset(waiting)
    while gateway.count("requests_waiting") > 1:
        pass
    again = Asker(gateway, "/again")
    gateway.wait_until("requests_waiting", 2)
    gates[0].open()
    assert askers[0].status() == 200 and again.status() == 404
    assert not origin.seen("/next")


@pytest.mark.parametrize("wait, status", [("1s", 503), ("10m", 404)])
def test_a_queue_that_does_not_empty_serves_no_one_who_waited_long(start, origin, wait, status):
    """The only connection is taken; those behind wait for it."""
    gateway = start("--workers", "1", route="cache: off",
                    origins="max-connections: 1\nqueue: {wait: %s}" % wait)
    gates, askers = fill(gateway, origin, 1)
    waiting = [Asker(gateway, f"/next/{i}") for i in range(3)]
    gateway.wait_until("requests_waiting", 4)
    time.sleep(0.3)  # longer than a fifth of a second, in which a queue may stand
    gates[0].open()
    assert askers[0].status() == 200
    assert [asker.status() for asker in waiting] == [status] * 3
    assert len(origin.seen()) == (1 if status == 503 else 4)
