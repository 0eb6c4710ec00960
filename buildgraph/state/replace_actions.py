"""Replace the actions of some targets in a snapshot by those of a new analysis.

An action keeps its number if its target declares an action of the same title again. So the lines of
all other actions stay as they are, and an action with an equal line keeps its result. Whatever does
not fit into the numbers of the snapshot (another number of actions or outputs, other paths of
outputs, other tools) raises `NotReplaced`: the request is then analysed as a whole.
"""

from __future__ import annotations

from ..keys.action_graph import RequestedOutput, producers_of
from ..lite import TYPE_CHECKING
from ..lite.pack import pack_ints, pack_strings
from ..lite.record import Record
from ..types.action import Action, Output, Shipped, Source
from .request_graph import RequestedGate, decode_gates, encode_gates
from .snapshot import Snapshot, encode_graph, parse
from .step_codec import ActionLine, decode_file_outputs, encode_action
from .target_table import TargetTable, int_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..keys.action_graph import ActionGraph


class NotReplaced(Exception):
    """The new actions do not fit into the snapshot."""


class NewActions(Record, eq=False):
    """Actions, outputs and gates of the targets that an edit reaches.

    `owners` are the numbers of these targets, and `labels` those of them that are requested, with
    their outputs and gates. `steps` are the actions that these need. Actions of other targets are
    among them; they must be equal to those of the snapshot. The step of a gate is a number in
    `steps`. `table` has all targets; `texts` and `folders` are strings as in
    `state/analysis_inputs.py`.
    """

    table: TargetTable
    texts: Sequence[str]
    folders: Sequence[str]
    owners: frozenset[int]
    steps: ActionGraph
    outputs: Mapping[str, Sequence[RequestedOutput]]
    gates: Mapping[str, Sequence[RequestedGate]]


class Replaced(Record, eq=False):
    """The snapshot with new actions, and the numbers of those that differ from the old ones."""

    snapshot: Snapshot
    edited: Sequence[int]


def replace_actions(snapshot: Snapshot, new: NewActions) -> Replaced:
    """A snapshot with new actions, and with the results of this one.

    The contents of new sources are empty until they are set.
    """
    lines = snapshot.actions(range(snapshot.count))
    if lines is None:
        raise NotReplaced("a damaged line")
    numbers = _Numbers(snapshot, lines, new)
    requested = _requested(snapshot, numbers, new)
    edited = dict(numbers.changed_lines(requested))
    for number, line in edited.items():
        lines[number] = line
    gates = _gates(snapshot, numbers, new)
    deps = _deps(snapshot)
    for action, number in numbers.of.items():
        deps[number] = sorted({numbers.of[other] for other in producers_of(action)})
    more = {
        **_users(deps),
        **_readers(snapshot, {number: numbers.actions[number] for number in edited}),
        "gate_only": pack_ints(_gate_only(snapshot, lines, deps, gates)),
        "gates": encode_gates(gates),
        "texts": pack_strings(new.texts),
        "folders": pack_strings(new.folders),
        **new.table.target_sections(),
    }
    kept = {name: part for name, part in snapshot.graph.parts.items() if name[:5] != "line_"}
    replaced = parse(encode_graph({**kept, **more}, lines))
    assert replaced is not None, "an encoded graph can be parsed"
    if not replaced.adopt_results(snapshot):
        raise NotReplaced("a damaged result")
    return Replaced(replaced, sorted(edited))


