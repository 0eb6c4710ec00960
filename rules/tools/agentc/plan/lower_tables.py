"""Lower a model to the tables of a step: likelihoods, expected free energy, goals.

Likelihoods are stored as differences from a background, the most frequent value of each row
(`_ground`). The dtype of each table is its C type; index types are the smallest that fit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from agentc.ir.files import F64, Model
from agentc.numerics import exact_math as fmath
from agentc.plan.share_beliefs import Nodes, Tree
from numpy.typing import NDArray

Array = NDArray[Any]
Tables = dict[str, Array]

FLOOR = 2.0**-52
"""pymdp clips probabilities here before a logarithm."""
WIDE, LANES = 16, 8
"""Vector widths of native/kernel.h: columns are padded to a multiple of one of them."""
FEW_COLUMNS = 128
"""Up to this number, columns beyond whole wide vectors get a narrow one and its code."""
SNAP = 1e-11
"""Entries within this distance of their row's background become it: invisible in f32, no
denormals.
"""
PRODUCT_LIMIT = 16
"""Likelihood ratios reach 2^52: a product of 16 and a prior fits float64 without logarithms."""


@dataclass(frozen=True, slots=True, eq=False)
class Sparse:
    """Sparse rows (CSR): row r has the (column, value) entries ptr[r] to ptr[r+1]."""

    ptr: Array
    col: Array
    val: F64


def padded(count: int) -> int:
    """Return the columns of a table for `count` nodes, padded to whole vectors."""
    lanes = LANES if count <= FEW_COLUMNS else WIDE
    return -(-count // lanes) * lanes


def unsigned(values: Iterable[int] | Array, limit: int) -> Array:
    """Return the values in the smallest unsigned type for 0..limit."""
    dtype = np.uint8 if limit < 1 << 8 else np.uint16 if limit < 1 << 16 else np.uint32
    array = values if isinstance(values, np.ndarray) else np.array(list(values), dtype=np.int64)
    return array.astype(dtype)


def sparse(rows: Sequence[F64], kept: Sequence[NDArray[np.bool_]]) -> Sparse:
    """Return the kept entries of each row."""
    cols = [np.flatnonzero(keep) for keep in kept]
    values = [row[col] for row, col in zip(rows, cols)]
    ptr = np.concatenate([[0], np.cumsum([len(col) for col in cols])]).astype(np.int64)
    col = np.concatenate(cols) if cols else np.zeros(0, np.int64)
    width = max((len(row) for row in rows), default=1)
    return Sparse(
        unsigned(ptr, int(ptr[-1])),
        unsigned(col, width - 1),
        np.concatenate(values) if values else np.zeros(0),
    )


def background(row: F64) -> float:
    """Return the most frequent value up to 2^-36; the lowest on a tie."""
    mantissa, exponent = np.frexp(row)
    rounded = np.ldexp(np.rint(np.ldexp(mantissa, 36)), exponent - 36)
    distinct, counts = np.unique(rounded, return_counts=True)
    return float(row[rounded == distinct[int(np.argmax(counts))]].min())


def inductive_tables(model: Model, f: int, column: Sequence[int]) -> Tables:
    """Return the inductive values (oracle.agent.inductive_values) against a background.

    I<f>_row is indexed by the most probable state; I<f>_ground, _ptr, _col and _val give that row
    over predicted states; I<f>_at is the node of each tuple. States with equal values share a row.
    """
    scale = float(fmath.log(max(model.inductive_epsilon, FLOOR)))
    rows: dict[bytes, int] = {}
    values: list[F64] = []
    chosen = []
    for s in range(model.num_states[f]):
        reach = model.I[f][:, s]
        path = min(max(float(fmath.total(reach)), 0.0), 1.0)
        value = path * scale * (1.0 - model.I[f][max(int(np.argmax(reach)) - 1, 0)])
        number = rows.setdefault((value + 0.0).tobytes(), len(values))
        if number == len(values):
            values.append(value)
        chosen.append(number)
    grounds = [background(row) for row in values]
    deltas = [delta_of(row, ground) for row, ground in zip(values, grounds)]
    table = sparse(deltas, [delta != 0.0 for delta in deltas])
    return {
        f"I{f}_row": unsigned(chosen, len(values)),
        f"I{f}_ground": np.array(grounds, np.float32),
        f"I{f}_ptr": table.ptr,
        f"I{f}_col": table.col,
        f"I{f}_val": table.val.astype(np.float32),
        f"I{f}_at": unsigned(column, max(column)),
    }


def palettes(tables: Tables) -> Tables:
    """Apply palette coding: tables with few distinct values become u8 indices into a palette.

    X<m>_val becomes indices and X<m>_pal the distinct values, ascending, if that takes fewer bytes.
    The values are unchanged, so no bit of a sum changes.
    """
    result = dict(tables)
    for name, values in tables.items():
        if name.endswith("_val") and values.dtype.kind == "f":
            distinct, number = np.unique(values, return_inverse=True)
            if len(distinct) <= 256 and values.size + distinct.nbytes < values.nbytes:
                result[name] = number.reshape(values.shape).astype(np.uint8)
                result[f"{name.removesuffix('val')}pal"] = distinct
    return result


def likelihood_tables(model: Model, m: int, product: bool) -> Tables:
    """Return L<m>_ground = ln background by outcome, and the other entries relative to it.

    Entries are ratios or differences of logarithms. L<m>_s<j> is the state of the entry's j-th
    parent.
    """
    rows = np.maximum(model.A[m].reshape(model.num_obs[m], -1), FLOOR)
    grounds = np.array([background(row) for row in rows])
    ratios = rows / grounds[:, None]
    kept = np.abs(ratios - 1.0) > 1e-12
    table = sparse(list(ratios if product else fmath.log(ratios)), list(kept))
    sizes = [model.num_states[f] for f in model.A_dependencies[m]]
    places = np.unravel_index(table.col.astype(np.int64), sizes)
    tables: Tables = {
        f"L{m}_ptr": table.ptr,
        f"L{m}_val": table.val,
        f"L{m}_ground": fmath.log(grounds),
    }
    for j, (place, size) in enumerate(zip(places, sizes)):
        tables[f"L{m}_s{j}"] = unsigned(place, size - 1)
    return tables


def folded(model: Model, m: int) -> tuple[F64, F64]:
    """Return (outcomes, planes) over the parents' states: A for its entropy, w = A^T C - H(A) per
    time.
    """
    likelihood = model.A[m].reshape(model.num_obs[m], -1)
    wanted = model.C[m] if model.use_utility else np.zeros(model.num_obs[m])
    preferences = wanted.reshape(-1, model.num_obs[m])
    planes = [fmath.total(likelihood * row[:, None]) for row in preferences]
    if not model.gains_information(m):
        return likelihood[:0], np.array(planes)
    ambiguity = fmath.total(fmath.x_log_x(likelihood))
    return likelihood, np.array([plane + ambiguity for plane in planes])


def entropy_of(p: float) -> float:
    """Return -p ln p, 0 at 0."""
    return -p * float(fmath.log(p)) if p > 0.0 else 0.0


@dataclass(frozen=True, slots=True)
class ParentSplit:
    """Parents of a modality: those that policies vary, and constant ones."""

    moving: tuple[int, ...]
    still: tuple[int, ...]


def split_parents(model: Model, m: int, nodes: Sequence[Nodes]) -> ParentSplit:
    """Return positions in A_dependencies[m]; without a varying parent the last one counts as
    varying.
    """
    parents = model.A_dependencies[m]
    moving = tuple(j for j, f in enumerate(parents) if nodes[f].count > 1) or (len(parents) - 1,)
    return ParentSplit(moving, tuple(j for j in range(len(parents)) if j not in moving))


def energy_tables(model: Model, m: int, split: ParentSplit) -> tuple[Tables, dict[str, int]]:
    """Return E<m>_ground, _ptr, _col, _val over varying states; X<m>_* sums out constant ones."""
    return energies(model, m, split, folded(model, m))


def energies(
    model: Model, m: int, split: ParentSplit, rows: tuple[F64, F64]
) -> tuple[Tables, dict[str, int]]:
    """Return the tables of `energy_tables` for rows = (outcomes, planes) of `folded`."""
    sizes = [model.num_states[f] for f in model.A_dependencies[m]]
    still = math.prod(sizes[j] for j in split.still)
    planes = rows[1]
    grounds, deltas = energy_rows(rows)
    axis_order = (*split.moving, *split.still)
    ordered = [delta.reshape(sizes).transpose(axis_order).reshape(-1, still) for delta in deltas]
    kept = [np.any(d != 0.0, axis=1) for d in ordered]
    table = sparse([np.zeros(len(d)) for d in ordered], kept)
    entries = np.concatenate([d[keep] for d, keep in zip(ordered, kept, strict=True)])
    tables: Tables = {
        f"E{m}_ground": np.array(grounds, np.float32),
        f"E{m}_ptr": table.ptr,
        f"E{m}_col": table.col,
        **_values(m, entries, still),
    }
    return tables, {
        "outcomes": len(grounds) - len(planes),
        "planes": len(planes),
        "still": still,
        "entries": len(entries),
    }


def energy_rows(rows: tuple[F64, F64]) -> tuple[list[float], list[F64]]:
    """Return backgrounds and deltas of rows = (outcomes, planes) of `folded`."""
    grounds, deltas, constant = _rows(rows[0])
    plane_grounds = [background(row) for row in rows[1]]
    deltas += [delta_of(row, ground) for row, ground in zip(rows[1], plane_grounds)]
    return grounds + [ground + constant for ground in plane_grounds], deltas


def _values(m: int, entries: F64, still: int) -> Tables:
    """Return values of entries (entries, constant states), or the terms of their sums."""
    if still == 1:
        return {f"E{m}_val": entries[:, 0].astype(np.float32)}
    sources = sparse(list(entries), list(entries != 0.0))
    return {
        f"X{m}_ptr": sources.ptr,
        f"X{m}_src": sources.col,
        f"X{m}_val": sources.val.astype(np.float32),
    }


def _rows(outcomes: F64) -> tuple[list[float], list[F64], float]:
    """Return backgrounds and deltas of outcome rows; a row of background only adds a constant."""
    grounds: list[float] = []
    deltas: list[F64] = []
    constant = 0.0
    for row in outcomes:
        ground = background(row)
        delta = delta_of(row, ground)
        if np.any(delta != 0.0):
            grounds.append(ground)
            deltas.append(delta)
        else:
            constant += entropy_of(ground)
    return grounds, deltas, constant


def delta_of(row: F64, ground: float) -> F64:
    """Return a row minus its background; differences that float32 cannot represent become 0."""
    delta = row - ground
    return np.where(np.abs(delta) <= SNAP, 0.0, delta)


def column_tables(
    m: int, parents: Sequence[int], tree: Tree, nodes: Sequence[Nodes]
) -> tuple[Tables, tuple[int, int], list[int]]:
    """Return J<m>_n<j> (node of the j-th varying parent by column), the first column and how many
    are evaluated, and the column of each tuple.

    Without a product of beliefs, columns are nodes. The first node, the posterior, is left out
    where no policy returns to it and its column would take a vector of its own.
    """
    if len(parents) > 1:
        tables, count, column = tuple_tables(m, parents, tree, nodes)
        return tables, (0, count), column
    count, column = nodes[parents[0]].count, [place[parents[0]] for place in tree.places]
    first = int(0 not in column and padded(count - 1) < padded(count))
    return {}, (first, count - first), [each - first for each in column]


def tuple_tables(
    m: int, parents: Sequence[int], tree: Tree, nodes: Sequence[Nodes]
) -> tuple[Tables, int, list[int]]:
    """Return `column_tables` for products of beliefs, also of a single parent."""
    tuples: dict[tuple[int, ...], int] = {}
    column = [
        tuples.setdefault(tuple(place[f] for f in parents), len(tuples)) for place in tree.places
    ]
    filled = [*tuples, *[(0,) * len(parents)] * (padded(len(tuples)) - len(tuples))]
    tables = {
        f"J{m}_n{j}": unsigned([t[j] for t in filled], nodes[f].count)
        for j, f in enumerate(parents)
    }
    return tables, len(tuples), column
