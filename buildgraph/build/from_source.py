"""The workspace analysed: what a session starts from when it cannot go on from the last build."""
from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module

from ..analysis.analysis import Analysis, analyse
from ..analysis.builtin_rules import builtin_rules
from ..types.label import Label, Pattern
from ..state.analysis_inputs import AnalysisInputs, without_outputs
from ..keys.action_graph import path_conflict_error, find_path_conflict, gates_of, requested_outputs
from ..state.graph_cache import RequestGraph, steps_of
from ..workspace.workspace import Workspace
from ..lite import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..types.request import Request
    from ..keys.action_graph import RequestedOutput

@dataclass(frozen=True, slots=True)
class AnalyzedRequest:
    """The labels asked for, the analysis of all that they need, and what decides it."""

    labels: tuple[Label, ...]
    analysis: Analysis
    basis: AnalysisInputs


def analyze_request(root: str, patterns: tuple[str, ...], package: str = "") -> AnalyzedRequest:
    """Parse, select and analyse; BuildErrors with every fault found."""
    workspace = Workspace(root)
    labels = tuple(workspace.targets(patterns, package))
    analysis = analyse(workspace, labels, builtin_rules())
    return AnalyzedRequest(_members(labels, analysis), analysis, _basis(workspace, (*workspace.files_read, *analysis.files_read)))


def _basis(workspace: Workspace, names: Iterable[str]) -> AnalysisInputs:
    root, listing = workspace.root, workspace.file_tree
    paths = {name: os.path.normpath(os.path.join(root, name)) for name in names}
    folders = {path: without_outputs(root, path, listing.entries(name).values()) for name, path in paths.items()
               if name in listing.folders}
    known = listing.stamps | workspace.stamps
    return AnalysisInputs(root, tuple(paths.values()), folders, workspace.digests, {path: known[name] for name, path in paths.items()})


def evaluate_request(root: str, request: Request, has: Callable[[str], bool]) -> RequestGraph:
    """What a request comes to; `has` tells which programs this host has. BuildErrors with every fault found."""
    loaded = analyze_request(root, request.patterns, request.package)
    given = [(str(label), loaded.analysis.providers[label], label) for label in loaded.labels]
    wanted = tuple(want for _, provider, label in given for want in requested_outputs(label, provider))
    _check_paths(root, wanted)
    gates = tuple((label, gate) for label, provider, _ in given for gate in gates_of(provider)) if request.gates else ()
    steps, gate_only = steps_of(wanted, [gate for _, gate in gates if all(map(has, gate.needs))])
    return RequestGraph(tuple(label for label, _, _ in given), wanted, gates, steps, gate_only, loaded.basis)


def _check_paths(root: str, wanted: tuple[RequestedOutput, ...]) -> None:
    """Refuse outputs of which one would lie in the other."""
    clash = find_path_conflict(want.path for want in wanted)
    if clash is not None:
        label = next(want.label for want in reversed(wanted) if want.path == clash[1])
        raise path_conflict_error(*clash, Workspace(root).target(label).place())


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
