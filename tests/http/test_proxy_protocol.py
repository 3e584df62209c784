"""A proxy in front that says who the client is (PROXY protocol), and Unix sockets."""
import pathlib
import socket
import ssl
import struct
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from certificates import Authority  # noqa: E402
from origin import Origin  # noqa: E402
from wire import Wire  # noqa: E402

PATIENCE_S = 30
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
REQUEST = b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n"


def version_2(address, port, extras=b""):
    body = socket.inet_aton(address) + socket.inet_aton("192.0.2.9") + struct.pack("!HH", port, 80)
    return SIGNATURE + b"\x21\x11" + struct.pack("!H", len(body + extras)) + body + extras


class Place:
    def __init__(self, server, origin, trusted):
        self.server, self.origin, self.trusted = server, origin, trusted
        self.port = server.http_port
        self.secure_port = int(next(line for line in server.lines if " https on " in line)
                               .rpartition(":")[2])

    def told(self):
        """Whom the origin was told that it answers."""
        return self.origin.seen("/a")[-1].get("X-Forwarded-For")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    import larder
    folder = tmp_path_factory.mktemp("certificates")
    authority = Authority(folder)
    authority.issue("shop", "shop.example")
    origin = Origin()
    origin.reply("/a", body=b"hello")
    server = larder.Server(listen=False, config=f"""
listen:
  http: {{address: "127.0.0.1:0", proxy_protocol: on}}
  https: {{address: "127.0.0.1:0", proxy_protocol: on}}
  resp: {{address: off}}
  admin: {{address: "127.0.0.1:0"}}
certificates:
  shop: {{file: "{folder}/shop.pem", key: "{folder}/shop.key"}}
http: {{timeout: {{header: 2s}}}}
origins:
  main: {{servers: ["{origin.address}"]}}
routes:
  all: {{match: "/**"}}
""").wait_until_ready()
    yield Place(server, origin, authority.file)
    server.stop()
    origin.stop()


@pytest.mark.parametrize("header,who", [
    (b"PROXY TCP4 192.0.2.1 192.0.2.9 51234 443\r\n", "192.0.2.1"),
    (b"PROXY TCP6 2001:db8::7 ::1 1 2\r\n", "2001:db8::7"),
    (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
    (version_2("192.0.2.55", 4711), "192.0.2.55"),
    (version_2("192.0.2.56", 1, extras=b"\x04\x00\x03abc"), "192.0.2.56"),
    (SIGNATURE + b"\x20\x00\x00\x00", "127.0.0.1"),
])
def test_the_client_is_who_the_header_says(place, header, who):
    wire = Wire(place.port).send(header + REQUEST)
    assert wire.answer().body == b"hello" and place.told() == who
    wire.send(REQUEST)  # the header comes once
    assert wire.answer().body == b"hello" and place.told() == who
    wire.close()


def test_the_header_may_come_byte_by_byte(place):
    wire = Wire(place.port)
    wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in version_2("192.0.2.77", 1) + REQUEST:
        wire.send(bytes([byte]))
    assert wire.answer().body == b"hello" and place.told() == "192.0.2.77"
    wire.close()


def test_the_header_comes_ahead_of_tls(place):
    wire = Wire(place.secure_port).send(version_2("192.0.2.88", 1))
    secure = ssl.create_default_context(cafile=place.trusted).wrap_socket(
        wire.socket, server_hostname="shop.example")
    wire.stream.close()
    secure.sendall(REQUEST)
    wire.socket, wire.stream = secure, secure.makefile("rb")
    assert wire.answer().body == b"hello" and place.told() == "192.0.2.88"
    wire.close()


@pytest.mark.parametrize("start", [
    REQUEST,
    b"PROXY TCP4 192.0.2.1 192.0.2.9 1 2\n" + REQUEST,
    b"PROXY TCP4 192.0.2.256 192.0.2.9 1 2\r\n" + REQUEST,
    b"PROXY " + b"x" * 200,
    SIGNATURE + b"\x21\x11\xff\xff" + b"\0" * 3000,
    SIGNATURE + b"\x21\x11\x00\x0b" + b"\0" * 11 + REQUEST,
])
def test_whatever_begins_otherwise_gets_no_answer_and_is_counted(place, gateway_of, start):
    gateway = gateway_of(place.server)
    before = gateway.count("prefaces_refused")
    wire = Wire(place.port)
    try:
        wire.send(start)
        assert wire.socket.recv(1) == b""
    except ConnectionError:
        pass
    wire.close()
    gateway.wait_until("prefaces_refused", before + 1)


def test_a_header_that_does_not_come_in_time_ends_the_connection(place):
    wire = Wire(place.port).send(b"PROXY TCP4 ")
    assert wire.is_closed()
    wire.close()


def test_who_connects_and_leaves_does_no_harm(place):
    for _ in range(20):
        Wire(place.port).close()
    wire = Wire(place.port).send(version_2("192.0.2.1", 1) + REQUEST)
    assert wire.answer().body == b"hello"
    wire.close()


# ---- Unix sockets --------------------------------------------------------------------------------


class LocalWire(Wire):
    def __init__(self, path):  # pylint: disable=super-init-not-called
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(path)
        self.stream = self.socket.makefile("rb")


def test_a_unix_socket_is_served_by_all_workers_and_gone_at_the_end(tmp_path):
    import larder
    path = tmp_path / "http.sock"
    origin = Origin()
    origin.reply("/a", body=b"hello", headers={"Cache-Control": "max-age=60"})
    server = larder.Server(listen=False, config=f"""
workers: 3
listen:
  http: {{address: "unix:{path}"}}
  resp: {{address: off}}
  admin: {{address: "127.0.0.1:0"}}
origins:
  main: {{servers: ["{origin.address}"]}}
""").wait_until_ready()
    links = [link.readlink() for link in pathlib.Path(f"/proc/{server.pid}/fd").iterdir()]
    inode = next(line.split()[6] for line in pathlib.Path("/proc/net/unix").read_text().splitlines()
                 if line.endswith(f" {path}"))
    assert sum(str(link) == f"socket:[{inode}]" for link in links) == 3
    wires = [LocalWire(str(path)) for _ in range(30)]
    for wire in wires:
        assert wire.get("/a").answer().body == b"hello"
    for wire in wires:
        wire.close()
    server.stop()
    assert not path.exists()
    origin.stop()
