"""Listed folders: sources by path, and the folders that are inputs of analysis."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildgraph.files.stamp import fingerprint
from buildgraph.types.errors import BuildError
from buildgraph.workspace.folder_listing import FolderListing
from tests.support.analysed_workspace import write


@pytest.fixture
def tree(tmp_path: Path) -> FolderListing:
    """A workspace with files, hidden files, and folders without sources."""
    names = ["a.txt", "B.txt", "d/a.txt", "d/e/b.txt", "d/.hidden", "out/x.txt", "cache/c.txt"]
    write(tmp_path, dict.fromkeys([*names, "venv/pyvenv.cfg", "venv/v.txt"], ""))
    return FolderListing(str(tmp_path), "cache")


def test_entries_are_sorted_and_the_folder_is_stamped(tree: FolderListing) -> None:
    assert list(tree.entries("d")) == [".hidden", "a.txt", "e"]
    assert tree.stamps == {"d": fingerprint(os.path.join(tree.root, "d"))}
    assert tree.entries("none") == {} == tree.entries("a.txt")
    assert tree.exists("d") and not tree.exists("none")


def test_a_lookup_is_recorded_at_the_nearest_folder_that_exists(tree: FolderListing) -> None:
    tree.record_lookup("d/none/deep", "=x")
    assert tree.lookups == {"d": {"=none"}}


def test_folders_without_sources_are_skipped(tree: FolderListing) -> None:
    assert tree.subfolders("") == ["d"]
    # The file pyvenv.cfg may be removed, or appear elsewhere.
    venv = {"=pyvenv.cfg"}
    assert tree.lookups == {"": {"d/"}, "venv": venv, "d": venv}


@pytest.mark.parametrize(
    ("folder", "path", "name"),
    [("", "d/a.txt", "d/a.txt"), ("d", "e/", "d/e"), ("d", ".hidden", "d/.hidden")],
)
def test_a_source_is_named_from_the_root(
    tree: FolderListing, folder: str, path: str, name: str
) -> None:
    assert tree.source(folder, path, None) == name


@pytest.mark.parametrize(
    ("path", "what", "fix"),
    [
        ("../a.txt", "is not a relative path inside this folder", "without . and .."),
        ("/a.txt", "is not a relative path inside this folder", "relative to d"),
        ("A.txt", "no file 'A.txt'", "did you mean 'a.txt'?"),
        ("zzzzzz", "no file 'zzzzzz'", "there is no 'zzzzzz' in d"),
        ("a.txt/x", "is not a folder", ""),
    ],
)
def test_a_missing_source_is_an_error(tree: FolderListing, path: str, what: str, fix: str) -> None:
    with pytest.raises(BuildError, match=what) as error:
        tree.source("d", path, None)
    assert fix in error.value.fix


@pytest.mark.parametrize(
    ("target", "what"),
    [
        ("/etc/hostname", "is a link out of the workspace"),
        ("nowhere", "is a link to nothing"),
        ("link", "is a link that leads in a circle"),
        ("cache/c.txt", "is part of the build cache"),
    ],
)
def test_a_link_must_lead_to_a_file_of_the_workspace(
    tree: FolderListing, target: str, what: str
) -> None:
    os.symlink(target, os.path.join(tree.root, "link"))
    with pytest.raises(BuildError, match=what):
        tree.source("", "link", None)
