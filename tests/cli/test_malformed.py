"""Whatever is sent to a door, it says what is wrong, closes, and goes on answering."""
import os
import pathlib
import re
import socket
import urllib.request

import pytest

CORPORA = pathlib.Path(__file__).resolve().parent.parent / "fuzz/corpus"
FILES = sorted(path for path in CORPORA.rglob("*") if path.is_file())
PATIENCE_S = 30

# What the first line of an answer looks like; nothing at all is right for what is not a whole
# request yet, or one that asks for no answer.
FIRST = {
    "http": re.compile(rb"HTTP/1\.1 [12345]\d\d "),
    "admin": re.compile(rb"HTTP/1\.1 [245]\d\d "),
    "resp": re.compile(rb"[-+:$*%_,#(!=~>|]"),
}


def send(port, data):
    """Everything that comes back until the door closes."""
    with socket.create_connection(("127.0.0.1", port), PATIENCE_S) as wire:
        answer = b""
        try:
            wire.sendall(data)
            wire.shutdown(socket.SHUT_WR)
            while piece := wire.recv(65536):
                answer += piece
        except (ConnectionResetError, BrokenPipeError):
            pass  # closed with bytes of ours unread
        return answer


def open_files(server):
    return len(os.listdir(f"/proc/{server.pid}/fd"))


def port_of(server, door):
    return {"http": server.http_port, "resp": server.resp_port, "admin": server.admin_port}[door]


@pytest.mark.parametrize("door", FIRST)
def test_every_fuzz_input_is_survived_and_answered(serve, origin, door):
    server = serve("--origin", origin.url)
    port = port_of(server, door)
    assert len(FILES) > 100
    for path in FILES:
        send(port, path.read_bytes())  # buffers and connections to the origin are made
    before = open_files(server)
    for path in FILES:
        answer = send(port, path.read_bytes())
        assert answer == b"" or FIRST[door].match(answer), (path.name, answer[:200])
    assert urllib.request.urlopen(server.http_url + "/").status == 200
    assert urllib.request.urlopen(server.admin_url + "/healthz").status == 200
    assert send(server.resp_port, b"*1\r\n$4\r\nPING\r\n") == b"+PONG\r\n"
    assert open_files(server) <= before + 4  # what the three lines above left open


@pytest.mark.parametrize("door, request_, told", [
    ("http", b"GET / HTTP/1.1\nHost: a\n\n", b"line"),
    ("http", b"GET / HTTP/1.1\r\n\r\n", b"Host"),
    ("admin", b"GET / HTTP/1.1\nHost: a\n\n", b"line"),
    ("resp", b"*1\r\n$x\r\n", b"Protocol error"),
    ("resp", b"*99999999999\r\n", b"Protocol error"),
])
def test_what_breaks_the_protocol_is_told_in_words(serve, origin, door, request_, told):
    server = serve("--origin", origin.url)
    assert told in send(port_of(server, door), request_)
