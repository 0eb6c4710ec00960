"""Sums of products over hidden states in one fixed order, skipping exact zeros; no BLAS, no einsum.

A belief of one factor over a set of nodes is an array (states, nodes); one column may stand for all nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from agentc.numerics.exact_math import F64, total
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """The places of a matrix that can be non-zero: row r reads columns index[r], short ones padded."""

    index: NDArray[np.intp]
    used: NDArray[np.bool_]
    reading: tuple[NDArray[np.intp], ...]
    """For each position in the lists: the rows that have one there."""


def rows_of(pattern: NDArray[np.bool_]) -> Rows:
    """Column lists of a boolean matrix (rows, columns), in ascending order."""
    counts = pattern.sum(axis=1)
    width = int(counts.max()) if counts.size else 0
    index = np.zeros((pattern.shape[0], width), dtype=np.intp)
    used = np.arange(width)[None, :] < counts[:, None]
    for r in range(pattern.shape[0]):
        index[r, : counts[r]] = np.flatnonzero(pattern[r])
    return Rows(index, used, tuple(np.flatnonzero(used[:, k]) for k in range(width)))


def multiply(matrix: F64, rows: Rows, q: F64) -> F64:
    """matrix (rows, columns) times q (columns, nodes); each row is added up from its lowest column on."""
    weights = np.where(rows.used, np.take_along_axis(matrix, rows.index, axis=1), 0.0)
    result = np.zeros((matrix.shape[0], q.shape[1]))
    for k, reading in enumerate(rows.reading):
        result[reading] += weights[reading, k, None] * q[rows.index[reading, k]]
    return result


def joint(beliefs: Sequence[F64]) -> F64:
    """Product of beliefs of several factors, (joint states, nodes), the last factor varying first."""
    result = beliefs[0]
    for q in beliefs[1:]:
        product = result[:, None, :] * q[None, :, :]
        result = product.reshape(-1, product.shape[2])
    return result


def average_out(array: F64, axis: int, weights: F64) -> F64:
    """Sum over one axis, weighted; that axis disappears."""
    shape = [1] * array.ndim
    shape[axis] = len(weights)
    return total(array * weights.reshape(shape), axis)
