"""What unsafe requests make of what is stored (RFC 9111 §4.4), and how they pass (§4)."""
import pytest

from place import HOUR, reply_of
from rules import row, shows

UNSAFE = ["POST", "PUT", "DELETE", "PATCH", "MKCOL", "M-SEARCH", "FROBNICATE", "post"]


def is_left(at, method, status=200, headers=(), stored=None, host="a.example"):
    """Whether what is stored under `stored` is still there after the request."""
    stored = stored or at
    stored.says(HOUR)
    stored.get(host=host)
    before = stored.count
    at.says(*headers, status=status)
    at.get(method=method, body=b"change")
    stored.says(HOUR)
    answer = stored.get(host=host)
    assert stored.count - before <= 2
    return answer.is_hit


@pytest.mark.parametrize("method", UNSAFE)
@shows("4.4-1", "4.4-5")
def test_an_unsafe_method_invalidates_its_target(at, method):
    assert not is_left(at, method)


@pytest.mark.parametrize("status", [200, 201, 202, 204, 205, 299, 301, 302, 303, 307, 308])
@shows("4.4-1")
def test_an_answer_that_is_no_error_invalidates(at, status):
    assert not is_left(at, "PUT", status)


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 412, 429, 499, 500, 502, 503, 504, 599])
@shows("4.4-4")
def test_an_error_invalidates_nothing(at, status):
    assert is_left(at, "PUT", status)


@pytest.mark.parametrize("method", ["OPTIONS", "QUERY"])
@shows("4.4-4")
def test_a_safe_method_invalidates_nothing(at, method):
    assert is_left(at, method)


@pytest.mark.parametrize("field", ["Location", "Content-Location"])
@pytest.mark.parametrize("left, form", [
    row("a path", "4.4-2", False, "{path}"),
    row("a whole URL", "4.4-2", False, "http://a.example{path}"),
    row("a whole URL with a port", "4.4-2", False, "http://a.example:80{path}"),
    row("a host in capitals", "4.4-2", False, "HTTP://A.EXAMPLE{path}"),
    row("a URL without a scheme", "4.4-2", False, "//a.example{path}"),
    row("a relative reference", "4.4-2", False, "{last}/there"),
    row("a fragment behind it", "4.4-2", False, "{path}#part"),
    row("another host", "4.4-3", True, "http://b.example{path}"),
    row("another port", "4.4-3", True, "http://a.example:8080{path}"),
    row("another path", "4.4-3", True, "{path}/elsewhere"),
    row("what is no URL", "4.4-3", True, "http://["),
])
@pytest.mark.parametrize("method", ["POST", "FROBNICATE"])
def test_a_url_that_the_answer_names(at, left, field, form, method):
    there = at.below("there")
    named = form.format(path=there.path, last=at.path.split("/")[-1])
    assert is_left(at, method, 201, [f"{field}: {named}"], there) == left


@shows("4.4-3")
def test_the_same_path_of_another_host_stays(at):
    there = at.below("there")
    assert is_left(at, "POST", 201, [f"Location: {there.path}"], there, host="b.example")


@shows("4.4-4")
def test_an_error_does_not_invalidate_what_it_names(at):
    there = at.below("there")
    assert is_left(at, "POST", 500, [f"Location: {there.path}"], there)


@shows("4.4-4")
def test_a_safe_method_does_not_invalidate_what_its_answer_names(at):
    there = at.below("there").says(HOUR)
    there.get()
    at.says(HOUR, f"Content-Location: {there.path}")
    at.get()
    assert there.get().is_hit


@shows("4.4-1")
def test_all_variants_are_invalidated(at):
    at.says(HOUR, "Vary: X-A")
    at.get("X-A: 1")
    at.get("X-A: 2")
    at.get(method="PUT", body=b"new")
    assert not at.get("X-A: 1").is_hit and not at.get("X-A: 2").is_hit


@shows("4.4-1")
def test_another_query_of_the_path_is_another_target(at):
    at.origin.reply(at.path + "?a=1", **reply_of(HOUR))
    at.get(path=at.path + "?a=1")
    at.says().get(method="PUT", body=b"new")
    assert at.get(path=at.path + "?a=1").is_hit


@pytest.mark.parametrize("method", UNSAFE)
@shows("4-6")
def test_unsafe_requests_reach_the_origin_each_time(at, method):
    at.says(HOUR)
    at.get()
    for _ in range(2):
        at.get(method=method, body=b"change")
    assert [one.method for one in at.asked] == ["GET", method, method]
    assert at.asked[1].body == b"change"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
@shows("4-6")
def test_conditions_of_unsafe_requests_are_the_origins(at, method):
    at.says(HOUR, 'ETag: "1"')
    at.get()
    at.says(status=412)
    answer = at.get('If-Match: "2"', 'If-None-Match: "1"', method=method, body=b"x")
    assert answer.status == 412
    asked = at.asked[1]
    assert asked.get("If-Match") == '"2"' and asked.get("If-None-Match") == '"1"'


@shows("4-6")
def test_an_unsafe_request_is_told_to_be_one(at):
    at.says()
    answer = at.get(method="PUT", body=b"x")
    assert answer.detail == "method" and "fwd=method" in answer.cache


@shows("4.4-1")
def test_what_was_under_way_before_a_change_is_not_kept(at):
    import threading
    gate = at.origin.hold(at.path)
    at.says_then(reply_of(HOUR, body=b"old"), reply_of(), reply_of(HOUR, body=b"new"))
    reader = threading.Thread(target=at.get)
    reader.start()
    at.origin.wait_for(at.path)
    writer = threading.Thread(target=lambda: at.get(method="PUT", body=b"x"))
    writer.start()
    at.origin.wait_for(at.path, 2)
    gate.open()
    reader.join(30)
    writer.join(30)
    assert at.get().body == b"new"
