"""Dense likelihoods: sparse entries at their joint states, for modalities of equal factors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from agentc.plan.build import build
from agentc.plan.dense_likelihoods import DenseGroup, dense_groups, dense_tables
from agentc.plan.lower_tables import likelihood_tables

from tests.bench.random_agents import dense
from tests.support.native_agents import random_model

MODEL = dense((4, 3), (3, 1), crossed=False, outcomes=(5, 2))


def test_modalities_with_the_same_factors_are_one_group_whatever_their_order() -> None:
    turned = replace(
        MODEL, A=(MODEL.A[0], MODEL.A[1].swapaxes(1, 2)), A_dependencies=((0, 1), (1, 0))
    )
    for model in (MODEL, turned):
        tables = [likelihood_tables(model, m, False) for m in (0, 1)]
        assert dense_groups(model, tables) == [DenseGroup((0, 1), (0, 1))]
    first, second = (build(model).tables["L1_val"] for model in (MODEL, turned))
    assert np.array_equal(first, second)


def test_a_dense_row_is_the_logarithm_relative_to_its_background() -> None:
    table = likelihood_tables(MODEL, 0, False)
    dense_one = dense_tables(MODEL, DenseGroup((0, 1), (0, 1)), 0, table)
    rows = dense_one["L0_val"].reshape(5, 12) + dense_one["L0_ground"][:, None]
    assert np.allclose(rows, np.log(MODEL.A[0].reshape(5, 12)), atol=1e-12)


def test_sparse_likelihoods_and_single_factors_stay_sparse() -> None:
    assert "dense" not in build(random_model("one_factor")).header
    A = np.zeros((8, 4, 3))
    A[np.arange(12) % 8, np.repeat(np.arange(4), 3), np.tile(np.arange(3), 4)] = 1.0
    model = replace(MODEL, A=(A, A), num_obs=(8, 8), C=(np.zeros(8),) * 2)
    assert "dense" not in build(model).header and "L0_ptr" in build(model).tables
