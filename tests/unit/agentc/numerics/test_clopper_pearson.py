"""The lower bound against known values (the smallest n of a bound) and its definition."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import pytest
from agentc.numerics.clopper_pearson import lower_bound


@pytest.mark.parametrize(
    ("violations", "trials", "bound"),
    [
        (0, 2995, "0.999"),
        (1, 4742, "0.999"),
        (2, 6294, "0.999"),
        (3, 7752, "0.999"),
        (4, 9151, "0.999"),
        (5, 10511, "0.999"),
        (0, 299, "0.99"),
        (1, 473, "0.99"),
        (2, 628, "0.99"),
        (3, 773, "0.99"),
        (4, 913, "0.99"),
        (5, 1049, "0.99"),
        (0, 29956, "0.9999"),
        (5, 105128, "0.9999"),
    ],
)
def test_the_smallest_n_for_a_bound(violations: int, trials: int, bound: str) -> None:
    assert Fraction(lower_bound(violations, trials)) >= Fraction(bound)
    assert Fraction(lower_bound(violations, trials - 1)) < Fraction(bound)


def exactly(violations: int, trials: int, p: Fraction) -> Fraction:
    """P(at most so many violations) in exact arithmetic."""
    return sum(
        (comb(trials, j) * (1 - p) ** j * p ** (trials - j) for j in range(violations + 1)),
        Fraction(0),
    )


@pytest.mark.parametrize(
    ("violations", "trials"), [(0, 8), (0, 256), (1, 8), (7, 8), (3, 40), (39, 40)]
)
def test_it_is_the_last_millionth_that_holds(violations: int, trials: int) -> None:
    bound = Fraction(lower_bound(violations, trials))
    level = Fraction(1, 20)
    assert (
        exactly(violations, trials, bound)
        <= level
        < exactly(violations, trials, bound + Fraction(1, 10**6))
    )


def test_the_ends() -> None:
    assert lower_bound(8, 8) == "0.000000"
    assert lower_bound(0, 1) == "0.050000"
    assert lower_bound(0, 1 << 20) == "0.999997"
