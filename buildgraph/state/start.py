"""The start of a build: the dirty actions of a request, and the state of all others.

A build that was analysed, or that cannot use any result, begins with every action dirty. A build
that goes on from a snapshot begins with the actions that a changed source reaches.
"""

from __future__ import annotations

from ..execution.executor import Attempt
from ..fastpath.manifest import InputManifest
from ..files.stamp import Stamp
from ..keys.action_graph import ActionGraph, RequestedOutput
from ..lite import TYPE_CHECKING
from ..lite.pack import unpack_strings
from ..lite.record import Record
from ..types.action import Action
from ..types.digest import Digest
from ..types.events import Done
from ..types.result import Result
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
from .step_codec import (
    ActionLine,
    UnchangedOutput,
    decode_file_outputs,
    unchanged_output,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ..store.protocol import Store


class Unchanged(Record, eq=False):
    """The part of a request that is not dirty.

    `events` and `outputs` are to be reported. There are none, and `listed` is false, in a large
    request of which only changes are reported. `in_place` is true if the outputs are in the
    workspace already.
    """

    count: int = 0
    events: Sequence[Done] = ()
    outputs: dict[int, UnchangedOutput] = {}
    verdicts: Sequence[str] = ()
    listed: bool = True
    in_place: bool = False


class Start(Record, eq=False):
    """The dirty actions of a request, and what the end of the build needs of all others.

    `numbers` are those of the dirty actions in the whole request; `outputs` are the requested
    outputs to write, and `outputs_of` the numbers of those that each dirty action makes. `known`
    has the results of producers that are not dirty. `inputs` is None in a build that goes on from
    the `manifest` of the last one here; `stamps` are then those of the changed inputs, from before
    they were read. `publish_to` is a path in the cache, or empty.
    """

    attempt: Attempt
    labels: tuple[str, ...]
    graph: ActionGraph
    numbers: Sequence[int]
    gate_only: frozenset[int]
    outputs: dict[int, RequestedOutput]
    outputs_of: Sequence[Sequence[int]]
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
    by_step = outputs_by_step(graph.steps, graph.outputs)
    return Start(
        attempt,
        graph.labels,
        graph.steps,
        range(len(graph.steps.actions)),
        graph.gate_only,
        dict(enumerate(graph.outputs)),
        [by_step.get(number, ()) for number in range(len(graph.steps.actions))],
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
    edited: Collection[int] = (),
    inputs: AnalysisInputs | None = None,
    manifest: InputManifest | None = None,
    stamps: dict[str, Stamp] | None = None,
    publish_to: str = "",
) -> Start | None:
    """A start whose dirty actions are those that changed sources or edited actions reach.

    `changed` are numbers of sources, `edited` those of actions. None if the snapshot is damaged, or
    if the store lacks an output that a dirty action takes.
    """
    numbers = dirty_steps(snapshot, changed, edited)
    dirty = _decode_dirty(attempt.host.store, snapshot, numbers)
    unchanged = _unchanged(attempt, snapshot, numbers, manifest is not None)
    if dirty is None or unchanged is None:
        return None
    outputs = {**dirty.outputs, **_files_to_write(snapshot, changed, unchanged)}
    gate_only = {*snapshot.graph.ints("gate_only")}
    return Start(
        attempt,
        tuple(snapshot.graph.strings("labels")),
        dirty.graph,
        numbers,
        frozenset(index for index, number in enumerate(numbers) if number in gate_only),
        outputs,
        dirty.outputs_of,
        decode_gates(snapshot),
        snapshot,
        inputs,
        dirty.known,
        unchanged,
        manifest,
        stamps or {},
        publish_to,
    )


def _files_to_write(
    snapshot: Snapshot, changed: Collection[int], unchanged: Unchanged
) -> dict[int, RequestedOutput]:
    """The outputs that no action makes and that differ; `unchanged` takes the others."""
    outputs: dict[int, RequestedOutput] = {}
    files = decode_file_outputs(snapshot.graph.strings("file_outputs"))
    if files:
        sources = snapshot.graph.strings("sources")
        names = {sources[number] for number in changed}
        for (number, output), state in zip(files.items(), snapshot.file_states.split(b"\n")):
            if not unchanged.in_place or output.artifact.name in names:
                outputs[number] = output
            elif unchanged.listed:
                unchanged.outputs[number] = unchanged_output(output, state)
    return outputs


class _Dirty(Record, eq=False):
    """The dirty actions of a snapshot, and the results of others that they take."""

    graph: ActionGraph
    known: dict[Action, Result]
    outputs: dict[int, RequestedOutput]
    outputs_of: Sequence[Sequence[int]]


def _decode_dirty(store: Store, snapshot: Snapshot, numbers: Sequence[int]) -> _Dirty | None:
    lines = snapshot.actions(numbers)
    if lines is None or snapshot.records(numbers) is None:
        return None  # the records are compared with the new ones at the end
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
    return _Dirty(graph, known, outputs, [line.numbers() for line in decoded])


def _unchanged(
    attempt: Attempt, snapshot: Snapshot, dirty: Sequence[int], in_place: bool
) -> Unchanged | None:
    """The part of a snapshot that is not dirty, or None if it is damaged.

    Every action and output of it is reported if the request says so, or if the outputs are not in
    place. Otherwise the outputs of a small request are.
    """
    every = attempt.request.list_all or not in_place
    events, outputs = list[Done](), dict[int, UnchangedOutput]()
    listed = every or snapshot.graph.parts["labels"].count(b"\0") < FEW
    if listed:
        reported = range(snapshot.count) if every else snapshot.graph.ints("output_steps")
        numbers = sorted({*reported} - {*dirty})
        lines, records = snapshot.actions(numbers), snapshot.records(numbers)
        if lines is None or records is None:
            return None
        for number, (encoded, last) in enumerate(zip(lines, records), len(dirty)):
            line = ActionLine(encoded)
            if every:
                names = line.label, line.title
                events.append(
                    Done(number, *names, "hit", last.key, last.milliseconds, line.position)
                )
            outputs.update(line.unchanged(last.outputs))
    return Unchanged(
        snapshot.count - len(dirty),
        events,
        outputs,
        unpack_strings(snapshot.verdicts),
        listed,
        in_place,
    )
