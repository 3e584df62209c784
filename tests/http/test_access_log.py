"""The access log, traces and Server-Timing."""
import json
import os
import re
import signal
import time
import urllib.error
import urllib.request

import larder
import pytest


def wait_for(condition):
    end = time.monotonic() + larder.PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it never happened"
        time.sleep(0.01)


@pytest.fixture
def log(tmp_path):
    return tmp_path / "access.log"


def lines(log, count):
    wait_for(lambda: log.exists() and log.read_text().count("\n") >= count)
    return log.read_text().splitlines()


@pytest.fixture
def origin(origin):
    """Answers for every path of these tests."""
    for path in ("/x", "/one", "/two", "/x?a=1&token=secret", "/x?pin=1&b=2"):
        origin.reply(path, body=b"hello")
    return origin


TRACE = "00-0123456789abcdef0123456789abcdef-0123456789abcdef-01"


def test_json_lines_tell_what_became_of_each_request(start, origin, log):
    gateway = start("--workers", "1", http=f"access_log: {log}", route="ttl: 60s")
    gateway.ask("/x?a=1&token=secret", traceparent=TRACE)
    gateway.ask("/x?a=1&token=secret")
    first, second = map(json.loads, lines(log, 2))
    assert (first["cache"], second["cache"]) == ("miss", "hit")
    assert first["path"] == "/x?a=1&token=***" and first["protocol"] == "HTTP/1.1"
    assert first["route"] == "all" and first["status"] == 200 and first["bytes"] > 0
    assert first["traceparent"] == TRACE and "traceparent" not in second
    assert "secret" not in log.read_text()


def test_combined_lines_are_what_tools_read(start, origin, log):
    gateway = start(http=f"access_log: {log}\naccess_log_format: combined\naccess_log_mask: [\"pin\"]")
    gateway.ask("/x?pin=1&b=2", User_Agent="test/1", Referer="http://r.example/?pin=1")
    [line] = lines(log, 1)
    assert re.fullmatch(
        r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET /x\?pin=\*\*\*&b=2 HTTP/1\.1" 200 \d+ '
        r'"http://r\.example/\?pin=\*\*\*" "test/1" host=\S+ cache=\w+ reason=\S+ route=all '
        r'duration_ms=\d+\.\d{3} origin_ms=\d+ trace=-', line), line


@pytest.mark.parametrize("by", ["signal", "admin"])
def test_the_log_is_opened_anew(start, origin, log, by):
    gateway = start(http=f"access_log: {log}")
    gateway.ask("/one")
    lines(log, 1)
    log.rename(log.with_suffix(".old"))
    if by == "signal":
        gateway.server.signal(signal.SIGUSR1)
        wait_for(lambda: "SIGUSR1" in gateway.server.log())
    else:
        request = urllib.request.Request(gateway.server.admin_url + "/v1/log/reopen", method="POST")
        with urllib.request.urlopen(request) as answer:
            assert json.load(answer) == {"reopening": True}
    wait_for(log.exists)
    gateway.ask("/two")
    assert "/two" in lines(log, 1)[0]
    assert "/two" not in log.with_suffix(".old").read_text()


def test_without_a_file_there_is_nothing_to_open_anew(start, origin):
    gateway = start()
    request = urllib.request.Request(gateway.server.admin_url + "/v1/log/reopen", method="POST")
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert "no access log" in refused.value.read().decode()


def test_a_log_that_nobody_takes_stops_no_request_and_loses_are_counted(start, origin, log):
    """A pipe that is full: the writer waits for it, nobody else does."""
    os.mkfifo(log)
    reader = os.open(log, os.O_RDONLY | os.O_NONBLOCK)
    gateway = start(http=f"access_log: {log}", route="ttl: 60s")
    target = "/x?" + "q" * 7000
    origin.reply(target, body=b"hello")
    wire = gateway.wire()
    for _ in range(40):
        for _ in range(20):
            wire.get(target)
        for _ in range(20):
            assert wire.answer().status == 200
        if gateway.count("log_lines_lost") > 0:
            break
    assert gateway.count("log_lines_lost") > 0
    wire.close()
    gateway.server.stop()  # it does not wait for ever either
    os.close(reader)


def test_a_trace_is_passed_on_as_it_came(start, origin):
    gateway = start(route="trace: on")
    gateway.ask("/x", traceparent=TRACE, tracestate="a=b")
    seen = origin.seen("/x")[-1]
    assert seen.get("traceparent") == TRACE and seen.get("tracestate") == "a=b"


def test_a_trace_is_made_where_the_route_says_so_and_logged(start, origin, log):
    gateway = start(http=f"access_log: {log}", route="trace: on")
    gateway.ask("/x")
    made = origin.seen("/x")[-1].get("traceparent")
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", made)
    assert json.loads(lines(log, 1)[0])["traceparent"] == made


def test_no_trace_is_made_by_itself(start, origin):
    gateway = start()
    gateway.ask("/x")
    assert origin.seen("/x")[-1].get("traceparent") is None


def test_server_timing_says_where_the_time_went(start, origin):
    gateway = start(route="server_timing: on\nttl: 60s")
    missed = gateway.ask("/x").get("Server-Timing")
    hit = gateway.ask("/x").get("Server-Timing")
    assert re.fullmatch(r'cache;desc="uri-miss", origin;dur=\d+, total;dur=\d+\.\d{3}', missed)
    assert re.fullmatch(r'cache;desc="hit", total;dur=\d+\.\d{3}', hit)


def test_server_timing_is_off_by_default(start, origin):
    gateway = start(route="ttl: 60s")
    assert gateway.ask("/x").get("Server-Timing") is None
