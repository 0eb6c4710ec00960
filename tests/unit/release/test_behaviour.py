"""Comparison of the actions of two programs on a probe set."""

from __future__ import annotations

import struct
from collections.abc import Sequence

import pytest

from buildgraph.release.behaviour import Interface, ProbeSet, compare_replies

_SIZES = Interface((3,), (2,), (2,), 2)


def _probe(episodes: int = 2, steps: int = 3) -> ProbeSet:
    count = episodes * steps
    observed = struct.pack(f"<{count}i", *(number % 3 for number in range(count)))
    executed = struct.pack(f"<{count}i", *(number % 2 for number in range(count)))
    facts = {"episodes": episodes, "steps": steps, "modalities": 1, "controls": 1}
    return ProbeSet.parse(facts, observed, executed)


def _replies(actions: Sequence[int], belief: float = 0.5) -> bytes:
    return b"".join(
        struct.pack("<4f2i", belief, 1 - belief, 0.5, 0.5, action, 0) for action in actions
    )


def test_records_have_a_reset_at_the_start_of_each_episode() -> None:
    rows = list(struct.iter_unpack("<3i", _probe().records()))
    assert rows == [(1, 0, 0), (0, 1, 1), (0, 2, 0), (1, 0, 1), (0, 1, 0), (0, 2, 1)]


def test_equal_replies_are_equal_behaviour() -> None:
    change = compare_replies(_probe(), (_SIZES, _replies([0] * 6)), (_SIZES, _replies([0] * 6)))
    assert (change.different_states, change.different_episodes, change.examples) == (0, 0, ())
    assert change.belief == 0


def test_states_and_episodes_with_another_action_are_counted() -> None:
    before, after = [0, 0, 0, 0, 0, 0], [0, 1, 1, 0, 0, 1]
    change = compare_replies(_probe(), (_SIZES, _replies(before)), (_SIZES, _replies(after, 0.75)))
    assert (change.states, change.different_states) == (6, 3)
    assert (change.episodes, change.different_episodes) == (2, 2)
    assert change.belief == pytest.approx(0.25)


def test_examples_show_what_was_observed_and_done_so_far() -> None:
    after = [0, 0, 1, 0, 0, 1]
    change = compare_replies(_probe(), (_SIZES, _replies([0] * 6)), (_SIZES, _replies(after)))
    first, second = change.examples
    assert (first.episode, first.step, second.episode, second.step) == (0, 2, 1, 2)
    assert (first.seen, first.executed) == (((0,), (1,), (2,)), ((0,), (1,)))
    assert (first.before, first.after) == ((0,), (1,))


def test_examples_come_from_different_episodes_first() -> None:
    probe = _probe(4, 3)
    change = compare_replies(probe, (_SIZES, _replies([0] * 12)), (_SIZES, _replies([1] * 12)))
    assert [(step.episode, step.step) for step in change.examples] == [(0, 0), (1, 0), (2, 0)]


def test_agents_with_other_states_are_compared_by_their_actions() -> None:
    wider = Interface((3,), (3,), (2,), 2)
    replies = b"".join(struct.pack("<5f2i", 0.2, 0.3, 0.5, 0.5, 0.5, 1, 0) for _ in range(6))
    assert _SIZES.why_incomparable(wider) == ""
    change = compare_replies(_probe(), (_SIZES, _replies([0] * 6)), (wider, replies))
    assert (change.different_states, change.belief) == (6, None)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        (Interface((4,), (2,), (2,), 2), "its observations have other shapes: [3] -> [4]"),
        (Interface((3,), (2,), (2, 2), 2), "its controls have other shapes: [2] -> [2, 2]"),
    ],
)
def test_other_shapes_of_inputs_cannot_be_compared(other: Interface, reason: str) -> None:
    assert _SIZES.why_incomparable(other) == reason


def test_replies_of_another_size_are_an_error() -> None:
    with pytest.raises(ValueError, match="bytes of replies"):
        compare_replies(_probe(), (_SIZES, _replies([0] * 5)), (_SIZES, _replies([0] * 6)))


def test_a_probe_set_that_contradicts_its_facts_is_an_error() -> None:
    with pytest.raises(ValueError, match="another number of steps"):
        ProbeSet.parse(
            {"episodes": 2, "steps": 3, "modalities": 1, "controls": 1}, bytes(20), bytes(24)
        )
