#!/usr/bin/env python3
"""The example, measured: the FastAPI application alone, then with Larder in front of it.

    demo.py [--once] [--duration 8s] [--warmup 5s] [--connections 128]

Same load, same machine, one after the other: three cached routes, mixed and then each by itself, keys
by Zipf's law, as many requests as the server will answer. Afterwards everything stays up, until
Ctrl-C, to be tried by hand; with --once the demo ends after the table.
"""
import argparse
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LARDER = os.environ.get("LARDER") or str(ROOT / "build/release/larder")
PATIENCE_S = 60

# Three of five requests are for posts, one for a user, one for a prediction.
ROUTES = {
    "/users/{id}": (1, "/users/{1-2000}"),
    "/posts/{id}": (3, "/posts/{1-300}"),
    "/predict": (1, "/predict?sepal_length=5.{0-9}&sepal_width=3.{0-4}&petal_length=1.{3-6}"
                    "&petal_width=0.{1-3}"),
}


class Stage:
    """Starts programs, and ends every one of them, whatever happens."""

    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="larder-demo-")
        self.path = pathlib.Path(self.folder.name)
        self.running = []

    def start(self, name, words, env=None, stdout=None):
        log = open(self.path / f"{name}.log", "w", encoding="utf-8")
        process = subprocess.Popen([str(word) for word in words], cwd=HERE, stdin=subprocess.DEVNULL,
                                   stdout=stdout or log, stderr=log, text=True,
                                   start_new_session=True, env={**os.environ, **(env or {})})
        log.close()
        self.running.append((name, process))
        return process

    def explain(self, name):
        text = (self.path / f"{name}.log").read_text(errors="replace")
        return f"{name} did not start; its last words:\n{text[-2000:]}"

    def end(self):
        for _, process in reversed(self.running):
            if process.poll() is None:
                process.terminate()
        for _, process in reversed(self.running):
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running.clear()
        self.folder.cleanup()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.headers, json.load(answer)


def put(url, value):
    request = urllib.request.Request(url, json.dumps(value).encode(), method="PUT",
                                     headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def wait_for(process, url):
    """Until the server answers."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and process.poll() is None:
        try:
            return get(url)
        except OSError:
            time.sleep(0.05)
    return None


def say(text=""):
    print(text, flush=True)


def start_application(stage, resp_port):
    """The external API and the application; where the application is."""
    posts = stage.start("posts", [sys.executable, "posts.py", 0], stdout=subprocess.PIPE)
    line = posts.stdout.readline()
    if not line.startswith("posts on "):
        sys.exit(stage.explain("posts"))
    port = free_port()
    app = stage.start("app", [sys.executable, "-m", "uvicorn", "app:app", "--port", port,
                              "--log-level", "warning", "--backlog", 2048],
                      env={"POSTS_URL": line.split()[-1], "PYTHONDONTWRITEBYTECODE": "1",
                           "REDIS_URL": f"redis://127.0.0.1:{resp_port}",
                           "DATABASE": str(stage.path / "example.db")})
    base = f"http://127.0.0.1:{port}"
    if wait_for(app, f"{base}/count") is None:
        sys.exit(stage.explain("app"))
    return base


def start_larder(stage, app, resp_port):
    """Larder with the example's own configuration, on ports of our choice; its addresses."""
    text = (HERE / "larder.yaml").read_text().replace("127.0.0.1:8000", app.split("//")[1])
    (stage.path / "larder.yaml").write_text(text)
    workers = max(1, (os.cpu_count() or 2) - 1)  # the load generator needs a core, too
    larder = stage.start("larder", [
        LARDER, "serve", "-c", stage.path / "larder.yaml", "--http", "127.0.0.1:0",
        "--resp", f"127.0.0.1:{resp_port}", "--admin", "127.0.0.1:0", "--workers", workers],
        stdout=subprocess.PIPE)
    doors = {}
    for line in larder.stdout:
        match = re.match(r"larder: (\w+) on (\S+)", line)
        if match:
            doors[match[1]] = match[2]
        elif line.startswith("larder: ready"):
            return doors
    sys.exit(stage.explain("larder"))


def bench(urls, options, warmup, duration):
    """The figures of `larder bench http`."""
    words = [LARDER, "bench", "http", *urls, "--zipf", "1", "--connections", options.connections,
             "--duration", duration, "--warmup", warmup, "--timeout", "60s", "--json"]
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, text=True,
                          check=False)
    if done.returncode not in (0, 3):
        sys.exit(f"larder bench ended with status {done.returncode}:\n{done.stdout}")
    return json.loads(done.stdout)


