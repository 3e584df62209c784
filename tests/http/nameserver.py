"""A name server that says what a test says.

    names = NameServer()
    names.set("app.test", "10.0.0.1", "::1", ttl=0)
    names.silence()                          # answers nothing any more
"""
import ipaddress
import socket
import struct
import threading

TYPES = {1: 4, 28: 6}  # A, AAAA


class NameServer:
    def __init__(self):
        self._names = {}
        self._failure = None
        self.asked = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def set(self, name, *addresses, ttl=0):
        self._names[name] = ([ipaddress.ip_address(one) for one in addresses], ttl)

    def fail(self, code=2):
        """Answers every question with this code: SERVFAIL."""
        self._failure = code

    def _serve(self):
        while True:
            question, asker = self._socket.recvfrom(4096)
            if question == b"stop":
                return
            self.asked += 1
            self._socket.sendto(self._answer(question), asker)

    def _answer(self, question):
        labels, at = [], 12
        while (size := question[at]) > 0:
            labels.append(question[at + 1:at + 1 + size].decode())
            at += 1 + size
        kind = struct.unpack(">H", question[at + 1:at + 3])[0]
        asked = question[12:at + 5]
        addresses, ttl = self._names.get(".".join(labels).lower(), (None, 0))
        code = self._failure if self._failure is not None else 3 if addresses is None else 0
        records = b""
        count = 0
        for one in addresses or []:
            if code == 0 and TYPES.get(kind) == one.version:
                records += b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, ttl, len(one.packed)) + one.packed
                count += 1
        return question[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, count, 0, 0) + asked + records

    def stop(self):
        self._socket.sendto(b"stop", self._socket.getsockname())
        self._thread.join(30)
        self._socket.close()
