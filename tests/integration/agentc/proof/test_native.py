"""Compiled code against the reference: every shape of the subset is proved, and a changed bit of
code is caught.
"""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest
from agentc.ir.files import Model
from agentc.proof.fidelity import KL_LIMIT, REGRET_LIMIT, compare
from agentc.proof.replay import Probe, Replies, golden_hash, load_probe

from tests.bench.random_agents import dense, random_agent
from tests.support.native_agents import (
    SHAPES,
    emitted,
    make,
    planning,
    probed,
    proved,
    random_model,
    ring,
)
from tests.support.requirements import need_module


def habit(model: Model) -> Model:
    """The same agent with a prior over policies."""
    weights = np.random.default_rng(5).dirichlet(np.ones(model.num_policies))
    return dataclasses.replace(model, E=weights, has_E=True)


def shared_control() -> Model:
    """Two factors moved by one control, a third by two controls."""
    model = random_model("two_moving")
    random = np.random.default_rng(8)
    wide = random.dirichlet(np.ones(2), size=(2, 3, 2)).transpose(3, 0, 1, 2)
    moved = random.dirichlet(np.ones(4), size=(4, 3)).transpose(2, 0, 1)
    return dataclasses.replace(
        model, B=(model.B[0], moved, wide), B_action_dependencies=((0,), (0,), (0, 1))
    )


def tiny() -> Model:
    """Meant entries far below the resolution of float32: 1e-13 in A, 1e-14 in B."""
    model = random_model("still_factor", seed=9)
    A = tuple(np.where(a == 0.0, 1e-13, a) for a in model.A)
    return dataclasses.replace(model, A=A, B=tuple(np.where(b == 0.0, 1e-14, b) for b in model.B))


def blind() -> Model:
    """Factor 2 is moved and never seen: A is constant along it; modality 1 is uninformative."""
    model = random_model("two_moving", seed=10)
    A = tuple(
        np.broadcast_to(a.mean(axis=1 + row.index(2), keepdims=True), a.shape) if 2 in row else a
        for a, row in zip(model.A, model.A_dependencies, strict=True)
    )
    return dataclasses.replace(model, A=(A[0], np.full_like(A[1], 1.0 / len(A[1])), A[2]))


