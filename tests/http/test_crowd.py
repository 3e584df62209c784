"""A rough crowd: many clients at once that do what clients do, an origin that fails as origins do,
and purges in between. Whatever the order: every body is of the path that was asked for, nothing is
left over, and the gateway ends well."""
import random
import threading
import time

from wire import Cut

SECONDS = 4
PATHS = [f"/plain{number}" for number in range(6)] + [f"/vary{number}" for number in range(4)]
CONTROLS = ["max-age=1", "max-age=60", "max-age=1, stale-while-revalidate=5", "no-store",
            "max-age=0", "public, max-age=2", "private"]


def make_answer(request):
    """A reply as origins give them, well or broken."""
    chance = random.random()
    headers = {"Cache-Control": random.choice(CONTROLS), "Cache-Tag": f"t{random.randrange(4)}"}
    if "vary" in request.target:
        headers["Vary"] = random.choice(["Accept-Encoding", "Accept-Encoding, X-Kind"])
    if random.random() < 0.3:
        headers["ETag"] = "\"e\""
    if request.get("If-None-Match") and chance < 0.5:
        return {"status": 304, "headers": headers}
    if chance < 0.05:
        return {"status": 500, "body": b"broken"}
    if chance < 0.10:
        return {"headers": {**headers, "Content-Length": "100000"}, "body": b"half", "cut": True}
    if chance < 0.12:
        return {"raw": b"no HTTP\r\n\r\n", "cut": True}
    unit = request.target.encode() + b"|"
    body = unit * (random.choice([1, 100, 5000, 100000]))
    if chance < 0.5:
        pieces = [body[at:at + 70000] for at in range(0, len(body), 70000)]
        return {"pieces": pieces, "chunked": True, "headers": headers}
    return {"body": body, "headers": headers}


class Client(threading.Thread):
    """One of the crowd."""

    def __init__(self, gateway, number, until):
        super().__init__()
        self.gateway = gateway
        self.random = random.Random(number)
        self.until = until
        self.wrong = []
        self.answers = 0

    def run(self):
        wire = None
        while time.monotonic() < self.until:
            try:
                wire = wire or self.gateway.wire(
                    receive_buffer=self.random.choice([None, None, 4096]))
                wire = self.ask(wire)
            except (Cut, ConnectionError):
                wire.close()
                wire = None
        if wire is not None:
            wire.close()

    def wishes(self):
        pick = self.random
        fields = {}
        for chance, name, values in (
                (0.3, "Accept_Encoding", ["gzip", "br", "gzip, br", "zstd"]),
                (0.1, "Range", ["bytes=10-500", "bytes=-5", "bytes=1-2,5-6"]),
                (0.1, "If_None_Match", ["\"e\""]),
                (0.1, "Cache_Control", ["no-cache", "no-store", "only-if-cached", "max-stale=9"]),
                (0.1, "Authorization", ["Basic YTpi"])):
            if pick.random() < chance:
                fields[name] = pick.choice(values)
        return fields

    def ask(self, wire):
        pick = self.random
        path = pick.choice(PATHS)
        method = pick.choice(["GET"] * 12 + ["HEAD", "POST", "DELETE"])
        body = b"b" * pick.choice([1, 1000, 200000]) if method == "POST" else b""
        wire.get(path, method, body=body, **self.wishes())
        if pick.random() < 0.1:
            if pick.random() < 0.5:
                wire.stream.read1(100)
            wire.close()
            return None
        answer = wire.answer(to_head=method == "HEAD")
        self.answers += 1
        if answer.status == 200 and answer.body and answer.body[:len(path) + 1] != path.encode() + b"|":
            self.wrong.append((method, path, answer))
        if answer.get("Connection") == "close":
            wire.close()
            return None
        return wire


def test_a_rough_crowd_leaves_the_gateway_well(start, origin):
    gateway = start("--workers", "3", "--memory", "32MiB", route="timeout: {lease: 200ms}")
    for path in PATHS:
        origin.reply(path, answer=make_answer)
    until = time.monotonic() + SECONDS
    crowd = [Client(gateway, number, until) for number in range(24)]
    for client in crowd:
        client.start()
    while time.monotonic() < until:
        gateway.purge(**random.choice([
            {"tag": f"t{random.randrange(4)}"}, {"tag": "t1", "soft": True}, {"all": True},
            {"url": "http://a.example" + random.choice(PATHS)}, {"prefix": "http://a.example/v"}]))
        time.sleep(0.02)
    for client in crowd:
        client.join()
    assert [one for client in crowd for one in client.wrong] == []
    assert sum(client.answers for client in crowd) > 50
    gateway.wait_until_gone("requests_waiting")
    gateway.wait_until_gone("fills")
    gateway.wait_until_gone("leases", "cache")
    gateway.wait_until_gone("connections")
    assert gateway.count("waiters", "cache") == 0
