"""What is purged is gone: by URL, prefix, tag, all; by unsafe methods; soft and hard."""
import pytest

HOUR = {"Cache-Control": "max-age=3600"}


def store(gateway, origin, *paths, **headers):
    for path in paths:
        origin.reply(path, body=b"x", headers={**HOUR, **headers})
        gateway.ask(path)
        assert gateway.ask(path).is_hit


def test_purge_by_url(gateway, origin):
    store(gateway, origin, "/a", "/b", "/a?x=1")
    gateway.purge(url="http://a.example/a")
    assert not gateway.ask("/a").is_hit
    assert gateway.ask("/b").is_hit and gateway.ask("/a?x=1").is_hit


def test_purge_by_url_takes_all_variants(gateway, origin):
    origin.reply("/a", body=b"x", headers={**HOUR, "Vary": "X-Kind"})
    for kind in "ab":
        gateway.ask("/a", X_Kind=kind)
    gateway.purge(url="http://a.example/a")
    for kind in "ab":
        assert not gateway.ask("/a", X_Kind=kind).is_hit


def test_purge_by_url_takes_what_is_under_key_headers(start, origin):
    gateway = start(route="key: {headers: [X-Tenant], cookies: [lang]}")
    origin.reply("/a", answer=lambda request: {"body": (request.get("X-Tenant") or "-").encode(),
                                               "headers": HOUR})
    for tenant in "ab":
        gateway.ask("/a", X_Tenant=tenant)
        assert gateway.ask("/a", X_Tenant=tenant).body == tenant.encode()
        assert gateway.ask("/a", X_Tenant=tenant).is_hit
    assert not gateway.ask("/a", X_Tenant="a", Cookie="lang=de").is_hit
    assert gateway.ask("/a", X_Tenant="a", Cookie="x=1; lang=de").is_hit
    gateway.purge(url="http://a.example/a")
    for tenant in "ab":
        assert not gateway.ask("/a", X_Tenant=tenant).is_hit


def test_purge_by_prefix(gateway, origin):
    store(gateway, origin, "/api/a", "/api/b", "/other")
    gateway.purge(prefix="http://a.example/api/")
    assert not gateway.ask("/api/a").is_hit and not gateway.ask("/api/b").is_hit
    assert gateway.ask("/other").is_hit


def test_purge_by_tag_of_the_origin(gateway, origin):
    store(gateway, origin, "/a", **{"Cache-Tag": "red, blue"})
    store(gateway, origin, "/b", **{"Surrogate-Key": "blue green"})
    store(gateway, origin, "/c", **{"xkey": "green"})
    gateway.purge(tag="blue")
    assert not gateway.ask("/a").is_hit and not gateway.ask("/b").is_hit
    assert gateway.ask("/c").is_hit


def test_purge_by_tag_of_the_route(start, origin):
    gateway = start(routes='''product:
  match: "/products/{id}"
  tags: ["products", "product:{id}"]
all: {match: "/**"}''')
    store(gateway, origin, "/products/7", "/products/8", "/x")
    gateway.purge(tag="product:7")
    assert not gateway.ask("/products/7").is_hit
    assert gateway.ask("/products/8").is_hit
    gateway.purge(tag="products")
    assert not gateway.ask("/products/8").is_hit
    assert gateway.ask("/x").is_hit


def test_purge_all(gateway, origin):
    store(gateway, origin, "/a", "/b")
    gateway.purge(all=True)
    assert not gateway.ask("/a").is_hit and not gateway.ask("/b").is_hit


def test_a_soft_purge_leaves_what_may_be_served_stale(gateway, origin):
    control = {"Cache-Control": "max-age=3600, stale-while-revalidate=60"}
    origin.replies("/a", {"body": b"old", "headers": control}, {"body": b"new", "headers": control})
    gateway.ask("/a")
    gateway.purge(url="http://a.example/a", soft=True)
    stale = gateway.ask("/a")
    assert stale.body == b"old" and stale.is_hit
    gateway.wait_until("stored", 2)
    assert gateway.ask("/a").body == b"new"


