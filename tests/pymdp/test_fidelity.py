"""The float64 reference decides and believes as pymdp 1.0.4 does, on every shipped model and on odd
ones.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from agentc.ir import files as ir
from agentc.oracle import agent as reference
from agentc.proof import probe
from agentc.proof.coverage import empty_coverage

from tests.pymdp.oracle import F64, I32, canonical_actions, divergence, replay
from tests.pymdp.shipped import shipped
from tests.support.requirements import need_module
from tests.support.small_models import NAMES, entangled, one_factor

pytestmark = pytest.mark.slow


def run(model: ir.Model, episodes: int, steps: int) -> tuple[I32, I32, I32, F64, F64]:
    """Observations, what was executed and what chosen, beliefs, free energies."""
    agent, coverage = reference.prepare(model), empty_coverage(model)
    result = [probe.run_episode(agent, 11, n, steps, coverage) for n in range(episodes)]
    return (
        np.array([[s.obs for s in steps_] for steps_ in result], np.int32),
        np.array([[s.executed for s in steps_] for steps_ in result], np.int32),
        np.array([[s.action for s in steps_] for steps_ in result], np.int32),
        np.array([[np.concatenate(s.qs) for s in steps_] for steps_ in result]),
        np.array([[s.vfe for s in steps_] for steps_ in result]),
    )


def worst_divergence(model: ir.Model, p: F64, q: F64) -> float:
    """Largest KL over steps and factors."""
    ends = np.cumsum(model.num_states)
    return max(
        float(divergence(p[..., end - n : end], q[..., end - n : end]).max())
        for n, end in zip(model.num_states, ends, strict=True)
    )


@pytest.mark.parametrize("name", NAMES)
def test_shipped_models_over_three_thousand_steps(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    need_module("pymdp")
    case = shipped(name, tmp_path_factory)
    model, probe, theirs = case.model, case.probe, case.theirs
    assert probe.obs.shape[0] * probe.obs.shape[1] >= 3000
    assert np.array_equal(canonical_actions(model, theirs.q_pi), probe.action)
    assert worst_divergence(model, probe.qs, theirs.qs) <= 1e-12
    assert np.max(np.abs(theirs.vfe - case.energy("vfe"))) <= 1e-9
    efe = case.energy("efe")[..., None]
    assert np.max(np.min(np.abs(theirs.neg_efe - efe), axis=-1)) <= 1e-10


@pytest.mark.parametrize("name", NAMES)
def test_single_precision_pymdp_stays_near(
    name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    need_module("pymdp")
    case = shipped(name, tmp_path_factory)
    model, probe = case.model, case.probe
    few = np.s_[:8, :32]
    theirs = replay(model, probe.obs[few], probe.executed[few], x64=False)
    assert np.isfinite(theirs.q_pi).all()
    assert worst_divergence(model, probe.qs[few], theirs.qs) <= 1e-6
    chosen = canonical_actions(model, theirs.q_pi)
    assert np.max(np.take_along_axis(probe.regret[few], chosen, axis=-1)) <= 1e-3


@pytest.mark.parametrize(
    "model",
    [
        one_factor(),
        entangled(),
        entangled(5),
        entangled(use_utility=False, num_iter=3),
        entangled(use_states_info_gain=False),
        one_factor(2, policy_len=3, inference_algo="exact"),
        replace(
            one_factor(),
            policies=one_factor().policies[[7, 2, 5]],
            num_policies=3,
            policies_kind="listed",
        ),
    ],
    ids=["one factor", "entangled", "another", "no utility", "no info gain", "exact", "listed"],
)
def test_odd_models(model: ir.Model) -> None:
    need_module("pymdp")
    obs, executed, action, qs, vfe = run(model, 4, 8)
    theirs = replay(model, obs, executed)
    assert np.array_equal(canonical_actions(model, theirs.q_pi), action)
    assert (
        worst_divergence(model, qs, theirs.qs) <= 1e-12
        and np.max(np.abs(theirs.vfe - vfe)) <= 1e-10
    )


def test_the_comparison_can_fail() -> None:
    need_module("pymdp")
    model = one_factor()
    obs, executed, action, qs, _ = run(model, 4, 8)
    other = replace(model, B=(np.roll(model.B[0], 1, axis=2),))
    theirs = replay(other, obs, executed)
    assert not np.array_equal(canonical_actions(model, theirs.q_pi), action)
    assert worst_divergence(model, qs, theirs.qs) > 1e-3
