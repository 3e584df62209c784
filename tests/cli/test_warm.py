"""larder warm: lists, sitemaps and logs asked for through a running gateway."""
import json
import os
import pty
import re
import select
import subprocess
import time
import http.server
import threading

import larder
import pytest

SITEMAP = """<?xml version="1.0"?><urlset><url><loc>http://a.example/fresh/1</loc></url>
<url><loc>http://a.example/fresh/2?a=1&amp;b=2</loc></url></urlset>"""
INDEX = "<sitemapindex><sitemap><loc>http://a.example/map.xml</loc></sitemap></sitemapindex>"


class Pages(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self):
        kind = self.path.split("/")[1].split(".")[0]
        body = {"map": SITEMAP, "index": INDEX}.get(kind, "page").encode()
        self.server.seen.append((self.headers["Host"], self.path, self.headers.get("X-Kind")))
        self.send_response(404 if kind == "gone" else 200)
        if kind == "fresh":
            self.send_header("Cache-Control", "max-age=60")
        if kind == "private":
            self.send_header("Cache-Control", "private")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def pages(serve):
    """A gateway in front of pages; .seen is what the origin was asked."""
    origin = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    origin.seen = []
    origin.daemon_threads = True
    threading.Thread(target=origin.serve_forever, args=(0.05,), daemon=True).start()
    origin.gateway = serve("--origin", f"http://127.0.0.1:{origin.server_port}", "--resp", "off")
    yield origin
    origin.shutdown()
    origin.server_close()


def warm(pages, *words, stdin=None):
    return larder.run("warm", *words, "--gateway", f"127.0.0.1:{pages.gateway.http_port}", stdin=stdin)


def figure(done, name):
    return int(re.search(rf"^ +{name} +(\d+)", done.stdout, re.M)[1])


def test_a_list_is_stored_and_found_the_next_time(pages, tmp_path):
    urls = tmp_path / "urls.txt"
    urls.write_text("".join(f"http://a.example/fresh/{number}\n" for number in range(50)) + "# end\n")
    first = warm(pages, "--urls", str(urls))
    assert first.returncode == 0, first.stderr
    assert (figure(first, "stored"), figure(first, "hits"), figure(first, "failed")) == (50, 0, 0)
    again = warm(pages, "--urls", str(urls))
    assert (figure(again, "stored"), figure(again, "hits")) == (0, 50)
    assert len(pages.seen) == 50 and {host for host, *_ in pages.seen} == {"a.example"}


def test_what_is_not_stored_or_fails_is_told_with_its_reason(pages):
    done = warm(pages, "--urls", "-", "--host", "b.example", "-H", "X-Kind: warm",
                stdin="/fresh/1\n/private/1\n/private/2\n/gone/1\n")
    assert done.returncode == 1
    assert (figure(done, "stored"), figure(done, "not stored"), figure(done, "failed")) == (1, 2, 1)
    assert re.search(r"^ +2  private$", done.stdout, re.M) and re.search(r"^ +1  status 404$", done.stdout, re.M)
    assert {kind for *_, kind in pages.seen} == {"warm"}


def test_a_sitemap_is_asked_for_through_the_gateway_and_so_is_an_index_of_them(pages):
    done = warm(pages, "--sitemap", "http://a.example/index.xml")
    assert done.returncode == 0, done.stderr
    assert figure(done, "stored") == 2
    assert ("a.example", "/fresh/2?a=1&b=2", None) in pages.seen


def test_a_log_is_replayed_the_most_frequent_first(pages, tmp_path):
    log = tmp_path / "access.log"
    log.write_text("".join(json.dumps({"method": "GET", "host": "a.example", "path": f"/fresh/{name}"}) + "\n"
                           for name in "abbcccdddd"))
    done = warm(pages, "--log", str(log), "--top", "2", "--concurrency", "1")
    assert done.returncode == 0 and figure(done, "stored") == 2
    assert [path for _, path, _ in pages.seen] == ["/fresh/d", "/fresh/c"]


def test_its_own_access_log_can_be_replayed(pages, serve, tmp_path):
    for form in ("json", "combined"):
        log = tmp_path / form
        server = serve(config=f"""
http: {{access_log: {log}, access_log_format: {form}}}
origins: {{o: {{servers: ["127.0.0.1:{pages.server_port}"]}}}}
""")
        larder.run("warm", "--urls", "-", "--gateway", f"127.0.0.1:{server.http_port}",
                   stdin=f"http://a.example/fresh/{form}\n")
        server.stop()
        done = warm(pages, "--log", str(log))
        assert done.returncode == 0 and figure(done, "stored") == 1, done.stderr


def test_a_rate_is_kept(pages):
    begun = time.monotonic()
    done = warm(pages, "--urls", "-", "--rate", "50", stdin="".join(f"http://a/fresh/{i}\n" for i in range(26)))
    assert done.returncode == 0
    assert time.monotonic() - begun >= 0.45


def test_without_a_gateway_every_request_fails_and_says_why(serve, origin, tmp_path):
    server = serve("--origin", origin.url)
    port = server.http_port
    server.stop()
    done = larder.run("warm", "--urls", "-", "--gateway", f"127.0.0.1:{port}", stdin="http://a/x\nhttp://a/y\n")
    assert done.returncode == 1 and figure(done, "failed") == 2


@pytest.mark.parametrize("words,sentence", [
    ([], "say what to ask for"),
    (["--urls", "a", "--log", "b"], "exclude each other"),
    (["--urls", "a", "--rate", "fast"], "--rate"),
    (["--urls", "a", "-H", "x"], "no colon"),
])
def test_a_command_line_that_makes_no_sense_is_told_so(words, sentence):
    done = larder.run("warm", *words)
    assert done.returncode == 2 and sentence in done.stderr


def test_a_list_that_names_nothing_is_told_so(tmp_path):
    done = larder.run("warm", "--urls", "-", stdin="/x\n")
    assert done.returncode == 1 and "--host HOST" in done.stderr
    done = larder.run("warm", "--urls", str(tmp_path / "none"))
    assert done.returncode == 1 and "cannot be read" in done.stderr


def test_a_terminal_sees_a_bar(pages):
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [larder.binary(), "warm", "--urls", "-", "--gateway", f"127.0.0.1:{pages.gateway.http_port}"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=follower)
    os.close(follower)
    process.communicate("".join(f"http://a/fresh/{i}\n" for i in range(20)).encode(), timeout=larder.PATIENCE_S)
    text = ""
    while select.select([leader], [], [], 0)[0]:
        try:
            text += os.read(leader, 65536).decode()
        except OSError:
            break
    os.close(leader)
    assert process.returncode == 0
    assert "\r[########################] 20/20" in text
