"""Products have the bits of sums in column order, whatever the sparsity and the size."""

from __future__ import annotations

import numpy as np
import pytest
from agentc.ir.files import F64
from agentc.numerics.exact_math import total
from agentc.oracle.contraction import (
    BLOCK,
    average_along,
    average_out,
    multiply,
    rows_of,
    weights_of,
)


def stated(matrix: F64, q: F64) -> list[list[float]]:
    """One product after the other, without those of zeros."""
    result = [[0.0] * q.shape[1] for _ in matrix]
    for r, row in enumerate(matrix.tolist()):
        for weight, column in zip(row, q.tolist(), strict=True):
            if weight != 0.0:
                result[r] = [x + weight * p for x, p in zip(result[r], column, strict=True)]
    return result


def sparse(rows: int, columns: int, density: float) -> F64:
    """A matrix with rows of very different lengths, one of them empty."""
    rng = np.random.default_rng(rows * columns)
    share = density * rng.random((rows, 1)) ** 2
    matrix = rng.random((rows, columns)) * (rng.random((rows, columns)) < share)
    matrix[0] = 0.0
    return np.asarray(matrix)


@pytest.mark.parametrize("nodes", [1, 2, 7])
@pytest.mark.parametrize(("rows", "columns"), [(1, 300), (2, 9), (8, 64), (30, 130)])
def test_rows_are_summed_in_column_order(rows: int, columns: int, nodes: int) -> None:
    rng = np.random.default_rng(nodes)
    q = rng.random((columns, nodes))
    for matrix in (rng.random((rows, columns)), sparse(rows, columns, 0.6)):
        weights = weights_of(matrix, rows_of(matrix != 0.0))
        assert multiply(weights, q).tolist() == stated(matrix, q)


def test_products_of_many_blocks_have_the_same_bits() -> None:
    rng = np.random.default_rng(1)
    matrix, q = rng.random((5, 50)), rng.random((50, 150))
    assert matrix.size * q.shape[1] > 4 * BLOCK
    assert multiply(weights_of(matrix, rows_of(matrix != 0.0)), q).tolist() == stated(matrix, q)


def test_at_most_half_of_a_section_is_padded() -> None:
    for section in rows_of(sparse(40, 60, 1.0) != 0.0).sections:
        assert 2 * np.count_nonzero(section.used) >= section.used.size


def test_averages_are_weighted_totals() -> None:
    rng = np.random.default_rng(2)
    array, weights = rng.random((3, 5, 4, 7)), rng.random((3, 7))
    for axis, n in enumerate(array.shape):
        shape = [1] * 4
        shape[axis] = n
        own = rng.random(n)
        expected = total(array * own.reshape(shape), axis)
        assert average_out(array, axis, own).tolist() == expected.tolist()
    each = [average_out(array[one], 2, weights[one]).tolist() for one in range(3)]
    assert average_along(array, 3, weights).tolist() == each
