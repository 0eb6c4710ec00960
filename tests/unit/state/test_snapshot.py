"""A snapshot comes back as it was written, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from buildgraph.lite.pack import pack_ints, pack_strings, unpack_strings
from buildgraph.state import snapshot
from buildgraph.types.action import Action, Content, Out, Output, Shipped, Source
from buildgraph.types.label import Label

WORD = st.text(max_size=8).map(lambda text: text.replace("\0", ""))
PAIRS = st.lists(st.tuples(WORD, WORD), max_size=3).map(tuple)
WORDS = st.lists(WORD, max_size=4).map(tuple)
MAKER = Action(("make",), (), (Out("m"),))
GIVEN = st.one_of(
    st.builds(Source, WORD),
    st.builds(Shipped, WORD),
    st.builds(Content, WORD, st.binary(max_size=9)),
    st.builds(lambda name, tree: Output(name, MAKER, tree), WORD, st.booleans()),
)
ACTIONS = st.builds(
    Action,
    WORDS,
    st.lists(st.tuples(WORD, GIVEN), max_size=4).map(tuple),
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


@given(ACTIONS, st.integers(1, 99))
def test_a_step_comes_back(action: Action, place: int) -> None:
    step = unpack_strings(snapshot.step_line(action, place, {MAKER: 7}))
    assert _fields(snapshot.action_of(step, {7: MAKER})) == _fields(action)
    assert snapshot.position_of(step) == place
    assert snapshot.producers_of(step) == (
        [7] if any(isinstance(given, Output) for _, given in action.inputs) else []
    )


@pytest.fixture
def written(tmp_path: Path) -> tuple[str, snapshot.Snapshot]:
    path = str(tmp_path / "deep/name")
    steps = snapshot.write_steps(path, [b"one\0a", b"two", b""])
    parts = steps | {
        "names": pack_strings(["x", "\udcff\n", ""]),
        "numbers": pack_ints([3, -1, 2**40]),
        "none": b"",
    }
    mark = snapshot.write(path, parts)
    found = snapshot.read(path)
    assert found is not None and found.mark == mark
    return path, found


def test_sections_and_steps_come_back(written: tuple[str, snapshot.Snapshot]) -> None:
    path, found = written
    assert found.words("names") == ["x", "\udcff\n", ""] and found.words("none") == []
    assert list(found.numbers("numbers")) == [3, -1, 2**40]
    assert snapshot.read_steps(path, found, [0, 2, 1]) == [b"one\0a", b"", b"two"]


def test_every_flipped_byte_of_a_head_is_no_snapshot(
    written: tuple[str, snapshot.Snapshot],
) -> None:
    file = Path(written[0])
    data = file.read_bytes()
    for at in range(len(data)):
        file.write_bytes(data[:at] + bytes([data[at] ^ 4]) + data[at + 1 :])
        assert snapshot.read(written[0]) is None, at
    for end in range(len(data)):
        file.write_bytes(data[:end])
        assert snapshot.read(written[0]) is None, end


def test_steps_that_are_not_those_of_the_head_are_refused(
    written: tuple[str, snapshot.Snapshot],
) -> None:
    path, found = written
    file = Path(path + snapshot.STEPS)
    data = file.read_bytes()
    for other in (b"", data[:-1], b"x" + data[1:]):
        file.write_bytes(other)
        assert snapshot.read_steps(path, found, [0, 1]) is None
    file.unlink()
    assert snapshot.read_steps(path, found, [0]) is None
