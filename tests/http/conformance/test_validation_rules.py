"""Asking whether what is stored still holds, and being asked (RFC 9111 §4.3, §3.2; RFC 9110 §13)."""
import pytest

from place import HOUR, date, now, parameters, reply_of
from rules import row, shows

TAG = 'ETag: "1"'
LONG_AGO = "Thu, 01 Jan 2026 00:00:00 GMT"
MODIFIED = f"Last-Modified: {LONG_AGO}"
OLD = ["Cache-Control: max-age=100", "Age: 150"]


def renewed(at, first, update, body=b"x"):
    """Stores something stale, lets a 304 with `update` renew it; the answer after that."""
    at.says_then(reply_of(*OLD, *first, body=body), reply_of(HOUR, *update, status=304))
    at.get()
    at.get()
    answer = at.get()
    assert at.count == 2
    return answer


# ---- asking the origin (§4.3.1) -------------------------------------------------------------

@pytest.mark.parametrize("stored, asked_with", [
    row("an entity tag", "4.3.1-1", [TAG], {"If-None-Match": '"1"'}),
    row("a weak entity tag", "4.3.1-1", ['ETag: W/"1"'], {"If-None-Match": 'W/"1"'}),
    row("an entity tag without quotes, as it came", "4.3.1-1", ["ETag: abc"], {"If-None-Match": "abc"}),
    row("an empty entity tag", "4.3.1-1", ['ETag: ""'], {"If-None-Match": '""'}),
    row("an entity tag with odd characters", "4.3.1-1", ['ETag: "a,b c\\"'], {"If-None-Match": '"a,b c\\"'}),
    row("a date", "4.3.1-2", [MODIFIED], {"If-Modified-Since": LONG_AGO}),
    row("both", "4.3.1-1 4.3.1-2", [TAG, MODIFIED], {"If-None-Match": '"1"', "If-Modified-Since": LONG_AGO}),
])
@pytest.mark.parametrize("control", ["max-age=100", "no-cache", "max-age=0", "must-revalidate, max-age=0",
                                     'no-cache="x" , max-age=0', "public, max-age=1"])
def test_what_is_stored_is_validated_with(at, stored, asked_with, control):
    at.says(f"Cache-Control: {control}", "Age: 150", *stored)
    at.get()
    at.get()
    assert at.count == 2
    for name in ("If-None-Match", "If-Modified-Since"):
        assert at.asked[1].get(name) == asked_with.get(name)


@shows("4.3.1-1", "5.2.1.4-1")
def test_a_request_with_no_cache_validates_what_is_fresh(at):
    at.says_then(reply_of(HOUR, TAG), reply_of(HOUR, TAG, status=304))
    at.get()
    answer = at.get("Cache-Control: no-cache")
    assert at.asked[1].get("If-None-Match") == '"1"'
    assert (answer.status, answer.body) == (200, b"x")


@pytest.mark.parametrize("condition", ['If-None-Match: "mine"', "If-None-Match: *",
                                       "If-Modified-Since: Thu, 01 Jan 2015 00:00:00 GMT"])
@shows("4.3.1-3")
def test_a_clients_condition_is_not_the_caches(at, condition):
    at.says_then(reply_of(*OLD, TAG), reply_of(HOUR, TAG, status=304))
    at.get()
    at.get(condition)
    assert at.asked[1].get("If-None-Match") == '"1"'
    assert at.asked[1].get("If-Modified-Since") is None


@pytest.mark.parametrize("condition", ['If-None-Match: "mine"', "If-Modified-Since: " + LONG_AGO])
@shows("4.3.1-3")
def test_a_clients_condition_does_not_keep_the_whole_from_being_stored(at, condition):
    at.says(HOUR, TAG)
    assert at.get(condition).status == 200
    assert at.asked[0].get(condition.split(":")[0]) is None
    assert at.get().is_hit


def test_nothing_is_asked_about_when_nothing_is_stored(at):
    at.says(HOUR, TAG)
    at.get()
    assert at.asked[0].get("If-None-Match") is None


@shows("4-3", "5.2.2.4-1", "4.3.3-1")
def test_what_says_no_cache_is_stored_and_validated_each_time(at):
    at.says_by(lambda request: reply_of("Cache-Control: no-cache", TAG, body=b"whole")
               if request.get("If-None-Match") is None else
               reply_of("Cache-Control: no-cache", TAG, status=304))
    for number in range(1, 4):
        answer = at.get()
        assert (answer.status, answer.body, at.count) == (200, b"whole", number)
    assert [one.get("If-None-Match") for one in at.asked] == [None, '"1"', '"1"']


