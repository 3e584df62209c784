"""The command table: what COMMAND tells is what redis-server tells, and every command has a test."""
import pathlib
import re

import pytest

from wire import Wire

OURS = re.compile(r"larder\.|client\|setinfo")  # what Redis 7.0 has not


@pytest.fixture(scope="module")
def both(door, redis_port):
    """COMMAND of both in RESP3, flattened: name -> parts; subcommands are named like `client|id`."""
    tables = []
    for port in (door, redis_port):
        with Wire(port) as one:
            one.call("HELLO", 3)
            rows = one.plain("COMMAND")
        table = {}
        for row in rows:
            table[row[0].decode()] = row
            for child in row[9]:
                table[child[0].decode()] = child
        tables.append(table)
    return tables


def test_arity_flags_keys_and_categories_are_those_of_redis(both):
    mine, theirs = both
    for name, row in mine.items():
        if OURS.match(name):
            continue
        other = theirs[name]
        assert row[1] == other[1], f"arity of {name}"
        assert set(row[2]) == set(other[2]), f"flags of {name}"
        assert row[3:6] == other[3:6], f"keys of {name}"
        assert set(row[6]) == set(other[6]), f"categories of {name}"
        assert row[7] == other[7], f"tips of {name}"


def test_key_specifications_are_those_of_redis(both):
    mine, theirs = both
    for name, row in mine.items():
        if OURS.match(name):
            continue
        other = [{key: value for key, value in spec.items() if key != b"notes"}
                 for spec in theirs[name][8]]
        for a, b in zip(row[8], other, strict=True):
            assert set(a.pop(b"flags")) == set(b.pop(b"flags")), name
            assert a == b, name


def test_docs_tell_what_each_command_is_for(wire):
    wire.call("HELLO", 3)
    docs = wire.plain("COMMAND", "DOCS")
    assert wire.plain("COMMAND", "COUNT") == len(docs) == len(wire.plain("COMMAND", "LIST"))
    for name, entry in docs.items():
        assert entry[b"summary"].endswith(b"."), name
        assert entry[b"group"] and entry[b"since"], name
        assert entry[b"complexity"].startswith(b"O("), name


def test_listing_filters_by_category_and_pattern(wire):
    assert b"get" in wire.plain("COMMAND", "LIST", "FILTERBY", "ACLCAT", "string")
    assert b"hget" not in wire.plain("COMMAND", "LIST", "FILTERBY", "ACLCAT", "string")
    assert sorted(wire.plain("COMMAND", "LIST", "FILTERBY", "PATTERN", "zrank*")) == [b"zrank"]
    assert wire.plain("COMMAND", "LIST", "FILTERBY", "MODULE", "x") == []


@pytest.mark.parametrize("words", [
    ["GET", "a"], ["SET", "a", "b", "EX", "1"], ["SET", "a", "b", "GET"], ["MSET", "a", "1", "b", "2"], ["DEL", "a", "b", "c"],
    ["ZUNIONSTORE", "d", "2", "a", "b", "WEIGHTS", "1", "2"], ["SINTERCARD", "2", "a", "b"],
    ["LMPOP", "1", "a", "LEFT"], ["OBJECT", "ENCODING", "a"], ["MEMORY", "USAGE", "a"],
    ["RENAME", "a", "b"], ["PING"], ["NOSUCH", "a"], ["GET"], ["ZUNIONSTORE", "d", "9", "a"],
    ["XX"], ["SORT", "a"][:1]])
def test_keys_are_found_as_redis_finds_them(wire, redis_port, words):
    with Wire(redis_port) as theirs:
        for command in ("GETKEYS", "GETKEYSANDFLAGS"):
            if len(words) < 2 and words[0] not in ("PING", "GET"):
                continue
            assert wire.call("COMMAND", command, *words) == theirs.call("COMMAND", command, *words)


def test_every_command_has_a_test(wire):
    """Its name stands in a test of this folder as a word that is sent."""
    folder = pathlib.Path(__file__).parent
    text = "\n".join(path.read_text() for path in folder.glob("*.py")).lower()
    for row in wire.plain("COMMAND"):
        names = [child[0].decode() for child in row[9]] or [row[0].decode()]
        for name in names:
            parts = name.split("|")
            sent = rf'"{re.escape(parts[0])}"' + "".join(rf',\s*"{re.escape(p)}"' for p in parts[1:])
            assert re.search(sent, text), f"no test sends {name}"


def test_the_shapes_of_command_info_are_those_of_redis_in_resp3(wire, redis_port):
    with Wire(redis_port) as other:
        for one in (wire, other):
            one.call("HELLO", "3")
        for name in ("get", "client|list", "zunionstore", "nosuch"):
            assert repr(wire.call("COMMAND", "INFO", name)) == repr(other.call("COMMAND", "INFO", name))
        kinds = [[part.kind for part in one.call("COMMAND", "INFO", "object").value[0].value]
                 for one in (wire, other)]
        assert kinds[0] == kinds[1]
