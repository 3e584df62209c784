"""What is stored, and what is not (RFC 9111 §3, §3.5, §5.2.2; RFC 9110 §15)."""
import pytest

from place import HOUR, date, parameters, reply_of
from rules import row, shows

OLD = f"Last-Modified: {date(-1000000)}"
BASIC = "Authorization: Basic eDp5"


@pytest.mark.parametrize("status", [
    200, 201, 202, 203, 204, 205, 226, 299, 300, 301, 302, 303, 305, 307, 308, 399, 400, 401, 402,
    403, 404, 405, 406, 409, 410, 411, 414, 415, 421, 422, 423, 428, 429, 431, 451, 499, 500, 501,
    505, 599])
@shows("2-2", "5.2.2.1-1")
def test_any_final_status_is_stored_with_a_lifetime(at, status):
    assert at.is_given_again(HOUR, status=status)


@pytest.mark.parametrize("status", [502, 503, 504])
@shows("2-2")
def test_errors_of_gateways_are_stored_with_a_lifetime(at, status):
    assert at.is_given_again(HOUR, status=status)


@pytest.mark.parametrize("status", [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501])
@shows("3-7", "4.2.2-2")
def test_a_status_that_allows_it_gets_a_guessed_lifetime(at, status):
    assert at.is_given_again(OLD, status=status)


@pytest.mark.parametrize("status", [
    201, 202, 299, 302, 303, 307, 400, 401, 403, 409, 418, 422, 429, 500, 502, 503, 504, 599])
@shows("3-7", "4.2.2-2")
def test_other_statuses_get_none(at, status):
    assert not at.is_given_again(OLD, status=status)


@pytest.mark.parametrize("status", [201, 302, 307, 403, 418, 599])
@shows("3-7", "4.2.2-2", "5.2.2.9-1")
def test_public_lets_any_status_have_a_guessed_lifetime(at, status):
    assert at.is_given_again(OLD, "Cache-Control: public", status=status)


@pytest.mark.parametrize("stored, fields", [
    row("max-age alone", "3-7", True, [HOUR]),
    row("s-maxage alone", "3-7", True, ["Cache-Control: s-maxage=60"]),
    row("Expires alone", "3-7", True, [f"Expires: {date(60)}"]),
    row("nothing at all is not stored", "3-7 4.2.2-2", False, []),
    row("public without any time is not stored for later", "3-7", False, ["Cache-Control: public"]),
    row("an entity tag is no lifetime", "3-7", False, ['ETag: "1"']),
    row("no-store", "3-4 5.2.2.5-1", False, [HOUR, "Cache-Control: no-store"]),
    row("no-store before max-age", "3-4", False, ["Cache-Control: no-store, max-age=60"]),
    row("no-store in capitals", "3-4 5.2-1", False, ["Cache-Control: No-StOrE, MAX-AGE=60"]),
    row("no-store with an argument", "3-4", False, ["Cache-Control: no-store=1, max-age=60"]),
    row("no-store with a quoted argument", "3-4", False, ['Cache-Control: no-store="", max-age=60']),
    row("no-store wins over public", "3-4", False, ["Cache-Control: public, no-store, max-age=60"]),
    row("no-store within quotes is no directive", "5.2-2", True,
        ['Cache-Control: extension="no-store", max-age=60']),
    row("a name that begins like no-store is another", "5.2.3-1", True,
        ["Cache-Control: no-store-please, max-age=60"]),
    row("private", "3-5 5.2.2.7-1", False, ["Cache-Control: private, max-age=60"]),
    row("private in capitals", "3-5 5.2-1", False, ["Cache-Control: PRIVATE, max-age=60"]),
    row("private wins over public", "3-5", False, ["Cache-Control: public, private, max-age=60"]),
    row("private wins over s-maxage", "3-5", False, ["Cache-Control: s-maxage=60, private"]),
    row("private with an empty list is private", "3-5 5.2.2.7-1", False,
        ['Cache-Control: private="", max-age=60']),
    row("private with a list that makes no sense is private", "3-5", False,
        ['Cache-Control: private="a b", max-age=60']),
    row("private with an open quote is private", "3-5", False,
        ['Cache-Control: private="a, max-age=60']),
    row("private with a token names that field", "5.2.2.7-2 5.2-2", True,
        ["Cache-Control: private=x-a, max-age=60"]),
    row("private with a list is stored", "5.2.2.7-2", True,
        ['Cache-Control: private="x-a, x-b", max-age=60']),
    row("must-understand with a known status", "5.2.2.3-1 3-3", True,
        ["Cache-Control: must-understand, max-age=60"]),
    row("must-understand overrides no-store for a known status", "5.2.2.3-1", True,
        ["Cache-Control: must-understand, no-store, max-age=60"]),
    row("must-understand does not override private", "3-5", False,
        ["Cache-Control: must-understand, private, max-age=60"]),
    row("immutable is no lifetime (RFC 8246)", "3-7", False, ["Cache-Control: immutable"]),
    row("immutable with max-age (RFC 8246)", "", True, ["Cache-Control: immutable, max-age=60"]),
    row("must-revalidate is no lifetime", "3-7", False, ["Cache-Control: must-revalidate"]),
    row("Set-Cookie keeps an answer out", "", False, [HOUR, "Set-Cookie: a=1"]),
    row("Vary: * keeps an answer out", "4.1-4", False, [HOUR, "Vary: *"]),
])
def test_stored_or_not(at, stored, fields):
    assert at.is_given_again(*fields) == stored


