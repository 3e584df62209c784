"""What the scripts under bench/ do that no measurement shows."""
import pathlib
import subprocess
import sys

BENCH = pathlib.Path(__file__).resolve().parent.parent.parent / "bench"


def put(page, section):
    return subprocess.run([sys.executable, BENCH / "section.py", page], input=section, text=True,
                          capture_output=True, check=False)


def test_a_section_takes_the_place_of_the_one_of_its_name_and_of_no_other(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n## One\n\n1\n\n## Two\n\n2\n\n### Not two\n\n## Three\n\n3\n")
    assert put(page, "## Two\n\nnew\n").returncode == 0
    assert page.read_text() == "# Page\n\n## One\n\n1\n\n## Two\n\nnew\n\n## Three\n\n3\n"
    assert put(page, "## Three\n\nlast\n\n").returncode == 0
    assert page.read_text() == "# Page\n\n## One\n\n1\n\n## Two\n\nnew\n\n## Three\n\nlast\n"


def test_a_new_section_comes_last_and_what_is_none_changes_nothing(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# Page\n")
    assert put(page, "## New\n\ntext\n").returncode == 0
    assert page.read_text() == "# Page\n\n## New\n\ntext\n"
    assert put(page, "").returncode == 1 and put(page, "oops\n").returncode == 1
    assert page.read_text() == "# Page\n\n## New\n\ntext\n"


def test_every_script_says_what_it_does_and_runs_where_python_compiles_it():
    for script in BENCH.glob("*.py"):
        text = script.read_text()
        compile(text, str(script), "exec")
        assert '"""' in text.splitlines()[0] + text.splitlines()[1], script.name


def test_every_script_is_in_the_page_about_measuring():
    page = (BENCH / "README.md").read_text()
    helpers = {"peers.py", "gateways.py", "gateway.py", "origin.py", "section.py", "compare.py", "memory.py", "items.py",
               "replay.py", "engine.sh"}
    for script in [*BENCH.glob("*.py"), *BENCH.glob("*.sh")]:
        assert script.name in helpers or f"`bench/{script.name}" in page, script.name
