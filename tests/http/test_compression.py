"""Coded copies of what is stored: br, zstd, gzip."""
import gzip
import time

import brotli
import pytest
import zstandard

HOUR = {"Cache-Control": "max-age=3600", "Content-Type": "text/plain; charset=utf-8"}
TEXT = b"".join(b"line %d of a text that says much the same in each\n" % n for n in range(400))
ALL = "compress: {codings: [br, zstd, gzip]}"
PATIENCE_S = 30


def decoded(answer):
    coding = answer.get("Content-Encoding")
    if coding == "br":
        return brotli.decompress(answer.body)
    if coding == "zstd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(answer.body)
    return gzip.decompress(answer.body) if coding == "gzip" else answer.body


def vary_of(answer):
    return ", ".join(answer.all("Vary"))


def settle(gateway, path="/a", **fields):
    """Asks until a copy is there."""
    end = time.monotonic() + PATIENCE_S
    while (answer := gateway.ask(path, **fields)).get("Content-Encoding") is None:
        assert time.monotonic() < end, f"no copy: {answer}"
        time.sleep(0.005)
    return answer


@pytest.fixture
def coder(start):
    return start(route=ALL)


@pytest.mark.parametrize("coding", ["br", "zstd", "gzip"])
def test_a_client_gets_the_coding_that_it_takes(coder, origin, coding):
    origin.reply("/a", body=TEXT, headers=HOUR)
    first = coder.ask("/a", Accept_Encoding=coding)
    assert first.body == TEXT and vary_of(first) == "Accept-Encoding"
    answer = settle(coder, Accept_Encoding=coding)
    assert answer.get("Content-Encoding") == coding and answer.is_hit
    assert decoded(answer) == TEXT and len(answer.body) < len(TEXT) / 4
    assert int(answer.get("Content-Length")) == len(answer.body)
    assert vary_of(answer) == "Accept-Encoding"
    plain = coder.ask("/a")
    assert plain.body == TEXT and plain.get("Content-Encoding") is None
    assert vary_of(plain) == "Accept-Encoding"
    assert len(origin.seen("/a")) == 1


def test_a_copy_is_made_once_and_kept(coder, origin):
    origin.reply("/a", body=TEXT, headers=HOUR)
    coder.ask("/a")
    settle(coder, Accept_Encoding="br")
    hits = coder.count("hits_compressed")
    for _ in range(5):
        assert coder.ask("/a", Accept_Encoding="gzip;q=0.5, br").get("Content-Encoding") == "br"
    assert coder.count("compressed") == 1
    assert coder.count("hits_compressed") == hits + 5
    assert coder.count("compressed_from_bytes") == len(TEXT)


@pytest.mark.parametrize("accepted, coding", [
    ("gzip;q=1, br;q=0.5", "gzip"), ("zstd, br, gzip", "br"), ("*", "br"), ("x-gzip", "gzip"),
    ("*;q=0.5, br;q=0", "zstd"), ("gzip;q=0.2, identity;q=0", "gzip"), ("identity;q=0, *", "br"),
    ("GZIP", "gzip"), ("gzip, identity", "gzip"),
])
def test_weights_choose(coder, origin, accepted, coding):
    origin.reply("/a", body=TEXT, headers=HOUR)
    coder.ask("/a")
    answer = settle(coder, Accept_Encoding=accepted)
    assert answer.get("Content-Encoding") == coding
    assert decoded(answer) == TEXT


@pytest.mark.parametrize("accepted", ["gzip;q=0", "identity", "gzip;q=0.5, identity;q=0.6", "",
                                      "deflate", "compress, nonsense", "gzip;q=nonsense"])
def test_who_does_not_like_a_coding_gets_none(coder, origin, accepted):
    origin.reply("/a", body=TEXT, headers=HOUR)
    coder.ask("/a")
    for _ in range(3):
        assert coder.ask("/a", Accept_Encoding=accepted).body == TEXT
    assert coder.count("compressed") == 0


