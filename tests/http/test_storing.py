"""What is stored, for how long, and what is not."""
import threading

import pytest

HOUR = {"Cache-Control": "max-age=3600"}


def twice(gateway, path, **options):
    """The same request two times: the second answer."""
    first = gateway.ask(path, **options)
    assert not first.is_hit, first
    return gateway.ask(path, **options)


def test_a_fresh_answer_is_given_again(gateway, origin):
    origin.reply("/a", body=b"hello", headers={**HOUR, "Content-Type": "text/plain"})
    first = gateway.ask("/a")
    assert (first.status, first.body) == (200, b"hello")
    assert first.cache == "larder; fwd=uri-miss; stored"
    second = gateway.ask("/a")
    assert (second.status, second.body, second.get("Content-Type")) == (200, b"hello", "text/plain")
    assert second.is_hit and "ttl=3599" in second.cache or "ttl=3600" in second.cache
    assert second.get("Age") == "0"
    assert len(origin.seen("/a")) == 1


@pytest.mark.parametrize("control, reason", [
    ("no-store", "no-store"),
    ("private", "private"),
    ("private, max-age=60", "private"),
    ("no-store, max-age=60", "no-store"),
    ("max-age=0", "no-freshness"),
    ("no-cache, max-age=60", "no-freshness"),
    ("s-maxage=0, max-age=60", "no-freshness"),
    ("max-age=nonsense", "no-freshness"),
])
def test_what_the_origin_forbids_is_not_stored(gateway, origin, control, reason):
    origin.reply("/a", body=b"x", headers={"Cache-Control": control})
    assert gateway.ask("/a").detail == reason
    assert not gateway.ask("/a").is_hit
    assert len(origin.seen("/a")) == 2


def test_without_a_word_about_freshness_nothing_is_stored(gateway, origin):
    origin.reply("/a", body=b"x")
    first = gateway.ask("/a")
    assert first.detail == "no-freshness"
    assert not gateway.ask("/a").is_hit


def test_a_route_gives_a_ttl_where_the_origin_says_nothing(start, origin):
    gateway = start(route="ttl: 60s")
    origin.reply("/a", body=b"x")
    assert twice(gateway, "/a").is_hit


def test_the_origins_word_beats_the_routes_ttl(start, origin):
    gateway = start(route="ttl: 60s")
    origin.reply("/a", body=b"x", headers={"Cache-Control": "no-store"})
    assert not twice(gateway, "/a").is_hit


def test_force_lets_the_routes_ttl_beat_the_origins_word(start, origin):
    gateway = start(route="ttl: 60s\ncache: force")
    origin.reply("/a", body=b"x", headers={"Cache-Control": "no-store"})
    assert twice(gateway, "/a").is_hit


def test_off_passes_everything(start, origin):
    gateway = start(route="cache: off")
    origin.reply("/a", body=b"x", headers=HOUR)
    assert twice(gateway, "/a").cache == "larder; fwd=bypass; detail=route-off"


def test_an_old_last_modified_gives_a_guess(gateway, origin):
    origin.reply("/a", body=b"x", headers={"Date": "Fri, 02 Jan 2026 00:00:00 GMT",
                                           "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT"})
    # A tenth of a day; but the Date lies far back, so the answer is older than that.
    assert not twice(gateway, "/a").is_hit
    import email.utils
    import time
    now = time.time()
    origin.reply("/b", body=b"x", headers={
        "Date": email.utils.formatdate(now, usegmt=True),
        "Last-Modified": email.utils.formatdate(now - 86400, usegmt=True)})
    assert twice(gateway, "/b").is_hit


def test_age_and_date_count(gateway, origin):
    origin.reply("/a", body=b"x", headers={"Cache-Control": "max-age=100", "Age": "40"})
    answer = twice(gateway, "/a")
    assert answer.is_hit
    assert int(answer.get("Age")) >= 40
    ttl = int(answer.cache.split("ttl=")[1])
    assert ttl <= 60
    origin.reply("/b", body=b"x", headers={"Cache-Control": "max-age=100", "Age": "100"})
    assert not twice(gateway, "/b").is_hit


def test_cdn_cache_control_beats_cache_control(gateway, origin):
    origin.reply("/a", body=b"x", headers={"Cache-Control": "no-store",
                                           "CDN-Cache-Control": "max-age=60"})
    assert twice(gateway, "/a").is_hit


def test_expires_is_understood(gateway, origin):
    import email.utils
    import time
    origin.reply("/a", body=b"x", headers={
        "Expires": email.utils.formatdate(time.time() + 600, usegmt=True)})
    assert twice(gateway, "/a").is_hit
    origin.reply("/b", body=b"x", headers={"Expires": "0"})
    assert not twice(gateway, "/b").is_hit


@pytest.mark.parametrize("status", [200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501, 302,
                                    307, 403, 500])
