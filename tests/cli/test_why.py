"""What became of a URL, and who purged what: /v1/why, /v1/purges, larder why, larder purge."""
import http.client
import http.server
import json
import re
import threading

import larder
import pytest
import redis

KINDS = {
    "fresh": {"Cache-Control": "max-age=60", "Cache-Tag": "fresh, product:7"},
    "old": {"Cache-Control": "max-age=60, stale-while-revalidate=600", "Age": "50"},
    "private": {"Cache-Control": "private"},
    "cookie": {"Cache-Control": "max-age=60", "Set-Cookie": "a=b"},
    "alike": {"Cache-Control": "max-age=60", "No-Vary-Search": 'params=("x")'},
    "ask": {"Cache-Control": "no-cache", "ETag": '"1"'},
    "vary": {"Cache-Control": "max-age=60", "Vary": "X-Kind"},
}


class Kinds(http.server.BaseHTTPRequestHandler):
    """Answers with the header fields that the first part of the path names."""
    protocol_version = "HTTP/1.1"
    wbufsize = -1

    def do_GET(self):
        self.send_response(200)
        for name, value in KINDS.get(self.path.split("/")[1], {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    do_POST = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    origin = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Kinds)
    origin.daemon_threads = True
    threading.Thread(target=origin.serve_forever, args=(0.05,), daemon=True).start()
    with larder.serve(config=f"""
origins: {{o: {{servers: ["127.0.0.1:{origin.server_port}"]}}}}
routes:
  items: {{match: "/fresh/{{id}}", tags: ["item:{{id}}"]}}
  off: {{match: "/off/**", cache: "off"}}
  purgeable: {{match: "/fresh/purgeable/**", purge_method: on}}
  default: {{match: "/**"}}
""") as running:
        yield running
    origin.shutdown()
    origin.server_close()


def get(server, path, method="GET", **headers):
    link = http.client.HTTPConnection("127.0.0.1", server.http_port, timeout=larder.PATIENCE_S)
    link.request(method, path, headers={"Host": "a.example", **headers})
    answer = link.getresponse()
    answer.read()
    link.close()
    return answer.getheader("Cache-Status", "")


def ask(server, path, body=None):
    link = http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=larder.PATIENCE_S)
    link.request("GET" if body is None else "POST", path, None if body is None else json.dumps(body))
    answer = link.getresponse()
    told = json.loads(answer.read())
    link.close()
    return answer.status, told


def why(server, path, **more):
    status, told = ask(server, "/v1/why", {"url": "http://a.example" + path, **more})
    assert status == 200, told
    return told


def purge(server, **what):
    status, told = ask(server, "/v1/purge", what)
    assert status == 200, told
    return told


def command(server, *words):
    done = larder.run(*words, "--admin", f"127.0.0.1:{server.admin_port}")
    assert done.returncode == 0, done.stderr
    return done.stdout


# ---- what is stored


def test_a_stored_answer_is_told_with_its_times_and_tags(server):
    get(server, "/fresh/1")
    told = why(server, "/fresh/1")
    assert told["stored"] is True and told["route"] == "items" and told["line"] == 4
    assert told["object"]["state"] == "fresh" and told["object"]["status"] == 200
    assert 0 < told["object"]["ttl_s"] <= 60 and told["object"]["body_bytes"] == 2
    assert set(told["object"]["tags"]) == {"fresh", "product:7", "item:1"}
    assert told["stored_last"]["seconds_ago"] >= 0
    assert told["because"] == "it is stored and fresh"


def test_asking_does_not_count(server):
    get(server, "/fresh/counted")
    before = ask(server, "/v1/stats")[1]["cache"]
    why(server, "/fresh/counted")
    after = ask(server, "/v1/stats")[1]["cache"]
    assert {key: after[key] for key in after if "hit" in key or "miss" in key} == \
           {key: before[key] for key in before if "hit" in key or "miss" in key}


def test_age_and_stale_times_are_those_of_the_answer(server):
    get(server, "/old/1")
    told = why(server, "/old/1")["object"]
    assert told["age_s"] >= 50 and told["ttl_s"] <= 10
    assert told["stale_while_revalidate_s"] == 600


