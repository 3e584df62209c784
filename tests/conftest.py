"""What every test may ask for."""
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import larder  # noqa: E402  (after the path is known)


@pytest.fixture
def serve():
    """larder.serve, and whatever it started ends with the test and ended well."""
    started = []

    def start(*flags, **options):
        started.append(larder.serve(*flags, **options))
        return started[-1]

    yield start
    for server in started:
        server.stop()
