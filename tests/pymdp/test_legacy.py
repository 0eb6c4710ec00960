"""Agents of pymdp 0.0.7: the float64 reference and compiled code against answers of 0.0.7.1 itself
(record_legacy.py).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agentc.importers import objects as ingest_objects, python as ingest_python
from agentc.importers.resolve import ModelSource, resolve
from agentc.ir import files as ir
from agentc.ir.files import Model, validate
from agentc.ir.types import LEGACY, ModelError
from agentc.oracle import action_selection as choice, agent as reference
from agentc.plan.feature_support import refusals

from tests.pymdp.native_batch import answers
from tests.pymdp.oracle import F64, divergence
from tests.pymdp.record_legacy import objects
from tests.support.requirements import need_module
from tests.support.small_models import columns

pytestmark = pytest.mark.slow


@cache
def recorded() -> dict[str, dict[str, Any]]:
    """Arrays by agent and name."""
    array: dict[str, dict[str, Any]] = {}
    with np.load(Path(__file__).with_name("legacy.npz"), allow_pickle=False) as file:
        for key in file.files:
            name, _, part = key.partition(".")
            array.setdefault(name, {})[part] = file[key]
    return array


NAMES = [f"random{seed}" for seed in range(10)] + ["maze"]


def model_of(name: str, **other: Any) -> Model:
    """The agent through the door of plain arrays; C over time has its time first there."""
    stored = recorded()[name]
    lists = {
        letter: [stored[key] for key in sorted(stored) if key[0] == letter and key[1:].isdigit()]
        for letter in "ABCDE"
    }
    lists["C"] = [c.T for c in lists["C"]]
    prior = lists.pop("E")
    spec = json.loads(str(stored["spec"])) | {"semantics": LEGACY} | other
    return resolve(ModelSource(**lists, E=prior[0] if prior else None, spec=spec), {})[0]


def test_defaults_are_those_of_that_version() -> None:
    model = model_of("maze")
    assert (model.gamma, model.alpha, model.sampling_mode, model.num_iter) == (
        16.0,
        16.0,
        "marginal",
        10,
    )
    assert model.legacy and validate(model) == refusals(model) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_reference_is_that_agent(name: str) -> None:
    stored, model = recorded()[name], model_of(name)
    agent = reference.prepare(model)
    prior = reference.initial_prior(agent)
    for obs, action, qs, q_pi, G in zip(
        *(stored[key] for key in ("obs", "actions", "qs", "q_pi", "G")), strict=True
    ):
        result = reference.infer_states(agent, [int(o) for o in obs], prior)
        verdict = reference.infer_policies(agent, result)
        assert np.max(np.abs(np.concatenate(result) - qs)) <= 1e-12
        assert (
            np.max(np.abs(verdict.neg_efe - G)) <= 1e-12
            and np.max(np.abs(verdict.q_pi - q_pi)) <= 1e-12
        )
        prior = reference.next_prior(agent, result, [int(action[c]) for c in model.control_factors])


def judged(model: Model, q_pi: F64) -> tuple[int, ...]:
    """Choice from a recorded posterior by the tie rule."""
    verdict = reference.PolicyEvaluation(q_pi, np.log(np.maximum(q_pi, 1e-300)), q_pi)
    return choice.select(reference.prepare(model), verdict)[0]


def worst(model: Model, p: F64, q: F64) -> float:
    """Largest divergence of beliefs over steps and factors."""
    ends = np.cumsum(model.num_states)
    return max(
        float(divergence(p[:, end - n : end], q[:, end - n : end]).max())
        for n, end in zip(model.num_states, ends, strict=True)
    )


def test_compiled_code_is_that_agent(tmp_path: Path) -> None:
    need_module("ziglang")
    models = [model_of(name) for name in NAMES]
    records = []
    for name, model in zip(NAMES, models, strict=True):
        stored = recorded()[name]
        start = np.eye(len(stored["obs"]), 1, dtype="<i4")
        records.append(
            np.hstack(
                [start, stored["obs"], stored["actions"][:, list(model.control_factors)]]
            ).astype("<i4")
        )
    for name, model, values in zip(NAMES, models, answers(models, records, tmp_path), strict=True):
        stored = recorded()[name]
        assert worst(model, stored["qs"], values.qs.astype(np.float64)) <= 1e-5
        assert float(divergence(stored["q_pi"], values.q_pi.astype(np.float64)).max()) <= 1e-5
        assert [tuple(row) for row in values.action] == [
            judged(model, q_pi) for q_pi in stored["q_pi"]
        ]


def test_the_two_versions_are_different_agents() -> None:
    apart = 0.0
    for name in NAMES:
        pair = [
            reference.prepare(model_of(name, semantics=message, num_iter=10, gamma=16.0))
            for message in (LEGACY, "pymdp-1")
        ]
        first, second = (reference.infer_policies(agent, agent.model.D).q_pi for agent in pair)
        apart = max(apart, float(np.abs(first - second).max()))
    assert apart > 0.05


def test_object_arrays_of_several_factors_and_modalities_are_taken_as_they_are(
    tmp_path: Path,
) -> None:
    stored = recorded()["maze"]
    values: dict[str, Any] = {}
    for letter in "ABCD":
        values[letter] = objects(
            [stored[key] for key in sorted(stored) if key[0] == letter and key[1:].isdigit()]
        )
    np.savez(tmp_path / "m.npz", allow_pickle=True, **values)
    (tmp_path / "m.json").write_text(
        json.dumps({"semantics": LEGACY, "policy_len": 2, "inference_algo": "VANILLA"})
    )
    model, _ = ingest_objects.make(tmp_path / "m.npz", tmp_path / "m.json", "{}")
    wanted = model_of("maze")
    assert model.legacy and all(
        np.array_equal(a, b) for a, b in zip(model.A + model.B, wanted.A + wanted.B, strict=True)
    )
    assert (model.gamma, model.num_iter, model.sampling_mode) == (16.0, 10, "marginal")


def legacy_agent(
    states: Sequence[int] = (4, 2), outcomes: Sequence[int] = (3,), **words: Any
) -> Any:
    """An Agent of pymdp.legacy, which ships with pymdp 1."""
    need_module("pymdp")
    from pymdp.legacy.agent import Agent

    rng = np.random.default_rng(6)
    A = objects([columns(rng, o, *states) for o in outcomes])
    B = objects([columns(rng, n, n, 1 + n // 2) for n in states])
    C = objects([rng.normal(size=(o, 2)) for o in outcomes])
    return Agent(**{"A": A, "B": B, "C": C, "policy_len": 2} | words)


@pytest.mark.parametrize("states", [(4,), (4, 2)], ids=["one factor", "two factors"])
def test_an_agent_of_pymdp_legacy_with_one_modality_is_taken_as_it_is(
    states: tuple[int, ...],
) -> None:
    theirs = legacy_agent(states, E=np.arange(1.0, 1.0 + (3 if states == (4,) else 6) ** 2))
    model, _ = resolve(ingest_python.source_of(theirs), {})
    assert (
        model.legacy
        and model.C_time_varying == (True,)
        and model.has_E
        and model.policies_kind == "full"
    )
    ours, prior, rng = reference.prepare(model), model.D, np.random.default_rng(1)
    for _ in range(12):
        obs = int(rng.integers(3))
        qs, beliefs = reference.infer_states(ours, [obs], prior), theirs.infer_states([obs])
        verdict, (q_pi, _) = reference.infer_policies(ours, qs), theirs.infer_policies()
        assert max(np.max(np.abs(a - b)) for a, b in zip(beliefs, qs, strict=True)) <= 1e-12
        assert np.max(np.abs(q_pi - verdict.q_pi)) <= 1e-12
        action = [int(u) for u in theirs.sample_action()]
        prior = reference.next_prior(ours, qs, [action[c] for c in model.control_factors])


def test_an_agent_of_0_0_7_has_no_lists_of_factors_and_any_number_of_modalities() -> None:
    theirs = legacy_agent(outcomes=(3, 2))
    with pytest.raises(ModelError, match="this is the Agent of pymdp.legacy"):
        ingest_python.source_of(theirs)
    del theirs.A_factor_list
    model, _ = resolve(ingest_python.source_of(theirs), {})
    assert (
        model.legacy and model.num_obs == (3, 2) and model.gamma == 16.0 and refusals(model) == []
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"inference_algo": "MMP"}, "inference_algo = 'MMP'"),
        ({"use_param_info_gain": True}, "use_param_info_gain"),
        ({"sophisticated": True, "policy_len": 1}, "sophisticated inference"),
        ({"dF_tol": 0.1}, "only num_iter may differ"),
        ({"acted": True}, "has acted already"),
    ],
)
def test_what_is_not_compiled_of_an_old_agent_is_refused_with_the_reason(
    words: dict[str, Any], message: str
) -> None:
    values = {name: value for name, value in words.items() if name not in ("dF_tol", "acted")}
    agent = legacy_agent(**values)
    agent.inference_params |= {name: words[name] for name in ("dF_tol",) if name in words}
    agent.action = np.zeros(2) if "acted" in words else None
    with pytest.raises(ModelError, match=message):
        ingest_python.source_of(agent)


@pytest.mark.parametrize("name", ["pA", "pB", "pD"])
def test_counts_that_only_a_call_to_learn_looks_at_change_nothing(name: str) -> None:
    agent = legacy_agent()
    setattr(agent, name, {"pA": agent.A, "pB": agent.B, "pD": agent.D}[name])
    result, plain = (
        resolve(ingest_python.source_of(one), {})[0] for one in (agent, legacy_agent())
    )
    assert ir.header(result) == ir.header(plain)
