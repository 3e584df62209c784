"""Servers of an origin: who is asked, who is left out, and how that is told."""
import collections
import socket
import threading

import pytest

import larder
from fleet import fleet_config, start_fleet
from origin import Origin

PASSED = {"Cache-Control": "no-store"}


@pytest.fixture
def three():
    origins = [Origin() for _ in range(3)]
    for number, one in enumerate(origins):
        name_it(one, number)
    yield origins
    for one in origins:
        one.stop()


def name_it(origin, number):
    """Whatever it is asked: its number."""
    for path in ["/a", "/b"] + ["/key/%d" % i for i in range(40)]:
        origin.reply(path, body=b"%d" % number, headers=PASSED)


def who(fleet, path="/a", times=1):
    return collections.Counter(int(fleet.ask(path).body) for _ in range(times))


def port_nobody_has():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return "127.0.0.1:%d" % closed.getsockname()[1]


# ---- who is asked

def test_servers_are_asked_in_turn(serve, three):
    fleet = start_fleet(serve, three)
    assert who(fleet, times=9) == {0: 3, 1: 3, 2: 3}


def test_weights_say_how_often(serve, three):
    fleet = start_fleet(serve, [three[0].address + " weight=3", three[1]])
    assert who(fleet, times=8) == {0: 6, 1: 2}


def test_the_one_with_the_fewest_requests_under_way_is_asked(serve, three):
    fleet = start_fleet(serve, three[:2], "balance: least-connections")
    gates = [one.hold("/b") for one in three]
    wire = fleet.wire().get("/b")
    end = threading.Event()
    while sum(len(one.seen("/b")) for one in three) == 0:
        end.wait(0.01)
    busy = 0 if three[0].seen("/b") else 1
    assert who(fleet, times=4) == {1 - busy: 4}
    for gate in gates:
        gate.open()
    assert wire.answer().status == 200


def test_a_key_goes_to_its_server_on_every_worker(serve, three):
    fleet = start_fleet(serve, three, "balance: hash", workers=2)
    owners = {}
    for number in range(40):
        path = "/key/%d" % number
        owners[path] = who(fleet, path, times=3)
        assert len(owners[path]) == 1, owners
    assert len({owner for counter in owners.values() for owner in counter}) == 3


def test_peak_ewma_asks_all_who_are_quick(serve, three):
    fleet = start_fleet(serve, three, "balance: peak-ewma")
    assert sum(who(fleet, times=30).values()) == 30
    assert fleet.told()["servers"][0]["ewma_ms"] >= 0


def test_a_unix_socket_is_a_server_too(serve, three, tmp_path):
    path = str(tmp_path / "app.sock")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        fleet = start_fleet(serve, ["unix:" + path])

        def answer():
            for _ in range(2):  # the first is the probe at start
                connection, _ = listener.accept()
                with connection:
                    if connection.recv(4096):
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")

        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        assert fleet.ask("/a").body == b"hi"


def test_no_more_than_so_many_requests_are_under_way_at_one_server(serve, three):
    fleet = start_fleet(serve, three[:1], "max-connections-per-server: 2\nqueue: {max: 2, wait: 1m}",
                        workers=1)
    paths = ["/key/%d" % i for i in range(4)]
    gates = [three[0].hold(path) for path in paths]
    wires = [fleet.wire().get(path) for path in paths[:2]]
    for path in paths[:2]:
        three[0].wait_for(path)
    wires += [fleet.wire().get(path) for path in paths[2:]]
    fleet.wait(lambda: fleet.told()["queued"], 2)
    refused = fleet.ask("/a")
    assert (refused.status, refused.detail) == (503, "origin-busy")
    assert refused.get("Retry-After") is not None
    assert len(three[0].seen()) == 2
    for gate in gates:
        gate.open()
    assert [wire.answer().status for wire in wires] == [200] * 4


# ---- who is left out

def test_a_server_that_cannot_be_reached_is_passed_over(serve, three):
    dead = port_nobody_has()
    fleet = start_fleet(serve, [dead, three[1]])
    assert who(fleet, times=6) == {1: 6}
    told = next(one for one in fleet.told()["servers"] if one["address"] == dead)
    assert told["state"] == "unreachable" and "cannot be reached" in told["why"]
    assert f"the server {dead} cannot be connected to" in fleet.server.log()
    assert fleet.told()["passed_on"] >= 1


def test_a_server_that_fails_again_and_again_is_left_out_and_comes_back(serve, three):
    fleet = start_fleet(serve, three[:2], "eject: {failures: 3, for: 200ms}\nbreaker: {failures: 0}")
    three[0].reply("/b", status=500, headers=PASSED)
    three[1].reply("/b", status=200, headers=PASSED)
    statuses = [fleet.ask("/b").status for _ in range(12)]
    assert statuses.count(500) <= 4
    assert "is left out for a while; the last time: it answered 500" in fleet.server.log()
    assert fleet.server_told(three[0])["ejections"] >= 1
    three[0].reply("/b", status=200, headers=PASSED)
    fleet.wait_for_state(three[0], "up")
    assert [fleet.ask("/b").status for _ in range(4)] == [200] * 4
    assert f"the server {three[0].address} is up again" in fleet.server.log()


def test_not_all_servers_are_left_out(serve, three):
    fleet = start_fleet(serve, three[:2], "eject: {failures: 2, for: 1h}\nbreaker: {error_rate: 100%}")
    for one in three:
        one.reply("/b", status=500, headers=PASSED)
    for _ in range(12):
        assert fleet.ask("/b").status == 500
    assert sorted(one["state"] for one in fleet.told()["servers"]) == ["ejected", "up"]


