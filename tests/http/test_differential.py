"""Requests in every shape, read by different programs: Larder, uvicorn with both of its parsers, node.

Each origin answers with what it understood, as JSON: method, target, fields, body. What Larder passes
on has to mean the same to all of them, and the same as what the client wrote; what Larder refuses,
none of them may get to see. The requests are made from a seed, which a failure names.
"""
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import time

import pytest

import larder

SEEDS = [int(seed) for seed in os.environ.get("LARDER_SEEDS", "1,2,3").split(",")]
REQUESTS = 60  # for each seed
PATIENCE_S = 60

APP = '''
import json


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    target = scope["raw_path"].decode("latin-1")
    if scope["query_string"]:
        target += "?" + scope["query_string"].decode("latin-1")
    told = json.dumps({
        "method": scope["method"], "target": target, "body": body.decode("latin-1"),
        "fields": [[name.decode("latin-1").lower(), value.decode("latin-1")]
                   for name, value in scope["headers"]]}).encode()
    await send({"type": "http.response.start", "status": 200,
                "headers": [(b"content-length", str(len(told)).encode())]})
    await send({"type": "http.response.body", "body": told})
'''

NODE = '''
const http = require("http");
const server = http.createServer((request, response) => {
  const pieces = [];
  request.on("data", (piece) => pieces.push(piece));
  request.on("end", () => {
    const fields = [];
    for (let i = 0; i < request.rawHeaders.length; i += 2)
      fields.push([request.rawHeaders[i].toLowerCase(), request.rawHeaders[i + 1]]);
    response.end(JSON.stringify({method: request.method, target: request.url, fields,
                                 body: Buffer.concat(pieces).toString("latin1")}));
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
'''

# What each program adds to what it is sent, or may spell otherwise; the framing is compared by the body.
OURS = {"host", "via", "content-length", "transfer-encoding", "connection", "x-forwarded-for",
        "x-forwarded-host", "x-forwarded-proto"}


