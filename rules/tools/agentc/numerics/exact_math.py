"""log, exp and sums of float64 arrays, independent of processor, C library and numpy's dispatch.

They use + - * /, comparisons, floor, frexp and ldexp only, in a fixed order. IEEE 754 makes each of
these exact or correctly rounded. The coefficients are those of Taylor series, rounded to the
nearest double; after the argument reductions the series converge fast enough. Measured error: below
1 ulp.
"""

from __future__ import annotations

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


def log(x: ArrayLike) -> F64:
    """Return the natural logarithm, elementwise; -inf for 0, NaN for a negative number or NaN."""
    value = np.asarray(x, dtype=np.float64)
    mantissa, exponent = np.frexp(value)
    small = mantissa < SQRT_HALF
    mantissa = np.where(small, mantissa + mantissa, mantissa)
    scale = exponent.astype(np.float64) - np.where(small, 1.0, 0.0)
    with np.errstate(all="ignore"):
        result = _log_near_one(mantissa, scale)
    result = np.where(value == 0.0, -np.inf, result)
    result = np.where(value == np.inf, np.inf, result)
    return np.where((value < 0.0) | np.isnan(value), np.nan, result)


def _log_near_one(mantissa: F64, scale: F64) -> F64:
    """Return ln(mantissa 2^scale). Large parts are added last, which keeps rounding small."""
    f = mantissa - 1.0
    s = f / (2.0 + f)
    z = s * s
    half = 0.5 * f * f
    series = z * _horner(LOG_TERMS, z)
    return scale * LN2_HIGH - ((half - (s * (half + series) + scale * LN2_LOW)) - f)


def exp(x: ArrayLike) -> F64:
    """Return e^x, elementwise; 0 below -745.2, inf above 709.79; subnormals are rounded twice."""
    value = np.asarray(x, dtype=np.float64)
    bounded = np.where(np.isnan(value), 0.0, np.minimum(np.maximum(value, -760.0), 720.0))
    k = np.floor(bounded * LOG2_E + 0.5)
    high = bounded - k * LN2_HIGH
    low = k * LN2_LOW
    r = high - low
    lost = (high - r) - low
    tail = r * r * _horner(EXP_TERMS, r) + (lost + r * lost)
    with np.errstate(over="ignore", under="ignore"):
        result = np.ldexp(1.0 + (r + tail), k.astype(np.int32))
    return np.where(np.isnan(value), np.nan, result)


def _horner(terms: tuple[float, ...], z: F64) -> F64:
    result = np.full_like(z, terms[-1])
    for term in reversed(terms[:-1]):
        result = result * z + term
    return result


def total(x: F64, axis: int = 0) -> F64:
    """Sum along one axis by halving: element i plus element i + n/2; an odd last one is carried
    on.
    """
    rest = np.moveaxis(x, axis, 0) if axis else x
    if rest.shape[0] == 0:
        return np.zeros(rest.shape[1:])
    while rest.shape[0] > 1:
        half = rest.shape[0] // 2
        folded = rest[:half] + rest[half : 2 * half]
        rest = np.concatenate([folded, rest[2 * half :]]) if rest.shape[0] % 2 else folded
    return np.asarray(rest[0])


def log_clipped(x: F64) -> F64:
    """Return ln(max(x, 2^-52)), pymdp's log_stable."""
    return log(np.maximum(x, TINY))


def x_log_x(x: F64) -> F64:
    """Return x ln(max(x, 2^-52)), pymdp's stable_xlogx; 0 at 0."""
    return x * log_clipped(x)


def softmax(x: F64) -> F64:
    """Return exp(x - max x) over their sum, along axis 0."""
    raised = exp(x - x.max(axis=0))
    return raised / total(raised)
