"""How a server ends."""
import http.client
import json
import os
import signal
import socket
import threading

import larder


def wait_for(condition):
    """Until it is so; a test that waits for ever has failed."""
    for _ in range(larder.PATIENCE_S * 100):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("it never happened")


def refuses(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return True
    return False


class SlowOrigin:
    """Takes one request and answers when it is told to."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.asked = threading.Event()
        self.go = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while not self.asked.is_set():
            link, _ = self.socket.accept()
            data = link.recv(65536)
            if not data:  # only a look whether somebody is there
                link.close()
                continue
            self.asked.set()
            self.go.wait(larder.PATIENCE_S)
            link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nlate")
            link.close()
        self.socket.close()


def test_it_ends_with_status_0_on_either_signal(serve, origin):
    for number in (signal.SIGTERM, signal.SIGINT):
        server = serve("--origin", origin.url)
        server.signal(number)
        assert server.wait() == 0
        assert signal.Signals(number).name in server.log()


def test_what_is_under_way_may_end_and_nobody_new_gets_in(serve):
    slow = SlowOrigin()
    server = serve("--origin", slow.url, "--workers", "2")
    answers = []

    def ask():
        connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=larder.PATIENCE_S)
        connection.request("GET", "/late")
        answers.append(connection.getresponse().read())
        connection.close()

    client = threading.Thread(target=ask)
    client.start()
    assert slow.asked.wait(larder.PATIENCE_S)
    http_port = server.http_port
    server.signal(signal.SIGTERM)
    wait_for(lambda: refuses(http_port))
    operator = http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=larder.PATIENCE_S)
    operator.request("GET", "/readyz")
    told = operator.getresponse()
    assert told.status == 503 and json.loads(told.read())["draining"] is True
    operator.close()
    slow.go.set()
    client.join()
    assert answers == [b"late"]
    assert server.wait() == 0


def test_a_second_signal_ends_at_once(serve):
    slow = SlowOrigin()
    # Threads that are still there are the point here, not a leak.
    server = larder.serve("--origin", slow.url, env={"TSAN_OPTIONS": "report_thread_leaks=0"})
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=larder.PATIENCE_S)
    connection.request("GET", "/late")
    assert slow.asked.wait(larder.PATIENCE_S)
    server.signal(signal.SIGTERM)
    wait_for(lambda: "SIGTERM" in server.log())
    server.signal(signal.SIGTERM)
    assert server.wait() == 1
    assert "second signal" in server.log()
    server.stop(status=1)
    connection.close()
    slow.go.set()


def test_what_takes_too_long_is_cut(serve):
    slow = SlowOrigin()
    address = slow.url.removeprefix("http://")
    server = serve(config=f"""
http: {{timeout: {{drain: 100ms}}}}
origins: {{slow: {{servers: ["{address}"]}}}}
""")
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=larder.PATIENCE_S)
    connection.request("GET", "/late")
    assert slow.asked.wait(larder.PATIENCE_S)
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    connection.close()
    slow.go.set()


def test_clients_that_only_wait_do_not_hold_it_up(serve, origin):
    server = serve("--origin", origin.url)
    idle = [socket.create_connection(("127.0.0.1", port))
            for port in (server.http_port, server.resp_port, server.admin_port) for _ in range(5)]
    wait_for(lambda: len(os.listdir(f"/proc/{server.pid}/fd")) >= 15)
    server.signal(signal.SIGTERM)
    assert server.wait() == 0
    for link in idle:
        link.close()


def test_sighup_opens_the_access_log_anew(serve, origin, tmp_path):
    log = tmp_path / "access.log"
    server = serve("--origin", origin.url, "--access-log", str(log))

    def get(path):
        connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=larder.PATIENCE_S)
        connection.request("GET", path)
        connection.getresponse().read()
        connection.close()

    get("/one")
    wait_for(lambda: "/one" in log.read_text())
    log.rename(tmp_path / "old.log")
    server.signal(signal.SIGHUP)
    wait_for(log.exists)
    wait_for(lambda: "opened anew" in server.log())
    get("/two")
    wait_for(lambda: "/two" in log.read_text())
    assert "/two" not in (tmp_path / "old.log").read_text()


def test_sighup_without_a_log_says_that_it_changes_nothing(serve, origin):
    server = serve("--origin", origin.url)
    server.signal(signal.SIGHUP)
    wait_for(lambda: "SIGHUP" in server.log())
    assert "no file to read anew" in server.log()
    assert server.process.poll() is None


def test_clients_that_vanish_do_not_end_it(serve, origin):
    server = serve("--origin", origin.url)
    for _ in range(10):
        link = socket.create_connection(("127.0.0.1", server.http_port))
        link.sendall(b"GET /tagged/a HTTP/1.1\r\nHost: a\r\n\r\n" * 50)
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        link.close()
    connection = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=larder.PATIENCE_S)
    connection.request("GET", "/")
    assert connection.getresponse().status == 200
    connection.close()
