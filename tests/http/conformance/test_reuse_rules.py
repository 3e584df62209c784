"""Which stored answer is used for which request (RFC 9111 §4, §4.1, §5.2.1)."""
import pytest

from place import HOUR, date, parameters, reply_of
from rules import row, shows

STALE = ["Cache-Control: max-age=100", "Age: 150", 'ETag: "1"']


@shows("2-1", "4-1")
@pytest.mark.parametrize("first, then, same", [
    row("the path", "", "", "x", False),
    row("the query", "", "?a=1", "?a=2", False),
    row("a query that is there or not", "", "", "?a", False),
    row("the order of parameters", "", "?a=1&b=2", "?b=2&a=1", False),
    row("the case of the path", "", "/A", "/a", False),
    row("a dot segment is none", "", "/a", "/b/../a", True),
    row("an encoded letter is that letter", "", "/%61", "/a", True),
    row("the case of an encoding", "", "/%c3", "/%C3", True),
])
def test_what_tells_two_targets_apart(at, first, then, same):
    for end in (first, then, "/a", "/%C3"):
        at.origin.reply(at.path + end, **reply_of(HOUR))
    at.get(path=at.path + first)
    assert at.get(path=at.path + then).is_hit == same


@shows("4-1")
def test_each_host_is_a_target_of_its_own(at):
    at.says(HOUR)
    at.get(host="a.example")
    assert not at.get(host="b.example").is_hit
    assert at.get(host="A.EXAMPLE").is_hit and at.get(host="a.example:80").is_hit


@shows("4-2")
def test_head_is_answered_from_get(at):
    at.says(HOUR, "X-A: 1", body=b"12345")
    at.get()
    answer = at.get(method="HEAD")
    assert answer.is_hit and answer.body == b"" and answer.get("X-A") == "1"
    assert answer.get("Content-Length") == "5"


@shows("4-2", "4.3.5-1")
def test_head_asks_for_the_whole_and_keeps_it(at):
    at.says(HOUR, body=b"12345")
    assert at.get(method="HEAD").body == b""
    assert at.get().body == b"12345"
    assert [one.method for one in at.asked] == ["GET"]


@shows("4.3.5-1")
def test_head_of_something_stale_renews_it_for_get(at):
    at.says_then(reply_of(*STALE, body=b"old"), reply_of(HOUR, 'ETag: "2"', body=b"new"))
    at.get()
    assert at.get(method="HEAD").get("ETag") == '"2"'
    assert at.get().body == b"new" and at.count == 2


# ---- Vary (§4.1) ----------------------------------------------------------------------------

@pytest.mark.parametrize("same, vary, first, then", [
    row("the same value", "4.1-1", True, "X-A", ["X-A: 1"], ["X-A: 1"]),
    row("another value", "4.1-1", False, "X-A", ["X-A: 1"], ["X-A: 2"]),
    row("absent in both", "4.1-3", True, "X-A", [], []),
    row("absent in the second", "4.1-3", False, "X-A", ["X-A: 1"], []),
    row("absent in the first", "4.1-3", False, "X-A", [], ["X-A: 1"]),
    row("empty is not absent", "4.1-3", False, "X-A", ["X-A:"], []),
    row("a name in another case", "4.1-1", True, "x-a", ["X-A: 1"], ["x-A: 1"]),
    row("a value in another case", "4.1-1", False, "X-A", ["X-A: a"], ["X-A: A"]),
    row("a field that is not named", "4.1-1", True, "X-A", ["X-B: 1"], ["X-B: 2"]),
    row("two names, both the same", "4.1-1", True, "X-A, X-B", ["X-A: 1", "X-B: 2"],
        ["X-B: 2", "X-A: 1"]),
    row("two names, the first another", "4.1-1", False, "X-A, X-B", ["X-A: 1", "X-B: 2"],
        ["X-A: 3", "X-B: 2"]),
    row("two names, the second another", "4.1-1", False, "X-A, X-B", ["X-A: 1", "X-B: 2"],
        ["X-A: 1", "X-B: 3"]),
    row("two names, one absent", "4.1-3", False, "X-A, X-B", ["X-A: 1", "X-B: 2"], ["X-A: 1"]),
    row("values that change places", "4.1-1", False, "X-A, X-B", ["X-A: 1", "X-B: 2"],
        ["X-A: 2", "X-B: 1"]),
    row("several lines and one line of the same list", "4.1-2", True, "X-A", ["X-A: 1", "X-A: 2"],
        ["X-A: 1, 2"]),
    row("several lines in another order", "4.1-1", False, "X-A", ["X-A: 1", "X-A: 2"],
        ["X-A: 2", "X-A: 1"]),
    row("blanks around a value", "4.1-2", True, "X-A", ["X-A:   1  "], ["X-A: 1"]),
    row("codings in another order", "4.1-2", True, "Accept-Encoding", ["Accept-Encoding: gzip, br"],
        ["Accept-Encoding: br, gzip"]),
    row("codings in another case", "4.1-2", True, "Accept-Encoding", ["Accept-Encoding: GZIP"],
        ["Accept-Encoding: gzip"]),
    row("another coding", "4.1-1", False, "Accept-Encoding", ["Accept-Encoding: gzip"],
        ["Accept-Encoding: br"]),
    row("languages in another case", "4.1-2", True, "Accept-Language", ["Accept-Language: EN, de"],
        ["Accept-Language: en, DE"]),
    row("languages with other blanks", "4.1-2", True, "Accept-Language", ["Accept-Language: en,de"],
        ["Accept-Language: en , de"]),
    row("languages of another weight", "4.1-1", False, "Accept-Language",
        ["Accept-Language: en;q=0.5, de"], ["Accept-Language: en, de;q=0.5"]),
    row("another language", "4.1-1", False, "Accept-Language", ["Accept-Language: en"],
        ["Accept-Language: fr"]),
    row("*", "4.1-4", False, "*", [], []),
    row("* in a list", "4.1-4", False, "X-A, *", ["X-A: 1"], ["X-A: 1"]),
    row("* in front of a list", "4.1-4", False, "*, X-A", ["X-A: 1"], ["X-A: 1"]),
    row("* behind an empty member", "4.1-4", False, ", *", [], []),
    row("nothing at all", "4.1-1", True, "", ["X-A: 1"], ["X-A: 2"]),
    row("nothing but commas", "4.1-1", True, ",,", ["X-A: 1"], ["X-A: 2"]),
    row("a name that is none", "4.1-4", False, "a b", [], []),
    row("the same name twice", "4.1-1", True, "X-A, x-a", ["X-A: 1"], ["X-A: 1"]),
])
def test_vary(at, same, vary, first, then):
    assert at.is_given_again(HOUR, f"Vary: {vary}", first=first, then=then) == same