@shows("5.2.2.2-1", "4.3.3-1")
def test_what_must_be_revalidated_at_once_is_stored_and_validated_each_time(at):
    at.says_by(lambda request: reply_of("Cache-Control: max-age=0, must-revalidate", TAG, body=b"whole")
               if request.get("If-None-Match") is None else reply_of(TAG, status=304))
    for number in range(1, 4):
        answer = at.get()
        assert (answer.status, answer.body, at.count) == (200, b"whole", number)


# ---- the origin's answer (§4.3.3) -----------------------------------------------------------

@shows("4.3.3-1", "4.3.4-1")
def test_a_304_makes_it_fresh_again(at):
    answer = renewed(at, [TAG], [TAG])
    assert answer.is_hit and (answer.status, answer.body) == (200, b"x")


@shows("4.3.3-2")
@pytest.mark.parametrize("status", [200, 201, 203, 404, 410, 301])
def test_another_answer_takes_its_place(at, status):
    at.says_then(reply_of(*OLD, TAG, body=b"old"), reply_of(HOUR, body=b"new", status=status))
    at.get()
    for _ in range(2):
        answer = at.get()
        assert (answer.status, answer.body) == (status, b"new")
    assert at.count == 2


@shows("4.3.3-2", "5.2.2.5-1")
@pytest.mark.parametrize("control", ["no-store", "private"])
def test_an_answer_that_cannot_be_stored_removes_what_was_stored(at, control):
    at.says_then(reply_of(*OLD, TAG, body=b"old"),
                 reply_of(f"Cache-Control: {control}", body=b"new"))
    at.get()
    assert at.get().body == b"new"
    assert at.get("Cache-Control: max-stale").body == b"new"
    assert at.asked[2].get("If-None-Match") is None


@shows("4.3.3-3")
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_an_error_is_passed_on(at, status):
    at.says_then(reply_of(*OLD, TAG, body=b"old"), reply_of(body=b"down", status=status))
    at.get()
    answer = at.get()
    assert (answer.status, answer.body) == (status, b"down")


@shows("4.3.3-3")
def test_an_error_leaves_what_is_stored(at):
    at.says_then(reply_of(*OLD, TAG, body=b"old"), reply_of(body=b"down", status=503),
                 reply_of(HOUR, TAG, status=304))
    at.get()
    at.get()
    assert at.get().body == b"old" and at.asked[2].get("If-None-Match") == '"1"'


@shows("4.3.3-1")
def test_a_304_that_answers_a_passed_condition_passes_through(under):
    at = under("/off").says(TAG, status=304)
    answer = at.get('If-None-Match: "1"')
    assert answer.status == 304 and at.asked[0].get("If-None-Match") == '"1"'


# ---- what a 304 changes (§3.2, §4.3.4) ------------------------------------------------------

@pytest.mark.parametrize("name, old, new", [
    row("Cache-Control", "3.2-1", "Cache-Control", None, "max-age=3600"),
    row("Expires", "3.2-1", "Expires", LONG_AGO, "Mon, 18 Jul 2061 10:00:00 GMT"),
    row("Date", "3.2-1", "Date", date(-150), date(-20)),
    row("Content-Type", "3.2-1", "Content-Type", "text/plain", "text/html"),
    row("Content-Language", "3.2-1", "Content-Language", "de", "en"),
    row("Content-Disposition", "3.2-1", "Content-Disposition", "inline", "attachment"),
    row("Content-Security-Policy", "3.2-1", "Content-Security-Policy", "a", "b"),
    row("Link", "3.2-1", "Link", "</a>", "</b>"),
    row("Server", "3.2-1", "Server", "a", "b"),
    row("Location", "3.2-1", "Location", "/a", "/b"),
    row("a field that nobody knows", "3.2-1", "X-Unknown", "1", "2"),
    row("a field that was not there", "3.2-1", "X-Unknown", None, "2"),
    row("a name in another case", "3.2-1", "x-uNKNOWN", "1", "2"),
])
def test_a_304_replaces(at, name, old, new):
    first = [TAG] if old is None else [TAG, f"{name.title()}: {old}"]
    update = [TAG] if name == "Cache-Control" else [TAG, f"{name}: {new}"]
    told = renewed(at, first, update).all(name)
    assert len(told) == 1 and (told[0] == new or name == "Date")


@shows("3.2-1")
def test_a_304_replaces_all_of_several(at):
    answer = renewed(at, [TAG, "X-A: 1", "X-A: 2"], [TAG, "X-A: 3"])
    assert answer.all("X-A") == ["3"]


