"""log, exp and sums of float64 arrays, independent of processor, C library and numpy's dispatch.

They use + - * /, comparisons, floor, frexp and ldexp only, in a fixed order. IEEE 754 makes each of
these exact or correctly rounded. The coefficients are those of Taylor series, rounded to the
nearest double; after the argument reductions the series converge fast enough. Measured error: below
1 ulp.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import factorial

import numpy as np
from numpy.typing import ArrayLike, NDArray

F64 = NDArray[np.float64]

LN2_HIGH = float.fromhex("0x1.62e42feep-1")
"""ln 2 cut to 32 bits, so that its product with an exponent of up to 11 bits is exact."""
LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
"""ln 2 - LN2_HIGH, rounded."""
LOG2_E = float.fromhex("0x1.71547652b82fep+0")
SQRT_HALF = float.fromhex("0x1.6a09e667f3bcdp-1")
TINY = 2.220446049250313e-16
"""Smallest argument of a logarithm in pymdp 1.0.4 (maths.MINVAL, the epsilon of float64)."""

LOG_TERMS = tuple(float(Fraction(2, 2 * n + 1)) for n in range(1, 12))
"""ln((1+s)/(1-s)) = 2s + s (2/3 s^2 + 2/5 s^4 + ..); for s^2 <= 0.02944 the rest is < 2^-65."""
EXP_TERMS = tuple(float(Fraction(1, factorial(n))) for n in range(2, 15))
"""e^r = 1 + r + r^2 (1/2! + r/3! + ..); for |r| <= 0.3466 the rest after r^14 is < 2^-62."""


BLOCK = 1 << 13
"""Numbers that log and exp work on at a time: temporaries stay in the cache of a core and in the
heap.
"""
SPARSE = 1 << 8
"""Above this size the logarithm of an array with many zeros is made for the others only."""


def log(x: ArrayLike) -> F64:
    """Return the natural logarithm, elementwise; -inf for 0, NaN for a negative number or NaN."""
    return _by_blocks(_log_block, np.asarray(x, dtype=np.float64))


def _by_blocks(function: Callable[[F64], F64], value: F64) -> F64:
    """Apply an elementwise function, to one block of a large array after the other."""
    if value.size <= BLOCK:
        return function(value)
    flat, result = value.reshape(-1), np.empty(value.size)
    for begin in range(0, flat.size, BLOCK):
        result[begin : begin + BLOCK] = function(flat[begin : begin + BLOCK])
    return result.reshape(value.shape)


def _log_block(value: F64) -> F64:
    mantissa, exponent = np.frexp(value)
    small = mantissa < SQRT_HALF
    with np.errstate(all="ignore"):
        result = _log_near_one(
            np.where(small, mantissa + mantissa, mantissa), (exponent - small).astype(np.float64)
        )
    usual = (value > 0.0) & (value < np.inf)
    if usual.all():
        return result
    special = np.where(value == 0.0, -np.inf, np.where(value == np.inf, np.inf, np.nan))
    return np.where(usual, result, special)


def _log_near_one(mantissa: F64, scale: F64) -> F64:
    """Return ln(mantissa 2^scale). Large parts are added last, which keeps rounding small."""
    f = mantissa - 1.0
    s = f / (2.0 + f)
    z = s * s
    half = 0.5 * f * f
    series = _horner(LOG_TERMS, z)
    series *= z
    series += half
    series *= s
    series += scale * LN2_LOW
    half -= series
    half -= f
    return np.asarray(scale * LN2_HIGH - half)


def exp(x: ArrayLike) -> F64:
    """Return e^x, elementwise; 0 below -745.2, inf above 709.79; subnormals are rounded twice."""
    return _by_blocks(_exp_block, np.asarray(x, dtype=np.float64))


def _exp_block(value: F64) -> F64:
    bounded = np.fmin(np.fmax(value, -760.0), 720.0)
    k = np.floor(bounded * LOG2_E + 0.5)
    high = bounded - k * LN2_HIGH
    low = k * LN2_LOW
    r = high - low
    lost = (high - r) - low
    tail = r * r * _horner(EXP_TERMS, r) + (lost + r * lost)
    with np.errstate(over="ignore", under="ignore"):
        result = np.ldexp(1.0 + (r + tail), k.astype(np.int32))
    undefined = np.isnan(value)
    return np.where(undefined, np.nan, result) if undefined.any() else result


def _horner(terms: tuple[float, ...], z: F64) -> F64:
    result = z * terms[-1]
    result += terms[-2]
    for term in reversed(terms[:-2]):
        result *= z
        result += term
    return result


def total(x: F64, axis: int = 0) -> F64:
    """Sum along one axis by halving: element i plus element i + n/2; an odd last one is carried
    on.
    """
    rest = axis_first(x, axis)
    count = rest.shape[0]
    if count == 0:
        return np.zeros(rest.shape[1:])
    half = count // 2
    sums = np.empty((count - half, *rest.shape[1:]))
    np.add(rest[:half], rest[half : 2 * half], out=sums[:half])
    if count % 2:
        sums[half] = rest[-1]
    return total_of_scratch(sums)


def total_of_scratch(x: F64) -> F64:
    """Return `total` of an array that is overwritten; the result is a view of it.

    In C order it is fastest: numpy copies interleaved parts of an array before it adds them.
    """
    count = x.shape[0]
    while count > 1:
        half = count // 2
        x[:half] += x[half : 2 * half]
        if count % 2:
            x[half] = x[2 * half]
        count -= half
    return np.asarray(x[0])


def axis_first(x: F64, axis: int) -> F64:
    """Return a view with one axis before the others."""
    return x.transpose(axis, *range(axis), *range(axis + 1, x.ndim)) if axis else x


LOG_TINY = float(log(TINY))


def log_clipped(x: F64) -> F64:
    """Return ln(max(x, 2^-52)), pymdp's log_stable."""
    if x.size > SPARSE:
        large = ~(x <= TINY)
        if 2 * np.count_nonzero(large) < x.size:
            result = np.full(x.shape, LOG_TINY)
            result[large] = log(x[large])
            return result
    return log(np.maximum(x, TINY))


def x_log_x(x: F64) -> F64:
    """Return x ln(max(x, 2^-52)), pymdp's stable_xlogx; 0 at 0."""
    return x * log_clipped(x)


def softmax(x: F64) -> F64:
    """Return exp(x - max x) over their sum, along axis 0."""
    raised = exp(x - x.max(axis=0))
    return raised / total(raised)