@shows("4.1-1")
def test_several_lines_of_vary_are_one_list(at):
    at.says(HOUR, "Vary: X-A", "Vary: X-B")
    at.get("X-A: 1", "X-B: 1")
    at.get("X-A: 1", "X-B: 2")
    at.get("X-A: 2", "X-B: 1")
    assert at.count == 3
    at.get("X-A: 1", "X-B: 1")
    assert at.count == 3


@shows("4.1-1", "4.1-5")
def test_variants_are_kept_side_by_side(at):
    at.says_by(lambda request: reply_of(HOUR, "Vary: X-A", body=request.get("X-A").encode()))
    for _ in range(2):
        for value in ("one", "two", "three"):
            assert at.get(f"X-A: {value}").body == value.encode()
    assert at.count == 3


@shows("4.1-1")
def test_an_answer_that_got_vary_later_is_not_given_to_others(at):
    at.says_then(reply_of("Cache-Control: max-age=100", "Age: 150", 'ETag: "1"', body=b"plain"),
                 reply_of(HOUR, "Vary: X-A", body=b"one"), reply_of(HOUR, "Vary: X-A", body=b"two"))
    at.get("X-A: 1")
    assert at.get("X-A: 1").body == b"one"
    assert at.get("X-A: 2").body == b"two"
    assert at.get("X-A: 1").body == b"one" and at.count == 3


@shows("4-8")
def test_of_several_answers_that_would_do_the_latest_is_used(at):
    at.says_then(reply_of(HOUR, "Vary: X-A", f"Date: {date(-100)}", body=b"older"),
                 reply_of(HOUR, "Vary: X-B", f"Date: {date(-50)}", body=b"later"))
    at.get("X-A: 1", "X-B: 1")
    at.get("X-A: 2", "X-B: 1")
    assert at.get("X-A: 2", "X-B: 1").body == b"later"


@shows("4.1-2")
def test_the_origin_sees_the_form_that_the_key_has(at):
    at.says(HOUR, "Vary: Accept-Encoding")
    at.get("Accept-Encoding: GZIP;q=1.0,   br")
    assert at.asked[0].get("Accept-Encoding") == "br, gzip"


# ---- what requests ask for (§5.2.1, §5.4) ---------------------------------------------------

