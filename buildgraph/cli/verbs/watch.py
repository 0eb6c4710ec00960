"""`buildgraph build --watch`: build, wait until something that the build reads changes, build again."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from ...types.errors import OK, BuildError
from ..invocation import Invocation
from ..signals import Interrupted

POLL = 0.2
Stamp: TypeAlias = "tuple[object, ...]"


def watch(
    here: Invocation,
    patterns: tuple[str, ...],
    build: Callable[[], int],
    tell: Callable[[BuildError], int],
) -> int:
    """Build again and again; `tell` says a fault of the user's. Ctrl-C while nothing is built is the good end."""
    from ...ui.format import plural

    before, deciding = watched(here, patterns)
    while True:
        try:
            build()
        except BuildError as fault:
            tell(fault)
        try:
            gc.collect()  # a program that ends does not look for cycles; this one goes on
            print(
                f"watching {plural(len(before), 'path')}; Ctrl-C ends", file=sys.stderr, flush=True
            )
            changed = wait(before)
        except Interrupted as stop:
            return OK if stop.code == 128 + signal.SIGINT else stop.code
        before, deciding = (
            watched(here, patterns) if changed & deciding else (stamps(before), deciding)
        )


def watched(here: Invocation, patterns: tuple[str, ...]) -> tuple[dict[str, Stamp], set[str]]:
    """The files and folders that a build reads, with their stamps, and those of them that decide which these are.

    All of the workspace, when it has faults. The stamps are those of the state that was analysed: where an input of the
    analysis changes meanwhile, it is analysed again.
    """
    while True:
        paths, deciding, read = _looked_at(here, patterns)
        before = stamps(paths)
        if all(_is_unchanged(os.path.join(here.root, path), stamp) for path, stamp in read.items()):
            return before, deciding


def _is_unchanged(path: str, stamp: tuple[int, ...]) -> bool:
    from ...files.stamp import fingerprint

    try:
        return os.path.isdir(path) or fingerprint(path) == stamp
    except OSError:
        return False


def _looked_at(
    here: Invocation, patterns: tuple[str, ...]
) -> tuple[list[str], set[str], Mapping[str, tuple[int, ...]]]:
    from ...analysis.analysis import analyse
    from ...analysis.builtin_rules import builtin_rules
    from ...explain.target_hash import artifacts
    from ...keys.action_graph import ActionGraph
    from ...types.action import Source
    from ...workspace.workspace import Workspace

    workspace = Workspace(here.root)
    try:
        analysis = analyse(workspace, workspace.targets(patterns, here.package), builtin_rules())
    except BuildError:
        found = everything(here.root)
        return found, set(found), {}
    own = [artifact for provider in analysis.providers.values() for artifact in artifacts(provider)]
    given = [artifact for action in ActionGraph.of(own).actions for _, artifact in action.inputs]
    names = {artifact.name for artifact in (*own, *given) if isinstance(artifact, Source)}
    deciding = {os.path.join(here.root, name) for name in analysis.files_read}
    return (
        sorted({os.path.join(here.root, name) for name in names} | deciding),
        deciding,
        workspace.stamps,
    )


def everything(root: str) -> list[str]:
    """Every file and folder of a workspace that could hold sources."""
    from ...workspace.folder_listing import is_skipped

    found = []
    for folder, inner, names in os.walk(root):
        inner[:] = [name for name in inner if not is_skipped(name)]
        found += [folder, *(os.path.join(folder, name) for name in names)]
    return found


def stamps(paths: Iterable[str]) -> dict[str, Stamp]:
    """What tells that a path changed: the stat of a file, the names in a folder, nothing of what is absent."""
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
    """The paths that differ from `before`, when there are some that have been still since the last look."""
    last = dict(before)
    while True:
        now = stamps(before)
        if now != before and now == last:
            return {path for path, stamp in now.items() if stamp != before[path]}
        last = now
        sleep(POLL)
