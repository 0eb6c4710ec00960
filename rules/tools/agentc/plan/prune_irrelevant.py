"""Remove irrelevant parents and factors: those that cannot change the ranking of policies.

If A(o, s) is constant along a parent d, then sum_d q(d) A(o, s) = A(o, s), and the parent's message
in the fixed point cancels in the normalisation. A factor is relevant if an informative modality
depends on it, if it has a goal, or if the transition of a relevant factor reads it. Beliefs of
other factors are inferred and advanced as usual, but not predicted. With pymdp 0.0.7 all factors
are relevant: it drops joint states by their probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from agentc.ir.files import F64, Model


def without_constant_parents(model: Model) -> Model:
    """Return the model with each A reduced to factors along which it varies (at least one)."""
    reduced = [
        _varying(a, parents) for a, parents in zip(model.A, model.A_dependencies, strict=True)
    ]
    return replace(
        model,
        A=tuple(a for a, _ in reduced),
        A_dependencies=tuple(parents for _, parents in reduced),
    )


def _varying(a: F64, parents: Sequence[int]) -> tuple[F64, tuple[int, ...]]:
    kept = list(parents)
    for d in parents:
        axis = 1 + kept.index(d)
        if len(kept) > 1 and bool(np.all(a == a.take([0], axis))):
            a = np.ascontiguousarray(a.take(0, axis))
            kept.remove(d)
    return a, tuple(kept)


def relevant(model: Model, reads: Sequence[Sequence[tuple[int, ...]]]) -> tuple[bool, ...]:
    """Return relevance by factor; `reads[f]` has the factors that transitions of f read."""
    if model.legacy and model.use_states_info_gain:
        return (True,) * len(model.num_states)
    relevance = [False] * len(model.num_states)
    for a, parents in zip(model.A, model.A_dependencies, strict=True):
        if np.any(a != a.reshape(len(a), -1)[:, :1].reshape(-1, *[1] * len(parents))):
            for d in parents:
                relevance[d] = True
    for f, rows in enumerate(model.I):
        relevance[f] = relevance[f] or bool(np.any(rows != 0.0))
    for _ in relevance:
        for f in range(len(relevance)):
            if relevance[f]:
                for d in {d for read in reads[f] for d in read}:
                    relevance[d] = True
    return tuple(relevance)
