#!/usr/bin/env python3
"""Runs everything that must pass, tells how long each part took, and adds it all up.

    tools/suite.py [WORD...]      only the parts whose names hold one of the words

Parts are built one after the other with all cores; tests then run side by side. Logs are kept under
build/logs. The last line is "N passed, N failed"; a suite that ends without saying how many passed
counts as one failure.
"""
import argparse
import concurrent.futures
import os
import pathlib
import re
import signal
import subprocess
import sys
import threading
import time
import xml.etree.ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOGS = ROOT / "build/logs"
CORES = os.cpu_count() or 2
FUZZ_SECONDS = int(os.environ.get("FUZZ_SECONDS", "4"))
PART_MAX_S = 900  # a part that takes longer hangs
LINE_MAX = 160
CLOSING = re.compile(r"^(\d+) passed, (\d+) failed$")
SANITIZERS = {
    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0",
    "UBSAN_OPTIONS": "print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=0:second_deadlock_stack=1",
}


class Part:
    """One line of the report: a command, and how to read what came of it."""

    def __init__(self, name, words, count, env=None):
        self.name = name
        self.words = [str(word) for word in words]
        self.count = count  # (log text, status) -> (passed, failed, what failed)
        self.env = env or {}
        self.log = LOGS / (re.sub(r"[^a-z0-9]+", "-", name) + ".log")


def as_one(_, status):
    """A command that passes or fails as a whole."""
    return (1, 0, []) if status == 0 else (0, 1, [f"status {status}"])


def as_programs(text, status):
    """`make test`: "== PROGRAM", its lines, "N passed, N failed"."""
    passed, failed, wrong, program, closed = 0, 0, [], None, True
    for line in text.splitlines() + ["== "]:
        match = CLOSING.match(line)
        if line.startswith("== "):
            if not closed:
                failed += 1
                wrong.append(f"{program}: ended without its closing line")
            program, closed = line[3:], False
        elif match:
            closed = True
            passed += int(match[1])
            failed += int(match[2])
        elif line.startswith("not ok"):
            wrong.append(f"{program}: {line[6:].strip()}")
    if status != 0 and failed == 0:
        return passed, 1, [f"make ended with status {status}"]
    if passed == 0 and failed == 0:
        return 0, 1, ["no test ran"]
    return passed, failed, wrong


def as_junit(path):
    """pytest: its report, which is missing when it crashed."""
    def count(_, status):
        try:
            suite = xml.etree.ElementTree.parse(path).getroot().find("testsuite")
        except (OSError, xml.etree.ElementTree.ParseError):
            return 0, 1, [f"pytest ended with status {status} and without a report"]
        failed = int(suite.get("failures")) + int(suite.get("errors"))
        passed = int(suite.get("tests")) - failed - int(suite.get("skipped"))
        wrong = []
        for case in suite.iter("testcase"):
            for found in (case.find("failure"), case.find("error")):
                if found is not None:
                    wrong.append(f'{case.get("classname")}.{case.get("name")}')
                    wrong += ["    " + line for line in found.get("message").splitlines()[:3]]
        if status not in (0, 1) and failed == 0:
            return passed, 1, [f"pytest ended with status {status}"]
        return passed, failed, wrong
    return count


class Report:
    """Prints one line a part, and keeps the sum."""

    def __init__(self):
        self.begun = time.monotonic()
        self.passed = 0
        self.failed = 0
        self.lock = threading.Lock()

    def add(self, part, took, passed, failed, wrong):
        with self.lock:
            self.passed += passed
            self.failed += failed
            verdict = "ok    " if failed == 0 else "FAILED"
            print(f"[{time.monotonic() - self.begun:5.0f} s] {verdict} {part.name:<28}"
                  f"{took:6.1f} s  {passed:5} passed  {failed} failed", flush=True)
            for line in wrong[:40]:
                print(f"            {line[:LINE_MAX]}", flush=True)
            if failed:
                print(f"            log: {part.log.relative_to(ROOT)}", flush=True)


