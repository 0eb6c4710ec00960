"""Fidelity gate of all backends: compare a candidate's replies with the reference, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from agentc.ir.files import F64, I32
from agentc.numerics import exact_math as fmath
from agentc.numerics.clopper_pearson import lower_bound
from agentc.proof.replay import Probe, Replies

REGRET_LIMIT = 1e-3
KL_LIMIT = 1e-5


@dataclass(frozen=True, slots=True)
class FidelityLimits:
    """Limits in nats: belief divergence of a step, and regret of its action."""

    kl: float = KL_LIMIT
    regret: float = REGRET_LIMIT


@dataclass(frozen=True, slots=True, eq=False)
class FidelityResult:
    """Results by step: regret of the action, belief divergence, equality with the reference's
    action.
    """

    regret: F64
    kl: F64
    same: np.ndarray[Any, np.dtype[np.bool_]]
    limits: FidelityLimits = FidelityLimits()

    @property
    def violating(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Return whether each step exceeds a limit; NaN does."""
        return np.asarray(~((self.regret <= self.limits.regret) & (self.kl <= self.limits.kl)))

    @property
    def violations(self) -> int:
        """Return the number of steps beyond a limit."""
        return int(np.count_nonzero(self.violating))


def compare(answers: Replies, probe: Probe, num_controls: Sequence[int]) -> FidelityResult:
    """Compare the replies with the probe, step by step."""
    steps = len(answers.action)
    regret = (
        _regret_of_action(answers, probe, num_controls)
        if probe.plans is None
        else _regret_of_policy(answers, probe, probe.plans)
    )
    kl = divergence(probe.qs.reshape(steps, -1), answers.qs)
    if probe.q_pi is not None:
        kl = np.maximum(kl, divergence(probe.q_pi.reshape(steps, -1), answers.q_pi))
    same = np.all(answers.action == probe.action.reshape(steps, -1), axis=1)
    return FidelityResult(regret, kl, same)


def _regret_of_action(answers: Replies, probe: Probe, num_controls: Sequence[int]) -> F64:
    """Return the regret of the joint action by step."""
    steps = len(answers.action)
    chosen = np.zeros(steps, np.int64)
    for c, count in enumerate(num_controls):
        chosen = chosen * count + answers.action[:, c]
    return np.asarray(probe.regret.reshape(steps, -1)[np.arange(steps), chosen])


def _regret_of_policy(answers: Replies, probe: Probe, plans: I32) -> F64:
    """Return the regret of the executed policy by step; inf if the action is not that policy's."""
    length = int(probe.facts["steps"])
    step = np.arange(len(answers.action))
    ahead = step % length % plans.shape[1]
    chosen = answers.policy[step - ahead]
    kept = (answers.policy == chosen) & (chosen >= 0) & (chosen < len(plans))
    chosen = np.where(kept, chosen, 0)
    kept &= np.all(answers.action == plans[chosen, ahead], axis=1)
    return np.where(kept, probe.regret.reshape(len(step), -1)[step, chosen], np.inf)


def divergence(wanted: F64, answered: np.ndarray[Any, np.dtype[np.float32]]) -> F64:
    """Return the Kullback-Leibler divergence in nats by step, summed over factors; NaN
    propagates.
    """
    q = answered.astype(np.float64)
    surely = np.maximum(q, 2.0**-1000)
    terms = wanted * (fmath.log(np.maximum(wanted, 2.0**-1000)) - fmath.log(surely))
    return fmath.total(np.where(np.isnan(q), np.nan, terms), axis=1)


def document(
    result: FidelityResult, facts: Mapping[str, Any], identity: Mapping[str, Any]
) -> dict[str, Any]:
    """Return proof.json; its lower bounds are one-sided with 95 % confidence.

    `facts` are the probe's, `identity` has the hashes of the program's output.
    """
    steps, episodes = len(result.kl), int(facts["episodes"])
    spoilt = int(np.count_nonzero(result.violating.reshape(episodes, -1).any(axis=1)))
    return {
        "schema": 1,
        **identity,
        "steps": steps,
        "episodes": episodes,
        "kinds": facts["kinds"],
        "seed": facts["seed"],
        "violations": result.violations,
        "violating_episodes": spoilt,
        "lower_bound": lower_bound(result.violations, steps),
        "lower_bound_episodes": lower_bound(spoilt, episodes),
        "transitions": facts["transitions"],
        "transitions_used": facts["transitions_used"],
        "same_action": int(result.same.sum()),
        "kl_max": float(result.kl.max()).hex(),
        "regret_max": float(result.regret.max()).hex(),
        "kl_limit": result.limits.kl.hex(),
        "regret_limit": result.limits.regret.hex(),
    }
