"""The tree that the tool `copy_tree` makes of source files, from their digests alone.

The tool copies a staged folder, so its output is a folder of the Merkle tree that the key of the
action consists of. Files that the store has are not read. An action that this module does not know
in every part is run: one with another tool, or another content of that tool, with inputs of other
kinds, or with files that cannot be outputs. `build --check` runs the tool as well.
"""

from __future__ import annotations

import os
import time

from ..host.source_files import SourceChanged
from ..keys.merkle_walk import walk_tree
from ..keys.reapi import decode, decode_directory, digest_of
from ..lite import TYPE_CHECKING
from ..lite.contextmanagers import Cancelled
from ..sandbox.job import FLAGS
from ..types.action import Shipped, Source
from ..types.digest import Digest
from ..types.result import File, Result, Tree
from .action_runner import ActionRunner, TaskOutcome
from .input_copies import copy_small_texts

if TYPE_CHECKING:
    from ..sandbox.job import Cancel, Level
    from ..store.protocol import Batch
    from .task_job import Task

TOOL = Shipped("tools/copy_tree.py")
TOOL_SHA256 = "6da378d522c8427ba4dcd3fd0c05ca90847efa0ef082a63824d72af73174f154"
"""The content of the tool whose outputs this module knows; another one is run."""
_MAX_DEPTH, _MAX_PATH = 64, 3500  # folders and bytes of an output, as in `sandbox`


class GatheringRunner(ActionRunner):
    """Runs tasks, and makes copies of source files without a command."""

    def attempt(self, task: Task) -> TaskOutcome:
        """Run a task, or make its tree; exceptions as for any task."""
        if not is_gathering(task):
            return super().attempt(task)
        batch = self._store.batch()
        try:
            return TaskOutcome(task, gather(task, batch, self.level, self._cancel), batch)
        except BaseException:
            self._store.drop(batch)
            raise


def is_gathering(task: Task) -> bool:
    """True for a task that copies source files, and nothing else, to a folder."""
    action, argv = task.action, task.action.argv
    if len(argv) != 7 or len(action.outputs) != 1 or (argv[0], *argv[1:4]) != ("python3", *FLAGS):
        return False
    (output,), source = action.outputs, argv[5]
    if argv[6] != f"out/{output.path}" or not output.tree or "/" in source:
        return False
    if action.env or action.distributions or action.network or action.programs != ("python3",):
        return False
    tools, files = 0, 0
    for path, artifact, node, _ in task.inputs:
        if not isinstance(node, File):
            return False
        if path == argv[4] and artifact == TOOL and node.digest.hash == TOOL_SHA256:
            tools += 1
        elif path.startswith(f"{source}/") and isinstance(artifact, Source):
            files += 1
            if not _can_be_output(path.removeprefix(source), output.path):
                return False
        else:
            return False
    return bool(tools and files)


def _can_be_output(path: str, output: str) -> bool:
    return (
        path.isprintable()
        and path.count("/") <= _MAX_DEPTH
        and len(os.fsencode(output + path)) <= _MAX_PATH
    )


def gather(task: Task, batch: Batch, level: Level, cancel: Cancel) -> Result:
    """Add the tree of a task to a batch, with its files; the result.

    SourceChanged if a file that the store lacks has changed.
    """
    began = time.monotonic()
    for _, artifact, node, host in task.inputs:
        if cancel.is_set():
            raise Cancelled
        if isinstance(artifact, Source) and not batch.reuse(node.digest):
            _add(artifact.name, node.digest, host, batch)
    messages = task.key.messages

    def read(digest: Digest) -> bytes:
        return messages[f"directory {digest}"]

    root = digest_of(decode("Action", messages["action"])["input_root_digest"])
    tree = dict(decode_directory(read(root)).directories)[task.action.argv[5]]
    for _, digest, _ in walk_tree(tree, read):
        if not batch.reuse(digest):
            batch.add(read(digest))
    outputs = ((task.action.outputs[0].path, Tree(tree)),)
    milliseconds = round((time.monotonic() - began) * 1000)
    result = Result(outputs, batch.add(b""), level, milliseconds)
    batch.record(task.key.digest, result, {**task.key.messages, **copy_small_texts(task.inputs)})
    return result


def _add(name: str, digest: Digest, host: str, batch: Batch) -> None:
    """Add a source file to a batch; SourceChanged if it has another content now."""
    try:
        added = batch.add_file(os.path.realpath(host))  # a batch follows no link
    except OSError:
        raise SourceChanged(name) from None  # the next attempt reports why
    if added != digest:
        raise SourceChanged(name)
