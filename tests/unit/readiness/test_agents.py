"""Checks of one agent: each fails for its own reason, and the examples' agents pass."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agentc.importers.resolve import ModelSource, resolve
from agentc.ir import files as ir
from agentc.proof.probe import write_probe
from agentc.proof.replay import load_probe
from readiness.agents import AgentEvidence, agent_checks, reachable_states
from readiness.evidence import Check

from tests.support.small_models import entangled, one_factor

PROOF = {
    "steps": 16,
    "episodes": 4,
    "violations": 0,
    "lower_bound": "0.9",
    "lower_bound_episodes": "0.5",
    "kl_max": (1e-8).hex(),
    "kl_limit": (1e-5).hex(),
    "regret_max": (0.0).hex(),
    "regret_limit": (1e-3).hex(),
}
LABELS = {"observations": [{"name": "light", "size": 3, "elements": ["red", "amber", "green"]}]}


def corridor(**spec: Any) -> ir.Model:
    """Three places in a row, each seen as it is; actions stay or go one place to the right."""
    stay, right = np.eye(3), np.eye(3, k=-1)
    right[2, 2] = 1.0
    source = ModelSource(
        A=[np.eye(3)],
        B=[np.stack([stay, right], -1)],
        C=[np.array([0.0, 0.0, 1.0])],
        D=[np.array([1.0, 0.0, 0.0])],
        spec={"policy_len": 2} | spec,
    )
    return resolve(source, {})[0]


def evidence(model: ir.Model, folder: Path) -> AgentEvidence:
    """The agent with a probe of its own and a proof without a violation."""
    write_probe(model, folder, 4, 4, 0)
    return AgentEvidence("scout", model, LABELS, load_probe(folder), PROOF)


def failing(agent: AgentEvidence, ties: float = 1.0) -> dict[str, Check]:
    checks = agent_checks(agent, ties)
    assert len(checks) == 6
    return {check.name: check for check in checks if check.verdict != "passed"}


@pytest.mark.parametrize("make", [one_factor, entangled, corridor])
def test_a_sound_agent_passes(make: Any, tmp_path: Path) -> None:
    assert failing(evidence(make(), tmp_path)) == {}


def test_a_column_that_does_not_sum_to_one_is_named(tmp_path: Path) -> None:
    agent = evidence(corridor(), tmp_path)
    spoilt = agent.model.B[0].copy()
    spoilt[0, 1, 1] = 0.25
    refused = failing(replace(agent, model=replace(agent.model, B=(spoilt,))))
    assert list(refused) == ["columns of scout"]
    assert "B0[:,1,1] sums to 1.25" in refused["columns of scout"].why
    assert refused["columns of scout"].measured == 0.25


def test_rounded_decimals_are_no_error(tmp_path: Path) -> None:
    thirds = np.full((3, 3), 0.33333)
    agent = evidence(corridor(), tmp_path)
    agent = replace(agent, model=replace(agent.model, A=(thirds,)))
    assert "columns of scout" not in failing(agent)


def test_a_preferred_observation_that_cannot_occur_is_named(tmp_path: Path) -> None:
    model = corridor()
    wall = np.stack([np.eye(3), np.eye(3)], -1)
    refused = failing(evidence(replace(model, B=(wall,)), tmp_path))
    assert next(iter(refused)) == "preferences of scout"
    check = refused["preferences of scout"]
    assert "observation 0 (light) as 2 (green), the most preferred (C = 1)" in check.why
    assert (check.measured, check.limit) == (0, 1)


def test_states_are_reached_by_used_policies_only() -> None:
    model = corridor()
    assert [flags.tolist() for flags in reachable_states(model)] == [[True] * 3]
    staying = np.array([not policy.any() for policy in model.policies], dtype=np.float64)
    habit = replace(model, E=staying / staying.sum(), has_E=True)
    assert [flags.tolist() for flags in reachable_states(habit)] == [[True, False, False]]


def test_preferences_without_utility_have_no_effect(tmp_path: Path) -> None:
    wall = np.stack([np.eye(3), np.eye(3)], -1)
    model = replace(corridor(use_utility=False), B=(wall,))
    assert "preferences of scout" not in failing(evidence(model, tmp_path))


def test_an_agent_without_preferences_is_decided_by_the_tie_rule(tmp_path: Path) -> None:
    model = replace(corridor(), C=(np.zeros(3),))
    check = failing(evidence(model, tmp_path))["ties of scout"]
    assert (check.measured, check.key) == (1.0, "")
    assert "the tie rule makes 8 of 8 decisions" in check.why


def test_the_budget_of_ties(tmp_path: Path) -> None:
    agent = evidence(corridor(), tmp_path)  # at the end of the corridor both actions are equal
    (check,) = [check for check in agent_checks(agent, 1.0) if check.name == "ties of scout"]
    share = check.measured
    assert isinstance(share, float) and 0.0 < share < 1.0
    assert failing(agent, share) == {}
    assert failing(agent, share - 0.1)["ties of scout"].key == "budget.ties"


def test_drawn_actions_have_no_ties(tmp_path: Path) -> None:
    model = replace(corridor(action_selection="stochastic"), C=(np.zeros(3),))
    assert "ties of scout" not in failing(evidence(model, tmp_path))


def test_kept_plans_are_tied_if_they_differ(tmp_path: Path) -> None:
    model = corridor(plan_every=2)
    assert "ties of scout" not in failing(evidence(model, tmp_path / "a"))
    flat = replace(model, C=(np.zeros(3),))
    assert "4 of 4 decisions" in failing(evidence(flat, tmp_path / "b"))["ties of scout"].why


@pytest.mark.parametrize("number", ["kl", "regret"])
@pytest.mark.parametrize("value", [0.5, float("nan")])
def test_a_proof_beyond_a_limit_fails(number: str, value: float, tmp_path: Path) -> None:
    agent = evidence(corridor(), tmp_path)
    agent = replace(agent, proof={**PROOF, f"{number}_max": value.hex()})
    assert list(failing(agent)) == [f"{number} of scout"]


def test_violating_steps_fail(tmp_path: Path) -> None:
    agent = evidence(corridor(), tmp_path)
    agent = replace(agent, proof={**PROOF, "violations": 3})
    assert failing(agent)["fidelity of scout"].why == "3 of 16 steps are beyond a limit"
