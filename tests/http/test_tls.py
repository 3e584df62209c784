"""Clients with TLS: certificates by name, versions, resumption, and who does not behave."""
import pathlib
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.request

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from certificates import Authority, openssl  # noqa: E402
from origin import Origin  # noqa: E402
from wire import Wire  # noqa: E402

PATIENCE_S = 30
LARGE = bytes(range(256)) * 20000  # 5 MB


class SecureWire(Wire):
    """A connection with TLS."""

    def __init__(self, port, trusted, name="shop.example", session=None, context=None, **options):
        super().__init__(port, **options)
        self.stream.close()
        self.context = context or client_context(trusted)
        self.socket = self.context.wrap_socket(self.socket, server_hostname=name, session=session)
        self.stream = self.socket.makefile("rb")

    def common_name(self):
        return dict(pair[0] for pair in self.socket.getpeercert()["subject"])["commonName"]


def client_context(trusted, newest=ssl.TLSVersion.TLSv1_3):
    context = ssl.create_default_context(cafile=trusted)
    context.maximum_version = newest
    return context


class Place:
    """A gateway with TLS in front of an origin."""

    def __init__(self, server, origin, authority):
        self.server = server
        self.origin = origin
        self.trusted = authority.file
        self.port = int(next(line for line in server.lines if " https on " in line)
                        .rpartition(":")[2])

    def wire(self, **options):
        return SecureWire(self.port, self.trusted, **options)

    def metric(self, name):
        with urllib.request.urlopen(self.server.admin_url + "/metrics") as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(f"larder_tls_{name} "):
                    return float(line.split(" ")[1])
        raise AssertionError(f"there is no larder_tls_{name}")

    def wait_for(self, name, value):
        end = time.monotonic() + PATIENCE_S
        while self.metric(name) < value:
            assert time.monotonic() < end, f"{name} is {self.metric(name)}, not {value}"
            time.sleep(0.01)


