"""Anything at the path of a file that buildgraph owns is moved aside, and no call waits."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from buildgraph.files.regular_file import (
    make_folder,
    move_aside,
    open_own,
    open_regular,
    read_regular,
    replace_file,
)


def _socket(path: Path) -> None:
    here = os.getcwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path.name)
    finally:
        os.chdir(here)


def _folder(path: Path) -> None:
    path.mkdir()
    (path / "mine").write_text("the user's")


ODD: dict[str, Callable[[Path], None]] = {
    "FIFO": lambda path: os.mkfifo(path),
    "socket": _socket,
    "folder": _folder,
    "link": lambda path: path.symlink_to(path.parent / "other"),
    "link to nothing": lambda path: path.symlink_to("nowhere"),
}


@pytest.fixture(params=sorted(ODD))
def odd(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A path of something other than a file, and beside it a file to which a link there points."""
    (tmp_path / "other").write_text("another's")
    ODD[request.param](tmp_path / "own")
    return tmp_path / "own"


def unharmed(path: Path) -> bool:
    """True if the obstacle was moved aside with its content."""
    aside = [name for name in os.listdir(path.parent) if name.startswith(f"{path.name}.aside-")]
    mine = path.parent / aside[0] / "mine" if aside else path
    return (
        len(aside) == 1
        and (not mine.exists() or mine.read_text() == "the user's")
        and (path.parent / "other").read_text() == "another's"
    )


def test_an_obstacle_is_not_read(odd: Path) -> None:
    with pytest.raises(OSError):
        read_regular(str(odd))
    with pytest.raises(OSError):
        open_regular(str(odd))


def test_a_file_is_created_in_its_place(odd: Path) -> None:
    with open(open_own(str(odd), os.O_WRONLY | os.O_APPEND), "ab") as file:
        file.write(b"line")
    assert read_regular(str(odd)) == b"line" and unharmed(odd)


def test_a_file_replaces_it(odd: Path) -> None:
    assert replace_file(str(odd), (b"a", b"b")) and read_regular(str(odd)) == b"ab"
    assert (odd.parent / "other").read_text() == "another's"
    assert all(not name.startswith("own.") or ".aside-" in name for name in os.listdir(odd.parent))


def test_a_folder_is_created_in_its_place(odd: Path) -> None:
    created = make_folder(str(odd))
    assert odd.is_dir() and not odd.is_symlink() and created != (odd / "mine").exists()


def test_a_file_is_written_below_an_obstacle(odd: Path) -> None:
    assert replace_file(str(odd / "file"), (b"x",)) and read_regular(str(odd / "file")) == b"x"


def test_a_regular_file_stays(tmp_path: Path) -> None:
    (tmp_path / "own").write_text("a")
    assert not move_aside(str(tmp_path / "own")) and not move_aside(str(tmp_path / "none"))
    with open(open_own(str(tmp_path / "own"), os.O_WRONLY | os.O_APPEND), "ab") as file:
        file.write(b"b")
    assert os.listdir(tmp_path) == ["own"] and (tmp_path / "own").read_text() == "ab"


def test_a_file_at_the_path_of_the_state_folder_stays(tmp_path: Path) -> None:
    """It belongs to the user."""
    (tmp_path / ".buildgraph").write_text("mine")
    assert (
        not replace_file(str(tmp_path / ".buildgraph/own"), (b"x",))
        and (tmp_path / ".buildgraph").read_text() == "mine"
    )


def test_an_obstacle_at_the_path_of_the_temporary_file(tmp_path: Path) -> None:
    """An earlier process with the same number may have created it."""
    os.mkfifo(tmp_path / f"own.{os.getpid()}")
    assert (
        replace_file(str(tmp_path / "own"), (b"x",)) and read_regular(str(tmp_path / "own")) == b"x"
    )
