"""The actions of affected targets: which will run, which are in the cache, and for how long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from ..analysis.analysis import Analysis
from ..execution.durations import load_durations
from ..host.host_tools import HostTools
from ..keys.action_graph import ActionGraph, gates_of, requested_outputs
from ..types.action import Artifact
from ..types.label import Label
from .affected import Affected
from .compare_revisions import Comparison
from .predict import Machine, Outcome, PredictedAction, predict
from .target_hash import TargetHashes, artifacts
from .workspace_states import Evaluation

_Row: TypeAlias = tuple[str, str, int]  # (label, title, ordinal)


@dataclass(frozen=True, slots=True, eq=False)
class ActionForecast:
    """The actions that a build of some labels needs, each after those whose outputs it reads.

    `milliseconds[i]` is how long action i took before; None if that is not remembered. `needs[i]`
    are the numbers of the actions whose outputs it reads. `requested` maps each label to the
    actions that make its outputs and verdicts.
    """

    actions: tuple[PredictedAction, ...]
    milliseconds: tuple[int | None, ...]
    needs: tuple[tuple[int, ...], ...]
    requested: Mapping[Label, tuple[int, ...]]

    def counts(self) -> dict[Outcome, int]:
        """Return the number of actions by outcome."""
        return dict(Counter(entry.outcome for entry in self.actions))

    @property
    def predicted_ms(self) -> int:
        """The time of all actions that run or may run, one after another."""
        return sum(ms or 0 for entry, ms in zip(self.actions, self.milliseconds) if entry.runs)

    @property
    def without_duration(self) -> int:
        """The number of actions that run or may run and have no remembered duration."""
        return sum(ms is None and entry.runs for entry, ms in zip(self.actions, self.milliseconds))

    def of_labels(self) -> dict[Label, list[int]]:
        """Map each label to the actions that it declares."""
        numbers: dict[Label, list[int]] = {}
        for number, entry in enumerate(self.actions):
            if entry.action.owner is not None:
                numbers.setdefault(entry.action.owner, []).append(number)
        return numbers


def labels_to_build(comparison: Comparison, patterns: Sequence[str], package: str) -> list[Label]:
    """Return the affected labels that patterns select, without groups, sorted.

    A selected group selects its members. Without patterns, all affected labels are selected.
    BuildError for a pattern that matches no target.
    """
    affected = {entry.label for entry in comparison.affected if entry.change != "gone"}
    if patterns:
        selected = comparison.workspace.targets(patterns, package)
        affected &= set(_with_members(selected, comparison.now.hashes))
    return sorted(label for label in affected if not comparison.now.hashes.is_group(label))


def _with_members(labels: Iterable[Label], hashes: TargetHashes) -> Iterator[Label]:
    waiting, seen = list(labels), set[Label]()
    while waiting:
        label = waiting.pop()
        if label not in seen:
            seen.add(label)
            yield label
            if hashes.is_group(label):
                waiting += hashes.deps[label]


def forecast(
    root: str, comparison: Comparison, labels: Sequence[Label], machine: Machine
) -> ActionForecast:
    """Predict the actions that `build` would need for labels of the work tree."""
    requested = {
        label: _requested(comparison.now.analysis, label, machine.tools) for label in labels
    }
    graph = ActionGraph.of(artifact for own in requested.values() for artifact in own)
    actions = predict(graph, comparison.now.read, machine)
    running = [entry for entry in actions if entry.runs]
    remembered = _Durations(root, comparison, running, machine) if running else None
    return ActionForecast(
        actions,
        tuple(remembered.of(entry) if remembered and entry.runs else None for entry in actions),
        graph.deps,
        {label: tuple(dict.fromkeys(_numbers(graph, own))) for label, own in requested.items()},
    )


def _requested(analysis: Analysis, label: Label, tools: HostTools) -> list[Artifact]:
    """Return the outputs of a label, and the verdicts of the gates that this host can check."""
    provider = analysis.providers[label]
    outputs = [output.artifact for output in requested_outputs(label, provider)]
    return outputs + [
        gate.verdict for gate in gates_of(provider) if all(map(tools.find, gate.needs))
    ]


def _numbers(graph: ActionGraph, artifacts: Iterable[Artifact]) -> Iterator[int]:
    for artifact in artifacts:
        action = getattr(artifact, "action", None)
        if action is not None:
            yield graph.number[action]


class _Durations:
    """How long actions took: as recorded in the workspace, else as at the revision, from the cache.

    The record of the workspace has one duration for all actions of a label that have one title.
    """

    def __init__(
        self,
        root: str,
        comparison: Comparison,
        running: Sequence[PredictedAction],
        machine: Machine,
    ) -> None:
        self._recorded = load_durations(root)
        self._before: dict[_Row, int] = {}
        if comparison.base is not None:
            owners = {entry.action.owner for entry in running}
            self._add_base(comparison.base, comparison.affected, owners, machine)

    def of(self, entry: PredictedAction) -> int | None:
        """Return milliseconds; None if they are not remembered."""
        owner, title = str(entry.action.owner), entry.action.title
        before = self._before.get((owner, title, entry.ordinal))
        name = f"{owner} {title}".replace("\n", " ")
        return self._recorded.get(name) if before is None else before

    def _add_base(
        self,
        base: Evaluation,
        affected: Iterable[Affected],
        owners: set[Label | None],
        machine: Machine,
    ) -> None:
        """Add the results that the cache has of the same actions at the revision."""
        old_names = {entry.label: entry.before for entry in affected if entry.change == "renamed"}
        providers = base.analysis.providers
        names = {
            Label.parse(old_names.get(owner) or str(owner)): owner for owner in owners if owner
        }
        declared = [
            artifact
            for label in sorted(names)
            if label in providers
            for artifact in artifacts(providers[label])
        ]
        for entry in predict(ActionGraph.of(declared), base.read, machine):
            owner = entry.action.owner
            if entry.result is not None and owner in names:
                row = (str(names[owner]), entry.action.title, entry.ordinal)
                self._before[row] = entry.result.milliseconds