class _Numbers:
    """The numbers that the new actions take in the snapshot."""

    def __init__(self, snapshot: Snapshot, lines: Sequence[bytes], new: NewActions) -> None:
        owners = snapshot.graph.ints("owners")
        self.old: dict[int, ActionLine] = {}
        self.of: dict[Action, int] = {}
        labels = {str(action.owner).encode() for action in new.steps.actions}
        known: dict[tuple[str, str], int] = {}
        for number, (line, owner) in enumerate(zip(lines, owners)):
            if owner in new.owners or _label(line) in labels:
                old = self.old[number] = ActionLine(line)
                if known.setdefault((old.label, old.title), number) != number:
                    raise NotReplaced("two actions with one title")
        self._lines = lines
        for action in new.steps.actions:
            number = known.pop((str(action.owner), action.title), -1)
            if number < 0 or any(self.of[other] > number for other in producers_of(action)):
                raise NotReplaced("a new action, or another order")
            self.of[action] = number
        self.actions = {number: action for action, number in self.of.items()}
        self.replaced = {number for number in self.old if owners[number] in new.owners}
        if self.replaced - self.actions.keys():
            raise NotReplaced("an action less")

    def changed_lines(
        self, requested: Mapping[int, Sequence[tuple[int, RequestedOutput]]]
    ) -> Iterable[tuple[int, bytes]]:
        """The new lines that differ from those of the snapshot, by number."""
        for number, action in self.actions.items():
            old, outputs = self.old[number], requested.get(number, ())
            line = encode_action(action, old.position, outputs, self.of)
            if number not in self.replaced:
                if ActionLine(line).content != old.content:
                    raise NotReplaced("an action of another target")
            elif line != self._lines[number]:
                _check_tools(old, action)
                yield number, line


def _label(line: bytes) -> bytes:
    _, package, name, _ = line.split(b"\0", 3)
    return b"//%b:%b" % (package, name)


def _check_tools(line: ActionLine, action: Action) -> None:
    """Require that an action needs no tools that the one before did not need."""
    old = line.action({number: Action((), (), ()) for number in line.producers()})
    shipped = [
        {artifact.name for _, artifact in each.inputs if isinstance(artifact, Shipped)}
        for each in (action, old)
    ]
    if not (
        {*action.programs} <= {*old.programs}
        and action.distributions in ((), old.distributions)
        and shipped[0] <= shipped[1]
    ):
        raise NotReplaced("another tool")


def _requested(
    snapshot: Snapshot, numbers: _Numbers, new: NewActions
) -> dict[int, list[tuple[int, RequestedOutput]]]:
    """The requested outputs that replaced actions make, by the number of the action."""
    makers, counts = map(snapshot.graph.ints, ("makers", "output_counts"))
    before = decode_file_outputs(snapshot.graph.strings("file_outputs"))
    for line in numbers.old.values():
        before.update(line.requested(Action((), (), ())))
    requested: dict[int, list[tuple[int, RequestedOutput]]] = {}
    first = 0
    for label, count in zip(snapshot.graph.strings("labels"), counts):
        outputs = new.outputs.get(label)
        first += count
        if outputs is None:
            continue
        if len(outputs) != count:
            raise NotReplaced("another number of outputs")
        for number, output in enumerate(outputs, first - count):
            artifact = output.artifact
            step = numbers.of[artifact.action] if isinstance(artifact, Output) else -1
            if makers[number] != step or not _is_same_place(before[number], output):
                raise NotReplaced("another output")
            if step in numbers.replaced:
                requested.setdefault(step, []).append((number, output))
            elif before[number].artifact.name != artifact.name:
                raise NotReplaced("an output of another target")
    return requested


def _is_same_place(old: RequestedOutput, new: RequestedOutput) -> bool:
    """True if two outputs have one path, and both are files or both folders."""
    kinds = [type(each.artifact) for each in (old, new)]
    trees = [isinstance(each.artifact, Output) and each.artifact.tree for each in (old, new)]
    return (
        (old.label, old.name, old.file) == (new.label, new.name, new.file)
        and kinds[0] is kinds[1]
        and trees[0] == trees[1]
        and (isinstance(new.artifact, Output) or old.artifact == new.artifact)
    )


