"""Another program takes over: sockets are handed down, nothing is refused."""
import http.client
import json
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time

import pytest

import larder
from test_reload import post, wait_for

# The old process goes while the new one runs: no sanitizer may count that as a leak of its own.


class Family:
    """A server and whoever takes over from it."""

    def __init__(self, folder, text, env=None):
        self.folder = folder
        self.pid_file = folder / "pid"
        self.log_file = folder / "stderr"
        self.config = folder / "larder.yaml"
        self.config.write_text(text)
        self.err = open(self.log_file, "wb")
        self.last = None
        self.process = subprocess.Popen(
            [larder.binary(), "serve", "-c", str(self.config)], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=self.err, env={**os.environ, **(env or {})})
        wait_for(lambda: self.pid_file.exists() or self.process.poll() is not None)
        assert self.process.poll() is None, self.log()

    def log(self):
        return self.log_file.read_text(errors="replace")

    @property
    def pid(self):
        return int(self.pid_file.read_text())

    def upgrade(self):
        """Waits until another process serves."""
        before = self.pid
        os.kill(before, signal.SIGUSR2)
        wait_for(lambda: self.pid != before)
        return before

    def end(self):
        """Once: a second signal would end it at once."""
        if self.last is None:
            self.last = self.pid if self.pid_file.exists() else self.process.pid
            if alive(self.last):
                os.kill(self.last, signal.SIGTERM)

    def close(self):
        self.end()
        wait_for(lambda: not alive(self.last))
        self.process.wait(larder.PATIENCE_S)
        if self.err.closed:
            return
        self.err.close()
        log = self.log()
        assert not larder.REPORTS.search(log), log


def alive(pid):
    """Also not a zombie that waits for somebody to ask for its status."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def free_ports(count):
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [it.getsockname()[1] for it in held]
    for it in held:
        it.close()
    return ports


@pytest.fixture
def family(origin, tmp_path):
    started = []

    def start(more="", env=None, http_address=None):
        http_port, resp_port, admin_port = free_ports(3)
        it = Family(tmp_path, f"""
workers: 2
pid_file: {tmp_path}/pid
listen:
  http: {{address: "{http_address or f'127.0.0.1:{http_port}'}"}}
  resp: {{address: "127.0.0.1:{resp_port}"}}
  admin: {{address: "127.0.0.1:{admin_port}"}}
