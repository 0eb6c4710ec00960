"""Bets against an agent's predictions, and the number of nominal steps to a false alarm.

Under the model, outcome o of a modality has the probability p(o) given all that was seen before. A
payoff q(o) / p(o) has the mean 1 for every alternative q that is fixed before o. Here q is uniform,
or repeats the last outcome. native/monitor.h multiplies 1 - stake + stake x payoff; see there.

A payoff that is cut at CAP has the mean 1 or less under the model. If a share `tolerance` of the
observations is arbitrary, its mean is at most 1 + tolerance (CAP - 1). Division by that makes the
bet fair again, for any such share (a contamination model in the sense of Huber).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STAKES = (0.5, 0.0625, 0.25)
"""Share of the evidence that a bet risks: two against the uniform outcome, one against a repeated
one.
"""
SLOTS = 8
"""Streams of an agent; modalities beyond share them."""
CAP = 64.0
ROUNDING = 2.0**-18
"""Relative margin for the rounding of float32 over 65 536 steps."""
FALSE_ALARM_EVERY = 1e6
TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Limits:
    """Steps of the program between false alarms, on average, and the share of arbitrary
    observations.
    """

    false_alarm_every: float = FALSE_ALARM_EVERY
    tolerance: float = TOLERANCE


def fair(limits: Limits) -> float:
    """Return the factor that makes a payoff, cut at CAP, fair under the tolerance."""
    return (1.0 - ROUNDING) / (1.0 + limits.tolerance * (CAP - 1.0))


def streams(modalities: int) -> int:
    """Return the number of streams of an agent."""
    return min(modalities, SLOTS)


def threshold(limits: Limits, modalities: int, instances: int) -> float:
    """Return the evidence of an alarm, one of all bets of all instances a step.

    A sum of e-detectors has at most their number times the step as its mean. So the first time at
    which one of n reaches n x A is A steps or more, on average.
    """
    exact = limits.false_alarm_every * instances * streams(modalities) * len(STAKES)
    single = np.float32(exact)
    return float(single if float(single) >= exact else np.nextafter(single, np.float32(np.inf)))