@pytest.mark.parametrize("used, request_lines", [
    row("nothing", "4-4", True, []),
    row("no-cache", "5.2.1.4-1", False, ["Cache-Control: no-cache"]),
    row("no-cache in capitals", "5.2.1.4-1 5.2-1", False, ["Cache-Control: NO-CACHE"]),
    row("no-cache among others", "5.2.1.4-1", False, ["Cache-Control: foo, no-cache, bar=1"]),
    row("no-cache on a second line", "5.2.1.4-1", False, ["Cache-Control: foo", "Cache-Control: no-cache"]),
    row("no-cache within quotes is none", "5.2-2", True, ['Cache-Control: foo="no-cache"']),
    row("max-age above the age", "5.2.1.1-1", True, ["Cache-Control: max-age=1000"]),
    row("max-age below the age", "5.2.1.1-1", False, ["Cache-Control: max-age=400"]),
    row("max-age of 0", "5.2.1.1-1", False, ["Cache-Control: max-age=0"]),
    row("max-age quoted", "5.2.1.1-1 5.2-2", False, ['Cache-Control: max-age="400"']),
    row("max-age that makes no sense", "5.2.1.1-1", False, ["Cache-Control: max-age=x"]),
    row("max-age beyond 64 bits", "5.2.1.1-1", True, ["Cache-Control: max-age=99999999999999999999999"]),
    row("min-fresh below what is left", "5.2.1.3-1", True, ["Cache-Control: min-fresh=1000"]),
    row("min-fresh above what is left", "5.2.1.3-1", False, ["Cache-Control: min-fresh=3500"]),
    row("min-fresh and max-age, both held", "5.2.1.3-1", True, ["Cache-Control: min-fresh=10, max-age=1000"]),
    row("min-fresh held and max-age not", "5.2.1.1-1", False, ["Cache-Control: min-fresh=10, max-age=10"]),
    row("max-stale does not concern what is fresh", "5.2.1.2-1", True, ["Cache-Control: max-stale"]),
    row("only-if-cached", "5.2.1.7-1", True, ["Cache-Control: only-if-cached"]),
    row("no-transform", "5.2.1.6-1", True, ["Cache-Control: no-transform"]),
    row("a directive that nobody knows", "5.2.3-1", True, ["Cache-Control: foo"]),
    row("Pragma: no-cache", "5.4-1", False, ["Pragma: no-cache"]),
    row("Pragma in capitals", "5.4-1", False, ["Pragma: No-Cache"]),
    row("Pragma with another word", "5.4-1", True, ["Pragma: foo"]),
    row("Pragma beside Cache-Control means nothing", "5.4-1", True,
        ["Pragma: no-cache", "Cache-Control: max-age=1000"]),
    row("Authorization", "3.5-2", False, ["Authorization: x"]),
])
def test_an_answer_of_500_seconds_that_has_3100_left(at, used, request_lines):
    assert at.is_given_again(HOUR, "Age: 500", first=[], then=request_lines) == used


@pytest.mark.parametrize("used, more, request_lines", [
    row("not by itself", "4-4 4.2.4-2", False, "", []),
    row("with max-stale", "5.2.1.2-1", True, "", ["Cache-Control: max-stale"]),
    row("with a max-stale that is enough", "5.2.1.2-1", True, "", ["Cache-Control: max-stale=100"]),
    row("not with one that is not", "5.2.1.2-1", False, "", ["Cache-Control: max-stale=10"]),
    row("not with one that makes no sense", "5.2.1.2-1", False, "", ["Cache-Control: max-stale=x"]),
    row("with max-stale quoted", "5.2.1.2-1 5.2-2", True, "", ['Cache-Control: max-stale="100"']),
    row("not with max-stale and max-age", "5.2.1.1-1", False, "", ["Cache-Control: max-stale, max-age=10"]),
    row("not with max-stale and no-cache", "5.2.1.4-1", False, "", ["Cache-Control: max-stale, no-cache"]),
    row("not with max-stale and min-fresh", "5.2.1.3-1", False, "", ["Cache-Control: max-stale, min-fresh=1"]),
    row("not with max-stale after must-revalidate", "5.2.2.2-1 4.2.4-1", False, ", must-revalidate",
        ["Cache-Control: max-stale"]),
    row("not with max-stale after proxy-revalidate", "5.2.2.8-1 4.2.4-1", False, ", proxy-revalidate",
        ["Cache-Control: max-stale"]),
    row("not with max-stale after s-maxage", "5.2.2.10-2 4.2.4-1", False, ", s-maxage=100",
        ["Cache-Control: max-stale"]),
    row("not with max-stale after no-cache", "4-3 4.2.4-1", False, ", no-cache",
        ["Cache-Control: max-stale"]),
])
def test_an_answer_that_is_stale_for_50_seconds_is_used(at, used, more, request_lines):
    at.says("Cache-Control: max-age=100" + more, "Age: 150", 'ETag: "1"')
    at.get()
    at.get(*request_lines)
    assert (at.count == 1) == used


@shows("5.2.1.5-1")
def test_no_store_of_a_request_keeps_its_answer_out(at):
    at.says(HOUR)
    assert at.get("Cache-Control: no-store").detail == "request-no-store"
    assert not at.get().is_hit


