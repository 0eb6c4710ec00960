"""Where a build begins: the dirty actions of a request, and the state of all others.

A build that was analysed, or that cannot use any result, begins with every action dirty. A build that goes on from a
snapshot begins with the actions that a changed source reaches.
"""

from __future__ import annotations

from ..execution.executor import Attempt
from ..fastpath.manifest import InputManifest
from ..files.stamp import Stamp
from ..keys.action_graph import ActionGraph, RequestedOutput
from ..lite import TYPE_CHECKING
from ..lite.pack import unpack_strings
from ..lite.record import record
from ..types.action import Action
from ..types.digest import Digest
from ..types.events import Built, Done
from ..types.result import Node, Result
from ..ui.summary import FEW
from .analysis_inputs import AnalysisInputs
from .request_graph import (
    RequestedGate,
    RequestGraph,
    decode_actions,
    decode_gates,
    dirty_steps,
    outputs_by_step,
)
from .snapshot import Snapshot
from .step_codec import ActionLine, StepRecord, built_event, decode_file_outputs

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence, Set

    from ..store.protocol import Store

_OTHER = Action((), (), ())  # stands for actions of which only the outputs are reported


@record
class UnchangedOutput:
    """A requested output that the build does not change: its event, the name of its file, and its content."""

    event: Built
    file: str
    node: Node


@record(eq=False)
class Unchanged:
    """The part of a request that is not dirty.

    `records` are the last results of the dirty actions. `events` and `outputs` are to be reported; the outputs are
    empty, and not `listed`, in a large request of which only changes are reported. `in_place` says that the outputs
    are in the workspace already.
    """

    records: Sequence[StepRecord] = ()
    count: int = 0
    events: Sequence[Done] = ()
    outputs: dict[int, UnchangedOutput] = {}
    verdicts: Sequence[str] = ()
    listed: bool = True
    in_place: bool = False


@record(eq=False)
class Start:
    """The dirty actions of a request, and what the end of the build needs of all others.

    `numbers` are those of the dirty actions in the whole request; `outputs` are the requested outputs to write, and
    `made` the numbers of those that each dirty action makes. `known` has the results of producers that are not dirty.
    `inputs` is None in a build that goes on from the `manifest` of the last one here; `stamps` are then those of the
    changed inputs, from before they were read. `publish_to` is a path in the cache, or empty.
    """

    attempt: Attempt
    labels: tuple[str, ...]
    graph: ActionGraph
    numbers: Sequence[int]
    gate_only: frozenset[int]
    outputs: dict[int, RequestedOutput]
    made: Sequence[Sequence[int]]
    gates: tuple[RequestedGate, ...]
    snapshot: Snapshot | None
    inputs: AnalysisInputs | None
    known: dict[Action, Result] = {}
    unchanged: Unchanged = Unchanged()
    manifest: InputManifest | None = None
    stamps: dict[str, Stamp] = {}
    publish_to: str = ""

    @property
    def is_noop(self) -> bool:
        """True if no input has changed since the last build."""
        return self.manifest is not None and not self.manifest.changed


def start_with_all_dirty(
    attempt: Attempt, graph: RequestGraph, snapshot: Snapshot | None = None, publish_to: str = ""
) -> Start:
    """A start that uses no result of a snapshot; `snapshot` is the encoded graph."""
    made = outputs_by_step(graph.steps, graph.outputs)
    return Start(
        attempt,
        graph.labels,
        graph.steps,
        range(len(graph.steps.actions)),
        graph.gate_only,
        dict(enumerate(graph.outputs)),
        [made.get(number, ()) for number in range(len(graph.steps.actions))],
        graph.gates,
        snapshot,
        graph.inputs,
        publish_to=publish_to,
    )


