"""Operator dedupe: sequences of transitions whose products are equal lead every belief to the same place.

The product of a path, M = B(u_t) .. B(u_1), is kept as a matrix and compared at 36 bits after the point. Paths that are
taken for one differ by at most 2^-36 in each entry, so their beliefs by at most n 2^-36 for n states: below what float32
tells apart near 1 for all n <= 4096. Products are summed in one fixed order without BLAS, so every machine merges alike.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from agentc.ir.files import F64
from numpy.typing import NDArray

ENTRIES = 1 << 24
"""Entries of all products that are kept of one factor, 128 MB; after that paths are told apart by their words alone."""
WORTH = 64
"""With room for fewer products of a factor none is kept."""
BITS = 36


class Products:
    """The products of the paths met so far: which path was the first of each."""

    def __init__(self, states: int, matrices: tuple[F64, ...], root: Hashable) -> None:
        self.room = ENTRIES // (states * states)
        self.slices = [_rows(matrix) for matrix in matrices]
        self.of: dict[Hashable, F64] = {root: np.eye(states)}
        self.first: dict[bytes, Hashable] = {_rounded(self.of[root]): root}
        self.same: dict[Hashable, Hashable] = {root: root}

    @staticmethod
    def affordable(states: int) -> bool:
        """Whether there is room for enough products of a factor of so many states."""
        return states * states * WORTH <= ENTRIES

    def canonical(self, path: Hashable, index: int, before: Hashable) -> Hashable:
        """The first path whose product is that of `path`, which is slice `index` after the path `before`."""
        if path not in self.same:
            if len(self.of) >= self.room or before not in self.of:
                return path
            product = _product(self.slices[index], self.of[before])
            self.same[path] = self.first.setdefault(_rounded(product), path)
            if self.same[path] == path:
                self.of[path] = product
        return self.same[path]


def _rows(matrix: F64) -> tuple[NDArray[np.intp], F64]:
    """Columns and values of the entries of each row, short rows filled with zeros."""
    width = int(np.count_nonzero(matrix, axis=1).max())
    index = np.argsort(matrix == 0.0, axis=1, kind="stable")[:, :width]
    return index, np.take_along_axis(matrix, index, axis=1)


def _product(rows: tuple[NDArray[np.intp], F64], after: F64) -> F64:
    index, value = rows
    found = np.zeros_like(after)
    for k in range(index.shape[1]):
        found = found + value[:, k, None] * after[index[:, k]]
    return found


def _rounded(matrix: F64) -> bytes:
    return np.rint(np.ldexp(matrix, BITS)).astype(np.int64).tobytes()
