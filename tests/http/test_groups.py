"""Cache-Groups and Cache-Group-Invalidation (RFC 9875), and the other fields that carry tags."""
import pytest

HOUR = {"Cache-Control": "max-age=3600"}


def store(gateway, origin, path, groups, host="a.example"):
    origin.reply(path, body=b"x", headers={**HOUR, "Cache-Groups": groups})
    gateway.ask(path, host=host)
    assert gateway.ask(path, host=host).is_hit


def change(gateway, origin, groups, method="POST", host="a.example", status=200):
    origin.reply("/change", status=status, headers={"Cache-Group-Invalidation": groups})
    assert gateway.ask("/change", method=method, host=host).status == status


def test_what_is_in_a_group_goes_with_the_group(gateway, origin):
    store(gateway, origin, "/a", "\"one\", \"two\"")
    store(gateway, origin, "/b", "\"two\";x=1")
    store(gateway, origin, "/c", "\"three\"")
    change(gateway, origin, "\"zero\", \"two\"")
    assert not gateway.ask("/a").is_hit
    assert not gateway.ask("/b").is_hit
    assert gateway.ask("/c").is_hit
    assert gateway.count("groups_invalidated") == 2


def test_a_group_is_written_with_or_without_escapes(gateway, origin):
    store(gateway, origin, "/a", "\"a\\\"b\"")
    store(gateway, origin, "/b", "\"ab\"")
    change(gateway, origin, "\"a\\\"b\"")
    assert not gateway.ask("/a").is_hit
    assert gateway.ask("/b").is_hit


def test_a_group_is_compared_byte_by_byte(gateway, origin):
    store(gateway, origin, "/a", "\"One\"")
    change(gateway, origin, "\"one\"")
    assert gateway.ask("/a").is_hit


@pytest.mark.parametrize("how", [
    {"host": "b.example"}, {"method": "GET"}, {"method": "QUERY"}, {"status": 500},
])
def test_another_site_a_safe_method_or_a_failure_removes_nothing(gateway, origin, how):
    store(gateway, origin, "/a", "\"one\"")
    change(gateway, origin, "\"one\"", **how)
    assert gateway.ask("/a").is_hit


@pytest.mark.parametrize("groups", ["one", "\"one\", 2", "(\"one\")", "\"one\",", "\"one"])
def test_a_field_that_is_broken_says_nothing(gateway, origin, groups):
    store(gateway, origin, "/a", "\"one\"")
    change(gateway, origin, groups)
    assert gateway.ask("/a").is_hit


def test_a_broken_list_of_groups_puts_nothing_into_one(gateway, origin):
    store(gateway, origin, "/a", "\"one\", 2")
    change(gateway, origin, "\"one\"")
    assert gateway.ask("/a").is_hit


def test_the_route_may_forbid_it(start, origin):
    gateway = start(route="group_invalidation: off")
    store(gateway, origin, "/a", "\"one\"")
    change(gateway, origin, "\"one\"")
    assert gateway.ask("/a").is_hit


def test_a_group_survives_a_304(gateway, origin):
    origin.replies("/a", {"body": b"x", "headers": {**HOUR, "ETag": "\"1\"",
                                                    "Cache-Groups": "\"one\""}},
                   {"status": 304, "headers": {**HOUR, "ETag": "\"1\""}},
                   {"body": b"y", "headers": HOUR})
    gateway.ask("/a")
    gateway.ask("/a", Cache_Control="no-cache")
    assert gateway.ask("/a").is_hit
    change(gateway, origin, "\"one\"")
    assert gateway.ask("/a").body == b"y"


@pytest.mark.parametrize("field, value", [
    ("Cache-Tag", "x, one"), ("Edge-Cache-Tag", "one,x"), ("Surrogate-Key", "x one"),
    ("xkey", "x one"), ("Cache-Groups", "\"x\", \"one\""),
])
def test_every_field_of_tags_is_read_and_kept_from_clients(gateway, origin, field, value):
    origin.reply("/a", body=b"x", headers={**HOUR, field: value})
    assert gateway.ask("/a").get(field) is None
    assert gateway.ask("/a").is_hit and gateway.ask("/a").get(field) is None
    gateway.purge(tag="one")
    assert not gateway.ask("/a").is_hit


def test_the_fields_of_tags_are_shown_where_the_route_says_so(start, origin):
    gateway = start(route="strip_tags: off")
    origin.reply("/a", body=b"x", headers={**HOUR, "Cache-Tag": "one"})
    assert gateway.ask("/a").get("Cache-Tag") == "one"
    assert gateway.ask("/a").get("Cache-Tag") == "one"


def test_more_groups_than_can_be_kept_are_not_kept_in_part(gateway, origin):
    groups = ", ".join(f"\"{n}\"" for n in range(100))
    origin.reply("/a", body=b"x", headers={**HOUR, "Cache-Groups": groups})
    for _ in range(2):
        assert gateway.ask("/a").detail in ("tag-overflow", "predicted-uncacheable")
