"""Commits, trees, objects and the index of a git repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from buildgraph.explain.git import PROGRAM, Repository
from buildgraph.types.digest import Digest
from buildgraph.types.errors import BuildError
from tests.support.requirements import need


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    """A repository with one commit."""
    need("git")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    (tmp_path / "d").mkdir()
    (tmp_path / "d/program").write_text("x\n")
    (tmp_path / "d/program").chmod(0o755)
    (tmp_path / '"odd\n').write_text("odd\n")
    (tmp_path / ".gitignore").write_text("*.bin\n")
    author = ["-c", "user.name=n", "-c", "user.email=e@x"]
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run(["git", "-C", str(tmp_path), *author, *words], check=True)
    return Repository.around(str(tmp_path / "d"))


def test_a_commit_and_its_files(repository: Repository) -> None:
    commit = repository.commit("main")
    assert commit and commit == repository.commit("HEAD") and len(commit) in (40, 64)
    assert repository.commit("nothing") is None and repository.commit("") is None
    tree = repository.tree(commit)
    files = {path: (mode, name) for path, mode, name in tree or ()}
    assert set(files) == {"d/program", '"odd\n', ".gitignore"}
    mode, name = files["d/program"]
    assert mode == PROGRAM and repository.content(name) == b"x\n"
    assert repository.digest(name) == Digest.of(b"x\n")
    assert [path for path, _, _ in repository.tree(commit, ("d",)) or ()] == ["d/program"]
    assert repository.tree("0" * 40) is None
    repository.close()


def test_the_index_and_the_work_tree(repository: Repository) -> None:
    index = repository.index()
    assert index["d/program"].tag == "H" and index["d/program"].mode == PROGRAM
    assert repository.changed("HEAD") == set()
    assert repository.ignored(["a.bin", "d/program", "new.txt"]) == {"a.bin"}
    for path in ("d/program", '"odd\n'):
        assert repository.stored_as(path) == index[path].name
    assert repository.stored_as("missing") == ""
    assert repository.setting("core.bare", True) is False
    assert repository.setting("no.such", True) is True
    repository.close()


def test_a_missing_object_is_named(repository: Repository) -> None:
    with pytest.raises(BuildError, match="git has no object 111111111111 in") as error:
        repository.content("1" * 40)
    assert "git fsck" in error.value.fix
    repository.close()


def test_a_folder_outside_of_a_repository(tmp_path: Path) -> None:
    need("git")
    with pytest.raises(BuildError, match="in no git repository") as error:
        Repository.around(str(tmp_path))
    assert error.value.reason == "usage"


def test_git_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match="git is not installed") as error:
        Repository.around(str(tmp_path))
    assert error.value.reason == "environment"
