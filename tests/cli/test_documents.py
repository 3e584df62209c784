"""What the documents say is what the program does."""
import pathlib
import re
import subprocess

import larder
import pytest

DOCS = larder.ROOT / "docs"
TABLES = larder.run("--describe=tables").stdout.split()


def test_there_is_a_page_for_every_table():
    assert {"config", "metrics", "commands", "errors", "reasons", "limits"} <= set(TABLES)
    assert {page.stem for page in (DOCS / "reference").glob("*.md")} == {*TABLES, "rfc9111"}


@pytest.mark.parametrize("table", TABLES)
def test_the_reference_is_what_the_binary_prints(table):
    printed = larder.run(f"--describe={table}")
    assert printed.returncode == 0
    page = (DOCS / "reference" / f"{table}.md").read_text()
    assert page == printed.stdout, "run: make docs"


def yaml_blocks():
    """Every YAML block of every document, and every larder.yaml of the examples."""
    pages = [larder.ROOT / "README.md", *DOCS.rglob("*.md"), *(larder.ROOT / "examples").rglob("*.md")]
    for page in pages:
        if not page.exists():
            continue
        for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.S | re.M)):
            yield pytest.param(block, id=f"{page.relative_to(larder.ROOT)}-{number + 1}")
    for file in (larder.ROOT / "examples").rglob("larder*.yaml"):
        yield pytest.param(file.read_text(), id=str(file.relative_to(larder.ROOT)))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    """What the documents say is in /etc/larder/tls."""
    folder = tmp_path_factory.mktemp("tls")
    for name in ("shop", "wildcard", "ca"):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj",
                        f"/CN={name}.example", "-keyout", folder / f"{name}.key", "-out",
                        folder / f"{name}.pem"], check=True, capture_output=True, timeout=60)
    return folder


@pytest.mark.parametrize("text", yaml_blocks())
def test_every_configuration_in_the_documents_is_right(text, certificates, tmp_path):
    file = tmp_path / "larder.yaml"
    file.write_text(text.replace("/etc/larder/tls", str(certificates)))
    done = larder.run("check", "-c", str(file))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", re.findall(r"^## larder (\w+)", larder.run("--describe=cli").stdout, re.M))
def test_every_command_explains_itself(command):
    help_text = larder.run("help", command)
    assert help_text.returncode == 0
    assert help_text.stdout.startswith(f"usage: larder {command}")
    assert larder.run(command, "--help").stdout == help_text.stdout


def test_the_help_names_every_command():
    everything = larder.run("help")
    assert everything.returncode == 0
    assert larder.run("help", "--help").stdout == everything.stdout
    assert all(len(line) <= 110 for line in everything.stdout.splitlines())
    for command in ("serve", "check", "explain", "why", "purge", "warm", "stats", "top", "bench", "version", "help"):
        assert f"\n  {command} " in everything.stdout


def test_the_version_is_one_line():
    done = larder.run("version")
    assert done.returncode == 0
    assert re.fullmatch(r"larder \d+\.\d+\.\d+\n", done.stdout)


PAGES = [*larder.ROOT.glob("*.md"), *(larder.ROOT / "bench").glob("*.md"),
         *(larder.ROOT / "examples").rglob("*.md"), *DOCS.rglob("*.md")]


def test_links_between_the_documents_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
            assert (page.parent / target).exists(), f"{page}: {target}"
    assert pathlib.Path(larder.binary()).exists()


def test_files_that_the_documents_name_are_there():
    for page in PAGES:
        for name in re.findall(r"`((?:src|docs|tests|tools|bench|examples)/[\w./-]+)`", page.read_text()):
            assert (larder.ROOT / name).exists(), f"{page}: {name}"
        for name in re.findall(r"build/\w+/(tests/[\w/]+_(?:test|fuzz))\b", page.read_text()):
            assert (larder.ROOT / f"{name}.c").exists(), f"{page}: {name}"


def test_figures_that_the_documents_name_are_there():
    """Metrics, and lines of INFO."""
    told = (DOCS / "reference/metrics.md").read_text() + (larder.ROOT / "src/server/resp/info.c").read_text()
    for page in PAGES:
        for name in re.findall(r"`(larder_\w+)(?:\{[^`]*)?`", page.read_text()):
            assert re.search(rf"\b{name}\b", told), f"{page}: {name}"


def test_decisions_are_numbered_one_after_the_other_and_have_their_four_parts():
    records = sorted((DOCS / "decisions").glob("*.md"))
    assert [int(record.name[:4]) for record in records] == list(range(1, len(records) + 1))
    for record in records:
        text = record.read_text()
        assert text.startswith(f"# {record.name[:4]}: "), record.name
        parts = re.findall(r"^## (.*)", text, re.M)
        assert [part for part in parts if part != "Figures"] == [
            "Question", "What was weighed", "Choice", "What would change it"], record.name
