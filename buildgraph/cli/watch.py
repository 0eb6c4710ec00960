"""`buildgraph build --watch`: build, wait until something that the build reads changes, build again."""
from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from ..errors import OK, BuildError
from .here import Here
from .interrupt import Interrupted

POLL = 0.2
Stamp: TypeAlias = "tuple[object, ...]"


def watch(here: Here, patterns: tuple[str, ...], build: Callable[[], int], tell: Callable[[BuildError], int]) -> int:
    """Build again and again; `tell` says a fault of the user's. Ctrl-C while nothing is built is the good end."""
    from ..ui.words import plural
    while True:
        paths = watched(here, patterns)
        before = stamps(paths)
        try:
            build()
        except BuildError as fault:
            tell(fault)
        print(f"watching {plural(len(paths), 'path')}; Ctrl-C ends", file=sys.stderr, flush=True)
        try:
            wait(before)
        except Interrupted as stop:
            return OK if stop.code == 128 + signal.SIGINT else stop.code


def watched(here: Here, patterns: tuple[str, ...]) -> list[str]:
    """The files and folders that decide what a build does; all of the workspace when it has faults."""
    from ..analysis import analyse
    from ..evaluated import artifacts
    from ..loading import registry
    from ..model import Source
    from ..steps import Steps
    from ..workspace import Workspace
    workspace = Workspace(here.root)
    try:
        analysis = analyse(workspace, workspace.targets(patterns, here.package), registry())
    except BuildError:
        return everything(here.root)
    own = [artifact for provider in analysis.providers.values() for artifact in artifacts(provider)]
    given = [artifact for action in Steps.of(own).actions for _, artifact in action.inputs]
    names = {artifact.name for artifact in (*own, *given) if isinstance(artifact, Source)}
    return sorted(os.path.join(here.root, name) for name in {*names, *analysis.files_read})


def everything(root: str) -> list[str]:
    """Every file and folder of a workspace that could hold sources."""
    from ..listing import skipped
    found = []
    for folder, inner, names in os.walk(root):
        inner[:] = [name for name in inner if not skipped(name)]
        found += [folder, *(os.path.join(folder, name) for name in names)]
    return found


def stamps(paths: Iterable[str]) -> dict[str, Stamp]:
    """What tells that a path changed: the stat of a file, the names in a folder, nothing of what is absent."""
    return {path: _stamp(path) for path in paths}


def _stamp(path: str) -> Stamp:
    from ..listing import skipped
    from ..source import fingerprint
    try:
        if os.path.isdir(path):
            return tuple(sorted(name for name in os.listdir(path) if not skipped(name)))
        return fingerprint(path)
    except OSError:
        return ()


def wait(before: Mapping[str, Stamp], sleep: Callable[[float], None] = time.sleep) -> None:
    """Return when something differs from `before` and has been still since the last look."""
    last = dict(before)
    while True:
        now = stamps(before)
        if now != before and now == last:
            return
        last = now
        sleep(POLL)
