"""The job of a task: command, environment, and the paths of the host that it may see."""

from __future__ import annotations

import os

from ..keys.action_key import Key
from ..keys.staged_paths import unused_path
from ..lite import TYPE_CHECKING
from ..lite.record import Record
from ..sandbox.job import Job
from ..types.action import Action, Artifact, Out
from ..types.result import Node

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..host.host_tools import Distribution, HostTool

FIXED = (
    ("LANG", "C.UTF-8"),
    ("OPENBLAS_NUM_THREADS", "1"),
    ("PATH", "/usr/local/bin:/usr/bin:/bin"),
    ("PYTHONHASHSEED", "0"),
    ("SOURCE_DATE_EPOCH", "0"),
    ("TZ", "UTC"),
)


class Task(Record):
    """An action with its key, and everything that running it needs.

    `inputs` are (staged path, artifact, content, path on this host or nothing).
    """

    number: int
    action: Action
    key: Key
    inputs: tuple[tuple[str, Artifact, Node, str], ...]
    programs: dict[str, HostTool]
    distributions: dict[str, Distribution]


def inputs_below_out(task: Task) -> set[str]:
    """The paths of inputs that are staged in the folder of outputs, relative to it."""
    return {path.removeprefix("out/") for path, *_ in task.inputs if path.startswith("out/")}


def job_of(task: Task, root: str, out: str, temp: str) -> Job:
    """The job of a task whose inputs are staged at `root`."""
    action = task.action
    env = dict(FIXED) | dict(action.env)
    visible: list[str] = []
    for program in task.programs.values():
        visible += program.visible
    entries = [entry for dist in task.distributions.values() for entry in dist.entries]
    if entries:
        site = unused_path("site", (path for path, _ in action.inputs))
        _link(os.path.join(root, site), entries)
        visible += [path for _, path in entries]
        env["PYTHONPATH"] = site
    first = (
        task.programs[action.argv[0]].path if action.argv[0] in task.programs else action.argv[0]
    )
    return Job(
        (first, *action.argv[1:]),
        tuple(sorted(env.items())),
        root,
        out,
        temp,
        tuple(sorted(set(visible))),
        action.timeout,
        action.network,
    )


def _link(folder: str, entries: Sequence[tuple[str, str]]) -> None:
    """Link to all entries of distributions.

    A folder that several of them share is made, not linked.
    """
    linked: set[str] = set()
    os.mkdir(folder)
    for name, path in sorted(entries):  # a folder before its entries
        parts = name.split("/")
        if not any("/".join(parts[:depth]) in linked for depth in range(1, len(parts) + 1)):
            os.makedirs(os.path.join(folder, *parts[:-1]), exist_ok=True)
            os.symlink(path, os.path.join(folder, name))
            linked.add(name)


def folder_of(declared: Out) -> str:
    """The folder to make for an output: that of a tree, or the folder of a file."""
    path = f"out/{declared.path}"
    return path if declared.tree else path.rpartition("/")[0]
