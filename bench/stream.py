#!/usr/bin/env python3
"""One very large answer through a gateway: how much memory it takes on its way.

    stream.py [--gib 10] [--slow 8]

Three ways: a client that reads as fast as it can; clients that read slowly, together with a fast one
that waits for the same answer; and an upload. The bar is 64 MiB above the idle process.
"""
import argparse
import socket
import sys
import threading
import time

import peers

MIB = 1 << 20
PIECE = b"x" * MIB
BAR = 64 * MIB


def head_of(connection):
    got = b""
    while b"\r\n\r\n" not in got:
        part = connection.recv(65536)
        if not part:
            return None, b""
        got += part
    head, _, rest = got.partition(b"\r\n\r\n")
    return head, rest


def answer(connection, size):
    """One connection to the origin, until it ends: slow clients leave in the middle."""
    try:
        with connection:
            answer_each(connection, size)
    except ConnectionError:
        pass


def answer_each(connection, size):
    """GET gets `size` bytes; what is sent is read and counted."""
    while True:
        head, rest = head_of(connection)
        if head is None:
            return
        if head.startswith(b"GET"):
            connection.sendall(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n"
                               b"Content-Length: %d\r\n\r\n" % size)
            for _ in range(size // MIB):
                connection.sendall(PIECE)
            continue
        left = size - len(rest)
        while left > 0:
            left -= len(connection.recv(MIB))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")


class Origin:
    def __init__(self, size):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.size = size
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=answer, args=(connection, self.size), daemon=True).start()


def connect(address, receive_buffer=None):
    host, port = address.split(":")
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    connection.connect((host, int(port)))
    return connection


def download(address, path, size):
    with connect(address) as connection:
        connection.sendall(b"GET %s HTTP/1.1\r\nHost: bench\r\n\r\n" % path)
        head, rest = head_of(connection)
        got, into = len(rest), bytearray(MIB)
        while got < size:
            count = connection.recv_into(into)
            if count == 0:
                sys.exit(f"the answer ended after {got:,} of {size:,} bytes:\n{head}")
            got += count


def crawl(address, path, ended):
    """Reads a little every second, until it is told to stop."""
    with connect(address, 8192) as connection:
        connection.sendall(b"GET %s HTTP/1.1\r\nHost: bench\r\n\r\n" % path)
        while not ended.wait(1):
            connection.recv(16384)


def upload(address, path, size):
    with connect(address) as connection:
        connection.sendall(b"POST %s HTTP/1.1\r\nHost: bench\r\nContent-Length: %d\r\n\r\n"
                           % (path, size))
        for _ in range(size // MIB):
            connection.sendall(PIECE)
        head, _ = head_of(connection)
        if head is None or b" 200 " not in head:
            sys.exit(f"the upload was not answered with 200:\n{head}")


def measured(name, act, size):
    """Runs it on a fresh Larder and tells the most memory that it took."""
    with peers.Stage() as stage:
        origin = Origin(size)
        config = stage.write("larder.yaml", f"""origins:
  all: {{servers: ["{origin.address}"]}}
routes:
  all: {{match: "/**", origin: all, max-request-body: 1TiB}}
""")
        process, doors = peers.larder(stage, "--config", config, "--workers", "1", "--resp", "off",
                                      core=None)
        before = peers.status_bytes(process.pid, "VmRSS")
        begun = time.monotonic()
        act(doors["http"])
        took = time.monotonic() - begun
        above = peers.status_bytes(process.pid, "VmHWM") - before
    print(f"| {name} | {above / MIB:.1f} MiB | {took:.0f} s | {size / took / MIB:,.0f} MiB/s |", flush=True)
    return above


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--gib", type=float, default=10, help="size of the body (10)")
    parser.add_argument("--slow", type=int, default=8, help="clients that read slowly (8)")
    options = parser.parse_args()
    size = int(options.gib * 1024) * MIB

    def with_slow_ones(address):
        ended = threading.Event()
        slow = [threading.Thread(target=crawl, args=(address, b"/one", ended))
                for _ in range(options.slow)]
        for thread in slow:
            thread.start()
        time.sleep(0.5)
        download(address, b"/one", size)
        ended.set()
        for thread in slow:
            thread.join()

    print(f"\n### A body of {options.gib:g} GiB: memory above the idle process\n")
    print("| | at most | time | |")
    print("|---|---:|---:|---:|")
    above = [measured("one client", lambda address: download(address, b"/one", size), size),
             measured(f"{options.slow} slow clients first", with_slow_ones, size),
             measured("upload", lambda address: upload(address, b"/one", size), size)]
    print("| bar | 64 MiB | | |", flush=True)
    sys.exit(0 if max(above) < BAR else 1)


if __name__ == "__main__":
    main()
