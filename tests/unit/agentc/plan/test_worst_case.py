"""Worst case: bounds by hand, and loops that depend on data by name."""

from __future__ import annotations

import numpy as np
from agentc.plan.build import build
from agentc.plan.cost_model import as_planned
from agentc.plan.worst_case import worst_case

from tests.bench.random_agents import dense
from tests.support.native_agents import make, ring


def test_one_factor_has_no_fixed_point_and_its_rows_bound_inference() -> None:
    A = np.array([[0.5, 0.25, 0.25], [0.5, 0.75, 0.75]])
    plan = build(make([A], [np.eye(3)[:, :, None]], [(0,)], (1,), policy_len=1))
    bounds = worst_case(plan)
    assert bounds["multiplications"] == {
        "evaluation": as_planned(plan),
        "inference": 1,
        "next_prior": 3,
    }
    assert bounds["exponentials"] == 1
    assert bounds["loops"] == []  # every row and slice has one length, and there is one policy


def test_logarithms_are_outcomes_by_columns() -> None:
    assert worst_case(build(ring(noise=0.1)))["logarithms"] == 5 * 8


def test_a_fixed_point_is_bounded_by_its_iterations() -> None:
    plan = build(dense((4, 3, 2), (3, 1, 1), crossed=False, outcomes=(5,)))
    bounds = worst_case(plan)
    assert bounds["loops"][0] == {
        "loop": "rounds of state inference",
        "least": 1,
        "most": 16,
        "ends": "the beliefs repeat",
    }
    dots_and_sums, products = 2 * (24 + 6), 6
    assert bounds["multiplications"]["inference"] == 16 * (dots_and_sums + products)
    assert bounds["exponentials"] == plan.header["n_policies"] + 16 * 9
