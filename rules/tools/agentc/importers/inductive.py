"""Inductive planning: steps to a goal from each state (pymdp 1.0.4, control.generate_I_matrix)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from agentc.ir.types import F64, Table


def reachability(H: Sequence[F64], B: Sequence[F64], threshold: float, depth: int) -> list[F64]:
    """Return I by factor (depth, states): row 0 is the goal H, row i + 1 reaches row i by some
    action.

    A transition counts if its probability exceeds the threshold, compared in single precision as in
    pymdp: I[i + 1, s] = 1 if sum over s' of [any_u B(s', s, u) > threshold] I[i, s'] > 0. B has the
    shape (states, states, *controls).
    """
    tables = []
    for goal, transition in zip(H, B, strict=True):
        likely = transition.astype(np.float32) > np.float32(threshold)
        possible = likely.reshape(*transition.shape[:2], -1).any(axis=2)
        rows = [goal]
        for _ in range(depth - 1):
            rows.append(np.any(possible & (rows[-1] != 0.0)[:, None], axis=0).astype(np.float64))
        tables.append(np.array(rows, dtype=np.float64))
    return tables


def goal_errors(
    H: Sequence[F64], num_states: Sequence[int], B_dependencies: Table, depth: int
) -> list[str]:
    """Return the reasons why these goals have no I. pymdp fails on them, too."""
    shapes = [h.shape for h in H]
    errors = (
        [f"H has the shapes {shapes}, one goal per factor is needed: {[(n,) for n in num_states]}"]
        if shapes != [(n,) for n in num_states]
        else []
    )
    errors += [
        f"H{f} is negative somewhere: a goal is 1 at the states to be reached, else 0"
        for f, h in enumerate(H)
        if np.any(h < 0.0)
    ]
    errors += [
        f"H with B_dependencies[{f}] = {list(row)}: reachability is defined for transitions of "
        "one factor; "
        "give I instead"
        for f, row in enumerate(B_dependencies)
        if list(row) != [f]
    ]
    return errors + ([f"inductive_depth = {depth} must be >= 1"] if depth < 1 else [])
