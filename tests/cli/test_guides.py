"""What the guides show is what happens: each ```console block is run, line by line.

A block's commands (behind `$ `) run against a Larder with the last YAML block above it, in front of an
origin that answers as the guides suppose. Output must be what is shown; `...` stands for anything, and
numbers for any numbers.
"""
import http.server
import re
import subprocess
import threading

import larder
import pytest

GUIDES = larder.ROOT / "docs/guide"


class Shop(http.server.BaseHTTPRequestHandler):
    """The origin of the guides."""
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b'{"id":%s}' % self.path.rsplit("/", 1)[1].encode()[-1:] if self.path.startswith("/api/products") else b"hello"
        self.send_response(200)
        if self.path.startswith("/api/products/"):
            self.send_header("Cache-Control", "max-age=60")
            self.send_header("Cache-Tag", "products")
        if self.path.startswith("/api/catalog/"):
            self.send_header("Cache-Control", "public, max-age=60")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_QUERY = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def shop():
    origin = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    origin.daemon_threads = True
    threading.Thread(target=origin.serve_forever, args=(0.05,), daemon=True).start()
    yield origin.server_port
    origin.shutdown()
    origin.server_close()


def sessions():
    """(page, YAML, its console blocks in order) for each YAML block that has some behind it."""
    for page in sorted(GUIDES.glob("*.md")):
        config, blocks = None, []
        found = re.findall(r"^```(yaml|console)\n(.*?)^```", page.read_text(), re.S | re.M)
        for number, (kind, text) in enumerate([*found, ("yaml", "")]):
            if kind == "console":
                blocks.append(text)
                continue
            if blocks:
                yield pytest.param(config, blocks, id=f"{page.stem}-{number}")
            config, blocks = text, []


def steps(block):
    """(command, what it prints)."""
    for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def pattern_of(output):
    """What is shown, as an expression: numbers are any numbers, `...` is anything."""
    text = re.escape(output.rstrip("\n"))
    text = re.sub(r"\d+", r"\\d+", text)
    text = text.replace(r"\.\.\.", r"[\s\S]*")
    return re.sub(r"(\\ )+", " +", text)


def run(command, folder, server):
    for door, port in (("8080", server.http_port), ("8081", server.admin_port)):
        command = command.replace(f"127.0.0.1:{door}", f"127.0.0.1:{port}")
    for asking in ("why", "purge", "top", "stats"):
        command = re.sub(rf"\blarder {asking}\b", f"larder {asking} --admin 127.0.0.1:{server.admin_port}", command)
    script = f'larder() {{ "{larder.binary()}" "$@"; }}\n{command}\n'
    return subprocess.run(["bash", "-c", script], cwd=folder, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, timeout=larder.PATIENCE_S, check=False).stdout


@pytest.mark.parametrize("config,blocks", sessions())
def test_what_a_guide_shows_is_what_happens(config, blocks, shop, tmp_path):
    real = re.sub(r"(127\.0\.0\.1|10\.0\.0\.\d+):8000", f"127.0.0.1:{shop}", config)
    real = re.sub(r"^ +access_log: .*\n", f"  access_log: {tmp_path}/access.log\n", real, flags=re.M)
    (tmp_path / "larder.yaml").write_text(real)
    with larder.serve(config=real) as server:
        for block in blocks:
            for command, output in steps(block):
                printed = run(command, tmp_path, server)
                shown = re.sub(r"[ \t\r]+$", "", printed, flags=re.M).rstrip("\n")
                assert re.fullmatch(pattern_of(output), shown), f"$ {command}\n{printed}"


def test_every_console_block_shows_what_it_prints():
    for page in GUIDES.glob("*.md"):
        for block in re.findall(r"^```console\n(.*?)^```", page.read_text(), re.S | re.M):
            assert block.startswith("$ "), f"{page}: {block}"
            assert all(output for _, output in steps(block)), f"{page}: {block}"


def test_there_is_a_row_for_every_reason():
    text = (GUIDES / "cache-status.md").read_text()
    for reason in re.findall(r"^\| `([\w-]+)`", (larder.ROOT / "docs/reference/reasons.md").read_text(), re.M):
        assert f"`{reason}`" in text, reason
