"""Coverage of a probe: every value of every control, and least used transitions first."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agentc.ir.files import Model
from agentc.oracle.agent import prepare
from agentc.proof import probe
from agentc.proof.coverage import Coverage, empty_coverage
from agentc.proof.replay import load_probe

from tests.support.native_agents import random_model, ring
from tests.support.small_models import entangled


def facts(model: Model, folder: Path, episodes: int, steps: int) -> dict[str, Any]:
    """The content of probe.json."""
    probe.write_probe(model, folder, episodes, steps, 0)
    document: dict[str, Any] = json.loads((folder / "probe.json").read_bytes())
    return document


@pytest.mark.parametrize(
    "model",
    [ring(7), random_model("two_moving"), entangled(), entangled(5)],
    ids=["ring", "two moving", "entangled", "another"],
)
def test_every_value_of_every_control_is_executed_before_the_last_step(
    model: Model, tmp_path: Path
) -> None:
    values = max(model.num_controls)
    record = facts(model, tmp_path, 2, values + 1)["executed"]
    assert [len(times) for times in record] == [
        model.num_controls[c] for c in model.control_factors
    ]
    assert all(min(times) >= 1 for times in record)
    assert all(sum(times) == 2 * values for times in record)


def test_every_transition_of_a_small_model_is_used(tmp_path: Path) -> None:
    for n, model in enumerate((ring(), random_model("one_factor"))):
        record = facts(model, tmp_path / str(n), 4, 20)
        assert record["transitions_used"] == record["transitions"] == (15, 28)[n]


def test_a_model_without_controls_has_a_coverage_too(tmp_path: Path) -> None:
    record = facts(random_model("nothing_moves"), tmp_path, 2, 4)
    assert record["executed"] == [] and record["transitions"] == 5


def gone(coverage: Coverage, place: int, action: int) -> None:
    """The agent was surely in a place and did something."""
    coverage.note([np.eye(5)[place]], [action])


def test_least_used_here_comes_first_then_least_of_all_then_chance() -> None:
    coverage = empty_coverage(ring())
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
    coverage = empty_coverage(ring())
    coverage.note([np.array([0.995, 0.005, 0.0, 0.0, 0.0])], [1])
    assert coverage.transitions() == (1, 15)


def test_independent_episodes_know_nothing_of_each_other(tmp_path: Path) -> None:
    model = random_model("two_moving")
    probe.write_probe(model, tmp_path / "apart", 6, 6, 0, first=2)
    probe.write_probe(model, tmp_path / "together", 8, 6, 0)
    apart, together = (load_probe(tmp_path / name) for name in ("apart", "together"))
    alone = [probe.run_episode(prepare(model), 0, n, 6) for n in range(2, 8)]
    assert apart.executed.tolist() == [[list(step.executed) for step in run] for run in alone]
    assert apart.facts["kinds"] == together.facts["kinds"][2:]
    assert together.executed[2:].tolist() != apart.executed.tolist()
    assert (
        sum(map(sum, apart.facts["executed"])) * 8 == sum(map(sum, together.facts["executed"])) * 6
    )
    assert 0 < apart.facts["transitions_used"] <= apart.facts["transitions"]
