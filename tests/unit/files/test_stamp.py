"""Stamps change with their files, and young ones are not trusted."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from buildgraph.files.stamp import (
    ALWAYS_STALE,
    COARSE_NS,
    FINE_NS,
    Stamp,
    file_system_time,
    fingerprint,
    is_settled,
    reliable_stamp,
    set_mtime,
    stamp_if_mtime,
)


def test_a_stamp_has_size_times_inode_and_device(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("12345")
    status = os.stat(tmp_path / "file")
    assert fingerprint(str(tmp_path / "file")) == (
        5,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino,
        status.st_dev,
    )
    with pytest.raises(FileNotFoundError):
        fingerprint(str(tmp_path / "none"))


@pytest.mark.parametrize(("changed", "ticks"), [(10**18 + 1, FINE_NS), (10**18, COARSE_NS)])
def test_a_stamp_is_settled_after_several_ticks(changed: int, ticks: int) -> None:
    """A ctime of whole milliseconds is that of a coarse clock."""
    stamp: Stamp = (1, 2, changed, 4, 5)
    assert is_settled(stamp, changed + ticks) and not is_settled(stamp, changed + ticks - 1)
    assert reliable_stamp(stamp, changed + ticks) == stamp
    assert reliable_stamp(stamp, changed) == ALWAYS_STALE
    assert not is_settled(stamp, 0)


def test_a_later_write_changes_a_chosen_mtime(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("1")
    when = os.stat(path).st_mtime_ns + 1
    set_mtime(str(path), when)
    if os.stat(path).st_mtime_ns != when:
        pytest.skip("this file system stores no nanoseconds")
    assert stamp_if_mtime(str(path), when) == fingerprint(str(path))
    path.write_text("2")
    assert stamp_if_mtime(str(path), when) == ALWAYS_STALE
    path.unlink()
    assert stamp_if_mtime(str(path), when) == ALWAYS_STALE


def test_the_time_of_a_file_system_is_that_of_its_files(tmp_path: Path) -> None:
    before = file_system_time(str(tmp_path))
    (tmp_path / "file").touch()
    assert 0 < before <= os.stat(tmp_path / "file").st_ctime_ns <= file_system_time(str(tmp_path))
    assert os.listdir(tmp_path) == ["file"]
    assert file_system_time(str(tmp_path / "none")) == 0
