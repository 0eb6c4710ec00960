"""Compare a revision with a work tree that has the same targets and other contents of files.

Most commits change files that only actions read. One analysis then holds for both states, and only
the files that git reports as different are hashed. Whether that is so is decided from names: no
file that analysis reads may differ, and no name may be new or gone that a target could name.
"""

from __future__ import annotations

import os
from collections.abc import Set
from dataclasses import replace

from ..analysis.analysis import Analysis
from ..keys.action_graph import ActionGraph
from ..types.action import Action, Artifact, Output, Shipped, Source
from ..types.digest import Digest
from ..types.label import Label
from ..workspace.folder_listing import is_within
from ..workspace.root import BUILD
from .git import LINK, PROGRAM, SUBMODULE
from .git_revision import Revision
from .target_hash import TargetHashes, artifacts, inputs_of_labels
from .workspace_states import Evaluation, RevisionTree, WorkTree

_FILES = {"100644", PROGRAM}
_ABSENT = "000000"  # the mode of a file that one side does not have


class AnalysisGraph:
    """An analysis of the work tree, its actions, and the artifacts that no action makes."""

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.provided = {
            label: list(artifacts(provider)) for label, provider in analysis.providers.items()
        }
        every = [artifact for own in self.provided.values() for artifact in own]
        self.actions = ActionGraph.of(every).actions
        every += [artifact for action in self.actions for _, artifact in action.inputs]
        leaves = (artifact for artifact in every if isinstance(artifact, Source | Shipped))
        self.leaves = {(type(artifact), artifact.name): artifact for artifact in leaves}


def changed_files(revision: Revision, work_tree: WorkTree, graph: AnalysisGraph) -> set[str] | None:
    """Return the files that may have another content in the revision; None if targets may differ.

    Links, submodules and files that are not checked out make
    the answer None.
    """
    repository = revision.repository
    if work_tree.skipped or not _has_plain_files(revision):
        return None
    differences, untracked = repository.differences(revision.commit), repository.untracked()
    if differences is None or untracked is None:
        return None
    changed: set[str] = set()
    names = [path for path in untracked if path.startswith(revision.prefix)]
    if any(os.path.islink(os.path.join(repository.top, path)) for path in names):
        return None
    for path, (status, before, now) in differences.items():
        if not path.startswith(revision.prefix):
            continue
        if not {before, now} <= _FILES | {_ABSENT}:
            return None
        if status == "M":
            changed.add(path.removeprefix(revision.prefix))
        elif status == "A" or not os.path.lexists(os.path.join(repository.top, path)):
            names.append(path)
        else:
            return None
    inputs = _AnalysisNames(work_tree, graph)
    if any(map(inputs.is_read, changed)):
        return None
    own = (path.removeprefix(revision.prefix) for path in names)
    return None if any(map(inputs.can_name, own)) else changed


def _has_plain_files(revision: Revision) -> bool:
    """True if git checks every file, and none is a link or a submodule."""
    index = revision.repository.index().values()
    return all(entry.tag == "H" and entry.mode in _FILES for entry in index) and not any(
        entry.mode in (LINK, SUBMODULE) for entry in revision.entries.values()
    )


class _AnalysisNames:
    """The names that influence an analysis."""

    def __init__(self, work_tree: WorkTree, graph: AnalysisGraph) -> None:
        self._workspace = work_tree.workspace
        self._globs = work_tree.glob_folders
        self._leaves = graph.leaves

    def is_read(self, name: str) -> bool:
        """True if analysis reads the content of a file."""
        return name.rpartition("/")[2] == BUILD or name in self._workspace.digests

    def can_name(self, name: str) -> bool:
        """True if a target, a glob or a module of rules may find a new or a deleted name."""
        return (
            name.endswith("/")  # another repository
            or name.rpartition("/")[2] in (BUILD, "pyvenv.cfg")
            or bool(self._workspace.rule_files)
            or (Source, name) in self._leaves
            or any(is_within(name, folder) for folder in self._globs)
        )


def compare_contents(
    work_tree: WorkTree, before: RevisionTree, graph: AnalysisGraph, changed: set[str]
) -> tuple[Evaluation, Evaluation]:
    """Return the evaluations of the revision and of the work tree, which share an analysis.

    Their hashes are no digests: they differ for the labels that differ.
    """

    def read_before(artifact: Artifact) -> tuple[Digest, bool]:
        is_same = isinstance(artifact, Source) and artifact.name not in changed
        return work_tree.read(artifact) if is_same else before.read(artifact)

    differing = {
        key
        for key, artifact in graph.leaves.items()
        if isinstance(artifact, Shipped) or artifact.name in changed
        if before.read(artifact) != work_tree.read(artifact)
    }
    labels = _affected_labels(graph, differing)
    analysis = graph.analysis
    targets = {label: work_tree.workspace.target(label) for label in analysis.order}
    same = dict.fromkeys(analysis.order, "")
    now = TargetHashes(
        targets,
        analysis.deps,
        same | dict.fromkeys(labels, "changed"),
        lambda: same,
        inputs_of_labels(analysis, labels, work_tree.read),
        rules={},
        boards={},
    )
    base = replace(now, hashes=same, inputs=inputs_of_labels(analysis, labels, read_before))
    return Evaluation(analysis, base, read_before), Evaluation(analysis, now, work_tree.read)


def _affected_labels(graph: AnalysisGraph, differing: Set[tuple[type, str]]) -> set[Label]:
    """Return the labels whose outputs depend on files that differ.

    A target without outputs of its own depends on all that it names.
    """
    actions: set[Action] = set()

    def differs(artifact: Artifact) -> bool:
        if isinstance(artifact, Output):
            return artifact.action in actions
        return (type(artifact), artifact.name) in differing

    for action in graph.actions:
        if any(differs(artifact) for _, artifact in action.inputs):
            actions.add(action)
    labels: set[Label] = set()
    for label in graph.analysis.order:
        own = graph.provided[label]
        if any(map(differs, own)) if own else not labels.isdisjoint(graph.analysis.deps[label]):
            labels.add(label)
    return labels