# ---- health checks

CHECKS = "health: {get: /healthz, every: 20ms, timeout: 10s, down_after: 2, up_after: 2}"


def test_a_server_that_fails_its_checks_gets_no_requests_until_it_passes_them(serve, three):
    for one in three:
        one.reply("/healthz")
    fleet = start_fleet(serve, three[:2], CHECKS, workers=2)
    three[0].reply("/healthz", status=503)
    fleet.wait_for_state(three[0], "down")
    told = fleet.server_told(three[0])
    assert told["why"] == "it answered 503" and told["since"] > 1.6e9
    assert who(fleet, times=6) == {1: 6}
    assert "is down: 2 health checks in a row failed; the last one: it answered 503" in fleet.server.log()
    label = '{origin="main",server="%s"}' % three[0].address
    assert fleet.metrics()["larder_server_up" + label] == 0
    three[0].reply("/healthz")
    fleet.wait_for_state(three[0], "up")
    assert set(who(fleet, times=12)) == {0, 1}
    assert fleet.metrics()["larder_server_up" + label] == 1
    assert fleet.metrics()["larder_server_checks_total" + label] > 2


def test_where_no_server_is_well_clients_hear_so_at_once(serve, three):
    three[0].reply("/healthz")
    fleet = start_fleet(serve, three[:1], CHECKS)
    three[0].reply("/healthz", status=500)
    fleet.wait_for_state(three[0], "down")
    answer = fleet.ask("/a")
    assert (answer.status, answer.detail) == (502, "origin-down")
    assert three[0].seen("/a") == []


def test_another_status_may_be_the_good_one(serve, three):
    for one in three:
        one.reply("/healthz", status=404)
    fleet = start_fleet(serve, three[:1], CHECKS)
    fleet.wait_for_state(three[0], "down")
    other = start_fleet(serve, three[:1], CHECKS.replace("}", ", status: 200-404}"))
    other.wait(lambda: other.server_told(three[0])["checks"] > 5, True)
    assert other.state(three[0]) == "up"


def test_a_check_says_which_host_it_is_for_and_who_asks(serve, three):
    three[0].reply("/healthz")
    fleet = start_fleet(serve, three[:1], CHECKS + "\nhost: shop.example")
    three[0].wait_for("/healthz")
    check = three[0].seen("/healthz")[0]
    assert (check.method, check.get("Host"), check.get("User-Agent")) == (
        "GET", "shop.example", "larder")
    assert fleet.state(three[0]) == "up"


# ---- sent again

BROKEN = {"raw": b"", "cut": True}


def test_a_request_whose_connection_broke_is_sent_to_another_server(serve, three):
    fleet = start_fleet(serve, three[:2])
    three[0].reply("/b", **BROKEN)
    three[1].reply("/b", headers=PASSED)
    assert [fleet.ask("/b").status for _ in range(4)] == [200] * 4
    assert fleet.told()["retries"] >= 1


def test_a_post_is_not_sent_again(serve, three):
    fleet = start_fleet(serve, three[:1])
    three[0].reply("/b", **BROKEN)
    answer = fleet.wire().get("/b", "POST", body=b"x").answer()
    assert (answer.status, answer.detail) == (502, "origin-closed")
    assert len(three[0].seen("/b")) == 1


def test_nothing_is_sent_again_behind_the_first_byte(serve, three):
    fleet = start_fleet(serve, three[:2])
    for one in three:
        one.reply("/b", raw=b"HTTP/1.1 200 ", cut=True)
    assert fleet.ask("/b").status == 502
    assert sum(len(one.seen("/b")) for one in three) == 1


def test_retries_end_with_their_budget(serve, three):
    fleet = start_fleet(serve, three[:1], "retry: {max: 10, budget: 0%}\nbreaker: {failures: 0, min_requests: 1000}")
    three[0].reply("/b", **BROKEN)
    for _ in range(5):
        assert fleet.ask("/b").status == 502
    assert len(three[0].seen("/b")) == 5 + 10  # ten lie in the budget at the start
    assert fleet.told()["retry_budget"] == 0


# ---- what cannot be

@pytest.mark.parametrize("settings,sentence", [
    ("health: {get: healthz}", "\"healthz\" is no path: write one such as /healthz"),
    ("health: {status: 2xx}", "\"2xx\" is no status: write 200, or 200-299"),
    ("names: {ttl_min: 2m, ttl_max: 1m}", "names.ttl_min is more than names.ttl_max"),
    ("balance: random", "round-robin"),
    ("breaker: {error_rate: 0}", "breaker.error_rate"),
])
def test_what_makes_no_sense_is_said_with_its_place(tmp_path, settings, sentence):
    file = tmp_path / "larder.yaml"
    file.write_text(fleet_config(["127.0.0.1:1"], settings))
    check = larder.run("check", "-c", str(file))
    assert check.returncode == 1
    assert sentence in check.stderr and f"{file}:" in check.stderr


@pytest.mark.parametrize("server,sentence", [
    ("127.0.0.1:1 weight=0", "a weight is a number from 1 to 100"),
    ("127.0.0.1:1 backup", "\"backup\" behind a server's address means nothing; there is weight=N"),
])
def test_what_stands_behind_a_server_is_checked(tmp_path, server, sentence):
    file = tmp_path / "larder.yaml"
    file.write_text(fleet_config([server]))
    check = larder.run("check", "-c", str(file))
    assert check.returncode == 1
    assert sentence in check.stderr and f"{file}:3:" in check.stderr