def test_variants_are_told_and_the_one_of_the_request_is_looked_for(server):
    get(server, "/vary/1", **{"X-Kind": "a"})
    get(server, "/vary/1", **{"X-Kind": "b"})
    mine = why(server, "/vary/1", headers=["X-Kind: a"])
    assert mine["stored"] is True
    assert mine["variants"] == {"by": "x-kind", "fresh": 2, "max": 8}
    other = why(server, "/vary/1", headers=["X-Kind: c"])
    assert other["stored"] is False and other["because"].startswith("other variants are stored")


def test_a_url_that_is_answered_alike_is_found_under_the_other(server):
    get(server, "/alike/1?x=1&y=2")
    assert "hit" in get(server, "/alike/1?x=3&y=2")
    told = why(server, "/alike/1?x=4&y=2")
    assert told["stored"] is True and told["key"] == "http://a.example/alike/1?y=2"
    assert why(server, "/alike/1?x=4&y=3")["stored"] is False


def test_what_must_be_asked_about_each_time_says_so(server):
    get(server, "/ask/1")
    told = why(server, "/ask/1")
    assert told["stored"] is True and "asked each time" in told["because"]


# ---- what is not


@pytest.mark.parametrize("kind,reason", [("private", "private"), ("cookie", "set-cookie"), ("bare", "no-freshness")])
def test_an_answer_that_was_not_stored_says_why(server, kind, reason):
    get(server, f"/{kind}/x")
    told = why(server, f"/{kind}/x")
    assert told["stored"] is False
    assert told["not_stored_last"]["reason"] == reason and told["not_stored_last"]["status"] == 200
    assert told["because"] == "its last answer was not stored: " + told["not_stored_last"]["meaning"]


def test_a_url_that_nobody_asked_for_says_so(server):
    assert why(server, "/never")["because"].startswith("nobody asked for it")


def test_a_request_that_is_never_looked_up_says_so(server):
    assert why(server, "/off/x")["passed"] == "route-off"
    assert why(server, "/fresh/1", method="POST")["passed"] == "method"


def test_a_method_that_changes_things_is_told(server):
    get(server, "/fresh/changed")
    get(server, "/fresh/changed", "POST")
    told = why(server, "/fresh/changed")
    assert told["stored"] is False and "a request changed it" in told["because"]


# ---- who purged it


@pytest.mark.parametrize("what,by", [
    ({"url": "http://a.example/fresh/p"}, "url"),
    ({"prefix": "http://a.example/fr"}, "prefix"),
    ({"host": "a.example"}, "host"),
    ({"regex": "^http://a[.]example/fresh/p$"}, "regex"),
    ({"tag": "product:7"}, "tag"),
    ({"tag": "item:p"}, "tag"),
    ({"all": True}, "all"),
])
def test_whoever_purged_it_is_told(server, what, by):
    get(server, "/fresh/p")
    assert "hit" in get(server, "/fresh/p")
    purge(server, **what)
    told = why(server, "/fresh/p")
    assert told["stored"] is False
    assert told["purge"]["by"] == by and told["purge"]["door"] == "admin"
    assert told["purge"]["who"].startswith("127.0.0.1:")
    assert f"it was purged by {by}" in told["because"]
    assert "hit" not in get(server, "/fresh/p")


def test_a_purge_of_something_else_is_not_blamed(server):
    get(server, "/fresh/blameless")
    for what in ({"url": "http://a.example/fresh/other"}, {"prefix": "http://b.example/"}, {"tag": "none"},
                 {"host": "a.example:81"}, {"regex": "/blameless/"}):
        purge(server, **what)
    told = why(server, "/fresh/blameless")
    assert told["stored"] is True and "purge" not in told


def test_a_soft_purge_leaves_what_it_made_stale(server):
    get(server, "/fresh/soft")
    purge(server, url="http://a.example/fresh/soft", soft=True)
    told = why(server, "/fresh/soft")
    assert told["stored"] is True and told["object"]["state"] == "soft-purged"
    assert told["purge"]["soft"] is True


