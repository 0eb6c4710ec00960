"""336 random agents of 24 random structures, and pymdp's own environments: native, reference and
pymdp 1.0.4 alike.

A step counts as different when the posterior over states or policies, the free energies or the
canonical action are. Nothing is left out but observations whose posterior hangs on rounding
(conditioning.py); they are redrawn and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agentc.ir.files import Model, validate
from agentc.oracle import action_selection as choice, agent as reference
from agentc.plan.feature_support import FEATURES, Feature, refusals
from agentc.proof.coverage import empty_coverage
from agentc.proof.probe import ReferenceStep, run_episode

from tests.pymdp.generated import agent
from tests.pymdp.native_batch import answers
from tests.pymdp.oracle import F64, I32, Replay, divergence, replay_each
from tests.pymdp.test_legacy import model_of
from tests.support.requirements import need_module
from tests.unit.agentc.importers.pomdp.test_rewards import TIGER, imported
from tests.unit.agentc.plan.test_feature_support import REFUSED

pytestmark = pytest.mark.slow
STRUCTURES, AGENTS, STEPS = 24, 14, 6
EPISODES = (0, 1)
"""A roll-out, and a wandering, whose executed actions are not those chosen."""


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Episodes of several models, one row an episode; `models` has a model for each row."""

    models: list[Model]
    steps: list[list[ReferenceStep]]

    def array(self, name: str, dtype: Any = np.float64) -> Any:
        """One field of every step, (episodes, steps, ..)."""
        rows = [
            [np.concatenate(s.qs) if name == "qs" else getattr(s, name) for s in row]
            for row in self.steps
        ]
        array = np.array(rows, dtype)
        return array.reshape(*array.shape[:2], -1)

    def records(self) -> list[I32]:
        """Replay records by model, its episodes one after the other."""
        start = np.zeros((len(self.steps), len(self.steps[0]), 1), np.int32)
        start[:, 0] = 1
        rows = np.concatenate(
            [start, self.array("obs", "<i4"), self.array("executed", "<i4")], axis=2
        )
        return [
            np.ascontiguousarray(part.reshape(-1, rows.shape[2]), dtype="<i4")
            for part in np.split(rows, len(self.steps) // len(EPISODES))
        ]


def run(models: Sequence[Model], steps: int) -> Runs:
    """The reference's episodes of each model."""
    rows, kept = [], []
    for model in models:
        prepared = reference.prepare(model)
        for episode in EPISODES:
            kept.append(model)
            rows.append(run_episode(prepared, 5, episode, steps, empty_coverage(model)))
    return Runs(kept, rows)


def chosen(model: Model, q_pi: F64, step: int, steps: int) -> tuple[int, ...]:
    """Choice from a posterior of pymdp by the tie rule or our random numbers, and the rest of its
    policy.
    """
    verdict = reference.PolicyEvaluation(q_pi, np.log(np.maximum(q_pi, 1e-300)), q_pi)
    episode, within = divmod(step, steps)
    count = episode * -(-steps // model.plan_every) + within // model.plan_every
    action, policy = choice.select(
        reference.prepare(model), verdict, choice.selection_numbers(model, 0, count)
    )
    ahead = within % model.plan_every
    return tuple(int(a) for a in model.policies[policy, ahead]) if ahead else action


def worst(model: Model, p: F64, q: F64) -> float:
    """Largest KL over steps and factors."""
    ends = np.cumsum(model.num_states)
    return max(
        float(divergence(p[..., end - n : end], q[..., end - n : end]).max())
        for n, end in zip(model.num_states, ends, strict=True)
    )


def hold_reference(runs: Runs, theirs: Replay) -> None:
    """The float64 reference is pymdp in float64."""
    assert worst(runs.models[0], runs.array("qs"), theirs.qs) <= 1e-12
    assert float(divergence(runs.array("q_pi"), theirs.q_pi).max()) <= 1e-10
    assert (
        np.max(np.abs(runs.array("vfe")[..., 0] - theirs.vfe.reshape(theirs.vfe.shape[:2]))) <= 1e-9
    )
    assert np.max(np.min(np.abs(theirs.neg_efe - runs.array("efe")), axis=-1)) <= 1e-9


def differing(runs: Runs, theirs: Replay, folder: Path) -> int:
    """Steps in which the compiled agent differs from pymdp's posterior; its beliefs are checked,
    too.
    """
    models = runs.models[:: len(EPISODES)]
    replies, wrong, steps = answers(models, runs.records(), folder), 0, len(runs.steps[0])
    for n, (model, values) in enumerate(zip(models, replies, strict=True)):
        rows = slice(n * len(EPISODES), (n + 1) * len(EPISODES))
        qs, q_pi = (np.concatenate(list(part[rows])) for part in (theirs.qs, theirs.q_pi))
        assert worst(model, qs, values.qs.astype(np.float64)) <= 1e-5
        assert float(divergence(q_pi, values.q_pi.astype(np.float64)).max()) <= 1e-5
        wrong += sum(
            tuple(values.action[s]) != chosen(model, q_pi[s], s, steps)
            for s in range(len(EPISODES) * steps)
        )
    return wrong


def judged_at_planning(runs: Runs, theirs: Replay) -> Replay:
    """Judgement of pymdp at the latest planning: it judges at every step, and some agents keep
    plans.
    """
    steps = np.arange(len(runs.steps[0]))
    planned = steps - steps % runs.models[0].plan_every
    return replace(theirs, q_pi=theirs.q_pi[:, planned], neg_efe=theirs.neg_efe[:, planned])


def compare(models: Sequence[Model], steps: int, folder: Path) -> None:
    """All three over the same episodes."""
    runs = run(models, steps)
    theirs = judged_at_planning(
        runs,
        replay_each(runs.models, runs.array("obs", np.int32), runs.array("executed", np.int32)),
    )
    hold_reference(runs, theirs)
    assert sum(step.rejected for row in runs.steps for step in row) <= len(runs.steps)
    assert differing(runs, theirs, folder) == 0


@pytest.mark.parametrize("number", range(STRUCTURES))
def test_agents_of_a_structure(number: int, tmp_path: Path) -> None:
    need_module("ziglang")
    need_module("pymdp")
    models = [agent(number, which) for which in range(AGENTS)]
    assert [refusals(model) for model in models] == [[]] * AGENTS
    compare(models, STEPS, tmp_path)


@cache
def of_every_kind() -> list[Model]:
    """An agent of each structure, and two models of other doors."""
    agents = [agent(number, 0) for number in range(STRUCTURES)]
    return [*agents, model_of("maze"), imported(TIGER)]


@pytest.mark.parametrize(
    "feature", [f for f in FEATURES if not f.native], ids=lambda feature: feature.name
)
def test_every_feature_that_native_has_is_put_to_use(feature: Feature) -> None:
    need_module("pymdp")
    assert any(feature.used(model) for model in of_every_kind())


@pytest.mark.parametrize(
    "feature", [f for f in FEATURES if f.native], ids=lambda feature: feature.name
)
def test_pymdp_itself_has_what_the_table_says_of_the_python_backend(feature: Feature) -> None:
    need_module("pymdp")
    from agentc.pymdp_backend import agent as pymdp_agent

    model = REFUSED[feature.name]
    assert bool([*validate(model), *pymdp_agent.refusals(model)]) == bool(feature.python)


def test_optimisation_changes_no_bit(tmp_path: Path) -> None:
    need_module("ziglang")
    models = [agent(11, which) for which in range(2)] + [agent(13, 0)]
    records = [part for model in models for part in run([model], STEPS).records()]
    for quick, full in zip(
        answers(models, records, tmp_path), answers(models, records, tmp_path, ()), strict=True
    ):
        assert (
            quick.qs.tobytes() == full.qs.tobytes() and quick.q_pi.tobytes() == full.q_pi.tobytes()
        )
        assert np.array_equal(quick.action, full.action) and np.array_equal(
            quick.policy, full.policy
        )


def test_the_comparison_can_fail(tmp_path: Path) -> None:
    need_module("ziglang")
    need_module("pymdp")
    runs = run([agent(11, 0)], STEPS)
    theirs = replay_each(runs.models, runs.array("obs", np.int32), runs.array("executed", np.int32))
    other = Runs([agent(11, 1)] * len(EPISODES), runs.steps)
    with pytest.raises(AssertionError):
        differing(other, theirs, tmp_path)
