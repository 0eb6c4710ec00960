"""The mean of numbers."""

from collections.abc import Sequence


def mean(values: Sequence[float]) -> float:
    """The mean; ValueError without values."""
    if not values:
        raise ValueError("no values")
    return sum(values) / len(values)
