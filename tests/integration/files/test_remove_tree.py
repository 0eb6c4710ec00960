"""Whatever an action left can be removed, or stays and harms nothing."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from buildgraph.execution.work_dir import WorkDir
from buildgraph.files.remove_tree import remove
from buildgraph.store.cache_dir import PrivateFolder, sweep_dead
from tests.support.requirements import need


def deep(folder: Path, count: int, name: str = "d") -> None:
    """A chain of folders with a file in each, made and held by descriptors: no path could name the last."""
    folder.mkdir(exist_ok=True)
    fd = os.open(folder, os.O_RDONLY)
    for _ in range(count):
        os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
        os.mkdir(name, dir_fd=fd)
        fd, outer = os.open(name, os.O_RDONLY, dir_fd=fd), fd
        os.close(outer)
    os.close(fd)


@pytest.mark.parametrize(
    ("count", "name"), [(1, "d"), (1500, "d"), (40, "d" * 200), (5000, "longer")]
)
def test_a_deep_folder_is_removed(tmp_path: Path, count: int, name: str) -> None:
    """Deeper than Python recurses, and than a path can say."""
    deep(tmp_path / "top", count, name)
    assert remove(str(tmp_path / "top")) and os.listdir(tmp_path) == []


def test_odd_entries_are_removed_and_links_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what has no permission or no name in UTF-8."""
    top, kept = tmp_path / "top", tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    for folder in ("a/b/c", "empty", "many"):
        (top / folder).mkdir(parents=True)
    os.mkdir(os.fsencode(top) + b"/\xff\n")
    os.mkfifo(top / "a/fifo")
    (top / "a/link").symlink_to(kept)
    (top / "a/b/nowhere").symlink_to("nowhere")
    for number in range(3000):
        (top / "many" / str(number)).touch()
    monkeypatch.chdir(top)
    with socket.socket(socket.AF_UNIX) as made:
        made.bind("a/socket")
    for folder in ("a/b/c", "a/b", "a", "empty", "many", "."):
        os.chmod(top / folder, 0)
    monkeypatch.chdir(tmp_path)
    assert (
        remove("top") and sorted(os.listdir(tmp_path)) == ["kept"] and os.listdir(kept) == ["file"]
    )


@pytest.mark.parametrize("name", ["nothing", "file", "link", "file/below"])
def test_what_is_no_folder_is_removed(tmp_path: Path, name: str) -> None:
    """Nothing is nothing to remove; a link goes, and not what it names."""
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    assert remove(str(tmp_path / name)) and not os.path.lexists(tmp_path / name)
    assert (tmp_path / "file").exists() == (name != "file")


def mount(source: Path, target: Path) -> None:
    """Mount a folder on another one, or skip."""
    if subprocess.run(
        [need("mount"), "--bind", str(source), str(target)], capture_output=True
    ).returncode:
        pytest.skip("this test may mount nothing")


def test_what_is_mounted_is_never_entered(tmp_path: Path) -> None:
    """What is in it stays, and so do the folders above; all else goes, and later the rest."""
    top, kept = tmp_path / "top", tmp_path / "kept"
    (top / "a/b/point").mkdir(parents=True)
    (top / "a/file").touch()
    kept.mkdir()
    (kept / "file").touch()
    mount(kept, top / "a/b/point")
    try:
        assert not remove(str(top)) and top.is_dir()
        assert os.listdir(kept) == ["file"] and not list(top.rglob("a/file"))
    finally:
        found = [
            folder
            for folder, _, _ in os.walk(top)
            if os.path.ismount(folder) or folder.endswith("point")
        ]
        subprocess.run([need("umount"), *found], check=True)
    assert remove(str(top)) and os.listdir(kept) == ["file"]


def test_a_file_that_cannot_be_changed_is_removed(tmp_path: Path) -> None:
    """By who may take that flag away."""
    (tmp_path / "top/a").mkdir(parents=True)
    (tmp_path / "top/a/file").touch()
    locked = [str(tmp_path / "top/a/file"), str(tmp_path / "top/a")]
    if subprocess.run([need("chattr"), "+i", *locked], capture_output=True).returncode:
        pytest.skip("this test may set no flags")
    assert remove(str(tmp_path / "top"))


def test_a_slot_is_used_again_after_a_deep_tree(tmp_path: Path) -> None:
    """In the folder of outputs, in that of scratch, and beside the inputs."""
    slot = WorkDir(str(tmp_path / "slot"))
    for folder in (slot.out, slot.temp, slot.root):
        deep(Path(folder), 1500)
    assert slot.clean()
    slot.prepare([])
    assert os.listdir(slot.root) == ["out"] and os.listdir(slot.out) == os.listdir(slot.temp) == []


def test_a_slot_with_a_mount_is_not_used_again(tmp_path: Path) -> None:
    """And nothing is raised; what is mounted stays as it is."""
    slot, kept = WorkDir(str(tmp_path / "slot")), tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    os.mkdir(f"{slot.temp}/point")
    mount(kept, Path(f"{slot.temp}/point"))
    try:
        assert not slot.clean() and os.listdir(kept) == ["file"]
    finally:
        subprocess.run([need("umount"), f"{slot.temp}/point"], check=True)


def test_what_dead_processes_left_goes_however_deep(tmp_path: Path) -> None:
    """A cache in which an earlier version left such folders heals."""
    deep(tmp_path / "1-dead", 1500)
    sweep_dead(str(tmp_path))
    assert os.listdir(tmp_path) == []
    deep(tmp_path / "2-dead", 1500)
    scratch = PrivateFolder(str(tmp_path))
    assert len(os.listdir(tmp_path)) == 1
    deep(Path(scratch.path), 1500)
    scratch.close()
    assert os.listdir(tmp_path) == []