def measure(base, options):
    """All routes mixed, under the name "mix", and each by itself."""
    mix = [f"{weight}@{base}{target}" for weight, target in ROUTES.values()]
    results = {"mix": bench(mix, options, options.warmup, options.duration)}
    for name, (_, target) in ROUTES.items():
        results[name] = bench([base + target], options, "1s", options.each)
    return results


def time_text(ms):
    return f"{ms * 1000:.0f} us" if ms < 1 else f"{ms:.1f} ms" if ms < 100 else f"{ms:.0f} ms"


def table(before, after, asked, reached):
    """Before and after."""
    def row(*cells):
        say("  {:<36}{:>14}{:>14}{:>10}".format(*cells))

    def figures(name):
        alone, cached = before[name], after[name]
        rates = alone["requests_per_s"], cached["requests_per_s"]
        row("  requests a second", f"{rates[0]:.0f}", f"{rates[1]:.0f}",
            f"{rates[1] / max(rates[0], 0.001):.0f} x")
        for point in ("p50", "p99"):
            ms = alone["latency_ms"][point], cached["latency_ms"][point]
            row(f"  latency, {point}", time_text(ms[0]), time_text(ms[1]),
                f"{ms[0] / max(ms[1], 0.001):.0f} x")

    say()
    row("", "the app alone", "with Larder", "")
    row("all cached routes, mixed", "", "", "")
    figures("mix")
    row("  hit ratio", "-", f'{100 * after["mix"]["cache"]["hit_ratio"]:.2f} %', "")
    for name in ROUTES:
        row(f"{name} by itself", "", "", "")
        figures(name)
    row("requests of clients, warm-up included", "", f"{asked}", "")
    row("  of them reached the app", "", f"{reached}", "")
    row("  origin requests per client request", "1", f"{reached / max(asked, 1):.5f}", "")
    row("wrong answers", *(str(sum(one["errors"] for one in results.values()))
                           for results in (before, after)), "")
    say()
    for why in {why for one in after.values() for why in one["why_invalid"]}:
        say(f"  note: {why}")


def requests_seen(admin):
    """How many requests the gateway has answered, by its own count."""
    with urllib.request.urlopen(f"{admin}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return sum(float(value) for value in
               re.findall(r"^larder_http_requests_total(?:\{[^}]*\})? (\S+)$", text, re.M))


def show_invalidation(doors):
    """A write through the application removes what the gateway had cached about that user."""
    url = f'{doors["http"]}/users/7'
    before = get(url)[1]["name"]
    put(url, {"name": "Emmy Noether"})
    headers, after = get(url)
    again = get(url)[0]
    say(f'  PUT /users/7: the name was "{before}", the next GET says "{after["name"]}"')
    say(f'    Cache-Status: {headers["Cache-Status"]}')
    say(f'    and after that: {again["Cache-Status"]}')
    say()
    if after["name"] != "Emmy Noether":
        sys.exit("the gateway served the old name after the PUT had returned")


def play(stage, options):
    resp_port = free_port()
    say("starting the posts API and the FastAPI application")
    app = start_application(stage, resp_port)
    say("measuring the application alone")
    alone = measure(app, options)
    doors = start_larder(stage, app, resp_port)
    before = get(f"{app}/count")[1]["requests"]
    say("measuring the same with Larder in front")
    cached = measure(doors["http"], options)
    asked = int(requests_seen(doors["admin"]))
    reached = get(f"{app}/count")[1]["requests"] - before
    table(alone, cached, asked, reached)
    show_invalidation(doors)
    if options.once:
        return
    say(f"""Everything stays up until Ctrl-C. Try, in another terminal:
  curl -i {doors["http"]}/users/7
  curl -i '{doors["http"]}/predict?sepal_length=5.1&sepal_width=3.5&petal_length=1.4&petal_width=0.2'
  curl -i {doors["http"]}/posts/7
  curl -i -X PUT -H 'Content-Type: application/json' -d '{{"name": "Ada"}}' {doors["http"]}/users/7
the application alone   {app}/docs
Larder, HTTP            {doors["http"]}
Larder, Redis protocol  redis://127.0.0.1:{resp_port}
Larder, metrics         {doors["admin"]}/metrics
Larder, statistics      {doors["admin"]}/v1/stats""")
    for name, process in stage.running:
        if name == "larder":
            process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--once", action="store_true", help="end after the table")
    parser.add_argument("--duration", default="8s", help="of the mix (8s)")
    parser.add_argument("--warmup", default="5s", help="before it (5s)")
    parser.add_argument("--each", default="3s", help="of each route by itself (3s)")
    parser.add_argument("--connections", type=int, default=128)
    options = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(143))
    stage = Stage()
    try:
        play(stage, options)
    except KeyboardInterrupt:
        say()
    finally:
        stage.end()


if __name__ == "__main__":
    main()
