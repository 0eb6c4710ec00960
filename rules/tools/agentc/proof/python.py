"""Action `prove_python`: prove the step that the `python` backend runs, by the same gate as compiled code.

    prove_python.py --ir DIR --name scout --episodes 8 --steps 32 --seed 0 --out proof.json --report report.txt

The candidate is pymdp 1.0.4 in one jitted float32 step (step.py). The reference is the float64 agent of
agent.py where that covers the model, else pymdp's own `rollout` in float64. Both are fed the same observations and
executed actions; a step is a violation by the limits of fidelity.py. For stochastic agents, whose action is drawn from q_pi, the
divergence of q_pi is held to the limit, too. Numbers in the document are rounded up to powers of ten: jax's last bits
differ between processors.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from agentc.ir.types import F64, Model
from agentc.numerics.clopper_pearson import lower_bound
from agentc.plan.feature_support import refusals as native_refusals
from agentc.proof.fidelity import KL_LIMIT, REGRET_LIMIT, Findings, compare, divergence
from agentc.proof.replay import Answers
from agentc.pymdp_backend import agent as pymdp_agent, step as pymdp_step
from agentc.pymdp_backend.probe import Taken


def answers(model: Model, taken: Taken) -> Answers:
    """What the jitted step answers to the same observations and executed actions."""
    pymdp_agent.precision(False)
    fresh = pymdp_step.start(model)
    step = pymdp_step.stepper(model)
    found = []
    for seen, done in zip(taken.probe.obs, taken.executed, strict=True):
        carry = fresh
        for obs, action in zip(seen, done, strict=True):
            carry, choice = step(carry, list(obs))
            carry = pymdp_step.executed(carry, action)
            found.append([np.asarray(value) for value in choice])
    qs, q_pi, policy, action = (np.array(column) for column in zip(*found, strict=True))
    chosen = pymdp_agent.control_values(fresh.agent, model, action)
    return Answers(qs.astype(np.float32), q_pi.astype(np.float32), chosen, policy.astype(np.int32))


def judge(model: Model, taken: Taken, given: Answers) -> tuple[Findings, F64]:
    """The answers against the reference, and by step how far apart the posteriors over policies are, in nats.

    A stochastic agent draws from that posterior, so there it is judged instead of what the reference would have chosen.
    """
    found = compare(given, taken.probe, [model.num_controls[c] for c in model.control_factors])
    apart = divergence(taken.q_pi.reshape(len(given.q_pi), -1), given.q_pi)
    if model.action_selection == "stochastic":
        found = Findings(np.where(apart <= KL_LIMIT, 0.0, np.inf), found.kl, found.same)
    return found, apart


def document(model: Model, taken: Taken, judged: tuple[Findings, F64]) -> dict[str, Any]:
    """What proof.json holds."""
    found, apart = judged
    steps, episodes = len(found.kl), int(taken.probe.facts["episodes"])
    spoilt = int(np.count_nonzero(found.violating.reshape(episodes, -1).any(axis=1)))
    return {
        "schema": 1,
        "runtime": "python",
        "reference": taken.reference,
        "why": native_refusals(model),
        "steps": steps,
        "episodes": episodes,
        "kinds": taken.probe.facts["kinds"],
        "seed": taken.probe.facts["seed"],
        "violations": found.violations,
        "violating_episodes": spoilt,
        "lower_bound": lower_bound(found.violations, steps),
        "lower_bound_episodes": lower_bound(spoilt, episodes),
        "same_action": int(found.same.sum()),
        "stochastic": model.action_selection == "stochastic",
        "kl_limit": KL_LIMIT,
        "regret_limit": REGRET_LIMIT,
        "kl_below": rounded_up(float(found.kl.max())),
        "kl_policies_below": rounded_up(float(apart.max())),
        "regret_below": rounded_up(float(found.regret.max())),
    }


def rounded_up(value: float) -> str:
    """The next power of ten from 1e-9 on, as text; "nan" and "inf" stay."""
    if not value < float("inf"):
        return "nan" if value != value else "inf"
    return next(text for text in (f"1e{power}" for power in range(-9, 310)) if value <= float(text))


def text(name: str, proved: Mapping[str, Any]) -> str:
    """The proof as a page."""
    lines = [
        f"agent         {name}",
        "runtime       python (pymdp 1.0.4, one jitted step, float32)",
    ]
    lines += [
        f"{'because' if not number else '':<14}{reason}"
        for number, reason in enumerate(proved["why"])
    ]
    if not proved["why"]:
        lines.append("because       its table says so; native covers this agent, too")
    judged = (
        f"policies apart by less than {proved['kl_policies_below']} nats (limit {proved['kl_limit']:.0e})"
        if proved["stochastic"]
        else f"at most {proved['regret_below']} nats lost by an action (limit {proved['regret_limit']:.0e})"
    )
    return "\n".join(
        [
            *lines,
            f"reference     {proved['reference']}",
            f"steps         {proved['steps']} in {proved['episodes']} episodes, the same action in {proved['same_action']}, "
            f"{proved['violations']} beyond a limit",
            f"least right   {proved['lower_bound']} of all steps, {proved['lower_bound_episodes']} of all episodes, at 95 %",
            f"decisions     {judged}",
            f"beliefs       apart by less than {proved['kl_below']} nats (limit {proved['kl_limit']:.0e})",
            "image         none yet: images with Python are not made by this version",
            "",
        ]
    )
