"""A slot is as empty as a new folder, whatever the action before left in it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildgraph.execution.work_dir import WorkDir
from buildgraph.store.file_ops import FileOps, NewFile


def _inside(slot: WorkDir) -> list[str]:
    return sorted(
        os.path.relpath(os.path.join(folder, name), slot.folder)
        for top in (slot.root, slot.temp)
        for folder, folders, names in os.walk(top)
        for name in (*folders, *names)
    )


@pytest.fixture
def slot(tmp_path: Path) -> WorkDir:
    return WorkDir(str(tmp_path / "slot"))


def test_folders_are_those_that_are_wanted(slot: WorkDir) -> None:
    slot.prepare(["in/0", "in/1", "out/deep"])
    assert _inside(slot) == ["build/in", "build/in/0", "build/in/1", "build/out", "build/out/deep"]
    slot.prepare(["in/1", "src"])
    assert _inside(slot) == ["build/in", "build/in/1", "build/out", "build/src"]
    slot.prepare([])
    assert _inside(slot) == ["build/out"]


def test_what_an_action_left_is_gone(slot: WorkDir) -> None:
    slot.prepare(["in/0"])
    os.close(slot.create(f"{slot.root}/in/0/a"))
    for path in ("out/o", "in/0/own", "beside"):
        Path(slot.root, path).write_text("left")
    Path(slot.root, "tree/deep").mkdir(parents=True)
    Path(slot.root, "tree/deep/file").write_text("left")
    Path(slot.temp, "t").mkdir()
    os.symlink("/etc", f"{slot.root}/out/link")
    os.chmod(f"{slot.root}/tree", 0)
    os.chmod(slot.out, 0)
    slot.clean()
    slot.prepare(["in/0"])
    assert _inside(slot) == ["build/in", "build/in/0", "build/out"]
    assert os.stat(slot.out).st_mode & 0o777 == 0o755


@pytest.mark.parametrize("kind", ["file", "link", "folder"])
def test_a_folder_that_was_replaced_is_made_anew(slot: WorkDir, tmp_path: Path, kind: str) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/mine").write_text("the user's")
    os.rmdir(slot.out)
    if kind == "file":
        Path(slot.out).write_text("left")
    elif kind == "link":
        os.symlink(tmp_path / "elsewhere", slot.out)
    else:
        os.mkdir(slot.out)
        Path(slot.out, "left").write_text("left")
    slot.clean()
    slot.prepare([])
    assert _inside(slot) == ["build/out"] and not os.path.islink(slot.out)
    assert (tmp_path / "elsewhere/mine").read_text() == "the user's"


def test_a_file_is_used_again_with_nothing_of_its_past(slot: WorkDir) -> None:
    Path(slot.root, "out/o").write_text("a long secret")
    number = os.stat(f"{slot.root}/out/o").st_ino
    slot.clean()
    slot.prepare([])
    with NewFile(FileOps(), f"{slot.root}/a", 3, False, slot.create) as fd:
        os.write(fd, b"new")
    assert os.stat(f"{slot.root}/a").st_ino == number and Path(slot.root, "a").read_text() == "new"
    with pytest.raises(FileExistsError):
        slot.create(f"{slot.root}/a")


def test_a_file_that_is_wanted_again_stays_at_its_place(slot: WorkDir) -> None:
    """And nothing else does: what the next action does not want there is gone before anything is
    staged.
    """
    slot.prepare(["in"], ["in/a", "b"])
    for path in ("in/a", "b"):
        os.close(slot.create(f"{slot.root}/{path}"))
    number = os.stat(f"{slot.root}/in/a").st_ino
    Path(slot.root, "out/o").write_text("made")
    slot.clean()
    slot.prepare(["in", "b"], ["in/a", "b/c", "d"])
    assert _inside(slot) == ["build/b", "build/in", "build/in/a", "build/out"]
    os.close(slot.create(f"{slot.root}/in/a"))
    assert os.stat(f"{slot.root}/in/a").st_ino == number
    with pytest.raises(FileExistsError):
        slot.create(f"{slot.root}/in/a")
    slot.clean()
    slot.prepare(["in", "in/a"], ["in/a"])  # a file and a folder of one name: the caller's error
    assert _inside(slot) == ["build/in", "build/in/a", "build/out"]
    with pytest.raises(FileExistsError):
        slot.create(f"{slot.root}/in/a")


def test_no_more_files_stay_than_are_worth_it(slot: WorkDir) -> None:
    for number in range(200):
        Path(slot.root, f"{number}").write_text("")
    slot.clean()
    slot.prepare([])
    assert _inside(slot) == ["build/out"]
    assert len(os.listdir(f"{slot.folder}/spare")) <= 64


def test_a_file_with_another_name_or_attributes_is_not_used_again(
    slot: WorkDir, tmp_path: Path
) -> None:
    Path(slot.root, "out/o").write_text("shared")
    os.link(f"{slot.root}/out/o", tmp_path / "kept")
    slot.clean()
    slot.prepare([])
    fd = slot.create(f"{slot.root}/a")
    os.write(fd, b"new")
    os.close(fd)
    assert (tmp_path / "kept").read_text() == "shared"
    try:
        os.setxattr(f"{slot.root}/a", "user.said", b"psst")
    except OSError:
        return  # a disk without them
    slot.clean()
    slot.prepare([])
    os.close(slot.create(f"{slot.root}/b"))
    assert os.listxattr(f"{slot.root}/b") == []
