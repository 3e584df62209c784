"""A client that sends the very bytes that a test writes, and reads answers strictly."""
import socket

PATIENCE_S = 30


class Answer:
    """One response."""

    def __init__(self, status, fields, body, interim):
        self.status = status
        self.fields = fields
        self.body = body
        self.interim = interim  # (status, fields) of the 1xx before it

    def get(self, name):
        values = self.all(name)
        assert len(values) < 2, f"{name} is there {len(values)} times: {values}"
        return values[0] if values else None

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    @property
    def cache(self):
        """Cache-Status, our member of it."""
        return self.all("Cache-Status")[-1]

    @property
    def is_hit(self):
        return "; hit" in self.cache

    @property
    def detail(self):
        for part in self.cache.split(";"):
            if part.strip().startswith("detail="):
                return part.strip()[len("detail="):]
        return None

    def __repr__(self):
        return f"<{self.status} {self.fields} {self.body[:60]!r}>"


class Cut(Exception):
    """The connection ended where it should not; `.so_far` are the bytes of the body."""

    def __init__(self, so_far=b""):
        super().__init__(f"the connection was cut after {len(so_far)} bytes of body")
        self.so_far = so_far


class Wire:
    """A connection."""

    def __init__(self, port, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE_S)
        self.socket.connect(("127.0.0.1", port))
        self.stream = self.socket.makefile("rb")

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        return self

    def get(self, path, method="GET", host="a.example", body=b"", **fields):
        """Sends a request; field names have _ in place of -."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        if body:
            lines.append(f"Content-Length: {len(body)}")
        self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body)
        return self

    def read_head(self):
        """Status and fields."""
        try:
            line = self.stream.readline()
        except ConnectionResetError:
            raise Cut() from None
        if not line:
            raise Cut()
        assert line.startswith(b"HTTP/1.1 ") and line.endswith(b"\r\n"), line
        status = int(line.split(b" ")[1])
        fields = []
        while (line := self.stream.readline()) != b"\r\n":
            assert line.endswith(b"\r\n"), line
            name, colon, value = line[:-2].decode("latin-1").partition(":")
            assert colon and name == name.strip(), line
            fields.append((name, value.strip()))
        return status, fields

    def read_body(self, status, fields, to_head=False):
        names = {name.lower(): value for name, value in fields}
        assert not ("content-length" in names and "transfer-encoding" in names), fields
        if to_head or status in (204, 304) or status < 200:
            return b""
        if names.get("transfer-encoding") == "chunked":
            return self._chunks()
        if "content-length" in names:
            return self._exactly(int(names["content-length"]), b"")
        return self.stream.read()

    def _chunks(self):
        pieces = []
        try:
            while True:
                size = int(self._line(b""), 16)
                pieces.append(self._exactly(size, b""))
                assert self._exactly(2, b"") == b"\r\n"
                if size == 0:
                    return b"".join(pieces)
        except Cut as cut:
            raise Cut(b"".join(pieces) + cut.so_far) from None

    def _line(self, so_far):
        try:
            line = self.stream.readline()
        except ConnectionResetError:
            line = b""
        if not line.endswith(b"\r\n"):
            raise Cut(so_far)
        return line

    def _exactly(self, size, so_far):
        try:
            data = self.stream.read(size)
        except ConnectionResetError:
            data = b""
        if len(data) < size:
            raise Cut(so_far + data)
        return data

    def answer(self, to_head=False):
        """The next response, interim ones before it included."""
        interim = []
        while True:
            status, fields = self.read_head()
            if status >= 200:
                return Answer(status, fields, self.read_body(status, fields, to_head), interim)
            interim.append((status, fields))

    def is_closed(self):
        """Reads on; true when the other side ended without another byte."""
        try:
            return self.stream.read(1) == b""
        except ConnectionResetError:
            return True

    def close(self):
        self.stream.close()
        self.socket.close()


def ask(port, path, method="GET", **options):
    """One request on a connection of its own."""
    wire = Wire(port)
    try:
        return wire.get(path, method, **options).answer(to_head=method == "HEAD")
    finally:
        wire.close()
