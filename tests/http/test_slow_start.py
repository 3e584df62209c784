"""A server that comes back is not met by its whole share at once."""
import collections

from fleet import start_fleet
from origin import Origin

PASSED = {"Cache-Control": "no-store"}


def test_a_server_that_comes_back_begins_with_little(serve):
    origins = [Origin(), Origin()]
    try:
        for number, one in enumerate(origins):
            one.reply("/a", body=b"%d" % number, headers=PASSED)
            one.reply("/healthz")
        fleet = start_fleet(serve, origins, "slow_start: 1h\n"
                            "health: {get: /healthz, every: 20ms, timeout: 10s, down_after: 1, up_after: 1}")
        assert fleet.server_told(origins[0])["weight"] == 1  # nobody has to warm up at the start
        origins[0].reply("/healthz", status=500)
        fleet.wait_for_state(origins[0], "down")
        origins[0].reply("/healthz")
        fleet.wait_for_state(origins[0], "up")
        assert fleet.server_told(origins[0])["weight"] == 0.1
        got = collections.Counter(int(fleet.ask("/a").body) for _ in range(22))
        assert got[0] <= 3 and got[1] >= 19
    finally:
        for one in origins:
            one.stop()