@shows("5.2.1.5-1")
def test_no_store_of_a_request_is_not_answered_from_the_cache(at):
    assert not at.is_given_again(HOUR, then=["Cache-Control: no-store"])


@shows("5.2.1.5-1")
def test_no_store_of_a_request_leaves_what_is_stored(at):
    at.says_then(reply_of(HOUR, body=b"old"), reply_of(HOUR, body=b"new"))
    at.get()
    assert at.get("Cache-Control: no-store").body == b"new"
    assert at.get().body == b"old"


@shows("5.2.1.7-1")
def test_only_if_cached_without_anything_stored_is_504(at):
    at.says(HOUR)
    answer = at.get("Cache-Control: only-if-cached")
    assert (answer.status, answer.detail, at.count) == (504, "only-if-cached", 0)


@shows("5.2.1.7-1")
def test_only_if_cached_with_something_stale_is_504(at):
    at.says(*STALE)
    at.get()
    assert at.get("Cache-Control: only-if-cached").status == 504 and at.count == 1


@shows("5.2.1.7-1", "5.2.1.2-1")
def test_only_if_cached_with_max_stale_takes_something_stale(at):
    at.says(*STALE)
    at.get()
    assert at.get("Cache-Control: only-if-cached, max-stale=100").is_hit and at.count == 1


@shows("5.2.1.4-1", "4.3.3-2")
def test_what_no_cache_fetches_takes_the_place_of_what_was_stored(at):
    at.says_then(reply_of(HOUR, body=b"old"), reply_of(HOUR, body=b"new"))
    at.get()
    assert at.get("Cache-Control: no-cache").body == b"new"
    assert at.get().body == b"new" and at.count == 2


@pytest.mark.parametrize("line", ["Cache-Control: no-cache", "Cache-Control: max-age=0",
                                  "Pragma: no-cache", "Cache-Control: no-store"])
def test_a_route_can_be_deaf_to_what_requests_ask_for(under, line):
    assert under("/deaf").is_given_again(HOUR, then=[line])


@shows("5.2-3", "5.2.1.6-1")
def test_cache_control_of_requests_passes_on(at):
    at.says(HOUR)
    at.get("Cache-Control: no-transform, foo=1")
    assert at.asked[0].get("Cache-Control") == "no-transform, foo=1"


# ---- several requests at once ---------------------------------------------------------------

@shows("4-7")
def test_requests_that_come_meanwhile_share_one_answer(at):
    from wire import Wire
    gate = at.origin.hold(at.path)
    at.says(HOUR, body=b"shared")
    wires = [Wire(at.gateway.port).get(at.path) for _ in range(5)]
    at.origin.wait_for(at.path)
    gate.open()
    answers = [wire.answer() for wire in wires]
    for wire in wires:
        wire.close()
    assert {one.body for one in answers} == {b"shared"} and at.count == 1


def herd(at, count=5):
    """That many requests at once, while the origin holds the first; what they got."""
    from wire import Wire
    gate = at.origin.hold(at.path)
    before = at.count
    wires = [Wire(at.gateway.port).get(at.path) for _ in range(count)]
    at.origin.wait_for(at.path, before + 1)
    gate.open()
    answers = [wire.answer() for wire in wires]
    for wire in wires:
        wire.close()
    return answers


@shows("4-3", "5.2.2.4-1")
def test_requests_that_come_meanwhile_do_not_share_what_says_no_cache(at):
    at.says_by(lambda request: reply_of("Cache-Control: no-cache", 'ETag: "1"',
                                        body=b"%d" % at.count))
    answers = herd(at)
    assert len({one.body for one in answers}) == 5


@shows("4-7")
def test_requests_that_come_meanwhile_share_what_must_be_revalidated_at_once(at):
    at.says_then(reply_of("Cache-Control: max-age=0, must-revalidate", 'ETag: "1"', body=b"x"),
                 reply_of("Cache-Control: max-age=0, must-revalidate", 'ETag: "1"', status=304))
    at.get()
    answers = herd(at)
    assert {(one.status, one.body) for one in answers} == {(200, b"x")} and at.count <= 3


@shows("4-7", "4.3.3-1")
def test_requests_that_come_meanwhile_share_one_validation(at):
    at.says_then(reply_of(*STALE), reply_of(HOUR, 'ETag: "1"', status=304))
    at.get()
    answers = herd(at)
    assert {(one.status, one.body) for one in answers} == {(200, b"x")} and at.count == 2


def test_the_order_of_fields_of_a_hit_is_that_of_the_origin(at):
    at.says(HOUR, "X-B: 1", "X-A: 2", "X-B: 3")
    at.get()
    answer = at.get()
    assert answer.all("X-B") == ["1", "3"] and parameters(answer)["hit"]