def test_purges_of_every_door_are_remembered_the_latest_first(server):
    redis.Redis(port=server.resp_port).execute_command("LARDER.PURGE", "TAG", "from-resp", "SOFT")
    get(server, "/fresh/purgeable/x", "PURGE")
    purge(server, tag="from-admin")
    first, second, third = ask(server, "/v1/purges")[1]["purges"][:3]
    assert (first["door"], first["by"], first["text"], first["soft"]) == ("admin", "tag", "from-admin", False)
    assert (second["door"], second["by"]) == ("http", "url")
    assert second["text"] == "http://a.example/fresh/purgeable/x"
    assert (third["door"], third["text"], third["soft"]) == ("resp", "from-resp", True)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", first["at"])


def test_a_dry_run_is_no_purge_and_names_examples(server):
    for number in range(5):
        get(server, f"/fresh/dry{number}")
    before = ask(server, "/v1/purges")[1]
    told = purge(server, regex="/dry[0-9]$", dry_run=True, examples=3)
    assert told["count"] == 5 and len(told["examples"]) == 3
    assert all(re.fullmatch(r"http://a\.example/fresh/dry\d", url) for url in told["examples"])
    assert purge(server, url="http://a.example/fresh/dry1", dry_run=True, examples=3)["examples"] == [
        "http://a.example/fresh/dry1"]
    assert ask(server, "/v1/purges")[1] == before
    assert "hit" in get(server, "/fresh/dry1")


# ---- mistakes


@pytest.mark.parametrize("body,words", [
    ({}, "say which"),
    ({"url": "a.example/x"}, "is no URL"),
    ({"url": "http://a/", "header": []}, "did you mean"),
    ({"url": "http://a/", "headers": ["colonless"]}, "no colon"),
    ({"url": "http://a/", "headers": ["A: b\r\nC: d"]}, "one line"),
    ({"url": "http://a/%zz"}, "refused with 400"),
])
def test_a_question_that_makes_no_sense_is_told_so(server, body, words):
    status, told = ask(server, "/v1/why", body)
    assert status == 400 and words in told["error"]


def test_a_regular_expression_that_is_wrong_says_where(server):
    status, told = ask(server, "/v1/purge", {"regex": "a(b"})
    assert status == 400 and "character 4" in told["error"]
    status, told = ask(server, "/v1/purge", {"host": "a/b"})
    assert status == 400 and "is no host" in told["error"]
    status, told = ask(server, "/v1/purge", {"tag": "a", "examples": 3})
    assert status == 400 and "dry_run" in told["error"]


# ---- the commands


def test_why_prints_lines(server):
    get(server, "/fresh/lines")
    text = command(server, "why", "http://a.example/fresh/lines")
    assert re.search(r"^stored +yes$", text, re.M)
    assert re.search(r"^state +fresh: 0s old, fresh for another ", text, re.M)
    assert re.search(r"^tags +.*product:7", text, re.M)
    purge(server, tag="product:7")
    text = command(server, "why", "GET http://a.example/fresh/lines", "-H", "Accept: a/b")
    assert re.search(r"^because +it was purged by tag product:7 from 127\.0\.0\.1:\d+ \(admin\)$", text, re.M)


def test_why_prints_json(server):
    get(server, "/private/json")
    told = json.loads(command(server, "why", "http://a.example/private/json", "--json"))
    assert told["not_stored_last"]["reason"] == "private"


def test_why_without_a_url_says_what_to_write():
    done = larder.run("why")
    assert done.returncode == 2 and "larder why http://host/path" in done.stderr


def test_purge_names_what_would_go_and_lists_what_went(server):
    get(server, "/fresh/named")
    text = command(server, "purge", "--host", "a.example", "--dry-run", "--examples", "1000")
    assert "every URL of the host a.example" in text and "  http://a.example/fresh/named\n" in text
    command(server, "purge", "--regex", "/named$")
    assert "hit" not in get(server, "/fresh/named")
    assert re.search(r"Z  admin 127\.0\.0\.1:\d+ +regex /named\$$", command(server, "purge", "--list"), re.M)
