"""No-Vary-Search: queries that the origin answers alike."""
import threading

import pytest

HOUR = {"Cache-Control": "max-age=3600"}


def echo(field, **headers):
    """An origin that answers with the query that it was asked with."""
    named = {"No-Vary-Search": field} if field is not None else {}
    return lambda request: {"body": request.target.encode(), "headers": {**HOUR, **named, **headers}}


def reply(origin, targets, field, **headers):
    for target in targets:
        origin.reply(target, answer=echo(field, **headers))


@pytest.mark.parametrize("field, same, other", [
    ("params=(\"utm\")", ["/s?q=1&utm=a", "/s?q=1", "/s?utm=b&q=1", "/s?utm&q=1&utm=c"], "/s?q=2"),
    ("params", ["/s?a=1", "/s?b=2", "/s", "/s?"], "/t?a=1"),
    ("params, except=(\"q\")", ["/s?q=1&x=1", "/s?y=2&q=1", "/s?q=1"], "/s?x=1"),
    ("key-order", ["/s?b=1&a=2", "/s?a=2&b=1"], "/s?b=2&a=1"),
    ("key-order, params=(\"utm\")", ["/s?b=1&utm=1&a=2", "/s?a=2&b=1"], "/s?b=1"),
    ("params=(\"utm source\")", ["/s?q=1&utm+source=1", "/s?q=1&utm%20source=2"], "/s?q=1&utm=1"),
])
def test_queries_that_are_alike_share_an_answer(gateway, origin, field, same, other):
    reply(origin, [*same, other, "/s"], field)
    first = gateway.ask(same[0])
    assert first.body == same[0].encode() and not first.is_hit
    gateway.wait_until("stored", 1)
    for target in same:
        answer = gateway.ask(target)
        assert answer.is_hit and answer.body == same[0].encode(), target
    assert not gateway.ask(other).is_hit
    assert [request.target for request in origin.seen()] == [same[0], other]
    assert gateway.count("no_vary_search") > 0


@pytest.mark.parametrize("field", [None, "", "params=(a)", "params=1", "except=(\"utm\")", "x",
                                   "params=?0", "params=(\"utm\"), except=(\"a\")", "params=("])
def test_without_a_field_that_can_be_read_each_query_is_its_own(gateway, origin, field):
    targets = ["/s?q=1&utm=a", "/s?q=1&utm=b"]
    reply(origin, targets, field)
    for target in targets:
        assert gateway.ask(target).body == target.encode()
    gateway.wait_until("stored", 2)
    for target in targets:
        assert gateway.ask(target).body == target.encode()


def test_the_route_may_switch_it_off(start, origin):
    gateway = start(route="key: {no_vary_search: off}")
    reply(origin, ["/s?utm=a", "/s?utm=b"], "params")
    gateway.ask("/s?utm=a")
    gateway.wait_until("stored", 1)
    assert not gateway.ask("/s?utm=b").is_hit


def test_the_routes_rules_come_first(start, origin):
    gateway = start(route="key: {query: {ignore: [\"utm\"]}}")
    reply(origin, ["/s?q=1&x=1"], "params=(\"x\")")
    gateway.ask("/s?q=1&x=1&utm=1")
    gateway.wait_until("stored", 1)
    assert gateway.ask("/s?utm=2&q=1").is_hit


def test_an_answer_that_says_otherwise_stands_for_itself(gateway, origin):
    reply(origin, ["/s?q=1&utm=a", "/s?q=2&utm=a"], "params=(\"utm\")")
    gateway.ask("/s?q=1&utm=a")
    gateway.wait_until("stored", 1)
    reply(origin, ["/s?q=2&utm=b", "/s?q=2&utm=c"], None)
    assert gateway.ask("/s?q=2&utm=b").body == b"/s?q=2&utm=b"
    gateway.wait_until("stored", 2)
    assert gateway.ask("/s?q=2&utm=c").body == b"/s?q=2&utm=c"
    assert gateway.ask("/s?q=2&utm=b").is_hit


def test_those_who_ask_for_what_is_alike_wait_for_one(gateway, origin):
    targets = [f"/s?utm={n}" for n in range(5)]
    reply(origin, ["/s?utm=x", *targets], "params")
    gateway.ask("/s?utm=x")
    gateway.wait_until("stored", 1)
    gateway.purge(url="http://a.example/s")
    gates = [origin.hold(target) for target in targets]
    answers = []
    threads = [threading.Thread(target=lambda t=t: answers.append(gateway.ask(t)))
               for t in targets]
    for thread in threads:
        thread.start()
    gateway.wait_until("requests_waiting", 5)
    for gate in gates:
        gate.open()
    for thread in threads:
        thread.join()
    assert len({answer.body for answer in answers}) == 1
    assert len(origin.seen()) == 2


@pytest.mark.parametrize("how", ["purge", "other purge", "post"])
def test_a_purge_of_one_is_a_purge_of_all_that_are_alike(gateway, origin, how):
    reply(origin, ["/s?q=1&utm=a", "/s?q=1&utm=b", "/s?q=1&utm=c"], "params=(\"utm\")")
    gateway.ask("/s?q=1&utm=a")
    gateway.wait_until("stored", 1)
    assert gateway.ask("/s?q=1&utm=b").is_hit
    if how == "post":
        gateway.ask("/s?q=1&utm=c", method="POST")
    else:
        gateway.purge(url="http://a.example/s?q=1" + ("&utm=zz" if how == "other purge" else ""))
    assert not gateway.ask("/s?q=1&utm=b").is_hit


def test_variants_of_what_is_alike(gateway, origin):
    def answer(request):
        return {"body": request.target.encode() + request.get("X-A").encode(),
                "headers": {**HOUR, "No-Vary-Search": "params", "Vary": "X-A"}}
    for target in ("/s?1", "/s?2", "/s?3"):
        origin.reply(target, answer=answer)
    gateway.ask("/s?1", X_A="one")
    gateway.ask("/s?2", X_A="two")
    gateway.wait_until("stored", 2)
    assert gateway.ask("/s?3", X_A="one").body == b"/s?1one"
    assert gateway.ask("/s?3", X_A="two").body == b"/s?2two"
    assert not gateway.ask("/s?3", X_A="three").is_hit


def test_an_answer_is_confirmed_under_any_of_its_urls(gateway, origin):
    named = {**HOUR, "ETag": "\"v1\"", "No-Vary-Search": "params"}
    origin.reply("/s?utm=a", body=b"x", headers=named)
    gateway.ask("/s?utm=a")
    gateway.wait_until("stored", 1)
    origin.reply("/s?utm=b", status=304, headers=named)
    assert gateway.ask("/s?utm=b", Cache_Control="no-cache").body == b"x"
    assert origin.seen("/s?utm=b")[0].get("If-None-Match") == "\"v1\""
    assert gateway.ask("/s?utm=c").is_hit


def test_credentials_keep_answers_apart(start, origin):
    gateway = start(route="authorization: per-user")
    reply(origin, ["/s?1", "/s?2", "/s?3"], "params")
    gateway.ask("/s?1", Authorization="a")
    gateway.wait_until("stored", 1)
    assert gateway.ask("/s?2", Authorization="a").is_hit
    assert not gateway.ask("/s?3", Authorization="b").is_hit
