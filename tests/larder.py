"""Starts a real larder for a test, tells where it listens, and ends it.

    with larder.serve("--origin", origin.url) as cache:
        urllib.request.urlopen(cache.http_url + "/")
        redis.Redis(port=cache.resp_port)

The program is $LARDER, or build/release/larder. Every port is picked by the kernel. When the block
ends, the process gets SIGTERM and must end by itself with status 0, and without a report of a
sanitizer on standard error; `cache.log()` is what it wrote there.
"""
import os
import pathlib
import queue
import re
import signal
import subprocess
import tempfile
import threading

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATIENCE_S = 60  # how long a start or an end may take before the test gives up
REPORTS = re.compile(r"(ERROR: \w+Sanitizer|WARNING: ThreadSanitizer|runtime error: )")


def binary():
    """The program under test."""
    return os.environ.get("LARDER") or str(ROOT / "build/release/larder")


def run(*words, stdin=None, env=None, cwd=None):
    """Runs a subcommand to its end: .returncode, .stdout, .stderr."""
    return subprocess.run([binary(), *words], input=stdin, env=env, cwd=cwd, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=PATIENCE_S,
                          check=False)


class Server:
    """One running `larder serve`."""

    def __init__(self, *flags, config=None, listen=True, env=None):
        self._folder = tempfile.TemporaryDirectory(prefix="larder-test-")
        self.folder = pathlib.Path(self._folder.name)
        self._stderr = open(self.folder / "stderr", "w+b")
        self._lines = queue.Queue()
        self.lines = []
        self._last_log = ""
        words = [binary(), "serve"]
        if config is not None:
            (self.folder / "larder.yaml").write_text(config)
            words += ["-c", str(self.folder / "larder.yaml")]
        if listen:
            for door in ("--http", "--resp", "--admin"):
                if door not in flags:
                    words += [door, "127.0.0.1:0"]
        self.process = subprocess.Popen([*words, *map(str, flags)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=self._stderr,
                                        env={**os.environ, **(env or {})})
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line.decode().rstrip("\n"))
        self._lines.put(None)

    def wait_until_ready(self):
        """Reads its lines up to `larder: ready`."""
        while True:
            try:
                line = self._lines.get(timeout=PATIENCE_S)
            except queue.Empty:
                raise AssertionError(f"larder is not ready; so far: {self.lines}\n{self.log()}") from None
            if line is None:
                self.process.wait(PATIENCE_S)
                raise AssertionError(
                    f"larder ended with status {self.process.returncode}:\n{self.log()}")
            self.lines.append(line)
            if line == "larder: ready":
                return self

    def _port(self, door):
        for line in self.lines:
            match = re.fullmatch(rf"larder: {door} on \w+://.*:(\d+)", line)
            if match:
                return int(match[1])
        raise AssertionError(f"larder has no {door} door: {self.lines}")

    @property
    def pid(self):
        return self.process.pid

    @property
    def http_port(self):
        return self._port("http")

    @property
    def resp_port(self):
        return self._port("resp")

    @property
    def admin_port(self):
        return self._port("admin")

    @property
    def http_url(self):
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def admin_url(self):
        return f"http://127.0.0.1:{self.admin_port}"

    def log(self):
        """What it wrote on standard error so far."""
        if self._folder is not None:
            self._last_log = (self.folder / "stderr").read_text(errors="replace")
        return self._last_log

    def signal(self, number):
        os.kill(self.process.pid, number)

    def wait(self):
        """Waits for its end; the exit status."""
        return self.process.wait(PATIENCE_S)

    def stop(self, status=0):
        """Ends it if it still runs, and checks how it ended. May be called again."""
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        try:
            ended = self.wait()
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"larder does not end:\n{self.log()}") from None
        if self._folder is None:
            return
        log = self.log()
        self._stderr.close()
        self._folder.cleanup()
        self._folder = None
        assert ended == status, f"larder ended with status {ended}:\n{log}"
        assert not REPORTS.search(log), log

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self.stop()
            return
        log = self.log()
        try:
            self.stop()
        except AssertionError:
            pass
        print(f"larder's log:\n{log}")


def serve(*flags, config=None, env=None):
    """Starts `larder serve` with every door on a port of the kernel's choice, and waits until it is
    ready. `config` is the text of a larder.yaml. A door is left out with "--resp", "off"."""
    server = Server(*flags, config=config, env=env)
    try:
        return server.wait_until_ready()
    except AssertionError:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()
        raise