@pytest.mark.parametrize("status", [299, 418, 499, 599])
@pytest.mark.parametrize("more", ["", ", no-store"])
@shows("3-3", "5.2.2.3-1")
def test_must_understand_with_a_status_that_nobody_knows_is_not_stored(at, status, more):
    assert not at.is_given_again(f"Cache-Control: must-understand, max-age=60{more}", status=status)


@pytest.mark.parametrize("status", [200, 204, 301, 302, 307, 308, 400, 403, 404, 410, 500, 501, 503])
@shows("5.2.2.3-1")
def test_must_understand_with_a_status_that_is_known_is_stored(at, status):
    assert at.is_given_again("Cache-Control: must-understand, no-store, max-age=60", status=status)


@shows("3-3")
def test_a_304_that_nobody_asked_for_is_not_stored(at):
    at.says(HOUR, status=304)
    at.get()
    at.get()
    assert at.count == 2


@shows("3-2")
def test_interim_answers_pass_and_are_not_stored(at):
    at.says(HOUR, interim=b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\nX-Hint: 1\r\n\r\n")
    first = at.get()
    second = at.get()
    assert [status for status, _ in first.interim] == [103]
    assert second.interim == [] and second.get("X-Hint") is None and second.body == b"x"
    assert at.count == 1


@shows("3-2")
def test_the_freshness_of_an_interim_answer_is_not_the_answers(at):
    at.says(interim=b"HTTP/1.1 103 Early Hints\r\nCache-Control: max-age=60\r\n\r\n")
    at.get()
    at.get()
    assert at.count == 2


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "FROBNICATE", "get", "Get"])
@shows("3-1", "4-2")
def test_answers_to_other_methods_are_not_stored(at, method):
    at.says(HOUR)
    at.get(method=method)
    at.get(method=method)
    assert at.count == 2
    at.get()
    assert at.count == 3


@pytest.mark.parametrize("method", ["OPTIONS", "FROBNICATE", "get"])
@shows("4-2")
def test_other_methods_are_not_answered_from_what_get_stored(at, method):
    at.says(HOUR)
    at.get()
    at.get(method=method)
    assert [one.method for one in at.asked] == ["GET", method]


# ---- Authorization (§3.5) -------------------------------------------------------------------

@pytest.mark.parametrize("shared, control", [
    row("max-age does not allow it", "3-6 3.5-1", False, "max-age=60"),
    row("public allows it", "3-6 5.2.2.9-1", True, "public, max-age=60"),
    row("s-maxage allows it", "3-6", True, "s-maxage=60"),
    row("must-revalidate allows it", "3-6", True, "must-revalidate, max-age=60"),
    row("proxy-revalidate does not", "3-6 3.5-1", False, "proxy-revalidate, max-age=60"),
    row("immutable does not", "3-6 3.5-1", False, "immutable, max-age=60"),
    row("public with an argument does not", "3-6 3.5-1", False, "public=yes, max-age=60"),
    row("private forbids what public allows", "3-5 3.5-1", False, "private, public, max-age=60"),
])
def test_answers_to_authorized_requests(at, shared, control):
    assert at.is_given_again(f"Cache-Control: {control}", first=[BASIC]) == shared


@pytest.mark.parametrize("shared, control", [
    row("what nothing allows goes to nobody else", "3.5-1", False, "max-age=60"),
])
def test_an_authorized_answer_for_requests_without_credentials(at, shared, control):
    assert at.is_given_again(f"Cache-Control: {control}", first=[BASIC], then=[]) == shared


@pytest.mark.parametrize("shared, control", [
    row("not when only max-age is said", "3.5-2", False, "max-age=60"),
    row("when public is said", "3.5-2", True, "public, max-age=60"),
    row("when s-maxage is said", "3.5-2", True, "s-maxage=60"),
    row("when must-revalidate is said", "3.5-2", True, "max-age=60, must-revalidate"),
])
def test_what_is_stored_for_a_request_with_credentials(at, shared, control):
    assert at.is_given_again(f"Cache-Control: {control}", first=[], then=[BASIC]) == shared


@shows("3-6")
def test_one_users_answer_does_not_reach_another(at):
    at.says_by(lambda request: reply_of(HOUR, body=request.get("Authorization").encode()))
    assert at.get("Authorization: ann").body == b"ann"
    assert at.get("Authorization: bob").body == b"bob"
    assert at.get("Authorization: ann").body == b"ann"