@shows("3.2-1")
def test_a_304_replaces_one_by_several(at):
    answer = renewed(at, [TAG, "X-A: 1"], [TAG, "X-A: 2", "X-A: 3"])
    assert answer.all("X-A") == ["2", "3"]


@pytest.mark.parametrize("name", ["Content-Type", "X-Unknown", "Last-Modified", "Link"])
@shows("3.2-2")
def test_a_304_leaves_what_it_does_not_have(at, name):
    assert renewed(at, [TAG, f"{name}: {LONG_AGO}"], [TAG]).get(name) == LONG_AGO


@pytest.mark.parametrize("name, old, new", [
    row("Content-Encoding", "3.2-3", "Content-Encoding", "identity", "gzip"),
    row("Content-Range", "3.2-3", "Content-Range", None, "bytes 0-1/2"),
    row("Content-Length", "3.2-3", "Content-Length", None, "1000"),
])
def test_a_304_does_not_change(at, name, old, new):
    first = [TAG] if old is None else [TAG, f"{name}: {old}"]
    answer = renewed(at, first, [TAG, f"{name}: {new}"])
    assert answer.body == b"x" and answer.get(name) == ("1" if name == "Content-Length" else old)


@pytest.mark.parametrize("update, name", [
    row("what Connection lists", "3.2-4 3.1-2", ["Connection: x-hop", "X-Hop: 1"], "X-Hop"),
    row("Connection", "3.2-4 3.1-2", ["Connection: x-hop"], "Connection"),
    row("Proxy-Authenticate", "3.2-4 3.1-3", ["Proxy-Authenticate: Basic"], "Proxy-Authenticate"),
    row("Proxy-Authentication-Info", "3.2-4 3.1-3", ["Proxy-Authentication-Info: a=1"],
        "Proxy-Authentication-Info"),
    row("a field that private names", "3.2-4 5.2.2.7-2",
        ['Cache-Control: private="x-mine"', "X-Mine: 1"], "X-Mine"),
    row("a field that no-cache names", "3.2-4 5.2.2.4-2",
        ['Cache-Control: no-cache="x-mine"', "X-Mine: 1"], "X-Mine"),
    row("Keep-Alive", "3.2-4", ["Keep-Alive: timeout=5"], "Keep-Alive"),
])
def test_a_304_does_not_bring_in(at, update, name):
    assert renewed(at, [TAG], [TAG, *update]).get(name) is None


@shows("4-5", "3.2-1")
def test_a_304_brings_its_own_age(at):
    at.says_then(reply_of(*OLD, TAG), reply_of(HOUR, TAG, "Age: 7", status=304))
    at.get()
    at.get()
    assert 7 <= int(at.get().get("Age")) <= 60


@shows("3.2-2", "4.3.3-1")
def test_a_304_without_a_lifetime_leaves_the_stored_one(at):
    at.says_then(reply_of(*OLD, TAG), reply_of(TAG, status=304))
    at.get()
    at.get()
    assert at.get().is_hit and at.count == 2


@shows("3.2-1")
def test_a_304_can_end_the_storing(at):
    at.says_then(reply_of(*OLD, TAG, body=b"old"),
                 reply_of("Cache-Control: no-store", TAG, status=304), reply_of(body=b"new"))
    at.get()
    assert at.get().body == b"old"
    assert at.get().body == b"new" and at.asked[2].get("If-None-Match") is None


@pytest.mark.parametrize("stored, told, same", [
    row("the same strong tag", "4.3.4-1", [TAG], [TAG], True),
    row("another strong tag", "4.3.4-1", [TAG], ['ETag: "2"'], False),
    row("another strong tag and the same date", "4.3.4-1", [TAG, MODIFIED], ['ETag: "2"', MODIFIED], False),
    row("the same strong tag and another date", "4.3.4-1", [TAG, MODIFIED], [TAG, f"Last-Modified: {date(-9)}"],
        True),
    row("a strong tag where a weak one is stored", "4.3.4-1", ['ETag: W/"1"'], [TAG], False),
    row("the same weak tag", "4.3.4-2", ['ETag: W/"1"'], ['ETag: W/"1"'], True),
    row("a weak tag where the strong one is stored", "4.3.4-2", [TAG], ['ETag: W/"1"'], True),
    row("another weak tag", "4.3.4-2", ['ETag: W/"1"'], ['ETag: W/"2"'], False),
    row("the same date", "4.3.4-2", [MODIFIED], [MODIFIED], True),
    row("another date", "4.3.4-2", [MODIFIED], [f"Last-Modified: {date(-9)}"], False),
    row("a tag where none is stored", "4.3.4-1", [MODIFIED], ['ETag: "2"'], False),
    row("no validator, a tag stored", "4.3.4-3", [TAG], [], True),
    row("no validator, a date stored", "4.3.4-3", [MODIFIED], [], True),
])
def test_a_304_updates_what_it_is_about(at, stored, told, same):
    at.says_then(reply_of(*OLD, *stored, body=b"old"), reply_of(HOUR, *told, status=304),
                 reply_of(HOUR, 'ETag: "2"', body=b"new"))
    at.get()
    answer = at.get()
    if same:
        assert (answer.body, at.count) == (b"old", 2)
    else:
        assert (answer.status, answer.body, at.count) == (200, b"new", 3)
        assert at.asked[2].get("If-None-Match") is None
    assert at.get().body == answer.body


