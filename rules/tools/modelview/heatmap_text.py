"""A matrix as a heat map of block characters, one map for each slice beyond its first two axes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
from agentc.ir.types import F64
from modelview.summary import Names

SHADES = "·░▒▓█"
"""Characters for exact zero and for quarters up to one."""

ROWS, COLUMNS, SLICES, NAME = 36, 36, 8, 12


def draw(name: str, array: F64, axes: Sequence[str], elements: Names) -> Iterator[str]:
    """Yield lines: rows are axis 0, columns axis 1; large matrices are pooled by maximum."""
    rest = array.shape[2:]
    count = math.prod(rest)
    pooled = (
        " (a cell is the largest of a block)"
        if array.shape[0] > ROWS or array.shape[1] > COLUMNS
        else ""
    )
    yield f"{name}: {_printable(axes[0])} down, {_printable(axes[1])} across{pooled}"
    for flat in range(min(count, SLICES)):
        index = np.unravel_index(flat, rest) if rest else ()
        if rest:
            yield "  " + ", ".join(
                f"{_printable(axes[2 + i])} = {_element(elements[2 + i], int(k))}"
                for i, k in enumerate(index)
            )
        yield from _map(array.reshape(*array.shape[:2], count)[:, :, flat], elements[0])
    if count > SLICES:
        yield f"  and {count - SLICES} more slices"


def _map(table: F64, names: Sequence[str] | None) -> Iterator[str]:
    cells = pool(table, ROWS, COLUMNS)
    for r, row in enumerate(cells):
        label = _element(names, r) if len(cells) == len(table) else ""
        yield f"  {label[:NAME]:>{NAME}} " + "".join(2 * shade(float(value)) for value in row)


def shade(value: float) -> str:
    """Return the character of a probability."""
    return SHADES[0] if value == 0.0 else SHADES[min(4, 1 + int(4.0 * value))]


def pool(table: F64, rows: int, columns: int) -> F64:
    """Return the maximum of each block, so that the table has at most so many rows and columns."""
    for axis, limit in ((0, rows), (1, columns)):
        size = table.shape[axis]
        if size > limit:
            starts = np.arange(0, size, -(-size // limit))
            table = np.maximum.reduceat(table, starts, axis=axis)
    return table


def _element(names: Sequence[str] | None, index: int) -> str:
    return _printable(names[index]) if names is not None else str(index)


def _printable(text: str) -> str:
    """Return a name without characters that could move the cursor."""
    return "".join(c if c.isprintable() else "?" for c in text)
