#!/usr/bin/python3
"""Writes docs/reference/rfc9111.md: each rule of RFC 9111, and the tests that show it.

    tools/rules.py            writes the page
    tools/rules.py --check    status 1 if the page is not what it would write, or a rule has no test

The rules are in tests/http/conformance/rules.py; which test shows which is said by the tests.
"""
import contextlib
import io
import pathlib
import sys

sys.dont_write_bytecode = True
import pytest  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests/http/conformance"
PAGE = ROOT / "docs/reference/rfc9111.md"
SHOWN = 3  # tests of a rule that are named; of the others the page tells how many they are
INTRO = """# RFC 9111, rule by rule

What RFC 9111 asks of a shared cache, in our own words, and the tests that show that Larder does so.
They are in `tests/http/conformance`; `pytest -k` runs each by its name. Rules on partial content (§3.4)
are tested in `tests/http`. Made by `tools/rules.py` from the tests themselves.
"""


class Collector:
    """Which tests show which rule, in the order in which they are written."""

    def __init__(self):
        self.tests = {}

    def pytest_collection_modifyitems(self, items):
        for item in items:
            for mark in item.iter_markers("rule"):
                for rule in mark.args:
                    self.tests.setdefault(rule, []).append(item)


def collect():
    collector = Collector()
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        status = pytest.main(["--collect-only", "-q", "-p", "no:cacheprovider", str(TESTS)],
                             plugins=[collector])
    if status != 0:
        sys.exit(f"tools/rules.py: the tests cannot be collected\n{said.getvalue()}")
    return collector


def sentence(item):
    """A test's name as words: of a row of a table, what the table is about and the row."""
    name, _, case = item.name.partition("[")
    words = name.removeprefix("test_").replace("_", " ")
    return f"{words}: {case[:-1]}" if case else words


def spread(items):
    """A few of them that are not all of one table."""
    kinds = {}
    for item in items:
        kinds.setdefault(item.originalname, []).append(item)
    first = [group[0] for group in kinds.values()]
    rest = [item for item in items if item not in first]
    return (first + rest)[:SHOWN]


def cell(text):
    return text.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")


def page(rules, collector):
    lines = [INTRO]
    section = None
    for rule, level, text in rules.RULES:
        number = rule.rsplit("-", 1)[0]
        if number != section:
            section = number
            lines += [f"\n## {section} {rules.SECTIONS[section]}\n", "| rule | | shown by |", "|---|---|---|"]
        items = collector.tests[rule]
        names = "; ".join(cell(sentence(item)) for item in spread(items))
        more = f"; and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
        lines.append(f"| {cell(text)} | {level} | {names}{more} |")
    lines.append(f"\n{len(rules.RULES)} rules.")
    return "\n".join(lines) + "\n"


def main():
    collector = collect()
    sys.path.insert(0, str(TESTS))
    import rules
    known = [rule for rule, _, _ in rules.RULES]
    without = [rule for rule in known if rule not in collector.tests]
    strange = [rule for rule in collector.tests if rule not in known]
    if without or strange:
        sys.exit("tools/rules.py: " + "".join(f"rule {one} has no test. " for one in without) +
                 "".join(f"a test shows {one}, which is no rule. " for one in strange))
    text = page(rules, collector)
    if "--check" not in sys.argv[1:]:
        PAGE.write_text(text)
    elif not PAGE.is_file() or PAGE.read_text() != text:
        sys.exit("tools/rules.py: docs/reference/rfc9111.md is not up to date: run make docs")


if __name__ == "__main__":
    main()
