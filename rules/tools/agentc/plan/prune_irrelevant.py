"""Irrelevant parents and factors: what cannot change which policy is better is not predicted.

A parent d along which A(o, s) is constant adds nothing: sum_d q(d) A(o, s) = A(o, s); its message in the fixed point is the
same for all its states and cancels when the posterior is normalised. A factor is relevant when a modality that says
anything depends on it, when a goal is set for it, or when the transition of a relevant factor reads it. Beliefs of the
others are inferred and moved on by what is executed, as always; but no policy is judged by them, so they are not predicted.
Where pymdp 0.0.7 is meant, all are: there the joint states of all factors are told by their probability.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from agentc.ir.files import F64, Model


def without_idle_parents(model: Model) -> Model:
    """The model with each A reduced to the factors along which it varies (at least one)."""
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
    """By factor; `reads[f]` are the factors that the transitions of f read, one tuple a transition."""
    if model.legacy and model.use_states_info_gain:
        return (True,) * len(model.num_states)
    found = [False] * len(model.num_states)
    for a, parents in zip(model.A, model.A_dependencies, strict=True):
        if np.any(a != a.reshape(len(a), -1)[:, :1].reshape(-1, *[1] * len(parents))):
            for d in parents:
                found[d] = True
    for f, rows in enumerate(model.I):
        found[f] = found[f] or bool(np.any(rows != 0.0))
    for _ in found:
        for f in range(len(found)):
            if found[f]:
                for d in {d for read in reads[f] for d in read}:
                    found[d] = True
    return tuple(found)
