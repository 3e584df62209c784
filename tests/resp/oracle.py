"""A real redis-server for a test, on a port that the kernel picks, and ended with it."""
import contextlib
import shutil
import socket
import subprocess
import tempfile
import time

VERSION = "7.0.15"


def is_there():
    if shutil.which("redis-server") is None:
        return False
    said = subprocess.run(["redis-server", "--version"], capture_output=True, text=True, check=True)
    return f"v={VERSION} " in said.stdout


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def is_up(port, process):
    """Waits until it listens. False: it ended instead, as when somebody else took the port."""
    while process.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        time.sleep(0.01)
    return False


@contextlib.contextmanager
def redis_server(*flags):
    """Yields its port."""
    with tempfile.TemporaryDirectory(prefix="oracle-") as folder:
        for _ in range(10):
            port = free_port()
            process = subprocess.Popen(
                ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "",
                 "--appendonly", "no", "--dir", folder, *flags],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if is_up(port, process):
                break
        else:
            raise AssertionError("redis-server does not start")
        try:
            yield port
        finally:
            process.terminate()
            process.wait(30)
