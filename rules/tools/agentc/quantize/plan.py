"""Quantized plans: A and B are stored as codes (grids.py) if that takes fewer bytes.

Nodes, index tables and backgrounds stay those of the exact plan; only values of entries change. An
entry of B is its probability. An entry of A serves inference and expected free energy: both read
the probability and divide by the background or subtract it. Utility and ambiguity, w = A^T C -
H(A), are folded from the decoded values in float32.

A quantized modality m has its probabilities in L<m>_val and, for outcomes, in E<m>_val (X<m>_val
with constant factors). W<m>_val has the rows after the outcomes, L<m>_over is 1 / background (if
likelihoods are multiplied) and A<m>_pal the palette. Tables that are prefixes of others are stored
once: header["coded"]["same"] names them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from agentc.ir.files import F64, Model
from agentc.plan import build as plan
from agentc.plan.files import Plan
from agentc.plan.lower_tables import (
    FLOOR,
    ParentSplit,
    Tables,
    background,
    delta_of,
    energies,
    folded,
)
from agentc.plan.prune_irrelevant import without_constant_parents
from agentc.quantize.grids import Codes, encode, grid
from numpy.typing import NDArray

LEAST_SAVING = 512
"""Bytes that an array must save: its decoder takes 100 to 500 bytes (measured on a Cortex-M4)."""


@dataclass(frozen=True, slots=True, eq=False)
class QuantizedArray:
    """A quantized array: replaced tables, new tables, aliases and errors.

    `modality` is the header of a quantized modality.
    """

    name: str
    replaced: tuple[str, ...]
    tables: Tables
    facts: dict[str, Any]
    same: dict[str, str]
    modality: dict[str, Any] | None = None


def build(model: Model, storage: str) -> tuple[Plan, dict[str, Any]]:
    """Return the quantized plan of a normalised model and coding.json; ModelError if native lacks a
    feature.

    Arrays that save too little stay exact. Likelihoods of pymdp 0.0.7 agents stay exact, too: their
    joint information gain reads logarithms of whole outcomes.
    """
    exact, lean = plan.build(model, factored=False), without_constant_parents(model)
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
    facts, quantized = [], exact
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
            quantized = _with_array(quantized, array, storage)
    return quantized, {
        "schema": 1,
        "storage": storage,
        "arrays": facts,
        "table_bytes": {
            "before": _bytes(exact.tables, exact.tables),
            "after": _bytes(quantized.tables, quantized.tables),
        },
    }


def _bytes(names: Sequence[str] | Tables, tables: Tables) -> int:
    return sum(tables[name].nbytes for name in names)


def _with_array(base: Plan, array: QuantizedArray, storage: str) -> Plan:
    """Return the plan with one quantized array."""
    kept = {name: table for name, table in base.tables.items() if name not in array.replaced}
    quantization = base.header.get("coded", {"storage": storage, "modalities": [], "same": {}})
    modalities = list(base.header["modalities"])
    if array.modality is not None:
        m = int(array.name[2:-1])
        modalities[m] = array.modality
        quantization = {
            **quantization,
            "modalities": [*quantization["modalities"], m],
            "same": {**quantization["same"], **array.same},
        }
    return Plan(
        {**base.header, "modalities": modalities, "coded": quantization}, kept | array.tables
    )


def _errors_of_codes(
    values: F64, codes: Codes, levels: F64, column: NDArray[np.int64]
) -> dict[str, Any]:
    """Return the largest error of an entry, and of the sum of a column."""
    off = levels[codes] - values
    sums = np.bincount(column, off) if len(off) else np.zeros(1)
    return {
        "entries": len(values),
        "levels": len(levels),
        "max_error": float(np.abs(off).max(initial=0.0)).hex(),
        "max_column_error": float(np.abs(sums).max()).hex(),
    }


def _transitions(exact: Plan, f: int, storage: str) -> QuantizedArray:
    """Quantize B of factor f; each column of each slice keeps its sum."""
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
    codes = encode(values, column, levels)
    palette = {f"B{f}_pal": levels} if storage == "palette" else {}
    return QuantizedArray(
        f"B[{f}]",
        replaced,
        {f"B{f}_val": codes, **palette},
        _errors_of_codes(values, codes, levels, column),
        {},
    )


def _likelihood(exact: Plan, model: Model, m: int, storage: str) -> QuantizedArray:
    """Quantize A of modality m: entries off the background; each column keeps its sum."""
    rows = np.ascontiguousarray(model.A[m].reshape(model.num_obs[m], -1))
    floored = np.maximum(rows, FLOOR)
    grounds = np.array([background(row) for row in floored])
    inferred = np.abs(floored / grounds[:, None] - 1.0) > 1e-12
    kept = inferred | _expected(model, m, rows)
    column = np.nonzero(kept)[1]
    levels = grid(storage, rows[kept])
    codes = np.zeros(rows.shape, np.int64)
    entry_codes = encode(rows[kept], column, levels)
    codes[kept] = entry_codes
    decoded = np.where(kept, levels[codes], rows).reshape(model.A[m].shape)
    own = tuple(name for name in exact.tables if name.startswith((f"L{m}_", f"E{m}_", f"X{m}_")))
    tables: Tables = {
        name: exact.tables[name]
        for name in own
        if name.startswith("L") and not name.endswith("_pal")
    }
    tables[f"L{m}_val"] = codes[inferred].astype(entry_codes.dtype)
    if exact.header["product"]:
        tables[f"L{m}_over"] = 1.0 / grounds
    if storage == "palette":
        tables[f"A{m}_pal"] = levels.astype(np.float32)
    read = replace(model, A=(*model.A[:m], decoded, *model.A[m + 1 :]))
    energy, facts = _energy(exact, read, m, rows, codes.astype(entry_codes.dtype))
    tables |= energy
    same = _shared(tables, m)
    return QuantizedArray(
        f"A[{m}]",
        own,
        {name: table for name, table in tables.items() if name not in same},
        _errors_of_codes(rows[kept], entry_codes, levels, column),
        same,
        facts,
    )


def _expected(model: Model, m: int, rows: F64) -> NDArray[np.bool_]:
    """Return the entries that the expected free energy of modality m reads."""
    if not model.gains_information(m):
        return np.zeros(rows.shape, bool)
    return np.array([delta_of(row, background(row)) != 0.0 for row in rows])


def _energy(
    exact: Plan, read: Model, m: int, rows: F64, codes: Codes
) -> tuple[Tables, dict[str, Any]]:
    """Return E<m>_* or X<m>_* as codes, W<m>_val from the decoded model, and the header."""
    facts, parents = exact.header["modalities"][m], read.A_dependencies[m]
    split = ParentSplit(
        tuple(parents.index(f) for f in facts["moving"]),
        tuple(parents.index(f) for f in facts["still_factors"]),
    )
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
    """Return tables of inference that are prefixes of tables of the expected free energy."""
    pairs = ((f"L{m}_s0", f"E{m}_col"), (f"L{m}_val", f"E{m}_val"), (f"L{m}_val", f"X{m}_val"))
    return {
        less: more
        for less, more in pairs
        if more in tables
        and tables[less].dtype == tables[more].dtype
        and np.array_equal(tables[less], tables[more][: len(tables[less])])
    }