CONFIG = """
workers: 2
listen:
  http: {{address: "127.0.0.1:0"}}
  https: {{address: "127.0.0.1:0"}}
  resp: {{address: "127.0.0.1:0", tls: on}}
  admin: {{address: "127.0.0.1:0"}}
tls: {{handshake: {handshake}, {tls}}}
certificates:
  shop: {{file: "{folder}/shop.pem", key: "{folder}/shop.key"}}
  wild: {{file: "{folder}/wild.pem", key: "{folder}/wild.key"}}
  exact: {{file: "{folder}/exact.pem", key: "{folder}/exact.key"}}
origins:
  main: {{servers: ["{origin}"]}}
routes:
  all: {{match: "/**"}}
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    it = Authority(tmp_path_factory.mktemp("certificates"))
    it.issue("shop", "shop.example")
    it.issue("wild", "*.wild.example")
    it.issue("exact", "exact.wild.example")
    return it


def begin(authority, origin, handshake="30s", tls="tickets: 12h"):
    import larder
    config = CONFIG.format(folder=authority.folder, origin=origin.address, handshake=handshake,
                           tls=tls)
    return Place(larder.Server(config=config, listen=False).wait_until_ready(), origin, authority)


@pytest.fixture(scope="module")
def place(authority):
    """One for all tests that change nothing of it."""
    origin = Origin()
    origin.reply("/a", body=b"hello", headers={"Cache-Control": "max-age=600"})
    origin.reply("/large", body=LARGE, headers={"Cache-Control": "max-age=600"})
    it = begin(authority, origin)
    yield it
    it.server.stop()
    origin.stop()


# ---- the handshake -------------------------------------------------------------------------------


@pytest.mark.parametrize("asked,given", [
    ("shop.example", "shop"),
    ("a.wild.example", "wild"),
    ("exact.wild.example", "exact"),
    ("EXACT.wild.example", "exact"),
])
def test_the_certificate_is_the_one_for_the_name_and_an_exact_name_wins(place, asked, given):
    wire = place.wire(name=asked)
    assert wire.common_name() == given
    wire.close()


@pytest.mark.parametrize("name", ["unknown.example", "a.b.wild.example", None])
def test_who_asks_for_an_unknown_name_or_none_gets_the_first(place, name):
    context = client_context(place.trusted)
    context.check_hostname = False
    wire = place.wire(name=name, context=context)
    assert wire.common_name() == "shop"
    wire.close()


@pytest.mark.parametrize("newest,spoken", [(ssl.TLSVersion.TLSv1_3, "TLSv1.3"),
                                           (ssl.TLSVersion.TLSv1_2, "TLSv1.2")])
def test_versions_from_1_2_up_are_spoken_with_authenticated_ciphers(place, newest, spoken):
    wire = place.wire(context=client_context(place.trusted, newest))
    assert wire.socket.version() == spoken
    cipher = wire.socket.cipher()[0]
    assert "GCM" in cipher or "CHACHA20" in cipher
    assert wire.get("/a").answer().body == b"hello"
    wire.close()


def test_older_versions_are_refused(place):
    failures = place.metric("failures_total")
    context = client_context(place.trusted)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        place.wire(context=context)
    place.wait_for("failures_total", failures + 1)


def test_http_1_1_is_agreed_on_where_it_is_offered(place):
    context = client_context(place.trusted)
    context.set_alpn_protocols(["http/1.1"])
    wire = place.wire(context=context)
    assert wire.socket.selected_alpn_protocol() == "http/1.1"
    wire.close()


def test_who_offers_only_protocols_that_are_not_spoken_is_refused(place):
    context = client_context(place.trusted)
    context.set_alpn_protocols(["smtp"])
    with pytest.raises((ssl.SSLError, ConnectionError)):
        place.wire(context=context)


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2])
def test_sessions_are_resumed_at_whatever_worker(place, newest):
    context = client_context(place.trusted, newest)
    first = place.wire(context=context)
    assert first.get("/a").answer().body == b"hello"
    session = first.socket.session
    first.close()
    resumed = place.metric("resumed_total")
    for _ in range(6):
        wire = place.wire(context=context, session=session)
        assert wire.get("/a").answer().body == b"hello"
        assert wire.socket.session_reused
        wire.close()
    assert place.metric("resumed_total") == resumed + 6


def test_without_tickets_nothing_is_resumed(authority):
    origin = Origin()
    origin.reply("/a", body=b"hello")
    place = begin(authority, origin, tls="tickets: 0")
    context = client_context(place.trusted)
    first = place.wire(context=context)
    first.get("/a").answer()
    session = first.socket.session
    first.close()
    wire = place.wire(context=context, session=session)
    assert not wire.socket.session_reused
    wire.close()
    place.server.stop()
    origin.stop()


def test_only_tls_1_3_can_be_asked_for(authority):
    origin = Origin()
    place = begin(authority, origin, tls='min_version: "1.3"')
    with pytest.raises((ssl.SSLError, ConnectionError)):
        place.wire(context=client_context(place.trusted, ssl.TLSVersion.TLSv1_2))
    place.wire().close()
    place.server.stop()
    origin.stop()


# ---- what is served ------------------------------------------------------------------------------


def test_requests_are_answered_one_after_the_other_and_many_at_once(place):
    wire = place.wire()
    assert wire.get("/a").answer().body == b"hello"
    assert wire.get("/a").answer().is_hit
    wire.send(b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n" * 200)
    assert all(wire.answer().body == b"hello" for _ in range(200))
    wire.close()


def test_a_request_may_come_byte_by_byte(place):
    wire = place.wire()
    for byte in b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n":
        wire.send(bytes([byte]))
    assert wire.answer().body == b"hello"
    wire.close()


def test_a_large_body_arrives_whole_however_slowly_it_is_read(place):
    wire = place.wire(receive_buffer=8192)
    for _ in range(2):
        wire.get("/large")
        status, fields = wire.read_head()
        body = b""
        while len(body) < 200_000:
            body += wire.stream.read(1000)
        time.sleep(0.05)
        assert status == 200 and body + wire.stream.read(len(LARGE) - len(body)) == LARGE
    wire.close()


def test_a_large_body_reaches_the_origin_whole(place):
    place.origin.reply("/up", body=b"thanks")
    wire = place.wire()
    assert wire.get("/up", "POST", body=LARGE).answer().body == b"thanks"
    assert place.origin.seen("/up")[-1].body == LARGE
    wire.close()


def test_the_origin_is_told_that_the_client_came_through_tls(place):
    place.origin.reply("/proto", body=b"x")
    wire = place.wire()
    wire.get("/proto").answer()
    assert place.origin.seen("/proto")[-1].get("X-Forwarded-Proto") == "https"
    wire.close()


def test_what_is_stored_for_tls_is_not_given_to_those_without(place):
    place.origin.reply("/split", answer=lambda request: {
        "body": request.get("X-Forwarded-Proto").encode(),
        "headers": {"Cache-Control": "max-age=600"}})
    secure = place.wire()
    plain = Wire(place.server.http_port)
    for _ in range(2):
        assert secure.get("/split").answer().body == b"https"
        assert plain.get("/split").answer().body == b"http"
    assert plain.get("/split").answer().is_hit
    secure.close()
    plain.close()


def test_a_purge_of_a_url_concerns_both(place):
    place.origin.reply("/gone", body=b"x", headers={"Cache-Control": "max-age=600"})
    secure = place.wire()
    plain = Wire(place.server.http_port)
    for wire in (secure, plain):
        wire.get("/gone").answer()
        assert wire.get("/gone").answer().is_hit
    request = urllib.request.Request(place.server.admin_url + "/v1/purge", method="POST",
                                     data=b'{"url": "https://a.example/gone"}',
                                     headers={"Content-Type": "application/json"})
    urllib.request.urlopen(request).close()
    for wire in (secure, plain):
        assert not wire.get("/gone").answer().is_hit
        wire.close()


def test_who_says_goodbye_behind_a_request_is_answered_and_told_goodbye(place):
    # Python's unwrap() sends close_notify and waits for the other side's.
    wire = place.wire()
    wire.send(b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert wire.answer().body == b"hello"
    wire.stream.close()
    plain = wire.socket.unwrap()
    assert plain.recv(1) == b""
    plain.close()


def test_an_answer_that_closes_says_goodbye(place):
    wire = place.wire()
    wire.get("/a", Connection="close")
    assert wire.answer().body == b"hello"
    assert wire.socket.recv(1) == b""  # an end without close_notify would raise an error
    wire.close()


def test_curl_is_content(place):
    done = subprocess.run(
        ["curl", "-sS", "--cacert", place.trusted, "--connect-to",
         f"shop.example:443:127.0.0.1:{place.port}", "--http1.1", "-w", "%{http_code}",
         "https://shop.example/a"], capture_output=True, timeout=PATIENCE_S, check=True)
    assert done.stdout == b"hello200"


def test_openssl_s_client_is_content(place):
    done = openssl("s_client", "-connect", f"127.0.0.1:{place.port}", "-servername",
                   "shop.example", "-CAfile", place.trusted, "-verify_return_error")
    assert b"Verify return code: 0 (ok)" in done


def test_redis_clients_come_through_tls_where_the_setting_says_so(place):
    import redis
    client = redis.Redis(port=place.server.resp_port, ssl=True, ssl_ca_certs=str(place.trusted),
                         ssl_check_hostname=False)
    value = b"v" * 1_000_000
    client.set("k", value)
    assert client.get("k") == value
    client.close()


# ---- who does not behave -------------------------------------------------------------------------


def test_http_in_the_clear_gets_a_400_that_says_what_is_wrong(place):
    wire = Wire(place.port).get("/a")
    answer = wire.answer()
    assert answer.status == 400 and b"https://" in answer.body
    assert wire.is_closed()
    wire.close()


@pytest.mark.parametrize("bytes_", [b"\x00" * 300, b"\x16\x03\x01\xff\xff" + b"x" * 300,
                                    b"\x80\x2e\x01\x03\x01" + b"\x00" * 60, b"\xff" * 70_000])
def test_garbage_ends_the_connection_and_is_counted(place, bytes_):
    failures = place.metric("failures_total")
    wire = Wire(place.port)
    try:
        wire.send(bytes_)
        while wire.socket.recv(4096):
            pass
    except ConnectionError:
        pass
    wire.close()
    place.wait_for("failures_total", failures + 1)


def test_a_damaged_record_ends_the_connection(place):
    context = client_context(place.trusted)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_hostname="shop.example")
    wire = Wire(place.port)
    while True:
        try:
            session.do_handshake()
            break
        except ssl.SSLWantReadError:
            if outgoing.pending:
                wire.send(outgoing.read())
            incoming.write(wire.socket.recv(65536))
    session.write(b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\n")
    record = bytearray(outgoing.read())
    record[-1] ^= 1
    wire.send(bytes(record))
    try:
        while wire.socket.recv(65536):
            pass
    except ConnectionError:
        pass
    wire.close()


def test_a_handshake_byte_by_byte_succeeds(place):
    context = client_context(place.trusted)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = context.wrap_bio(incoming, outgoing, server_hostname="shop.example")
    wire = Wire(place.port)
    wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    while True:
        try:
            session.do_handshake()
            break
        except ssl.SSLWantReadError:
            for byte in outgoing.read():
                wire.send(bytes([byte]))
            incoming.write(wire.socket.recv(65536))
    # What is left of the handshake and a request, in one go.
    session.write(b"GET /a HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
    wire.send(outgoing.read())
    while True:
        incoming.write(wire.socket.recv(65536))
        try:
            assert session.read(65536).startswith(b"HTTP/1.1 200")
            break
        except ssl.SSLWantReadError:
            pass
    wire.close()


def test_a_handshake_that_takes_too_long_is_cut_and_counted(authority):
    origin = Origin()
    place = begin(authority, origin, handshake="50ms")
    wire = Wire(place.port).send(b"\x16\x03\x01\x02\x00\x01")
    assert wire.is_closed()
    wire.close()
    place.wait_for("timeouts_total", 1)
    place.server.stop()
    origin.stop()


def test_many_handshakes_at_a_time_do_not_hold_up_anybody(place):
    idle = [Wire(place.port) for _ in range(50)]
    wires = []

    def come():
        wires.append(place.wire())

    threads = [threading.Thread(target=come) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert len(wires) == 20
    for wire in wires:
        assert wire.get("/a").answer().body == b"hello"
    for wire in wires + idle:
        wire.close()


# ---- what is wrong in the file -------------------------------------------------------------------


@pytest.mark.parametrize("more,told", [
    ("", "a door with TLS wants a certificate, and there is none"),
    ("certificates: {a: {key: /x.key}}", "certificates.a: file is missing"),
    ("certificates: {a: {file: /nowhere/a.pem}}", "the certificate /nowhere/a.pem cannot be read"),
    ("certificates: {a: {file: FOLDER/shop.pem, key: FOLDER/wild.key}}",
     "/wild.key does not belong to the certificate"),
    ("certificates: {a: {file: FOLDER/shop.pem}}", "is no PEM key without a password"),
    ("certificates: {a: {file: FOLDER/shop.pem, key: FOLDER/shop.key}}\ntls: {ciphers: x}",
     '"x" names no cipher of TLS 1.2'),
])
def test_what_is_wrong_is_told_before_anything_is_served(authority, tmp_path, more, told):
    import larder
    file = tmp_path / "larder.yaml"
    file.write_text('listen: {https: {address: "127.0.0.1:0"}}\n'
                    'origins: {a: {servers: ["127.0.0.1:1"]}}\n' +
                    more.replace("FOLDER", str(authority.folder)) + "\n")
    for command in (["check"], ["serve", "--http", "off", "--resp", "off", "--admin", "off"]):
        done = larder.run(*command, "-c", str(file))
        assert done.returncode != 0 and told in done.stderr


# ---- reading certificates anew -------------------------------------------------------------------


def test_certificates_are_read_anew_under_connections_and_the_old_stay_when_the_new_are_wrong(
        tmp_path):
    import signal
    authority = Authority(tmp_path)
    for name in ("shop", "wild", "exact"):
        authority.issue(name, f"{name}.example")
    origin = Origin()
    origin.reply("/a", body=b"hello")
    place = begin(authority, origin)
    old = place.wire()
    serial = old.socket.getpeercert()["serialNumber"]

    good = authority.folder / "shop.pem"
    kept = good.read_bytes()
    good.write_text("no certificate\n")
    place.server.signal(signal.SIGHUP)
    place.wait_for("reload_failures_total", 1)
    wire = place.wire()
    assert wire.socket.getpeercert()["serialNumber"] == serial
    wire.close()
    assert f"the certificate {good} is no PEM certificate" in place.server.log()

    good.write_bytes(kept)
    authority.issue("shop", "shop.example")
    place.server.signal(signal.SIGHUP)
    place.wait_for("reloads_total", 1)
    wire = place.wire()
    assert wire.socket.getpeercert()["serialNumber"] != serial
    assert old.get("/a").answer().body == b"hello"
    for one in (wire, old):
        one.close()
    place.server.stop()
    origin.stop()
