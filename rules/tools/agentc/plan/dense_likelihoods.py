"""Likelihoods that the fixed point reads as one dense array for each set of factors.

The message to a factor is sum ln A(o, s) q_j(s_j) .. over the states of the other factors. Sparse
entries take a product for each factor that A depends on. Where A is dense, the rows of all
modalities with the same factors are added once a step, and the factors are summed out one after the
other, which leaves a partial sum that all later messages share.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from agentc.ir.files import Model
from agentc.plan.lower_tables import Tables

PASSES = 2
"""Passes over the array for its messages and its partial sum, in multiplications for each state."""


@dataclass(frozen=True, slots=True)
class DenseGroup:
    """Modalities with the same factors, the first varying slowest."""

    modalities: tuple[int, ...]
    factors: tuple[int, ...]


def dense_groups(model: Model, tables: Sequence[Tables]) -> list[DenseGroup]:
    """Return the groups for which dense arrays take fewer multiplications than sparse entries.

    `tables` are the likelihood tables of each modality. At least half of the entries of each are
    used, so that a dense array takes about the bytes of the sparse one.
    """
    if model.legacy:
        return []
    groups: dict[tuple[int, ...], list[int]] = {}
    for m, parents in enumerate(model.A_dependencies):
        states = math.prod(model.num_states[f] for f in parents)
        if len(parents) > 1 and _entries(tables[m], m) >= states * model.num_obs[m] / 2:
            groups.setdefault(tuple(sorted(parents)), []).append(m)
    return [
        DenseGroup(tuple(modalities), factors)
        for factors, modalities in groups.items()
        if sum(_entries(tables[m], m) / model.num_obs[m] for m in modalities) * len(factors)
        >= PASSES * math.prod(model.num_states[f] for f in factors)
    ]


def _entries(tables: Tables, m: int) -> int:
    return int(tables[f"L{m}_ptr"][-1])


def dense_tables(model: Model, group: DenseGroup, m: int, sparse: Tables) -> Tables:
    """Return L<m>_val (outcomes, joint states of the group's factors) and L<m>_ground."""
    parents = model.A_dependencies[m]
    shape = [model.num_states[f] for f in parents]
    ends = sparse[f"L{m}_ptr"].astype(np.int64)
    row = np.repeat(np.arange(len(ends) - 1), ends[1:] - ends[:-1])
    places = tuple(sparse[f"L{m}_s{j}"] for j in range(len(parents)))
    dense = np.zeros((model.num_obs[m], *shape))
    dense[(row, *places)] = sparse[f"L{m}_val"]
    order = (0, *(1 + parents.index(f) for f in group.factors))
    return {
        f"L{m}_val": dense.transpose(order).reshape(-1),
        f"L{m}_ground": sparse[f"L{m}_ground"],
    }
