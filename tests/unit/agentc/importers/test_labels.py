"""Labels that say a part: the arrays decide what they can, and what they cannot is asked for by its
key.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from agentc.importers.resolve import ModelSource, resolve
from agentc.ir import files as ir
from agentc.ir.types import ModelError

from tests.support.small_models import columns

RNG = np.random.default_rng(8)
A = [columns(RNG, 3, 4), columns(RNG, 2, 2)]
B = [columns(RNG, 4, 4, 3), columns(RNG, 2, 2, 2)]
OBSERVATIONS: dict[str, Any] = {
    "seen": {"size": 3, "depends_on": ["place"]},
    "heard": {"size": 2, "depends_on": ["side"]},
}
STATES: dict[str, Any] = {
    "place": {"size": 4, "depends_on": ["place"], "controlled_by": ["move"]},
    "side": {"size": 2, "depends_on": ["side"], "controlled_by": ["turn"]},
}
CONTROLS: dict[str, Any] = {"move": {"size": 3}, "turn": {"size": 2}}


def resolved(B: list[Any] = B, **spec: Any) -> tuple[ir.Model, dict[str, Any]]:
    return resolve(
        ModelSource(
            A=A,
            B=B,
            spec={"observations": OBSERVATIONS, "states": STATES, "controls": CONTROLS} | spec,
        ),
        {},
    )


def refused(B: list[Any] = B, **spec: Any) -> str:
    with pytest.raises(ModelError) as error:
        resolved(B, **spec)
    return str(error.value)


def without(table: dict[str, Any], word: str, *names: str) -> dict[str, Any]:
    """The table whose named entries (all, where none is named) do not say the word."""
    return {
        name: {
            key: value
            for key, value in entry.items()
            if key != word or (names and name not in names)
        }
        for name, entry in table.items()
    }


def same(one: ir.Model, other: ir.Model) -> bool:
    mine, theirs = ir.tensors(one), ir.tensors(other)
    return ir.header(one) == ir.header(other) and all(
        np.array_equal(mine[name], theirs[name]) for name in mine
    )


def test_states_that_do_not_say_their_control_have_the_one_of_their_place() -> None:
    whole, labels = resolved()
    model, names = resolved(states=without(STATES, "controlled_by"))
    assert model.num_controls == (3, 2) and same(model, whole) and names == labels


def test_a_state_whose_matrix_has_no_actions_takes_no_control() -> None:
    stored = [B[0][..., :1], B[1]]
    for still in (stored, [B[0][..., 0], B[1]]):
        model, names = resolved(
            still, states=without(STATES, "controlled_by"), controls={"turn": {"size": 2}}
        )
        assert model.num_controls == (1, 2) and [one["name"] for one in names["controls"]] == [
            "turn"
        ]


@pytest.mark.parametrize(
    ("states", "controls"),
    [
        (
            without(STATES, "controlled_by"),
            {"turn": {"size": 2}, "move": {"size": 3}},
        ),  # in another order
        (without(STATES, "controlled_by"), {"move": {"size": 3}}),  # one is missing
        (without(STATES, "controlled_by", "place"), CONTROLS),  # one says it, the other does not
    ],
)
def test_where_the_arrays_do_not_decide_controlled_by_is_asked_for(
    states: dict[str, Any], controls: dict[str, Any]
) -> None:
    message = refused(states=states, controls=controls)
    assert (
        "states.place does not say what it is controlled by" in message
        and 'add controlled_by = ["move"]' in message
    )
    assert resolved(controls=controls | CONTROLS)[0].num_controls == (3, 2)


def test_a_control_that_moves_nothing_is_named() -> None:
    message = refused(controls=CONTROLS | {"jump": {"size": 2}})
    assert "controls.jump moves no state" in message and "controlled_by" in message


def test_what_an_observation_depends_on_counts_where_others_are_silent() -> None:
    alone = without(OBSERVATIONS, "depends_on", "heard")
    message = refused(observations=alone)
    assert (
        "A1 has the shape (2, 2)" in message
        and "observations.heard says no depends_on" in message
        and "A0" not in message
    )
    wide = ModelSource(
        A=[A[0], np.repeat(A[1][:, None], 4, axis=1)],
        B=B,
        spec={"observations": alone, "states": STATES, "controls": CONTROLS},
    )
    assert resolve(wide, {})[0].A_dependencies == ((0,), (0, 1))


def test_a_state_that_does_not_say_its_parents_has_its_own() -> None:
    assert same(resolved(states=without(STATES, "depends_on", "place"))[0], resolved()[0])


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        (
            {"states": {}},
            ("observations.seen.depends_on names states, and there is no table `states`",),
        ),
        (
            {"controls": {}},
            ("states.place.controlled_by names controls, and there is no table `controls`",),
        ),
        (
            {"observations": {"seen": OBSERVATIONS["seen"]}},
            ("observations names 1 entries, the arrays have 2", "A0 to A1", "seen"),
        ),
        (
            {"states": {"place": STATES["place"]}},
            ("states names 1 entries, the arrays have 2", "B0 to B1"),
        ),
        (
            {"controls": CONTROLS | {"move": {"size": 4}}},
            ("B0 has the shape (4, 4, 3)", "move has 4 values"),
        ),
        (
            {"states": STATES | {"place": STATES["place"] | {"controlled_by": []}}},
            ("controls.move moves no state", "controlled_by"),
        ),
        (
            {"states": STATES | {"place": STATES["place"] | {"size": 5}}},
            ("states.place: 5 values are declared, the arrays have 4",),
        ),
        (
            {"observations": OBSERVATIONS | {"seen": {"size": 4, "depends_on": ["place"]}}},
            ("observations.seen: 4 values are declared, the arrays have 3",),
        ),
    ],
)
def test_what_is_missing_or_of_another_size_is_named(
    spec: dict[str, Any], words: tuple[str, ...]
) -> None:
    message = refused(**spec)
    assert all(word in message for word in words), message


def test_without_labels_the_key_that_says_the_axes_is_named() -> None:
    with pytest.raises(
        ModelError,
        match=r"A0 has the shape \(3, 4\).*; A_dependencies, a row of indices for each A",
    ):
        resolve(ModelSource(A=A, B=B), {})
    assert resolve(ModelSource(A=A, B=B, spec={"A_dependencies": [[0], [1]]}), {})[0].num_obs == (
        3,
        2,
    )
