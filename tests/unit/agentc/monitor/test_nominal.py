"""The nominal model of an agent, and what changes it."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from agentc.ir.types import Model
from agentc.monitor.nominal import predicted, record
from agentc.oracle.agent import initial_prior, prepare
from agentc.proof.probe import run_episode
from agentc.proof.replay import Energies, Probe

from tests.support.native_agents import random_model, ring


def recorded(model: Model) -> dict[str, Any]:
    """The nominal model from one roll-out of eight steps."""
    run = run_episode(prepare(model), 0, 0, 8)
    probe = Probe(
        np.array([[step.obs for step in run]]),
        np.array([[step.action for step in run]]),
        np.array([[step.executed for step in run]]),
        np.array([[np.concatenate(step.qs) for step in run]]),
        np.array([[step.regret for step in run]]),
        {"kinds": ["rollout"], "steps": 8, "episodes": 1},
    )
    energies = Energies(*(np.array([[step.vfe for step in run]]) for _ in range(3)))
    return record(model, probe, energies, {"multiplications": 1})


@pytest.mark.parametrize("kind", ["one_factor", "still_factor", "two_moving", "crossed"])
def test_predictions_of_a_modality_are_probabilities(kind: str) -> None:
    agent = prepare(random_model(kind, seed=3))
    sizes = agent.model.num_obs
    for m, size in enumerate(sizes):
        outcomes = [[o if k == m else 0 for k in range(len(sizes))] for o in range(size)]
        whole = sum(predicted(agent, initial_prior(agent), obs)[m] for obs in outcomes)
        assert abs(whole - 1.0) < 1e-9


def test_one_factor_is_exact_and_several_are_measured() -> None:
    exact = recorded(ring(noise=0.2))
    assert exact["exact"] and exact["modalities"][0]["uniform_divisor"] == 1.0
    measured = recorded(random_model("still_factor", seed=6))
    divisors = [
        m[f"{bet}_divisor"] for m in measured["modalities"] for bet in ("uniform", "repeat")
    ]
    assert not measured["exact"] and min(divisors) >= 1.0 and max(divisors) < 3.0


def test_it_has_energies_actions_and_the_cost() -> None:
    model = ring(noise=0.2)
    document = recorded(model)
    assert document["steps"] == 8 and document["cost"] == {"multiplications": 1}
    assert abs(sum(document["actions"][0]) - 1.0) < 1e-5 and len(document["actions"][0]) == 3
    for key in ("vfe", "efe", "policy_entropy"):
        assert document[key]["min"] <= document[key]["p50"] <= document[key]["max"]
    assert document["modalities"][0]["surprise"]["mean"] > 0.0


def test_only_a_changed_agent_changes_it() -> None:
    model = ring(noise=0.2)
    assert recorded(model) == recorded(dataclasses.replace(model))
    assert recorded(model) != recorded(ring(noise=0.3))