class Echo:
    """An origin of somebody else's, and a Larder in front of it."""

    def __init__(self, name, folder):
        self.name = name
        self.door = None
        if name == "node":
            (folder / "echo.js").write_text(NODE)
            self.process = subprocess.Popen(["node", str(folder / "echo.js")],
                                            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            port = int(self.process.stdout.readline())
        else:
            (folder / "echo.py").write_text(APP)
            self.door = socket.create_server(("127.0.0.1", 0))
            port = self.door.getsockname()[1]
            self.process = subprocess.Popen(
                [sys.executable, "-m", "uvicorn", "echo:app", "--http", name, "--fd",
                 str(self.door.fileno()), "--log-level", "critical", "--no-proxy-headers"],
                cwd=folder, pass_fds=[self.door.fileno()], stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
        self.server = larder.serve("--resp", "off", "--workers", "1", config=(
            f"origins: {{main: {{servers: [\"127.0.0.1:{port}\"]}}}}\n"
            "routes: {all: {match: \"/**\", cache: off}}\n"))

    def ask(self, data):
        """(status, what the origin understood) of one request; closes behind it."""
        with socket.create_connection(("127.0.0.1", self.server.http_port), PATIENCE_S) as wire:
            answer = b""
            try:
                wire.sendall(data)
                wire.shutdown(socket.SHUT_WR)
                while piece := wire.recv(65536):
                    answer += piece
            except (ConnectionResetError, BrokenPipeError):
                pass
        head, _, body = answer.partition(b"\r\n\r\n")
        status = int(head.split(b" ")[1]) if head else None
        is_echo = status == 200 and body.startswith(b"{\"") and b"\"fields\"" in body
        return status, json.loads(body) if is_echo else None

    def stop(self):
        self.server.stop()
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        if self.door is not None:
            self.door.close()


@pytest.fixture(scope="module")
def echoes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("echo")
    names = ["h11", "httptools"] + (["node"] if shutil.which("node") else [])
    started = [Echo(name, folder) for name in names]
    end = time.monotonic() + PATIENCE_S
    for echo in started:
        while echo.ask(b"GET /begin HTTP/1.1\r\nHost: a\r\n\r\n")[1] is None:
            assert time.monotonic() < end, f"{echo.name} does not answer"
            time.sleep(0.05)
    yield started
    for echo in started:
        echo.stop()


# ---- requests from a seed -------------------------------------------------------------------

TARGETS = ["/", "/a", "/a/b", "/a?x=1", "/a?x=1&y=2", "/a?", "/%41", "/a%20b", "/a%2Fb", "/~a", "/a;b",
           "/a//b", "/./a", "/a/../b", "/*", "/a?x=%00", "/a?x=[1]", "/a?x=a|b", "/'a'", "/a:b", "/a@b",
           "http://a.example/a", "http://a.example", "/a?http://b.example/", "/a%25b", "/a?x=%C3%A4",
           "/" + "a" * 2000, "/a?\"", "/<a>", "/a^b", "/a`b", "/{a}"]
METHODS = ["GET", "GET", "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "SEARCH"]
FIELDS = [("Accept", "*/*"), ("X-A", "b"), ("X-A", "c"), ("x-a", ""), ("X-B", "  padded\t "),
          ("X-C", "a, b,, c"), ("X-D", "\"quoted, text\""), ("X-E", "a\tb"), ("X-F", "\xe4\xf6"),
          ("X-G", "x" * 3000), ("X-H", ":"), ("X-I", "a: b"), ("X-J", "#1;2"), ("!#$%&'*+-.^`|~", "x"),
          ("Cookie", "a=b; c=d"), ("Authorization", "Basic eDp5"), ("Range", "bytes=0-1"),
          ("Content-Type", "text/plain"), ("Content-Encoding", "gzip"), ("If-None-Match", "\"x\""),
          ("Connection", "close"), ("Connection", "X-A"), ("Keep-Alive", "timeout=5"), ("TE", "trailers"),
          ("Trailer", "X-T"), ("Upgrade", "h2c"), ("Proxy-Connection", "keep-alive"),
          ("X_Under", "score"), ("X-Forwarded-For", "192.0.2.1"), ("Referer", "http://a.example/?#")]
ODD = ["X-Odd : a\r\n", " X-Odd: a\r\n", "X-Odd: a\r\n b\r\n", "X-Odd: a\n", "X-Odd\r\n", ": a\r\n",
       "X-Odd: a\0b\r\n", "X-Odd: a\rb\r\n", "X Odd: a\r\n", "Host: b.example\r\n",
       "Content-Length: 3\r\nContent-Length: 4\r\n", "Content-Length: +3\r\n",
       "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", "Transfer-Encoding: xchunked\r\n",
       "Transfer-Encoding: chunked, identity\r\n", "Transfer-Encoding : chunked\r\n",
       "X-Odd: \x7f\r\n", "X-Odd: \x01\r\n", "X-\xe4: a\r\n"]


def make_body(rng):
    """(fields, bytes on the wire, the body that they mean)."""
    body = bytes(rng.randrange(256) for _ in range(rng.choice([0, 1, 5, 100, 3000])))
    if rng.random() < 0.5:
        zeros = "0" * rng.choice([0, 0, 0, 3])
        return [("Content-Length", zeros + str(len(body)))], body, body
    wire, at = b"", 0
    while at < len(body):
        size = rng.randint(1, len(body) - at)
        shape = rng.choice(["%x", "%X", "0%x", "%x;a=b", "%x;a=\"b;c\""])
        wire += (shape % size).encode() + b"\r\n" + body[at:at + size] + b"\r\n"
        at += size
    wire += rng.choice([b"0\r\n", b"000\r\n", b"0;last\r\n"])
    wire += rng.choice([b"", b"", b"X-T: a\r\n", b"Content-Length: 9\r\n"]) + b"\r\n"
    return [("Transfer-Encoding", rng.choice(["chunked", "Chunked", " chunked "]))], wire, body


def make_request(rng):
    """(bytes, method, body, the fields that have to arrive, whether there is something odd in it)."""
    method, target = rng.choice(METHODS), rng.choice(TARGETS)
    fields = rng.sample(FIELDS, rng.randint(0, 8))
    body, wire = b"", b""
    if method not in ("GET", "OPTIONS") or rng.random() < 0.1:
        framing, wire, body = make_body(rng)
        fields += framing
    rng.shuffle(fields)
    lines = [f"{name}:{rng.choice(['', ' ', '  '])}{value}\r\n" for name, value in fields]
    lines.insert(rng.randint(0, len(lines)), "Host: a.example\r\n")
    is_odd = rng.random() < 0.3
    if is_odd:
        lines.insert(rng.randint(0, len(lines)), rng.choice(ODD))
    data = f"{method} {target} HTTP/1.1\r\n{''.join(lines)}\r\n".encode("latin-1") + wire
    return data, method, body, fields, is_odd


def arriving(fields):
    """The client's fields that Larder passes on, in their order."""
    listed = {option.strip().lower() for name, value in fields if name == "Connection"
              for option in value.split(",")}
    stay = listed | OURS | {"connection", "keep-alive", "te", "trailer", "upgrade",
                            "proxy-connection"}
    return [[name.lower(), value.strip(" \t")] for name, value in fields if name.lower() not in stay]


def understood(told):
    return [[name, value.strip(" \t")] for name, value in told["fields"]
            if name not in OURS]


# ---- the comparison -------------------------------------------------------------------------

@pytest.mark.parametrize("seed", SEEDS)
def test_all_programs_read_what_is_passed_on_alike(echoes, seed):
    rng = random.Random(seed)
    passed = refused = 0
    for number in range(REQUESTS):
        data, method, body, fields, is_odd = make_request(rng)
        where = f"seed {seed}, request {number}: {data[:500]!r}"
        answers = [(echo.name, *echo.ask(data)) for echo in echoes]
        statuses = {status for _, status, _ in answers}
        assert len(statuses) == 1, (where, [(name, status) for name, status, _ in answers])
        if is_odd:
            assert statuses <= {400, 501}, (where, statuses)
            refused += 1
            continue
        if statuses != {200}:
            assert statuses == {400}, (where, statuses)  # a target that Larder takes for none
            refused += 1
            continue
        passed += 1
        tolds = [told for _, _, told in answers]
        for told in tolds:
            assert told is not None, where
            assert told["method"] == method, where
            assert told["body"].encode("latin-1") == body, where
            assert understood(told) == arriving(fields), where
            assert told["target"] == tolds[0]["target"], where
    assert passed > REQUESTS / 3 and refused > 0, (passed, refused)


def test_pipelined_requests_are_the_same_requests_to_all(echoes):
    rng = random.Random(5)
    for echo in echoes:
        wanted, data = [], b""
        while len(wanted) < 12:
            one, method, body, fields, is_odd = make_request(rng)
            is_last = any(name == "Connection" for name, _ in fields)
            if is_odd or is_last or b" /<" in one or echo.ask(one)[0] != 200:
                continue
            wanted.append((method, body))
            data += one
        with socket.create_connection(("127.0.0.1", echo.server.http_port), PATIENCE_S) as wire:
            wire.sendall(data)
            wire.shutdown(socket.SHUT_WR)
            answer = b""
            while piece := wire.recv(65536):
                answer += piece
        told = [json.loads(line) for line in bodies(answer)]
        assert [(one["method"], one["body"].encode("latin-1")) for one in told] == wanted, echo.name


def bodies(answer):
    while answer:
        head, _, answer = answer.partition(b"\r\n\r\n")
        sizes = [line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
        if sizes:
            size = int(sizes[0].split(b":")[1])
            yield answer[:size]
            answer = answer[size:]
            continue
        whole = b""
        while True:  # chunked
            size, _, answer = answer.partition(b"\r\n")
            whole += answer[:int(size, 16)]
            answer = answer[int(size, 16) + 2:]
            if int(size, 16) == 0:
                break
        yield whole
