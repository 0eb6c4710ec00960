"""Contract modalities with the beliefs of their factors, one factor after the other.

The expected outcomes of a tuple of beliefs are p(o) = sum A(o, s_1..s_k) q_1(s_1) .. q_k(s_k). Of a
dense A, the product of the beliefs costs a multiplication for each joint state, tuple and outcome.
Summing out one factor at a time leaves smaller and smaller partial sums, and a partial sum is
shared by all tuples that begin with the same beliefs: by policies, by depths, and by all modalities
with the same factors, whose rows are stacked. The order of the factors is the one with the fewest
multiplications, which is found at build time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from agentc.ir.files import F64, Model
from agentc.plan.lower_tables import (
    Tables,
    energy_rows,
    folded,
    padded,
    split_parents,
    unsigned,
)
from agentc.plan.share_beliefs import Nodes, Tree

MOST_ORDERED = 6
"""Factors of which every order is tried; more are ordered by their number of beliefs."""
WORTHWHILE = 2
"""A contraction takes at most this part of the multiplications that it replaces."""

Tuple = tuple[int, ...]
Rows = tuple[list[float], list[F64]]


@dataclass(frozen=True, slots=True)
class Contraction:
    """Modalities that are contracted together, and factors in the order of their contraction.

    `tuples` are the distinct nodes of the factors, sorted, so that equal beginnings are neighbours.
    """

    modalities: Tuple
    factors: Tuple
    tuples: tuple[Tuple, ...]
    multiplications: int
    replaced: int

    def levels(self) -> list[int]:
        """Return the number of factors that each tuple has in common with the one before it."""
        pairs = zip(self.tuples[:1] + self.tuples, self.tuples)
        common = [sum(np.cumprod([a == b for a, b in zip(old, new)])) for old, new in pairs]
        return [0, *map(int, common[1:])]


@dataclass(frozen=True, slots=True, eq=False)
class Predicted:
    """The predictions: nodes of each factor, and the tuples of nodes of all policies."""

    nodes: Sequence[Nodes]
    tree: Tree


def choose(model: Model, predicted: Predicted) -> list[Contraction]:
    """Return the contractions that take fewer multiplications than products of beliefs."""
    groups: dict[Tuple, list[int]] = {}
    for m, parents in enumerate(model.A_dependencies):
        groups.setdefault(tuple(sorted(parents)), []).append(m)
    if model.legacy:
        return []
    chosen = [
        _contraction(model, predicted, factors, modalities)
        for factors, modalities in groups.items()
        if len(factors) > 1
    ]
    return [each for each in chosen if each.multiplications * WORTHWHILE <= each.replaced]


def _contraction(
    model: Model, predicted: Predicted, factors: Tuple, modalities: Sequence[int]
) -> Contraction:
    rows = {m: energy_rows(folded(model, m)) for m in modalities}
    height = sum(len(deltas) for _, deltas in rows.values())
    nodes = [predicted.nodes[f].count for f in factors]
    orders = (
        permutations(range(len(factors)))
        if len(factors) <= MOST_ORDERED
        else [tuple(sorted(range(len(factors)), key=nodes.__getitem__))]
    )
    places = {tuple(place[f] for f in factors) for place in predicted.tree.places}
    sizes = [model.num_states[f] for f in factors]
    order = min(orders, key=lambda order: (_cost(places, sizes, order), order))
    return Contraction(
        tuple(modalities),
        tuple(factors[j] for j in order),
        tuple(sorted(tuple(place[j] for j in order) for place in places)),
        _cost(places, sizes, order) * height,
        sum(_cost_of_products(model, predicted, m, rows[m][1]) for m in modalities),
    )


def _cost(places: set[Tuple], sizes: Sequence[int], order: Sequence[int]) -> int:
    """Return the multiplications of a row: for each distinct beginning, the states left."""
    return sum(
        len({tuple(place[j] for j in order[: level + 1]) for place in places})
        * math.prod(sizes[j] for j in order[level:])
        for level in range(len(order))
    )


def _cost_of_products(model: Model, predicted: Predicted, m: int, deltas: Sequence[F64]) -> int:
    """Return the multiplications with the products of beliefs, as lower_tables.py plans them."""
    parents, split = model.A_dependencies[m], split_parents(model, m, predicted.nodes)
    sizes = [model.num_states[f] for f in parents]
    moving = [parents[j] for j in split.moving]
    columns = padded(len({tuple(place[f] for f in moving) for place in predicted.tree.places}))
    still = math.prod(sizes[j] for j in split.still)
    order = (*split.moving, *split.still)
    kept = sum(
        np.count_nonzero(
            np.any(delta.reshape(sizes).transpose(order).reshape(-1, still) != 0.0, axis=1)
        )
        for delta in deltas
    )
    summed = sum(np.count_nonzero(delta) for delta in deltas) if still > 1 else 0
    joint = math.prod(sizes[j] for j in split.moving) * columns
    return int(kept * columns + summed + joint * (len(moving) - 1))


def contraction_tables(
    model: Model, number: int, chosen: Contraction, predicted: Predicted
) -> tuple[Tables, dict[str, Any], dict[int, dict[str, Any]]]:
    """Return the tables K<number>_*, the facts of a contraction, and those of its modalities.

    K_array is (states of the factors in order.., rows); K_level and K_n<j> are by tuple.
    E<m>_ground and G<m>_at of each modality are as in lower_tables.py.
    """
    sizes = [model.num_states[f] for f in chosen.factors]
    width = padded(len(chosen.tuples))
    column = {nodes: number for number, nodes in enumerate(chosen.tuples)}
    at = [column[tuple(place[f] for f in chosen.factors)] for place in predicted.tree.places]
    tables: Tables = {f"K{number}_level": unsigned(chosen.levels(), len(sizes))}
    for j, f in enumerate(chosen.factors):
        tables[f"K{number}_n{j}"] = unsigned(
            [nodes[j] for nodes in chosen.tuples], predicted.nodes[f].count
        )
    stacked: list[F64] = []
    modalities = {}
    for m in chosen.modalities:
        rows = folded(model, m)
        grounds, deltas = energy_rows(rows)
        parents = model.A_dependencies[m]
        order = [parents.index(f) for f in chosen.factors]
        shape = [model.num_states[f] for f in parents]
        planes = len(rows[1])
        offsets = [
            (depth if planes > 1 else 0) * width + c for depth, c in zip(predicted.tree.depths, at)
        ]
        tables[f"E{m}_ground"] = np.array(grounds, np.float32)
        tables[f"G{m}_at"] = unsigned(offsets, planes * width - 1)
        modalities[m] = {
            "outcomes": len(grounds) - planes,
            "planes": planes,
            "columns": width,
            "contraction": number,
            "row": len(stacked),
        }
        stacked += [delta.reshape(shape).transpose(order).reshape(-1) for delta in deltas]
    tables[f"K{number}_array"] = np.array(stacked).T.reshape(-1).astype(np.float32)
    return tables, _facts(chosen, len(stacked), width), modalities


def _facts(chosen: Contraction, rows: int, columns: int) -> dict[str, Any]:
    """Return what the code generator needs of a contraction."""
    return {
        "factors": list(chosen.factors),
        "rows": rows,
        "tuples": len(chosen.tuples),
        "columns": columns,
        "multiplications": chosen.multiplications,
        "replaced": chosen.replaced,
    }
