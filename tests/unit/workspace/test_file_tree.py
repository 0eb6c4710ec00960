"""The files that match a glob."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildgraph.types.errors import BuildError
from buildgraph.workspace.file_tree import FileTree
from tests.support.analysed_workspace import write


@pytest.fixture
def tree(tmp_path: Path) -> FileTree:
    """A workspace with files, hidden files, and folders without sources."""
    names = ["a.txt", "B.txt", "d/a.txt", "d/e/b.txt", "d/.hidden", "out/x.txt", "cache/c.txt"]
    write(tmp_path, dict.fromkeys([*names, "venv/pyvenv.cfg", "venv/v.txt"], ""))
    return FileTree(str(tmp_path), "cache")


@pytest.mark.parametrize(
    ("glob", "names"),
    [
        ("*.txt", ["B.txt", "a.txt"]),
        ("**/*.txt", ["B.txt", "a.txt", "d/a.txt", "d/e/b.txt"]),
        ("d/**", ["d/a.txt", "d/e/b.txt"]),
        ("d/.*", ["d/.hidden"]),
        ("out/*.txt", ["out/x.txt"]),
        ("*/a.txt", ["d/a.txt"]),
        ("*.zip", []),
    ],
)
def test_a_glob_matches_files(tree: FileTree, glob: str, names: list[str]) -> None:
    assert tree.glob("", glob, None) == names


def test_links_to_folders_are_followed_and_circles_are_not(tree: FileTree) -> None:
    os.symlink("../d/e", os.path.join(tree.root, "d/link"))
    os.symlink("..", os.path.join(tree.root, "d/e/up"))
    assert tree.glob("d", "**/*.txt", None) == ["d/a.txt", "d/e/b.txt", "d/link/b.txt"]
    assert tree.glob("d", "e/**/*.zip", None) == []
    assert tree.explain_no_match("d") == (
        "'d/e/up' is a link to a folder that it is in, and globs do not follow it"
    )


def test_a_glob_without_matches_is_explained(tree: FileTree) -> None:
    assert tree.glob("d", "*.zip", None) == []
    assert tree.explain_no_match("d") == "globs are relative to d"
    assert tree.glob("", "dd/*.txt", None) == []
    assert tree.explain_no_match("") == "did you mean 'd'?"
    os.symlink("/etc", os.path.join(tree.root, "d/away"))
    assert FileTree(tree.root).glob("d", "**/*.zip", None) == []


def test_a_path_without_wildcards_must_be_a_file(tree: FileTree) -> None:
    assert tree.glob("", "d/a.txt", None) == ["d/a.txt"]
    with pytest.raises(BuildError, match="'d' is a folder") as error:
        tree.glob("", "d", None)
    assert error.value.fix == 'write "d/**" for all its files'
