"""The example of models in other formats: building, answers of its README, and errors."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.e2e.test_examples import blocks, program
from tests.support.requirements import need
from tests.support.small_filesystems import EXAMPLES, copy
from tests.support.workspace import space

FOLDER = EXAMPLES / "formats"


@pytest.mark.slow
def test_the_lake_gives_the_answers_of_the_readme(tmp_path: Path) -> None:
    need("qemu-aarch64-static")
    lake = copy("formats", tmp_path / "w", tmp_path / "cache")
    [commands] = blocks(FOLDER / "README.md", "sh")
    requests, answers = blocks(FOLDER / "README.md", "json")
    build, run_command = commands.splitlines()
    lake.run(*program(build))
    assert (lake.root / "ticks.jsonl").read_text() == requests
    result = subprocess.run(
        ["sh", "-c", run_command], cwd=lake.root, capture_output=True, text=True, check=True
    )
    assert result.stdout == answers


def test_the_readme_of_the_lake_lists_every_file() -> None:
    text = (FOLDER / "README.md").read_text()
    for path in (*FOLDER.glob("*.*"), *FOLDER.glob("models/*")):
        assert path.name == "README.md" or f"`{path.relative_to(FOLDER)}`" in text


def test_a_label_is_built_and_shown(tmp_path: Path) -> None:
    lake = copy("formats", tmp_path / "w", tmp_path / "cache")
    shown = json.loads(lake.run("model", "show", "//models:ferry", "--json").out)
    assert [state["name"] for state in shown["states"]] == ["state", "last_action"]
    assert "produces no model" in lake.run("model", "show", "//hardware:pi", code=2).err


def test_a_comment_does_not_change_the_outputs(tmp_path: Path) -> None:
    lake = copy("formats", tmp_path / "w", tmp_path / "cache")
    before = lake.run("build", "//models:ferry", "--quiet").out
    text = (lake.root / "models/ferry.pomdp").read_text()
    lake.write("models/ferry.pomdp", text + "# added later\n")
    assert lake.run("build", "//models:ferry", "--quiet").out == before


def test_an_error_in_a_file_fails_its_action(tmp_path: Path) -> None:
    lake = copy("formats", tmp_path / "w", tmp_path / "cache")
    text = (lake.root / "models/ferry.pomdp").read_text()
    lake.write("models/ferry.pomdp", text.replace("0.8 0.2 0.0", "0.8 0.3 0.0"))
    failed = lake.run("build", "//models:ferry", code=2)
    assert (
        "T: row-west : middle sums to 1.1, not to 1" in failed.err and "Traceback" not in failed.err
    )


TIGER = """\
discount: 0.95
values: reward
states: tiger-left tiger-right
actions: listen left right
observations: growl-left growl-right
T: listen identity
T: left uniform
T: right uniform
O: * uniform
O: listen
0.85 0.15
0.15 0.85
R: listen : * : * : * -1
R: left : tiger-left : * : * -100
R: left : tiger-right : * : * 10
R: right : tiger-left : * : * 10
R: right : tiger-right : * : * -100
"""
TIGERS = """\
[workspace]
name = "tigers"
[models]
plain = { rule = "model", source = "tiger.pomdp" }
short = { rule = "model", source = "tiger.pomdp", rewards = "observed" }
long = { rule = "model", source = "tiger.pomdp", rewards = { kind = "observed", scale = 0.5 } }
[coalitions.c]
rule = "coalition"
agents = { tiger = "//models:plain" }
[hardware.x86]
rule = "hardware"
profile = "x86-64-generic"
[exports.x86]
rule = "export"
coalition = "//coalitions:c"
hardware = "//hardware:x86"
"""


@pytest.mark.slow
def test_rewards_of_actions_are_observed_and_the_program_opens_the_other_door(
    tmp_path: Path,
) -> None:
    workspace = space(tmp_path, TIGERS)
    workspace.write("tiger.pomdp", TIGER)
    workspace.run("build", "//exports:x86")
    lines = "".join(
        json.dumps({"tiger": seen}) + "\n"
        for seen in ([0, 0], [1, 2], [0, 2], [0, 2], [0, 2], [1, 3])
    )
    result = subprocess.run(
        [workspace.root / "out/exports/x86/agent"],
        input=lines,
        capture_output=True,
        text=True,
        check=True,
    )
    assert [json.loads(line)["tiger"]["action"] for line in result.stdout.splitlines()] == [
        [0],
        [0],
        [0],
        [0],
        [2],
        [0],
    ]
    report = workspace.root / "out/exports/x86/report"
    assert json.loads((report / "report.json").read_bytes())["agents"]["tiger"]["utility_only"] == [
        1
    ]
    assert "3 of length 1, modality 1 by utility only" in (report / "report.txt").read_text()


def test_rewards_are_shown_and_wrong_values_are_refused(tmp_path: Path) -> None:
    workspace = space(tmp_path, TIGERS)
    workspace.write("tiger.pomdp", TIGER)
    assert (
        "observed, 3 levels (-100, -1, 10)" in workspace.run("model", "show", "//models:plain").out
    )
    plain, short, long = (
        json.loads(workspace.run("model", "show", f"//models:{name}", "--json").out)
        for name in ("plain", "short", "long")
    )
    assert (
        plain == short != long
        and long["rewards"]["scale"] == 0.5
        and plain["rewards"]["levels"] == ["-100", "-1", "10"]
    )
    workspace.write("BUILD.toml", TIGERS.replace('"observed"', '"observd"', 1))
    assert "did you mean 'observed'?" in workspace.run("build", "//models:short", code=2).err
    workspace.write("BUILD.toml", TIGERS.replace('"observed"', '"preferences"', 1))
    assert 'rewards = "observed"' in workspace.run("build", "//models:short", code=None).err