class Runner:
    """Runs parts, each in a process group of its own, and leaves none of them behind."""

    def __init__(self, report):
        self.report = report
        self.running = set()
        self.stopped = False

    def _wait(self, part, log):
        process = subprocess.Popen(part.words, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=subprocess.STDOUT, start_new_session=True,
                                   env={**os.environ, **SANITIZERS, **part.env})
        self.running.add(process.pid)
        try:
            return process.wait(PART_MAX_S)
        except subprocess.TimeoutExpired:
            log.write(f"\nended after {PART_MAX_S} s\n".encode())
            return 124
        finally:
            self.end(process.pid)
            process.wait()
            self.running.discard(process.pid)

    @staticmethod
    def end(group):
        """Whatever is left of it."""
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            pass

    def run(self, part):
        """Runs one part; whether all of it passed."""
        if self.stopped:
            return False
        begun = time.monotonic()
        with open(part.log, "w+b") as log:
            status = self._wait(part, log)
        passed, failed, wrong = part.count(part.log.read_text(errors="replace"), status)
        self.report.add(part, time.monotonic() - begun, passed, failed, wrong)
        return failed == 0

    def stop(self):
        self.stopped = True
        for group in list(self.running):
            self.end(group)


def make(name, *words, count=as_one):
    return Part(name, ["make", "-j", CORES, *words], count)


def checks():
    """Small things that hold the tree together. clang-tidy takes too long for here: ./dev lint."""
    code = sorted(str(path.relative_to(ROOT)) for folder in ("src", "tests")
                  for path in (ROOT / folder).rglob("*.[ch]"))
    return [
        Part("check floors", ["tools/floors.py"], as_one),
        Part("check words", ["tools/words.py"], as_one),
        Part("check format", ["clang-format", "--dry-run", "--Werror", *code], as_one),
        Part("check reference", ["sh", "-c", "make docs && git diff --exit-code docs/reference"],
             as_one),
    ]


def fuzz_parts():
    """Each target for a few seconds, over its corpus."""
    parts = []
    for source in sorted((ROOT / "tests/fuzz").glob("*_fuzz.c")):
        name = source.stem.removesuffix("_fuzz")
        found = ROOT / "build/fuzz/found" / name
        found.mkdir(parents=True, exist_ok=True)
        parts.append(Part(f"fuzz {name}", [
            f"build/fuzz/tests/fuzz/{name}_fuzz", f"-max_total_time={FUZZ_SECONDS}", "-timeout=10",
            "-rss_limit_mb=2048", "-verbosity=0", "-print_final_stats=0",
            f"-artifact_prefix=build/fuzz/found/{name}-", found, f"tests/fuzz/corpus/{name}"],
            as_one))
    return parts


def conversations(variant):
    """pytest over real sockets, one process a folder."""
    parts = []
    for folder in ("http", "resp", "cli", "example"):
        if not any((ROOT / "tests" / folder).glob("test_*.py")):
            continue
        report = LOGS / f"{folder}-{variant}.xml"
        report.unlink(missing_ok=True)
        parts.append(Part(f"{folder} {variant}", [
            "/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "-o",
            "faulthandler_timeout=120", f"--junitxml={report}", f"tests/{folder}"], as_junit(report),
            env={"LARDER": str(ROOT / f"build/{variant}/larder"), "PYTHONDONTWRITEBYTECODE": "1"}))
    return parts


def plan():
    """(builds and checks that need all cores or come first, tests that run side by side)."""
    first = [make("build release")]
    for variant in ("release", "asan", "tsan"):
        if variant != "release":
            first.append(make(f"build {variant}", f"BUILD={variant}"))
        first.append(make(f"unit {variant}", "-k", f"BUILD={variant}", "test", count=as_programs))
    targets = [f"build/fuzz/tests/fuzz/{source.stem}"
               for source in sorted((ROOT / "tests/fuzz").glob("*_fuzz.c"))]
    if targets:
        first.append(make("build fuzz", "BUILD=fuzz", *targets))
    together = checks()
    for variant in ("asan", "tsan", "release"):
        together += conversations(variant)
    return first, together + fuzz_parts()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", help="run only parts whose names hold one of these")
    words = parser.parse_args().words
    LOGS.mkdir(parents=True, exist_ok=True)
    first, together = plan()

    def wanted(part):
        return not words or any(word in part.name for word in words)

    report = Report()
    runner = Runner(report)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        for part in filter(wanted, first):
            if not runner.run(part) and part.name == "build release":
                break
        else:
            with concurrent.futures.ThreadPoolExecutor(CORES + 1) as pool:
                list(pool.map(runner.run, filter(wanted, together)))
    finally:
        runner.stop()
    print(f"{report.passed} passed, {report.failed} failed")
    return 1 if report.failed or not report.passed else 0


if __name__ == "__main__":
    sys.exit(main())