def test_any_status_with_a_lifetime_is_stored(gateway, origin, status):
    origin.reply("/a", status=status, body=b"" if status == 204 else b"x", headers=HOUR)
    answer = twice(gateway, "/a")
    assert answer.status == status
    assert answer.is_hit


def test_a_404_is_kept_as_long_as_the_route_says(start, origin):
    gateway = start(route="ttl: 60s\nnegative: {ttl: 5s}")
    answer = twice(gateway, "/missing")
    assert answer.status == 404
    assert answer.is_hit


def test_a_404_is_not_kept_for_the_routes_ttl(start, origin):
    gateway = start(route="ttl: 60s")
    assert not twice(gateway, "/missing").is_hit


def test_206_is_passed_and_not_stored(gateway, origin):
    origin.reply("/a", status=206, body=b"x", headers={**HOUR, "Content-Range": "bytes 0-0/9"})
    answer = twice(gateway, "/a")
    assert answer.status == 206 and not answer.is_hit


def test_set_cookie_keeps_an_answer_out(gateway, origin):
    origin.reply("/a", body=b"x", headers={**HOUR, "Set-Cookie": "id=1"})
    assert gateway.ask("/a").detail == "set-cookie"
    answer = gateway.ask("/a")
    assert not answer.is_hit
    assert answer.get("Set-Cookie") == "id=1"


def test_set_cookie_can_be_stripped(start, origin):
    gateway = start(route="set_cookie: strip")
    origin.reply("/a", body=b"x", headers={**HOUR, "Set-Cookie": "id=1"})
    assert gateway.ask("/a").get("Set-Cookie") is None
    answer = gateway.ask("/a")
    assert answer.is_hit and answer.get("Set-Cookie") is None


def test_hosts_are_told_apart_however_often_they_take_turns(gateway, origin):
    origin.reply("/a", answer=lambda request: {"body": request.get("Host").encode(), "headers": HOUR})
    hosts = ["a.example", "A.example", "b.example", "a.example:81", "a.example:80", "a.example.", "[::1]"]
    names = ["a.example", "a.example", "b.example", "a.example:81", "a.example", "a.example", "[::1]"]
    for _ in range(2):
        for host, name in zip(hosts, names):
            for _ in range(2):
                assert gateway.ask("/a", host=host).body.decode() == name
    assert len(origin.seen("/a")) == 4
    wire = gateway.wire()
    wire.send(b"GET /a HTTP/1.1\r\nHost: a.example\r\n\r\nGET /a HTTP/1.1\r\nHost:\r\n\r\n")
    assert wire.answer().body == b"a.example"
    assert wire.answer().status == 400


def test_authorization_is_not_shared_unless_the_answer_allows_it(gateway, origin):
    origin.reply("/a", body=b"mine", headers=HOUR)
    assert gateway.ask("/a", Authorization="Basic YTpi").detail == "authorization"
    assert not gateway.ask("/a", Authorization="Basic YTpi").is_hit
    assert not gateway.ask("/a").is_hit
    assert gateway.ask("/a").is_hit
    assert not gateway.ask("/a", Authorization="Basic YTpi").is_hit


def test_authorization_is_shared_when_the_answer_is_public(gateway, origin):
    origin.reply("/a", body=b"all", headers={"Cache-Control": "public, max-age=60"})
    assert twice(gateway, "/a", Authorization="Basic YTpi").is_hit
    assert gateway.ask("/a", Authorization="Basic Yzpk").is_hit


def test_what_a_request_with_credentials_brought_for_all_is_stored_for_those_without(gateway, origin):
    origin.reply("/a", body=b"all", headers={"Cache-Control": "public, max-age=60"})
    gateway.ask("/a", Authorization="Basic YTpi")
    answer = gateway.ask("/a")
    assert answer.is_hit and answer.body == b"all"
    assert gateway.ask("/a", Authorization="Basic Yzpk").is_hit


def bring_slowly(gateway, origin):
    """One with credentials reads an answer for all, of which the half has come; a word for the rest."""
    rest = threading.Event()
    origin.reply("/a", pieces=[b"al", b"l"], between=lambda number: number == 0 or rest.wait(30),
                 headers={"Cache-Control": "public, max-age=60"})
    first = gateway.wire().get("/a", Authorization="Basic YTpi")
    assert first.read_head()[0] == 200
    return first, rest


def test_those_without_credentials_read_along_while_one_with_them_brings_it(gateway, origin):
    first, rest = bring_slowly(gateway, origin)
    second = gateway.wire().get("/a")
    assert second.read_head()[0] == 200
    rest.set()
    assert gateway.ask("/a").body == b"all"
    assert len(origin.seen("/a")) == 1
    first.close(), second.close()


def test_variants_that_a_request_with_credentials_brought_stay_with_those(gateway, origin):
    origin.reply("/a", body=b"all", headers={"Cache-Control": "public, max-age=60",
                                             "Vary": "Accept"})
    assert twice(gateway, "/a", Authorization="Basic YTpi", Accept="a/b").is_hit
    assert not gateway.ask("/a", Accept="a/b").is_hit
    assert gateway.ask("/a", Accept="a/b").is_hit


