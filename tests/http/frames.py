"""An HTTP/2 client that sends the very frames that a test writes, and reads what comes strictly.

    http2 = Http2(port)                      # preface and SETTINGS were said by both
    http2.request(1, "/a")                  # HEADERS with END_STREAM
    answer = http2.answer(1)                # status, fields, body

Fields are written as literals without any table, so that a test can send what no library would; what
comes is read with a decoder of HPACK (RFC 7541) of its own.
"""
import socket
import struct

PATIENCE_S = 30
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, \
    CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 0x1, 0x1, 0x4, 0x8
NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = 0, 1, 2, 3
STREAM_CLOSED, REFUSED_STREAM, CANCEL, ENHANCE_YOUR_CALM = 5, 7, 8, 11
MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 3, 4

STATIC = [None] + [tuple(line.split("=", 1)) for line in """\
:authority=
:method=GET
:method=POST
:path=/
:path=/index.html
:scheme=http
:scheme=https
:status=200
:status=204
:status=206
:status=304
:status=400
:status=404
:status=500
accept-charset=
accept-encoding=gzip, deflate
accept-language=
accept-ranges=
accept=
access-control-allow-origin=
age=
allow=
authorization=
cache-control=
content-disposition=
content-encoding=
content-language=
content-length=
content-location=
content-range=
content-type=
cookie=
date=
etag=
expect=
expires=
from=
host=
if-match=
if-modified-since=
if-none-match=
if-range=
if-unmodified-since=
last-modified=
link=
location=
max-forwards=
proxy-authenticate=
proxy-authorization=
range=
referer=
refresh=
retry-after=
server=
set-cookie=
strict-transport-security=
transfer-encoding=
user-agent=
vary=
via=
www-authenticate=""".splitlines()]

# RFC 7541, appendix B: the lengths of the codes of 0..255; codes of one length are consecutive.
HUFFMAN_LENGTHS = [
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5,
    6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
    7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6,
    7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28] + [0] * 128


def huffman_table():
    table, code, last = {}, 0, 0
    for length in sorted(set(HUFFMAN_LENGTHS[:128])):
        code <<= length - last
        last = length
        for symbol in range(128):
            if HUFFMAN_LENGTHS[symbol] == length:
                table[length, code] = symbol
                code += 1
    return table


HUFFMAN = huffman_table()


def unhuffman(data):
    """Visible ASCII has the codes of up to 15 bits, in the order of length and value."""
    out, code, length = bytearray(), 0, 0
    for byte in data:
        for bit in range(7, -1, -1):
            code, length = code << 1 | byte >> bit & 1, length + 1
            if (length, code) in HUFFMAN:
                out.append(HUFFMAN[length, code])
                code = length = 0
    assert length < 8 and code == (1 << length) - 1, "padding of a Huffman code"
    return bytes(out)


class Table:
    """What HPACK remembers of earlier fields."""

    def __init__(self):
        self.entries = []

    def get(self, index):
        return STATIC[index] if index < len(STATIC) else self.entries[index - len(STATIC)]

    def decode(self, block):
        fields, at = [], 0

        def number(bits):
            nonlocal at
            mask = (1 << bits) - 1
            value = block[at] & mask
            at += 1
            shift = 0
            while value >= mask:
                byte = block[at]
                at += 1
                value += (byte & 0x7f) << shift
                shift += 7
                if byte < 0x80:
                    break
            return value

        def text():
            nonlocal at
            coded = block[at] & 0x80
            size = number(7)
            data = block[at:at + size]
            assert len(data) == size
            at += size
            return (unhuffman(data) if coded else data).decode("latin-1")

        while at < len(block):
            first = block[at]
            if first & 0x80:
                fields.append(self.get(number(7)))
            elif first & 0xe0 == 0x20:
                size = number(5)
                while sum(len(a) + len(b) + 32 for a, b in self.entries) > size:
                    self.entries.pop()
            else:
                keep = first & 0x40
                index = number(6 if keep else 4)
                name = self.get(index)[0] if index else text()
                fields.append((name, text()))
                if keep:
                    self.entries.insert(0, fields[-1])
                    while sum(len(a) + len(b) + 32 for a, b in self.entries) > 4096:
                        self.entries.pop()
        return fields


def length(size):
    """A number with a prefix of 7 bits."""
    if size < 127:
        return bytes([size])
    out, size = bytearray([127]), size - 127
    while size >= 128:
        out.append(size & 0x7f | 0x80)
        size >>= 7
    return bytes(out + bytes([size]))


def literal(name, value):
    """A field that no table remembers."""
    name, value = (x.encode("latin-1") if isinstance(x, str) else x for x in (name, value))
    return b"\0" + length(len(name)) + name + length(len(value)) + value


def block(fields):
    return b"".join(literal(name, value) for name, value in fields)


def frame(kind, flags=0, stream=0, payload=b""):
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + \
        struct.pack(">I", stream) + payload