origins: {{app: {{servers: ["{origin.address}"]}}}}
{more}
""", env)
        it.http_port, it.resp_port, it.admin_port = http_port, resp_port, admin_port
        started.append(it)
        return it

    yield start
    for it in started:
        it.close()


def get(port, path):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=larder.PATIENCE_S)
    link.request("GET", path)
    body = link.getresponse().read()
    link.close()
    return body


def test_a_new_process_serves_and_the_old_one_ends(family):
    it = family()
    old = it.upgrade()
    assert get(it.http_port, "/1") == b"path /1\n"
    link = socket.create_connection(("127.0.0.1", it.resp_port), larder.PATIENCE_S)
    link.sendall(b"PING\r\n")
    assert link.recv(64) == b"+PONG\r\n"
    link.close()
    wait_for(lambda: not alive(old))
    assert f"process {it.pid} serves from now on" in it.log()


def test_the_admin_door_tells_who_took_over(family):
    it = family()
    old = it.pid
    status, told = post(it, "/v1/upgrade")
    assert status == 200 and told["upgraded"] is True
    assert told["old_pid"] == old
    assert told["pid"] == it.pid


def test_the_command_hands_over(family):
    it = family()
    old = it.pid
    done = larder.run("upgrade", "--admin", f"127.0.0.1:{it.admin_port}")
    assert done.returncode == 0 and f"process {old} ends" in done.stdout
    wait_for(lambda: not alive(old))


def test_a_new_process_that_cannot_serve_leaves_the_old_one_at_work(family):
    it = family()
    text = it.config.read_text()
    it.config.write_text(text + "nonsense: 1\n")
    status, told = post(it, "/v1/upgrade")
    assert status == 500 and 'there is no setting "nonsense"' in told["error"]
    assert get(it.http_port, "/1") == b"path /1\n"
    it.config.write_text(text)
    it.upgrade()
    assert get(it.http_port, "/2") == b"path /2\n"


def test_a_unix_socket_keeps_its_path(family, tmp_path):
    path = tmp_path / "http.sock"
    it = family(http_address=f"unix:{path}")
    old = it.upgrade()
    wait_for(lambda: not alive(old))
    link = socket.socket(socket.AF_UNIX)
    link.settimeout(larder.PATIENCE_S)
    link.connect(str(path))
    link.sendall(b"GET /1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert b"200 OK" in link.recv(4096)
    link.close()


def test_the_pid_file_is_removed_at_the_end(family):
    it = family()
    it.upgrade()
    it.close()
    assert not it.pid_file.exists()
    it.process.wait()


def load(it, wrong, stop, counts, number):
    """One client that keeps its connection as long as it may."""
    link = http.client.HTTPConnection("127.0.0.1", it.http_port, timeout=larder.PATIENCE_S)
    while not stop.is_set():
        try:
            link.request("GET", f"/tagged/{number}-{counts[number] % 5}")
            answer = link.getresponse()
            body = answer.read()
            if answer.status != 200 or not body.startswith(b"path "):
                wrong.append((answer.status, body))
            counts[number] += 1
        except (OSError, http.client.HTTPException) as error:
            wrong.append(error)
            return
        time.sleep(0.002)
    link.close()


def test_upgrades_and_reloads_under_load_lose_no_request(family):
    it = family()
    stop, wrong, counts = threading.Event(), [], [0] * 4
    clients = [threading.Thread(target=load, args=(it, wrong, stop, counts, i)) for i in range(4)]
    for client in clients:
        client.start()
    for _ in range(2):
        it.upgrade()
        for _ in range(3):
            done = it.log().count("the configuration was read anew")
            os.kill(it.pid, signal.SIGHUP)
            wait_for(lambda: it.log().count("the configuration was read anew") > done)
    stop.set()
    for client in clients:
        client.join()
    assert wrong == [] and all(counts)


def test_a_download_under_way_ends_in_the_old_process(family, origin, tmp_path):
    slow = socket.create_server(("127.0.0.1", 0))
    go = threading.Event()

    def answer():
        while True:
            link, _ = slow.accept()
            if link.recv(65536):
                link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\nhalf")
                go.wait(larder.PATIENCE_S)
                link.sendall(b"rest")
                link.close()
                return
            link.close()

    threading.Thread(target=answer, daemon=True).start()
    it = family()
    it.config.write_text(it.config.read_text().replace(
        origin.address, f"127.0.0.1:{slow.getsockname()[1]}"))
    assert post(it, "/v1/reload")[0] == 200
    link = http.client.HTTPConnection("127.0.0.1", it.http_port, timeout=larder.PATIENCE_S)
    link.request("GET", "/slow")
    response = link.getresponse()
    assert response.read(4) == b"half"
    old = it.upgrade()
    assert alive(old)
    go.set()
    assert response.read() == b"rest"
    link.close()
    wait_for(lambda: not alive(old))
    slow.close()


# ---- systemd ---------------------------------------------------------------------------------


class Manager:
    """What systemd would hear."""

    def __init__(self, folder):
        self.path = folder / "notify"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(self.path))
        self.socket.settimeout(larder.PATIENCE_S)
        self.heard = []

    def wait(self, line):
        while not any(line in message.split("\n") for message in self.heard):
            self.heard.append(self.socket.recv(4096).decode())


@pytest.fixture
def manager(tmp_path):
    it = Manager(tmp_path)
    yield it
    it.socket.close()


def test_systemd_hears_of_start_reload_upgrade_and_end(family, manager):
    it = family(env={"NOTIFY_SOCKET": str(manager.path)})
    manager.wait("READY=1")
    manager.heard.clear()
    os.kill(it.pid, signal.SIGHUP)
    manager.wait("RELOADING=1")
    assert "MONOTONIC_USEC=" in manager.heard[-1]
    manager.wait("READY=1")
    it.upgrade()
    manager.wait(f"MAINPID={it.pid}")
    manager.heard.clear()
    it.end()
    manager.wait("STOPPING=1")


def test_the_watchdog_is_told_that_all_workers_turn(family, manager):
    family(env={"NOTIFY_SOCKET": str(manager.path), "WATCHDOG_USEC": "200000"})
    for _ in range(2):
        manager.wait("WATCHDOG=1")
        manager.heard.clear()


def test_a_socket_of_systemd_is_used_whatever_the_file_says(origin, tmp_path):
    http_socket = socket.create_server(("127.0.0.1", 0))
    port = http_socket.getsockname()[1]
    (tmp_path / "larder.yaml").write_text(f"""
workers: 2
pid_file: {tmp_path}/pid
listen: {{http: {{address: "127.0.0.1:1"}}, resp: {{address: "off"}}, admin: {{address: "127.0.0.1:0"}}}}
origins: {{app: {{servers: ["{origin.address}"]}}}}
""")
    # systemd says the process's own number, which only a process in between can know before.
    script = ("import os, sys; os.dup2(int(sys.argv[1]), 3); os.set_inheritable(3, True);"
              "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='http');"
              "os.execv(sys.argv[2], sys.argv[2:])")
    process = subprocess.Popen(
        ["/usr/bin/python3", "-c", script, str(http_socket.fileno()), larder.binary(), "serve", "-c",
         str(tmp_path / "larder.yaml")], pass_fds=[http_socket.fileno()],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: (tmp_path / "pid").exists())
        http_socket.close()
        for i in range(4):
            assert get(port, f"/{i}") == f"path /{i}\n".encode()
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(larder.PATIENCE_S) == 0


def test_the_path_of_a_unix_socket_of_systemd_stays(origin, tmp_path):
    path = str(tmp_path / "sock")
    lent = socket.socket(socket.AF_UNIX)
    lent.bind(path)
    lent.listen()
    (tmp_path / "larder.yaml").write_text(f"""
pid_file: {tmp_path}/pid
workers: 2
listen: {{http: {{address: "unix:{path}"}}, resp: {{address: "off"}}, admin: {{address: "off"}}}}
origins: {{app: {{servers: ["{origin.address}"]}}}}
""")
    script = ("import os, sys; os.dup2(int(sys.argv[1]), 3); os.set_inheritable(3, True);"
              "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='1', LISTEN_FDNAMES='http');"
              "os.execv(sys.argv[2], sys.argv[2:])")
    process = subprocess.Popen(
        ["/usr/bin/python3", "-c", script, str(lent.fileno()), larder.binary(), "serve", "-c",
         str(tmp_path / "larder.yaml")], pass_fds=[lent.fileno()],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        wait_for(lambda: (tmp_path / "pid").exists())
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(larder.PATIENCE_S) == 0
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
    lent.close()
