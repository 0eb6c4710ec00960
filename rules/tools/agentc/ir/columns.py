"""Sums of columns: the tolerance of rounded decimals, and division by sums."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from agentc.ir.types import F64
from numpy.typing import NDArray

FEW_DECIMALS, MANY_DECIMALS, MOST_ROUNDING = 1.1e-5, 5e-7, 0.01
"""Bounds of rounded decimals: thirds are written as 0.33333, long columns with six decimals.

See `rounding`.
"""
EXACT = 1e-12
"""Rounding error of float64 in the sum of a column. Sums exactly at the tolerance are accepted."""
ALREADY_ONE = 2.0**-51
"""After one division a sum is within 2^-52 of 1, so a second one is skipped: idempotent to the
bit.
"""
SHOWN = 3


def rounding(entries: int) -> float:
    """Return the tolerance of a sum of n rounded decimals: 1.1e-5 + 5e-7 n, at most 0.01."""
    return min(FEW_DECIMALS + MANY_DECIMALS * entries, MOST_ROUNDING)


def off_columns(array: F64) -> NDArray[np.bool_]:
    """Return which columns (along axis 0) have a sum that rounding does not explain.

    This is the rule of all importers. `normalise` divides the other columns by their sums.
    """
    limit = rounding(len(array))
    off = np.asarray(np.abs(array.sum(axis=0) - 1.0))
    off_one, rows = np.asarray(off > limit), np.moveaxis(array, 0, -1)
    for index in np.argwhere(
        np.abs(off - limit) < 1e-8
    ):  # so near that the order of adding decides
        place = tuple(int(i) for i in index)
        off_one[place] = abs(math.fsum(rows[place].tolist()) - 1.0) > limit + EXACT
    return off_one


def describe_sum(total: float, entries: int) -> str:
    """Return the part of a message about the sum of a column."""
    return (
        f"sums to {round(total, 12)!r}, not to 1 (rounded decimals may be "
        f"{rounding(entries):.3g} beside it)"
    )


def renormalise_rounded(array: F64) -> F64:
    """Divide columns (along axis 0) whose sum is 1 except for rounding, as `normalise` does."""
    wrong = off_columns(array).reshape(-1)
    flat = np.array(array, dtype=np.float64).reshape(array.shape[0], -1)
    for i in np.flatnonzero(~wrong & (np.abs(flat.sum(axis=0) - 1.0) > EXACT)):
        flat[:, i] = flat[:, i] / math.fsum(flat[:, i].tolist())
    return flat.reshape(array.shape)


def column_errors(name: str, array: F64) -> Iterator[str]:
    """Return errors of NaN, negative entries, and column sums (along axis 0) beyond rounding."""
    bad = ~np.isfinite(array)
    if np.any(bad):
        yield f"{name}{first_place(bad)} is not a finite number ({int(bad.sum())} such entries)"
        return
    negative = array < 0.0
    if np.any(negative):
        place = first_place(negative)
        worst = float(array[tuple(np.argwhere(negative)[0])])
        yield f"{name}{place} = {worst!r} is negative ({int(negative.sum())} such entries)"
    if not np.any(array):
        yield f"{name} holds nothing but zeros: no one has filled it in"
        return
    off = np.argwhere(off_columns(array))
    rows = np.moveaxis(array, 0, -1)
    for index in off[:SHOWN]:
        column = tuple(int(i) for i in index)
        total = math.fsum(rows[column].tolist())
        where = f"{name}[:{''.join(f',{i}' for i in column)}]"
        yield (
            f"{where} {describe_sum(total, len(array))}: axis 0 of {name} must hold the "
            "probabilities"
        )
    if len(off) > SHOWN:
        yield f"{name}: {len(off) - SHOWN} more columns do not sum to 1{_axis_hint(array)}"


def _axis_hint(array: F64) -> str:
    for axis in range(1, array.ndim):
        if not np.any(off_columns(np.moveaxis(array, axis, 0))):
            return f" (they do along axis {axis}: move that axis to the front)"
    return ""


def first_place(mask: NDArray[Any]) -> str:
    """Return the index of the first true entry, such as `[0,2]`."""
    return "[" + ",".join(str(int(i)) for i in np.argwhere(mask)[0]) + "]"


def columns_to_one(array: F64) -> F64:
    """Divide each column (along axis 0) by its correctly rounded sum, once."""
    flat = without_negative_zeros(array).reshape(array.shape[0], -1)
    for i in range(flat.shape[1]):
        total = math.fsum(flat[:, i].tolist())
        if abs(total - 1.0) > ALREADY_ONE:
            flat[:, i] = flat[:, i] / total
    return flat.reshape(array.shape)


def without_negative_zeros(array: F64) -> F64:
    """Replace -0.0 by 0.0: equal numbers must have equal digests."""
    return np.ascontiguousarray(array, dtype=np.float64) + 0.0
