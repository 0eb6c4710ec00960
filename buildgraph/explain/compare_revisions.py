"""`affected --since REV`: hash the targets of a revision and of the work tree, and compare them."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass

from ..host.environment import RULES_FOLDER
from ..types.errors import BuildError, BuildErrors, Location
from ..types.label import Label
from ..workspace.folder_listing import join
from ..workspace.workspace import Workspace
from .affected import Affected, compare, without_base
from .content_changes import AnalysisGraph, changed_files, compare_contents
from .git_revision import Revision
from .workspace_states import ALL, Evaluation, RevisionTree, WorkTree

_NOT_OF_TARGETS = ("usage", "broken", "environment")  # reasons of errors of a repository or machine


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """The labels of the work tree `now` that differ from a commit, and the workspace in both.

    `base` is None if the workspace of the commit has an error.
    """

    commit: str
    affected: tuple[Affected, ...]
    workspace: Workspace
    now: Evaluation
    base: Evaluation | None


def compare_revision(root: str, text: str) -> Comparison:
    """Compare the work tree with the commit that `text` names.

    Raises BuildError for an unknown revision, for errors in the work tree, and for a target that
    was deleted since but is still needed.
    """
    with (
        Revision.find(root, text, RULES_FOLDER) as revision,
        tempfile.TemporaryDirectory(prefix="buildgraph-") as folder,
    ):
        work_tree = WorkTree(revision, root, os.path.join(folder, "skipped"))
        before = RevisionTree(revision, os.path.join(folder, "base"), work_tree)
        try:
            analysis = work_tree.analyse()
            graph = AnalysisGraph(analysis)
            changed = changed_files(revision, work_tree, graph)
            now = work_tree.hash(analysis) if changed is None else None
        except BuildError as error:
            raise _with_git_advice(error, work_tree, before, text) from None
        base: Evaluation | None
        if now is not None:
            base, affected = _compare_evaluated(before, now, text)
        else:
            base, now = compare_contents(work_tree, before, graph, changed or set())
            affected = compare(base.hashes, now.hashes)
        return Comparison(revision.commit, tuple(affected), work_tree.workspace, now, base)


def _compare_evaluated(
    before: RevisionTree, now: Evaluation, text: str
) -> tuple[Evaluation | None, list[Affected]]:
    """Evaluate the revision, if it has no error, and compare it with the work tree."""
    try:
        base = before.evaluate()
    except BuildError as error:
        if error.reason in _NOT_OF_TARGETS:
            raise
        first = error.errors[0] if isinstance(error, BuildErrors) else error
        why = f"{text} cannot be compared: {f'{first.at}: ' if first.at else ''}{first.what}"
        return None, without_base(now.hashes, why)
    return base, compare(base.hashes, now.hashes)


def _with_git_advice(
    error: BuildError, now: WorkTree, before: RevisionTree, text: str
) -> BuildError:
    """Add what git knows to the errors of the work tree: deleted targets, missing submodules."""
    errors = error.errors if isinstance(error, BuildErrors) else (error,)
    base: Mapping[str, str] = {}
    if any(entry.reason == "missing" for entry in errors):
        base = _target_places(before)
    advised = [
        _with_submodule(_with_deleted_target(entry, now, base, text), now.revision)
        for entry in errors
    ]
    return advised[0] if len(advised) == 1 else BuildErrors(advised)


def _target_places(before: RevisionTree) -> dict[str, str]:
    """Map the labels of the revision to their places; empty if it cannot be evaluated."""
    try:
        targets = before.evaluate().hashes.targets
    except BuildError:
        return {}
    return {str(label): str(target.place()) for label, target in targets.items()}


def _with_deleted_target(
    error: BuildError, now: WorkTree, base: Mapping[str, str], text: str
) -> BuildError:
    label = error.what.removeprefix("no target ")
    if error.reason != "missing" or label not in base:
        return error
    user = _target_at(error.at, now.workspace)
    return BuildError(
        f"{user or 'a target'} needs {label}, which was deleted since {text}",
        error.at,
        f"it was at {base[label]}: restore it, or remove the dependency",
        "missing",
    )


def _target_at(at: Location | None, workspace: Workspace) -> Label | None:
    """Return the target whose table contains a place."""
    if at is None:
        return None
    try:
        labels = workspace.matching(ALL)
    except BuildError:
        return None
    places = [(workspace.target(label).place(), label) for label in labels]
    above = [
        (place.line, label)
        for place, label in places
        if place.path == at.path and place.line <= at.line
    ]
    return max(above)[1] if above else None


def _with_submodule(error: BuildError, revision: Revision) -> BuildError:
    """Add the command that checks out the submodule of a missing file."""
    match = re.fullmatch(r"no file (?:matches )?'(.*)'", error.what)
    if error.reason != "source" or match is None or error.at is None:
        return error
    path = revision.prefix + join(os.path.dirname(error.at.path), match[1])
    for module in revision.not_checked_out:
        if f"{path}/".startswith(f"{module}/"):
            return BuildError(
                error.what,
                error.at,
                f"{module} is a submodule that is not checked out: "
                f"`git -C {revision.repository.top} submodule update --init {module}`",
                "source",
            )
    return error
