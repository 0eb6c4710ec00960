"""Parse and analyse a workspace: the most general start of a build, and what queries read."""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from ..analysis.analysis import Analysis, analyse
from ..analysis.builtin_rules import builtin_rules
from ..files.entries import EVERY, Listing, find
from ..keys.action_graph import find_path_conflict, gates_of, path_conflict_error, requested_outputs
from ..state.analysis_inputs import AnalysisInputs
from ..state.request_graph import RequestedGate, RequestGraph, graph_of
from ..types.action import Output
from ..types.label import Label
from ..workspace.workspace import Workspace
from .described_targets import describe_targets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..keys.action_graph import ActionGraph, RequestedOutput
    from ..types.action import Gate
    from ..types.request import Request
    from ..workspace.file_tree import FileTree


@dataclass(frozen=True, slots=True)
class AnalyzedRequest:
    """The workspace, the requested labels, the analysis of all targets that they need, its inputs.

    `unchecked` names the gates that the workspace lets be "not checked".
    """

    workspace: Workspace
    labels: tuple[Label, ...]
    analysis: Analysis
    inputs: AnalysisInputs
    unchecked: tuple[str, ...]


def analyze_request(root: str, patterns: tuple[str, ...], package: str = "") -> AnalyzedRequest:
    """Parse, select and analyse; BuildErrors with every error."""
    workspace = Workspace(root)
    labels = tuple(workspace.targets(patterns, package))
    analysis = analyse(workspace, labels, builtin_rules())
    names = (*workspace.files_read, *analysis.files_read)
    return AnalyzedRequest(
        workspace,
        _members(labels, analysis),
        analysis,
        _inputs_of(workspace, names),
        workspace.settings.release.unchecked,
    )


def _inputs_of(workspace: Workspace, names: Iterable[str]) -> AnalysisInputs:
    """The inputs of an analysis.

    A rule of the workspace may ask for a file without a trace, as by `os.path.exists`, or read
    BUILD files itself. So with such rules, all entries of the listed folders are inputs, and so
    are comments in BUILD files.
    """
    root, tree = workspace.root, workspace.file_tree
    is_every = bool(workspace.settings.rules)
    paths = {name: os.path.normpath(os.path.join(root, name)) for name in names}
    folders = {
        path: _listing(tree, name, {EVERY} if is_every else tree.lookups[name])
        for name, path in paths.items()
        if name in tree.lookups
    }
    texts = {} if is_every else workspace.texts
    known = tree.stamps | workspace.stamps
    stamps = {path: known[name] for name, path in paths.items()}
    return AnalysisInputs(root, tuple(paths.values()), folders, workspace.digests, stamps, texts)


def _listing(tree: FileTree, folder: str, lookups: Iterable[str]) -> Listing:
    wanted = frozenset(lookups)
    return Listing(wanted, find(not folder, tree.entries(folder).values(), wanted))


def evaluate_request(root: str, request: Request, has: Callable[[str], bool]) -> RequestGraph:
    """Evaluate a request; `has` answers for programs of this host. BuildErrors with every error."""
    analyzed = analyze_request(root, request.patterns, request.package)
    providers = [(label, analyzed.analysis.providers[label]) for label in analyzed.labels]
    outputs = tuple(
        output for label, provider in providers for output in requested_outputs(label, provider)
    )
    _check_paths(root, outputs)
    gates = [
        (str(label), gate)
        for label, provider in providers
        if request.gates
        for gate in gates_of(provider)
    ]
    steps, gate_only = graph_of(outputs, [gate for _, gate in gates if all(map(has, gate.needs))])
    return RequestGraph(
        tuple(str(label) for label, _ in providers),
        outputs,
        tuple(requested_gate(label, gate, steps, has, analyzed.unchecked) for label, gate in gates),
        steps,
        gate_only,
        analyzed.inputs,
        describe_targets(analyzed.workspace, analyzed.analysis),
    )


def requested_gate(
    label: str,
    gate: Gate,
    steps: ActionGraph,
    has: Callable[[str], bool],
    unchecked: tuple[str, ...],
) -> RequestedGate:
    """A gate of a provider as it is requested; `has` answers for programs of this host."""
    assert isinstance(gate.verdict, Output), "an action makes the verdict of a gate"
    missing = tuple(program for program in gate.needs if not has(program))
    step = None if missing else steps.number.get(gate.verdict.action)
    demand = "required" if gate.required else "allowed" if gate.name in unchecked else ""
    return RequestedGate(label, gate.name, step, gate.needs, missing, demand)


def _check_paths(root: str, outputs: tuple[RequestedOutput, ...]) -> None:
    """Refuse an output at the path of another, or below it."""
    clash = find_path_conflict(output.path for output in outputs)
    if clash is not None:
        label = next(output.label for output in reversed(outputs) if output.path == clash[1])
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
    return tuple(
        sorted(label for label in seen if not isinstance(analysis.providers[label], group))
    )