def test_a_soft_purge_takes_variants_too(gateway, origin):
    control = {"Cache-Control": "max-age=3600, stale-while-revalidate=60", "Vary": "X-Kind"}
    origin.replies("/a", {"body": b"old", "headers": control}, {"body": b"new", "headers": control})
    gateway.ask("/a", X_Kind="a")
    gateway.purge(url="http://a.example/a", soft=True)
    assert gateway.ask("/a", X_Kind="a").body == b"old"
    gateway.wait_until("stored", 2)
    assert gateway.ask("/a", X_Kind="a").body == b"new"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "FROBNICATE"])
def test_unsafe_methods_invalidate_their_target(gateway, origin, method):
    store(gateway, origin, "/a")
    assert gateway.ask("/a", method=method, body=b"new").status == 200
    assert not gateway.ask("/a").is_hit


@pytest.mark.parametrize("method", ["OPTIONS", "QUERY"])
def test_safe_methods_invalidate_nothing(gateway, origin, method):
    store(gateway, origin, "/a")
    assert gateway.ask("/a", method=method).status == 200
    assert gateway.ask("/a").is_hit


def test_a_failed_unsafe_method_invalidates_nothing(gateway, origin):
    store(gateway, origin, "/a")
    origin.reply("/a", status=409, body=b"no")
    gateway.ask("/a", method="POST", body=b"new")
    assert gateway.ask("/a").is_hit


def test_location_and_content_location_of_the_same_origin_are_invalidated(gateway, origin):
    store(gateway, origin, "/list", "/item/1", "/item/2")
    origin.reply("/new", status=201, headers={"Location": "/item/1",
                                              "Content-Location": "http://a.example/item/2"})
    gateway.ask("/new", method="POST", body=b"x")
    assert not gateway.ask("/item/1").is_hit and not gateway.ask("/item/2").is_hit
    assert gateway.ask("/list").is_hit


def test_location_of_another_origin_is_left_alone(gateway, origin):
    origin.reply("/a", body=b"x", headers=HOUR)
    gateway.ask("/a", host="b.example")
    origin.reply("/new", status=201, headers={"Location": "http://b.example/a"})
    gateway.ask("/new", method="POST", body=b"x")
    assert gateway.ask("/a", host="b.example").is_hit


def test_purge_as_a_method_where_the_route_allows_it(start, origin):
    gateway = start(route="purge_method: on")
    store(gateway, origin, "/a")
    assert gateway.ask("/a", method="PURGE").status == 200
    assert not gateway.ask("/a").is_hit


def test_purge_as_a_method_is_refused_by_default(gateway, origin):
    store(gateway, origin, "/a")
    assert gateway.ask("/a", method="PURGE").status == 405
    assert gateway.ask("/a").is_hit
    assert [one.method for one in origin.seen("/a")] == ["GET"]


def test_a_put_during_a_fetch_keeps_the_old_answer_out(gateway, origin):
    gate = origin.hold("/a")
    origin.replies("/a", {"body": b"old", "headers": HOUR}, {"status": 204},
                   {"body": b"new", "headers": HOUR})
    reader = gateway.wire().get("/a")
    origin.wait_for("/a")
    writer = gateway.wire().get("/a", "PUT", body=b"new")
    origin.wait_for("/a", 2)
    gate.open()
    assert writer.answer().status == 204
    # What was being read when the write went through is not what others get.
    assert reader.answer().body == b"old"
    assert gateway.ask("/a").body == b"new"


def test_a_purge_during_a_fetch_of_variants_keeps_it_out(gateway, origin):
    gate = origin.hold("/a")
    origin.replies("/a", {"body": b"old", "headers": {**HOUR, "Vary": "X-Kind"}},
                   {"body": b"new", "headers": {**HOUR, "Vary": "X-Kind"}})
    reader = gateway.wire().get("/a", X_Kind="a")
    origin.wait_for("/a")
    gateway.purge(url="http://a.example/a")
    gate.open()
    assert reader.answer().body == b"old"
    assert gateway.ask("/a", X_Kind="a").body == b"new"
