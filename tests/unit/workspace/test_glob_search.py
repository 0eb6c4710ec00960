"""The search for a glob: its order, its limits, and the entries that it does not follow."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildgraph.types.errors import BuildError, Location
from buildgraph.workspace import glob_search
from buildgraph.workspace.folder_listing import FolderListing
from buildgraph.workspace.glob_search import GlobSearch
from tests.support.analysed_workspace import write

AT = Location("BUILD.toml", 3)


def search(root: Path, *parts: str) -> GlobSearch:
    """A search in a workspace."""
    return GlobSearch(FolderListing(str(root)), parts, AT)


def test_each_file_is_found_once(tmp_path: Path) -> None:
    write(tmp_path, {"a/x.txt": "", "a/b/x.txt": "", "x.txt": ""})
    assert search(tmp_path, "**", "x.txt").run("") == {"x.txt", "a/x.txt", "a/b/x.txt"}
    assert search(tmp_path, "**", "b", "**", "*").run("a") == {"a/b/x.txt"}


def test_the_searched_folders_are_inputs_of_analysis(tmp_path: Path) -> None:
    write(tmp_path, {"a/x.txt": "", "b/y.txt": ""})
    listing = FolderListing(str(tmp_path))
    assert GlobSearch(listing, ("a", "*"), AT).run("") == {"a/x.txt"}
    assert listing.lookups == {"": {"=a"}, "a": {"f/"}}


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("/etc", "'link' is a link out of the workspace, and globs do not follow it"),
        ("nowhere", "'link' is a link to nothing"),
        ("out", "'link' is a link to a folder that has no sources, and globs do not follow it"),
        (".", "'link' is a link to a folder that it is in, and globs do not follow it"),
    ],
)
def test_links_that_are_not_followed_are_hints(tmp_path: Path, target: str, hint: str) -> None:
    write(tmp_path, {"out/x.txt": ""})
    os.symlink(target, tmp_path / "link")
    globbed = search(tmp_path, "*", "*.txt")
    assert globbed.run("") == set() and globbed.hint() == hint


def test_links_that_are_followed_are_limited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, {f"d/{number}/x.txt": "" for number in range(9)})
    (tmp_path / "w").mkdir()
    os.symlink("../d", tmp_path / "w/link")
    assert len(search(tmp_path, "**", "x.txt").run("w")) == 9
    monkeypatch.setattr(glob_search, "_MAX_LINKED", 5)
    with pytest.raises(BuildError, match="more than 5 folders behind links") as error:
        search(tmp_path, "**", "x.txt").run("w")
    assert error.value.at == AT


def test_long_paths_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, {"deep/x.txt": ""})
    monkeypatch.setattr(glob_search, "_MAX_PATH", len(str(tmp_path)) + 4)
    with pytest.raises(BuildError, match="is longer than the system allows"):
        search(tmp_path, "**", "x.txt").run("")
