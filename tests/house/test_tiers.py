"""Every folder of tests belongs to one tier of `python -m tests.run`; chores run their commands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import run
from tests.support import tier_times

ROOT = Path(__file__).parents[2]


def test_every_folder_of_tests_has_one_tier() -> None:
    folders = {
        f"tests/{file.relative_to(ROOT / 'tests').parts[0]}"
        for file in (ROOT / "tests").glob("*/**/test_*.py")
    }
    tiers = [folder for names in run.TIERS.values() for folder in names]
    assert len(tiers) == len(set(tiers))
    assert folders <= set(tiers), "name the folder in tests/run.py"
    assert set(run.TIERS) <= set(run.CHORES)


def test_arguments_after_two_dashes_go_to_pytest() -> None:
    assert run.parse(["unit", "e2e", "--", "-k", "cache"]) == (["unit", "e2e"], ["-k", "cache"])
    (command,) = run.CHORES["unit"].commands(["-k", "cache"])
    assert command[:2] == ["-m", "pytest"] and command[command.index("-k") + 1] == "cache"
    assert "tests/unit" in command


def test_the_first_command_that_fails_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    commands = []

    def fail(command: list[str], environment: dict[str, str]) -> int:
        commands.append((command, environment.get("BUILDGRAPH_GOLDEN")))
        return 3

    monkeypatch.setattr(run, "run", fail)
    assert run.main(["lint", "generate"]) == 3
    assert commands == [(["-m", "ruff", "check", "."], None)]
    assert run.main(["generate"]) == 3
    assert commands[1][1] == "write"


def test_the_golden_tests_are_those_that_write() -> None:
    names = run.golden_tests()
    assert "tests/golden/test_console.py" in names and len(names) >= 3
    assert all((ROOT / name).is_file() for name in names)


@pytest.mark.parametrize(("words", "code"), [(["--help"], 0), (["nothing"], 2), ([], 2)])
def test_the_command_line(words: list[str], code: int) -> None:
    command = [sys.executable, "-m", "tests.run", *words]
    completed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert completed.returncode == code
    assert all(name in completed.stdout + completed.stderr for name in run.CHORES) or code == 2


def test_an_exit_code_of_pytest_is_passed_on() -> None:
    command = [sys.executable, "-m", "tests.run", "bench", "--", "--co", "-k", "xyzzy"]
    completed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert completed.returncode == pytest.ExitCode.NO_TESTS_COLLECTED


def test_times_are_summed_by_tier() -> None:
    assert tier_times.tier_of("tests/unit/types/test_label.py::test_x[a/b]") == "unit"
    assert tier_times.tier_of("tests/e2e/test_why.py::test_y") == "e2e"
    reports = [
        SimpleNamespace(nodeid="tests/unit/a/test_b.py::test_c", when=when, duration=2.0)
        for when in ("setup", "call")
    ]
    lines: list[str] = []
    reporter = SimpleNamespace(
        stats={"passed": reports[1:], "": [reports[0], object()]},
        section=lines.append,
        write_line=lines.append,
    )
    tier_times.summarize(reporter)
    assert lines[1] == "unit 4 s (1)"
