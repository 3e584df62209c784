"""A real Prometheus takes what /metrics gives."""
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import larder
import pytest

CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: larder
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def query(port, expression):
    """The value of an instant query; None: there is none yet."""
    url = f"http://127.0.0.1:{port}/api/v1/query?" + urllib.parse.urlencode({"query": expression})
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            result = json.load(answer)["data"]["result"]
    except (urllib.error.URLError, ConnectionError):
        return None
    return float(result[0]["value"][1]) if result else None


@pytest.fixture
def prometheus(tmp_path):
    """Starts Prometheus for a port of the admin door; the port of its API."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed")
    started = []

    def start(admin_port):
        config = tmp_path / "prometheus.yml"
        config.write_text(CONFIG.format(port=admin_port))
        port = free_port()
        started.append(subprocess.Popen(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}",
             f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        return port

    yield start
    for process in started:
        process.terminate()
        process.wait(larder.PATIENCE_S)


def test_prometheus_scrapes_larder(serve, origin, prometheus):
    server = serve("--origin", origin.url)
    for _ in range(3):
        urllib.request.urlopen(server.http_url + "/tagged/a", timeout=larder.PATIENCE_S).close()
    port = prometheus(server.admin_port)
    deadline = time.monotonic() + larder.PATIENCE_S
    while query(port, 'up{job="larder"} == 1') is None:
        assert time.monotonic() < deadline, "Prometheus never saw it"
        time.sleep(0.2)
    assert query(port, "larder_http_requests_total") == 3
    assert query(port, "larder_http_hits_total") == 2
    assert query(port, 'larder_origin_up{origin="default"}') == 1
    assert query(port, "larder_http_request_duration_seconds_count") is not None
    assert query(port, "process_resident_memory_bytes") > 1 << 20
