"""Quantized agents for tests: dense models, models decoded from a plan, and programs of quantized
plans.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import emit_agent
import numpy as np
from agentc.ir.files import F64, Model
from agentc.plan import files as plan
from agentc.plan.files import Plan
from agentc.plan.prune_irrelevant import without_constant_parents
from agentc.plan.share_beliefs import slices
from agentc.quantize import plan as plan_coded
from agentc.quantize.grids import grid

from tests.support.native_agents import Compiled, emitted, make


def dense(states: int = 16, outcomes: int = 16, spread: float = 1.0, **other: Any) -> Model:
    """One factor, four actions, no zeros: nothing that the exact passes could leave out."""
    random = np.random.default_rng(3)
    A = random.dirichlet(np.full(outcomes, spread), size=states).T
    B = np.moveaxis(random.dirichlet(np.full(states, spread), size=(states, 4)), 2, 0)
    return make([A], [B], [(0,)], (4,), C=(random.normal(size=outcomes),), **other)


def table(result: Plan, name: str) -> Any:
    """A table by its name, also if it is a prefix of another."""
    same = result.header.get("coded", {"same": {}})["same"]
    return result.tables[same.get(name, name)]


def decoded_model(model: Model, result: Plan) -> Model:
    """The model that the program of a coded plan has: every probability as it is read, idle parents
    left out.
    """
    model = without_constant_parents(model)
    message = result.header.get("coded", {"storage": "", "modalities": []})
    A = tuple(
        _likelihood(a, result, m, message["storage"]) if m in message["modalities"] else a
        for m, a in enumerate(model.A)
    )
    B = tuple(_transitions(model, result, f, message["storage"]) for f in range(len(model.B)))
    return dataclasses.replace(model, A=A, B=B)


def _values(result: Plan, name: str, palette: str, storage: str) -> F64:
    codes = table(result, name)
    if palette in result.tables:
        return np.asarray(result.tables[palette][codes], np.float64)
    return np.asarray(
        grid(storage, np.zeros(0))[codes] if codes.dtype == np.uint16 else codes, np.float64
    )


def _likelihood(a: F64, result: Plan, m: int, storage: str) -> F64:
    ends = result.tables[f"L{m}_ptr"].astype(int)
    rows = np.repeat(np.arange(len(ends) - 1), ends[1:] - ends[:-1])
    values = _values(result, f"L{m}_val", f"A{m}_pal", storage)
    places = tuple(table(result, f"L{m}_s{j}")[: len(rows)].astype(int) for j in range(a.ndim - 1))
    read = np.array(a)
    read[(rows, *places)] = values[: len(rows)]
    return read


def _transitions(model: Model, result: Plan, f: int, storage: str) -> F64:
    """B of a factor with decoded slices, repeated over the parents that a slice ignores."""
    kinds, parents = slices(model, f), model.B_dependencies[f]
    if f"B{f}_val" not in result.tables:
        return model.B[f]
    ends, col = result.tables[f"B{f}_ptr"].astype(int), result.tables[f"B{f}_col"].astype(int)
    rows = np.repeat(np.arange(len(ends) - 1), ends[1:] - ends[:-1])
    values, size = _values(result, f"B{f}_val", f"B{f}_pal", storage), model.num_states[f]
    read = np.zeros((size, *(model.num_states[d] for d in parents), len(kinds.of)))
    for u, number in enumerate(kinds.of):
        matrix = np.zeros(kinds.matrices[number].shape)
        own = rows // size == number
        matrix[rows[own] % size, col[own]] = values[own]
        read[..., u] = matrix.reshape(
            size, *(model.num_states[d] if d in kinds.parents[number] else 1 for d in parents)
        )
    return read.reshape(model.B[f].shape)


def stored(model: Model, storage: str, folder: Path) -> Compiled:
    """ir -> exact plan and interface -> coded plan -> C, as `agent`."""
    agent = emitted(model, "agent", folder)
    built, _ = plan_coded.build(model, storage)
    plan.save(built, folder / "coded")
    assert (
        emit_agent.main(
            ["--plan", agent.path("coded"), "--name", "agent", "--out", agent.path("agent.c")]
        )
        == 0
    )
    return agent