def test_a_purge_while_one_with_credentials_brings_it_counts_for_all(gateway, origin):
    first, rest = bring_slowly(gateway, origin)
    gateway.purge(url="http://a.example/a")
    rest.set()
    assert not gateway.ask("/a").is_hit
    first.close()


def test_per_user_keeps_credentials_apart(start, origin):
    gateway = start(route="authorization: per-user")
    origin.reply("/a", answer=lambda request: {"body": request.get("Authorization").encode(),
                                               "headers": HOUR})
    assert twice(gateway, "/a", Authorization="Bearer ann").body == b"Bearer ann"
    assert gateway.ask("/a", Authorization="Bearer ann").is_hit
    bob = gateway.ask("/a", Authorization="Bearer bob")
    assert bob.body == b"Bearer bob" and not bob.is_hit


def test_a_truncated_body_is_never_stored(gateway, origin):
    from wire import Cut
    origin.replies("/a", {"headers": {**HOUR, "Content-Length": "100"}, "body": b"half", "cut": True},
                   {"headers": HOUR, "body": b"whole"})
    with pytest.raises(Cut):
        gateway.ask("/a")
    assert gateway.ask("/a").body == b"whole"


def test_a_truncated_chunked_body_is_never_stored(gateway, origin):
    from wire import Cut
    origin.replies("/a", {"headers": HOUR, "pieces": [b"half"], "chunked": True, "cut": True},
                   {"headers": HOUR, "body": b"whole"})
    with pytest.raises(Cut):
        gateway.ask("/a")
    assert gateway.ask("/a").body == b"whole"


def test_what_is_larger_than_the_routes_limit_passes_unstored(start, origin):
    gateway = start(route="max-body: 1KiB")
    origin.reply("/a", body=b"x" * 2000, headers=HOUR)
    assert gateway.ask("/a").detail == "too-large"
    assert not gateway.ask("/a").is_hit
    origin.reply("/b", pieces=[b"x" * 600] * 4, chunked=True, headers=HOUR)
    assert twice(gateway, "/b").body == b"x" * 2400
    assert not gateway.ask("/b").is_hit


def test_too_many_tags_keep_an_answer_out(gateway, origin):
    tags = ",".join(f"t{i}" for i in range(200))
    origin.reply("/a", body=b"x", headers={**HOUR, "Cache-Tag": tags})
    assert gateway.ask("/a").detail == "tag-overflow"
    assert not gateway.ask("/a").is_hit


def test_tags_are_not_shown_to_clients(gateway, origin):
    origin.reply("/a", body=b"x", headers={**HOUR, "Cache-Tag": "one", "Surrogate-Key": "two"})
    answer = twice(gateway, "/a")
    assert answer.get("Cache-Tag") is None and answer.get("Surrogate-Key") is None


def test_private_fields_are_left_out(gateway, origin):
    origin.reply("/a", body=b"x", headers={"Cache-Control": "max-age=60, private=\"X-Name\"",
                                           "X-Name": "ann"})
    assert twice(gateway, "/a").get("X-Name") is None


def test_without_memory_answers_pass_unstored(start, origin):
    gateway = start("--memory", "16MiB")
    body = bytes(range(256)) * 50000  # 12 MiB
    origin.reply("/sized", body=body, headers=HOUR)
    answer = gateway.ask("/sized")
    assert answer.body == body and answer.detail == "memory-pressure"
    origin.reply("/chunked", pieces=[body[:1 << 20]] * 12, chunked=True, headers=HOUR)
    assert gateway.ask("/chunked").body == body[:1 << 20] * 12
    assert not gateway.ask("/chunked").is_hit
    origin.reply("/small", body=b"x", headers=HOUR)
    assert twice(gateway, "/small").is_hit


def test_a_field_under_no_cache_is_for_the_first_client_only(gateway, origin):
    origin.reply("/a", headers={"Cache-Control": "max-age=60, no-cache=\"x-turn\"", "X-Turn": "1"})
    assert [gateway.ask("/a").get("X-Turn") for _ in range(3)] == ["1", None, None]
    assert len(origin.seen("/a")) == 1


def test_a_full_cache_goes_on_taking_what_is_new(start, origin):
    gateway = start("--memory", "16MiB")
    count = 3000
    for number in range(count):
        origin.reply(f"/{number}", body=b"x" * 10000, headers=HOUR)
    wire = gateway.wire()
    for number in range(count):
        answer = wire.get(f"/{number}").answer()
        assert (answer.status, len(answer.body)) == (200, 10000)
        assert answer.cache == "larder; fwd=uri-miss; stored"
    wire.close()
    assert gateway.count("memory_used_bytes", "cache") <= 16 << 20
    assert gateway.count("evicted", "cache") > 1000
    assert gateway.ask("/new").status == 404
    assert any(gateway.ask(f"/{number}").is_hit for number in range(count - 20, count))
