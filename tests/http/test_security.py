"""What attackers of caches and proxies send: smuggling, keys that lie, poison, bombs and floods."""
import socket

import pytest

import larder
from origin import Origin
from wire import Wire

HOUR = {"Cache-Control": "max-age=3600"}
PATIENCE_S = 30
HEAD = "Host: a.example\r\n"


class Site:
    """A gateway with its defaults that many tests share, each under paths of its own."""

    def __init__(self):
        self.origin = Origin()
        self.server = larder.serve("--resp", "off", "--workers", "1", "--origin", self.origin.url)
        self.port = self.server.http_port
        self.smuggled_count = 0

    def send(self, data):
        """Everything that comes back until the connection closes; it must close by itself, or when
        we have nothing more to say."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_S) as wire:
            answer = b""
            try:
                wire.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))
                wire.shutdown(socket.SHUT_WR)
                while piece := wire.recv(65536):
                    answer += piece
            except (ConnectionResetError, BrokenPipeError):
                pass
            return answer

    def ask(self, path, method="GET", **fields):
        wire = Wire(self.port)
        try:
            return wire.get(path, method, **fields).answer(to_head=method == "HEAD")
        finally:
            wire.close()

    def smuggled(self):
        """Whether the origin got the request that was hidden in another since the last look."""
        count = len(self.origin.seen("/smuggled"))
        is_more, self.smuggled_count = count > self.smuggled_count, count
        return is_more

    def stop(self):
        self.server.stop()
        self.origin.stop()


@pytest.fixture(scope="module")
def site():
    it = Site()
    yield it
    it.stop()


def status_lines(answer):
    return [line for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]


# ---- one message, one meaning ---------------------------------------------------------------

SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n"
CHUNKS = "0\r\n\r\n"

# Two programs in a row could read each of these differently; none may reach the origin.
DOUBTFUL = {
    "CL.TE": f"Content-Length: {len(CHUNKS + SMUGGLED)}\r\nTransfer-Encoding: chunked\r\n",
    "TE.CL": f"Transfer-Encoding: chunked\r\nContent-Length: {len(CHUNKS + SMUGGLED)}\r\n",
    "CL.TE, same name in other case": "content-length: 4\r\nTRANSFER-ENCODING: CHUNKED\r\n",
    "two lengths": "Content-Length: 5\r\nContent-Length: 50\r\n",
    "two equal lengths": "Content-Length: 5\r\nContent-Length: 5\r\n",
    "a list of lengths": "Content-Length: 5, 5\r\n",
    "a length with a sign": "Content-Length: +5\r\n",
    "a negative length": "Content-Length: -5\r\n",
    "a hexadecimal length": "Content-Length: 0x5\r\n",
    "an empty length": "Content-Length: \r\n",
    "a length with a blank in it": "Content-Length: 5 0\r\n",
    "a length that is too large": "Content-Length: 18446744073709551621\r\n",
    "a length with a point": "Content-Length: 5.0\r\n",
    "a length behind an underscore and one with a dash": "Content-Length: 5\r\nContent_Length: 9\r\n"
                                                          "Content-Length: 9\r\n",
    "TE.TE, unknown first": "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n",
    "TE.TE, unknown last": "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n",
    "TE.TE, twice chunked": "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    "chunked is not the only coding": "Transfer-Encoding: gzip, chunked\r\n",
    "chunked is not the last coding": "Transfer-Encoding: chunked, identity\r\n",
    "chunked twice in a list": "Transfer-Encoding: chunked, chunked\r\n",
    "identity": "Transfer-Encoding: identity\r\n",
    "almost chunked": "Transfer-Encoding: xchunked\r\n",
    "quoted chunked": "Transfer-Encoding: \"chunked\"\r\n",
    "chunked with a parameter": "Transfer-Encoding: chunked;q=1\r\n",
    "chunked and a comma": "Transfer-Encoding: chunked,\r\n",
    "chunked behind a vertical tab": "Transfer-Encoding: \x0bchunked\r\n",
    "chunked behind a form feed": "Transfer-Encoding: \x0cchunked\r\n",
    "chunked behind a no-break space": "Transfer-Encoding: \xa0chunked\r\n",
    "chunked and a NUL": "Transfer-Encoding: chunked\0\r\n",
    "a blank before the colon": "Transfer-Encoding : chunked\r\n",
    "a tab before the colon": "Transfer-Encoding\t: chunked\r\n",
    "a folded value": "Transfer-Encoding:\r\n chunked\r\n",
    "a folded value with a tab": "X: y\r\n\tTransfer-Encoding: chunked\r\n",
    "a folded name": "Transfer-\r\n Encoding: chunked\r\n",
    "a bare LF": "X: y\nTransfer-Encoding: chunked\r\n",
    "a bare LF behind the field": "Transfer-Encoding: chunked\n\r\n",
    "a bare CR": "X: y\rTransfer-Encoding: chunked\r\n",
    "CR CR LF": "Transfer-Encoding: chunked\r\r\n",
    "a line without a colon": "Transfer-Encoding chunked\r\n",
    "a field without a name": ": chunked\r\nContent-Length: 5\r\n",
    "a name with a blank in it": "Transfer Encoding: chunked\r\n",
    "a name in quotes": "\"Transfer-Encoding\": chunked\r\n",
    "a name with a control": "Transfer-Encoding\x01: chunked\r\n",
    "a name with a byte beyond ASCII": "Transfer-Encoding\xad: chunked\r\n",
    "Connection takes the length away": "Content-Length: 5\r\nConnection: content-length\r\n",
    "Connection takes the host away": "Connection: host\r\n",
    "Connection takes the credentials away": "Connection: authorization\r\nAuthorization: x\r\n",
}


@pytest.mark.parametrize("fields", DOUBTFUL.values(), ids=DOUBTFUL)
def test_what_could_mean_two_things_is_refused_and_closed(site, fields):
    before = len(site.origin.seen())
    answer = site.send(f"POST /doubt HTTP/1.1\r\n{HEAD}{fields}\r\n{CHUNKS}{SMUGGLED}")
    lines = status_lines(answer)
    assert len(lines) == 1 and lines[0].split()[1] in (b"400", b"501"), answer[:300]
    assert b"\r\nConnection: close\r\n" in answer
    assert len(site.origin.seen()) == before


LINES = {
    "no version": "GET /doubt\r\n",
    "HTTP/0.9 with a blank": "GET /doubt \r\n",
    "HTTP/1.2": "GET /doubt HTTP/1.2\r\n",
    "HTTP/2.0": "GET /doubt HTTP/2.0\r\n",
    "HTTP/01.1": "GET /doubt HTTP/01.1\r\n",
    "a version in small letters": "GET /doubt http/1.1\r\n",
    "a blank behind the version": "GET /doubt HTTP/1.1 \r\n",
    "two blanks": "GET  /doubt HTTP/1.1\r\n",
    "two blanks before the version": "GET /doubt  HTTP/1.1\r\n",
    "a tab": "GET\t/doubt HTTP/1.1\r\n",
    "a blank in the target": "GET /dou bt HTTP/1.1\r\n",
    "a blank in front": " GET /doubt HTTP/1.1\r\n",
    "a bare LF": "GET /doubt HTTP/1.1\n",
    "a fragment": "GET /doubt#x HTTP/1.1\r\n",
    "a NUL": "GET /dou\0bt HTTP/1.1\r\n",
    "an escaped NUL": "GET /dou%00bt HTTP/1.1\r\n",
    "a byte beyond ASCII": "GET /dou\xe9bt HTTP/1.1\r\n",
    "a backslash": "GET /dou\\bt HTTP/1.1\r\n",
    "an escape that is none": "GET /dou%zzbt HTTP/1.1\r\n",
    "half an escape": "GET /doubt%2 HTTP/1.1\r\n",
    "no slash": "GET doubt HTTP/1.1\r\n",
    "a star": "GET * HTTP/1.1\r\n",
    "CONNECT": "CONNECT a.example:80 HTTP/1.1\r\n",
    "another host": "GET http://b.example/doubt HTTP/1.1\r\n",
    "another port": "GET http://a.example:81/doubt HTTP/1.1\r\n",
    "credentials in the URL": "GET http://a.example@b.example/ HTTP/1.1\r\n",
    "another scheme": "GET ftp://a.example/doubt HTTP/1.1\r\n",
    "no host in the URL": "GET http:///doubt HTTP/1.1\r\n",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_a_request_line_that_could_mean_two_things_is_refused(site, line):
    before = len(site.origin.seen())
    answer = site.send(f"{line}{HEAD}\r\n{SMUGGLED}")
    lines = status_lines(answer)
    assert len(lines) == 1 and lines[0].split()[1] in (b"400", b"501", b"505"), answer[:300]
    assert len(site.origin.seen()) == before


HOSTS = {
    "none": "", "two": "Host: a.example\r\nHost: b.example\r\n",
    "two equal": "Host: a.example\r\nHost: a.example\r\n", "empty": "Host:\r\n",
    "a list": "Host: a.example, b.example\r\n", "a path": "Host: a.example/x\r\n",
    "credentials": "Host: x@a.example\r\n", "a blank": "Host: a.example b\r\n",
    "a port that is none": "Host: a.example:x\r\n", "a large port": "Host: a.example:99999\r\n",
    "two ports": "Host: a.example:80:80\r\n", "a query": "Host: a.example?x\r\n",
    "a fragment": "Host: a.example#\r\n", "a backslash": "Host: a.example\\x\r\n",
    "an escape": "Host: a%2eexample\r\n", "a NUL": "Host: a.example\0\r\n",
    "no bracket": "Host: [::1\r\n", "no address": "Host: [x]\r\n",
    "beyond ASCII": "Host: \xe4.example\r\n", "a comma": "Host: ,\r\n",
}


@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)
def test_a_host_that_is_none_is_refused(site, host):
    before = len(site.origin.seen())
    answer = site.send(f"GET /doubt HTTP/1.1\r\n{host}\r\n{SMUGGLED}")
    assert len(status_lines(answer)) == 1 and answer.startswith(b"HTTP/1.1 400 "), answer[:300]
    assert len(site.origin.seen()) == before


# ---- chunked bodies -------------------------------------------------------------------------

BROKEN_CHUNKS = {
    "a size with 0x": "0x5\r\nhello\r\n0\r\n\r\n",
    "a size with a sign": "+5\r\nhello\r\n0\r\n\r\n",
    "a negative size": "-5\r\nhello\r\n0\r\n\r\n",
    "a blank before the size": " 5\r\nhello\r\n0\r\n\r\n",
    "a size that wraps": "10000000000000005\r\nhello\r\n0\r\n\r\n",
    "a size beyond 63 bits": "ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
    "no size": "\r\nhello\r\n0\r\n\r\n",
    "an underscore": "1_0\r\nhello\r\n0\r\n\r\n",
    "a bare LF behind the size": "5\nhello\r\n0\r\n\r\n",
    "a bare CR behind the size": "5\rhello\r\n0\r\n\r\n",
    "a bare LF behind the data": "5\r\nhello\n0\r\n\r\n",
    "nothing behind the data": "5\r\nhello0\r\n\r\n",
    "two bytes too many": "5\r\nhelloXX0\r\n\r\n",
    "a bare LF in an extension": "5;a\nb\r\nhello\r\n0\r\n\r\n",
    "a bare CR in an extension": "5;a\rb\r\nhello\r\n0\r\n\r\n",
    "a NUL in an extension": "5;\0\r\nhello\r\n0\r\n\r\n",
    "a bare LF at the end": "5\r\nhello\r\n0\r\n\n",
    "a trailer with a blank before its colon": "5\r\nhello\r\n0\r\nA : b\r\n\r\n",
    "a folded trailer": "5\r\nhello\r\n0\r\nA: b\r\n c\r\n\r\n",
    "a trailer with a bare LF": "5\r\nhello\r\n0\r\nA: b\n\r\n",
    "endless extensions": "5;" + "x" * 100000 + "\r\nhello\r\n0\r\n\r\n",
    "endless trailers": "5\r\nhello\r\n0\r\n" + "A: b\r\n" * 20000 + "\r\n",
}


@pytest.mark.parametrize("chunks", BROKEN_CHUNKS.values(), ids=BROKEN_CHUNKS)
def test_a_chunked_body_that_could_end_in_two_places_is_refused(site, chunks):
    answer = site.send(f"POST /chunks HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n"
                       f"{chunks}{SMUGGLED}")
    lines = status_lines(answer)
    assert len(lines) <= 1 and b"200" not in answer[:20], answer[:300]
    if "endless" not in chunks[:7] and len(chunks) < 1000:
        assert lines[0].split()[1] == b"400", answer[:300]
    assert not site.smuggled() and not site.origin.seen("/chunks")


def test_extensions_and_trailers_of_chunks_stay_here(site):
    site.origin.reply("/extended", body=b"x")
    body = "5;a=b;c=\"d\\\"e\"\r\nhello\r\n0\r\nContent-Length: 99\r\nHost: b\r\nX-T: 1\r\n\r\n"
    answer = site.send(f"POST /extended HTTP/1.1\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n{body}")
    assert answer.startswith(b"HTTP/1.1 200 ")
    seen = site.origin.seen("/extended")[0]
    assert seen.body == b"hello"
    assert seen.get("Host") == "a.example" and seen.get("X-T") is None
    assert seen.get("Content-Length") is None


# ---- requests behind requests ---------------------------------------------------------------

@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE", "PUT", "FOO"])
def test_the_body_of_a_method_without_one_is_no_request(site, method):
    path = f"/cl0/{method}"
    site.origin.reply(path, body=b"x")
    answer = site.send(f"{method} {path} HTTP/1.1\r\n{HEAD}Content-Length: {len(SMUGGLED)}\r\n\r\n"
                       f"{SMUGGLED}")
    assert len(status_lines(answer)) == 1
    assert not site.smuggled()
    for request in site.origin.seen(path):
        assert request.body == SMUGGLED.encode()


def test_what_comes_behind_an_answer_that_came_early_is_no_request(site):
    answer = site.send(f"TRACE /early HTTP/1.1\r\n{HEAD}Content-Length: {len(SMUGGLED)}\r\n\r\n"
                       f"{SMUGGLED}")
    assert len(status_lines(answer)) == 1 and b"\r\nConnection: close\r\n" in answer
    answer = site.send(f"POST /early HTTP/1.1\r\n{HEAD}Expect: 200-ok\r\n"
                       f"Content-Length: {len(SMUGGLED)}\r\n\r\n{SMUGGLED}")
    assert answer.startswith(b"HTTP/1.1 417 ") and len(status_lines(answer)) == 1
    assert not site.smuggled()


def test_te_in_http_1_0_is_refused(site):
    answer = site.send(f"POST /old HTTP/1.0\r\n{HEAD}Transfer-Encoding: chunked\r\n\r\n"
                       f"{CHUNKS}{SMUGGLED}")
    assert answer.startswith(b"HTTP/1.1 400 ") and len(status_lines(answer)) == 1
    assert not site.origin.seen("/old")


def test_no_h2c_comes_in_by_an_upgrade(site):
    site.origin.reply("/h2c", body=b"x")
    preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    answer = site.send(f"GET /h2c HTTP/1.1\r\n{HEAD}Connection: Upgrade, HTTP2-Settings\r\n"
                       f"Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n{preface}")
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert site.origin.seen("/h2c")[0].get("Upgrade") is None
    assert site.origin.seen("/h2c")[0].get("HTTP2-Settings") is None


# ---- fields by which a request pretends to be another ---------------------------------------

SPOOFS = ["X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "Forwarded",
              "X-HTTP-Method", "X-Method-Override", "X-Forwarded-Prefix", "X-Forwarded-Path",
              "X-Original-Host", "X-Host", "X-Forwarded-Server", "X-Forwarded-Scheme",
              "X-Forwarded-SSL", "X-Forwarded", "Front-End-Https", "X-Original-URI", "X-Real-IP",
              "Proxy"]  # httpoxy


@pytest.mark.parametrize("name", SPOOFS)
def test_spoofs_do_not_reach_the_origin(site, name):
    path = f"/pretend/{name}"
    site.origin.reply(path, body=b"x", headers=HOUR)
    for spelling in (name, name.upper(), name.replace("-", "_")):
        wire = Wire(site.port)
        wire.send(f"GET {path}?{spelling} HTTP/1.1\r\n{HEAD}{spelling}: /admin\r\n\r\n").answer()
        wire.close()
    for spelling in (name, name.upper(), name.replace("-", "_")):
        seen = site.origin.seen(f"{path}?{spelling}")[0]
        names = {field.lower().replace("_", "-") for field, _ in seen.fields}
        assert name.lower() not in names, spelling


@pytest.mark.parametrize("name, value", [("X-Forwarded-Host", "a.example"),
                                         ("X-Forwarded-For", "127.0.0.1"),
                                         ("X-Forwarded-Proto", "http")])
def test_what_is_ours_to_say_is_said_once_whatever_the_client_says(site, name, value):
    path = f"/ours/{name}"
    wire = Wire(site.port)
    wire.send(f"GET {path} HTTP/1.1\r\n{HEAD}{name}: evil\r\n{name.lower()}: evil\r\n"
              f"{name.replace('-', '_')}: evil\r\n\r\n").answer()
    wire.close()
    seen = site.origin.seen(path)[0]
    said = [v for n, v in seen.fields if n.lower().replace("_", "-") == name.lower()]
    assert said == [value]


def test_an_underscore_does_not_make_a_known_field_another(site):
    """CGI and WSGI know X_Forwarded_For and X-Forwarded-For by one name."""
    wire = Wire(site.port)
    wire.send(f"GET /underscore HTTP/1.1\r\n{HEAD}Content_Length: 9\r\nTransfer_Encoding: chunked\r\n"
              "X_Own: kept\r\nCookie_: x\r\n\r\n").answer()
    wire.close()
    names = {name.lower() for name, _ in site.origin.seen("/underscore")[0].fields}
    assert not {"content_length", "transfer_encoding"} & names
    assert {"x_own", "cookie_"} <= names


# ---- keys -----------------------------------------------------------------------------------

SPELLINGS = ["/k/a", "/../k/a", "/%2e%2e/k/a", "/k/%61", "/k/./a", "/k/b/../a", "/k/%2e/a", "/k/b/%2E%2e/a", "/k/A", "/k/a/",
             "/k//a", "/k/a;x", "/k/a;x=1", "/k/a%3Bx", "/k/a%2Fb", "/k/a%2fb", "/k/a/b", "/k/a?",
             "/k/a?x", "/k/a?X", "/k/a?x=", "/k/a?x=1&y=2", "/k/a?y=2&x=1", "/k/a?x=1&x=2",
             "/k/a?x=2&x=1", "/k/a?x=1;y=2", "/k/a?x=%31", "/k/a?x=+", "/k/a?x=%20", "/k/a?x=%2B",
             "/k/a%20", "/k/a.", "/k/a.css", "/k/a/x.css", "/k/a%0d%0a", "/k/a%0A", "/k/a%3F",
             "/k/a%3Fx", "/k/a%23", "/k/a%5cb", "/k/~a", "/k/%7ea", "/k/a%25", "/k/a%2525",
             "http://a.example/k/a", "http://A.EXAMPLE:80/k/a", "/k/\u00e9".encode().decode("latin-1")]


def test_an_answer_from_the_cache_is_the_one_that_the_origin_would_give(site):
    """The origin answers with the target that it saw; whatever is served from the cache has to be
    what the same request gets when it is passed on."""
    made = []

    def echo(request):
        made.append(request.target)
        return {"body": request.target.encode("latin-1"), "headers": HOUR}

    for target in SPELLINGS:
        for path in {target, target.replace("http://a.example", ""),
                     target.replace("http://A.EXAMPLE:80", "")}:
            site.origin.reply(path, answer=echo)
    origin_paths = {}
    for target in SPELLINGS:
        first = site.send(f"GET {target} HTTP/1.1\r\n{HEAD}Cache-Control: no-store\r\n"
                          "Connection: close\r\n\r\n")
        if not first.startswith(b"HTTP/1.1 200"):
            # refused, or normalised to what has no reply of its own: learn that one's name
            seen = site.origin.seen()[-1].target
            site.origin.reply(seen, answer=echo)
            first = site.send(f"GET {target} HTTP/1.1\r\n{HEAD}Cache-Control: no-store\r\n"
                              "Connection: close\r\n\r\n")
        origin_paths[target] = (first[:12], first.split(b"\r\n\r\n", 1)[1])
    for _ in range(2):  # stored, then from the cache
        for target in SPELLINGS:
            answer = site.send(f"GET {target} HTTP/1.1\r\n{HEAD}Connection: close\r\n\r\n")
            assert (answer[:12], answer.split(b"\r\n\r\n", 1)[1]) == origin_paths[target], target
    refused = {target for target, (line, _) in origin_paths.items() if b" 200" not in line}
    assert refused == {"/k/\u00e9".encode().decode("latin-1")}


def test_hosts_do_not_share_answers_and_spellings_of_one_do(site):
    site.origin.reply("/host", answer=lambda r: {"body": r.get("Host").encode(), "headers": HOUR})
    for host in ("one.example", "two.example", "one.example:8080", "one.example:443",
                 "[::1]", "127.0.0.1"):
        assert site.ask("/host", host=host).body == host.encode()
    for host in ("ONE.example", "one.example:80", "One.Example:0080"):
        answer = site.ask("/host", host=host)
        assert answer.is_hit and answer.body == b"one.example", host


def test_fields_outside_the_key_do_not_change_what_is_stored(site):
    """Whatever a client adds, others get the answer of the plain request."""
    site.origin.reply("/unkeyed", answer=lambda r: {
        "headers": HOUR,
        "body": " ".join(r.get(name) or "-" for name in (
            "X-Forwarded-Host", "X-Forwarded-Proto", "X-Original-URL", "Forwarded")).encode()})
    answer = site.ask("/unkeyed", X_Forwarded_Host="evil", X_Forwarded_Proto="https",
                      X_Original_URL="/evil", Forwarded="host=evil", X_Forwarded_Port="1")
    assert answer.body == b"a.example http - -"
    assert site.ask("/unkeyed").body == b"a.example http - -"


def test_get_with_a_body_is_not_for_the_cache(site):
    site.origin.reply("/fat", answer=lambda r: {"body": r.body or b"plain", "headers": HOUR})
    wire = Wire(site.port)
    assert wire.get("/fat", body=b"poison").answer().body == b"poison"
    wire.close()
    assert site.ask("/fat").body == b"plain"


@pytest.mark.parametrize("suffix", [".css", "/x.css", ";x.css", "%2Fx.css", "?x.css", "%00.css",
                                    "%23x.css", "%3Fx.css", "/..%2Fx.js", "/%2e%2e/static/x.js"])
def test_a_name_that_looks_like_a_file_makes_nothing_public(site, suffix):
    """Web cache deception: what is private stays so, whatever its URL looks like."""
    path = "/me" + suffix
    seen_before = len(site.origin.seen())
    first = site.send(f"GET {path} HTTP/1.1\r\n{HEAD}Cookie: ann\r\nConnection: close\r\n\r\n")
    if len(site.origin.seen()) == seen_before:
        assert first.startswith(b"HTTP/1.1 400 ")
        return
    site.origin.reply(site.origin.seen()[-1].target, answer=lambda r: {
        "body": (r.get("Cookie") or "nobody").encode(), "headers": {"Cache-Control": "private"}})
    for who in ("ann", "bob"):
        answer = site.send(f"GET {path} HTTP/1.1\r\n{HEAD}Cookie: {who}\r\n"
                           "Connection: close\r\n\r\n")
        assert answer.endswith(b"\r\n\r\n" + who.encode())


# ---- poison ---------------------------------------------------------------------------------

@pytest.mark.parametrize("head", [
    f"GET /poison/{{n}} HTTP/1.1\r\n{HEAD}X: \x07\r\n\r\n",
    f"GET /poison/{{n}} HTTP/1.1\r\n{HEAD}X: {'a' * 40000}\r\n\r\n",
    f"GET /poison/{{n}} HTTP/1.1\r\n{HEAD}" + "X: a\r\n" * 200 + "\r\n",
    f"GET /poison/{{n}} HTTP/1.1\r\n{HEAD}Host: b\r\n\r\n",
    f"TRACE /poison/{{n}} HTTP/1.1\r\n{HEAD}\r\n",
    f"GET /poison/{{n}} HTTP/1.1\r\n{HEAD}Expect: x\r\n\r\n",
], ids=["control", "large field", "many fields", "two hosts", "method", "expect"])
def test_an_error_that_a_client_provoked_is_not_stored(site, head):
    path = "/poison/" + str(abs(hash(head)))
    site.origin.reply(path, body=b"well", headers=HOUR)
    answer = site.send(head.replace("/poison/{n}", path).replace("{n}", ""))
    assert answer[9:10] == b"4"
    after = site.ask(path)
    assert after.status == 200 and after.body == b"well" and not after.is_hit


@pytest.mark.parametrize("status", [400, 403, 405, 413, 414, 431, 500, 502, 503])
def test_an_error_of_the_origin_without_a_word_on_freshness_is_not_stored(site, status):
    path = f"/error/{status}"
    site.origin.replies(path, {"status": status, "body": b"error"}, {"body": b"well"})
    assert site.ask(path).status == status
    assert site.ask(path).body == b"well"


# ---- bombs and floods -----------------------------------------------------------------------

@pytest.mark.parametrize("text, status, metric", [
    (f"GET /{'a' * 8192} HTTP/1.1\r\n{HEAD}\r\n", 414, "targets_too_long"),
    (f"GET /bomb HTTP/1.1\r\n{HEAD}" + "A: b\r\n" * 100 + "\r\n", 431, "headers_too_large"),
    (f"GET /bomb HTTP/1.1\r\n{HEAD}A: {'b' * 32768}\r\n\r\n", 431, "headers_too_large"),
    (f"GET /bomb HTTP/1.1\r\n{HEAD}" + f"A: {'b' * 400}\r\n" * 90 + "\r\n", 431,
     "headers_too_large"),
    (f"GET /bomb HTTP/1.1\r\n{'a' * 40000}", 431, "headers_too_large"),
], ids=["target", "fields", "one field", "together", "a name without end"])
def test_bombs_in_the_header_meet_their_limit_and_its_metric(site, text, status, metric):
    before = stat(site, metric)
    assert site.send(text).startswith(b"HTTP/1.1 %d " % status)
    assert stat(site, metric) == before + 1


def stat(site, name):
    import json
    import urllib.request
    with urllib.request.urlopen(site.server.admin_url + "/v1/stats") as answer:
        return json.load(answer)["http"][name]


def test_the_limits_of_the_header_are_exact(site):
    def status(text):
        return int(site.send(text + "Connection: close\r\n\r\n").split()[1])

    assert status(f"GET /{'a' * 8191} HTTP/1.1\r\n{HEAD}") == 404
    assert status(f"GET /bomb HTTP/1.1\r\n{HEAD}" + "A: b\r\n" * 98) == 404
    line = "GET /bomb HTTP/1.1\r\n"
    rest = 32768 - len(line + HEAD + "A: \r\n" + "Connection: close\r\n\r\n")
    assert status(f"{line}{HEAD}A: {'b' * rest}\r\n") == 404
    assert status(f"{line}{HEAD}A: {'b' * (rest + 1)}\r\n") == 431


@pytest.mark.parametrize("ranges", [
    ",".join(f"{i}-{i}" for i in range(1000)),
    ",".join("0-" for _ in range(1000)),
    ",".join("-1" for _ in range(17)),
], ids=["single bytes", "the whole", "seventeen"])
def test_a_flood_of_ranges_is_answered_once_and_whole(site, ranges):
    site.origin.reply("/ranges", body=b"x" * 2000, headers=HOUR)
    site.ask("/ranges")
    answer = site.ask("/ranges", Range="bytes=" + ranges)
    assert (answer.status, len(answer.body)) == (200, 2000)


def test_a_flood_of_variants_is_bounded(site):
    site.origin.reply("/vary", answer=lambda r: {
        "body": (r.get("X-Any") or "").encode(), "headers": {**HOUR, "Vary": "X-Any"}})
    before = stat(site, "stored")
    for i in range(40):
        answer = site.ask("/vary", X_Any=str(i))
        assert answer.body == str(i).encode()
    assert stat(site, "stored") - before <= 8
    assert answer.detail == "vary-limit"
    assert site.ask("/vary", X_Any="0").body == b"0"


def test_who_asks_much_and_reads_nothing_is_held_up_and_loses_nothing(site):
    import threading
    count, body = 3000, b"x" * 20000
    site.origin.reply("/much", body=body, headers=HOUR)
    site.ask("/much")
    wire = Wire(site.port)
    data = (f"GET /much HTTP/1.1\r\n{HEAD}X: {'a' * 1500}\r\n\r\n" * count).encode()
    sender = threading.Thread(target=wire.socket.sendall, args=(data,))
    sender.start()
    sender.join(0.2)
    assert sender.is_alive()  # it is not read on while its answers wait
    for _ in range(count):
        assert wire.answer().body == body
    sender.join(PATIENCE_S)
    wire.close()


def test_many_unfinished_requests_take_little_and_hold_nobody_up(site):
    wires = [Wire(site.port) for _ in range(200)]
    for i, wire in enumerate(wires):
        wire.send(f"GET /slow/{i} HTTP/1.1\r\n{HEAD}X-{i}: ")
    site.origin.reply("/quick", body=b"x")
    assert site.ask("/quick").body == b"x"
    for wire in wires:
        wire.close()
