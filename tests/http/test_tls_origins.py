"""Origins with TLS: whom Larder trusts, and what it says when it does not."""
import pathlib
import socket
import ssl
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from certificates import Authority  # noqa: E402
from origin import Origin  # noqa: E402

PATIENCE_S = 30
LARGE = bytes(range(256)) * 20000


class SecureOrigin(Origin):
    """Speaks TLS and counts sessions that were resumed; `clean`: it says goodbye before it closes."""

    def __init__(self, pair, clean=True):
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pair.file, pair.key)
        self.context.sni_callback = self._asked
        self.names = []
        self.resumed = 0
        self.clean = clean
        super().__init__()

    def _asked(self, _session, name, _context):
        self.names.append(name)

    def _serve(self, connection):
        try:
            secure = self.context.wrap_socket(connection, server_side=True)
        except OSError:
            connection.close()
            return
        self.resumed += bool(secure.session_reused)
        try:
            stream = secure.makefile("rb")
            while self._answer(secure, stream):
                pass
            if self.clean:
                secure.unwrap()
        except (OSError, ValueError):
            pass
        finally:
            secure.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    it = Authority(tmp_path_factory.mktemp("certificates"))
    it.good = it.issue("good", "localhost", "IP:127.0.0.1")
    it.other = it.issue("other", "other.example")
    it.expired = it.issue("expired", "localhost", "IP:127.0.0.1", days=-1)
    return it


@pytest.fixture
def origin_with():
    """Starts an origin with a certificate; it ends with the test."""
    started = []

    def begin(pair, **options):
        started.append(SecureOrigin(pair, **options))
        return started[-1]

    yield begin
    for origin in started:
        origin.stop()


@pytest.fixture
def gateway_to(serve, gateway_of):
    def begin(server, tls, route="", more=""):
        return gateway_of(serve("--resp", "off", config=f"""
origins:
  main:
    servers: ["{server}"]
    tls: {{{tls}}}
    timeout: {{connect: 30s}}
    {more}
routes:
  all: {{match: "/**", stale: {{if_error: 0s}} {route}}}
"""))

    return begin


def test_a_trusted_origin_is_asked_by_its_name_and_its_answers_stored(
        authority, origin_with, gateway_to):
    origin = origin_with(authority.good)
    origin.reply("/a", body=LARGE, headers={"Cache-Control": "max-age=60"})
    gateway = gateway_to(f"https://localhost:{origin.port}", f'ca_file: "{authority.file}"')
    assert gateway.ask("/a").body == LARGE
    assert gateway.ask("/a").is_hit
    assert "localhost" in origin.names


def test_an_address_is_looked_for_in_the_certificate_too(authority, origin_with, gateway_to):
    origin = origin_with(authority.good)
    origin.reply("/a", body=b"hello")
    gateway = gateway_to(f"https://{origin.address}", f'ca_file: "{authority.file}"')
    assert gateway.ask("/a").body == b"hello"


def test_another_name_can_be_expected(authority, origin_with, gateway_to):
    origin = origin_with(authority.other)
    origin.reply("/a", body=b"hello")
    gateway = gateway_to(f"https://{origin.address}",
                         f'ca_file: "{authority.file}", server_name: other.example')
    assert gateway.ask("/a").body == b"hello"
    assert "other.example" in origin.names


@pytest.mark.parametrize("certificate,trusts,sentence", [
    ("other", True, "is for another name"),
    ("expired", True, "has expired"),
    ("good", False, "was issued by somebody who is not trusted here"),
])
def test_a_certificate_that_is_not_right_ends_in_a_502_that_says_why(
        authority, origin_with, gateway_to, certificate, trusts, sentence):
    origin = origin_with(getattr(authority, certificate))
    origin.reply("/a", body=b"hello")
    gateway = gateway_to(f"https://{origin.address}",
                         f'ca_file: "{authority.file}"' if trusts else "verify: on")
    answer = gateway.ask("/a")
    assert answer.status == 502 and answer.detail == "origin-untrusted"
    assert f"certificate {sentence}" in answer.body.decode()
    assert sentence in gateway.server.log()
    assert origin.seen() == []


