"""Observations that the reference cannot judge are recognised and kept out of the probe."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from agentc.importers.resolve import ModelSource, resolve
from agentc.ir.files import Model
from agentc.numerics.exact_math import log_clipped, softmax, total
from agentc.oracle import agent as reference
from agentc.oracle.conditioning import is_well_conditioned
from agentc.proof import probe

from tests.support.small_models import one_factor


def seeker() -> Model:
    """Two agents' places on three spots, and whether they meet: the meeting explains both or
    neither.
    """
    meet = np.zeros((2, 3, 3))
    meet[1], meet[0] = np.eye(3), 1.0 - np.eye(3)
    stay = np.eye(3)[:, :, None]
    turn = np.stack([np.eye(3), np.roll(np.eye(3), 1, axis=0)], axis=-1)
    return resolve(ModelSource(A=[meet], B=[turn, stay], D=[np.array([0.5, 0.5, 0.0])] * 2), {})[0]


def test_one_factor_is_always_steady() -> None:
    agent = reference.prepare(one_factor())
    assert all(
        is_well_conditioned(agent, [a, b], agent.model.D) for a in range(3) for b in range(2)
    )


def test_a_symmetric_tie_is_unsteady_and_a_clear_case_is_not() -> None:
    agent = reference.prepare(seeker())
    assert not is_well_conditioned(agent, [1], agent.model.D)
    clear = (np.array([0.98, 0.01, 0.01]), np.array([0.96, 0.02, 0.02]))
    assert is_well_conditioned(agent, [1], clear)


@pytest.mark.parametrize("episode", [1, 3])
def test_a_wandering_or_random_episode_holds_steady_observations_only(episode: int) -> None:
    agent = reference.prepare(seeker())
    prior = reference.initial_prior(agent)
    steps = probe.run_episode(agent, 0, episode, 12)
    assert sum(step.rejected for step in steps) > 0
    for step in steps:
        assert is_well_conditioned(agent, step.obs, prior) or step.rejected >= probe.ATTEMPTS
        prior = reference.next_prior(
            agent, reference.infer_states(agent, step.obs, prior), step.executed
        )


def test_stopping_early_changes_no_bit() -> None:
    """A round that changed nothing would change nothing again: 16 rounds and 400 give the same
    beliefs.
    """
    short = reference.prepare(seeker())
    long = replace(short, model=replace(short.model, num_iter=400))
    clear = (np.array([0.98, 0.01, 0.01]), np.array([0.96, 0.02, 0.02]))
    array = reference.infer_states(short, [1], clear)
    log_q = [np.zeros(3), np.zeros(3)]
    for _ in range(16):
        q = [softmax(x) for x in log_q]
        log_q = [
            total(short.log_A[0][1] * q[1], axis=1) + log_clipped(clear[0]),
            total(short.log_A[0][1] * q[0][:, None], axis=0) + log_clipped(clear[1]),
        ]
    assert all(np.array_equal(a, softmax(b)) for a, b in zip(array, log_q, strict=True))
    assert all(
        np.array_equal(a, b)
        for a, b in zip(array, reference.infer_states(long, [1], clear), strict=True)
    )
