"""What a developer gets from `larder bench engine`."""
import json

import pytest

import larder

SHORT = ("--items", "2000", "--duration", "5ms")


def engine(*words):
    done = larder.run("bench", "engine", *SHORT, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_phase_law_and_number_of_threads_has_a_row():
    result = json.loads(engine("--threads", "3", "--zipf", "0,1.1", "--json"))
    rows = [(row["zipf"], row["phase"], row["threads"]) for row in result["rows"]]
    assert rows == [(0, "fill", 3)] + [
        (law, phase, threads) for law in (0, 1.1)
        for phase in ("get", "get16", "put", "put16", "mixed", "mixed16") for threads in (1, 2, 3)]
    assert all(row["ops_per_s"] > 0 and row["cpu_ns"] >= 0 and row["refused"] == 0
               and row["late_us"] <= row["worst_us"] for row in result["rows"])
    assert all(row["to_one_thread"] == 1 for row in result["rows"] if row["threads"] == 1)


def test_all_items_are_found_and_weighed():
    result = json.loads(engine("--phase", "get", "--zipf", "0", "--json", "--value-size", "100"))
    assert (result["items"], result["value_bytes"], result["evicted"]) == (2000, 100, 0)
    books, index = (result["bytes_per_item"][name] for name in ("books", "index"))
    assert books - index > 116 and index > 0
    fill, get = result["rows"]
    assert fill["hits"] == 0 and get["hits"] >= 16


def test_the_table_has_a_head_and_a_line_for_each_measurement():
    lines = [line.split() for line in engine("--phase", "put,get16", "--zipf", "0").splitlines() if line]
    assert lines[0][:3] == ["phase", "zipf", "thr"]
    assert [line[0] for line in lines[1:]] == ["fill", "2000", "get16", "put"]
    assert all(len(line) == 10 for line in (lines[1], lines[3], lines[4]))


@pytest.mark.parametrize("words, said", [
    (("--item", "5"), "did you mean --items"),
    (("--items",), "needs a value"),
    (("--items", "0"), "does not fit"),
    (("--zipf", "0,x"), "does not fit"),
    (("--phase", "gets"), "does not fit"),
    (("--policy", "random-ish"), "does not fit"),
])
def test_mistakes_on_the_command_line_are_told(words, said):
    done = larder.run("bench", "engine", *words)
    assert done.returncode == 2 and said in done.stderr
