"""Tables for the semantics of pymdp 0.0.7. For formulas and sources see oracle/pymdp007.py.

Utility is a sum over modalities with ln(softmax(C) + 1e-16) for C. Information gain is joint: a
modality of its own with every factor as a parent. It has no background, because unlikely states are
dropped and q no longer sums to 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from agentc.ir.files import F64, Model, ModelError
from agentc.numerics import exact_math as fmath
from agentc.plan.feature_support import MAX_COLUMN_STATES
from agentc.plan.lower_tables import Tables, padded, sparse, tuple_tables, unsigned
from agentc.plan.share_beliefs import Nodes, Tree

EPSILON = 1e-16
UNLIKELY = float.fromhex("0x1.e355bbaee85cbp-24")
"""e^-16, as in native/kernel.h."""


def without_gain(model: Model) -> Model:
    """Return the model with preferences of 0.0.7 and without information gain."""
    raised = [fmath.exp(c - c.max(axis=-1, keepdims=True)) for c in model.C]
    shares = [e / fmath.total(e, axis=e.ndim - 1)[..., None] for e in raised]
    return replace(
        model, C=tuple(fmath.log(p + EPSILON) for p in shares), use_states_info_gain=False
    )


def likelihood_tables(model: Model, m: int) -> Tables:
    """Return L<m>_val: A[m] by outcome and by the states of its parents."""
    return {f"L{m}_val": model.A[m].reshape(-1)}


def habit(prior: F64) -> F64:
    """Return ln E of 0.0.7."""
    return fmath.log(prior + EPSILON)


def gain_tables(
    model: Model, m: int, tree: Tree, nodes: Sequence[Nodes]
) -> tuple[Tables, dict[str, Any]]:
    """Return modality m, which combines all: E<m>_*, J<m>_n<f> and G<m>_at as in
    lower_tables.py.
    """
    factors = range(len(model.num_states))
    likelihood = _likelihood(model)
    ambiguity = fmath.total(likelihood * fmath.log(likelihood + UNLIKELY))
    rows = [row for row in likelihood if np.any(row != 0.0)] + [ambiguity]
    table = sparse(rows, [row != 0.0 for row in rows])
    joined, count, column = tuple_tables(m, factors, tree, nodes)
    width, states = padded(count), math.prod(model.num_states)
    if states * width > MAX_COLUMN_STATES:
        raise ModelError(
            [
                f"{states} joint states x {count} predicted beliefs exceed {MAX_COLUMN_STATES}: "
                "shorten policy_len or "
                "list fewer policies"
            ]
        )
    tables = joined | {
        f"E{m}_ground": np.zeros(len(rows), np.float32),
        f"E{m}_ptr": table.ptr,
        f"E{m}_col": table.col,
        f"E{m}_val": table.val.astype(np.float32),
        f"G{m}_at": unsigned(column, width - 1),
    }
    return tables, {
        "outcomes": len(rows) - 1,
        "planes": 1,
        "still": 1,
        "entries": len(table.val),
        "columns": width,
        "first": 0,
        "moving": list(factors),
        "still_factors": [],
        "likely": True,
    }


def _likelihood(model: Model) -> F64:
    """Return P(joint outcome | joint state), both row-major."""
    states = np.indices(model.num_states).reshape(len(model.num_states), -1)
    likelihood = np.ones((1, states.shape[1]))
    for a, parents in zip(model.A, model.A_dependencies, strict=True):
        seen = a[(slice(None), *(states[f] for f in parents))]
        likelihood = (likelihood[:, None] * seen[None]).reshape(-1, states.shape[1])
    return likelihood
