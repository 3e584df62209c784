"""One Larder and one origin for all of the conformance tests; each test has its own path."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))
import larder  # noqa: E402
from origin import Origin  # noqa: E402
from place import Place  # noqa: E402


def pytest_configure(config):
    config.addinivalue_line("markers", "rule(id, ...): the rules of rules.py that a test shows")


CONFIG = """
http: {remember_uncacheable: 0s}
origins:
  main: {servers: ["ORIGIN"], eject: {failures: 0}, breaker: {failures: 0, min_requests: 1000000}}
  dead: {servers: ["127.0.0.1:1"]}
routes:
  default: {match: "/c/**", origin: main, stale: {grace: 10m}}
  dead: {match: "/dead/**", origin: dead}
  strict: {match: "/strict/**", origin: main, stale: {grace: 0s}}
  ttl: {match: "/ttl/**", origin: main, ttl: 60s, negative: {ttl: 5s}}
  statuses: {match: "/statuses/**", origin: main, ttl: 60s, negative: {ttl: 5s}, jitter: 50%,
             status_ttl: ["302=30s", "4xx=10s", "404=20s", "500=40s"]}
  told: {match: "/told/**", origin: main, cache_status_key: on, key: {query: {sort: on}}}
  early: {match: "/early/**", origin: main, beta: 10000%}
  force: {match: "/force/**", origin: main, cache: force, ttl: 60s}
  deaf: {match: "/deaf/**", origin: main, client_cache_control: off}
  cookies: {match: "/cookies/**", origin: main, set_cookie: strip}
  keeps_cookies: {match: "/keeps-cookies/**", origin: main, set_cookie: store}
  users: {match: "/users/**", origin: main, authorization: per-user}
  strangers: {match: "/strangers/**", origin: main, authorization: never}
  off: {match: "/off/**", origin: main, cache: off}
"""


class Gateway:
    def __init__(self, server):
        self.server = server
        self.port = server.http_port


@pytest.fixture(scope="session")
def pair():
    """(gateway, origin)"""
    origin = Origin()
    server = larder.serve("--resp", "off", "--workers", "1", config=CONFIG.replace("ORIGIN", origin.address))
    yield Gateway(server), origin
    server.stop()
    origin.stop()


@pytest.fixture
def at(pair):
    """A place under the route of defaults."""
    return Place(*pair)


@pytest.fixture
def under(pair):
    """under("/ttl"): a place under another route."""
    return lambda prefix: Place(*pair, prefix)