def start_from_snapshot(
    attempt: Attempt,
    snapshot: Snapshot,
    changed: Collection[int],
    *,
    inputs: AnalysisInputs | None = None,
    manifest: InputManifest | None = None,
    stamps: dict[str, Stamp] | None = None,
) -> Start | None:
    """A start whose dirty actions are those that changed sources reach, by number of the source.

    None if the snapshot is damaged, or if the store lacks an output that a dirty action takes.
    """
    numbers, labels = dirty_steps(snapshot, changed), tuple(snapshot.graph.strings("labels"))
    dirty = _decode_dirty(attempt.host.store, snapshot, numbers)
    if dirty is None:
        return None
    in_place = manifest is not None
    every = attempt.request.list_all or not in_place
    listed = every or len(labels) <= FEW
    rest = _decode_rest(snapshot, set(numbers), every) if listed else ([], {})
    if rest is None:
        return None
    events, unchanged = rest
    outputs = dict(dirty.outputs)
    sources = snapshot.graph.strings("sources")
    names = {sources[number] for number in changed}
    files = decode_file_outputs(snapshot.graph.strings("file_outputs"))
    for (number, output), state in zip(files.items(), snapshot.file_states.split(b"\n")):
        if not in_place or output.artifact.name in names:
            outputs[number] = output
        elif listed:
            unchanged[number] = _unchanged_output(output, state)
    gate_only = {*snapshot.graph.ints("gate_only")}
    return Start(
        attempt,
        labels,
        dirty.graph,
        numbers,
        frozenset(index for index, number in enumerate(numbers) if number in gate_only),
        outputs,
        dirty.made,
        decode_gates(snapshot),
        snapshot,
        inputs,
        dirty.known,
        Unchanged(
            dirty.records,
            snapshot.count - len(numbers),
            events if every else (),
            unchanged,
            unpack_strings(snapshot.verdicts),
            listed,
            in_place,
        ),
        manifest,
        stamps or {},
    )


@record(eq=False)
class _Dirty:
    """The dirty actions of a snapshot, their last results, and the results that they take from others."""

    graph: ActionGraph
    known: dict[Action, Result]
    outputs: dict[int, RequestedOutput]
    made: Sequence[Sequence[int]]
    records: Sequence[StepRecord]


def _decode_dirty(store: Store, snapshot: Snapshot, numbers: Sequence[int]) -> _Dirty | None:
    lines, records = snapshot.actions(numbers), snapshot.records(numbers)
    if lines is None or records is None:
        return None
    decoded, dirty = [ActionLine(line) for line in lines], set(numbers)
    outside = sorted({other for line in decoded for other in line.producers()} - dirty)
    producers, known = dict[int, Action](), dict[Action, Result]()
    for number, last in zip(outside, snapshot.records(outside) or ()):
        result = store.recall(Digest.parse(last.key))
        if result is None:
            return None
        producers[number] = Action((), (), ())
        known[producers[number]] = result
    if len(producers) < len(outside):
        return None
    graph = decode_actions(numbers, decoded, producers)
    outputs: dict[int, RequestedOutput] = {}
    for line, action in zip(decoded, graph.actions):
        outputs.update(line.requested(action))
    return _Dirty(graph, known, outputs, [line.numbers() for line in decoded], records)


def _decode_rest(
    snapshot: Snapshot, dirty: Set[int], every: bool
) -> tuple[list[Done], dict[int, UnchangedOutput]] | None:
    """The events and outputs of actions that are not dirty: of `every` one, or of those with requested outputs."""
    reported = range(snapshot.count) if every else snapshot.graph.ints("output_steps")
    numbers = [number for number in reported if number not in dirty]
    lines, records = snapshot.actions(numbers), snapshot.records(numbers)
    if lines is None or records is None:
        return None
    events, outputs = list[Done](), dict[int, UnchangedOutput]()
    for number, (bytes_, last) in enumerate(zip(lines, records), len(dirty)):
        line = ActionLine(bytes_)
        event = Done(
            number, line.label, line.title, "hit", last.key, last.milliseconds, line.position
        )
        events.append(event)
        for (output, requested), state in zip(line.requested(_OTHER), last.outputs):
            outputs[output] = _unchanged_output(requested, state)
    return events, outputs


def _unchanged_output(output: RequestedOutput, state: bytes) -> UnchangedOutput:
    event, node = built_event(output, state)
    return UnchangedOutput(event, output.file, node)
