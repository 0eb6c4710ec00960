"""Quantization grids of 8 and 16 bits, and an encoder that preserves the sum of every column.

A grid has ascending levels; a code is an index into it, and level 0 is 0 if the values have a zero.
Only zeros become 0, so nothing possible is stored as impossible. The arithmetic is + - * /, square
roots and comparisons in a fixed order, so every machine computes the same codes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from agentc.numerics.exact_math import F64
from numpy.typing import NDArray

Codes = NDArray[Any]
STORAGES = ("uint16", "fp16", "palette")
SIZE = 256
"""Levels of a palette: the range of a byte."""
LEAST = 2.0**-100
"""Smallest level of a palette, far above float32 denormals, which some processors flush to zero."""


def grid(storage: str, values: F64) -> F64:
    """Return the ascending levels of a storage, all float32. Those of a palette depend on the
    values.

    uint16: k / 65536, except 65535, which is 1; fp16: IEEE half precision from 0 to 1; palette: see
    there.
    """
    if storage == "uint16":
        return np.append(np.arange(65535.0), 65536.0) / 65536.0
    if storage == "fp16":
        return np.arange(0x3C01, dtype="<u2").view("<f2").astype(np.float64)
    return palette(values)


def palette(values: F64) -> F64:
    """Return at most 256 levels that minimise the largest ratio to any value; 0 and 1 are exact.

    Intervals of equal ratio, the smallest that suffices, cover the ordered values. Each level is
    the geometric mean of the ends of its interval. Without values the level is 0.
    """
    rest = np.unique(values) if len(values) else np.zeros(1)
    fixed = rest[(rest == 0.0) | (rest == 1.0)]
    rest = rest[(rest != 0.0) & (rest != 1.0)]
    starts = (
        _cover(rest, SIZE - len(fixed)) if len(rest) + len(fixed) > SIZE else np.arange(len(rest))
    )
    ends = np.append(starts, len(rest))[1:] - 1
    middle = np.maximum(np.sqrt(rest[starts]) * np.sqrt(rest[ends]), LEAST)
    return np.unique(np.concatenate([fixed, middle]).astype(np.float32)).astype(np.float64)


def _cover(ascending: F64, count: int) -> NDArray[np.int64]:
    """Return the starts of at most `count` intervals of the smallest ratio."""
    low, high = 1.0, float(ascending[-1] / ascending[0]) * 2.0
    while True:
        middle = float(np.sqrt(low) * np.sqrt(high))
        if not low < middle < high:
            return _intervals(ascending, high, count)
        if len(_intervals(ascending, middle, count)) > count:
            low = middle
        else:
            high = middle


def _intervals(ascending: F64, ratio: float, count: int) -> NDArray[np.int64]:
    """Return the starts of intervals of this ratio, at most count + 1."""
    starts: list[int] = []
    at = 0
    while at < len(ascending) and len(starts) <= count:
        starts.append(at)
        at = max(at + 1, int(np.searchsorted(ascending, ascending[at] * ratio, side="right")))
    return np.array(starts, np.int64)


def encode(values: F64, column: NDArray[np.int64], levels: F64) -> Codes:
    """Return the code of each value in the smallest unsigned type, one of the two nearest
    levels.

    `column` gives the column of each value. From the largest value of a column to the smallest, the
    level is chosen that keeps the running sum nearest to its target, so that rounding does not
    accumulate: with equal steps a column's sum is off by at most half a step.
    """
    zero = int(levels[0] == 0.0)
    below = np.clip(np.searchsorted(levels, values, side="right") - 1, zero, len(levels) - 1)
    above = np.where(values < levels[below], below, np.minimum(below + 1, len(levels) - 1))
    codes = below.astype(np.int64)
    owed = np.zeros(int(column.max(initial=-1)) + 1)
    for entries in _ranks(values, column):
        entries = entries[values[entries] != 0.0]
        wanted = values[entries] + owed[column[entries]]
        low, high = levels[below[entries]], levels[above[entries]]
        codes[entries] = np.where(high - wanted < wanted - low, above[entries], below[entries])
        owed[column[entries]] = wanted - levels[codes[entries]]
    codes[values == 0.0] = 0
    return codes.astype(np.uint8 if len(levels) <= SIZE else np.uint16)


def _ranks(values: F64, column: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """Yield the largest entry of every column, then the second largest, and so on."""
    order = np.lexsort((np.arange(len(values)), -values, column))
    own = column[order]
    first = np.searchsorted(own, own, side="left")
    rank = np.arange(len(order)) - first
    by_rank = np.argsort(rank, kind="stable")
    return (
        [order[part] for part in np.split(by_rank, np.cumsum(np.bincount(rank))[:-1])]
        if len(order)
        else []
    )
