"""The fidelity gate: what a candidate answered against what the reference did, step by step. One for every backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from agentc.ir.files import F64, I32
from agentc.numerics import exact_math as fmath
from agentc.numerics.clopper_pearson import lower_bound
from agentc.proof.replay import Answers, Probe

REGRET_LIMIT = 1e-3
KL_LIMIT = 1e-5


@dataclass(frozen=True, slots=True)
class Limits:
    """Nats by which beliefs may diverge at a step, and that its action may lose."""

    kl: float = KL_LIMIT
    regret: float = REGRET_LIMIT


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """By step: nats lost by the action, divergence of beliefs, whether the action is the reference's."""

    regret: F64
    kl: F64
    same: np.ndarray[Any, np.dtype[np.bool_]]
    limits: Limits = Limits()

    @property
    def violating(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Whether a step is beyond a limit; NaN is beyond."""
        return np.asarray(~((self.regret <= self.limits.regret) & (self.kl <= self.limits.kl)))

    @property
    def violations(self) -> int:
        """How many steps are beyond a limit."""
        return int(np.count_nonzero(self.violating))


def compare(answers: Answers, probe: Probe, num_controls: Sequence[int]) -> Findings:
    """Hold the answers against the probe, step by step."""
    steps = len(answers.action)
    regret = (
        _lost(answers, probe, num_controls)
        if probe.plans is None
        else _lost_by_plans(answers, probe, probe.plans)
    )
    kl = divergence(probe.qs.reshape(steps, -1), answers.qs)
    if probe.q_pi is not None:
        kl = np.maximum(kl, divergence(probe.q_pi.reshape(steps, -1), answers.q_pi))
    same = np.all(answers.action == probe.action.reshape(steps, -1), axis=1)
    return Findings(regret, kl, same)


def _lost(answers: Answers, probe: Probe, num_controls: Sequence[int]) -> F64:
    """By step, the regret of the joint action."""
    steps = len(answers.action)
    chosen = np.zeros(steps, np.int64)
    for c, count in enumerate(num_controls):
        chosen = chosen * count + answers.action[:, c]
    return np.asarray(probe.regret.reshape(steps, -1)[np.arange(steps), chosen])


def _lost_by_plans(answers: Answers, probe: Probe, plans: I32) -> F64:
    """By step, the regret of the policy that is executed; inf where another one or none of its actions is executed."""
    length = int(probe.facts["steps"])
    step = np.arange(len(answers.action))
    ahead = step % length % plans.shape[1]
    chosen = answers.policy[step - ahead]
    kept = (answers.policy == chosen) & (chosen >= 0) & (chosen < len(plans))
    chosen = np.where(kept, chosen, 0)
    kept &= np.all(answers.action == plans[chosen, ahead], axis=1)
    return np.where(kept, probe.regret.reshape(len(step), -1)[step, chosen], np.inf)


def divergence(wanted: F64, answered: np.ndarray[Any, np.dtype[np.float32]]) -> F64:
    """Kullback-Leibler divergence in nats by step, summed over what stands side by side; NaN where there is one."""
    found = answered.astype(np.float64)
    surely = np.maximum(found, 2.0**-1000)
    terms = wanted * (fmath.log(np.maximum(wanted, 2.0**-1000)) - fmath.log(surely))
    return fmath.total(np.where(np.isnan(found), np.nan, terms), axis=1)


def document(
    found: Findings, facts: Mapping[str, Any], identity: Mapping[str, Any]
) -> dict[str, Any]:
    """What proof.json holds; lower bounds are one-sided, of 95 % confidence.

    `facts` are the probe's, `identity` the hashes of what the program answered.
    """
    steps, episodes = len(found.kl), int(facts["episodes"])
    spoilt = int(np.count_nonzero(found.violating.reshape(episodes, -1).any(axis=1)))
    return {
        "schema": 1,
        **identity,
        "steps": steps,
        "episodes": episodes,
        "kinds": facts["kinds"],
        "seed": facts["seed"],
        "violations": found.violations,
        "violating_episodes": spoilt,
        "lower_bound": lower_bound(found.violations, steps),
        "lower_bound_episodes": lower_bound(spoilt, episodes),
        "transitions": facts["transitions"],
        "transitions_used": facts["transitions_used"],
        "same_action": int(found.same.sum()),
        "kl_max": float(found.kl.max()).hex(),
        "regret_max": float(found.regret.max()).hex(),
        "kl_limit": found.limits.kl.hex(),
        "regret_limit": found.limits.regret.hex(),
    }