def test_who_refuses_the_plain_one_waits_for_the_copy(coder, origin):
    origin.reply("/a", body=TEXT, headers=HOUR)
    coder.ask("/a")
    answer = coder.ask("/a", Accept_Encoding="gzip, identity;q=0")
    assert answer.get("Content-Encoding") == "gzip" and decoded(answer) == TEXT


def test_a_copy_has_a_weak_etag_and_answers_304_by_either(coder, origin):
    origin.reply("/a", body=TEXT, headers={**HOUR, "ETag": "\"v1\"", "Repr-Digest": "sha-256=:x:"})
    coder.ask("/a")
    answer = settle(coder, Accept_Encoding="gzip")
    assert answer.get("ETag") == "W/\"v1\"" and answer.get("Repr-Digest") is None
    assert coder.ask("/a").get("ETag") == "\"v1\""
    for etag in ("\"v1\"", "W/\"v1\""):
        same = coder.ask("/a", Accept_Encoding="gzip", If_None_Match=etag)
        assert same.status == 304 and vary_of(same) == "Accept-Encoding"
    assert coder.ask("/a", Accept_Encoding="gzip", If_None_Match="\"v2\"").status == 200


def test_a_head_tells_the_copys_length(coder, origin):
    origin.reply("/a", body=TEXT, headers=HOUR)
    coder.ask("/a")
    whole = settle(coder, Accept_Encoding="gzip")
    head = coder.ask("/a", method="HEAD", Accept_Encoding="gzip")
    assert head.get("Content-Length") == str(len(whole.body))
    assert head.get("Content-Encoding") == "gzip"


def test_ranges_are_cut_from_the_plain_body(coder, origin):
    origin.reply("/a", body=TEXT, headers=HOUR)
    coder.ask("/a")
    settle(coder, Accept_Encoding="gzip")
    answer = coder.ask("/a", Accept_Encoding="gzip", Range="bytes=0-9")
    assert (answer.status, answer.body) == (206, TEXT[:10])
    assert answer.get("Content-Encoding") is None


@pytest.mark.parametrize("body, headers", [
    (TEXT, {"Content-Encoding": "gzip"}), (TEXT, {"Content-Type": "image/png"}),
    (TEXT[:1000], {}), (TEXT, {"Cache-Control": "max-age=3600, no-transform"}),
    (TEXT, {"Content-Type": ""}),
])
def test_what_is_not_fit_is_left_alone(coder, origin, body, headers):
    origin.reply("/a", body=body, headers={**HOUR, **headers})
    coder.ask("/a")
    for _ in range(3):
        answer = coder.ask("/a", Accept_Encoding="br")
        assert answer.body == body and answer.get("Vary") is None
        assert answer.get("Content-Encoding") == headers.get("Content-Encoding")
    assert coder.count("compressed") == 0


def test_without_the_option_nothing_is_compressed(gateway, origin):
    origin.reply("/a", body=TEXT, headers=HOUR)
    gateway.ask("/a")
    answer = gateway.ask("/a", Accept_Encoding="gzip, identity;q=0")
    assert answer.body == TEXT and answer.get("Vary") is None


@pytest.mark.parametrize("headers, fields", [
    ({"Cache-Control": "public, max-age=60"}, {"Authorization": "Bearer x"}),
    ({"Set-Cookie": "a=b"}, {}),
])
def test_what_may_be_a_secret_is_compressed_only_when_asked(start, origin, headers, fields):
    origin.reply("/a", body=TEXT, headers={**HOUR, **headers})
    for secrets, codings in (("off", [None]), ("on", ["gzip"])):
        gateway = start(route="set_cookie: store\n"
                              f"compress: {{codings: [gzip], secrets: {secrets}}}")
        gateway.ask("/a", **fields)
        answer = gateway.ask("/a", Accept_Encoding="gzip, identity;q=0", **fields)
        assert [answer.get("Content-Encoding")] == codings
        assert decoded(answer) == TEXT


