"""Inputs of analysis are equal in a workspace if every file has its content and every folder its
entries.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildgraph.files.entries import SUBFOLDERS, Listing, find_now, listings_of, matching
from buildgraph.files.stamp import fingerprint
from buildgraph.state.analysis_inputs import (
    AnalysisInputs,
    analysis_inputs,
)
from buildgraph.types.digest import Digest

LOOKUPS = frozenset({matching("*.txt", folders=False), SUBFOLDERS})


@pytest.fixture
def inputs(tmp_path: Path) -> AnalysisInputs:
    """A BUILD.toml, and two folders in which text files and folders were looked for."""
    root = tmp_path / "w"
    (root / "src/deep").mkdir(parents=True)
    (root / "BUILD.toml").write_text("text\n")
    (root / "src/a.txt").write_text("a")
    paths = [str(root / "BUILD.toml"), str(root), str(root / "src")]
    return AnalysisInputs(
        str(root),
        tuple(paths),
        {path: Listing(LOOKUPS, find_now(str(root), path, LOOKUPS)) for path in paths[1:]},
        {"BUILD.toml": Digest.of(b"text\n")},
        {path: fingerprint(path) for path in paths},
        {"BUILD.toml": "hash"},
    )


def _here(inputs: AnalysisInputs) -> AnalysisInputs | None:
    return analysis_inputs(inputs.root, inputs.files(), inputs.listed(), ["BUILD.toml", "hash"])


def test_equal_inputs_are_found_again(inputs: AnalysisInputs) -> None:
    here = _here(inputs)
    assert here is not None
    assert (here.files(), here.listed()) == (inputs.files(), inputs.listed())
    assert (here.folders, here.stamps) == (inputs.folders, inputs.stamps)
    assert here.texts == inputs.texts
    assert listings_of(inputs.listed())["src"].entries == {"a.txt", "deep/"}


def test_what_builds_make_in_the_root_is_no_entry(inputs: AnalysisInputs) -> None:
    for name in ("out", ".buildgraph"):
        os.mkdir(f"{inputs.root}/{name}")
    assert _here(inputs) is not None
    os.mkdir(f"{inputs.root}/src/.buildgraph")
    Path(inputs.root, "src/notes.md").write_text("notes")
    assert _here(inputs) is not None
    os.mkdir(f"{inputs.root}/src/more")
    assert _here(inputs) is None


@pytest.mark.parametrize("kind", ["content", "size", "removed", "entry", "kind of entry", "folder"])
def test_other_inputs_are_not(inputs: AnalysisInputs, kind: str) -> None:
    root = Path(inputs.root)
    match kind:
        case "content":
            (root / "BUILD.toml").write_text("Text\n")
        case "size":
            (root / "BUILD.toml").write_text("text\n# more\n")
        case "removed":
            (root / "BUILD.toml").unlink()
        case "entry":
            (root / "src/b.txt").write_text("b")
        case "kind of entry":
            (root / "src/a.txt").unlink()
            (root / "src/a.txt").mkdir()
        case "folder":
            (root / "src").rename(root / "other")
    assert _here(inputs) is None


def test_the_present_stamp_of_a_folder_needs_equal_entries(inputs: AnalysisInputs) -> None:
    folder = f"{inputs.root}/src"
    os.utime(folder, ns=(1, 1))
    assert inputs.stamp_now(folder) == fingerprint(folder) != inputs.stamps[folder]
    Path(folder, "b.txt").write_text("b")
    assert inputs.stamp_now(folder) is None and inputs.stamp_now(f"{folder}/none") is None
