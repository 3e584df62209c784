"""RESP by hand: what goes over the wire, so that shapes and types can be compared exactly."""
import socket


class Reply:
    """A reply with the letter of its type: Reply('$', b'x') is not Reply('+', b'x')."""

    __slots__ = ("kind", "value")

    def __init__(self, kind, value):
        self.kind, self.value = kind, value

    def __eq__(self, other):
        return isinstance(other, Reply) and (self.kind, self.value) == (other.kind, other.value)

    def __hash__(self):
        return hash(repr(self))

    def __repr__(self):
        return f"{self.kind}{self.value!r}"

    @property
    def is_error(self):
        return self.kind == "-"

    def plain(self):
        """The value without types: bytes, int, None, list, dict, or the text of an error."""
        if self.kind in "*~>":
            return None if self.value is None else [one.plain() for one in self.value]
        if self.kind == "%":
            return {key.plain(): value.plain() for key, value in self.value}
        return self.value


class Wire:
    """One connection. `call` sends one command and reads its reply."""

    def __init__(self, port, host="127.0.0.1", timeout=20):
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.stream = self.socket.makefile("rb")

    def close(self):
        self.stream.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, *words):
        self.socket.sendall(request(*words))

    def send_raw(self, data):
        self.socket.sendall(data)

    def call(self, *words):
        self.send(*words)
        return self.read()

    def plain(self, *words):
        return self.call(*words).plain()

    def pipeline(self, commands):
        self.socket.sendall(b"".join(request(*words) for words in commands))
        return [self.read() for _ in commands]

    def read(self):
        line = self.stream.readline()
        if not line.endswith(b"\r\n"):
            raise EOFError(f"the connection ended: {line!r}")
        kind, rest = chr(line[0]), line[1:-2]
        if kind in "$=!":
            if rest == b"-1":
                return Reply(kind, None)
            data = self.stream.read(int(rest) + 2)
            assert data.endswith(b"\r\n"), data
            return Reply(kind, data[:-2])
        if kind in "*~>":
            return Reply(kind, None if rest == b"-1" else [self.read() for _ in range(int(rest))])
        if kind == "%":
            return Reply(kind, [(self.read(), self.read()) for _ in range(int(rest))])
        if kind == ":":
            return Reply(kind, int(rest))
        if kind == "_":
            return Reply(kind, None)
        if kind == "#":
            return Reply(kind, rest == b"t")
        assert kind in "+-,(", line
        return Reply(kind, rest)

    def ended(self):
        """Whether the other side closed; reads what is left."""
        try:
            return self.stream.read() == b"" or True
        except ConnectionResetError:
            return True


def encode(word):
    return word if isinstance(word, bytes) else str(word).encode()


def request(*words):
    words = [encode(word) for word in words]
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)
