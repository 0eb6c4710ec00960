"""Whether a posterior is well posed: with several factors pymdp's fixed point can amplify rounding.

After an observation that nearly contradicts the prior, two explanations can weigh the same to the last bit;
the iteration breaks the tie by rounding, and pymdp in float32, pymdp in float64 and any other program settle
on different ones (divergences of tens of nats were measured). Such a step proves nothing about a program. A tie
that one nudge breaks one way, the opposite nudge breaks the other way, so nudges come in pairs.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
from agentc.numerics.counter_rng import uniform
from agentc.numerics.exact_math import F64
from agentc.oracle.agent import Beliefs, Reference, fixed_point, likelihoods, log_priors

NUDGE = 1e-5
"""Nats; about five times the rounding of a float32 logarithm near the clip (36 nats)."""
GAIN = 20.0
"""A steady posterior moves no probability by more than this times the nudge."""


def steady(agent: Reference, obs: Sequence[int], prior: Beliefs) -> bool:
    """True when small changes of every logarithm change the posterior little; always true for one factor."""
    if len(prior) == 1:
        return True
    evidence, log_prior = likelihoods(agent, obs), log_priors(agent, prior)
    settled = fixed_point(agent, evidence, log_prior)
    for nudge in (NUDGE, -NUDGE):
        moved = fixed_point(
            agent,
            [x + nudge * _signs(x.shape, m, 0) for m, x in enumerate(evidence)],
            [x + nudge * _signs(x.shape, f, 1) for f, x in enumerate(log_prior)],
        )
        if any(
            float(np.max(np.abs(a - b))) > GAIN * NUDGE for a, b in zip(settled, moved, strict=True)
        ):
            return False
    return True


@functools.cache
def _signs(shape: tuple[int, ...], *place: int) -> F64:
    return np.array(
        [1.0 if uniform(0, *place, i) < 0.5 else -1.0 for i in range(math.prod(shape))]
    ).reshape(shape)
