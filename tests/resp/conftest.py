"""What the conversations with the RESP door share."""
import pytest

import larder
import oracle
from wire import Wire


@pytest.fixture(scope="session")
def door():
    """One Larder with two workers for all tests that leave nothing behind."""
    with larder.serve("--http", "off", "--admin", "off", "--workers", "2") as server:
        yield server.resp_port


@pytest.fixture
def wire(door):
    """A connection to an empty Larder."""
    with Wire(door) as one:
        one.call("FLUSHALL")
        yield one


@pytest.fixture(scope="session")
def redis_port():
    if not oracle.is_there():
        pytest.skip(f"there is no redis-server {oracle.VERSION} to compare with")
    with oracle.redis_server() as port:
        yield port
