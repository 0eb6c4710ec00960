"""The standard deviation of numbers."""

from collections.abc import Sequence

from spread.mean import mean


def deviation(values: Sequence[float]) -> float:
    """The standard deviation of all values, not of a sample."""
    middle = mean(values)
    return float(mean([(value - middle) ** 2 for value in values]) ** 0.5)
