"""How the reference agent chooses what to do from its judgement of the policies.

Deterministic selection takes the best under the canonical tie rule. Stochastic selection (pymdp 1.0.4,
control.sample_policy and sample_action) draws with probabilities proportional to max(p, 2^-52)^alpha, where p is the
posterior of a policy, or the marginal of one control's action; the draw is the inverse of the cumulative sum at a
uniform number, so that two programs that hold the same number choose alike. pymdp draws all controls with one key
(equal noise for controls of equal size); here each control has a number of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from agentc.ir.types import F64, Model
from agentc.numerics.counter_rng import draw, uniform
from agentc.numerics.exact_math import log, log_clipped, softmax, total
from agentc.oracle.agent import Reference, Verdict
from numpy.typing import NDArray

TIE = 1e-4
"""Logits within this many nats of the best are tied; the lowest index wins (the canonical tie rule)."""


def numbers(model: Model, seed: int, drawn: int) -> list[float]:
    """The uniform numbers of the step after `drawn` others: one per group of controls, or one with sampling_mode "full"."""
    count = len(model.groups) if model.sampling_mode == "marginal" else 1
    return [uniform(seed, drawn, c) for c in range(count)]


def select(
    agent: Reference, verdict: Verdict, drawn: Sequence[float] = ()
) -> tuple[tuple[int, ...], int]:
    """Action per control factor and index of the policy it comes from.

    `drawn` are the `numbers` of this step, used by stochastic selection alone. With sampling_mode "marginal" the controls
    of each factor are chosen by themselves, and the policy is the best one that begins so, or the best of all when none does.
    """
    model = agent.model
    stochastic = model.action_selection == "stochastic"
    if model.sampling_mode == "full":
        index = (
            draw(odds(model, verdict.q_pi), drawn[0]) if stochastic else lowest_best(verdict.logits)
        )
        return tuple(int(a) for a in model.policies[index, 0]), index
    marginals = action_marginals(agent, verdict)
    chosen = (
        [draw(odds(model, p), u) for p, u in zip(marginals, drawn, strict=True)]
        if stochastic
        else [lowest_best(log(p)) for p in marginals]
    )
    action = every_column(model, chosen)
    fitting = np.all(model.policies[:, 0] == np.array(action, dtype=np.int32), axis=1)
    logits = np.where(fitting, verdict.logits, -np.inf) if np.any(fitting) else verdict.logits
    return action, lowest_best(logits)


def odds(model: Model, p: F64) -> F64:
    """Probabilities of a stochastic choice among alternatives of posterior p."""
    return softmax(model.alpha * log_clipped(p))


def lowest_best(logits: F64) -> int:
    """Lowest index whose logit is within TIE of the maximum."""
    return int(np.flatnonzero(logits >= logits.max() - TIE)[0])


def action_marginals(agent: Reference, verdict: Verdict) -> list[F64]:
    """Per group of controls: the probability of each of its first actions, summed over the policies."""
    model = agent.model
    firsts = [model.flat(model.policies[:, 0], group) for group in model.groups]
    return [
        np.array(
            [
                float(total(np.where(first == u, verdict.q_pi, 0.0)))
                for u in range(model.choices(group))
            ]
        )
        for first, group in zip(firsts, model.groups, strict=True)
    ]


def every_column(model: Model, chosen: Sequence[int]) -> tuple[int, ...]:
    """The action of each control, from the number of what each group does."""
    action = [0] * len(model.control_factors)
    for number, group in zip(chosen, model.groups, strict=True):
        for column in reversed(group):
            number, action[column] = divmod(
                number, model.num_controls[model.control_factors[column]]
            )
    return tuple(action)


def first_actions(model: Model) -> NDArray[np.int32]:
    """All joint first actions, (K, control factors), row-major: the last control varies first."""
    choices = [model.num_controls[c] for c in model.control_factors]
    found = list(np.ndindex(*choices))
    return np.array(found, dtype=np.int32).reshape(len(found), len(choices))


def regret(agent: Reference, verdict: Verdict, drawn: Sequence[float] = ()) -> F64:
    """Per joint first action, what choosing it loses; inf when no policy begins with it.

    Deterministic: nats against the best, summed over the controls with sampling_mode "marginal". Stochastic: how far
    (in probability) each number drawn is from those that would have chosen the action.
    """
    model = agent.model
    choices, stochastic = first_actions(model), model.action_selection == "stochastic"
    if model.sampling_mode == "marginal":
        lost = np.zeros(len(choices))
        for number, (p, group) in enumerate(
            zip(action_marginals(agent, verdict), model.groups, strict=True)
        ):
            one = _missed(odds(model, p), drawn[number]) if stochastic else log(p).max() - log(p)
            lost = lost + one[model.flat(choices, group)]
        return lost
    each = (
        _missed(odds(model, verdict.q_pi), drawn[0])
        if stochastic
        else verdict.logits.max() - verdict.logits
    )
    first = model.policies[:, 0]
    return np.array(
        [np.min(each, where=np.all(first == choice, axis=1), initial=np.inf) for choice in choices]
    )


def policy_regret(agent: Reference, verdict: Verdict, drawn: Sequence[float] = ()) -> F64:
    """Per policy, what choosing it loses where plans are kept: nats against the best, or as `regret` has it of draws."""
    model = agent.model
    if model.action_selection == "stochastic":
        return _missed(odds(model, verdict.q_pi), drawn[0])
    return np.asarray(verdict.logits.max() - verdict.logits)


def _missed(p: F64, u: float) -> F64:
    """Distance of u from the share of the cumulative sum that belongs to each alternative."""
    ends = np.cumsum(p)
    return np.maximum(np.maximum(ends - p - u, u - ends), 0.0)
