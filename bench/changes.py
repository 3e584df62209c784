#!/usr/bin/env python3
"""Reloads and upgrades under load, and what clients see of it: nothing, or this fails.

    LARDER=build/release/larder bench/changes.py --reloads 100 --upgrades 5

Clients: some that keep their connection and ask without a pause, some that open one for each
request, some that read a long answer slowly, some with a WebSocket that says something and hears it
again. Counted are requests, answers that are not what was asked for, connections that were refused
or broke. A WebSocket or a long answer may be closed by the process that ends after an upgrade when
its time to drain is over, so that is set longer than the run.

Exit status 1 when anything failed. All ports are the kernel's choice.
"""
import argparse
import http.client
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATIENCE_S = 60
LONG = 4 << 20


class Origin:
    """Answers every path with itself; /long slowly; switches to WebSocket, whatever is said then."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.address = f"127.0.0.1:{self.socket.getsockname()[1]}"
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            link, _ = self.socket.accept()
            threading.Thread(target=self.talk, args=(link,), daemon=True).start()

    def talk(self, link):
        stream = link.makefile("rb")
        try:
            while line := stream.readline():
                path = line.split()[1]
                upgrade = False
                while (field := stream.readline()) not in (b"\r\n", b""):
                    upgrade |= field.lower().startswith(b"upgrade:")
                if upgrade:
                    self.echo(link, stream)
                    return
                self.answer(link, path)
        except OSError:
            pass
        finally:
            link.close()

    @staticmethod
    def echo(link, stream):
        link.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                     b"Upgrade: websocket\r\n\r\n")
        while data := stream.read1(65536):
            link.sendall(data)

    @staticmethod
    def answer(link, path):
        if not path.startswith(b"/long"):
            age = b"max-age=60" if path.startswith(b"/hit") else b"no-store"
            link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nCache-Control: %s\r\n\r\n%s"
                         % (len(path), age, path))
            return
        link.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nCache-Control: no-store\r\n\r\n" % LONG)
        for _ in range(64):
            link.sendall(b"x" * (LONG // 64))
            time.sleep(0.02)


class Load:
    """All clients together."""

    def __init__(self, port):
        self.port = port
        self.stop = threading.Event()
        self.lock = threading.Lock()
        self.wrong = []
        self.counts = {}
        self.threads = []

    def count(self, kind):
        with self.lock:
            self.counts[kind] = self.counts.get(kind, 0) + 1

    def begin(self, work, number):
        def run():
            try:
                work(number)
            except (OSError, http.client.HTTPException, AssertionError) as error:
                with self.lock:
                    self.wrong.append(f"{work.__name__} {number}: {error!r}")

        self.threads.append(threading.Thread(target=run))
        self.threads[-1].start()

    def ask(self, link, path):
        link.request("GET", path)
        answer = link.getresponse()
        body = answer.read()
        assert answer.status == 200 and body == path.encode(), (answer.status, body[:80])

    def keeping(self, number):
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        for i in range(1 << 30):
            if self.stop.is_set():
                break
            self.ask(link, f"/hit/{i % 50}" if i % 4 else f"/pass/{number}-{i}")
            self.count("requests on connections that are kept")
        link.close()

    def opening(self, number):
        while not self.stop.is_set():
            link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
            self.ask(link, f"/hit/{number}")
            link.close()
            self.count("connections for one request")
            time.sleep(0.001)

    def reading(self, number):
        while not self.stop.is_set():
            link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
            link.request("GET", f"/long/{number}")
            size = len(link.getresponse().read())
            assert size == LONG, f"{size} of {LONG} bytes"
            link.close()
            self.count("long answers")

    def socketing(self, number):
        link = socket.create_connection(("127.0.0.1", self.port), PATIENCE_S)
        link.sendall(b"GET /live HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n"
                     b"Upgrade: websocket\r\n\r\n")
        head = b""
        while b"\r\n\r\n" not in head:
            more = link.recv(4096)
            assert more, "closed before it was upgraded"
            head += more
        assert head.startswith(b"HTTP/1.1 101 "), head[:80]
        for i in range(1 << 30):
            if self.stop.is_set():
                break
            said = b"%d says %d\n" % (number, i)
            link.sendall(said)
            heard = b""
            while len(heard) < len(said):
                more = link.recv(len(said) - len(heard))
                assert more, "a WebSocket was dropped"
                heard += more
            assert heard == said
            self.count("messages on WebSockets")
            time.sleep(0.01)
        link.close()


class Server:
    """Larder, and whoever takes over from it."""

    def __init__(self, binary, origin, folder):
        self.folder = pathlib.Path(folder)
        self.config = self.folder / "larder.yaml"
        self.origin = origin
        self.write(0)
        self.err = open(self.folder / "stderr", "wb")
        self.port, self.admin = (self.free() for _ in range(2))
        self.process = subprocess.Popen(
            [binary, "serve", "-c", str(self.config), "--http", f"127.0.0.1:{self.port}", "--resp",
             "off", "--admin", f"127.0.0.1:{self.admin}", "--workers", "2"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.err)
        self.wait(lambda: (self.folder / "pid").exists())

    @staticmethod
    def free():
        with socket.create_server(("127.0.0.1", 0)) as it:
            return it.getsockname()[1]

    def write(self, number):
        """Another configuration each time: a route, a ttl, and an origin that comes and goes."""
        more = f', more: {{servers: ["{self.origin.address}"]}}' if number % 2 else ""
        self.config.write_text(f"""
