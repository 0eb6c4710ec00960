"""Merge action sequences whose products of transition matrices are equal.

The product of a path, M = B(u_t) .. B(u_1), is compared at 36 bits after the binary point. Merged
paths differ by at most 2^-36 in each entry, so beliefs differ by at most n 2^-36 for n states:
invisible in float32 near 1 for n <= 4096. Products are summed in a fixed order without BLAS, so
every machine merges the same paths.
"""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from agentc.ir.files import F64
from numpy.typing import NDArray

ENTRIES = 1 << 24
"""Entries of all stored products of a factor, 128 MB. Beyond it, paths are compared by name
only.
"""
MIN_PRODUCTS = 64
"""If a factor has room for fewer products, none are stored."""
BITS = 36


class Products:
    """Products of known paths, and the first path of each."""

    def __init__(self, states: int, matrices: tuple[F64, ...], root: Hashable) -> None:
        self.room = ENTRIES // (states * states)
        self.slices = [_rows(matrix) for matrix in matrices]
        self.of: dict[Hashable, F64] = {root: np.eye(states)}
        self.first: dict[bytes, Hashable] = {_rounded(self.of[root]): root}
        self.same: dict[Hashable, Hashable] = {root: root}

    @staticmethod
    def affordable(states: int) -> bool:
        """Return whether memory allows enough products of a factor of so many states."""
        return states * states * MIN_PRODUCTS <= ENTRIES

    def canonical(self, path: Hashable, index: int, before: Hashable) -> Hashable:
        """Return the first path with the product of `path`: slice `index` after the path
        `before`.
        """
        if path not in self.same:
            if len(self.of) >= self.room or before not in self.of:
                return path
            product = _product(*self.slices[index], self.of[before])
            self.same[path] = self.first.setdefault(_rounded(product), path)
            if self.same[path] == path:
                self.of[path] = product
        return self.same[path]


def _rows(matrix: F64) -> tuple[NDArray[np.intp], F64]:
    """Return columns and values of each row's entries, padded with zeros."""
    width = int(np.count_nonzero(matrix, axis=1).max())
    index = np.argsort(matrix == 0.0, axis=1, kind="stable")[:, :width]
    return index, np.take_along_axis(matrix, index, axis=1)


def _product(index: NDArray[np.intp], value: F64, after: F64) -> F64:
    product = np.zeros_like(after)
    for k in range(index.shape[1]):
        product = product + value[:, k, None] * after[index[:, k]]
    return product


def _rounded(matrix: F64) -> bytes:
    return np.rint(np.ldexp(matrix, BITS)).astype(np.int64).tobytes()
