"""The folder `.buildgraph` of a workspace: a build writes only into a real folder, never through a link.

A work tree that was checked out may hold a link of that name, or one in its folder, that leads out of the workspace.
"""

from __future__ import annotations

import fcntl
import os
import stat

from ..types.errors import BuildError
from .regular_file import move_aside

NAME = ".buildgraph"
_FOLDERS = ("built", "receipts", "snapshots", "sandbox")


def check_state_folder(root: str) -> None:
    """Refuse a `.buildgraph` that is a link or no folder; links in place of its folders are put aside. BuildError."""
    path = f"{root}/{NAME}"
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return  # it is made later, and a fault is reported then
    if stat.S_ISLNK(mode):
        raise BuildError(
            f"{NAME} is a link",
            None,
            "remove the link: buildgraph makes a folder of its own there",
            "environment",
        )
    if not stat.S_ISDIR(mode):
        raise obstacle_error(
            NAME, fix="move it: buildgraph keeps files of its own in a folder of that name"
        )
    for name in _FOLDERS:
        if os.path.islink(f"{path}/{name}"):
            move_aside(f"{path}/{name}")


def obstacle_error(
    path: str, what: str = "something", fix: str = "move it: out/ is for outputs alone"
) -> BuildError:
    """The fault of a path in the workspace that cannot be made, for what is found in its place."""
    return BuildError(f"{path} cannot be made: {what} is in the way", None, fix, "environment")


def write_gitignore(folder: str) -> None:
    """Hide a folder that buildgraph has made from git."""
    try:
        fd = os.open(
            f"{folder}/.gitignore",
            os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC,
            0o666,
        )
    except FileExistsError:
        return
    with open(fd, "wb") as file:
        file.write(b"*\n")


class WorkspaceLock:
    """One build at a time turns the links of a workspace and sweeps behind them; the lock goes with the process."""

    def __init__(self, root: str) -> None:
        try:
            self._fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise BuildError(
                f"the workspace {root} is gone", None, "build it where it is now", "environment"
            ) from None

    def __enter__(self) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)