CASES: dict[str, Model] = {
    **{kind: random_model(kind, seed=11) for kind in SHAPES},
    "drawn": random_model("crossed", seed=12, action_selection="stochastic", alpha=3.0),
    "drawn by control": random_model(
        "two_moving", seed=13, action_selection="stochastic", sampling_mode="marginal"
    ),
    "goals": planning(random_model("two_moving", seed=14)),
    "goals on a ring": planning(ring(noise=0.1)),
    "ring": ring(policy_len=4),
    "noisy_ring": ring(noise=0.05),
    "marginal": random_model("two_moving", sampling_mode="marginal"),
    "habit": habit(random_model("still_factor")),
    "no_utility": random_model("two_moving", use_utility=False),
    "no_information_gain": random_model("two_moving", use_states_info_gain=False),
    "nothing_wanted": random_model("one_factor", use_utility=False, use_states_info_gain=False),
    "timed_preferences": ring(
        policy_len=2, C=(np.arange(10.0).reshape(2, 5) % 4,), C_time_varying=(True,)
    ),
    "shared_control": shared_control(),
    "tiny_entries": tiny(),
    "irrelevant": blind(),
    "dense": dense((4, 3, 2, 3), (3, 2, 1, 1), crossed=True, outcomes=(5, 3)),
    "many_rows": random_agent(64),
    "few_iterations": random_model("two_moving", num_iter=2),
    "listed": random_model(
        "one_factor",
        policies_kind="listed",
        policies=np.array([[[0], [1], [2]], [[3], [3], [0]], [[0], [1], [1]]], np.int32),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES)
def test_compiled_agent_does_what_the_reference_does(case: str, tmp_path: Path) -> None:
    need_module("ziglang")
    agent = emitted(CASES[case], "agent", tmp_path)
    probed(agent)
    assert proved(agent) == 0
    proof = json.loads((tmp_path / "proof.json").read_bytes())
    assert proof["violations"] == 0 and proof["steps"] == 64
    assert proof["same_action"] == 64
    assert float.fromhex(proof["kl_max"]) <= 1e-6


@pytest.mark.slow
def test_a_product_of_many_likelihoods_stays_in_range(tmp_path: Path) -> None:
    """Seventeen deterministic modalities that contradict each other: past the range of one float64
    product.
    """
    need_module("ziglang")
    seen = [np.eye(5)[np.roll(np.arange(5), i)] for i in range(17)]
    for count in (16, 17):
        model = make(seen[:count], ring().B, [(0,)] * count, (3,))
        agent = emitted(model, "agent", tmp_path / str(count))
        probed(agent)
        assert proved(agent) == 0


@pytest.mark.slow
def test_a_changed_transition_is_caught(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    need_module("ziglang")
    agent = emitted(ring(), "agent", tmp_path)
    probed(agent)
    text = (tmp_path / "agent.c").read_text()
    changed = re.sub(r"(u8 B0_col\[\] = \{[^}]*), (\d+), (\d+)\}", r"\1, \3, \2}", text, count=1)
    assert changed != text
    (tmp_path / "agent.c").write_text(changed)
    assert proved(agent) == 1
    assert re.search(
        r"\d+ of 64 steps violate .*regret up to .*divergence", capsys.readouterr().err
    )
    assert not (tmp_path / "proof.json").exists()


@pytest.mark.slow
def test_code_that_does_not_compile_is_a_message_not_a_traceback(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    need_module("ziglang")
    agent = emitted(ring(), "agent", tmp_path)
    probed(agent)
    (tmp_path / "agent.c").write_text("int broken(\n")
    assert proved(agent) == 1
    assert "error:" in capsys.readouterr().err


def answered(probe: Probe) -> Replies:
    """The answers of a perfect candidate."""
    steps = probe.obs.shape[0] * probe.obs.shape[1]
    return Replies(
        probe.qs.reshape(steps, -1).astype(np.float32),
        np.zeros((steps, 1), np.float32),
        probe.action.reshape(steps, -1),
        np.zeros(steps, np.int32),
    )


@pytest.fixture
def sound(tmp_path: Path) -> Probe:
    agent = emitted(random_model("one_factor", seed=2), "agent", tmp_path)
    probed(agent, episodes=2, steps=4)
    return load_probe(tmp_path / "probe")


def test_a_perfect_candidate_has_no_violation(sound: Probe) -> None:
    findings = compare(answered(sound), sound, [4])
    assert findings.violations == 0 and bool(np.all(findings.same))


def test_nan_is_a_violation(sound: Probe) -> None:
    answers = answered(sound)
    answers.qs[3, 1] = np.nan
    assert compare(answers, sound, [4]).violations == 1


def test_regret_and_divergence_are_each_a_violation(sound: Probe) -> None:
    answers = answered(sound)
    wrong = (np.argmax(sound.regret.reshape(8, -1)[2])).astype(np.int32)
    action = answers.action.copy()
    action[2] = wrong
    assert sound.regret.reshape(8, -1)[2, wrong] > REGRET_LIMIT
    off = answers.qs.copy()
    off[5] = off[5][::-1]
    result = compare(dataclasses.replace(answers, action=action, qs=off), sound, [4])
    assert result.violations == 2 and result.kl[5] > KL_LIMIT


def test_a_belief_of_zero_where_the_reference_has_mass_is_a_violation(sound: Probe) -> None:
    answers = answered(sound)
    answers.qs[1, int(np.argmax(answers.qs[1]))] = 0.0
    assert compare(answers, sound, [4]).violations == 1


def test_golden_hash_is_fnv_1a() -> None:
    assert golden_hash(b"") == "cbf29ce484222325"
    assert golden_hash(b"foobar") == "85944171f73967e8"
