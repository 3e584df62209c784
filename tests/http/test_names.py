"""Names of servers: looked up again while Larder runs."""
import threading

import pytest

import larder
from fleet import fleet_config, start_fleet
from nameserver import NameServer
from origin import Origin

PASSED = {"Cache-Control": "no-store"}


@pytest.fixture
def names():
    it = NameServer()
    yield it
    it.stop()


@pytest.fixture
def twins():
    """Two origins with one port, at 127.0.0.1 and 127.0.0.2."""
    for _ in range(100):
        first = Origin()
        try:
            second = Origin("127.0.0.2", first.port)
            break
        except OSError:
            first.stop()
    for number, one in enumerate((first, second)):
        one.reply("/a", body=b"%d" % number, headers=PASSED)
    yield first, second
    first.stop()
    second.stop()


def lookups(names, more=""):
    return "names: {servers: [\"%s\"], ttl_min: 20ms%s}" % (names.address, more)


def test_each_address_of_a_name_is_a_server(serve, names, twins):
    names.set("app.test", "127.0.0.1", "127.0.0.2")
    fleet = start_fleet(serve, [f"app.test:{twins[0].port} weight=2"], lookups(names))
    assert {fleet.ask("/a").body for _ in range(4)} == {b"0", b"1"}
    told = fleet.told()["servers"]
    assert sorted(one["address"] for one in told) == [twins[0].address, twins[1].address]
    assert all(one["configured"].startswith("app.test:") for one in told)


def test_other_addresses_are_taken_over_while_it_runs(serve, names, twins):
    names.set("app.test", "127.0.0.1")
    fleet = start_fleet(serve, [f"app.test:{twins[0].port}"], lookups(names), workers=2)
    assert fleet.ask("/a").body == b"0"
    names.set("app.test", "127.0.0.2")
    fleet.wait(lambda: fleet.ask("/a").body, b"1")
    assert [fleet.ask("/a").body for _ in range(8)] == [b"1"] * 8
    assert "the servers of app.test are now " + twins[1].address in fleet.server.log()
    assert [one["address"] for one in fleet.told()["servers"]] == [twins[1].address]


def test_what_is_known_of_a_server_stays_when_others_come(serve, names, twins):
    names.set("app.test", "127.0.0.1")
    fleet = start_fleet(serve, [f"app.test:{twins[0].port}"], lookups(names))
    for _ in range(3):
        fleet.ask("/a")
    names.set("app.test", "127.0.0.2", "127.0.0.1")
    fleet.wait(lambda: len(fleet.told()["servers"]), 2)
    assert fleet.server_told(twins[0])["requests"] == 3


def test_old_addresses_stay_when_a_lookup_fails(serve, names, twins):
    names.set("app.test", "127.0.0.1")
    fleet = start_fleet(serve, [f"app.test:{twins[0].port}"], lookups(names))
    names.fail()
    failures = 'larder_origin_lookup_failures_total{origin="main"}'
    fleet.wait(lambda: fleet.metrics()[failures] > 1, True)
    assert fleet.ask("/a").body == b"0"
    assert fleet.server.log().count("the name app.test cannot be looked up and its old addresses stay") == 1


def test_the_time_to_live_is_honoured(serve, names, twins):
    names.set("app.test", "127.0.0.1", ttl=3600)
    fleet = start_fleet(serve, [f"app.test:{twins[0].port}"], lookups(names, ", ttl_max: 1h"))
    names.set("other.test", "127.0.0.1", ttl=3600)
    other = start_fleet(serve, [f"other.test:{twins[0].port}"], lookups(names, ", ttl_max: 30ms"))
    other.wait(lambda: other.metrics()['larder_origin_lookups_total{origin="main"}'] > 3, True)
    assert fleet.metrics()['larder_origin_lookups_total{origin="main"}'] == 0


def test_where_one_family_leads_nowhere_the_other_is_used(serve, names):
    try:
        origin = Origin("::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    try:
        origin.reply("/a", body=b"six", headers=PASSED)
        names.set("app.test", "127.0.0.1", "::1")
        fleet = start_fleet(serve, [f"app.test:{origin.port}"], lookups(names, ", ttl_max: 1h")
                            .replace("20ms", "1h"))
        assert [fleet.ask("/a").body for _ in range(4)] == [b"six"] * 4
        told = {one["address"]: one for one in fleet.told()["servers"]}
        assert told[f"127.0.0.1:{origin.port}"]["spare"] and "spare" not in told[origin.address]
    finally:
        origin.stop()


def test_localhost_is_found_without_a_name_server(serve):
    origin = Origin()
    try:
        origin.reply("/a", headers=PASSED)
        fleet = start_fleet(serve, [f"localhost:{origin.port}"])
        assert [fleet.ask("/a").status for _ in range(4)] == [200] * 4
    finally:
        origin.stop()


def test_a_name_that_nobody_knows_is_said_at_start(names, tmp_path):
    file = tmp_path / "larder.yaml"
    file.write_text(fleet_config(["nobody.test:80"], lookups(names)))
    check = larder.run("check", "-c", str(file))
    assert check.returncode == 1
    assert "the name nobody.test cannot be looked up: Domain name not found" in check.stderr
    assert f"{file}:3:" in check.stderr


def test_name_servers_that_are_no_addresses_are_said(tmp_path):
    file = tmp_path / "larder.yaml"
    file.write_text(fleet_config(["nobody.test:80"], "names: {servers: [\"one.one\"]}"))
    check = larder.run("check", "-c", str(file))
    assert check.returncode == 1
    assert "names.servers: these are no addresses of name servers" in check.stderr


def test_addresses_that_come_and_go_cost_no_request(serve, names, twins):
    names.set("app.test", "127.0.0.1", "127.0.0.2")
    fleet = start_fleet(serve, [f"app.test:{twins[0].port}"], lookups(names).replace("20ms", "10ms"),
                        workers=2)
    sets = [["127.0.0.1"], ["127.0.0.2"], ["127.0.0.1", "127.0.0.2"]]
    statuses = []

    def client():
        wire = fleet.wire()
        for _ in range(150):
            statuses.append(wire.get("/a").answer().status)
        wire.close()

    clients = [threading.Thread(target=client) for _ in range(6)]
    for one in clients:
        one.start()
    turn = 0
    while any(one.is_alive() for one in clients):
        names.set("app.test", *sets[turn % 3])
        turn += 1
        clients[turn % 6].join(0.01)
    assert statuses == [200] * 900
    assert fleet.server.log().count("the servers of app.test are now") > 1
