"""The workspace analysed: what a session starts from when it cannot go on from the last build."""
from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module

from .analysis import Analysis, analyse
from .declare import Registry, rules_of
from .label import Label
from .workspace import Workspace

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
