"""The gateway in front of a scripted origin."""
import json
import pathlib
import sys
import time
import urllib.request

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from origin import Origin  # noqa: E402
from wire import Wire, ask  # noqa: E402

PATIENCE_S = 30


class Gateway:
    """A running larder, and short words for what tests do with it."""

    def __init__(self, server):
        self.server = server
        self.port = server.http_port

    def ask(self, path, method="GET", **options):
        return ask(self.port, path, method, **options)

    def wire(self, **options):
        return Wire(self.port, **options)

    def stats(self):
        with urllib.request.urlopen(self.server.admin_url + "/v1/stats") as answer:
            return json.load(answer)

    def count(self, name, door="http"):
        return self.stats()[door][name]

    def wait_until(self, name, value, door="http"):
        """Until a count has reached the value: instead of sleeping."""
        end = time.monotonic() + PATIENCE_S
        while (now := self.count(name, door)) < value:
            assert time.monotonic() < end, f"{name} is {now}, not {value}"
            time.sleep(0.005)

    def wait_until_gone(self, name, door="http"):
        end = time.monotonic() + PATIENCE_S
        while (now := self.count(name, door)) > 0:
            assert time.monotonic() < end, f"{name} is still {now}"
            time.sleep(0.005)

    def purge(self, **what):
        request = urllib.request.Request(self.server.admin_url + "/v1/purge", method="POST",
                                         data=json.dumps(what).encode(),
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)


@pytest.fixture(scope="session")
def gateway_of():
    """Of a server that was started otherwise."""
    return Gateway


@pytest.fixture
def origin():
    it = Origin()
    yield it
    it.stop()


@pytest.fixture
def start(serve, origin):
    """Starts a gateway in front of the origin. `route` and `http` are lines of YAML for the only
    route and for the section http; `routes` replaces the whole section; `address` is that of an
    origin of the test's own."""

    def begin(*flags, route="", routes=None, http="", cache="", origins="", address=None):
        lines = ["origins:", "  main:", f"    servers: [\"{address or origin.address}\"]"]
        lines += ["    " + line for line in origins.splitlines()]
        lines += ["routes:"]
        if routes is None:
            lines += ["  all:", "    match: \"/**\""]
            lines += ["    " + line for line in route.splitlines()]
        else:
            lines += ["  " + line for line in routes.splitlines()]
        for name, text in (("http", http), ("cache", cache)):
            if text:
                lines += [f"{name}:"] + ["  " + line for line in text.splitlines()]
        server = serve("--resp", "off", *flags, config="\n".join(lines) + "\n")
        return Gateway(server)

    return begin


@pytest.fixture
def gateway(start):
    """The defaults: one route, whatever the origin says."""
    return start()
