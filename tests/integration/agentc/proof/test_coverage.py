"""What a probe puts to use: every value of every control, and the transitions that were used least first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agentc.ir.files import Model
from agentc.oracle.agent import prepare
from agentc.proof import probe
from agentc.proof.coverage import Coverage, nothing_yet
from agentc.proof.replay import load_probe

from tests.support.native_agents import random_model, ring
from tests.support.small_models import entangled


def facts(model: Model, folder: Path, episodes: int, steps: int) -> dict[str, Any]:
    """The content of probe.json."""
    probe.probe(model, folder, episodes, steps, 0)
    found: dict[str, Any] = json.loads((folder / "probe.json").read_bytes())
    return found


@pytest.mark.parametrize(
    "model",
    [ring(7), random_model("two_moving"), entangled(), entangled(5)],
    ids=["ring", "two moving", "entangled", "another"],
)
def test_every_value_of_every_control_is_executed_before_the_last_step(
    model: Model, tmp_path: Path
) -> None:
    values = max(model.num_controls)
    found = facts(model, tmp_path, 2, values + 1)["executed"]
    assert [len(times) for times in found] == [model.num_controls[c] for c in model.control_factors]
    assert all(min(times) >= 1 for times in found)
    assert all(sum(times) == 2 * values for times in found)


def test_every_transition_of_a_small_model_is_used(tmp_path: Path) -> None:
    for n, model in enumerate((ring(), random_model("one_factor"))):
        found = facts(model, tmp_path / str(n), 4, 20)
        assert found["transitions_used"] == found["transitions"] == (15, 28)[n]


def test_a_model_without_controls_has_a_coverage_too(tmp_path: Path) -> None:
    found = facts(random_model("nothing_moves"), tmp_path, 2, 4)
    assert found["executed"] == [] and found["transitions"] == 5


def gone(coverage: Coverage, place: int, action: int) -> None:
    """The agent was surely in a place and did something."""
    coverage.note([np.eye(5)[place]], [action])


def test_least_used_here_comes_first_then_least_of_all_then_chance() -> None:
    coverage = nothing_yet(ring())
    here = [np.eye(5)[2]]
    assert {coverage.least_used(here, [u]) for u in (0.0, 0.4, 0.999)} == {(0,), (1,), (2,)}
    gone(coverage, 2, 1)
    assert {coverage.least_used(here, [u]) for u in (0.0, 0.4, 0.999)} == {(0,), (2,)}
    gone(coverage, 0, 0)
    assert {coverage.least_used(here, [u]) for u in (0.0, 0.4, 0.999)} == {(2,)}
    gone(coverage, 2, 2)
    assert coverage.least_used(here, [0.9]) == (0,)
    assert coverage.transitions() == (3, 15)


def test_a_column_that_hardly_any_belief_went_through_is_not_used() -> None:
    coverage = nothing_yet(ring())
    coverage.note([np.array([0.995, 0.005, 0.0, 0.0, 0.0])], [1])
    assert coverage.transitions() == (1, 15)


def test_independent_episodes_know_nothing_of_each_other(tmp_path: Path) -> None:
    model = random_model("two_moving")
    probe.probe(model, tmp_path / "apart", 6, 6, 0, first=2)
    probe.probe(model, tmp_path / "together", 8, 6, 0)
    apart, together = (load_probe(tmp_path / name) for name in ("apart", "together"))
    alone = [probe.run_episode(prepare(model), 0, n, 6) for n in range(2, 8)]
    assert apart.executed.tolist() == [[list(step.executed) for step in run] for run in alone]
    assert apart.facts["kinds"] == together.facts["kinds"][2:]
    assert together.executed[2:].tolist() != apart.executed.tolist()
    assert (
        sum(map(sum, apart.facts["executed"])) * 8 == sum(map(sum, together.facts["executed"])) * 6
    )
    assert 0 < apart.facts["transitions_used"] <= apart.facts["transitions"]
