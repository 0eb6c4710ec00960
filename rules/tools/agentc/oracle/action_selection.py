"""Action selection of the reference agent from its evaluated policies.

Deterministic selection takes the best policy; the lowest index wins ties. Stochastic selection
(pymdp 1.0.4, control.sample_policy and sample_action) samples with probabilities proportional to
max(p, 2^-52)^alpha, where p is the posterior of a policy or the marginal of a control's action. A
sample is the inverse of the cumulative sum at a uniform number, so programs with equal numbers
choose alike. pymdp uses one key for all controls (equal noise for controls of equal size); here
each control has a number of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from agentc.ir.types import F64, Model
from agentc.numerics.counter_rng import draw, uniform
from agentc.numerics.exact_math import log, log_clipped, softmax, total
from agentc.oracle.agent import PolicyEvaluation, ReferenceAgent
from numpy.typing import NDArray

TIE = 1e-4
"""Logits within this many nats of the best are tied; the lowest index wins."""


def selection_numbers(model: Model, seed: int, drawn: int) -> list[float]:
    """Return the uniform numbers of a step: one a group of controls, or one for "full" sampling.

    `drawn` is the number of steps that sampled before.
    """
    count = len(model.groups) if model.sampling_mode == "marginal" else 1
    return [uniform(seed, drawn, c) for c in range(count)]


def select(
    agent: ReferenceAgent, verdict: PolicyEvaluation, drawn: Sequence[float] = ()
) -> tuple[tuple[int, ...], int]:
    """Return the action of each control factor and the index of its policy.

    `drawn` are the `numbers` of this step for stochastic selection. Marginal sampling selects the
    controls of each factor separately; the policy is the best that begins so, or the best of all.
    """
    model = agent.model
    stochastic = model.action_selection == "stochastic"
    if model.sampling_mode == "full":
        index = (
            draw(choice_probabilities(model, verdict.q_pi), drawn[0])
            if stochastic
            else argmax_with_ties(verdict.logits)
        )
        return tuple(int(a) for a in model.policies[index, 0]), index
    marginals = action_marginals(agent, verdict)
    chosen = (
        [draw(choice_probabilities(model, p), u) for p, u in zip(marginals, drawn, strict=True)]
        if stochastic
        else [argmax_with_ties(log(p)) for p in marginals]
    )
    action = control_actions(model, chosen)
    fitting = np.all(model.policies[:, 0] == np.array(action, dtype=np.int32), axis=1)
    logits = np.where(fitting, verdict.logits, -np.inf) if np.any(fitting) else verdict.logits
    return action, argmax_with_ties(logits)


def choice_probabilities(model: Model, p: F64) -> F64:
    """Return the probabilities of a stochastic choice from posterior p."""
    return softmax(model.alpha * log_clipped(p))


def argmax_with_ties(logits: F64) -> int:
    """Return the lowest index whose logit is within TIE of the maximum."""
    return int(np.flatnonzero(logits >= logits.max() - TIE)[0])


def action_marginals(agent: ReferenceAgent, verdict: PolicyEvaluation) -> list[F64]:
    """Return the marginal of each group's first actions, summed over the policies."""
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


def control_actions(model: Model, chosen: Sequence[int]) -> tuple[int, ...]:
    """Return the action of each control from the joint action of each group."""
    action = [0] * len(model.control_factors)
    for number, group in zip(chosen, model.groups, strict=True):
        for column in reversed(group):
            number, action[column] = divmod(
                number, model.num_controls[model.control_factors[column]]
            )
    return tuple(action)


def first_actions(model: Model) -> NDArray[np.int32]:
    """Return all joint first actions (K, control factors), the last control varying first."""
    choices = [model.num_controls[c] for c in model.control_factors]
    actions = list(np.ndindex(*choices))
    return np.array(actions, dtype=np.int32).reshape(len(actions), len(choices))


def regret(agent: ReferenceAgent, verdict: PolicyEvaluation, drawn: Sequence[float] = ()) -> F64:
    """Return the regret of each joint first action; inf if no policy begins with it.

    Deterministic: nats below the best, summed over controls for marginal sampling. Stochastic:
    distance (in probability) of each number from those that would have chosen the action.
    """
    model = agent.model
    choices, stochastic = first_actions(model), model.action_selection == "stochastic"
    if model.sampling_mode == "marginal":
        lost = np.zeros(len(choices))
        for number, (p, group) in enumerate(
            zip(action_marginals(agent, verdict), model.groups, strict=True)
        ):
            one = (
                _distance_to_share(choice_probabilities(model, p), drawn[number])
                if stochastic
                else log(p).max() - log(p)
            )
            lost = lost + one[model.flat(choices, group)]
        return lost
    each = (
        _distance_to_share(choice_probabilities(model, verdict.q_pi), drawn[0])
        if stochastic
        else verdict.logits.max() - verdict.logits
    )
    first = model.policies[:, 0]
    return np.array(
        [np.min(each, where=np.all(first == choice, axis=1), initial=np.inf) for choice in choices]
    )


def policy_regret(
    agent: ReferenceAgent, verdict: PolicyEvaluation, drawn: Sequence[float] = ()
) -> F64:
    """Return the regret of each policy if plans are kept, in the units of `regret`."""
    model = agent.model
    if model.action_selection == "stochastic":
        return _distance_to_share(choice_probabilities(model, verdict.q_pi), drawn[0])
    return np.asarray(verdict.logits.max() - verdict.logits)


def _distance_to_share(p: F64, u: float) -> F64:
    """Return the distance of u from each alternative's share of the cumulative sum."""
    ends = np.cumsum(p)
    return np.maximum(np.maximum(ends - p - u, u - ends), 0.0)