# ---- being asked (§4.3.2; RFC 9110 §13) -----------------------------------------------------

@pytest.mark.parametrize("status, stored, condition", [
    row("the same tag", "4.3.2-2", 304, [TAG], ['If-None-Match: "1"']),
    row("another tag", "4.3.2-2", 200, [TAG], ['If-None-Match: "2"']),
    row("a list with it", "4.3.2-2", 304, [TAG], ['If-None-Match: "2", "1"']),
    row("a list on two lines", "4.3.2-2", 304, [TAG], ['If-None-Match: "2"', 'If-None-Match: "1"']),
    row("a list with empty members", "4.3.2-2", 304, [TAG], ['If-None-Match: , "2",, "1",']),
    row("a list without blanks", "4.3.2-2", 304, [TAG], ['If-None-Match: "2","1"']),
    row("a list without it", "4.3.2-2", 200, [TAG], ['If-None-Match: "2", "3"']),
    row("*", "4.3.2-2", 304, [TAG], ["If-None-Match: *"]),
    row("* when no tag is stored", "4.3.2-2", 304, [MODIFIED], ["If-None-Match: *"]),
    row("weak where it is strong", "4.3.2-2", 304, [TAG], ['If-None-Match: W/"1"']),
    row("strong where it is weak", "4.3.2-2", 304, ['ETag: W/"1"'], ['If-None-Match: "1"']),
    row("weak where it is weak", "4.3.2-2", 304, ['ETag: W/"1"'], ['If-None-Match: W/"1"']),
    row("a small w is none", "4.3.2-2", 200, [TAG], ['If-None-Match: w/"1"']),
    row("tags are case-sensitive", "4.3.2-2", 200, ['ETag: "a"'], ['If-None-Match: "A"']),
    row("a tag with a comma in it", "4.3.2-2", 304, ['ETag: "a,b"'], ['If-None-Match: "a,b"']),
    row("a part of such a tag", "4.3.2-2", 200, ['ETag: "b"'], ['If-None-Match: "a,b"']),
    row("without quotes", "4.3.2-2", 200, [TAG], ["If-None-Match: 1"]),
    row("a tag where only a date is stored", "4.3.2-2", 200, [MODIFIED], ['If-None-Match: "1"']),
    row("the date of Last-Modified", "4.3.2-4", 304, [MODIFIED], [f"If-Modified-Since: {LONG_AGO}"]),
    row("a later date", "4.3.2-4", 304, [MODIFIED], [f"If-Modified-Since: {date(-10)}"]),
    row("an earlier date", "4.3.2-4", 200, [MODIFIED], ["If-Modified-Since: Thu, 01 Jan 2015 00:00:00 GMT"]),
    row("a date in the form of RFC 850", "4.3.2-4", 304, [MODIFIED],
        ["If-Modified-Since: Thursday, 01-Jan-26 00:00:00 GMT"]),
    row("a date in the form of asctime", "4.3.2-4", 304, [MODIFIED],
        ["If-Modified-Since: Thu Jan  1 00:00:00 2026"]),
    row("what is no date", "4.3.2-4", 200, [MODIFIED], ["If-Modified-Since: yesterday"]),
    row("two dates", "4.3.2-4", 200, [MODIFIED],
        [f"If-Modified-Since: {LONG_AGO}", f"If-Modified-Since: {LONG_AGO}"]),
    row("a date after Date, without Last-Modified", "4.3.2-4", 304, [f"Date: {date(-100)}"],
        [f"If-Modified-Since: {date(-50)}"]),
    row("a date before Date, without Last-Modified", "4.3.2-4", 200, [f"Date: {date(-100)}"],
        [f"If-Modified-Since: {date(-200)}"]),
    row("the tag counts, not the date", "4.3.2-3", 200, [TAG, MODIFIED],
        ['If-None-Match: "2"', f"If-Modified-Since: {LONG_AGO}"]),
    row("the tag counts, not the date, the other way", "4.3.2-3", 304, [TAG, MODIFIED],
        ['If-None-Match: "1"', "If-Modified-Since: Thu, 01 Jan 2015 00:00:00 GMT"]),
    row("a tag that makes no sense hides the date, too", "4.3.2-3", 200, [TAG, MODIFIED],
        ["If-None-Match: x", f"If-Modified-Since: {LONG_AGO}"]),
])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_hit_with_a_condition(at, status, stored, condition, method):
    at.says(HOUR, *stored)
    at.get()
    answer = at.get(*condition, method=method)
    assert (answer.status, at.count) == (status, 1)
    assert answer.body == (b"x" if status == 200 and method == "GET" else b"")