@shows("3-6")
def test_a_route_can_keep_answers_for_each_credential_apart(under):
    at = under("/users")
    at.says_by(lambda request: reply_of(HOUR, body=request.get("Authorization").encode()))
    for _ in range(2):
        assert at.get("Authorization: ann").body == b"ann"
        assert at.get("Authorization: bob").body == b"bob"
    assert at.count == 2


@shows("3-6")
def test_a_route_can_pass_all_authorized_requests(under):
    at = under("/strangers")
    assert not at.is_given_again("Cache-Control: public, max-age=60", first=[BASIC])


# ---- cookies --------------------------------------------------------------------------------

def test_a_request_with_a_cookie_shares_what_is_stored(at):
    assert at.is_given_again(HOUR, first=["Cookie: a=1"], then=["Cookie: a=2"])


@pytest.mark.parametrize("directive", ["private", "no-cache"])
@shows("5.2.2.7-2", "5.2.2.4-2")
def test_a_cookie_that_the_origin_keeps_apart_is_for_the_first_client_only(at, directive):
    at.says(f'Cache-Control: max-age=60, {directive}="Set-Cookie"', "Set-Cookie: a=1")
    assert [at.get().get("Set-Cookie") for _ in range(3)] == ["a=1", None, None] and at.count == 1


def test_set_cookie_says_so(at):
    at.says(HOUR, "Set-Cookie: a=1")
    assert at.get().detail == "set-cookie"


def test_several_cookies_pass_as_they_came(at):
    at.says(HOUR, "Set-Cookie: a=1", "Set-Cookie: b=2, c")
    assert at.get().all("Set-Cookie") == ["a=1", "b=2, c"]


def test_a_route_can_strip_cookies(under):
    at = under("/cookies").says(HOUR, "Set-Cookie: a=1")
    at.get()
    second = at.get()
    assert at.count == 1 and second.get("Set-Cookie") is None


def test_a_route_can_keep_cookies(under):
    at = under("/keeps-cookies").says(HOUR, "Set-Cookie: a=1")
    at.get()
    assert at.get().get("Set-Cookie") == "a=1" and at.count == 1


# ---- incomplete answers (§3.3) --------------------------------------------------------------

@shows("3.3-1")
def test_an_answer_that_is_cut_is_not_stored(at):
    from wire import Cut
    at.says_then(reply_of(HOUR, "Content-Length: 10", body=b"half", cut=True),
                 reply_of(HOUR, body=b"whole"))
    with pytest.raises(Cut):
        at.get()
    assert at.get().body == b"whole"


@shows("3.3-1")
def test_a_chunked_answer_that_is_cut_is_not_stored(at):
    from wire import Cut
    at.says_then(reply_of(HOUR, body=b"half", chunked=True, cut=True), reply_of(HOUR, body=b"whole"))
    with pytest.raises(Cut):
        at.get()
    assert at.get().body == b"whole"


def test_a_chunked_answer_is_stored_whole(at):
    at.says(HOUR, pieces=[b"one", b"two"], chunked=True)
    assert at.get().body == b"onetwo"
    second = at.get()
    assert second.body == b"onetwo" and second.get("Content-Length") == "6" and at.count == 1


# ---- times that the route gives (HTTP.md) ---------------------------------------------------

def test_a_routes_ttl_fills_in(under):
    assert under("/ttl").is_given_again()


def test_a_routes_ttl_does_not_override_the_origin(under):
    assert not under("/ttl").is_given_again("Cache-Control: max-age=0")


def test_a_routes_ttl_does_not_override_expires(under):
    assert not under("/ttl").is_given_again("Expires: 0")


def test_a_routes_ttl_does_not_override_no_store(under):
    assert not under("/ttl").is_given_again("Cache-Control: no-store")


def test_a_routes_ttl_is_for_successes(under):
    assert not under("/ttl").is_given_again(status=500)


def test_a_routes_negative_ttl_is_for_what_is_not_there(under):
    assert under("/ttl").is_given_again(status=404)


@pytest.mark.parametrize("status, ttl", [
    (200, 60), (301, 60), (302, 30), (404, 20), (403, 10), (410, 10), (500, 40)])
def test_a_route_gives_a_ttl_for_a_status_that_jitter_shortens(under, status, ttl):
    at = under("/statuses").says(status=status)
    at.get()
    told = int(parameters(at.get())["ttl"])
    assert at.count == 1 and ttl / 2 - 8 <= told <= ttl


def test_a_routes_ttl_for_a_status_does_not_override_the_origin(under):
    assert not under("/statuses").is_given_again("Cache-Control: no-store", status=404)


def test_jitter_draws_anew_for_each_answer(under):
    told = set()
    for _ in range(12):
        at = under("/statuses").says("Cache-Control: max-age=1000000")
        at.get()
        told.add(parameters(at.get())["ttl"])
    assert len(told) > 1 and all(499900 <= int(one) <= 1000000 for one in told)


def test_force_overrides_no_store(under):
    assert under("/force").is_given_again("Cache-Control: no-store")


def test_off_passes_everything(under):
    assert not under("/off").is_given_again(HOUR)
