"""What changes between two configurations, and what that means for stored answers."""
import pytest

import larder

OLD = """
cache: {memory: 64MiB, max-loads: 5}
origins: {app: {servers: ["127.0.0.1:1"]}}
routes:
  a: {match: "/a/**", ttl: 60s, key: {query: {sort: on}}}
  d: {match: "/**"}
"""


@pytest.fixture
def diff(tmp_path):
    def run(new, old=OLD):
        (tmp_path / "old.yaml").write_text(old)
        (tmp_path / "new.yaml").write_text(new)
        done = larder.run("diff", str(tmp_path / "old.yaml"), str(tmp_path / "new.yaml"))
        return done.returncode, done.stdout, done.stderr

    return run


def test_the_same_said_otherwise_is_no_difference(diff):
    assert diff(OLD.replace("60s", "1m")) == (
        0, "no difference\n", "")


def test_a_ttl_is_for_answers_that_are_stored_from_then_on(diff):
    status, told, _ = diff(OLD.replace("60s", "2m"))
    assert status == 0
    assert "routes.a.ttl: 1m -> 2m\n    answers that are stored from then on" in told
    assert told.endswith("1 difference; every answer that is stored is found as before\n")


def test_a_rule_of_keys_makes_stored_answers_unfindable(diff):
    _, told, _ = diff(OLD.replace("sort: on", 'sort: on, ignore: ["utm_*"]'))
    assert 'routes.a.key.query.ignore: (nothing) -> ["utm_*"]\n    the keys change' in told
    assert "not found any more" in told.splitlines()[-1]


def test_a_more_specific_route_takes_paths_and_may_change_their_keys(diff):
    _, told, _ = diff(OLD + '  b: {match: "/a/b/**"}\n')
    assert "come to b now, not to a\n    their keys change (key.query.sort)" in told


def test_paths_that_no_route_is_for_any_more_are_told(diff):
    _, told, _ = diff(OLD.replace('d: {match: "/**"}', 'd: {match: "/d/**"}'))
    assert "come to no route any more and get a 404" in told


def test_what_needs_a_restart_is_told(diff):
    _, told, _ = diff(OLD.replace("max-loads: 5", "max-loads: 6"))
    assert "cache.max-loads: 5 -> 6\n    needs a restart" in told
    assert "1 needs a restart" in told


def test_passwords_are_not_shown(diff):
    _, told, _ = diff(OLD + "resp: {password: newsecret}\n", OLD + "resp: {password: oldsecret}\n")
    assert "resp.password: (not shown) -> (not shown)" in told
    assert "secret" not in told


def test_a_file_that_is_wrong_is_told_with_all_its_mistakes(diff):
    status, _, told = diff(OLD.replace("ttl", "tll").replace('d: {match', 'd: {motch'))
    assert status == 1
    assert "new.yaml:5:" in told and "new.yaml:6:" in told


def test_two_files_are_needed():
    done = larder.run("diff", "one.yaml")
    assert done.returncode == 2 and "larder diff OLD NEW" in done.stderr
