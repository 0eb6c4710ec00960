"""Lower transitions to the tables of a step: sparse rows, their order, and the blocks of nodes."""

from __future__ import annotations

from typing import Any

import numpy as np
from agentc.plan.lower_tables import Tables, sparse, unsigned
from agentc.plan.share_beliefs import Nodes, Slices
from numpy.typing import NDArray

MANY_ROWS = 512
"""Rows of a factor's transitions whose lengths a processor does not remember from step to step."""


def transition_tables(f: int, kinds: Slices, by_length: bool = True) -> Tables:
    """Return CSR tables over (slice, row): B<f>_ptr, _col, _val, _row, _slice, _set.

    Columns are joint states of the slice's parents. _val is absent if all values are 1. _row is the
    next state of each row, absent if rows are in the order of states. _slice maps the control
    index; _set selects the factors that a slice reads (see `reads`).
    """
    orders = row_orders(kinds) if by_length else natural_orders(kinds)
    rows = [row for matrix, order in zip(kinds.matrices, orders) for row in matrix[order]]
    table = sparse(rows, [row != 0.0 for row in rows])
    order = np.concatenate(orders)
    tables: Tables = {
        f"B{f}_ptr": table.ptr,
        f"B{f}_col": table.col,
        f"B{f}_slice": unsigned(kinds.of, len(kinds.matrices)),
    }
    if not bool(np.all(table.val == 1.0)):
        tables[f"B{f}_val"] = table.val
    if np.any(np.diff(order.reshape(len(orders), -1)) < 0):
        tables[f"B{f}_row"] = unsigned(order, int(order.max()))
    sets = reads(kinds)
    if len(sets) > 1:
        tables[f"B{f}_set"] = unsigned([sets.index(read) for read in kinds.parents], len(sets))
    return tables


def natural_orders(kinds: Slices) -> list[NDArray[np.int64]]:
    """Return the order of states for the rows of each slice."""
    return [np.arange(len(matrix)) for matrix in kinds.matrices]


def row_orders(kinds: Slices) -> list[NDArray[np.int64]]:
    """Return the order in which the rows of each slice are stored: by length where they are many.

    Rows of unequal length end their loops unpredictably. A sum does not depend on the order of the
    rows.
    """
    lengths = [np.count_nonzero(matrix, axis=1) for matrix in kinds.matrices]
    if sum(map(len, lengths)) < MANY_ROWS:
        return natural_orders(kinds)
    return [np.argsort(each, kind="stable") for each in lengths]


def narrowed(tables: Tables, f: int) -> str:
    """Return the table of B that predictions read in float32: palette or values, "" if neither."""
    for name in (f"B{f}_pal", f"B{f}_val"):
        if name in tables:
            return name if tables[name].dtype.kind == "f" else ""
    return ""


def reads(kinds: Slices) -> list[tuple[int, ...]]:
    """Return the distinct tuples of factors that the slices read, in order of first use."""
    return list(dict.fromkeys(kinds.parents))


def node_tables(f: int, nodes: Nodes, kinds: Slices) -> tuple[Tables, list[dict[str, Any]]]:
    """Return parents of nodes outside of contiguous runs, and the blocks in node order.

    A block reads for each parent: [factor, first column of its run or -1, offset in N<f>_parent].
    """
    gathered: list[int] = []
    blocks = []
    for block in nodes.blocks:
        sources = []
        for d, columns in zip(kinds.parents[block.slice], zip(*block.parents)):
            contiguous = columns == tuple(range(columns[0], columns[0] + len(columns)))
            sources.append([d, columns[0] if contiguous else -1, len(gathered)])
            gathered += () if contiguous else columns
        blocks.append(
            {
                "depth": block.depth,
                "slice": block.slice,
                "first": block.first,
                "count": len(block.parents),
                "reads": sources,
            }
        )
    return ({f"N{f}_parent": unsigned(gathered, max(gathered))} if gathered else {}), blocks
