"""Lossy storage: the plan of an agent whose A and B are stored in codes (grids.py), where that takes fewer bytes.

    quantize_plan.py --ir DIR --storage uint16 --out DIR --facts coding.json

Nodes, index tables and backgrounds stay those of the exact plan; only the values of entries become others. Of B an entry is
its probability. Of A one code an entry serves inference and expected free energy: both read the probability and divide by the
background, or take it off, themselves. Utility and ambiguity, w = A^T C - H(A), are folded from what is read, in float32.

A coded modality m has its probabilities in L<m>_val and, for outcomes alone, in E<m>_val (X<m>_val with still factors); W<m>_val
are the values of the rows after the outcomes, L<m>_over is one over the background (where likelihoods are multiplied) and
A<m>_pal the palette. A table that another one begins with is not stored again: header["coded"]["same"] says where it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from agentc.ir.files import F64, Model
from agentc.plan import build as plan
from agentc.plan.files import Plan
from agentc.plan.lower_tables import FLOOR, Axes, Tables, background, delta_of, energies, folded
from agentc.plan.prune_irrelevant import without_idle_parents
from agentc.quantize.grids import Codes, coded, grid
from numpy.typing import NDArray

LEAST_SAVING = 512
"""Bytes of tables that an array must save: to read its codes takes 100 to 500 bytes of code (measured on a Cortex-M4)."""


@dataclass(frozen=True, slots=True, eq=False)
class Stored:
    """One array in codes: what its tables were called, what they are, which are the same as another, how far off it is.

    `modality` is what the header says of a modality that is coded.
    """

    name: str
    replaced: tuple[str, ...]
    tables: Tables
    facts: dict[str, Any]
    same: dict[str, str]
    modality: dict[str, Any] | None = None


def build(model: Model, storage: str) -> tuple[Plan, dict[str, Any]]:
    """The coded plan of a normalised model, and what coding.json holds; ModelFault outside the native subset.

    What would save too little stays as it is; when that is everything the plan is the exact one. Likelihoods of agents of
    pymdp 0.0.7 stay, too: their information gain is joint, and reads the logarithms of whole outcomes.
    """
    exact, lean = plan.build(model), without_idle_parents(model)
    arrays = (
        []
        if model.legacy
        else [_likelihood(exact, lean, m, storage) for m in range(len(lean.num_obs))]
    )
    arrays += [
        _transitions(exact, f, storage)
        for f in range(len(lean.num_states))
        if f"B{f}_val" in exact.tables
    ]
    facts, found = [], exact
    for array in arrays:
        before, after = (_bytes(array.replaced, exact.tables), _bytes(array.tables, array.tables))
        worthwhile = before - after >= LEAST_SAVING
        facts.append(
            {
                "array": array.name,
                "coded": worthwhile,
                "before": before,
                "after": after,
                **array.facts,
            }
        )
        if worthwhile:
            found = _with(found, array, storage)
    return found, {
        "schema": 1,
        "storage": storage,
        "arrays": facts,
        "table_bytes": {
            "before": _bytes(exact.tables, exact.tables),
            "after": _bytes(found.tables, found.tables),
        },
    }


def _bytes(names: Sequence[str] | Tables, tables: Tables) -> int:
    return sum(tables[name].nbytes for name in names)


def _with(found: Plan, array: Stored, storage: str) -> Plan:
    """The plan with one array in codes."""
    kept = {name: table for name, table in found.tables.items() if name not in array.replaced}
    said = found.header.get("coded", {"storage": storage, "modalities": [], "same": {}})
    modalities = list(found.header["modalities"])
    if array.modality is not None:
        m = int(array.name[2:-1])
        modalities[m] = array.modality
        said = {
            **said,
            "modalities": [*said["modalities"], m],
            "same": {**said["same"], **array.same},
        }
    return Plan({**found.header, "modalities": modalities, "coded": said}, kept | array.tables)


def _measured(values: F64, codes: Codes, levels: F64, column: NDArray[np.int64]) -> dict[str, Any]:
    """How far the coded values are from the true ones: any entry, and the sum of any column."""
    off = levels[codes] - values
    sums = np.bincount(column, off) if len(off) else np.zeros(1)
    return {
        "entries": len(values),
        "levels": len(levels),
        "max_error": float(np.abs(off).max(initial=0.0)).hex(),
        "max_column_error": float(np.abs(sums).max()).hex(),
    }


def _transitions(exact: Plan, f: int, storage: str) -> Stored:
    """B of factor f: the value of each entry; each column of each slice keeps its sum."""
    tables = exact.tables
    replaced = tuple(name for name in (f"B{f}_val", f"B{f}_pal") if name in tables)
    values = tables[f"B{f}_val"]
    values = tables[f"B{f}_pal"][values] if len(replaced) > 1 else values
    ends = tables[f"B{f}_ptr"].astype(np.int64)
    row = np.repeat(np.arange(len(ends) - 1), ends[1:] - ends[:-1])
    read = tables[f"B{f}_col"].astype(np.int64)
    column = np.unique(
        row // exact.header["num_states"][f] * (int(read.max()) + 1) + read, return_inverse=True
    )[1].reshape(-1)
    levels = grid(storage, values)
    codes = coded(values, column, levels)
    palette = {f"B{f}_pal": levels} if storage == "palette" else {}
    return Stored(
        f"B[{f}]",
        replaced,
        {f"B{f}_val": codes, **palette},
        _measured(values, codes, levels, column),
        {},
    )


def _likelihood(exact: Plan, model: Model, m: int, storage: str) -> Stored:
    """A of modality m: a code for every entry that is not its row's background; each column keeps its sum."""
    rows = np.ascontiguousarray(model.A[m].reshape(model.num_obs[m], -1))
    floored = np.maximum(rows, FLOOR)
    grounds = np.array([background(row) for row in floored])
    inferred = np.abs(floored / grounds[:, None] - 1.0) > 1e-12
    kept = inferred | _expected(model, m, rows)
    column = np.nonzero(kept)[1]
    levels = grid(storage, rows[kept])
    codes = np.zeros(rows.shape, np.int64)
    found = coded(rows[kept], column, levels)
    codes[kept] = found
    told = np.where(kept, levels[codes], rows).reshape(model.A[m].shape)
    own = tuple(name for name in exact.tables if name.startswith((f"L{m}_", f"E{m}_", f"X{m}_")))
    tables: Tables = {
        name: exact.tables[name]
        for name in own
        if name.startswith("L") and not name.endswith("_pal")
    }
    tables[f"L{m}_val"] = codes[inferred].astype(found.dtype)
    if exact.header["product"]:
        tables[f"L{m}_over"] = 1.0 / grounds
    if storage == "palette":
        tables[f"A{m}_pal"] = levels.astype(np.float32)
    read = replace(model, A=(*model.A[:m], told, *model.A[m + 1 :]))
    energy, facts = _energy(exact, read, m, (rows, codes.astype(found.dtype)))
    tables |= energy
    same = _shared(tables, m)
    return Stored(
        f"A[{m}]",
        own,
        {name: table for name, table in tables.items() if name not in same},
        _measured(rows[kept], found, levels, column),
        same,
        facts,
    )


