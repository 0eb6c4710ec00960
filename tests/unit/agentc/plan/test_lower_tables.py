"""Tables of a plan hold what they replace: each is expanded again and compared with the dense
matrices.
"""

from __future__ import annotations

import cProfile
import itertools
import pstats

import numpy as np
import pytest
from agentc.ir.files import F64, Model
from agentc.numerics import exact_math as fmath
from agentc.plan.build import build
from agentc.plan.lower_tables import (
    FLOOR,
    LANES,
    ParentSplit,
    background,
    energy_tables,
    entropy_of,
    folded,
    likelihood_tables,
    padded,
    palettes,
    split_parents,
    unsigned,
)
from agentc.plan.share_beliefs import share, slices

from tests.bench.random_agents import random_agent
from tests.support.native_agents import SHAPES, random_model, ring


def dense_likelihood(model: Model, m: int, product: bool) -> F64:
    """ln A[m] (clipped) from the likelihood tables."""
    tables = likelihood_tables(model, m, product)
    sizes = [model.num_states[f] for f in model.A_dependencies[m]]
    array = np.empty((model.num_obs[m], *sizes))
    for o in range(model.num_obs[m]):
        array[o] = tables[f"L{m}_ground"][o]
        for e in range(int(tables[f"L{m}_ptr"][o]), int(tables[f"L{m}_ptr"][o + 1])):
            place = tuple(int(tables[f"L{m}_s{j}"][e]) for j in range(len(sizes)))
            value = tables[f"L{m}_val"][e]
            array[(o, *place)] += float(fmath.log(value)) if product else value
    return array


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("product", [True, False])
def test_likelihoods_expand_to_the_model(kind: str, product: bool) -> None:
    model = random_model(kind)
    for m, a in enumerate(model.A):
        wanted = np.log(np.maximum(a, FLOOR))
        assert np.allclose(dense_likelihood(model, m, product), wanted, rtol=0, atol=1e-12)


def entropy(p: F64) -> F64:
    return np.asarray(-(p * np.log(np.maximum(p, FLOOR))).sum(axis=0))


def expected_worth(model: Model, m: int, beliefs: list[F64]) -> float:
    """Information gain and utility of one modality, from the textbook formula."""
    joint = beliefs[0]
    for other in beliefs[1:]:
        joint = np.multiply.outer(joint, other)
    dims = list(range(len(beliefs)))
    outcome = np.tensordot(model.A[m], joint, axes=([1 + d for d in dims], dims))
    return float(entropy(outcome) - (entropy(model.A[m]) * joint).sum() + outcome @ model.C[m])


@pytest.mark.parametrize("kind", SHAPES)
def test_energy_tables_give_the_textbook_value(kind: str) -> None:
    model = random_model(kind, seed=3)
    random = np.random.default_rng(7)
    nodes, _ = share(model, [slices(model, f) for f in range(len(model.num_states))])
    for m, parents in enumerate(model.A_dependencies):
        beliefs = [random.dirichlet(np.ones(model.num_states[f])) for f in parents]
        split = split_parents(model, m, nodes)
        tables, facts = energy_tables(model, m, split)
        moving = beliefs[split.moving[0]]
        for j in split.moving[1:]:
            moving = np.multiply.outer(moving, beliefs[j])
        still = np.ones(())
        for j in split.still:
            still = np.multiply.outer(still, beliefs[j])
        got = tabled_worth(tables, facts, m, (moving.reshape(-1), still.reshape(-1)))
        assert got == pytest.approx(expected_worth(model, m, beliefs), abs=1e-5)


def tabled_worth(
    tables: dict[str, F64], facts: dict[str, int], m: int, q: tuple[F64, F64]
) -> float:
    """The result of native/kernel.h for one column and the first plane."""
    moving, still = q
    if facts["still"] > 1:
        ptr = tables[f"X{m}_ptr"].astype(int)
        values = np.array(
            [
                tables[f"X{m}_val"][a:b] @ still[tables[f"X{m}_src"][a:b]]
                for a, b in itertools.pairwise(ptr)
            ]
        )
    else:
        values = tables[f"E{m}_val"].astype(float)
    ptr = tables[f"E{m}_ptr"].astype(int)
    rows = [
        ground + values[a:b] @ moving[tables[f"E{m}_col"][a:b]]
        for ground, a, b in zip(tables[f"E{m}_ground"].astype(float), ptr, ptr[1:])
    ]
    return float(
        sum(entropy_of(max(p, 1e-30)) for p in rows[: facts["outcomes"]]) + rows[facts["outcomes"]]
    )


def test_folding_without_information_gain_has_no_outcome_rows() -> None:
    model = random_model("one_factor", use_states_info_gain=False)
    outcomes, planes = folded(model, 0)
    assert len(outcomes) == 0
    assert np.allclose(planes[0], model.A[0].T @ model.C[0])


def test_a_noise_floor_becomes_the_background() -> None:
    tables, _ = energy_tables(ring(states=20, noise=0.01), 0, axes_of(ring(states=20, noise=0.01)))
    assert len(tables["E0_col"]) <= 20 + 20  # one entry an outcome, and the folded row


def axes_of(model: Model) -> ParentSplit:
    nodes, _ = share(model, [slices(model, f) for f in range(len(model.num_states))])
    return split_parents(model, 0, nodes)


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        ([0.1, 0.1, 0.5], 0.1),
        ([0.3, 0.7], 0.3),
        ([0.2, 0.2 + 1e-15, 0.6], 0.2),
        ([0.0, 0.0, 0.0], 0.0),
        ([-1.0, -1.0, 2.0], -1.0),
    ],
)
def test_background_is_the_most_frequent_value(row: list[float], wanted: float) -> None:
    assert background(np.array(row)) == wanted


@pytest.mark.parametrize(
    ("limit", "kind"), [(255, "u1"), (256, "u2"), (65535, "u2"), (65536, "u4")]
)
def test_index_types_are_the_smallest_that_fit(limit: int, kind: str) -> None:
    assert unsigned([limit], limit).dtype.str[1:] == kind
    assert unsigned([limit], limit)[0] == limit


def test_a_palette_gives_back_every_value_and_saves_bytes() -> None:
    few = np.array([0.25, 0.5, 0.25] * 20, np.float32)
    many, short = np.arange(300.0), np.array([0.5, 0.25], np.float32)
    result = palettes(
        {"E0_val": few, "B0_val": many, "L0_val": short, "E0_ptr": unsigned([0, 60], 60)}
    )
    assert result["E0_val"].dtype == np.uint8 and result["E0_pal"].tolist() == [0.25, 0.5]
    assert (
        np.array_equal(result["E0_pal"][result["E0_val"]], few)
        and result["E0_pal"].dtype == few.dtype
    )
    assert result["B0_val"] is many and result["L0_val"] is short and "B0_pal" not in result
    assert sum(t.nbytes for t in result.values()) < few.nbytes + many.nbytes + short.nbytes


def test_columns_fill_whole_vectors() -> None:
    assert [padded(n) for n in (1, LANES, LANES + 1)] == [LANES, LANES, 2 * LANES]


def test_deterministic_transitions_carry_no_values() -> None:
    assert "B0_val" not in build(ring()).tables
    assert "B0_val" in build(random_model("one_factor")).tables


def test_planning_calls_python_by_rows_and_not_by_entries() -> None:
    model, profile = random_agent(256), cProfile.Profile()
    profile.runcall(build, model)
    assert pstats.Stats(profile).total_calls < 1000 * 256  # type: ignore[attr-defined]
