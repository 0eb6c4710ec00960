"""The evaluated request, in memory and in a snapshot.

The snapshot also has two tables that lead from a changed file to the actions to look at:
`reader_offsets` and `readers` list the actions that read each source file, `user_offsets` and
`users` those that take outputs of each action.
"""

from __future__ import annotations

from ..keys.action_graph import ActionGraph, RequestedOutput
from ..lite import TYPE_CHECKING
from ..lite.pack import pack_ints, pack_strings
from ..lite.record import Record
from ..types.action import Action, Artifact, Gate, Output, Shipped, Source
from .analysis_inputs import AnalysisInputs
from .snapshot import Snapshot, encode_graph
from .step_codec import (
    ActionLine,
    decode_file_outputs,
    encode_action,
    encode_file_outputs,
)
from .target_table import TargetTable, int_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence, Set

NO_STEP = -1  # the action of an output or a gate that has none


class RequestedGate(Record):
    """A gate of the request and the number of its action.

    None if this host lacks a program that the gate needs.

    `needs` are the programs that the gate needs, `missing` those of them that the host lacks.
    `demand` says what "not checked" means: "required" fails every build, "allowed" none, and ""
    those with `--strict`.
    """

    label: str
    name: str
    step: int | None
    needs: tuple[str, ...]
    missing: tuple[str, ...]
    demand: str = ""


class RequestGraph(Record, eq=False):
    """An evaluated request: actions, requested outputs, gates, and inputs of its analysis.

    `gate_only` are the numbers of actions that only gates need. `targets` are those that analysis
    read.
    """

    labels: tuple[str, ...]
    outputs: tuple[RequestedOutput, ...]
    gates: tuple[RequestedGate, ...]
    steps: ActionGraph
    gate_only: frozenset[int]
    inputs: AnalysisInputs
    targets: TargetTable = TargetTable()

    def encode(self) -> bytes:
        """The bytes of a snapshot of this graph, without results."""
        steps, requested = self.steps, outputs_by_step(self.steps, self.outputs)
        readers = _readers(steps.actions, self.outputs)
        users = _users(steps.deps)
        sections = {
            "labels": pack_strings(self.labels),
            "gate_only": pack_ints(sorted(self.gate_only)),
            "files": pack_strings(self.inputs.files()),
            "folders": pack_strings(self.inputs.listed()),
            "texts": pack_strings(
                string for item in sorted(self.inputs.texts.items()) for string in item
            ),
            "sources": pack_strings(readers),
            **int_table("reader", readers.values()),
            **int_table("user", users),
            "output_steps": pack_ints(sorted(requested.keys() - {NO_STEP})),
            "file_outputs": encode_file_outputs(
                (number, self.outputs[number]) for number in requested.get(NO_STEP, ())
            ),
            "gates": encode_gates(self.gates),
            **self.targets.sections(steps, self.labels, self.outputs),
        }
        lines = [
            encode_action(
                action,
                position,
                [(output, self.outputs[output]) for output in requested.get(number, ())],
                steps.number,
            )
            for number, (action, position) in enumerate(zip(steps.actions, steps.ordinals))
        ]
        return encode_graph(sections, lines)


def decode_request(snapshot: Snapshot, inputs: AnalysisInputs) -> RequestGraph | None:
    """The whole graph of a snapshot, or None if a line of it is damaged."""
    lines = snapshot.actions(range(snapshot.count))
    if lines is None:
        return None
    decoded = [ActionLine(line) for line in lines]
    graph = decode_actions(range(len(lines)), decoded, {})
    outputs = decode_file_outputs(snapshot.graph.strings("file_outputs"))
    for line, action in zip(decoded, graph.actions):
        outputs |= line.requested(action)
    return RequestGraph(
        tuple(snapshot.graph.strings("labels")),
        tuple(outputs[number] for number in sorted(outputs)),
        decode_gates(snapshot),
        graph,
        frozenset(snapshot.graph.ints("gate_only")),
        inputs,
    )


def decode_actions(
    numbers: Sequence[int], lines: Sequence[ActionLine], producers: Mapping[int, Action]
) -> ActionGraph:
    """Some actions of a snapshot, by ascending number.

    `producers` are others whose outputs they take.
    """
    known = dict(producers)
    index = {number: at for at, number in enumerate(numbers)}
    needs = []
    for number, line in zip(numbers, lines, strict=True):
        known[number] = line.action(known)
        needs.append(tuple(index[other] for other in line.producers() if other in index))
    actions = tuple(known[number] for number in numbers)
    return ActionGraph(
        actions,
        tuple(needs),
        {action: at for at, action in enumerate(actions)},
        tuple(line.position for line in lines),
    )


