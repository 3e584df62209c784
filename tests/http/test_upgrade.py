"""WebSocket and other upgrades: raw bytes both ways, and only after the origin said 101."""
import asyncio
import socket
import ssl
import struct
import threading

import pytest
import websockets

HOUR = {"Cache-Control": "max-age=3600"}
ASK = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13",
       "Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ=="}
SWITCHED = (b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
PATIENCE_S = 30


class Peer:
    """The origin's end of one upgraded connection, in the hands of the test."""

    def __init__(self, door):
        self.request = b""
        while not self.request:  # a connection that only looks whether somebody listens
            self.wire, _ = door.accept()
            self.wire.settimeout(PATIENCE_S)
            self.request = self.wire.recv(1)
        while not self.request.endswith(b"\r\n\r\n"):
            self.request += self.wire.recv(1)

    def switch(self, head=SWITCHED):
        self.wire.sendall(head)
        return self


@pytest.fixture
def door():
    """A listening socket for an origin of one's own."""
    with socket.create_server(("127.0.0.1", 0)) as it:
        it.settimeout(PATIENCE_S)
        yield it


@pytest.fixture
def begin(start, door):
    """Starts a gateway in front of the door; what is under way does not hold up its end."""
    def begin_with(*flags, http="timeout: {drain: 0}", **options):
        return start(*flags, http=http, address="127.0.0.1:%d" % door.getsockname()[1], **options)

    return begin_with


def upgrade(gateway, door, **more):
    """An upgraded connection: the client's wire and the origin's end."""
    wire = gateway.wire()
    wire.get("/ws", **{**ASK, **more})
    peer = Peer(door).switch()
    return wire, peer


def exactly(wire, size):
    data = b""
    while len(data) < size:
        piece = wire.recv(size - len(data))
        assert piece, f"the end came after {data!r}"
        data += piece
    return data


def test_the_origin_is_asked_to_upgrade_and_its_101_passed_on(begin, door):
    gateway = begin()
    wire, peer = upgrade(gateway, door)
    request = peer.request.lower()
    assert b"\r\nconnection: upgrade\r\n" in request and b"\r\nupgrade: websocket\r\n" in request
    assert b"\r\nsec-websocket-key: dghlihnhbxbszsbub25jzq==\r\n" in request
    status, fields = wire.read_head()
    names = {name.lower(): value for name, value in fields}
    assert status == 101
    assert names["connection"].lower() == "upgrade" and names["upgrade"].lower() == "websocket"
    assert names["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    assert names["cache-status"] == "larder; fwd=bypass; detail=upgrade"
    assert gateway.count("upgrades") == 1 and gateway.count("tunnels") == 1
    assert gateway.count("requests_waiting") == 0


def test_bytes_go_through_both_ways_unread(begin, door):
    gateway = begin()
    wire, peer = upgrade(gateway, door)
    wire.read_head()
    wire.socket.sendall(b"GET /secret HTTP/1.1\r\n\r\n\x00\xff")
    assert exactly(peer.wire, 26) == b"GET /secret HTTP/1.1\r\n\r\n\x00\xff"
    peer.wire.sendall(b"HTTP/1.1 200 OK\r\n\r\n\x00\xfe")
    assert wire.stream.read(21) == b"HTTP/1.1 200 OK\r\n\r\n\x00\xfe"
    assert gateway.count("requests") == 1
    assert gateway.count("tunnel_received_bytes") == 26


def test_what_came_early_on_either_side_is_not_lost(begin, door):
    gateway = begin()
    wire = gateway.wire()
    lines = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in ASK.items())
    wire.send(f"GET /ws HTTP/1.1\r\nHost: a\r\n{lines}\r\n".encode() + b"early client")
    peer = Peer(door).switch(SWITCHED + b"early origin")
    wire.read_head()
    assert wire.stream.read(12) == b"early origin"
    assert exactly(peer.wire, 12) == b"early client"


def test_each_side_may_end_while_the_other_goes_on(begin, door):
    gateway = begin()
    wire, peer = upgrade(gateway, door)
    wire.read_head()
    wire.socket.sendall(b"last words")
    wire.socket.shutdown(socket.SHUT_WR)
    assert exactly(peer.wire, 10) == b"last words"
    assert peer.wire.recv(1) == b""
    peer.wire.sendall(b"mine too")
    assert wire.stream.read(8) == b"mine too"
    peer.wire.shutdown(socket.SHUT_WR)
    assert wire.stream.read() == b""
    gateway.wait_until_gone("tunnels")
    gateway.wait_until_gone("connections")

    wire, peer = upgrade(gateway, door)
    wire.read_head()
    peer.wire.sendall(b"first")
    peer.wire.shutdown(socket.SHUT_WR)
    assert wire.stream.read() == b"first"
    wire.socket.sendall(b"second")
    assert exactly(peer.wire, 6) == b"second"
    wire.socket.shutdown(socket.SHUT_WR)
    assert peer.wire.recv(1) == b""
    gateway.wait_until_gone("tunnels")


def test_when_one_side_breaks_the_other_is_told(begin, door):
    gateway = begin()
    wire, peer = upgrade(gateway, door)
    wire.read_head()
    peer.wire.close()
    assert wire.is_closed()
    wire.close()
    wire, peer = upgrade(gateway, door)
    wire.read_head()
    wire.close()
    assert peer.wire.recv(1) == b""
    peer.wire.close()
    gateway.wait_until_gone("tunnels")


def test_who_does_not_read_holds_the_other_up_and_nothing_is_lost(begin, door):
    gateway = begin()
    wire, peer = upgrade(gateway, door)
    wire.read_head()
    size = 16 << 20
    data = bytes(range(256)) * (size // 256)
    for sender, read in ((wire.socket, lambda n: exactly(peer.wire, n)),
                         (peer.wire, wire.stream.read)):
        thread = threading.Thread(target=sender.sendall, args=(data,))
        thread.start()
        thread.join(0.2)
        assert thread.is_alive()  # far more than sockets and buffers hold: it waits
        assert read(size) == data
        thread.join(PATIENCE_S)


def test_an_origin_that_does_not_switch_is_answered_like_any_other(start, origin):
    gateway = start()
    origin.reply("/ws", body=b"plain", headers=HOUR)
    wire = gateway.wire()
    answer = wire.get("/ws", **ASK).answer()
    assert (answer.status, answer.body, answer.detail) == (200, b"plain", "upgrade")
    assert origin.seen("/ws")[0].get("Upgrade") == "websocket"
    assert wire.get("/ws").answer().is_hit is False  # never stored; the connection is HTTP still
    gateway.wait_until("stored", 1)


@pytest.mark.parametrize("head", [
    SWITCHED.replace(b"websocket", b"h2c"),
    SWITCHED.replace(b"Upgrade: websocket\r\n", b""),
    SWITCHED.replace(b"Connection: Upgrade\r\n", b""),
], ids=["another protocol", "no Upgrade", "no Connection"])
def test_a_101_that_does_not_fit_is_no_answer(begin, door, head):
    gateway = begin()
    wire = gateway.wire()
    wire.get("/ws", **ASK)
    Peer(door).switch(head)
    assert wire.answer().status == 502
    assert gateway.count("upgrades") == 0


@pytest.mark.parametrize("protocol", ["h2c", "HTTP/2.0", "TLS/1.2", "foo"])
def test_other_protocols_are_left_out_and_the_answer_is_for_the_cache(start, origin, protocol):
    gateway = start()
    origin.reply("/a", body=b"x", headers=HOUR)
    assert gateway.ask("/a", Connection="Upgrade", Upgrade=protocol).status == 200
    assert origin.seen("/a")[0].get("Upgrade") is None
    gateway.wait_until("stored", 1)
    assert gateway.ask("/a", Connection="Upgrade", Upgrade=protocol).is_hit


def test_the_route_says_which_upgrades_pass(start, origin):
    gateway = start(routes="off: {match: \"/off/**\", upgrade: off}\n"
                           "any: {match: \"/any/**\", upgrade: any}\n"
                           "rest: {match: \"/**\"}")
    for path, protocol, passed in (("/off/a", "websocket", None), ("/any/a", "foo/1", "foo/1"),
                                   ("/any/b", "h2c, foo", "foo"), ("/any/c", "H2C", None),
                                   ("/any/d", "a b", None), ("/c", "foo, WebSocket", "WebSocket")):
        gateway.ask(path, Connection="Upgrade", Upgrade=protocol)
        assert origin.seen(path)[0].get("Upgrade") == passed, path
    gateway.ask("/c", "POST", Connection="Upgrade", Upgrade="websocket")
    assert origin.seen("/c")[1].get("Upgrade") is None


def test_a_tunnel_without_a_byte_ends_after_its_time(begin, door):
    gateway = begin(http="timeout: {tunnel: 50ms, drain: 0}")
    wire, peer = upgrade(gateway, door)
    wire.read_head()
    assert wire.is_closed() and peer.wire.recv(1) == b""
    assert gateway.count("tunnels_idle") == 1


def test_there_are_no_more_tunnels_than_allowed(begin, door):
    gateway = begin(http="max-tunnels: 0")
    answer = gateway.ask("/ws", **ASK)
    assert answer.status == 503 and answer.get("Retry-After") is not None
    assert gateway.count("upgrades_refused") == 1


def test_tunnels_take_no_connections_away_from_requests(begin, door):
    gateway = begin("--workers", "1", origins="max-connections: 1")
    tunnels = [upgrade(gateway, door) for _ in range(3)]
    for wire, peer in tunnels:
        wire.read_head()
        peer.wire.sendall(b"x")
        assert wire.stream.read(1) == b"x"
    gateway.wait_until("tunnels", 3)


def test_a_real_websocket_client_speaks_with_a_real_server(start):
    async def echo(socket_):
        async for message in socket_:
            await socket_.send(message)

    async def converse():
        async with websockets.serve(echo, "127.0.0.1", 0, compression=None) as server:
            address = "127.0.0.1:%d" % server.sockets[0].getsockname()[1]
            gateway = await asyncio.to_thread(lambda: start(address=address))
            url = f"ws://127.0.0.1:{gateway.port}/chat"
            async with websockets.connect(url, max_size=None) as client:
                for message in ("hello", b"\x00" * 3, "x" * 300000):
                    await client.send(message)
                    assert await client.recv() == message
                await (await client.ping())
            assert client.close_code == 1000
            await asyncio.to_thread(gateway.wait_until_gone, "tunnels")

    asyncio.run(asyncio.wait_for(converse(), PATIENCE_S * 2))


def test_a_websocket_comes_through_tls_and_ends_in_order(serve, tmp_path):
    from certificates import Authority
    authority = Authority(tmp_path)
    shop = authority.issue("shop", "shop.example")
    context = ssl.create_default_context(cafile=authority.file)

    async def echo(socket_):
        async for message in socket_:
            await socket_.send(message)

    async def converse():
        async with websockets.serve(echo, "127.0.0.1", 0, compression=None) as server:
            address = "127.0.0.1:%d" % server.sockets[0].getsockname()[1]
            gateway = await asyncio.to_thread(lambda: serve("--resp", "off", config=(
                "listen: {https: {address: \"127.0.0.1:0\"}}\n"
                f"certificates: {{shop: {{file: \"{shop.file}\", key: \"{shop.key}\"}}}}\n"
                f"origins: {{main: {{servers: [\"{address}\"]}}}}\nroutes: {{all: {{match: \"/**\"}}}}\n")))
            port = next(line for line in gateway.lines if " https on " in line).rpartition(":")[2]
            async with websockets.connect(f"wss://127.0.0.1:{port}/chat", ssl=context,
                                          server_hostname="shop.example", max_size=None) as client:
                for message in ("hello", "x" * 300000):
                    await client.send(message)
                    assert await client.recv() == message
            assert client.close_code == 1000

    asyncio.run(asyncio.wait_for(converse(), PATIENCE_S * 2))


def test_a_client_that_goes_before_the_101_leaves_nothing_behind(begin, door):
    gateway = begin()
    wire = gateway.wire()
    wire.get("/ws", **ASK)
    peer = Peer(door)
    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.close()
    gateway.wait_until_gone("fills")
    try:
        peer.switch()
        assert peer.wire.recv(1) == b""
    except (ConnectionResetError, BrokenPipeError):
        pass  # Larder has let go of it
    assert gateway.count("upgrades") == 0 and gateway.count("tunnels") == 0


def test_a_client_that_ends_its_side_early_still_gets_its_tunnel(begin, door):
    gateway = begin()
    wire = gateway.wire()
    wire.get("/ws", **ASK)
    peer = Peer(door)
    wire.socket.shutdown(socket.SHUT_WR)
    peer.switch()
    assert peer.wire.recv(1) == b""
    peer.wire.sendall(b"for you")
    peer.wire.close()
    assert wire.read_head()[0] == 101
    assert wire.stream.read() == b"for you"
    gateway.wait_until_gone("tunnels")
