"""A part of a workspace answers as the whole does, and says when it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from buildgraph.types.digest import Digest
from buildgraph.types.label import Label, Pattern
from buildgraph.workspace.partial_workspace import NotPartial, PartialWorkspace
from buildgraph.workspace.workspace import Workspace

ROOT = """
[workspace]
name = "w"
[a]
rule = "command"
argv = ["x"]
[a.env]
X = "1"
[p.q]
rule = "command"
[m]
rule = "command"
matrix = { timeout = ["1s"] }
"""
INNER = "[q.r]\nrule = 'files'\n[s]\nrule = 'files'\n"
LABELS = ("//:a", "//p:q", "//p/q:r", "//p:s")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A workspace of two files."""
    (tmp_path / "p").mkdir()
    (tmp_path / "BUILD.toml").write_text(ROOT)
    (tmp_path / "p/BUILD.toml").write_text(INNER)
    return tmp_path


def _part(root: Path, most: int = 99, *, labels: bool = True) -> PartialWorkspace:
    names = ("BUILD.toml", "p/BUILD.toml")
    files = {name: str(Digest.of((root / name).read_bytes())) for name in names}
    return PartialWorkspace(str(root), {}, files, LABELS if labels else None, most=most)


@pytest.mark.parametrize("text", LABELS)
def test_a_target_is_that_of_the_whole(root: Path, text: str) -> None:
    label = Label.parse(text)
    part, whole = _part(root).target(label), Workspace(str(root)).target(label)
    assert (part.label, part.rule, part.values) == (whole.label, whole.rule, whole.values)
    assert (part.folder, part.nested) == (whole.folder, whole.nested)


@pytest.mark.parametrize("text", ["//...", "//:*", "//p:*", "//p/...", "//p/q:*"])
def test_a_pattern_matches_as_in_the_whole(root: Path, text: str) -> None:
    (root / "BUILD.toml").write_text(ROOT.partition("[m]")[0])
    pattern = Pattern.parse(text)
    assert _part(root).matching(pattern) == Workspace(str(root)).matching(pattern)


def test_settings_are_those_of_the_whole(root: Path) -> None:
    assert _part(root).settings == Workspace(str(root)).settings


@pytest.mark.parametrize("text", ["//:m", "//:none", "//p/q:none", "//:m.1s"])
def test_a_matrix_and_a_missing_target_need_the_whole(root: Path, text: str) -> None:
    with pytest.raises(NotPartial):
        _part(root).target(Label.parse(text))


def test_patterns_need_all_labels(root: Path) -> None:
    with pytest.raises(NotPartial):
        _part(root, labels=False).matching(Pattern.parse("//..."))


def test_a_new_or_another_file_needs_the_whole(root: Path) -> None:
    part = _part(root)
    (root / "p/q").mkdir()
    (root / "p/q/BUILD.toml").write_text("")
    with pytest.raises(NotPartial):
        part.target(Label.parse("//p/q:r"))
    part = _part(root)
    (root / "p/BUILD.toml").write_text(INNER + "\n")
    with pytest.raises(NotPartial):
        part.target(Label.parse("//p:s"))


def test_a_label_of_two_files_needs_the_whole(root: Path) -> None:
    (root / "p/BUILD.toml").write_text("[q]\nrule = 'files'\n")
    with pytest.raises(NotPartial):
        _part(root).target(Label.parse("//p:q"))


def test_only_tables_that_are_asked_for_are_parsed(root: Path) -> None:
    part = _part(root, most=3)  # //p/q:r may be in [p.q] of the root, too
    part.target(Label.parse("//:a"))
    part.target(Label.parse("//:a"))
    part.target(Label.parse("//p/q:r"))
    with pytest.raises(NotPartial):
        part.target(Label.parse("//p:s"))
