"""log and exp against 40-digit decimals, sums against fsum, and one pinned digest of their bits."""

from __future__ import annotations

import decimal
import hashlib
import math
from typing import Any

import numpy as np
from agentc.numerics import exact_math as fmath
from hypothesis import given, strategies as st

EXACT = decimal.Context(prec=40, Emin=-999999, Emax=999999)


def ulps(result: float, exact: decimal.Decimal) -> float:
    """Distance in units of the last place of the exact value."""
    gap = EXACT.subtract(decimal.Decimal(result), exact)
    return abs(float(EXACT.divide(gap, decimal.Decimal(math.ulp(float(exact))))))


def points(seed: int) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(seed)
    return np.concatenate(
        [
            rng.uniform(0.0, 1.0, 300),
            1.0 + rng.uniform(-1e-3, 1e-3, 300),
            rng.uniform(0.6, 1.6, 300),
            2.0 ** rng.uniform(-1070, 1020, 200),
            [fmath.TINY, 0.5, 2.0, math.sqrt(0.5), math.nextafter(1.0, 0.0)],
        ]
    )


def test_log_is_within_one_unit_in_the_last_place() -> None:
    xs = points(1)
    worst = max(
        ulps(float(y), EXACT.ln(decimal.Decimal(float(x))))
        for x, y in zip(xs, fmath.log(xs), strict=True)
    )
    assert 0.0 < worst < 1.0


def test_exp_is_within_one_unit_in_the_last_place() -> None:
    rng = np.random.default_rng(2)
    xs = np.concatenate(
        [
            rng.uniform(-700.0, 700.0, 400),
            rng.uniform(-40.0, 1.0, 400),
            rng.uniform(-1e-3, 1e-3, 100),
        ]
    )
    worst = max(
        ulps(float(y), EXACT.exp(decimal.Decimal(float(x))))
        for x, y in zip(xs, fmath.exp(xs), strict=True)
    )
    assert 0.0 < worst < 1.0


def test_edges() -> None:
    logs = fmath.log([0.0, -0.0, 1.0, -1.0, math.inf, math.nan, 5e-324])
    assert np.array_equal(logs[:3], [-math.inf, -math.inf, 0.0])
    assert math.isnan(logs[3]) and logs[4] == math.inf and math.isnan(logs[5])
    assert abs(logs[6] - math.log(5e-324)) < 1e-12
    exps = fmath.exp([0.0, -math.inf, math.inf, math.nan, -800.0, 710.0, -745.0])
    assert exps[0] == 1.0 and exps[1] == 0.0 and exps[2] == math.inf and math.isnan(exps[3])
    assert exps[4] == 0.0 and exps[5] == math.inf and exps[6] == 5e-324


def test_the_bits_are_those_of_every_other_machine() -> None:
    xs = np.arange(1, 20001, dtype=np.float64) / 1024.0
    bits = hashlib.sha256(
        fmath.log(xs).astype("<f8").tobytes() + fmath.exp(-xs).astype("<f8").tobytes()
    )
    assert bits.hexdigest() == "00e27cdb57fb790d71090e2f3918b318eebbfb714a72f5bf7650fdec7d2d2457"


@given(st.lists(st.floats(-1e6, 1e6), max_size=40))
def test_total_agrees_with_the_exact_sum(values: list[float]) -> None:
    array = float(fmath.total(np.array(values, dtype=np.float64)))
    assert math.isclose(array, math.fsum(values), rel_tol=1e-12, abs_tol=1e-7)


def test_total_has_the_documented_order() -> None:
    x = np.array([1e16, 1.0, -1e16, 1.0, 3.0])
    assert float(fmath.total(x)) == ((x[0] + x[2]) + (x[1] + x[3])) + x[4]
    assert fmath.total(np.zeros((0, 3))).tolist() == [0.0, 0.0, 0.0]
    assert fmath.total(np.arange(6.0).reshape(2, 3), axis=1).tolist() == [3.0, 12.0]


def test_softmax_sums_to_one_and_survives_large_logits() -> None:
    q = fmath.softmax(np.array([1e4, 1e4 - 1.0, -1e4]))
    assert abs(float(q.sum()) - 1.0) < 1e-15 and q[2] == 0.0 and abs(q[0] / q[1] - math.e) < 1e-12


def test_clipped_logarithms_are_those_of_pymdp() -> None:
    x = np.array([0.0, 1e-20, 1.0])
    assert np.array_equal(fmath.log_clipped(x)[:2], [fmath.log(np.float64(2.0**-52))] * 2)
    assert np.array_equal(fmath.x_log_x(x)[[0, 2]], [0.0, 0.0])


def halved(values: list[float]) -> float:
    """Sum by halving, as `total` states it."""
    while len(values) > 1:
        half = len(values) // 2
        values = [values[i] + values[half + i] for i in range(half)] + values[2 * half :]
    return values[0]


def test_totals_are_sums_by_halving_and_leave_their_argument() -> None:
    rng = np.random.default_rng(6)
    for count in range(1, 20):
        x = rng.random((3, count))
        kept = x.copy()
        expected = [halved(row) for row in x.tolist()]
        assert fmath.total(x, 1).tolist() == fmath.total(x.T.copy()).tolist() == expected
        assert np.array_equal(x, kept)
        assert fmath.total_of_scratch(x.T.copy()).tolist() == expected


def test_large_arrays_have_the_bits_of_single_numbers() -> None:
    rng = np.random.default_rng(7)
    x = rng.random((3, fmath.BLOCK)) * (rng.random((3, fmath.BLOCK)) < 0.2)
    for function in (fmath.log, fmath.exp, fmath.log_clipped):
        every, rows = function(x), [function(row[:200]) for row in x]
        assert np.array_equal(every[:, :200], rows)
    assert np.array_equal(fmath.log_clipped(x[0]), fmath.log(np.maximum(x[0], fmath.TINY)))
    assert np.isnan(fmath.log_clipped(np.full(fmath.SPARSE + 1, np.nan))).all()