pid_file: {self.folder}/pid
http: {{timeout: {{drain: 10m}}}}
origins: {{app: {{servers: ["{self.origin.address}"], max-connections: {1000 + number % 3}}}{more}}}
routes:
  default: {{match: "/**", origin: app}}
  some: {{match: "/some/{number}/**", origin: app, ttl: {number + 1}s}}
""")

    @staticmethod
    def wait(condition):
        until = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > until:
                sys.exit("it never happened")
            time.sleep(0.005)

    @property
    def pid(self):
        return int((self.folder / "pid").read_text())

    def log(self):
        return (self.folder / "stderr").read_text(errors="replace")

    def reload(self, number):
        before = self.log().count("the configuration was read anew")
        self.write(number)
        os.kill(self.pid, signal.SIGHUP)
        self.wait(lambda: self.log().count("the configuration was read anew") > before)

    def upgrade(self):
        before = self.pid
        os.kill(before, signal.SIGUSR2)
        self.wait(lambda: self.pid != before)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reloads", type=int, default=100)
    parser.add_argument("--upgrades", type=int, default=5)
    parser.add_argument("--clients", type=int, default=4, help="of each kind")
    wanted = parser.parse_args()
    binary = os.environ.get("LARDER") or str(ROOT / "build/release/larder")
    origin = Origin()
    with tempfile.TemporaryDirectory(prefix="larder-changes-") as folder:
        server = Server(binary, origin, folder)
        load = Load(server.port)
        for work in (load.keeping, load.opening, load.reading, load.socketing):
            for number in range(wanted.clients):
                load.begin(work, number)
        begun = time.monotonic()
        every = max(1, wanted.reloads // max(1, wanted.upgrades))
        for i in range(wanted.reloads):
            server.reload(i + 1)
            if wanted.upgrades and i % every == every - 1 and i // every < wanted.upgrades:
                server.upgrade()
        took = time.monotonic() - begun
        time.sleep(1)
        load.stop.set()
        for thread in load.threads:
            thread.join()
        os.kill(server.pid, signal.SIGTERM)
        log = server.log()
        server.err.close()
        print(f"{log.count('the configuration was read anew')} reloads and "
              f"{log.count('serves from now on; this one')} upgrades in {took:.1f} s")
        for kind, count in sorted(load.counts.items()):
            print(f"{count:9} {kind}")
        print(f"{len(load.wrong):9} failed")
        for line in load.wrong[:20]:
            print("   ", line)
    return 1 if load.wrong or not load.counts else 0


if __name__ == "__main__":
    sys.exit(main())
