"""Proof of the python backend's step by the gate of compiled code.

The candidate is pymdp 1.0.4 in one jitted float32 step. The reference is the float64 agent of
oracle/agent.py if it supports the model, else pymdp's own `rollout` in float64. Both get the same
observations and executed actions; limits are those of fidelity.py. For stochastic agents the
divergence of q_pi has the same limit. Numbers are rounded up to powers of ten, because the last
bits of jax differ between processors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from agentc.ir.types import F64, Model
from agentc.numerics.clopper_pearson import lower_bound
from agentc.plan.feature_support import refusals as native_refusals
from agentc.proof.fidelity import KL_LIMIT, REGRET_LIMIT, FidelityResult, compare, divergence
from agentc.proof.replay import Replies
from agentc.pymdp_backend import agent as pymdp_agent, step as pymdp_step
from agentc.pymdp_backend.probe import ReferenceRun


def answers(model: Model, taken: ReferenceRun) -> Replies:
    """Return the replies of the jitted step to the probe."""
    pymdp_agent.set_precision(False)
    fresh = pymdp_step.start(model)
    step = pymdp_step.stepper(model)
    choices = []
    for seen, done in zip(taken.probe.obs, taken.executed, strict=True):
        carry = fresh
        for obs, action in zip(seen, done, strict=True):
            carry, choice = step(carry, list(obs))
            carry = pymdp_step.executed(carry, action)
            choices.append([np.asarray(value) for value in choice])
    qs, q_pi, policy, action = (np.array(column) for column in zip(*choices, strict=True))
    chosen = pymdp_agent.control_values(fresh.agent, model, action)
    return Replies(qs.astype(np.float32), q_pi.astype(np.float32), chosen, policy.astype(np.int32))


def judge(model: Model, taken: ReferenceRun, replies: Replies) -> tuple[FidelityResult, F64]:
    """Compare the replies with the reference; return findings and the divergence of q_pi by
    step.

    A stochastic agent samples from q_pi, so there its divergence is judged instead of the regret.
    """
    result = compare(replies, taken.probe, [model.num_controls[c] for c in model.control_factors])
    apart = divergence(taken.q_pi.reshape(len(replies.q_pi), -1), replies.q_pi)
    if model.action_selection == "stochastic":
        result = FidelityResult(np.where(apart <= KL_LIMIT, 0.0, np.inf), result.kl, result.same)
    return result, apart


def document(
    model: Model, taken: ReferenceRun, result: FidelityResult, apart: F64
) -> dict[str, Any]:
    """Return proof.json."""
    steps, episodes = len(result.kl), int(taken.probe.facts["episodes"])
    spoilt = int(np.count_nonzero(result.violating.reshape(episodes, -1).any(axis=1)))
    return {
        "schema": 1,
        "runtime": "python",
        "reference": taken.reference,
        "why": native_refusals(model),
        "steps": steps,
        "episodes": episodes,
        "kinds": taken.probe.facts["kinds"],
        "seed": taken.probe.facts["seed"],
        "violations": result.violations,
        "violating_episodes": spoilt,
        "lower_bound": lower_bound(result.violations, steps),
        "lower_bound_episodes": lower_bound(spoilt, episodes),
        "same_action": int(result.same.sum()),
        "stochastic": model.action_selection == "stochastic",
        "kl_limit": KL_LIMIT,
        "regret_limit": REGRET_LIMIT,
        "kl_below": rounded_up(float(result.kl.max())),
        "kl_policies_below": rounded_up(float(apart.max())),
        "regret_below": rounded_up(float(result.regret.max())),
    }


def rounded_up(value: float) -> str:
    """Return the next power of ten from 1e-9 on as text; "nan" and "inf" are kept."""
    if not value < float("inf"):
        return "nan" if value != value else "inf"
    return next(text for text in (f"1e{power}" for power in range(-9, 310)) if value <= float(text))


def text(name: str, proved: Mapping[str, Any]) -> str:
    """Format the proof as a page."""
    lines = [
        f"agent         {name}",
        "runtime       python (pymdp 1.0.4, one jitted step, float32)",
    ]
    lines += [
        f"{'because' if not number else '':<14}{reason}"
        for number, reason in enumerate(proved["why"])
    ]
    if not proved["why"]:
        lines.append("because       its table selects it; native supports this agent, too")
    judged = (
        f"policies apart by less than {proved['kl_policies_below']} nats (limit "
        f"{proved['kl_limit']:.0e})"
        if proved["stochastic"]
        else (
            f"at most {proved['regret_below']} nats lost by an action (limit "
            f"{proved['regret_limit']:.0e})"
        )
    )
    return "\n".join(
        [
            *lines,
            f"reference     {proved['reference']}",
            f"steps         {proved['steps']} in {proved['episodes']} episodes, the same action "
            f"in {proved['same_action']}, "
            f"{proved['violations']} beyond a limit",
            f"least right   {proved['lower_bound']} of all steps, "
            f"{proved['lower_bound_episodes']} of all episodes, at 95 %",
            f"decisions     {judged}",
            f"beliefs       apart by less than {proved['kl_below']} nats (limit "
            f"{proved['kl_limit']:.0e})",
            "image         none yet: images support the native backend only",
            "",
        ]
    )
