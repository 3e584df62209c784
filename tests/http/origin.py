"""An origin that does what a test says, byte for byte, and remembers what it was asked.

    origin.reply("/a", body=b"x", headers={"Cache-Control": "max-age=60"})
    origin.reply("/b", raw=b"HTTP/1.1 200 OK\\r\\n...")        # nothing is added
    gate = origin.hold("/c"); ...; gate.open()                 # answers wait for the test
    origin.seen("/a")                                          # the requests for it, in order

A path without a reply gets 404. A reply is used for all further requests of its path; replies()
gives one after the other, the last for all further ones.
"""
import socket
import threading

PATIENCE_S = 30


class Request:
    """What the origin was asked."""

    def __init__(self, method, target, fields, body):
        self.method = method
        self.target = target
        self.fields = fields  # (name, value) in their order
        self.body = body

    def get(self, name):
        """The only value of a field; None: it is not there."""
        values = self.all(name)
        assert len(values) < 2, f"{name} is there {len(values)} times"
        return values[0] if values else None

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]


class Reply:
    """One answer. `pieces` are sent one by one, each after `between` said so; `cut` closes the
    connection behind them."""

    def __init__(self, status=200, headers=None, body=b"", chunked=False, pieces=None, raw=None,
                 cut=False, close=False, interim=b"", between=None, answer=None):
        self.status = status
        self.headers = headers or {}
        self.body = body
        self.chunked = chunked
        self.pieces = pieces
        self.raw = raw
        self.cut = cut
        self.close = close
        self.interim = interim
        self.between = between
        self.answer = answer  # a function of the request that makes the reply

    def head(self, request):
        if self.raw is not None:
            return self.raw
        headers = dict(self.headers)
        names = {name.lower() for name in headers}
        if self.chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif self.status not in (204, 304) and "content-length" not in names and not self.close:
            headers["Content-Length"] = str(len(self.whole()))
        if self.close:
            headers["Connection"] = "close"
        lines = [f"HTTP/1.1 {self.status} Status"]
        for name, value in headers.items():
            for one in value if isinstance(value, list) else [value]:
                lines.append(f"{name}: {one}")
        return self.interim + ("\r\n".join(lines) + "\r\n\r\n").encode()

    def whole(self):
        return b"".join(self.pieces) if self.pieces is not None else self.body

    def frame(self, piece):
        return b"%x\r\n%s\r\n" % (len(piece), piece) if self.chunked else piece


class Origin:
    """A listening origin; a thread a connection."""

    def __init__(self, host="127.0.0.1", port=0):
        self.requests = []
        self.connections = 0
        self._replies = {}
        self._gates = {}
        self._changed = threading.Condition()
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, port), backlog=2048, family=family)
        self.address = ("[%s]:%d" if ":" in host else "%s:%d") % (host, self.port)
        self._open = set()
        self._stopping = False
        self._threads = []
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    @property
    def port(self):
        return self._socket.getsockname()[1]

    @property
    def url(self):
        return "http://" + self.address

    # ---- what it does

    def reply(self, path, **options):
        with self._changed:
            self._replies[path] = [Reply(**options)]

    def replies(self, path, *options):
        with self._changed:
            self._replies[path] = [Reply(**one) for one in options]

    def hold(self, path):
        """Requests for the path are remembered, and answered when the gate is opened."""
        with self._changed:
            self._gates[path] = threading.Event()
        return Gate(self._gates[path])

    # ---- what it saw

    def seen(self, path=None):
        with self._changed:
            return [r for r in self.requests if path is None or r.target == path]

    def wait_for(self, path, count=1):
        """Until so many requests for the path have come."""
        with self._changed:
            came = self._changed.wait_for(
                lambda: sum(r.target == path for r in self.requests) >= count, PATIENCE_S)
        assert came, f"{path} was asked {len(self.seen(path))} times, not {count}"

    # ---- the inside

    def _accept(self):
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with self._changed:
                if self._stopping:
                    connection.close()
                    continue
                self.connections += 1
                self._open.add(connection)
                thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
                self._threads.append(thread)
            thread.start()

    def _serve(self, connection):
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            stream = connection.makefile("rb")
            while self._answer(connection, stream):
                pass
        except (OSError, ValueError):  # the other side cut the request
            pass
        finally:
            with self._changed:
                self._open.discard(connection)
            connection.close()

    def _read(self, connection, stream):
        line = stream.readline().decode("latin-1").rstrip("\r\n")
        if not line:
            return None
        method, target, _ = line.split(" ")
        fields = []
        while (line := stream.readline().decode("latin-1").rstrip("\r\n")) != "":
            name, _, value = line.partition(":")
            fields.append((name, value.strip()))
        names = {name.lower(): value for name, value in fields}
        body = b""
        if names.get("transfer-encoding") == "chunked":
            while (size := int(stream.readline(), 16)) > 0:
                body += stream.read(size)
                stream.readline()
            stream.readline()
        elif "content-length" in names:
            body = stream.read(int(names["content-length"]))
        return Request(method, target, fields, body)

    def _answer(self, connection, stream):
        request = self._read(connection, stream)
        if request is None:
            return False
        with self._changed:
            self.requests.append(request)
            gate = self._gates.get(request.target)
            replies = self._replies.get(request.target, [Reply(status=404)])
            reply = replies.pop(0) if len(replies) > 1 else replies[0]
            self._changed.notify_all()
        if gate is not None:
            gate.wait(PATIENCE_S)
        if reply.answer is not None:
            reply = Reply(**reply.answer(request))
        connection.sendall(reply.head(request))
        if request.method != "HEAD" and reply.raw is None and reply.status not in (204, 304):
            pieces = reply.pieces if reply.pieces is not None else [reply.body]
            for number, piece in enumerate(pieces):
                if reply.between is not None:
                    reply.between(number)
                if piece:
                    connection.sendall(reply.frame(piece))
            if reply.chunked and not reply.cut:
                connection.sendall(b"0\r\n\r\n")
        return not (reply.cut or reply.close)

    def stop(self):
        with self._changed:
            self._stopping = True
            for gate in self._gates.values():
                gate.set()
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()
        self._thread.join(PATIENCE_S)


class Gate:
    def __init__(self, event):
        self._event = event

    def open(self):
        self._event.set()
