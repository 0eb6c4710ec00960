"""A graph survives a round trip through a snapshot, and changed sources lead to the actions that
depend on them.
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from buildgraph.keys.action_graph import RequestedOutput
from buildgraph.state.analysis_inputs import AnalysisInputs
from buildgraph.state.request_graph import (
    RequestedGate,
    RequestGraph,
    decode_gates,
    decode_request,
    dirty_steps,
    graph_of,
)
from buildgraph.state.snapshot import Snapshot, parse
from buildgraph.types.action import Action, Artifact, Gate, Out, Output, Source
from buildgraph.types.digest import Digest
from buildgraph.types.label import Label

INPUTS = AnalysisInputs(
    "/w", ("/w/BUILD.toml",), {}, {"BUILD.toml": Digest("a" * 64, 1)}, {}, {"BUILD.toml": "b"}
)


def _action(name: str, *artifacts: Source | Output) -> Action:
    inputs = tuple((f"i{number}", artifact) for number, artifact in enumerate(artifacts))
    return Action(("cp", name), inputs, (Out(name),), owner=Label("", name), title="cp")


def _output(action: Action) -> Output:
    return Output(action.argv[1], action)


def _requested(artifact: Artifact) -> RequestedOutput:
    return RequestedOutput(Label("", artifact.name), "o", artifact, artifact.name)


@pytest.fixture
def graph() -> RequestGraph:
    """b takes a and a source, c takes a.

    A file of the workspace is requested, too; a gate checks b.
    """
    a = _action("a", Source("a.txt"))
    b, c = _action("b", _output(a), Source("b.txt")), _action("c", _output(a))
    check = _action("check", _output(b))
    outputs = tuple(map(_requested, (_output(c), Source("notes"), _output(b))))
    steps, gate_only = graph_of(outputs, [Gate("g", _output(check))])
    gates = (
        RequestedGate("//:g", "g", steps.number[check], (), ()),
        RequestedGate("//:g", "h", None, ("qemu", "sh"), ("qemu",)),
    )
    return RequestGraph(("//:b", "//:c"), outputs, gates, steps, gate_only, INPUTS)


@pytest.fixture
def snapshot(graph: RequestGraph) -> Snapshot:
    parsed = parse(graph.encode())
    assert parsed is not None
    return parsed


def test_a_graph_survives_a_round_trip(graph: RequestGraph, snapshot: Snapshot) -> None:
    decoded = decode_request(snapshot, INPUTS)
    assert decoded is not None
    assert (decoded.labels, decoded.gates) == (graph.labels, graph.gates)
    assert decoded.steps.deps == graph.steps.deps and decoded.gate_only == graph.gate_only
    assert [action.argv for action in decoded.steps.actions] == [
        action.argv for action in graph.steps.actions
    ]
    assert [(o.label, o.name, o.file, o.artifact.name) for o in decoded.outputs] == [
        (o.label, o.name, o.file, o.artifact.name) for o in graph.outputs
    ]
    assert decoded.encode() == graph.encode()


def test_gates_know_which_programs_were_missing(graph: RequestGraph, snapshot: Snapshot) -> None:
    assert decode_gates(snapshot) == graph.gates


def test_a_damaged_action_is_no_graph(graph: RequestGraph) -> None:
    data = graph.encode()
    damaged = parse(data[:-1] + bytes([data[-1] ^ 1]))
    assert damaged is not None and decode_request(damaged, INPUTS) is None


@pytest.mark.parametrize(
    ("changed", "dirty"), [((), ""), (("a.txt",), "abc!"), (("b.txt",), "b!"), (("notes",), "")]
)
def test_a_change_reaches_readers_and_what_depends_on_them(
    graph: RequestGraph, snapshot: Snapshot, changed: tuple[str, ...], dirty: str
) -> None:
    sources = snapshot.graph.strings("sources")
    reached = dirty_steps(snapshot, [sources.index(name) for name in changed])
    names = {graph.steps.actions[number].argv[1] for number in reached}
    assert names == {"check" if letter == "!" else letter for letter in dirty}
    assert reached == sorted(reached)


def test_dirty_actions_of_random_graphs(tmp_path: Path) -> None:
    """Compared with a search that follows inputs backwards from every action."""
    dice = random.Random(7)
    for _ in range(30):
        actions: list[Action] = []
        for number in range(dice.randint(1, 12)):
            producers = dice.sample(actions, min(len(actions), dice.randint(0, 3)))
            source = Source(f"s{dice.randint(0, 4)}")
            actions.append(_action(f"t{number}", source, *map(_output, producers)))
        outputs = tuple(_requested(_output(action)) for action in actions)
        steps, _ = graph_of(outputs, [])
        graph = RequestGraph((), outputs, (), steps, frozenset(), INPUTS)
        snapshot = parse(graph.encode())
        assert snapshot is not None
        sources = snapshot.graph.strings("sources")
        changed = {name for name in sources if dice.random() < 0.3}

        def depends(action: Action, on: frozenset[str]) -> bool:
            return any(
                depends(artifact.action, on)
                if isinstance(artifact, Output)
                else artifact.name in on
                for _, artifact in action.inputs
            )

        expected = [n for n, a in enumerate(steps.actions) if depends(a, frozenset(changed))]
        assert dirty_steps(snapshot, [sources.index(name) for name in changed]) == expected


def test_reports_of_gates_do_not_make_a_gate_an_output() -> None:
    """Reports are outputs of the gate's own action, and what reads only those."""
    image = _action("image", Source("a"))
    check = _action("check", _output(image))
    merged = _action("merged", _output(check))
    page = _action("page", _output(check), _output(image))
    gate = Gate("g", _output(check))

    def gates_only(*actions: Action) -> set[str]:
        steps, numbers = graph_of([_requested(_output(action)) for action in actions], [gate])
        return {steps.actions[number].argv[1] for number in numbers}

    assert gates_only(check, merged, image) == {"check", "merged"}
    assert gates_only(check) == {"image", "check"}
    assert gates_only(page) == set()
