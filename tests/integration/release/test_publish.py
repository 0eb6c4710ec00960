"""The folder of a release: atomic, never replaced, and nothing left on a full disk."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from buildgraph.release.documents import RELEASE, canonical
from buildgraph.release.publish import check_room, install, new_folder
from buildgraph.types.errors import BuildError
from tests.support.release_workspace import git, release_workspace
from tests.support.requirements import absent

DOCUMENT: dict[str, Any] = {"schema": 1, "tag": "v1", "targets": []}


def write(folder: Path, document: dict[str, Any]) -> None:
    """Write a `release.json`."""
    (folder / RELEASE).write_bytes(canonical(document) + b"\n")


def test_a_folder_is_renamed_into_place(tmp_path: Path) -> None:
    with new_folder(str(tmp_path), "v1") as folder:
        write(folder, DOCUMENT)
        assert install(str(tmp_path), folder, DOCUMENT) == tmp_path / "releases/v1"
    assert [path.name for path in (tmp_path / "releases").iterdir()] == ["v1"]


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), new_folder(str(tmp_path), "v1") as folder:
        write(folder, DOCUMENT)
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_release_with_other_content_is_not_replaced(tmp_path: Path) -> None:
    for checks in ("a", "b"):
        with new_folder(str(tmp_path), "v1") as folder:
            write(folder, DOCUMENT | {"checks": checks})
            install(str(tmp_path), folder, DOCUMENT | {"checks": checks})
    data = (tmp_path / "releases/v1" / RELEASE).read_bytes()
    assert b'"checks":"a"' in data  # equal content: the first stays
    other = DOCUMENT | {"workspace": "x"}
    with pytest.raises(BuildError, match="exists with other content"):
        with new_folder(str(tmp_path), "v1") as folder:
            write(folder, other)
            install(str(tmp_path), folder, other)
    assert (tmp_path / "releases/v1" / RELEASE).read_bytes() == data
    assert [path.name for path in (tmp_path / "releases").iterdir()] == ["v1"]


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_anything_else_at_the_place_is_left_alone(tmp_path: Path, kind: str) -> None:
    (tmp_path / "releases").mkdir()
    place = tmp_path / "releases/v1"
    if kind == "file":
        place.write_text("mine")
    elif kind == "folder":
        place.mkdir()
    else:
        place.symlink_to(tmp_path)
    with pytest.raises(BuildError, match="is not a release"):
        check_room(str(tmp_path), "v1")


def test_releases_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "releases").write_text("mine")
    with pytest.raises(BuildError, match="is not a folder"), new_folder(str(tmp_path), "v1"):
        pass
    assert (tmp_path / "releases").read_text() == "mine"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 40 KiB as the folder of releases."""
    if os.geteuid() != 0:
        absent("only root can mount a disk")
    folder = tmp_path / "w/releases"
    folder.mkdir(parents=True)
    words = ["mount", "-t", "tmpfs", "-o", "size=40k", "none", str(folder)]
    if subprocess.run(words, check=False).returncode:
        absent("no tmpfs can be mounted")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_leaves_no_half_release(small_disk: Path, tmp_path: Path) -> None:
    space = release_workspace(tmp_path)
    ran = space.run("release", "//exports:*", "--tag", "v1", "--unsigned", "--once", code=30)
    assert "No space left" in ran.err or "no space left" in ran.err
    assert list(small_disk.iterdir()) == []
    assert git(space.root, "for-each-ref").count("\n") == 1
    subprocess.run(["mount", "-o", "remount,size=1m", str(small_disk)], check=True)
    space.run("release", "//exports:*", "--tag", "v1", "--unsigned", "--once")
    assert [path.name for path in small_disk.iterdir()] == ["v1"]


def test_a_release_that_another_process_finished_first_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = os.rename

    def race(source: Path, target: Path) -> None:
        monkeypatch.setattr(os, "rename", rename)
        target.mkdir()
        write(target, DOCUMENT | {"checks": "first"})
        rename(source, target)

    monkeypatch.setattr(os, "rename", race)
    with new_folder(str(tmp_path), "v1") as folder:
        write(folder, DOCUMENT | {"checks": "second"})
        install(str(tmp_path), folder, DOCUMENT)
    assert b"first" in (tmp_path / "releases/v1" / RELEASE).read_bytes()
