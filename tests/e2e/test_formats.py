"""The example of models in other programs' formats: built, answering as its README says, and refused in place."""
from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.e2e.test_examples import blocks, program
from tests.needs import need
from tests.rooms import EXAMPLES, copy

FOLDER = EXAMPLES / "formats"


@pytest.mark.slow
def test_the_lake_answers_as_the_readme_says(tmp_path: Path) -> None:
    need("qemu-aarch64-static")
    lake = copy("formats", tmp_path / "w", tmp_path / "cache")
    [commands] = blocks(FOLDER / "README.md", "sh")
    asked, answered = blocks(FOLDER / "README.md", "json")
    build, talk = commands.splitlines()
    lake.run(*program(build))
    assert (lake.root / "ticks.jsonl").read_text() == asked
    done = subprocess.run(["sh", "-c", talk], cwd=lake.root, capture_output=True, text=True, check=True)
    assert done.stdout == answered


def test_every_file_of_the_lake_stands_in_the_readme() -> None:
    text = (FOLDER / "README.md").read_text()
    for path in (*FOLDER.glob("*.*"), *FOLDER.glob("models/*")):
        assert path.name == "README.md" or f"`{path.relative_to(FOLDER)}`" in text


def test_a_label_is_built_and_shown(tmp_path: Path) -> None:
    lake = copy("formats", tmp_path / "w", tmp_path / "cache")
    shown = json.loads(lake.run("model", "show", "//models:ferry", "--json").out)
    assert [state["name"] for state in shown["states"]] == ["state", "last_action"]
    assert "makes no model" in lake.run("model", "show", "//hardware:pi", code=2).err


def test_a_comment_stops_at_the_arrays(tmp_path: Path) -> None:
    lake = copy("formats", tmp_path / "w", tmp_path / "cache")
    before = lake.run("build", "//models:ferry", "--quiet").out
    text = (lake.root / "models/ferry.pomdp").read_text()
    lake.write("models/ferry.pomdp", text + "# said later\n")
    assert lake.run("build", "//models:ferry", "--quiet").out == before


def test_what_is_wrong_in_a_file_fails_its_action(tmp_path: Path) -> None:
    lake = copy("formats", tmp_path / "w", tmp_path / "cache")
    text = (lake.root / "models/ferry.pomdp").read_text()
    lake.write("models/ferry.pomdp", text.replace("0.8 0.2 0.0", "0.8 0.3 0.0"))
    failed = lake.run("build", "//models:ferry", code=1)
    assert "T: row-west : middle sums to 1.1, not to 1" in failed.err and "Traceback" not in failed.err
