"""`test --runs N`: flaky tests are found, and a pass of one is never a hit."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.workspace import Space, space

BUILD = """
[workspace]
name = "w"

[tests]
rule = "pytest"
srcs = ["*.py"]

[words]
rule = "command"
argv = ["cp", "{text}", "{out}"]
inputs = { text = "BUILD.toml" }
outputs = { out = "o" }
"""
SOUND = "def test_sound():\n    assert 1 + 1 == 2\n"
FLAKY = "import os\n\n\ndef test_flaky():\n    assert os.environ['PYTHONHASHSEED'] != '2'\n"


@pytest.fixture
def workspace(tmp_path: Path) -> Space:
    workspace = space(tmp_path, BUILD)
    workspace.write("test_sound.py", SOUND)
    return workspace


def test_runs_that_pass_change_nothing(workspace: Space) -> None:
    workspace.run("test", "//:tests")
    run = workspace.run("test", "//:tests", "--runs", "4")
    (row,) = [line for line in run.out.splitlines() if "runs of pytest tests  runs" in line]
    assert row.split()[-2:] != [] and '{"failed": 0,' in row
    assert "1 hit" in run.out
    assert "nothing changed" in workspace.run("test", "//:tests").out


def test_a_flaky_test_fails_and_its_pass_is_never_a_hit(workspace: Space) -> None:
    workspace.write("test_flaky.py", FLAKY)
    workspace.run("test", "//:tests")
    assert "nothing changed" in workspace.run("test", "//:tests").out
    run = workspace.run("test", "//:tests", "--runs=4", "--json", code=1)
    (judged,) = [event for event in run.events if event.get("gate") == "runs of pytest tests"]
    assert judged["verdict"] == "failed"
    assert judged["why"].startswith("test_flaky.py: error: test_flaky::test_flaky is flaky: 1 of 4")
    for _ in range(2):
        run = workspace.run("test", "//:tests", "--json")
        assert run.titles() == ["pytest tests"]
    workspace.write("test_flaky.py", SOUND)
    workspace.run("test", "//:tests")
    assert "nothing changed" in workspace.run("test", "//:tests").out


def test_a_test_that_fails_always_is_not_called_flaky(workspace: Space) -> None:
    workspace.write("test_sound.py", SOUND.replace("== 2", "== 3"))
    run = workspace.run("test", "//:tests", "--runs=3", code=1)
    assert "flaky" not in run.err + run.out
    assert "test_sound.py:2: error: test_sound: assert" in run.err


def test_a_gate_whose_program_is_missing_is_not_repeated(workspace: Space) -> None:
    workspace.write("BUILD.toml", BUILD.replace('*.py"]', '*.py"]\nprograms = ["no-such-program"]'))
    run = workspace.run("test", "//:tests", "--runs=2", code=1)
    assert "no-such-program" in run.err and "no gate of the rule pytest was run" in run.err


@pytest.mark.parametrize("number", ["1", "x", "-2", "1001"])
def test_a_wrong_number_is_refused(workspace: Space, number: str) -> None:
    run = workspace.run("test", "//:tests", f"--runs={number}", code=2)
    assert f"--runs={number}: not a number from 2 to 1000" in run.err


def test_targets_without_tests_are_named(workspace: Space) -> None:
    run = workspace.run("test", "//:words", "--runs=2")
    assert "no gate of the rule pytest was run" in run.err
