"""The state folder is a real folder of the workspace, and one build at a time installs outputs."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from buildgraph.files.state_folder import WorkspaceLock, check_state_folder, write_gitignore
from buildgraph.types.errors import BuildError


def test_a_missing_folder_and_a_real_one_are_accepted(tmp_path: Path) -> None:
    check_state_folder(str(tmp_path))
    (tmp_path / ".buildgraph").mkdir()
    check_state_folder(str(tmp_path))
    assert os.listdir(tmp_path) == [".buildgraph"]


def test_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / ".buildgraph").symlink_to("other")
    with pytest.raises(BuildError) as error:
        check_state_folder(str(tmp_path))
    assert error.value.what == ".buildgraph is a link" and error.value.reason == "environment"


def test_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".buildgraph").touch()
    with pytest.raises(BuildError, match="cannot be made: something is in the way"):
        check_state_folder(str(tmp_path))


def test_links_in_the_folder_are_moved_aside(tmp_path: Path) -> None:
    (tmp_path / ".buildgraph").mkdir()
    (tmp_path / ".buildgraph/built").symlink_to(tmp_path)
    (tmp_path / ".buildgraph/other").symlink_to(tmp_path)
    check_state_folder(str(tmp_path))
    names = sorted(os.listdir(tmp_path / ".buildgraph"))
    assert names[0].startswith("built.aside-") and names[1:] == ["other"]


def test_a_gitignore_is_written_once(tmp_path: Path) -> None:
    write_gitignore(str(tmp_path))
    assert (tmp_path / ".gitignore").read_text() == "*\n"
    (tmp_path / ".gitignore").write_text("changed by the user")
    write_gitignore(str(tmp_path))
    assert (tmp_path / ".gitignore").read_text() == "changed by the user"


def test_the_lock_excludes_another_build(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    with WorkspaceLock(str(tmp_path)):
        with pytest.raises(BlockingIOError):
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(fd)
    with pytest.raises(BuildError, match="does not exist any more"):
        WorkspaceLock(str(tmp_path / "none"))
