"""Sums of products over hidden states in a fixed order, skipping exact zeros, without BLAS or
einsum.

A belief of a factor over nodes has the shape (states, nodes). One column can serve all nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from agentc.numerics.exact_math import F64, total
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Nonzero columns of each matrix row: row r reads columns index[r]; short lists are padded."""

    index: NDArray[np.intp]
    used: NDArray[np.bool_]
    reading: tuple[NDArray[np.intp], ...]
    """For each position in the lists: the rows that have an entry there."""


def rows_of(pattern: NDArray[np.bool_]) -> Rows:
    """Return the column lists of a boolean matrix (rows, columns), ascending."""
    counts = pattern.sum(axis=1)
    width = int(counts.max()) if counts.size else 0
    index = np.zeros((pattern.shape[0], width), dtype=np.intp)
    used = np.arange(width)[None, :] < counts[:, None]
    for r in range(pattern.shape[0]):
        index[r, : counts[r]] = np.flatnonzero(pattern[r])
    return Rows(index, used, tuple(np.flatnonzero(used[:, k]) for k in range(width)))


def multiply(matrix: F64, rows: Rows, q: F64) -> F64:
    """Multiply a matrix (rows, columns) by q (columns, nodes); each row is summed in column
    order.
    """
    weights = np.where(rows.used, np.take_along_axis(matrix, rows.index, axis=1), 0.0)
    result = np.zeros((matrix.shape[0], q.shape[1]))
    for k, reading in enumerate(rows.reading):
        result[reading] += weights[reading, k, None] * q[rows.index[reading, k]]
    return result


def joint(beliefs: Sequence[F64]) -> F64:
    """Return the product of beliefs (joint states, nodes), the last factor varying first."""
    result = beliefs[0]
    for q in beliefs[1:]:
        product = result[:, None, :] * q[None, :, :]
        result = product.reshape(-1, product.shape[2])
    return result


def average_out(array: F64, axis: int, weights: F64) -> F64:
    """Sum over one axis with weights; the axis disappears."""
    shape = [1] * array.ndim
    shape[axis] = len(weights)
    return total(array * weights.reshape(shape), axis)
