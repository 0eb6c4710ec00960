"""What a session starts from: the workspace analysed, the store opened, the sandbox chosen."""
from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from .analysis import Analysis, analyse
from .errors import BuildError
from .execute.job import LEVELS, Level
from .execute.sandbox import probe
from .label import Label
from .declare import Registry, rules_of
from .store.disk import DiskStore
from .store.memo import Memo
from .store.place import default_root
from .workspace import Workspace

if TYPE_CHECKING:
    from .source import Index

OURS = frozenset({"out", ".buildgraph"})
RULES = ("files", "command", "gate", "group", "model", "coalition", "hardware", "export", "index")


@dataclass(frozen=True, slots=True)
class Loaded:
    """The labels asked for, the analysis of all that they need, and the files whose change would change it.

    `folders` are those of the watched that are folders, with the names that stood in them.
    """

    labels: tuple[Label, ...]
    analysis: Analysis
    watched: list[str]
    folders: dict[str, frozenset[str]]

    def lists_as_before(self, path: str) -> bool:
        """Whether a path is a watched folder and holds the names that analysis saw, our own folders aside."""
        return path in self.folders and self.folders[path] - OURS == frozenset(os.listdir(path)) - OURS


def shipped_rules() -> ModuleType:
    """The package of rules that is installed with buildgraph; found by name, for its place differs from ours."""
    return import_module("buildgraph.rules")


SHIPPED = os.path.realpath(shipped_rules().__path__[0])


def registry() -> Registry:
    """The rules that ship with buildgraph."""
    rules = Registry()
    for name in RULES:
        for found in rules_of(import_module(f"buildgraph.rules.{name}")):
            rules.add(found)
    return rules


def load(root: str, patterns: tuple[str, ...], package: str = "") -> Loaded:
    """Parse, select and analyse; BuildErrors with every fault found."""
    workspace = Workspace(root)
    labels = tuple(workspace.targets(patterns, package))
    analysis = analyse(workspace, labels, registry())
    folders = {os.path.normpath(os.path.join(root, folder)): frozenset(workspace.listing.entries(folder))
               for folder in workspace.listing.folders}
    watched = [os.path.normpath(os.path.join(root, path)) for path in (*workspace.files_read, *analysis.files_read)]
    return Loaded(_members(labels, analysis), analysis, watched, folders)


def _members(labels: tuple[Label, ...], analysis: Analysis) -> tuple[Label, ...]:
    """The labels, sorted, with the members of each group in its place."""
    group = import_module("buildgraph.rules.group").Group
    seen, waiting = set(labels), list(labels)
    while waiting:
        label = waiting.pop()
        if isinstance(analysis.providers[label], group):
            new = [member for member in analysis.deps[label] if member not in seen]
            seen.update(new)
            waiting += new
    return tuple(sorted(label for label in seen if not isinstance(analysis.providers[label], group)))


def own_files() -> list[str]:
    """The files of buildgraph itself that decide what a build does."""
    folders = [os.path.dirname(__file__), SHIPPED]
    return sorted(os.path.join(folder, name) for top in folders for folder, _, names in os.walk(top)
                  for name in names if name.endswith(".py"))


def open_store(warn: Callable[[str], None]) -> tuple[DiskStore, Index]:
    """The user's store, and the index of file stamps that stands beside it."""
    root = default_root(os.environ)
    store = DiskStore(root, warn)
    return store, Memo(os.path.join(root, "index"))


def level_of(wanted: str) -> Level:
    """The sandbox to run in: the one asked for, which must work here, or else the best that does."""
    best = probe(os.environ)
    if not wanted:
        return best
    level = next(level for level in LEVELS if level == wanted)
    if LEVELS.index(level) < LEVELS.index(best):
        raise BuildError(f"the sandbox {wanted!r} does not work on this machine", None,
                         f"`buildgraph doctor` tells why; --sandbox {best} is the best that works", "environment")
    return level