def _expected(model: Model, m: int, rows: F64) -> NDArray[np.bool_]:
    """The entries that the expected free energy of modality m reads."""
    if not model.gains_information(m):
        return np.zeros(rows.shape, bool)
    return np.array([delta_of(row, background(row)) != 0.0 for row in rows])


def _energy(
    exact: Plan, read: Model, m: int, stored: tuple[F64, Codes]
) -> tuple[Tables, dict[str, Any]]:
    """E<m>_* or X<m>_* with outcomes by their codes, W<m>_val from the model as it is read; what the header says."""
    facts, parents = exact.header["modalities"][m], read.A_dependencies[m]
    split = Axes(
        tuple(parents.index(f) for f in facts["moving"]),
        tuple(parents.index(f) for f in facts["still_factors"]),
    )
    rows, codes = stored
    there = _expected(read, m, rows)
    outcomes = rows if read.gains_information(m) else rows[:0]
    tables, sizes = energies(read, m, split, (outcomes, folded(read, m)[1]))
    name = f"X{m}_val" if sizes["still"] > 1 else f"E{m}_val"
    shape = [read.num_states[f] for f in parents]
    order = (0, *(1 + j for j in (*split.moving, *split.still)))
    ordered, keep = (
        array.reshape(-1, *shape).transpose(order).reshape(-1) for array in (codes, there)
    )
    values, tables[name] = tables[name], ordered[keep]
    tables[f"W{m}_val"] = values[len(tables[name]) :]
    return tables, {**facts, **sizes}


def _shared(tables: Tables, m: int) -> dict[str, str]:
    """Tables of inference that a table of the expected free energy begins with."""
    pairs = ((f"L{m}_s0", f"E{m}_col"), (f"L{m}_val", f"E{m}_val"), (f"L{m}_val", f"X{m}_val"))
    return {
        less: more
        for less, more in pairs
        if more in tables
        and tables[less].dtype == tables[more].dtype
        and np.array_equal(tables[less], tables[more][: len(tables[less])])
    }
