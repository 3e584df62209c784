"""Several origins behind one gateway, and what /v1/origins says of them."""
import json
import time
import urllib.request

from origin import Origin
from wire import Wire, ask

PATIENCE_S = 30


class Fleet:
    """A gateway with the origin `main` of several servers."""

    def __init__(self, server):
        self.server = server
        self.port = server.http_port

    def ask(self, path, method="GET", **options):
        return ask(self.port, path, method, **options)

    def wire(self):
        return Wire(self.port)

    def purge(self, **what):
        request = urllib.request.Request(self.server.admin_url + "/v1/purge", method="POST",
                                         data=json.dumps(what).encode(),
                                         headers={"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def told(self):
        """The origin as /v1/origins tells it."""
        with urllib.request.urlopen(self.server.admin_url + "/v1/origins") as answer:
            return json.load(answer)["origins"][0]

    def server_told(self, origin):
        return next(one for one in self.told()["servers"] if one["address"] == origin.address)

    def state(self, origin):
        return self.server_told(origin)["state"]

    def wait_for_state(self, origin, state):
        self.wait(lambda: self.state(origin), state)

    def wait_for_breaker(self, state):
        self.wait(lambda: self.told()["breaker"]["state"], state)

    @staticmethod
    def wait(look, wanted):
        end = time.monotonic() + PATIENCE_S
        while (now := look()) != wanted:
            assert time.monotonic() < end, f"it is {now}, not {wanted}"
            time.sleep(0.01)

    def metrics(self):
        with urllib.request.urlopen(self.server.admin_url + "/metrics") as answer:
            lines = answer.read().decode().splitlines()
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
                for line in lines if not line.startswith("#")}


def fleet_config(servers, settings="", route=""):
    lines = ["origins:", "  main:", "    servers: " + json.dumps(servers)]
    lines += ["    " + line for line in settings.splitlines()]
    lines += ["routes:", "  all:", "    match: \"/**\""]
    lines += ["    " + line for line in route.splitlines()]
    return "\n".join(lines) + "\n"


def start_fleet(serve, servers, settings="", route="", workers=1):
    """`servers` are origins, or texts as the configuration has them."""
    texts = [one.address if isinstance(one, Origin) else one for one in servers]
    return Fleet(serve("--resp", "off", "--workers", str(workers),
                       config=fleet_config(texts, settings, route)))