def encode_gates(gates: Iterable[RequestedGate]) -> bytes:
    """The section of gates."""
    return pack_strings(_gate_strings(gates))


def decode_gates(snapshot: Snapshot) -> tuple[RequestedGate, ...]:
    """The gates of a snapshot."""
    strings = iter(snapshot.graph.strings("gates"))
    gates = []
    for label in strings:
        name, demand, step = next(strings), next(strings), int(next(strings))
        count = int(next(strings))
        programs = [(next(strings), next(strings)) for _ in range(count)]
        missing = tuple(program for program, state in programs if not state)
        needs = tuple(program for program, _ in programs)
        number = None if step == NO_STEP else step
        gates.append(RequestedGate(label, name, number, needs, missing, demand))
    return tuple(gates)


def outputs_by_step(steps: ActionGraph, outputs: Sequence[RequestedOutput]) -> dict[int, list[int]]:
    """The numbers of requested outputs by the action that makes them.

    NO_STEP for those that no action makes.
    """
    numbers: dict[int, list[int]] = {}
    for number, output in enumerate(outputs):
        artifact = output.artifact
        step = steps.number[artifact.action] if isinstance(artifact, Output) else NO_STEP
        numbers.setdefault(step, []).append(number)
    return numbers


def graph_of(
    outputs: Sequence[RequestedOutput], gates: Sequence[Gate]
) -> tuple[ActionGraph, frozenset[int]]:
    """The actions that outputs and gates need, and the numbers of those that only gates need.

    Reports of gates, which are made by or only from what judges them, need no action as outputs do:
    a gate that fails does not stop the others because it has a report.
    """
    steps = ActionGraph.of(
        [*(output.artifact for output in outputs), *(gate.verdict for gate in gates)]
    )
    verdicts = {gate.verdict.action for gate in gates if isinstance(gate.verdict, Output)}
    needed = ActionGraph.of(
        output.artifact for output in outputs if not _is_report(output.artifact, verdicts)
    ).number
    return steps, frozenset(
        number for action, number in steps.number.items() if action not in needed
    )


def _is_report(artifact: Artifact, verdicts: Set[Action]) -> bool:
    """True for an output of an action that judges a gate, or that reads only outputs of these."""
    if not isinstance(artifact, Output):
        return False
    if artifact.action in verdicts:
        return True
    inputs = [one for _, one in artifact.action.inputs if not isinstance(one, Shipped)]
    return bool(inputs) and all(
        isinstance(one, Output) and one.action in verdicts for one in inputs
    )


def dirty_steps(
    snapshot: Snapshot, changed: Iterable[int], edited: Iterable[int] = ()
) -> list[int]:
    """The actions that read changed sources or are `edited`, and all that depend on them.

    By ascending number.
    """
    names = ("reader_offsets", "readers", "user_offsets", "users")
    reader_offsets, readers, user_offsets, users = map(snapshot.graph.ints, names)
    front = [
        *edited,
        *(
            step
            for source in changed
            for step in readers[reader_offsets[source] : reader_offsets[source + 1]]
        ),
    ]
    dirty = set(front)
    while front:
        step = front.pop()
        for user in users[user_offsets[step] : user_offsets[step + 1]]:
            if user not in dirty:
                dirty.add(user)
                front.append(user)
    return sorted(dirty)


def _readers(actions: Sequence[Action], outputs: Sequence[RequestedOutput]) -> dict[str, list[int]]:
    """The numbers of the actions that read each source file."""
    readers: dict[str, list[int]] = {}
    for number, action in enumerate(actions):
        for name in {item.name for _, item in action.inputs if isinstance(item, Source)}:
            readers.setdefault(name, []).append(number)
    for output in outputs:
        if isinstance(output.artifact, Source):
            readers.setdefault(output.artifact.name, [])
    return readers


def _users(needs: Sequence[Sequence[int]]) -> list[list[int]]:
    users: list[list[int]] = [[] for _ in needs]
    for step, producers in enumerate(needs):
        for producer in producers:
            users[producer].append(step)
    return users


def _gate_strings(gates: Iterable[RequestedGate]) -> Iterator[str]:
    for gate in gates:
        step = NO_STEP if gate.step is None else gate.step
        yield from (gate.label, gate.name, gate.demand, str(step), str(len(gate.needs)))
        for program in gate.needs:
            yield from (program, "" if program in gate.missing else "found")