@pytest.mark.parametrize("name, value", [
    ("Cache-Control", "max-age=3600"), ("Content-Location", "/there"), ("ETag", '"1"'), ("Vary", "X-A"),
    ("Expires", "Mon, 18 Jul 2061 10:00:00 GMT"), ("Date", None)])
@shows("4.3.2-2")
def test_a_304_to_a_client_repeats(at, name, value):
    value = value or now(-10)
    at.says(HOUR, TAG, *([] if name in ("Cache-Control", "ETag") else [f"{name}: {value}"]))
    at.get()
    answer = at.get('If-None-Match: "1"')
    assert answer.status == 304 and answer.get(name) == value


@pytest.mark.parametrize("name", ["Content-Type", "Content-Length", "Content-Encoding"])
def test_a_304_to_a_client_does_not_speak_of_the_body(at, name):
    at.says(HOUR, TAG, *([] if name == "Content-Length" else [f"{name}: x"]))
    at.get()
    assert at.get('If-None-Match: "1"').get(name) is None


@shows("4-5")
def test_a_304_to_a_client_has_an_age(at):
    at.says(HOUR, TAG, "Age: 100")
    at.get()
    assert int(at.get('If-None-Match: "1"').get("Age")) >= 100


@pytest.mark.parametrize("status", [404, 301, 410])
def test_conditions_concern_only_what_is_ok(at, status):
    at.says(HOUR, TAG, status=status)
    at.get()
    assert at.get('If-None-Match: "1"').status == status


@pytest.mark.parametrize("condition", ['If-Match: "2"', "If-Match: *", f"If-Unmodified-Since: {LONG_AGO}"])
@shows("4.3.2-1")
def test_what_only_the_origin_can_judge_is_passed_to_it(at, condition):
    at.says(HOUR, TAG)
    at.get()
    at.says(status=412, body=b"")
    answer = at.get(condition)
    assert answer.status == 412 and parameters(answer)["fwd"] == "bypass"
    name, _, value = condition.partition(": ")
    assert at.asked[1].get(name) == value
    assert at.get().is_hit


@shows("4.3.2-2", "4.3.3-1")
def test_a_condition_is_judged_after_the_validation(at):
    at.says_then(reply_of(*OLD, TAG), reply_of(HOUR, TAG, status=304))
    at.get()
    assert at.get('If-None-Match: "1"').status == 304


@shows("4.3.2-2", "4.3.3-2")
def test_a_condition_is_judged_against_what_is_new(at):
    at.says_then(reply_of(*OLD, TAG, body=b"old"), reply_of(HOUR, 'ETag: "2"', body=b"new"))
    at.get()
    answer = at.get('If-None-Match: "1"')
    assert (answer.status, answer.body) == (200, b"new")
    at.says_then(reply_of(*OLD, TAG, body=b"old"), reply_of(HOUR, 'ETag: "2"', body=b"new"))


@shows("4.3.2-2")
def test_the_first_request_with_a_condition_that_holds_gets_304(at):
    at.says(HOUR, TAG)
    answer = at.get('If-None-Match: "1"')
    assert answer.status == 304 and parameters(answer)["fwd-status"] == "200"
    assert at.get().body == b"x" and at.count == 1


def test_what_has_no_validator_gets_an_entity_tag_of_its_bytes(at):
    at.says(HOUR)
    at.get()
    tag = at.get().get("ETag")
    assert tag.startswith('"') and at.get(f"If-None-Match: {tag}").status == 304
