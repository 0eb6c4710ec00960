"""Contraction: partial sums are those of the definition, each made once; sparse agents keep
products.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from agentc.ir.files import Model
from agentc.plan.build import build
from agentc.plan.contraction import Contraction, Predicted, choose
from agentc.plan.cost_model import as_planned
from agentc.plan.share_beliefs import share, slices

from tests.bench.random_agents import DENSE, dense, dense_agent
from tests.support.native_agents import make, random_model

SMALL = dense((4, 3, 2), (3, 2, 1), crossed=True, outcomes=(5, 3))


def chosen(model: Model) -> list[Contraction]:
    kinds = [slices(model, f) for f in range(len(model.num_states))]
    return choose(model, Predicted(*share(model, kinds)))


def test_a_level_is_the_number_of_nodes_in_common_with_the_tuple_before() -> None:
    (one,) = chosen(SMALL)
    levels = one.levels()
    assert levels[0] == 0 and len(levels) == len(one.tuples)
    for (before, after), level in zip(pairwise(one.tuples), levels[1:], strict=True):
        assert before[:level] == after[:level] and before[level] != after[level]


def test_partial_sums_give_the_expected_outcomes_of_the_definition() -> None:
    plan, (one,) = build(SMALL), chosen(SMALL)
    facts, random = plan.header["contractions"][0], np.random.default_rng(0)
    beliefs = {f: random.dirichlet(np.ones(n), size=64) for f, n in enumerate(SMALL.num_states)}
    left = {0: plan.tables["K0_array"].astype(float)}
    for t, level in enumerate(plan.tables["K0_level"].tolist()):
        for j, f in list(enumerate(facts["factors"]))[level:]:
            q = beliefs[f][plan.tables[f"K0_n{j}"][t]]
            left[j + 1] = q @ left[j].reshape(len(q), -1)
        q = [beliefs[f][node] for f, node in sorted(zip(facts["factors"], one.tuples[t]))]
        for m in (0, 1):
            rows = plan.header["modalities"][m]
            first, ground = rows["row"], plan.tables[f"E{m}_ground"]
            computed = ground + left[len(q)][first : first + len(ground)]
            expected = np.einsum("oabc,a,b,c->o", SMALL.A[m], *q)
            assert computed[: rows["outcomes"]] == pytest.approx(expected, abs=1e-6)


def test_the_order_takes_the_fewest_multiplications() -> None:
    """An uncontrolled factor has one belief for each depth, so it is summed out first."""
    model = dense((4, 4, 4), (3, 2, 1), crossed=False, outcomes=(5,))
    (one,) = chosen(model)
    assert one.factors == (2, 1, 0)
    by_hand = 2 * 64 + (2 + 4) * 16 + (6 + 36) * 4
    assert one.multiplications == by_hand * (5 + 1)


@pytest.mark.parametrize("name", DENSE)
def test_dense_agents_need_less_than_a_fifth_of_the_multiplications(name: str) -> None:
    model = dense_agent(name)
    assert as_planned(build(model)) * 5 < as_planned(build(model, factored=False))


def test_agents_of_one_factor_and_of_other_semantics_keep_their_products() -> None:
    assert chosen(random_model("one_factor")) == []
    assert chosen(random_model("two_moving", semantics="pymdp-0.0.7")) == []


def test_a_sparse_likelihood_is_not_contracted() -> None:
    """Outcomes are joint states, of which most are never the case."""
    A = np.zeros((24, 4, 3, 2))
    A[np.zeros(24, int), *np.unravel_index(np.arange(24), (4, 3, 2))] = 1.0
    A[:, 0, 0, 0] = np.eye(24)[1]
    model = make([A], SMALL.B, [(0, 1, 2)], (3, 2, 1), B_dependencies=SMALL.B_dependencies)
    assert chosen(model) == []
