"""mypy --strict accepts good rules and reports the mistakes of wrong ones."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import buildgraph

pytestmark = pytest.mark.xdist_group("typing")  # one run of mypy for all
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[tuple[int, str]]]:
    """Errors of mypy --strict by file, as (line, code), for files outside of the repository."""
    folder = tmp_path_factory.mktemp("rules")
    names = ("valid_rules.py", "wrong_rules.py")
    for name in names:
        (folder / name).write_text((HERE / name).read_text())
    # An editable installation is found by a hook of the import system, which mypy does not ask.
    environment = dict(os.environ) | {"MYPYPATH": str(Path(buildgraph.__file__).parents[1])}
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-pretty", *names]
    completed = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert completed.returncode in (0, 1), completed.stdout + completed.stderr
    errors: dict[str, set[tuple[int, str]]] = {name: set() for name in names}
    for name, line, code in re.findall(
        r"^(.*?):(\d+): error: .*\[([a-z-]+)\]$", completed.stdout, re.MULTILINE
    ):
        errors[name].add((int(line), code))
    return errors


def test_good_rules_have_no_errors(reported: dict[str, set[tuple[int, str]]]) -> None:
    assert reported["valid_rules.py"] == set()


def test_each_mistake_is_reported_at_its_line(
    reported: dict[str, set[tuple[int, str]]],
) -> None:
    lines = (HERE / "wrong_rules.py").read_text().splitlines()
    expected = {
        (number, code)
        for number, line in enumerate(lines, 1)
        for code in re.findall(r"# E: ([a-z-]+)", line)
    }
    assert len(expected) >= 10
    assert reported["wrong_rules.py"] == expected


def test_the_good_rules_use_the_whole_interface() -> None:
    text = (HERE / "valid_rules.py").read_text()
    unused = [name for name in buildgraph.__all__ if len(re.findall(rf"\b{name}\b", text)) < 2]
    assert unused == []
