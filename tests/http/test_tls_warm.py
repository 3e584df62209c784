"""larder warm and larder why where clients come through TLS: their answers are stored apart."""
import json
import pathlib
import sys

import larder
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from certificates import Authority  # noqa: E402


@pytest.fixture
def secure(serve, origin, tmp_path):
    """A gateway that listens with TLS only; its https port."""
    pair = Authority(tmp_path).issue("shop", "shop.example")
    origin.reply("/x", headers={"Cache-Control": "max-age=60"}, body=b"hello")
    server = serve("--resp", "off", "--http", "off", config=f"""
listen: {{https: {{address: "127.0.0.1:0"}}}}
certificates: {{shop: {{file: "{pair.file}", key: "{pair.key}"}}}}
origins: {{main: {{servers: ["{origin.address}"]}}}}
""")
    server.https_port = int(next(line for line in server.lines if " https on " in line).rpartition(":")[2])
    return server


def warm(server, *words):
    return larder.run("warm", "--urls", "-", "--gateway", f"https://127.0.0.1:{server.https_port}", *words,
                      stdin="https://shop.example/x\n")


def test_what_is_warmed_through_tls_is_stored_for_clients_with_tls(secure):
    done = warm(secure, "--insecure")
    assert done.returncode == 0 and "stored     1" in done.stdout, done.stdout + done.stderr
    told = larder.run("why", "https://shop.example/x", "--json", "--admin", f"127.0.0.1:{secure.admin_port}")
    assert json.loads(told.stdout)["stored"] is True
    told = larder.run("why", "http://shop.example/x", "--json", "--admin", f"127.0.0.1:{secure.admin_port}")
    assert json.loads(told.stdout)["stored"] is False


def test_a_certificate_that_is_not_trusted_is_not_taken(secure):
    done = warm(secure, "--server-name", "shop.example")
    assert done.returncode == 1 and "failed     1" in done.stdout
