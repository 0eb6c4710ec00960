"""Records of the last run of an action, from which the next run of it may skip proved work.

An action opts in by the platform property `previous`. It may then write a file `previous` to its
temporary folder; the next run of the action gets a copy of it as the input `previous`, also after a
failure. The file is no output and the copy no part of the key, so the action must give the same
outputs without it: each record must name, by digests, everything that the recorded verdict depends
on. `build --check` runs actions without the copy and compares.

A copy is used again only by an action of the same command, environment, host tools and shipped
files. The folder belongs to this user; a copy starts with the SHA-256 of its content.
"""

from __future__ import annotations

import os

from ..files.regular_file import open_regular, read_regular, replace_file
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import suppress
from ..lite.sha256 import sha256
from ..types.action import Shipped

if TYPE_CHECKING:
    from .task_job import Task

PREVIOUS = "previous"
_MOST_BYTES, _MOST_FILES = 64 << 20, 256


class PreviousRecords:
    """The copies of a user, in a folder of their own."""

    def __init__(self, folder: str) -> None:
        self._folder = os.path.join(folder, PREVIOUS)

    def stage(self, task: Task, root: str) -> None:
        """Write the copy of an action to `previous` below `root`; nothing without a sound copy."""
        if not _opts_in(task):
            return
        with suppress(OSError):
            data = read_regular(self._path(task))
            if data[:32] == sha256(data[32:]).digest():
                with open(os.path.join(root, PREVIOUS), "xb") as file:
                    file.write(data[32:])

    def save(self, task: Task, temp: str) -> None:
        """Keep the records that an action wrote to its temporary folder, if there is room."""
        if not _opts_in(task):
            return
        with suppress(OSError):
            with open(open_regular(os.path.join(temp, PREVIOUS)), "rb") as file:
                data = file.read(_MOST_BYTES + 1)
            if len(data) <= _MOST_BYTES:
                replace_file(self._path(task), (sha256(data).digest(), data))
                self._drop_oldest()

    def _path(self, task: Task) -> str:
        return os.path.join(self._folder, _identity(task))

    def _drop_oldest(self) -> None:
        paths = [entry.path for entry in os.scandir(self._folder) if entry.is_file()]
        if len(paths) > _MOST_FILES:
            for path in sorted(paths, key=os.path.getmtime)[:-_MOST_FILES]:
                os.unlink(path)


def _opts_in(task: Task) -> bool:
    return PREVIOUS in dict(task.action.platform)


def _identity(task: Task) -> str:
    """The name of a copy: a digest of everything in the key of an action but the user's files."""
    action = task.action
    tools = [(name, tool.identity) for name, tool in sorted(task.programs.items())]
    tools += [(name, dist.identity) for name, dist in sorted(task.distributions.items())]
    shipped = [
        (path, str(node.digest))
        for path, artifact, node, _ in task.inputs
        if isinstance(artifact, Shipped)
    ]
    parts = (str(action.owner), action.title, action.argv, action.env, action.timeout)
    text = repr((*parts, tools, shipped))
    return sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
