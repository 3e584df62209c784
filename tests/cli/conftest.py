"""An origin for tests, and larder's subcommands."""
import http.server
import threading

import pytest


class Answers(http.server.BaseHTTPRequestHandler):
    """Says which path was asked for; /tagged/X is fresh for an hour with the tag X."""
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one piece: when the client has the answer, it is stored

    def do_GET(self):
        body = f"path {self.path}\n".encode()
        self.server.seen.append(self.path)
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        if self.path.startswith("/tagged/"):
            self.send_header("Cache-Control", "max-age=3600")
            self.send_header("Cache-Tag", self.path.rsplit("/", 1)[1])
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def origin():
    """A running origin: .url, .server.seen is the list of the paths that were asked for."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.seen = []
    server.url = f"http://127.0.0.1:{server.server_port}"
    server.address = f"127.0.0.1:{server.server_port}"
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
