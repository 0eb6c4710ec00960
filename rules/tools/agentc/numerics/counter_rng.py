"""Counter-based random numbers: a function of a seed and indices, without state, equal
everywhere.
"""

from __future__ import annotations

from agentc.numerics.exact_math import F64

MASK = (1 << 64) - 1


def splitmix64(counter: int) -> int:
    """Return the output function of SplitMix64 (Steele, Lea, Flood 2014) for a 64-bit counter."""
    z = (counter * 0x9E3779B97F4A7C15) & MASK
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
    return z ^ (z >> 31)


def uniform(seed: int, *place: int) -> float:
    """Return a number in [0, 1) that depends on the seed and the indices only."""
    value = splitmix64(seed + 1)
    for part in place:
        value = splitmix64((value ^ (part + 1)) & MASK)
    return (value >> 11) * 2.0**-53


def draw(probabilities: F64, u: float) -> int:
    """Return the index whose share of the cumulative sum contains u; never one of probability
    zero.
    """
    reached, last = 0.0, 0
    for i, p in enumerate(probabilities.tolist()):
        if p > 0.0:
            reached, last = reached + p, i
            if u < reached:
                return i
    return last
