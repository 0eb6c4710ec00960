"""Files for contributors and CI name things that exist, and download nothing unexpected."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house import lines
from tests.run import CHORES

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
TOP = {"pyproject.toml", "buildgraph", "rules", "tests", "examples", "BUILD.toml", "README.md"}
TOP |= {"LICENSE", "requirements.lock"}


def tracked() -> list[str]:
    """Paths that git tracks; the test is skipped in a copy without git."""
    if not (ROOT / ".git").exists():
        pytest.skip("this copy is not a git checkout")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True)
    return [name.decode() for name in listing.stdout.split(b"\0") if name]


def test_the_top_level_has_only_the_agreed_names() -> None:
    names = {name.split("/")[0] for name in tracked()}
    assert {name for name in names if not name.startswith(".")} == TOP


def test_lines_end_without_spaces_and_files_with_a_line_break() -> None:
    errors = [
        f"{name}:{error}"
        for name in tracked()
        if not name.startswith(lines.EXEMPT) and (ROOT / name).is_file()
        for error in lines.errors_of((ROOT / name).read_bytes())
    ]
    assert errors == []


@pytest.mark.parametrize(
    ("data", "errors"),
    [
        (b"", []),
        (b"a\nb\n", []),
        (b"a \nb", ["1: spaces at the end of the line", "2: no line break at the end of the file"]),
        (b"a\r\n", ["1: the line ends with CR LF"]),
        (b"a\n\n\n", ["3: empty lines at the end of the file"]),
        (b"\0 \n \n", []),
    ],
)
def test_errors_of_lines_and_their_repair(data: bytes, errors: list[str]) -> None:
    assert lines.errors_of(data) == errors
    assert lines.errors_of(lines.fixed(data)) == []
    assert lines.fixed(lines.fixed(data)) == lines.fixed(data)


@pytest.mark.parametrize("page", sorted(GITHUB.glob("*.md")), ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    missing = [link for link in links if not (page.parent / link).exists()]
    assert missing == []


def test_chores_that_pages_and_workflows_name_exist() -> None:
    texts = [path.read_text() for path in [*GITHUB.rglob("*.md"), *GITHUB.rglob("*.yml")]]
    named: set[str] = set()
    for text in texts:
        for words in re.findall(r"(?:-m tests\.run|\.ci/run)((?: [a-z0-9]+)+)", text):
            named |= set(words.split())
        for words in re.findall(r"chore: \[?([a-z0-9, ]+)", text):
            named |= set(words.replace(",", " ").split())
    assert {"unit", "e2e", "fault", "lint", "types"} <= named
    assert named <= set(CHORES)


def test_the_table_of_chores_is_complete() -> None:
    rows = re.findall(
        r"^\| `([a-z0-9]+)` \|", (GITHUB / "CONTRIBUTING.md").read_text(), re.MULTILINE
    )
    assert set(rows) == set(CHORES) - {"format", "generate"}


def test_workflows_use_pinned_actions_of_github_only() -> None:
    for path in (GITHUB / "workflows").iterdir():
        uses = re.findall(r"uses: (.*)", path.read_text())
        assert uses, path
        for action in uses:
            pinned = re.fullmatch(r"actions/(checkout|setup-python)@[0-9a-f]{40} # v[\d.]+", action)
            assert pinned, f"{path}: {action}"


def test_hooks_are_local_and_their_modules_exist() -> None:
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"repo: (.*)", text) == ["local"]
    modules = set(re.findall(r"entry: python -m ([\w.]+)", text))
    assert text.count("language: system") == text.count("- id:") == len(re.findall("entry:", text))
    for module in modules:
        code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is None)"
        assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_the_workflow_tests_every_python_that_the_project_supports() -> None:
    workflow = (GITHUB / "workflows/tests.yml").read_text()
    first = re.search(r'requires-python = ">=3\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    versions = re.search(r"python: \[(.*)\]", workflow)
    assert first and versions
    numbers = [int(minor) for minor in re.findall(r"3\.(\d+)", versions[1])]
    assert numbers == list(range(int(first[1]), max(numbers) + 1))
