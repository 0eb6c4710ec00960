"""`buildgraph build --watch`: build again whenever an input of the build changes."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from ...types.errors import OK, BuildError
from ..invocation import Invocation
from ..signals import Interrupted

POLL = 0.2  # seconds between two looks at the stamps
Stamp: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Watched:
    """The paths that a build reads, with their stamps.

    A change of one of the `analysis_inputs` may change the set of paths.
    """

    stamps: dict[str, Stamp]
    analysis_inputs: frozenset[str]


def watch(
    invocation: Invocation,
    patterns: tuple[str, ...],
    build: Callable[[], int],
    report: Callable[[BuildError], int],
) -> int:
    """Build, wait for a change, and repeat until Ctrl-C; `report` prints an error of the user.

    Ctrl-C between two builds returns 0. Any other signal returns its exit code.
    """
    from ...ui.format import plural

    watched = find_watched(invocation, patterns)
    while True:
        try:
            build()
        except BuildError as error:
            report(error)
        try:
            gc.collect()  # `program` disables the collector; a long-lived process needs it
            paths = plural(len(watched.stamps), "path")
            print(f"watching {paths}; press Ctrl-C to stop", file=sys.stderr, flush=True)
            changed = wait(watched.stamps)
        except Interrupted as interrupt:
            return OK if interrupt.code == 128 + signal.SIGINT else interrupt.code
        if changed & watched.analysis_inputs:
            watched = find_watched(invocation, patterns)
        else:
            watched = Watched(stamps(watched.stamps), watched.analysis_inputs)


def find_watched(invocation: Invocation, patterns: tuple[str, ...]) -> Watched:
    """Return the files and folders that a build reads; all of the workspace if it has errors.

    The stamps are those of the analysed state: if an input of the analysis changes meanwhile, the
    workspace is analysed again.
    """
    while True:
        paths, analysis_inputs, read = _analyze(invocation, patterns)
        watched = Watched(stamps(paths), analysis_inputs)
        if all(
            _is_unchanged(os.path.join(invocation.root, path), stamp)
            for path, stamp in read.items()
        ):
            return watched


def _is_unchanged(path: str, stamp: tuple[int, ...]) -> bool:
    from ...files.stamp import fingerprint

    try:
        return os.path.isdir(path) or fingerprint(path) == stamp
    except OSError:
        return False


def _analyze(
    invocation: Invocation, patterns: tuple[str, ...]
) -> tuple[list[str], frozenset[str], Mapping[str, tuple[int, ...]]]:
    """Analyse the request; return the watched paths, the inputs of analysis, and their stamps."""
    from ...analysis.analysis import analyse
    from ...analysis.builtin_rules import builtin_rules
    from ...explain.target_hash import artifacts
    from ...keys.action_graph import ActionGraph
    from ...types.action import Source
    from ...workspace.workspace import Workspace

    root, workspace = invocation.root, Workspace(invocation.root)
    try:
        targets = workspace.targets(patterns, invocation.package)
        analysis = analyse(workspace, targets, builtin_rules())
    except BuildError:
        paths = list_paths(root)
        return paths, frozenset(paths), {}
    outputs = [
        artifact for provider in analysis.providers.values() for artifact in artifacts(provider)
    ]
    inputs = [
        artifact for action in ActionGraph.of(outputs).actions for _, artifact in action.inputs
    ]
    sources = {artifact.name for artifact in (*outputs, *inputs) if isinstance(artifact, Source)}
    analysis_inputs = frozenset(os.path.join(root, name) for name in analysis.files_read)
    paths = sorted({os.path.join(root, name) for name in sources} | analysis_inputs)
    return paths, analysis_inputs, workspace.stamps


def list_paths(root: str) -> list[str]:
    """List all files and folders of a workspace that may be sources."""
    from ...workspace.folder_listing import is_skipped

    paths = []
    for folder, subfolders, names in os.walk(root):
        subfolders[:] = [name for name in subfolders if not is_skipped(name)]
        paths += [folder, *(os.path.join(folder, name) for name in names)]
    return paths


def stamps(paths: Iterable[str]) -> dict[str, Stamp]:
    """Return the stamp of each path: stat fields of a file, names in a folder, () if missing."""
    return {path: _stamp(path) for path in paths}


def _stamp(path: str) -> Stamp:
    from ...files.stamp import fingerprint
    from ...workspace.folder_listing import is_skipped

    try:
        if os.path.isdir(path):
            return tuple(sorted(name for name in os.listdir(path) if not is_skipped(name)))
        return fingerprint(path)
    except OSError:
        return ()


def wait(before: Mapping[str, Stamp], sleep: Callable[[float], None] = time.sleep) -> set[str]:
    """Wait until paths differ from `before` and no path changes any more; return those paths."""
    last = dict(before)
    while True:
        now = stamps(before)
        if now != before and now == last:
            return {path for path, stamp in now.items() if stamp != before[path]}
        last = now
        sleep(POLL)
