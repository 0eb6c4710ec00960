"""Anything that an action created can be removed, or stays without an error."""

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
    """Create a chain of folders with a file in each, by descriptors: the path of the last is too
    long.
    """
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
    """It is deeper than Python recurses, and deeper than the longest path."""
    deep(tmp_path / "top", count, name)
    assert remove(str(tmp_path / "top")) and os.listdir(tmp_path) == []


def test_odd_entries_are_removed_and_links_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Entries without permissions and without a UTF-8 name are among them."""
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
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("a/socket")
    for folder in ("a/b/c", "a/b", "a", "empty", "many", "."):
        os.chmod(top / folder, 0)
    monkeypatch.chdir(tmp_path)
    assert (
        remove("top") and sorted(os.listdir(tmp_path)) == ["kept"] and os.listdir(kept) == ["file"]
    )


@pytest.mark.parametrize("name", ["nothing", "file", "link", "file/below"])
def test_other_entries_are_removed(tmp_path: Path, name: str) -> None:
    """A missing entry is no error. A link is removed, and its target stays."""
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    assert remove(str(tmp_path / name)) and not os.path.lexists(tmp_path / name)
    assert (tmp_path / "file").exists() == (name != "file")


def mount(source: Path, target: Path) -> None:
    """Mount a folder on another one, or skip the test."""
    if subprocess.run(
        [need("mount"), "--bind", str(source), str(target)], capture_output=True
    ).returncode:
        pytest.skip("this process may not mount folders")


def test_mounted_folders_are_never_entered(tmp_path: Path) -> None:
    """Their content and the folders above them stay. All else is removed, and the rest later."""
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
        mounted = [
            folder
            for folder, _, _ in os.walk(top)
            if os.path.ismount(folder) or folder.endswith("point")
        ]
        subprocess.run([need("umount"), *mounted], check=True)
    assert remove(str(top)) and os.listdir(kept) == ["file"]


def test_an_immutable_file_is_removed(tmp_path: Path) -> None:
    """A process that may clear the flag removes it."""
    (tmp_path / "top/a").mkdir(parents=True)
    (tmp_path / "top/a/file").touch()
    locked = [str(tmp_path / "top/a/file"), str(tmp_path / "top/a")]
    if subprocess.run([need("chattr"), "+i", *locked], capture_output=True).returncode:
        pytest.skip("this process may not set flags")
    assert remove(str(tmp_path / "top"))


def test_a_work_dir_is_reused_after_a_deep_tree(tmp_path: Path) -> None:
    """The tree is among the outputs, in the scratch folder, and beside the inputs."""
    work = WorkDir(str(tmp_path / "slot"))
    for folder in (work.out, work.temp, work.root):
        deep(Path(folder), 1500)
    assert work.clean()
    work.prepare([])
    assert os.listdir(work.root) == ["out"] and os.listdir(work.out) == os.listdir(work.temp) == []


def test_a_work_dir_with_a_mount_is_not_reused(tmp_path: Path) -> None:
    """No exception is raised, and the mounted folder stays as it is."""
    work, kept = WorkDir(str(tmp_path / "slot")), tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    os.mkdir(f"{work.temp}/point")
    mount(kept, Path(f"{work.temp}/point"))
    try:
        assert not work.clean() and os.listdir(kept) == ["file"]
    finally:
        subprocess.run([need("umount"), f"{work.temp}/point"], check=True)


def test_folders_of_dead_processes_are_removed_at_any_depth(tmp_path: Path) -> None:
    """An earlier version may have left such folders in the cache."""
    deep(tmp_path / "1-dead", 1500)
    sweep_dead(str(tmp_path))
    assert os.listdir(tmp_path) == []
    deep(tmp_path / "2-dead", 1500)
    scratch = PrivateFolder(str(tmp_path))
    assert len(os.listdir(tmp_path)) == 1
    deep(Path(scratch.path), 1500)
    scratch.close()
    assert os.listdir(tmp_path) == []
