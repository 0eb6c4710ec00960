"""Steps that comparisons leave out: if a posterior depends on rounding, pymdp itself has several
answers.

Agents of zeros and ones over several factors, under uniformly random observations, most of them
impossible: the worst case. Nothing is redrawn here. Up to the first ill-conditioned observation of
an episode (conditioning.py) compiled code, the reference and pymdp in float64 and float32 agree; at
ill-conditioned ones pymdp's two precisions differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agentc.importers.resolve import ModelSource, resolve
from agentc.ir.files import Model
from agentc.oracle import agent as reference
from agentc.oracle.conditioning import is_well_conditioned

from tests.pymdp.native_batch import answers
from tests.pymdp.oracle import F64, I32, divergence, replay
from tests.support.requirements import need_module

pytestmark = pytest.mark.slow
STRUCTURES: tuple[tuple[tuple[int, ...], tuple[int, ...]], ...] = (
    ((5, 3), (3, 4)),
    ((3, 3, 3), (2, 4, 2)),
    ((4, 4), (2, 4)),
)
EPISODES, STEPS, LIMIT = 80, 8, 1e-5


def certain(states: tuple[int, ...], outcomes: tuple[int, ...], seed: int) -> Model:
    """Each state has one outcome a modality; each action permutes the states of a factor."""
    rng = np.random.default_rng([9, seed])
    A = [
        np.eye(o)[rng.integers(0, o, size=states)].transpose(-1, *range(len(states)))
        for o in outcomes
    ]
    B = [np.stack([np.eye(n)[rng.permutation(n)].T for _ in range(2)], axis=-1) for n in states]
    return resolve(ModelSource(A=A, B=B, D=[np.full(n, 1.0 / n) for n in states]), {})[0]


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Beliefs (episodes, steps, states) of each, and whether an unsteady observation came so far
    (episodes, steps).
    """

    model: Model
    obs: I32
    executed: I32
    native: F64
    reference: F64
    tainted: Any


def runs(number: int, folder: Path) -> Runs:
    """Random observations and actions, fed to compiled code and to the reference."""
    model, rng = certain(*STRUCTURES[number], number), np.random.default_rng([10, number])
    obs = np.stack([rng.integers(0, n, (EPISODES, STEPS)) for n in model.num_obs], axis=-1).astype(
        np.int32
    )
    done = rng.integers(0, 2, (EPISODES, STEPS, len(model.num_states))).astype(np.int32)
    start = np.zeros((EPISODES, STEPS, 1), np.int32)
    start[:, 0] = 1
    rows = np.concatenate([start, obs, done], axis=2).reshape(EPISODES * STEPS, -1).astype("<i4")
    (values,) = answers([model], [rows], folder)
    agent, believed, tainted = reference.prepare(model), [], []
    for seen, actions in zip(obs, done, strict=True):
        prior, hangs = model.D, False
        for o, u in zip(seen, actions, strict=True):
            hangs = hangs or not is_well_conditioned(agent, [int(n) for n in o], prior)
            qs = reference.infer_states(agent, [int(n) for n in o], prior)
            believed.append(np.concatenate(qs))
            tainted.append(hangs)
            prior = reference.next_prior(agent, qs, [int(n) for n in u])
    shape = (EPISODES, STEPS)
    return Runs(
        model,
        obs,
        done,
        values.qs.astype(np.float64).reshape(*shape, -1),
        np.array(believed).reshape(*shape, -1),
        np.array(tainted).reshape(shape),
    )


def apart(model: Model, p: F64, q: F64) -> Any:
    """Divergence by episode and step, of the factor where it is largest."""
    ends = np.cumsum(model.num_states)
    return np.max(
        [
            divergence(p[..., end - n : end], q[..., end - n : end])
            for n, end in zip(model.num_states, ends, strict=True)
        ],
        axis=0,
    )


@pytest.mark.parametrize("number", range(len(STRUCTURES)), ids=str)
def test_nothing_parts_before_an_unsteady_observation(number: int, tmp_path: Path) -> None:
    need_module("ziglang")
    need_module("pymdp")
    result = runs(number, tmp_path)
    double, single = (
        replay(result.model, result.obs, result.executed, x64).qs for x64 in (True, False)
    )
    sound = ~result.tainted
    assert sound.mean() > 0.5 and result.tainted.any()
    for other, limit in ((double, 1e-12), (result.native, LIMIT), (single, 1e-3)):
        assert np.max(apart(result.model, result.reference, other)[sound]) <= limit
    assert np.any(apart(result.model, double, single)[result.tainted] > 0.1)
