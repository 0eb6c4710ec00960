"""Committed sources: flags, ignored files, links, submodules, folders of a repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildgraph.explain.git import Repository
from buildgraph.release.checkout import (
    check_committed,
    check_tracked,
    check_unchanged,
    head_commit,
)
from buildgraph.release.documents import file_digest
from buildgraph.types.errors import BuildError
from tests.support.release_workspace import GIT, git


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A workspace in the folder `in ner` of a repository, with one commit."""
    for name, value in GIT.items():
        monkeypatch.setenv(name, value)
    git(tmp_path, "init", "-q", "-b", "main", "top")
    inner = tmp_path / "top/in ner"
    (inner / "real").mkdir(parents=True)
    (inner / "a.txt").write_text("a\n")
    (inner / "real/b.txt").write_text("b\n")
    (inner / "link").symlink_to("real")
    (inner / "file-link").symlink_to("a.txt")
    (inner / ".gitignore").write_text("*.log\n")
    git(inner, "add", "-A")
    git(inner, "commit", "-q", "-m", "one")
    return inner


def refused(folder: Path, *names: str) -> str:
    """The error for sources that are not committed."""
    with pytest.raises(BuildError) as raised:
        check_committed(str(folder), names)
    assert raised.value.reason == "dirty" and raised.value.code == 2
    return raised.value.what


def test_committed_files_and_links_are_accepted(folder: Path) -> None:
    check_committed(str(folder), ["a.txt", "real/b.txt", "link/b.txt", "file-link"])
    commit = head_commit(str(folder), Repository.around(str(folder)))
    assert (commit.folder, commit.time) == ("in ner", 1700000000)
    assert commit.document("")["tree"] == git(folder, "rev-parse", "HEAD^{tree}").strip()


def test_a_file_that_no_clone_has_is_refused(folder: Path) -> None:
    (folder / "new.txt").write_text("new\n")
    (folder / "x.log").write_text("ignored\n")
    assert refused(folder, "a.txt", "new.txt", "x.log").endswith("commit: new.txt, x.log")


def test_a_link_that_leads_elsewhere_is_refused(folder: Path) -> None:
    (folder / "link").unlink()
    (folder / "link").symlink_to(".")
    (folder / "b.txt").write_text("b\n")
    assert "link/b.txt" in refused(folder, "link/b.txt")


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_a_changed_file_that_git_does_not_check_is_refused(folder: Path, flag: str) -> None:
    git(folder, "update-index", flag, "a.txt")
    (folder / "a.txt").write_text("changed\n")
    repository = Repository.around(str(folder))
    check_tracked(repository)  # git does not look at it
    assert "a.txt" in refused(folder, "a.txt")


def test_a_change_anywhere_in_the_repository_is_refused(folder: Path) -> None:
    repository = Repository.around(str(folder))
    check_tracked(repository)
    (folder.parent / "outside.txt").write_text("untracked\n")
    check_tracked(repository)
    git(folder, "add", "-A", "..")
    with pytest.raises(BuildError, match=r"outside\.txt"):
        check_tracked(repository)


def test_a_change_without_a_new_time_stamp_is_refused(folder: Path) -> None:
    path = folder / "a.txt"
    digest = f"sha256:{file_digest(path)}"
    check_unchanged(str(folder), {"a.txt": digest})
    status = path.stat()
    path.write_text("b\n")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    with pytest.raises(BuildError, match=r"a\.txt changed") as raised:
        check_unchanged(str(folder), {"a.txt": digest})
    assert raised.value.code == 3


def test_a_file_of_a_submodule_is_committed(folder: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main", "sub")
    (tmp_path / "sub/s.txt").write_text("s\n")
    git(tmp_path / "sub", "add", "-A")
    git(tmp_path / "sub", "commit", "-q", "-m", "sub")
    words = ("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(tmp_path / "sub"))
    git(folder, *words, "sub")
    git(folder, "commit", "-q", "-m", "two")
    check_committed(str(folder), ["sub/s.txt"])
    (folder / "sub/s.txt").write_text("changed\n")
    assert "sub/s.txt" in refused(folder, "sub/s.txt")
