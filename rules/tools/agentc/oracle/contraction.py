"""Sums of products over hidden states in a fixed order, skipping exact zeros, without BLAS or
einsum.

A belief of a factor over nodes has the shape (states, nodes). One column can serve all nodes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from agentc.numerics.exact_math import F64, axis_first, total_of_scratch
from numpy.typing import NDArray

BLOCK = 1 << 13
"""Products that are made at a time: they stay in the cache of a core."""


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """Some places of the column lists, for the rows with the longest lists.

    `columns` (places, rows) are what the rows read. A shorter list is padded with column 0, where
    `used` is false; a product with the weight 0 changes no sum of probabilities.
    """

    columns: NDArray[np.intp]
    used: NDArray[np.bool_]
    alike: bool
    """Whether all rows read the same columns."""


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Nonzero columns of each matrix row, ascending; the rows in falling order of their number."""

    order: NDArray[np.intp]
    place: NDArray[np.intp]
    """Where each row is in `order`."""
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """Entries of a matrix at its nonzero columns: an array (places, rows) for each section."""

    rows: Rows
    sections: tuple[F64, ...]


def rows_of(pattern: NDArray[np.bool_]) -> Rows:
    """Return the column lists of a boolean matrix (rows, columns)."""
    counts = pattern.sum(axis=1)
    order = np.argsort(-counts, kind="stable")
    lists = [np.flatnonzero(pattern[r]) for r in order]
    sections, begin = [], 0
    while lists and begin < len(lists[0]):
        reading = sum(len(columns) > begin for columns in lists)
        end = len(lists[(reading - 1) // 2])
        sections.append(_section(lists[:reading], begin, end))
        begin = end
    return Rows(order, np.argsort(order), tuple(sections))


def _section(lists: Sequence[NDArray[np.intp]], begin: int, end: int) -> Section:
    """Return places `begin` to `end` of lists; at most half of the section is padded."""
    columns = np.zeros((end - begin, len(lists)), dtype=np.intp)
    used = np.zeros(columns.shape, dtype=np.bool_)
    for r, row in enumerate(lists):
        part = row[begin:end]
        columns[: len(part), r], used[: len(part), r] = part, True
    return Section(columns, used, bool(np.all(used) and np.all(columns == columns[:, :1])))


def weights_of(matrix: F64, rows: Rows) -> Weights:
    """Gather the entries of a matrix (rows, columns) once for many products."""
    gathered = []
    for section in rows.sections:
        chosen = matrix[rows.order[: section.columns.shape[1]], section.columns]
        gathered.append(chosen if section.alike else np.where(section.used, chosen, 0.0))
    return Weights(rows, tuple(gathered))


def multiply(weights: Weights, q: F64) -> F64:
    """Multiply a matrix (rows, columns) by q (columns, nodes); each row is summed in column
    order.
    """
    rows = weights.rows
    result = np.zeros((len(rows.order), q.shape[1]))
    for section, entries in zip(rows.sections, weights.sections, strict=True):
        places, count = entries.shape
        step = max(1, BLOCK // max(1, count * q.shape[1]))
        for begin in range(0, places, step):
            here = slice(begin, begin + step)
            if section.alike:
                chosen = q[section.columns[here, 0]][:, None, :]
            else:
                chosen = q[section.columns[here]]
            products = entries[here, :, None] * chosen
            products[0] += result[:count]
            result[:count] = _sum_in_order(products)
    return result[rows.place]


def _sum_in_order(products: F64) -> F64:
    """Sum along axis 0, one after the other.

    numpy's reduction keeps that order along a slow axis. It sums the fast one pairwise, which a
    sum of single numbers would be.
    """
    if products[0].size > 1:
        return np.asarray(np.add.reduce(products, axis=0))
    return np.asarray(np.add.accumulate(products, axis=0)[-1])


def joint(beliefs: Sequence[F64]) -> F64:
    """Return the product of beliefs (joint states, nodes), the last factor varying first."""
    result = beliefs[0]
    for q in beliefs[1:]:
        product = result[:, None, :] * q[None, :, :]
        result = product.reshape(-1, product.shape[2])
    return result


def average_out(array: F64, axis: int, weights: F64) -> F64:
    """Sum over one axis with weights; the axis disappears."""
    first = axis_first(array, axis)
    return total_of_scratch(
        np.multiply(first, weights.reshape(-1, *[1] * (array.ndim - 1)), order="C")
    )


def average_along(array: F64, axis: int, weights: F64) -> F64:
    """Sum over one axis of an array (sets, ...) with the weights (sets, states) of each set."""
    first, others = axis_first(array, axis), [1] * (array.ndim - 2)
    columns = weights.transpose().reshape(*weights.shape[::-1], *others)
    return total_of_scratch(np.multiply(first, columns, order="C"))
