"""What an operator gets from `larder bench cache`."""
import json
import pathlib

import pytest

import larder

CORPUS = pathlib.Path(__file__).resolve().parent.parent / "fuzz/corpus/trace"
ROW = {"trace", "mode", "policy", "capacity_fraction", "capacity", "requests", "misses",
       "miss_ratio", "byte_miss_ratio"}


@pytest.fixture(name="trace")
def trace_of_a_loop():
    """Three objects asked for in turn, ten times over; 100, 200 and 300 bytes."""
    return CORPUS / "loop.ltr.zst"


def rows(*words):
    """The rows of a run with --json."""
    done = larder.run("bench", "cache", "--json", *words)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_row_says_what_was_run_and_what_it_missed(trace):
    found = rows("--trace", str(trace), "--capacity", "67%,1", "--policy", "lru")
    assert [set(row) for row in found] == [ROW, ROW]
    assert found[0] == {"trace": "loop", "mode": "objects", "policy": "lru",
                        "capacity_fraction": 0.67, "capacity": 2, "requests": 30, "misses": 30,
                        "miss_ratio": 1.0, "byte_miss_ratio": 1.0}
    assert (found[1]["capacity"], found[1]["misses"]) == (3, 3)


def test_by_bytes_the_capacity_is_a_share_of_the_footprint(trace):
    found = rows("--trace", str(trace), "--capacity", "0.5", "--mode", "bytes")
    assert [(row["mode"], row["policy"], row["capacity"]) for row in found] == \
        [("bytes", "s3fifo", 300)]


def test_several_traces_and_policies_make_a_row_each(trace):
    found = rows("--trace", f"{trace},{trace}", "--policy", "all", "--capacity=34%")
    assert len(found) == 2 * len({row["policy"] for row in found}) >= 10


def test_without_a_trace_mixtures_are_made_and_a_seed_repeats_them():
    one = rows("--requests", "3000", "--seed", "7")
    assert one == rows("--requests", "3000", "--seed", "7")
    assert one != rows("--requests", "3000", "--seed", "8")
    assert len({row["trace"] for row in one}) >= 5


def test_the_table_has_a_head_and_a_line_for_each_run(trace):
    done = larder.run("bench", "cache", "--trace", str(trace))
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert [line.split()[0] for line in lines] == ["trace", "loop", "loop"]


@pytest.mark.parametrize("words, told", [
    (["--policy", "lur"], "did you mean lru?"),
    (["--polcy", "lru"], "did you mean --policy?"),
    (["--mode", "byte"], "did you mean bytes?"),
    (["--capacity", "0%"], "out of range"),
    (["--capacity", "much"], "is no share"),
    (["--capacity", "1%,,2%"], "empty item"),
    (["--trace"], "needs a value"),
    (["--json=yes"], "takes no value"),
    (["some.ltr.zst"], "--trace some.ltr.zst"),
    (["--requests", "0"], "whole number from 1"),
])
def test_a_command_line_that_makes_no_sense_is_told_so(words, told):
    done = larder.run("bench", "cache", *words)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("name, told", [
    ("not-zstd", "no zstd file"),
    ("cut.zst", "cut off"),
    ("half-record.zst", "cut off"),
    ("flipped.zst", "damaged"),
    ("id-gap.zst", "dense"),
    ("id-huge.zst", "dense"),
    ("empty-frame.zst", "no requests"),
    ("is-not-there", "cannot be opened"),
])
def test_a_bad_trace_is_named_with_what_is_wrong(name, told):
    done = larder.run("bench", "cache", "--json", "--trace", str(CORPUS / name))
    assert done.returncode == 1
    assert name in done.stderr
    assert told in done.stderr
    assert done.stdout == ""
