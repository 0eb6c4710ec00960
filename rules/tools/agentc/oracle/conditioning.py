"""Conditioning of a posterior: with several factors pymdp's fixed point can amplify rounding.

If an observation nearly contradicts the prior, two explanations can have equal weight. Then
rounding decides, and pymdp in float32, pymdp in float64 and other programs converge to different
posteriors (differences of tens of nats were measured). Such a step proves nothing about a program.
A tie that one perturbation breaks one way breaks the other way under the opposite one, so they come
in pairs.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
from agentc.numerics.counter_rng import uniform
from agentc.numerics.exact_math import F64
from agentc.oracle.agent import (
    Beliefs,
    ReferenceAgent,
    fixed_points,
    infer_states,
    likelihoods,
    log_priors,
)

PERTURBATION = 1e-5
"""Perturbation in nats: about five times the rounding of a float32 logarithm near 36 nats."""
GAIN = 20.0
"""A well-conditioned posterior changes no probability by more than this times the perturbation."""


def is_well_conditioned(agent: ReferenceAgent, obs: Sequence[int], prior: Beliefs) -> bool:
    """Return whether small changes of every logarithm change the posterior little.

    With one factor it is always true.
    """
    return well_conditioned_posterior(agent, obs, prior) is not None


def well_conditioned_posterior(
    agent: ReferenceAgent, obs: Sequence[int], prior: Beliefs
) -> Beliefs | None:
    """Return the posterior, or None if small changes of every logarithm change it much."""
    if len(prior) == 1:
        return infer_states(agent, obs, prior)
    evidence, log_prior = likelihoods(agent, obs), log_priors(agent, prior)
    nudges = (0.0, PERTURBATION, -PERTURBATION)
    settled, *moved = fixed_points(
        agent,
        [[x + nudge * _signs(x.shape, m, 0) for m, x in enumerate(evidence)] for nudge in nudges],
        [[x + nudge * _signs(x.shape, f, 1) for f, x in enumerate(log_prior)] for nudge in nudges],
    )
    changes = [
        float(np.max(np.abs(a - b))) for other in moved for a, b in zip(settled, other, strict=True)
    ]
    return None if any(change > GAIN * PERTURBATION for change in changes) else settled


@functools.cache
def _signs(shape: tuple[int, ...], *place: int) -> F64:
    return np.array(
        [1.0 if uniform(0, *place, i) < 0.5 else -1.0 for i in range(math.prod(shape))]
    ).reshape(shape)
