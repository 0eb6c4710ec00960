"""Probabilities in 8 or 16 bits: the grids, and a coder that keeps the sum of every column.

A grid is the ascending levels that codes stand for; a code is an index into it, and level 0 is 0 wherever there is a zero.
Only the model's zeros become 0 and no other value does, so nothing possible is stored as impossible.
Only + - * /, square roots and comparisons are used, in a fixed order: every machine makes the same codes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from agentc.numerics.exact_math import F64
from numpy.typing import NDArray

Codes = NDArray[Any]
STORAGES = ("uint16", "fp16", "palette")
SIZE = 256
"""Levels of a palette: what a byte can number."""
LEAST = 2.0**-100
"""No level of a palette is smaller: far from float32's denormals, which some processors take for zero."""


def grid(storage: str, values: F64) -> F64:
    """The ascending levels of a storage, all of them float32: those of a palette depend on the values.

    uint16: k / 65536, but for 65535, which stands for 1; fp16: IEEE half precision from 0 to 1 by its bits; palette: see there.
    """
    if storage == "uint16":
        return np.append(np.arange(65535.0), 65536.0) / 65536.0
    if storage == "fp16":
        return np.arange(0x3C01, dtype="<u2").view("<f2").astype(np.float64)
    return palette(values)


def palette(values: F64) -> F64:
    """At most 256 levels whose worst ratio to any of the values is as near to 1 as it can be; 0 and 1 stay what they are.

    The values in order are covered by intervals of equal ratio, the smallest that suffices; each level is the geometric
    mean of the first and the last value of its interval. Of no values the one level is 0.
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
    """Where at most `count` intervals of the smallest ratio begin."""
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
    """Where intervals of this ratio begin; at most count + 1 of them."""
    starts: list[int] = []
    at = 0
    while at < len(ascending) and len(starts) <= count:
        starts.append(at)
        at = max(at + 1, int(np.searchsorted(ascending, ascending[at] * ratio, side="right")))
    return np.array(starts, np.int64)


def coded(values: F64, column: NDArray[np.int64], levels: F64) -> Codes:
    """The code of each value, in the smallest unsigned type: one of the two levels next to it, the least of all if it is less.

    `column` says what each value is a part of. From the largest value of a column to its smallest, that level is taken which
    keeps the sum so far nearest to what it should be, so that rounding does not add up; where all steps are equal a column
    ends within half a step of its own sum.
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
    """The largest entry of every column, then the second largest of every column that has one, and so on."""
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
