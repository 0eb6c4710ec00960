"""Actions, requested outputs and results survive a round trip through their lines."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from buildgraph.keys.action_graph import RequestedOutput
from buildgraph.state.step_codec import (
    ActionLine,
    StepRecord,
    decode_file_outputs,
    decode_record,
    encode_action,
    encode_file_outputs,
    encode_state,
    unchanged_output,
)
from buildgraph.types.action import Action, Artifact, Content, Out, Output, Shipped, Source
from buildgraph.types.digest import Digest
from buildgraph.types.events import Built
from buildgraph.types.label import Label
from buildgraph.types.result import File, Node, Tree

WORD = st.text(max_size=8).map(lambda text: text.replace("\0", ""))
PAIRS = st.lists(st.tuples(WORD, WORD), max_size=3).map(tuple)
WORDS = st.lists(WORD, max_size=4).map(tuple)
PRODUCER = Action(("make",), (), (Out("m"),))
ARTIFACTS = st.one_of(
    st.builds(Source, WORD),
    st.builds(Shipped, WORD),
    st.builds(Content, WORD, st.binary(max_size=9)),
    st.builds(lambda name, tree: Output(name, PRODUCER, tree), WORD, st.booleans()),
)
ACTIONS = st.builds(
    Action,
    WORDS,
    st.lists(st.tuples(WORD, ARTIFACTS), max_size=4).map(tuple),
    st.lists(st.builds(Out, WORD, st.booleans()), max_size=3).map(tuple),
    PAIRS,
    WORDS,
    WORDS,
    PAIRS,
    st.integers(0, 9999),
    st.booleans(),
    st.one_of(st.none(), st.just(Label("a/b", "c")), st.just(Label("", "c"))),
    WORD,
)
OUTPUTS = st.lists(
    st.tuples(st.integers(0, 10**6), st.sampled_from(("", "p/q")), WORD, WORD, st.booleans()),
    max_size=3,
)
STATES = st.lists(st.from_regex(r"[ftx] [0-9a-f]{4}/[0-9] [0-9]+ ", fullmatch=True), max_size=3)


def _fields(action: Action) -> list[object]:
    return [
        getattr(action, name)
        for name in (
            "argv",
            "inputs",
            "outputs",
            "env",
            "programs",
            "distributions",
            "platform",
            "timeout",
            "network",
            "owner",
            "title",
        )
    ]


@given(ACTIONS, st.integers(1, 99), OUTPUTS)
def test_an_action_survives_a_round_trip(
    action: Action, position: int, drawn: list[tuple[int, str, str, str, bool]]
) -> None:
    requested = [
        (number, RequestedOutput(Label(package, "t"), name, Output(file, action, tree), file))
        for number, package, name, file, tree in drawn
    ]
    line = ActionLine(encode_action(action, position, requested, {PRODUCER: 7}))
    assert _fields(line.action({7: PRODUCER})) == _fields(action)
    assert (line.position, line.title) == (position, action.title)
    assert line.label == (str(action.owner) if action.owner else "//:")
    assert list(line.requested(action)) == requested
    assert line.numbers() == tuple(number for number, _ in requested)
    takes_output = any(isinstance(artifact, Output) for _, artifact in action.inputs)
    assert line.producers() == ([7] if takes_output else [])


@given(
    st.from_regex(r"[0-9a-f]{4}/[0-9]", fullmatch=True),
    st.integers(0, 10**7),
    STATES.map(lambda states: tuple(state.encode() for state in states)),
)
def test_a_record_survives_a_round_trip(
    key: str, milliseconds: int, states: tuple[bytes, ...]
) -> None:
    last = StepRecord(key, milliseconds, states)
    assert decode_record(last.line()) == last


@pytest.mark.parametrize(
    ("node", "image"),
    [
        (File(Digest("a" * 64, 3)), ""),
        (File(Digest("b" * 64, 0), True), ""),
        (Tree(Digest("c" * 64, 9)), "sha256:d"),
    ],
)
def test_the_state_of_an_output_gives_its_event(node: Node, image: str) -> None:
    output = RequestedOutput(Label("p", "t"), "o", Output("x", PRODUCER), "x")
    event = Built("//p:t", "o", "out/p/t/x", node.digest, 12, image)
    unchanged = unchanged_output(output, encode_state(node, event))
    assert (unchanged.event, unchanged.file, unchanged.node) == (event, "x", node)
    line = ActionLine(encode_action(PRODUCER, 1, [(5, output)], {}))
    assert list(line.unchanged([encode_state(node, event)])) == [(5, unchanged)]


@pytest.mark.parametrize(
    "artifact", [Source("a b"), Shipped("tools/x.py"), Content("c", b"\0\xff")]
)
def test_outputs_that_no_action_makes_survive_a_round_trip(artifact: Artifact) -> None:
    outputs = {
        3: RequestedOutput(Label("", "t"), "", artifact, "f"),
        9: RequestedOutput(Label("p", "u"), "n", artifact, ""),
    }
    strings = encode_file_outputs(outputs.items()).decode().split("\0")
    assert decode_file_outputs(strings) == outputs
    assert strings[::9] == ["3", "9"]
