"""An edit of a program that ships with buildgraph runs its actions again, from every start."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from tests.support.workspace import Space, space

ROOT = Path(__file__).parents[2]
TREE = '[workspace]\nname = "w"\n[t]\nrule = "files"\nsrcs = ["*.txt"]\n'


@pytest.fixture
def of(tmp_path: Path) -> Space:
    """Return a workspace that is built with a copy of buildgraph, in which a test can edit."""
    ignored = shutil.ignore_patterns("__pycache__")
    site = tmp_path / "site/buildgraph"
    shutil.copytree(ROOT / "buildgraph", site, ignore=ignored)
    shutil.copytree(ROOT / "rules", site / "rules", ignore=ignored)
    workspace = space(tmp_path, TREE)
    workspace.env["PYTHONPATH"] = str(tmp_path / "site")
    workspace.write("a.txt", "a")
    time.sleep(0.15)  # a younger file is read again by the next build
    return workspace


def edit(of: Space) -> None:
    """Add a comment to the program that copies trees."""
    tool = Path(of.env["PYTHONPATH"], "buildgraph/rules/tools/copy_tree.py")
    tool.write_text(f"{tool.read_text()}# {time.time_ns()}\n")
    time.sleep(0.15)


def counts(of: Space) -> str:
    """Build and return the number of actions that ran, and the number of hits."""
    done = of.run("build", "//...").out.splitlines()[-1]
    return "nothing" if "nothing changed" in done else ", ".join(done.split(", ")[:2])


def test_the_action_of_an_edited_program_runs_again(of: Space, tmp_path: Path) -> None:
    """It does so after a build here, without the state of the workspace, and in a clone."""
    assert counts(of) == "1 ran, 0 hits"
    assert counts(of) == "nothing"
    edit(of)
    assert counts(of) == "1 ran, 0 hits"
    shutil.rmtree(of.root / ".buildgraph")
    assert counts(of) == "0 ran, 1 hit"
    edit(of)
    shutil.rmtree(of.root / ".buildgraph")
    assert counts(of) == "1 ran, 0 hits"
    edit(of)
    clone = space(tmp_path / "clone", TREE, of.cache)
    clone.env |= of.env
    clone.write("a.txt", "a")
    assert counts(clone) == "1 ran, 0 hits"
    of.write("a.txt", "changed")
    edit(of)
    assert counts(of) == "1 ran, 0 hits"


def test_it_runs_again_after_an_edit_of_a_value(of: Space) -> None:
    """The analysis of an edited table keeps the stamps of programs that it does not read."""
    assert counts(of) == "1 ran, 0 hits"
    of.write("BUILD.toml", TREE.replace('"*.txt"', '"*.txt", "!b*.txt"'))
    time.sleep(0.15)
    assert counts(of) == "0 ran, 1 hit"
    time.sleep(0.15)
    assert counts(of) in ("0 ran, 1 hit", "nothing") and counts(of) == "nothing"
    edit(of)
    assert counts(of) == "1 ran, 0 hits"
