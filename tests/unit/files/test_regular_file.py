"""In place of a file of buildgraph's own anything may be found; it is put aside and made again, and nothing waits."""

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
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
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
    """A path at which something stands that is no file, and beside it a file that a link there names."""
    (tmp_path / "other").write_text("another's")
    ODD[request.param](tmp_path / "own")
    return tmp_path / "own"


def unharmed(path: Path) -> bool:
    """What was there is beside its place, with all that was in it."""
    aside = [name for name in os.listdir(path.parent) if name.startswith(f"{path.name}.aside-")]
    mine = path.parent / aside[0] / "mine" if aside else path
    return (
        len(aside) == 1
        and (not mine.exists() or mine.read_text() == "the user's")
        and (path.parent / "other").read_text() == "another's"
    )


def test_what_is_no_file_is_not_read(odd: Path) -> None:
    with pytest.raises(OSError):
        read_regular(str(odd))
    with pytest.raises(OSError):
        open_regular(str(odd))


def test_a_file_is_made_in_its_place(odd: Path) -> None:
    with open(open_own(str(odd), os.O_WRONLY | os.O_APPEND), "ab") as file:
        file.write(b"line")
    assert read_regular(str(odd)) == b"line" and unharmed(odd)


def test_a_file_takes_its_place(odd: Path) -> None:
    assert replace_file(str(odd), (b"a", b"b")) and read_regular(str(odd)) == b"ab"
    assert (odd.parent / "other").read_text() == "another's"
    assert all(not name.startswith("own.") or ".aside-" in name for name in os.listdir(odd.parent))


def test_a_folder_is_made_in_its_place(odd: Path) -> None:
    made = make_folder(str(odd))
    assert odd.is_dir() and not odd.is_symlink() and made != (odd / "mine").exists()


def test_a_file_is_written_below_what_should_be_a_folder(odd: Path) -> None:
    assert replace_file(str(odd / "file"), (b"x",)) and read_regular(str(odd / "file")) == b"x"


def test_a_file_of_ours_stays(tmp_path: Path) -> None:
    (tmp_path / "own").write_text("a")
    assert not move_aside(str(tmp_path / "own")) and not move_aside(str(tmp_path / "none"))
    with open(open_own(str(tmp_path / "own"), os.O_WRONLY | os.O_APPEND), "ab") as file:
        file.write(b"b")
    assert os.listdir(tmp_path) == ["own"] and (tmp_path / "own").read_text() == "ab"


def test_a_file_in_place_of_the_workspaces_folder_stays(tmp_path: Path) -> None:
    """It is the user's."""
    (tmp_path / ".buildgraph").write_text("mine")
    assert (
        not replace_file(str(tmp_path / ".buildgraph/own"), (b"x",))
        and (tmp_path / ".buildgraph").read_text() == "mine"
    )


def test_something_else_where_the_fresh_file_would_be(tmp_path: Path) -> None:
    """A process that had the same number may have left anything."""
    os.mkfifo(tmp_path / f"own.{os.getpid()}")
    assert (
        replace_file(str(tmp_path / "own"), (b"x",)) and read_regular(str(tmp_path / "own")) == b"x"
    )