def _gates(snapshot: Snapshot, numbers: _Numbers, new: NewActions) -> list[RequestedGate]:
    """All gates, with the new ones in the places of the old ones."""
    gates, waiting = list[RequestedGate](), {label: [*new.gates[label]] for label in new.gates}
    for gate in decode_gates(snapshot):
        if gate.label in waiting:
            fresh = waiting[gate.label].pop(0) if waiting[gate.label] else None
            if fresh is None or (fresh.name, fresh.needs) != (gate.name, gate.needs):
                raise NotReplaced("another gate")
            step = None
            if not gate.missing:
                assert fresh.step is not None, "the new analysis has all steps"
                step = numbers.of[new.steps.actions[fresh.step]]
            gate = RequestedGate(
                gate.label, gate.name, step, gate.needs, gate.missing, fresh.demand
            )
        gates.append(gate)
    if any(waiting.values()):
        raise NotReplaced("a new gate")
    return gates


def _deps(snapshot: Snapshot) -> list[list[int]]:
    """The actions whose outputs each action takes."""
    offsets, users = map(snapshot.graph.ints, ("user_offsets", "users"))
    deps: list[list[int]] = [[] for _ in range(snapshot.count)]
    for step in range(snapshot.count):
        for user in users[offsets[step] : offsets[step + 1]]:
            deps[user].append(step)
    return deps


def _users(deps: Sequence[Sequence[int]]) -> dict[str, bytes]:
    users: list[list[int]] = [[] for _ in deps]
    for step, producers in enumerate(deps):
        for producer in producers:
            users[producer].append(step)
    return int_table("user", users)


def _gate_only(
    snapshot: Snapshot,
    lines: Sequence[bytes],
    deps: Sequence[Sequence[int]],
    gates: Iterable[RequestedGate],
) -> list[int]:
    """The actions that only gates need, as in `graph_of`.

    `NotReplaced` if nothing needs an action any more.
    """
    requested = snapshot.graph.ints("output_steps")
    verdicts = {gate.step for gate in gates if gate.step is not None}
    reports = {step for step in requested if _is_report(lines[step], step, deps[step], verdicts)}
    needed = _reach(deps, [step for step in requested if step not in reports])
    checked = _reach(deps, [*verdicts, *reports])
    only = [step for step in range(len(deps)) if not needed[step]]
    if not all(checked[step] for step in only):
        raise NotReplaced("an action that nothing needs")
    return only


def _is_report(line: bytes, step: int, deps: Sequence[int], verdicts: set[int]) -> bool:
    """True for an action that judges a gate, or that reads only outputs of such actions."""
    if step in verdicts:
        return True
    # The lines of few actions are split: most read no verdict.
    return (
        bool(deps)
        and verdicts.issuperset(deps)
        and ActionLine(line).kinds() <= {"output", "shipped"}
    )


def _reach(deps: Sequence[Sequence[int]], steps: Iterable[int]) -> bytearray:
    """The actions that some actions need, as a flag for each."""
    flags, waiting = bytearray(len(deps)), list(steps)
    while waiting:
        step = waiting.pop()
        if not flags[step]:
            flags[step] = 1
            waiting += deps[step]
    return flags


def _readers(snapshot: Snapshot, edited: Mapping[int, Action]) -> dict[str, bytes]:
    """The sources and their readers, with those of edited actions. Unread sources are left out."""
    names = snapshot.graph.strings("sources")
    offsets, readers = map(snapshot.graph.ints, ("reader_offsets", "readers"))
    files = {
        output.artifact.name
        for output in decode_file_outputs(snapshot.graph.strings("file_outputs")).values()
    }
    lists: dict[str, list[int]] = {}
    for number, name in enumerate(names):
        kept = [
            step for step in readers[offsets[number] : offsets[number + 1]] if step not in edited
        ]
        lists[name] = kept
    for step, action in edited.items():
        for name in {item.name for _, item in action.inputs if isinstance(item, Source)}:
            lists.setdefault(name, []).append(step)
    lists = {name: steps for name, steps in lists.items() if steps or name in files}
    return {"sources": pack_strings(lists), **int_table("reader", lists.values())}
