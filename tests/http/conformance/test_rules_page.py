"""docs/reference/rfc9111.md says what the tests show."""
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]


def test_the_page_of_rules_is_current_and_no_rule_is_without_a_test():
    got = subprocess.run([sys.executable, str(ROOT / "tools/rules.py"), "--check"],
                         capture_output=True, text=True, timeout=300, check=False)
    assert got.returncode == 0, got.stderr