def test_without_verification_anything_goes_and_a_warning_says_so(
        authority, origin_with, gateway_to):
    origin = origin_with(authority.expired)
    origin.reply("/a", body=b"hello")
    gateway = gateway_to(f"https://{origin.address}", "verify: off")
    assert gateway.ask("/a").body == b"hello"
    assert "origins.main.tls.verify is off" in gateway.server.log()


class PlainOrigin(Origin):
    """Answers whatever comes without looking at it."""

    def _serve(self, connection):
        try:
            if connection.recv(1):
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass
        except OSError:
            pass
        finally:
            connection.close()


def test_an_origin_that_speaks_no_tls_is_a_502(authority, gateway_to):
    origin = PlainOrigin()
    gateway = gateway_to(f"https://{origin.address}", f'ca_file: "{authority.file}"')
    answer = gateway.ask("/a")
    assert answer.status == 502 and answer.detail == "origin-untrusted"
    assert "no TLS could be agreed on" in answer.body.decode()
    origin.stop()


def test_health_checks_go_through_tls_too(authority, origin_with, gateway_to):
    good, expired = origin_with(authority.good), origin_with(authority.expired)
    for origin in (good, expired):
        origin.reply("/well", body=b"yes")
        origin.reply("/a", body=b"hello")
    gateway = gateway_to(f'https://{good.address}", "https://{expired.address}',
                         f'ca_file: "{authority.file}"',
                         more="health: {get: /well, every: 50ms, timeout: 30s, down_after: 1}")
    good.wait_for("/well", 3)
    end = time.monotonic() + PATIENCE_S
    while "has expired" not in gateway.server.log():
        assert time.monotonic() < end
        time.sleep(0.01)
    for _ in range(4):
        assert gateway.ask("/a").body == b"hello"
    assert expired.seen() == []


def test_sessions_are_resumed(authority, origin_with, gateway_to):
    origin = origin_with(authority.good)
    origin.reply("/a", body=b"hello", close=True)
    gateway = gateway_to(f"https://{origin.address}", f'ca_file: "{authority.file}"')
    for _ in range(3):
        assert gateway.ask("/a").body == b"hello"
    assert origin.resumed == 2


def test_a_large_request_goes_through(authority, origin_with, gateway_to):
    origin = origin_with(authority.good)
    origin.reply("/up", body=b"thanks")
    gateway = gateway_to(f"https://{origin.address}", f'ca_file: "{authority.file}"')
    assert gateway.ask("/up", "POST", body=LARGE).body == b"thanks"
    assert origin.seen("/up")[-1].body == LARGE


@pytest.mark.parametrize("clean", [True, False])
def test_a_body_that_ends_with_the_connection_is_whole_only_if_the_origin_said_goodbye(
        authority, origin_with, gateway_to, clean):
    origin = origin_with(authority.good, clean=clean)
    origin.reply("/a", raw=b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\n"
                           b"Connection: close\r\n\r\nhello", close=True)
    gateway = gateway_to(f"https://{origin.address}", f'ca_file: "{authority.file}"')
    for _ in range(2):
        try:
            answer = gateway.ask("/a")
        except Exception:  # cut: as it was for us
            assert not clean
    assert len(origin.seen("/a")) == (1 if clean else 2)
    if clean:
        assert answer.body == b"hello" and answer.is_hit


def test_a_missing_file_of_trusted_certificates_is_told_at_the_start(tmp_path):
    import larder
    file = tmp_path / "larder.yaml"
    file.write_text('origins: {a: {servers: ["https://localhost"], '
                    'tls: {ca_file: /nowhere/ca.pem}}}\n')
    done = larder.run("serve", "-c", str(file), "--http", "127.0.0.1:0", "--resp", "off",
                      "--admin", "off")
    assert done.returncode != 0
    assert "the file of trusted certificates /nowhere/ca.pem cannot be read" in done.stderr
