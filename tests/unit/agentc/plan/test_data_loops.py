"""Loops whose rounds depend on data: named, with their bounds, and no others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from agentc.ir import files as ir
from agentc.ir.files import Model
from agentc.plan.build import build
from agentc.plan.data_loops import data_loops, program_loops

from tests.support.native_agents import planning, random_model, ring


def loops(model: Model) -> dict[str, Any]:
    """The loops of a model by name."""
    return {loop["loop"]: loop for loop in data_loops(build(model))}


def test_one_factor_needs_no_rounds() -> None:
    by_name = loops(ring())
    assert "rounds of state inference" not in by_name
    assert by_name["policies searched for the best"]["most"] == ring().num_policies


def test_several_factors_need_rounds_until_the_beliefs_repeat() -> None:
    model = random_model("still_factor", seed=6)
    by_name = loops(model)
    assert by_name["rounds of state inference"]["most"] == model.num_iter
    assert by_name["beliefs compared in a round"]["most"] == sum(model.num_states)
    assert all(loop["least"] < loop["most"] and loop["ends"] for loop in by_name.values())


def test_rows_of_tables_differ_by_outcome_and_action() -> None:
    by_name = loops(random_model("two_moving", seed=2))
    assert any(name.startswith("entries of the likelihood, modality") for name in by_name)
    assert any(name.startswith("entries of the transition, factor") for name in by_name)


@pytest.mark.parametrize(
    ("change", "loop", "most"),
    [
        ({"action_selection": "stochastic"}, "weights summed for a draw", 27),
        ({"plan_every": 2, "sampling_mode": "full"}, "evaluations of the policies", 1),
    ],
)
def test_other_ways_to_act(change: dict[str, Any], loop: str, most: int) -> None:
    model = ir.normalise(replace(ring(policy_len=3), **change))
    assert loops(model)[loop]["most"] == most


def test_inductive_planning_searches_the_most_probable_state() -> None:
    assert loops(planning(ring()))["most probable state, factor 0"]["most"] == 5


def test_the_program_has_loops_of_its_own() -> None:
    assert [loop["most"] for loop in program_loops(65536)] == [65536, 45]