class Answer:
    def __init__(self):
        self.status = None
        self.fields = []
        self.body = bytearray()
        self.interim = []
        self.is_whole = False
        self.reset = None  # an error code
        self.trailers = None

    def get(self, name):
        values = [value for key, value in self.fields if key == name]
        assert len(values) < 2, f"{name} is there {len(values)} times"
        return values[0] if values else None

    @property
    def is_hit(self):
        return "; hit" in self.get("cache-status")


class Http2:
    """A connection."""

    def __init__(self, port, settings=(), receive_buffer=None, hello=True, take=True, tls=None):
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(("127.0.0.1", port))
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="shop.example")
        self.stream = self.socket.makefile("rb")
        self.table = Table()
        self.answers = {}
        self.settings = {}
        self.goaways = []  # (last stream, error)
        self.pongs = 0
        self.windows = {}
        self.sent = {}  # bytes of bodies
        self.takes = take  # opens windows as it reads
        self.is_closed = False
        if hello:
            payload = b"".join(struct.pack(">HI", *pair) for pair in settings)
            self.send(PREFACE + frame(SETTINGS, payload=payload))

    def send(self, data):
        self.socket.sendall(data)
        return self

    def try_send(self, data):
        """False: the other side has closed."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def head(self, path="/", method="GET", host="a.example", scheme="http", more=(), **fields):
        all_fields = [(":method", method), (":scheme", scheme)]
        all_fields += [] if host is None else [(":authority", host)]
        all_fields += [(":path", path)]
        all_fields += [(name.replace("_", "-"), value) for name, value in fields.items()]
        return block([*all_fields, *more])

    def request(self, stream, path="/", ends=True, **how):
        flags = END_HEADERS | (END_STREAM if ends else 0)
        return self.send(frame(HEADERS, flags, stream, self.head(path, **how)))

    def given(self, stream):
        """How much of a body may have been sent, so far."""
        return min(self.settings.get(INITIAL_WINDOW_SIZE, 65535) + self.windows.get(stream, 0),
                   65535 + self.windows.get(0, 0))

    def data(self, stream, payload, ends=False):
        self.sent[stream] = self.sent.get(stream, 0) + len(payload)
        return self.send(frame(DATA, END_STREAM if ends else 0, stream, payload))

    def open_window(self, stream, size):
        return self.send(frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", size)))

    # ---- what comes ----------------------------------------------------------------------

    def of(self, stream):
        return self.answers.setdefault(stream, Answer())

    def next(self):
        """Reads one frame; None: the connection ended."""
        try:
            head = self.stream.read(9)
            size = int.from_bytes(head[:3], "big")
            payload = self.stream.read(size)
        except (ConnectionResetError, BrokenPipeError):
            head = payload = b""
        if len(head) < 9 or len(payload) < size:
            self.is_closed = True
            return None
        kind, flags = head[3], head[4]
        stream = int.from_bytes(head[5:9], "big")
        self.take_frame(kind, flags, stream, payload)
        return kind, flags, stream, payload

    def take_frame(self, kind, flags, stream, payload):
        if kind == SETTINGS and not flags & ACK:
            for at in range(0, len(payload), 6):
                name, value = struct.unpack(">HI", payload[at:at + 6])
                self.settings[name] = value
            self.try_send(frame(SETTINGS, ACK))
        elif kind == PING:
            if flags & ACK:
                self.pongs += 1
            else:
                self.try_send(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            self.goaways.append(struct.unpack(">II", payload[:8]))
        elif kind == WINDOW_UPDATE:
            self.windows[stream] = self.windows.get(stream, 0) + int.from_bytes(payload, "big")
        elif kind == RST_STREAM:
            self.of(stream).reset = int.from_bytes(payload, "big")
        elif kind == DATA:
            assert not flags & PADDED
            self.of(stream).body += payload
            if self.takes and payload:
                self.try_send(frame(WINDOW_UPDATE, 0, 0, struct.pack(">I", len(payload))) +
                              frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", len(payload))))
        elif kind == HEADERS:
            assert flags & END_HEADERS, "a head in several frames"
            self.take_head(self.of(stream), self.table.decode(payload))
        if kind in (DATA, HEADERS) and flags & END_STREAM:
            self.of(stream).is_whole = True

    def take_head(self, answer, fields):
        assert all(name == name.lower() for name, _ in fields)
        assert fields[0][0] == ":status" and all(name[0] != ":" for name, _ in fields[1:])
        status = int(fields[0][1])
        if status < 200:
            answer.interim.append((status, fields[1:]))
        else:
            assert answer.status is None
            answer.status, answer.fields = status, fields[1:]

    def until(self, done):
        """Reads until it is done, or the connection ended."""
        while not done() and self.next() is not None:
            pass
        return self

    def answer(self, stream):
        answer = self.of(stream)
        self.until(lambda: answer.is_whole or answer.reset is not None)
        return answer

    def ended_with(self):
        """Reads to the end: the error of the last GOAWAY, or None if there was none."""
        self.until(lambda: False)
        return self.goaways[-1][1] if self.goaways else None

    def ping(self):
        """Everything sent before was read when this returns."""
        before = self.pongs
        self.send(frame(PING, 0, 0, b"12345678"))
        return self.until(lambda: self.pongs > before)

    def close(self):
        self.stream.close()
        self.socket.close()