def test_a_copy_leaves_with_the_answer(coder, origin):
    origin.reply("/a", body=TEXT, headers={**HOUR, "Cache-Tag": "x"})
    other = TEXT[::-1]
    for number, what in enumerate(({"tag": "x"}, {"url": "http://a.example/a"}, {"all": True})):
        coder.ask("/a")
        assert decoded(settle(coder, Accept_Encoding="br")) in (TEXT, other)
        origin.reply("/a", body=other if number % 2 == 0 else TEXT,
                     headers={**HOUR, "Cache-Tag": "x"})
        coder.purge(**what)
        answer = coder.ask("/a", Accept_Encoding="br, identity;q=0")
        assert decoded(answer) == (other if number % 2 == 0 else TEXT)
        assert decoded(settle(coder, Accept_Encoding="br")) == answer.body


def test_a_new_body_is_not_served_in_the_old_ones_copy(coder, origin):
    headers = {**HOUR, "ETag": "\"same\""}
    origin.reply("/a", body=TEXT, headers=headers)
    coder.ask("/a")
    settle(coder, Accept_Encoding="br")
    origin.reply("/a", body=TEXT[::-1], headers=headers)
    coder.ask("/a", Cache_Control="no-cache")
    assert decoded(settle(coder, Accept_Encoding="br")) == TEXT[::-1]


def test_what_the_origin_confirms_is_not_coded_again(coder, origin):
    origin.replies("/a", {"body": TEXT, "headers": {**HOUR, "ETag": "\"v1\""}},
                   {"status": 304, "headers": {**HOUR, "ETag": "\"v1\"", "X-New": "1"}})
    coder.ask("/a")
    settle(coder, Accept_Encoding="br")
    assert coder.ask("/a", Cache_Control="no-cache").status == 200
    answer = settle(coder, Accept_Encoding="br")
    assert decoded(answer) == TEXT and answer.get("X-New") == "1"
    assert vary_of(answer) == "Accept-Encoding"


def test_the_variants_of_a_url_have_copies_of_their_own(coder, origin):
    origin.reply("/a", answer=lambda request: {
        "body": TEXT + request.get("Accept-Language").encode(),
        "headers": {**HOUR, "Vary": "Accept-Language"}})
    for language in ("de", "fr"):
        coder.ask("/a", Accept_Language=language)
    for language in ("de", "fr"):
        answer = settle(coder, Accept_Encoding="zstd", Accept_Language=language)
        assert decoded(answer) == TEXT + language.encode()
        assert vary_of(answer) == "Accept-Language, Accept-Encoding"


def test_what_would_not_be_smaller_is_not_tried_again(coder, origin):
    import random
    noise = random.Random(1).randbytes(8192)
    origin.reply("/a", body=noise, headers=HOUR)
    coder.ask("/a")
    for _ in range(3):
        answer = coder.ask("/a", Accept_Encoding="gzip, identity;q=0")
        assert answer.body == noise and answer.get("Content-Encoding") is None
    assert coder.count("compressed") == 0


def test_a_large_body_is_coded_in_pieces(coder, origin):
    body = TEXT * 200
    origin.reply("/a", body=body, headers=HOUR, chunked=True)
    coder.ask("/a")
    coder.wait_until("stored", 1)
    for coding in ("br", "zstd", "gzip"):
        assert decoded(settle(coder, Accept_Encoding=coding)) == body
    assert coder.count("compressed") == 3


def test_types_and_size_are_the_routes(start, origin):
    gateway = start(route="compress: {codings: [gzip], types: [\"image/*\"], min_size: 100}")
    origin.reply("/a", body=TEXT[:200], headers={**HOUR, "Content-Type": "image/x-own"})
    origin.reply("/b", body=TEXT, headers=HOUR)
    gateway.ask("/a")
    gateway.ask("/b")
    assert decoded(settle(gateway, Accept_Encoding="gzip")) == TEXT[:200]
    assert gateway.ask("/b", Accept_Encoding="gzip").get("Vary") is None
