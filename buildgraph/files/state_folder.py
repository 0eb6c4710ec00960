"""The folder `.buildgraph` of a workspace, in which builds save their state.

A build writes only into a real folder. A checked-out work tree may contain a link of that name, or
a link in that folder, that points to a place outside of the workspace.
"""

from __future__ import annotations

import fcntl
import os
import stat

from ..types.errors import BuildError
from .regular_file import move_aside

NAME = ".buildgraph"
_FOLDERS = ("built", "manifests", "snapshots", "sandbox")


def check_state_folder(root: str) -> None:
    """Require that `.buildgraph` is a folder, or does not exist yet.

    BuildError for a link or another file.

    Links at the paths of its folders are moved aside.
    """
    path = f"{root}/{NAME}"
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return  # it is created later, and an error is reported then
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
    """The error for a path of the workspace that cannot be created because `what` exists there."""
    return BuildError(f"{path} cannot be made: {what} is in the way", None, fix, "environment")


def write_gitignore(folder: str) -> None:
    """Hide a folder that buildgraph created from git; an existing .gitignore stays."""
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
    """Lock a workspace while a build installs its outputs.

    The kernel releases it when the process ends.
    """

    def __init__(self, root: str) -> None:
        try:
            self._fd = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise BuildError(
                f"the workspace {root} does not exist any more",
                None,
                "run the build in the folder to which it was moved",
                "environment",
            ) from None

    def __enter__(self) -> None:
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)
