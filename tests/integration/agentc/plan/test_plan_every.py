"""Plans that are kept: policies are judged at every k-th step, and the chosen one's next actions
are executed meanwhile.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from agentc.ir import files as ir
from agentc.ir.validate import validate
from agentc.oracle import agent as reference
from agentc.plan import backend as choose_runtime, build as plan
from agentc.plan.cost_model import as_planned
from agentc.proof import probe
from agentc.proof.fidelity import compare
from agentc.proof.replay import Replies, load_probe

from tests.integration.agentc.native.test_state import HEADER, fnv
from tests.support.native_agents import (
    Compiled,
    emitted,
    linked,
    main_text,
    planning,
    probed,
    proved,
    random_model,
    ring,
    talk,
)
from tests.support.native_runs import seen
from tests.support.requirements import need_module
from tests.support.small_models import one_factor

MODELS = {
    "one factor": random_model("one_factor", plan_every=2),
    "stochastic": random_model(
        "still_factor", seed=4, policy_len=3, plan_every=3, action_selection="stochastic"
    ),
    "two factors, goals": planning(random_model("two_moving", seed=2, plan_every=2)),
    "ring": ring(noise=0.2, plan_every=3),
}


def test_a_model_that_plans_at_every_step_does_not_say_so(tmp_path: Path) -> None:
    ir.save(one_factor(), tmp_path / "a")
    ir.save(one_factor(plan_every=2), tmp_path / "b")
    assert (
        b"plan_every" not in (tmp_path / "a/model.json").read_bytes()
        and ir.load(tmp_path / "a").plan_every == 1
    )
    assert (
        b'"plan_every":2' in (tmp_path / "b/model.json").read_bytes()
        and ir.load(tmp_path / "b").plan_every == 2
    )
    assert (
        "plan_every" not in plan.interface(one_factor())
        and plan.interface(one_factor(plan_every=2))["plan_every"] == 2
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"plan_every": 0}, "from 1 to policy_len = 2"),
        ({"plan_every": 3}, "from 1 to policy_len = 2"),
        (
            {"plan_every": 2, "sampling_mode": "marginal"},
            "'marginal' chooses actions, not a policy",
        ),
    ],
)
def test_a_plan_that_cannot_be_kept_is_refused(changes: dict[str, Any], message: str) -> None:
    (error,) = validate(replace(one_factor(), **changes))
    assert message in error and "plan_every" in error


def test_the_reference_executes_one_policy_from_planning_to_planning() -> None:
    model = replace(MODELS["ring"], policy_len=3)
    agent = reference.prepare(model)
    run = probe.run_episode(agent, 3, 1, 11)
    assert any(step.executed != step.action for step in run)
    for s, step in enumerate(run):
        planned = run[s - s % 3]
        assert step.q_pi is planned.q_pi and step.efe == planned.efe
        policy = probe.decide(agent, planned.qs, 0).policy
        assert step.action == tuple(model.policies[policy, s % 3])


def test_a_plan_costs_its_part_of_a_step() -> None:
    model = random_model("two_moving", plan_every=2)
    whole, kept = (
        choose_runtime.advise(m)["multiplications"] for m in (replace(model, plan_every=1), model)
    )
    assert kept["native"] == whole["native"] // 2 == as_planned(plan.build(model)) // 2
    assert kept["python"] - choose_runtime.CALL == (whole["python"] - choose_runtime.CALL) // 2


@pytest.mark.slow
@pytest.mark.parametrize("name", MODELS)
def test_compiled_code_keeps_the_plan_of_the_reference(name: str, tmp_path: Path) -> None:
    need_module("ziglang")
    agent = emitted(MODELS[name], "scout", tmp_path)
    probed(agent, episodes=4, steps=11)
    assert proved(agent) == 0
    impatient = emitted(replace(MODELS[name], plan_every=1), "scout", tmp_path / "other")
    (tmp_path / "agent.c").write_bytes((impatient.folder / "agent.c").read_bytes())
    assert proved(agent) == 1


def test_another_policy_or_action_on_the_way_is_a_violation(tmp_path: Path) -> None:
    model = MODELS["ring"]
    ir.save(model, tmp_path / "ir")
    probe.write_probe(model, tmp_path / "probe", 2, 6, 0)
    stored = load_probe(tmp_path / "probe")
    steps = stored.regret.reshape(12, -1)
    policy = np.repeat(steps[::3].argmin(axis=1), 3).astype(np.int32)
    action = model.policies[policy, np.arange(12) % 6 % 3]
    right = Replies(
        stored.qs.reshape(12, -1).astype(np.float32), np.zeros((12, 1), np.float32), action, policy
    )
    assert compare(right, stored, [3]).violations == 0
    for place in (4, 5):
        other, turned = action.copy(), policy.copy()
        other[place] = (other[place] + 1) % 3
        turned[place] += 1
        assert compare(replace(right, action=other), stored, [3]).violations == 1
        assert compare(replace(right, policy=turned), stored, [3]).violations == 1


@pytest.fixture(scope="module")
def scout(tmp_path_factory: pytest.TempPathFactory) -> Compiled:
    """An agent on a ring that plans at every third step."""
    need_module("ziglang")
    return emitted(ring(noise=0.3, plan_every=3), "scout", tmp_path_factory.mktemp("kept"))


@pytest.mark.slow
def test_a_plan_outlives_the_program_and_is_each_replicas_own(
    scout: Compiled, tmp_path: Path
) -> None:
    alone = linked([scout], main_text([scout], tmp_path / "alone"))
    walk = talk(alone, [seen(k) for k in range(20)])
    answered, words = [], ("--state", str(tmp_path / "state"))
    for first, last in ((0, 1), (1, 5), (5, 6), (6, 20)):
        answered += talk(alone, [seen(k) for k in range(first, last)], *words)
    assert answered == walk
    assert (
        len({row["scout"]["efe"] for row in walk[3:6]}) == 1
        and walk[3]["scout"]["efe"] != walk[6]["scout"]["efe"]
    )
    twins = linked([scout], main_text([scout], tmp_path / "twins", (), "--replicas", "scout=2"))
    lines = [seen(0).replace("scout", "scout.0")[:-1] + ',"scout.1":[0]}', '{"reset":["scout.1"]}']
    lines += [
        seen(k).replace("scout", "scout.0")[:-1] + f',"scout.1":[{(k - 1) ** 2 % 5}]}}'
        for k in range(1, 12)
    ]
    both = [row for row in talk(twins, lines) if "scout.0" in row]
    assert [row["scout.0"] for row in both] == [row["scout"] for row in walk[:12]]
    assert [row["scout.1"] for row in both[1:]] == [row["scout"] for row in walk[:11]]


@pytest.mark.slow
@pytest.mark.parametrize(("ahead", "policy"), [(2**32 - 1, 0), (3, 0), (1, 27), (2, 2**31)])
def test_a_forged_plan_is_made_anew(
    ahead: int, policy: int, scout: Compiled, tmp_path: Path
) -> None:
    program, state = linked([scout], main_text([scout], tmp_path / "main")), tmp_path / "state"
    talk(program, [seen(0)], "--state", str(state))
    data, place = bytearray(state.read_bytes()), HEADER + 8 * (2 * 5 + 1)
    assert int.from_bytes(data[place : place + 4], "little") == 1
    data[place : place + 8] = ahead.to_bytes(4, "little") + policy.to_bytes(4, "little")
    state.write_bytes(bytes(data[:-8]) + fnv(bytes(data[:-8])))
    forged = talk(program, [seen(k) for k in range(1, 4)], "--state", str(state))
    assert len({row["scout"]["efe"] for row in forged}) == 1
